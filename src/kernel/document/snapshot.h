/*
 * snapshot.h - the documents in force, compiled: one immutable value, replaced as a whole.
 *
 * Invariants:
 *   - a unit is one version of one document with all that was made of it, in an arena of its own;
 *     snapshots that follow each other share the units that did not change;
 *   - a snapshot owns what it does not hand on to the next: once it is retired and nobody sees it
 *     any more (base/epoch.h), it goes, and the units that were only in it;
 *   - entries are sorted by collection and key, and found by hash.
 *
 * Between the files of this folder only.
 */
#ifndef GREVY_DOCUMENT_SNAPSHOT_H
#define GREVY_DOCUMENT_SNAPSHOT_H

#include "kernel/document/document.h"

struct unit {
    struct document document; /* Its texts lie in keep. */
    struct arena keep;
};

/** An empty unit; its compile fills it. */
struct unit *unit_make(const struct document *document);
void unit_free(struct unit *unit);

/* A document in force. */
struct entry {
    struct str collection, key; /* Of its live unit, or else of its grey one. */
    struct unit *live, *grey;   /* NULL: none; not both. */
    int64_t grey_share;         /* Of users, in ten-thousandths; 0 without a grey unit. */
};

/* What a publication makes of a document; without units it is in force no longer.  collection and
 * key live as long as the change. */
struct change {
    struct str collection, key;
    struct unit *live, *grey;
    int64_t grey_share;
};

/** Nothing in force, nothing published. */
struct snapshot *snapshot_empty(void);

/** What from becomes by the changes, which are sorted by collection and key, each document once.
 *  Takes over the units of the changes; units of from may stand in them again. */
struct snapshot *snapshot_next(struct snapshot *from, int64_t seq, const struct change *changes,
                               size_t count);

/** After from was replaced by what snapshot_next made of it: free it with the units that are not in
 *  the next.  snapshot is a struct snapshot; see epoch_retire. */
void snapshot_free_old(void *snapshot);
/** Free it with all its units: nothing follows it. */
void snapshot_free(struct snapshot *snapshot);

size_t snapshot_count(const struct snapshot *snapshot);
const struct entry *snapshot_entry(const struct snapshot *snapshot, struct str collection,
                                   struct str key);

#endif
