#!/usr/bin/env python3
"""tidy.py [ROOT] - the house rules that no compiler checks.  Prints "file:line: rule: text"; exit 1
when there is any.

  layers   a kernel folder includes only folders before it; the kernel includes no module; a module
           includes kernel/kernel.h, its own headers and the public header of a module in its NEEDS;
           NEEDS point downwards and form no circle
  tables   SQL of a module, wherever it stands in a string, names only the module's own tables
  banned   functions that are easy to misuse, with what to use instead
  length   functions up to 70 lines, files up to 500, lines up to 100 columns
  depth    up to 3 nested blocks, up to 6 parameters
  asserts  assert(a && b) is two asserts
  shape    the files of a module, their names and their parts; what a header begins with
  units    a time says its unit at the end of its name, and a bound stands behind the unit
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import source  # noqa: E402

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
PARAMETERS_MAX = 6
BLOCKS_MAX = 3
COLUMNS_MAX = 100

# The kernel's folders, lowest first; cli stands above all of them, modules beside it.
ORDER = ["base", "json", "schema", "sql", "work", "access", "effect", "count", "rule", "table", "script",
         "document", "flow", "http", "watch", "cli"]
# Faces that lower folders may call, each with the reason.
FACES = {
    "watch/watch.h": "anything may be counted; the face needs base alone",
    "access/access.h": "opening a space loads its keys",
    "count/redis.h": "a platform starts the connection that its spaces count through",
    "count/save.h": "a space opens with its counters, and its writer saves them",
    "effect/effect.h": "the writer of a space hands due effects to the workers",
}

# What a module may need: only modules of a lower or the same rank here, and grow never deliver.
RANK = {"catalog": 0, "stock": 0, "price": 0, "coupon": 0, "order": 1, "payment": 2, "aftersale": 3}
GROW = {"profile", "segment", "experiment", "slot", "page", "price", "coupon", "groupbuy", "lottery",
        "referral", "shortlink", "reach", "recommend", "risk"}
DELIVER = {"fulfil", "course", "goods", "teacher", "vip"}

BANNED = {
    "strcpy": "struct str", "strcat": "struct text", "strncpy": "memcpy with a length",
    "strncat": "struct text", "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets",
    "strtok": "str_cut", "atoi": "str_int", "atol": "str_int", "atoll": "str_int",
    "atof": "a field table", "alloca": "cx_alloc", "tmpnam": "mkdtemp",
}
BANNED_IN_PRODUCT = {"system": "posix_spawn", "popen": "posix_spawn"}
CLOCK_AND_CHANCE = {
    "time": "cx_now_ms", "gettimeofday": "cx_now_ms", "clock": "cx_now_ms",
    "rand": "cx_random", "random": "cx_random", "srand": "cx_random",
    "getrandom": "cx_random_bytes", "randombytes_buf": "cx_random_bytes",
}
BANNED_IN_MODULES = {
    **CLOCK_AND_CHANCE, "clock_gettime": "cx_now_ms",
    "malloc": "cx_alloc", "calloc": "cx_alloc", "realloc": "cx_alloc", "strdup": "cx_copy",
    "free": "nothing: cx owns memory", "printf": "a reply, an event or a metric",
    "fprintf": "fail", "puts": "a reply", "getenv": "a setting", "fopen": "rows",
    "exit": "fail", "abort": "assert", "setjmp": "fail", "longjmp": "fail",
    "pthread_create": "a job", "pthread_mutex_lock": "rows: commands run one at a time",
}
SLEEPS = {name: "a wait for the condition, with a deadline" for name in
          ("sleep", "usleep", "nanosleep")}
MODULE_SYSTEM_HEADERS = {"assert.h", "ctype.h", "inttypes.h", "limits.h", "stdbool.h", "stddef.h",
                         "stdint.h", "stdlib.h", "string.h"}

# A callback may be wider when a library gives its shape.
CALLBACK = re.compile(r"\b(?:struct MHD_Connection|sqlite3_context|CURL) \*")

NUMBERS = r"(?:int|long|unsigned|size_t|double|u?int(?:32|64)_t)"
TIMES = r"(?:timeout|interval|ttl|delay|duration|latency|elapsed|deadline|lifetime)"
UNIT = re.compile(r"_(?:ms|us|ns|s|seconds|minutes|hours|days)(?=_|$)", re.I)


def folder_of(include):
    """"kernel/http/router.h" -> "http"; "cli/x.h" -> "cli"."""
    parts = include.split("/")
    return parts[1] if parts[0] == "kernel" and len(parts) > 2 else parts[0]


def layers(file, tree):
    for line, include in file.includes:
        parts = include.split("/")
        if include.startswith(".") or parts[0] == "src":
            yield line, f'"{include}": includes are written from src/'
        elif parts[0] == "test":
            if not (file.is_test or file.is_fuzz):
                yield line, "only tests and fuzz targets include test/kit/"
        elif file.module:
            yield from module_layers(file, line, include, tree)
        elif parts[0] == "modules":
            yield line, "the kernel and the command line know no module by name"
        elif file.layer and parts[0] in ("kernel", "cli"):
            yield from kernel_layers(file, line, include)
    if file.module and not (file.is_test or file.is_fuzz):
        for line, header in file.system_includes:
            if header not in MODULE_SYSTEM_HEADERS:
                yield line, f"<{header}>: a module sees no {header.rsplit('.', 1)[0]}"


def kernel_layers(file, line, include):
    other = folder_of(include)
    if other == "kernel":  # kernel.h itself
        if file.layer != "cli":
            yield line, "kernel/kernel.h is for modules; name the header that is meant"
    elif other not in ORDER or file.layer not in ORDER:
        yield line, f"{other} or {file.layer} has no place in ORDER of tools/tidy.py"
    elif ORDER.index(other) > ORDER.index(file.layer):
        if include.removeprefix("kernel/") not in FACES and not file.is_test:
            yield line, f"{file.layer} may not include {other}: it stands above"


def module_layers(file, line, include, tree):
    parts = include.split("/")
    if parts[0] == "kernel":
        if include != "kernel/kernel.h" and not (file.is_test or file.is_fuzz):
            yield line, f"{include}: a module sees kernel/kernel.h alone"
    elif parts[0] != "modules":
        yield line, f'"{include}" is neither the kernel nor a module'
    elif parts[1] != file.module and not file.is_test:
        if parts[2:] != [parts[1] + ".h"]:
            yield line, f"{include}: only the public header of another module"
        if parts[1] not in tree.needs(file.module):
            yield line, f"{parts[1]} is not in the NEEDS of {file.module}"


def tables(file, tree):
    if file.module and not file.is_test:
        for line, text in file.strings:
            yield from ((line, problem) for problem in source.foreign_tables(text, file.module,
                                                                             tree.modules))
    owner = file.module or "kernel"
    for line, name in re.findall(r"(?m)()\bTABLE\(\s*\"(\w*)\"", file.text):
        if not (file.is_test or file.is_bench) and not source.owned(name, owner):
            yield file.line_of(file.text.index(f'"{name}"')), f"{name} does not belong to {owner}"


def banned(file, _tree):
    names = {**BANNED, **({} if file.is_test else BANNED_IN_PRODUCT)}
    if file.module and not (file.is_test or file.is_fuzz):
        names.update(BANNED_IN_MODULES)
    elif file.layer and file.layer not in ("base", "cli") and not file.is_test:
        names.update(CLOCK_AND_CHANCE)
    if file.module or file.is_test:
        names.update(SLEEPS)
    for match in re.finditer(r"(?<![\w.>])(\w+)\s*\(", file.code):
        if match.group(1) in names:
            yield (file.line_of(match.start()),
                   f"{match.group(1)}: use {names[match.group(1)]}")
    for match in re.finditer(r"\btypedef\s+(struct|enum|union)\b[^;(]*[;{]", file.code):
        yield file.line_of(match.start()), f"typedef {match.group(1)}: write `struct x`"


def length(file, _tree):
    if len(file.lines) > FILE_LINES_MAX:
        yield len(file.lines), f"file of {len(file.lines)} lines, limit {FILE_LINES_MAX}"
    start = 0
    for number, line in enumerate(file.lines, 1):
        if len(line) > COLUMNS_MAX and '"' not in line:
            yield number, f"line of {len(line)} columns, limit {COLUMNS_MAX}"
        if line == "{":
            start = number
        if line.startswith("}") and start:
            if number - start > FUNCTION_LINES_MAX:
                yield start, f"function of {number - start} lines, limit {FUNCTION_LINES_MAX}"
            start = 0


def depth(file, _tree):
    for line, blocks in source.block_depths(file.code):
        if blocks > BLOCKS_MAX:
            yield line, f"block nested {blocks} deep, limit {BLOCKS_MAX}"
    for line, parameters in source.parameter_lists(file.code):
        count = source.top_level(parameters + ")", 0).count(",") + 1
        if count > PARAMETERS_MAX and not CALLBACK.search(parameters):
            yield line, f"{count} parameters, limit {PARAMETERS_MAX}"


def asserts(file, _tree):
    for match in re.finditer(r"\b(?:static_)?assert\s*\(", file.code):
        if "&&" in source.top_level(file.code, match.end()):
            yield file.line_of(match.start()), "split the conjunction: one assert for each claim"


def shape(file, _tree):
    if not file.text.startswith("/*"):
        yield 1, "a file begins with a comment: what it is, and why"
    if file.path.suffix != ".h":
        return
    if not re.match(rf"/\*\n \* (?:\w+/)*{re.escape(file.path.name)} - ", file.text):
        yield 1, f'a header begins with "/* {file.path.name} - what it is" and its invariants'
    guard = rf"GREVY_(?:\w+_)?{file.path.stem.upper()}_H"
    if not re.search(rf"(?m)^#ifndef ({guard})\n#define \1\n", file.text):
        yield 1, f"the include guard is GREVY_FOLDER_{file.path.stem.upper()}_H"


def units(file, _tree):
    for match in re.finditer(rf"\b{NUMBERS}\s+\**(\w*{TIMES}\w*)\b(?!\s*\()", file.code):
        if not UNIT.search(match.group(1)):
            yield file.line_of(match.start()), f"{match.group(1)}: which unit? end it in _ms"
    bounds = rf"\b{NUMBERS}\s+\**((?:min|max)_\w+)\b(?!\s*\()|\b((?:MIN|MAX)_\w+)\s*=(?!=)"
    for match in re.finditer(bounds, file.code):
        name = match.group(1) or match.group(2)
        yield file.line_of(match.start()), f"{name}: the bound stands last, as in bytes_max"


RULES = (layers, tables, banned, length, depth, asserts, shape, units)

SEAMS = r"(?:_\w+)?\.c|(?:_priv)?\.h|(?:_\w+)?_test\.c|_fixture\.[ch]|_\w+_fuzz\.c"


def module_shape(folder):
    name = folder.name
    for wanted in (f"{name}.h", f"{name}.c", f"{name}_test.c", "README.md", "schema"):
        if not (folder / wanted).exists():
            yield folder, f"{wanted} is missing"
    for path in sorted(folder.glob("*.[ch]")):
        if not re.fullmatch(re.escape(name) + rf"(?:{SEAMS})", path.name):
            yield path, "a module is NAME.c, NAME_topic.c, NAME.h and NAME_priv.h"
    main = folder / f"{name}.c"
    if main.exists():
        starts = re.findall(r"(?m)^(\w[^;{}()]*?)\s*(?:=|\()", source.blank(main.read_text())[0])
        if not starts or starts[-1] != f"const struct module {name}_module":
            yield main, f"the last thing in it is `const struct module {name}_module`"


def module_needs(tree):
    for module in sorted(tree.modules):
        path = tree.root / "src/modules" / module
        for need in sorted(tree.needs(module)):
            if need not in tree.modules:
                yield path, f"needs {need}, which does not exist"
            elif RANK.get(need, 0) > RANK.get(module, len(RANK)):
                yield path, f"needs {need}, which stands above it"
            elif module in GROW and need in DELIVER:
                yield path, f"needs {need}: growth never needs fulfilment"
        if tree.circle(module):
            yield path, f"NEEDS form a circle: {' -> '.join(tree.circle(module))}"


def migrations(tree):
    for path in sorted(tree.root.glob("src/*/*/schema/*")):
        owner = path.parts[-3] if path.parts[-4] == "modules" else "kernel"
        if not re.fullmatch(r"\d{3}_[a-z0-9_]+\.sql", path.name):
            yield path, "a migration is named 001_what.sql"
            continue
        sql = re.sub(r"--[^\n]*", "", path.read_text())
        for name in source.schema_names(sql):
            if not source.owned(name, owner):
                yield path, f"{name} does not belong to {owner}"


def findings(root):
    tree = source.Tree(root)
    for path in tree.c_files():
        file = source.Source(root, path)
        for rule in RULES:
            for line, text in rule(file, tree):
                yield f"{path.relative_to(root)}:{line}: {rule.__name__}: {text}"
    for name in sorted(tree.modules):
        for path, text in module_shape(root / "src/modules" / name):
            yield f"{path.relative_to(root)}:1: shape: {text}"
    for path, text in module_needs(tree):
        yield f"{path.relative_to(root)}:1: layers: {text}"
    for path, text in migrations(tree):
        yield f"{path.relative_to(root)}:1: tables: {text}"
    for path in tree.scripts():
        lines = path.read_text().count("\n")
        if lines > FILE_LINES_MAX:
            yield f"{path.relative_to(root)}:{lines}: length: limit {FILE_LINES_MAX} lines"


if __name__ == "__main__":
    found = list(findings(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
