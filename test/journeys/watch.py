#!/usr/bin/env python3
"""watch.py - what the server says about itself: health, figures, its API, its log."""
import html.parser
import json
import shutil
import subprocess

from kit import check, equal, journey, main, raw


def plain(shop, path):
    """A GET without a key."""
    answer = shop.call("GET", path, headers={"Authorization": ""})
    equal(answer.status, 200, path)
    return answer


def get(shop, path):
    return plain(shop, path).text


@journey("/healthz and /readyz answer; /statusz and /openapi.json are JSON")
def health(shop):
    equal(get(shop, "/healthz"), b"ok\n", "/healthz")
    equal(get(shop, "/readyz"), b"ready\n", "/readyz")
    sku, = shop.product()
    shop.order(sku).expect(409)
    status = json.loads(get(shop, "/statusz"))
    equal([s["name"] for s in status["spaces"]], ["default"], "spaces")
    routes = [h for h in status["process"]["histograms"]
              if h.get("labels") == 'route="POST /v1/orders"']
    equal([h["count"] for h in routes], [1], "orders counted on /statusz")
    check({"t50", "t95", "t99"} <= set(routes[0]), "percentiles are missing")
    document = json.loads(get(shop, "/openapi.json"))
    equal(document["openapi"][:4], "3.1.", "OpenAPI version")
    check("/v1/orders" in document["paths"], "/v1/orders is not described")


@journey("/metrics is what Prometheus reads, and counts")
def metrics(shop):
    sku, = shop.product()
    for _ in range(3):
        shop.order(sku).expect(409)
    text = get(shop, "/metrics").decode()
    wanted = 'grevy_http_replies_total{route="POST /v1/orders",class="4xx"} 3'
    check(wanted in text.splitlines(), f"{wanted} is missing")
    for name in ("grevy_queue_commands", "grevy_queue_wait_seconds", "grevy_batch_commands",
                 "grevy_http_request_seconds"):
        check(f"# TYPE {name} " in text, f"{name} is missing")
    if not shutil.which("promtool"):
        print("skip watch: promtool is not installed", flush=True)
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, timeout=60, check=False)
    check(done.returncode == 0 and not done.stderr.strip(), f"promtool: {done.stderr[:500]}")


@journey("every answer says its type, is not sniffed and not kept, and tells no version")
def headers(shop):
    sku, = shop.product()
    answers = [plain(shop, path) for path in ("/healthz", "/readyz", "/metrics", "/statusz",
                                              "/openapi.json", "/docs")]
    answers += [shop.call("GET", f"/v1/skus/{sku}"), shop.call("GET", "/v1/orders"),
                shop.call("GET", "/v1/nothing"), shop.call("POST", "/v1/orders", b"{"),
                shop.call("TRACE", "/v1/orders"), shop.call("GET", "/v1/orders?limit=0")]
    for answer in answers:
        kind = answer.headers["content-type"]
        check(not kind.startswith("text/") or kind.endswith("; charset=utf-8"), f"{kind}: charset?")
        equal(answer.headers.get("x-content-type-options"), "nosniff", "X-Content-Type-Options")
        check("cache-control" in answer.headers, f"{kind} may be kept: {answer.headers}")
        for name in ("server", "x-powered-by", "via", "set-cookie", "access-control-allow-origin"):
            check(name not in answer.headers, f"{name}: {answer.headers.get(name)}")
    for answer in answers[6:]:
        equal(answer.headers["cache-control"], "no-store", "Cache-Control")
    equal(answers[10].status, 501, "TRACE")


class Page(html.parser.HTMLParser):
    """The addresses that a page loads."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "href") and tag in ("script", "link", "img"):
                self.found.append(value)


@journey("/docs loads, with all it needs from this server")
def docs(shop):
    page = plain(shop, "/docs")
    equal(page.headers["content-type"], "text/html; charset=utf-8", "content type")
    files = [f for f in Page(page.text.decode()).found if not f.startswith("data:")]
    check(all(f.startswith("/") and not f.startswith("//") for f in files), f"from afar: {files}")
    for path in files:
        check(len(get(shop, path)) > 0, f"{path} is empty")


def spoken(shop, requests):
    """Send each (method, path, body); the trace ids given along."""
    traces = []
    for k, (method, path, body) in enumerate(requests):
        traces.append(f"{k + 1:032x}")
        shop.call(method, path, body, {"traceparent": f"00-{traces[-1]}-00000000000000ab-01"})
    return traces


@journey("the log is JSON lines, one for each request, with route, status and trace")
def log(shop):
    sku, = shop.product()
    requests = [("GET", "/v1/products", None), ("POST", "/v1/orders", {"user": "u1"}),
                ("GET", f"/v1/stock/{sku}", None), ("GET", "/v1/nothing", None),
                ("DELETE", "/v1/orders", None), ("GET", "/v1/orders/ord_07B925M000007", None)]
    traces = spoken(shop, requests)
    shop.stop()
    lines = [json.loads(line) for line in shop.log.read_text().splitlines()]
    check(all({"time", "level", "event"} <= set(line) for line in lines), "a line lacks a member")
    for trace, (method, path, _), status in zip(traces, requests, (200, 400, 200, 404, 405, 404)):
        found = [line for line in lines if line.get("trace") == trace]
        equal([(f["event"], f["method"], f["status"]) for f in found],
              [("request", method, status)], f"log of {method} {path}")
        check(found[0]["us"] >= 0 and "space" in found[0], f"a poor line: {found[0]}")


@journey("who was refused is logged: by the key that asked, or as nobody, with the reason")
def refusals(shop):
    weak = shop.post("/v1/keys", {"name": "weak", "scopes": ["order:adjust"]})
    keys = [(weak["token"], 403, "scope_missing", weak["id"]), ("", 401, "no_key", "-"),
            ("gvy_default_" + "A" * 43, 401, "unknown_key", "-")]
    for token, status, code, _ in keys:
        given = {"Authorization": f"Bearer {token}" if token else ""}
        shop.call("GET", "/v1/orders", headers=given).expect(status, code)
    shop.stop()
    text = shop.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    found = [(line["status"], line["code"], line["key"]) for line in lines
             if line["event"] == "request" and line.get("route") == "/v1/orders"]
    equal(found, [(status, code, who) for _, status, code, who in keys], "refusals in the log")
    check(all(token not in text for token, *_ in keys if token), "the log has the text of a key")


@journey("the trace of a request is in the events that it caused")
def traces_in_events(shop):
    sku, = shop.product()
    shop.receive(sku, 1)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    order = {"user": "u1", "currency": "CNY", "lines": [{"sku": sku, "quantity": 1}]}
    answer = shop.call("POST", "/v1/orders", order,
                       {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    answer.expect(201)
    check(trace in answer.headers["traceparent"], "the answer is of another trace")
    shop.stop()
    found = shop.database.query("select trace from kernel_outbox where type = 'order.placed'")
    equal([row[0].split("-")[1] for row in found], [trace], "trace of order.placed")


@journey("a request that cannot be parsed is answered and logged, without its bytes")
def garbage(shop):
    got = raw(shop.port, b"GET /v1/products HTTP/1.1\r\nHost: a\r\nplanted secret : bytes\r\n\r\n")
    equal(got[:12], b"HTTP/1.1 400", "answer")
    shop.stop()
    text = shop.log.read_text()
    check("planted" not in text, "the log repeats what was sent")
    found = [json.loads(line) for line in text.splitlines() if '"status":400' in line]
    equal(len(found), 1, "lines about the refusal")


if __name__ == "__main__":
    main()
