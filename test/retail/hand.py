"""What the tests of this folder share: files made by hand, and a line for each test."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import totals

WHEN, FRANCE, UK = "2010-12-01 08:26:00", "France", "United Kingdom"


def row(invoice="536365", code="85123A", quantity="6", price="2.55", customer="17850.0",
        country=UK, date=WHEN, text="A THING"):
    return f"{invoice},{code},{text},{quantity},{date},{price},{customer},{country}"


def file_of(*rows, end="\r\n"):
    """The file's lines as bytes; a row may be given as bytes that are no text."""
    rows = [line if isinstance(line, bytes) else line.encode() for line in rows]
    return end.encode().join([totals.HEADER.encode(), *rows, b""])


def report_of(content):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "file.csv"
        path.write_bytes(content)
        return totals.totals(str(path))


def read(*rows):
    return report_of(file_of(*rows))


def run(module, *arguments):
    """(status, standard output) of a command."""
    out = io.StringIO()
    with mock.patch.object(sys, "argv", [module.__name__, *arguments]), \
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            module.main()
            status = 0
        except SystemExit as ended:
            status = ended.code or 0
    return status, out.getvalue().strip()


class Lines(unittest.TestResult):
    """Prints a line for each test."""

    def stopTest(self, test):
        super().stopTest(test)
        failed = [text for which, text in self.failures + self.errors if which is test]
        name = f"online retail: {test.shortDescription()}"
        if failed:
            print(failed[0], file=sys.stderr)
            print(f"not ok {name}: {failed[0].strip().splitlines()[-1]}")
        else:
            print(f"ok {name}")


def main():
    """Run every test of the program that was started."""
    result = Lines()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]).run(result)
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
