#!/usr/bin/env python3
"""documents.py - what operators decide: as files, and when the server dies while it is published."""
import contextlib
import http.client
import json
import random
import subprocess
import threading
import time

from kit import GREVY, Client, check, equal, journey, main, wait_until

KILLS = 8
UNTIL_KILL_S = (0.02, 0.25)  # The server publishes a few hundred a second.


def strategy(number):
    """A script whose answer is a number."""
    return {"name": "one", "source": f"return {{ n = {number} }}", "inputs": [],
            "outputs": [{"name": "n", "type": "int"}], "fallback": {"n": 0},
            "tests": [{"name": "it says so", "input": {}, "output": {"n": number}}]}


def write(folder, **numbers):
    """DIR/script/KEY.json for each."""
    (folder / "script").mkdir(parents=True, exist_ok=True)
    for key, number in numbers.items():
        (folder / "script" / f"{key}.json").write_text(json.dumps(strategy(number), indent=4))
    return folder


def grevy(shop, *arguments, status=0):
    """What a command prints."""
    done = subprocess.run([GREVY, *map(str, arguments), "--url", f"http://127.0.0.1:{shop.port}",
                           "--key", shop.key], capture_output=True, text=True, timeout=120,
                          check=False)
    check(done.returncode == status,
          f"{arguments[0]} ended with {done.returncode}, not {status}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def says(shop, key):
    """What the script in force says; None: none is."""
    answer = shop.call("POST", f"/v1/scripts/{key}/run", {"input": {}})
    return answer.json()["output"]["n"] if answer.status == 200 else None


def shows(shop, **numbers):
    for key, number in numbers.items():
        wait_until(lambda k=key, n=number: says(shop, k) == n, 5, f"{key} says {number}")


@journey("documents go from files to the server and back, and the same again changes nothing")
def files(shop):
    mine, theirs = write(shop.folder / "mine", a=1, b=2), shop.folder / "theirs"
    check("2 would change" in grevy(shop, "diff", "-f", mine, status=1), "diff shows both")
    check("2 would change" in grevy(shop, "apply", "-f", mine, "--dry-run"), "dry run")
    equal(shop.get("/v1/documents/script")["data"], [], "documents after a dry run")
    check("publication 1" in grevy(shop, "apply", "-f", mine), "applied")
    shows(shop, a=1, b=2)
    check("0 changed, 2 as they were" in grevy(shop, "apply", "-f", mine), "again")
    grevy(shop, "diff", "-f", mine)
    check("2 documents" in grevy(shop, "export", theirs), "exported")
    equal(json.loads((theirs / "script/a.json").read_text()), strategy(1), "an exported file")
    grevy(shop, "diff", "-f", theirs)
    write(theirs, a=3)
    said = grevy(shop, "apply", "-f", theirs, "--why", "dearer")
    check('"return { n = 1 }" -> "return { n = 3 }"' in said, f"what changed: {said}")
    shows(shop, a=3, b=2)


@journey("files that stand on an old version are refused whole, by name, until they are merged")
def behind(shop):
    mine = write(shop.folder / "mine", a=1, b=1)
    grevy(shop, "apply", "-f", mine)
    body = {"documents": [{"collection": "script", "key": "b", "document": strategy(5)}]}
    shop.post("/v1/documents", body, status=200)
    write(mine, a=2, b=2)
    said = grevy(shop, "apply", "-f", mine, status=1)
    check(f"{mine}/script/b.json" in said and "--force" in said, f"who is behind: {said}")
    shows(shop, a=1, b=5)
    grevy(shop, "apply", "-f", mine, "--force")
    shows(shop, a=2, b=2)
    (mine / "script/b.json").unlink()
    check("ended" in grevy(shop, "apply", "-f", mine, "--prune"), "pruned")
    shows(shop, a=2, b=None)


@journey("a file that is wrong is named with its line, and nothing of the folder is applied")
def wrong(shop):
    mine = write(shop.folder / "mine", a=1)
    (mine / "script/z.json").write_text('{\n  "name": "z",\n}\n')
    said = grevy(shop, "apply", "-f", mine, status=1)
    check(f"{mine}/script/z.json: line 2" in said, f"the place: {said}")
    (mine / "script/z.json").write_text(json.dumps({**strategy(1), "tests": [
        {"name": "no", "input": {}, "output": {"n": 2}}]}))
    said = grevy(shop, "apply", "-f", mine, status=1)
    check(f"{mine}/script/z.json: /document/tests/0" in said, f"the test that failed: {said}")
    shows(shop, a=None)
    said = grevy(shop, "apply", "-f", shop.folder / "nowhere", status=1)
    check("nowhere" in said, f"no such folder: {said}")


def publish_on(port, key, number, answered):
    """Two scripts that say the same, again and again; answered: the last that was."""
    client = Client(port, key)
    with contextlib.suppress(OSError, http.client.HTTPException):
        while True:
            number += 1
            body = {"documents": [{"collection": "script", "key": k, "document": strategy(number)}
                                  for k in ("a", "b")]}
            if client.call("POST", "/v1/documents", body).status == 200:
                answered.append(number)


def kill_while_publishing(shop, number, chance):
    """The last number answered; the server is dead, and started again."""
    answered = []
    thread = threading.Thread(target=publish_on, args=(shop.port, shop.key, number, answered))
    thread.start()
    wait_until(lambda: answered, 20, "a publication is answered")
    time.sleep(chance.uniform(*UNTIL_KILL_S))  # When exactly is the point of the test.
    shop.kill()
    thread.join()
    shop.start()
    return answered[-1]


@journey("kill -9 while documents are published: the old or the new, never a mixture")
def killed(shop):
    chance, number = random.Random(4), 0
    for _ in range(KILLS):
        number = kill_while_publishing(shop, number, chance)
        a, b = says(shop, "a"), says(shop, "b")
        equal(a, b, "what both say")
        check(a in (number, number + 1), f"{a} is in force, and {number} was answered")
        rows = shop.database.query("select (select max(seq) from kernel_publication), (select"
                                   " count(*) from kernel_publication), (select count(*) from"
                                   " kernel_publication_item), (select count(*) from"
                                   " kernel_outbox where type = 'document.published')")
        seq, publications, items, events = rows[0]
        equal((publications, items, events), (seq, 2 * seq, 2 * seq), "rows of publications")
        number = a


if __name__ == "__main__":
    main()
