/*
 * epoch_test.c - what readers may see is not freed, and all else is.
 */
#include "kernel/base/epoch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "test/kit/test.h"

static int released[8], released_count;

static void note(void *what)
{
    released[released_count++] = *(int *)what;
}

TEST(epoch_frees_at_once, "what nobody sees is freed when it is retired")
{
    int a = 1;

    epoch_retire(&a, note);
    CHECK_EQ_INT(released_count, 1);
    CHECK_EQ_INT(epoch_collect(), 0);
}

TEST(epoch_waits, "what a reader may see is freed after it has left, in order")
{
    int a = 1, b = 2;

    epoch_enter();
    epoch_enter();
    epoch_retire(&a, note);
    epoch_retire(&b, note);
    epoch_leave();
    CHECK_EQ_INT(epoch_collect(), 2);
    CHECK_EQ_INT(released_count, 0);
    epoch_leave();
    CHECK_EQ_INT(epoch_collect(), 0);
    CHECK_EQ_INT(released_count, 2);
    CHECK_EQ_INT(released[0], 1);
    CHECK_EQ_INT(released[1], 2);
}

TEST(epoch_later_reader, "who enters after a retirement holds nothing of it back")
{
    int a = 1;

    epoch_enter();
    epoch_retire(&a, note);
    epoch_leave();
    epoch_enter();
    CHECK_EQ_INT(epoch_collect(), 0);
    CHECK_EQ_INT(released_count, 1);
    epoch_leave();
}

/* ---- Many readers of one pointer that is replaced all the time ---- */

enum { READERS = 6, REPLACEMENTS = 4000, WORDS = 32, LIVES = 3 };

struct shared {
    int words[WORDS]; /* All the same, or somebody freed it. */
};

static _Atomic(struct shared *) current;
static atomic_bool over;
static atomic_llong reads;

static struct shared *make(int number)
{
    struct shared *shared = malloc(sizeof(*shared));

    CHECK(shared);
    for (int k = 0; k < WORDS; k++)
        shared->words[k] = number;
    return shared;
}

static void destroy(void *what)
{
    struct shared *shared = what;

    for (int k = 0; k < WORDS; k++)
        shared->words[k] = -1;
    free(shared);
}

static void *read_on(void *argument)
{
    (void)argument;
    while (!atomic_load(&over)) {
        const struct shared *shared;

        epoch_enter();
        shared = atomic_load(&current);
        for (int k = 0; k < WORDS; k++)
            CHECK_EQ_INT(shared->words[k], shared->words[0]);
        CHECK(shared->words[0] >= 0);
        epoch_leave();
        atomic_fetch_add(&reads, 1);
    }
    return NULL;
}

static void replace_all(void)
{
    for (int number = 1; number <= REPLACEMENTS || atomic_load(&reads) < REPLACEMENTS; number++)
        epoch_retire(atomic_exchange(&current, make(number)), destroy);
}

TEST_THREADS(epoch_threads, "readers never see what was freed, and everything is freed in the end")
{
    pthread_t threads[READERS];

    atomic_store(&current, make(0));
    for (int life = 0; life < LIVES; life++) { /* Threads come and go: their places are reused. */
        atomic_store(&over, false);
        for (int k = 0; k < READERS; k++)
            CHECK_EQ_INT(pthread_create(&threads[k], NULL, read_on, NULL), 0);
        replace_all();
        atomic_store(&over, true);
        for (int k = 0; k < READERS; k++)
            pthread_join(threads[k], NULL);
        CHECK_EQ_INT(epoch_collect(), 0);
    }
    destroy(atomic_load(&current));
}
