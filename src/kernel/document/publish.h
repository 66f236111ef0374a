/*
 * publish.h - publications: what was put in force, taken out of it or taken back, in order.
 *
 * Invariants:
 *   - a publication moves all its documents or none, and has the next number;
 *   - its items say how each document stood before and after: taking back is one step;
 *   - only a version that compiles, that its collection's check finds true, and that was approved
 *     where the collection asks for it, is put in force.
 *
 * Between the files of this folder only.
 */
#ifndef GREVY_DOCUMENT_PUBLISH_H
#define GREVY_DOCUMENT_PUBLISH_H

#include "kernel/document/store.h"

enum { PUBLICATION_ITEMS_MAX = 200 /* One commit, and one compile, a few ms each. */ };

struct publication_row {
    int64_t seq, time_ms;
    struct str actor, why;
    int64_t undoes;
};
extern const struct table publication_table;
extern const struct field publication_columns[];

struct item_row {
    int64_t seq;
    struct str collection, key;
    int64_t live, grey, grey_share;
    struct str grey_on;
    int64_t was_live, was_grey, was_share;
    struct str was_on;
};
extern const struct table publication_item_table;
extern const struct field publication_item_columns[];

/* Whose decision, and why. */
struct by {
    struct str actor, why;
};

struct publish_item {
    struct str collection, key;
    int64_t version; /* 0: takes it out of force. */
    int64_t share;   /* Of users, in ten-thousandths: GREY_WHOLE, or a grey release. */
    struct str on;   /* Processes of a grey release, separated by spaces; absent or "": all. */
};
/** Put all items in force, or none.  Needs: a command.  Errors: those of version_get; CONFLICT
 *  "not_approved" | "already_so"; UNPROCESSABLE by the collection's check. */
MUST_CHECK enum err publish(struct cx *cx, struct list items, struct by by,
                            struct publication_row *out);
/** Take back what a publication did.  Errors: NOT_FOUND "no_such_publication"; CONFLICT
 *  "published_since". */
MUST_CHECK enum err publication_undo(struct cx *cx, int64_t seq, struct by by,
                                     struct publication_row *out);

MUST_CHECK enum err publication_get(struct cx *cx, int64_t seq, struct publication_row *out);
/** As list of struct item_row. */
MUST_CHECK enum err publication_items(struct cx *cx, int64_t seq, struct list *out);

struct document document_of(const struct version_row *row);

/* The event document.published: members of struct item_row. */
extern const struct field moved_event_fields[];

/* ---- References (refer.c), once all items of a publication have moved ---- */

/** Is all that the version refers to in force?  Errors: UNPROCESSABLE "refers_to_nothing". */
MUST_CHECK enum err refer_check(struct cx *cx, const struct publish_item *wish);
/** Of a document out of force: does none in force refer to it?  Errors: CONFLICT "in_use". */
MUST_CHECK enum err refer_check_end(struct cx *cx, const struct publish_item *wish);

#endif
