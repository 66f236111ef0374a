/*
 * effect.c - effects as rows: put by a command, settled by the answer's command.
 */
#include "kernel/effect/effect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/effect/answer.h"
#include "kernel/work/background.h"

const struct effect_kind *effect_kind_named(const struct platform *platform, struct str name)
{
    for (const struct module *const *m = platform->modules; *m; m++)
        for (const struct effect_kind *e = (*m)->effects; e && e->name; e++)
            if (str_is(name, e->name))
                return e;
    return NULL;
}

static void effects_due(struct space *space, void *argument)
{
    const int64_t *due_ms = argument;
    struct background *background = space->writer->background;

    if (*due_ms < background->effects_due_ms)
        background->effects_due_ms = *due_ms;
}

static enum err put_row(struct cx *cx, const struct effect_row *row)
{
    int64_t *due_ms = CX_NEW(cx, int64_t);

    *due_ms = row->next_ms;
    cx_after_commit(cx, effects_due, due_ms);
    return row_put(cx, &effect_table, row);
}

enum err effect_put(struct cx *cx, const struct effect_new *effect, int64_t *id)
{
    struct effect_row row = {.id = cx_new_id(cx),
                             .kind = str_of(effect->kind),
                             .key = effect->key,
                             .method = str_of(effect->method),
                             .url = effect->url,
                             .secret = effect->secret.ptr ? effect->secret : STR(""),
                             .content_type = effect->content_type.ptr ? effect->content_type
                                                                      : STR("application/json"),
                             .body = effect->body.ptr ? effect->body : STR(""),
                             .trace = str_of(cx->trace),
                             .next_ms = effect->not_before_ms ? effect->not_before_ms : cx->now_ms,
                             .error = STR("")};
    struct json_out headers;

    assert(effect_kind_named(cx->space->platform, row.kind)); /* In the module's table. */
    json_open(&headers, cx, 64);
    json_object(&headers);
    for (size_t k = 0; k < effect->headers.count; k++) {
        const struct pair *pair = LIST_AT(effect->headers, struct pair, k);

        json_key(&headers, pair->key);
        json_put_text(&headers, pair->value);
    }
    json_object_end(&headers);
    row.headers = json_done(&headers);
    if (id)
        *id = row.id;
    return put_row(cx, &row);
}

/* ---- The answer, as a command ---- */

static bool worth_another(int status)
{
    return status == 0 || status >= 500 || status == 408 || status == 425 || status == 429;
}

static enum effect_verdict preset(const struct effect_answer *answer)
{
    if (answer->status >= 200 && answer->status < 300)
        return EFFECT_DONE;
    return answer->final || !worth_another(answer->status) ? EFFECT_FAILED : EFFECT_RETRY;
}

static enum err settle(struct cx *cx, struct effect_row *row, const struct effect_answer *answer,
                       enum effect_verdict verdict)
{
    row->attempts = answer->attempt;
    row->error = answer->error.ptr ? answer->error : STR("");
    if (answer->status >= 300)
        row->error = cx_printf(cx, "HTTP %d", answer->status);
    if (verdict == EFFECT_RETRY) {
        row->next_ms = cx->now_ms + backoff_ms(cx, row->attempts);
        return put_row(cx, row);
    }
    row->state = verdict == EFFECT_DONE ? EFFECT_ROW_DONE : EFFECT_ROW_FAILED;
    row->next_ms = cx->now_ms;
    if (verdict == EFFECT_FAILED)
        log_event(LOG_ERROR, "effect_failed", LOG_TEXT("kind", row->kind), LOG_INT("id", row->id),
                  LOG_INT("attempts", row->attempts), LOG_TEXT("error", row->error));
    return row_put(cx, &effect_table, row);
}

static enum err hand_over(struct task *task)
{
    struct effect_task *effect = (struct effect_task *)task;

    return effect->kind->answer(&task->cx, &effect->answer, &effect->verdict);
}

static enum err answer_run(struct task *task)
{
    struct effect_task *effect = (struct effect_task *)task;
    struct cx *cx = &task->cx;
    struct effect_row row = {.id = effect->answer.id};
    struct effect_answer *answer = &effect->answer;
    const struct effect_kind *kind;
    bool found;
    enum err err;

    TRY(row_find(cx, &effect_table, &row, &found));
    if (!found || row.state != EFFECT_ROW_WAITING)
        return OK; /* Discarded by a person while it was under way. */
    kind = effect->kind = effect_kind_named(cx->space->platform, row.kind);
    if (!kind)
        return settle(cx, &row, answer, EFFECT_FAILED);
    answer->attempt = (int)row.attempts + 1;
    answer->final =
        answer->attempt >= (kind->attempts_max ? kind->attempts_max : EFFECT_ATTEMPTS_MAX);
    effect->verdict = preset(answer);
    snprintf(cx->trace, sizeof(cx->trace), STR_FMT, STR_ARG(row.trace));
    err = handler_run(task, hand_over);
    if (err != OK) {
        struct effect_answer refused = *answer;

        refused.error = problem_text(cx);
        if (!failed_by_itself(cx, err))
            return err;
        TRY(cx_undo(cx));
        return settle(cx, &row, &refused, answer->final ? EFFECT_FAILED : EFFECT_RETRY);
    }
    return settle(cx, &row, answer, effect->verdict);
}

static void answer_done(struct task *task, enum err err)
{
    struct effect_task *effect = (struct effect_task *)task;
    struct background *background = task->space->writer->background;

    if (err != OK) { /* The call is made again, uncounted: not at once. */
        background->effects_not_before_ms = writer_now_ms(task->space->writer) + STUCK_RETRY_MS;
        log_event(LOG_WARN, "effect_answer_lost", LOG_INT("id", effect->answer.id),
                  LOG_TEXT("detail", str_of(task->cx.problem.detail)));
    }
    for (int k = 0; k < background->running_count; k++)
        if (background->running[k] == effect->answer.id)
            background->running[k] = background->running[--background->running_count];
    background->effects_due_ms = 0;
    cx_close(&task->cx);
    free(effect);
}

enum err effect_purge(struct cx *cx, bool *more)
{
    int64_t gone;

    TRY(sql_run(cx, &gone,
                "delete from kernel_effect where id in (select id from kernel_effect"
                " where state = 'done' and next_ms < ?1 order by next_ms limit ?2)",
                BIND(INT(cx->now_ms - EFFECT_DONE_KEPT_MS), INT(EFFECT_PURGE_ROWS_MAX))));
    *more = gone == EFFECT_PURGE_ROWS_MAX;
    return OK;
}

struct effect_task *effect_task_make(struct space *space)
{
    struct effect_task *effect = calloc(1, sizeof(*effect));

    assert(effect);
    cx_open(&effect->task.cx, space->platform->env, EFFECT_CX_BYTES_MAX);
    effect->task.cx.space = space;
    effect->task.space = space;
    effect->task.tx = TX_WRITE;
    effect->task.priority = PRIORITY_NORMAL;
    effect->task.run = answer_run;
    effect->task.done = answer_done;
    return effect;
}
