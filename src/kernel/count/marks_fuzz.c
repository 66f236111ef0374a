/*
 * marks_fuzz.c - marks as they were saved, whatever they say, and then takings at any times: what
 * is counted is the sum of what is remembered, sorted, bounded, and forgotten in time.
 */
#include <string.h>

#include "kernel/count/row.h"
#include "test/kit/fuzz.h"

static int64_t sum_of(const struct marks *marks)
{
    int64_t sum = 0;

    must(marks->count <= marks->room, "marks lie in their room");
    must(marks->room <= MARKS_MAX, "there are no more than MARKS_MAX");
    for (int k = 0; k < marks->count; k++) {
        must(marks->items[k].amount > 0, "a mark counts");
        must(k == 0 || marks->items[k].when_ms > marks->items[k - 1].when_ms, "marks are sorted");
        sum += marks->items[k].amount;
    }
    return sum;
}

/* One step: its first byte says which, the others how far the clock goes (or back), or how much. */
static int64_t step(struct marks *marks, const uint8_t *byte, int64_t now_ms, int64_t *sum)
{
    int64_t length_ms = window_length_ms((enum count_window)(byte[0] % COUNT_LIFETIME));

    now_ms += (int64_t)(int8_t)byte[1] * (length_ms / 256 + 1) + byte[2];
    *sum -= marks_settle(marks, now_ms, length_ms);
    if (byte[0] & 64) {
        *sum -= marks_take_off(marks, now_ms - byte[2] * 100, 1 + byte[1], length_ms);
        return now_ms;
    }
    if (marks_growth(marks, now_ms, length_ms) > 0)
        must(marks_grow(marks), "there is memory");
    marks_add(marks, now_ms, 1 + byte[2]);
    *sum += 1 + byte[2];
    must(marks_free_ms(marks, *sum, length_ms) <= now_ms + length_ms, "all leaves in time");
    return now_ms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *bar = memchr(data, '|', size);
    struct str text = {(const char *)data, bar ? (size_t)(bar - data) : 0};
    int64_t used = size > 0 ? data[size - 1] : 0, now_ms = 1000, sum = 0;
    struct marks marks;

    if (marks_read(text, used, &marks)) {
        sum = sum_of(&marks);
        must(sum == used, "what was read is what was used");
        if (marks.count > 0)
            now_ms = marks.items[marks.count - 1].when_ms;
    }
    for (const uint8_t *at = bar ? bar + 1 : data; data + size - at >= 3; at += 3) {
        now_ms = step(&marks, at, now_ms, &sum);
        must(sum == sum_of(&marks), "the sum is what is remembered");
    }
    marks_free(&marks);
    return 0;
}
