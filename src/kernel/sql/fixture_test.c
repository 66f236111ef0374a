/*
 * fixture_test.c - a database of a test's own.
 */
#include "kernel/sql/fixture.h"

#include <stdio.h>

#include "kernel/sql/postgres.h"

static const char *const colours[] = {"red", "green", NULL};

const struct field item_fields[] = {F(item, id),
                                    F(item, number, .fallback = -1),
                                    F(item, name),
                                    F(item, note, .flags = FIELD_JSON_ONLY),
                                    F(item, note, .column = "key"),
                                    F_ENUM(item, colour, colours),
                                    F(item, on),
                                    F_TIME(item, made_ms, "made_at"),
                                    F_MONEY(item, price, currency, "price"),
                                    F(item, currency, .flags = FIELD_SQL_ONLY),
                                    F(item, weight),
                                    F_JSON(item, data),
                                    F_END};
const struct table item_table = TABLE("item", item, item_fields, 1);

static const struct field link_fields[] = {F(link, from), F(link, to), F_END};
const struct table link_table = TABLE("link", link, link_fields, 2);

struct sql_options fixture_place(const struct fixture *f, struct sql_options options)
{
    options.url = f->url;
    options.schema = f->postgres ? test_unique() : NULL;
    return options;
}

void fixture_more(struct fixture *f, struct cx *cx, struct sql_options options)
{
    struct problem problem;

    options = fixture_place(f, options);
    cx_open(cx, env_system(), FIXTURE_CX_BYTES);
    if (sql_open(&cx->db, &options, &problem) != OK)
        test_fail(__FILE__, __LINE__, "%s: %s", problem.code, problem.detail);
}

void fixture_less(struct cx *cx)
{
    sql_close(cx->db);
    cx_close(cx);
}

void fixture_open(struct fixture *f, const char *db)
{
    f->postgres = strcmp(db, "sqlite") != 0;
    if (f->postgres)
        snprintf(f->url, sizeof(f->url), "%s", db);
    else
        snprintf(f->url, sizeof(f->url), "%s/test.db", test_dir());
    fixture_more(f, &f->cx, (struct sql_options){0});
}

void fixture_close(struct fixture *f)
{
    char sql[64];

    snprintf(sql, sizeof(sql), "drop schema %s cascade", test_unique());
    sql_rollback(&f->cx);
    if (f->postgres)
        FINE(&f->cx, sql_script(&f->cx, sql));
    fixture_less(&f->cx);
}

struct one {
    int64_t value;
};

int64_t fixture_int(struct cx *cx, const char *sql)
{
    static const struct field fields[] = {F(one, value), F_END};
    struct list rows;

    FINE(cx, sql_raw_all(cx, fields, sizeof(struct one), &rows, sql, NO_BINDS));
    CHECK_EQ_INT(rows.count, 1);
    return LIST_AT(rows, struct one, 0)->value;
}

uint64_t fixture_round_trips(const struct cx *cx)
{
    CHECK_EQ_INT(cx->db->kind, SQL_POSTGRES);
    return ((const struct postgres *)cx->db)->round_trips;
}

void fixture_items(struct fixture *f)
{
    FINE(&f->cx,
         sql_script(&f->cx, "create table item (id bigint not null primary key,"
                            " number bigint, name text, \"key\" text, colour text,"
                            " \"on\" bigint, made_ms bigint, price bigint, currency text,"
                            " weight double precision, data text);"
                            "create unique index item_by_name on item (name);"
                            "create table link (\"from\" text not null, \"to\" bigint"
                            " not null check (\"to\" >= 0), primary key (\"from\", \"to\"));"));
}
