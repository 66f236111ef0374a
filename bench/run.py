#!/usr/bin/env python3
"""run.py - the performance table: every figure beside its yardstick, measured in the same run.

  bench/run.py [--only NAME,..] [--rounds N] [--seconds S] [--quick] [--markdown] [--json FILE]

See README.md beside this file for how it measures.  Never fails because a target is missed.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import table
from contests import CONNECTIONS, Bench
from processes import Unavailable, on_signal

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYNC_PROBES = 200


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--only", default=",".join(table.GROUPS),
                   help="comma-separated, of: " + ", ".join(table.GROUPS))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=4, help="measured time of each contestant")
    p.add_argument("--quick", action="store_true", help="2 rounds of 2 s")
    p.add_argument("--markdown", action="store_true", help="print tables for a README")
    p.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write every sample")
    p.add_argument("--grevy", type=pathlib.Path, default=ROOT / "build/grevy")
    p.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench",
                   help="folder of load, bare_loop, textbook_pg and slow_sync.so")
    p.add_argument("--pg", metavar="URL", help="use this local PostgreSQL server, not a throw-away")
    p.add_argument("--dir", type=pathlib.Path, help="where the databases lie (the disk measured)")
    o = p.parse_args()
    o.root, o.groups = ROOT, o.only.split(",")
    if unknown := set(o.groups) - set(table.GROUPS):
        p.error(f"--only: no {', '.join(sorted(unknown))}; there are {', '.join(table.GROUPS)}")
    if o.rounds < 1 or o.seconds < 0.5:
        p.error("at least one round of half a second")
    if o.quick:
        o.rounds, o.seconds = 2, 2
    o.warm_s = min(1.0, o.seconds / 4)
    o.grevy, o.bin = o.grevy.resolve(), o.bin.resolve()
    return o


def sync_ms(folder):
    """Median time of an fdatasync after an appended 4 KiB page."""
    times, path = [], folder / "sync"
    with open(path, "wb", buffering=0) as f:
        for _ in range(SYNC_PROBES):
            f.write(bytes(4096))
            begin = time.perf_counter()
            os.fdatasync(f.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    path.unlink()
    return statistics.median(times)


def machine(folder):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                if line.startswith("model name")), platform.machine())
    disk = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True)
    return {"cpu": cpu, "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "file_system": disk.stdout.strip(), "fdatasync_ms": round(sync_ms(folder), 3),
            "load_average": os.getloadavg()[0], "date": datetime.date.today().isoformat()}


def measure(bench, names, rounds_wanted):
    """Interleaved rounds; returns [{name: Sample}] and the remarks made on the way."""
    rounds, remarks, absent = [], {}, set()
    for number in range(rounds_wanted):
        samples = {}
        for name in names:
            if name in absent:
                continue
            print(f"round {number + 1} of {rounds_wanted}: {name}", file=sys.stderr, flush=True)
            try:
                samples.update(getattr(bench, name)())
            except Unavailable as why:
                absent.add(name)
                remarks[f"{name}: {why}"] = True
        for name, sample in samples.items():
            if sample.remark:
                remarks[f"{name}, round {number + 1}: {sample.remark}"] = True
        rounds.append(samples)
    return rounds, list(remarks)


def report(o, about, rounds, remarks):
    found = table.results(o.groups, rounds)
    print(f"{about['cpus']} CPUs ({about['cpu']}), Linux {about['kernel']}, {about['file_system']},"
          f" fdatasync {about['fdatasync_ms']} ms; {CONNECTIONS} connections; medians of {o.rounds}"
          f" interleaved rounds of {o.seconds:g} s, {about['date']}.\n")
    print(table.summary(found, o.markdown))
    if everybody := table.everybody(rounds, o.markdown):
        print("\n" + everybody)
    if about["file_system"] == "tmpfs":
        remarks.append("the databases lay in memory: give --dir a folder on a disk")
    for remark in remarks:
        print(f"\nRemark: {remark}")
    if o.json:
        o.json.write_text(json.dumps(
            {"machine": about, "rows": found, "remarks": remarks,
             "rounds": [{n: vars(s) for n, s in samples.items()} for samples in rounds]}, indent=1))


def main():
    o = arguments()
    on_signal()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="grevy-bench-", dir=o.dir))
    folder.chmod(0o755)  # nginx and PostgreSQL run as other users.
    bench = None
    try:
        bench = Bench(o, folder)
        about = machine(folder)
        rounds, remarks = measure(bench, table.contestants(o.groups), o.rounds)
        report(o, about, rounds, remarks)
    except Unavailable as why:
        sys.exit(f"bench: {why}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; every server was stopped")
    finally:
        if bench:
            bench.cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
