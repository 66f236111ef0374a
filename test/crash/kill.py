"""kill.py - kill -9 of the server at random moments, also while it starts."""
import time

from checker import Checker
from kit import Sqlite, equal
from planted import find_all
from trial import a_trial, numbers_of

LOAD_S = (0.01, 0.15)  # How long a cycle's clients run before the kill.
START_S = 0.06  # A start that is killed dies within this.
START_SHARE = 0.2
CYCLES_OF_ONE = 50  # Of one database: then a new one, or looking at it would take ever longer.


def kill_a_start(trial):
    """A start that does not come to its end: recovery, too, may be interrupted."""
    process = trial.shop.spawn()
    time.sleep(trial.rng.uniform(0, START_S))
    process.kill()
    process.wait()


def one_cycle(trial):
    join = trial.crowd()
    time.sleep(trial.rng.uniform(*LOAD_S))
    trial.shop.kill()
    join()
    if trial.rng.random() < START_SHARE:
        kill_a_start(trial)
    trial.shop.start()
    trial.judge()


def see_faults(trial):
    """The same checker finds what is wrong with the database when something is."""
    database = trial.shop.database
    equal(database.query("pragma integrity_check"), [("ok",)], "integrity_check")
    faults = find_all(database, numbers_of(trial.buyers, Checker(database, {})))
    print(f"ok crash: the checker sees each of {faults} planted faults", flush=True)


def crash(kind, cycles, seed):
    """A sentence about what was done."""
    kept = cut = 0
    for first in range(0, cycles, CYCLES_OF_ONE):
        with a_trial(kind, f"{seed} {first}") as trial:
            for _ in range(min(CYCLES_OF_ONE, cycles - first)):
                one_cycle(trial)
            trial.shop.stop()
            if kind is Sqlite and first == 0:
                see_faults(trial)
            acknowledged, unanswered, _ = trial.said()
        kept, cut = kept + acknowledged, cut + unanswered
    return f"{kept} writes acknowledged and kept, {cut} cut off and settled"
