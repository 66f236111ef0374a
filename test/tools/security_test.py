#!/usr/bin/env python3
"""tools/security.py: a test that is not there, a requirement without a row, and a scope that nobody
can be given are seen."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, "tools")
import security  # noqa: E402

GONE = "`src/kernel/access/nothing_test.c`: a test that is not there"


def project():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True,
                            check=True).stdout.split()
    return {name: pathlib.Path(name).read_text(errors="replace") for name in listed
            if name.endswith((".c", ".py", ".sh", ".md")) and pathlib.Path(name).is_file()}


def row(text, number):
    """The row of a requirement, as it stands."""
    return re.search(rf"(?m)^\| {re.escape(number)} \|.*$", text).group()


def replaced(text, number, change):
    line = row(text, number)
    return text.replace(line, change(line))


# (what, how the page differs, a piece of a finding)
PAGE_CASES = [
    ("a test in a file that is not there", lambda t: replaced(t, "8.2.1", lambda line: line[:-2] + f"<br>{GONE} |"),
     "8.2.1: there is no src/kernel/access/nothing_test.c"),
    ("a test that its file has not",
     lambda t: replaced(t, "8.3.1", lambda line: re.sub(r": every route[^<|]* \|$", ": every road |", line)),
     'has no test "every road"'),
    ("a journey that is not there",
     lambda t: replaced(t, "4.1.1", lambda line: re.sub(r"every answer[^<|]* \|$", "no answer |", line)),
     'has no test "no answer"'),
    ("a requirement without a row", lambda t: replaced(t, "8.4.1", lambda line: ""), "no row for 8.4.1"),
    ("a requirement with two", lambda t: replaced(t, "8.4.1", lambda line: line + "\n" + line),
     "8.4.1: stands under 8.4.1 and under 8.4.1"),
    ("one that the standard has not", lambda t: replaced(t, "8.4.1", lambda line: line.replace("8.4.1", "8.4.9")),
     "8.4.9: no requirement"),
    ("one of level 3", lambda t: replaced(t, "8.4.1", lambda line: line.replace("8.4.1", "8.4.2")),
     "8.4.2: no requirement of level 1 or 2"),
    ("a wrong level", lambda t: replaced(t, "8.4.1", lambda line: line.replace("| 2 |", "| 1 |")),
     "8.4.1: is of level 2, not 1"),
    ("a chapter that is met", lambda t: replaced(t, "9", lambda line: line.replace("does not apply", "met")),
     "9: what is met, or is not, has a row of its own"),
    ("met without a test", lambda t: replaced(t, "3.4.5", lambda line: line.replace("not met yet", "met")),
     "3.4.5: met, and names no test"),
    ("no reason", lambda t: replaced(t, "3.4.5", lambda line: line.replace("/docs sends none.", "")),
     "3.4.5: not met yet, and does not say why"),
    ("no state", lambda t: replaced(t, "3.4.5", lambda line: line.replace("not met yet", "perhaps")),
     "3.4.5: the state is 'perhaps'"),
    ("a risk too few", lambda t: replaced(t, "API7:2023", lambda line: ""), "the risks are"),
    ("totals that are not these", lambda t: t.replace("Of 253 requirements ", "Of 253 requirements 1"), "say: Of 253"),
    ("a reference that cannot be read",
     lambda t: replaced(t, "3.4.5", lambda line: line.replace("/docs", "see `src/kernel/http/docs.c`: /docs")),
     "write `FILE`: SENTENCE"),
]
TABLE = 'const struct module a_module = {\n    .routes = ROUTES({"GET", "/v1/a", get, TX_READ, "a:read"}),\n%s};\n'
SCOPE_CASES = [
    ("a scope that a table names", TABLE % '    .scopes = SCOPES({"a:b", "B."}),\n', "a:b", False),
    ("a scope of a route", TABLE % "", "a:read", False),
    ("a scope that nobody names", TABLE % "", "a:b", True),
]


def say(right, what, found):
    print(f"{'ok' if right else 'not ok'} security: {what}{'' if right else f': found {found}'}")
    return right


def main():
    texts, good = project(), True
    found = list(security.page_faults(texts))
    good = say(not found, "the page as it stands", found)
    for what, change, expected in PAGE_CASES:
        page = change(texts[security.PAGE])
        found = list(security.page_faults({**texts, security.PAGE: page}))
        good = say(page != texts[security.PAGE] and any(expected in fault for fault in found), what, found) and good
    found = [said for _, _, said in security.checks({}) if said]
    good = say(found == ["is missing"], "no page at all", found) and good
    for what, table, scope, bad in SCOPE_CASES:
        found = list(security.scope_faults({"src/modules/a/a.c": table,
                                            "src/modules/a/b.c": f'if (cx_has_scope(req->cx, "{scope}"))'}))
        good = say(bool(found) == bad, what, found) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
