/*
 * framing_field.c - headers and trailers, and what they say of the body.
 */
#include "kernel/http/framing_priv.h"

/* Headers that frame the message, and those of which two would be two opinions. */
enum kind {
    OTHER,
    HOST,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    EXPECT,
    CONTENT_ENCODING,
    VALUED_KINDS,
    CONTENT_TYPE = VALUED_KINDS, /* From here on the value is not our business. */
    AUTHORIZATION,
    IDEMPOTENCY_KEY,
};

static const struct {
    const char *name;
    uint8_t len;
    enum kind kind;
} known[] = {
    {"host", 4, HOST},
    {"content-length", 14, CONTENT_LENGTH},
    {"transfer-encoding", 17, TRANSFER_ENCODING},
    {"expect", 6, EXPECT},
    {"content-encoding", 16, CONTENT_ENCODING},
    {"content-type", 12, CONTENT_TYPE},
    {"authorization", 13, AUTHORIZATION},
    {"idempotency-key", 15, IDEMPOTENCY_KEY},
};

REFUSAL(many_headers, 431, "too_many_headers", "A request may have 64 headers.");
REFUSAL(folded, 400, "folded_header", "A header is one line; folding is obsolete.");
REFUSAL(bad_name, 400, "bad_header_name", "A header is a name, a colon and a value.");
REFUSAL(space_before_colon, 400, "space_before_colon",
        "No space stands between a header's name and its colon.");
REFUSAL(control_byte, 400, "control_in_header", "Header values have no control characters.");
REFUSAL(twice, 400, "duplicate_header",
        "Host, Content-Length, Content-Type, Authorization, Expect, Transfer-Encoding and "
        "Idempotency-Key are sent once.");
REFUSAL(no_host, 400, "host_missing", "HTTP/1.1 requires the header Host.");
REFUSAL(bad_host, 400, "bad_host", "Host is a name or an address, perhaps with a port.");
REFUSAL(bad_length, 400, "bad_content_length", "Content-Length is a decimal number below 2^63.");
REFUSAL(two_framings, 400, "length_and_encoding",
        "Send Content-Length or Transfer-Encoding, not both.");
REFUSAL(old_encoding, 400, "encoding_in_http_1_0", "HTTP/1.0 has no Transfer-Encoding.");
REFUSAL(odd_chunked, 400, "bad_transfer_encoding", "Transfer-Encoding is \"chunked\" alone.");
REFUSAL(bad_encoding, 501, "transfer_encoding_not_implemented",
        "The only Transfer-Encoding understood is \"chunked\".");
REFUSAL(bad_expect, 417, "expectation", "The only expectation understood is \"100-continue\".");
REFUSAL(idle_expect, 417, "expectation_without_body",
        "Expect: 100-continue announces a body; send one, or not the expectation.");
REFUSAL(bad_content, 415, "content_encoding", "Send the body without Content-Encoding.");

const char *step_name_first(struct framing *f, const char *at, const char *end)
{
    (void)end;
    if (*at == '\r') {
        go(f, HEAD_LF);
        return at + 1;
    }
    if (*at == ' ' || *at == '\t')
        return refuse(f, &folded, at);
    if (f->headers == FRAMING_HEADERS_MAX)
        return refuse(f, &many_headers, at);
    f->headers++;
    go(f, NAME);
    return at;
}

static enum kind name_kind(const struct framing *f)
{
    if (f->trailer)
        return OTHER; /* A trailer frames nothing and is not shown to anyone. */
    for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
        if (f->word_len == known[k].len && strncasecmp(f->word, known[k].name, f->word_len) == 0)
            return known[k].kind;
    return OTHER;
}

const char *step_name(struct framing *f, const char *at, const char *end)
{
    unsigned bit;

    for (; at < end && is(*at, TOKEN); at++)
        word_add(f, *at);
    if (at == end)
        return at;
    if (f->word_len > 0 && (*at == ' ' || *at == '\t'))
        return refuse(f, &space_before_colon, at);
    if (*at != ':' || f->word_len == 0)
        return refuse_byte(f, &bad_name, at);
    f->kind = (uint8_t)name_kind(f);
    bit = 1u << f->kind;
    if (f->kind != OTHER && f->kind != CONTENT_ENCODING && f->seen & bit)
        return refuse(f, &twice, at);
    f->seen |= (uint16_t)bit;
    go(f, VALUE_FIRST);
    return at + 1;
}

const char *step_value_first(struct framing *f, const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at < end)
        go(f, VALUE);
    return at;
}

const char *step_value(struct framing *f, const char *at, const char *end)
{
    if (f->kind == OTHER || f->kind >= VALUED_KINDS) {
        while (at < end && is(*at, FIELD))
            at++;
    } else {
        for (; at < end && is(*at, FIELD); at++) {
            if (f->kind == HOST && !is(*at, AUTHORITY))
                return refuse(f, &bad_host, at);
            word_add(f, *at);
        }
    }
    if (at == end)
        return at;
    if (*at != '\r')
        return refuse_byte(f, &control_byte, at);
    f->state = VALUE_LF; /* The word stays: it is judged at the line feed. */
    return at + 1;
}

static bool word_has(const struct framing *f, const char *text)
{
    size_t kept = f->word_len < FRAMING_WORD_BYTES ? f->word_len : FRAMING_WORD_BYTES;
    size_t len = strlen(text);

    for (size_t k = 0; k + len <= kept; k++)
        if (strncasecmp(f->word + k, text, len) == 0)
            return true;
    return false;
}

static const struct refusal *judge_length(struct framing *f)
{
    enum { DIGITS_MAX = 19 }; /* Of 2^63 - 1. */

    if (f->word_len == 0 || f->word_len > DIGITS_MAX)
        return &bad_length;
    f->left = 0;
    for (int k = 0; k < f->word_len; k++) {
        if (f->word[k] < '0' || f->word[k] > '9')
            return &bad_length;
        f->left = f->left * 10 + (uint64_t)(f->word[k] - '0');
    }
    return f->left > INT64_MAX ? &bad_length : NULL;
}

static const struct refusal *judge_value(struct framing *f)
{
    switch ((enum kind)f->kind) {
    case HOST:
        return f->word_len ? NULL : &bad_host;
    case CONTENT_LENGTH:
        return judge_length(f);
    case TRANSFER_ENCODING:
        if (word_is(f, "chunked"))
            return NULL;
        return word_has(f, "chunked") ? &odd_chunked : &bad_encoding;
    case EXPECT:
        return f->old || word_is(f, "100-continue") ? NULL : &bad_expect;
    case CONTENT_ENCODING:
        return word_is(f, "identity") ? NULL : &bad_content;
    default:
        return NULL;
    }
}

const char *step_value_lf(struct framing *f, const char *at, const char *end)
{
    const struct refusal *why;

    (void)end;
    if (*at != '\n')
        return refuse(f, &refusal_bare_cr, at);
    why = judge_value(f);
    if (why)
        return refuse(f, why, at);
    go(f, NAME_FIRST);
    return at + 1;
}

static bool seen(const struct framing *f, enum kind kind)
{
    return f->seen >> kind & 1;
}

/* The whole head is known: what follows it? */
static const struct refusal *judge_head(const struct framing *f)
{
    bool body = seen(f, TRANSFER_ENCODING) || (seen(f, CONTENT_LENGTH) && f->left > 0);

    if (!f->old && !seen(f, HOST))
        return &no_host;
    if (seen(f, TRANSFER_ENCODING) && seen(f, CONTENT_LENGTH))
        return &two_framings;
    if (seen(f, TRANSFER_ENCODING) && f->old)
        return &old_encoding;
    /* RFC 9110 10.1.1 forbids it, and libmicrohttpd would answer 100 and lose the request. */
    if (seen(f, EXPECT) && !f->old && !body)
        return &idle_expect;
    return NULL;
}

const char *step_head_lf(struct framing *f, const char *at, const char *end)
{
    const struct refusal *why = f->trailer ? NULL : judge_head(f);

    (void)end;
    if (*at != '\n' || why)
        return refuse(f, *at != '\n' ? &refusal_bare_cr : why, at);
    if (!f->trailer && seen(f, TRANSFER_ENCODING))
        go(f, CHUNK_SIZE);
    else
        go(f, !f->trailer && seen(f, CONTENT_LENGTH) && f->left > 0 ? BODY : DONE);
    f->digits = 0;
    return at + 1;
}
