#!/usr/bin/env python3
"""decision_suite_test.py - public decision tables (GoRules' ZEN, the DMN TCK's FEEL), written in our
notation and run by `grevy table run --json`: each vector must be answered as they answer it.

What another language says that ours does not (functions of ZEN, FEEL's times) is left out, counted.
"""
import json
import os
import pathlib
import re
import subprocess

SUITES = pathlib.Path("../shared/suites/decision")
GREVY = os.environ.get("GREVY") or "build/asan/grevy"
WORD = re.compile(r"""("[^"]*"|'[^']*')|([A-Za-z_$#][\w.]*)(\s*\()?""")
PLAIN = {"true", "false", "null", "in", "it", "and", "or", "not", "e"}


class Foreign(Exception):
    """What we have no words for."""


def path_of(field):
    """A field that may be missing, at any level."""
    parts = field.split(".")
    if not all(re.fullmatch(r"[A-Za-z_]\w*", p) for p in parts):
        raise Foreign(f"field {field}")
    return "input" + "".join(f".?{p}" for p in parts) + ".orValue(null)"


def expression(text):
    """A ZEN expression as CEL; identifiers are members of the input."""
    text = re.sub(r"contains\(\$, ('[^']*')\)", r"$.contains(\1)", text.strip())
    text = re.sub(r"startsWith\(\$, ('[^']*')\)", r"$.startsWith(\1)", text)
    text = re.sub(r"some\(\$, # in (\[[^\]]*\])\)", r"$.exists(e, e in \1)", text)

    def word(match):
        quoted, name, call = match.groups()
        if quoted:
            return quoted
        if call and name.startswith("$.") and name[2:] in ("contains", "startsWith", "exists"):
            return "it" + name[1:] + call
        if call or name.startswith("#") or name.startswith("$nodes"):
            raise Foreign(f"function or scope {name}")
        if name == "$":
            return "it"
        if name in PLAIN:
            return {"and": "&&", "or": "||", "not": "!"}.get(name, name)
        return "input." + name
    return WORD.sub(word, text)


def is_literal(text):
    return bool(re.fullmatch(r"-?[\d.]+|true|false|null|\"[^\"]*\"|'[^']*'", text))


def literals(text):
    parts = [p.strip() for p in re.findall(r"(?:\"[^\"]*\"|'[^']*'|[^,])+", text)]
    return parts if parts and all(is_literal(p) for p in parts) else None


def zen_cell(text, has_field):
    text = (text or "").strip()
    if not text:
        return ""
    if not has_field:
        return "= " + expression(text)
    inner = text[1:-1] if text.startswith("[") and ".." not in text else text
    inner = re.sub(r"^((?:\"[^\"]*\"|'[^']*'))(?: or ((?:\"[^\"]*\"|'[^']*')))+$",
                   lambda m: m[0].replace(" or ", ", "), inner)
    if literals(inner):
        return ", ".join(literals(inner))
    compare = r"(?:<=|>=|==|!=|<|>)\s*"
    if re.fullmatch(rf"{compare}\S+(?:(?: and |, ){compare}\S+)*", text) and all(
            is_literal(re.sub(compare, "", p)) for p in re.split(" and |, ", text)):
        return text
    if re.fullmatch(r"[\[(][^\[\]()]*\.\.[^\[\]()]*[\])]", text):
        return text
    if re.match(compare, text):  # "> a and < b": of the column's value.
        parts = re.split(r" (and|or) ", text)
        joined = " ".join(p if k % 2 or not re.match(compare, p) else "$ " + p
                          for k, p in enumerate(parts))
        return "= " + expression(joined)
    return "= " + expression(text)


def zen_output(text):
    text = (text or "").strip()
    if not text:
        return None
    if is_literal(text):
        return text[1:-1] if text[0] in "\"'" else json.loads(text)
    if re.fullmatch(r"\[[^$#(]*\]", text):
        return json.loads(text.replace("'", '"'))
    return {"expr": path_of(text) if re.fullmatch(r"[A-Za-z_][\w.]*", text) else expression(text)}


def zen_table(table):
    if table["executionMode"] != "single" or table["outputPath"]:
        raise Foreign("loops and output paths")
    inputs = [{"name": f"c{k}", "expr": path_of(i["field"]) if i["field"] else "null"}
              for k, i in enumerate(table["inputs"])]
    fields = [bool(i["field"]) for i in table["inputs"]]
    rows = [{"when": [zen_cell(r.get(i["id"]), f) for i, f in zip(table["inputs"], fields)],
             "then": [zen_output(r.get(o["id"])) for o in table["outputs"]]}
            for r in table["rules"]]
    return {"hit": table["hitPolicy"], "variables": [{"name": "input"}], "inputs": inputs,
            "outputs": [{"name": o["field"]} for o in table["outputs"]], "rows": rows}


def at(value, path):
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def zen_cases():
    for table in json.loads((SUITES / "gorules_tables.json").read_text())["tables"]:
        name = f"{table['file']} {table['node']}"
        try:
            ours = zen_table(table)
        except Foreign as why:
            for _ in table["vectors"]:
                yield name, None, None, str(why)
            continue
        for vector in table["vectors"]:
            fields = [o["field"] for o in table["outputs"]]

            def agrees(said, wanted=vector["output"], fields=fields, many=ours["hit"] == "collect"):
                if many:
                    return [{f: r.get(f) for f in fields} for r in wanted] == said
                return all(at(wanted, f) == (said or {}).get(f) for f in fields)
            yield name, {"table": ours, "input": {"input": vector["input"]}}, agrees, None


# ---- DMN ----

def plain(value):
    """A typed value of the TCK as JSON."""
    if value is None or value.get("v") is None:
        return None
    kind, v = value["t"], value["v"]
    if kind == "number":
        return float(v) if "." in v else int(v)
    if kind in ("string", "boolean"):
        return v
    if kind == "list":
        return [plain(x) for x in v]
    raise Foreign(f"values of type {kind}")


def feel_cell(text):
    if text == "-":
        return ""
    if literals(text) or re.fullmatch(r"(?:<=|>=|<|>)\s*-?[\d.]+", text):
        return text
    if re.fullmatch(r"[\[(]-?[\d.]+\.\.-?[\d.]+[\])]", text):
        return text
    raise Foreign(f"cell {text}")


def feel_values(text):
    return [json.loads(p) for p in literals(text)] if text else None


def feel_table(table):
    if table["kind"] != "decision" or not all(re.fullmatch(r"\w+", i["expr"])
                                              for i in table["inputs"]):
        raise Foreign("expressions and functions")
    policy = table["hitPolicy"].lower().replace(" ", "_")
    ours = {"hit": policy, "inputs": [{"name": i["expr"]} for i in table["inputs"]], "outputs": []}
    if table["aggregation"]:
        ours["aggregate"] = table["aggregation"].lower()
    for k, o in enumerate(table["outputs"]):
        out = {"name": o["name"] or f"o{k}"}
        if table["aggregation"]:
            out["type"] = "double"
        if feel_values(o["values"]):
            out["values"] = feel_values(o["values"])
        if o["default"]:
            out["default"] = json.loads(o["default"])
        ours["outputs"].append(out)
    ours["rows"] = []
    for row in table["rules"]:
        if not all(is_literal(v) for v in row["out"]):
            raise Foreign("computed outputs")
        ours["rows"].append({"when": [feel_cell(c) for c in row["in"]],
                             "then": [json.loads(v) for v in row["out"]]})
    return ours


def feel_answer(said, ours):
    """As the TCK writes it: a single output has no name."""
    names = [o["name"] for o in ours["outputs"]]
    if len(names) > 1:
        return said
    if isinstance(said, list):
        return [row[names[0]] for row in said]
    return said and said[names[0]]


def feel_cases():
    suite = json.loads((SUITES / "dmn_tck_tables.json").read_text())
    tables = {(t["dir"], t["decision"]): t for t in suite["tables"]}
    for test in suite["tests"]:
        for result in test["results"]:
            table = tables.get((test["dir"], result["node"]))
            name = f"{test['dir']} {test['id']} {result['node']}"
            if not table:
                continue
            try:
                ours = feel_table(table)
                wanted = plain(result["expected"])
                given = {k: plain(v) for k, v in test["inputs"].items()}
            except (Foreign, AttributeError, KeyError) as why:
                yield name, None, None, f"FEEL: {why}"
                continue
            yield name, {"table": ours, "input": given}, \
                lambda said, w=wanted, t=ours: feel_answer(said, t) == w, None


def main():
    if not SUITES.exists():
        print(f"skip decision suite: {SUITES} is not there")
        return
    cases, foreign = [], {}
    for name, request, agrees, why in [*zen_cases(), *feel_cases()]:
        if request:
            cases.append((name, request, agrees))
        else:
            foreign[why] = foreign.get(why, 0) + 1
    lines = "".join(json.dumps({"id": k, **request}) + "\n" for k, (_, request, _) in
                    enumerate(cases))
    done = subprocess.run([GREVY, "table", "run", "--json"], input=lines, capture_output=True,
                          text=True, timeout=200, check=True)
    wrong = 0
    for line, (name, request, agrees) in zip(done.stdout.splitlines(), cases):
        answer = json.loads(line)
        if "output" not in answer or not agrees(answer["output"]):
            wrong += 1
            print(f"not ok decision suite: {name}: {line[:300]}")
    print(f"# {len(cases)} vectors ran; left out, by reason: "
          + ", ".join(f"{n} {why}" for why, n in sorted(foreign.items())))
    if not wrong:
        print(f"ok decision suite: {len(cases)} vectors of public decision tables")


if __name__ == "__main__":
    main()
