"""documents.py - what holds for files that are no code: the two READMEs say the same, lock files name
no registry, nothing is left half done."""
import re

READMES = ("README.md", "README.zh-CN.md")
# Spelt so that this file does not find itself.
LEFT_BEHIND = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
REGISTRY = re.compile(r'"resolved"\s*:|https?://registry\.|^\s*registry\s*=|^deb\s+(?:\[.*\]\s*)?http', re.M)
TEXT = {".c", ".h", ".cc", ".py", ".sh", ".sql", ".js", ".mjs", ".md", ".html", ".json", ".txt", ""}
LOCKS = re.compile(r"(?:^|/)(?:package-lock\.json|\.npmrc|.*\.lock|requirements.*\.txt|packages\.txt)$")


def code_blocks(text):
    return re.findall(r"(?ms)^```[^\n]*\n.*?^```", text)


def headings(text):
    """Levels of the headings, in order, outside code blocks."""
    outside = re.sub(r"(?ms)^```.*?^```", "", text)
    return [len(level) for level in re.findall(r"(?m)^(#+) ", outside)]


def readmes(english, chinese):
    """What differs that should not."""
    if headings(english) != headings(chinese):
        yield f"headings differ: levels {headings(english)} and {headings(chinese)}"
    here, there = code_blocks(english), code_blocks(chinese)
    if len(here) != len(there):
        yield f"{len(here)} code blocks against {len(there)}"
    for number, (left, right) in enumerate(zip(here, there), 1):
        if left != right:
            yield f"code block {number} differs:\n{left}\n{right}"


def is_text(path):
    return path.suffix in TEXT and "fuzz" not in path.parts and path.name != "LICENSE"


def checks(texts):
    """(title, name, what is wrong) of files given as name: text."""
    missing = [name for name in READMES if name not in texts]
    if missing:
        yield "documents", ", ".join(missing), "is missing"
    else:
        yield "documents", " and ".join(READMES), "\n".join(readmes(*map(texts.get, READMES)))
    for name, text in sorted(texts.items()):
        if LOCKS.search(name):
            found = REGISTRY.search(text)
            yield "documents", name, f"names a registry: {found.group()}" if found else ""
        else:
            found = LEFT_BEHIND.search(text)
            yield "documents", name, f"left behind: {found.group()}" if found else ""
