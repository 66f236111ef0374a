/*
 * framing_fuzz.c - any bytes, cut anywhere.
 *
 * Checked: pieces do not change the verdict; a request that passed passes alone as well, and a
 * plain reading of its head finds none of what framing.h promises to refuse.
 */
#define _GNU_SOURCE
#include <string.h>
#include <strings.h>

#include "kernel/http/framing.h"
#include "test/kit/fuzz.h"

enum { HEAD_BYTES_MAX = 2048 };

/* ---- A plain reading ---- */

static int headers_named(const char *head, const char *name)
{
    int count = 0;

    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        count += strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':';
    }
    return count;
}

static void check_line_ends(const char *head, size_t len)
{
    for (size_t k = 0; k < len; k++) {
        must(head[k] != '\0', "no NUL in a head");
        must(head[k] != '\n' || (k > 0 && head[k - 1] == '\r'), "no bare LF");
        must(head[k] != '\r' || head[k + 1] == '\n', "no bare CR");
        must(k == 0 || head[k - 1] != '\n' || (head[k] != ' ' && head[k] != '\t'), "no folding");
    }
}

static void check_head(const char *head, size_t len)
{
    const char *target = strchr(head, ' ');
    bool old = strncmp(strchr(target + 1, ' '), " HTTP/1.0\r\n", 11) == 0;

    check_line_ends(head, len);
    must(target[1] == '/', "origin form");
    must(old || strncmp(strchr(target + 1, ' '), " HTTP/1.1\r\n", 11) == 0, "a version we speak");
    must(headers_named(head, "Host") + old >= 1, "a host");
    must(headers_named(head, "Host") <= 1, "one host");
    must(headers_named(head, "Content-Length") + headers_named(head, "Transfer-Encoding") <= 1,
         "one framing");
    must(len <= HEAD_BYTES_MAX, "the limit of a head");
}

/* ---- The machine ---- */

struct outcome {
    size_t requests, used;
    const struct refusal *refusal;
    enum framing_stage stage;
};

/* Feed pieces of step bytes; 0: all at once. */
static struct outcome run(const char *bytes, size_t len, size_t step)
{
    struct outcome outcome = {0};
    struct framing f;

    framing_open(&f, HEAD_BYTES_MAX);
    while (outcome.used < len && !f.refusal) {
        size_t left = len - outcome.used;
        size_t piece = step && step < left ? step : left;
        size_t taken = framing_feed(&f, bytes + outcome.used, piece);

        must(taken <= piece, "no more than given");
        must(taken == piece || f.refusal || framing_stage(&f) == FRAMING_DONE, "no less");
        outcome.used += taken;
        if (framing_stage(&f) == FRAMING_DONE) {
            outcome.requests++;
            framing_next(&f);
        }
    }
    outcome.refusal = f.refusal;
    outcome.stage = framing_stage(&f);
    return outcome;
}

/* Take the requests that pass one by one. */
static void check_requests(const char *bytes, size_t len)
{
    struct framing f;
    size_t from = 0;
    size_t used = 0;

    framing_open(&f, HEAD_BYTES_MAX);
    while (used < len && !f.refusal) {
        used += framing_feed(&f, bytes + used, len - used);
        if (framing_stage(&f) == FRAMING_DONE) {
            struct outcome alone = run(bytes + from, used - from, 0);
            const char *skip = bytes + from + (bytes[from] == '\r' ? 2 : 0);
            const char *end = memmem(skip, (size_t)(bytes + used - skip), "\r\n\r\n", 4);
            char head[HEAD_BYTES_MAX + 1];

            must(alone.requests == 1, "a request stands alone");
            must(alone.used == used - from, "of the same length");
            must(end, "a head ends");
            memcpy(head, skip, (size_t)(end - skip) + 4);
            head[end - skip + 4] = '\0';
            check_head(head, (size_t)(end - skip) + 4);
            from = used;
            framing_next(&f);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct outcome whole = run(bytes, size, 0);

    for (size_t step = 1; step <= 7; step += 3) {
        struct outcome pieces = run(bytes, size, step);

        must(pieces.requests == whole.requests, "the same requests in pieces");
        must(pieces.refusal == whole.refusal, "the same refusal in pieces");
        must(pieces.refusal || pieces.stage == whole.stage, "the same stage in pieces");
    }
    check_requests(bytes, size);
    return 0;
}
