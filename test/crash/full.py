"""full.py - the disk of the database is full for a while.

SQLite: its folder lies on a small file system.  PostgreSQL: the database's tablespace does; its log
does not, for a PostgreSQL that cannot write its log dies (see database.py).
"""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse

from database import alive, median
from kit import Client, Postgres, Sqlite, check, next_number
from outage import own_cluster
from trial import Skip, a_trial

SIZE_MIB = 48  # An empty database of PostgreSQL takes 10, the log of SQLite 4 and more.
LEFT_KIB = (0, 700)  # What another program leaves to the database.
PIECE_KIB = 64
FULL_S = 60  # The buyers have filled it by then.
BACK_S = 10  # Within so long of free space the server sells again.
REFUSALS = 100  # A full disk is met so often before there is space again.
INSIDE = "GREVY_CRASH_INSIDE"  # Set in the namespace.
SALES = 20  # So many, and it is no accident.


def tmpfs(folder):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=755", "tmpfs",
                           folder], capture_output=True, text=True, check=False)


@contextlib.contextmanager
def small_disk():
    """A folder on a file system of its own.  Skip: mounting is not allowed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="grevy_small."))
    done = tmpfs(folder)
    try:
        if done.returncode != 0:
            raise Skip(f"no small file system: {done.stderr.strip().splitlines()[0]}")
        yield folder
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=False)
        folder.rmdir()


class SmallSqlite(Sqlite):
    disk = None

    def __init__(self, folder):
        super().__init__(folder)
        self.data = self.disk / "data"


class SmallPostgres(Postgres):
    """In a tablespace on the small disk, in a cluster that is removed with it."""
    disk = None

    def __init__(self, folder):  # pylint: disable=super-init-not-called
        space = self.disk / "tablespace"
        space.mkdir(mode=0o700)
        if os.getuid() == 0:
            subprocess.run(["chown", "postgres:", space], check=True)
        self.data, self.schema = folder / "data", None
        self.cluster = os.environ["GREVY_TEST_PG"]
        self.database = f"small_{next_number()}"
        parts = urllib.parse.urlsplit(self.cluster)
        self.url = parts._replace(path="/" + self.database).geturl()
        self.psql(self.cluster, f"create tablespace small location '{space}'",
                  f"create database {self.database} tablespace small")

    def drop(self):
        pass


class Ballast:
    """The other program that fills the disk."""

    def __init__(self, disk):
        self.path, self.disk = disk / "ballast", disk

    def leave(self, kib):
        """Take all but so much, a little at a time: the database takes, too."""
        left, size = (kib + PIECE_KIB) * 1024, 0
        with open(self.path, "wb") as f, contextlib.suppress(OSError):
            while (state := os.statvfs(self.disk)).f_bavail * state.f_frsize > left:
                os.posix_fallocate(f.fileno(), size, PIECE_KIB * 1024)
                size += PIECE_KIB * 1024

    def drop(self):
        self.path.unlink(missing_ok=True)


def reads_go_on(trial):
    """What is there is told as ever."""
    client = Client(trial.shop.port, trial.shop.key)
    order = next(iter(trial.buyers.state))
    check(client.get(f"/v1/orders/{order}")["id"] == order, "another order is read")
    check(client.get("/v1/orders?limit=10")["data"], "no order is listed")
    client.close()


def some_sales(trial):
    """A cycle in which nothing happens."""
    join, buyers = trial.crowd(), trial.buyers
    trial.until(lambda: buyers.sold > SALES, FULL_S, "nobody buys")
    join()
    trial.judge()


def one_filling(trial, ballast):
    """Seconds until the server sold again after there was space."""
    pid, buyers = trial.shop.process.pid, trial.buyers
    before = buyers.refused[507]
    join = trial.crowd()
    ballast.leave(trial.rng.randint(*LEFT_KIB))
    trial.until(lambda: buyers.refused[507] > before, FULL_S, "no buyer meets the full disk")
    reads_go_on(trial)
    trial.until(lambda: buyers.refused[507] > before + REFUSALS, FULL_S, "the disk is not full")
    reads_go_on(trial)
    trial.look("on the full disk")
    ballast.drop()
    begin, sold = time.monotonic(), buyers.sold
    trial.until(lambda: buyers.sold > sold + SALES, BACK_S, "there is space, but nobody buys")
    took = time.monotonic() - begin
    join()
    alive(trial, pid)
    trial.judge()
    return took


def fill(database, cycles, seed, disk):
    database.disk, ballast = disk, Ballast(disk)
    with a_trial(database, seed) as trial:
        some_sales(trial)
        took = [one_filling(trial, ballast) for _ in range(cycles)]
        trial.shop.stop()
        kept, cut, refused = trial.said()
    return (f"{kept} writes acknowledged and kept, {cut} cut off and settled{refused}; it sold"
            f" again within {max(took):.1f} s of space, half the time {median(took):.1f} s")


def in_a_namespace(cycles, seed, why):
    """Who may not mount may in a namespace of his own; PostgreSQL cannot come along."""
    done = subprocess.run(["unshare", "-Urm", sys.executable, sys.argv[0], "--kind", "full",
                           "--db", "sqlite", "--cycles", str(cycles), "--seed", seed],
                          env={**os.environ, INSIDE: "1"}, capture_output=True, text=True,
                          check=False)
    *before, last = done.stdout.splitlines() or [f"skip {why}; unshare: {done.stderr[-200:]}"]
    if last.startswith("skip "):
        raise Skip(last)
    check(last.startswith("ok "), " ".join([*before, last, done.stderr[-300:]]))
    return last.partition(f"seed {seed}: ")[2] + " in a namespace"


def crash(kind, cycles, seed):
    try:
        with small_disk() as disk:
            if kind is Sqlite:
                return fill(SmallSqlite, cycles, seed, disk)
            with own_cluster():
                return fill(SmallPostgres, cycles, seed, disk)
    except Skip as why:
        if kind is not Sqlite or INSIDE in os.environ:
            raise
        return in_a_namespace(cycles, str(seed), why)
