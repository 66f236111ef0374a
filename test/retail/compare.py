"""python3 compare.py FILE REPORT.json - does the ledger hold what the file says?

Compares the report that `grevy replay FILE --report REPORT.json` wrote with the totals of FILE
found by totals.py, and prints every difference, one a line.  Exit 0 if there is none, 1 if there
is any, 2 if FILE or the report cannot be read.
"""
import json
import sys

import totals

NOTHING = object()


def show(value):
    return "nothing" if value is NOTHING else json.dumps(value, ensure_ascii=False)


def differences(path, expected, found):
    """Lines that say what differs; both sides are parsed JSON."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from differences(path + [key], expected.get(key, NOTHING),
                                   found.get(key, NOTHING))
    elif type(expected) is not type(found) or expected != found:  # 1 is neither 1.0 nor true.
        yield f"{'/'.join(path)}: file {show(expected)}, report {show(found)}"


def by_line(rows):
    """The list bad_rows as {"line 7": reason}; what has another shape is refused."""
    result = {}
    for row in rows if isinstance(rows, list) else [rows]:
        if not isinstance(row, dict) or row.keys() != {"line", "reason"}:
            raise totals.Refused(f'bad_rows: {show(row)} is not {{"line": N, "reason": "..."}}')
        name = f"line {row['line']}"
        if name in result:
            raise totals.Refused(f"bad_rows: {name} is there twice")
        result[name] = row["reason"]
    return result


def unique(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise totals.Refused("a member is there twice")
    return result


def read_report(path):
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file, object_pairs_hook=unique)
    except (OSError, ValueError) as error:
        raise totals.Refused(str(error)) from error
    if not isinstance(report, dict):
        raise totals.Refused("it is not a JSON object")
    return report


def compare(expected, report):
    """Every difference of two reports; members that only the second has at its top are its own."""
    expected = dict(expected, bad_rows=by_line(expected["bad_rows"]))
    report = {key: report[key] for key in report if key in expected}
    if "bad_rows" in report:
        report["bad_rows"] = by_line(report["bad_rows"])
    return list(differences([], expected, report))


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    path = sys.argv[1]
    try:
        expected = totals.totals(path)
        path = sys.argv[2]
        found = compare(expected, read_report(path))
    except totals.Refused as refused:
        print(f"compare.py: {path}: {refused}", file=sys.stderr)
        sys.exit(2)
    print("\n".join(found) if found else
          f"equal: {expected['orders']} orders, {expected['lines']} lines, "
          f"{expected['returns']} returns, {expected['classes']['bad']} bad rows")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
