"""source.py - C sources as tidy.py reads them: code, strings and includes apart; SQL in strings."""
import functools
import re

# Comments, strings, character constants, and the #include line, whose text is no string.
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|(?m:^\s*#\s*include[^\n]*)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
WORD = r"[a-z_][a-z0-9_]*"
NOT_TABLES = {"set", "select", "values", "of", "nothing", "the", "a", "an", "lateral", "only"}
STATEMENT = re.compile(
    r"\s*(?:select\b.*|insert\s+into\b.*|update\s+\w+\s+set\b.*|delete\s+from\b.*|with\s+(?:recursive\s+)?\w+.*\bas\b.*"
    r"|create\s+(?:unique\s+)?(?:table|index|view)\b.*|alter\s+table\b.*|drop\s+(?:table|index)\b.*)",
    re.S)


def blank(text):
    """text with comments, strings and includes blanked (positions kept), and its string literals
    as (offset, end, value)."""
    literals = []

    def hide(match):
        token = match.group()
        if token.startswith('"'):
            literals.append((match.start(), match.end(), token[1:-1]))
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(hide, text), literals


def top_level(code, start):
    """The text from start to the parenthesis that closes it, without what is in inner ones."""
    depth, out = 0, []
    for char in code[start:]:
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth < 0:
                break
        elif depth == 0:
            out.append(char)
    return "".join(out)


def block_depths(code):
    """(line, depth) of each block of statements, 1 being the first inside a function.  Braces of
    initialisers and compound literals are no blocks."""
    stack = []
    for match in re.finditer(r"[{}]", code):
        if match.group() == "}":
            if stack:
                stack.pop()
            continue
        before = code[:match.start()].rsplit("\n", 1)[-1]
        is_block = re.search(r"(?:\)|\belse|\bdo|:) $", before) is not None
        stack.append(is_block)
        if is_block:
            yield code.count("\n", 0, match.start()) + 1, sum(stack)


def parameter_lists(code):
    """(line, text between the parentheses) of each function defined at the left margin."""
    for match in re.finditer(r"(?m)^\w[^;={}()]*\b\w+\(((?:[^;{}()]|\([^()]*\))*)\)\n\{", code):
        yield code.count("\n", 0, match.start()) + 1, match.group(1)


class Source:
    """One C or C++ file."""

    def __init__(self, root, path):
        self.path = path.relative_to(root)
        self.text = path.read_text()
        self.lines = self.text.split("\n")[:-1]
        self.code, self.literals = blank(self.text)
        parts = self.path.parts
        self.module = parts[2] if parts[:2] == ("src", "modules") else None
        self.layer = (parts[2] if parts[:2] == ("src", "kernel") and len(parts) > 3 else
                      "cli" if parts[:2] == ("src", "cli") or self.path.name == "main.c" else None)
        self.is_test = (re.search(r"(?:^|_)(?:test|fixture)$", self.path.stem) is not None
                        or parts[0] == "test")
        self.is_bench = parts[0] == "bench"
        self.is_fuzz = self.path.stem.endswith("_fuzz")
        self.includes = self.find_includes(r'"([^"]+)"')
        self.system_includes = self.find_includes(r"<([^>]+)>")

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def find_includes(self, what):
        return [(self.line_of(m.start(1)), m.group(1))
                for m in re.finditer(rf"(?m)^\s*#\s*include\s+{what}", self.text)]

    @functools.cached_property
    def defines(self):
        """#define NAME "text": names that may stand inside SQL."""
        text = self.text.replace("\\\n", " ")
        return {m.group(1): "".join(re.findall(r'"((?:\\.|[^"\\])*)"', m.group(2)))
                for m in re.finditer(r'(?m)^\s*#\s*define\s+([A-Z]\w*)\s+(".*)$', text)}

    @functools.cached_property
    def strings(self):
        """Whole strings as the compiler joins them: (line, text).  A macro between literals is
        replaced by its text when this file defines it, else by {NAME}."""
        out, run, end = [], None, 0
        for start, stop, value in self.literals:
            between = self.code[end:start].replace("\\\n", " ").strip()
            if run and re.fullmatch(r"(?:[A-Z]\w*\s*)*", between):
                for name in between.split():
                    run[1] += self.defines.get(name, "{" + name + "}")
                run[1] += value
            else:
                run = [self.line_of(start), value]
                out.append(run)
            end = stop
            after = re.match(r"\s*([A-Z]\w*)\s*[,;)]", self.code[end:])
            if after:
                run[1] += self.defines.get(after.group(1), "{" + after.group(1) + "}")
        return [(line, text.replace("\\n", "\n")) for line, text in out]


class Tree:
    """All sources, and who needs whom."""

    def __init__(self, root):
        self.root = root
        self.modules = {p.name for p in root.glob("src/modules/*") if p.is_dir()}

    def c_files(self):
        found = []
        for top in ("src", "test", "bench"):
            for pattern in ("*.c", "*.h", "*.cc"):
                found += (self.root / top).rglob(pattern)
        return sorted(found)

    def scripts(self):
        found = [self.root / "dev", self.root / "Makefile"]
        for top in ("tools", "test", "bench"):
            found += [p for p in (self.root / top).rglob("*")
                      if p.is_file() and (p.suffix in (".py", ".sh") or not p.suffix)
                      and "fuzz" not in p.parts and "__pycache__" not in p.parts]
        return sorted(p for p in found if p.exists())

    @functools.lru_cache(maxsize=None)
    def needs(self, module):
        text = "".join(p.read_text() for p in (self.root / "src/modules" / module).glob("*.c"))
        found = re.search(r"\bNEEDS\(([^)]*)\)", text)
        return frozenset(re.findall(r'"(\w+)"', found.group(1))) if found else frozenset()

    def circle(self, module):
        """The path from module back to itself, or None."""
        paths = [[module]]
        seen = set()
        while paths:
            path = paths.pop()
            for need in self.needs(path[-1]) if path[-1] in self.modules else ():
                if need == module:
                    return path + [module]
                if need not in seen:
                    seen.add(need)
                    paths.append(path + [need])
        return None


def owned(name, owner):
    """order_line and, because order is a word of SQL, orders belong to module order."""
    return re.match(rf"{owner}s?(?:_|$)", name) is not None


def table_names(sql):
    """Tables that a statement reads or writes; names given by `with x as (` are not tables."""
    sql = re.sub(r"\bis\s+(?:not\s+)?distinct\s+from\b", " ", sql)
    sql = re.sub(r"'[^']*'", "''", sql)
    local = set(re.findall(rf"(?:\bwith(?:\s+recursive)?|,)\s+({WORD})(?:\s*\([^()]*\))?\s+as\s*\(", sql))
    names = re.findall(rf"\b(?:into|update|table(?:\s+if\s+(?:not\s+)?exists)?)\s+({WORD})", sql)
    for clause in re.findall(rf"\b(?:from|join)\s+({WORD}(?!\w|\()(?:\s*,\s*{WORD})*)", sql):
        names += re.findall(WORD, clause)
    names += re.findall(rf"\bindex\s+\w+\s+on\s+({WORD})", sql)
    return [n for n in names if n not in local and n not in NOT_TABLES]


def schema_names(sql):
    """Everything a migration touches: tables, indexes, views."""
    names = re.findall(rf"\b(?:index|view)\s+(?:if\s+(?:not\s+)?exists\s+)?({WORD})", sql)
    names += re.findall(rf"\breferences\s+({WORD})", sql)
    return table_names(sql) + [n for n in names if n != "on"]


def foreign_tables(text, owner, modules):
    """What is wrong with the SQL in text, a string of module owner."""
    if re.match(r"\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\s", text):
        yield "SQL keywords are written small, so that this rule sees them"
    elif STATEMENT.fullmatch(text):
        for name in table_names(text):
            if not owned(name, owner):
                yield f"{name} does not belong to {owner}"
        for name in re.findall(r"\b(?:from|join|into|update)\s+\{(\w+)\}", text):
            yield f"the table hides behind {name}: write it out"
    else:  # Perhaps a piece of a statement: look for names that are certainly someone else's.
        for name in re.findall(rf"\b(?:from|join|into|update)\s+({WORD})", text):
            others = (modules | {"kernel"}) - {owner}
            if "_" in name and not owned(name, owner) and any(owned(name, o) for o in others):
                yield f"{name} does not belong to {owner}"
