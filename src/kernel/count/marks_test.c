/*
 * marks_test.c - sliding windows against a model that remembers everything.
 */
#include "kernel/count/marks.h"

#include "kernel/count/window.h"
#include "test/kit/test.h"

enum { STEPS = 6000, TAKEN_MAX = STEPS };

struct model {
    struct mark taken[TAKEN_MAX];
    int count;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* What was taken in (since, now]. */
static int64_t taken_after(const struct model *model, int64_t since_ms)
{
    int64_t sum = 0;

    for (int k = model->count - 1; k >= 0 && model->taken[k].when_ms > since_ms; k--)
        sum += model->taken[k].amount;
    return sum;
}

static int64_t sum_of(const struct marks *marks)
{
    int64_t sum = 0;

    for (int k = 0; k < marks->count; k++) {
        CHECK(marks->items[k].amount > 0);
        CHECK(k == 0 || marks->items[k].when_ms > marks->items[k - 1].when_ms);
        sum += marks->items[k].amount;
    }
    return sum;
}

static void add(struct marks *marks, struct model *model, struct mark mark, int64_t length_ms)
{
    if (marks_growth(marks, mark.when_ms, length_ms) > 0)
        CHECK(marks_grow(marks));
    marks_add(marks, mark.when_ms, mark.amount);
    model->taken[model->count++] = mark;
}

/* Takings every step_ms on average.  exact: never more than MARKS_MAX in a window. */
static void run(uint64_t seed, enum count_window window, int64_t step_ms, bool exact)
{
    static struct model model;
    int64_t length_ms = window_length_ms(window), cell_ms = length_ms / MARKS_CELLS;
    int64_t now_ms = INT64_C(1767225600000), sum = 0;
    struct marks marks = {0};
    bool rounded = false;

    model.count = 0;
    for (int k = 0; k < STEPS; k++) {
        struct mark mark;

        now_ms += (int64_t)(next_random(&seed) % (uint64_t)(2 * step_ms));
        sum -= marks_settle(&marks, now_ms, length_ms);
        CHECK_EQ_INT(sum, sum_of(&marks));
        CHECK(sum >= taken_after(&model, now_ms - length_ms));
        CHECK(sum <= taken_after(&model, now_ms - length_ms - cell_ms));
        rounded |= sum != taken_after(&model, now_ms - length_ms);
        mark = (struct mark){now_ms, 1 + (int64_t)(next_random(&seed) % 5)};
        add(&marks, &model, mark, length_ms);
        sum += mark.amount;
        CHECK(marks.count <= MARKS_MAX);
        CHECK(marks.room <= MARKS_MAX);
    }
    CHECK_EQ_INT(rounded, !exact);
    marks_free(&marks);
}

TEST(marks_exact, "up to 128 takings in a window are counted to the millisecond")
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (enum count_window w = COUNT_MINUTE; w <= COUNT_MONTH; w++)
            run(seed, w, window_length_ms(w) / 90, true);
}

TEST(marks_rounded, "more are never counted short, and come free a 64th of the window late at most")
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (enum count_window w = COUNT_MINUTE; w <= COUNT_MONTH; w++)
            run(seed, w, window_length_ms(w) / 1000, false);
}

TEST(marks_edges, "a taking leaves the window when it is as old as the window is long")
{
    struct marks marks = {0};

    CHECK_EQ_INT(marks_growth(&marks, 1000, 60000), MARKS_ROOM_MIN * sizeof(struct mark));
    CHECK(marks_grow(&marks));
    marks_add(&marks, 1000, 2);
    marks_add(&marks, 1000, 3);
    marks_add(&marks, 2000, 4);
    CHECK_EQ_INT(marks.count, 2);
    CHECK_EQ_INT(marks_free_ms(&marks, 5, 60000), 61000);
    CHECK_EQ_INT(marks_free_ms(&marks, 6, 60000), 62000);
    CHECK_EQ_INT(marks_settle(&marks, 60999, 60000), 0);
    CHECK_EQ_INT(marks_settle(&marks, 61000, 60000), 5);
    CHECK_EQ_INT(marks_take_off(&marks, 2000, 3, 60000), 3);
    CHECK_EQ_INT(marks_take_off(&marks, 2001, 1, 60000), 0);
    CHECK_EQ_INT(marks_take_off(&marks, 900, 1, 60000), 0);
    CHECK_EQ_INT(marks_take_off(&marks, 1950, 9, 60000), 1); /* It may have been rounded up. */
    CHECK_EQ_INT(marks.count, 0);
    marks_free(&marks);
}

TEST(marks_clock_back, "when the clock goes back the newest is now's, and distances stay")
{
    struct marks marks = {0};

    CHECK(marks_grow(&marks));
    marks_add(&marks, 5000, 1);
    marks_add(&marks, 9000, 1);
    CHECK_EQ_INT(marks_settle(&marks, 2000, 60000), 0);
    CHECK_EQ_INT(marks.items[0].when_ms, -2000);
    CHECK_EQ_INT(marks.items[1].when_ms, 2000);
    CHECK_EQ_INT(marks_settle(&marks, 57999, 60000), 0);
    CHECK_EQ_INT(marks_settle(&marks, 58000, 60000), 1);
    CHECK_EQ_INT(marks_settle(&marks, 62000, 60000), 1);
    marks_free(&marks);
}
