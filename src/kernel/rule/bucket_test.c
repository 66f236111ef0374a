/*
 * bucket_test.c - known hashes, also beyond ASCII; ranges that cover and do not overlap.
 */
#include "kernel/rule/bucket.h"

#include <stdio.h>

#include "test/kit/test.h"

enum { BUDGET_BYTES = 1 << 20, SCALE = 10000 };

static int64_t scaled(const char *seed, const char *value, int64_t version)
{
    double n = -1;

    CHECK(bucket_hash(str_of(seed), str_of(value), version, &n));
    return (int64_t)(n * SCALE + 0.5);
}

TEST(bucket_hashes, "hashes are FNV-1a over UTF-16 units, so scripts and emoji agree with clients")
{
    double n;

    CHECK_EQ_INT(scaled("b", "a", 1), 9460);
    CHECK_EQ_INT(scaled("b", "a", 2), 6650);
    CHECK_EQ_INT(scaled("\u76d0", "\u7528\u6237", 1), 8080);
    CHECK_EQ_INT(scaled("\u76d0", "\u7528\u6237", 2), 701);
    CHECK_EQ_INT(scaled("s", "\U0001f600\u00e9", 1), 6240);
    CHECK_EQ_INT(scaled("s", "\U0001f600\u00e9", 2), 9734);
    CHECK(!bucket_hash(STR("s"), STR("v"), 3, &n));
}

TEST(bucket_ranges, "ranges shrink with coverage, keep their place, and fall back to equal weights")
{
    static const double uneven[] = {0.1, 0.9}, wrong[] = {0.1, 0.1};
    struct bucket_range ranges[2];

    bucket_ranges(ranges, 2, 0.5, uneven);
    CHECK_EQ_INT(bucket_choose(0.04, ranges, 2), 0);
    CHECK_EQ_INT(bucket_choose(0.06, ranges, 2), -1);
    CHECK_EQ_INT(bucket_choose(0.1, ranges, 2), 1);
    CHECK_EQ_INT(bucket_choose(0.6, ranges, 2), -1);
    bucket_ranges(ranges, 2, 7, wrong);
    CHECK_EQ_INT(bucket_choose(0.49, ranges, 2), 0);
    CHECK_EQ_INT(bucket_choose(0.5, ranges, 2), 1);
    CHECK_EQ_INT(bucket_choose(1, ranges, 2), -1);
    bucket_ranges(ranges, 2, -1, NULL);
    CHECK_EQ_INT(bucket_choose(0, ranges, 2), -1);
}

TEST(bucket_namespace, "disjoint parts of a namespace share nobody and miss nobody")
{
    const struct bucket_range low = {0, 0.4}, high = {0.4, 1};
    struct cx cx;
    char id[16];

    cx_open(&cx, env_system(), BUDGET_BYTES);
    for (int k = 0; k < 1000; k++) {
        struct str value = {id, (size_t)snprintf(id, sizeof(id), "%d", k)};

        CHECK(bucket_in_namespace(&cx, value, STR("checkout"), low) !=
              bucket_in_namespace(&cx, value, STR("checkout"), high));
    }
    cx_close(&cx);
}
