"""fill.py - a space as years of trade leave it, made from one order that was placed over HTTP.

The rows that the server wrote for that order are multiplied in SQL: same columns, same lengths,
other ids, users and times, so that a new column needs no edit here.  The copies are expired orders:
they hold no stock, and the ledger still balances.  The server must be stopped meanwhile.
"""
import sqlite3
import time

CHUNK_ORDERS = 250_000
FILL_S_MAX = 1800  # Of one statement.
SPAN_DAYS = 30  # How long the orders took; a thirtieth of their answers is kept for each day.
DAY_MS = 86_400_000
MS_IN_ID = 1 << 22  # kernel/base/id.h: milliseconds, 10 bits of node, 12 of sequence.


def base32(value):
    """SQL for the 13 digits of an id."""
    digits = "'0123456789ABCDEFGHJKMNPQRSTVWXYZ'"
    return " || ".join(f"substr({digits}, cast((({value}) >> {5 * n}) & 31 as integer) + 1, 1)"
                       for n in range(12, -1, -1))


class Sqlite:
    random_key = "substr(hex(randomblob(22)), 1, 43)"

    @staticmethod
    def user(number):
        return f"printf('u%016x', {number})"

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -2000000",
                       "locking_mode = exclusive", "temp_store = memory"):
            self.db.execute(f"pragma {pragma}").fetchall()

    def rows(self, sql):
        return self.db.execute(sql).fetchall()

    def run(self, sql):
        self.db.execute(sql)

    def columns(self, table):
        return [row[1] for row in self.rows(f"pragma table_info({table})")]

    @staticmethod
    def series(first, last):
        return (f"with recursive series(k) as (select {first} union all select k + 1 from series"
                f" where k < {last}) ")

    def finish(self):
        self.db.execute("pragma journal_mode = wal").fetchall()
        self.db.close()


class Postgres:
    random_key = "substr(md5(random()::text) || md5(random()::text), 1, 43)"

    @staticmethod
    def user(number):
        return f"'u' || lpad(to_hex({number}), 16, '0')"

    def __init__(self, cluster, url, schema):
        self.cluster, self.url, self.schema = cluster, url, schema

    def rows(self, sql):
        text = self.cluster.psql(f'set search_path to "{self.schema}"; {sql}', self.url,
                                 FILL_S_MAX)
        return [line.split("|") for line in text.splitlines()]

    def run(self, sql):
        self.rows(f"set synchronous_commit to off; {sql}")

    def columns(self, table):
        return [row[0] for row in self.rows(
            "select column_name from information_schema.columns where table_schema ="
            f" '{self.schema}' and table_name = '{table}' order by ordinal_position")]

    @staticmethod
    def series(first, last):
        return f"with series as (select generate_series({first}::bigint, {last}::bigint) as k) "

    def finish(self):
        self.cluster.psql("vacuum analyze", self.url, FILL_S_MAX)
        self.cluster.psql("checkpoint", self.url, FILL_S_MAX)


class Filler:
    def __init__(self, db, orders, users):
        self.db, self.orders = db, orders
        self.template = int(db.rows("select max(id) from orders")[0][0])
        self.seq = int(db.rows("select max(seq) from kernel_outbox")[0][0])
        step = SPAN_DAYS * DAY_MS * MS_IN_ID // orders
        self.id = f"(t.id - ({orders} - k + 1) * {step})"
        self.ref = self.id.replace("t.id", f"cast({self.template} as bigint)")
        self.ago_ms = f"(({orders} - k + 1) * {SPAN_DAYS * DAY_MS} / {orders})"
        # Knuth's multiplicative hash: neighbours in time are far apart among users.
        self.skus = int(db.rows("select count(*) from catalog_sku")[0][0])
        # As bench/load names them, or new orders would not fall among the old ones.
        self.user = db.user(f"((((k * 2654435761) & 4294967295) * {users}) >> 32)")

        self.sku = ("(select s.id from bench_sku s where s.n ="
                    f" ((((k * 2246822519) & 4294967295) * {self.skus}) >> 32))")

    def copy(self, table, where, changes, first, last):
        columns = self.db.columns(table)
        unknown = set(changes) - set(columns)
        assert not unknown, f"{table} has no {unknown}"
        values = ", ".join(changes.get(name, f"t.{name}") for name in columns)
        self.db.run(f"insert into {table} ({', '.join(columns)}) {self.db.series(first, last)}"
                    f"select {values} from series cross join {table} t where {where}")

    def orders_between(self, first, last):
        mine, ref = f"t.id = {self.template}", self.ref
        ago = {name: f"t.{name} - {self.ago_ms}" for name in ("created_ms", "expires_ms")}
        self.copy("orders", mine, {**ago, "id": self.id, "user_id": self.user,
                                   "state": "'expired'", "ended_ms": ago["expires_ms"]},
                  first, last)
        self.copy("order_line", f"t.order_id = {self.template}",
                  {"order_id": ref, "beneficiary": self.user, "sku": self.sku}, first, last)
        self.copy("stock_reservation", f"t.ref = {self.template}",
                  {"ref": ref, "open": "0", "sku": self.sku, "created_ms": ago["created_ms"],
                   "closed_ms": f"t.deadline_ms - {self.ago_ms}"}, first, last)
        key = f"'ord_' || {base32(ref)}"
        for number, kind in ((1, "order.placed"), (2, "order.expired")):
            self.copy("kernel_outbox", f"t.seq = {self.seq}",
                      {"seq": f"{self.seq} + 2 * (k - 1) + {number}", "id": f"{ref} + {number}",
                       "type": f"'{kind}'", "key": key}, first, last)

    def answers(self):
        """Of today and of yesterday."""
        a_day = max(self.orders // SPAN_DAYS, 1)
        kept = [(n, self.db.rows(f"select coalesce(max(key), '-') from kernel_idem_{n}")[0][0])
                for n in range(3)]
        n, key = next((n, key) for n, key in kept if key != '-')
        today = int(time.time() * 1000) // DAY_MS
        assert n == today % 3, "midnight passed: begin again"
        changes = {"key": self.db.random_key}
        columns = self.db.columns(f"kernel_idem_{n}")
        values = ", ".join(changes.get(name, f"t.{name}") for name in columns)
        for to in (today % 3, (today - 1) % 3):
            self.db.run(f"insert into kernel_idem_{to} {self.db.series(1, a_day)}"
                        f"select {values} from series cross join kernel_idem_{n} t"
                        f" where t.key = '{key}'")

    def run(self, say):
        self.db.run("create table bench_sku (n bigint not null primary key, id bigint not null)")
        self.db.run("insert into bench_sku select row_number() over (order by id) - 1, id"
                    " from catalog_sku")
        for first in range(1, self.orders + 1, CHUNK_ORDERS):
            last = min(first + CHUNK_ORDERS - 1, self.orders)
            self.orders_between(first, last)
            say(f"filled {last:,} of {self.orders:,} orders")
        self.answers()
        end = self.seq + 2 * self.orders
        self.db.run(f"update kernel_writer set seq = {end}")
        self.db.run(f"update kernel_consumer set cursor = {end}")
        self.db.run("drop table bench_sku")
        self.db.finish()
