/*
 * marks.c - a sorted list of takings, thinned when it grows.
 */
#include "kernel/count/marks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void drop_first(struct marks *marks, int count)
{
    marks->count -= count;
    memmove(marks->items, marks->items + count, (size_t)marks->count * sizeof(struct mark));
}

int64_t marks_settle(struct marks *marks, int64_t now_ms, int64_t length_ms)
{
    int64_t ahead_ms = marks->count ? marks->items[marks->count - 1].when_ms - now_ms : 0;
    int64_t gone = 0;
    int old = 0;

    for (int k = 0; ahead_ms > 0 && k < marks->count; k++)
        marks->items[k].when_ms -= ahead_ms;
    while (old < marks->count && marks->items[old].when_ms <= now_ms - length_ms)
        gone += marks->items[old++].amount;
    if (old > 0)
        drop_first(marks, old);
    return gone;
}

/* The last millisecond of the cell that holds when_ms. */
static int64_t cell_end_ms(int64_t when_ms, int64_t length_ms)
{
    int64_t cell_ms = length_ms / MARKS_CELLS;
    int64_t into_ms = when_ms % cell_ms;

    return when_ms + cell_ms - 1 - (into_ms < 0 ? into_ms + cell_ms : into_ms);
}

static void round_up(struct marks *marks, int64_t now_ms, int64_t length_ms)
{
    int kept = 0;

    for (int k = 0; k < marks->count; k++) {
        struct mark mark = marks->items[k];
        int64_t end_ms = cell_end_ms(mark.when_ms, length_ms);

        mark.when_ms = end_ms < now_ms ? end_ms : now_ms;
        if (kept > 0 && marks->items[kept - 1].when_ms == mark.when_ms)
            marks->items[kept - 1].amount += mark.amount;
        else
            marks->items[kept++] = mark;
    }
    marks->count = kept;
}

size_t marks_growth(struct marks *marks, int64_t now_ms, int64_t length_ms)
{
    if (marks->count == MARKS_MAX)
        round_up(marks, now_ms, length_ms);
    assert(marks->count < MARKS_MAX);
    if (marks->count < marks->room)
        return 0;
    return (size_t)(marks->room ? marks->room : MARKS_ROOM_MIN) * sizeof(struct mark);
}

bool marks_grow(struct marks *marks)
{
    int room = marks->room ? marks->room * 2 : MARKS_ROOM_MIN;
    struct mark *items = realloc(marks->items, (size_t)room * sizeof(struct mark));

    if (!items)
        return false;
    marks->items = items;
    marks->room = room;
    return true;
}

void marks_add(struct marks *marks, int64_t now_ms, int64_t amount)
{
    struct mark *last = marks->count ? &marks->items[marks->count - 1] : NULL;

    assert(!last || last->when_ms <= now_ms);
    if (last && last->when_ms == now_ms) {
        last->amount += amount;
        return;
    }
    assert(marks->count < marks->room);
    marks->items[marks->count++] = (struct mark){now_ms, amount};
}

int64_t marks_take_off(struct marks *marks, int64_t when_ms, int64_t amount, int64_t length_ms)
{
    int k = 0;

    while (k < marks->count && marks->items[k].when_ms < when_ms)
        k++;
    if (k == marks->count || marks->items[k].when_ms > cell_end_ms(when_ms, length_ms))
        return 0;
    if (marks->items[k].amount > amount) {
        marks->items[k].amount -= amount;
        return amount;
    }
    amount = marks->items[k].amount;
    marks->count--;
    memmove(&marks->items[k], &marks->items[k + 1],
            (size_t)(marks->count - k) * sizeof(struct mark));
    return amount;
}

int64_t marks_free_ms(const struct marks *marks, int64_t amount, int64_t length_ms)
{
    int k = 0;

    while (amount > marks->items[k].amount) {
        amount -= marks->items[k++].amount;
        assert(k < marks->count);
    }
    return marks->items[k].when_ms + length_ms;
}

void marks_free(struct marks *marks)
{
    free(marks->items);
    *marks = (struct marks){0};
}
