"""two.py - two servers of one PostgreSQL: one is killed, or stopped for longer than its lease."""
import contextlib
import signal
import time

from checker import text_of
from clients import turned_away
from database import median
from kit import Client, Postgres, Shop, check, equal
from trial import a_trial, end

LOAD_S = (0.1, 0.6)
MOVED_S = 10  # Sales, timers and jobs go on at the other within so long.
PAY_WITHIN_MS = 1500  # Timers are due all the time.
JOB = "stock.sweep"  # Runs each minute, so not by chance.


class Standby(Shop):
    """Is up once it listens: /readyz says no until it writes."""

    def ready(self):
        answer = Client(self.port).call("GET", "/readyz")
        return answer.status == 200 or b"standby" in answer.text


@contextlib.contextmanager
def a_pair(seed):
    """Two servers of one database; the first writes."""
    with a_trial(Postgres, seed, server=Standby, may_expire=True) as trial:
        first = trial.shop
        folder = first.folder / "second"
        folder.mkdir()
        second = Standby(folder, first.database)
        second.key = first.key
        try:
            equal(first.call("PUT", "/v1/settings/order.pay_within_ms",
                             {"value": PAY_WITHIN_MS}).status, 200, "status of the setting")
            second.start()
            trial.buyers.shops.append(second)
            yield trial, [first, second]
        finally:
            end(second)


def writes(shop):
    client = Client(shop.port, shop.key)
    try:
        return not turned_away(client.call("POST", f"/v1/orders/{text_of('ord', 1)}/cancel", {}))
    except OSError:
        return False
    finally:
        client.close()


def expired(database):
    return database.query("select count(*) from orders where state = 'expired'")[0][0]


def job_ran(database):
    return database.query(f"select count(*) from kernel_job where name = '{JOB}'"
                          " and last_ms > 1")[0][0]


def moved(trial, heir, begin):
    """Seconds until sales, timers and jobs went on at the heir."""
    database, took = trial.shop.database, {}
    # Before it takes over: all that is due fires at once then, and whoever would order more may
    # hang with the one that was stopped.
    late = expired(database)
    trial.until(lambda: writes(heir), MOVED_S, "the other server does not sell")
    took["sales"] = time.monotonic() - begin
    trial.until(lambda: expired(database) > late, MOVED_S, "no timer fires at the other server")
    took["timers"] = time.monotonic() - begin
    trial.until(lambda: job_ran(database), MOVED_S, "no job runs at the other server")
    took["jobs"] = time.monotonic() - begin
    check(max(took.values()) < MOVED_S, f"moving took {took}")
    return took


def due_job(trial):
    """The job is overdue in the table alone: only who takes over will see it."""
    database = trial.shop.database
    database.psql(database.url, f'set search_path = "{database.schema}"',
                  f"insert into kernel_job values ('{JOB}', 1, 1, 0, '')"
                  " on conflict (name) do update set next_ms = 1, last_ms = 1")


def one_move(trial, pair, hang):
    """The writer dies or hangs under load; the other takes over; the first comes back."""
    writer, heir = pair if writes(pair[0]) else pair[::-1]
    trial.shop = trial.buyers.shop = heir
    trial.inspect()  # Learns the schema.
    due_job(trial)
    join = trial.crowd()
    time.sleep(trial.rng.uniform(*LOAD_S))
    if hang:
        writer.process.send_signal(signal.SIGSTOP)
    else:
        writer.kill()
    took = moved(trial, heir, time.monotonic())
    if hang:
        writer.process.send_signal(signal.SIGCONT)
    else:
        writer.start()
    fence = fence_of(trial)
    time.sleep(trial.rng.uniform(*LOAD_S))
    join()
    check(writes(heir), "who took over no longer writes")
    check(not writes(writer), "who lost the lease still writes")
    equal(fence_of(trial), fence, "fence: the lease moved again")
    trial.judge()
    return took


def fence_of(trial):
    return trial.shop.database.query("select fence from kernel_writer")[0][0]


def crash(_, cycles, seed):
    took = []
    with a_pair(seed) as (trial, pair):
        for k in range(cycles):
            took.append(one_move(trial, pair, hang=k % 2 == 1))
        for shop in pair:
            shop.stop()
        kept, cut, refused = trial.said()
    worst = ", ".join(f"{what} {max(t[what] for t in took):.1f} s (half the time"
                      f" {median([t[what] for t in took]):.1f} s)" for what in took[0])
    return (f"{kept} writes acknowledged and kept, {cut} cut off and settled{refused};"
            f" moved within: {worst}")
