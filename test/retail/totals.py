"""python3 totals.py FILE - what the ledger must hold after a replay of FILE.

FILE is .csv or .csv.gz.  Prints the report of docs/online-retail.md, whose rules
this script follows section by section.  Exit 2 with a sentence on standard error if FILE cannot be
read.
"""
import collections
import datetime
import gzip
import json
import re
import sys
import zlib

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
FIELDS = 8
LINE_LEN_MAX = 4096
DESCRIPTION_LEN_MAX = 200
COUNTRY_LEN_MAX = 64
QUANTITY_MAX = 1000000
INVOICE_SALES_MAX = 1500
YEAR_MIN = 1970

INVOICE = re.compile(r"([A-Z]?)[0-9]{1,12}")
STOCK_CODE = re.compile(r"[\x20-\x7e]{1,32}")
CUSTOMER = re.compile(r"([0-9]{1,12})(?:\.0+)?")
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")
QUANTITY = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?")
PRICE = re.compile(r"(-?)([0-9]{1,7})(?:\.([0-9]{1,9}))?")
GOODS = re.compile(r"[0-9]{5}|DCGS|PADS$")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",]*))(,|$)')

NO_GOODS = {"POST": "postage", "DOT": "postage", "C2": "postage", "23444": "postage",
            "23574": "postage", "BANK CHARGES": "fee", "AMAZONFEE": "fee", "CRUK": "fee",
            "D": "discount", "M": "manual", "S": "sample", "B": "bad_debt"}
REASONS = ("bad_debt", "bad_price", "bad_quantity", "discount", "fee", "guest_return",
           "invoice_conflict", "invoice_too_long", "malformed", "manual", "negative_price",
           "no_original", "no_price", "not_enough_left", "positive_return", "postage",
           "price_differs", "price_not_pence", "sample", "unknown_code", "unknown_invoice",
           "voucher", "write_off")
TOTALS = ("sold_quantity", "sold_minor", "returned_quantity", "returned_minor")

Row = collections.namedtuple("Row", "letter invoice code quantity date price customer country")
Price = collections.namedtuple("Price", "sign minor whole")  # whole: a whole number of pence.


class Bad(Exception):
    """A bad row; its argument is the reason."""


class Refused(Exception):
    """The file is not what it should be."""


class Sale:
    """A line of an order, and how many of its pieces are not yet returned."""

    def __init__(self, invoice, price, quantity):
        self.invoice, self.price, self.left = invoice, price, quantity


# ---- 1. Reading ----

def need(condition, reason="malformed"):
    if not condition:
        raise Bad(reason)


def match(pattern, text, reason="malformed"):
    found = pattern.fullmatch(text)
    need(found, reason)
    return found


def split(line):
    """The fields of a line, quotes undone and trimmed."""
    fields, at = [], 0
    while True:
        found = FIELD.match(line, at)
        need(found)
        quoted, plain, end = found.groups()
        fields.append((plain if quoted is None else quoted.replace('""', '"')).strip(" "))
        if not end:
            return fields
        at = found.end()


def ascii_upper(text):
    return re.sub("[a-z]+", lambda found: found.group().upper(), text)


def check_date(text):
    parts = [int(part) for part in match(DATE, text).groups()]
    need(parts[0] >= YEAR_MIN)
    try:
        datetime.datetime(*parts)
    except ValueError:
        raise Bad("malformed") from None


def read_price(text):
    sign, pounds, fraction = match(PRICE, text, "bad_price").groups()
    pence = (fraction or "").ljust(2, "0")
    minor = int(pounds) * 100 + int(pence[:2])
    rest = int(pence[2:] or "0")
    if minor == 0 and rest == 0:
        return Price(0, 0, True)
    return Price(-1 if sign else 1, minor, rest == 0)


def fields_of(raw):
    """The fields of a line given as bytes."""
    need(len(raw) <= LINE_LEN_MAX)
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("malformed") from None
    need(not CONTROL.search(line))
    fields = split(line)
    need(len(fields) == FIELDS)
    return fields


def check_form(fields):
    """(letter, invoice, code, customer) of fields whose form is right."""
    invoice, code = ascii_upper(fields[0]), ascii_upper(fields[1])
    letter = match(INVOICE, invoice).group(1)
    match(STOCK_CODE, code)
    need(len(fields[2].encode()) <= DESCRIPTION_LEN_MAX)
    check_date(fields[4])
    customer = match(CUSTOMER, fields[6]).group(1) if fields[6] else ""
    need(1 <= len(fields[7].encode()) <= COUNTRY_LEN_MAX)
    return letter, invoice, code, customer and str(int(customer))


def read_row(raw):
    fields = fields_of(raw)
    letter, invoice, code, customer = check_form(fields)
    quantity = int(match(QUANTITY, fields[3], "bad_quantity").group(1))
    need(1 <= abs(quantity) <= QUANTITY_MAX, "bad_quantity")
    return Row(letter, invoice, code, quantity, fields[4], read_price(fields[5]), customer,
               fields[7])


# ---- 2. Goods ----

def check_goods(code):
    if code in NO_GOODS:
        raise Bad(NO_GOODS[code])
    need(not code.startswith("GIFT_"), "voucher")
    need(GOODS.match(code), "unknown_code")


# ---- 3. Sales and returns of goods ----

def check_trade(row):
    need(row.letter in ("", "C"), "unknown_invoice")
    need(row.letter or row.quantity > 0, "write_off")
    need(not row.letter or row.quantity < 0, "positive_return")
    need(row.price.sign >= 0, "negative_price")
    need(row.price.sign > 0, "no_price")
    need(row.price.whole, "price_not_pence")


class Shop:
    """What the rows so far have made."""

    def __init__(self):
        self.buyers = {}    # invoice: (customer, country)
        self.months = {}    # invoice: month of its order
        self.lines = collections.Counter()        # invoice: lines
        self.sales = collections.defaultdict(list)  # (customer, country, code): Sale, oldest first
        self.returns = self.refunds = 0
        self.all = dict.fromkeys(TOTALS, 0)
        self.groups = {"countries": {}, "months": {}, "skus": {}}

    def add(self, row, month, kind, quantity):
        minor = quantity * row.price.minor
        keys = zip(self.groups.values(), (row.country, month, row.code))
        for total in [self.all] + [group.setdefault(key, dict.fromkeys(TOTALS, 0))
                                   for group, key in keys]:
            total[kind + "_quantity"] += quantity
            total[kind + "_minor"] += minor

    def sell(self, row):
        buyer = (row.customer, row.country)
        need(self.buyers.get(row.invoice, buyer) == buyer, "invoice_conflict")
        need(self.lines[row.invoice] < INVOICE_SALES_MAX, "invoice_too_long")
        self.buyers[row.invoice] = buyer
        self.lines[row.invoice] += 1
        month = self.months.setdefault(row.invoice, row.date[:7])
        self.sales[(*buyer, row.code)].append(Sale(row.invoice, row.price.minor, row.quantity))
        self.add(row, month, "sold", row.quantity)

    def give_back(self, row):
        need(row.customer, "guest_return")
        wanted = -row.quantity
        bought = self.sales.get((row.customer, row.country, row.code), [])
        same = [sale for sale in bought if sale.price == row.price.minor]
        if sum(sale.left for sale in same) < wanted:
            need(bought, "no_original")
            need(sum(sale.left for sale in bought) < wanted, "price_differs")
            raise Bad("not_enough_left")
        self.returns += 1
        self.refunds += len(take(same, wanted))
        self.add(row, row.date[:7], "returned", wanted)


def take(sales, wanted):
    """Return wanted pieces to the latest of the sales; the invoices concerned."""
    invoices = set()
    for sale in reversed(sales):
        pieces = min(wanted, sale.left)
        if pieces:
            sale.left -= pieces
            wanted -= pieces
            invoices.add(sale.invoice)
    assert wanted == 0
    return invoices


def classify(shop, raw):
    """What the row is; raises Bad."""
    row = read_row(raw)
    check_goods(row.code)
    check_trade(row)
    if row.letter:
        shop.give_back(row)
        return "return"
    shop.sell(row)
    return "sale"


# ---- 5. The report ----

def lines_of(path):
    """The lines of the file as bytes, without their ends."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        for line in file:
            yield line.removesuffix(b"\n").removesuffix(b"\r")


def report_of(lines):
    if next(lines, b"").removeprefix(b"\xef\xbb\xbf") != HEADER.encode():
        raise Refused(f"its first line is not {HEADER}")
    shop, classes = Shop(), {"sale": 0, "return": 0, "bad": 0}
    reasons, bad_rows = dict.fromkeys(REASONS, 0), []
    for number, raw in enumerate(lines, 2):
        try:
            kind = classify(shop, raw)
        except Bad as bad:
            kind, reason = "bad", bad.args[0]
            reasons[reason] += 1
            bad_rows.append({"line": number, "reason": reason})
        classes[kind] += 1
    return {"currency": "GBP", "rows": sum(classes.values()), "classes": classes,
            "reasons": reasons, "orders": len(shop.buyers),
            "guest_orders": sum(not customer for customer, _ in shop.buyers.values()),
            "lines": sum(shop.lines.values()), "returns": shop.returns, "refunds": shop.refunds,
            **shop.all, **shop.groups, "bad_rows": bad_rows}


def totals(path):
    """The report of a file.  Raises Refused."""
    try:
        return report_of(lines_of(path))
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(str(error)) from error


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        report = totals(sys.argv[1])
    except Refused as refused:
        print(f"totals.py: {sys.argv[1]}: {refused}", file=sys.stderr)
        sys.exit(2)
    json.dump(report, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
