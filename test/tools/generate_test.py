#!/usr/bin/env python3
"""tools/generate.py: what it generates compiles to what the sources say, and it refuses gaps."""
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path.cwd()
GENERATE = TOP / "tools/generate.py"
# Everything that could be mangled on the way through a C string.
SQL = 'create table alpha (a text); -- "quoted" \\ back ??= slash\n\tinsert into alpha values (\'%s\');'

MAIN = r"""
#include <stdio.h>
#include "kernel/http/assets.h"
#include "kernel/work/module.h"
int main(void)
{
    for (int k = 0; modules_all[k]; k++) {
        const struct migration *m = modules_all[k]->schema;
        printf("module %s\n", modules_all[k]->name);
        for (; m->name; m++)
            printf("migration %s\n<%s>\n", m->name, m->sql);
    }
    for (const struct migration *m = kernel_schema; m->name; m++)
        printf("kernel %s\n", m->name);
    for (const struct asset *a = assets; a->path; a++)
        printf("asset %s %s %zu %d %.*s\n", a->path, a->type, a->len, a->bytes[a->len],
               (int)a->len, (const char *)a->bytes);
    return 0;
}
"""
right = True


def verdict(what, is_right, detail=""):
    global right
    right &= is_right
    print(f"ok generate: {what}" if is_right else f"not ok generate: {what}: {detail}")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def generate(root):
    return subprocess.run([sys.executable, GENERATE, "gen"], cwd=root, capture_output=True,
                          text=True, check=False)


def sample(root):
    for name in ("beta", "alpha"):
        write(root / f"src/modules/{name}/{name}.c",
              '#include "kernel/work/module.h"\n'
              f"extern const struct migration {name}_schema[];\n"
              f'const struct module {name}_module = {{.name = "{name}", .schema = {name}_schema}};\n')
    write(root / "src/modules/alpha/schema/002_more.sql", "create table alpha_more (a text);\n")
    write(root / "src/modules/alpha/schema/001_alpha.sql", SQL)
    write(root / "src/modules/empty/README.md", "no code yet\n")
    write(root / "src/kernel/work/schema/001_work.sql", "create table kernel_a (a text);\n")
    write(root / "src/kernel/access/schema/002_key.sql", "create table kernel_b (a text);\n")
    write(root / "src/kernel/http/assets/docs/a.css", "body {}")
    write(root / "main.c", MAIN)


def output(root):
    """What the program says when compiled with the generated files."""
    files = [str(p) for p in (root / "gen").glob("*.c")]
    files += [str(p) for p in (root / "src/modules").rglob("*.c")]
    subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Werror", f"-I{TOP}/src", "main.c", *files,
                    "-o", "main"], cwd=root, check=True)
    return subprocess.run(["./main"], cwd=root, check=True, capture_output=True, text=True).stdout


def main():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        sample(root)
        done = generate(root)
        verdict("a tree is accepted", done.returncode == 0, done.stderr)
        wanted = (f"module alpha\nmigration 001_alpha\n<{SQL}\n>\nmigration 002_more\n"
                  "<create table alpha_more (a text);\n>\nmodule beta\n"
                  "kernel 001_work\nkernel 002_key\n"
                  "asset /docs/a.css text/css; charset=utf-8 7 0 body {}\n")
        got = output(root)
        verdict("modules, migrations and assets arrive byte for byte", got == wanted, repr(got))

        stamps = {p: p.stat().st_mtime_ns for p in (root / "gen").iterdir()}
        generate(root)
        again = {p: p.stat().st_mtime_ns for p in (root / "gen").iterdir()}
        verdict("what did not change is not rewritten", stamps == again)

        write(root / "src/kernel/http/assets/docs/a.css", "BODY {}")
        generate(root)
        changed = [p.name for p in stamps if p.stat().st_mtime_ns != stamps[p]]
        verdict("an asset of the same size is seen to change", changed == ["assets.c"], changed)

        os.remove(root / "src/modules/beta/beta.c")
        generate(root)
        verdict("a module that is gone leaves nothing", not (root / "gen/beta_schema.c").exists())

        write(root / "src/modules/alpha/schema/004_gap.sql", "select 1;\n")
        done = generate(root)
        verdict("a gap in the numbers is refused",
                done.returncode != 0 and "must start with 003_" in done.stderr, done.stderr)
        os.rename(root / "src/modules/alpha/schema/004_gap.sql",
                  root / "src/modules/alpha/schema/002_twice.sql")
        done = generate(root)
        verdict("a number given twice is refused", done.returncode != 0, done.stderr)
        os.remove(root / "src/modules/alpha/schema/002_twice.sql")

        write(root / "src/kernel/http/assets/a.odd", "x")
        done = generate(root)
        verdict("a file of no known type is refused",
                done.returncode != 0 and "no media type" in done.stderr, done.stderr)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
