"""clock.py - the server's clock jumps an hour ahead and an hour back while it serves.

libfaketime gives it another wall clock, named in a file; its monotonic clock goes on as ever.
"""
import glob
import os
import pathlib
import tempfile
import time

from database import alive
from kit import Postgres, Shop, check
from trial import Skip, a_trial

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
LOAD_S = (0.1, 0.3)
HOUR_S = 3600
PAY_WITHIN_MS = 1500  # Timers are due all the time.
DUE_S = 30  # What is due fires within so long.
SALES = 20  # So many after each jump, within
SELL_S = 15


class Clock:
    """The wall clock of one process."""

    def __init__(self, folder):
        libraries = glob.glob(LIBRARY)
        if not libraries:
            raise Skip("libfaketime is not there: install faketime")
        self.file = folder / "clock"
        self.shift(0)
        self.environment = {
            "LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1",
            # A preloaded library stands before that of the sanitizer.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def shift(self, seconds):
        """To so far from the true time; at once, for it is asked for each time."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self.file)

    def server(self):
        """A Shop that may look at the clock from within its sandbox."""
        folder = str(self.file.parent)

        class Clocked(Shop):
            def spawn(self, *arguments):
                return super().spawn("--sandbox-read", folder, *arguments)
        return Clocked


def sells_on(trial):
    buyers = trial.buyers
    sold = buyers.sold
    trial.until(lambda: buyers.sold > sold + SALES, SELL_S, "after a jump nobody buys")


def clock_of(trial):
    """The server's own word for the time, in seconds."""
    return trial.shop.database.query("select max(time_ms) from kernel_outbox")[0][0] / 1000


def overdue(trial):
    """Timers that were due a moment ago by the server's clock."""
    return trial.shop.database.query(
        "select count(*) from kernel_timer where due_ms <"
        " (select max(time_ms) from kernel_outbox) - 1000")[0][0]


def jump(trial, clock, seconds):
    clock.shift(seconds)
    sells_on(trial)
    time.sleep(trial.rng.uniform(*LOAD_S))


def cut_sessions(trial):
    """Something goes wrong in the background, too."""
    database = trial.shop.database
    if isinstance(database, Postgres):
        database.psql(database.cluster, "select count(pg_terminate_backend(pid)) from"
                      f" pg_stat_activity where datname = '{database.database}'"
                      " and application_name = 'grevy'")


def one_day(trial, clock):
    """Ahead, back, further back; killed and started while it is behind."""
    top = trial.cycle * HOUR_S  # The server's time never goes back: each day is an hour further.
    pid, server = trial.shop.process.pid, trial.shop
    trial.look("before the clock jumps")
    join = trial.crowd()
    time.sleep(trial.rng.uniform(*LOAD_S))
    began = clock_of(trial)
    jump(trial, clock, top + HOUR_S)
    check(clock_of(trial) > began + HOUR_S / 2, "the server does not see its clock jump")
    trial.until(lambda: not overdue(trial), DUE_S, "orders do not expire after an hour")
    ahead = clock_of(trial)
    jump(trial, clock, top)
    cut_sessions(trial)
    jump(trial, clock, top - HOUR_S)
    check(clock_of(trial) >= ahead, "time went back")
    alive(trial, pid)
    # Not by its fence, which a commit whose answer was cut off raises (lease.c, outrun).
    check("writer_lease_lost" not in server.log.read_text(errors="replace"),
          "the lease was lost for a jump of the clock")
    join()
    trial.until(lambda: not pending(trial), DUE_S, "no order expires while the clock is behind")
    server.kill()
    server.start()
    trial.judge()


def pending(trial):
    return trial.shop.database.query("select count(*) from kernel_timer")[0][0]


def expired(trial):
    return trial.shop.database.query("select count(*) from orders where state = 'expired'")[0][0]


def crash(kind, cycles, seed):
    with tempfile.TemporaryDirectory(prefix="grevy_clock.") as folder:
        clock = Clock(pathlib.Path(folder))
        with a_trial(kind, seed, server=clock.server(), environment=clock.environment,
                     may_expire=True) as trial:
            trial.shop.call("PUT", "/v1/settings/order.pay_within_ms",
                            {"value": PAY_WITHIN_MS}).expect(200)
            for _ in range(cycles):
                one_day(trial, clock)
            trial.shop.stop()
            kept, cut, refused = trial.said()
            late = expired(trial)
    return f"{kept} writes acknowledged and kept, {cut} cut off and settled{refused};" \
           f" {late} orders expired, once"
