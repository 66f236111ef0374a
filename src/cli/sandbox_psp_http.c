/*
 * sandbox_psp_http.c - the interface of the sandbox:
 *
 *   POST /charges             {"reference","account","amount","notify_url","instalments",
 *                              "subsidised_fee"} -> 201, or 200 with the one that is there
 *   GET  /charges/ID          by the sandbox's id or the shop's reference
 *   POST /charges/ID/pay      the buyer pays
 *   POST /refunds             {"reference","charge","amount"}
 *   GET  /refunds/ID
 *   GET  /statement?date=2026-01-31[&limit=500][&cursor=...]
 *   GET  /behaviour           POST /behaviour {...}: what is left out becomes 0
 *   GET  /healthz
 */
#include <stdlib.h>
#include <string.h>

#include "cli/sandbox_psp.h"
#include "kernel/effect/secret.h"
#include "kernel/http/router.h"

enum { CALL_BYTES_MAX = 2 << 20 /* A page of a statement takes 300 KiB, while it grows. */ };

const struct field psp_behaviour_fields[] = {
    F(psp_behaviour, slow_ms, .min = 0, .max = 60000),
    F(psp_behaviour, error_percent, .min = 0, .max = 100),
    F(psp_behaviour, duplicate, .min = 0, .max = 10),
    F(psp_behaviour, reorder_ms, .min = 0, .max = 60000),
    F(psp_behaviour, lose_percent, .min = 0, .max = 100),
    F(psp_behaviour, fail_percent, .min = 0, .max = 100),
    F(psp_behaviour, succeed_late_ms, .min = 0, .max = HOUR_MS),
    F(psp_behaviour, wrong_amount, .min = -1000000, .max = 1000000),
    F(psp_behaviour, refuse_percent, .min = 0, .max = 100),
    F(psp_behaviour, refund_late_ms, .min = 0, .max = HOUR_MS),
    F(psp_behaviour, statement_lose, .min = 0, .max = 1000000),
    F(psp_behaviour, statement_repeat, .min = 0, .max = 1000000),
    F(psp_behaviour, statement_fee, .min = 0, .max = 1000000),
    F_END};

static const struct field charge_new_fields[] = {
    F(psp_charge, reference, .flags = FIELD_REQUIRED, .min = 1, .max = PSP_TEXT_LEN_MAX),
    F(psp_charge, account, .flags = FIELD_REQUIRED, .min = 1, .max = PSP_TEXT_LEN_MAX),
    F(psp_charge, notify_url, .max = PSP_URL_LEN_MAX),
    F(psp_charge, instalments, .min = 0, .max = 36),
    {.name = "subsidised_fee",
     .type = FIELD_INT,
     FIELD_AT(psp_charge, subsidised_minor),
     .max = MONEY_MINOR_MAX},
    F_MONEY(psp_charge, amount_minor, currency, "amount", .flags = FIELD_REQUIRED, .min = 1,
            .max = MONEY_MINOR_MAX),
    F_END};

static const struct field refund_new_fields[] = {
    F(psp_refund, reference, .flags = FIELD_REQUIRED, .min = 1, .max = PSP_TEXT_LEN_MAX),
    F(psp_refund, charge, .flags = FIELD_REQUIRED, .min = 1, .max = PSP_TEXT_LEN_MAX),
    F_MONEY(psp_refund, amount_minor, currency, "amount", .flags = FIELD_REQUIRED, .min = 1,
            .max = MONEY_MINOR_MAX),
    F_END};

/* ---- One call ---- */

struct call {
    struct psp_work work; /* First: work is cast back to this. */
    struct cx cx;
    struct psp *psp;
    struct http_exchange *x;
    struct str name; /* Between "/charges/" and the end or "/pay". */
    int status;
    struct str body;
    enum err err;
};

typedef enum err handler(struct call *call);

static enum err answer(struct call *call, int status, const struct field *fields, const void *value)
{
    call->status = status;
    call->body = field_json(&call->cx, fields, value);
    return OK;
}

static enum err post_charge(struct call *call)
{
    struct psp_charge in, out;
    struct psp *psp = call->psp;
    bool known;

    TRY(field_read(&call->cx, charge_new_fields, FIELD_STRICT, http_body(call->x), &in,
                   sizeof(in)));
    in.key = http_header(call->x, "Idempotency-Key");
    known = psp_charge_find(psp, in.reference) != NULL;
    TRY(psp_charge_make(&call->cx, psp, &in, &out));
    if (psp->auto_pay && !known)
        TRY(psp_charge_pay(&call->cx, psp, out.id, &out));
    return answer(call, known ? 200 : 201, psp_charge_fields, &out);
}

static enum err get_charge(struct call *call)
{
    const struct psp_charge *charge = psp_charge_find(call->psp, call->name);

    if (!charge)
        return fail(&call->cx, ERR_NOT_FOUND, "no_such_charge", "there is no such charge");
    return answer(call, 200, psp_charge_fields, charge);
}

static enum err post_pay(struct call *call)
{
    struct psp_charge out;

    TRY(psp_charge_pay(&call->cx, call->psp, call->name, &out));
    return answer(call, 200, psp_charge_fields, &out);
}

static enum err post_refund(struct call *call)
{
    struct psp_refund in, out;
    bool known;

    TRY(field_read(&call->cx, refund_new_fields, FIELD_STRICT, http_body(call->x), &in,
                   sizeof(in)));
    in.key = http_header(call->x, "Idempotency-Key");
    known = psp_refund_find(call->psp, in.reference) != NULL;
    TRY(psp_refund_make(&call->cx, call->psp, &in, &out));
    return answer(call, known ? 200 : 201, psp_refund_fields, &out);
}

static enum err get_refund(struct call *call)
{
    const struct psp_refund *refund = psp_refund_find(call->psp, call->name);

    if (!refund)
        return fail(&call->cx, ERR_NOT_FOUND, "no_such_refund", "there is no such refund");
    return answer(call, 200, psp_refund_fields, refund);
}

struct statement_query {
    struct str date;
    int64_t limit, cursor;
};
static const struct field statement_query_fields[] = {
    F(statement_query, date, .flags = FIELD_REQUIRED, .min = 10, .max = 10),
    F(statement_query, limit, .min = 2, .max = PSP_LINES_MAX, .fallback = PSP_LINES_MAX),
    F(statement_query, cursor, .min = 0, .max = INT64_MAX), F_END};

static enum err get_statement(struct call *call)
{
    struct statement_query query;
    struct psp_page page;
    struct cx *cx = &call->cx;

    TRY(query_decode(cx, statement_query_fields, http_query(call->x), &query, sizeof(query)));
    page = (struct psp_page){.from = query.cursor, .limit = query.limit};
    if (!time_parse(cx_printf(cx, STR_FMT "T00:00:00Z", STR_ARG(query.date)), &page.day_ms))
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "?date", "date: a day like 2026-01-31");
    call->status = 200;
    call->body = psp_statement(cx, call->psp, &page);
    return OK;
}

static enum err get_behaviour(struct call *call)
{
    return answer(call, 200, psp_behaviour_fields, &call->psp->behaviour);
}

static enum err post_behaviour(struct call *call)
{
    struct psp_behaviour behaviour;

    TRY(field_read(&call->cx, psp_behaviour_fields, FIELD_STRICT, http_body(call->x), &behaviour,
                   sizeof(behaviour)));
    call->psp->behaviour = behaviour;
    return get_behaviour(call);
}

static enum err get_healthz(struct call *call)
{
    call->status = 200;
    call->body = STR("{\"ok\":true}");
    return OK;
}

static const struct {
    const char *method, *head, *tail; /* A name stands between head and tail when tail is given. */
    handler *handle;
    bool well; /* Never slow, never failing. */
} routes[] = {
    {"POST", "/charges", NULL, post_charge, false},
    {"POST", "/charges/", "/pay", post_pay, false},
    {"GET", "/charges/", "", get_charge, false},
    {"POST", "/refunds", NULL, post_refund, false},
    {"GET", "/refunds/", "", get_refund, false},
    {"GET", "/statement", NULL, get_statement, false},
    {"GET", "/behaviour", NULL, get_behaviour, true},
    {"POST", "/behaviour", NULL, post_behaviour, true},
    {"GET", "/healthz", NULL, get_healthz, true},
};

static bool matches(const char *head, const char *tail, struct str path, struct str *name)
{
    size_t head_len = strlen(head), tail_len = tail ? strlen(tail) : 0;

    if (!tail)
        return str_is(path, head);
    if (path.len <= head_len + tail_len || !str_starts(path, str_of(head)))
        return false;
    *name = (struct str){path.ptr + head_len, path.len - head_len - tail_len};
    if (memchr(name->ptr, '/', name->len))
        return false;
    return memcmp(name->ptr + name->len, tail ? tail : "", tail_len) == 0;
}

static handler *find(struct call *call, bool *well)
{
    struct str method = http_method(call->x), path = http_path(call->x);

    for (size_t k = 0; k < sizeof(routes) / sizeof(routes[0]); k++) {
        if (!str_is(method, routes[k].method) ||
            !matches(routes[k].head, routes[k].tail, path, &call->name))
            continue;
        *well = routes[k].well;
        return routes[k].handle;
    }
    return NULL;
}

/* ---- Answering, now or later ---- */

static void release(void *context)
{
    struct call *call = context;

    cx_close(&call->cx);
    free(call);
}

static void reply(struct psp_work *work)
{
    struct call *call = (struct call *)work;

    if (call->err != OK) {
        http_reply_problem(call->x, &call->cx.problem, false);
        release(call);
        return;
    }
    http_reply(call->x, &(struct http_reply){.status = call->status,
                                             .content_type = STR("application/json"),
                                             .body = call->body,
                                             .release = release,
                                             .release_context = call});
}

static enum err check_token(struct call *call)
{
    struct str secret = secret_get(STR("SANDBOX"));
    struct str given = http_header(call->x, "Authorization");

    if (!secret.ptr || str_eq(given, cx_printf(&call->cx, "Bearer " STR_FMT, STR_ARG(secret))))
        return OK;
    return fail(&call->cx, ERR_UNAUTHORIZED, "bad_token",
                "send Authorization: Bearer and the value of GREVY_SECRET_SANDBOX");
}

/* Looks at records: under the lock. */
static enum err handle(struct call *call, handler *found, bool well)
{
    if (!found)
        return fail(&call->cx, ERR_NOT_FOUND, "no_such_route", "the sandbox has no such route");
    if (!well && psp_chance(call->psp->behaviour.error_percent))
        return fail(&call->cx, ERR_INTERNAL, "misbehaving", "told to fail by /behaviour");
    if (!well)
        TRY(check_token(call));
    return found(call);
}

static void handle_guarded(struct call *call, handler *found, bool well)
{
    jmp_buf exhausted;

    call->cx.arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0)
        call->err = handle(call, found, well);
    else
        call->err = fail(&call->cx, ERR_TOO_LARGE, "out_of_memory", "ask for less at once");
    call->cx.arena.exhausted = NULL;
}

void psp_request(struct http_exchange *x, void *context)
{
    struct psp *psp = context;
    struct call *call = calloc(1, sizeof(*call));
    bool well = true;
    handler *found;
    int64_t slow_ms;

    if (!call)
        abort();
    call->psp = psp;
    call->x = x;
    call->work.run = call->work.drop = reply; /* Nobody is left without an answer. */
    cx_open(&call->cx, env_system(), CALL_BYTES_MAX);
    found = find(call, &well);
    pthread_mutex_lock(&psp->lock);
    handle_guarded(call, found, well);
    slow_ms = well ? 0 : psp->behaviour.slow_ms;
    pthread_mutex_unlock(&psp->lock);
    if (slow_ms > 0)
        psp_line_put(&psp->replies, &call->work, psp_now_ms() + slow_ms);
    else
        reply(&call->work);
}
