#!/usr/bin/env python3
"""payment.py - orders paid through a provider that is a server of its own, and misbehaves: every
order is paid once, every unit of money is accounted for."""
import contextlib
import http.client
import http.server
import json
import os
import re
import secrets
import socket
import subprocess
import threading

from kit import GREVY, READY_S, STOP_S, Client, check, equal, journey, main, together, wait_until

PAID_S = 60  # Retries of calls and notices take seconds each.


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Provider:
    """grevy sandbox-psp, the far side of payments."""

    def __init__(self, folder, secret):
        self.out = folder / "psp"
        environment = {**os.environ, "GREVY_SECRET_SANDBOX_WEBHOOK": secret}
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [GREVY, "sandbox-psp", "--listen", "127.0.0.1:0", "--auto-pay"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
        self.port = wait_until(self.listening, READY_S, "the provider does not listen")

    def listening(self):
        check(self.process.poll() is None, f"the provider ended: {self.out.read_text()[-300:]}")
        found = re.search(r"(?:port |127\.0\.0\.1:)(\d+)", self.out.read_text())
        return found and int(found.group(1))

    def behave(self, **how):
        """Misbehave; what is left out is well again."""
        Client(self.port).call("POST", "/behaviour", how).expect(200)

    def stop(self):
        self.process.terminate()
        equal(self.process.wait(STOP_S), 0, "the provider's status")


@contextlib.contextmanager
def provider_of(shop):
    """Start a provider, and the shop anew so that both know each other."""
    secret = secrets.token_hex(16)
    provider = Provider(shop.folder, secret)
    try:
        shop.stop()
        shop.listen = f"127.0.0.1:{free_port()}"
        shop.environment = {"GREVY_SECRET_SANDBOX_WEBHOOK": secret,
                            "GREVY_PUBLIC_URL": f"http://{shop.listen}",
                            "GREVY_SANDBOX_URL": f"http://127.0.0.1:{provider.port}"}
        shop.start()
        yield provider
    finally:
        provider.stop()


def orders_and_intents(shop, sku, count):
    """Orders, each with an intent at the provider; their ids."""
    def one(k):
        client = Client(shop.port, shop.key)
        ids = []
        for n in range(count // 8):
            order = client.order(sku, user=f"u{k}-{n}").expect(201)["id"]
            client.post(f"/v1/orders/{order}/payments", {"provider": "sandbox"})
            ids.append(order)
        client.close()
        return ids

    return [order for part in together(8, one) for order in part]


def states(shop):
    return {o["id"]: o["state"] for o in shop.pages("/v1/orders")}


def all_paid(shop, orders):
    """Wait until all are paid; then each was captured exactly once."""
    wait_until(lambda: all(states(shop)[o] not in ("pending_payment", "expired") for o in orders),
               PAID_S, "orders stay unpaid")
    for order in orders:
        payment, = shop.get(f"/v1/orders/{order}/payments")["data"]
        equal((payment["state"], payment["captured"], payment["applied"]),
              ("succeeded", payment["amount"], payment["amount"]), f"payment of {order}")
        types = [e["type"] for e in shop.get(f"/v1/orders/{order}/timeline")["data"]]
        equal((types.count("order.paid"), types.count("payment.captured")), (1, 1),
              f"{order}: paid and captured, times")
    shop.clean()


@journey("40 orders at a provider that is slow, fails, repeats and reorders: each is paid once")
def misbehaving(shop):
    sku, = shop.product()
    shop.receive(sku, 100)
    with provider_of(shop) as provider:
        provider.behave(slow_ms=20, error_percent=20, duplicate=3, reorder_ms=300)
        all_paid(shop, orders_and_intents(shop, sku, 40))
        shop.stop()


@journey("the shop is killed while notices are on their way: each order is paid once")
def killed(shop):
    sku, = shop.product()
    shop.receive(sku, 100)
    with provider_of(shop) as provider:
        provider.behave(reorder_ms=800, duplicate=1)
        orders = orders_and_intents(shop, sku, 40)
        shop.kill()
        shop.start()
        all_paid(shop, orders)
        shop.stop()


@journey("money that comes after the order was cancelled goes back by itself")
def too_late(shop):
    sku, = shop.product()
    shop.receive(sku, 1)
    with provider_of(shop) as provider:
        provider.behave(succeed_late_ms=400)
        order = shop.order(sku).expect(201)
        shop.post(f"/v1/orders/{order['id']}/payments", {"provider": "sandbox"})
        shop.post(f"/v1/orders/{order['id']}/cancel", {}, status=200)

        def payment():
            return shop.get(f"/v1/orders/{order['id']}/payments")["data"][0]

        wait_until(lambda: payment()["captured"]["amount"] > 0
                   and payment()["refunded"] == payment()["captured"], PAID_S,
                   f"the money stays: {payment()}")
        equal(states(shop)[order["id"]], "cancelled", "state")
        equal(shop.get(f"/v1/stock/{sku}")["available"], 1, "available")
        shop.clean()
        shop.stop()


@journey("a provider that loses every notice is asked: each order is paid, and each refund returns")
def lost(shop):
    sku, = shop.product()
    shop.receive(sku, 9)
    with provider_of(shop) as provider:
        shop.call("PUT", "/v1/settings/payment.ask_s", {"value": 1}).expect(200)
        provider.behave(lose_percent=100, refund_late_ms=100)
        all_paid(shop, orders_and_intents(shop, sku, 8))
        order = shop.order(sku).expect(201)["id"]
        shop.post(f"/v1/orders/{order}/payments", {"provider": "sandbox"})
        shop.post(f"/v1/orders/{order}/cancel", {}, status=200)

        def payment():
            return shop.get(f"/v1/orders/{order}/payments")["data"][0]

        wait_until(lambda: payment()["state"] == "refunded", PAID_S, f"it stays: {payment()}")
        part, = shop.get(f"/v1/payments/{payment()['id']}/refunds")["data"]
        equal((part["kind"], part["state"]), ("surplus", "refunded"), "the refund")
        equal(shop.database.query("select count(*) from payment_inbox where event not like 'asked:%'"),
              [(0,)], "notices that came")
        shop.clean()
        shop.stop()


@contextlib.contextmanager
def listener(status, **headers):
    """A server that answers all calls so; its port, and the headers it was sent."""
    calls = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # pylint: disable=invalid-name
            calls.append(dict(self.headers))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@journey("a provider that sends us elsewhere is not followed: nobody else gets its secret")
def redirected(shop):
    sku, = shop.product()
    shop.receive(sku, 1)
    with listener(200) as (port, elsewhere):
        with listener(307, Location=f"http://127.0.0.1:{port}/") as (provider, calls):
            shop.stop()
            shop.environment = {"GREVY_SECRET_SANDBOX": "for the provider alone",
                                "GREVY_SANDBOX_URL": f"http://127.0.0.1:{provider}"}
            shop.start()
            order = shop.order(sku).expect(201)["id"]
            shop.post(f"/v1/orders/{order}/payments", {"provider": "sandbox"})
            wait_until(lambda: len(calls) >= 2, PAID_S, "the provider is not called again")
            shop.stop()
        equal(calls[0]["Authorization"], "Bearer for the provider alone", "what it is called with")
        equal(elsewhere, [], "calls elsewhere")


@journey("a forged notice is refused and changes nothing")
def forged(shop):
    sku, = shop.product()
    shop.receive(sku, 1)
    with provider_of(shop) as provider:
        provider.behave(lose_percent=100)
        order = shop.order(sku).expect(201)["id"]
        payment = shop.post(f"/v1/orders/{order}/payments", {"provider": "sandbox"})["id"]
        notice = {"id": "evt_1", "type": "charge.succeeded", "reference": payment}
        sent = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30)
        sent.request("POST", "/v1/webhooks/default/payments/sandbox", json.dumps(notice),
                     {"Content-Type": "application/json", "webhook-id": "evt_1",
                      "webhook-timestamp": "1700000000", "webhook-signature": "v1,AAAA"})
        status = sent.getresponse().status
        sent.close()
        check(400 <= status < 500, f"a forged notice was answered {status}")
        equal(states(shop)[order], "pending_payment", "state")
        shop.stop()


if __name__ == "__main__":
    main()
