"""kit.py - what journeys share: a server of one's own, clients, both databases, results.

    @journey("what must hold")
    def name(shop):              # a Shop: a running server on an empty database, and its API
        ...
    if __name__ == "__main__":
        main()

Each journey runs on SQLite, and on PostgreSQL when GREVY_TEST_PG names a cluster; it prints
"ok FILE: SENTENCE (DATABASE)" or "not ok FILE: SENTENCE (DATABASE): reason".  The binary is GREVY,
or build/grevy.  No journey sleeps: wait_until waits for a condition, with a deadline.
"""
import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
GREVY = os.environ.get("GREVY") or str(ROOT / "build/grevy")
PG_BIN = "/usr/lib/postgresql/15/bin"
READY_S = 60  # Sanitizers and a busy machine; a plain start takes 0.1 s.
ANSWER_S = 60
STOP_S = 60
POLL_S = 0.005

numbers = itertools.count(1)


def next_number():
    """A number no other call gets."""
    return next(numbers)


class Wrong(Exception):
    """Something that must hold does not."""


def check(condition, said):
    if not condition:
        raise Wrong(said)


def equal(found, wanted, what):
    if found != wanted:
        raise Wrong(f"{what} is {found!r}, not {wanted!r}")


def wait_until(condition, seconds, what):
    """Wait until condition() is true; returns what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise Wrong(f"waited {seconds} s: {what}")
        time.sleep(POLL_S)
    return found


def together(count, work):
    """work(0) .. work(count - 1), each in a thread; their results in order.  The first failure is
    raised when all have ended."""
    results, failures = [None] * count, []

    def run(k):
        try:
            results[k] = work(k)
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


# ---- Databases: each run has one of its own; query() asks without the server ----

class Sqlite:
    name = "SQLite"

    def __init__(self, folder):
        self.data = folder / "data"

    def arguments(self):
        return ["--data", str(self.data)]

    def queries(self, *sqls):
        """Rows of each query as tuples, through a connection that cannot write."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data / 'default.db'}?mode=ro",
                                                uri=True, timeout=30)) as db:
            return [db.execute(sql).fetchall() for sql in sqls]

    def query(self, sql):
        return self.queries(sql)[0]

    def dump(self):
        """Everything that was stored, as bytes."""
        return b"".join(p.read_bytes() for p in sorted(self.data.rglob("*")) if p.is_file())

    def drop(self):
        pass


class Postgres:
    name = "PostgreSQL"

    def __init__(self, folder):
        self.data = folder / "data"
        self.cluster = os.environ["GREVY_TEST_PG"]
        self.database = f"journey_{os.getpid()}_{next_number()}"
        parts = urllib.parse.urlsplit(self.cluster)
        self.url = parts._replace(path="/" + self.database).geturl()
        self.schema = None
        self.psql(self.cluster, f"create database {self.database}")

    @staticmethod
    def tool(name):
        path = os.path.join(PG_BIN, name)
        return path if os.access(path, os.X_OK) else name

    def psql(self, url, *sqls):
        """What psql prints of each statement."""
        script = "".join(f"\\echo \x1e\n{sql};\n" for sql in sqls)
        done = subprocess.run([self.tool("psql"), url, "-XqAt", "-F", "\x1f", "-v",
                               "ON_ERROR_STOP=1"], input=script, capture_output=True, text=True,
                              timeout=120, check=False)
        check(done.returncode == 0, f"psql: {done.stderr.strip()[-300:]}")
        return done.stdout.split("\x1e\n")[1:]

    def arguments(self):
        return ["--db", self.url, "--data", str(self.data)]

    def queries(self, *sqls):
        """Rows of each query as tuples: whole numbers as int, all else as text."""
        if not self.schema:  # A space is a schema.
            self.schema = self.psql(self.url, "select table_schema from information_schema.tables"
                                              " where table_name = 'kernel_outbox'")[0].strip()
        out = self.psql(self.url, f'set search_path = "{self.schema}"', *sqls)[1:]
        return [[tuple(int(v) if re.fullmatch(r"-?\d{1,19}", v) else v for v in line.split("\x1f"))
                 for line in text.splitlines()] for text in out]

    def query(self, sql):
        return self.queries(sql)[0]

    def dump(self):
        return subprocess.run([self.tool("pg_dump"), self.url], capture_output=True, timeout=120,
                              check=True).stdout

    def drop(self):
        self.psql(self.cluster, f"drop database if exists {self.database} with (force)")


# ---- The API ----

@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # Names in lower case.
    text: bytes

    def json(self):
        return json.loads(self.text)

    def expect(self, status, code=None):
        """The decoded body, when the answer is as it should be."""
        check(self.status == status, f"answered {self.status}, not {status}: {self.text[:300]!r}")
        if status >= 400:
            equal(self.headers.get("content-type"), "application/problem+json", "content type")
        body = self.json() if self.text else None
        if code is not None:
            equal(body.get("code"), code, "code")
        return body


class Client:
    """One keep-alive connection."""

    def __init__(self, port, key=None):
        self.key = key
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)

    def call(self, method, path, body=None, headers=None):
        """body: bytes as they are, anything else as JSON."""
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = "application/json"
        self.http.request(method, path, body, {**sent, **(headers or {})})
        reply = self.http.getresponse()
        text = reply.read()
        return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, text)

    def get(self, path):
        return self.call("GET", path).expect(200)

    def post(self, path, body, status=201, idempotency=None):
        headers = {"Idempotency-Key": idempotency} if idempotency else {}
        return self.call("POST", path, body, headers).expect(status)

    def close(self):
        self.http.close()

    # What most journeys begin with.

    def product(self, title="Box", count=1, kind="goods", **sku):
        """A product on sale; returns the ids of its SKUs."""
        rows = [{"code": f"C{next_number()}", "title": title,
                 "price": {"amount": 1990, "currency": "CNY"}, **sku} for _ in range(count)]
        made = self.post("/v1/products", {"title": title, "kind": kind, "skus": rows})
        return [row["id"] for row in made["skus"]]

    def receive(self, sku, quantity):
        self.post("/v1/stock/movements", {"sku": sku, "kind": "receive", "quantity": quantity,
                                          "reason": "delivery"})

    def order(self, *skus, user="u1", quantity=1, idempotency=None, **more):
        """Place an order; returns the Answer, whatever it is."""
        headers = {"Idempotency-Key": idempotency} if idempotency else {}
        return self.call("POST", "/v1/orders", order_of(*skus, user=user, quantity=quantity,
                                                        **more), headers)

    def pages(self, path):
        """Every row of a list."""
        cursor, rows = "", []
        while cursor is not None:
            joint = "&" if "?" in path else "?"
            page = self.get(f"{path}{joint}limit=100" + (f"&cursor={cursor}" if cursor else ""))
            rows += page["data"]
            cursor = page["next"]
        return rows


def order_of(*skus, user="u1", quantity=1, **more):
    return {"user": user, "currency": "CNY",
            "lines": [{"sku": sku, "quantity": quantity} for sku in skus], **more}


# ---- The server ----

class Server:
    """`grevy serve` on a database; may be stopped or killed, and started again."""

    def __init__(self, folder, database, environment=None):
        self.folder, self.database, self.environment = folder, database, environment or {}
        self.key = secrets.token_urlsafe(32)
        self.process = self.port = None
        self.listen = "127.0.0.1:0"
        self.log = folder / "log"

    def spawn(self, *arguments):
        """Start the process; whether it comes up is not waited for."""
        environment = {**os.environ, "GREVY_ADMIN_KEY": self.key, **self.environment}
        with open(self.folder / "out", "wb") as stdout, open(self.log, "ab") as stderr:
            return subprocess.Popen(
                [GREVY, "serve", *self.database.arguments(), "--listen", self.listen, *arguments],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment)

    def start(self, *arguments):
        self.process, out = self.spawn(*arguments), self.folder / "out"
        self.port = wait_until(lambda: self.listening(out), READY_S, "the server does not listen")
        wait_until(self.ready, READY_S, "the server is not ready")
        return self

    def listening(self, out):
        check(self.process.poll() is None,
              f"the server ended with {self.process.returncode}: {self.last_words()}")
        found = re.search(r"^grevy listens on port (\d+)\n", out.read_text(), re.M)
        return found and int(found.group(1))

    def ready(self):
        check(self.process.poll() is None, f"the server ended: {self.last_words()}")
        with contextlib.closing(Client(self.port)) as client:
            return client.call("GET", "/readyz").status == 200

    def last_words(self):
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-5:])[-600:]

    def client(self, key=None):
        return Client(self.port, key or self.key)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def ended(self):
        """Wait for a graceful end; sanitizers fail it through the status."""
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Wrong(f"the server did not end within {STOP_S} s of SIGTERM") from None
        check(status == 0, f"the server ended with {status}: {self.last_words()}")

    def stop(self):
        if self.process and self.process.returncode is None:
            self.terminate()
            self.ended()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()


class Shop(Server, Client):
    """A server with an admin client: shop.product(..), shop.get(..)."""

    def start(self, *arguments):
        super().start(*arguments)
        self.http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        return self

    def stop(self):
        if self.process and self.process.returncode is None:
            self.http.close()  # Else the server waits a while for us to read its good-bye.
        super().stop()

    def clean(self):
        """The server's own view of all its ledgers."""
        found = self.get("/v1/ledger/check")
        check(found["ok"] and not found["findings"], f"the ledger check found {found['findings']}")


def raw(port, data, seconds=ANSWER_S):
    """Send bytes as they are; returns all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(data)
        got = b""
        with contextlib.suppress(ConnectionError):
            while part := s.recv(65536):
                got += part
    return got


# ---- Running ----

journeys = []


def journey(sentence, databases=(Sqlite, Postgres)):
    def add(function):
        journeys.append((sentence, function, databases))
        return function
    return add


@contextlib.contextmanager
def fresh(kind):
    """A folder and an empty database in it; nothing is left."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="grevy_journey."))
    try:
        database = kind(folder)
        try:
            yield folder, database
        finally:
            database.drop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_one(function, kind):
    with fresh(kind) as (folder, database):
        shop = Shop(folder, database)
        try:
            function(shop.start())
            shop.stop()
        finally:
            if shop.process and shop.process.returncode is None:
                shop.kill()


def verdict(function, kind, title):
    try:
        run_one(function, kind)
    except Wrong as why:
        reason = str(why)
    except Exception as why:  # pylint: disable=broad-except
        traceback.print_exc()
        reason = f"{type(why).__name__}: {why}"
    else:
        print(f"ok {title}", flush=True)
        return True
    print(f"not ok {title}: {reason}".replace("\n", " "), flush=True)
    return False


def main():
    """Run this file's journeys; arguments: words of the sentences wanted."""
    file, good = pathlib.Path(sys.argv[0]).stem, True
    for sentence, function, kinds in journeys:
        if not all(word in sentence for word in sys.argv[1:]):
            continue
        for kind in kinds:
            title = f"{file}: {sentence} ({kind.name})"
            if kind is Postgres and not os.environ.get("GREVY_TEST_PG"):
                print(f"skip {title}: GREVY_TEST_PG names no cluster", flush=True)
                continue
            good = verdict(function, kind, title) and good
    sys.exit(0 if good else 1)
