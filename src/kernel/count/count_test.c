/*
 * count_test.c - decisions by several caps: all or none, when they free, undone, clocks that jump.
 */
#include "kernel/count/fixture.h"

#define NOON_MS INT64_C(1767268800000) /* 2026-01-01T12:00:00Z, a Thursday. */

static struct fixture *open_at(int64_t now_ms)
{
    struct fixture *f = fixture_open("sqlite", NULL);

    f->now_ms = now_ms;
    return f;
}

TEST(count_all_or_none, "a decision that one cap refuses takes nothing of the others")
{
    struct fixture *f = open_at(NOON_MS);
    struct count_ask asks[] = {cap("user", COUNT_HOUR, 5), cap("slot:user", COUNT_DAY, 2),
                               cap("budget", COUNT_MONTH, 1000)};
    struct count_answer answer;

    asks[2].amount = 300;
    asks[2].kept = true;
    for (int k = 0; k < 2; k++)
        CHECK(take_all(f, asks, 3).taken);
    CHECK_EQ_INT(asks[2].used, 600);
    answer = take_all(f, asks, 3);
    CHECK(!answer.taken);
    CHECK_EQ_INT(answer.refused, 1);
    CHECK(asks[1].refused);
    CHECK(!asks[0].refused);
    CHECK_EQ_INT(answer.retry_after_ms, 12 * HOUR_MS);
    CHECK_EQ_INT(used_of(f, asks[0]), 2);
    CHECK_EQ_INT(used_of(f, asks[2]), 600);
    asks[2].amount = 500; /* Two refuse: the one that lets through last is named. */
    answer = take_all(f, asks, 3);
    CHECK_EQ_INT(answer.refused, 2);
    CHECK_EQ_INT(answer.retry_after_ms, 30 * DAY_MS + 12 * HOUR_MS);
    asks[2].amount = 1001;
    CHECK_EQ_INT(take_all(f, asks, 3).retry_after_ms, COUNT_NEVER);
    fixture_close(f);
}

TEST(count_same_twice, "a counter that is asked for twice in a decision counts twice")
{
    struct fixture *f = open_at(NOON_MS);
    struct count_ask asks[] = {cap("a", COUNT_DAY, 3), cap("a", COUNT_DAY, 3)};
    struct count_ask sliding[] = {sliding_cap("a", COUNT_DAY, 1), sliding_cap("a", COUNT_DAY, 1)};

    CHECK(take_all(f, asks, 2).taken);
    CHECK(!take_all(f, asks, 2).taken);
    CHECK_EQ_INT(used_of(f, asks[0]), 2);
    CHECK_EQ_INT(take_all(f, sliding, 2).retry_after_ms, COUNT_NEVER);
    fixture_close(f);
}

TEST(count_windows_are_apart, "windows of one key count for themselves")
{
    struct fixture *f = open_at(NOON_MS);

    for (int w = COUNT_MINUTE; w < COUNT_WINDOWS; w++)
        for (int sliding = 0; sliding < (w == COUNT_LIFETIME ? 1 : 2); sliding++) {
            struct count_ask ask = cap("a", (enum count_window)w, 1);

            ask.sliding = sliding;
            CHECK(take(f, &ask));
            CHECK(!take(f, &ask));
        }
    fixture_close(f);
}

TEST(count_calendar, "a calendar window is free again when its period ends, to the millisecond")
{
    struct fixture *f = open_at(NOON_MS + 1234);
    struct count_ask ask = cap("a", COUNT_MINUTE, 1);

    CHECK(take(f, &ask));
    CHECK(!take(f, &ask));
    CHECK_EQ_INT(ask.retry_after_ms, MINUTE_MS - 1234);
    f->now_ms += ask.retry_after_ms - 1;
    CHECK(!take(f, &ask));
    f->now_ms += 1;
    CHECK(take(f, &ask));
    fixture_close(f);
}

static enum err set_shanghai(struct cx *cx, void *argument)
{
    return space_zone_set(cx, str_of(argument));
}

TEST(count_zone, "days are those of the space's zone")
{
    struct fixture *f = open_at(NOON_MS);
    struct count_ask ask = cap("a", COUNT_DAY, 1);

    COMMAND(f, set_shanghai, (void *)"Asia/Atlantis", ERR_BAD_INPUT);
    COMMAND(f, set_shanghai, (void *)"Asia/Shanghai", OK);
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    CHECK(take(f, &ask));
    CHECK(!take(f, &ask));
    CHECK_EQ_INT(ask.retry_after_ms, 4 * HOUR_MS);
    fixture_close(f);
}

TEST(count_sliding, "a sliding window says to the millisecond when enough is free")
{
    struct fixture *f = open_at(NOON_MS);
    struct count_ask ask = sliding_cap("a", COUNT_HOUR, 10);

    ask.amount = 4;
    CHECK(take(f, &ask));
    f->now_ms += 1000;
    CHECK(take(f, &ask));
    f->now_ms += 1000;
    CHECK(!take(f, &ask));
    CHECK_EQ_INT(ask.retry_after_ms, HOUR_MS - 2000);
    ask.amount = 7;
    CHECK(!take(f, &ask));
    CHECK_EQ_INT(ask.retry_after_ms, HOUR_MS - 1000);
    ask.amount = 11;
    CHECK(!take(f, &ask));
    CHECK_EQ_INT(ask.retry_after_ms, COUNT_NEVER);
    ask.amount = 4;
    f->now_ms = NOON_MS + HOUR_MS - 1;
    CHECK(!take(f, &ask));
    f->now_ms = NOON_MS + HOUR_MS;
    CHECK(take(f, &ask));
    fixture_close(f);
}

/* ---- Against a model ---- */

enum { MODEL_STEPS = 4000, MODEL_KEYS = 5 };

struct model {
    int64_t taken_ms[MODEL_STEPS];
    int count;
};

static int64_t taken_within(const struct model *model, int64_t now_ms, int64_t length_ms)
{
    int64_t sum = 0;

    for (int k = 0; k < model->count; k++)
        sum += model->taken_ms[k] > now_ms - length_ms;
    return sum;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static void run_model(struct fixture *f, uint64_t seed, int64_t limit)
{
    static const char *const keys[MODEL_KEYS] = {"a", "b", "c", "d", "e"};
    static struct model models[MODEL_KEYS];
    char name[40];

    memset(models, 0, sizeof(models));
    for (int k = 0; k < MODEL_STEPS; k++) {
        size_t which = next_random(&seed) % MODEL_KEYS;
        struct model *model = &models[which];
        bool wanted = taken_within(model, f->now_ms, HOUR_MS) < limit;
        struct count_ask ask;

        snprintf(name, sizeof(name), "%s-%d-%d", keys[which], (int)limit, (int)(f->now_ms >> 62));
        ask = sliding_cap(name, COUNT_HOUR, limit);
        CHECK_EQ_INT(take(f, &ask), wanted);
        if (wanted)
            model->taken_ms[model->count++] = f->now_ms;
        if (next_random(&seed) % 50 == 0 && wanted) {
            give_back(f, &ask, 1);
            model->count--;
        }
        f->now_ms += (int64_t)(next_random(&seed) % (uint64_t)(HOUR_MS / limit / 3));
    }
}

TEST(count_sliding_model, "takings and refusals are those of a model that remembers all")
{
    struct fixture *f = open_at(NOON_MS);

    for (int64_t limit = 1; limit <= MARKS_MAX; limit = limit * 2 + 1)
        run_model(f, (uint64_t)limit, limit);
    run_model(f, 9, MARKS_MAX);
    fixture_close(f);
}

/* ---- Giving back ---- */

TEST(count_give_back, "what is given back is free; of a window that has ended nothing is")
{
    struct fixture *f = open_at(NOON_MS);
    struct count_ask asks[] = {cap("a", COUNT_HOUR, 1), sliding_cap("a", COUNT_HOUR, 1),
                               cap("a", COUNT_LIFETIME, 1)};

    CHECK(take_all(f, asks, 3).taken);
    give_back(f, asks, 3);
    CHECK(take_all(f, asks, 3).taken);
    f->now_ms += HOUR_MS;
    struct count_ask later[] = {cap("a", COUNT_HOUR, 1), sliding_cap("a", COUNT_HOUR, 1)};

    CHECK(take_all(f, later, 2).taken);
    give_back(f, asks, 3); /* The hour's are others' now; the lifetime is the same one. */
    CHECK_EQ_INT(used_of(f, asks[0]), 1);
    CHECK_EQ_INT(used_of(f, asks[1]), 1);
    CHECK_EQ_INT(used_of(f, asks[2]), 0);
    give_back(f, asks, 3);
    CHECK_EQ_INT(used_of(f, asks[2]), 0);
    fixture_close(f);
}

/* ---- What is refused ---- */

TEST(count_bad_asks, "asks that make no sense are refused, saying why")
{
    struct fixture *f = open_at(NOON_MS);
    struct count_ask good = cap("a", COUNT_DAY, 1), bad[9];
    struct count_answer answer;
    char longest[COUNT_KEY_LEN_MAX + 2];

    for (size_t k = 0; k < 9; k++)
        bad[k] = good;
    memset(longest, 'x', sizeof(longest));
    bad[0].key = STR("");
    bad[1].key = (struct str){longest, COUNT_KEY_LEN_MAX + 1};
    bad[2].key = STR("a\0b");
    bad[3].key = STR("\xff");
    bad[4].limit = -1;
    bad[5].limit = COUNT_AMOUNT_MAX + 1;
    bad[6].amount = 0;
    bad[7].amount = COUNT_AMOUNT_MAX + 1;
    bad[8].window = COUNT_WINDOWS;
    for (size_t k = 0; k < 9; k++) {
        CHECK_EQ_INT(ask_all(f, &bad[k], 1, &answer), ERR_BAD_INPUT);
        CHECK_EQ_STR(f->problem.code, "bad_count");
    }
    CHECK_EQ_INT(ask_all(f, bad, COUNT_ASKS_MAX + 1, &answer), ERR_BAD_INPUT);
    CHECK_EQ_INT(ask_all(f, bad, 0, &answer), ERR_BAD_INPUT);
    good = sliding_cap("a", COUNT_LIFETIME, 1);
    CHECK_EQ_INT(ask_all(f, &good, 1, &answer), ERR_BAD_INPUT);
    good = cap("a", COUNT_DAY, COUNT_AMOUNT_MAX);
    good.amount = COUNT_AMOUNT_MAX;
    good.key = (struct str){longest, COUNT_KEY_LEN_MAX};
    CHECK(take(f, &good));
    CHECK(!take(f, &good));
    fixture_close(f);
}

/* ---- Clocks ---- */

TEST(count_clock_back, "a clock that goes back opens no window and locks none beyond its length")
{
    struct fixture *f = open_at(NOON_MS);
    struct count_ask day = cap("a", COUNT_DAY, 1), sliding = sliding_cap("a", COUNT_HOUR, 1);

    CHECK(take(f, &day));
    CHECK(take(f, &sliding));
    f->now_ms -= 400 * DAY_MS;
    CHECK(!take(f, &day));
    CHECK_EQ_INT(day.retry_after_ms, 12 * HOUR_MS);
    CHECK(!take(f, &sliding));
    CHECK_EQ_INT(sliding.retry_after_ms, HOUR_MS);
    f->now_ms += HOUR_MS;
    CHECK(take(f, &sliding));
    f->now_ms += 11 * HOUR_MS;
    CHECK(take(f, &day));
    f->now_ms += 400 * DAY_MS;
    CHECK(take(f, &day));
    fixture_close(f);
}

TEST(count_late_request, "a request that began before others is told their time, not its own")
{
    struct fixture *f = open_at(NOON_MS + 12 * HOUR_MS - 10); /* A moment before midnight. */
    struct count_ask day = cap("a", COUNT_DAY, 1);
    struct count_answer answer;
    struct cx late[2];

    decision_open(&late[0], f);
    f->now_ms += 20;
    CHECK(take(f, &day));
    CHECK_EQ_INT(count_take(&late[0], f->space->counters, &day, 1, &answer), OK);
    CHECK(!answer.taken); /* Counted in the day that has begun. */
    CHECK_EQ_INT(day.retry_after_ms, DAY_MS - 10);
    cx_close(&late[0]);
    decision_open(&late[1], f);
    f->now_ms += HOUR_MS;
    day = cap("b", COUNT_MINUTE, 1);
    CHECK(take(f, &day));
    CHECK_EQ_INT(count_take(&late[1], f->space->counters, &day, 1, &answer), OK);
    CHECK(!answer.taken); /* An hour late, but the clock did not go back. */
    cx_close(&late[1]);
    fixture_close(f);
}
