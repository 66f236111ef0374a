/*
 * cx_test.c - the unit of work: first failure, memory, injected chance; the table of errors.
 */
#include "kernel/base/cx.h"

#include "test/kit/test.h"

TEST(cx_first_failure, "the first failure stays; later ones are consequences")
{
    struct cx cx;

    cx_open(&cx, env_system(), 1 << 16);
    CHECK_EQ_INT(fail_at(&cx, ERR_CONFLICT, "out_of_stock", "/lines/0", "only %d left", 3),
                 ERR_CONFLICT);
    CHECK_EQ_INT(fail(&cx, ERR_INTERNAL, "later", "a consequence"), ERR_INTERNAL);
    CHECK_EQ_INT(cx.problem.err, ERR_CONFLICT);
    CHECK_EQ_STR(cx.problem.code, "out_of_stock");
    CHECK_EQ_STR(cx.problem.pointer, "/lines/0");
    CHECK_EQ_STR(cx.problem.detail, "only 3 left");
    for (int k = 0; k < PROBLEM_MEMBERS_MAX + 2; k++)
        fail_member(&cx, "sku", STR("sku_1"));
    CHECK_EQ_INT(cx.problem.member_count, PROBLEM_MEMBERS_MAX);
    CHECK_EQ_TEXT(cx.problem.members[0].value, "sku_1");
    fail_clear(&cx);
    CHECK_EQ_INT(cx.problem.err, OK);
    CHECK_EQ_INT(cx.problem.member_count, 0);
    CHECK_EQ_INT(fail(&cx, ERR_GONE, "gone", "-"), ERR_GONE);
    CHECK_EQ_STR(cx.problem.pointer, "");
    cx_close(&cx);
}

TEST(cx_long_texts, "a long pointer or detail is cut, never overrun")
{
    static char text[2000];
    struct cx cx;

    memset(text, 'x', sizeof(text) - 1);
    cx_open(&cx, env_system(), 1 << 16);
    CHECK_EQ_INT(fail_at(&cx, ERR_BAD_INPUT, "c", text, "%s", text), ERR_BAD_INPUT);
    CHECK_EQ_INT(strlen(cx.problem.pointer), PROBLEM_POINTER_LEN_MAX - 1);
    CHECK_EQ_INT(strlen(cx.problem.detail), PROBLEM_DETAIL_LEN_MAX - 1);
    cx_close(&cx);
}

TEST(cx_long_characters, "what is cut is cut between characters, wherever it came from")
{
    static char text[601];
    struct str all = {text, sizeof(text) - 1};
    struct cx cx;

    for (size_t k = 0; k < all.len; k += 3)
        memcpy(text + k, "\xe8\x8c\xb6", 3);
    cx_open(&cx, env_system(), 1 << 16);
    CHECK_EQ_INT(fail_at(&cx, ERR_BAD_INPUT, "c", text, "%.10s of %s", text, text), ERR_BAD_INPUT);
    CHECK(str_utf8(str_of(cx.problem.pointer)));
    CHECK(str_utf8(str_of(cx.problem.detail)));
    CHECK_EQ_INT(strlen(cx.problem.pointer), (PROBLEM_POINTER_LEN_MAX - 1) / 3 * 3);
    CHECK(str_starts(str_of(cx.problem.detail), STR("茶茶茶 of 茶")));
    fail_clear(&cx);
    CHECK_EQ_INT(fail(&cx, ERR_BAD_INPUT, "c", "a\xff%.1s", text), ERR_BAD_INPUT);
    CHECK_EQ_STR(cx.problem.detail, "a");
    cx_close(&cx);
}

TEST(cx_memory, "copies, formatted text and ids live in cx; absent stays absent")
{
    struct cx cx;

    cx_open(&cx, env_system(), 1 << 16);
    CHECK_EQ_TEXT(cx_copy(&cx, STR("abc")), "abc");
    CHECK(cx_copy(&cx, STR("")).ptr);
    CHECK(!cx_copy(&cx, (struct str){0}).ptr);
    CHECK_EQ_TEXT(cx_printf(&cx, "%d/%s", 7, "x"), "7/x");
    CHECK_EQ_TEXT(cx_id_text(&cx, "ord", 1), "ord_0000000000001");
    cx_reset(&cx);
    CHECK_EQ_INT(cx.arena.used_bytes, 0);
    CHECK(cx.env == env_system());
    cx_close(&cx);
}

/* A source of chance that gives what it is told, highest draws first. */
struct loaded_dice {
    struct env env;
    uint64_t next;
};

static void give_next(struct env *env, void *out, size_t len)
{
    struct loaded_dice *dice = (struct loaded_dice *)env;

    CHECK_EQ_INT(len, sizeof(dice->next));
    memcpy(out, &dice->next, len);
    dice->next--;
}

TEST(cx_random_uniform, "draws that would favour small numbers are drawn again")
{
    struct loaded_dice dice = {.env.random = give_next, .next = UINT64_MAX};
    struct cx cx;

    cx_open(&cx, &dice.env, 1 << 16);
    /* 2^64 is 6 mod 10: the draws from 2^64 - 6 up are no full ten of them. */
    CHECK_EQ_INT(cx_random(&cx, 10), 9);
    CHECK(dice.next == UINT64_MAX - 7);
    dice.next = 12345;
    CHECK_EQ_INT(cx_random(&cx, 1), 0);
    CHECK_EQ_INT(cx_random(&cx, 1000), 344);
    cx_close(&cx);
}

TEST(env_real, "the real clock and chance work")
{
    struct env *env = env_system();
    unsigned char a[16] = {0}, b[16] = {0};

    CHECK(env->wall_ms(env) > INT64_C(1600000000000));
    CHECK(env->monotonic_us(env) <= env->monotonic_us(env));
    env->random(env, a, sizeof(a));
    env->random(env, b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
}

TEST(err_table, "every error has a status, a title and its own name")
{
    CHECK_EQ_INT(err_status(OK), 200);
    CHECK_EQ_INT(err_status(ERR_CONFLICT), 409);
    CHECK_EQ_INT(err_status(ERR_DISK_FULL), 507);
    CHECK_EQ_STR(err_title(ERR_NOT_FOUND), "Not found");
    CHECK_EQ_STR(err_name(ERR_BUSY), "ERR_BUSY");
    for (int err = 1; err < ERR_COUNT; err++) {
        CHECK(err_status((enum err)err) >= 400);
        CHECK(err_title((enum err)err)[0]);
    }
}
