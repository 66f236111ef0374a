/*
 * test.h - tests that register themselves; runner.c runs each in a process of its own.
 *
 *     TEST(splits_add_up, "a split always adds up to its total")
 *     {
 *         CHECK_EQ_INT(sum, total);
 *     }
 *     TEST_DB(unique_is_conflict, "a duplicate key is a conflict", .slow = true)
 *     {
 *         open(db);   // "sqlite", or the URL of a PostgreSQL cluster
 *     }
 *
 * Invariants:
 *   - the first failed check ends its test; nothing after it runs;
 *   - a test leaves nothing behind: its processes are killed, its test_dir is removed;
 *   - a test passes only by reaching the end of its body with no leak and no sanitizer report.
 */
#ifndef GREVY_TEST_KIT_TEST_H
#define GREVY_TEST_KIT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernel/base/str.h"

enum {
    TEST_SECONDS_MAX = 60,       /* A test that hangs is killed and has failed. */
    TEST_SLOW_SECONDS_MAX = 300, /* Of tests marked .slow; ./dev test --quick leaves them out. */
};

/* One registered test.  The members after run may be given as further arguments of TEST. */
struct test {
    const char *name, *sentence, *file;
    void (*run)(const char *db);
    bool both;    /* Runs on SQLite and on PostgreSQL (TEST_DB). */
    bool threads; /* Runs under ThreadSanitizer too (TEST_THREADS). */
    bool slow;
    struct test *next;
};

void test_register(struct test *test);

#define TEST_REGISTER(name_, sentence_, ...)                                                       \
    static struct test test_of_##name_ = {                                                         \
        .name = #name_, .sentence = (sentence_), .file = __FILE__, ##__VA_ARGS__};                 \
    __attribute__((constructor)) static void test_add_##name_(void)                                \
    {                                                                                              \
        test_register(&test_of_##name_);                                                           \
    }

/** A test that needs no database. */
#define TEST(name_, sentence_, ...)                                                                \
    static void test_body_##name_(void);                                                           \
    static void test_run_##name_(const char *db)                                                   \
    {                                                                                              \
        (void)db;                                                                                  \
        test_body_##name_();                                                                       \
    }                                                                                              \
    TEST_REGISTER(name_, sentence_, .run = test_run_##name_, ##__VA_ARGS__)                        \
    static void test_body_##name_(void)

/** A test that runs once per database; its body sees `const char *db`. */
#define TEST_DB(name_, sentence_, ...)                                                             \
    static void test_run_##name_(const char *db);                                                  \
    TEST_REGISTER(name_, sentence_, .run = test_run_##name_, .both = true, ##__VA_ARGS__)          \
    static void test_run_##name_(const char *db)

/** The same two, run under ThreadSanitizer as well. */
#define TEST_THREADS(name_, sentence_, ...) TEST(name_, sentence_, .threads = true, ##__VA_ARGS__)
#define TEST_DB_THREADS(name_, sentence_, ...)                                                     \
    TEST_DB(name_, sentence_, .threads = true, ##__VA_ARGS__)

/* ---- Inside a body ---- */

/* Expressions, not blocks: a check inside a loop inside a loop does not count as deeper. */
#define CHECK(cond) ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, "%s is false", #cond))
/** Like CHECK, adding what printf would print of the arguments. */
#define CHECK_SAY(cond, ...) ((cond) ? (void)0 : test_fail_say(TEST_AT(cond, ), __VA_ARGS__))

/* Each argument is evaluated once. */
#define CHECK_EQ_INT(a, b)     test_equal_int(TEST_AT(a, b), (int64_t)(a), (int64_t)(b))
#define CHECK_EQ_STR(a, b)     test_equal_str(TEST_AT(a, b), (a), (b)) /* NULL equals only NULL. */
#define CHECK_EQ_TEXT(a, text) test_equal_text(TEST_AT(a, text), (a), (text)) /* A struct str. */

/* Where a comparison stands and how its two sides are spelt. */
struct test_at {
    const char *file;
    int line;
    const char *a, *b;
};
#define TEST_AT(a_, b_) ((struct test_at){__FILE__, __LINE__, #a_, #b_})

void test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void test_fail_say(struct test_at at, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void test_equal_int(struct test_at at, int64_t a, int64_t b);
void test_equal_str(struct test_at at, const char *a, const char *b);
void test_equal_text(struct test_at at, struct str a, const char *b);

/** End this test as skipped: something outside is missing.  Counted and printed, never silent. */
void test_skip(const char *reason) __attribute__((noreturn));

/** An empty directory of this test's own. */
const char *test_dir(void);

/** A name no other test run uses, [a-z0-9_], at most 31 characters: for PostgreSQL schemas. */
const char *test_unique(void);

#endif
