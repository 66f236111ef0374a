#!/usr/bin/env python3
"""shutdown.py - SIGTERM under load: nobody loses an answer, and what was answered is kept."""
import contextlib
import http.client
import threading
import time

from kit import ANSWER_S, Client, check, equal, journey, main, together, wait_until

CLIENTS = 32
WARM = 200  # Orders confirmed before the signal.


class Seen:
    """What the clients saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.confirmed, self.refused, self.cut = {}, [], []
        self.closed_at = []  # When a client found its connection closed.

    def order(self, key, order):
        with self.lock:
            self.confirmed[key] = order


def send_orders(shop, sku, seen, name):
    """Orders one after the other until the server closes the connection."""
    client, k = Client(shop.port, shop.key), 0
    while True:
        key = f"{name}-{k}"
        try:
            answer = client.order(sku, user=key, idempotency=key)
        except http.client.RemoteDisconnected:  # Closed between two requests: a clean end.
            seen.closed_at.append(time.monotonic())
            return
        except ConnectionRefusedError:  # http.client came back after a "Connection: close".
            seen.closed_at.append(time.monotonic())
            return
        except (OSError, http.client.HTTPException) as why:  # A reset, or half an answer.
            seen.cut.append(f"{key}: {type(why).__name__} {why}")
            return
        if answer.status == 201:
            seen.order(key, answer.json()["id"])
        else:
            seen.refused.append((answer.status, answer.text[:200]))
        k += 1


def probe(shop, stop, probes):
    """/readyz again and again: (when asked, status or 0)."""
    while not stop.is_set():
        begin, status = time.monotonic(), 0
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = Client(shop.port)
            status = client.call("GET", "/readyz").status
            client.close()
        probes.append((begin, status))


def watch_and_terminate(shop, seen, probes):
    stop = threading.Event()
    prober = threading.Thread(target=probe, args=(shop, stop, probes))
    prober.start()
    try:
        wait_until(lambda: len(seen.confirmed) >= WARM and probes, ANSWER_S, "too few orders")
        shop.terminate()
        shop.ended()
    finally:
        stop.set()
        prober.join()


def all_kept(shop, sku, seen):
    """Each confirmed order is there, and the same key brings it again."""
    shop.start()
    listed = {o["id"]: o for o in shop.pages("/v1/orders")}
    lost = [key for key, order in seen.confirmed.items() if order not in listed]
    equal(lost, [], "confirmed orders that are lost")
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], len(listed), "reserved")
    for key in list(seen.confirmed)[-CLIENTS:]:
        again = shop.order(sku, user=key, idempotency=key).expect(201)
        equal(again["id"], seen.confirmed[key], f"the order under the key {key}")
    shop.clean()


@journey("SIGTERM while 32 clients order: no reset, every 201 is kept, readiness fails first")
def under_load(shop):
    sku, = shop.product()
    shop.receive(sku, 1000000)
    seen, probes = Seen(), []

    def client(k):
        if k == CLIENTS:
            watch_and_terminate(shop, seen, probes)
        else:
            send_orders(shop, sku, seen, f"c{k}")

    together(CLIENTS + 1, client)
    equal(seen.cut, [], "answers cut off")
    check(all(status == 503 for status, _ in seen.refused), f"refused: {seen.refused[:3]}")
    equal(len(seen.closed_at), CLIENTS, "clients that saw a clean end")
    first = min(seen.closed_at)
    late = [status for begin, status in probes if begin > first and status == 200]
    equal(late, [], "readiness after the first connection was closed")
    all_kept(shop, sku, seen)


@journey("with --drain-ms it is not ready and serves on, until the time is over or a second signal")
def drained(shop):
    shop.stop()
    shop.start("--drain-ms", "60000")
    sku, = shop.product()
    shop.terminate()
    with contextlib.closing(Client(shop.port)) as balancer:
        wait_until(lambda: balancer.call("GET", "/readyz").status == 503, ANSWER_S,
                   "it still says that it is ready")
    shop.receive(sku, 3)  # On a new connection, too.
    with contextlib.closing(shop.client()) as buyer:
        buyer.order(sku).expect(201)
    equal(shop.process.poll(), None, "the process while it drains")
    shop.terminate()
    shop.ended()
    shop.start("--drain-ms", "100").terminate()
    shop.ended()
    shop.start()
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], 1, "reserved")


@journey("SIGTERM twice, and SIGTERM at once after the start, end the server well")
def impatient(shop):
    shop.terminate()
    with contextlib.suppress(ProcessLookupError):
        shop.terminate()
    shop.ended()
    shop.start().terminate()
    shop.ended()
    shop.start()
    shop.product()


if __name__ == "__main__":
    main()
