/*
 * document.h - what operators decide, as modules read it: documents in collections, in force.
 *
 * A document is JSON under a key ("double-eleven") in a collection ("slot.campaign").  Its versions
 * are immutable; a publication puts one in force.  All that is in force stands compiled in an
 * immutable snapshot in memory, which a publication replaces as a whole.
 *
 * Invariants:
 *   - whatever runs (a decision, a read, a batch of commands) sees one snapshot from each
 *     documents_now to its end, and what it points to lives until then: keep nothing of it longer;
 *   - looking up takes no lock and reaches no database;
 *   - what a compile refuses is never in force: the version before stays.
 */
#ifndef GREVY_DOCUMENT_DOCUMENT_H
#define GREVY_DOCUMENT_DOCUMENT_H

#include "kernel/work/work.h"

enum {
    COLLECTION_NAME_LEN_MAX = 64,
    DOCUMENT_KEY_LEN_MAX = 128,
    DOCUMENT_BYTES_MAX = 1 << 20, /* Of one document; the largest landing pages have 200 kB. */
    DOCUMENT_MEMORY_BYTES_MAX = 16 << 20, /* Of one document, compiled. */
    DOCUMENTS_LIVE_MAX = 20000,           /* In force, of a space: they all lie in memory. */
    DOCUMENT_VERSIONS_MAX = 10000,        /* Of one document. */
    GREY_WHOLE = 10000,                   /* A share of all users. */
};

struct document {
    struct str collection, key;
    int64_t version;
    struct str body;      /* JSON object. */
    const void *compiled; /* What the collection's compile made of it; NULL if it has none. */
};

enum collection_flag {
    COLLECTION_REVIEWED = 1, /* Only versions that a second person approved are published. */
    COLLECTION_DECLARED = 2, /* By a document, not by a module: set by the kernel alone. */
};

/* A kind of document, declared in the module's table.  Its JSON Schema (draft 2020-12) is the file
 * collections/NAME.json beside the module; titles and hints for forms are x-title, x-enum, x-ui. */
struct collection {
    const char *name; /* "slot.campaign" */
    const char *doc;
    /**
     * Make of the document what decisions need, in memory of keep: no database, bounded time.
     * json is its body, parsed: no other json_parse before the last use of it.
     * Errors: BAD_INPUT with the pointer of what cannot be.
     */
    enum err (*compile)(struct cx *cx, struct arena *keep, const struct document *document,
                        struct json json, const void **out);
    /** Is it true, by the rows of the space: does this SKU exist?  Asked when a version is
     *  published; may be NULL.  Errors: UNPROCESSABLE with the pointer. */
    enum err (*check)(struct cx *cx, const struct document *document);
    unsigned flags;
};
#define COLLECTIONS(...) ((const struct collection[]){__VA_ARGS__, {0}})

struct snapshot;

/** What is in force now. */
const struct snapshot *documents_now(const struct cx *cx);

/** How many publications it holds: 0, 1, 2, ... */
int64_t snapshot_seq(const struct snapshot *snapshot);

/** The document as this user is to see it: a version in grey release goes to a share of users, and
 *  always to the same ones.  user is a stable id; absent: what everybody sees.  NULL: nothing of
 *  this key is in force. */
const struct document *document_find(const struct snapshot *snapshot, const char *collection,
                                     struct str key, struct str user);

/* The documents of a collection in order of their keys:
 *     for (it = documents_in(snapshot, "slot.campaign", user); document_next(&it);)
 * uses it.document. */
struct document_iter {
    const struct document *document;
    const struct snapshot *snapshot;
    struct str collection, user;
    size_t next;
};
struct document_iter documents_in(const struct snapshot *snapshot, const char *collection,
                                  struct str user);
bool document_next(struct document_iter *it);

#endif
