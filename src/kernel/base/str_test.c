/*
 * str_test.c - text as bytes with a length.
 */
#include "kernel/base/str.h"

#include "test/kit/test.h"

TEST(str_compare, "equality, order, prefixes, case")
{
    CHECK(str_eq(STR("abc"), STR("abc")));
    CHECK(!str_eq(STR("abc"), STR("abd")));
    CHECK(!str_eq(STR("abc"), STR("ab")));
    CHECK(str_eq(STR(""), (struct str){0}));
    CHECK(str_is(STR("x"), "x"));
    CHECK(str_is((struct str){0}, NULL));
    CHECK(!str_of(NULL).ptr);
    CHECK(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    CHECK(!str_eq_nocase(STR("a["), STR("A{")));
    CHECK(!str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
    CHECK(str_starts(STR("order.paid"), STR("order.")));
    CHECK(!str_starts(STR("or"), STR("order")));
    CHECK(str_cmp(STR("a"), STR("b")) < 0);
    CHECK(str_cmp(STR("ab"), STR("a")) > 0);
    CHECK(str_cmp(STR("\x7f"), STR("\x80")) < 0);
    CHECK_EQ_INT(str_cmp(STR("ab"), STR("ab")), 0);
}

TEST(str_trim_ends, "spaces and tabs go from both ends only")
{
    CHECK_EQ_TEXT(str_trim(STR(" \t a b\t ")), "a b");
    CHECK_EQ_TEXT(str_trim(STR(" \t ")), "");
    CHECK_EQ_TEXT(str_trim(STR("\na")), "\na");
}

TEST(str_cut_pieces, "cutting gives every piece, the empty ones, and the last")
{
    struct str rest = STR("a,,b,"), piece;

    CHECK(str_cut(&rest, ',', &piece));
    CHECK_EQ_TEXT(piece, "a");
    CHECK(str_cut(&rest, ',', &piece));
    CHECK_EQ_TEXT(piece, "");
    CHECK(str_cut(&rest, ',', &piece));
    CHECK_EQ_TEXT(piece, "b");
    CHECK(str_cut(&rest, ',', &piece));
    CHECK_EQ_TEXT(piece, "");
    CHECK(!str_cut(&rest, ',', &piece));
    rest = STR("");
    CHECK(str_cut(&rest, ',', &piece));
    CHECK_EQ_TEXT(piece, "");
    CHECK(!str_cut(&rest, ',', &piece));
}

TEST(str_int_limits, "whole numbers read to the ends of int64 and not beyond")
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "1e3",
                                      "--1"};
    int64_t n;

    CHECK(str_int(STR("9223372036854775807"), &n));
    CHECK(n == INT64_MAX);
    CHECK(str_int(STR("-9223372036854775808"), &n));
    CHECK(n == INT64_MIN);
    CHECK(str_int(STR("0"), &n));
    CHECK_EQ_INT(n, 0);
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        if (str_int(str_of(bad[k]), &n))
            test_fail(__FILE__, __LINE__, "\"%s\" is taken", bad[k]);
}

/* By the definition: the value of the bits, then shortest form, no surrogates, up to 10FFFF. */
static bool reference_utf8(const unsigned char *s, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = s[0] < 0x80             ? 1
                  : (s[0] & 0xe0) == 0xc0 ? 2
                  : (s[0] & 0xf0) == 0xe0 ? 3
                  : (s[0] & 0xf8) == 0xf0 ? 4
                                          : 0;
    uint32_t value = size == 1 ? s[0] : s[0] & (0x7fU >> size);

    if (size == 0 || size != len)
        return false;
    for (size_t k = 1; k < size; k++) {
        if ((s[k] & 0xc0) != 0x80)
            return false;
        value = value << 6 | (s[k] & 0x3f);
    }
    return value >= least[size] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
}

TEST(str_utf8_sequences, "exactly the well-formed UTF-8 sequences are valid")
{
    static const unsigned char tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0};
    unsigned char s[4];

    for (int first = 0; first < 256; first++) {
        s[0] = (unsigned char)first;
        CHECK_EQ_INT(str_utf8_len((const char *)s, 1) == 1, reference_utf8(s, 1));
        for (int tail = 0; tail < 9 * 9 * 9; tail++) {
            s[1] = tails[tail % 9];
            s[2] = tails[tail / 9 % 9];
            s[3] = tails[tail / 81];
            for (size_t len = 2; len <= 4; len++)
                CHECK_EQ_INT(str_utf8_len((const char *)s, len) == len, reference_utf8(s, len));
        }
    }
    CHECK(str_utf8(STR("Gr\xc3\xa9vy \xe6\x96\x91\xe9\xa9\xac \xf0\x9f\xa6\x93")));
    CHECK(!str_utf8(STR("cut \xe6\x96")));
    CHECK(str_utf8((struct str){0}));
}

TEST(str_hash_spreads, "hashes differ by bytes, by length and by seed")
{
    CHECK(str_hash(STR("a"), 1) != str_hash(STR("b"), 1));
    CHECK(str_hash(STR("a"), 1) != str_hash(STR("a"), 2));
    CHECK(str_hash(STR("a"), 1) != str_hash((struct str){"a\0", 2}, 1));
    CHECK(str_hash(STR("12345678"), 1) != str_hash((struct str){"12345678\0", 9}, 1));
    CHECK_EQ_INT((int64_t)str_hash(STR("same"), 9), (int64_t)str_hash(STR("same"), 9));
}

TEST(text_cuts, "text under construction never passes its end and says that it was cut")
{
    char bytes[8] = "zzzzzzz";
    struct text text = {.ptr = bytes, .size = 5};

    text_add(&text, STR("abc"));
    CHECK(!text.cut);
    text_add(&text, STR("defg"));
    CHECK(text.cut);
    CHECK_EQ_INT(text.len, 5);
    CHECK(memcmp(bytes, "abcdezz", 7) == 0);

    text = (struct text){.ptr = bytes, .size = 4};
    text_addf(&text, "%d", 123);
    CHECK(!text.cut);
    text_addf(&text, "%d", 4); /* Its NUL has no room. */
    CHECK(text.cut);
    CHECK(text.len <= 4);
}
