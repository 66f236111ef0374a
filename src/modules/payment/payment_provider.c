/*
 * payment_provider.c - the providers: "sandbox", the server of `grevy sandbox-psp`, and "manual",
 * money that people take and give.
 *
 * The sandbox speaks JSON; its notices are signed after Standard Webhooks: webhook-signature is
 * "v1," and the base64 HMAC-SHA256 of "webhook-id.webhook-timestamp.body".
 */
#include "modules/payment/payment_priv.h"

enum {
    NOTICE_AGE_MS_MAX = 5 * MINUTE_MS, /* Either way: an older one may be a replay. */
    STATEMENT_LINES_MAX = 500,         /* Of one page: its comparison stays a short command. */
};
#define SANDBOX_SECRET         STR("SANDBOX")         /* Sent with our calls. */
#define SANDBOX_WEBHOOK_SECRET STR("SANDBOX_WEBHOOK") /* Signs its notices. */

const char *const notice_types[] = {"charge.succeeded", "charge.failed", "refund.succeeded",
                                    "refund.failed", NULL};
const char *const statement_types[] = {"charge", "refund", NULL};

static struct str sandbox_url(struct cx *cx, const char *path)
{
    return cx_printf(cx, STR_FMT "%s", STR_ARG(config_text("SANDBOX_URL", "http://127.0.0.1:8090")),
                     path);
}

static enum err sandbox_post(struct cx *cx, const char *path, struct json_out *body,
                             struct effect_new *out)
{
    json_object_end(body);
    out->method = "POST";
    out->url = sandbox_url(cx, path);
    out->secret = SANDBOX_SECRET;
    out->body = json_done(body);
    return OK;
}

static void put_money(struct json_out *body, int64_t minor, struct str currency)
{
    json_key(body, STR("amount"));
    json_object(body);
    json_member_int(body, "amount", minor);
    json_member_text(body, "currency", currency);
    json_object_end(body);
}

static struct str notify_url(struct cx *cx)
{
    struct str base = config_text("PUBLIC_URL", "http://127.0.0.1:8080");

    return cx_printf(cx, STR_FMT "/v1/webhooks/" STR_FMT "/payments/sandbox", STR_ARG(base),
                     STR_ARG(cx_space_name(cx)));
}

/* ---- Charges ---- */

static enum err sandbox_charge(struct cx *cx, const struct payment *payment, struct effect_new *out)
{
    struct json_out body;

    json_open(&body, cx, 512);
    json_object(&body);
    json_member_text(&body, "reference", cx_id_text(cx, "pay", payment->id));
    json_member_text(&body, "account", payment->entity);
    json_member_text(&body, "notify_url", notify_url(cx));
    json_member_int(&body, "instalments", payment->instalments);
    json_member_int(&body, "subsidised_fee", payment->subsidised_minor);
    put_money(&body, payment->amount_minor, payment->currency);
    return sandbox_post(cx, "/charges", &body, out);
}

static const struct field charge_fields[] = {{.name = "id",
                                              .type = FIELD_TEXT,
                                              FIELD_AT(payment_charge, ref),
                                              .flags = FIELD_REQUIRED,
                                              .min = 1,
                                              .max = PAYMENT_REF_LEN_MAX},
                                             F(payment_charge, pay_url),
                                             F_END};

static enum err sandbox_charge_answer(struct cx *cx, struct str body, struct payment_charge *out)
{
    TRY(field_read(cx, charge_fields, FIELD_LENIENT, body, out, sizeof(*out)));
    /* Shops send buyers there: what is no page of the web is left out. */
    if (!str_starts(out->pay_url, STR("https://")) && !str_starts(out->pay_url, STR("http://")))
        out->pay_url = (struct str){0};
    return OK;
}

/* ---- Refunds ---- */

static enum err sandbox_refund(struct cx *cx, const struct payment *payment,
                               const struct payment_part *part, struct effect_new *out)
{
    struct json_out body;

    json_open(&body, cx, 512);
    json_object(&body);
    json_member_text(&body, "reference", cx_id_text(cx, "prf", part->id));
    json_member_text(&body, "charge", payment->provider_ref);
    put_money(&body, part->amount_minor, part->currency);
    return sandbox_post(cx, "/refunds", &body, out);
}

struct sandbox_refund {
    struct str id, state, currency, reason;
    int64_t amount_minor, time_ms;
};
static const struct field refund_fields[] = {
    F(sandbox_refund, id, .flags = FIELD_REQUIRED, .min = 1, .max = PAYMENT_REF_LEN_MAX),
    F(sandbox_refund, state, .flags = FIELD_REQUIRED, .max = 32),
    F_MONEY(sandbox_refund, amount_minor, currency, "amount", .flags = FIELD_REQUIRED),
    F_TIME(sandbox_refund, time_ms, "time", .flags = FIELD_REQUIRED),
    F(sandbox_refund, reason, .max = PAYMENT_REASON_LEN_MAX),
    F_END};

static enum err sandbox_refund_answer(struct cx *cx, struct str body, struct payment_notice *out,
                                      bool *settled)
{
    struct sandbox_refund refund;

    TRY(field_read(cx, refund_fields, FIELD_LENIENT, body, &refund, sizeof(refund)));
    *settled = !str_is(refund.state, "pending");
    *out = (struct payment_notice){.type = str_is(refund.state, "succeeded") ? REFUND_SUCCEEDED
                                                                             : REFUND_FAILED,
                                   .ref = refund.id,
                                   .currency = refund.currency,
                                   .reason = refund.reason,
                                   .amount_minor = refund.amount_minor,
                                   .time_ms = refund.time_ms};
    return OK;
}

/* ---- What became of them ---- */

static enum err sandbox_get(struct cx *cx, const char *path, struct str name,
                            struct effect_new *out)
{
    out->method = "GET";
    out->url = cx_printf(cx, STR_FMT STR_FMT, STR_ARG(sandbox_url(cx, path)), STR_ARG(name));
    out->secret = SANDBOX_SECRET;
    return OK;
}

/* By our name: its own may have been lost with its answer. */
static enum err sandbox_charge_ask(struct cx *cx, const struct payment *payment,
                                   struct effect_new *out)
{
    return sandbox_get(cx, "/charges/", cx_id_text(cx, "pay", payment->id), out);
}

static enum err sandbox_refund_ask(struct cx *cx, const struct payment_part *part,
                                   struct effect_new *out)
{
    return sandbox_get(cx, "/refunds/", cx_id_text(cx, "prf", part->id), out);
}

struct sandbox_charge {
    struct str id, state, currency, reason;
    int64_t amount_minor, captured_minor, fee_minor, time_ms;
};
static const struct field sandbox_charge_fields[] = {
    F(sandbox_charge, id, .flags = FIELD_REQUIRED, .min = 1, .max = PAYMENT_REF_LEN_MAX),
    F(sandbox_charge, state, .flags = FIELD_REQUIRED, .max = 32),
    F_MONEY(sandbox_charge, amount_minor, currency, "amount", .flags = FIELD_REQUIRED, .min = 1,
            .max = MONEY_MINOR_MAX),
    F(sandbox_charge, captured_minor, .max = MONEY_MINOR_MAX),
    {.name = "fee", .type = FIELD_INT, FIELD_AT(sandbox_charge, fee_minor), .max = MONEY_MINOR_MAX},
    F_TIME(sandbox_charge, time_ms, "time", .flags = FIELD_REQUIRED),
    F(sandbox_charge, reason, .max = PAYMENT_REASON_LEN_MAX),
    F_END};

static enum err sandbox_charge_told(struct cx *cx, struct str body, struct payment_notice *out,
                                    bool *settled)
{
    struct sandbox_charge charge;
    bool paid;

    TRY(field_read(cx, sandbox_charge_fields, FIELD_LENIENT, body, &charge, sizeof(charge)));
    paid = str_is(charge.state, "succeeded");
    if (paid && charge.captured_minor < 1)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/captured_minor",
                       "captured_minor: a charge that succeeded took something");
    *settled = paid || str_is(charge.state, "failed");
    *out =
        (struct payment_notice){.type = paid ? CHARGE_SUCCEEDED : CHARGE_FAILED,
                                .ref = charge.id,
                                .currency = charge.currency,
                                .reason = charge.reason,
                                .amount_minor = paid ? charge.captured_minor : charge.amount_minor,
                                .fee_minor = charge.fee_minor,
                                .time_ms = charge.time_ms};
    return OK;
}

/* ---- Statements ---- */

/* What a provider named, as a part of its URL: it names no other parameter, and no other host. */
static struct str url_part(struct cx *cx, struct str s)
{
    struct text text = {.ptr = cx_alloc(cx, 3 * s.len + 1), .size = 3 * s.len + 1};

    for (size_t k = 0; k < s.len; k++) {
        unsigned char c = (unsigned char)s.ptr[k];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '_' || c == '.' || c == '~';

        text_addf(&text, plain ? "%c" : "%%%02X", c);
    }
    return (struct str){text.ptr, text.len};
}

static enum err sandbox_statement(struct cx *cx, int64_t day_ms, struct str cursor,
                                  struct effect_new *out)
{
    char day[TIME_TEXT_LEN + 1];

    time_format(day, day_ms);
    out->method = "GET";
    out->url = cx_printf(cx, STR_FMT "?date=%.10s&limit=%d" STR_FMT STR_FMT,
                         STR_ARG(sandbox_url(cx, "/statement")), day, STATEMENT_LINES_MAX,
                         STR_ARG(cursor.ptr ? STR("&cursor=") : (struct str){0}),
                         STR_ARG(url_part(cx, cursor)));
    out->secret = SANDBOX_SECRET;
    return OK;
}

struct sandbox_line {
    int type;
    struct str id, reference, account, currency;
    int64_t amount_minor, fee_minor, time_ms;
};
static const struct field line_fields[] = {
    F_ENUM(sandbox_line, type, statement_types, .flags = FIELD_REQUIRED),
    F(sandbox_line, id, .flags = FIELD_REQUIRED, .min = 1, .max = PAYMENT_REF_LEN_MAX),
    F(sandbox_line, reference, .flags = FIELD_REQUIRED, .max = PAYMENT_REF_LEN_MAX),
    F(sandbox_line, account, .flags = FIELD_REQUIRED, .max = PAYMENT_ENTITY_LEN_MAX),
    F_MONEY(sandbox_line, amount_minor, currency, "amount", .flags = FIELD_REQUIRED),
    {.name = "fee", .type = FIELD_INT, FIELD_AT(sandbox_line, fee_minor), .max = MONEY_MINOR_MAX},
    F_TIME(sandbox_line, time_ms, "time", .flags = FIELD_REQUIRED),
    F_END};

struct sandbox_page {
    struct list lines;
    struct str next;
};
static const struct field page_fields[] = {
    F_LIST(sandbox_page, lines, sandbox_line, line_fields, .flags = FIELD_REQUIRED,
           .max = STATEMENT_LINES_MAX),
    F(sandbox_page, next, .max = PAYMENT_REF_LEN_MAX), F_END};

static int64_t ours_of(struct str reference, const char *prefix)
{
    int64_t id;

    return id_parse(reference, prefix, &id) ? id : 0;
}

static enum err sandbox_statement_answer(struct cx *cx, struct str body, struct statement_page *out)
{
    struct sandbox_page page;
    struct statement_line *lines;

    TRY(field_read(cx, page_fields, FIELD_LENIENT, body, &page, sizeof(page)));
    lines = CX_ARRAY(cx, struct statement_line, page.lines.count + 1);
    for (size_t k = 0; k < page.lines.count; k++) {
        const struct sandbox_line *line = LIST_AT(page.lines, struct sandbox_line, k);

        lines[k] =
            (struct statement_line){.type = line->type,
                                    .ref = line->id,
                                    .ours = ours_of(line->reference, line->type ? "prf" : "pay"),
                                    .entity = line->account,
                                    .currency = line->currency,
                                    .amount_minor = line->amount_minor,
                                    .fee_minor = line->fee_minor,
                                    .time_ms = line->time_ms};
    }
    *out = (struct statement_page){.lines = {lines, page.lines.count}, .next = page.next};
    return OK;
}

/* ---- Notices ---- */

struct sandbox_object {
    struct str id, reference, currency, reason;
    int64_t amount_minor, fee_minor;
};
static const struct field object_fields[] = {
    F(sandbox_object, id, .flags = FIELD_REQUIRED, .min = 1, .max = PAYMENT_REF_LEN_MAX),
    F(sandbox_object, reference, .flags = FIELD_REQUIRED, .max = PAYMENT_REF_LEN_MAX),
    F_MONEY(sandbox_object, amount_minor, currency, "amount", .flags = FIELD_REQUIRED, .min = 1,
            .max = MONEY_MINOR_MAX),
    {.name = "fee", .type = FIELD_INT, FIELD_AT(sandbox_object, fee_minor), .max = MONEY_MINOR_MAX},
    F(sandbox_object, reason, .max = PAYMENT_REASON_LEN_MAX),
    F_END};

struct sandbox_notice {
    int type;
    int64_t time_ms;
    struct sandbox_object data;
};
static const struct field notice_fields[] = {
    F_ENUM(sandbox_notice, type, notice_types, .flags = FIELD_REQUIRED),
    F_TIME(sandbox_notice, time_ms, "time", .flags = FIELD_REQUIRED),
    F_OBJECT(sandbox_notice, data, object_fields, .flags = FIELD_REQUIRED), F_END};

/* The headers of the route: webhook-id, webhook-timestamp, webhook-signature. */
static enum err sandbox_verify(struct req *req)
{
    struct str id = req->headers[0], timestamp = req->headers[1], signature = req->headers[2];
    struct str parts[] = {id, timestamp, req->raw};
    int64_t at_s, age_ms;

    if (id.len == 0 || id.len > PAYMENT_REF_LEN_MAX || !str_starts(signature, STR("v1,")) ||
        !str_int(timestamp, &at_s) || at_s < 0 || at_s > INT64_MAX / SECOND_MS)
        return fail(req->cx, ERR_UNAUTHORIZED, "bad_signature",
                    "send webhook-id, webhook-timestamp and webhook-signature");
    signature = (struct str){signature.ptr + 3, signature.len - 3};
    TRY(secret_verify(req->cx, SANDBOX_WEBHOOK_SECRET, parts, 3, signature));
    age_ms = cx_now_ms(req->cx) - at_s * SECOND_MS;
    if (age_ms > NOTICE_AGE_MS_MAX || age_ms < -NOTICE_AGE_MS_MAX)
        return fail(req->cx, ERR_UNAUTHORIZED, "stale_notice",
                    "signed %" PRId64 " s ago: sign it again, or set the clocks right",
                    age_ms / SECOND_MS);
    return OK;
}

static enum err sandbox_notice(struct req *req, struct payment_notice *out)
{
    struct sandbox_notice notice;
    struct sandbox_object *data = &notice.data;
    bool refund;

    TRY(sandbox_verify(req));
    TRY(field_read(req->cx, notice_fields, FIELD_LENIENT, req->raw, &notice, sizeof(notice)));
    refund = notice.type == REFUND_SUCCEEDED || notice.type == REFUND_FAILED;
    *out = (struct payment_notice){.event = req->headers[0],
                                   .type = notice.type,
                                   .ours = ours_of(data->reference, refund ? "prf" : "pay"),
                                   .ref = data->id,
                                   .currency = data->currency,
                                   .reason = data->reason,
                                   .amount_minor = data->amount_minor,
                                   .fee_minor = data->fee_minor,
                                   .time_ms = notice.time_ms};
    return OK;
}

const struct payment_provider payment_providers[] = {
    {.name = "sandbox",
     .charge = sandbox_charge,
     .charge_answer = sandbox_charge_answer,
     .refund = sandbox_refund,
     .refund_answer = sandbox_refund_answer,
     .charge_ask = sandbox_charge_ask,
     .charge_told = sandbox_charge_told,
     .refund_ask = sandbox_refund_ask,
     .statement = sandbox_statement,
     .statement_answer = sandbox_statement_answer,
     .notice = sandbox_notice},
    {.name = "manual"},
    {.name = NULL},
};

const struct payment_provider *payment_provider(struct str name)
{
    for (const struct payment_provider *p = payment_providers; p->name; p++)
        if (str_is(name, p->name))
            return p;
    return NULL;
}
