/*
 * agreement_test.c - framing.h and libmicrohttpd have one opinion.
 *
 * Requests with random damage are judged by framing alone and sent to a server: every request that
 * framing lets pass must be answered exactly once, and then the refusal must come.  A difference
 * would be a request that one of the two sees and the other does not.
 */
#include "kernel/http/engine_fixture.h"
#include "kernel/http/framing.h"

enum { WIRE_BYTES_MAX = 8192, HEAD_BYTES_MAX = 16 << 10 };

static const char *const good[] = {
    GET_LINE("/v1/products?kind=goods&limit=2") "X-Empty:\r\nAccept: */*\r\n\r\n",
    POST_LINE("/later") "Content-Length: 12\r\nContent-Type: text/plain\r\n\r\nGET / HTTP/1",
    POST_LINE(
        "/x") "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nT: t\r\n\r\n",
    "\r\n" GET_LINE("/a/b%20c") "Cookie: a=b; c=d\r\nX-Bytes: \xc3\xa9\t.\r\n\r\n",
    "DELETE /v1/x HTTP/1.1\r\nHost:[::1]:80\r\nContent-Length: 0\r\n\r\n",
    POST_LINE("/y") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
};

static uint64_t random_below(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

/* Change, insert or remove a byte. */
static size_t damage(uint64_t *seed, char *wire, size_t len)
{
    static const char odd[] = "\r\n \t:;,/.%?#\\+-0139afxAX\0\x01\x7f\xff";
    size_t at = random_below(seed, len);
    char byte = odd[random_below(seed, sizeof(odd) - 1)];

    switch (random_below(seed, 3)) {
    case 0:
        wire[at] = byte;
        return len;
    case 1:
        memmove(wire + at + 1, wire + at, len - at);
        wire[at] = byte;
        return len + 1;
    default:
        memmove(wire + at, wire + at + 1, len - at - 1);
        return len - 1;
    }
}

static size_t compose(uint64_t *seed, char *wire)
{
    size_t requests = 1 + random_below(seed, 3);
    size_t len = 0;

    for (size_t k = 0; k < requests; k++) {
        const char *one = good[random_below(seed, sizeof(good) / sizeof(*good))];

        memcpy(wire + len, one, strlen(one));
        len += strlen(one);
    }
    for (size_t wounds = random_below(seed, 3); wounds > 0; wounds--)
        len = damage(seed, wire, len);
    CHECK(len < WIRE_BYTES_MAX);
    return len;
}

struct expected {
    int requests;
    const struct refusal *refusal;
};

static struct expected expect(const char *wire, size_t len)
{
    struct expected expected = {0};
    struct framing f;
    size_t used = 0;

    framing_open(&f, HEAD_BYTES_MAX);
    while (used < len && !f.refusal) {
        used += framing_feed(&f, wire + used, len - used);
        if (framing_stage(&f) == FRAMING_DONE) {
            expected.requests++;
            framing_next(&f);
        }
    }
    expected.refusal = f.refusal;
    return expected;
}

/* The next final status; 0 at the end. */
static int final_status(struct client *client, bool *close)
{
    struct heard heard;

    do {
        heard = hear(client);
        *close = strcasecmp(header_in(heard.head, "Connection"), "close") == 0;
        free(heard.body);
    } while (heard.status == 100);
    return heard.status;
}

static void check_agreement(struct rig *rig, const char *wire, size_t len, uint64_t number)
{
    struct expected expected = expect(wire, len);
    struct client client;
    bool close = false;
    int answered = 0;
    int status;

    dial(&client, rig);
    say_bytes(&client, wire, len);
    shutdown(client.fd, SHUT_WR);
    while ((status = final_status(&client, &close)) == 200) {
        answered++;
        if (close) /* HTTP/1.0: what follows is not read. */
            break;
    }
    CHECK_SAY(close || answered == expected.requests, "run %d: %d answers, %d requests",
              (int)number, answered, expected.requests);
    CHECK(answered <= expected.requests);
    if (status != 200)
        CHECK_SAY(status == (expected.refusal ? expected.refusal->status : 0), "run %d: status %d",
                  (int)number, status);
    CHECK(ended_well(&client));
    CHECK_EQ_INT(client.len, 0);
    hang_up(&client);
}

TEST(framing_agrees, "every request that framing lets pass is answered once, damaged or not")
{
    enum { RUNS = 3000 };
    struct rig rig = {.options = {.idle_ms_max = 80}}; /* A short period to notice half-closes. */
    char wire[WIRE_BYTES_MAX];

    rig_start(&rig);
    for (uint64_t k = 0; k < RUNS; k++) {
        uint64_t seed = k;
        size_t len = compose(&seed, wire);

        check_agreement(&rig, wire, len, k);
    }
    rig_stop(&rig);
}
