#!/usr/bin/env python3
"""lines.py - all lines of an order, and all components of a bundle, are reserved or none."""
from kit import Client, equal, journey, main, next_number, together


def reserved(shop, *skus):
    return [shop.get(f"/v1/stock/{sku}")["reserved"] for sku in skus]


def bundle(shop, *components):
    """The SKU of a bundle of (sku, quantity)."""
    sku, = shop.product("Bundle", kind="bundle",
                        components=[{"sku": s, "quantity": n} for s, n in components])
    return sku


@journey("two lines that share one item count together")
def shared_item(shop):
    sku, = shop.product()
    shop.receive(sku, 5)
    body = {"user": "u1", "currency": "CNY", "lines": [{"sku": sku, "quantity": 3},
                                                       {"sku": sku, "quantity": 3}]}
    refused = shop.call("POST", "/v1/orders", body).expect(409, "out_of_stock")
    equal(refused["sku"], sku, "SKU")
    equal(reserved(shop, sku), [0], "reserved after the refusal")
    body["lines"][1]["quantity"] = 2
    shop.post("/v1/orders", body)
    equal(reserved(shop, sku), [5], "reserved")
    shop.clean()


@journey("when the last of three lines has no stock nothing is reserved")
def last_line(shop):
    skus = shop.product(count=3)
    for sku in skus[:2]:
        shop.receive(sku, 5)
    equal(shop.order(*skus).expect(409, "out_of_stock")["sku"], skus[2], "SKU")
    equal(reserved(shop, *skus), [0, 0, 0], "reserved")
    equal(shop.pages("/v1/orders"), [], "orders")
    shop.clean()


@journey("a bundle takes all its components or none, also beside a line of one of them")
def all_or_nothing(shop):
    book, pen = shop.product(count=2)
    box = bundle(shop, (book, 1), (pen, 2))
    shop.receive(book, 3)
    shop.receive(pen, 3)
    shop.order(box, quantity=2).expect(409, "out_of_stock")
    equal(reserved(shop, book, pen), [0, 0], "reserved after the refusal")
    shop.order(box, pen).expect(201)
    equal(reserved(shop, book, pen), [1, 3], "reserved")
    equal(shop.order(box).expect(409, "out_of_stock")["sku"], pen, "SKU of the refusal")
    shop.clean()


@journey("bundles and their components raced for: never oversold, nothing left half reserved")
def race(shop):
    book, pen = shop.product(count=2)
    box = bundle(shop, (book, 1), (pen, 1))
    shop.receive(book, 15)
    shop.receive(pen, 10)

    def buy(k):
        client = Client(shop.port, shop.key)
        answers = [client.order(box if k % 2 else book, user=f"u{next_number()}")
                   for _ in range(5)]
        client.close()
        for answer in answers:
            answer.expect(201 if answer.status == 201 else 409)
        return k % 2, sum(a.status == 201 for a in answers)

    sold = together(16, buy)
    boxes, books = (sum(n for kind, n in sold if kind == wanted) for wanted in (1, 0))
    equal(reserved(shop, book, pen), [boxes + books, boxes], "reserved")
    equal(boxes + books, 15, "books promised")
    shop.clean()


@journey("seats of a class are stock: nobody orders a seat in a full class")
def seats(shop):
    term, = shop.product("Physics, autumn", kind="course", term_days=168)
    shop.receive(term, 2)
    first, _ = (shop.order(term, user=u).expect(201) for u in ("u1", "u2"))
    equal(shop.order(term, user="u3").expect(409, "out_of_stock")["sku"], term, "SKU")
    shop.post(f"/v1/orders/{first['id']}/cancel", {}, status=200)
    shop.order(term, user="u3").expect(201)
    shop.clean()


@journey("policies: unlimited is never out of stock, below_zero has its bound")
def policies(shop):
    ebook, = shop.product("E-book", kind="content", stock="unlimited")
    late, = shop.product("Late", stock={"below_zero": 2})
    shop.order(ebook, quantity=1000).expect(201)
    shop.order(late, quantity=2).expect(201)
    shop.order(late).expect(409, "out_of_stock")
    shop.receive(late, 1)
    shop.order(late).expect(201)
    shop.order(late).expect(409, "out_of_stock")


if __name__ == "__main__":
    main()
