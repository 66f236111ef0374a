/*
 * query_test.c - query strings become structs, or are refused with the parameter's name.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/http/router.h"
#include "test/kit/test.h"

enum { BUDGET = 1 << 20 };

struct asked {
    struct str cursor;
    int64_t limit, since_ms, user, any;
    bool open;
    double ratio;
    struct str kind;
    int state;
};

static const char *const states[] = {"pending", "paid", "done", NULL};
static const struct field asked_fields[] = {
    F(asked, cursor, .max = 8),
    F(asked, limit, .min = 1, .max = 200, .fallback = 50),
    F_TIME(asked, since_ms, "since"),
    F_ID(asked, user, "usr"),
    F(asked, any),
    F(asked, open, .fallback = 1),
    F(asked, ratio, .min = -1, .max = 1),
    F(asked, kind, .min = 2, .max = 4),
    F_ENUM(asked, state, states, .fallback = 1),
    F_END,
};
static const struct field must_fields[] = {F(asked, limit, .flags = FIELD_REQUIRED), F_END};

struct decoded {
    struct cx cx;
    struct asked asked;
    enum err err;
};

static void decode(struct decoded *decoded, const struct field *fields, const char *query)
{
    cx_open(&decoded->cx, env_system(), BUDGET);
    memset(&decoded->asked, 0xa5, sizeof(decoded->asked));
    decoded->err =
        query_decode(&decoded->cx, fields, str_of(query), &decoded->asked, sizeof(decoded->asked));
}

TEST(query_absent, "an absent parameter has its fallback")
{
    static const char *const queries[] = {NULL, "", "&", "&&&"};

    for (size_t k = 0; k < sizeof(queries) / sizeof(queries[0]); k++) {
        struct decoded got;

        decode(&got, asked_fields, queries[k]);
        CHECK_EQ_INT(got.err, OK);
        CHECK_EQ_INT(got.asked.limit, 50);
        CHECK(got.asked.open);
        CHECK_EQ_INT(got.asked.state, 1);
        CHECK(!got.asked.cursor.ptr);
        CHECK_EQ_INT(got.asked.since_ms, 0);
        CHECK_EQ_INT(got.asked.user, 0);
        CHECK(got.asked.ratio == 0);
        cx_close(&got.cx);
    }
}

TEST(query_values, "every scalar type is read")
{
    struct decoded got;

    decode(&got, asked_fields,
           "limit=200&since=2026-11-22T10:00:00Z&user=usr_0000000000007&open=false&ratio=-2.5e-1"
           "&kind=a%2Bb+&state=done&cursor=%E5%BC%A0%3d&any=-9223372036854775808&");
    CHECK_EQ_INT(got.err, OK);
    CHECK_EQ_INT(got.asked.limit, 200);
    CHECK_EQ_INT(got.asked.since_ms, INT64_C(1795341600000));
    CHECK_EQ_INT(got.asked.user, 7);
    CHECK_EQ_INT(got.asked.any, INT64_MIN);
    CHECK(!got.asked.open);
    CHECK(got.asked.ratio == -0.25);
    CHECK_EQ_TEXT(got.asked.kind, "a+b ");
    CHECK_EQ_INT(got.asked.state, 2);
    CHECK_EQ_TEXT(got.asked.cursor, "\xE5\xBC\xA0=");
    cx_close(&got.cx);
    /* An empty value is an empty text, not an absent one; a name may be encoded. */
    decode(&got, asked_fields, "cursor=&lim%69t=1");
    CHECK_EQ_INT(got.err, OK);
    CHECK(got.asked.cursor.ptr);
    CHECK_EQ_INT(got.asked.cursor.len, 0);
    CHECK_EQ_INT(got.asked.limit, 1);
    cx_close(&got.cx);
}

TEST(query_refused, "a bad parameter is refused with its name")
{
    static const struct {
        const char *query, *code, *pointer;
    } rows[] = {
        {"limits=1", "unknown_field", "?limits"},
        {"=1", "unknown_field", "?"},
        {"limit=1&limit=1", "duplicate_field", "?limit"},
        {"limit=1&any=2&lim%69t=1", "duplicate_field", "?limit"},
        {"limit=", "wrong_type", "?limit"},
        {"limit", "wrong_type", "?limit"},
        {"limit=+1", "wrong_type", "?limit"},
        {"limit=1.0", "wrong_type", "?limit"},
        {"any=9223372036854775808", "wrong_type", "?any"},
        {"limit=0", "out_of_range", "?limit"},
        {"limit=201", "out_of_range", "?limit"},
        {"open=1", "wrong_type", "?open"},
        {"open=True", "wrong_type", "?open"},
        {"ratio=1.01", "out_of_range", "?ratio"},
        {"ratio=1e999", "out_of_range", "?ratio"},
        {"ratio=nan", "wrong_type", "?ratio"},
        {"ratio=0x1", "wrong_type", "?ratio"},
        {"ratio=.5", "wrong_type", "?ratio"},
        {"ratio=1.", "wrong_type", "?ratio"},
        {"ratio=1e", "wrong_type", "?ratio"},
        {"ratio=-", "wrong_type", "?ratio"},
        {"kind=a", "out_of_range", "?kind"},
        {"kind=abcde", "out_of_range", "?kind"},
        {"state=none", "bad_value", "?state"},
        {"state=PAID", "bad_value", "?state"},
        {"since=yesterday", "bad_value", "?since"},
        {"user=ord_0000000000007", "bad_value", "?user"},
        {"kind=%C3%28", "bad_encoding", "?kind"},
        {"kind=a%0a", "bad_encoding", "?kind"},
        {"kind=%2", "bad_encoding", "?kind"},
        {"%zz=1", "bad_encoding", ""},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct decoded got;

        decode(&got, asked_fields, rows[k].query);
        CHECK_SAY(got.err == ERR_BAD_INPUT, "%s was taken", rows[k].query);
        CHECK_SAY(strcmp(got.cx.problem.code, rows[k].code) == 0, "%s: %s", rows[k].query,
                  got.cx.problem.code);
        CHECK_EQ_STR(got.cx.problem.pointer, rows[k].pointer);
        CHECK(got.cx.problem.detail[0]);
        cx_close(&got.cx);
    }
}

TEST(query_required, "a required parameter must be given")
{
    struct decoded got;

    decode(&got, must_fields, "");
    CHECK_EQ_INT(got.err, ERR_BAD_INPUT);
    CHECK_EQ_STR(got.cx.problem.code, "required");
    CHECK_EQ_STR(got.cx.problem.pointer, "?limit");
    cx_close(&got.cx);
    decode(&got, must_fields, "limit=-5");
    CHECK_EQ_INT(got.err, OK);
    CHECK_EQ_INT(got.asked.limit, -5);
    cx_close(&got.cx);
}

TEST(query_percent, "what is percent-encoded comes back, byte for byte")
{
    static const char text[] = " !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\xC2\x80\xF4\x8F\xBF\xBF";
    char encoded[3 * sizeof(text)] = "";
    struct str out;
    struct cx cx;

    for (size_t k = 0; k < sizeof(text) - 1; k++)
        snprintf(encoded + 3 * k, 4, k % 2 ? "%%%02x" : "%%%02X", (unsigned char)text[k]);
    cx_open(&cx, env_system(), BUDGET);
    CHECK_EQ_INT(percent_decode(&cx, str_of(encoded), false, &out), OK);
    CHECK_EQ_TEXT(out, text);
    CHECK_EQ_INT(percent_decode(&cx, STR("a+b%2B"), false, &out), OK);
    CHECK_EQ_TEXT(out, "a+b+");
    CHECK_EQ_INT(percent_decode(&cx, STR("a+b%2B"), true, &out), OK);
    CHECK_EQ_TEXT(out, "a b+");
    CHECK_EQ_INT(percent_decode(&cx, (struct str){0}, true, &out), OK);
    CHECK_EQ_INT(out.len, 0);
    cx_close(&cx);
}

static enum err starved_decode(size_t budget_bytes)
{
    volatile enum err err = ERR_TOO_LARGE;
    struct asked asked;
    struct cx cx;
    jmp_buf exhausted;

    cx_open(&cx, env_system(), budget_bytes);
    if (setjmp(exhausted) == 0) {
        cx.arena.exhausted = &exhausted;
        err = query_decode(&cx, asked_fields, STR("cursor=%41bc&limit=7&kind=abc&state=paid"),
                           &asked, sizeof(asked));
    }
    cx_close(&cx);
    return err;
}

TEST(query_starved, "with any budget decoding answers cleanly")
{
    size_t budget = 0;

    for (;; budget += 16) {
        enum err err = starved_decode(budget);

        if (err == OK)
            break;
        CHECK_EQ_INT(err, ERR_TOO_LARGE);
        CHECK(budget < 4096);
    }
    CHECK(budget > 64); /* The loop did starve several allocations. */
}
