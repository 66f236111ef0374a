/*
 * field_priv.h - what the readers and writers of field tables share.
 *
 * Invariant: a spot lives on the stack as long as its value is decoded; the JSON pointer of a value
 * is put together only when it is refused.
 */
#ifndef GREVY_JSON_FIELD_PRIV_H
#define GREVY_JSON_FIELD_PRIV_H

#include "kernel/json/field.h"

/* A place in the document being decoded. */
struct spot {
    struct cx *cx;
    enum field_mode mode;
    const char *pointer;   /* Of the root: what the caller gave. */
    const struct spot *up; /* NULL at the root. */
    struct str name;       /* Of a member; absent for an item of a list. */
    size_t index;
};

struct spot spot_member(const struct spot *up, struct str name);
struct spot spot_item(const struct spot *up, size_t index);

/* Refuse the value at spot; the detail begins with its name.  Returns ERR_BAD_INPUT. */
enum err spot_refuse(const struct spot *spot, const char *code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Expected `wanted`, got a value of another type. */
enum err spot_refuse_type(const struct spot *spot, const char *wanted, struct json v);

/* Decode v into the member of the struct at base; never called for null that means absent. */
enum err field_decode_scalar(const struct spot *spot, const struct field *field, struct json v,
                             char *base);
enum err field_decode_text(const struct spot *spot, struct json v, int64_t len_min, int64_t len_max,
                           struct str *out);

struct limits {
    int64_t min, max;
};

/* The limits of a table row; what it leaves open comes from its type. */
struct limits field_limits(const struct field *field);

/* The first control character of s, -1 when there is none; of those allowed none counts. */
int field_control_byte(struct str s, const char *allowed);

/* Written as null when absent? */
bool field_nullable(const struct field *field);

#endif
