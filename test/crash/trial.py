"""trial.py - what every kind of crash shares: a shop under load, and the look at what is left."""
import contextlib
import os
import pathlib
import random
import subprocess
import tempfile

from checker import Checker, caught_up, text_of
from clients import Buyers
from kit import Shop, Wrong, check, fresh, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
CATCH_UP_S = 30


class Skip(Exception):
    """Cannot be tried here, and why."""


def compare(checker, buyers, may_expire=False):
    """What the database holds is what was acknowledged: no order more, none less."""
    skus = {text_of("sku", level[0]): level[2] + level[4] for level in checker.rows["levels"]}
    checker.same("stock received", skus, buyers.received)
    standing = {"fulfilling": "paid", "completed": "paid"}
    if may_expire:
        standing["expired"] = "pending_payment"
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


class Trial:
    """A shop, its buyers, and a random stream; figures gather over its cycles."""

    def __init__(self, shop, seed, *others, may_expire=False):
        self.shop, self.rng, self.may_expire = shop, random.Random(f"moments {seed}"), may_expire
        self.buyers = Buyers(shop, seed, *others)
        self.cycle = self.unanswered = 0

    def until(self, condition, seconds, what):
        """Wait for it, unless a buyer met what cannot be."""
        def holds():
            if self.buyers.failures:
                raise self.buyers.failures[0]
            return condition()
        wait_until(holds, seconds, what)

    def crowd(self):
        self.cycle += 1
        return self.buyers.crowd(self.cycle)

    def inspect(self):
        """The checker's view, once the consumers are at rest."""
        database = self.shop.database
        wait_until(lambda: caught_up(database), CATCH_UP_S, "consumers stay behind")
        checker = Checker(database, {})
        checker.components = numbers_of(self.buyers, checker)
        checker.all()
        return checker

    def look(self, when="after it"):
        """Nothing may be half there, whoever was answered what."""
        checker = self.inspect()
        check(not checker.findings, f"{when}: {'; '.join(checker.findings)}")

    def judge(self):
        """Look; ask every wish again; hold what is there against what was acknowledged."""
        self.look()
        self.unanswered += self.buyers.settle()
        checker = self.inspect()
        compare(checker, self.buyers, self.may_expire)
        check(not checker.findings, f"after asking again: {'; '.join(checker.findings)}")
        self.shop.clean()

    def said(self):
        """The figures."""
        check(self.buyers.acknowledged >= self.cycle,
              "the clients hardly got an answer: no load, no test")
        refused = "".join(f", {n} answers {status}"
                          for status, n in sorted(self.buyers.refused.items()))
        return [self.buyers.acknowledged, self.unanswered, refused]


def end(shop):
    if shop.process and shop.process.returncode is None:
        shop.kill()


@contextlib.contextmanager
def a_trial(kind, seed, server=Shop, environment=None, **how):
    """A furnished shop on an empty database; whatever happens, no process is left."""
    with fresh(kind) as (folder, database):
        shop = server(folder, database, environment)
        trial = Trial(shop, seed, **how)
        try:
            shop.start()
            trial.buyers.furnish()
            yield trial
        except Exception as why:
            print(f"# in cycle {trial.cycle}; the server said: {shop.last_words()}", flush=True)
            raise Wrong(f"cycle {trial.cycle}: {type(why).__name__}: {why}") from why
        finally:
            trial.buyers.enough.set()
            end(shop)


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
        os.environ.pop("GREVY_TEST_PG", None)
