/*
 * background.c - find what is due and turn it into tasks of the next batch.
 */
#include "kernel/work/background.h"

#include <setjmp.h>
#include <stdlib.h>

#include "kernel/base/log.h"

/* ---- What is where, at start ---- */

static void open_consumers(struct background *background, const struct platform *platform)
{
    for (const struct module *const *m = platform->modules; *m; m++) {
        if (!(*m)->consumes)
            continue;
        assert(background->consumer_count < CONSUMERS_MAX);
        background->consumers[background->consumer_count++] =
            (struct consumer_state){.module = *m, .maybe_parked = true};
    }
}

static void open_jobs(struct background *background, const struct platform *platform)
{
    for (const struct module *const *m = platform->modules; *m; m++) {
        for (const struct job *job = (*m)->jobs; job && job->name; job++) {
            assert(background->job_count < JOBS_MAX);
            background->jobs[background->job_count++] = (struct job_state){.job = job};
        }
    }
}

static enum err load_consumers(struct background *background, struct cx *cx)
{
    static const struct field fields[] = {F(consumer_row, name), F(consumer_row, cursor), F_END};
    struct list rows;

    TRY(sql_raw_all(cx, fields, sizeof(struct consumer_row), &rows,
                    "select name, cursor from kernel_consumer", NO_BINDS));
    for (int k = 0; k < background->consumer_count; k++) {
        struct consumer_state *consumer = &background->consumers[k];

        consumer->cursor = 0;
        for (size_t r = 0; r < rows.count; r++)
            if (str_is(LIST_AT(rows, struct consumer_row, r)->name, consumer->module->name))
                consumer->cursor = LIST_AT(rows, struct consumer_row, r)->cursor;
        consumer->scanned = consumer->cursor;
        consumer->maybe_parked = true;
    }
    return OK;
}

static enum err load_jobs(struct background *background, struct cx *cx)
{
    struct list rows;

    TRY(sql_raw_all(cx, job_fields, sizeof(struct job_row), &rows,
                    "select name, next_ms, last_ms, failures, error from kernel_job", NO_BINDS));
    for (int k = 0; k < background->job_count; k++) {
        struct job_state *state = &background->jobs[k];

        state->next_ms = cx->now_ms + state->job->every_ms;
        for (size_t r = 0; r < rows.count; r++)
            if (str_is(LIST_AT(rows, struct job_row, r)->name, state->job->name))
                state->next_ms = LIST_AT(rows, struct job_row, r)->next_ms;
    }
    return OK;
}

enum err background_open(struct writer *writer, struct cx *cx)
{
    struct background *background = writer->background;

    if (!background) {
        background = calloc(1, sizeof(*background));
        assert(background);
        writer->background = background;
        cx_open(&background->cx, cx->env, BACKGROUND_CX_BYTES_MAX);
        background->scan_rows_max = SCAN_ROWS_MAX;
        for (int k = 0; k < BATCH_BACKGROUND_MAX; k++)
            cx_open(&background->tasks[k].task.cx, cx->env, CX_BYTES_MAX);
        open_consumers(background, writer->space->platform);
        open_jobs(background, writer->space->platform);
    }
    background->timers_due_ms = background->parked_due_ms = background->effects_due_ms = 0;
    TRY(load_consumers(background, cx));
    TRY(load_jobs(background, cx));
    background->opened = true;
    return OK;
}

void background_close(struct writer *writer)
{
    struct background *background = writer->background;

    if (!background)
        return;
    for (int k = 0; k < BATCH_BACKGROUND_MAX; k++)
        cx_close(&background->tasks[k].task.cx);
    cx_close(&background->cx);
    free(background);
    writer->background = NULL;
}

/* ---- Answers: what the writer remembers of what it did ---- */

static void answer_event(struct background_task *bg, enum err err)
{
    struct consumer_state *consumer = bg->consumer;

    if (err == OK) {
        if (bg->event.seq > consumer->cursor)
            consumer->cursor = bg->event.seq;
        return;
    }
    consumer->scanned = consumer->cursor; /* Look at it again, a little later. */
    consumer->not_before_ms = bg->task.cx.now_ms + STUCK_RETRY_MS;
}

static void background_done(struct task *task, enum err err)
{
    struct background_task *bg = (struct background_task *)task;
    struct background *background = bg->writer->background;
    int64_t again_ms = task->cx.now_ms + (err == OK ? 0 : STUCK_RETRY_MS);

    switch (bg->kind) {
    case BG_EVENT:
    case BG_SCAN:
        answer_event(bg, err);
        background->parked_due_ms = 0; /* One may have been parked. */
        break;
    case BG_PARKED:
        background->parked_due_ms = again_ms;
        break;
    case BG_TIMER:
        if (err != OK)
            background->timers_due_ms = again_ms;
        break;
    case BG_JOB:
        bg->job->next_ms = err == OK ? bg->timer.due_ms : again_ms;
        break;
    case BG_COUNTS:
        counters_saved(bg->counts, err, again_ms);
        break;
    }
    if (err != OK)
        log_event(LOG_WARN, "background_retry", LOG_INT("kind", bg->kind),
                  LOG_TEXT("code", str_of(task->cx.problem.code)),
                  LOG_TEXT("detail", str_of(task->cx.problem.detail)));
    cx_reset(&task->cx);
}

/* ---- Collection ---- */

struct collection {
    struct writer *writer;
    struct background *background;
    struct task **tasks;
    int count, room;
    int64_t now_ms;
};

static struct background_task *new_task(struct collection *c, enum background_kind kind,
                                        enum err (*run)(struct task *task))
{
    struct background_task *bg = &c->background->tasks[c->count];
    struct cx *cx = &bg->task.cx;

    cx_reset(cx);
    cx->space = c->writer->space;
    cx->now_ms = c->now_ms; /* Also of one that never runs: it comes again a little later. */
    cx->arena.budget_bytes = CX_BYTES_MAX;
    bg->writer = c->writer;
    bg->kind = kind;
    bg->task.space = c->writer->space;
    bg->task.tx = TX_WRITE;
    bg->task.priority = PRIORITY_LOW;
    bg->task.run = run;
    bg->task.done = background_done;
    bg->task.mark = arena_mark(&cx->arena);
    c->tasks[c->count++] = &bg->task;
    return bg;
}

static void collect_jobs(struct collection *c)
{
    for (int k = 0; k < c->background->job_count && c->count < c->room; k++)
        if (c->background->jobs[k].next_ms <= c->now_ms)
            new_task(c, BG_JOB, job_task_run)->job = &c->background->jobs[k];
}

static enum err counts_task_run(struct task *task)
{
    return counters_save(&task->cx, ((struct background_task *)task)->counts);
}

static void collect_counts(struct collection *c)
{
    struct count_save *save;

    if (c->count == c->room)
        return;
    save = counters_collect(&c->background->cx, c->writer->space, c->now_ms);
    if (save)
        new_task(c, BG_COUNTS, counts_task_run)->counts = save;
}

/* The due time of the first row, or of none; what is left over stays due. */
static enum err next_due(struct cx *cx, int64_t *due_ms, const char *sql)
{
    static const struct field fields[] = {F(consumer_row, cursor), F_END};
    struct list rows;

    TRY(sql_raw_all(cx, fields, sizeof(struct consumer_row), &rows, sql, NO_BINDS));
    *due_ms = rows.count ? LIST_AT(rows, struct consumer_row, 0)->cursor : INT64_MAX;
    return OK;
}

/* What comes first leaves room for what comes later. */
static int half_of_room(const struct collection *c)
{
    return (c->room - c->count + 1) / 2;
}

static enum err collect_timers(struct collection *c)
{
    struct background *background = c->background;
    struct cx *cx = &background->cx;
    struct list rows;

    if (background->timers_due_ms > c->now_ms || c->count >= c->room)
        return OK;
    TRY(sql_raw_all(cx, timer_fields, sizeof(struct timer_row), &rows,
                    "select due_ms, name, key, set_ms, attempts, state, error from kernel_timer"
                    " where due_ms <= ?1 and state = 'waiting' order by due_ms, name, key limit ?2",
                    BIND(INT(c->now_ms), INT(half_of_room(c)))));
    for (size_t k = 0; k < rows.count; k++)
        new_task(c, BG_TIMER, timer_task_run)->timer = *LIST_AT(rows, struct timer_row, k);
    if (rows.count == 0)
        TRY(next_due(cx, &background->timers_due_ms,
                     "select due_ms from kernel_timer where state = 'waiting'"
                     " order by due_ms limit 1"));
    return OK;
}

static struct consumer_state *consumer_named(struct background *background, struct str name)
{
    for (int k = 0; k < background->consumer_count; k++)
        if (str_is(name, background->consumers[k].module->name))
            return &background->consumers[k];
    return NULL;
}

static enum err collect_parked(struct collection *c)
{
    struct background *background = c->background;
    struct cx *cx = &background->cx;
    struct list rows;
    int had = c->count;

    if (background->parked_due_ms > c->now_ms || c->count >= c->room)
        return OK;
    TRY(sql_raw_all(cx, parked_fields, sizeof(struct parked_row), &rows,
                    "select consumer, seq, type, key, state, attempts, next_ms, error"
                    " from kernel_parked where state = 'retry' and next_ms <= ?1"
                    " order by next_ms, consumer, seq limit ?2",
                    BIND(INT(c->now_ms), INT(half_of_room(c)))));
    for (size_t k = 0; k < rows.count; k++) {
        const struct parked_row *row = LIST_AT(rows, struct parked_row, k);
        struct consumer_state *consumer = consumer_named(background, row->consumer);

        if (!consumer)
            continue; /* Its module is not in this process. */
        struct background_task *bg = new_task(c, BG_PARKED, parked_task_run);

        bg->parked = *row;
        bg->consumer = consumer;
    }
    if (rows.count > 0 && c->count == had)
        background->parked_due_ms = c->now_ms + STUCK_RETRY_MS; /* None is of this process. */
    if (rows.count == 0)
        TRY(next_due(cx, &background->parked_due_ms,
                     "select next_ms from kernel_parked where state = 'retry'"
                     " order by next_ms limit 1"));
    return OK;
}

static bool consumed(const struct module *module, struct str type)
{
    for (const struct reaction *r = module->consumes; r->type; r++)
        if (str_is(type, r->type))
            return true;
    return false;
}

static enum err no_longer_parked(struct consumer_state *consumer, struct cx *cx)
{
    static const struct field fields[] = {F(consumer_row, cursor), F_END};
    struct list rows;

    if (!consumer->maybe_parked)
        return OK;
    TRY(sql_raw_all(cx, fields, sizeof(struct consumer_row), &rows,
                    "select count(*) from kernel_parked where consumer = ?1",
                    BIND(TEXT(str_of(consumer->module->name)))));
    consumer->maybe_parked = rows.count == 0 || LIST_AT(rows, struct consumer_row, 0)->cursor > 0;
    return OK;
}

static enum err collect_events(struct collection *c, struct consumer_state *consumer)
{
    struct cx *cx = &c->background->cx;
    int64_t previous = consumer->cursor;
    struct list rows;

    if (consumer->scanned >= c->writer->seq || consumer->not_before_ms > c->now_ms ||
        c->count >= c->room)
        return OK;
    TRY(no_longer_parked(consumer, cx));
    TRY(sql_raw_all(cx, outbox_fields, sizeof(struct outbox_row), &rows,
                    "select seq, id, type, key, time_ms, trace, data from kernel_outbox"
                    " where seq > ?1 order by seq limit ?2",
                    BIND(INT(consumer->scanned), INT(c->background->scan_rows_max))));
    for (size_t k = 0; k < rows.count; k++) {
        const struct outbox_row *row = LIST_AT(rows, struct outbox_row, k);

        if (consumed(consumer->module, row->type)) {
            if (c->count >= c->room)
                return OK;
            struct background_task *bg = new_task(c, BG_EVENT, event_task_run);

            bg->consumer = consumer;
            bg->event = *row;
            bg->previous = previous;
            previous = row->seq;
        }
        consumer->scanned = row->seq;
    }
    if (consumer->scanned - previous > SCAN_SAVE && c->count < c->room) {
        struct background_task *bg = new_task(c, BG_SCAN, scan_task_run);

        bg->consumer = consumer;
        bg->event = (struct outbox_row){.seq = consumer->scanned};
    }
    return OK;
}

static bool effect_runs(const struct background *background, int64_t id)
{
    for (int k = 0; k < background->running_count; k++)
        if (background->running[k] == id)
            return true;
    return false;
}

static int64_t effects_due_ms(const struct background *background)
{
    return background->effects_due_ms > background->effects_not_before_ms
               ? background->effects_due_ms
               : background->effects_not_before_ms;
}

static enum err offer_effects(struct collection *c)
{
    struct background *background = c->background;
    struct cx *cx = &background->cx;
    struct list rows;
    size_t k = 0, offered = 0;
    int limit = background->scan_rows_max < EFFECTS_RUNNING_MAX ? background->scan_rows_max
                                                                : EFFECTS_RUNNING_MAX;

    if (effects_due_ms(background) > c->now_ms)
        return OK;
    if (background->running_count >= EFFECTS_RUNNING_MAX) {
        background->effects_due_ms = c->now_ms + STUCK_RETRY_MS; /* An answer looks at once. */
        return OK;
    }
    TRY(sql_raw_all(
        cx, effect_fields, sizeof(struct effect_row), &rows,
        "select id, kind, key, method, url, headers, secret, content_type, body, trace,"
        " state, attempts, next_ms, error from kernel_effect"
        " where state = 'waiting' and next_ms <= ?1"
        " and next_ms >= ?2 and (next_ms > ?2 or id > ?3) order by next_ms, id limit ?4",
        BIND(INT(c->now_ms), INT(background->effects_seen_ms), INT(background->effects_seen_id),
             INT(limit))));
    for (; k < rows.count && background->running_count < EFFECTS_RUNNING_MAX; k++) {
        const struct effect_row *row = LIST_AT(rows, struct effect_row, k);

        background->effects_seen_ms = row->next_ms;
        background->effects_seen_id = row->id;
        if (effect_runs(background, row->id) ||
            !effect_offer(c->writer->space->platform->effects, c->writer->space, row))
            continue;
        background->running[background->running_count++] = row->id;
        offered++;
    }
    if (k < rows.count || rows.count == (size_t)limit)
        return OK; /* More are due: what was refused must not stand in front of them. */
    background->effects_seen_ms = background->effects_seen_id = 0;
    if (offered > 0)
        return OK;
    TRY(next_due(cx, &background->effects_due_ms,
                 "select next_ms from kernel_effect where state = 'waiting'"
                 " order by next_ms limit 1"));
    if (background->effects_due_ms <= c->now_ms)
        background->effects_due_ms = c->now_ms + STUCK_RETRY_MS; /* They run, or may not yet. */
    return OK;
}

static enum err collect(struct collection *c)
{
    collect_counts(c);
    collect_jobs(c);
    TRY(collect_timers(c));
    TRY(collect_parked(c));
    int count = c->background->consumer_count, first = c->background->first_consumer;

    c->background->first_consumer = count > 0 ? (first + 1) % count : 0;
    for (int k = 0; k < count; k++) /* Each is the first at times: none starves. */
        TRY(collect_events(c, &c->background->consumers[(first + k) % count]));
    return offer_effects(c);
}

int64_t writer_now_ms(struct writer *writer)
{
    struct env *env = writer->space->platform->env;
    int64_t now_ms = env->wall_ms(env), now_us = env->monotonic_us(env);

    if (now_ms <= writer->time_ms && now_us > writer->time_us)
        now_ms = writer->time_ms + (now_us - writer->time_us) / 1000 / CLOCK_BEHIND_SHARE;
    if (now_ms > writer->time_ms) {
        writer->time_ms = now_ms;
        writer->time_us = now_us;
    }
    return writer->time_ms;
}

int background_collect(struct writer *writer, struct task **tasks, int room)
{
    struct background *background = writer->background;
    struct collection c = {.writer = writer,
                           .background = background,
                           .tasks = tasks,
                           .room = room,
                           .now_ms = writer_now_ms(writer)};
    jmp_buf exhausted;
    enum err err;

    if (background_due_ms(writer) > c.now_ms)
        return 0;
    cx_reset(&background->cx);
    background->cx.db = writer->db;
    background->cx.space = writer->space;
    background->cx.now_ms = c.now_ms;
    background->cx.arena.exhausted = &exhausted;
    err = setjmp(exhausted) == 0 ? collect(&c) : ERR_TOO_LARGE;
    background->cx.arena.exhausted = NULL;
    if (err == ERR_TOO_LARGE && background->scan_rows_max > 1) {
        background->scan_rows_max /= 2; /* What was found is done, the rest in smaller parts. */
        return c.count;
    }
    if (err == OK && background->scan_rows_max < SCAN_ROWS_MAX)
        background->scan_rows_max *= 2;
    if (err != OK) {
        log_text(LOG_ERROR, "background_failed", "%s",
                 err == ERR_TOO_LARGE ? "a row is too large" : background->cx.problem.detail);
        sql_rollback(&background->cx); /* Reconnects. */
        background->not_before_ms = c.now_ms + STUCK_RETRY_MS;
    }
    return c.count;
}

int64_t background_due_ms(const struct writer *writer)
{
    const struct background *background = writer->background;
    int64_t due_ms = background->timers_due_ms;

    for (int k = 0; k < background->job_count; k++)
        if (background->jobs[k].next_ms < due_ms)
            due_ms = background->jobs[k].next_ms;
    for (int k = 0; k < background->consumer_count; k++)
        if (background->consumers[k].scanned < writer->seq &&
            background->consumers[k].not_before_ms < due_ms)
            due_ms = background->consumers[k].not_before_ms;
    if (background->parked_due_ms < due_ms)
        due_ms = background->parked_due_ms;
    if (effects_due_ms(background) < due_ms)
        due_ms = effects_due_ms(background);
    if (counters_due_ms(writer->space) < due_ms)
        due_ms = counters_due_ms(writer->space);
    return due_ms > background->not_before_ms ? due_ms : background->not_before_ms;
}
