#!/usr/bin/env python3
"""totals.py: every rule of docs/online-retail.md on a file made by hand.

Prints "ok NAME" or "not ok NAME: why" for each test; exit 1 if any failed.
"""
import gzip
import json
import pathlib
import re
import tempfile
import unittest

import hand
import totals
from hand import FRANCE, UK, file_of, read, report_of, row

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs/online-retail.md"
SAMPLE = ROOT / "demo/online_retail_sample.csv"
SCHOOL = ROOT / "demo/school.json"
SAMPLE_LEN_MAX = 200000


class Rules(unittest.TestCase):
    def reasons(self, *rows):
        """The reason of each row, None for a good one."""
        report = read(*rows)
        found = {bad["line"]: bad["reason"] for bad in report["bad_rows"]}
        self.assertEqual(sum(report["reasons"].values()), len(found))
        self.assertEqual(sum(report["classes"].values()), len(rows))
        return [found.get(line) for line in range(2, len(rows) + 2)]

    def one(self, reason, *rows):
        """Each row, alone in its file, has this reason."""
        for line in rows:
            self.assertEqual(self.reasons(line), [reason], line)


class Reading(Rules):
    def test_sale(self):
        """a plain row is a sale"""
        report = read(row())
        four = {"sold_quantity": 6, "sold_minor": 1530, "returned_quantity": 0,
                "returned_minor": 0}
        self.assertEqual(report["classes"], {"sale": 1, "return": 0, "bad": 0})
        self.assertEqual({key: report[key] for key in four}, four)
        self.assertEqual(report["countries"], {UK: four})
        self.assertEqual(report["months"], {"2010-12": four})
        self.assertEqual(report["skus"], {"85123A": four})
        self.assertEqual([report[key] for key in ("orders", "guest_orders", "lines", "returns",
                                                  "refunds", "rows")], [1, 0, 1, 0, 0, 1])

    def test_line_ends(self):
        """CRLF, LF, no last end and a byte order mark read the same"""
        plain = file_of(row(), row(invoice="2"))
        expected = report_of(plain)
        self.assertEqual(expected["lines"], 2)
        for content in (file_of(row(), row(invoice="2"), end="\n"), plain[:-2],
                        b"\xef\xbb\xbf" + plain):
            self.assertEqual(report_of(content), expected)

    def test_gzip(self):
        """.csv.gz reads as .csv does; half of it is refused"""
        packed = gzip.compress(file_of(row()))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "file.csv.gz"
            path.write_bytes(packed)
            self.assertEqual(totals.totals(str(path)), read(row()))
            for broken in (packed[:-12], file_of(row()), packed[:12] + b"\xff" * 30):
                path.write_bytes(broken)
                self.assertRaises(totals.Refused, totals.totals, str(path))

    def test_header(self):
        """another header, an empty file and no file are refused"""
        for content in (b"", row().encode(), file_of().replace(b"InvoiceNo", b"Invoice")):
            self.assertRaises(totals.Refused, report_of, content)
        self.assertRaises(totals.Refused, totals.totals, "/nonexistent/file.csv")

    def test_lines_are_numbered(self):
        """the first row is line 2, and empty lines are rows"""
        self.assertEqual(read("", row(), "x")["bad_rows"],
                         [{"line": 2, "reason": "malformed"}, {"line": 4, "reason": "malformed"}])

    def test_quoting(self):
        """quoted fields may hold commas and quotes"""
        self.one(None, row(text='"A, ""B"""'), row(text='""'), row(code='"85123A"'))
        self.one("malformed", row(text='"A'), row(text='A"B'), row(text='"A"B'), row(text=' "A"'),
                 row(text='"A" '))

    def test_fields(self):
        """seven or nine fields are malformed"""
        self.one("malformed", row() + ",", row().rsplit(",", 1)[0], "")

    def test_bytes(self):
        """UTF-8 is read; other bytes and control characters are malformed"""
        self.one(None, row(text="£ 鼠"))
        self.one("malformed", row(text="\t"), row(text="\x7f"), row(text="\0"), row(text="A\rB"),
                 row() + "\r", row().encode().replace(b"A THING", b"\xa3"),
                 row().encode().replace(b"A THING", b"\xed\xa0\x80"))

    def test_lengths(self):
        """each length is allowed up to its limit"""
        pad = 4096 - len(row(text=""))
        self.one(None, row(text="x" * 200), row(text="é" * 100), row(country="x" * 64),
                 row(country="é" * 32), row(code="85123" + "A" * 27), row(invoice="9" * 12),
                 row(customer="9" * 12), row(text=" " * pad))
        self.one("malformed", row(text="x" * 201), row(text="é" * 101), row(country="x" * 65),
                 row(country="é" * 33), row(code="85123" + "A" * 28), row(invoice="9" * 13),
                 row(customer="9" * 13), row(text=" " * (pad + 1)))

    def test_trimmed(self):
        """spaces around fields are dropped"""
        self.assertEqual(read(" 536365 , 85123A ,A THING,6 , 2010-12-01 08:26:00,2.55 , 17850.0 ,"
                              " France "), read(row(country=FRANCE)))
        other = "\u00a0France"
        self.assertEqual(list(read(row(country=other))["countries"]), [other])

    def test_invoice(self):
        """an invoice number is at most one letter and digits"""
        self.one("malformed", *(row(invoice=bad) for bad in ("", "C", "CC536365", "536365C",
                                                             "53 6365", "-1", "٣٤")))

    def test_code(self):
        """a stock code is printable ASCII"""
        self.one("malformed", row(code=""), row(code="85123é"))

    def test_date(self):
        """a date is real and written in full"""
        self.one(None, row(date="2012-02-29 23:59:59"), row(date="1970-01-01 00:00:00"))
        self.one("malformed", *(row(date=bad) for bad in (
            "", "2011-02-29 08:26:00", "2010-13-01 08:26:00", "2010-12-01", "2010-12-01 24:00:00",
            "2010-12-01 08:26", "2010-12-01T08:26:00", "1969-12-31 23:59:59", "1/12/10 8:26",
            "2010-12-01 08:60:00", "2010-12-01 08:26:60", "2010-00-01 08:26:00")))

    def test_customer(self):
        """17850, 17850.0 and 0017850 are one customer"""
        names = ("17850", "17850.0", "17850.00", "0017850")
        self.assertEqual(self.reasons(*(row(customer=name) for name in names)), [None] * 4)
        self.one("malformed", *(row(customer=bad) for bad in ("17850.5", "17850.", "x", "-1")))

    def test_country(self):
        """a row has a country"""
        self.one("malformed", row(country=""), row(country=" "))

    def test_quantity(self):
        """a quantity is a whole number, not 0, of at most a million"""
        self.one(None, row(quantity="1"), row(quantity="1000000"), row(quantity="6.0"),
                 row(quantity="006"))
        self.one("bad_quantity", *(row(quantity=bad) for bad in (
            "", "0", "-0", "1000001", "1.5", "x", "+1", "1e3", "9999999999", "6.", "- 6", "٣")),
            row("C1", quantity="-1000001"))

    def test_price(self):
        """a price is a plain decimal number"""
        self.one(None, row(price="2"), row(price="2.5"), row(price="2.550"),
                 row(price="9999999.99"), row(price="0.01"), row(price="2.550000000"))
        self.one("bad_price", *(row(price=bad) for bad in (
            "", "x", ".5", "2.", "1e3", "+1", "10000000", "2.5500000000", "nan", "--1")))

    def test_pence(self):
        """prices are taken to the penny"""
        for price, minor in (("2", 200), ("2.5", 250), ("2.05", 205), ("2.550", 255),
                             ("0.29", 29), ("1.15", 115), ("9999999.99", 999999999)):
            self.assertEqual(read(row(quantity="1", price=price))["sold_minor"], minor, price)

    def test_order_of_reading(self):
        """malformed comes before bad_quantity, that before bad_price, that before goods"""
        self.one("malformed", row(country="", quantity="x"))
        self.one("bad_quantity", row(quantity="x", price="x"))
        self.one("bad_price", row(price="x", code="POST"))


class Goods(Rules):
    def test_no_goods(self):
        """charges and adjustments are no goods, whatever their sign or price"""
        codes = {"POST": "postage", "DOT": "postage", "C2": "postage", "23444": "postage",
                 "23574": "postage", "BANK CHARGES": "fee", "AMAZONFEE": "fee", "CRUK": "fee",
                 "D": "discount", "M": "manual", "m": "manual", "S": "sample", "B": "bad_debt",
                 "gift_0001_20": "voucher", "GIFT_X": "voucher"}
        for code, reason in codes.items():
            self.one(reason, row(code=code), row(code=code, quantity="-1"),
                     row(code=code, price="0"), row("C1", code=code, quantity="-1"),
                     row("A1", code=code, price="-11062.06"))

    def test_goods(self):
        """goods begin with five digits, or are DCGS or PADS"""
        self.one(None, *(row(code=good) for good in ("22423", "85123A", "15056BL", "47503J X",
                                                     "DCGS0003", "DCGSSBOY", "pads", "234440")))

    def test_unknown(self):
        """a code of no known form is not guessed"""
        self.one("unknown_code", *(row(code=bad) for bad in (
            "2242", "A22423", "PADSX", "DCG", "POSTX", "TEST001", "?", "GIFT", "C3")))

    def test_case(self):
        """codes are compared in upper case"""
        report = read(row(code="85123a", quantity="1"), row(quantity="2"),
                      row("C1", code="85123a", quantity="-3"))
        self.assertEqual(list(report["skus"]), ["85123A"])
        self.assertEqual(report["skus"]["85123A"]["sold_quantity"], 3)
        self.assertEqual(report["reasons"]["not_enough_left"], 0)
        self.assertEqual(report["returned_quantity"], 3)


class Sales(Rules):
    def test_unknown_invoice(self):
        """a letter other than C adjusts the books"""
        self.one("unknown_invoice", row("A563185"), row("a563185", quantity="-1", price="0"))

    def test_write_off(self):
        """a negative quantity without C is a write-off"""
        self.one("write_off", row(quantity="-6"), row(quantity="-6", price="0.0", customer=""))

    def test_positive_return(self):
        """a cancellation of a positive quantity is refused"""
        self.one("positive_return", row("C536365"), row("C536365", price="0"))

    def test_no_price(self):
        """a price of 0 or below is bad, in sales and in returns"""
        self.one("no_price", row(price="0"), row(price="0.000"), row(price="-0.0"),
                 row("C1", quantity="-1", price="0"))
        self.one("negative_price", row(price="-1.5"), row(price="-0.001"))

    def test_not_pence(self):
        """a price that is not whole pence is bad"""
        self.one("price_not_pence", row(code="PADS", price="0.001"), row(price="2.555"),
                 row("C1", quantity="-1", price="2.5500001"))

    def test_guest(self):
        """an invoice without customer is a guest order"""
        report = read(row("1", customer=""), row("1", customer=""), row("2"))
        self.assertEqual((report["orders"], report["guest_orders"], report["lines"]), (2, 1, 3))

    def test_identical(self):
        """identical rows are two lines"""
        report = read(row(), row())
        self.assertEqual((report["orders"], report["lines"], report["sold_quantity"]), (1, 2, 12))

    def test_reopened(self):
        """an invoice's rows need not stand together"""
        report = read(row("1"), row("2"), row("1"))
        self.assertEqual((report["orders"], report["lines"]), (2, 3))

    def test_invoice_month(self):
        """an order's month is that of its first sale, not of a bad row before it"""
        report = read(row("1", code="POST", date="2010-10-31 23:59:00"),
                      row("1", date="2010-11-30 23:59:00"), row("1", date="2010-12-01 00:00:00"))
        self.assertEqual(report["months"].keys(), {"2010-11"})
        self.assertEqual(report["months"]["2010-11"]["sold_quantity"], 12)

    def test_conflict(self):
        """an invoice has one customer and one country"""
        rows = (row("1"), row("1", customer="2"), row("1", customer=""), row("1", country=FRANCE),
                row("1"))
        conflict = "invoice_conflict"
        self.assertEqual(self.reasons(*rows), [None, conflict, conflict, conflict, None])

    def test_conflict_with_bad(self):
        """a bad row does not decide whose invoice it is"""
        self.assertEqual(self.reasons(row("1", price="0", customer=""), row("1")),
                         ["no_price", None])

    def test_too_long(self):
        """an order has 1,500 lines, not one more; bad rows do not count"""
        rows = [row(price="0")] + [row()] * 1500
        self.assertEqual(read(*rows)["lines"], 1500)
        report = read(*rows, row(), row("2"))
        self.assertEqual(report["bad_rows"][1:], [{"line": 1503, "reason": "invoice_too_long"}])
        self.assertEqual(report["lines"], 1501)


class Returns(Rules):
    def test_return(self):
        """a return of what was bought is taken, in the month of its row"""
        report = read(row(), row("C1", quantity="-2", date="2011-01-03 10:00:00"))
        self.assertEqual(report["classes"], {"sale": 1, "return": 1, "bad": 0})
        self.assertEqual((report["returns"], report["refunds"]), (1, 1))
        self.assertEqual((report["returned_quantity"], report["returned_minor"]), (2, 510))
        self.assertEqual(report["months"]["2011-01"], {"sold_quantity": 0, "sold_minor": 0,
                         "returned_quantity": 2, "returned_minor": 510})
        self.assertEqual(report["months"]["2010-12"]["returned_quantity"], 0)

    def test_lower_case_c(self):
        """a lower-case c is a C"""
        self.assertEqual(self.reasons(row(), row("c1", quantity="-6")), [None, None])

    def test_guest_return(self):
        """a return without customer has nobody to match"""
        self.assertEqual(self.reasons(row(customer=""), row("C1", quantity="-1", customer="")),
                         [None, "guest_return"])

    def test_no_original(self):
        """a return needs an earlier sale of the same customer, country and SKU"""
        back = row("C1", quantity="-1")
        for other in (row(customer="1"), row(customer=""), row(country=FRANCE), row(code="85123B"),
                      row(price="0")):
            self.assertEqual(self.reasons(other, back)[1], "no_original", other)
        self.assertEqual(self.reasons(back, row()), ["no_original", None])

    def test_price_differs(self):
        """a return at another price is reported"""
        self.assertEqual(self.reasons(row(), row("C1", quantity="-6", price="2.54")),
                         [None, "price_differs"])
        self.assertEqual(self.reasons(row(), row(price="2.10", quantity="2"),
                                      row("C1", quantity="-8")), [None, None, "price_differs"])

    def test_not_enough(self):
        """a return of more than is left is reported whole"""
        rows = (row(), row("C1", quantity="-7"), row("C2", quantity="-6"), row("C3", quantity="-1"))
        self.assertEqual(self.reasons(*rows), [None, "not_enough_left", None, "not_enough_left"])

    def test_not_enough_at_all_prices(self):
        """pieces returned at one price do not count as left at another"""
        rows = (row(), row(price="3"), row("C1", quantity="-6", price="3"),
                row("C2", quantity="-7"))
        self.assertEqual(self.reasons(*rows)[3], "not_enough_left")

    def test_split(self):
        """a return may be split over several orders, one refund each"""
        report = read(row("1"), row("2"), row("3"), row("C1", quantity="-13"))
        self.assertEqual((report["returns"], report["refunds"]), (1, 3))
        self.assertEqual(report["returned_quantity"], 13)

    def test_split_in_one_order(self):
        """two lines of one order are one refund"""
        report = read(row("1"), row("1"), row("C1", quantity="-12"))
        self.assertEqual((report["returns"], report["refunds"]), (1, 1))

    def test_latest_first(self):
        """the latest sale is given back first"""
        shop = totals.Shop()
        for line in (row("1"), row("2"), row("3", price="9"), row("C1", quantity="-7")):
            totals.classify(shop, line.encode())
        left = [(sale.invoice, sale.left) for sales in shop.sales.values() for sale in sales]
        self.assertEqual(left, [("1", 5), ("2", 0), ("3", 6)])

    def test_reopened_order_of_rows(self):
        """the latest sale is the latest row, also of an invoice that began earlier"""
        shop = totals.Shop()
        for line in (row("1"), row("2"), row("1"), row("C1", quantity="-7")):
            totals.classify(shop, line.encode())
        left = [(sale.invoice, sale.left) for sales in shop.sales.values() for sale in sales]
        self.assertEqual(left, [("1", 6), ("2", 5), ("1", 0)])

    def test_huge(self):
        """80,995 pieces and their cancellation leave nothing"""
        report = read(row("581483", "23843", "80995", "2.08", "16446.0"),
                      row("C581484", "23843", "-80995", "2.08", "16446.0"))
        self.assertEqual(report["sold_minor"], 16846960)
        self.assertEqual(report["returned_minor"], 16846960)

    def test_bad_changes_nothing(self):
        """a bad row gives no original"""
        self.assertEqual(self.reasons(row(price="0"), row("A1"), row("C1", quantity="-1"))[2],
                         "no_original")


class Shipped(unittest.TestCase):
    def test_document(self):
        """the document and the script name the same reasons"""
        cells = re.findall(r"(?m)^\|.*$", DOCUMENT.read_text(encoding="utf-8"))
        named = {name for cell in cells for name in re.findall(r"\| ((?:`[a-z_]+`,? ?)+) \|", cell)}
        named = {name for group in named for name in re.findall(r"`([a-z_]+)`", group)}
        self.assertEqual(named, set(totals.REASONS))

    def test_sample(self):
        """the shipped sample is small and has some of everything"""
        self.assertLess(SAMPLE.stat().st_size, SAMPLE_LEN_MAX)
        report = totals.totals(str(SAMPLE))
        self.assertGreater(report["orders"], 300)
        self.assertGreater(report["guest_orders"], 20)
        self.assertGreater(report["returns"], 20)
        self.assertGreater(report["refunds"], report["returns"])
        self.assertGreater(len(report["countries"]), 10)
        self.assertEqual(len(report["months"]), 7)
        kinds = {reason for reason, count in report["reasons"].items() if count}
        self.assertEqual(kinds, {"discount", "fee", "guest_return", "manual", "no_original",
                                 "no_price", "not_enough_left", "postage", "price_differs",
                                 "price_not_pence", "sample", "voucher", "write_off"})

    def test_school(self):
        """the school's catalogue has every kind, and names only SKUs that it made before"""
        school, made = json.loads(SCHOOL.read_text(encoding="utf-8")), []
        for product in school["products"]:
            made += [sku["code"] for sku in product["skus"]]
            for sku in product["skus"]:
                self.assertLessEqual({part["sku_code"] for part in sku.get("components", [])},
                                     set(made) - {sku["code"]})
        self.assertEqual(len(made), len(set(made)))
        self.assertEqual({product["kind"] for product in school["products"]},
                         {"goods", "content", "course", "vip", "teacher", "bundle"})
        received = [movement["sku_code"] for movement in school["stock"]]
        self.assertLessEqual(set(received), set(made))


if __name__ == "__main__":
    hand.main()
