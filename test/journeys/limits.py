#!/usr/bin/env python3
"""limits.py - what is too large, malformed, unknown or too often is refused, and told why."""
import json
import re
import time

from kit import ANSWER_S, Client, check, equal, journey, main, raw

MIB = 1 << 20


def problem(answer, status, code):
    """A refusal with all that RFC 9457 and our own promise want."""
    body = answer.expect(status, code)
    equal(body["status"], status, "status in the body")
    check(body["type"] and body["title"] and len(body["detail"]) > 10, f"a poor refusal: {body}")
    return body


@journey("a body of 2 MB is 413; one under the limit is read")
def large_body(shop):
    big = b'{"user":"' + b"x" * (2 * MIB) + b'"}'
    problem(shop.call("POST", "/v1/orders", big), 413, "body_too_large")
    shop.close()
    fits = b'{"user":"' + b"x" * (MIB - 100) + b'"}'
    equal(shop.call("POST", "/v1/orders", fits).status, 400, "status under the limit")
    chunks = b"%x\r\n%s\r\n" % (MIB, b"y" * MIB) * 2 + b"0\r\n\r\n"
    head = (f"POST /v1/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {shop.key}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    equal(raw(shop.port, head.encode() + chunks)[:12], b"HTTP/1.1 413", "chunked")
    shop.close()
    shop.get("/v1/products")


@journey("what a server may take is asked for in numbers; anything else ends it with its usage")
def asked(shop):
    shop.stop()
    for bad in (["--queue-max", "0"], ["--spaces-max", "65"], ["--connections-max", "many"],
                ["--batch-max", "257"], ["--drain-ms", "-1"]):
        process = shop.spawn(*bad)
        equal(process.wait(ANSWER_S), 2, f"exit status with {bad}")
    shop.start("--connections-max", "8", "--queue-max", "1", "--spaces-max", "1")
    for _ in range(3):
        shop.receive(*shop.product(), 1)


@journey("a header of 70 kB is 431")
def large_header(shop):
    head = b"GET /v1/products HTTP/1.1\r\nHost: shop\r\nX-Long: " + b"h" * 70000 + b"\r\n\r\n"
    got = raw(shop.port, head)
    equal(got[:12], b"HTTP/1.1 431", "status")
    body = json.loads(got.partition(b"\r\n\r\n")[2])
    equal(body["status"], 431, "status in the body")
    shop.get("/v1/products")


@journey("malformed JSON is refused with its line and column, a bad field with its pointer")
def malformed(shop):
    for body, line, column in ((b'{"user":"u1",}', 1, 13), (b'{"user":"u1"\n "currency"}', 2, 2),
                               (b'{"user":"u1","user":"u2"}', 1, 14)):
        text = problem(shop.call("POST", "/v1/orders", body), 400, None)["detail"]
        at = re.search(r"line (\d+), column (\d+)", text)
        check(at, f"{body!r}: no position in {text!r}")
        equal(tuple(map(int, at.groups())), (line, column), f"position in {body!r} ({text})")
    bad = {"user": "u1", "currency": "CNY", "lines": [{"sku": "sku_07B925M000007", "quantity": 0}]}
    equal(problem(shop.call("POST", "/v1/orders", bad), 400, "out_of_range")["pointer"],
          "/lines/0/quantity", "pointer")
    bad["lines"][0]["quantity"], bad["colour"] = 1, "red"
    equal(problem(shop.call("POST", "/v1/orders", bad), 400, "unknown_field")["pointer"],
          "/colour", "pointer")
    problem(shop.call("POST", "/v1/orders", b"<order/>", {"Content-Type": "text/xml"}), 415, None)


@journey("unknown routes are 404, other methods 405 with Allow")
def routes(shop):
    for path in ("/v1/nothing", "/nothing", "/v1/orders/ord_x", "/v1/orders/07B925M000007/x"):
        problem(shop.call("GET", path), 404, None)
    problem(shop.call("GET", "/v1/orders/ord_07B925M000007"), 404, None)
    refused = shop.call("DELETE", "/v1/orders")
    problem(refused, 405, "method_not_allowed")
    equal(refused.headers["allow"], "GET, POST", "Allow")


@journey("a key of 5 requests a second: 429 with Retry-After, others are not held up")
def rate(shop):
    token = shop.post("/v1/keys", {"name": "slow", "scopes": ["catalog:read"],
                                   "rate_per_s": 5})["token"]
    client, answers = Client(shop.port, token), []
    begin = time.monotonic()
    while time.monotonic() < begin + 2:
        answers.append(client.call("GET", "/v1/products"))
    elapsed = time.monotonic() - begin
    good = [a for a in answers if a.status == 200]
    refused = [a for a in answers if a.status != 200]
    check(5 <= len(good) <= 10 + 5 * elapsed + 1, f"{len(good)} answers in {elapsed:.1f} s")
    check(refused, "nothing was refused")
    for answer in refused[:20]:
        problem(answer, 429, "rate_limited")
        check(1 <= int(answer.headers["retry-after"]) <= 2, f"{answer.headers['retry-after']} s")
    for _ in range(50):
        shop.get("/v1/products")
    client.close()


@journey("idle and slow clients do not hold the server: a head never sent is cut")
def slow_head(shop):
    begin = time.monotonic()
    got = raw(shop.port, b"GET /v1/products HTTP/1.1\r\nHost: shop\r\nX-Slow: ", 30)
    took = time.monotonic() - begin
    check(took < 20, f"cut after {took:.1f} s")
    check(got == b"" or got.startswith(b"HTTP/1.1 408"), f"answered {got[:60]!r}")
    shop.get("/v1/products")


if __name__ == "__main__":
    main()
