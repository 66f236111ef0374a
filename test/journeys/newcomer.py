#!/usr/bin/env python3
"""newcomer.py - the first things a person does: sell a box, take the money, look at the order."""
from kit import equal, journey, main


@journey("a product, stock, a quote, an order, its payment and its timeline")
def first_order(shop):
    made = shop.post("/v1/products", {
        "title": "Book box", "kind": "goods",
        "skus": [{"code": "BOX", "title": "Book box",
                  "price": {"amount": 1990, "currency": "CNY"}, "stock": "deny"}]})
    equal((made["id"][:4], made["state"]), ("prd_", "on_sale"), "product")
    sku = made["skus"][0]["id"]
    equal(shop.get(f"/v1/products/{made['id']}"), made, "product read back")
    shop.receive(sku, 500)
    order = shop.post("/v1/orders", {
        "user": "u1", "currency": "CNY", "address": {"name": "Zhang San", "city": "Beijing"},
        "lines": [{"sku": sku, "quantity": 2, "for": "child1"}]})
    equal((order["id"][:4], order["state"], order["total"]),
          ("ord_", "pending_payment", {"amount": 3980, "currency": "CNY"}), "order")
    equal(order["lines"][0]["for"], "child1", "beneficiary")
    payment = shop.post(f"/v1/orders/{order['id']}/payments", {"provider": "manual"})
    equal(payment["state"], "succeeded", "payment")
    paid = shop.get(f"/v1/orders/{order['id']}")
    equal(paid["paid"], order["total"], "paid")
    equal(paid["state"] in ("paid", "fulfilling"), True, f"an order {paid['state']} is paid for")
    equal(paid["address"], {"name": "Zhang San", "city": "Beijing"}, "address")
    types = [e["type"] for e in shop.get(f"/v1/orders/{order['id']}/timeline")["data"]]
    equal(types[:1] + [t for t in types if t in ("payment.captured", "order.paid")],
          ["order.placed", "payment.captured", "order.paid"], "timeline")
    stock = shop.get(f"/v1/stock/{sku}")
    equal([stock[k] for k in ("on_hand", "reserved", "available", "sold")], [500, 2, 498, 0],
          "stock")
    shop.clean()


@journey("a quote changes nothing and names the price of the order that follows")
def quote(shop):
    sku, = shop.product()
    shop.receive(sku, 5)
    body = {"user": "u1", "currency": "CNY", "lines": [{"sku": sku, "quantity": 3}]}
    quoted = shop.post("/v1/quotes", body, status=200)
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], 0, "reserved after the quote")
    equal(shop.pages("/v1/orders"), [], "orders after the quote")
    equal(shop.post("/v1/orders", body)["total"], quoted["total"], "total")


@journey("a cancelled order gives its stock back, once")
def cancel(shop):
    sku, = shop.product()
    shop.receive(sku, 3)
    order = shop.order(sku, quantity=3).expect(201)
    shop.order(sku).expect(409, "out_of_stock")
    equal(shop.post(f"/v1/orders/{order['id']}/cancel", {}, status=200)["state"], "cancelled",
          "state")
    again = shop.call("POST", f"/v1/orders/{order['id']}/cancel", {}).expect(409)
    equal("cancelled" in again["detail"], True, f"the refusal names the state: {again['detail']}")
    equal(shop.get(f"/v1/stock/{sku}")["available"], 3, "available")
    shop.order(sku, quantity=3).expect(201)
    shop.clean()


if __name__ == "__main__":
    main()
