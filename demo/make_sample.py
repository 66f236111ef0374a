#!/usr/bin/env python3
"""make_sample.py FILE - choose demo/online_retail_sample.csv from the whole Online Retail file.

Prints the sample.  It consists of whole units: all rows of a customer, or one invoice of a guest.
A return finds the originals that it finds in the whole file, because they are its customer's.
First come the shortest units that show each country, month and reason of a bad row, and a return
split over several orders; then units in an order that looks random but is always the same, in
turn: a customer who returned something, another customer, a guest.
"""
import collections
import hashlib
import itertools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "test/retail"))
import totals  # noqa: E402

SAMPLE_LEN_MAX = 190000  # Bytes; a few hundred orders.
# Of units taken in turn: many small orders rather than few big ones.
UNIT_ROWS_MAX = 60
INVOICE_ROWS_MEAN_MAX = 4


class Unit:
    """Rows that stay together, and what they show."""

    def __init__(self, name):
        self.name, self.rows, self.shows, self.invoices = name, [], set(), set()

    def size(self):
        return sum(len(line) + 2 for _, line in self.rows)

    def is_small(self):
        most = min(UNIT_ROWS_MAX, INVOICE_ROWS_MEAN_MAX * len(self.invoices))
        return "sale" in self.shows and len(self.rows) <= most

    def kind(self):
        if "return" in self.shows:
            return "returns"
        return "guest" if self.name in self.invoices else "other"


def look(shop, raw, unit):
    """Note what a row shows."""
    fields = totals.fields_of(raw)
    unit.invoices.add(fields[0])
    unit.shows |= {("country", fields[7]), ("month", fields[4][:7])}
    refunds = shop.refunds
    try:
        unit.shows.add(totals.classify(shop, raw))
    except totals.Bad as bad:
        unit.shows.add(("reason", bad.args[0]))
    if shop.refunds > refunds + 1:
        unit.shows.add("split return")


def units_of(path):
    units, shop = {}, totals.Shop()
    lines = totals.lines_of(path)
    next(lines)
    for number, raw in enumerate(lines):
        fields = totals.fields_of(raw)
        name = fields[6] or fields[0]
        unit = units.setdefault(name, Unit(name))
        unit.rows.append((number, raw))
        look(shop, raw, unit)
    return list(units.values())


def shortest_that_show_all(units):
    """Units, shortest first, each showing something that no shorter one shows."""
    shown, chosen = set(), []
    for unit in sorted(units, key=lambda unit: (unit.size(), unit.name)):
        if not unit.shows <= shown:
            shown |= unit.shows
            chosen.append(unit)
    return chosen


def in_turn(units):
    """The small units, by kind in turn, within a kind by the hash of their name."""
    kinds = collections.defaultdict(list)
    for unit in sorted(units, key=lambda unit: hashlib.sha256(unit.name.encode()).digest()):
        if unit.is_small():
            kinds[unit.kind()].append(unit)
    turns = itertools.zip_longest(*(kinds[kind] for kind in ("returns", "other", "guest")))
    return [unit for turn in turns for unit in turn if unit]


def choose(units):
    chosen, size = {}, len(totals.HEADER) + 2
    for unit in shortest_that_show_all(units) + in_turn(units):
        if unit.name not in chosen and size + unit.size() <= SAMPLE_LEN_MAX:
            chosen[unit.name] = unit
            size += unit.size()
    return chosen.values()


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    rows = sorted(row for unit in choose(units_of(sys.argv[1])) for row in unit.rows)
    lines = [totals.HEADER.encode(), *(line for _, line in rows), b""]
    sys.stdout.buffer.write(b"\r\n".join(lines))


if __name__ == "__main__":
    main()
