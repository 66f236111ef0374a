/*
 * id_test.c - order, layout and text of ids.
 */
#include "kernel/base/id.h"

#include "test/kit/test.h"

#define NOW_MS INT64_C(1795000000000)

TEST(id_monotonic, "ids grow when the clock stands, steps back or is left behind")
{
    static const int64_t steps_ms[] = {0, 1, 0, -1, -3600000, 5, 0, -INT64_C(3000000000000), 1000};
    struct ids ids = {.node = 6}; /* Even: an overrun of the sequence would show. */
    int64_t now_ms = NOW_MS, last = 0;

    for (int k = 0; k < 100000; k++) {
        int64_t id = id_next(&ids, now_ms);

        CHECK(id > last);
        CHECK_EQ_INT(id >> 12 & 1023, 6);
        last = id;
        if (k % 1000 == 0)
            now_ms = NOW_MS + steps_ms[k / 1000 % 9];
    }
}

TEST(id_runs_ahead, "more than 4,096 ids in a millisecond take the next one")
{
    struct ids ids = {.node = 1022};
    int64_t first = id_next(&ids, NOW_MS), id = first;

    CHECK_EQ_INT(id_time_ms(first), NOW_MS);
    for (int k = 1; k < 4096; k++)
        id = id_next(&ids, NOW_MS);
    CHECK_EQ_INT(id_time_ms(id), NOW_MS);
    CHECK_EQ_INT(id - first, 4095);
    CHECK_EQ_INT(id_time_ms(id_next(&ids, NOW_MS)), NOW_MS + 1);
    CHECK_EQ_INT(id_time_ms(id_next(&ids, NOW_MS + 5)), NOW_MS + 5);
}

TEST(id_other_node, "a generator that goes on after another node's id stays above it")
{
    for (int before = 0; before < 1024; before += 341) {
        for (int node = 0; node < 1024; node += 341) {
            struct ids ids = {.node = before};
            int64_t last = id_next(&ids, NOW_MS);

            ids.node = node;
            CHECK(id_next(&ids, NOW_MS) > last);
            CHECK_EQ_INT(ids.last >> 12 & 1023, node);
        }
    }
}

TEST(id_text, "an id reads back from its text, which sorts as the number does")
{
    static const int64_t ids[] = {1, 31, 32, INT64_C(123456789012345678), INT64_MAX, INT64_MAX - 1};
    char text[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];

    for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
        int64_t back = 0;
        size_t len = id_format(text, "ord", ids[k]);

        CHECK_EQ_INT(len, 17);
        CHECK_EQ_INT(strlen(text), len);
        CHECK(id_parse((struct str){text, len}, "ord", &back));
        CHECK_EQ_INT(back, ids[k]);
    }
    id_format(text, "ord", 1);
    CHECK_EQ_STR(text, "ord_0000000000001");
    id_format(text, "sku", INT64_MAX);
    CHECK_EQ_STR(text, "sku_7ZZZZZZZZZZZZ");
}

TEST(id_refusals, "what is no id of the kind is refused")
{
    static const char *const bad[] = {
        "",
        "ord",
        "ord_",
        "ord_000000000001",   /* Twelve digits. */
        "ord_00000000000001", /* Fourteen. */
        "ord-0000000000001",
        "sku_0000000000001",
        "Ord_0000000000001",
        "ord_0000000000000", /* Zero is no id. */
        "ord_8000000000000", /* 64 bits. */
        "ord_ZZZZZZZZZZZZZ",
        "ord_000000000000I",
        "ord_000000000000L",
        "ord_000000000000O",
        "ord_000000000000U",
        "ord_000000000000a",
        "ord_000000000000-",
        "ord_ 00000000000 1",
        " ord_000000000001",
    };
    static const char with_nul[] = "ord_00000000000\0001";
    int64_t id = 0;

    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        if (id_parse(str_of(bad[k]), "ord", &id))
            test_fail(__FILE__, __LINE__, "%s is taken", bad[k]);
    CHECK(!id_parse((struct str){with_nul, 17}, "ord", &id));
    CHECK(!id_parse((struct str){0}, "ord", &id));
    for (int c = 0; c < 256; c++) {
        char text[] = "ord_000000000000?";
        bool digit = c && strchr("123456789ABCDEFGHJKMNPQRSTVWXYZ", c);

        text[16] = (char)c;
        CHECK_EQ_INT(id_parse((struct str){text, 17}, "ord", &id), digit);
    }
}
