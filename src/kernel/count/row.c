/*
 * row.c - counters to rows and back; columns in the order of schema/005_count.sql.
 */
#include "kernel/count/row.h"

const struct field count_row_fields[] = {
    F(count_row, key),     F(count_row, kind), F(count_row, used),  F(count_row, begins_ms),
    F(count_row, ends_ms), F(count_row, kept), F(count_row, marks), F_END};
const struct table count_table = TABLE("kernel_count", count_row, count_row_fields, 2);

static struct str added_since(const struct text *text, size_t begin)
{
    return (struct str){text->ptr + begin, text->len - begin};
}

void row_of_entry(struct count_row *row, const struct entry *entry, struct text *text)
{
    size_t begin = text->len;

    *row = (struct count_row){.kind = entry->window + (entry->sliding ? KIND_SLIDING : 0),
                              .used = entry->used,
                              .begins_ms = entry->sliding ? 0 : entry->period.begin_ms,
                              .ends_ms = entry_end_ms(entry),
                              .kept = entry->kept};
    text_add(text, (struct str){entry->key, (size_t)entry->key_len});
    row->key = added_since(text, begin);
    begin = text->len;
    for (int k = 0; k < entry->marks.count; k++) {
        text_add_int(text, entry->marks.items[k].when_ms);
        text_add(text, STR(" "));
        text_add_int(text, entry->marks.items[k].amount);
        text_add(text, STR(" "));
    }
    row->marks = added_since(text, begin);
    assert(!text->cut);
}

struct count_ask ask_of_row(const struct count_row *row)
{
    return (struct count_ask){.key = row->key,
                              .window = (enum count_window)(row->kind % KIND_SLIDING),
                              .sliding = row->kind >= KIND_SLIDING,
                              .kept = row->kept != 0};
}

/* No clock tells such a time; differences of others do not overflow. */
#define WHEN_MS_MAX (INT64_C(1) << 60)

static bool read_number(struct str *rest, int64_t *out)
{
    struct str word;

    return str_cut(rest, ' ', &word) && str_int(word, out);
}

bool marks_read(struct str text, int64_t used, struct marks *out)
{
    int64_t last_ms = -WHEN_MS_MAX, sum = 0;

    *out = (struct marks){0};
    while (text.len > 0) {
        struct mark mark;

        if (!read_number(&text, &mark.when_ms) || !read_number(&text, &mark.amount) ||
            mark.when_ms <= last_ms || mark.when_ms >= WHEN_MS_MAX || mark.amount < 1 ||
            mark.amount > used - sum || out->count == MARKS_MAX ||
            (out->count == out->room && !marks_grow(out)))
            break;
        out->items[out->count++] = mark;
        last_ms = mark.when_ms;
        sum += mark.amount;
    }
    if (text.len == 0 && sum == used)
        return true;
    marks_free(out);
    return false;
}
