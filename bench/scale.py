#!/usr/bin/env python3
"""scale.py - ./dev bench --scale: what years of trade, many spaces and many waiting clients cost.

  bench/scale.py [--only NAME,..] [--orders N] [--rounds N] [--seconds S] [--dir DIR] [--markdown]

Parts: orders (CPU of an order in a full file over one in an empty file), start (ten spaces after
kill -9 under load), bare (orders against a bare loop), reads (against nginx), memory (a connection,
a queued command, a space), consumers (events to a consumer's committed effect).
--orders: how many fill the file (10,000,000: about 12 GB, and as
much on PostgreSQL).  Never fails because a target is missed.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import table
from contests import STOCK, Bench, Grevy, Sample
from fill import Filler, Postgres, Sqlite
from processes import (Unavailable, free_port, need, on_signal, rss_kib, run_json, server,
                       tree_cpu_us)
from run import ROOT, machine

PARTS = ("orders", "start", "bare", "reads", "memory", "consumers")
SKUS = 1000
SPACES = 10
START_CYCLES = 5
CLIENTS = 2000  # Of the memory part.
CLIENT_ADDRESSES = 4
IDLE_S = 4  # After two the memory of idle connections is given back.

ROWS = [
    table.Row("orders", "CPU of an order, SQLite: full file over an empty one", "full, SQLite",
              "empty, SQLite", figure="cpu_us", most=2.5),
    table.Row("orders", "the same, PostgreSQL", "full, PostgreSQL", "empty, PostgreSQL",
              figure="cpu_us", most=2.5),
    table.Row("start", "Ready after kill -9 under load, ten spaces of a tenth of the orders, ms",
              "ready", figure="value", most=500),
    table.Row("start", "the first order in a space after that, slowest of ten, ms", "first order",
              figure="value"),
    table.Row("bare", "Durable orders over HTTP, one hot SKU, over a bare C loop without HTTP",
              "grevy", "bare loop", least=0.7),
    table.Row("bare", "the same over a bare C loop behind HTTP", "grevy", "bare loop, HTTP"),
    table.Row("reads", "CPU of GET /v1/products/{id} over nginx `return 200`", "grevy GET", "nginx",
              figure="cpu_us", most=1.7),
    table.Row("memory", "Memory of an idle connection, KiB", "connection", figure="value"),
    table.Row("memory", "Memory of one between two requests, KiB", "busy", figure="value"),
    table.Row("memory", "Memory of a queued command, KiB", "command", figure="value"),
    table.Row("memory", "Memory of an open space, KiB", "space", figure="value"),
    table.Row("consumers", "Events through outbox to a consumer's committed effect", "consumed",
              least=20000),
    table.Row("consumers", "lag at half of that, p99, ms", "lag", figure="value", most=50),
    table.Row("consumers", "the same on PostgreSQL", "consumed, PostgreSQL", least=20000),
    table.Row("consumers", "lag at half of that, p99, ms", "lag, PostgreSQL", figure="value",
              most=50),
]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Scale(Bench):
    def __init__(self, options, folder):
        super().__init__(options, folder)
        self.full = {}

    # ---- Servers on data that stays ----

    @contextlib.contextmanager
    def on(self, data, *arguments, **how):
        """A server on this data directory; its .api speaks to the default space."""
        port = free_port()
        argv = [need(self.o.grevy, "run ./dev build"), "serve", "--data", data, "--listen",
                f"127.0.0.1:{port}", "--log-level", "warn", *arguments]
        with server(argv, self.folder / "log", port, "/readyz", {"GREVY_ADMIN_KEY": self.key},
                    **how) as process:
            process.port, process.api = port, Grevy(port, self.key)
            yield process

    def first_order(self, data, *arguments):
        """The template of a full space; returns the SKU ids."""
        with self.on(data, *arguments) as process:
            _, skus = process.api.products(SKUS, STOCK)
            process.api.call("POST", "/v1/orders", {
                "user": "u0", "currency": "CNY", "lines": [{"sku": skus[0], "quantity": 1}]})
        return skus

    # ---- Full against empty ----

    def load_orders(self, process, skus, database_cpu=lambda: 0):
        path = self.folder / "skus"
        path.write_text("\n".join(skus))
        return self.measure(process, process.port, 201, "--users", self.users(), "--skus", path,
                            "orders", database_cpu=database_cpu)

    def users(self):
        return max(self.o.orders // 10, 1)

    def fill_sqlite(self):
        data = self.fresh()
        skus = self.first_order(data)
        Filler(Sqlite(data / "default.db"), self.o.orders, self.users()).run(say)
        size = (data / "default.db").stat().st_size
        say(f"the file: {size / 1e9:.1f} GB")
        return data, skus

    def sqlite_pair(self):
        if "sqlite" not in self.full:
            self.full["sqlite"] = self.fill_sqlite()
        data, skus = self.full["sqlite"]
        with self.scratch() as path, self.on(path) as process:
            _, own = process.api.products(SKUS, STOCK)
            empty = self.load_orders(process, own)
        with self.on(data) as process:
            return {"empty, SQLite": empty, "full, SQLite": self.load_orders(process, skus)}

    def database_cpu(self):
        return tree_cpu_us(self.cluster.postmaster)

    def postgres_pair(self):
        if "postgres" not in self.full:
            database = self.cluster.database()
            self.close.enter_context(database_of(database, self.full))
            url, data = self.full["url"], self.fresh()
            skus = self.first_order(data, "--db", url)
            Filler(Postgres(self.cluster, url, "default"), self.o.orders, self.users()).run(say)
            self.full["postgres"] = data, skus
        data, skus = self.full["postgres"]
        with self.cluster.database() as url, self.scratch() as path:
            with self.on(path, "--db", url) as process:
                _, own = process.api.products(SKUS, STOCK)
                empty = self.load_orders(process, own, self.database_cpu)
        with self.on(data, "--db", self.full["url"]) as process:
            full = self.load_orders(process, skus, self.database_cpu)
        return {"empty, PostgreSQL": empty, "full, PostgreSQL": full}

    # ---- Many spaces ----

    def make_spaces(self):
        """Ten spaces with the same orders; returns the data, keys by space, SKU ids."""
        data = self.fresh()
        skus = self.first_order(data)
        Filler(Sqlite(data / "default.db"), max(self.o.orders // SPACES, 1), self.users()).run(say)
        keys = {"default": self.key}
        for n in range(1, SPACES):
            name = f"space{n}"
            done = subprocess.run([self.o.grevy, "space", "create", name, "--data", data],
                                  capture_output=True, text=True, check=True)
            keys[name] = done.stdout.split()[-1]
            own = sqlite3.connect(data / f"{name}.db")
            key_rows = own.execute("select * from kernel_key").fetchall()
            own.close()
            shutil.copyfile(data / "default.db", data / f"{name}.db")
            copied = sqlite3.connect(data / f"{name}.db", isolation_level=None)
            copied.execute("delete from kernel_key")
            marks = ",".join("?" * len(key_rows[0]))
            copied.executemany(f"insert into kernel_key values ({marks})", key_rows)
            copied.close()
            for left in ("-wal", "-shm"):
                (data / f"{name}.db{left}").unlink(missing_ok=True)
        return data, keys, skus

    def order(self, port, key, sku):
        """Place an order; returns the milliseconds that it took."""
        begin = time.monotonic()
        Grevy(port, key).call("POST", "/v1/orders", {
            "user": "u1", "currency": "CNY", "lines": [{"sku": sku, "quantity": 1}]})
        return (time.monotonic() - begin) * 1000

    def killed_under_load(self, data, keys, skus):
        path = self.folder / "skus"
        path.write_text("\n".join(skus))
        loads = []
        try:
            with self.on(data) as process:
                for key in keys.values():
                    loads.append(subprocess.Popen(
                        [str(a) for a in (self.load, "--port", process.port, "--connections", 8,
                                          "--seconds", 30, "--users", self.users(), "--skus",
                                          path, "orders")],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                        env={**os.environ, "GREVY_ADMIN_KEY": key}))
                time.sleep(2)
                process.send_signal(signal.SIGKILL)
                process.wait()
        except Unavailable as why:
            if "died under load" not in str(why):
                raise
        finally:
            for load in loads:
                load.kill()
                load.wait()

    def start(self):
        if "spaces" not in self.full:
            self.full["spaces"] = self.make_spaces()
        data, keys, skus = self.full["spaces"]
        ready, first = [], []
        for _ in range(START_CYCLES):
            self.killed_under_load(data, keys, skus)
            with self.on(data) as process:
                ready.append(process.ready_ms)
                first.append(max(self.order(process.port, key, skus[0]) for key in keys.values()))
        return {"ready": Sample(value=statistics.median(ready)),
                "first order": Sample(value=statistics.median(first))}

    # ---- Memory ----

    def memory(self):
        with self.scratch() as data:
            with self.on(data) as process:
                _, (sku,) = process.api.products(1, STOCK)
                connection, busy, command = self.waiting(process, data, sku)
            names = [f"space{n}" for n in range(1, SPACES)]
            keys = [subprocess.run([self.o.grevy, "space", "create", name, "--data", data],
                                   capture_output=True, text=True, check=True).stdout.split()[-1]
                    for name in names]
            with self.on(data) as process:
                process.api.call("GET", "/v1/settings")
                before = rss_kib(process.pid)
                for key in keys:
                    Grevy(process.port, key).call("GET", "/v1/settings")
                space = (rss_kib(process.pid) - before) / len(keys)
        return {"connection": Sample(value=connection), "busy": Sample(value=busy), "command": Sample(value=command),
                "space": Sample(value=space)}

    def waiting(self, process, data, sku):
        """KiB of an idle connection, of a busy one, and of the command that it waits for."""
        get = (f"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").encode()
        base, clients = rss_kib(process.pid), []
        for n in range(CLIENTS):
            client = socket.create_connection(
                ("127.0.0.1", process.port), 5,
                source_address=(f"127.0.0.{2 + n % CLIENT_ADDRESSES}", 0))
            clients.append(client)
        busy = self.asked(process, clients, get)
        time.sleep(IDLE_S)
        idle = rss_kib(process.pid)
        again = self.asked(process, clients, get)
        lock = sqlite3.connect(data / "default.db", isolation_level=None)
        lock.execute("begin immediate")
        try:
            for n, client in enumerate(clients):
                client.sendall(order_bytes(self.key, sku, n))
            depth = wait_for_depth(process.port, CLIENTS * 9 // 10)
            queued = rss_kib(process.pid)
        finally:
            lock.execute("rollback")
            lock.close()
        for client in clients:
            client.recv(65536)
            client.close()
        return (idle - base) / CLIENTS, (busy - base) / CLIENTS, (queued - again) / depth

    @staticmethod
    def asked(process, clients, get):
        """KiB of the server after each has asked."""
        for client in clients:
            client.sendall(get)
        for client in clients:
            client.recv(4096)
        return rss_kib(process.pid)

    # ---- Consumers ----

    def consumers(self):
        out = run_json([need(self.o.bin / "consumers", "build the bench first"), self.fresh(),
                        self.o.seconds], self.o.seconds + 120)
        with self.cluster.database() as url:
            pg = run_json([self.o.bin / "consumers", self.fresh(), self.o.seconds, url],
                          self.o.seconds + 120)
        return {"consumed": Sample(per_s=out["per_s"], cpu_us=out["cpu_us"]),
                "lag": Sample(value=out["lag_p99_ms"]),
                "consumed, PostgreSQL": Sample(per_s=pg["per_s"], cpu_us=pg["cpu_us"]),
                "lag, PostgreSQL": Sample(value=pg["lag_p99_ms"])}


@contextlib.contextmanager
def database_of(database, to):
    with database as url:
        to["url"] = url
        yield


def order_bytes(key, sku, number):
    body = json.dumps({"user": f"u{number}", "currency": "CNY",
                       "lines": [{"sku": sku, "quantity": 1}]})
    return (f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            f"Idempotency-Key: waiting-{number}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def wait_for_depth(port, wanted):
    """The queue's depth once it is what was wanted, or grows no more."""
    depth, until = 0, time.monotonic() + 4
    while depth < wanted and time.monotonic() < until:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
        depth = int(float(next(line.split()[1] for line in lines
                               if line.startswith("grevy_queue_commands"))))
        time.sleep(0.01)
    return max(depth, 1)


CONTESTS = {"orders": ["sqlite_pair", "postgres_pair"], "start": ["start"],
            "bare": ["bare_loop", "bare_http", "grevy_group"], "reads": ["grevy_reads", "nginx"],
            "memory": ["memory"], "consumers": ["consumers"]}


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--only", default=",".join(PARTS), help="of: " + ", ".join(PARTS))
    p.add_argument("--orders", type=int, default=10_000_000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=4)
    p.add_argument("--markdown", action="store_true")
    p.add_argument("--grevy", type=pathlib.Path, default=ROOT / "build/grevy")
    p.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench")
    p.add_argument("--pg", metavar="URL")
    p.add_argument("--dir", type=pathlib.Path, help="where the databases lie: needs 40 GB")
    o = p.parse_args()
    o.root, o.parts, o.warm_s = ROOT, o.only.split(","), 1.0
    if unknown := set(o.parts) - set(PARTS):
        p.error(f"--only: no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    o.grevy, o.bin = o.grevy.resolve(), o.bin.resolve()
    return o


def main():
    o = arguments()
    on_signal()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="grevy-scale-", dir=o.dir))
    folder.chmod(0o755)
    bench, rounds, remarks = None, [], {}
    try:
        bench = Scale(o, folder)
        about = machine(folder)
        with contextlib.ExitStack() as bench.close:
            for number in range(o.rounds):
                samples = {}
                for part in o.parts:
                    for name in CONTESTS[part]:
                        say(f"round {number + 1} of {o.rounds}: {name}")
                        try:
                            samples.update(getattr(bench, name)())
                        except Unavailable as why:
                            remarks[f"{name}: {why}"] = True
                for name, sample in samples.items():
                    if sample.remark:
                        remarks[f"{name}: {sample.remark}"] = True
                rounds.append(samples)
        table.ROWS = ROWS
        found = table.results(o.parts, rounds)
        print(f"{about['cpus']} CPUs ({about['cpu']}), {about['file_system']}, fdatasync"
              f" {about['fdatasync_ms']} ms; {o.orders:,} orders of {bench.users():,} users;"
              f" medians of {o.rounds} rounds, {about['date']}.\n")
        print(table.summary(found, o.markdown))
        for remark in remarks:
            print(f"\nRemark: {remark}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; every server was stopped")
    finally:
        if bench:
            bench.cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
