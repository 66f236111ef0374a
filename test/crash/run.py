#!/usr/bin/env python3
"""run.py - kill -9 under load, again and again: what was acknowledged stays, once; nothing is half.

  test/crash/run.py [--cycles N] [--db sqlite|postgres] [--seed S]

One cycle: the server starts, clients order, pay, cancel, ship, give back and receive stock; at a
random moment the server is killed (one time in five while it starts); it starts again; every wish
is sent once more under its key; then an independent checker reads the database.  Without --db both
databases are crashed in turn; PostgreSQL is GREVY_TEST_PG or a throw-away cluster.  The seed
repeats the wishes and the moments, not the interleaving.  kill -9 keeps the page cache: this shows
that a process may die, not that a disk may lose power.
"""
import argparse
import contextlib
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/journeys"))
from checker import Checker, caught_up, text_of  # noqa: E402
from clients import Buyers  # noqa: E402
from kit import Postgres, Shop, Sqlite, Wrong, check, equal, fresh, wait_until  # noqa: E402
from planted import find_all  # noqa: E402

LOAD_S = (0.02, 0.4)  # How long a cycle's clients run before the kill.
START_S = 0.06  # A start that is killed dies within this.
START_SHARE = 0.2
CATCH_UP_S = 30


def kill_a_start(shop, rng):
    """A start that does not come to its end: recovery, too, may be interrupted."""
    process = shop.spawn()
    time.sleep(rng.uniform(0, START_S))
    process.kill()
    process.wait()


def compare(checker, buyers):
    """What the database holds is what was acknowledged: no order more, none less."""
    skus = {text_of("sku", level[0]): level[2] + level[4] for level in checker.rows["levels"]}
    checker.same("stock received", skus, buyers.received)
    standing = {"fulfilling": "paid", "completed": "paid"}
    checker.same("orders acknowledged", {text_of("ord", o[0]): standing.get(o[2], o[2])
                                         for o in checker.rows["orders"]}, buyers.state)
    checker.same("refunds acknowledged", {text_of("ord", o): n
                                          for o, n in checker.rows["refunded"]}, buyers.refunded)


def numbers_of(buyers, checker):
    """Bundles by the numbers of their SKUs."""
    number = {text_of("sku", row[2]): row[2] for row in checker.rows["lines"]}
    number.update({text_of("sku", row[0]): row[0] for row in checker.rows["levels"]})
    return {number[box]: {number[sku]: n for sku, n in parts.items()}
            for box, parts in buyers.bundles.items() if box in number}


def inspect(shop, buyers):
    """The checker's view, once the consumers are at rest."""
    wait_until(lambda: caught_up(shop.database), CATCH_UP_S, "consumers stay behind")
    checker = Checker(shop.database, {})
    checker.components = numbers_of(buyers, checker)
    checker.all()
    return checker


def verify(checker, when):
    check(not checker.findings, f"{when}: {'; '.join(checker.findings)}")


def one_cycle(shop, buyers, rng, cycle):
    """How many wishes were cut off in this cycle."""
    join = buyers.crowd(cycle)
    time.sleep(rng.uniform(*LOAD_S))
    shop.kill()
    join()
    if rng.random() < START_SHARE:
        kill_a_start(shop, rng)
    shop.start()
    verify(inspect(shop, buyers), "after the start")
    unanswered = buyers.settle()
    checker = inspect(shop, buyers)
    compare(checker, buyers)
    verify(checker, "after asking again")
    shop.clean()
    return unanswered


def crash(kind, cycles, seed):
    """One database through all cycles; a sentence about what was done."""
    rng, unanswered, cycle = random.Random(seed), 0, 0
    with fresh(kind) as (folder, database):
        shop = Shop(folder, database)
        buyers = Buyers(shop, seed)
        try:
            shop.start()
            buyers.furnish()
            for cycle in range(1, cycles + 1):
                unanswered += one_cycle(shop, buyers, rng, cycle)
            shop.stop()
            if kind is Sqlite:
                equal(database.query("pragma integrity_check"), [("ok",)], "integrity_check")
                faults = find_all(database, numbers_of(buyers, Checker(database, {})))
                print(f"ok crash: the checker sees each of {faults} planted faults", flush=True)
        except Exception as why:
            print(f"# in cycle {cycle}; the server said: {shop.last_words()}", flush=True)
            raise Wrong(f"cycle {cycle}: {why}") from why
        finally:
            if shop.process and shop.process.returncode is None:
                shop.kill()
    check(buyers.acknowledged >= cycles, "the clients hardly got an answer: no load, no test")
    return f"{buyers.acknowledged} writes acknowledged and kept, {unanswered} cut off and settled"


@contextlib.contextmanager
def cluster():
    """GREVY_TEST_PG, or a throw-away cluster for the length of the block."""
    if os.environ.get("GREVY_TEST_PG"):
        yield
        return
    tool, folder = str(ROOT / "tools/pg-cluster"), tempfile.mkdtemp(prefix="grevy_pg.")
    os.chmod(folder, 0o755)
    try:
        done = subprocess.run([tool, "start", folder, str(os.getpid())], stdout=subprocess.PIPE,
                              text=True, check=True)
        os.environ["GREVY_TEST_PG"] = done.stdout.strip()
        yield
    finally:
        subprocess.run([tool, "stop", folder], check=False)


def verdict(kind, cycles, seed):
    title = f"crash: {cycles} cycles of kill -9 on {kind.name}, seed {seed}"
    begin = time.monotonic()
    try:
        said = crash(kind, cycles, seed)
    except Exception as why:  # pylint: disable=broad-except
        if not isinstance(why, Wrong):
            traceback.print_exc()
        print(f"not ok {title}: {why}".replace("\n", " "), flush=True)
        return False
    print(f"ok {title}: {said}, {time.monotonic() - begin:.0f} s", flush=True)
    return True


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--cycles", type=int, default=50)
    p.add_argument("--db", choices=("sqlite", "postgres"))
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    o = p.parse_args()
    good = o.db == "postgres" or verdict(Sqlite, o.cycles, o.seed)
    if o.db != "sqlite":
        with cluster():
            good = verdict(Postgres, o.cycles, o.seed) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
