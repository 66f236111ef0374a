#!/usr/bin/env python3
"""overload.py - ./dev bench --overload: what is left of the server when more is asked than it can do.

  bench/overload.py [--seconds S] [--dir DIR] [--markdown] [--picture FILE.svg]

Orders are offered in an open loop by a generator with a CPU of its own; the server has the others.
The peak is what comes out when as much is offered as 64 patient clients get in a closed one; then
0.5 to 10 times the peak is offered.  Latencies count from when an order was to be sent.  Then:
recovery, classes of requests, clients that retry.
"""
import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time

import table
from contests import CONNECTIONS, STOCK, Bench, Grevy
from processes import Unavailable, free_port, need, on_signal, run_json, server
from run import ROOT, machine, sync_ms

STEPS = (0.5, 1, 2, 5, 10)
CLIENTS = 8192  # More than the queue holds, fewer than the server takes.
FEW = 256
WARM_S = 4  # A queue must stand for two seconds before anything is shed.
RECOVERY_S_MAX = 10
SECRET = "whsec of the bench"
NOTICES_PER_S, IMPORTS_PER_S, READS_PER_S = 50, 10, 200
PACED_CLIENTS = 8  # Each waits for its answer before it asks again.


def say(text):
    print(text, file=sys.stderr, flush=True)


class Overload(Bench):
    @contextlib.contextmanager
    def shop(self):
        """A server with one hot SKU, and a key that no rate limits."""
        port = free_port()
        with self.scratch() as path:
            argv = [need(self.o.grevy, "run ./dev build"), "serve", "--data", path / "data",
                    "--listen", f"127.0.0.1:{port}", "--log-level", "warn"]
            (path / "data").mkdir()
            with server(argv, path / "log", port, "/readyz",
                        {"GREVY_ADMIN_KEY": self.key, "GREVY_SECRET_SANDBOX_WEBHOOK": SECRET},
                        cpus=self.server_cpus) as process:
                admin = Grevy(port, self.key)
                key = admin.call("POST", "/v1/keys", {"name": "load", "scopes": ["*"],
                                                      "rate_per_s": 100000})["token"]
                process.port, process.api = port, Grevy(port, key)
                process.product, (process.sku,) = process.api.products(1, STOCK)
                yield process

    def loop(self, shop, rate, *more, work=None, seconds=None, warm=WARM_S):
        argv = [need(self.o.bin / "open_loop", "build the bench first"), "--port", shop.port,
                "--connections", CLIENTS, "--cpu", self.load_cpu, "--rate", f"{rate:.1f}",
                "--seconds", seconds or self.o.seconds, "--warm", warm, *more,
                *(work or ("--sku", shop.sku, "orders"))]
        return run_json(argv, (seconds or self.o.seconds) + warm + 60,
                        {"GREVY_ADMIN_KEY": shop.api.key})

    def peak(self, shop):
        return self.loop(shop, self.closed(shop))["good_per_s"]

    def closed(self, shop):
        argv = [self.load, "--port", shop.port, "--connections", CONNECTIONS, "--cpu",
                self.load_cpu, "--seconds", self.o.seconds, "--sku", shop.sku, "orders"]
        return run_json(argv, 120, {"GREVY_ADMIN_KEY": shop.api.key})["per_s"]

    def curve(self, shop):
        rows = []
        for step in self.o.steps:
            say(f"{step:g} times the peak")
            rows.append((step, self.loop(shop, step * shop.peak)))
        return rows

    def recovery(self, shop, calm_p95_us):
        """Seconds from the end of a flood until a quiet second is as quiet as before."""
        self.loop(shop, 10 * shop.peak, seconds=2)
        begin = time.monotonic()
        while time.monotonic() < begin + RECOVERY_S_MAX:
            second = self.loop(shop, 0.5 * shop.peak, seconds=1, warm=0)
            if second["refused_per_s"] == 0 and second["good_due"]["p95_us"] <= 2 * calm_p95_us:
                return time.monotonic() - begin - 1
        return None

    # ---- Classes ----

    def classes(self, shop):
        """Orders at five times the peak; how do the others fare?"""
        others = {"reads": None, "notices": Paced(shop, NOTICES_PER_S, notice),
                  "imports": Paced(shop, IMPORTS_PER_S, an_import)}
        flood = threading.Thread(target=lambda: others.update(
            orders=self.loop(shop, 5 * shop.peak, seconds=self.o.seconds + 2)))
        flood.start()
        time.sleep(WARM_S)
        for name in ("notices", "imports"):
            others[name].start()
        others["reads"] = self.loop(shop, READS_PER_S, "--connections", 32, warm=0,
                                    work=("get", f"/v1/products/{shop.product}"))
        for name in ("notices", "imports"):
            others[name].stop()
        flood.join()
        return others


class Paced:
    """A few clients that ask at an even pace, by turns."""

    def __init__(self, shop, per_s, ask):
        self.shop, self.per_s, self.ask = shop, per_s, ask
        self.took_ms, self.refused, self.going = [], 0, True
        self.threads = [threading.Thread(target=self.run, args=(k,), daemon=True)
                        for k in range(PACED_CLIENTS)]

    def start(self):
        self.begin = time.monotonic()
        for thread in self.threads:
            thread.start()

    def run(self, number):
        api = Grevy(self.shop.port, self.shop.api.key)
        while self.going:
            due = self.begin + number / self.per_s
            time.sleep(max(0, due - time.monotonic()))
            number += PACED_CLIENTS
            try:
                self.ask(api, number)
                self.took_ms.append((time.monotonic() - due) * 1000)
            except Unavailable:
                self.refused += 1

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join()

    def success(self):
        return len(self.took_ms) / max(len(self.took_ms) + self.refused, 1)

    def p95_ms(self):
        return sorted(self.took_ms)[int(len(self.took_ms) * 0.95)] if self.took_ms else 0


def notice(api, number):
    """A provider's notice of a charge nobody knows: it is written down all the same."""
    body = json.dumps({"type": "charge.succeeded", "time": "2026-01-01T00:00:00Z", "data": {
        "id": f"ch_{number}", "reference": "pay_07B925M000007",
        "amount": {"amount": 1, "currency": "CNY"}, "fee": 0}})
    name, when = f"evt_{time.monotonic_ns()}", str(int(time.time()))
    signed = hmac.new(SECRET.encode(), f"{name}.{when}.{body}".encode(), hashlib.sha256).digest()
    api.http.request("POST", "/v1/webhooks/default/payments/sandbox", body, {
        "Content-Type": "application/json", "webhook-id": name, "webhook-timestamp": when,
        "webhook-signature": "v1," + base64.b64encode(signed).decode()})
    read(api)


def an_import(api, number):
    text = (f"code,title,kind,price_minor,currency\n"
            f"I-{time.monotonic_ns()},Imported {number},goods,100,CNY\n")
    api.http.request("POST", "/v1/products/import", text, {
        "Content-Type": "text/csv", "Authorization": f"Bearer {api.key}"})
    read(api)


def read(api):
    reply = api.http.getresponse()
    text = reply.read()
    if reply.status == 503:
        raise Unavailable("refused")
    if reply.status >= 300 and reply.status != 404 and reply.status != 422:
        raise SystemExit(f"bench: {reply.status}: {text[:300].decode()}")


# ---- What is shown ----


def ms(us):
    return f"{us / 1000:,.2f}"


def curve_grid(rows, peak, markdown):
    lines = [["offered", "per second", "good/s", "of the peak", "p50 ms", "p95 ms", "p99 ms",
              "refused/s", "refusal p50 ms", "p99 ms", "generator CPU"]]
    for step, row in rows:
        lines.append([f"{step:g}x", f"{row['rate']:,.0f}", f"{row['good_per_s']:,.0f}",
                      f"{100 * row['good_per_s'] / peak:.0f} %",
                      *(ms(row["good_due"][q]) for q in ("p50_us", "p95_us", "p99_us")),
                      f"{row['refused_per_s']:,.0f}",
                      *(ms(row["refused_sent"][q]) for q in ("p50_us", "p99_us")),
                      f"{100 * row['cpu']:.0f} %"])
    return table.grid(lines, markdown)


def picture(rows, peak, path):
    """A column for each step: good answers in parts of the peak, and their p95."""
    height, bottom, parts = 200, 250, []
    for part in (0.25, 0.5, 0.75, 1):
        y = bottom - height * part
        parts.append(f'<line x1="60" x2="600" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>'
                     f'<text x="52" y="{y + 4:.0f}" text-anchor="end">{part:.0%}</text>')
    for at, (step, row) in enumerate(rows):
        x, y = 80 + 105 * at, bottom - height * row["good_per_s"] / peak
        p95 = row["good_due"]["p95_us"] / 1000
        parts.append(f'<rect x="{x}" y="{y:.0f}" width="70" height="{bottom - y:.0f}"'
                     ' fill="#1f6fb2"/>'
                     f'<text x="{x + 35}" y="{y - 6:.0f}" text-anchor="middle">p95 {p95:,.0f} ms'
                     f'</text><text x="{x + 35}" y="{bottom + 18}" text-anchor="middle">{step:g}x'
                     '</text>')
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 300" font-family="sans-serif" '
        'font-size="12"><rect width="640" height="300" fill="white"/>' + "".join(parts)
        + f'<path d="M60,20V{bottom}H600" fill="none" stroke="#333"/>'
        '<text x="330" y="290" text-anchor="middle">orders offered, in peaks; columns: confirmed, '
        'in parts of the peak</text></svg>\n')


def show(o, about, shop, found):
    rows, peak = found["curve"], shop.peak
    print(f"{about['cpus']} CPUs ({about['cpu']}), one of them the generator's; fdatasync"
          f" {about['fdatasync_ms']} ms; peak {peak:,.0f} orders/s; {CLIENTS} connections;"
          f" {about['date']}.\n")
    print(curve_grid(rows, peak, o.markdown))
    p95, limit = rows[0][1]["good_due"]["p95_us"], 5 + 10 * about["fdatasync_ms"]
    half = found["half"]["good_due"]
    print(f"\nhalf of the peak over {FEW} connections: p50 {ms(half['p50_us'])}, p95"
          f" {ms(half['p95_us'])}, p99 {ms(half['p99_us'])} ms (5 ms and 10 syncs wanted:"
          f" {limit:.2f} ms)")
    for step, row in rows[2:]:
        print(f"{step:g}x: {row['good_per_s'] / peak:.2f} of the peak (0.9 wanted), p95"
              f" {row['good_due']['p95_us'] / p95:.2f}x that at 0.5x (2 wanted)")
    back = found["recovery"]
    print("recovery after 10x: " + (f"{back:.1f} s" if back is not None else
                                    f"not within {RECOVERY_S_MAX} s") + " (5 wanted)")
    c = found["classes"]
    print(f"\nbeside orders at 5x: reads {c['reads']['good_per_s'] / READS_PER_S:.0%} answered, p95"
          f" {ms(c['reads']['good_due']['p95_us'])} ms; notices {c['notices'].success():.1%}, p95"
          f" {c['notices'].p95_ms():.1f} ms; imports {c['imports'].success():.1%}; orders"
          f" {c['orders']['good_per_s'] / peak:.2f} of the peak")
    for name, row in found["storms"].items():
        print(f"2x, each refused order sent again three times {name}:"
              f" {row['good_per_s'] / peak:.2f} of the peak, {row['retried']:,} retries")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=4)
    p.add_argument("--steps", default=",".join(map(str, STEPS)), help="times the peak")
    p.add_argument("--markdown", action="store_true")
    p.add_argument("--picture", type=pathlib.Path)
    p.add_argument("--grevy", type=pathlib.Path, default=ROOT / "build/grevy")
    p.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench")
    p.add_argument("--dir", type=pathlib.Path)
    o = p.parse_args()
    o.root, o.pg, o.warm_s = ROOT, None, 1.0
    o.steps = [float(step) for step in o.steps.split(",")]
    o.grevy, o.bin = o.grevy.resolve(), o.bin.resolve()
    on_signal()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="grevy-overload-", dir=o.dir))
    try:
        bench, about = Overload(o, folder), machine(folder)
        with bench.shop() as shop:
            shop.peak = bench.peak(shop)
            say(f"the peak: {shop.peak:,.0f} orders/s")
            curve = bench.curve(shop)
            found = {"curve": curve,
                     "half": bench.loop(shop, 0.5 * shop.peak, "--connections", FEW),
                     "recovery": bench.recovery(shop, curve[0][1]["good_due"]["p95_us"]),
                     "classes": bench.classes(shop),
                     "storms": {
                         "at once": bench.loop(shop, 2 * shop.peak, "--retries", 3),
                         "a second later": bench.loop(shop, 2 * shop.peak, "--retries", 3,
                                                      "--retry-ms", 1000)}}
            show(o, about, shop, found)
            if o.picture:
                picture(curve, shop.peak, o.picture)
    except Unavailable as why:
        sys.exit(f"bench: {why}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; every server was stopped")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
