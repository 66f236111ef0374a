#!/usr/bin/env python3
"""retail.py - a real shop's invoices become orders, payments and returns; the ledger holds exactly
what an independent reading of the file says, and doing it again changes nothing."""
import json
import os
import pathlib
import subprocess
import sys

from kit import GREVY, ROOT, Sqlite, check, equal, fresh, journey, main, wait_until

SAMPLE = ROOT / "demo/online_retail_sample.csv"
WHOLE = ROOT.parent / "shared/data/online-retail/online_retail_2010-12_2011-06.csv.gz"
TOOL_S = 600


def tool(shop, *arguments):
    """Run a command of the binary against the running server; what it printed."""
    done = subprocess.run([GREVY, *map(str, arguments), "--url", f"http://127.0.0.1:{shop.port}"],
                          env={**os.environ, "GREVY_KEY": shop.key}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=TOOL_S, check=False)
    check(done.returncode == 0, f"{arguments[0]} ended with {done.returncode}: "
                                f"{(done.stdout + done.stderr)[-600:]}")
    return done.stdout


def same_as_file(file, report):
    """Let the independent script compare."""
    done = subprocess.run([sys.executable, ROOT / "test/retail/compare.py", file, report],
                          capture_output=True, text=True, timeout=TOOL_S, check=False)
    check(done.returncode == 0, f"compare.py: {(done.stdout + done.stderr)[:600]}")


def replay(shop, file, name):
    """Replay, compare, and the replay's own counts."""
    report = shop.folder / name
    tool(shop, "replay", file, "--report", report)
    same_as_file(file, report)
    return json.loads(report.read_text())


def counts(shop):
    tables = ("orders", "order_line", "payment", "stock_movement", "stock_reservation",
              "fulfil_shipment", "aftersale_refund")
    return [rows[0][0] for rows in
            shop.database.queries(*(f"select count(*) from {table}" for table in tables))]


def all_of(shop, file):
    tool(shop, "import", file)
    first = replay(shop, file, "first.json")
    equal(first["replay"]["orders_placed"], first["orders"], "orders placed")
    equal(first["replay"]["parcels_delivered"], first["orders"], "parcels delivered")
    equal(first["replay"]["refunds_made"], first["refunds"], "refunds made")
    equal(first["replay"]["failures"], 0, "failures")
    shop.clean()
    return first


@journey("the sample: totals by country, month and SKU equal the file's; again changes nothing")
def sample(shop):
    first = all_of(shop, SAMPLE)
    before = counts(shop)
    again = tool(shop, "import", SAMPLE)
    check("0 products made" in again and "0 pieces received" in again, f"import again: {again}")
    second = replay(shop, SAMPLE, "second.json")
    equal(second["replay"]["orders_there"], first["orders"], "orders that were there")
    equal(second["replay"]["refunds_there"], first["refunds"], "refunds that were there")
    equal(second["replay"]["parcels_there"], first["orders"], "parcels that were delivered")
    equal(second["replay"]["orders_placed"], 0, "orders placed again")
    equal(second["replay"]["refunds_made"], 0, "refunds made again")
    equal(counts(shop), before, "rows after the second replay")
    shop.clean()


@journey("bad rows are printed one by one with their reasons; a dry run keeps nothing")
def bad_rows(shop):
    printed = tool(shop, "import", SAMPLE, "--dry-run")
    lines = {line for line in printed.splitlines() if line.startswith("line ")}
    totals = json.loads(subprocess.run(
        [sys.executable, ROOT / "test/retail/totals.py", SAMPLE], capture_output=True,
        timeout=TOOL_S, check=True).stdout)
    equal(lines, {f"line {row['line']}: {row['reason']}" for row in totals["bad_rows"]},
          "the bad rows printed")
    equal(shop.pages("/v1/products"), [], "products after a dry run")


@journey("files that are not there, not whole or of another kind are refused with a sentence")
def refused(shop):
    packed = shop.folder / "cut.csv.gz"
    packed.write_bytes(b"\x1f\x8b\x08\x00")
    other = shop.folder / "other.csv"
    other.write_text("code,title\n")
    for file in (packed, other, shop.folder / "none.csv"):
        done = subprocess.run([GREVY, "import", file, "--key", shop.key, "--url",
                               f"http://127.0.0.1:{shop.port}"], capture_output=True, text=True,
                              timeout=TOOL_S, check=False)
        equal(done.returncode, 1, "exit status")
        check(str(file) in done.stderr, f"standard error: {done.stderr}")
    done = subprocess.run([GREVY, "replay", SAMPLE, "--key", shop.key, "--url",
                           f"http://127.0.0.1:{shop.port}"], capture_output=True, text=True,
                          timeout=TOOL_S, check=False)
    equal(done.returncode, 1, "exit status of a replay into an empty shop")
    check("grevy import" in done.stderr, f"standard error: {done.stderr}")


@journey("import and replay with --data serve themselves, and the admin key is not lost",
         databases=(Sqlite,))
def inside(shop):
    shop.stop()
    with fresh(Sqlite) as (folder, database):
        report = folder / "report.json"
        for arguments in (["import", SAMPLE], ["replay", SAMPLE, "--report", report]):
            done = subprocess.run([GREVY, *arguments, *database.arguments()], capture_output=True,
                                  text=True, timeout=TOOL_S, check=False)
            check(done.returncode == 0, f"{arguments[0]}: {(done.stdout + done.stderr)[-600:]}")
            if arguments[0] == "import":
                check("admin key of the space default" in done.stdout, "no admin key was shown")
        same_as_file(SAMPLE, report)


@journey("the demo fills its spaces, prints what to try, and a second start is quick",
         databases=(Sqlite,))
def demo(shop):
    shop.stop()
    with fresh(Sqlite) as (folder, database):
        for start in ("first", "second"):
            out, err = folder / f"{start}.out", folder / f"{start}.err"
            with open(out, "wb") as stdout, open(err, "wb") as stderr:
                process = subprocess.Popen(
                    [GREVY, "demo", "--listen", "127.0.0.1:0", *database.arguments()],
                    stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=ROOT)
            try:
                wait_until(lambda: process.poll() is not None or "Grevy serves" in out.read_text(),
                           TOOL_S, "the demo does not serve")
                check(process.poll() is None, f"the demo ended: {err.read_text()[-600:]}")
                try_lines(out.read_text(), start)
                process.terminate()
                equal(process.wait(60), 0, f"the status of the demo: {out.read_text()}")
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def try_lines(text, start):
    """Run each curl line that the demo printed, as a person would."""
    for wanted in ("ledger check of shop: all balances", "ledger check of school: all balances",
                   "received: balances", "the file says the same"):
        check(wanted in text, f"the {start} demo does not say: {wanted}")
    equal("was replayed before" in text, start == "second", "it says that it was replayed before")
    lines = [line.strip() for line in text.splitlines() if line.startswith("  curl ")]
    equal(len(lines), 3, "curl lines")
    answers = []
    for line in lines:
        done = subprocess.run(f"{line} -sS -w '%{{http_code}}'", shell=True,
                              capture_output=True, text=True, timeout=60, check=False)
        check(done.stdout[-3:] in ("200", "201"), f"{line}: {done.stdout}{done.stderr}")
        answers.append(json.loads(done.stdout[:-3]))
    equal(answers[0]["state"], "succeeded", "the payment")
    check(any(one["kind"] == "course" and one["revoked_at"] is None for one in answers[1]["data"]),
          f"what child-1 may learn: {answers[1]}")
    equal([one["state"] for one in answers[2]["data"]], ["ready", "planned"], "the kits")


if pathlib.Path(WHOLE).exists() and os.environ.get("GREVY_FULL") == "1":
    @journey("the whole file: totals equal the file's", databases=(Sqlite,))
    def whole(shop):
        all_of(shop, WHOLE)
elif __name__ == "__main__":
    print(f"skip retail: the whole file: {'set GREVY_FULL=1' if WHOLE.exists() else 'not here'}",
          flush=True)


if __name__ == "__main__":
    main()
