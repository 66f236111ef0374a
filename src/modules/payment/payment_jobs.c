/*
 * payment_jobs.c - reconciliation (对账): the provider's statement of a day against our ledger.
 *
 * The statement comes page by page, each an effect; a page is held against our rows when it
 * arrives (what is missing here, or differs).  Then our rows of the day are held against the
 * statement, an hour of the day at a time (what is missing there).  No command is long, whatever
 * the day's size, and a crash goes on where it stood.  Run again, a day keeps the differences that
 * are still there and tells only new ones.
 */
#include "modules/payment/payment_priv.h"

enum {
    LOOK_BACK_DAYS = 7,         /* Days that a stopped server catches up on. */
    DIFFERENCES_MAX = 1000,     /* Of one page or hour; beyond it the accounts themselves differ. */
    INBOX_PURGE_ROWS_MAX = 500, /* In one command. */
    RETRY_AFTER_MS = HOUR_MS,   /* A statement that could not be fetched. */
    HOURS_OF_DAY = 24,
};

static const char *const reconciliation_states[] = {"fetching", "comparing", "done", "failed",
                                                    NULL};
static const char *const difference_kinds[] = {"missing_here",
                                               "missing_there",
                                               "amount_differs",
                                               "fee_differs",
                                               "account_differs",
                                               "duplicated",
                                               NULL};

struct setting payment_reconcile_hour = {
    "payment.reconcile_hour",
    "hour",
    "Hour of the day (UTC) from which yesterday is reconciled.",
    0,
    23,
    4,
    0};

const struct field reconciliation_fields[] = {
    F_ID(reconciliation, id, "rec"),
    F(reconciliation, provider),
    F_TIME(reconciliation, day_ms, "day"),
    F_ENUM(reconciliation, state, reconciliation_states),
    F(reconciliation, run, .doc = "How often this day was compared."),
    F(reconciliation, effect, .column = "effect_id", .flags = FIELD_SQL_ONLY),
    F(reconciliation, lines, .doc = "Of the statement."),
    F(reconciliation, hour, .flags = FIELD_SQL_ONLY),
    F(reconciliation, differences),
    F_JSON(reconciliation, accounts, .doc = "Sums of the statement by merchant account."),
    F(reconciliation, error),
    F(reconciliation, actor, .flags = FIELD_SQL_ONLY),
    F_TIME(reconciliation, started_ms, "started_at"),
    F_TIME(reconciliation, done_ms, "done_at"),
    F_END};
const struct table reconciliation_table =
    TABLE("payment_reconciliation", reconciliation, reconciliation_fields, 1);

static const struct field line_fields[] = {F(statement_line, reconciliation),
                                           F(statement_line, line),
                                           F_ENUM(statement_line, type, statement_types),
                                           F(statement_line, ref, .column = "provider_ref"),
                                           F(statement_line, ours),
                                           F(statement_line, entity),
                                           F(statement_line, currency),
                                           F(statement_line, amount_minor),
                                           F(statement_line, fee_minor),
                                           F(statement_line, time_ms),
                                           F_END};
static const struct table line_table = TABLE("payment_statement", statement_line, line_fields, 2);

/* The row; its reply and its event are below. */
static const struct field difference_row_fields[] = {
    F(payment_difference, reconciliation),
    F_ENUM(payment_difference, kind, difference_kinds),
    F(payment_difference, ref, .column = "provider_ref"),
    F(payment_difference, ours),
    F_ENUM(payment_difference, type, statement_types),
    F(payment_difference, entity),
    F(payment_difference, currency),
    F(payment_difference, ours_minor),
    F(payment_difference, theirs_minor),
    F(payment_difference, run),
    F(payment_difference, found_ms),
    F_END};
static const struct table difference_table =
    TABLE("payment_difference", payment_difference, difference_row_fields, 4);

#define DIFFERENCE_API_FIELDS                                                                      \
    F_ENUM(payment_difference, kind, difference_kinds),                                            \
        F_ENUM(payment_difference, type, statement_types),                                         \
        F(payment_difference, ref, .doc = "The provider's name of the charge or refund."),         \
        F(payment_difference, payment, .doc = "Our payment or part of a refund, if any."),         \
        F(payment_difference, entity),                                                             \
        F_MONEY(payment_difference, ours_minor, currency, "ours", .flags = FIELD_SIGNED),          \
        F_MONEY(payment_difference, theirs_minor, currency, "theirs", .flags = FIELD_SIGNED)

const struct field payment_difference_fields[] = {
    DIFFERENCE_API_FIELDS, F_TIME(payment_difference, found_ms, "found_at"), F_END};
const struct field payment_difference_event_fields[] = {F(payment_difference, provider),
                                                        F_TIME(payment_difference, day_ms, "day"),
                                                        DIFFERENCE_API_FIELDS, F_END};

/* ---- Differences ---- */

static void name(struct cx *cx, struct payment_difference *difference)
{
    difference->payment = difference->ours
                              ? cx_id_text(cx, difference->type ? "prf" : "pay", difference->ours)
                              : (struct str){0};
}

enum err reconciliation_differences(struct cx *cx, int64_t id, struct list *out)
{
    TRY(sql_all(cx, difference_row_fields, sizeof(struct payment_difference), out,
                "select reconciliation, kind, provider_ref, ours, type, entity, currency,"
                " ours_minor, theirs_minor, run, found_ms from payment_difference"
                " where reconciliation = ?1 order by kind, provider_ref, ours limit ?2",
                BIND(INT(id), INT(DIFFERENCES_MAX))));
    for (size_t k = 0; k < out->count; k++)
        name(cx, LIST_AT(*out, struct payment_difference, k));
    return OK;
}

/* The event belongs to the order when one is known, else to the day.  What is missing here is asked
 * for: its notice was lost for longer than anybody asked. */
static enum err look_into(struct cx *cx, const struct payment_difference *difference,
                          struct str *key)
{
    struct payment_part part = {.id = difference->ours};
    struct payment payment = {.id = difference->ours};
    bool found = false;

    *key = cx_id_text(cx, "rec", difference->reconciliation);
    if (difference->ours == 0)
        return OK;
    if (difference->type)
        TRY(row_find(cx, &payment_part_table, &part, &found));
    else
        TRY(row_find(cx, &payment_table, &payment, &found));
    if (!found)
        return OK;
    *key = order_key(cx, difference->type ? part.order : payment.order);
    if (difference->kind != MISSING_HERE)
        return OK;
    return difference->type ? payment_part_ask(cx, &part) : payment_ask(cx, &payment);
}

static enum err note(struct cx *cx, struct reconciliation *rec,
                     struct payment_difference *difference)
{
    struct payment_difference before;
    struct str key;
    bool found;

    difference->reconciliation = rec->id;
    difference->run = rec->run;
    difference->found_ms = cx_now_ms(cx);
    before = *difference;
    TRY(row_find(cx, &difference_table, &before, &found));
    if (found && before.run == rec->run)
        return OK; /* Seen from both sides. */
    if (found)
        difference->found_ms = before.found_ms;
    rec->differences++;
    TRY(row_put(cx, &difference_table, difference));
    TRY(look_into(cx, difference, &key));
    if (found)
        return OK; /* Told before. */
    difference->provider = rec->provider;
    difference->day_ms = rec->day_ms;
    name(cx, difference);
    return event_put(cx, "payment.difference_found", key, payment_difference_event_fields,
                     difference);
}

static enum err note_all(struct cx *cx, struct reconciliation *rec, const char *sql,
                         struct binds binds)
{
    static const struct field found_fields[] = {F_ENUM(payment_difference, kind, difference_kinds),
                                                F(payment_difference, ref),
                                                F(payment_difference, ours),
                                                F_ENUM(payment_difference, type, statement_types),
                                                F(payment_difference, entity),
                                                F(payment_difference, currency),
                                                F(payment_difference, ours_minor),
                                                F(payment_difference, theirs_minor),
                                                F_END};
    struct list rows;

    TRY(sql_all(cx, found_fields, sizeof(struct payment_difference), &rows, sql, binds));
    for (size_t k = 0; k < rows.count; k++)
        TRY(note(cx, rec, LIST_AT(rows, struct payment_difference, k)));
    return OK;
}

/* ---- Their lines against our rows ---- */

/* One difference per line, the gravest. */
static const char charges_sql[] =
    "select kind, provider_ref, ours, type, entity, currency, case kind when 'missing_here' then 0"
    " when 'fee_differs' then our_fee else our_minor end,"
    " case kind when 'fee_differs' then fee_minor else amount_minor end"
    " from (select s.*, p.captured_minor as our_minor, p.fee_minor as our_fee,"
    "  case when p.id is null or p.captured_minor = 0 then 'missing_here'"
    "  when p.captured_minor <> s.amount_minor or p.captured_currency <> s.currency"
    "   then 'amount_differs'"
    "  when p.entity <> s.entity then 'account_differs'"
    "  when p.provider_ref <> s.provider_ref then 'duplicated'"
    "  when p.fee_minor <> s.fee_minor then 'fee_differs' else '' end as kind"
    "  from payment_statement s left join payment p on p.id = s.ours and p.provider = ?4"
    "  where s.reconciliation = ?1 and s.line >= ?2 and s.type = 'charge') as found"
    " where kind <> '' order by line limit ?3";

/* Our books know no fee of a refund. */
static const char refunds_sql[] =
    "select kind, provider_ref, ours, type, entity, currency, case kind when 'missing_here' then 0"
    " when 'fee_differs' then 0 else our_minor end,"
    " case kind when 'fee_differs' then fee_minor else amount_minor end"
    " from (select s.*, p.amount_minor as our_minor,"
    "  case when p.id is null or p.state <> 'refunded' then 'missing_here'"
    "  when p.amount_minor <> s.amount_minor or p.currency <> s.currency then 'amount_differs'"
    "  when p.entity <> s.entity then 'account_differs'"
    "  when p.provider_ref <> s.provider_ref then 'duplicated'"
    "  when s.fee_minor <> 0 then 'fee_differs' else '' end as kind"
    "  from payment_statement s left join payment_part p on p.id = s.ours and p.provider = ?4"
    "  where s.reconciliation = ?1 and s.line >= ?2 and s.type = 'refund') as found"
    " where kind <> '' order by line limit ?3";

/* The same charge or refund on an earlier line. */
static const char twice_sql[] =
    "select 'duplicated', s.provider_ref, s.ours, s.type, s.entity, s.currency, cast(0 as bigint),"
    " s.amount_minor"
    " from payment_statement s where s.reconciliation = ?1 and s.line >= ?2 and exists"
    " (select 1 from payment_statement t where t.reconciliation = s.reconciliation"
    "  and t.provider_ref = s.provider_ref and t.type = s.type and t.line < s.line)"
    " order by s.line limit ?3";

static enum err compare_page(struct cx *cx, struct reconciliation *rec, int64_t from_line)
{
    struct binds binds = BIND(INT(rec->id), INT(from_line), INT(DIFFERENCES_MAX));

    TRY(note_all(cx, rec, twice_sql, binds));
    binds = BIND(INT(rec->id), INT(from_line), INT(DIFFERENCES_MAX), TEXT(rec->provider));
    TRY(note_all(cx, rec, charges_sql, binds));
    return note_all(cx, rec, refunds_sql, binds);
}

/* ---- Our rows against their lines ---- */

static const char captured_sql[] =
    "select 'missing_there', p.provider_ref, p.id, 'charge', p.entity, p.captured_currency,"
    " p.captured_minor, cast(0 as bigint) from payment p where p.provider = ?1 and p.settled_ms >= ?2"
    " and p.settled_ms < ?3 and p.captured_minor > 0 and not exists"
    " (select 1 from payment_statement s where s.reconciliation = ?4 and s.ours = p.id)"
    " order by p.id limit ?5";

static const char returned_sql[] =
    "select 'missing_there', p.provider_ref, p.id, 'refund', p.entity, p.currency,"
    " p.amount_minor, cast(0 as bigint) from payment_part p where p.provider = ?1 and p.settled_ms >= ?2"
    " and p.settled_ms < ?3 and p.state = 'refunded' and not exists"
    " (select 1 from payment_statement s where s.reconciliation = ?4 and s.ours = p.id)"
    " order by p.id limit ?5";

static enum err compare_hour(struct cx *cx, struct reconciliation *rec)
{
    int64_t from_ms = rec->day_ms + rec->hour * HOUR_MS;
    struct binds binds = BIND(TEXT(rec->provider), INT(from_ms), INT(from_ms + HOUR_MS),
                              INT(rec->id), INT(DIFFERENCES_MAX));

    TRY(note_all(cx, rec, captured_sql, binds));
    return note_all(cx, rec, returned_sql, binds);
}

/* ---- Sums by merchant account, kept when the lines are gone ---- */

struct account_sums {
    struct str entity, currency;
    int64_t charges, charged_minor, refunds, refunded_minor, fee_minor;
};
static const struct field sums_fields[] = {
    F(account_sums, entity),
    F(account_sums, currency, .flags = FIELD_SQL_ONLY),
    F(account_sums, charges),
    F_MONEY(account_sums, charged_minor, currency, "charged"),
    F(account_sums, refunds),
    F_MONEY(account_sums, refunded_minor, currency, "refunded"),
    F_MONEY(account_sums, fee_minor, currency, "fees"),
    F_END};

static enum err sum_up(struct cx *cx, struct reconciliation *rec)
{
    struct json_out out;
    struct list rows;

    TRY(sql_all(cx, sums_fields, sizeof(struct account_sums), &rows,
                "select entity, currency,"
                " cast(sum(case type when 'charge' then 1 else 0 end) as bigint),"
                " cast(sum(case type when 'charge' then amount_minor else 0 end) as bigint),"
                " cast(sum(case type when 'refund' then 1 else 0 end) as bigint),"
                " cast(sum(case type when 'refund' then amount_minor else 0 end) as bigint),"
                " cast(sum(fee_minor) as bigint) from payment_statement"
                " where reconciliation = ?1 group by entity, currency order by entity, currency",
                BIND(INT(rec->id))));
    json_open(&out, cx, 256);
    json_list(&out);
    for (size_t k = 0; k < rows.count; k++)
        field_write(&out, sums_fields, LIST_AT(rows, struct account_sums, k));
    json_list_end(&out);
    rec->accounts = json_done(&out);
    return OK;
}

static enum err finish(struct cx *cx, struct reconciliation *rec)
{
    TRY(sum_up(cx, rec));
    TRY(sql_run(cx, NULL, "delete from payment_statement where reconciliation = ?1",
                BIND(INT(rec->id))));
    TRY(sql_run(cx, NULL, "delete from payment_difference where reconciliation = ?1 and run < ?2",
                BIND(INT(rec->id), INT(rec->run)))); /* Gone since the last run. */
    rec->state = RECONCILIATION_DONE;
    rec->done_ms = cx_now_ms(cx);
    return OK;
}

enum err payment_compare(struct cx *cx, int64_t key, int64_t due_ms)
{
    struct reconciliation rec = {.id = key};
    bool found;

    TRY(row_find(cx, &reconciliation_table, &rec, &found));
    if (!found || rec.state != RECONCILIATION_COMPARING)
        return OK;
    if (rec.hour == HOURS_OF_DAY) {
        TRY(finish(cx, &rec));
    } else {
        TRY(compare_hour(cx, &rec));
        rec.hour++;
        TRY(timer_set(cx, "payment.compare", rec.id, due_ms + 1));
    }
    return row_put(cx, &reconciliation_table, &rec);
}

/* ---- Fetching ---- */

static enum err fetch(struct cx *cx, struct reconciliation *rec, struct str cursor)
{
    struct effect_new effect = {.kind = "payment.statement", .key = rec->id};
    const struct payment_provider *provider = payment_provider(rec->provider);

    assert(provider);
    assert(provider->statement);
    TRY(provider->statement(cx, rec->day_ms, cursor, &effect));
    TRY(effect_put(cx, &effect, &rec->effect));
    return row_put(cx, &reconciliation_table, rec);
}

enum err reconciliation_start(struct cx *cx, struct str provider, int64_t day_ms,
                              struct reconciliation *out)
{
    struct list rows;

    TRY(sql_all(cx, reconciliation_fields, sizeof(struct reconciliation), &rows,
                RECONCILIATION_COLUMNS " where provider = ?1 and day_ms = ?2 order by id",
                BIND(TEXT(provider), INT(day_ms))));
    *out = (struct reconciliation){.provider = provider, .day_ms = day_ms};
    if (rows.count > 0)
        *out = *LIST_AT(rows, struct reconciliation, 0);
    else
        out->id = cx_new_id(cx);
    out->state = RECONCILIATION_FETCHING;
    out->run++;
    out->lines = out->hour = out->differences = out->done_ms = 0;
    out->accounts = STR("[]");
    out->error = STR("");
    out->actor = cx_actor(cx);
    out->started_ms = cx_now_ms(cx);
    TRY(sql_run(cx, NULL, "delete from payment_statement where reconciliation = ?1",
                BIND(INT(out->id))));
    return fetch(cx, out, (struct str){0});
}

static enum err keep_page(struct cx *cx, struct reconciliation *rec,
                          const struct statement_page *page)
{
    int64_t from_line = rec->lines;

    for (size_t k = 0; k < page->lines.count; k++) {
        struct statement_line *line = LIST_AT(page->lines, struct statement_line, k);

        line->reconciliation = rec->id;
        line->line = rec->lines++;
        TRY(row_add(cx, &line_table, line));
    }
    return compare_page(cx, rec, from_line);
}

static enum err fetch_failed(struct cx *cx, struct reconciliation *rec, struct str error)
{
    rec->state = RECONCILIATION_FAILED;
    rec->error = error;
    return row_put(cx, &reconciliation_table, rec);
}

enum err payment_statement_answered(struct cx *cx, const struct effect_answer *answer,
                                    enum effect_verdict *verdict)
{
    struct reconciliation rec = {.id = answer->key};
    const struct payment_provider *provider;
    struct statement_page page;
    bool found;

    TRY(row_find(cx, &reconciliation_table, &rec, &found));
    if (!found || rec.effect != answer->id || rec.state != RECONCILIATION_FETCHING)
        return OK; /* Of a run that was begun again since. */
    provider = payment_provider(rec.provider);
    if (*verdict == EFFECT_FAILED) {
        *verdict =
            EFFECT_DONE; /* The reconciliation tells of it, and calls again: no dead letter. */
        return fetch_failed(
            cx, &rec, answer->status ? cx_printf(cx, "HTTP %d", answer->status) : STR("no answer"));
    }
    if (*verdict == EFFECT_RETRY)
        return OK;
    if (!provider)
        return fail(cx, ERR_INTERNAL, "no_such_provider", "its provider is gone");
    if (provider->statement_answer(cx, answer->body, &page) != OK) {
        if (cx->problem.err != ERR_BAD_INPUT)
            return cx->problem.err;
        fail_clear(cx);
        return fetch_failed(cx, &rec, STR("the statement cannot be read"));
    }
    TRY(keep_page(cx, &rec, &page));
    if (page.next.len > 0)
        return fetch(cx, &rec, page.next);
    rec.state = RECONCILIATION_COMPARING;
    /* Each step sets the next a millisecond later: from here on all are due at once. */
    TRY(timer_set(cx, "payment.compare", rec.id, cx_now_ms(cx) - HOURS_OF_DAY));
    return row_put(cx, &reconciliation_table, &rec);
}

/* ---- Jobs ---- */

static enum err start_if_missing(struct cx *cx, struct str provider, int64_t day_ms)
{
    struct reconciliation rec;
    struct list rows;

    TRY(sql_all(cx, reconciliation_fields, sizeof(struct reconciliation), &rows,
                RECONCILIATION_COLUMNS " where provider = ?1 and day_ms = ?2 order by id",
                BIND(TEXT(provider), INT(day_ms))));
    if (rows.count > 0) {
        rec = *LIST_AT(rows, struct reconciliation, 0);
        if (rec.state != RECONCILIATION_FAILED || cx_now_ms(cx) - rec.started_ms < RETRY_AFTER_MS)
            return OK;
    }
    return reconciliation_start(cx, provider, day_ms, &rec);
}

/* Yesterday, and the days before it that were missed, of every provider that was ever used. */
enum err payment_reconcile(struct cx *cx, bool *more)
{
    int64_t now_ms = cx_now_ms(cx), today_ms = now_ms - now_ms % DAY_MS;

    *more = false;
    if ((now_ms - today_ms) / HOUR_MS < setting_get(cx, &payment_reconcile_hour))
        return OK;
    for (const struct payment_provider *p = payment_providers; p->name; p++) {
        int64_t first_ms;

        if (!p->statement)
            continue;
        TRY(sql_int(cx, &first_ms, INT64_MAX,
                    "select min(settled_ms) from payment where provider = ?1 and settled_ms > 0",
                    BIND(TEXT(str_of(p->name)))));
        for (int64_t day_ms = today_ms - LOOK_BACK_DAYS * DAY_MS; day_ms < today_ms;
             day_ms += DAY_MS)
            if (first_ms < day_ms + DAY_MS)
                TRY(start_if_missing(cx, str_of(p->name), day_ms));
    }
    return OK;
}

enum err payment_inbox_purge(struct cx *cx, bool *more)
{
    int64_t kept_ms = setting_get(cx, &payment_notices_kept_days) * DAY_MS, deleted;

    TRY(sql_run(cx, &deleted,
                "delete from payment_inbox where (provider, event) in (select provider, event"
                " from payment_inbox where time_ms < ?1 order by time_ms limit ?2)",
                BIND(INT(cx_now_ms(cx) - kept_ms), INT(INBOX_PURGE_ROWS_MAX))));
    *more = deleted == INBOX_PURGE_ROWS_MAX;
    return OK;
}
