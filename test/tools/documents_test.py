#!/usr/bin/env python3
"""tools/documents.py: differing READMEs, registries in lock files and leftovers are seen."""
import sys

sys.path.insert(0, "tools")
import documents  # noqa: E402

README = "# Grevy\n\n```\n# no heading\n./dev run\n```\n\n## Two\n"
CHINESE = "# 格雷维\n\n```\n# no heading\n./dev run\n```\n\n## 二\n"
MARK = "TO" + "DO"

# (what, files, a piece of the one finding, or None when there must be none)
CASES = [
    ("two READMEs that agree", {}, None),
    ("a heading too many", {"README.zh-CN.md": CHINESE + "## 三\n"}, "headings differ"),
    ("a heading of another level", {"README.zh-CN.md": CHINESE.replace("## ", "### ")},
     "headings differ"),
    ("another command", {"README.zh-CN.md": CHINESE.replace("run", "go")}, "code block 1 differs"),
    ("a missing block", {"README.zh-CN.md": "# 一\n\n## 二\n"}, "1 code blocks against 0"),
    ("a missing README", {"README.zh-CN.md": None}, "is missing"),
    ("a registry in a lock file",
     {"package-lock.json": '{"resolved": "a.tgz"}'}, "names a registry"),
    ("a lock file without one", {"package-lock.json": '{"version": "1.0.0"}'}, None),
    ("a registry in .npmrc", {".npmrc": "registry=https://example.com\n"}, "names a registry"),
    ("something left behind", {"src/a.c": f"/* {MARK}: later */\n"}, "left behind"),
    ("a word that only looks like it", {"src/a.c": f"/* {MARK}NE, XXXXXX */\n"}, None),
]


def main():
    right = True
    for what, files, expected in CASES:
        texts = {"README.md": README, "README.zh-CN.md": CHINESE, **files}
        texts = {name: text for name, text in texts.items() if text is not None}
        found = [said for _, _, said in documents.checks(texts) if said]
        if found if expected is None else len(found) != 1 or expected not in found[0]:
            right = False
            print(f"not ok documents: {what}: expected {expected!r}, found {found}")
        else:
            print(f"ok documents: {what}")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
