#!/usr/bin/env python3
"""privacy.py - names, phones and addresses are nowhere readable: not stored, not logged, not in
events; and gone for good once erased."""
from kit import Client, check, equal, journey, main

PLANTED = {"name": "Ouyang Plantedname", "phone": "+86 139 1234 7781",
           "street": "Gulou 卍 Hutong 4407"}
NOTE = "call plantednote-5519 before noon"
MARK = "visible-user-7"  # What a search must find, or it would find nothing at all.


def forms(text):
    """How a text might lie in a file: as it is, escaped as JSON, in UTF-16, as hex."""
    plain = text.encode()
    escaped = text.encode("ascii", "backslashreplace")
    return {plain, escaped, text.encode("utf-16-le"), plain.hex().encode(),
            plain.hex().upper().encode()}


def leaks(where, haystack):
    for text in [*PLANTED.values(), NOTE, PLANTED["name"].split()[1], "1234 7781", "plantednote"]:
        for form in forms(text):
            check(form not in haystack, f"{text!r} is readable in {where}")


def orders_with_addresses(shop):
    """Everything that takes personal data: place, change of address, note, claim, replay."""
    sku, = shop.product()
    shop.receive(sku, 10)
    own = shop.order(sku, user=MARK, address=PLANTED, note=NOTE, idempotency="k1").expect(201)
    shop.order(sku, user=MARK, address=PLANTED, note=NOTE, idempotency="k1").expect(201)
    guest = shop.post("/v1/orders", {"currency": "CNY", "address": PLANTED, "note": NOTE,
                                     "lines": [{"sku": sku, "quantity": 1}]})
    shop.call("PUT", f"/v1/orders/{own['id']}/address", {"address": PLANTED}).expect(200)
    shop.post(f"/v1/orders/{own['id']}/notes", {"note": NOTE})
    shop.post(f"/v1/orders/{guest['id']}/claim", {"user": MARK + "b"}, status=200)
    shop.post(f"/v1/orders/{own['id']}/payments", {"provider": "manual"})
    shop.call("POST", "/v1/orders", {"user": MARK, "address": PLANTED, "note": NOTE}).expect(400)
    shop.call("POST", "/v1/orders", b'{"note":"' + NOTE.encode() + b'",}').expect(400)
    return own["id"], guest["id"]


@journey("after orders with addresses and notes: 0 hits in the database, its events and the log")
def nothing_readable(shop):
    orders_with_addresses(shop)
    leaks("the log, while running", shop.log.read_bytes())
    events = repr(shop.database.query("select * from kernel_outbox")).encode()
    check(MARK.encode() in events, "the search finds nothing in the outbox")
    leaks("the outbox", events)
    leaks("the running database", shop.database.dump())
    shop.stop()
    stored = shop.database.dump()
    check(MARK.encode() in stored, "the search finds nothing in the database")
    leaks("the database", stored)
    leaks("the log", shop.log.read_bytes())
    leaks("standard output", (shop.folder / "out").read_bytes())


@journey("addresses are masked for keys without person:read, whole for those with it")
def masked(shop):
    own, guest = orders_with_addresses(shop)
    token = shop.post("/v1/keys", {"name": "desk", "scopes": ["order:*"]})["token"]
    desk = Client(shop.port, token)
    for order in (own, guest):
        equal(shop.get(f"/v1/orders/{order}")["address"], PLANTED, "address with person:read")
        seen = desk.get(f"/v1/orders/{order}")["address"]
        equal(set(seen), set(PLANTED), "names of the address")
        for name, value in PLANTED.items():
            check(seen[name] != value, f"{name} is not masked: {seen[name]}")
        notes = desk.get(f"/v1/orders/{order}/notes")["data"]
        check(notes and all("plantednote" not in note["note"] for note in notes), "a readable note")
    leaks("the timeline", desk.call("GET", f"/v1/orders/{own}/timeline").text)
    leaks("the list of orders", desk.call("GET", "/v1/orders").text)
    desk.close()


@journey("a guest's address and notes go over to the user who claims the order")
def claimed(shop):
    own, guest = orders_with_addresses(shop)
    equal(shop.get(f"/v1/orders/{guest}")["address"], PLANTED, "address after the claim")
    notes = shop.get(f"/v1/orders/{guest}/notes")["data"]
    equal([note["note"] for note in notes], [NOTE], "notes after the claim")
    export = shop.get(f"/v1/persons/{MARK}b/export")["modules"]["order"]
    equal(export, [{"order": guest, "address": PLANTED, "notes": [NOTE]}], "export")
    export = shop.get(f"/v1/persons/{MARK}/export")["modules"]["order"]
    equal(export, [{"order": own, "address": PLANTED, "notes": [NOTE, NOTE]}], "export")
    shop.clean()


@journey("an erased person's address and notes cannot be read again, by nobody")
def erased(shop):
    own, guest = orders_with_addresses(shop)
    check(PLANTED["name"] in str(shop.get(f"/v1/persons/{MARK}/export")), "nothing to export")
    shop.post(f"/v1/persons/{MARK}/erase", {}, status=200)
    leaks("the erased order", shop.call("GET", f"/v1/orders/{own}").text)
    leaks("the erased person's notes", shop.call("GET", f"/v1/orders/{own}/notes").text)
    leaks("the erased person's export", shop.call("GET", f"/v1/persons/{MARK}/export").text)
    shop.restart()
    leaks("the erased order", shop.call("GET", f"/v1/orders/{own}").text)
    equal(shop.get(f"/v1/orders/{guest}")["address"], PLANTED, "another person's address")


if __name__ == "__main__":
    main()
