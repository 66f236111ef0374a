"""contests.py - who is measured, and how.

A contestant is a method of Bench that measures one round and returns {name: Sample}.  Every server
starts fresh on an empty folder for each round.
"""
import contextlib
import dataclasses
import http.client
import json
import os
import secrets
import shutil
import time
import uuid

from processes import Cluster, Unavailable, free_port, need, rss_kib, run_json, server, tree_cpu_us

CONNECTIONS = 64
SKUS_MANY = 1000
SKUS_PER_PRODUCT = 20
STOCK = 10_000_000  # Per SKU; far more than a round sells.
NGINX_WORKERS = 1  # Its best here: a second worker costs it CPU per request.
BODY_BYTES = 600  # Of nginx, until our own is known.


@dataclasses.dataclass
class Sample:
    """One measured round.  Times are microseconds; what does not apply is None."""
    per_s: float = None
    cpu_us: float = None  # Of the server, database server included, per operation.
    p50_us: float = None
    p95_us: float = None
    p99_us: float = None
    value: float = None  # Rows that measure something else: MB, ms.
    remark: str = None
    good: int = 0  # Replies as expected, warm-up included.
    body_bytes: int = 0


class Grevy:
    """The HTTP API, as far as the bench needs it."""

    def __init__(self, port, key):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.key = key

    def call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        text = json.dumps(body) if body is not None else None
        try:
            self.http.request(method, path, text, headers)
            reply = self.http.getresponse()
        except (ConnectionError, http.client.HTTPException):  # Idle for too long: once more.
            self.http.close()
            self.http.request(method, path, text, headers)
            reply = self.http.getresponse()
        text = reply.read()
        if reply.status >= 300:
            raise Unavailable(f"{method} {path} gave {reply.status}: {text[:300].decode()}")
        return json.loads(text)

    def products(self, skus, stock):
        """Make products with so many SKUs in all; returns a product id and the SKU ids."""
        ids, product = [], None
        while len(ids) < skus:
            count = min(SKUS_PER_PRODUCT, skus - len(ids))
            product = self.call("POST", "/v1/products", {
                "title": f"Bench product {len(ids)}", "kind": "goods",
                "skus": [{"code": f"B-{len(ids) + k}", "title": f"Bench article {len(ids) + k}",
                          "price": {"amount": 1990, "currency": "CNY"}, "stock": "deny"}
                         for k in range(count)]})
            ids += [sku["id"] for sku in product["skus"]]
        for sku in ids if stock else []:
            self.call("POST", "/v1/stock/movements", {"sku": sku, "kind": "receive",
                                                      "quantity": stock, "reason": "bench"})
        return product["id"], ids


class Bench:
    def __init__(self, options, folder):
        self.o, self.folder, self.body_bytes, self.runs = options, folder, BODY_BYTES, 0
        self.key = os.environ.get("GREVY_ADMIN_KEY") or secrets.token_urlsafe(32)
        self.load = need(options.bin / "load", "build the bench first")
        self.load_cpu = max(os.sched_getaffinity(0))
        self.server_cpus = os.sched_getaffinity(0) - {self.load_cpu} or {self.load_cpu}
        self.cluster = Cluster(options.root / "tools" / "pg-cluster", folder / "pg", options.pg)

    # ---- Servers ----

    def fresh(self):
        self.runs += 1
        path = self.folder / f"run{self.runs}"
        path.mkdir(mode=0o755)
        return path

    @contextlib.contextmanager
    def scratch(self):
        path = self.fresh()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def grevy(self, *arguments, **how):
        binary = need(self.o.grevy, "run ./dev build")
        port = free_port()
        with self.scratch() as path:
            argv = [binary, "serve", "--data", path / "data", "--listen", f"127.0.0.1:{port}",
                    *arguments]
            (path / "data").mkdir()
            with server(argv, path / "log", port, "/readyz", {"GREVY_ADMIN_KEY": self.key},
                        **how) as process:
                process.port, process.api = port, Grevy(port, self.key)
                yield process

    def run_load(self, port, seconds, *work):
        argv = [self.load, "--port", port, "--connections", CONNECTIONS, "--cpu", self.load_cpu,
                "--seconds", seconds, *work]
        return run_json(argv, seconds + 60, {"GREVY_ADMIN_KEY": self.key})

    def measure(self, process, port, expected, *work, database_cpu=lambda: 0):
        """Warm up, then one measured run; counts only replies of the expected status."""
        warm = self.run_load(port, self.o.warm_s, *work)
        cpu_us = -tree_cpu_us(process.pid) - database_cpu()
        result = self.run_load(port, self.o.seconds, *work)
        cpu_us += tree_cpu_us(process.pid) + database_cpu()
        good = result["statuses"].get(str(expected), 0)
        sample = Sample(good / result["seconds"], cpu_us / max(result["requests"], 1),
                        result["p50_us"], result["p95_us"], result["p99_us"],
                        good=good + warm["statuses"].get(str(expected), 0),
                        body_bytes=result["body_bytes"])
        if good != result["requests"] or result["transport_errors"]:
            sample.remark = (f"unexpected answers: {result['statuses']},"
                             f" transport errors {result['errors']}")
        return sample

    # ---- Durable orders ----

    def orders(self, *arguments, skus=1, database_cpu=lambda: 0, **how):
        with self.grevy(*arguments, **how) as process:
            _, ids = process.api.products(skus, STOCK)
            work = self.sku_work(ids)
            sample = self.measure(process, process.port, 201, *work, database_cpu=database_cpu)
            reserved = sum(process.api.call("GET", f"/v1/stock/{sku}")["reserved"] for sku in ids)
            if reserved != sample.good:
                sample.remark = f"{sample.good} orders confirmed, but {reserved} reserved"
            return sample

    def sku_work(self, ids):
        path = self.folder / "skus"
        path.write_text("\n".join(ids))
        return "--skus", path, "orders"

    def slow(self):
        return need(self.o.bin / "slow_sync.so", "build the bench first")

    def grevy_group(self):
        return {"grevy": self.orders()}

    def grevy_one(self):
        return {"grevy, batches of one": self.orders("--batch-max", 1)}

    def grevy_slow(self):
        return {"grevy, slow sync": self.orders(preload=self.slow())}

    def grevy_one_slow(self):
        return {"grevy, batches of one, slow sync": self.orders("--batch-max", 1,
                                                                preload=self.slow())}

    def grevy_many(self):
        return {"grevy, 1,000 SKUs": self.orders(skus=SKUS_MANY)}

    def bare_http(self):
        port = free_port()
        with self.scratch() as path:
            argv = [need(self.o.bin / "bare_loop", "build the bench first"), path / "db", 1,
                    "--http", port]
            with server(argv, path / "log", port, None) as process:
                return {"bare loop, HTTP": self.measure(process, port, 201,
                                                        *self.sku_work(["sku_0000000000001"]))}

    def bare_loop(self):
        with self.scratch() as path:
            out = run_json([need(self.o.bin / "bare_loop", "build the bench first"), path / "db", 1,
                            self.o.seconds], self.o.seconds + 60)
            return {"bare loop": Sample(out["per_s"], out["cpu_us_per_order"])}

    # ---- PostgreSQL ----

    def grevy_pg(self):
        with self.cluster.database() as url:
            return {"grevy, PostgreSQL": self.orders(
                "--db", url, database_cpu=lambda: tree_cpu_us(self.cluster.postmaster))}

    def textbook(self, name, *arguments):
        with self.cluster.database() as url:
            out = run_json([need(self.o.bin / "textbook_pg", "build the bench first"), url,
                            CONNECTIONS, self.o.seconds, *arguments], self.o.seconds + 60)
            return {name: Sample(out["per_s"], out["client_cpu_us_per_order"] +
                                 out["server_cpu_us_per_order"])}

    def textbook_first(self):
        return self.textbook("textbook")

    def textbook_last(self):
        return self.textbook("textbook, lock last", "--lock-last")

    # ---- CPU per request ----

    def grevy_reads(self):
        with self.grevy(cpus=self.server_cpus) as process:
            product, (sku,) = process.api.products(1, 0)
            get = self.measure(process, process.port, 200, "get", f"/v1/products/{product}")
            read = self.measure(process, process.port, 200, "get", f"/v1/stock/{sku}")
            refused = self.measure(process, process.port, 409, *self.sku_work([sku]))
        self.body_bytes = get.body_bytes
        return {"grevy GET": get, "grevy read": read, "grevy refusal": refused}

    def nginx(self):
        port = free_port()
        with self.scratch() as path:
            argv = [self.o.root / "bench/yardstick/nginx.sh", path, port, self.body_bytes,
                    NGINX_WORKERS]
            with server(argv, path / "log", port, "/", cpus=self.server_cpus) as process:
                return {"nginx": self.measure(process, port, 200, "get", "/v1/products/x")}

    # ---- Idle ----

    def idle(self):
        with self.grevy() as process:
            time.sleep(1)  # Whatever starts late has started.
            return {"idle memory": Sample(value=rss_kib(process.pid) / 1024),
                    "start-up": Sample(value=process.ready_ms)}
