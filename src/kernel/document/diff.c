/*
 * diff.c - in which leaves do two documents differ?
 *
 * A leaf is a value that is no list and no object, or an empty one.  Both documents are laid out as
 * leaves sorted by pointer; what stands in one only, or differs, is told.
 */
#include <stdlib.h>

#include "kernel/document/store.h"

enum { LEAVES_MAX = 100000 /* Of a document of DOCUMENT_BYTES_MAX; ten bytes a leaf. */ };

const char *const diff_ops[] = {"added", "removed", "changed", NULL};

struct leaf {
    struct str pointer, value;
};
struct leaves {
    struct leaf *items;
    size_t count, room;
};

/* RFC 6901: ~ is ~0, / is ~1. */
static struct str escaped(struct cx *cx, struct str name)
{
    char *at = cx_alloc(cx, name.len * 2 + 1);
    size_t len = 0;

    for (size_t k = 0; k < name.len; k++) {
        char c = name.ptr[k];

        at[len++] = c == '~' || c == '/' ? '~' : c;
        if (c == '~' || c == '/')
            at[len++] = c == '~' ? '0' : '1';
    }
    return (struct str){at, len};
}

static void add(struct cx *cx, struct leaves *leaves, struct str pointer, struct json value)
{
    if (leaves->count == leaves->room) {
        struct leaf *more = CX_ARRAY(cx, struct leaf, leaves->room ? leaves->room * 2 : 64);

        for (size_t k = 0; k < leaves->count; k++)
            more[k] = leaves->items[k];
        leaves->items = more;
        leaves->room = leaves->room ? leaves->room * 2 : 64;
    }
    leaves->items[leaves->count++] = (struct leaf){pointer, json_minified(cx, value)};
}

/* As deep as JSON_DEPTH_MAX lets a document be. */
static void lay_out(struct cx *cx, struct leaves *leaves, struct str pointer, struct json value)
{
    enum json_type type = json_type(value);
    size_t number = 0;

    if (leaves->count >= LEAVES_MAX)
        return;
    if ((type != JSON_OBJECT && type != JSON_LIST) || json_count(value) == 0) {
        add(cx, leaves, pointer, value);
        return;
    }
    for (struct json_iter it = json_iter(value); json_next(&it); number++) {
        struct str name = type == JSON_OBJECT ? escaped(cx, it.key) : cx_printf(cx, "%zu", number);

        lay_out(cx, leaves, cx_printf(cx, STR_FMT "/" STR_FMT, STR_ARG(pointer), STR_ARG(name)),
                it.value);
    }
}

static int by_pointer(const void *a, const void *b)
{
    return str_cmp(((const struct leaf *)a)->pointer, ((const struct leaf *)b)->pointer);
}

static enum err leaves_of(struct cx *cx, struct str text, struct leaves *out)
{
    struct json json;

    *out = (struct leaves){0};
    TRY(json_parse(cx, text, &json));
    lay_out(cx, out, STR(""), json);
    if (out->count > 0)
        qsort(out->items, out->count, sizeof(out->items[0]), by_pointer);
    return OK;
}

static struct difference difference(const struct leaf *from, const struct leaf *to)
{
    return (struct difference){.op = from && to ? DIFF_CHANGED
                                     : from     ? DIFF_REMOVED
                                                : DIFF_ADDED,
                               .pointer = from ? from->pointer : to->pointer,
                               .from = from ? from->value : (struct str){0},
                               .to = to ? to->value : (struct str){0}};
}

enum err json_diff(struct cx *cx, struct str from, struct str to, struct list *out)
{
    struct difference *found = CX_ARRAY(cx, struct difference, DIFFERENCES_MAX);
    struct leaves a, b;
    size_t i = 0, j = 0, count = 0;

    TRY(leaves_of(cx, from, &a));
    TRY(leaves_of(cx, to, &b));
    while ((i < a.count || j < b.count) && count < DIFFERENCES_MAX) {
        const struct leaf *x = i < a.count ? &a.items[i] : NULL;
        const struct leaf *y = j < b.count ? &b.items[j] : NULL;
        int order = !x ? 1 : !y ? -1 : by_pointer(x, y);

        i += order <= 0;
        j += order >= 0;
        if (order != 0)
            found[count++] = difference(order < 0 ? x : NULL, order > 0 ? y : NULL);
        else if (!str_eq(x->value, y->value))
            found[count++] = difference(x, y);
    }
    *out = (struct list){found, count};
    return OK;
}
