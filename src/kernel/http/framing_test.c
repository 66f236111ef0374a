/*
 * framing_test.c - the verdicts of framing.h over raw bytes, whole and in pieces.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/http/framing.h"
#include "test/kit/test.h"

enum { HEAD_BYTES_MAX = 16 << 10, WIRE_BYTES_MAX = 64 << 10 };

/* What became of some bytes. */
struct verdict {
    unsigned requests; /* That passed whole. */
    const struct refusal *refusal;
    enum framing_stage stage;
};

static void feed(struct framing *f, struct verdict *verdict, const char *bytes, size_t len)
{
    size_t used = 0;

    while (used < len && !f->refusal) {
        used += framing_feed(f, bytes + used, len - used);
        if (framing_stage(f) == FRAMING_DONE) {
            verdict->requests++;
            framing_next(f);
        }
    }
    verdict->refusal = f->refusal;
    verdict->stage = framing_stage(f);
}

/* In pieces of at most piece bytes, the first one of first bytes. */
static struct verdict judge(const char *bytes, size_t len, size_t first, size_t piece)
{
    struct verdict verdict = {0};
    struct framing f;
    size_t at = first < len ? first : len;

    framing_open(&f, HEAD_BYTES_MAX);
    feed(&f, &verdict, bytes, at);
    for (; at < len; at += piece)
        feed(&f, &verdict, bytes + at, len - at < piece ? len - at : piece);
    return verdict;
}

static bool same(struct verdict a, struct verdict b)
{
    return a.requests == b.requests && a.refusal == b.refusal && a.stage == b.stage;
}

/* The verdict, after making sure that no way of cutting the bytes changes it. */
static struct verdict judge_cut(const char *bytes, size_t len)
{
    struct verdict whole = judge(bytes, len, len, len ? len : 1);

    CHECK_SAY(same(whole, judge(bytes, len, 0, 1)), "byte by byte: %.*s", (int)len, bytes);
    for (size_t at = 1; at<len; at += len> 4096 ? 97 : 1)
        CHECK_SAY(same(whole, judge(bytes, len, at, len)), "cut at %zu: %.*s", at, (int)len, bytes);
    return whole;
}

#define GET  "GET /v1/products HTTP/1.1\r\n"
#define POST "POST /v1/orders HTTP/1.1\r\n"
#define HOST "Host: shop\r\n"
#define END  "\r\n"

struct row {
    int status; /* 0: one whole request passes. */
    const char *code, *bytes;
    size_t len;
};
#define BYTES(text) (text), sizeof(text) - 1
#define ROW(status_, code_, text_)                                                                 \
    {                                                                                              \
        (status_), (code_), BYTES(text_)                                                           \
    }

static const struct row rows[] = {
    ROW(0, "", GET HOST END),
    ROW(0, "", GET "host:shop:8080\r\n" END),
    ROW(0, "", "GET / HTTP/1.0\r\n" END),
    ROW(0, "", "\r\n" GET HOST END),
    ROW(0, "", GET HOST "X-Empty:\r\n" END),
    ROW(0, "", GET HOST "X: \t a b \xc3\xa9 \t\r\n" END),
    ROW(0, "", GET HOST "!#$%&'*+-.^_`|~09azAZ: odd, but a token\r\n" END),
    ROW(0, "", "OPTIONS /v1/a.b/..c/...?x=1&y=%2e%2e/.. HTTP/1.1\r\n" HOST END),
    ROW(0, "", POST HOST "Content-Length: 3\r\n" END "abc"),
    ROW(0, "", POST HOST "Content-Length: 0\r\n" END),
    ROW(0, "", POST HOST "CONTENT-LENGTH:\t003\r\n" END "abc"),
    ROW(0, "", POST HOST "Transfer-Encoding: Chunked\r\n" END "3\r\nabc\r\n0\r\n\r\n"),
    ROW(0, "",
        POST HOST "Transfer-Encoding: chunked\r\n" END "A;x=\"y\"\r\n0123456789\r\n000\r\n\r\n"),
    ROW(0, "",
        POST HOST "Transfer-Encoding: chunked\r\n" END "0\r\nX: y\r\nContent-Length: 9\r\n\r\n"),
    ROW(0, "", POST HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n" END "a"),
    ROW(0, "", GET HOST "Content-Encoding: identity\r\n" END),
    ROW(0, "", GET HOST "X-Twice: 1\r\nX-Twice: 2\r\n" END),

    /* Two opinions about the length. */
    ROW(400, "length_and_encoding",
        POST HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n"),
    ROW(400, "length_and_encoding",
        POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" END "0\r\n\r\n"),
    ROW(400, "duplicate_header", POST HOST "Content-Length: 3\r\nContent-Length: 3\r\n" END "abc"),
    ROW(400, "duplicate_header", POST HOST "Content-Length: 3\r\ncontent-length: 4\r\n" END "abc"),
    ROW(400, "bad_content_length", POST HOST "Content-Length: +3\r\n" END "abc"),
    ROW(400, "bad_content_length", POST HOST "Content-Length: -3\r\n" END "abc"),
    ROW(400, "bad_content_length", POST HOST "Content-Length:  3 \r\n" END "abc"),
    ROW(400, "bad_content_length", POST HOST "Content-Length: 0x3\r\n" END "abc"),
    ROW(400, "bad_content_length", POST HOST "Content-Length: 3, 3\r\n" END "abc"),
    ROW(400, "bad_content_length", POST HOST "Content-Length:\r\n" END "abc"),
    ROW(400, "bad_content_length", POST HOST "Content-Length: 9223372036854775808\r\n" END),
    ROW(400, "bad_content_length", POST HOST "Content-Length: 99999999999999999999999999\r\n" END),
    ROW(400, "encoding_in_http_1_0",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n"),
    ROW(400, "bad_transfer_encoding", POST HOST "Transfer-Encoding: chunked, identity\r\n" END),
    ROW(400, "bad_transfer_encoding", POST HOST "Transfer-Encoding: chunked, chunked\r\n" END),
    ROW(400, "bad_transfer_encoding", POST HOST "Transfer-Encoding: xchunked\r\n" END),
    ROW(400, "bad_transfer_encoding", POST HOST "Transfer-Encoding: chunked \r\n" END),
    ROW(400, "duplicate_header",
        POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END),
    ROW(501, "transfer_encoding_not_implemented", POST HOST "Transfer-Encoding: gzip\r\n" END),
    ROW(501, "transfer_encoding_not_implemented", POST HOST "Transfer-Encoding: identity\r\n" END),
    ROW(501, "transfer_encoding_not_implemented", POST HOST "Transfer-Encoding:\r\n" END),

    /* Chunks. */
    ROW(400, "chunk_size", POST HOST "Transfer-Encoding: chunked\r\n" END "10000000000000000\r\n"),
    ROW(400, "chunk_size", POST HOST "Transfer-Encoding: chunked\r\n" END "8000000000000000\r\n"),
    ROW(400, "chunk_size",
        POST HOST "Transfer-Encoding: chunked\r\n" END "00000000000000003\r\nabc"),
    ROW(400, "bad_chunk", POST HOST "Transfer-Encoding: chunked\r\n" END "+3\r\nabc\r\n"),
    ROW(400, "bad_chunk", POST HOST "Transfer-Encoding: chunked\r\n" END "0x3\r\nabc\r\n"),
    ROW(400, "bad_chunk", POST HOST "Transfer-Encoding: chunked\r\n" END "3 \r\nabc\r\n"),
    ROW(400, "bad_chunk", POST HOST "Transfer-Encoding: chunked\r\n" END "\r\nabc\r\n"),
    ROW(400, "bad_chunk", POST HOST "Transfer-Encoding: chunked\r\n" END "3\r\nabcd\r\n"),
    ROW(400, "bare_lf", POST HOST "Transfer-Encoding: chunked\r\n" END "3\nabc\r\n"),
    ROW(400, "bare_lf", POST HOST "Transfer-Encoding: chunked\r\n" END "3\r\nabc\n0\r\n\r\n"),
    ROW(400, "bare_lf", POST HOST "Transfer-Encoding: chunked\r\n" END "3;a\nabc\r\n"),
    ROW(400, "bare_cr", POST HOST "Transfer-Encoding: chunked\r\n" END "3\rabc\r\n"),
    ROW(400, "bare_lf", POST HOST "Transfer-Encoding: chunked\r\n" END "0\r\n\n"),
    ROW(400, "folded_header", POST HOST "Transfer-Encoding: chunked\r\n" END "0\r\n X: y\r\n\r\n"),

    /* Lines and headers. */
    ROW(400, "bare_lf", "GET / HTTP/1.1\nHost: shop\r\n\r\n"),
    ROW(400, "bare_lf", GET "Host: shop\n\r\n"),
    ROW(400, "bare_lf", GET HOST "\n"),
    ROW(400, "bare_lf", "\nGET / HTTP/1.1\r\n" HOST END),
    ROW(400, "bare_cr", GET "Host: shop\rX: y\r\n\r\n"),
    ROW(400, "bare_cr", GET HOST "\rX"),
    ROW(400, "bare_cr", "\rGET / HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_request_line", "\r\n\r\n" GET HOST END),
    ROW(400, "folded_header", GET HOST "X: a\r\n b\r\n" END),
    ROW(400, "folded_header", GET " X: a\r\n" HOST END),
    ROW(400, "folded_header", GET HOST "X: a\r\n\tb\r\n" END),
    ROW(400, "space_before_colon", GET "Host : shop\r\n" END),
    ROW(400, "space_before_colon", POST HOST "Content-Length\t: 3\r\n" END "abc"),
    ROW(400, "bad_header_name", GET HOST ": x\r\n" END),
    ROW(400, "bad_header_name", GET HOST "nocolon\r\n" END),
    ROW(400, "bad_header_name", GET HOST "X(Y): z\r\n" END),
    ROW(400, "bad_header_name", GET HOST "X\0Y: z\r\n" END),
    ROW(400, "bad_header_name", GET HOST "\0\r\n" END),
    ROW(400, "control_in_header", GET HOST "X: a\0b\r\n" END),
    ROW(400, "control_in_header", GET HOST "X: a\0\n" END),
    ROW(400, "control_in_header", GET HOST "X: a\x01\r\n" END),
    ROW(400, "control_in_header", GET HOST "X: a\x7f\r\n" END),
    ROW(400, "host_missing", GET END),
    ROW(400, "host_missing", GET "X-Host: shop\r\n" END),
    ROW(400, "duplicate_header", GET HOST HOST END),
    ROW(400, "bad_host", GET "Host:\r\n" END),
    ROW(400, "bad_host", GET "Host: a b\r\n" END),
    ROW(400, "bad_host", GET "Host: user@shop\r\n" END),
    ROW(400, "bad_host", GET "Host: shop/path\r\n" END),
    ROW(400, "duplicate_header",
        GET HOST "Authorization: Bearer a\r\nauthorization: Bearer b\r\n" END),
    ROW(400, "duplicate_header", GET HOST "Idempotency-Key: a\r\nIdempotency-Key: b\r\n" END),
    ROW(417, "expectation", POST HOST "Expect: 200-ok\r\nContent-Length: 1\r\n" END),
    ROW(417, "expectation_without_body", GET HOST "Expect: 100-continue\r\n" END),
    ROW(415, "content_encoding", POST HOST "Content-Encoding: gzip\r\nContent-Length: 1\r\n" END),
    ROW(415, "content_encoding",
        POST HOST "Content-Encoding: identity\r\nContent-Encoding: br\r\n" END),

    /* The request line. */
    ROW(400, "bad_request_line", "GET  / HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_request_line", "GET /  HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_request_line", "GET / HTTP/1.1 \r\n" HOST END),
    ROW(400, "bad_request_line", " GET / HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_request_line", "GET\t/ HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_request_line", "GET / http/1.1\r\n" HOST END),
    ROW(400, "bad_request_line", "GET /a b HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_request_line", "\x16\x03\x01\x02"),
    ROW(501, "method_not_implemented", "get / HTTP/1.1\r\n" HOST END),
    ROW(501, "method_not_implemented", "TRACE / HTTP/1.1\r\n" HOST END),
    ROW(501, "method_not_implemented", "CONNECT shop:443 HTTP/1.1\r\n" HOST END),
    ROW(501, "method_not_implemented", "PROPFIND / HTTP/1.1\r\n" HOST END),
    ROW(501, "asterisk_form", "OPTIONS * HTTP/1.1\r\n" HOST END),
    ROW(400, "target_form", "GET http://shop/ HTTP/1.1\r\n" HOST END),
    ROW(400, "target_form", "GET v1/orders HTTP/1.1\r\n" HOST END),
    ROW(505, "http_version", "GET /\r\n"),
    ROW(505, "http_version", "GET / HTTP/0.9\r\n" HOST END),
    ROW(505, "http_version", "GET / HTTP/1.2\r\n" HOST END),
    ROW(505, "http_version", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW(400, "bad_target", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_target", "GET /a#b HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_target", "GET /a\tb HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_target", "GET /a\0b HTTP/1.1\r\n" HOST END),
    ROW(400, "control_in_path", "GET /a%00b HTTP/1.1\r\n" HOST END),
    ROW(400, "control_in_path", "GET /a%0d%0ab HTTP/1.1\r\n" HOST END),
    ROW(400, "backslash", "GET /a\\b HTTP/1.1\r\n" HOST END),
    ROW(400, "backslash", "GET /a%5cb HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_escape", "GET /a%2 HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_escape", "GET /a%zz HTTP/1.1\r\n" HOST END),
    ROW(400, "bad_escape", "GET /a?b=100% HTTP/1.1\r\n" HOST END),
    ROW(400, "dot_segment", "GET /../etc HTTP/1.1\r\n" HOST END),
    ROW(400, "dot_segment", "GET /a/./b HTTP/1.1\r\n" HOST END),
    ROW(400, "dot_segment", "GET /a/.. HTTP/1.1\r\n" HOST END),
    ROW(400, "dot_segment", "GET /a/..?x HTTP/1.1\r\n" HOST END),
    ROW(400, "dot_segment", "GET /a/%2e%2E/b HTTP/1.1\r\n" HOST END),
    ROW(400, "dot_segment", "GET /a%2f.%2e%2Fb HTTP/1.1\r\n" HOST END),
};

TEST(framing_table, "each broken rule has its own refusal, however the bytes are cut")
{
    for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
        const struct row *row = &rows[k];
        struct verdict verdict = judge_cut(row->bytes, row->len);

        CHECK_SAY((row->status == 0) == !verdict.refusal, "row %zu: %s gave %s", k, row->bytes,
                  verdict.refusal ? verdict.refusal->code : "nothing");
        if (row->status == 0) {
            CHECK_EQ_INT(verdict.requests, 1);
            CHECK_EQ_INT(verdict.stage, FRAMING_IDLE);
            continue;
        }
        CHECK_EQ_INT(verdict.requests, 0);
        CHECK_EQ_STR(verdict.refusal->code, row->code);
        CHECK_EQ_INT(verdict.refusal->status, row->status);
        CHECK(strlen(verdict.refusal->detail) > 10);
    }
}

TEST(framing_pipeline, "requests behind one another are told apart, and a broken one ends them")
{
    char wire[WIRE_BYTES_MAX];
    size_t good = 0;

    for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++)
        if (rows[k].status == 0)
            good++;
    for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
        size_t len = 0;
        struct verdict verdict;

        if (rows[k].status == 0)
            continue;
        for (size_t g = 0; g < sizeof(rows) / sizeof(*rows); g++)
            if (rows[g].status == 0)
                len += (size_t)snprintf(wire + len, sizeof(wire) - len, "%s", rows[g].bytes);
        memcpy(wire + len, rows[k].bytes, rows[k].len);
        len += rows[k].len;
        verdict = judge(wire, len, len, len);
        CHECK_EQ_INT(verdict.requests, good);
        CHECK(verdict.refusal);
        CHECK_SAY(same(verdict, judge(wire, len, 0, 7)), "row %zu in pieces of 7", k);
    }
}

/* before, then count times again, then after: is it refused, and why? */
static const char *code_of(const char *before, const char *again, int count, const char *after)
{
    char *wire = malloc(WIRE_BYTES_MAX * 8);
    size_t len = 0;
    struct verdict verdict;

    CHECK(wire);
    len = (size_t)snprintf(wire, WIRE_BYTES_MAX, "%s", before);
    for (int k = 0; k < count; k++) {
        memcpy(wire + len, again, strlen(again));
        len += strlen(again);
    }
    memcpy(wire + len, after, strlen(after));
    len += strlen(after);
    CHECK(len < (size_t)WIRE_BYTES_MAX * 8);
    verdict = judge_cut(wire, len);
    free(wire);
    CHECK(verdict.refusal || verdict.requests == 1);
    return verdict.refusal ? verdict.refusal->code : "";
}

TEST(framing_limits, "each limit lets pass what it says and refuses one more")
{
    int head = HEAD_BYTES_MAX - (int)strlen(GET HOST "X: \r\n" END);
    int trailer = FRAMING_TRAILER_BYTES_MAX - (int)strlen("X: \r\n" END);
    const char *chunked = POST HOST "Transfer-Encoding: chunked\r\n" END;

    CHECK_EQ_STR(code_of(GET HOST "X: ", "a", head, "\r\n" END), "");
    CHECK_EQ_STR(code_of(GET HOST "X: ", "a", head + 1, "\r\n" END), "head_too_large");
    CHECK_EQ_STR(code_of(GET HOST, "a:\r\n", FRAMING_HEADERS_MAX - 1, END), "");
    CHECK_EQ_STR(code_of(GET HOST, "a:\r\n", FRAMING_HEADERS_MAX, END), "too_many_headers");
    CHECK_EQ_STR(code_of("GET /", "a", FRAMING_TARGET_BYTES_MAX - 1, " HTTP/1.1\r\n" HOST END), "");
    CHECK_EQ_STR(code_of("GET /", "a", FRAMING_TARGET_BYTES_MAX, " HTTP/1.1\r\n" HOST END),
                 "target_too_long");
    CHECK_EQ_STR(code_of("GET /?a", "&a", FRAMING_PARAMETERS_MAX - 1, " HTTP/1.1\r\n" HOST END),
                 "");
    CHECK_EQ_STR(code_of("GET /?a", "&a", FRAMING_PARAMETERS_MAX, " HTTP/1.1\r\n" HOST END),
                 "too_many_parameters");
    CHECK_EQ_STR(code_of(POST HOST "Transfer-Encoding: chunked\r\n" END "1;", "e",
                         FRAMING_EXTENSION_BYTES_MAX, "\r\na\r\n0\r\n\r\n"),
                 "");
    CHECK_EQ_STR(code_of(POST HOST "Transfer-Encoding: chunked\r\n" END "1;", "e",
                         FRAMING_EXTENSION_BYTES_MAX + 1, "\r\na\r\n0\r\n\r\n"),
                 "chunk_extension");
    CHECK_EQ_STR(code_of(POST HOST "Transfer-Encoding: chunked\r\n" END "0\r\nX: ", "t", trailer,
                         "\r\n" END),
                 "");
    CHECK_EQ_STR(code_of(POST HOST "Transfer-Encoding: chunked\r\n" END "0\r\nX: ", "t",
                         trailer + 1, "\r\n" END),
                 "head_too_large");
    CHECK_EQ_STR(code_of(chunked, "2\r\nab\r\n", 1000, "0\r\n\r\n"), "");
}

TEST(framing_stages, "the stage tells an idle connection from one in the middle of a request")
{
    struct framing f;

    framing_open(&f, HEAD_BYTES_MAX);
    CHECK_EQ_INT(framing_stage(&f), FRAMING_IDLE);
    CHECK_EQ_INT(framing_feed(&f, "\r", 1), 1);
    CHECK_EQ_INT(framing_stage(&f), FRAMING_HEAD);
    CHECK_EQ_INT(framing_feed(&f, BYTES("\n" POST HOST "Content-Length: 2\r\n\r\n")),
                 sizeof("\n" POST HOST "Content-Length: 2\r\n\r\n") - 1);
    CHECK_EQ_INT(framing_stage(&f), FRAMING_BODY);
    CHECK_EQ_INT(framing_feed(&f, BYTES("abGET")), 2);
    CHECK_EQ_INT(framing_stage(&f), FRAMING_DONE);
    CHECK_EQ_INT(framing_feed(&f, BYTES("GET")), 0);
    framing_next(&f);
    CHECK_EQ_INT(framing_stage(&f), FRAMING_IDLE);
}
