#!/usr/bin/env python3
"""tools/hardening.py sees what a binary lacks, one thing at a time."""
import pathlib
import platform
import subprocess
import sys
import tempfile

sys.path.insert(0, "tools")
import hardening  # noqa: E402

SOURCE = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int one(char *to, const char *from, size_t len)
{
    char copy[100];

    memcpy(copy, from, len);
    memset(copy + 1, 'x', len);
    memmove(to, copy, sizeof(copy));
    snprintf(copy, len, "%s", from);
    fprintf(stderr, "%s", copy);
    return (int)read(0, copy, len) + copy[len];
}
int main(int argc, char **argv)
{
    return printf("%d", one(argv[0], argv[1], (size_t)argc));
}
"""
BRANCHES = {"x86_64": "-fcf-protection=full"}.get(platform.machine(), "-mbranch-protection=standard")
HARD = ["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", BRANCHES,
        "-fPIE", "-pie", "-Wl,-z,relro,-z,now,-z,noexecstack"]
TEXTREL = 'void *word = &word;\nasm(".text\\n.quad word\\n");\n'

# (what the compiler is told besides, more source, what must be missing then)
CASES = [
    ("all that the release has", [], "", set()),
    ("no PIE", ["-fno-pie", "-no-pie"], "", {"PIE"}),
    ("lazy binding", ["-Wl,-z,lazy"], "", {"BIND_NOW", "full RELRO"}),
    ("no RELRO", ["-Wl,-z,norelro"], "", {"full RELRO"}),
    ("a stack that is executed", ["-Wl,-z,execstack"], "",
     {"NX stack", "no segment written and executed"}),
    ("no canaries", ["-fno-stack-protector"], "", {"stack canary"}),
    ("no FORTIFY", ["-D_FORTIFY_SOURCE=0", "-U_FORTIFY_SOURCE"], "", {"FORTIFY"}),
    ("unmarked branches", ["-fcf-protection=none" if platform.machine() == "x86_64" else
                           "-mbranch-protection=none"], "", {"indirect branches (CET, BTI)"}),
    ("a search path", ["-Wl,-rpath,/tmp"], "", {"no RPATH, no RUNPATH"}),
    ("a relocation in code", ["-Wl,-z,notext"], TEXTREL, {"no relocations in code"}),
]


def missing(folder, flags, more):
    """What the report says a program built like this lacks."""
    source, binary = folder / "a.c", folder / "a"
    source.write_text(SOURCE + more)
    subprocess.run(["gcc", *HARD, *flags, "-w", str(source), "-o", str(binary)], check=True)
    return {what for what, there, _ in hardening.report(binary) if not there}


def main():
    right = True
    with tempfile.TemporaryDirectory(prefix="grevy_hardening.") as name:
        folder = pathlib.Path(name)
        for what, flags, more, wanted in CASES:
            found = missing(folder, flags, more)
            right &= found == wanted
            print(f"ok hardening: {what}" if found == wanted else
                  f"not ok hardening: {what}: expected {wanted}, found {found}")
        text = folder / "text"
        text.write_text("no program\n")
        refused = [there for _, there, _ in hardening.report(text)] == [False]
        right &= refused
        print("ok hardening: a file that is no program" if refused else
              "not ok hardening: a file that is no program: it passed")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
