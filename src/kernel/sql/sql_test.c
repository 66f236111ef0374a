/*
 * sql_test.c - statements and transactions, on both databases.
 */
#include "kernel/sql/fixture.h"

static const char select_items[] =
    "select id, number, name, \"key\", colour, \"on\", made_ms, price,"
    " currency, weight, data from item order by id";

static struct list items(struct cx *cx)
{
    struct list rows;

    FINE(cx, sql_raw_all(cx, item_fields, sizeof(struct item), &rows, select_items, NO_BINDS));
    return rows;
}

static enum err add(struct cx *cx, int64_t id, const char *name)
{
    return sql_raw_run(cx, NULL, "insert into item (id, name) values (?1, ?2)",
                       BIND(INT(id), TEXT(str_of(name))));
}

/* ---- Values ---- */

TEST_DB(values_come_back, "values come back as they were bound, to the byte")
{
    static const struct {
        int64_t number;
        struct str name;
    } rows[] = {{INT64_MAX, STR("plain")},
                {INT64_MIN, STR("")},
                {0, {0}},
                {-1, STR("价格 ¥19.90 \xf0\x9f\xa6\x93")},
                {1, STR("it's \"quoted\" \\ $1 ?1 % \n\t\x01")}};
    struct fixture f;
    struct list got;

    fixture_open(&f, db);
    fixture_items(&f);
    for (int k = 0; k < 5; k++)
        FINE(&f.cx,
             sql_raw_run(&f.cx, NULL, "insert into item (id, number, name) values (?1, ?2, ?3)",
                         BIND(INT(k), INT(rows[k].number), TEXT(rows[k].name))));
    got = items(&f.cx);
    CHECK_EQ_INT(got.count, 5);
    for (int k = 0; k < 5; k++) {
        const struct item *item = LIST_AT(got, struct item, k);

        CHECK_EQ_INT(item->number, rows[k].number);
        CHECK(str_eq(item->name, rows[k].name));
        CHECK((item->name.ptr == NULL) == (rows[k].name.ptr == NULL));
    }
    fixture_close(&f);
}

TEST_DB(nulls_are_absent, "a null is what the field table calls absent")
{
    struct fixture f;
    const struct item *item;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, sql_raw_run(&f.cx, NULL, "insert into item (id, number) values (?1, ?2)",
                            BIND(INT(7), ((struct bind){.type = BIND_NULL}))));
    item = LIST_AT(items(&f.cx), struct item, 0);
    CHECK_EQ_INT(item->id, 7);
    CHECK_EQ_INT(item->number, -1); /* .fallback */
    CHECK(item->name.ptr == NULL);
    CHECK_EQ_INT(item->colour, 0);
    CHECK(!item->on);
    CHECK_EQ_INT(item->made_ms, 0);
    CHECK_EQ_INT(item->price, 0);
    CHECK(item->weight == 0);
    fixture_close(&f);
}

TEST_DB(bind_types_may_change, "one statement takes integers, texts and nulls in turn")
{
    static const char sql[] = "select case when cast(?1 as text) is null then 1 else 0 end";
    static const struct field fields[] = {F(item, id), F_END};
    struct bind binds[] = {
        {.type = BIND_NULL}, INT(5), TEXT(STR("five")), TEXT((struct str){0}), {.type = BIND_NULL}};
    const int64_t want[] = {1, 0, 0, 1, 1};
    struct fixture f;
    struct list rows;

    fixture_open(&f, db);
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < 5; k++) {
            FINE(&f.cx, sql_raw_all(&f.cx, fields, sizeof(struct item), &rows, sql,
                                    ((struct binds){&binds[k], 1})));
            CHECK_EQ_INT(LIST_AT(rows, struct item, 0)->id, want[k]);
        }
    }
    fixture_close(&f);
}

TEST_DB(results_of_sql_are_read, "sums, counts, booleans and floating point numbers are read")
{
    static const struct field fields[] = {F(item, id), F(item, number), F(item, weight),
                                          F(item, made_ms), F_END};
    struct fixture f;
    struct list rows;

    fixture_open(&f, db);
    fixture_items(&f);
    for (int k = 1; k <= 3; k++)
        FINE(&f.cx, sql_raw_run(&f.cx, NULL, "insert into item (id, weight) values (?1, 0.5)",
                                BIND(INT(k * 3000000000))));
    FINE(&f.cx,
         sql_raw_all(&f.cx, fields, sizeof(struct item), &rows,
                     "select sum(id), count(*), sum(weight), max(number) from item", NO_BINDS));
    CHECK_EQ_INT(LIST_AT(rows, struct item, 0)->id, 18000000000);
    CHECK_EQ_INT(LIST_AT(rows, struct item, 0)->number, 3);
    CHECK(LIST_AT(rows, struct item, 0)->weight == 1.5);
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) > 2 from item"), 1);
    fixture_close(&f);
}

TEST_DB(columns_must_agree, "a result that does not fit its field table is refused")
{
    static const struct field fields[] = {F(item, id), F(item, name), F_END};
    static const char *const colours[] = {"red", NULL};
    static const struct field enums[] = {F_ENUM(item, colour, colours), F_END};
    static const struct field flags[] = {F(item, on), F_END};
    struct fixture f;
    struct list rows;

#define ALL(fields_, sql_) sql_raw_all(&f.cx, fields_, sizeof(struct item), &rows, sql_, NO_BINDS)
    fixture_open(&f, db);
    FAILS(&f.cx, ERR_STORAGE, "column_count", ALL(fields, "select 1"));
    FAILS(&f.cx, ERR_STORAGE, "column_count", ALL(fields, "select 1, 'a', 2"));
    FAILS(&f.cx, ERR_STORAGE, "column_type", ALL(fields, "select 'a', 'b'"));
    FAILS(&f.cx, ERR_STORAGE, "column_type", ALL(fields, "select 1, 2"));
    FAILS(&f.cx, ERR_STORAGE, "column_type", ALL(fields, "select 1.5, 'a'"));
    FAILS(&f.cx, ERR_STORAGE, "column_type", ALL(flags, "select 2"));
    FAILS(&f.cx, ERR_STORAGE, "enum_value", ALL(enums, "select 'blue'"));
    CHECK_EQ_INT(rows.count, 0);
    FINE(&f.cx, ALL(fields, "select 1, 'a'")); /* The connection goes on. */
    fixture_close(&f);
}

TEST_DB(binds_must_agree, "binds that do not fit the placeholders are refused before they are sent")
{
    struct bind many[SQL_BINDS_MAX + 1] = {{0}};
    char zero[] = {'a', 0, 'b'};
    struct fixture f;
    struct str longer = {"a perfectly plain start \xff", 25};

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, sql_begin(&f.cx));
    for (int k = 0; k < 2; k++) { /* Not yet prepared, and prepared. */
        FAILS(&f.cx, ERR_STORAGE, "bind_count",
              sql_raw_run(&f.cx, NULL, "update item set id = ?1", NO_BINDS));
        FAILS(&f.cx, ERR_STORAGE, "bind_count",
              sql_raw_run(&f.cx, NULL, "update item set id = ?2", BIND(INT(1))));
    }
    FAILS(&f.cx, ERR_STORAGE, "bind_count",
          sql_raw_run(&f.cx, NULL, "select ?64", ((struct binds){many, SQL_BINDS_MAX + 1})));
    FAILS(&f.cx, ERR_STORAGE, "placeholder",
          sql_raw_run(&f.cx, NULL, "update item set id = ?", BIND(INT(1))));
    FAILS(
        &f.cx, ERR_BAD_INPUT, "bad_text",
        sql_raw_run(&f.cx, NULL, "update item set name = ?1", BIND(TEXT(((struct str){zero, 3})))));
    FAILS(&f.cx, ERR_BAD_INPUT, "bad_text",
          sql_raw_run(&f.cx, NULL, "update item set name = ?1", BIND(TEXT(longer))));
    CHECK(sql_standing(&f.cx));
    FINE(&f.cx, sql_commit(&f.cx));
    fixture_close(&f);
}

TEST(every_byte_is_checked, "a zero byte or a broken sequence is found wherever it stands")
{
    enum { LEN = 26 };
    static const unsigned char bad[] = {0, 0x80, 0xc3, 0xff};
    char text[LEN + 1] = "abcdefghijklmnopqrstuvwxyz";
    struct cx cx;

    cx_open(&cx, env_system(), FIXTURE_CX_BYTES);
    FINE(&cx, text_check(&cx, (struct str){text, LEN}));
    FINE(&cx, text_check(&cx, (struct str){0}));
    FINE(&cx, text_check(&cx, STR("\x01\x7f twelve \x01\x7f and \xf4\x8f\xbf\xbf")));
    for (int at = 0; at < LEN; at++) {
        for (size_t k = 0; k < sizeof(bad); k++) {
            text[at] = (char)bad[k];
            FAILS(&cx, ERR_BAD_INPUT, "bad_text", text_check(&cx, (struct str){text, LEN}));
        }
        text[at] = 'x';
    }
    cx_close(&cx);
}

TEST_DB(full_width_statements, "a statement takes 64 binds and gives 64 columns")
{
    static const char sql[] =
        "select ?1 + 0, ?2 + 0, ?3 + 0, ?4 + 0, ?5 + 0, ?6 + 0, ?7 + 0, ?8 + 0, ?9 + 0, ?10 + 0,"
        "?11 + 0, ?12 + 0, ?13 + 0, ?14 + 0, ?15 + 0, ?16 + 0, ?17 + 0, ?18 + 0, ?19 + 0, ?20 + 0,"
        "?21 + 0, ?22 + 0, ?23 + 0, ?24 + 0, ?25 + 0, ?26 + 0, ?27 + 0, ?28 + 0, ?29 + 0, ?30 + 0,"
        "?31 + 0, ?32 + 0, ?33 + 0, ?34 + 0, ?35 + 0, ?36 + 0, ?37 + 0, ?38 + 0, ?39 + 0, ?40 + 0,"
        "?41 + 0, ?42 + 0, ?43 + 0, ?44 + 0, ?45 + 0, ?46 + 0, ?47 + 0, ?48 + 0, ?49 + 0, ?50 + 0,"
        "?51 + 0, ?52 + 0, ?53 + 0, ?54 + 0, ?55 + 0, ?56 + 0, ?57 + 0, ?58 + 0, ?59 + 0, ?60 + 0,"
        "?61 + 0, ?62 + 0, ?63 + 0, ?64 + 0";
    struct bind binds[SQL_BINDS_MAX];
    struct field fields[SQL_COLUMNS_MAX + 1] = {0};
    struct fixture f;
    struct list rows;

    for (int k = 0; k < SQL_COLUMNS_MAX; k++) {
        binds[k] = INT(INT64_MAX - k);
        fields[k] = (struct field){
            .name = "n", .type = FIELD_INT, .offset = (uint32_t)(k * (int)sizeof(int64_t))};
    }
    fixture_open(&f, db);
    FINE(&f.cx, sql_raw_all(&f.cx, fields, SQL_COLUMNS_MAX * sizeof(int64_t), &rows, sql,
                            ((struct binds){binds, SQL_BINDS_MAX})));
    CHECK_EQ_INT(rows.count, 1);
    for (int k = 0; k < SQL_COLUMNS_MAX; k++)
        CHECK_EQ_INT(*LIST_AT(rows, int64_t, k), INT64_MAX - k);
    fixture_close(&f);
}

/* ---- Statements ---- */

TEST_DB(changed_rows_are_counted, "changed is the number of rows that a statement touched")
{
    struct fixture f;
    int64_t changed = -1;

    fixture_open(&f, db);
    fixture_items(&f);
    for (int k = 0; k < 3; k++)
        FINE(&f.cx, add(&f.cx, k, NULL));
    FINE(&f.cx, sql_raw_run(&f.cx, &changed, "update item set number = 1 where id > 0", NO_BINDS));
    CHECK_EQ_INT(changed, 2);
    FINE(&f.cx, sql_raw_run(&f.cx, &changed, "select id from item", NO_BINDS));
    CHECK_EQ_INT(changed, 0);
    FINE(&f.cx, sql_raw_run(&f.cx, &changed, "delete from item where id > 7", NO_BINDS));
    CHECK_EQ_INT(changed, 0);
    FINE(&f.cx, sql_raw_run(&f.cx, &changed, "insert into item (id) values (7), (8) returning id",
                            NO_BINDS));
    CHECK_EQ_INT(changed, 2);
    FINE(&f.cx, sql_raw_run(&f.cx, &changed,
                            "insert into item (id) values (7) on conflict do nothing", NO_BINDS));
    CHECK_EQ_INT(changed, 0);
    fixture_close(&f);
}

TEST_DB(returning_is_read, "insert .. on conflict .. returning gives rows")
{
    static const struct field fields[] = {F(item, id), F(item, number), F_END};
    struct fixture f;
    struct list rows;

    fixture_open(&f, db);
    fixture_items(&f);
    for (int k = 1; k <= 2; k++) {
        FINE(&f.cx, sql_raw_all(&f.cx, fields, sizeof(struct item), &rows,
                                "insert into item (id, number) values (?1, 1) on conflict (id)"
                                " do update set number = item.number + 1 returning id, number",
                                BIND(INT(9))));
        CHECK_EQ_INT(rows.count, 1);
        CHECK_EQ_INT(LIST_AT(rows, struct item, 0)->number, k);
    }
    fixture_close(&f);
}

TEST_DB(broken_sql_is_reported, "a statement that is none is refused with the database's words")
{
    struct fixture f;

    fixture_open(&f, db);
    for (int k = 0; k < 2; k++) {
        FAILS(&f.cx, ERR_STORAGE, "storage", sql_raw_run(&f.cx, NULL, "selec 1", NO_BINDS));
        FAILS(&f.cx, ERR_STORAGE, "storage",
              sql_raw_run(&f.cx, NULL, "delete from nowhere", NO_BINDS));
        FAILS(&f.cx, ERR_STORAGE, "storage", sql_raw_run(&f.cx, NULL, "select \"x\"", NO_BINDS));
        CHECK(sql_raw_run(&f.cx, NULL, "select 1; select 2", NO_BINDS) == ERR_STORAGE);
        fail_clear(&f.cx);
    }
    CHECK_EQ_INT(fixture_int(&f.cx, "select 1"), 1);
    fixture_close(&f);
}

TEST_DB(like_tells_cases_apart, "LIKE and ORDER BY go by bytes on both databases")
{
    static const struct field fields[] = {F(item, name), F_END};
    struct fixture f;
    struct list rows;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, add(&f.cx, 1, "b"));
    FINE(&f.cx, add(&f.cx, 2, "B"));
    FINE(&f.cx, add(&f.cx, 3, "a"));
    FINE(&f.cx, add(&f.cx, 4, "_"));
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item where name like 'b%'"), 1);
    FINE(&f.cx, sql_raw_all(&f.cx, fields, sizeof(struct item), &rows,
                            "select name from item order by name", NO_BINDS));
    CHECK_EQ_TEXT(LIST_AT(rows, struct item, 0)->name, "B");
    CHECK_EQ_TEXT(LIST_AT(rows, struct item, 1)->name, "_");
    CHECK_EQ_TEXT(LIST_AT(rows, struct item, 2)->name, "a");
    CHECK_EQ_TEXT(LIST_AT(rows, struct item, 3)->name, "b");
    fixture_close(&f);
}

TEST_DB(too_many_rows_are_refused,
        "a read of more than 100,000 rows is refused, one of as many not")
{
    static const char sql[] = "with recursive n(i) as (select 1 union all select i + 1 from n"
                              " where i < ?1) select i from n";
    static const struct field fields[] = {F(item, id), F_END};
    struct fixture f;
    struct list rows;

    fixture_open(&f, db);
    FINE(&f.cx, sql_raw_all(&f.cx, fields, sizeof(int64_t), &rows, sql, BIND(INT(SQL_ROWS_MAX))));
    CHECK_EQ_INT(rows.count, SQL_ROWS_MAX);
    CHECK_EQ_INT(*LIST_AT(rows, int64_t, SQL_ROWS_MAX - 1), SQL_ROWS_MAX);
    FAILS(&f.cx, ERR_STORAGE, "too_many_rows",
          sql_raw_all(&f.cx, fields, sizeof(int64_t), &rows, sql, BIND(INT(SQL_ROWS_MAX + 1))));
    CHECK_EQ_INT(fixture_int(&f.cx, "select 1"), 1);
    fixture_close(&f);
}
