/*
 * arena_test.c - zeroed, aligned, within budget; marks; the one unwind.
 */
#include "kernel/base/arena.h"

#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/kit/test.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

static bool all_zero(const unsigned char *bytes, size_t size)
{
    for (size_t k = 0; k < size; k++)
        if (bytes[k])
            return false;
    return true;
}

TEST(arena_bytes, "bytes are zeroed, aligned and apart, also after a reset")
{
    struct arena arena;

    arena_init(&arena, 8 << 20);
    for (int round = 0; round < 3; round++) {
        unsigned char *last = NULL;

        for (size_t size = 1; size < 70000; size = size * 3 / 2 + 1) {
            unsigned char *at = arena_alloc(&arena, size);

            CHECK_EQ_INT((uintptr_t)at % 16, 0);
            CHECK(all_zero(at, size));
            memset(at, 0xff, size);
            CHECK(!last || last[0] == 0xff);
            last = at;
        }
        arena_reset(&arena);
        CHECK_EQ_INT(arena.used_bytes, 0);
    }
    arena_free(&arena);
}

TEST(arena_budget, "the budget is given out to the last byte and not beyond")
{
    struct arena arena;

    arena_init(&arena, 160);
    for (int k = 0; k < 10; k++)
        CHECK(arena_try(&arena, 16));
    CHECK(!arena_try(&arena, 1));
    CHECK(arena_try(&arena, 0)); /* Nothing costs nothing. */
    arena_reset(&arena);
    CHECK(!arena_try(&arena, 161));
    CHECK(!arena_try(&arena, SIZE_MAX));
    CHECK(!arena_try(&arena, SIZE_MAX - 14));
    CHECK(arena_try(&arena, 160));
    arena_free(&arena);
}

TEST(arena_marks, "rewinding forgets what came after the mark and nothing else")
{
    struct arena arena;
    struct arena_mark empty, mark;
    char *kept;

    arena_init(&arena, 4 << 20);
    empty = arena_mark(&arena);
    kept = arena_alloc(&arena, 100);
    memset(kept, 'k', 100);
    mark = arena_mark(&arena);
    for (int round = 0; round < 50; round++) {
        for (int k = 0; k < 40; k++)
            memset(arena_alloc(&arena, 5000), 'x', 5000);
        arena_rewind(&arena, mark);
        CHECK_EQ_INT(arena.used_bytes, 112);
        CHECK(kept[0] == 'k' && kept[99] == 'k');
    }
    arena_rewind(&arena, empty);
    CHECK_EQ_INT(arena.used_bytes, 0);
    CHECK(all_zero(arena_alloc(&arena, 3000), 3000));
    arena_free(&arena);
}

TEST(arena_unwind, "a spent budget jumps to where the unit of work began")
{
    struct arena arena;
    jmp_buf start;
    volatile int given = 0;

    arena_init(&arena, 1000);
    if (setjmp(start) == 0) {
        arena.exhausted = &start;
        for (;;) {
            arena_alloc(&arena, 100);
            given++;
        }
    }
    CHECK_EQ_INT(given, 8); /* A hundred bytes take 112. */
    arena_reset(&arena);
    CHECK(arena_try(&arena, 992));
    arena_free(&arena);
}

TEST(arena_abort, "outside a unit of work a spent budget ends the process")
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        struct arena arena;

        close(STDERR_FILENO);
        arena_init(&arena, 10);
        arena_alloc(&arena, 11);
        _exit(0);
    }
    CHECK(child > 0);
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

TEST(arena_huge_reset, "a huge first chunk is given back by a reset")
{
    struct arena arena;

    arena_init(&arena, 16 << 20);
    arena_alloc(&arena, 8 << 20);
    arena_reset(&arena);
    CHECK(!arena.chunks);
    arena_alloc(&arena, 1);
    arena_reset(&arena);
    CHECK(arena.chunks);
    arena_free(&arena);
}

TEST(arena_poison, "AddressSanitizer sees an overrun and a use after a reset")
{
#if defined(__SANITIZE_ADDRESS__)
    struct arena arena;
    char *a, *b;

    arena_init(&arena, 1 << 20);
    a = arena_alloc(&arena, 16);
    b = arena_alloc(&arena, 10);
    CHECK(!__asan_address_is_poisoned(a + 15));
    CHECK(__asan_address_is_poisoned(a + 16));
    CHECK(!__asan_address_is_poisoned(b + 9));
    CHECK(__asan_address_is_poisoned(b + 10));
    arena_reset(&arena);
    CHECK(__asan_address_is_poisoned(a));
    CHECK(__asan_address_is_poisoned(b));
    arena_free(&arena);
#else
    test_skip("built without AddressSanitizer");
#endif
}

static void note(void *data)
{
    char **at = data;

    *(*at)++ = 'x';
}

TEST(arena_defer, "what is deferred runs once, when the arena forgets what came before it")
{
    char ran[8] = {0}, *at = ran;
    struct arena arena;
    struct arena_mark mark;

    arena_init(&arena, 4096);
    CHECK(arena_defer_try(&arena, note, &at));
    mark = arena_mark(&arena);
    CHECK(arena_defer_try(&arena, note, &at));
    CHECK(arena_defer_try(&arena, note, &at));
    arena_rewind(&arena, mark);
    CHECK_EQ_STR(ran, "xx");
    arena_rewind(&arena, mark);
    CHECK_EQ_STR(ran, "xx");
    arena_reset(&arena);
    CHECK_EQ_STR(ran, "xxx");
    CHECK(arena_defer_try(&arena, note, &at));
    while (arena_try(&arena, 1))
        ;
    CHECK(!arena_defer_try(&arena, note, &at));
    arena_free(&arena);
    CHECK_EQ_STR(ran, "xxxx");
}
