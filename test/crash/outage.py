"""outage.py - what can befall a PostgreSQL: its death, and the network between."""
import contextlib
import ctypes
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

from kit import Postgres, check, wait_until
from trial import ROOT

TOOL = str(ROOT / "tools/pg-cluster")
COMMIT = b"commit\0"
LATE_S = 0.1
CONFIRMED = b"COMMIT\0"  # The server's word that a commit took place.
LINGER_NOT = struct.pack("ii", 1, 0)  # close() sends a reset.
START_S = 60
PR_SET_CHILD_SUBREAPER = 36


def state_of(pid):
    """As the kernel calls it: T is stopped."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


class Cluster:
    """A throw-away cluster of one's own, which may die and rise on the same port."""

    def __init__(self):
        # Orphans come to us: one that init has not buried yet still counts as running.
        check(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "no right to bury")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="grevy_pg."))
        os.chmod(self.folder, 0o755)
        done = subprocess.run([TOOL, "start", self.folder, str(os.getpid())], text=True,
                              stdout=subprocess.PIPE, check=True)
        self.url = done.stdout.strip()

    def postmaster(self):
        return int((self.folder / "data/postmaster.pid").read_text().split()[0])

    def kill(self):
        """All its processes at once, as when its machine dies."""
        first = self.postmaster()
        os.kill(first, signal.SIGSTOP)  # Starts no other while we look.
        wait_until(lambda: state_of(first) == "T", START_S, "the postmaster does not stop")
        children = pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split()
        pids = [first, *map(int, children)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)

    def control(self, *arguments):
        """pg_ctl, as whoever owns the cluster."""
        who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env",
               "--"] if os.getuid() == 0 else []
        done = subprocess.run([*who, Postgres.tool("pg_ctl"), "-D", self.folder / "data", "-s",
                               "-w", "-t", str(START_S), *arguments], cwd="/", check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = (self.folder / "log").read_text(errors="replace")[-500:] if done.returncode else ""
        check(not said, f"pg_ctl {arguments[0]}: {done.stderr[-200:]} {said}")

    def stop_now(self):
        """Without a checkpoint: recovery has all to do."""
        self.control("stop", "-m", "immediate")

    def start(self):
        self.control("start", "-l", self.folder / "log")

    def remove(self):
        subprocess.run([TOOL, "stop", self.folder], check=False)


@contextlib.contextmanager
def own_cluster():
    """GREVY_TEST_PG names a cluster of one's own for the length of the block."""
    before = os.environ.get("GREVY_TEST_PG")
    cluster = Cluster()
    os.environ["GREVY_TEST_PG"] = cluster.url
    try:
        yield cluster
    finally:
        cluster.remove()
        os.environ.pop("GREVY_TEST_PG")
        if before:
            os.environ["GREVY_TEST_PG"] = before


class Mortal(Postgres):
    """A database in a cluster of one's own, removed with it."""

    def drop(self):
        pass


class Relay:
    """A port that leads to another, and can break what goes through: at once; at the next
    confirmation of a commit, before it is handed on or right after; or before the next commit,
    which the server is sent all the same."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock, self.pairs = threading.Lock(), set()
        self.delay = False
        self.hand_on = None  # How much of the next confirmation is handed on.
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.to)
            except OSError:
                return
            with self.lock:
                self.pairs.add((near, far))
            threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    def carry(self, near, far):
        other = {near: far, far: near}
        with contextlib.suppress(OSError, ValueError):
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(65536)
                    if ready is near and self.to_delay(data):
                        broken = self.late(near)
                    elif ready is far:
                        data, broken = self.spoiled(data)
                    else:
                        broken = False
                    other[ready].sendall(data)
                    if broken or not data:
                        raise OSError
        with self.lock:
            self.pairs.discard((near, far))
        for s in (near, far):
            s.close()

    def spoiled(self, data):
        """What is handed on of what the server sent, and whether it breaks there."""
        with self.lock:
            at = data.find(CONFIRMED)
            if self.hand_on is None or at < 0:
                return data, False
            data = data[:at + self.hand_on]
            self.hand_on = None
        return data, True

    def to_delay(self, data):
        """Does it hold the commit that is to come late?"""
        with self.lock:
            found = self.delay and COMMIT in data
            self.delay = self.delay and not found
        return found

    @staticmethod
    def late(near):
        """The client is told that it is over; the server hears a little later what was to do."""
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        near.shutdown(socket.SHUT_RDWR)
        time.sleep(LATE_S)
        return True

    def delay_commit(self):
        """The next commit reaches the server when the client has long gone on without it."""
        self.delay = True

    def swallow_commit(self):
        """The next commit takes place, and nobody hears of it."""
        self.hand_on = 0

    def break_after_commit(self):
        """The next commit is confirmed, and then all is silence."""
        self.hand_on = len(CONFIRMED)

    def reset(self):
        """Break all that is open, whatever is on its way."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                    s.shutdown(socket.SHUT_RD)  # Wakes carry(), which closes both.

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.reset()


class Relayed(Postgres):
    """A database that the server reaches through a relay, and the checker directly."""

    def __init__(self, folder):
        super().__init__(folder)
        parts = urllib.parse.urlsplit(self.url)
        self.relay = Relay(parts.port)
        user = parts.netloc.rpartition("@")[0]
        self.relayed = parts._replace(netloc=f"{user}@127.0.0.1:{self.relay.port}").geturl()

    def arguments(self):
        return ["--db", self.relayed, "--data", str(self.data)]

    def drop(self):
        self.relay.close()
        super().drop()

    def end_sessions(self):
        """PostgreSQL itself ends the server's connections."""
        self.psql(self.cluster, "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                                f" where datname = '{self.database}'"
                                " and application_name = 'grevy'")
