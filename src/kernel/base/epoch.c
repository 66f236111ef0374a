/*
 * epoch.c - a clock that ticks at each retirement, and a place per thread that says when it
 * entered.
 *
 * Why it holds: a retirement reads the clock and moves it on in one step, after the pointer was
 * replaced.  Who entered at a later time read the clock after that step, so it loads the new
 * pointer.  Who entered at that time or before shows it in its place until it leaves; one that has
 * read the clock but not yet shown it loads the pointer after showing it, so after any look at the
 * places that missed it, and so after the replacement.  All of it is seq_cst.
 */
#include "kernel/base/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { CACHE_LINE_BYTES = 64 };

struct place {
    _Alignas(CACHE_LINE_BYTES) _Atomic(uint64_t) entered; /* 0: outside. */
    atomic_bool taken;
};

struct retired {
    struct retired *next;
    uint64_t at;
    void *what;
    void (*release)(void *what);
};

static struct place places[EPOCH_THREADS_MAX];
static _Atomic(uint64_t) clock_now = 1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Of the list. */
static struct retired *oldest, **newest = &oldest;
static size_t waiting;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;
static _Thread_local struct place *mine;
static _Thread_local int depth;

static void give_back(void *place)
{
    struct place *left = place;

    assert(atomic_load(&left->entered) == 0);
    atomic_store(&left->taken, false);
}

static void make_key(void)
{
    int rc = pthread_key_create(&at_exit, give_back);

    assert(rc == 0);
}

static struct place *take_place(void)
{
    pthread_once(&once, make_key);
    for (int k = 0; k < EPOCH_THREADS_MAX; k++) {
        bool free_place = false;

        if (!atomic_compare_exchange_strong(&places[k].taken, &free_place, true))
            continue;
        pthread_setspecific(at_exit, &places[k]);
        return &places[k];
    }
    assert(!"more threads than EPOCH_THREADS_MAX read shared memory");
    abort();
}

void epoch_enter(void)
{
    if (depth++ > 0)
        return;
    if (!mine)
        mine = take_place();
    atomic_store(&mine->entered, atomic_load(&clock_now));
}

void epoch_leave(void)
{
    assert(depth > 0);
    if (--depth == 0)
        atomic_store_explicit(&mine->entered, 0, memory_order_release);
}

/* When the first of those inside entered. */
static uint64_t first_inside(void)
{
    uint64_t first = UINT64_MAX;

    for (int k = 0; k < EPOCH_THREADS_MAX; k++) {
        uint64_t entered = atomic_load(&places[k].entered);

        if (entered && entered < first)
            first = entered;
    }
    return first;
}

/* Cut off those that nobody sees; what they hold is released without the lock. */
static struct retired *cut_free(void)
{
    uint64_t first = first_inside();
    struct retired *head = oldest, **end = &oldest;

    while (*end && (*end)->at < first) {
        end = &(*end)->next;
        waiting--;
    }
    if (end == &oldest)
        return NULL;
    oldest = *end;
    *end = NULL;
    if (!oldest)
        newest = &oldest;
    return head;
}

size_t epoch_collect(void)
{
    struct retired *item, *next;
    size_t left;

    pthread_mutex_lock(&lock);
    item = cut_free();
    left = waiting;
    pthread_mutex_unlock(&lock);
    for (; item; item = next) {
        next = item->next;
        item->release(item->what);
        free(item);
    }
    return left;
}

void epoch_retire(void *what, void (*release)(void *what))
{
    struct retired *item = malloc(sizeof(*item));

    assert(item);
    *item = (struct retired){.what = what, .release = release};
    pthread_mutex_lock(&lock);
    item->at = atomic_fetch_add(&clock_now, 1);
    *newest = item;
    newest = &item->next;
    waiting++;
    pthread_mutex_unlock(&lock);
    epoch_collect();
}
