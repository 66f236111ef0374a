#!/usr/bin/env python3
"""mutants.py [NAME...] - does the simulation find what is wrong?

Each test/sim/mutants/NAME.patch is one deliberate defect.  It is applied to a copy of the sources,
built, and run from several first seeds on, one seed after the other, until a seed fails or
EVENTS_MAX events have passed.  The unmutated build passes on all of these seeds.  Prints a table:
the median number of seeds, and of events, to the finding, and what was found.

A canary that must be found, too: the unmutated build on a disk that lies about its syncs.
"""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHES = ROOT / "test/sim/mutants"
EVENTS_MAX = 60000  # Within so many events every mutant is found.
EVENTS_PER_SEED = 600
FIRST_SEEDS = (1, 1001, 2001)
JOBS = str(os.cpu_count())
FOUND = re.compile(r"not ok sim: seed (\d+), event (\d+): (.*)")
DIED = re.compile(r"died of signal \d+ in event (\d+)")  # It could not report its event.


def run(binary, first, *arguments):
    """(seeds, events, what) of the first finding, or None."""
    done = subprocess.run([binary, "--brief", "--jobs", "1", "--seed", str(first), "--events",
                           str(EVENTS_MAX), *arguments], capture_output=True, text=True,
                          check=False)
    found = FOUND.search(done.stdout)
    if not found:
        return None
    seeds = int(found[1]) - first + 1
    event = DIED.match(found[3]) or re.match(r"(\d+)", found[2])
    return seeds, (seeds - 1) * EVENTS_PER_SEED + int(event[1]), found[3]


def build(patch, folder):
    """The simulation with one defect; objects that it does not touch are taken over."""
    tree = pathlib.Path(folder) / patch.stem
    for part in ("src", "test/kit", "test/sim", "tools"):
        shutil.copytree(ROOT / part, tree / part)
    for part in ("release", "gen"):
        shutil.copytree(ROOT / "build" / part, tree / "build" / part)
    for file in ("Makefile", "package.json"):
        shutil.copy2(ROOT / file, tree / file)
    if (ROOT / "node_modules").exists():
        (tree / "node_modules").symlink_to(ROOT / "node_modules")
    subprocess.run(["patch", "-s", "-p1", "-i", patch], cwd=tree, check=True)
    subprocess.run(["make", "-s", f"-j{JOBS}", "sim"], cwd=tree, check=True,
                   stdout=subprocess.DEVNULL)
    return tree / "build/sim"


def row(name, findings):
    """One line of the table; False when it was not found from every first seed."""
    found = [f for f in findings if f]
    if len(found) < len(findings):
        print(f"not ok mutant {name}: not found from {len(findings) - len(found)} of "
              f"{len(findings)} first seeds within {EVENTS_MAX} events", flush=True)
        return False
    seeds = statistics.median(f[0] for f in found)
    events = statistics.median(f[1] for f in found)
    print(f"ok mutant {name:30} {seeds:4.0f} seeds {events:7.0f} events  {found[0][2][:90]}",
          flush=True)
    return True


def main():
    wanted = sys.argv[1:]
    patches = [p for p in sorted(PATCHES.glob("*.patch")) if not wanted or p.stem in wanted]
    subprocess.run(["make", "-s", f"-j{JOBS}", "sim"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    good = True
    if not wanted:
        good = row("canary: a disk that lies",
                   [run(ROOT / "build/sim", first, "--lying-disk") for first in FIRST_SEEDS])
    for patch in patches:
        with tempfile.TemporaryDirectory(prefix="grevy_mutant.") as folder:
            binary = build(patch, folder)
            good &= row(patch.stem, [run(binary, first) for first in FIRST_SEEDS])
    print(f"{len(patches)} mutants, each found within {EVENTS_MAX} events" if good
          else "not every mutant was found")
    sys.exit(not good)


if __name__ == "__main__":
    main()
