/*
 * show.c - values as CEL text, for people and messages.
 */
#include <string.h>

#include "kernel/rule/lex.h"
#include "kernel/rule/net.h"
#include "kernel/rule/number.h"
#include "kernel/rule/show.h"
#include "kernel/rule/time.h"

void rule_show_text(struct text *out, struct str s, bool bytes)
{
    text_add(out, bytes ? STR("b\"") : STR("\""));
    for (size_t k = 0; k < s.len && !out->cut; k++) {
        unsigned char c = (unsigned char)s.ptr[k];

        if (c == '"' || c == '\\')
            text_addf(out, "\\%c", c);
        else if (c == '\n')
            text_add(out, STR("\\n"));
        else if (c < ' ' || c == 0x7f || (bytes && c >= 0x80))
            text_addf(out, "\\x%02x", c);
        else
            text_add(out, (struct str){s.ptr + k, 1});
    }
    text_add(out, STR("\""));
}

static void show_double(struct text *out, double d)
{
    char text[RULE_DOUBLE_TEXT_MAX];
    size_t len = rule_write_double(text, d, false);

    text_add(out, (struct str){text, len});
    if (!memchr(text, '.', len) && !memchr(text, 'e', len) && !memchr(text, 'n', len) &&
        !memchr(text, 'N', len))
        text_add(out, STR(".0"));
}

static void show_time(struct text *out, struct rule_value v)
{
    char text[RULE_TIME_TEXT_MAX];
    size_t len =
        v.kind == RULE_TIMESTAMP ? rule_write_timestamp(text, v) : rule_write_duration(text, v);

    text_addf(out, "%s(\"%.*s\")", v.kind == RULE_TIMESTAMP ? "timestamp" : "duration", (int)len,
              text);
}

static void show_items(struct text *out, struct rule_value v, int depth)
{
    text_add(out, STR("["));
    for (uint32_t k = 0; k < v.len && !out->cut; k++) {
        text_add(out, k ? STR(", ") : STR(""));
        rule_show(out, v.items[k], depth + 1);
    }
    text_add(out, STR("]"));
}

static void show_map(struct text *out, const struct rule_map *map, int depth)
{
    text_add(out, STR("{"));
    for (uint32_t k = 0; k < map->count && !out->cut; k++) {
        text_add(out, k ? STR(", ") : STR(""));
        rule_show(out, map->keys[k], depth + 1);
        text_add(out, STR(": "));
        rule_show(out, map->values[k], depth + 1);
    }
    text_add(out, STR("}"));
}

static void show_object(struct text *out, const struct rule_object *object, int depth)
{
    bool first = true;

    text_add(out, object->type->name);
    text_add(out, STR("{"));
    for (uint32_t k = 0; k < object->type->count && !out->cut; k++) {
        if (object->fields[k].kind == RULE_UNSET)
            continue;
        text_add(out, first ? STR("") : STR(", "));
        text_add(out, object->type->fields[k].name);
        text_add(out, STR(": "));
        rule_show(out, object->fields[k], depth + 1);
        first = false;
    }
    text_add(out, STR("}"));
}

static void show_net(struct text *out, struct rule_value v)
{
    char text[RULE_NET_TEXT_MAX];
    size_t len = rule_write_net(text, v);

    text_addf(out, "%s(\"%.*s\")", v.kind == RULE_IP ? "ip" : "cidr", (int)len, text);
}

static void show_optional(struct text *out, struct rule_value v, int depth)
{
    text_add(out, v.items ? STR("optional.of(") : STR("optional.none("));
    if (v.items)
        rule_show(out, *v.items, depth + 1);
    text_add(out, STR(")"));
}

static void show_parts(struct text *out, struct rule_value v, int depth)
{
    switch (v.kind) {
    case RULE_LIST:
        show_items(out, v, depth);
        return;
    case RULE_MAP:
        show_map(out, v.map, depth);
        return;
    case RULE_OBJECT:
        show_object(out, v.object, depth);
        return;
    case RULE_OPTIONAL:
        show_optional(out, v, depth);
        return;
    case RULE_TYPE:
        text_add(out, v.type->name);
        return;
    case RULE_ERROR:
        text_addf(out, "error: " STR_FMT, STR_ARG(v.error->text));
        return;
    default:
        show_net(out, v);
    }
}

void rule_show(struct text *out, struct rule_value v, int depth)
{
    if (out->cut || depth > RULE_VALUE_DEPTH_MAX) {
        out->cut = true;
        return;
    }
    switch (v.kind) {
    case RULE_UNSET:
        text_add(out, STR("(not evaluated)"));
        return;
    case RULE_NULL:
        text_add(out, STR("null"));
        return;
    case RULE_BOOL:
        text_add(out, v.truth ? STR("true") : STR("false"));
        return;
    case RULE_INT:
        text_addf(out, "%" PRId64, v.i);
        return;
    case RULE_UINT:
        text_addf(out, "%" PRIu64 "u", v.u);
        return;
    case RULE_DOUBLE:
        show_double(out, v.d);
        return;
    case RULE_STRING:
    case RULE_BYTES:
        rule_show_text(out, rule_text(v), v.kind == RULE_BYTES);
        return;
    case RULE_TIMESTAMP:
    case RULE_DURATION:
        show_time(out, v);
        return;
    default:
        show_parts(out, v, depth);
    }
}

struct str rule_value_text(struct cx *cx, struct rule_value v, size_t len_max)
{
    struct text text = {cx_alloc(cx, len_max + 4), 0, len_max, false};

    rule_show(&text, v, 0);
    while (text.cut && text.len && ((unsigned char)text.ptr[text.len - 1] & 0x80))
        text.len--; /* No half character; the whole of the last one goes. */
    if (text.cut) {
        memcpy(text.ptr + text.len, "...", 3);
        text.len += 3;
    }
    return (struct str){text.ptr, text.len};
}
