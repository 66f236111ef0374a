/*
 * net.c - reading and writing addresses.
 */
#include "kernel/rule/net.h"

#include <arpa/inet.h>
#include <string.h>

enum { V4_BITS = 32, V6_BITS = 128, WORDS = 8, MAPPED_BYTES = 12 };

static const unsigned char MAPPED[MAPPED_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool rule_read_ip(struct str text, struct rule_net *out)
{
    char copy[RULE_NET_TEXT_MAX];

    *out = (struct rule_net){.v4 = true};
    if (!text.len || text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (inet_pton(AF_INET, copy, out->bytes) == 1)
        return true;
    out->v4 = false;
    if (inet_pton(AF_INET6, copy, out->bytes) != 1)
        return false;
    if (memcmp(out->bytes, MAPPED, sizeof(MAPPED)) != 0)
        return true;
    memmove(out->bytes, out->bytes + MAPPED_BYTES, 4);
    memset(out->bytes + 4, 0, MAPPED_BYTES);
    out->v4 = true;
    return !memchr(text.ptr, '.', text.len);
}

bool rule_read_cidr(struct str text, struct rule_net *out)
{
    struct str rest = text, address, bits;
    int64_t count;

    if (!memchr(text.ptr ? text.ptr : "", '/', text.len) || !str_cut(&rest, '/', &address))
        return false;
    bits = rest;
    if (!bits.len || bits.ptr[0] == '-' || (bits.len > 1 && bits.ptr[0] == '0') ||
        !str_int(bits, &count) || !rule_read_ip(address, out))
        return false;
    /* A prefix of mapped addresses has no spelling of its own. */
    if (out->v4 && memchr(address.ptr, ':', address.len))
        return false;
    out->bits = (uint8_t)count;
    return count >= 0 && count <= (out->v4 ? V4_BITS : V6_BITS);
}

/* The longest run of zero words, of two or more, becomes "::". */
static void longest_zeros(const unsigned words[WORDS], int *from, int *len)
{
    *from = -1;
    *len = 1;
    for (int k = 0; k < WORDS; k++) {
        int run = 0;

        while (k + run < WORDS && !words[k + run])
            run++;
        if (run > *len) {
            *from = k;
            *len = run;
        }
        k += run;
    }
}

static void write_v6(struct text *out, const unsigned char *bytes)
{
    unsigned words[WORDS];
    int from, zeros;

    for (int k = 0; k < WORDS; k++)
        words[k] = (unsigned)bytes[2 * k] << 8 | bytes[2 * k + 1];
    longest_zeros(words, &from, &zeros);
    for (int k = 0; k < WORDS; k++) {
        if (k == from) {
            text_add(out, STR("::"));
            k += zeros - 1;
            continue;
        }
        text_addf(out, "%s%x", k && k != from + zeros ? ":" : "", words[k]);
    }
}

size_t rule_write_net(char out[RULE_NET_TEXT_MAX], struct rule_value v)
{
    const unsigned char *b = v.net->bytes;
    struct text text = {out, 0, RULE_NET_TEXT_MAX - 1, false};

    if (v.net->v4)
        text_addf(&text, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
    else
        write_v6(&text, b);
    if (v.kind == RULE_CIDR)
        text_addf(&text, "/%d", v.net->bits);
    out[text.len] = 0;
    return text.len;
}
