#!/usr/bin/env python3
"""sandbox.py - a running server has given up what it does not need: every thread of it, and for good.

A library that is loaded into the server tries, in each thread, what an intruder would try: it shows
that the sandbox of the real program holds, not that of a test.
"""
import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

from kit import ROOT, Postgres, Wrong, check, equal, journey, main, wait_until

PROBE = ROOT / "test/journeys/sandbox_probe.c"
EACCES, EPERM = 13, 1
ANSWER_S = 30
SIGNAL = 34 + 6  # SIGRTMIN+6 of the C library: nobody else uses it.
TGKILL = {"x86_64": 234, "aarch64": 131}[os.uname().machine]


def landlock_abi():
    """0: this kernel has none."""
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))


def skip(sentence):
    print(f"skip sandbox: {sentence}: this kernel has no Landlock", flush=True)
    sys.exit(0)


def threads(shop):
    return [int(p.name) for p in pathlib.Path(f"/proc/{shop.process.pid}/task").iterdir()]


def blocks_probe(shop, thread):
    """A sanitizer's own thread takes no signals; ours do, the probe sees to that."""
    status = pathlib.Path(f"/proc/{shop.process.pid}/task/{thread}/status").read_text()
    return int(re.search(r"^SigBlk:\s*(\w+)$", status, re.M).group(1), 16) >> (SIGNAL - 1) & 1


def trade(shop):
    """Reads, commands and, from another thread, effects go on working."""
    sku, = shop.product()
    shop.receive(sku, 5)
    shop.order(sku).expect(201)
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], 1, "reserved")


@journey("each thread runs without new privileges and under the filter; /statusz says so")
def in_force(shop):
    trade(shop)
    for thread in threads(shop):
        status = pathlib.Path(f"/proc/{shop.process.pid}/task/{thread}/status").read_text()
        for name, wanted in (("NoNewPrivs", "1"), ("Seccomp", "2")):
            found = re.search(rf"^{name}:\s*(\d+)$", status, re.M).group(1)
            equal(found, wanted, f"{name} of a thread")
    equal(shop.get("/statusz")["sandbox"], {"landlock_abi": landlock_abi(), "seccomp": True},
          "the sandbox on /statusz")
    line = next(line for line in shop.log.read_text().splitlines() if '"event":"sandbox"' in line)
    equal(json.loads(line)["missing"], "", "what the log says is missing")


def build_probe(folder):
    """The library, and what it takes to load it beside a sanitizer's."""
    library = folder / "probe.so"
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", str(PROBE), "-o",
                    str(library)], check=True)
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(library), "PROBE_OUTSIDE": str(folder / "outside"),
            "ASAN_OPTIONS": ":".join(filter(None, [options, "verify_asan_link_order=0"]))}


def probe(shop, thread):
    """What this thread may do: {what: errno, 0 when it succeeded}."""
    pid, pattern = shop.process.pid, rf"^probe {thread}: (.*)$"
    if ctypes.CDLL(None).syscall(TGKILL, pid, thread, SIGNAL) != 0:
        raise Wrong(f"thread {thread} is gone")
    found = wait_until(lambda: re.search(pattern, shop.log.read_text(errors="replace"), re.M),
                       ANSWER_S, f"thread {thread} does not answer the probe")
    return {name: int(error) for name, error in re.findall(r"(\w+)=(\d+)", found.group(1))}


def attempt(shop, *arguments):
    """Start with the probe inside; the findings of all threads."""
    shop.stop()
    shop.environment.update(build_probe(shop.folder))
    shop.start(*arguments)
    trade(shop)
    everyone = threads(shop)
    reached = [thread for thread in everyone if not blocks_probe(shop, thread)]
    check(len(reached) >= max(3, len(everyone) - 1), f"of {len(everyone)} only {len(reached)}")
    return [probe(shop, thread) for thread in reached]


@journey("no thread opens /etc/passwd, writes outside the data, runs a program or mounts anything")
def forbidden(shop):
    wanted = {"open": EACCES, "write": EACCES, "execve": EPERM, "unshare": EPERM, "mount": EPERM}
    for answers in attempt(shop):
        equal(answers, wanted, "what a thread may do")
    trade(shop)


@journey("--sandbox off gives nothing up, --sandbox require is content with a kernel that has all")
def modes(shop):
    shop.stop()
    shop.start("--sandbox", "require").stop()
    answers = attempt(shop, "--sandbox", "off")[0]
    equal((answers["open"], answers["write"]), (0, 0), "errors without a sandbox")
    equal(shop.get("/statusz")["sandbox"], {"landlock_abi": 0, "seccomp": False}, "/statusz")
    shop.stop()
    process = shop.spawn("--sandbox", "perhaps")
    equal(process.wait(ANSWER_S), 2, "the status after a wrong mode")


@journey("with --log-file it logs to a file outside the data that was open before")
def log_files(shop):
    shop.stop()
    shop.start("--log-file", str(shop.folder / "lines"), "--log-mib-max", "1")
    trade(shop)
    wait_until(lambda: "/v1/orders" in (shop.folder / "lines.0").read_text(), ANSWER_S,
               "no line of the order")


@journey("it reaches PostgreSQL by a Unix socket, with the password of ~/.pgpass", (Postgres,))
def late_files(shop):
    shop.stop()
    base = shop.database
    parts = urllib.parse.urlsplit(base.url)
    socket = base.psql(base.url, "show unix_socket_directories")[0].strip().split(",")[0]
    base.url = (f"postgresql://{parts.username}@{parts.path}?host={urllib.parse.quote(socket)}"
                f"&port={parts.port}")
    secret = shop.folder / ".pgpass"
    secret.write_text(f"*:*:*:*:{parts.password}\n")
    secret.chmod(0o600)
    shop.environment["HOME"] = str(shop.folder)
    try:
        trade(shop.start())
        shop.stop()
    finally:
        base.url = parts.geturl()


if __name__ == "__main__":
    if landlock_abi() == 0:
        skip("what a server may do")
    check(shutil.which("gcc"), "gcc is not there")
    main()
