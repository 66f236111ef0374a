"""security.py - docs/security.md: every test it names is there, every requirement has its row; every
scope that a handler asks for stands in a module's table."""
import re

PAGE = "docs/security.md"
STATES = ("met", "not met yet", "does not apply")
RISKS = 10
# OWASP ASVS 5.0.0: the level of each requirement of a section, in order.
LEVELS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3", "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223",
    "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222", "10.6": "22",
    "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23", "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}
WANTED = {f"{section}.{k}": int(level) for section, levels in LEVELS.items()
          for k, level in enumerate(levels, 1) if level in "12"}

NAMED = re.compile(r"`((?:src|test)/[^`]+)`: (.+)")
LITERAL = r'"((?:\\.|[^"\\])*)"'
C_TEST = re.compile(r'\bTEST(?:_DB)?(?:_THREADS)?\(\s*\w+,\s*((?:"(?:\\.|[^"\\])*"\s*)+)')
JOURNEY = re.compile(r'@journey\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)')


def sentences(name, text):
    """What the tests of a file are called."""
    found = C_TEST if name.endswith(".c") else JOURNEY if name.startswith("test/journeys/") else None
    if found:
        return {"".join(re.findall(LITERAL, literals)) for literals in found.findall(text)}
    return set(re.findall(LITERAL, text))


def rows_of(text, first_cell):
    """The cells of each table row whose first one looks so."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and re.fullmatch(first_cell, cells[0]):
            yield cells


def covered(number):
    """The wanted requirements that a row's first cell stands for."""
    first, _, last = number.partition("-")
    if last:
        section, low = first.rsplit(".", 1)
        same, high = last.rsplit(".", 1)
        if same != section:
            return []
        return [n for n in (f"{section}.{k}" for k in range(int(low), int(high) + 1)) if n in WANTED]
    return [n for n in WANTED if n == first or n.startswith(first + ".")]


def row_faults(cells, texts):
    if len(cells) != 5:
        yield f"{len(cells)} cells, not 5"
        return
    if cells[3] not in STATES:
        yield f"the state is {cells[3]!r}, none of {', '.join(STATES)}"
    parts = [part.strip() for part in cells[4].split("<br>") if part.strip()]
    named = [match for match in map(NAMED.fullmatch, parts) if match]
    if cells[3] == "met" and not named:
        yield "met, and names no test"
    if cells[3] != "met" and not parts:
        yield f"{cells[3]}, and does not say why"
    for path, sentence in (match.groups() for match in named):
        if path not in texts:
            yield f"there is no {path}"
        elif sentence not in sentences(path, texts[path]):
            yield f"{path} has no test \"{sentence}\""
    for part in parts:
        if "`src/" in part or "`test/" in part:
            if not NAMED.fullmatch(part):
                yield f"write `FILE`: SENTENCE, one for each <br>, not {part!r}"


def standard_faults(rows):
    """Every requirement of level 1 or 2 has one row; rows of several are those that do not apply."""
    seen = {}
    for cells in rows:
        found = covered(cells[0])
        if not found:
            yield f"{cells[0]}: no requirement of level 1 or 2"
        single = found == [cells[0]]
        if single and cells[1] != str(WANTED[cells[0]]):
            yield f"{cells[0]}: is of level {WANTED[cells[0]]}, not {cells[1]}"
        if not single and cells[3:4] != ["does not apply"]:
            yield f"{cells[0]}: what is met, or is not, has a row of its own"
        for number in found:
            if number in seen:
                yield f"{number}: stands under {seen[number]} and under {cells[0]}"
            seen[number] = cells[0]
    missing = [number for number in WANTED if number not in seen]
    if missing:
        yield f"no row for {', '.join(missing)}"


def total(rows):
    """What the page must say of itself."""
    count = {state: sum(len(covered(cells[0])) for cells in rows if cells[3:4] == [state])
             for state in STATES}
    return (f"Of {len(WANTED)} requirements {count['met']} are met, {count['not met yet']} are not met yet,"
            f" {count['does not apply']} do not apply.")


def page_faults(texts):
    text = texts[PAGE]
    risks = list(rows_of(text, r"API\d+:2023"))
    standard = list(rows_of(text, r"\d+(?:\.\d+)*(?:-\d+(?:\.\d+)*)?"))
    wanted = [f"API{k}:2023" for k in range(1, RISKS + 1)]
    if [cells[0] for cells in risks] != wanted:
        yield f"the risks are {[cells[0] for cells in risks]}, not {wanted}"
    for cells in risks + standard:
        for fault in row_faults(cells, texts):
            yield f"{cells[0]}: {fault}"
    yield from standard_faults(standard)
    if total(standard) not in text:
        yield f"say: {total(standard)}"


def scope_faults(texts):
    """(name, what is wrong): a scope that no table names could never be given to a key."""
    product = {name: text for name, text in texts.items()
               if name.startswith("src/") and name.endswith(".c") and not name.endswith("_test.c")}
    declared = set()
    for text in product.values():
        for table in re.findall(r"(?ms)^const struct module \w+ = \{.*?^\};", text):
            declared |= set(re.findall(r'"([a-z_]+:[a-z_]+)"', table))
    for name, text in sorted(product.items()):
        for scope in re.findall(r'cx_has_scope\([^"()]*"([^"]+)"\)', text):
            if scope not in declared:
                yield name, f"asks for {scope}: name it in the SCOPES of its module's table"


def checks(texts):
    """(title, name, what is wrong) of files given as name: text."""
    if PAGE not in texts:
        yield "security", PAGE, "is missing"
    else:
        yield "security", PAGE, "\n".join(page_faults(texts))
    yield "security", "src", "\n".join(f"{name} {fault}" for name, fault in scope_faults(texts))
