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
