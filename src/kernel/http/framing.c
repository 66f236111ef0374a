/*
 * framing.c - the machine itself, and bodies: by length or in chunks.
 */
#include "kernel/http/framing_priv.h"

#include <assert.h>

const struct refusal refusal_bare_cr = {400, "bare_cr", "Lines end in CR LF; a CR stood alone."};
const struct refusal refusal_bare_lf = {400, "bare_lf", "Lines end in CR LF; an LF stood alone."};

REFUSAL(large_head, 431, "head_too_large", "Send fewer or shorter headers.");
REFUSAL(bad_chunk, 400, "bad_chunk", "A chunk is a hexadecimal size, CR LF, the bytes, CR LF.");
REFUSAL(large_chunk, 400, "chunk_size", "A chunk size is below 2^63.");
REFUSAL(long_extension, 400, "chunk_extension", "Send chunks without extensions.");

uint8_t framing_classes[256];

/* Before main, so that no thread ever sees half a table. */
__attribute__((constructor)) static void classes_fill(void)
{
    for (int c = 0; c < 256; c++) {
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        bool digit = c >= '0' && c <= '9';

        if (letter || digit)
            framing_classes[c] |= TOKEN | AUTHORITY;
        if (c > ' ' && c < 127)
            framing_classes[c] |= SHOWN | FIELD;
        if (c == ' ' || c == '\t' || c > 127)
            framing_classes[c] |= FIELD;
    }
    for (const char *c = "!#$%&'*+-.^_`|~"; *c; c++)
        framing_classes[(uint8_t)*c] |= TOKEN;
    for (const char *c = "-._~:[]%"; *c; c++)
        framing_classes[(uint8_t)*c] |= AUTHORITY;
}

/* ---- The body ---- */

static const char *step_data(struct framing *f, const char *at, const char *end)
{
    uint64_t here = (uint64_t)(end - at);
    uint64_t taken = here < f->left ? here : f->left;

    f->left -= taken;
    if (f->left == 0)
        go(f, f->state == BODY ? DONE : CHUNK_CR);
    return at + taken;
}

static const char *step_chunk_size(struct framing *f, const char *at, const char *end)
{
    enum { DIGITS_MAX = 16 };

    if (f->digits == 0)
        f->left = 0;
    for (; at < end && hex_digit(*at) >= 0; at++) {
        if (f->digits == DIGITS_MAX || f->left > INT64_MAX >> 4)
            return refuse(f, &large_chunk, at);
        f->left = f->left << 4 | (uint64_t)hex_digit(*at);
        f->digits++;
    }
    if (at == end)
        return at;
    if (f->digits == 0 || (*at != '\r' && *at != ';'))
        return refuse_byte(f, &bad_chunk, at);
    f->budget_bytes = FRAMING_EXTENSION_BYTES_MAX;
    go(f, *at == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION);
    return at + 1;
}

static const char *step_chunk_extension(struct framing *f, const char *at, const char *end)
{
    for (; at < end && is(*at, FIELD); at++)
        if (f->budget_bytes-- == 0)
            return refuse(f, &long_extension, at);
    if (at == end)
        return at;
    if (*at != '\r')
        return refuse_byte(f, &bad_chunk, at);
    go(f, CHUNK_SIZE_LF);
    return at + 1;
}

static const char *step_chunk_size_lf(struct framing *f, const char *at, const char *end)
{
    (void)end;
    f->digits = 0;
    if (f->left > 0)
        return expect_lf(f, at, CHUNK_DATA);
    f->trailer = true;
    f->headers = 0;
    f->budget_bytes = FRAMING_TRAILER_BYTES_MAX;
    return expect_lf(f, at, NAME_FIRST);
}

static const char *step_chunk_cr(struct framing *f, const char *at, const char *end)
{
    (void)end;
    if (*at != '\r')
        return refuse_byte(f, &bad_chunk, at);
    go(f, CHUNK_LF);
    return at + 1;
}

static const char *step_chunk_lf(struct framing *f, const char *at, const char *end)
{
    (void)end;
    return expect_lf(f, at, CHUNK_SIZE);
}

/* ---- The machine ---- */

static framing_step *const steps[STATES] = {
    [START] = step_start,
    [START_LF] = step_start_lf,
    [METHOD] = step_method,
    [TARGET] = step_target,
    [VERSION] = step_version,
    [LINE_LF] = step_line_lf,
    [NAME_FIRST] = step_name_first,
    [NAME] = step_name,
    [VALUE_FIRST] = step_value_first,
    [VALUE] = step_value,
    [VALUE_LF] = step_value_lf,
    [HEAD_LF] = step_head_lf,
    [BODY] = step_data,
    [CHUNK_SIZE] = step_chunk_size,
    [CHUNK_EXTENSION] = step_chunk_extension,
    [CHUNK_SIZE_LF] = step_chunk_size_lf,
    [CHUNK_DATA] = step_data,
    [CHUNK_CR] = step_chunk_cr,
    [CHUNK_LF] = step_chunk_lf,
};

void framing_open(struct framing *f, size_t head_bytes_max)
{
    *f = (struct framing){.head_bytes_max = head_bytes_max, .budget_bytes = head_bytes_max};
}

void framing_next(struct framing *f)
{
    assert(f->state == DONE);
    framing_open(f, f->head_bytes_max);
}

/* One step inside the head or the trailers, where every byte is paid from the budget: a step sees
 * no further than the budget reaches, so that pieces do not change the verdict. */
static const char *head_step(struct framing *f, const char *at, const char *end)
{
    const char *next;

    if (f->budget_bytes == 0)
        return refuse(f, &large_head, at);
    if ((size_t)(end - at) > f->budget_bytes)
        end = at + f->budget_bytes;
    next = steps[f->state](f, at, end);
    f->budget_bytes -= f->state < BODY || f->state == DONE ? (size_t)(next - at) : 0;
    return next;
}

size_t framing_feed(struct framing *f, const char *bytes, size_t len)
{
    const char *at = bytes;
    const char *end = bytes + len;

    while (at < end && f->state != DONE && !f->refusal)
        at = f->state < BODY ? head_step(f, at, end) : steps[f->state](f, at, end);
    return (size_t)(at - bytes);
}

enum framing_stage framing_stage(const struct framing *f)
{
    if (f->state == DONE)
        return FRAMING_DONE;
    if (f->state == START)
        return FRAMING_IDLE;
    return f->state < BODY && !f->trailer ? FRAMING_HEAD : FRAMING_BODY;
}
