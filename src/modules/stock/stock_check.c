/*
 * stock_check.c - the levels against the movements and reservations that they sum up.
 *
 * However many months there are, no statement is long and little memory is taken: the levels are
 * held so many at a time, and both tables are read past them in the order of their own keys, a
 * slice per statement.  (By SKU each row would be a leap of its own.)
 */
#include <stdlib.h>

#include "modules/stock/stock_priv.h"

enum {
    LEVELS_OF_PASS = 8192, /* 100 bytes each. */
    ROWS_OF_SLICE = 5000,  /* And the rest of an order. */
    FINDINGS_MAX = 100,
};

struct level_sums {
    int64_t sku;
    struct str location;
    int64_t on_hand, moved, reserved, promised, sold, delivered;
};
static const struct field sums_fields[] = {
    F_ID(level_sums, sku, "sku"), F(level_sums, location),  F(level_sums, on_hand),
    F(level_sums, moved),         F(level_sums, reserved),  F(level_sums, promised),
    F(level_sums, sold),          F(level_sums, delivered), F_END};
static const struct field level_fields[] = {F(level_sums, sku),     F(level_sums, location),
                                            F(level_sums, on_hand), F(level_sums, reserved),
                                            F(level_sums, sold),    F_END};
static const struct field moved_fields[] = {F(level_sums, sku), F(level_sums, location),
                                            F(level_sums, moved), F_END};
static const struct field promised_fields[] = {F(level_sums, sku), F(level_sums, location),
                                               F(level_sums, promised), F(level_sums, delivered),
                                               F_END};

/* The levels of the SKUs from < sku <= to, by SKU and location. */
struct pass {
    struct level_sums *levels;
    size_t count;
    int64_t from, to;
    int64_t rows;          /* Of both tables, looked at. */
    int64_t strays, stray; /* Rows that no level counts; the SKU of one. */
};

static int by_place(const void *a, const void *b)
{
    const struct level_sums *one = a, *other = b;

    if (one->sku != other->sku)
        return one->sku < other->sku ? -1 : 1;
    return str_cmp(one->location, other->location);
}

static void add(struct pass *pass, const struct level_sums *row)
{
    struct level_sums *level =
        bsearch(row, pass->levels, pass->count, sizeof(*pass->levels), by_place);

    if (!level) {
        pass->strays++;
        pass->stray = row->sku;
        return;
    }
    level->moved += row->moved;
    level->promised += row->promised;
    level->delivered += row->delivered;
}

/* Read one slice into the sums, and forget it: months do not fit the memory of one request. */
static enum err add_slice(struct cx *cx, struct pass *pass, const struct field *fields,
                          const char *sql, struct binds binds)
{
    struct arena_mark mark = arena_mark(&cx->arena);
    struct list rows;

    TRY(sql_all(cx, fields, sizeof(struct level_sums), &rows, sql, binds));
    pass->rows += (int64_t)rows.count;
    for (size_t k = 0; k < rows.count; k++)
        add(pass, LIST_AT(rows, struct level_sums, k));
    arena_rewind(&cx->arena, mark);
    return OK;
}

/* sku + 0: by the index over SKUs it would not be a slice. */
static enum err add_movements(struct cx *cx, struct pass *pass)
{
    int64_t from = 0, to = 0;

    while (to < INT64_MAX) {
        TRY(sql_int(cx, &to, INT64_MAX,
                    "select id from stock_movement where id > ?1 order by id limit 1 offset ?2",
                    BIND(INT(from), INT(ROWS_OF_SLICE))));
        TRY(add_slice(cx, pass, moved_fields,
                      "select sku, location, quantity from stock_movement"
                      " where id > ?1 and id <= ?2 and sku + 0 > ?3 and sku + 0 <= ?4",
                      BIND(INT(from), INT(to), INT(pass->from), INT(pass->to))));
        from = to;
    }
    return OK;
}

static enum err add_reservations(struct cx *cx, struct pass *pass)
{
    int64_t from = 0, to = 0;

    while (to < INT64_MAX) {
        TRY(sql_int(cx, &to, INT64_MAX,
                    "select ref from stock_reservation where ref > ?1 order by ref limit 1"
                    " offset ?2",
                    BIND(INT(from), INT(ROWS_OF_SLICE))));
        TRY(add_slice(cx, pass, promised_fields,
                      "select sku, location, open, sold from stock_reservation"
                      " where ref > ?1 and ref <= ?2 and sku + 0 > ?3 and sku + 0 <= ?4",
                      BIND(INT(from), INT(to), INT(pass->from), INT(pass->to))));
        from = to;
    }
    return OK;
}

static void report_pass(const struct pass *pass, struct patrol_report *report)
{
    report->accounts += (int64_t)pass->count;
    report->movements += pass->rows;
    for (size_t k = 0; k < pass->count; k++) {
        const struct level_sums *level = &pass->levels[k];

        if (level->on_hand == level->moved && level->reserved == level->promised &&
            level->sold == level->delivered)
            continue;
        if (report->found++ < FINDINGS_MAX)
            field_write(report->findings, sums_fields, level);
    }
    if (pass->strays == 0)
        return;
    report->found += pass->strays;
    field_write(report->findings, sums_fields,
                &(struct level_sums){.sku = pass->stray, .location = STR("no such level")});
}

/* As many SKUs as fit one pass; one of them has its few locations. */
static enum err check_pass(struct cx *cx, struct pass *pass, struct patrol_report *report)
{
    struct list levels;

    TRY(sql_int(cx, &pass->to, INT64_MAX,
                "select sku from stock_level where sku > ?1 order by sku limit 1 offset ?2",
                BIND(INT(pass->from), INT(LEVELS_OF_PASS))));
    TRY(sql_all(cx, level_fields, sizeof(struct level_sums), &levels,
                "select sku, location, on_hand, reserved, sold from stock_level"
                " where sku > ?1 and sku <= ?2 order by sku, location",
                BIND(INT(pass->from), INT(pass->to))));
    pass->levels = levels.items;
    pass->count = levels.count;
    TRY(add_movements(cx, pass));
    TRY(add_reservations(cx, pass));
    report_pass(pass, report);
    return OK;
}

/* A pass that finds something is the last: its findings stay in memory, and want mending first. */
enum err stock_check(struct cx *cx, struct patrol_report *report)
{
    struct arena_mark mark = arena_mark(&cx->arena);
    int64_t found = report->found;
    struct pass pass = {.from = 0};

    while (pass.to < INT64_MAX && report->found == found) {
        arena_rewind(&cx->arena, mark);
        pass = (struct pass){.from = pass.to};
        TRY(check_pass(cx, &pass, report));
    }
    return OK;
}
