#!/usr/bin/env python3
"""check.py [NAME ...] - format, house rules, static analysis, documents, the hardening of the binary;
what ./dev check does once packages are there.  NAME: only checks whose title contains it.

Checks of one file are remembered in build/check/ by the content of the file, of every header it
includes and of the tool's configuration, so that a second run looks only at what changed.
The last line is "check: N passed, N findings".
"""
import ast
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import documents  # noqa: E402
import hardening  # noqa: E402
import security  # noqa: E402
import source  # noqa: E402

ROOT = pathlib.Path(".").resolve()
CACHE = pathlib.Path("build/check")
AT_ONCE = 2  # Analysers take a gigabyte each.
C_FLAGS = ["-std=gnu11"]
CXX_FLAGS = ["-std=c++17"]
# With these glibc writes assert as one expression; as a block it would count as nesting.
TIDY_FLAGS = ["-D__STRICT_ANSI__", "-D_DEFAULT_SOURCE"]
# gcc 12 reports as leaked what a structure holds; the leak checker of the tests knows better.
ANALYZER_FLAGS = ["-O1", "-fanalyzer", "-Wno-analyzer-malloc-leak", "-Werror", "-c",
                  "-o", "/dev/null"]
# What cppcheck 2.10 takes for errors and is none here; gcc, clang-tidy and the sanitizers look for
# the real ones:
#   nullPointer             the unevaluated operand of a field table's _Generic
#   unknownEvaluationOrder  designated initialisers, seen as one expression
#   invalidPointerCast      members reached through a field's offset
#   legacyUninitvar         &array[k].member handed over to be filled
#   resourceLeak            in tests: a close inside a check, and what a failed check leaves open
#   internalAstError        compound literals that it cannot parse; it then leaves the file
CPPCHECK_FLAGS = ["--quiet", "--error-exitcode=1", "--enable=warning,portability", "--std=c11",
                  "--inline-suppr", "--suppress=missingIncludeSystem", "--suppress=nullPointer",
                  "--suppress=unknownEvaluationOrder", "--suppress=invalidPointerCast",
                  "--suppress=legacyUninitvar", "--suppress=internalAstError",
                  "--suppress=resourceLeak:*_test.c"]


@functools.lru_cache(maxsize=None)
def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@functools.lru_cache(maxsize=None)
def content(path):
    return path.read_bytes()


@functools.lru_cache(maxsize=None)
def included(path):
    """The project's headers that path includes, directly or not."""
    found = set()
    for name in re.findall(rb'(?m)^\s*#\s*include\s+"([^"]+)"', content(path)):
        for base in (ROOT / "src", ROOT, path.parent):
            header = (base / name.decode()).resolve()
            if header.exists():
                found |= {header} | included(header)
                break
    return frozenset(found)


class Check:
    """One look at one file: title, command, and what its outcome depends on beside the file."""

    def __init__(self, title, path, command, depends=()):
        self.title, self.path, self.command = title, path, command
        digest = hashlib.sha256("\0".join(command).encode())
        digest.update(output_of(command[0], "--version").encode())
        for part in (path, *sorted(included(path)), *depends):
            digest.update(str(part).encode() + content(part))
        self.stamp = CACHE / digest.hexdigest()

    def run(self):
        """(passed, from cache, what the tool said)"""
        if self.stamp.exists():
            self.stamp.touch()
            return True, True, ""
        done = subprocess.run(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", check=False)
        if done.returncode == 0:
            self.stamp.touch()
        said = [line for line in done.stdout.splitlines()
                if not re.match(r"\d+ (warnings?|errors?)|Suppressed |Use -header-filter", line)]
        return done.returncode == 0, False, "\n".join(said)


def include_flags():
    postgres = output_of("pg_config", "--includedir").strip() or "/usr/include/postgresql"
    return ["-Isrc", "-I.", "-isystem", postgres, "-isystem", "/usr/include/lua5.4"]


def file_checks():
    """Analysers look at what the product consists of; style holds for all C."""
    style, clang_tidy = ROOT / ".clang-format", ROOT / ".clang-tidy"
    includes = include_flags()
    for path in source.Tree(ROOT).c_files():
        name = str(path.relative_to(ROOT))
        yield Check("format", path, ["clang-format", "--dry-run", "-Werror", name], (style,))
        if path.suffix == ".h":
            continue
        flags = (CXX_FLAGS if path.suffix == ".cc" else C_FLAGS) + includes
        yield Check("clang-tidy", path, ["clang-tidy", "--quiet", name, "--", *flags, *TIDY_FLAGS],
                    (clang_tidy,))
        if path.suffix == ".cc":
            continue
        yield Check("cppcheck", path, ["cppcheck", *CPPCHECK_FLAGS, "-Isrc", "-I.", name])
        if name.startswith("src/") and not path.stem.endswith(("_test", "_fuzz", "fixture")):
            yield Check("analyzer", path, ["gcc", *flags, *ANALYZER_FLAGS, name])


def project_files():
    """Tracked and new files, without what .gitignore names."""
    listed = output_of("git", "ls-files", "-co", "--exclude-standard").splitlines()
    return [path for path in map(pathlib.Path, listed) if path.is_file()]


def interpreter(path):
    with open(path, "rb") as file:
        first = file.readline(200)
    found = re.match(rb"#!.*?\b(bash|sh|python3)\b", first)
    return found.group(1).decode() if found else None


def script_checks():
    """(title, path, what is wrong)"""
    for path in project_files():
        kind = interpreter(path)
        if kind and not os.access(path, os.X_OK):
            yield "scripts", path, "has a #! line and is not executable"
        if kind == "python3" or path.suffix == ".py":
            try:
                ast.parse(path.read_text())
                yield "scripts", path, ""
            except SyntaxError as error:
                yield "scripts", path, f"line {error.lineno}: {error.msg}"
        elif kind:
            done = subprocess.run(["shellcheck", "-x", str(path)], capture_output=True, text=True,
                                  check=False)
            yield "scripts", path, done.stdout


def document_checks():
    texts = {str(path): path.read_text(errors="replace")
             for path in project_files() if documents.is_text(path)}
    yield from documents.checks(texts)
    yield from security.checks(texts)


def mutant_checks():
    """Whoever changes a line that a mutant changes learns of it here, not in the long tests."""
    for path in sorted(pathlib.Path("test/sim/mutants").glob("*.patch")):
        done = subprocess.run(["patch", "--dry-run", "--batch", "--fuzz=0", "-p1", "-i", str(path)],
                              capture_output=True, text=True, check=False)
        yield "mutants", path, "" if done.returncode == 0 else done.stdout + done.stderr


def house_rules():
    done = subprocess.run([sys.executable, "tools/tidy.py"], capture_output=True, text=True,
                          check=False)
    yield "house rules", "src", done.stdout + done.stderr


@functools.lru_cache(maxsize=None)
def not_built():
    """Why there is no binary of what the sources say, or ""."""
    if not pathlib.Path("src/main.c").exists():
        return "skip: src/main.c is not there"
    built = subprocess.run(["make", f"-j{os.cpu_count()}", "build/grevy"], capture_output=True,
                           text=True, check=False)
    if built.returncode == 0:
        return ""
    said = [line for line in built.stderr.splitlines() if "error" in line or "***" in line]
    return "it does not build:\n" + "\n".join(said or [built.stderr])


def binary_hardening():
    """What the release binary is protected by, one line each; what it lacks is a finding."""
    if not_built():
        yield "hardening", "build/grevy", not_built()
        return
    for what, there, detail in hardening.report("build/grevy"):
        print(f"# hardening: {'has' if there else 'LACKS'} {what}: {detail}", flush=True)
        yield "hardening", "build/grevy", "" if there else f"lacks {what}: {detail}"


def api_document():
    """Lint the OpenAPI document that the binary prints; warnings count."""
    if not_built():
        yield "api", "build/grevy", not_built()
        return
    printed = subprocess.run(["build/grevy", "openapi"], capture_output=True, text=True,
                             check=False)
    if printed.returncode != 0 and "unknown" in printed.stderr:
        yield "api", "openapi.json", "skip: build/grevy has no command openapi"
        return
    if printed.returncode != 0:
        yield "api", "build/grevy openapi", printed.stderr or f"status {printed.returncode}"
        return
    path = pathlib.Path("build/openapi.json")
    path.write_text(printed.stdout)
    yield from lint(path)


def lint(path):
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(["npx", "--no-install", "redocly", "lint", "--format=json", str(path)],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, **quiet})
    try:
        problems = json.loads(done.stdout[done.stdout.index("{"):])["problems"]
    except (ValueError, KeyError):
        yield "api", path, f"the linter did not run:\n{done.stdout}{done.stderr}"
        return
    said = [f"{p['severity']}: {p['message']} ({p['ruleId']}) at "
            f"{p['location'][0].get('pointer', '')}" for p in problems]
    yield "api", path, "\n".join(said)


class Tally:
    def __init__(self):
        self.passed = self.cached = self.found = self.skipped = 0

    def add(self, title, path, said):
        if said.startswith("skip: "):
            self.skipped += 1
            print(f"skip {title}: {path}: {said[6:]}", flush=True)
        elif said:
            self.found += 1
            print(f"not ok {title}: {path}\n{said.rstrip()}", flush=True)
        else:
            self.passed += 1


def run_file_checks(checks, tally):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {pool.submit(check.run): check for check in checks}
        for number, done in enumerate(concurrent.futures.as_completed(waiting), 1):
            check = waiting[done]
            passed, cached, said = done.result()
            tally.cached += cached
            tally.add(check.title, check.path.relative_to(ROOT), "" if passed else said or "failed")
            if not cached and number % 25 == 0:
                print(f"# {number} of {len(checks)} checks of files", flush=True)


def forget_old(checks):
    """Stamps of versions that no longer exist."""
    current = {check.stamp.name for check in checks}
    for stamp in CACHE.iterdir():
        if stamp.name not in current:
            stamp.unlink()


def main():
    wanted = sys.argv[1:]

    def chosen(title):
        return not wanted or any(w in title for w in wanted)

    CACHE.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    for title, look in (("house rules", house_rules), ("scripts", script_checks),
                        ("documents", document_checks), ("mutants", mutant_checks)):
        if chosen(title):
            for found in look():
                tally.add(*found)
    checks = [check for check in file_checks() if chosen(check.title)]
    run_file_checks(checks, tally)
    if not wanted:
        forget_old(checks)
    for title, look in (("hardening", binary_hardening), ("api", api_document)):
        if chosen(title):
            for found in look():
                tally.add(*found)
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(f"check: {tally.passed} passed ({tally.cached} unchanged), {tally.found} findings{skipped}")
    sys.exit(1 if tally.found else 0)


if __name__ == "__main__":
    main()
