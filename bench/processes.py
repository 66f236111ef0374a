"""processes.py - start, watch and stop what is measured: only by pid, always on loopback."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

STOP_S = 15  # A server gets this long to finish after SIGTERM.
READY_S = 20
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Unavailable(Exception):
    """A contestant that cannot run here; says what to do about it."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stat_fields(pid):
    """The fields of /proc/PID/stat from the state on, or None when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def tree_cpu_us(root):
    """User and system time of a process with its threads and descendants, dead ones included."""
    parents, ticks = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat_fields(name)):
            parents[int(name)] = int(fields[1])
            ticks[int(name)] = sum(int(f) for f in fields[11:15])  # utime stime cutime cstime
    total = 0
    for pid, own in ticks.items():
        at = pid
        while at in parents and at != root:
            at = parents[at]
        total += own if at == root else 0
    return total * 1e6 / TICKS_PER_S


def rss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def http_status(port, path):
    """Status of a GET, 0 when nobody answers; without a path any listener is a 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            if path is None:
                return 200
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            s.sendall(head.encode())
            head = s.recv(64)
    except OSError:
        return 0
    return int(head[9:12]) if head.startswith(b"HTTP/1.1 ") and head[9:12].isdigit() else 0


@contextlib.contextmanager
def server(argv, log, port, ready_path, env=None, cpus=None, preload=None):
    """Run a server for the length of the block; yields it with .ready_ms, its start-up time."""
    pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
    env = {**os.environ, **(env or {}), **({"LD_PRELOAD": str(preload)} if preload else {})}
    begin = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=out, env=env, preexec_fn=pin, start_new_session=True)
    try:
        while (status := http_status(port, ready_path)) == 0 or status >= 500:
            if process.poll() is not None:
                raise Unavailable(f"{argv[0]} ended with {process.returncode}: {last_line(log)}")
            if time.monotonic() > begin + READY_S:
                raise Unavailable(f"{argv[0]} not ready in {READY_S} s: {last_line(log)}")
            time.sleep(0.001)
        process.ready_ms = (time.monotonic() - begin) * 1000
        if preload and str(preload) not in pathlib.Path(f"/proc/{process.pid}/maps").read_text():
            raise Unavailable(f"{argv[0]} did not load {preload}: is it linked statically?")
        yield process
        if process.poll() is not None:
            raise Unavailable(f"{argv[0]} died under load: {last_line(log)}")
    finally:
        stop(process)


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_line(log):
    lines = pathlib.Path(log).read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def run_json(argv, timeout_s, env=None):
    """Run a program that prints one line of JSON."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout_s, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise Unavailable(f"{argv[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def need(path, how):
    if not path.exists():
        raise Unavailable(f"{path} is missing: {how}")
    return path


class Cluster:
    """A throw-away PostgreSQL server through tools/pg-cluster, or one that is given by its URL."""

    def __init__(self, tool, folder, url=None):
        self.tool, self.folder, self.given, self.url, self.count = tool, folder, url, url, 0

    def start(self):
        if not self.url:
            need(self.tool, "PostgreSQL rows need it, or give --pg URL")
            done = subprocess.run([self.tool, "start", self.folder, str(os.getpid())],
                                  capture_output=True, text=True, timeout=120)
            urls = [w for w in done.stdout.split() if w.startswith("postgresql://")]
            if done.returncode != 0 or not urls:
                raise Unavailable(f"{self.tool} start: {done.stderr.strip()[-300:]}")
            self.url = urls[-1]
        self.postmaster = self.find_postmaster()

    def psql(self, sql, url=None, timeout_s=60):
        binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql")) or ["psql"]
        done = subprocess.run([binaries[-1], "-XqAt", "-d", url or self.url, "-c", sql],
                              capture_output=True, text=True, timeout=timeout_s)
        if done.returncode != 0:
            raise Unavailable(f"psql: {done.stderr.strip()[-300:]}")
        return done.stdout.strip()

    def find_postmaster(self):
        pid = self.psql("select pid from pg_stat_activity where backend_type = 'checkpointer'")
        fields = stat_fields(pid)
        if not fields:
            raise Unavailable("the PostgreSQL server runs elsewhere: its CPU cannot be read")
        return int(fields[1])

    @contextlib.contextmanager
    def database(self):
        """The URL of a fresh database, dropped afterwards."""
        if not self.url or not hasattr(self, "postmaster"):
            self.start()
        self.count += 1
        name = f"bench_{os.getpid()}_{self.count}"
        # Text by bytes, for everybody: a language's order would slow the yardstick's indexes.
        self.psql(f"create database {name} template template0 locale_provider libc locale 'C'")
        self.psql("checkpoint")  # Everybody starts with an empty log.
        base, question, rest = self.url.partition("?")
        try:
            yield base.rpartition("/")[0] + "/" + name + question + rest
        finally:
            self.psql(f"drop database if exists {name} with (force)")

    def stop(self):
        if self.url and not self.given:
            subprocess.run([self.tool, "stop", self.folder], capture_output=True, timeout=60)
            self.url = None


def on_signal():
    """SIGTERM ends the bench as ^C does, so that every server is stopped."""
    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
