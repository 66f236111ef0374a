/*
 * money_test.c - splits against a slow and obvious reference, and arithmetic at the ends of int64.
 */
#include "kernel/base/money.h"

#include "test/kit/test.h"

enum { PARTS_MAX = 40 };

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Hamilton as the book has it: whole shares first, then one unit to the largest remainder left. */
static void reference_split(int64_t total, const int64_t *weights, size_t count, int64_t *out)
{
    __int128 magnitude = total < 0 ? -(__int128)total : total, whole = 0, given = 0;
    __int128 parts[PARTS_MAX], remainders[PARTS_MAX];

    for (size_t k = 0; k < count; k++)
        whole += weights[k];
    for (size_t k = 0; k < count; k++) {
        __int128 product = magnitude * (whole ? weights[k] : 1);

        parts[k] = product / (whole ? whole : (__int128)count);
        remainders[k] = product % (whole ? whole : (__int128)count);
        given += parts[k];
    }
    for (; given < magnitude; given++) {
        size_t best = 0;

        for (size_t k = 1; k < count; k++)
            best = remainders[k] > remainders[best] ? k : best;
        parts[best]++;
        remainders[best] = -1;
    }
    for (size_t k = 0; k < count; k++)
        out[k] = (int64_t)(total < 0 ? -parts[k] : parts[k]);
}

static void check_split(int64_t total, const int64_t *weights, size_t count)
{
    int64_t parts[PARTS_MAX], expected[PARTS_MAX];
    __int128 sum = 0;

    money_split(total, weights, count, parts);
    reference_split(total, weights, count, expected);
    for (size_t k = 0; k < count; k++) {
        CHECK_EQ_INT(parts[k], expected[k]);
        sum += parts[k];
    }
    CHECK(sum == total);
}

TEST(money_split_random, "a split adds up, is fair to the unit, and equals the textbook's")
{
    uint64_t state = 88172645463325252U;
    int64_t weights[PARTS_MAX];

    for (int round = 0; round < 20000; round++) {
        size_t count = next_random(&state) % PARTS_MAX + 1;
        int weight_shift = (int)(next_random(&state) % 63) + 1;
        int64_t total = (int64_t)next_random(&state) >> next_random(&state) % 64;

        for (size_t k = 0; k < count; k++)
            weights[k] = (int64_t)(next_random(&state) >> weight_shift);
        if (round % 10 == 0)
            memset(weights, 0, sizeof(weights));
        check_split(total, weights, count);
    }
}

TEST(money_split_extremes, "a split holds at the ends of int64")
{
    static const int64_t totals[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    static const int64_t weights[][4] = {
        {0, 0, 0, 0},         {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX},
        {INT64_MAX, 0, 0, 1}, {1, INT64_MAX, INT64_MAX - 1, 0},
        {1, 1, 1, 1},         {0, 0, 7, 0},
    };

    for (size_t t = 0; t < sizeof(totals) / sizeof(totals[0]); t++)
        for (size_t w = 0; w < sizeof(weights) / sizeof(weights[0]); w++)
            for (size_t count = 1; count <= 4; count++)
                check_split(totals[t], weights[w], count);
}

TEST(money_split_ties, "equal remainders go to the earlier part")
{
    int64_t parts[3];

    money_split(100, (int64_t[]){1, 1, 1}, 3, parts);
    CHECK_EQ_INT(parts[0], 34);
    CHECK_EQ_INT(parts[1], 33);
    CHECK_EQ_INT(parts[2], 33);
    money_split(-5, (int64_t[]){1, 1, 1}, 3, parts);
    CHECK_EQ_INT(parts[0], -2);
    CHECK_EQ_INT(parts[1], -2);
    CHECK_EQ_INT(parts[2], -1);
    money_split(2, (int64_t[]){0, 0, 0}, 3, parts);
    CHECK_EQ_INT(parts[0], 1);
    CHECK_EQ_INT(parts[1], 1);
    CHECK_EQ_INT(parts[2], 0);
}

TEST(money_split_many, "ten thousand parts are split at once")
{
    static int64_t weights[10000], parts[10000];
    int64_t sum = 0;

    for (int k = 0; k < 10000; k++)
        weights[k] = 1 + k % 997;
    money_split(INT64_C(999999999999999), weights, 10000, parts);
    for (int k = 0; k < 10000; k++)
        sum += parts[k];
    CHECK_EQ_INT(sum, INT64_C(999999999999999));
}

TEST(money_share_rounds, "a share is rounded half up in magnitude, exactly")
{
    CHECK_EQ_INT(money_share(100, 1, 3), 33);
    CHECK_EQ_INT(money_share(100, 2, 3), 67);
    CHECK_EQ_INT(money_share(5, 1, 2), 3);
    CHECK_EQ_INT(money_share(-5, 1, 2), -3);
    CHECK_EQ_INT(money_share(5, -1, 2), -3);
    CHECK_EQ_INT(money_share(0, 7, 9), 0);
    CHECK_EQ_INT(money_share(INT64_MAX, INT64_MAX, INT64_MAX), INT64_MAX);
    CHECK_EQ_INT(money_share(INT64_MIN, INT64_MAX, INT64_MAX), INT64_MIN);
    CHECK_EQ_INT(money_share(INT64_MAX, 1, 2), INT64_C(4611686018427387904));
}

TEST(money_overflow, "a sum or product that does not fit says so")
{
    int64_t out;

    CHECK(money_add(INT64_MAX, 0, &out));
    CHECK(!money_add(INT64_MAX, 1, &out));
    CHECK(!money_add(INT64_MIN, -1, &out));
    CHECK(money_mul(MONEY_MINOR_MAX, 9223, &out));
    CHECK_EQ_INT(out, MONEY_MINOR_MAX * 9223);
    CHECK(!money_mul(MONEY_MINOR_MAX, 9224, &out));
    CHECK(!money_mul(INT64_MIN, -1, &out));
}

TEST(currency_codes, "a currency is three capital letters")
{
    CHECK(currency_ok(STR("CNY")));
    CHECK(currency_ok(STR("AZZ")));
    CHECK(!currency_ok(STR("")));
    CHECK(!currency_ok(STR("CN")));
    CHECK(!currency_ok(STR("CNYX")));
    CHECK(!currency_ok(STR("cny")));
    CHECK(!currency_ok(STR("CN@")));
    CHECK(!currency_ok(STR("CN[")));
    CHECK(!currency_ok((struct str){0}));
}
