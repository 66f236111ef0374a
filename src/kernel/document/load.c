/*
 * load.c - from rows to a snapshot: at opening all that is in force, then what was published since.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/epoch.h"
#include "kernel/base/log.h"
#include "kernel/document/kind.h"
#include "kernel/work/space.h"

enum {
    PAGE_ROWS = 8, /* Of the largest documents; with their copies they fit a unit of work. */
    LOADING_TEXTS_BYTES_MAX = 2 * DOCUMENTS_LIVE_MAX * 256, /* Names of all there can be. */
};

/* What is being made: outside of cx, because it is cut short where memory is spent. */
struct loading {
    struct change *changes;
    size_t count, room;
    int64_t seq;        /* Of the last publication that it holds. */
    struct arena texts; /* Names of documents, for the length of it. */
};

/* The row that was read last. */
struct place {
    char collection[COLLECTION_NAME_LEN_MAX + 1], key[DOCUMENT_KEY_LEN_MAX + 1];
    int64_t version;
};

struct documents {
    _Atomic(struct snapshot *) current;
    bool opened;
    struct kinds kinds;
    struct loading loading; /* The keeper's. */
    pthread_mutex_t lock;   /* Of what follows. */
    int64_t refused_seq;
    char refusal[1024]; /* Names, pointer and detail of a problem. */
};

static struct documents *memory_of(const struct cx *cx)
{
    return module_memory(cx, &document_module);
}

const struct kinds *documents_kinds(const struct cx *cx)
{
    return &memory_of(cx)->kinds;
}

const struct snapshot *documents_now(const struct cx *cx)
{
    return atomic_load(&memory_of(cx)->current);
}

/* ---- Units that are made, and those that are kept ---- */

static bool is_kept(const struct entry *entry, const struct unit *unit)
{
    return entry && unit && (entry->live == unit || entry->grey == unit);
}

/* Units of the snapshot in force stay with it. */
static void forget(const struct snapshot *from, struct loading *loading)
{
    for (size_t k = 0; k < loading->count; k++) {
        struct change *change = &loading->changes[k];
        const struct entry *entry = snapshot_entry(from, change->collection, change->key);

        if (!is_kept(entry, change->live))
            unit_free(change->live);
        if (!is_kept(entry, change->grey) && change->grey != change->live)
            unit_free(change->grey);
    }
    free(loading->changes);
    arena_free(&loading->texts);
    *loading = (struct loading){0};
}

static struct change *next_change(struct loading *loading)
{
    if (loading->count == loading->room) {
        loading->room = loading->room ? loading->room * 2 : 64;
        loading->changes = realloc(loading->changes, loading->room * sizeof(loading->changes[0]));
    }
    assert(loading->changes);
    loading->changes[loading->count] = (struct change){0};
    return &loading->changes[loading->count++];
}

/* ---- Rows ---- */

/* A document that moved, with one of the versions it has in force; version 0: it has none. */
struct moved {
    struct str collection, key;
    int64_t live, grey, grey_share;
    struct str grey_on;
    int64_t version;
    struct str body;
};
static const struct field moved_columns[] = {
    F(moved, collection), F(moved, key),     F(moved, live), F(moved, grey), F(moved, grey_share),
    F(moved, grey_on),    F(moved, version), F(moved, body), F_END};

/* From a place on, which the primary key finds. */
static const char moved_sql[] =
    "select d.collection, d.key, d.live, d.grey, d.grey_share, d.grey_on,"
    " coalesce(v.version, 0), coalesce(v.body, '') from kernel_document d left join"
    " kernel_document_version v on v.collection = d.collection and v.key = d.key and (v.version ="
    " d.live or v.version = d.grey) where d.live_seq > ?1 and (d.collection, d.key) >= (?2, ?3) and"
    " not (d.collection = ?2 and d.key = ?3 and coalesce(v.version, 0) <= ?4) order by"
    " d.collection, d.key, coalesce(v.version, 0) limit ?5";

/* Is this process among those of the grey release? */
static bool is_on(const struct cx *cx, struct str names)
{
    const char *instance = cx->space->platform->options.instance;
    struct str name;

    if (names.len == 0)
        return true;
    while (str_cut(&names, ' ', &name))
        if (instance && str_is(name, instance))
            return true;
    return false;
}

static enum err make_unit(struct cx *cx, const struct collection *collection,
                          const struct snapshot *from, const struct moved *row, struct unit **out)
{
    const struct entry *entry = snapshot_entry(from, row->collection, row->key);
    struct document document = {
        .collection = row->collection, .key = row->key, .version = row->version, .body = row->body};

    *out = NULL;
    if (entry && entry->live && entry->live->document.version == row->version)
        *out = entry->live;
    if (entry && entry->grey && entry->grey->document.version == row->version)
        *out = entry->grey;
    return *out ? OK : unit_compile(cx, collection, &document, out);
}

static enum err keep_name(struct cx *cx, struct loading *loading, struct str name, struct str *out)
{
    char *at = arena_try(&loading->texts, name.len + 1);

    if (!at)
        return fail(cx, ERR_BUSY, "out_of_memory", "too many documents moved at once");
    memcpy(at, name.ptr, name.len);
    *out = (struct str){at, name.len};
    return OK;
}

/* The change of the row's document: rows of one document follow each other. */
static enum err change_of(struct cx *cx, struct loading *loading, const struct moved *row,
                          struct change **out)
{
    struct change *last = loading->count ? &loading->changes[loading->count - 1] : NULL;

    if (last && str_eq(last->collection, row->collection) && str_eq(last->key, row->key)) {
        *out = last;
        return OK;
    }
    *out = next_change(loading);
    TRY(keep_name(cx, loading, row->collection, &(*out)->collection));
    return keep_name(cx, loading, row->key, &(*out)->key);
}

static enum err take_row(struct cx *cx, struct loading *loading, const struct snapshot *from,
                         const struct moved *row)
{
    /* Declared by a document, which may be on its way in as well: its schema was asked before. */
    static const struct collection plain = {.name = ""};
    const struct collection *collection = collection_named(cx->space->platform, row->collection);
    struct change *change;

    if (!collection)
        collection = &plain;
    TRY(change_of(cx, loading, row, &change));
    if (row->version != 0 && row->version == row->live)
        return make_unit(cx, collection, from, row, &change->live);
    if (row->version == 0 || !is_on(cx, row->grey_on))
        return OK;
    change->grey_share = row->grey_share;
    return make_unit(cx, collection, from, row, &change->grey);
}

static void remember(struct place *place, const struct moved *row)
{
    snprintf(place->collection, sizeof(place->collection), STR_FMT, STR_ARG(row->collection));
    snprintf(place->key, sizeof(place->key), STR_FMT, STR_ARG(row->key));
    place->version = row->version;
}

/* The document's own fault, or the database's, the memory's? */
static bool is_refusal(enum err err)
{
    return err == ERR_BAD_INPUT || err == ERR_TOO_LARGE || err == ERR_UNPROCESSABLE;
}

static void remember_refusal(struct cx *cx, struct documents *memory, const struct moved *row,
                             int64_t seq)
{
    const struct problem *problem = &cx->problem;

    pthread_mutex_lock(&memory->lock);
    memory->refused_seq = seq;
    snprintf(memory->refusal, sizeof(memory->refusal),
             STR_FMT "/" STR_FMT " version %" PRId64 ": %s%s%s", STR_ARG(row->collection),
             STR_ARG(row->key), row->version, problem->pointer, problem->pointer[0] ? ": " : "",
             problem->detail);
    pthread_mutex_unlock(&memory->lock);
    log_event(LOG_ERROR, "document_refused", LOG_INT("publication", seq),
              LOG_TEXT("why", str_of(memory->refusal)));
}

/* A process that opens has nothing to keep: it does without what it cannot compile. */
static enum err take_or_refuse(struct cx *cx, struct documents *memory, const struct snapshot *from,
                               const struct moved *row)
{
    enum err err = take_row(cx, &memory->loading, from, row);

    if (!is_refusal(err))
        return err;
    remember_refusal(cx, memory, row, memory->loading.seq);
    if (memory->opened)
        return err;
    fail_clear(cx);
    return OK;
}

static enum err load_page(struct cx *cx, struct documents *memory, struct place *place, bool *more)
{
    const struct snapshot *from = atomic_load(&memory->current);
    struct list rows;

    TRY(sql_all(cx, moved_columns, sizeof(struct moved), &rows, moved_sql,
                BIND(INT(snapshot_seq(from)), TEXT(str_of(place->collection)),
                     TEXT(str_of(place->key)), INT(place->version), INT(PAGE_ROWS))));
    for (size_t k = 0; k < rows.count; k++) {
        const struct moved *row = LIST_AT(rows, struct moved, k);

        TRY(take_or_refuse(cx, memory, from, row));
        remember(place, row);
    }
    *more = rows.count == PAGE_ROWS;
    return OK;
}

static enum err load(struct cx *cx, struct documents *memory, struct place *place)
{
    bool more = true;

    while (more) {
        struct arena_mark mark = arena_mark(&cx->arena);

        TRY(load_page(cx, memory, place, &more));
        arena_rewind(&cx->arena, mark);
    }
    return OK;
}

/* ---- Taking over ---- */

static void forgive(struct documents *memory)
{
    pthread_mutex_lock(&memory->lock);
    memory->refused_seq = 0;
    memory->refusal[0] = '\0';
    pthread_mutex_unlock(&memory->lock);
}

static void swap_in(struct documents *memory)
{
    struct loading *loading = &memory->loading;
    struct snapshot *old = atomic_load(&memory->current);

    if (memory->opened)
        forgive(memory);
    atomic_store(&memory->current,
                 snapshot_next(old, loading->seq, loading->changes, loading->count));
    epoch_retire(old, snapshot_free_old);
    log_event(LOG_INFO, "documents_published", LOG_INT("publication", loading->seq));
    free(loading->changes);
    arena_free(&loading->texts);
    *loading = (struct loading){0};
}

/* What was in force stays so where the new cannot be taken over as a whole; the reason is there for
 * all to see. */
enum err documents_refresh(struct cx *cx)
{
    struct documents *memory = memory_of(cx);
    struct place place = {0};
    int64_t seq;
    enum err err;

    forget(atomic_load(&memory->current), &memory->loading); /* Of one that was cut short. */
    TRY(sql_int(cx, &seq, 0, "select coalesce(max(seq), 0) from kernel_publication", NO_BINDS));
    if (seq == snapshot_seq(atomic_load(&memory->current)) || seq == memory->refused_seq)
        return OK;
    memory->loading.seq = seq;
    arena_init(&memory->loading.texts, LOADING_TEXTS_BYTES_MAX);
    err = load(cx, memory, &place);
    if (err == OK) {
        swap_in(memory);
        return OK;
    }
    forget(atomic_load(&memory->current), &memory->loading);
    if (!is_refusal(err))
        return err;
    fail_clear(cx);
    return OK;
}

enum err documents_open(struct cx *cx)
{
    struct documents *memory = calloc(1, sizeof(*memory));

    assert(memory);
    pthread_mutex_init(&memory->lock, NULL);
    atomic_store(&memory->current, snapshot_empty());
    module_set_memory(cx, &document_module, memory);
    TRY(kinds_open(cx, &memory->kinds));
    TRY(documents_refresh(cx));
    memory->opened = true;
    return OK;
}

void documents_close(void *closed)
{
    struct documents *memory = closed;
    struct snapshot *last = atomic_load(&memory->current);

    forget(last, &memory->loading);
    snapshot_free(last);
    kinds_close(&memory->kinds);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

struct documents_state documents_state(struct cx *cx)
{
    struct documents *memory = memory_of(cx);
    struct documents_state state = {.seq = snapshot_seq(atomic_load(&memory->current))};
    char refusal[sizeof(memory->refusal)];

    pthread_mutex_lock(&memory->lock);
    state.refused_seq = memory->refused_seq;
    memcpy(refusal, memory->refusal, sizeof(refusal));
    pthread_mutex_unlock(&memory->lock); /* Before the copy, which may end the unit of work. */
    if (state.refused_seq)
        state.refusal = cx_copy(cx, str_of(refusal));
    return state;
}
