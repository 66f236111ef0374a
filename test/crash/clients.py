"""clients.py - buyers that write down what they ask and what they are told.

Every wish has an idempotency key and a user of its own, so that each can be found again.  Where
there are two servers, who is turned away by one goes to the other.
"""
import collections
import dataclasses
import http.client
import itertools
import json
import random
import threading

from kit import Client, Wrong, check, equal, together, wait_until

CLIENTS = 16
PENDING_MAX = 50  # Orders a client keeps in mind to pay or cancel.
PATIENCE_S = 10
AGAIN_S = 0.05  # Who is turned away comes back sooner than told: more load, and a shorter test.
TURNED_AWAY = {503: None, 507: None, 500: "commit_unknown"}  # Status -> the only code, or any.


def patiently(ask):
    """The answer, once it is one: what broke is mended within moments."""
    return wait_until(lambda: None if turned_away(answer := ask()) else answer, PATIENCE_S,
                      "turned away again and again")


@dataclasses.dataclass
class Wish:
    key: str
    path: str
    body: dict
    order: str = None  # The order it pays, cancels, ships or gives back.
    status: int = None  # None: not answered.
    text: bytes = b""

    def id(self):
        return json.loads(self.text)["id"]

    def send(self, client):
        return client.call("POST", self.path, self.body, {"Idempotency-Key": self.key})


def turned_away(answer):
    """Is it no answer to the wish?  Then it says so as it should."""
    if answer.status not in TURNED_AWAY:
        return False
    body = answer.expect(answer.status, TURNED_AWAY[answer.status])
    check(body["detail"], f"{body} says nothing")
    if answer.status == 507:
        check("free some space" in body["detail"], f"{body} does not say what to do")
    if answer.status == 503:
        check(answer.headers.get("retry-after", "").isdigit(), f"no Retry-After with {body}")
    return True


class Buyers:
    """All wishes of all cycles, and what must come of them."""

    def __init__(self, shop, seed, *others):
        self.shop, self.seed, self.cycle = shop, seed, 0
        self.shops = [shop, *others]  # Servers of one database; shop: the one that is asked again.
        self.enough = threading.Event()
        self.refused = collections.Counter()  # Status -> how often a client was turned away.
        self.sold = 0  # About how many answers were good so far.
        self.failures = []  # What a client could not believe.
        self.wishes = []  # Of this cycle.
        self.state = {}  # Order id -> the state that was acknowledged.
        self.refunded = {}  # Order id -> what was acknowledged to go back.
        self.received = {}  # SKU -> pieces acknowledged.
        self.acknowledged = 0
        self.skus, self.bundles = [], {}

    def furnish(self):
        """What is sold: one plentiful item, one scarce one, a bundle of both."""
        many, few = self.shop.product("Item", count=2)
        box, = self.shop.product("Box", kind="bundle",
                                 components=[{"sku": many, "quantity": 2},
                                             {"sku": few, "quantity": 1}])
        self.received = {many: 1000000, few: 10}
        for sku, quantity in self.received.items():
            self.shop.receive(sku, quantity)
        self.skus, self.bundles = [many, few, box], {box: {many: 2, few: 1}}

    # ---- Wishing ----

    def after_sale(self, rng, client, key, paid):
        """Give a unit of a paid order back, or let its first shipment leave."""
        order = rng.choice(paid)
        if rng.random() < 0.5:
            return Wish(key, f"/v1/orders/{order}/refunds",
                        {"lines": [{"line": 0, "quantity": 1}], "reason": "crash",
                         "restock": True}, order)
        found = client.call("GET", f"/v1/orders/{order}/shipments")
        if turned_away(found):
            return None
        shipment = found.expect(200)["data"][0]["id"]
        return Wish(key, f"/v1/shipments/{shipment}/ship", {"delivered": rng.random() < 0.5},
                    order)

    def wish(self, rng, client, key, mine, paid):
        """The next wish of a client."""
        dice = rng.random()
        if paid and dice > 0.8:
            return self.after_sale(rng, client, key, paid)
        if mine and dice < 0.25:
            order = mine.pop(rng.randrange(len(mine)))
            return Wish(key, f"/v1/orders/{order}/payments", {"provider": "manual"}, order)
        if mine and dice < 0.35:
            order = mine.pop(rng.randrange(len(mine)))
            return Wish(key, f"/v1/orders/{order}/cancel", {}, order)
        if dice < 0.38:
            return Wish(key, "/v1/stock/movements", {"sku": self.skus[1], "kind": "receive",
                                                     "quantity": 3, "reason": "delivery"})
        lines = [{"sku": rng.choice(self.skus), "quantity": rng.randint(1, 2)}
                 for _ in range(rng.randint(1, 3))]
        return Wish(key, "/v1/orders", {"user": key, "currency": "CNY", "lines": lines})

    def ask(self, wish, client, mine, paid):
        """Was there an answer to the wish?"""
        answer = wish and wish.send(client)
        if not answer or turned_away(answer):
            self.refused[answer.status if answer else 503] += 1
            return False
        wish.status, wish.text = answer.status, answer.text
        self.sold += wish.status in (200, 201)
        if wish.path == "/v1/orders" and wish.status == 201 and len(mine) < PENDING_MAX:
            mine.append(wish.id())
        if wish.path.endswith("/payments") and wish.status == 201 and len(paid) < PENDING_MAX:
            paid.append(wish.order)
        return True

    def buy(self, k, wishes):
        """Ask on and on until the only server is gone, or it is enough."""
        name = f"{self.cycle}-{k}"
        rng = random.Random(f"{self.seed} {name}")
        mine, paid = [], []
        tills = itertools.cycle([Client(s.port, s.key) for s in self.shops])
        client = next(tills)
        for number in itertools.count():
            answered = False
            try:
                wish = self.wish(rng, client, f"{name}-{number}", mine, paid)
                if wish:
                    wishes.append(wish)
                answered = self.ask(wish, client, mine, paid)
            except (OSError, http.client.HTTPException):
                client.close()
                if len(self.shops) == 1:
                    return
            if self.enough.is_set():
                return
            if not answered:
                client = next(tills)
                self.enough.wait(AGAIN_S)

    def believe(self, k, wishes):
        try:
            self.buy(k, wishes)
        except Exception as why:  # pylint: disable=broad-except
            self.failures.append(why)

    def crowd(self, cycle):
        """Start the clients; returns a function that has them end, and waits for it."""
        self.cycle, parts = cycle, [[] for _ in range(CLIENTS)]
        self.enough.clear()
        threads = [threading.Thread(target=self.believe, args=(k, parts[k]))
                   for k in range(CLIENTS)]
        for thread in threads:
            thread.start()

        def join():
            self.enough.set()
            for thread in threads:
                thread.join()
            self.wishes = [wish for part in parts for wish in part]
            if self.failures:
                raise self.failures[0]
        return join

    # ---- After the crash ----

    def settle(self):
        """Send every wish of this cycle again: what was acknowledged comes back word for word,
        what was not happens now, or had happened and is told.  How many were cut off."""
        good = [w for w in self.wishes if w.status in (200, 201)]
        lost = [w for w in self.wishes if w.status is None]
        odd = [w for w in self.wishes if w.status not in (None, 200, 201, 409)]
        check(not odd, f"{odd[:1]} was answered oddly")
        self.acknowledged += len(good)

        def again(k):
            client = Client(self.shop.port, self.shop.key)
            for wish in good[k::8]:
                self.same_again(client, wish)
            for wish in lost[k::8]:
                answer = patiently(lambda w=wish: w.send(client))
                wish.status, wish.text = answer.status, answer.text
                check(wish.status in (200, 201, 409), f"{wish}: a later answer")
            client.close()

        together(8, again)
        for wish in self.wishes:
            self.remember(wish)
        return len(lost)

    @staticmethod
    def same_again(client, wish):
        answer = patiently(lambda: wish.send(client))
        if answer.headers.get("idempotency-replayed") != "true" or answer.text != wish.text:
            raise Wrong(f"{wish.key} was acknowledged with {wish.text[:80]!r}, and is now answered"
                        f" {answer.status} {answer.text[:200]!r}")
        if wish.path == "/v1/orders":
            order = patiently(lambda: client.call("GET", f"/v1/orders/{wish.id()}"))
            equal(order.expect(200)["user"], wish.key, "user of an order")

    def remember(self, wish):
        if wish.status not in (200, 201):
            return
        if wish.path == "/v1/orders":
            self.state.setdefault(wish.id(), "pending_payment")
        elif wish.path.endswith("/payments"):
            self.state[wish.order] = "paid"
        elif wish.path.endswith("/cancel"):
            self.state[wish.order] = "cancelled"
        elif wish.path.endswith("/refunds"):
            amount = json.loads(wish.text)["amount"]["amount"]
            self.refunded[wish.order] = self.refunded.get(wish.order, 0) + amount
        elif wish.path.endswith("/movements"):
            self.received[wish.body["sku"]] += wish.body["quantity"]
