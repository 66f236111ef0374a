"""clients.py - buyers that write down what they ask and what they are told.

Every wish has an idempotency key and a user of its own, so that each can be found again.
"""
import dataclasses
import http.client
import itertools
import json
import random
import threading

from kit import Client, Wrong, check, equal, together

CLIENTS = 16
PENDING_MAX = 50  # Orders a client keeps in mind to pay or cancel.


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


class Buyers:
    """All wishes of all cycles, and what must come of them."""

    def __init__(self, shop, seed):
        self.shop, self.seed, self.cycle = shop, seed, 0
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
        shipment = client.get(f"/v1/orders/{order}/shipments")["data"][0]["id"]
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

    def buy(self, k, wishes):
        """Ask on and on until the server is gone."""
        name = f"{self.cycle}-{k}"
        rng = random.Random(f"{self.seed} {name}")
        client, mine, paid = Client(self.shop.port, self.shop.key), [], []
        for number in itertools.count():
            try:
                wish = self.wish(rng, client, f"{name}-{number}", mine, paid)
                wishes.append(wish)
                answer = wish.send(client)
            except (OSError, http.client.HTTPException):
                return
            wish.status, wish.text = answer.status, answer.text
            if wish.path == "/v1/orders" and wish.status == 201 and len(mine) < PENDING_MAX:
                mine.append(wish.id())
            if wish.path.endswith("/payments") and wish.status == 201 and len(paid) < PENDING_MAX:
                paid.append(wish.order)

    def crowd(self, cycle):
        """Start the clients; returns a function that waits for all to have ended."""
        self.cycle, parts = cycle, [[] for _ in range(CLIENTS)]
        threads = [threading.Thread(target=self.buy, args=(k, parts[k])) for k in range(CLIENTS)]
        for thread in threads:
            thread.start()

        def join():
            for thread in threads:
                thread.join()
            self.wishes = [wish for part in parts for wish in part]
        return join

    # ---- After the crash ----

    def settle(self):
        """Send every wish of this cycle again: what was acknowledged comes back word for word,
        what was not happens now, or had happened and is told.  How many were cut off."""
        good = [w for w in self.wishes if w.status in (200, 201)]
        lost = [w for w in self.wishes if w.status is None]
        odd = [w for w in self.wishes if w.status not in (None, 200, 201, 409)]
        check(not odd, f"{odd[:1]} was answered oddly")

        def again(k):
            client = Client(self.shop.port, self.shop.key)
            for wish in good[k::8]:
                self.same_again(client, wish)
            for wish in lost[k::8]:
                answer = wish.send(client)
                wish.status, wish.text = answer.status, answer.text
                check(wish.status in (200, 201, 409), f"{wish}: a later answer")
            client.close()

        together(8, again)
        self.acknowledged += len(good)
        for wish in self.wishes:
            self.remember(wish)
        return len(lost)

    @staticmethod
    def same_again(client, wish):
        answer = wish.send(client)
        if answer.headers.get("idempotency-replayed") != "true" or answer.text != wish.text:
            raise Wrong(f"{wish.key} was acknowledged with {wish.text[:80]!r}, and is now answered"
                        f" {answer.status} {answer.text[:200]!r}")
        if wish.path == "/v1/orders":
            equal(client.get(f"/v1/orders/{wish.id()}")["user"], wish.key, "user of an order")

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
