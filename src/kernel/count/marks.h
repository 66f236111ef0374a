/*
 * marks.h - what was taken when: the memory of one sliding window.
 *
 * A mark is an amount and the time of its taking.  While no more than MARKS_MAX takings of distinct
 * milliseconds lie in the window, the window is exact to the millisecond.  When one more comes,
 * times are rounded up to the end of their cell of 1/MARKS_CELLS of the window (never beyond the
 * present) and equal ones are joined.  So:
 *
 *     taken in (t - L, t]  <=  marks  <=  taken in (t - L - L / MARKS_CELLS, t]
 *
 * The limit is never passed in any interval of length L, and an amount comes free at most
 * L / MARKS_CELLS late.  Rounding again changes nothing, so that no error adds up.
 *
 * Invariants: sorted by time, times distinct, amounts above 0; memory is at most MARKS_MAX marks.
 */
#ifndef GREVY_COUNT_MARKS_H
#define GREVY_COUNT_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MARKS_MAX = 128,   /* 2 KiB: the most one sliding counter takes. */
    MARKS_CELLS = 64,  /* At most 66 are left after rounding: room for 62 exact ones. */
    MARKS_ROOM_MIN = 4 /* Most caps are 1 to 4. */
};

struct mark {
    int64_t when_ms, amount;
};

struct marks {
    struct mark *items;
    int count, room;
};

/** Forget what left the window (now - length, now]; returns the amount forgotten.  When the newest
 *  is later than now, the clock went back: all are moved so that the newest is now's. */
int64_t marks_settle(struct marks *marks, int64_t now_ms, int64_t length_ms);

/** Bytes of room for one more mark than there are, or 0: there is room.  Rounds when needed. */
size_t marks_growth(struct marks *marks, int64_t now_ms, int64_t length_ms);
/** Make room; false: no memory. */
bool marks_grow(struct marks *marks);

/** Needs: room, and settled at now_ms. */
void marks_add(struct marks *marks, int64_t now_ms, int64_t amount);

/** Take amount off the mark of when_ms, or of what it was rounded to; returns what was found. */
int64_t marks_take_off(struct marks *marks, int64_t when_ms, int64_t amount, int64_t length_ms);

/** When the oldest marks that make up amount have left the window.  Needs: amount > 0 is there. */
int64_t marks_free_ms(const struct marks *marks, int64_t amount, int64_t length_ms);

void marks_free(struct marks *marks);

#endif
