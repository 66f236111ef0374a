/*
 * queue_test.c - who is served first, and that nobody is left out.
 */
#include "test/kit/mini.h"

enum { HIGH_MANY = 1000 };

struct one {
    struct task task;
    bool done;
};

static enum err nothing(struct task *task)
{
    (void)task;
    return OK;
}

static void was_done(struct task *task, enum err err)
{
    CHECK_EQ_INT(err, OK);
    ((struct one *)task)->done = true;
    cx_close(&task->cx);
}

static void submit(struct mini *mini, struct one *one, enum priority priority)
{
    struct task *task = &one->task;

    one->done = false;
    *task = (struct task){.space = mini_space(mini),
                          .tx = TX_WRITE,
                          .priority = priority,
                          .run = nothing,
                          .done = was_done};
    cx_open(&task->cx, mini_platform(mini)->env, CX_BYTES_MAX);
    CHECK_EQ_INT(task_submit(task), OK);
}

static int done_of(const struct one *ones, int count)
{
    int done = 0;

    for (int k = 0; k < count; k++)
        done += ones[k].done;
    return done;
}

TEST(queue_shares, "what is urgent goes first, and never keeps the rest waiting for ever")
{
    static struct one high[HIGH_MANY], normal[100], low[100];
    struct mini *mini = mini_open("sqlite");
    int share = BATCH_COMMANDS_MAX / 8;

    mini_settle(mini);
    for (int k = 0; k < 100; k++)
        submit(mini, &low[k], PRIORITY_LOW);
    for (int k = 0; k < 100; k++)
        submit(mini, &normal[k], PRIORITY_NORMAL);
    for (int k = 0; k < HIGH_MANY; k++)
        submit(mini, &high[k], PRIORITY_HIGH);
    mini_step(mini); /* One batch. */
    CHECK_EQ_INT(done_of(high, HIGH_MANY), BATCH_COMMANDS_MAX - 2 * share);
    CHECK_EQ_INT(done_of(normal, 100), share);
    CHECK_EQ_INT(done_of(low, 100), share);
    mini_settle(mini);
    CHECK_EQ_INT(done_of(high, HIGH_MANY) + done_of(normal, 100) + done_of(low, 100),
                 HIGH_MANY + 200);
    mini_close(mini);
}

TEST(queue_shares_left, "a share that nobody wants goes to who waits")
{
    static struct one high[HIGH_MANY], low[3];
    struct mini *mini = mini_open("sqlite");

    mini_settle(mini);
    for (int k = 0; k < HIGH_MANY; k++)
        submit(mini, &high[k], PRIORITY_HIGH);
    for (int k = 0; k < 3; k++)
        submit(mini, &low[k], PRIORITY_LOW);
    mini_step(mini);
    CHECK_EQ_INT(done_of(low, 3), 3);
    CHECK_EQ_INT(done_of(high, HIGH_MANY), BATCH_COMMANDS_MAX - 3);
    mini_settle(mini);
    mini_close(mini);
}

TEST(queue_bytes, "a batch of heavy commands is a small one")
{
    enum { HEAVY = 40, HEAVY_BYTES = 1 << 20 };
    static struct one heavy[HEAVY];
    struct mini *mini = mini_open("sqlite");
    int done = 0, before;

    mini_settle(mini);
    for (int k = 0; k < HEAVY; k++) {
        submit(mini, &heavy[k], PRIORITY_NORMAL);
        (void)cx_alloc(&heavy[k].task.cx, HEAVY_BYTES);
    }
    while (done < HEAVY) {
        before = done;
        mini_step(mini);
        done = done_of(heavy, HEAVY);
        CHECK(done > before);
        CHECK(done - before <= BATCH_BYTES_MAX / HEAVY_BYTES);
    }
    mini_close(mini);
}

/* ---- Overload ---- */

enum { SLOW_US = 1000, BATCH = 100, WAIT_LONG_US = 100 * 1000, LEAST = 32 };

static struct mini *slow_mini;

static enum err slow(struct task *task)
{
    (void)task;
    mini_pass_us(slow_mini, SLOW_US);
    return OK;
}

/* True: it was taken; else it was refused as it should be. */
static bool offer(struct one *one, enum priority priority)
{
    struct task *task = &one->task;
    enum err err;

    one->done = false;
    *task = (struct task){.space = mini_space(slow_mini),
                          .tx = TX_WRITE,
                          .priority = priority,
                          .run = slow,
                          .done = was_done};
    cx_open(&task->cx, mini_platform(slow_mini)->env, CX_BYTES_MAX);
    err = task_submit(task);
    if (err == OK)
        return true;
    CHECK_EQ_INT(err, ERR_BUSY);
    CHECK_EQ_STR(task->cx.problem.code, "overloaded");
    CHECK(task->cx.problem.retry_after_ms > 0);
    cx_close(&task->cx);
    return false;
}

static int offer_all(struct one *ones, int count, enum priority priority)
{
    int taken = 0;

    for (int k = 0; k < count; k++)
        taken += offer(&ones[taken], priority);
    return taken;
}

/* More comes than can be done, for so long. */
static void overload(struct one *ones, int64_t us)
{
    for (; us > 0; us -= WAIT_LONG_US + (int64_t)BATCH * SLOW_US) {
        int taken = offer_all(ones, BATCH, PRIORITY_NORMAL);

        mini_pass_us(slow_mini, WAIT_LONG_US);
        CHECK(mini_step(slow_mini));
        CHECK_EQ_INT(done_of(ones, taken), taken);
    }
}

TEST(queue_sheds, "a queue that stands is kept short: notices wait in a longer one, imports hardly")
{
    static struct one ones[8 * LEAST];

    slow_mini = mini_open("sqlite");
    mini_settle(slow_mini);
    overload(ones, 3000 * 1000);
    CHECK_EQ_INT(offer_all(ones, 8 * LEAST, PRIORITY_LOW), LEAST / 4);
    CHECK_EQ_INT(offer_all(ones + LEAST, 4 * LEAST, PRIORITY_NORMAL), LEAST - LEAST / 4);
    CHECK_EQ_INT(offer_all(ones + 2 * LEAST, 6 * LEAST, PRIORITY_HIGH), 4 * LEAST - LEAST);
    mini_settle(slow_mini);
    mini_close(slow_mini);
}

TEST(queue_bursts, "a burst fills the queue, and is no overload")
{
    static struct one ones[QUEUE_COMMANDS_MAX + 1];

    slow_mini = mini_open("sqlite");
    mini_settle(slow_mini);
    overload(ones, 1000 * 1000);
    CHECK_EQ_INT(offer_all(ones, QUEUE_COMMANDS_MAX + 1, PRIORITY_NORMAL), QUEUE_COMMANDS_MAX);
    mini_settle(slow_mini);
    mini_close(slow_mini);
}

TEST(queue_asked, "a queue is as long as was asked for, and so is the number of open spaces")
{
    static struct one ones[20];
    struct problem problem;
    struct space *space;

    slow_mini = mini_open("sqlite");
    mini_settle(slow_mini);
    mini_platform(slow_mini)->options.queue_commands_max = 12;
    CHECK_EQ_INT(offer_all(ones, 20, PRIORITY_NORMAL), 12);
    mini_settle(slow_mini);
    mini_platform(slow_mini)->options.spaces_max = 1;
    CHECK_EQ_INT(space_create(mini_platform(slow_mini), STR("other"), &problem), ERR_BUSY);
    CHECK_EQ_STR(problem.code, "too_many_spaces");
    mini_platform(slow_mini)->options.spaces_max = 2;
    CHECK_EQ_INT(space_create(mini_platform(slow_mini), STR("other"), &problem), OK);
    CHECK_EQ_INT(space_open(mini_platform(slow_mini), STR("other"), &space, &problem), OK);
    mini_close(slow_mini);
}

TEST(queue_relief, "a second after the last refusal all come in again")
{
    static struct one ones[4 * LEAST];

    slow_mini = mini_open("sqlite");
    mini_settle(slow_mini);
    overload(ones, 3000 * 1000);
    CHECK_EQ_INT(offer_all(ones, 4 * LEAST, PRIORITY_NORMAL), LEAST);
    mini_settle(slow_mini);
    CHECK_EQ_INT(offer_all(ones, LEAST, PRIORITY_NORMAL), LEAST);
    mini_pass_us(slow_mini, SECOND_MS * 1000 + 1);
    mini_settle(slow_mini);
    CHECK_EQ_INT(offer_all(ones, 4 * LEAST, PRIORITY_NORMAL), 4 * LEAST);
    mini_settle(slow_mini);
    mini_close(slow_mini);
}
