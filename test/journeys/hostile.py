#!/usr/bin/env python3
"""hostile.py - clients that lie about where a request ends, that drip, and that only sit there."""
import json
import re
import resource
import selectors
import socket
import threading
import time

from kit import Sqlite, check, equal, journey, main, raw

GET, POST = b"GET /v1/products HTTP/1.1\r\n", b"POST /v1/orders HTTP/1.1\r\n"
HOST, END = b"Host: shop\r\n", b"\r\n"
CHUNKED = POST + HOST + b"Transfer-Encoding: chunked\r\n" + END
KEY = b"Authorization: Bearer @\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n"
MIB = 1 << 20

# What is sent, the status, the code: each is answered once, and the connection closed.
FRAMING = [
    ("CL and TE", POST + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + END +
     b"0\r\n\r\n", 400, "length_and_encoding"),
    ("TE and CL", POST + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + END +
     b"0\r\n\r\n", 400, "length_and_encoding"),
    ("two equal CL", POST + HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n" + END + b"abc",
     400, "duplicate_header"),
    ("two different CL", POST + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n" + END +
     b"abc", 400, "duplicate_header"),
    ("CL +3", POST + HOST + b"Content-Length: +3\r\n" + END + b"abc", 400, "bad_content_length"),
    ("CL -3", POST + HOST + b"Content-Length: -3\r\n" + END + b"abc", 400, "bad_content_length"),
    ("CL 3, 3", POST + HOST + b"Content-Length: 3, 3\r\n" + END + b"abc", 400,
     "bad_content_length"),
    ("CL 0x3", POST + HOST + b"Content-Length: 0x3\r\n" + END + b"abc", 400, "bad_content_length"),
    ("CL beyond 63 bits", POST + HOST + b"Content-Length: 9223372036854775808\r\n" + END, 400,
     "bad_content_length"),
    ("a space before the colon", POST + HOST + b"Content-Length : 3\r\n" + END + b"abc", 400,
     "space_before_colon"),
    ("no Host", GET + END, 400, "host_missing"),
    ("two Hosts", GET + HOST + HOST + END, 400, "duplicate_header"),
    ("an empty Host", GET + b"Host:\r\n" + END, 400, "bad_host"),
    ("a folded line", GET + HOST + b"X: a\r\n b\r\n" + END, 400, "folded_header"),
    ("NUL in a value", GET + HOST + b"X: a\0b\r\n" + END, 400, "control_in_header"),
    ("NUL in a name", GET + HOST + b"X\0: a\r\n" + END, 400, "bad_header_name"),
    ("a bare CR", GET + b"Host: shop\rX: y\r\n\r\n", 400, "bare_cr"),
    ("a bare LF", GET + b"Host: shop\n\r\n", 400, "bare_lf"),
    ("a bare LF after the request line", b"GET / HTTP/1.1\n" + HOST + END, 400, "bare_lf"),
    ("TE in HTTP/1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "encoding_in_http_1_0"),
    ("TE chunked twice", POST + HOST + b"Transfer-Encoding: chunked, chunked\r\n" + END, 400,
     "bad_transfer_encoding"),
    ("TE chunked in the middle", POST + HOST + b"Transfer-Encoding: chunked, identity\r\n" + END,
     400, "bad_transfer_encoding"),
    ("TE in two headers", POST + HOST + b"Transfer-Encoding: chunked\r\n" * 2 + END, 400,
     "duplicate_header"),
    ("an unknown TE", POST + HOST + b"Transfer-Encoding: gzip\r\n" + END, 501,
     "transfer_encoding_not_implemented"),
    ("TE with a strange space", POST + HOST + b"Transfer-Encoding:\x0bchunked\r\n" + END, 400,
     "control_in_header"),
    ("a chunk size that overflows", CHUNKED + b"10000000000000000\r\n", 400, "chunk_size"),
    ("a chunk size with a sign", CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n", 400, "bad_chunk"),
    ("a chunk longer than it says", CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400, "bad_chunk"),
    ("a bare LF in chunks", CHUNKED + b"3\nabc\n0\n\n", 400, "bare_lf"),
    ("a long chunk extension", CHUNKED + b"3;" + b"e" * 300 + b"\r\nabc\r\n", 400,
     "chunk_extension"),
    ("a header of 70 kB", GET + HOST + b"X: " + b"h" * 70000 + b"\r\n" + END, 431,
     "head_too_large"),
    ("65 headers", GET + HOST + b"X: 1\r\n" * 64 + END, 431, "too_many_headers"),
    ("a body of 2 MB", POST + HOST + KEY + b"Content-Length: %d\r\n" % (2 * MIB) + END, 413,
     "body_too_large"),
    ("an absolute target", b"GET http://shop/v1/products HTTP/1.1\r\n" + HOST + END, 400,
     "target_form"),
    ("a target of an authority", b"CONNECT shop:443 HTTP/1.1\r\n" + HOST + END, 501,
     "method_not_implemented"),
    ("a target of an asterisk", b"OPTIONS * HTTP/1.1\r\n" + HOST + END, 501, "asterisk_form"),
    ("%00 in the path", b"GET /v1/products%00 HTTP/1.1\r\n" + HOST + END, 400, "control_in_path"),
    (".. in the path", b"GET /v1/../etc/passwd HTTP/1.1\r\n" + HOST + END, 400, "dot_segment"),
    ("%2e%2e in the path", b"GET /docs/%2e%2e/%2e%2e/etc HTTP/1.1\r\n" + HOST + END, 400,
     "dot_segment"),
    ("%5c in the path", b"GET /docs/..%5c..%5cetc HTTP/1.1\r\n" + HOST + END, 400, "backslash"),
    ("a long target", b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + END, 414,
     "target_too_long"),
    ("a method in small letters", b"get / HTTP/1.1\r\n" + HOST + END, 501,
     "method_not_implemented"),
    ("an unknown method", b"BREW / HTTP/1.1\r\n" + HOST + END, 501, "method_not_implemented"),
    ("HTTP/0.9", b"GET /\r\n", 505, "http_version"),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\n" + HOST + END, 505, "http_version"),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request_line"),
    ("an expectation nobody knows", POST + HOST + b"Expect: 200-ok\r\nContent-Length: 1\r\n" + END,
     417, "expectation"),
    ("a coded body", POST + HOST + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n" + END, 415,
     "content_encoding"),
    ("two Authorizations", GET + HOST + b"Authorization: Bearer a\r\n" * 2 + END, 400,
     "duplicate_header"),
]


def statuses(wire):
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n", wire)]


@journey("a request that two readers could end at different places is refused, alone and for good",
         (Sqlite,))
def framing(shop):
    for name, sent, status, code in FRAMING:
        got = raw(shop.port, sent.replace(b"@", shop.key.encode()) + SMUGGLED, 30)
        equal(statuses(got), [status], f"{name}: answers")
        head, _, body = got.partition(b"\r\n\r\n")
        check(b"connection: close" in head.lower(), f"{name}: {head!r} does not close")
        equal(json.loads(body)["code"], code, f"{name}: code")
    print(f"# {len(FRAMING)} cases, each refused once, what was smuggled behind never answered",
          flush=True)


@journey("41 pipelined requests are answered in order; half-closed and expecting clients are served",
         (Sqlite,))
def polite(shop):
    kinds = [(b"/healthz", 200), (b"/nothing", 404), (b"/v1/products", 401), (b"/readyz", 200)]
    wanted = [kinds[(k * k + k // 3) % len(kinds)] for k in range(41)]
    wire = b"".join(b"GET %s HTTP/1.1\r\nHost: shop\r\n" % path +
                    (b"Connection: close\r\n" if k == 40 else b"") + END
                    for k, (path, _) in enumerate(wanted))
    equal(statuses(raw(shop.port, wire)), [status for _, status in wanted], "answers in order")
    with socket.create_connection(("127.0.0.1", shop.port), 30) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        equal(statuses(client.recv(65536)), [200], "the answer to who sends no more")
    with socket.create_connection(("127.0.0.1", shop.port), 30) as client:
        body = b'{"user":"u1"}'
        client.sendall(POST + HOST + f"Authorization: Bearer {shop.key}\r\n".encode() +
                       b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
                       b"Content-Length: %d\r\n" % len(body) + END)
        equal(client.recv(65536), b"HTTP/1.1 100 Continue\r\n\r\n", "the answer to Expect")
        client.sendall(body)
        equal(statuses(client.recv(65536)), [400], "the answer to the body")


# ---- Slow ones ----

DRIPPERS = 200
DRIP_S = 0.25
PROBES_PER_S = 100
HEAD_S_MAX, BODY_S_MAX = 5, 20  # src/kernel/http/engine.c
LATE_S_MAX = 20  # Of a cut, on a machine that does other things, too.


class Drip:
    """Clients that send a byte now and then; each must be cut."""

    def __init__(self, port, key):
        body = (POST + HOST + f"Authorization: Bearer {key}\r\n".encode() +
                b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        self.selector, self.cut_s, self.begin = selectors.DefaultSelector(), {}, time.monotonic()
        self.clients = []
        for n in range(DRIPPERS):
            client = socket.create_connection(("127.0.0.1", port), 30)
            client.sendall(GET + b"Host: shop\r\nX-Drip: " if n % 2 else body)
            client.setblocking(False)
            self.selector.register(client, selectors.EVENT_READ, n)
            self.clients.append(client)

    def run(self):
        due = time.monotonic()
        until = self.begin + BODY_S_MAX + LATE_S_MAX
        while len(self.cut_s) < DRIPPERS and time.monotonic() < until:
            for chosen, _ in self.selector.select(max(0, due - time.monotonic())):
                self.ended(chosen.fileobj, chosen.data)
            if time.monotonic() >= due:
                due += DRIP_S
                for n, client in enumerate(self.clients):
                    self.drop(n, client)

    def drop(self, n, client):
        if n not in self.cut_s:
            try:
                client.send(b"a")
            except OSError:
                self.ended(client, n)

    def ended(self, client, n):
        if n not in self.cut_s:
            self.cut_s[n] = time.monotonic() - self.begin
            self.selector.unregister(client)
            client.close()

    def report(self):
        equal(len(self.cut_s), DRIPPERS, "drips that were cut")
        heads = [s for n, s in self.cut_s.items() if n % 2]
        bodies = [s for n, s in self.cut_s.items() if n % 2 == 0]
        for name, cut, limit_s in (("heads", heads, HEAD_S_MAX), ("bodies", bodies, BODY_S_MAX)):
            check(min(cut) > limit_s - 1, f"{name} were cut after {min(cut):.1f} s")
            check(max(cut) < limit_s + LATE_S_MAX, f"{name} were cut after {max(cut):.1f} s")
        return (f"heads cut after {min(heads):.1f} to {max(heads):.1f} s, bodies after"
                f" {min(bodies):.1f} to {max(bodies):.1f} s")


def probe(shop, busy):
    """Requests at an even pace while busy(); latencies from when each was to be sent."""
    latencies, begin, cpu = [], time.monotonic(), time.thread_time()
    with socket.create_connection(("127.0.0.1", shop.port), 60) as client:
        request = GET + HOST + f"Authorization: Bearer {shop.key}\r\n\r\n".encode()
        while busy():
            due = begin + len(latencies) / PROBES_PER_S
            time.sleep(max(0, due - time.monotonic()))
            client.sendall(request)
            equal(statuses(client.recv(65536)), [200], "the answer to who is not slow")
            latencies.append(time.monotonic() - due)
    latencies.sort()
    took = time.monotonic() - begin
    cpu = 100 * (time.thread_time() - cpu) / took
    return latencies, cpu


def shown(latencies):
    return ", ".join(f"{name} {1000 * latencies[int(len(latencies) * q)]:.2f} ms"
                     for name, q in (("p50", 0.5), ("p99", 0.99)))


@journey("heads and bodies that drip are cut at a deadline, while others are served", (Sqlite,))
def drips(shop):
    calm, _ = probe(shop, iter([1] * PROBES_PER_S + [0]).__next__)
    drip = Drip(shop.port, shop.key)
    dripping = threading.Thread(target=drip.run)
    dripping.start()
    try:
        latencies, cpu = probe(shop, dripping.is_alive)
    finally:
        dripping.join()
    print(f"# {DRIPPERS} drips: {drip.report()}; others meanwhile {shown(latencies)} (before"
          f" {shown(calm)}); this client used {cpu:.0f} % of a CPU", flush=True)


# ---- Those who only sit there ----

IDLE = 10000
OTHER_FILES = 500  # Of this process and of the server.


def resident_kib(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def room_for_files():
    """How many connections this process and the server may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        soft = hard if hard != resource.RLIM_INFINITY else IDLE + OTHER_FILES
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft - OTHER_FILES


@journey("ten thousand idle connections cost what they cost, and others are served", (Sqlite,))
def idle(shop):
    shop.stop()
    count = min(IDLE, room_for_files())
    if count < IDLE:
        print(f"# only {count} connections: the limit of open files is {count + OTHER_FILES}",
              flush=True)
    shop.start()
    calm, _ = probe(shop, iter([1] * PROBES_PER_S + [0]).__next__)
    before, clients = resident_kib(shop.process.pid), []
    try:
        for n in range(count):
            client = socket.create_connection(("127.0.0.1", shop.port), 30,
                                              source_address=(f"127.0.0.{2 + n % 4}", 0))
            client.sendall(SMUGGLED)
            clients.append(client)
        for client in clients:
            equal(statuses(client.recv(4096)), [200], "the answer to who then sits there")
        cost = (resident_kib(shop.process.pid) - before) / count
        latencies, cpu = probe(shop, iter([1] * (3 * PROBES_PER_S) + [0]).__next__)
        later = (resident_kib(shop.process.pid) - before) / count
        print(f"# {count} idle connections: {cost:.1f} KiB each at first, {later:.1f} KiB three"
              f" seconds later (this binary); others meanwhile {shown(latencies)} (before {shown(calm)}); this client used {cpu:.0f} % of a CPU",
              flush=True)
        clients[0].sendall(SMUGGLED)
        equal(statuses(clients[0].recv(4096)), [200], "the answer to one of them")
    finally:
        for client in clients:
            client.close()


if __name__ == "__main__":
    main()
