#!/usr/bin/env python3
"""race.py - more buyers than pieces: exactly the pieces are sold, everybody else is told why."""
import collections
import queue

from kit import Client, check, equal, journey, main, together

CONNECTIONS = 64


def buy(client, sku, user):
    """One buyer: (status, order id or None).  Any answer but 201 and a clear 409 is wrong."""
    answer = client.order(sku, user=user)
    if answer.status == 201:
        return 201, answer.json()["id"]
    body = answer.expect(409, "out_of_stock")
    equal(body["sku"], sku, "the SKU of the refusal")
    check(sku in body["detail"], f"the refusal does not name the SKU: {body['detail']}")
    return 409, None


def race(shop, sku, buyers, connections):
    """The ids of the confirmed orders."""
    waiting = queue.SimpleQueue()
    for k in range(buyers):
        waiting.put(f"buyer{k}")

    def connection(_):
        client, answers = Client(shop.port, shop.key), []
        while not waiting.empty():
            try:
                user = waiting.get_nowait()
            except queue.Empty:
                break
            answers.append(buy(client, sku, user))
        client.close()
        return answers

    answers = [a for part in together(connections, connection) for a in part]
    equal(len(answers), buyers, "answers")
    return [order for status, order in answers if status == 201]


def reconcile(shop, sku, stock, confirmed):
    """Stock, reservations, orders and payments say the same, through the API."""
    equal(len(confirmed), stock, "orders confirmed")
    equal(len(set(confirmed)), stock, "different orders")
    level = shop.get(f"/v1/stock/{sku}")
    equal([level[k] for k in ("on_hand", "reserved", "available", "sold")], [stock, stock, 0, 0],
          "stock")
    orders = shop.pages("/v1/orders")
    equal(sorted(o["id"] for o in orders), sorted(confirmed), "orders listed")
    equal(len({o["user"] for o in orders}), stock, "buyers served")
    shop.clean()
    return orders


def pay_all(shop, orders):
    """Pay each order by hand, from several connections; every payment is the whole of its order."""
    def connection(k):
        client = Client(shop.port, shop.key)
        paid = [client.post(f"/v1/orders/{order}/payments", {"provider": "manual"})
                for order in orders[k::8]]
        client.close()
        return paid

    payments = [p for part in together(8, connection) for p in part]
    equal(collections.Counter(p["state"] for p in payments), {"succeeded": len(orders)}, "payments")


def run(shop, buyers, stock, connections):
    sku, = shop.product()
    shop.receive(sku, stock)
    confirmed = race(shop, sku, buyers, connections)
    orders = reconcile(shop, sku, stock, confirmed)
    pay_all(shop, confirmed)
    after = shop.pages("/v1/orders")
    equal(sum(o["paid"]["amount"] for o in after), sum(o["total"]["amount"] for o in orders),
          "money paid")
    check(all(o["state"] in ("paid", "fulfilling", "completed") for o in after), "an unpaid order")
    level = shop.get(f"/v1/stock/{sku}")
    equal((level["on_hand"] + level["sold"], level["available"]), (stock, 0), "stock after paying")
    shop.clean()


@journey("2,000 buyers for 500 pieces: 500 orders, 1,500 clear refusals, all adds up")
def two_thousand(shop):
    run(shop, 2000, 500, CONNECTIONS)


@journey("60 buyers for 20 pieces: 20 orders, 40 clear refusals, all adds up")
def sixty(shop):
    run(shop, 60, 20, 60)


if __name__ == "__main__":
    main()
