#!/usr/bin/env python3
"""run.py - crash it under load, again and again: what was acknowledged stays, nothing is half.

  test/crash/run.py [--kind KIND] [--cycles N] [--db sqlite|postgres] [--seed S]

  kill      kill -9 of the server at random moments (one time in five also while it starts)
  database  PostgreSQL dies (all its processes killed, or an immediate stop) and comes back
  cut       connections to PostgreSQL break in mid-batch: ended by it, or reset on their way
  full      the disk of the database is full for a while, on a small file system
  clock     the clock jumps an hour ahead and an hour back while it serves
  two       two servers of one database: one is killed, or stopped for longer than its lease

Real clients order, pay, cancel, ship, give back and receive stock meanwhile; afterwards every wish
is sent once more under its key, then an independent checker reads the database.  Without --kind all
are run, --cycles N of them shared out as SHARES says.  PostgreSQL is GREVY_TEST_PG or a throw-away
cluster.  The seed repeats the wishes and the moments, not the interleaving.  kill -9 keeps the page
cache: this shows that a process may die, not that a disk may lose power.
"""
import argparse
import pathlib
import random
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "journeys"))
import clock  # noqa: E402
import database  # noqa: E402
import full  # noqa: E402
import kill  # noqa: E402
import two  # noqa: E402
from kit import Postgres, Sqlite, Wrong  # noqa: E402
from trial import Skip, cluster  # noqa: E402

# Kind, database, what is done, of 200 cycles how many.
SHARES = [
    ("kill", Sqlite, kill.crash, "kill -9", 95),
    ("full", Sqlite, full.crash, "a full disk", 4),
    ("clock", Sqlite, clock.crash, "a clock that jumps an hour", 3),
    ("kill", Postgres, kill.crash, "kill -9", 55),
    ("database", Postgres, database.crash, "a database that dies", 15),
    ("cut", Postgres, database.cut, "connections that break", 20),
    ("full", Postgres, full.crash, "a full disk", 3),
    ("clock", Postgres, clock.crash, "a clock that jumps an hour", 2),
    ("two", Postgres, two.crash, "two servers of which one dies or hangs", 3),
]
CYCLES = sum(share for *_, share in SHARES)


def verdict(kind, crash, what, cycles, seed):
    title = f"crash: {cycles} cycles of {what} on {kind.name}, seed {seed}"
    begin = time.monotonic()
    try:
        said = crash(kind, cycles, seed)
    except Skip as why:
        print(f"skip {title}: {why}", flush=True)
        return True
    except Exception as why:  # pylint: disable=broad-except
        if not isinstance(why, Wrong):
            traceback.print_exc()
        print(f"not ok {title}: {why}".replace("\n", " "), flush=True)
        return False
    print(f"ok {title}: {said}, {time.monotonic() - begin:.0f} s", flush=True)
    return True


def shares(kind, only, cycles):
    """What to run, and how many cycles of it."""
    of = {"sqlite": Sqlite, "postgres": Postgres}.get(only)
    chosen = [s for s in SHARES if kind in (None, s[0]) and of in (None, s[1])]
    for name, where, crash, what, share in chosen:
        count = cycles if kind else max(1, round(cycles * share / CYCLES))
        yield where, crash, what, count


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--kind", choices=sorted({s[0] for s in SHARES}))
    p.add_argument("--cycles", type=int, default=50)
    p.add_argument("--db", choices=("sqlite", "postgres"))
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    o = p.parse_args()
    good, chosen = True, list(shares(o.kind, o.db, o.cycles))
    if not chosen:
        p.error(f"--kind {o.kind} is not for {o.db}")
    for where in (Sqlite, Postgres):
        parts = [c for c in chosen if c[0] is where]
        if where is Postgres and parts:
            with cluster():
                good = all([verdict(*c, o.seed) for c in parts]) and good
        else:
            good = all([verdict(*c, o.seed) for c in parts]) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
