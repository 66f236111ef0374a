/*
 * field.h - one table per struct: JSON in, JSON out, OpenAPI, limits and flat SQL rows.
 *
 * A field says where a member lives in its struct and what it means.  Nested objects, lists, enums,
 * money, time, ids and maps are described by the same table; SQL rows use only its scalars.  It is
 * not an ORM: no relations, no queries, no state.
 *
 * Invariants:
 *   - a table ends with an empty element;
 *   - decoding checks every limit and names the bad field by its JSON pointer; a struct that came
 *     out of field_decode satisfies its table;
 *   - absent: text has ptr NULL, ids and times are 0, numbers and booleans take .fallback, lists
 *     and maps have count 0, objects are all absent.
 */
#ifndef GREVY_JSON_FIELD_H
#define GREVY_JSON_FIELD_H

#include "kernel/json/json.h"

enum field_type {
    FIELD_END,
    FIELD_BOOL,   /* bool */
    FIELD_INT,    /* int64_t */
    FIELD_DOUBLE, /* double; never money */
    FIELD_TEXT,   /* struct str; min and max are bytes (default max FIELD_TEXT_LEN_MAX) */
    FIELD_ENUM,   /* int, an index into .names; text in JSON and in SQL */
    FIELD_TIME,   /* int64_t Unix ms; RFC 3339 UTC with milliseconds in JSON, bigint in SQL */
    FIELD_ID,     /* int64_t; prefix_ + base32 in JSON, bigint in SQL */
    FIELD_MONEY,  /* int64_t minor units at .offset, struct str currency at .currency_offset;
                     {"amount","currency"} in JSON, the minor units alone in SQL */
    FIELD_OBJECT, /* nested struct described by .fields */
    FIELD_LIST,   /* struct list of .size-byte items: of .fields, or scalars of type .item */
    FIELD_MAP,    /* struct list of struct pair: text to text; count limited by max */
    FIELD_JSON,   /* struct str: any JSON value, kept minified; text in SQL */
};

/* What a table admits that says nothing else. */
enum {
    FIELD_TEXT_LEN_MAX = 1024,
    FIELD_LIST_COUNT_MAX = 1000,
    FIELD_MAP_COUNT_MAX = 64,
    FIELD_MAP_KEY_LEN_MAX = 128,
};

struct list {
    void *items;
    size_t count;
};
#define LIST_AT(list, type, k) (&((type *)(list).items)[k])

struct pair {
    struct str key, value;
};

enum field_flag {
    FIELD_REQUIRED = 1,  /* Must be present in JSON in. */
    FIELD_JSON_ONLY = 2, /* No SQL column. */
    FIELD_SQL_ONLY = 4,  /* Not part of the API. */
    FIELD_OMIT = 8,      /* JSON out leaves it out when absent, instead of null. */
    FIELD_OUT_ONLY = 16, /* Never read from JSON in: a body that has it is refused. */
    FIELD_SIGNED = 32,   /* Money may be negative (default: 0 and up). */
};

struct field {
    const char *name;   /* In JSON. */
    const char *column; /* In SQL; NULL: the same as name. */
    enum field_type type;
    uint32_t offset, currency_offset;
    uint32_t size;              /* LIST: bytes of one item. */
    enum field_type item;       /* LIST of scalars: FIELD_INT, FIELD_TEXT or FIELD_ID. */
    const struct field *fields; /* OBJECT, LIST of objects. */
    const char *const *names;   /* ENUM: NULL-terminated. */
    const char *prefix;         /* ID. */
    int64_t min, max;           /* Of the number, bytes of text, items; both 0: the type's own;
                                   max below min: the type's own max. */
    int64_t fallback;
    unsigned flags;
    const char *doc;
};

#define FIELD_AT(struct_, member_) .offset = (uint32_t)offsetof(struct struct_, member_)
#define FIELD_KIND(struct_, member_)                                                               \
    _Generic(((struct struct_ *)0)->member_, bool                                                  \
             : FIELD_BOOL, int64_t                                                                 \
             : FIELD_INT, double                                                                   \
             : FIELD_DOUBLE, struct str                                                            \
             : FIELD_TEXT)

/* F(order, note, .max = 500): bool, int64_t, double and struct str say their own type. */
#define F(struct_, member_, ...)                                                                   \
    {                                                                                              \
        .name = #member_, .type = FIELD_KIND(struct_, member_), FIELD_AT(struct_, member_),        \
        ##__VA_ARGS__                                                                              \
    }
#define F_ENUM(struct_, member_, names_, ...)                                                      \
    {                                                                                              \
        .name = #member_, .type = FIELD_ENUM, .names = (names_), FIELD_AT(struct_, member_),       \
        ##__VA_ARGS__                                                                              \
    }
#define F_ID(struct_, member_, prefix_, ...)                                                       \
    {                                                                                              \
        .name = #member_, .type = FIELD_ID, .prefix = (prefix_), FIELD_AT(struct_, member_),       \
        ##__VA_ARGS__                                                                              \
    }
#define F_JSON(struct_, member_, ...)                                                              \
    {                                                                                              \
        .name = #member_, .type = FIELD_JSON, FIELD_AT(struct_, member_), ##__VA_ARGS__            \
    }
#define F_MAP(struct_, member_, ...)                                                               \
    {                                                                                              \
        .name = #member_, .type = FIELD_MAP, FIELD_AT(struct_, member_), ##__VA_ARGS__             \
    }
#define F_OBJECT(struct_, member_, fields_, ...)                                                   \
    {                                                                                              \
        .name = #member_, .type = FIELD_OBJECT, .fields = (fields_), FIELD_AT(struct_, member_),   \
        ##__VA_ARGS__                                                                              \
    }
/* F_LIST(order_new, lines, order_line_new, line_fields) */
#define F_LIST(struct_, member_, item_struct_, fields_, ...)                                       \
    {                                                                                              \
        .name = #member_, .type = FIELD_LIST, .fields = (fields_),                                 \
        .size = sizeof(struct item_struct_), FIELD_AT(struct_, member_), ##__VA_ARGS__             \
    }
#define F_TEXTS(struct_, member_, ...)                                                             \
    {                                                                                              \
        .name = #member_, .type = FIELD_LIST, .item = FIELD_TEXT, .size = sizeof(struct str),      \
        FIELD_AT(struct_, member_), ##__VA_ARGS__                                                  \
    }
/* F_TIME(order, created_ms, "created_at"): JSON name differs from the member, which is the column.
 */
#define F_TIME(struct_, member_, name_, ...)                                                       \
    {                                                                                              \
        .name = (name_), .column = #member_, .type = FIELD_TIME, FIELD_AT(struct_, member_),       \
        ##__VA_ARGS__                                                                              \
    }
/* F_MONEY(order, total_minor, currency, "total") */
#define F_MONEY(struct_, member_, currency_, name_, ...)                                           \
    {                                                                                              \
        .name = (name_), .column = #member_, .type = FIELD_MONEY, FIELD_AT(struct_, member_),      \
        .currency_offset = (uint32_t)offsetof(struct struct_, currency_), ##__VA_ARGS__            \
    }
#define F_END                                                                                      \
    {                                                                                              \
        .name = NULL, .type = FIELD_END                                                            \
    }

enum field_mode {
    FIELD_STRICT, /* From outside: unknown members are refused. */
    FIELD_LENIENT /* Events: a consumer reads the fields it knows. */
};

/** Decode object into out (zeroed first).  Errors: BAD_INPUT "unknown_field", "required",
 *  "wrong_type", "out_of_range", "bad_value", with pointer (prefix + "/name/0/..."). */
MUST_CHECK enum err field_decode(struct cx *cx, const struct field *fields, enum field_mode mode,
                                 struct json object, const char *pointer, void *out);

/** Parse text and decode it.  size is sizeof *out. */
MUST_CHECK enum err field_read(struct cx *cx, const struct field *fields, enum field_mode mode,
                               struct str text, void *out, size_t size);

void field_write(struct json_out *out, const struct field *fields, const void *value);
struct str field_json(struct cx *cx, const struct field *fields, const void *value);

/** The JSON Schema (OpenAPI 3.1) object of the table; request: leave OUT_ONLY fields out. */
void field_schema(struct json_out *out, const struct field *fields, bool request);

/* RFC 3339 in UTC: 2026-11-22T10:00:00.000Z; parsing also takes offsets and any fraction, or none.
 * Years 1970 to 9999: formatting takes the nearest time it can write, parsing refuses. */
enum { TIME_TEXT_LEN = 24 };
void time_format(char out[TIME_TEXT_LEN + 1], int64_t ms);
bool time_parse(struct str text, int64_t *ms);

#endif
