#!/usr/bin/env python3
"""hardening.py BINARY ... - does a binary have what the release flags of the Makefile are for?  Read
from the ELF, by readelf; one line each, "ok BINARY: WHAT: DETAIL" or "not ok BINARY: WHAT: DETAIL".
Exit 1 when anything is missing.  The binary must not be stripped."""
import re
import subprocess
import sys

FORTIFIED_MIN = 5  # Of glibc's checked functions; the server calls nine of them.
LANDING_SHARE_MIN = 0.99
# What the processor wants to find where an indirect jump ends.
LANDING = {"X86-64": (b"\xf3\x0f\x1e\xfa",),  # endbr64
           "AArch64": (b"\x5f\x24\x03\xd5", b"\x3f\x23\x03\xd5")}  # bti c, paciasp
# Of the C library's start files; cold parts of functions are jumped to directly.
NOT_OURS = re.compile(r"_start|_init|_fini|_dl_relocate_static_pie|.*\.cold")


class Elf:
    """What readelf says of a file."""

    def __init__(self, path):
        self.path = path
        self.header, self.segments, self.sections, self.dynamic, self.symbols = (
            self.read(option) for option in ("-h", "-l", "-S", "-d", "-s"))
        self.names = set(re.findall(r"\bUND\s+(\w+)", self.symbols))

    def read(self, option):
        done = subprocess.run(["readelf", "-W", option, str(self.path)], capture_output=True,
                              text=True, errors="replace", check=False)
        if done.returncode != 0 or "Error:" in done.stderr:
            raise ValueError(done.stderr.strip() or f"readelf ended with {done.returncode}")
        return done.stdout

    def flags_of(self, kind=None):
        """"RW" or the like for each segment of this kind, or for all."""
        rows = re.findall(r"^\s+(\w+)\s+(?:0x\w+\s+){5}([R ][W ][E ])", self.segments, re.M)
        return [flags.replace(" ", "") for name, flags in rows if kind in (name, None)]

    def entry(self, tag):
        """The value of a dynamic entry, or None."""
        found = re.search(rf"\({tag}\)\s+(.*)", self.dynamic)
        return found and found.group(1).strip()

    def flagged(self, name):
        return any(name in (self.entry(tag) or "").split() for tag in ("FLAGS", "FLAGS_1"))

    def functions(self):
        """Addresses of functions that other files may call, and so anybody by their address."""
        rows = re.findall(r"^\s*\d+:\s+(\w+)\s+\w+\s+FUNC\s+GLOBAL\s+\w+\s+\d+\s+(\S+)",
                          self.symbols, re.M)
        return [int(address, 16) for address, name in rows if not NOT_OURS.fullmatch(name)]

    def begins(self, length):
        """The first bytes of each of these functions."""
        section = re.search(r"\s\.text\s+PROGBITS\s+(\w+)\s+(\w+)\s+(\w+)", self.sections)
        address, offset, size = (int(value, 16) for value in section.groups())
        with open(self.path, "rb") as file:
            file.seek(offset)
            text = file.read(size)
        return [text[at - address:at - address + length] for at in self.functions()]


def landing(elf):
    """Do functions begin with the mark for which the processor looks?"""
    machine = next((name for name in LANDING if name in elf.header), None)
    begins = elf.begins(4)
    marked = sum(begin in LANDING.get(machine, ()) for begin in begins)
    return (bool(begins) and marked >= LANDING_SHARE_MIN * len(begins),
            f"{marked} of {len(begins)} functions are marked")


def looks(elf):
    """(what, is it there, detail)"""
    kind = re.search(r"Type:\s+(\w+)", elf.header).group(1)
    relro, now = bool(elf.flags_of("GNU_RELRO")), elf.flagged("BIND_NOW") or elf.flagged("NOW")
    stack = elf.flags_of("GNU_STACK")
    both = [flags for flags in elf.flags_of() if "W" in flags and "E" in flags]
    checked = [name for name in elf.names if name.endswith("_chk")]
    path = elf.entry("RPATH") or elf.entry("RUNPATH")
    text = elf.entry("TEXTREL") is not None or elf.flagged("TEXTREL")
    yield "PIE", kind == "DYN" and elf.flagged("PIE"), f"type {kind}"
    yield "full RELRO", relro and now, "full" if relro and now else "partial" if relro else "none"
    yield "BIND_NOW", now, "at start" if now else "lazily"
    yield "NX stack", stack == ["RW"], " ".join(stack) or "no GNU_STACK"
    yield "no segment written and executed", not both, f"{len(both)} of them"
    canary = "__stack_chk_fail" in elf.names
    yield "stack canary", canary, "__stack_chk_fail" if canary else "nobody calls __stack_chk_fail"
    yield "FORTIFY", len(checked) >= FORTIFIED_MIN, f"{len(checked)} checked functions"
    yield "indirect branches (CET, BTI)", *landing(elf)
    yield "no RPATH, no RUNPATH", path is None, path or "none"
    yield "no relocations in code", not text, "TEXTREL" if text else "none"


def report(path):
    """[(what, is it there, detail)] of a file."""
    try:
        return list(looks(Elf(path)))
    except (ValueError, OSError, AttributeError) as why:
        return [("an ELF program with symbols", False, str(why))]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    good = True
    for path in sys.argv[1:]:
        for what, there, detail in report(path):
            print(f"{'ok' if there else 'not ok'} {path}: {what}: {detail}")
            good &= there
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
