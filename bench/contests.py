"""contests.py - who is measured, and how.

A contestant is a method of Bench that measures one round and returns {name: Sample}.  Every server
starts fresh on an empty folder for each round.
"""
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import secrets
import shutil
import statistics
import time
import uuid

from processes import Cluster, Unavailable, free_port, need, rss_kib, run_json, server, tree_cpu_us

CONNECTIONS = 64
SKUS_MANY = 1000
SKUS_PER_PRODUCT = 20
STOCK = 10_000_000  # Per SKU; far more than a round sells.
NGINX_WORKERS = 1  # Its best here: a second worker costs it CPU per request.
RULE_TURNS = 4
DOCUMENTS, DOCUMENTS_AT_ONCE, PUBLICATIONS = 10_000, 200, 50
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

    # ---- Rules ----

    def in_turns(self, name, ours, yard, package):
        """Medians of two programs that print one figure, run in turns; the second needs node."""
        node = shutil.which("node")
        seconds = self.o.seconds / RULE_TURNS
        turns = {name: [], f"{name}, npm": []}
        for _ in range(RULE_TURNS):
            turns[name].append(run_json([*ours, seconds], 60))
            if node and (self.o.root / "node_modules" / package).exists():
                turns[f"{name}, npm"].append(
                    run_json([node, self.o.root / "bench/yardstick" / yard, seconds], 60))
        samples = {key: Sample(value=statistics.median(each)) for key, each in turns.items() if each}
        if len(samples) == 1:
            samples[name].remark = "no yardstick: npm ci installs it"
        return samples

    def rule(self):
        """One condition, evaluated over and over: ours and the yardstick in turns."""
        samples = self.in_turns("condition", [need(self.o.bin / "rule", "build the bench first")],
                                "cel.mjs", "@marcbachmann/cel-js")
        for sample in samples.values():
            sample.per_s = 1e9 / sample.value
        return samples

    def schema(self):
        """One document of 2 kB, from bytes, over and over."""
        ours = [need(self.o.bin / "schema", "build the bench first"), self.o.root / "bench/yardstick"]
        samples = self.in_turns("document", ours, "ajv.mjs", "ajv-formats")
        for sample in samples.values():
            sample.per_s = 1e6 / sample.value
        return samples

    # ---- Counters ----

    def count_local(self):
        with self.scratch() as path:
            out = run_json([need(self.o.bin / "count", "build the bench first"), "local", path,
                            self.o.seconds], self.o.seconds * 3 + 60)
            return {"three caps": Sample(value=out["take_ns"]),
                    "three increments": Sample(value=out["map_ns"])}

    def count_redis(self):
        redis = need(pathlib.Path("/usr/bin/redis-server"), "./dev install bench")
        port = free_port()
        with self.scratch() as path:
            argv = [redis, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", path]
            with server(argv, path / "log", port, None):
                out = run_json([need(self.o.bin / "count", "build the bench first"), "redis",
                                path / "data", self.o.seconds, f"127.0.0.1:{port}"],
                               self.o.seconds * 3 + 60)
        remark = "the connection was degraded at the end" if out["degraded"] else None
        return {"caps in Redis": Sample(out["take_per_s"], remark=remark),
                "blocking hiredis": Sample(out["blocking_per_s"])}

    # ---- Idle ----

    def idle(self):
        with self.grevy() as process:
            time.sleep(1)  # Whatever starts late has started.
            return {"idle memory": Sample(value=rss_kib(process.pid) / 1024),
                    "start-up": Sample(value=process.ready_ms)}

    def script(self):
        said = run_json([need(self.o.bin / "script", "make bench"), self.o.root / "demo/scripts/member_price.json"], 120)
        return {"Lua strategy": Sample(value=said["ours_us"]),
                "plain Lua": Sample(value=said["plain_us"])}

    # ---- What operators decide ----

    def table(self):
        said = run_json([need(self.o.bin / "table", "make bench")], 120)
        return {"table": Sample(value=said["ours_us"]), "loop": Sample(value=said["loop_us"])}

    def documents(self):
        """A space with 10,000 decision tables: opened, and one more published."""
        port = free_port()
        with self.scratch() as path:
            (path / "data").mkdir()
            argv = [need(self.o.grevy, "run ./dev build"), "serve", "--data", path / "data",
                    "--listen", f"127.0.0.1:{port}", "--log-level", "warn"]
            with self.documents_server(argv, path, port):
                api = Grevy(port, self.key)
                for first in range(0, DOCUMENTS, DOCUMENTS_AT_ONCE):
                    api.call("POST", "/v1/documents", {"documents": [
                        table_document(k, k) for k in range(first, first + DOCUMENTS_AT_ONCE)]})
            with self.documents_server(argv, path, port) as process:
                api = Grevy(port, self.key)
                took = [publish_and_see(api, api, k) for k in range(PUBLICATIONS)]
                return {"10,000 documents": Sample(value=process.ready_ms),
                        "one more": Sample(value=statistics.median(took))}

    def documents_seen(self):
        """Two processes on one PostgreSQL: one publishes, the other decides."""
        ports = free_port(), free_port()
        with self.cluster.database() as url, self.scratch() as path:
            (path / "data").mkdir()
            argv = [need(self.o.grevy, "run ./dev build"), "serve", "--db", url, "--data",
                    path / "data", "--log-level", "error", "--listen"]
            with server([*argv, f"127.0.0.1:{ports[0]}"], path / "log", ports[0], "/readyz",
                        {"GREVY_ADMIN_KEY": self.key}), \
                    server([*argv, f"127.0.0.1:{ports[1]}"], path / "log2", ports[1], "/healthz",
                           {"GREVY_ADMIN_KEY": self.key}):
                one, other = Grevy(ports[0], self.key), Grevy(ports[1], self.key)
                took = sorted(publish_and_see(one, other, k) for k in range(PUBLICATIONS))
        return {"seen, half the time": Sample(value=took[len(took) // 2]),
                "seen, the slowest": Sample(value=took[-1])}

    def documents_server(self, argv, path, port):
        return server(argv, path / "log", port, "/readyz", {"GREVY_ADMIN_KEY": self.key},
                      cpus=self.server_cpus)


def table_document(key, months):
    """Five rows and two inputs, about 500 bytes."""
    rows = [{"when": [f">= {1000 * k}", "A, B"], "then": [months + k]} for k in range(5)]
    return {"collection": "table", "key": f"t{key}", "document": {
        "inputs": [{"name": "amount", "type": "int"}, {"name": "band", "type": "string"}],
        "outputs": [{"name": "months", "type": "int", "default": 1}], "rows": rows}}


def decision(api):
    """By the document that is published again and again; None: it is not in force yet."""
    try:
        return api.call("POST", "/v1/tables/t0/run", {"input": {"amount": 0, "band": "A"}})["output"]
    except Unavailable:
        return None


def publish_and_see(api, other, number):
    """Milliseconds from the answer to a publication until the other decides by it."""
    api.call("POST", "/v1/documents", {"documents": [table_document(0, DOCUMENTS + number)]})
    begin = time.monotonic()
    while decision(other) != {"months": DOCUMENTS + number}:
        pass
    return (time.monotonic() - begin) * 1000
