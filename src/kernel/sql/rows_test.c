/*
 * rows_test.c - rows of a table, many at a time, on both databases.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/sql/fixture.h"

struct found {
    struct item items[8];
    int count;
};

static void on_found(void *context, const struct table *table, void *row)
{
    struct found *found = context;

    CHECK(table == &item_table);
    CHECK(found->count < 8);
    found->items[found->count++] = *(struct item *)row;
}

static enum err write_one(struct cx *cx, enum row_write how, const struct item *item)
{
    const void *row = item;

    return sql_rows_write(cx, &item_table, how, &row, 1);
}

static struct found ask(struct cx *cx, const int64_t *ids, size_t count)
{
    struct item keys[8] = {{0}};
    const void *rows[8];
    struct found found = {.count = 0};

    for (size_t k = 0; k < count; k++) {
        keys[k].id = ids[k];
        rows[k] = &keys[k];
    }
    FINE(cx, sql_rows_ask(cx, &item_table, rows, count, on_found, &found));
    FINE(cx, sql_sync(cx));
    return found;
}

static void same(const struct item *a, const struct item *b)
{
    CHECK_EQ_INT(a->id, b->id);
    CHECK_EQ_INT(a->number, b->number);
    CHECK(str_eq(a->name, b->name));
    CHECK((a->name.ptr == NULL) == (b->name.ptr == NULL));
    CHECK(str_eq(a->note, b->note));
    CHECK_EQ_INT(a->colour, b->colour);
    CHECK_EQ_INT(a->on, b->on);
    CHECK_EQ_INT(a->made_ms, b->made_ms);
    CHECK_EQ_INT(a->price, b->price);
    CHECK(str_eq(a->currency, b->currency));
    CHECK(a->weight == b->weight);
    CHECK(str_eq(a->data, b->data));
}

TEST_DB(rows_come_back, "rows come back as they were written, every type of field")
{
    static const struct item items[] = {
        {INT64_MAX, INT64_MIN, STR("name"), STR("note"), COLOUR_GREEN, true, 1767225600123, -1990,
         STR("CNY"), 0.1, STR("{\"a\":[1,\"\\u00e9\"]}")},
        {INT64_MIN, 0, {0}, STR(""), COLOUR_RED, false, 0, 0, {0}, -1e300, {0}},
        {0,
         1,
         STR("斑马 it's {\"},\\ NULL"),
         {0},
         COLOUR_RED,
         true,
         -1,
         INT64_MAX,
         STR(""),
         0,
         STR("null")}};
    const void *rows[] = {&items[0], &items[1], &items[2]};
    struct fixture f;

    fixture_open(&f, db);
    fixture_items(&f);
    for (enum row_write how = ROW_INSERT; how <= ROW_UPSERT; how++) {
        FINE(&f.cx, sql_rows_write(&f.cx, &item_table, how, rows, 3));
        for (int k = 0; k < 3; k++) {
            struct found found = ask(&f.cx, &items[k].id, 1);

            CHECK_EQ_INT(found.count, 1);
            same(&found.items[0], &items[k]);
        }
    }
    fixture_close(&f);
}

TEST_DB(rows_are_written_by_key, "insert refuses a known key, upsert overwrites, delete forgets")
{
    struct item a = {.id = 1, .number = 1, .name = STR("a")}, b = {.id = 2, .name = STR("b")};
    struct fixture f;
    struct found found;
    enum err err;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, write_one(&f.cx, ROW_UPSERT, &a));
    FINE(&f.cx, write_one(&f.cx, ROW_INSERT, &b));
    a.number = 7;
    FINE(&f.cx, write_one(&f.cx, ROW_UPSERT, &a));
    FINE(&f.cx, sql_sync(&f.cx));
    err = write_one(&f.cx, ROW_INSERT, &a);
    CHECK_EQ_INT(err == OK ? sql_sync(&f.cx) : err, ERR_CONFLICT);
    CHECK_EQ_STR(f.cx.problem.code, "unique");
    fail_clear(&f.cx);
    found = ask(&f.cx, (int64_t[]){1, 2, 3}, 3);
    CHECK_EQ_INT(found.count, 2);
    CHECK_EQ_INT(found.items[0].number + found.items[1].number, 7);
    FINE(&f.cx, write_one(&f.cx, ROW_DELETE, &a));
    FINE(&f.cx, write_one(&f.cx, ROW_DELETE, &a)); /* None there is no error. */
    found = ask(&f.cx, (int64_t[]){1, 2}, 2);
    CHECK_EQ_INT(found.count, 1);
    CHECK_EQ_INT(found.items[0].id, 2);
    CHECK_EQ_INT(ask(&f.cx, NULL, 0).count, 0);
    fixture_close(&f);
}

static void count_links(void *context, const struct table *table, void *row)
{
    const struct link *link = row;

    CHECK(table == &link_table);
    CHECK_EQ_TEXT(link->from, "b");
    CHECK_EQ_INT(link->to, 1);
    ++*(int *)context;
}

TEST_DB(keys_may_be_all, "a table of nothing but a key of two columns is written and asked")
{
    static const struct link links[] = {{STR("a"), 1}, {STR("a"), 2}, {STR("b"), 1}};
    static const struct link keys[] = {{STR("b"), 1}, {STR("b"), 2}};
    const void *rows[] = {&links[0], &links[1], &links[2]}, *wanted[] = {&keys[0], &keys[1]};
    struct fixture f;
    int count = 0;

    fixture_open(&f, db);
    fixture_items(&f);
    for (int k = 0; k < 2; k++)
        FINE(&f.cx, sql_rows_write(&f.cx, &link_table, ROW_UPSERT, rows, 3));
    FINE(&f.cx, sql_rows_ask(&f.cx, &link_table, wanted, 2, count_links, &count));
    FINE(&f.cx, sql_sync(&f.cx));
    CHECK_EQ_INT(count, 1);
    FINE(&f.cx, sql_rows_write(&f.cx, &link_table, ROW_DELETE, rows, 2));
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from link"), 1);
    fixture_close(&f);
}

TEST_DB(bad_rows_are_not_sent, "a row that no table may hold is refused before it is sent")
{
    struct item colour = {.id = 1, .colour = 2}, text = {.id = 2, .name = STR("\xc3")},
                number = {.id = 3, .weight = 1e308 * 10}, fine = {.id = 4};
    struct fixture f;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, sql_begin(&f.cx));
    FAILS(&f.cx, ERR_STORAGE, "enum_value", write_one(&f.cx, ROW_INSERT, &colour));
    FAILS(&f.cx, ERR_BAD_INPUT, "bad_text", write_one(&f.cx, ROW_INSERT, &text));
    FAILS(&f.cx, ERR_STORAGE, "not_finite", write_one(&f.cx, ROW_UPSERT, &number));
    FINE(&f.cx, write_one(&f.cx, ROW_INSERT, &fine));
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK_EQ_INT(fixture_int(&f.cx, "select sum(id) from item"), 4);
    fixture_close(&f);
}

/* ---- Many ---- */

enum { MANY = 100000, AT_ONCE = 1000 };

static void count_found(void *context, const struct table *table, void *row)
{
    (void)table;
    CHECK(((struct item *)row)->name.len > 0);
    ++*(int *)context;
}

/* Ask for all, without waiting between the asks. */
static int ask_all(struct cx *cx, struct item *items)
{
    const void *keys[AT_ONCE];
    int count = 0;

    for (int from = 0; from < MANY; from += AT_ONCE) {
        for (int k = 0; k < AT_ONCE; k++)
            keys[k] = &items[from + k];
        FINE(cx, sql_rows_ask(cx, &item_table, keys, AT_ONCE, count_found, &count));
    }
    FINE(cx, sql_sync(cx));
    return count;
}

TEST_DB(long_pipelines_end, "100,000 rows one by one, and as many answers, do not get stuck")
{
    struct item *items = calloc(MANY, sizeof(items[0]));
    const void **rows = calloc(MANY, sizeof(rows[0]));
    struct fixture f;
    char name[40];

    CHECK(items && rows);
    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, sql_begin(&f.cx));
    for (int k = 0; k < MANY; k++) {
        snprintf(name, sizeof(name), "a name that is not short %d", k);
        items[k] = (struct item){.id = k, .name = str_of(name)};
        FINE(&f.cx, write_one(&f.cx, ROW_INSERT, &items[k]));
        rows[k] = &items[k];
    }
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), MANY);
    f.cx.arena.budget_bytes = 256 << 20;
    CHECK_EQ_INT(ask_all(&f.cx, items), MANY);
    FINE(&f.cx, sql_rows_write(&f.cx, &item_table, ROW_DELETE, rows, MANY));
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), 0);
    for (int k = 0; k < MANY; k++)
        items[k].name = (struct str){0};
    FINE(&f.cx, sql_rows_write(&f.cx, &item_table, ROW_INSERT, rows, MANY));
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), MANY);
    fixture_close(&f);
    free(items);
    free(rows);
}

TEST_DB(large_values_pass, "texts of megabytes, many of them on their way, pass unharmed")
{
    enum { LEN = 3 << 20, ROWS = 8 };
    char *text = malloc(LEN);
    struct fixture f;
    struct found found;

    CHECK(text != NULL);
    memset(text, 'x', LEN);
    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, sql_begin(&f.cx));
    for (int k = 0; k < ROWS; k++) {
        struct item item = {.id = k, .data = {text, (size_t)(LEN - k)}};

        FINE(&f.cx, write_one(&f.cx, ROW_INSERT, &item));
    }
    FINE(&f.cx, sql_commit(&f.cx));
    found = ask(&f.cx, (int64_t[]){0, 1, 2, 3, 4, 5, 6, 7}, ROWS);
    CHECK_EQ_INT(found.count, ROWS);
    for (int k = 0; k < ROWS; k++)
        CHECK_EQ_INT(found.items[k].data.len, LEN - found.items[k].id);
    fixture_close(&f);
    free(text);
}

/* ---- Memory ---- */

static void must_not_come(void *context, const struct table *table, void *row)
{
    (void)context;
    (void)table;
    (void)row;
    test_fail(__FILE__, __LINE__, "a dropped ask was delivered");
}

static bool asked_within(struct cx *cx, size_t bytes, int *count)
{
    struct item keys[2] = {{.id = 1}, {.id = 2}};
    const void *rows[] = {&keys[0], &keys[1]};
    jmp_buf exhausted;

    arena_reset(&cx->arena);
    cx->arena.budget_bytes = bytes;
    cx->arena.exhausted = &exhausted;
    if (setjmp(exhausted) != 0) {
        cx->arena.exhausted = NULL;
        return false;
    }
    FINE(cx, sql_rows_ask(cx, &item_table, rows, 2, count_found, count));
    FINE(cx,
         sql_rows_ask(cx, &item_table, rows, 1, bytes < 500 ? must_not_come : count_found, count));
    FINE(cx, sql_sync(cx));
    cx->arena.exhausted = NULL;
    return true;
}

TEST_DB(unwound_asks_are_dropped,
        "what was asked by a unit that ran out of memory is not delivered")
{
    struct item items[2] = {{.id = 1, .name = STR("some name that takes space")},
                            {.id = 2, .name = STR("another name that takes space")}};
    struct fixture f;
    int count = 0;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, write_one(&f.cx, ROW_INSERT, &items[0]));
    FINE(&f.cx, write_one(&f.cx, ROW_INSERT, &items[1]));
    FINE(&f.cx, sql_begin(&f.cx));
    for (size_t bytes = 0; bytes < 300; bytes += 16) {
        CHECK(!asked_within(&f.cx, bytes, &count));
        f.cx.arena.budget_bytes = FIXTURE_CX_BYTES;
        CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), 2);
    }
    count = 0;
    CHECK(asked_within(&f.cx, FIXTURE_CX_BYTES, &count));
    CHECK_EQ_INT(count, 3);
    FINE(&f.cx, sql_commit(&f.cx));
    fixture_close(&f);
}
