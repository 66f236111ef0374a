#!/usr/bin/env python3
"""The house rules see what they must see, and are silent on what is right."""
import pathlib
import sys
import tempfile

sys.path.insert(0, "tools")
import tidy  # noqa: E402


def header(path, body=""):
    name = pathlib.Path(path).stem
    guard = f"GREVY_{name.upper()}_H"
    return (f"/*\n * {name}.h - a sample.\n *\n * Invariants: none.\n */\n"
            f"#ifndef {guard}\n#define {guard}\n{body}\n#endif\n")


def code(body):
    return f"/* A sample. */\n{body}\n"


MODULE = ('#include "kernel/kernel.h"\n#include "modules/alpha/alpha.h"\n\n'
          "static enum err get(struct cx *cx)\n{\n"
          '    return sql_run(cx, NULL, "update alpha set a = 1", NO_BINDS);\n}\n\n'
          'const struct module alpha_module = {.name = "alpha"};')

CLEAN = {
    "src/kernel/base/str.h": header("str.h", "int str_one(void);"),
    "src/kernel/sql/sql.c": code('#include "kernel/base/str.h"\n'),
    "src/kernel/http/router.c": code('#include "kernel/watch/watch.h"\n'),
    "src/modules/alpha/alpha.h": header("alpha.h"),
    "src/modules/alpha/alpha.c": code(MODULE),
    "src/modules/alpha/alpha_test.c": code('#include "test/kit/test.h"\n'),
    "src/modules/alpha/README.md": "alpha\n",
    "src/modules/alpha/schema/001_alpha.sql":
        "-- from elsewhere\ncreate table alpha (id bigint);\ncreate index alpha_by_id on alpha (id);\n",
    "dev": "#!/bin/sh\n", "Makefile": "all:\n",
}

SQL = "static const char *sql(void)\n{\n    return %s;\n}\n"
FOOT = 'const struct module alpha_module = {.name = "alpha"};'


def module(body):
    return {"src/modules/alpha/alpha.c": code(body + "\n" + FOOT)}


def query(literal, before=""):
    return module(before + SQL % literal)


def kernel(path, body):
    return {f"src/kernel/{path}": code(body)}


BETA = {path.replace("alpha", "beta"): text.replace("alpha", "beta").replace("ALPHA", "BETA")
        for path, text in CLEAN.items() if "alpha" in path}

# (what, files, a piece of the one finding, or None when there must be none)
CASES = [
    ("a lower folder does not include a higher one",
     kernel("base/a.c", '#include "kernel/http/router.h"'), "base may not include http"),
    ("the kernel includes no module",
     kernel("base/a.c", '#include "modules/alpha/alpha.h"'), "know no module"),
    ("a relative include", kernel("base/a.c", '#include "../sql/sql.h"'), "written from src/"),
    ("the product includes no test kit",
     kernel("base/a.c", '#include "test/kit/test.h"'), "only tests"),
    ("a fixture is for tests",
     {"src/kernel/base/fixture.h": header("fixture.h", '#include "test/kit/test.h"')}, None),
    ("kernel.h is for modules", kernel("sql/a.c", '#include "kernel/kernel.h"'), "is for modules"),
    ("an unknown folder has no place", kernel("new/a.c", '#include "kernel/sql/sql.h"'), "no place"),
    ("a module sees kernel.h alone", module('#include "kernel/sql/sql.h"'), "kernel/kernel.h alone"),
    ("a module sees no threads", module("#include <pthread.h>"), "a module sees no pthread"),
    ("a module names its needs",
     {**BETA, **module('#include "modules/beta/beta.h"')}, "beta is not in the NEEDS"),
    ("a declared need is fine",
     {**BETA, **module('#include "modules/beta/beta.h"\n'
                       'static const char *const *needs = NEEDS("beta");')}, None),
    ("only the public header of a need",
     {**BETA, **module('#include "modules/beta/beta_priv.h"\n'
                       'static const char *const *needs = NEEDS("beta");')}, "only the public header"),
    ("a need exists", module('static const char *const *needs = NEEDS("gone");'), "does not exist"),
    ("a foreign table is seen", query('"select a from beta_x where a = ?1"'), "beta_x does not belong"),
    ("a foreign table in a join is seen",
     query('"select a from alpha "\n           "join stock_level on true"'), "stock_level does not"),
    ("a foreign table behind a comma is seen",
     query('"select a from alpha_x, orders"'), "orders does not belong"),
    ("a foreign table in a deep select is seen",
     query('"insert into alpha (a) select b from kernel_key"'), "kernel_key does not belong"),
    ("a piece of a statement is seen",
     {**BETA, **query('" join beta_level on a = b"')}, "beta_level does not belong"),
    ("a table behind a macro is seen",
     query('"select a from " PLACE " where a = 1"', '#define PLACE "beta_x"\n'), "beta_x does not"),
    ("a table behind an unknown macro is seen", query('"select a from " PLACE'), "hides behind PLACE"),
    ("SQL in capitals is seen", query('"SELECT a FROM beta"'), "written small"),
    ("a plural of the module is its own", query('"select a from alphas where a = ?1"'), None),
    ("a name given by with is no table",
     query('"with x as (select a from alpha) select a from x"'), None),
    ("conflict clauses are no tables",
     query('"insert into alpha (a) values (?1) on conflict (a) do update set a = excluded.a"'), None),
    ("a sentence is no SQL", query('"Take the price from the list, then update it."'), None),
    ("a table function is no table", query('"select value from json_each(?1)"'), None),
    ("a TABLE row belongs to its module",
     module('static const struct table t = TABLE("beta_x", row, fields, 1);'), "beta_x does not"),
    ("a migration makes its own tables",
     {"src/modules/alpha/schema/001_alpha.sql": "create table beta (id bigint);"}, "beta does not"),
    ("a migration refers to its own tables",
     {"src/modules/alpha/schema/001_alpha.sql":
      "create table alpha (id bigint references beta (id));"}, "beta does not"),
    ("a migration has a number", {"src/modules/alpha/schema/first.sql": "select 1;"}, "001_what"),
    ("strcpy is banned", kernel("base/a.c", "void f(char *a)\n{\n    strcpy(a, a);\n}"), "strcpy"),
    ("a word in a comment or string is no call",
     kernel("base/a.c", '/* strcpy(a) */\nconst char *f(void)\n{\n    return "strcpy(";\n}'), None),
    ("malloc is banned in modules",
     module("static void *f(void)\n{\n    return malloc(1);\n}"), "malloc: use cx_alloc"),
    ("malloc is the kernel's right", kernel("base/a.c", "void *f(void)\n{\n    return malloc(1);\n}"),
     None),
    ("the kernel reads no clock above base",
     kernel("sql/a.c", "long f(void)\n{\n    return time(NULL);\n}"), "time: use cx_now_ms"),
    ("a test does not sleep",
     kernel("base/a_test.c", "void f(void)\n{\n    usleep(1);\n}"), "wait for the condition"),
    ("a member called time is no call",
     kernel("sql/a.c", "long f(struct s *s)\n{\n    return s->time(1) + s.rand(2);\n}"), None),
    ("no typedef of a struct", kernel("base/a.c", "typedef struct a b;"), "typedef struct"),
    ("a typedef of a function is fine", kernel("base/a.c", "typedef enum err f(void);"), None),
    ("a function of 72 lines",
     kernel("base/a.c", "void f(void)\n{\n" + "    f();\n" * 71 + "}"), "function of 72 lines"),
    ("a function of 70 lines", kernel("base/a.c", "void f(void)\n{\n" + "    f();\n" * 69 + "}"), None),
    ("a block nested four deep",
     kernel("base/a.c", "void f(int a)\n{\n    for (;;) {\n        if (a) {\n            do {\n"
            "                while (a) {\n                    f(a);\n                }\n"
            "            } while (a);\n        }\n    }\n}"), "block nested 4 deep"),
    ("a literal is no block",
     kernel("base/a.c", "void f(int a)\n{\n    for (;;) {\n        if (a) {\n            do {\n"
            "                struct s x = {{1}, {2}};\n                g((struct s){a});\n"
            "            } while (a);\n        }\n    }\n}"), None),
    ("seven parameters",
     kernel("base/a.c", "void f(int a, int b, int c,\n       int d, int e, int f, void (*g)(int, int))\n"
            "{\n}"), "7 parameters"),
    ("six parameters, one with parameters of its own",
     kernel("base/a.c", "void f(int a, int b, int c, int d, int e, void (*g)(int, int))\n{\n}"), None),
    ("a callback is as wide as its library says",
     kernel("base/a.c", "int f(void *a, struct MHD_Connection *b, int c, int d, int e, int g, int h)"
            "\n{\n}"), None),
    ("a file of 501 lines", kernel("base/a.c", "int a;\n" * 499), "file of 501 lines"),
    ("a line of 101 columns", kernel("base/a.c", "/* " + "x" * 95 + " */"), "101 columns"),
    ("a joined assertion",
     kernel("base/a.c", "void f(int a)\n{\n    assert(a > 0 &&\n           a < 9);\n}"), "split"),
    ("an inner conjunction is fine",
     kernel("base/a.c", "void f(int a)\n{\n    assert(!(a && f));\n}"), None),
    ("a file without a head", {"src/kernel/base/a.c": "int a;\n"}, "begins with a comment"),
    ("a header without its name",
     {"src/kernel/base/a.h": "/* What? */\n#ifndef GREVY_A_H\n#define GREVY_A_H\n#endif\n"},
     'begins with "/* a.h - '),
    ("a header without a guard",
     {"src/kernel/base/a.h": header("a.h").replace("GREVY_A_H", "A_H")}, "include guard"),
    ("a time without a unit", kernel("base/a.c", "static int retry_delay = 1;"), "which unit"),
    ("a time with a unit", kernel("base/a.c", "static int64_t retry_delay_ms_max = 1;"), None),
    ("a bound in front", kernel("base/a.c", "enum { MAX_LINES = 3 };"), "the bound stands last"),
    ("a module without a part", {"src/modules/alpha/README.md": None}, "README.md is missing"),
    ("a module with an odd part", {"src/modules/alpha/misc.c": code("")}, "a module is NAME.c"),
    ("a module whose table is not last",
     {"src/modules/alpha/alpha.c": code(MODULE + "\nint late(void);\n")}, "the last thing in it"),
    ("a long script", {"tools/a.py": "\n" * 501}, "limit 500"),
]

CIRCLE = {**BETA, **module('static const char *const *needs = NEEDS("beta");'),
          "src/modules/beta/beta.c": code(FOOT.replace("alpha", "beta") and
                                          'static const char *const *needs = NEEDS("alpha");\n'
                                          + FOOT.replace("alpha", "beta"))}


def findings(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        for path, text in {**CLEAN, **files}.items():
            if text is not None:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
        return list(tidy.findings(root))


def verdict(what, found, expected):
    if expected is None:
        right = not found
    else:
        right = len(found) == 1 and expected in found[0]
    if right:
        print(f"ok house rules: {what}")
    else:
        print(f"not ok house rules: {what}: expected {expected!r}, found {found}")
    return right


def main():
    right = verdict("a clean tree has no finding", findings({}), None)
    for what, files, expected in CASES:
        right &= verdict(what, findings(files), expected)
    found = findings(CIRCLE)
    right &= verdict("needs form no circle", found[:1] if len(found) == 2 else found, "circle")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
