#!/usr/bin/env python3
"""test.py [--quick | FILTER] - run everything that must pass; what ./dev test does once packages are
there.

Parts, in order: unit and module tests on SQLite, the same on PostgreSQL, tests of threads under
ThreadSanitizer, fuzz targets over their corpora, tests of the tools, journeys against the real
binary (test/journeys/), the crash test (test/crash/run.py, bounded), the simulation (test/sim/),
thirty simulated days of trade, and whether the simulation finds each of its mutants.  --quick: SQLite, fuzz corpora, no slow tests.  FILTER: only
tests whose name, sentence or file contains it.

Every part prints lines "ok NAME", "not ok NAME: reason" or "skip NAME: reason".  Its whole output is
kept in build/log/.  A part that fails without such a line, or that says nothing, has failed.  The
last line is "N passed, N failed[, N skipped]".
"""
import atexit
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LOG = pathlib.Path("build/log")
SIM_EVENTS = 1000000
SIM_EVENTS_SANITIZED = 18000  # Ten seconds.  Memory used after its end does not always show.
CRASH_CYCLES = 200  # Of all kinds, about three minutes; ./dev crash runs more.
SECONDS_MAX = {"unit": 1800, "replay": 300, "tool": 300, "journey": 900, "crash": 1800, "sim": 1800}
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1",
    "LSAN_OPTIONS": "print_suppressions=0",
}
RESULT = re.compile(r"(ok|not ok|skip)\b(?: - |[ :]|$)(.*)")
SUM = re.compile(r"\d+ passed, \d+ failed")  # Of one part; only the sum of all is shown.

counts = {"ok": 0, "not ok": 0, "skip": 0}


def say(text):
    print(text, flush=True)


def count(verdict, text=""):
    counts[verdict] += 1
    if text:
        say(f"{verdict} {text}")


def stop_group(process):
    """End the part and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_part(name, kind, command, environment=None, silent_ok=False):
    """Run one part: show its lines, keep them in its log, count its results."""
    say(f"# {name}")
    before = dict(counts)
    deadline = time.monotonic() + SECONDS_MAX[kind]
    log = LOG / (re.sub(r"\W+", "_", name) + ".log")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace",
                               env={**os.environ, **SANITIZERS, **(environment or {})},
                               start_new_session=True)
    signal.signal(signal.SIGALRM, lambda *_: stop_group(process))
    signal.alarm(SECONDS_MAX[kind])
    try:
        with open(log, "w") as out:
            for line in process.stdout:
                out.write(line)
                out.flush()
                if not SUM.match(line):
                    sys.stdout.write(line)
                    sys.stdout.flush()
                if found := RESULT.match(line):
                    counts[found.group(1)] += 1
        status = process.wait()
    finally:
        signal.alarm(0)
        stop_group(process)
    if time.monotonic() >= deadline:
        count("not ok", f"{name}: did not end within {SECONDS_MAX[kind]} s; see {log}")
    elif status != 0 and counts["not ok"] == before["not ok"]:
        count("not ok", f"{name}: ended with status {status}; see {log}")
    elif counts == before and not silent_ok:
        count("not ok", f"{name}: printed no result; see {log}")


def make(targets):
    """Build quietly; on failure show what the compilers said."""
    say("# build")
    log = LOG / "build.log"
    with open(log, "w") as out:
        status = subprocess.run(["make", f"-j{os.cpu_count()}", "-k", *targets], stdout=out,
                                stderr=subprocess.STDOUT, check=False).returncode
    if status != 0:
        errors = [line for line in log.read_text().splitlines()
                  if re.search(r"error:|undefined reference|\*\*\*|^\s+\d* *\|", line)]
        say("\n".join(errors[:60]))
        count("not ok", f"build: see {log}")
    return status == 0


def start_postgres():
    """The URL of a throw-away cluster and how to stop it, as it is when this process ends."""
    folder = tempfile.mkdtemp(prefix="grevy_pg.")
    os.chmod(folder, 0o755)
    started = subprocess.run(["tools/pg-cluster", "start", folder, str(os.getpid())],
                             stdout=subprocess.PIPE, text=True, check=False)
    if started.returncode != 0:
        count("not ok", "PostgreSQL: the throw-away cluster did not start")
        return None, lambda: None

    def stop():
        if os.path.exists(folder):
            subprocess.run(["tools/pg-cluster", "stop", folder], check=False)

    atexit.register(stop)
    return started.stdout.strip(), stop


def without_randomized_addresses(binary):
    """ThreadSanitizer refuses some kernels' memory layout; setarch -R gives it one it knows."""
    plain = subprocess.run([binary, "--list"], capture_output=True, check=False)
    return [] if plain.returncode == 0 else ["setarch", "-R"]


def unit_tests(arguments, postgres, threads):
    run_part("unit and module tests on SQLite", "unit",
             ["build/asan/grevy_test", "--db", "sqlite", *arguments],
             {"GREVY_TEST_PG": postgres or ""}, silent_ok=True)  # For what is PostgreSQL's own.
    if postgres:
        run_part("unit and module tests on PostgreSQL", "unit",
                 ["build/asan/grevy_test", "--db", "postgres", *arguments],
                 {"GREVY_TEST_PG": postgres}, silent_ok=True)
    if threads:
        binary = "build/tsan/grevy_test"
        run_part("tests of threads under ThreadSanitizer", "unit",
                 [*without_randomized_addresses(binary), binary, *arguments],
                 {"GREVY_TEST_PG": postgres or ""}, silent_ok=True)


def replays(text):
    """Each fuzz target over its corpus, in build/asan/NAME_fuzz_replay."""
    for source in sorted(pathlib.Path("src").rglob("*_fuzz.c")):
        name = source.stem.removesuffix("_fuzz")
        if text not in f"fuzz {source}":
            continue
        corpus = pathlib.Path("test/fuzz") / name
        if not corpus.is_dir():
            count("not ok", f"fuzz corpus of {name}: {corpus}/ is missing")
            continue
        log = LOG / f"fuzz_{name}.log"
        with open(log, "w") as out:
            status = subprocess.run([f"build/asan/{source.stem}_replay", str(corpus)], stdout=out,
                                    stderr=subprocess.STDOUT, env={**os.environ, **SANITIZERS},
                                    timeout=SECONDS_MAX["replay"], check=False).returncode
        last = log.read_text(errors="replace").splitlines() or [""]
        if status == 0:
            count("ok", f"fuzz corpus of {name}: {last[-1]}")
        else:
            say("\n".join(last[-40:]))
            count("not ok", f"fuzz corpus of {name}: ended with status {status}; see {log}")


def scripts(folder, kind, text, environment=None):
    """Executables of a folder, each a part."""
    for path in sorted(pathlib.Path(folder).glob("*")):
        if path.suffix in (".py", ".sh") and os.access(path, os.X_OK) and text in str(path):
            run_part(str(path), kind, [str(path)], environment)


def everything(text, quick):
    source = pathlib.Path("src")
    main_there = (source / "main.c").exists()
    threads = not quick and any("_THREADS(" in p.read_text() or ".threads = true" in p.read_text()
                                for p in source.rglob("*_test.c"))
    targets = ["build/asan/grevy_test", "replay"]
    targets += ["build/asan/grevy"] if main_there else []
    targets += [] if quick else ["sim", "build/asan/sim"]
    targets += ["build/tsan/grevy_test"] if threads else []
    if not make(targets):
        return
    postgres, stop = (None, lambda: None) if quick else start_postgres()
    arguments = (["--filter", text] if text else []) + (["--quick"] if quick else [])
    unit_tests(arguments, postgres, threads)
    stop()
    replays(text)
    if quick:
        return
    # A new one: before a database can be dropped PostgreSQL syncs all files, and those of a schema
    # for each unit test take it minutes.
    postgres, _ = start_postgres()
    scripts("test/kit", "tool", text)
    scripts("test/tools", "tool", text)
    binary = {"GREVY": os.path.abspath("build/asan/grevy"), "GREVY_TEST_PG": postgres or ""}
    scripts("test/journeys", "journey", text, binary)
    crash = "test/crash/run.py"
    if os.access(crash, os.X_OK) and text in crash:
        run_part("crash test", "crash", [crash, "--cycles", str(CRASH_CYCLES)], binary)
    if text in "test/sim":
        run_part("simulation", "sim", ["build/sim", "--events", str(SIM_EVENTS)])
        run_part("simulation, sanitized", "sim",
                 ["build/asan/sim", "--seed", "100001", "--events", str(SIM_EVENTS_SANITIZED)])
        run_part("thirty days", "sim", ["build/sim", "--soak", "30"])
        run_part("mutants", "sim", ["test/sim/mutants.py"])


def main():
    arguments = sys.argv[1:]
    quick = "--quick" in arguments
    text = next((a for a in arguments if a != "--quick"), "")
    if text.startswith("-"):
        sys.exit(__doc__)
    shutil.rmtree(LOG, ignore_errors=True)
    LOG.mkdir(parents=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    everything(text, quick)
    if not any(counts.values()):
        count("not ok", f"nothing matches {text}")
    say(f"# {time.monotonic() - started:.0f} s; the output of each part is in {LOG}/")
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    say(f"{counts['ok']} passed, {counts['not ok']} failed{skipped}")
    sys.exit(1 if counts["not ok"] else 0)


if __name__ == "__main__":
    main()
