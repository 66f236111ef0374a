/*
 * framing_line.c - the request line: method, target, version.
 *
 * A fault that is no matter of bytes (an unknown method, a path with "..") is said at the end of
 * the line: only then is it known whether the client speaks HTTP/1.1 at all.
 */
#include "kernel/http/framing_priv.h"

REFUSAL(bad_line, 400, "bad_request_line",
        "A request begins with METHOD, one space, a path, one space, HTTP/1.1 and CR LF.");
REFUSAL(bad_method, 501, "method_not_implemented",
        "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.");
REFUSAL(bad_version, 505, "http_version", "Use HTTP/1.1 or HTTP/1.0.");
REFUSAL(long_target, 414, "target_too_long", "Path and query may have 4096 bytes.");
REFUSAL(many_parameters, 414, "too_many_parameters", "A query may have 64 parameters.");
REFUSAL(asterisk, 501, "asterisk_form", "Ask for a path; this server has no answer to \"*\".");
REFUSAL(not_origin, 400, "target_form",
        "The request target begins with \"/\": no scheme, no authority.");
REFUSAL(bad_target, 400, "bad_target",
        "A request target is printable ASCII; percent-encode everything else.");
REFUSAL(bad_escape, 400, "bad_escape", "\"%\" is followed by two hexadecimal digits.");
REFUSAL(control_escape, 400, "control_in_path", "Control characters have no place in a path.");
REFUSAL(backslash, 400, "backslash", "Path segments are separated by \"/\", not by a backslash.");
REFUSAL(dot_segment, 400, "dot_segment", "Send the path with \".\" and \"..\" resolved.");

const char *step_start(struct framing *f, const char *at, const char *end)
{
    (void)end;
    /* RFC 9112 2.2: one empty line before a request is forgiven. */
    if (*at == '\r') {
        f->state = START_LF;
        return at + 1;
    }
    go(f, METHOD);
    return at;
}

const char *step_start_lf(struct framing *f, const char *at, const char *end)
{
    (void)end;
    return expect_lf(f, at, METHOD);
}

const char *step_method(struct framing *f, const char *at, const char *end)
{
    static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                          "PATCH", "DELETE", "OPTIONS"};

    for (; at < end && is(*at, TOKEN); at++)
        word_add(f, *at);
    if (at == end)
        return at;
    if (*at != ' ' || f->word_len == 0)
        return refuse_byte(f, &bad_line, at);
    pend(f, &bad_method);
    for (size_t k = 0; k < sizeof(methods) / sizeof(*methods); k++)
        if (f->word_len == strlen(methods[k]) && memcmp(f->word, methods[k], f->word_len) == 0)
            f->pending = NULL;
    go(f, TARGET);
    return at + 1;
}

static void segment_end(struct framing *f)
{
    if (f->segment_bytes == f->segment_dots && f->segment_dots > 0 && f->segment_dots <= 2)
        pend(f, &dot_segment);
    f->segment_bytes = f->segment_dots = 0;
}

/* One byte of the path, after decoding: "%2e%2e" and "%2F" hide nothing. */
static void path_byte(struct framing *f, uint8_t c)
{
    if (c < ' ' || c == 127)
        pend(f, &control_escape);
    if (c == '\\')
        pend(f, &backslash);
    if (c == '/') {
        segment_end(f);
        return;
    }
    if (f->segment_bytes < UINT8_MAX)
        f->segment_bytes++;
    if (c == '.' && f->segment_dots < UINT8_MAX)
        f->segment_dots++;
}

static void escape_byte(struct framing *f, char c)
{
    int digit = hex_digit(c);

    f->escape--;
    if (digit < 0) {
        pend(f, &bad_escape);
        f->escape = 0;
        return;
    }
    f->escaped = (uint8_t)(f->escaped << 4 | digit);
    if (f->escape == 0 && !f->query)
        path_byte(f, f->escaped);
}

static void target_byte(struct framing *f, char c)
{
    if (f->escape) {
        escape_byte(f, c);
    } else if (c == '%') {
        f->escape = 2;
        f->escaped = 0;
    } else if (c == '#') {
        pend(f, &bad_target);
    } else if (f->query) {
        if (c == '&' && f->parameters < FRAMING_PARAMETERS_MAX)
            f->parameters++;
        if (f->parameters == FRAMING_PARAMETERS_MAX)
            pend(f, &many_parameters);
    } else if (c == '?') {
        segment_end(f);
        f->query = true;
    } else {
        path_byte(f, (uint8_t)c);
    }
}

const char *step_target(struct framing *f, const char *at, const char *end)
{
    if (f->target_bytes == 0 && *at != '/')
        pend(f, *at == '*' ? &asterisk : &not_origin);
    for (; at < end && is(*at, SHOWN); at++) {
        if (++f->target_bytes > FRAMING_TARGET_BYTES_MAX)
            return refuse(f, &long_target, at);
        target_byte(f, *at);
    }
    if (at == end)
        return at;
    if (*at == '\r') /* HTTP/0.9 ends here. */
        return refuse(f, &bad_version, at);
    if (*at != ' ' || f->target_bytes == 0)
        return refuse_byte(f, f->target_bytes == 0 ? &bad_line : &bad_target, at);
    if (f->escape)
        pend(f, &bad_escape);
    if (!f->query)
        segment_end(f);
    go(f, VERSION);
    return at + 1;
}

const char *step_version(struct framing *f, const char *at, const char *end)
{
    static const char shape[] = "HTTP/d.d";

    for (; at < end && f->word_len < sizeof(shape) - 1; at++) {
        char wanted = shape[f->word_len];

        if (wanted == 'd' ? *at < '0' || *at > '9' : *at != wanted)
            return refuse_byte(f, &bad_line, at);
        word_add(f, *at);
    }
    if (at == end)
        return at;
    if (*at != '\r')
        return refuse_byte(f, &bad_line, at);
    if (!word_is(f, "HTTP/1.1") && !word_is(f, "HTTP/1.0"))
        return refuse(f, &bad_version, at);
    f->old = f->word[7] == '0';
    go(f, LINE_LF);
    return at + 1;
}

const char *step_line_lf(struct framing *f, const char *at, const char *end)
{
    (void)end;
    if (*at == '\n' && f->pending)
        return refuse(f, f->pending, at);
    return expect_lf(f, at, NAME_FIRST);
}
