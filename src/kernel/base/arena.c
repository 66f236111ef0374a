/*
 * arena.c - chunks that double; under AddressSanitizer what is not handed out is poisoned.
 */
#include "kernel/base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#define HAS_ASAN __has_feature(address_sanitizer) /* clang */
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#else
#define HAS_ASAN 0
#endif

#if HAS_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(at, size)   ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
enum { REDZONE_BYTES = 16 };
#else
#define POISON(at, size)   ((void)(at))
#define UNPOISON(at, size) ((void)(at))
enum { REDZONE_BYTES = 0 };
#endif

enum { ALIGN = 16, CHUNK_BYTES_MIN = 4096, CHUNK_BYTES_MAX = 256 * 1024 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size, used;
    _Alignas(ALIGN) char bytes[];
};

/* Lies in the arena itself. */
struct arena_final {
    struct arena_final *older;
    void (*run)(void *data);
    void *data;
};

void arena_init(struct arena *arena, size_t budget_bytes)
{
    *arena = (struct arena){.budget_bytes = budget_bytes};
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t room)
{
    size_t size = arena->chunks ? arena->chunks->size * 2 : CHUNK_BYTES_MIN;
    struct arena_chunk *chunk;

    size = size > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : size;
    size = size < room ? room : size;
    chunk = malloc(sizeof(*chunk) + size);
    if (!chunk)
        return NULL;
    *chunk = (struct arena_chunk){.older = arena->chunks, .size = size};
    POISON(chunk->bytes, size);
    arena->chunks = chunk;
    return chunk;
}

void *arena_try(struct arena *arena, size_t size)
{
    size_t room = (size + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_chunk *chunk = arena->chunks;
    char *at;

    if (size > arena->budget_bytes || room > arena->budget_bytes - arena->used_bytes)
        return NULL;
    if (!chunk || chunk->size - chunk->used < room + REDZONE_BYTES)
        chunk = add_chunk(arena, room + REDZONE_BYTES);
    if (!chunk)
        return NULL;
    at = chunk->bytes + chunk->used;
    chunk->used += room + REDZONE_BYTES;
    arena->used_bytes += room;
    UNPOISON(at, size);
    return memset(at, 0, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *at = arena_try(arena, size);

    if (at)
        return at;
    if (!arena->exhausted) {
        fprintf(stderr, "arena: %zu bytes asked for with %zu of %zu used, outside a unit of work\n",
                size, arena->used_bytes, arena->budget_bytes);
        abort();
    }
    longjmp(*arena->exhausted, 1);
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){.chunk = arena->chunks,
                               .chunk_used_bytes = arena->chunks ? arena->chunks->used : 0,
                               .used_bytes = arena->used_bytes,
                               .finals = arena->finals};
}

bool arena_defer_try(struct arena *arena, void (*run)(void *data), void *data)
{
    struct arena_final *final = arena_try(arena, sizeof(*final));

    if (!final)
        return false;
    *final = (struct arena_final){arena->finals, run, data};
    arena->finals = final;
    return true;
}

static void run_finals(struct arena *arena, const struct arena_final *until)
{
    while (arena->finals != until) {
        struct arena_final final = *arena->finals;

        arena->finals = final.older;
        final.run(final.data);
    }
}

static void drop_newest(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;

    arena->chunks = chunk->older;
    UNPOISON(chunk->bytes, chunk->size);
    free(chunk);
}

static void cut(struct arena_chunk *chunk, size_t used)
{
    assert(used <= chunk->used);
    POISON(chunk->bytes + used, chunk->size - used);
    chunk->used = used;
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    run_finals(arena, mark.finals);
    while (arena->chunks != mark.chunk && (mark.chunk || arena->chunks->older))
        drop_newest(arena);
    if (arena->chunks)
        cut(arena->chunks, mark.chunk ? mark.chunk_used_bytes : 0);
    arena->used_bytes = mark.used_bytes;
}

void arena_reset(struct arena *arena)
{
    arena_rewind(arena, (struct arena_mark){0});
    /* One large request must not make every idle arena large. */
    if (arena->chunks && arena->chunks->size > CHUNK_BYTES_MAX)
        drop_newest(arena);
}

void arena_free(struct arena *arena)
{
    run_finals(arena, NULL);
    while (arena->chunks)
        drop_newest(arena);
    arena->used_bytes = 0;
}
