/*
 * audit.c - a chain of hashes over administrative writes.
 */
#include "kernel/access/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/base/hash.h"
#include "kernel/base/log.h"
#include "kernel/work/space.h"

enum { VERIFY_PAGE = 500 }; /* About 400 KiB of rows at a time. */

const struct field audit_fields[] = {
    F(audit_row, seq, .doc = "1, 2, 3 ... without a gap."),
    F_TIME(audit_row, time_ms, "time"),
    F(audit_row, actor, .doc = "Id of the API key, or \"system\"."),
    F(audit_row, action, .doc = "Method and path of the route."),
    F(audit_row, path),
    F(audit_row, status),
    F(audit_row, body_hash, .doc = "BLAKE2b-256 of the request's body, base64url."),
    F(audit_row, previous, .doc = "hash of the row before."),
    F(audit_row, hash, .doc = "BLAKE2b-256 over all other members, base64url."),
    F_END};
static const struct table audit_table = TABLE("kernel_audit", audit_row, audit_fields, 1);
#define AUDIT_COLUMNS                                                                              \
    "seq, time_ms, actor, action, path, status, body_hash, previous, hash from kernel_audit"

struct head_row {
    int64_t id, seq;
    struct str hash;
};
static const struct field head_fields[] = {F(head_row, id), F(head_row, seq), F(head_row, hash),
                                           F_END};
static const struct table head_table = TABLE("kernel_audit_head", head_row, head_fields, 1);
enum { HEAD_ID = 1 };

static struct str number_text(char out[24], int64_t n)
{
    snprintf(out, 24, "%" PRId64, n);
    return str_of(out);
}

static void row_hash(const struct audit_row *row, char out[HASH_TEXT_LEN + 1])
{
    char seq[24], time_ms[24], status[24];
    struct str parts[] = {row->previous,
                          number_text(seq, row->seq),
                          number_text(time_ms, row->time_ms),
                          row->actor,
                          row->action,
                          row->path,
                          number_text(status, row->status),
                          row->body_hash};

    hash_text(out, parts, sizeof(parts) / sizeof(parts[0]));
}

/* ---- Writing ---- */

static void log_head(struct space *space, void *argument)
{
    const struct audit_row *row = argument;

    log_event(LOG_INFO, "audit", LOG_TEXT("space", str_of(space->name)), LOG_INT("seq", row->seq),
              LOG_TEXT("hash", row->hash));
}

/* At most AUDIT_PATH_LEN_MAX bytes that every database takes as text. */
static struct str path_text(struct cx *cx, struct str path)
{
    char *text;
    size_t len = path.len > AUDIT_PATH_LEN_MAX ? AUDIT_PATH_LEN_MAX : path.len;

    while (len < path.len && len > 0 && ((unsigned char)path.ptr[len] & 0xC0) == 0x80)
        len--; /* Not in the middle of a character. */
    path.len = len;
    text = cx_alloc(cx, len + 1);
    for (size_t k = 0; k < len; k++)
        text[k] = path.ptr[k] < ' ' && path.ptr[k] >= 0 ? '?' : path.ptr[k];
    if (!str_utf8((struct str){text, len}))
        for (size_t k = 0; k < len; k++)
            text[k] = text[k] < 0 ? '?' : text[k];
    return (struct str){text, len};
}

enum err audit_put(struct cx *cx, const char *action, struct str path, int status, struct str body)
{
    struct head_row head = {.id = HEAD_ID};
    struct audit_row *row = CX_NEW(cx, struct audit_row);
    char *hash = cx_alloc(cx, HASH_TEXT_LEN + 1), *body_hash = cx_alloc(cx, HASH_TEXT_LEN + 1);
    unsigned char bytes[HASH_BYTES];
    bool found;

    assert(cx_can_write(cx));
    TRY(row_find(cx, &head_table, &head, &found));
    hash_bytes(bytes, body);
    base64url_write(body_hash, bytes, sizeof(bytes));
    *row = (struct audit_row){.seq = head.seq + 1,
                              .time_ms = cx->now_ms,
                              .actor = cx_actor(cx),
                              .action = cx_copy(cx, str_of(action)),
                              .path = path_text(cx, path),
                              .status = status,
                              .body_hash = str_of(body_hash),
                              .previous = found ? head.hash : STR("")};
    row_hash(row, hash);
    row->hash = str_of(hash);
    head.seq = row->seq;
    head.hash = row->hash;
    TRY(row_add(cx, &audit_table, row));
    TRY(row_put(cx, &head_table, &head));
    cx_after_commit(cx, log_head, row);
    return OK;
}

enum err audit_list(struct cx *cx, int64_t before, int64_t limit, struct list *out)
{
    return sql_all(cx, audit_fields, sizeof(struct audit_row), out,
                   "select " AUDIT_COLUMNS " where seq < ?1 order by seq desc limit ?2",
                   BIND(INT(before ? before : INT64_MAX), INT(limit)));
}

/* ---- Verifying ---- */

struct walk {
    struct audit_report *report;
    const struct audit_head *noted;
    int64_t seq; /* Of the last row that was right. */
    char hash[HASH_TEXT_LEN + 1];
};

PRINTF_LIKE(3, 4) static void found_bad(struct walk *walk, int64_t seq, const char *fmt, ...)
{
    struct audit_report *report = walk->report;
    va_list arguments;

    report->ok = false;
    report->bad_seq = seq;
    va_start(arguments, fmt);
    vsnprintf(report->finding, sizeof(report->finding), fmt, arguments);
    va_end(arguments);
}

static void walk_row(struct walk *walk, const struct audit_row *row)
{
    const struct audit_head *noted = walk->noted;
    char hash[HASH_TEXT_LEN + 1];

    row_hash(row, hash);
    if (row->seq != walk->seq + 1)
        found_bad(walk, walk->seq + 1, "row %" PRId64 " is missing: the next one is %" PRId64,
                  walk->seq + 1, row->seq);
    else if (!str_is(row->hash, hash))
        found_bad(walk, row->seq,
                  "row %" PRId64 " was changed: its hash is not that of its columns", row->seq);
    else if (!str_is(row->previous, walk->hash))
        found_bad(walk, row->seq,
                  "row %" PRId64 " does not follow row %" PRId64
                  ": rows were exchanged, put in, or rewritten from here on",
                  row->seq, walk->seq);
    else if (noted && noted->seq == row->seq && !str_eq(noted->hash, row->hash))
        found_bad(walk, row->seq,
                  "row %" PRId64 " is not the one that was noted: the log was"
                  " rewritten",
                  row->seq);
    if (!walk->report->ok)
        return;
    walk->seq = row->seq;
    memcpy(walk->hash, hash, sizeof(hash));
    walk->report->rows++;
}

static enum err walk_page(struct cx *cx, struct walk *walk, bool *more)
{
    struct list rows;

    TRY(sql_all(cx, audit_fields, sizeof(struct audit_row), &rows,
                "select " AUDIT_COLUMNS " where seq > ?1 order by seq limit ?2",
                BIND(INT(walk->report->rows ? walk->seq : INT64_MIN), INT(VERIFY_PAGE))));
    for (size_t k = 0; k < rows.count && walk->report->ok; k++)
        walk_row(walk, LIST_AT(rows, struct audit_row, k));
    *more = rows.count == VERIFY_PAGE && walk->report->ok;
    return OK;
}

/* The tail against the head, and against what was noted. */
static void check_head(struct walk *walk, const struct audit_head *head)
{
    const struct audit_head *noted = walk->noted;

    if (walk->seq < head->seq)
        found_bad(walk, walk->seq + 1,
                  "row %" PRId64 " is missing: the log ends there, but its head is row %" PRId64,
                  walk->seq + 1, head->seq);
    else if (walk->seq > head->seq)
        found_bad(walk, head->seq + 1,
                  "row %" PRId64 " lies behind the head: it was not written by this server",
                  head->seq + 1);
    else if (!str_is(head->hash, walk->hash))
        found_bad(walk, head->seq, "row %" PRId64 " is not the head: it was rewritten", head->seq);
    else if (noted && noted->seq > walk->seq)
        found_bad(walk, walk->seq + 1,
                  "row %" PRId64 " is missing: the log was noted up to row %" PRId64, walk->seq + 1,
                  noted->seq);
}

enum err audit_verify(struct cx *cx, const struct audit_head *noted, struct audit_report *report)
{
    struct walk walk = {.report = report, .noted = noted};
    struct head_row head = {.id = HEAD_ID, .hash = STR("")};
    bool found, more;

    *report = (struct audit_report){.ok = true};
    TRY(row_find(cx, &head_table, &head, &found));
    report->head = (struct audit_head){head.seq, head.hash};
    do {
        struct arena_mark mark = arena_mark(&cx->arena);

        TRY(walk_page(cx, &walk, &more));
        arena_rewind(&cx->arena, mark);
    } while (more);
    if (report->ok)
        check_head(&walk, &report->head);
    return OK;
}
