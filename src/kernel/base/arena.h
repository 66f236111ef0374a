/*
 * arena.h - memory that dies together.
 *
 * Invariants:
 *   - bytes handed out are zeroed, 16-byte aligned, and live until reset or free;
 *   - an arena never hands out more than budget_bytes between two resets;
 *   - arena_alloc never returns NULL: when the budget is spent it jumps to *exhausted, the one
 *     unwind of the program (docs/adr/0001).  Never call it below a foreign frame (C++, SQLite,
 *     libcurl): use arena_try there;
 *   - what was deferred runs once, newest first, when the arena forgets it: at a rewind to before
 *     it, at reset, at free.  It is for what a library allocated; it must not use the arena.
 */
#ifndef GREVY_BASE_ARENA_H
#define GREVY_BASE_ARENA_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;
struct arena_final;

struct arena {
    struct arena_chunk *chunks; /* Newest first. */
    size_t used_bytes;          /* Handed out since the last reset, rounded up. */
    size_t budget_bytes;
    jmp_buf *exhausted;         /* NULL outside a unit of work: exhaustion then aborts. */
    struct arena_final *finals; /* Newest first. */
};

struct arena_mark {
    struct arena_chunk *chunk;
    size_t chunk_used_bytes, used_bytes;
    struct arena_final *finals;
};

void arena_init(struct arena *arena, size_t budget_bytes);
void *arena_alloc(struct arena *arena, size_t size);
void *arena_try(struct arena *arena, size_t size); /* NULL when spent. */
/** Call run(data) when the arena forgets.  False: the budget is spent, nothing will be called. */
bool arena_defer_try(struct arena *arena, void (*run)(void *data), void *data);
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark); /* Forget what came after mark. */
void arena_reset(struct arena *arena); /* Keeps the first chunk, unless it is huge. */
void arena_free(struct arena *arena);

#endif
