"""checker.py - is a database as it must be?  Asks with SQL of its own, without the server.

Every finding is a sentence; none means that all holds.  What the clients know (which SKU is made
of what) is handed in; what a row must agree with is written here a second time on purpose.
"""
import collections

BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HELD = ("pending_payment", "paid", "fulfilling", "completed")  # States that keep their stock.
ENDED = ("cancelled", "expired")
TOLD_ONCE = ("order.placed", "order.paid", "order.cancelled", "order.expired")
SHOWN_MAX = 5  # Examples of one kind of finding.


def text_of(prefix, number):
    """An id as the API writes it."""
    digits = "".join(BASE32[number >> shift & 31] for shift in range(60, -1, -5))
    return f"{prefix}_{digits}"


QUERIES = {
    "orders": "select id, user_id, state, lines, total_minor, paid_minor from orders order by id",
    "lines": "select order_id, line, sku, quantity - refunded_count from order_line"
             " order by order_id, line",
    "refunded": "select id, refunded_minor from orders where refunded_minor <> 0",
    "refunds": "select order_id, sum(amount_minor) from aftersale_refund group by order_id",
    "returned": "select order_id, sum(amount_minor) from payment_part where state = 'refunded'"
                " group by order_id",
    "shipments": "select s.order_id, i.sku, s.state, sum(i.quantity) from fulfil_shipment s"
                 " join fulfil_item i on i.shipment = s.id group by s.order_id, i.sku, s.state",
    "open": "select order_id, open from fulfil_order",
    "open_found": "select order_id, count(*) from fulfil_shipment"
                  " where state not in ('delivered', 'stopped') group by order_id",
    "amounts": "select id from orders where total_minor <> goods_minor - discount_minor"
               " + shipping_minor or goods_minor - discount_minor <>"
               " (select coalesce(sum(l.total_minor), 0) from order_line l where l.order_id = id)",
    "reservations": "select ref, line, sku, open, sold from stock_reservation",
    "levels": "select sku, location, on_hand, reserved, sold from stock_level",
    "movements": "select sku, location, quantity, on_hand from stock_movement order by id",
    "timers": "select key, count(*) from kernel_timer where name = 'order.expire' group by key",
    "events": "select seq, id, type, key, time_ms from kernel_outbox order by seq",
    "writer": "select seq from kernel_writer",
    "consumers": "select name, cursor from kernel_consumer",
    "parked": "select consumer, seq, state, error from kernel_parked",
    "accounts": "select account, currency, balance_minor from payment_account",
    "entries": "select debit, credit, currency, amount_minor, debit_balance_minor,"
               " credit_balance_minor from payment_entry order by id",
    "payments": "select order_id, sum(applied_minor) from payment group by order_id",
}

ONE_MOMENT = {"SQLite": "begin",  # Timers go on meanwhile.
              "PostgreSQL": "begin isolation level repeatable read read only"}


class Checker:
    """Reads everything at once; then checks part by part."""

    def __init__(self, database, components):
        _, *rows = database.queries(ONE_MOMENT[database.name], *QUERIES.values())
        self.rows = dict(zip(QUERIES, rows))
        self.components = components  # SKU id of a bundle -> {SKU: pieces}; others: themselves.
        self.findings = []
        self.of_order = collections.defaultdict(list)
        for line in self.rows["lines"]:
            self.of_order[line[0]].append(line)

    def find(self, what, wrong):
        if wrong := list(wrong):
            more = f" and {len(wrong) - SHOWN_MAX} more" if len(wrong) > SHOWN_MAX else ""
            self.findings.append(f"{what}: {wrong[:SHOWN_MAX]}{more}")

    def same(self, what, found, wanted):
        """Two mappings must be equal; names where they are not."""
        keys = [k for k in {**found, **wanted} if found.get(k) != wanted.get(k)]
        self.find(what, [(k, found.get(k), wanted.get(k)) for k in keys])

    def orders(self):
        """No order is half there."""
        orders = {o[0]: o for o in self.rows["orders"]}
        users = collections.Counter(o[1] for o in orders.values())
        self.find("orders placed twice", [u for u, n in users.items() if n > 1])
        self.find("orders without all their lines",
                  [i for i, o in orders.items() if o[3] != len(self.of_order[i])])
        self.find("lines of no order", set(self.of_order) - set(orders))
        self.find("orders that do not add up", self.rows["amounts"])
        paid = {i: o[5] for i, o in orders.items() if o[5]}
        self.same("orders and their payments", paid,
                  {o: n for o, n in self.rows["payments"] if n})
        self.find("states against money", [(i, o[2]) for i, o in orders.items()
                                           if (o[2] in HELD[1:]) != (o[5] == o[4])])
        self.same("timers of pending orders", dict(self.rows["timers"]),
                  {i: 1 for i, o in orders.items() if o[2] == "pending_payment"})

    def refunds(self):
        """Each refund stands in the order, in aftersale and in payment, once."""
        refunded = dict(self.rows["refunded"])
        self.same("orders and their refunds", refunded, dict(self.rows["refunds"]))
        self.same("refunds and their money", refunded, dict(self.rows["returned"]))

    def shipments(self):
        """What waits to be shipped is what is promised; completed orders wait for nothing."""
        waiting, promised = collections.Counter(), collections.Counter()
        for order, sku, state, pieces in self.rows["shipments"]:
            if state == "ready":
                waiting[order, sku] += pieces
        paid = {o[0]: o[2] for o in self.rows["orders"] if o[2] in HELD[1:]}
        for ref, _, sku, still, _ in self.rows["reservations"]:
            if ref in paid and still:
                promised[ref, sku] += still
        self.same("shipments and reservations", waiting, promised)
        counted = {o: n for o, n in self.rows["open"] if n}
        self.same("open shipments", counted, dict(self.rows["open_found"]))
        self.same("fulfilled orders", {o: 1 for o, _ in self.rows["open"]}, dict.fromkeys(paid, 1))
        self.same("completed orders", {o: 1 for o, s in paid.items() if s == "completed"},
                  {o: 1 for o in paid if o not in counted})

    def reservations(self):
        """What is promised or gone is what standing orders keep, per order and item."""
        wanted, found = collections.Counter(), collections.Counter()
        for order in self.rows["orders"]:
            for _, _, sku, quantity in self.of_order[order[0]] if order[2] in HELD else []:
                for item, pieces in self.components.get(sku, {sku: 1}).items():
                    if quantity:
                        wanted[order[0], item] += pieces * quantity
        for ref, _, sku, still, sold in self.rows["reservations"]:
            if still + sold:
                found[ref, sku] += still + sold
        self.same("reservations and orders", found, wanted)

    def stock(self):
        """Levels equal their movements and reservations; nothing is oversold."""
        moved, reserved, sold = (collections.Counter() for _ in range(3))
        for sku, place, quantity, after in self.rows["movements"]:
            moved[sku, place] += quantity
            self.find("running balance of stock", [(sku, after, moved[sku, place])]
                      if after != moved[sku, place] else [])
        for _, _, sku, still, gone in self.rows["reservations"]:
            reserved[sku] += still
            sold[sku] += gone
        for sku, place, on_hand, held, gone in self.rows["levels"]:
            if (on_hand, held, gone) != (moved[sku, place], reserved[sku], sold[sku]):
                self.find("a level against its movements",
                          [(sku, on_hand, moved[sku, place], held, reserved[sku])])
            if on_hand < held:
                self.find("oversold", [(sku, on_hand, held)])

    def events(self):
        """Dense, in order of time, each announcement once."""
        events = self.rows["events"]
        self.find("gaps in the events", [(e[0], k) for k, e in enumerate(events, 1) if e[0] != k])
        self.find("the writer's count of events",
                  [] if self.rows["writer"] == [(len(events),)] else self.rows["writer"])
        self.find("events out of time", [b[0] for a, b in zip(events, events[1:]) if b[4] < a[4]])
        self.find("events whose ids do not rise",
                  [b[0] for a, b in zip(events, events[1:]) if b[1] <= a[1]])
        counted = collections.Counter((e[2], e[3]) for e in events if e[2].startswith("order."))
        wanted = collections.Counter()
        for order in self.rows["orders"]:
            key = text_of("ord", order[0])
            wanted["order.placed", key] = 1
            if order[2] in HELD[1:]:
                wanted["order.paid", key] = 1
            if order[2] in ENDED:
                wanted[f"order.{order[2]}", key] = 1
        told = {k: n for k, n in counted.items() if k[0] in TOLD_ONCE}
        self.same("events and orders", told, wanted)

    def money(self):
        """Entries give the balances; every unit that left one account came to another."""
        balances = collections.Counter()
        for debit, credit, currency, amount, debit_after, credit_after in self.rows["entries"]:
            balances[debit, currency] += amount
            balances[credit, currency] -= amount
            after = balances[debit, currency], balances[credit, currency]
            self.find("running balance of money", [(debit, credit, after)]
                      if after != (debit_after, credit_after) else [])
        stored = {(a, c): n for a, c, n in self.rows["accounts"] if n}
        self.same("balances and entries", stored, {k: n for k, n in balances.items() if n})

    def at_rest(self):
        """Every consumer has seen every event, and none is parked."""
        last = len(self.rows["events"])
        self.find("consumers behind", [c for c in self.rows["consumers"] if c[1] < last])
        self.find("parked events", self.rows["parked"])

    def all(self):
        for part in (self.orders, self.refunds, self.shipments, self.reservations, self.stock,
                     self.events, self.money, self.at_rest):
            part()
        return self.findings


def caught_up(database):
    """Have the consumers come to the last event?"""
    behind, = database.query("select count(*) from kernel_consumer where cursor <"
                             " (select coalesce(max(seq), 0) from kernel_outbox)")
    return behind == (0,)
