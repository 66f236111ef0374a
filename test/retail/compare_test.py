#!/usr/bin/env python3
"""compare.py: every difference is found.

Prints "ok NAME" or "not ok NAME: why" for each test; exit 1 if any failed.
"""
import copy
import json
import pathlib
import tempfile
import unittest

import compare
import hand
import totals
from hand import FRANCE, file_of, read, report_of, row, run


def leaves(value, path):
    """The paths of all numbers and texts."""
    if isinstance(value, (dict, list)):
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield from leaves(value[key], path + [key])
    else:
        yield path


class Comparison(unittest.TestCase):
    def setUp(self):
        self.right = read(row(), row(customer="", country=FRANCE, invoice="2"), row(code="POST"),
                          row("C1", quantity="-1"))

    def changed(self, change):
        report = copy.deepcopy(self.right)
        change(report)
        return compare.compare(self.right, report)

    def test_equal(self):
        """equal reports have no difference; members of the replay's own are passed over"""
        self.assertEqual(self.changed(lambda report: report.update(orders_per_second=1.5)), [])

    def test_every_number(self):
        """every number and text of the report is compared"""
        places = list(leaves(self.right, []))
        self.assertGreater(len(places), 50)
        for path in places:
            report = copy.deepcopy(self.right)
            parent = report
            for key in path[:-1]:
                parent = parent[key]
            old = parent[path[-1]]
            parent[path[-1]] = old + 1 if isinstance(old, int) else old + "x"
            found = compare.compare(self.right, report)
            self.assertTrue(found, path)
            if path[0] != "bad_rows":
                self.assertEqual(len(found), 1)
                self.assertTrue(found[0].startswith("/".join(path) + ": file "), found)

    def test_missing_and_more(self):
        """missing and additional keys are differences"""
        self.assertEqual(self.changed(lambda report: report.pop("lines")),
                         ["lines: file 2, report nothing"])
        self.assertEqual(self.changed(lambda report: report["reasons"].update(other=0)),
                         ["reasons/other: file nothing, report 0"])
        self.assertEqual(len(self.changed(lambda report: report["countries"].pop(FRANCE))), 1)
        self.assertEqual(self.changed(lambda report: report["bad_rows"].clear()),
                         ['bad_rows/line 4: file "postage", report nothing'])

    def test_types(self):
        """a number is neither a float, a text nor true"""
        for value in (2.0, "2", None, [2]):
            self.assertEqual(len(self.changed(lambda report: report.update(lines=value))), 1)
        self.assertEqual(len(self.changed(lambda report: report.update(returns=True))), 1)

    def test_command(self):
        """the command exits with 0, 1 or 2"""
        with tempfile.TemporaryDirectory() as folder:
            file, report = pathlib.Path(folder) / "f.csv", pathlib.Path(folder) / "r.json"
            file.write_bytes(file_of(row()))
            right = report_of(file_of(row()))
            for text, status, says in (
                    (json.dumps(right), 0, "equal: 1 orders, 1 lines, 0 returns, 0 bad rows"),
                    (json.dumps({**right, "lines": 2}), 1, "lines: file 1, report 2"),
                    ("{", 2, ""), ("[]", 2, ""), ('{"lines": 1, "lines": 1}', 2, ""),
                    ('{"bad_rows": [{"line": 2}]}', 2, ""), ('{"bad_rows": {}}', 2, ""),
                    ('{"bad_rows": [{"line": 2, "reason": "x"}, {"line": 2, "reason": "x"}]}',
                     2, "")):
                report.write_text(text)
                self.assertEqual(run(compare, str(file), str(report)), (status, says), text)
            self.assertEqual(run(compare, str(file), folder + "/none"), (2, ""))
            self.assertEqual(run(compare, folder + "/none", str(report)), (2, ""))
            self.assertEqual(run(compare, str(file)), (2, ""))
            self.assertEqual(run(totals, folder + "/none"), (2, ""))
            status, says = run(totals, str(file))
            self.assertEqual((status, json.loads(says)), (0, right))


if __name__ == "__main__":
    hand.main()
