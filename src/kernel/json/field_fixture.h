/*
 * field_fixture.h - a table with every type and flag, for the tests of field tables.
 *
 * Invariant: field_round_trip holds a text of every member.
 */
#ifndef GREVY_JSON_FIELD_FIXTURE_H
#define GREVY_JSON_FIELD_FIXTURE_H

#include "kernel/json/field.h"

static const char *const colours[] = {"red", "green", "blue", NULL};

struct part {
    int64_t sku;
    int64_t quantity;
    int64_t price_minor;
    struct str price_currency;
    struct list tags;
};

static const struct field part_fields[] = {
    F_ID(part, sku, "sku", .flags = FIELD_REQUIRED),
    F(part, quantity, .min = 1, .max = 10000, .flags = FIELD_REQUIRED),
    F_MONEY(part, price_minor, price_currency, "price"),
    F_TEXTS(part, tags, .min = 0, .max = 3),
    F_END,
};

struct group {
    struct str title;
    struct list parts;
};

static const struct field group_fields[] = {
    F(group, title, .min = 2, .max = 5),
    F_LIST(group, parts, part, part_fields, .max = 2),
    F_END,
};

struct place {
    struct str city;
    double latitude;
};

static const struct field place_fields[] = {
    F(place, city, .flags = FIELD_REQUIRED),
    F(place, latitude, .min = -90, .max = 90),
    F_END,
};

/* Every type once, and each flag. */
struct whole {
    bool yes;
    int64_t number, plain;
    double fraction;
    struct str text, note;
    int colour;
    int64_t created_ms;
    int64_t id;
    int64_t total_minor, balance_minor;
    struct str currency;
    struct place place;
    struct list groups, numbers, ids;
    struct list labels;
    struct str any;
    int64_t given;
    int64_t hidden;
};

static const struct field whole_fields[] = {
    F(whole, yes, .fallback = 1),
    F(whole, number, .min = -5, .max = 5, .fallback = 3),
    F(whole, plain),
    F(whole, fraction, .fallback = -2),
    F(whole, text),
    F(whole, note, .flags = FIELD_OMIT),
    F_ENUM(whole, colour, colours, .fallback = 2),
    F_TIME(whole, created_ms, "created_at"),
    F_ID(whole, id, "ord"),
    F_MONEY(whole, total_minor, currency, "total"),
    F_MONEY(whole, balance_minor, currency, "balance", .flags = FIELD_SIGNED),
    F(whole, currency, .min = 3, .max = 3),
    F_OBJECT(whole, place, place_fields),
    F_LIST(whole, groups, group, group_fields),
    {.name = "numbers",
     .type = FIELD_LIST,
     .item = FIELD_INT,
     .size = sizeof(int64_t),
     FIELD_AT(whole, numbers)},
    {.name = "ids",
     .type = FIELD_LIST,
     .item = FIELD_ID,
     .prefix = "usr",
     .size = sizeof(int64_t),
     FIELD_AT(whole, ids)},
    F_MAP(whole, labels, .max = 2),
    F_JSON(whole, any, .doc = "Anything."),
    F(whole, given, .flags = FIELD_OUT_ONLY),
    F(whole, hidden, .flags = FIELD_SQL_ONLY),
    F_END,
};

static inline struct cx field_fixture_cx(void)
{
    struct cx cx;

    cx_open(&cx, env_system(), 16 << 20);
    return cx;
}

#endif
