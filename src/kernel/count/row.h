/*
 * row.h - a counter as a row of kernel_count.  Between the files of kernel/count.
 */
#ifndef GREVY_COUNT_ROW_H
#define GREVY_COUNT_ROW_H

#include "kernel/count/table.h"
#include "kernel/work/space.h"

enum {
    KIND_SLIDING = 16,
    MARKS_TEXT_LEN_MAX = MARKS_MAX * 2 * 21 + COUNT_KEY_LEN_MAX /* With the copy of its key. */
};

struct count_row {
    struct str key;
    int64_t kind, used, begins_ms, ends_ms, kept;
    struct str marks;
};
extern const struct table count_table;
extern const struct field count_row_fields[];

/** Needs: the entry's shard is locked; text has MARKS_TEXT_LEN_MAX bytes left. */
void row_of_entry(struct count_row *row, const struct entry *entry, struct text *text);

struct count_ask ask_of_row(const struct count_row *row); /* Without limit and amount. */

/** Read marks as they were written; false: they are not. */
bool marks_read(struct str text, int64_t used, struct marks *out);

#endif
