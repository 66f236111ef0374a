/*
 * hash_test.c - hashes against published vectors, framing, and strict base64url.
 */
#include "kernel/base/hash.h"

#include <stdio.h>

#include "test/kit/test.h"

static void check_hex(const unsigned char *bytes, const char *hex)
{
    char text[2 * HASH_BYTES + 1];

    for (size_t k = 0; k < HASH_BYTES; k++)
        snprintf(text + 2 * k, 3, "%02x", bytes[k]);
    CHECK_EQ_STR(text, hex);
}

TEST(hash_vectors, "hash_bytes is BLAKE2b-256")
{
    unsigned char hash[HASH_BYTES];

    hash_bytes(hash, STR(""));
    check_hex(hash, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    hash_bytes(hash, (struct str){NULL, 0});
    check_hex(hash, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    hash_bytes(hash, STR("abc"));
    check_hex(hash, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(hash_framing, "where one part ends and the next begins is part of the hash")
{
    struct str one[] = {STR("ab"), STR("c")}, other[] = {STR("a"), STR("bc")};
    struct str empty_end[] = {STR("ab"), STR("c"), STR("")};
    unsigned char a[HASH_BYTES], b[HASH_BYTES], c[HASH_BYTES], key[HASH_KEY_BYTES] = {1};

    hash_parts(a, NULL, one, 2);
    hash_parts(b, NULL, other, 2);
    hash_parts(c, NULL, empty_end, 3);
    CHECK(!hash_equal(a, b, HASH_BYTES));
    CHECK(!hash_equal(a, c, HASH_BYTES));
    hash_parts(b, NULL, one, 2);
    CHECK(hash_equal(a, b, HASH_BYTES));
    hash_parts(b, key, one, 2);
    CHECK(!hash_equal(a, b, HASH_BYTES));
}

TEST(hash_as_text, "a hash as text is 43 digits and reads back")
{
    struct str part = STR("abc");
    char text[HASH_TEXT_LEN + 1];
    unsigned char hash[HASH_BYTES], read[HASH_BYTES];
    size_t len;

    hash_text(text, &part, 1);
    hash_parts(hash, NULL, &part, 1);
    CHECK_EQ_INT(strlen(text), HASH_TEXT_LEN);
    CHECK(base64url_read(str_of(text), read, sizeof(read), &len));
    CHECK_EQ_INT(len, HASH_BYTES);
    CHECK(hash_equal(hash, read, HASH_BYTES));
}

TEST(base64url_round_trip, "base64url of any length reads back, into exactly the room it needs")
{
    unsigned char bytes[70], read[70];
    char text[BASE64URL_LEN(70) + 1];

    for (size_t k = 0; k < sizeof(bytes); k++)
        bytes[k] = (unsigned char)(251 * k + 255);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        size_t len, digits = base64url_write(text, bytes, size);

        CHECK_EQ_INT(digits, strlen(text));
        CHECK_EQ_INT(digits, BASE64URL_LEN(size));
        CHECK(base64url_read((struct str){text, digits}, read, size, &len));
        CHECK_EQ_INT(len, size);
        CHECK(memcmp(bytes, read, size) == 0);
        if (size > 0)
            CHECK(!base64url_read((struct str){text, digits}, read, size - 1, &len));
    }
    base64url_write(text, "\xfb\xff", 2);
    CHECK_EQ_STR(text, "-_8");
}

TEST(base64url_strict, "base64url has one text for each sequence of bytes")
{
    static const char *const bad[] = {"A",    "AA=",  "AA==", "AB",    "AAB",  "+A", "/A",
                                      " AAA", "AAA ", "AA\n", "AAAA=", "A.AA", NULL};
    unsigned char read[8];
    size_t len;

    for (size_t k = 0; bad[k]; k++)
        CHECK_SAY(!base64url_read(str_of(bad[k]), read, sizeof(read), &len), "%s was taken",
                  bad[k]);
    CHECK(base64url_read(STR("AAAA"), read, sizeof(read), &len));
    CHECK_EQ_INT(len, 3);
}

TEST(base64_in_cx, "the forms that allocate agree")
{
    struct str bytes = STR("any carnal pleasure"), text, read;
    struct cx cx;

    cx_open(&cx, env_system(), 1 << 16);
    text = base64_encode(&cx, bytes);
    CHECK_EQ_TEXT(text, "YW55IGNhcm5hbCBwbGVhc3VyZQ");
    CHECK(base64_decode(&cx, text, &read));
    CHECK(str_eq(read, bytes));
    CHECK(!base64_decode(&cx, STR("YW5="), &read));
    cx_close(&cx);
}
