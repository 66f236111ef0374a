/*
 * bucket.c - hashes and ranges of experiments.
 */
#include "kernel/rule/bucket.h"

#include <stdio.h>

enum { BUCKETS_V1 = 1000, BUCKETS_V2 = 10000 };

#define FNV_BASIS 0x811c9dc5u
#define FNV_PRIME 0x01000193u
/* Weights are typed by people: a third is 0.33 or 0.333. */
#define WEIGHTS_LEAST 0.99
#define WEIGHTS_MOST  1.01

/* Valid UTF-8 to the next code point. */
static uint32_t next_point(struct str *rest)
{
    const unsigned char *p = (const unsigned char *)rest->ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t point = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));

    if (len > rest->len)
        len = rest->len;
    for (size_t k = 1; k < len; k++)
        point = point << 6 | (p[k] & 0x3f);
    rest->ptr += len;
    rest->len -= len;
    return point;
}

static uint32_t fnv_unit(uint32_t hash, uint32_t unit)
{
    return (hash ^ unit) * FNV_PRIME;
}

static uint32_t fnv(uint32_t hash, struct str text)
{
    while (text.len > 0) {
        uint32_t point = next_point(&text);

        if (point >= 0x10000) {
            hash = fnv_unit(hash, 0xd7c0 + (point >> 10));
            point = 0xdc00 + (point & 0x3ff);
        }
        hash = fnv_unit(hash, point);
    }
    return hash;
}

bool bucket_hash(struct str seed, struct str value, int64_t version, double *out)
{
    char digits[16];
    int len;

    if (version == 1) {
        *out = (double)(fnv(fnv(FNV_BASIS, value), seed) % BUCKETS_V1) / BUCKETS_V1;
        return true;
    }
    if (version != 2)
        return false;
    len = snprintf(digits, sizeof(digits), "%u", fnv(fnv(FNV_BASIS, seed), value));
    *out = (double)(fnv(FNV_BASIS, (struct str){digits, (size_t)len}) % BUCKETS_V2) / BUCKETS_V2;
    return true;
}

static bool weights_fit(const double *weights, size_t count)
{
    double sum = 0;

    for (size_t k = 0; weights && k < count; k++)
        sum += weights[k];
    return weights && sum >= WEIGHTS_LEAST && sum <= WEIGHTS_MOST;
}

void bucket_ranges(struct bucket_range *out, size_t count, double coverage, const double *weights)
{
    double begin = 0;
    bool fit = weights_fit(weights, count);

    coverage = coverage < 0 ? 0 : coverage > 1 ? 1 : coverage;
    for (size_t k = 0; k < count; k++) {
        double weight = fit ? weights[k] : 1 / (double)count;

        out[k] = (struct bucket_range){begin, begin + coverage * weight};
        begin += weight;
    }
}

int64_t bucket_choose(double n, const struct bucket_range *ranges, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (n >= ranges[k].begin && n < ranges[k].end)
            return (int64_t)k;
    return -1;
}

bool bucket_in_namespace(struct cx *cx, struct str value, struct str name, struct bucket_range part)
{
    double n;
    struct text seed = {cx_alloc(cx, name.len + 3), 0, name.len + 3, false};

    text_add(&seed, STR("__"));
    text_add(&seed, name);
    return bucket_hash((struct str){seed.ptr, seed.len}, value, 1, &n) &&
           bucket_choose(n, &part, 1) == 0;
}
