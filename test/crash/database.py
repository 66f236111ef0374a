"""database.py - PostgreSQL dies, or the way to it breaks; the server lives on."""
import time

from checker import text_of
from clients import turned_away
from kit import Client, check
from outage import Mortal, Relayed, own_cluster
from trial import a_trial

LOAD_S = (0.05, 0.3)
DOWN_S = 15  # Within so long the server notices that the database is gone.
LONG_S = 8
BACK_S = 15  # Within so long it sells again.
CUTS_MAX = 3
CYCLES_OF_ONE = 50
MANY = 10  # So many cuts, and some must have met a batch.


def probe(shop, method, path, body=None):
    client = Client(shop.port, shop.key)
    try:
        return client.call(method, path, body)
    finally:
        client.close()


def sells(shop):
    """Does the writer get as far as to see that there is no such order?"""
    answer = probe(shop, "POST", f"/v1/orders/{text_of('ord', 1)}/cancel", {})
    return not turned_away(answer) and bool(answer.expect(404))


def is_away(shop):
    """The database is gone: the server is there, and says so."""
    check(probe(shop, "GET", "/healthz").status == 200, "the server is not well")
    return turned_away(probe(shop, "GET", "/v1/orders")) and not sells(shop)


def alive(trial, before):
    check(trial.shop.process.pid == before and trial.shop.process.poll() is None,
          "the server ended with its database")


def one_death(trial, cluster):
    """Seconds until the server sold again after the database was back."""
    pid = trial.shop.process.pid
    join = trial.crowd()
    time.sleep(trial.rng.uniform(*LOAD_S))
    if trial.rng.random() < 0.7:
        cluster.kill()
    else:
        cluster.stop_now()
    trial.until(lambda: is_away(trial.shop), DOWN_S, "the server does not answer 503")
    if trial.cycle == 1:  # Longer than any wait of the server's own.
        time.sleep(LONG_S)
        check(is_away(trial.shop), "the server does not answer 503 any more")
    cluster.start()
    begin, sold = time.monotonic(), trial.buyers.sold
    trial.until(lambda: trial.buyers.sold > sold, BACK_S, "the server does not sell again")
    took = time.monotonic() - begin
    time.sleep(trial.rng.uniform(*LOAD_S))
    join()
    alive(trial, pid)
    trial.judge()
    return took


def crash(_, cycles, seed):
    took = []
    with own_cluster() as cluster, a_trial(Mortal, seed) as trial:
        for _ in range(cycles):
            took.append(one_death(trial, cluster))
        trial.shop.stop()
        kept, cut, refused = trial.said()
    return (f"{kept} writes acknowledged and kept, {cut} cut off and settled{refused}; it sold"
            f" again within {max(took):.1f} s of the database, half the time {median(took):.1f} s")


def median(values):
    return sorted(values)[len(values) // 2]


def one_cut(trial):
    """Several cuts under load."""
    pid, database = trial.shop.process.pid, trial.shop.database
    relay = database.relay
    join = trial.crowd()
    for _ in range(trial.rng.randint(1, CUTS_MAX)):
        time.sleep(trial.rng.uniform(*LOAD_S))
        trial.rng.choice((relay.reset, database.end_sessions, relay.delay_commit,
                          relay.swallow_commit, relay.break_after_commit))()
    begin, sold = time.monotonic(), trial.buyers.sold
    trial.until(lambda: trial.buyers.sold > sold, BACK_S, "the server does not sell again")
    took = time.monotonic() - begin
    join()
    relay.hand_on, relay.delay = None, False
    alive(trial, pid)
    trial.judge()
    return took


def reruns(trial):
    """How many commands the server ran anew, because their batch broke."""
    return sum(space["reruns"] for space in trial.shop.get("/statusz")["spaces"])


def cut(_, cycles, seed):
    took, kept, cut_off, again, refusals = [], 0, 0, 0, ""
    for first in range(0, cycles, CYCLES_OF_ONE):
        with a_trial(Relayed, f"{seed} {first}") as trial:
            for _ in range(min(CYCLES_OF_ONE, cycles - first)):
                took.append(one_cut(trial))
            again += reruns(trial)
            trial.shop.stop()
            acknowledged, unanswered, refusals = trial.said()
            kept, cut_off = kept + acknowledged, cut_off + unanswered
    check(cycles < MANY or again > 0, "no cut met a batch")
    return (f"{kept} writes acknowledged and kept, {again} run again, {cut_off} cut off and"
            f" settled{refusals}; it sold again within {max(took):.1f} s of a cut, half the time"
            f" {median(took):.1f} s")
