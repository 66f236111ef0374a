/*
 * audit.h - the log of administrative writes: a chain of hashes.
 *
 * Invariants:
 *   - a row is written in the transaction of the write it tells of, or not at all;
 *   - rows are numbered 1, 2, 3 ... without a gap; each holds the hash of the one before it, and
 *     its own hash covers all its columns: no row can be changed, taken out, moved or put in
 *     between without every later hash changing;
 *   - the head (number and hash of the last row) shows a tail that was cut off;
 *   - no personal data: of a body only its hash is kept.
 *
 * Who can write the database can also compute a whole new chain.  That is what the head is for:
 * it is logged with each row ("audit"), so that it also lies where the database's owner cannot
 * change it, and audit_verify compares the chain with a head noted earlier.
 */
#ifndef GREVY_ACCESS_AUDIT_H
#define GREVY_ACCESS_AUDIT_H

#include "kernel/work/work.h"

struct audit_row {
    int64_t seq, time_ms;
    struct str actor;  /* Id of the API key, or "system". */
    struct str action; /* "POST /v1/products" */
    struct str path;   /* "/v1/products" with its ids; cut at AUDIT_PATH_LEN_MAX. */
    int64_t status;
    struct str body_hash; /* BLAKE2b-256, base64url. */
    struct str previous;  /* hash of row seq - 1, "" in the first. */
    struct str hash;
};
extern const struct field audit_fields[];
enum { AUDIT_PATH_LEN_MAX = 512 };

/** Append a row.  action is a route: its method and its path as declared.  Needs: a command. */
MUST_CHECK enum err audit_put(struct cx *cx, const char *action, struct str path, int status,
                              struct str body);

/** Newest first, at most limit, with a seq below before (0: from the newest). */
MUST_CHECK enum err audit_list(struct cx *cx, int64_t before, int64_t limit, struct list *out);

/* A head: of the log now, or as it was noted earlier. */
struct audit_head {
    int64_t seq; /* 0: nothing was logged yet. */
    struct str hash;
};

struct audit_report {
    int64_t rows; /* That were found right, from the first. */
    struct audit_head head;
    bool ok;
    int64_t bad_seq;                      /* The first row that is wrong or missing. */
    char finding[PROBLEM_DETAIL_LEN_MAX]; /* What is wrong with it, for people; "" when ok. */
};

/**
 * Walk the chain.  noted (may be NULL) is a head noted earlier: the chain must still contain it.
 *
 * What is wrong with the log is told by the report; the errors are those of reading it.
 */
MUST_CHECK enum err audit_verify(struct cx *cx, const struct audit_head *noted,
                                 struct audit_report *report);

#endif
