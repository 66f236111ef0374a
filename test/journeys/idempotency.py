#!/usr/bin/env python3
"""idempotency.py - one Idempotency-Key is one effect, whoever sends it how often."""
from kit import Client, equal, journey, main, order_of, together

CLIENTS = 20


@journey("the same key sent by 20 clients at once: one order, 20 equal answers")
def at_once(shop):
    sku, = shop.product()
    shop.receive(sku, 100)

    def send(_):
        client = Client(shop.port, shop.key)
        answer = client.order(sku, idempotency="one-and-only")
        client.close()
        return answer

    answers = together(CLIENTS, send)
    equal([a.status for a in answers], [201] * CLIENTS, "statuses")
    equal(len({a.text for a in answers}), 1, "different answers")
    equal(sum("idempotency-replayed" in a.headers for a in answers), CLIENTS - 1, "replayed")
    orders = shop.pages("/v1/orders")
    equal([o["id"] for o in orders], [answers[0].json()["id"]], "orders")
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], 1, "reserved")
    shop.clean()


def everybody(shop, sku, keys):
    """Each key once, from CLIENTS connections at once; answers by key."""
    def send(k):
        client = Client(shop.port, shop.key)
        answers = [(key, client.order(*sku[:1 + n % 3], user=key, idempotency=key))
                   for n, key in enumerate(keys) if n % CLIENTS == k]
        client.close()
        return answers

    return dict(pair for part in together(CLIENTS, send) for pair in part)


@journey("600 keys sent again by 20 clients: each gets its own answer, byte for byte")
def own_answers(shop):
    skus, keys = shop.product(count=3), [f"key{k}" for k in range(600)]
    for sku in skus:
        shop.receive(sku, 1000)
    first, again = everybody(shop, skus, keys), everybody(shop, skus, keys)
    wrong = [key for key in keys if again[key].text != first[key].text
             or again[key].headers.get("location") != first[key].headers.get("location")]
    equal(wrong, [], "keys with another answer")
    equal({a.headers.get("idempotency-replayed") for a in again.values()}, {"true"}, "replayed")
    equal(sum(a.status == 201 for a in first.values()), len(keys), "orders")


@journey("another body under a used key is 422 and does nothing")
def other_body(shop):
    sku, = shop.product()
    shop.receive(sku, 100)
    shop.order(sku, idempotency="k").expect(201)
    shop.order(sku, quantity=2, idempotency="k").expect(422)
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], 1, "reserved")


@journey("a refusal is not kept: the key may be used again when there is stock")
def refusal(shop):
    sku, = shop.product()
    shop.order(sku, idempotency="k").expect(409, "out_of_stock")
    shop.receive(sku, 1)
    shop.order(sku, idempotency="k").expect(201)
    replayed = shop.order(sku, idempotency="k")
    replayed.expect(201)
    equal(replayed.headers.get("idempotency-replayed"), "true", "Idempotency-Replayed")


@journey("a key belongs to its caller: another caller's equal key is another order")
def per_caller(shop):
    sku, = shop.product()
    shop.receive(sku, 100)
    token = shop.post("/v1/keys", {"name": "till", "scopes": ["order:*"]})["token"]
    mine = shop.order(sku, idempotency="k").expect(201)
    till = Client(shop.port, token)
    theirs = till.order(sku, idempotency="k").expect(201)
    till.close()
    equal(mine["id"] != theirs["id"], True, "two orders")


@journey("a key is kept over a restart")
def restart(shop):
    sku, = shop.product()
    shop.receive(sku, 100)
    first = shop.order(sku, idempotency="k")
    shop.restart()
    again = shop.call("POST", "/v1/orders", order_of(sku), {"Idempotency-Key": "k"})
    equal((again.status, again.text), (first.status, first.text), "answer")
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], 1, "reserved")


if __name__ == "__main__":
    main()
