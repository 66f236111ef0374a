/*
 * store.h - documents and their versions as rows, and what is made of them.
 *
 * Between the files of this folder only.
 */
#ifndef GREVY_DOCUMENT_STORE_H
#define GREVY_DOCUMENT_STORE_H

#include "kernel/document/snapshot.h"
#include "kernel/work/space.h"

struct document_row {
    struct str collection, key;
    int64_t latest, live, live_seq, grey, grey_share;
    struct str grey_on;
    int64_t created_ms, changed_ms;
};
extern const struct table document_table;
extern const struct field document_columns[];

enum review { REVIEW_NONE, REVIEW_APPROVED, REVIEW_REJECTED };
extern const char *const review_names[];

struct version_row {
    struct str collection, key;
    int64_t version;
    struct str body, digest;
    int64_t based_on;
    struct str author, why;
    int64_t created_ms;
    int review; /* enum review */
    struct str reviewer, review_why;
    int64_t reviewed_ms;
};
extern const struct table document_version_table;
extern const struct field document_version_columns[];

/* ---- Collections (collection.c) ---- */

/** Of a module, or declared by a document in force.  Errors: NOT_FOUND "no_such_collection". */
MUST_CHECK enum err collection_get(struct cx *cx, struct str name, const struct collection **out);
/** Of any module of this process; NULL: none. */
const struct collection *collection_named(const struct platform *platform, struct str name);

/* ---- Compiling (compile.c) ---- */

/** Make a unit of the version: what would be in force.  The caller frees it.
 *  Errors: those of the collection's compile, with its pointers; TOO_LARGE "document_too_large". */
MUST_CHECK enum err unit_compile(struct cx *cx, const struct collection *collection,
                                 const struct document *document, struct unit **out);
/** The same, only to see whether it can be done. */
MUST_CHECK enum err unit_try(struct cx *cx, const struct collection *collection,
                             const struct document *document);

/* ---- Versions (store.c) ---- */

struct saved {
    struct str collection, key, body, why;
    int64_t based_on; /* The version its author has seen; 0: the document is to be new. */
};
/** Add a version; one that says the same as the newest adds nothing.  Needs: a command; the body
 *  was tried.  Errors: PRECONDITION "changed_meanwhile" | "exists" | "gone"; CONFLICT
 *  "too_many_versions". */
MUST_CHECK enum err version_save(struct cx *cx, const struct saved *saved, struct version_row *out,
                                 bool *added);
/** Errors: NOT_FOUND "no_such_document" | "no_such_version".  version 0: the newest. */
MUST_CHECK enum err version_get(struct cx *cx, struct str collection, struct str key,
                                int64_t version, struct version_row *out);
/** Errors: those of version_get; CONFLICT "own_version" | "reviewed_already". */
MUST_CHECK enum err version_review(struct cx *cx, struct version_row *row, bool approve,
                                   struct str why);

/* ---- What differs (diff.c) ---- */

enum diff_op { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };
extern const char *const diff_ops[];
struct difference {
    int op;              /* enum diff_op */
    struct str pointer;  /* JSON pointer. */
    struct str from, to; /* Minified JSON; absent: not there. */
};
enum { DIFFERENCES_MAX = 1000 };
/** The leaves in which two documents differ, in order of their pointers; of more than
 *  DIFFERENCES_MAX the first.  Needs: both parse. */
MUST_CHECK enum err json_diff(struct cx *cx, struct str from, struct str to, struct list *out);

/* ---- In memory (load.c) ---- */

extern const struct module document_module;
MUST_CHECK enum err documents_open(struct cx *cx);
void documents_close(void *memory);
MUST_CHECK enum err documents_refresh(struct cx *cx);

struct kinds;
const struct kinds *documents_kinds(const struct cx *cx);

/* What this process says of itself. */
struct documents_state {
    int64_t seq, refused_seq; /* In force; one it could not take over, or 0. */
    struct str refusal;
};
struct documents_state documents_state(struct cx *cx);

#endif
