/*
 * dead.c - parked events, failed timers and effects, seen as one list.
 */
#include "kernel/work/dead.h"

#include "kernel/effect/effect.h"
#include "kernel/work/background.h"

const struct field dead_letter_fields[] = {F(dead_letter, kind),
                                           F(dead_letter, id),
                                           F(dead_letter, type),
                                           F(dead_letter, key),
                                           F(dead_letter, state),
                                           F(dead_letter, attempts),
                                           F_TIME(dead_letter, next_ms, "next_at"),
                                           F(dead_letter, error),
                                           F_JSON(dead_letter, data, .flags = FIELD_OMIT),
                                           F_END};

static const char *const parked_names[] = {"waiting", "retry", "dead"};
static const char *const effect_names[] = {"waiting", "done", "failed"};

/* ---- As letters ---- */

static struct dead_letter parked_letter(struct cx *cx, const struct parked_row *row)
{
    return (struct dead_letter){
        .kind = STR("event"),
        .id = cx_printf(cx, STR_FMT ":%" PRId64, STR_ARG(row->consumer), row->seq),
        .type = row->type,
        .key = row->key,
        .state = str_of(parked_names[row->state]),
        .attempts = row->attempts,
        .next_ms = row->next_ms,
        .error = row->error};
}

static struct dead_letter timer_letter(struct cx *cx, const struct timer_row *row)
{
    return (struct dead_letter){.kind = STR("timer"),
                                .id = cx_printf(cx, STR_FMT ":%" PRId64 ":%" PRId64,
                                                STR_ARG(row->name), row->key, row->due_ms),
                                .type = row->name,
                                .key = cx_printf(cx, "%" PRId64, row->key),
                                .state = row->state == TIMER_DEAD ? STR("dead") : STR("retry"),
                                .attempts = row->attempts,
                                .next_ms = row->due_ms,
                                .error = row->error};
}

static struct dead_letter effect_letter(struct cx *cx, const struct effect_row *row)
{
    return (struct dead_letter){.kind = STR("effect"),
                                .id = cx_id_text(cx, "eff", row->id),
                                .type = row->kind,
                                .key = cx_printf(cx, "%" PRId64, row->key),
                                .state = str_of(effect_names[row->state]),
                                .attempts = row->attempts,
                                .next_ms = row->next_ms,
                                .error = row->error};
}

/* ---- The list: events, then timers, then effects, each by a number that few share ---- */

enum { GROUP_MAX = CONSUMERS_MAX }; /* Letters with one number: consumers of an event. */

struct numbered {
    struct dead_letter letter;
    int64_t number;
};

static enum err list_parked(struct cx *cx, int64_t after, int64_t limit, struct list *out)
{
    struct numbered *items;
    struct list rows;

    TRY(sql_all(cx, parked_fields, sizeof(struct parked_row), &rows,
                "select consumer, seq, type, key, state, attempts, next_ms, error"
                " from kernel_parked where seq > ?1 order by seq, consumer limit ?2",
                BIND(INT(after), INT(limit))));
    items = CX_ARRAY(cx, struct numbered, rows.count + 1);
    for (size_t k = 0; k < rows.count; k++) {
        const struct parked_row *row = LIST_AT(rows, struct parked_row, k);

        items[k] = (struct numbered){parked_letter(cx, row), row->seq};
    }
    *out = (struct list){items, rows.count};
    return OK;
}

static enum err list_timers(struct cx *cx, int64_t after, int64_t limit, struct list *out)
{
    struct numbered *items;
    struct list rows;

    TRY(sql_all(cx, timer_fields, sizeof(struct timer_row), &rows,
                "select due_ms, name, key, set_ms, attempts, state, error from kernel_timer"
                " where attempts > 0 and key > ?1 order by key, name, due_ms limit ?2",
                BIND(INT(after), INT(limit))));
    items = CX_ARRAY(cx, struct numbered, rows.count + 1);
    for (size_t k = 0; k < rows.count; k++) {
        const struct timer_row *row = LIST_AT(rows, struct timer_row, k);

        items[k] = (struct numbered){timer_letter(cx, row), row->key};
    }
    *out = (struct list){items, rows.count};
    return OK;
}

static enum err list_effects(struct cx *cx, int64_t after, int64_t limit, struct list *out)
{
    struct numbered *items;
    struct list rows;

    TRY(sql_all(cx, effect_fields, sizeof(struct effect_row), &rows,
                "select id, kind, key, method, url, headers, secret, content_type, body, trace,"
                " state, attempts, next_ms, error from kernel_effect"
                " where (state = 'failed' or (state = 'waiting' and attempts > 0)) and id > ?1"
                " order by id limit ?2",
                BIND(INT(after), INT(limit))));
    items = CX_ARRAY(cx, struct numbered, rows.count + 1);
    for (size_t k = 0; k < rows.count; k++) {
        const struct effect_row *row = LIST_AT(rows, struct effect_row, k);

        items[k] = (struct numbered){effect_letter(cx, row), row->id};
    }
    *out = (struct list){items, rows.count};
    return OK;
}

enum err dead_list(struct cx *cx, struct dead_place *place, int64_t limit, struct list *out)
{
    static enum err (*const lists[])(struct cx *, int64_t, int64_t,
                                     struct list *) = {list_parked, list_timers, list_effects};
    enum { LISTS = sizeof(lists) / sizeof(lists[0]) };
    struct dead_letter *letters = CX_ARRAY(cx, struct dead_letter, (size_t)limit + GROUP_MAX);
    size_t count = 0;

    while (place->list >= 0 && place->list < LISTS && (int64_t)count < limit) {
        struct list found;
        size_t k = 0;

        TRY(lists[place->list](cx, place->after, limit - (int64_t)count + GROUP_MAX, &found));
        for (; k < found.count; k++) {
            const struct numbered *item = LIST_AT(found, struct numbered, k);

            if ((int64_t)count >= limit && item->number != place->after)
                break; /* The page is full, and its last number whole. */
            assert((int64_t)count < limit + GROUP_MAX);
            letters[count++] = item->letter;
            place->after = item->number;
        }
        if (k < found.count)
            break;
        place->list++;
        place->after = 0;
    }
    place->end = place->list >= LISTS;
    *out = (struct list){letters, count};
    return OK;
}

/* ---- By kind and id ---- */

static enum err no_such(struct cx *cx, struct str kind, struct str id)
{
    return fail(cx, ERR_NOT_FOUND, "no_such_letter",
                "there is no " STR_FMT " " STR_FMT " that failed: GET /v1/dead-letters lists them",
                STR_ARG(kind), STR_ARG(id));
}

static enum err find_parked(struct cx *cx, struct str id, struct parked_row *row)
{
    struct str rest = id, consumer = {0};
    bool found = false;

    *row = (struct parked_row){0};
    if (str_cut(&rest, ':', &consumer) && rest.ptr && str_int(rest, &row->seq)) {
        row->consumer = consumer;
        TRY(row_find(cx, &parked_table, row, &found));
    }
    return found ? OK : no_such(cx, STR("event"), id);
}

static enum err find_timer(struct cx *cx, struct str id, struct timer_row *row)
{
    struct str rest = id, name = {0}, key = {0};
    bool found = false;

    *row = (struct timer_row){0};
    if (str_cut(&rest, ':', &name) && str_cut(&rest, ':', &key) && rest.ptr &&
        str_int(key, &row->key) && str_int(rest, &row->due_ms)) {
        row->name = name;
        TRY(row_find(cx, &timer_table, row, &found));
    }
    return found ? OK : no_such(cx, STR("timer"), id);
}

static enum err find_effect(struct cx *cx, struct str id, struct effect_row *row)
{
    bool found = false;

    *row = (struct effect_row){0};
    if (id_parse(id, "eff", &row->id))
        TRY(row_find(cx, &effect_table, row, &found));
    return found && row->state != EFFECT_ROW_DONE ? OK : no_such(cx, STR("effect"), id);
}

enum err dead_get(struct cx *cx, struct str kind, struct str id, struct dead_letter *out)
{
    struct parked_row parked;
    struct timer_row timer;
    struct effect_row effect;

    if (str_is(kind, "event")) {
        struct outbox_row event = {0};

        TRY(find_parked(cx, id, &parked));
        event.seq = parked.seq;
        TRY(row_get(cx, &outbox_table, &event));
        *out = parked_letter(cx, &parked);
        out->data = event.data;
        return OK;
    }
    if (str_is(kind, "timer")) {
        TRY(find_timer(cx, id, &timer));
        *out = timer_letter(cx, &timer);
        return OK;
    }
    if (!str_is(kind, "effect"))
        return no_such(cx, kind, id);
    TRY(find_effect(cx, id, &effect));
    *out = effect_letter(cx, &effect);
    return OK;
}

static void look_again(struct space *space, void *argument)
{
    struct background *background = space->writer->background;

    (void)argument;
    background->parked_due_ms = background->timers_due_ms = background->effects_due_ms = 0;
}

static enum err redrive_parked(struct cx *cx, struct str id)
{
    struct parked_row row;
    int64_t earlier;

    TRY(find_parked(cx, id, &row));
    TRY(sql_int(cx, &earlier, 0,
                "select count(*) from kernel_parked where consumer = ?1 and key = ?2 and seq < ?3",
                BIND(TEXT(row.consumer), TEXT(row.key), INT(row.seq))));
    if (earlier > 0)
        return fail(cx, ERR_CONFLICT, "waits_behind",
                    "%" PRId64 " earlier events of " STR_FMT " wait: drive or discard those first",
                    earlier, STR_ARG(row.key));
    row.state = PARKED_RETRY;
    row.attempts = 0;
    row.next_ms = cx->now_ms;
    return row_put(cx, &parked_table, &row);
}

enum err dead_redrive(struct cx *cx, struct str kind, struct str id)
{
    struct timer_row timer;
    struct effect_row effect;

    cx_after_commit(cx, look_again, NULL);
    if (str_is(kind, "event"))
        return redrive_parked(cx, id);
    if (str_is(kind, "timer")) {
        TRY(find_timer(cx, id, &timer));
        TRY(row_delete(cx, &timer_table, &timer));
        timer.due_ms = cx->now_ms;
        timer.attempts = 0;
        timer.state = TIMER_WAITING;
        return row_put(cx, &timer_table, &timer);
    }
    if (!str_is(kind, "effect"))
        return no_such(cx, kind, id);
    TRY(find_effect(cx, id, &effect));
    effect.state = EFFECT_ROW_WAITING;
    effect.attempts = 0;
    effect.next_ms = cx->now_ms;
    return row_put(cx, &effect_table, &effect);
}

/* What will be tried again has not failed: its owner would never hear what became of it. */
static enum err still_tried(struct cx *cx, struct str kind, struct str id)
{
    return fail(cx, ERR_CONFLICT, "still_tried",
                STR_FMT " " STR_FMT " will be tried again: it can be discarded once it is dead",
                STR_ARG(kind), STR_ARG(id));
}

enum err dead_discard(struct cx *cx, struct str kind, struct str id)
{
    struct parked_row parked;
    struct timer_row timer;
    struct effect_row effect;

    cx_after_commit(cx, look_again, NULL);
    if (str_is(kind, "event")) {
        TRY(find_parked(cx, id, &parked));
        TRY(row_delete(cx, &parked_table, &parked));
        return parked_release_next(cx, &parked);
    }
    if (str_is(kind, "timer")) {
        TRY(find_timer(cx, id, &timer));
        return timer.state == TIMER_DEAD ? row_delete(cx, &timer_table, &timer)
                                         : still_tried(cx, kind, id);
    }
    if (!str_is(kind, "effect"))
        return no_such(cx, kind, id);
    TRY(find_effect(cx, id, &effect));
    if (effect.state == EFFECT_ROW_WAITING)
        return still_tried(cx, kind, id);
    return row_delete(cx, &effect_table, &effect);
}
