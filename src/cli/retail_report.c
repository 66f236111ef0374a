/*
 * retail_report.c - what the ledger holds of a file's orders, and the report of a replay.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/retail_tool.h"

enum {
    ORDERS_AT_ONCE = 60, /* ORDER_REPORT_ORDERS_MAX of the order module */
    GROUPINGS = 5,
    TEXTS_BYTES_MAX = 16 << 20,
    REPORT_BYTES_MAX = 256 << 20,
};
enum { BY_COUNTRY, BY_MONTH, BY_SKU, BY_STATE, BY_ORDER };
static const char *const groupings[GROUPINGS] = {"country", "month", "sku", "state", "order"};

struct reading {
    const struct retail *retail;
    struct retail_ledger *out;
    pthread_mutex_t lock;                      /* Of out. */
    size_t parts;                              /* Of the file's orders. */
    struct retail_names returning, references; /* Ids of orders; of what was given back. */
    int64_t refunded_quantity, refunded_minor; /* As the refunds themselves say. */
};

static int64_t number_of(struct retail_ledger *ledger, struct retail_names *names, struct str name)
{
    int64_t k = retail_names_find(names, name);
    char *copy;

    if (k != RETAIL_NONE)
        return k;
    copy = arena_alloc(&ledger->texts, name.len + 1);
    memcpy(copy, name.ptr, name.len);
    return retail_names_add(names, (struct str){copy, name.len});
}

static struct retail_totals *totals_of(struct retail_ledger *ledger, struct retail_group *group,
                                       struct str name)
{
    size_t known = group->names.count;
    int64_t k = number_of(ledger, &group->names, name);

    if (group->names.count == known)
        return &group->totals[k];
    if (group->names.count > group->size) {
        group->size = group->size ? group->size * 2 : 64;
        group->totals = realloc(group->totals, group->size * sizeof(*group->totals));
        assert(group->totals);
    }
    group->totals[k] = (struct retail_totals){0};
    return &group->totals[k];
}

static void add(struct retail_totals *to, const struct retail_totals *from)
{
    to->sold_quantity += from->sold_quantity;
    to->sold_minor += from->sold_minor;
    to->returned_quantity += from->returned_quantity;
    to->returned_minor += from->returned_minor;
}

/* ---- Reading ---- */

static void add_row(struct client *client, struct reading *reading, int by, struct json row)
{
    struct retail_ledger *out = reading->out;
    struct str key = client_text(client, row, "key");
    struct retail_group *const groups[] = {&out->countries, &out->months, &out->skus, &out->states};
    struct retail_totals totals = {.sold_quantity = client_int(row, "sold_quantity"),
                                   .sold_minor = client_int(row, "sold_minor"),
                                   .returned_quantity = client_int(row, "returned_quantity"),
                                   .returned_minor = client_int(row, "returned_minor")};

    if (by == BY_COUNTRY) { /* Every order has one country. */
        out->orders += client_int(row, "orders");
        out->guest_orders += client_int(row, "guest_orders");
        out->lines += client_int(row, "lines");
        add(&out->all, &totals);
    }
    if (by == BY_MONTH) /* A refund has a month of its own. */
        totals.returned_quantity = totals.returned_minor = 0;
    if (by == BY_ORDER) {
        if (totals.returned_quantity)
            (void)number_of(out, &reading->returning, key);
    } else if (by == BY_STATE) {
        totals_of(out, groups[by], key)->orders += client_int(row, "orders");
    } else if (totals.sold_quantity || totals.returned_quantity) {
        add(totals_of(out, groups[by], key), &totals);
    }
}

static bool read_part(struct client *client, size_t k, void *context)
{
    struct reading *reading = context;
    const struct retail *retail = reading->retail;
    int by = (int)(k % GROUPINGS);
    size_t first = k / GROUPINGS * ORDERS_AT_ONCE, end = first + ORDERS_AT_ONCE;
    struct client_request request = {.method = "POST", .path = STR("/v1/reports/channel")};
    struct client_answer answer;
    struct json_out json;
    struct json page, data;

    json_open(&json, &client->cx, 2048);
    json_object(&json);
    json_member_text(&json, "channel", STR(RETAIL_CHANNEL));
    json_member_text(&json, "by", str_of(groupings[by]));
    json_key(&json, STR("orders"));
    json_list(&json);
    for (size_t o = first; o < end && o < retail->orders.count; o++)
        json_put_text(&json, retail->orders.items[o].invoice);
    json_list_end(&json);
    json_object_end(&json);
    request.body = json_done(&json);
    if (!client_call(client, &request, &answer) || answer.status != 200 ||
        !client_json(client, &answer, &page) || !json_get(page, "data", &data) ||
        json_type(data) != JSON_LIST) {
        client_complain(client, &request, &answer);
        return false;
    }
    pthread_mutex_lock(&reading->lock);
    for (struct json_iter it = json_iter(data); json_next(&it);)
        add_row(client, reading, by, it.value);
    pthread_mutex_unlock(&reading->lock);
    return true;
}

/* ---- Refunds: their months, which the orders do not know ---- */

static void add_refund(struct client *client, struct reading *reading, struct json refund)
{
    struct str at = client_text(client, refund, "at");
    struct retail_totals totals = {0};
    struct json lines, amount;

    if (!str_is(client_text(client, refund, "state"), "refunded") ||
        !json_get(refund, "lines", &lines) || at.len < strlen("YYYY-MM"))
        return;
    for (struct json_iter it = json_iter(lines); json_next(&it);) {
        totals.returned_quantity += client_int(it.value, "quantity");
        if (json_get(it.value, "amount", &amount))
            totals.returned_minor += client_int(amount, "amount");
    }
    at.len = strlen("YYYY-MM");
    add(totals_of(reading->out, &reading->out->months, at), &totals);
    (void)number_of(reading->out, &reading->references, client_text(client, refund, "reference"));
    reading->out->refunds++;
    reading->refunded_quantity += totals.returned_quantity;
    reading->refunded_minor += totals.returned_minor;
}

static bool read_refunds(struct client *client, size_t k, void *context)
{
    struct reading *reading = context;
    struct str order = reading->returning.items[k], next = {0};
    struct client_request request = {.method = "GET"};
    struct client_answer answer;
    struct json page, data;

    do {
        request.path = cx_printf(&client->cx, "/v1/orders/" STR_FMT "/refunds?limit=200%s" STR_FMT,
                                 STR_ARG(order), next.ptr ? "&cursor=" : "", STR_ARG(next));
        if (!client_call(client, &request, &answer) || answer.status != 200 ||
            !client_json(client, &answer, &page) || !json_get(page, "data", &data)) {
            client_complain(client, &request, &answer);
            return false;
        }
        next = client_text(client, page, "next");
        pthread_mutex_lock(&reading->lock);
        for (struct json_iter it = json_iter(data); json_next(&it);)
            add_refund(client, reading, it.value);
        pthread_mutex_unlock(&reading->lock);
    } while (next.ptr);
    return true;
}

/* Two ledgers, of orders and of refunds, must say the same. */
static bool agree(const struct reading *reading)
{
    const struct retail_totals *all = &reading->out->all;

    if (reading->refunded_quantity == all->returned_quantity &&
        reading->refunded_minor == all->returned_minor)
        return true;
    fprintf(stderr,
            "grevy: refunds gave back %" PRId64 " pieces and %" PRId64
            " pence, the orders say %" PRId64 " and %" PRId64 ": see GET /v1/ledger/check\n",
            reading->refunded_quantity, reading->refunded_minor, all->returned_quantity,
            all->returned_minor);
    return false;
}

bool retail_ledger_read(const struct client_target *target, const struct retail *retail,
                        struct retail_ledger *out)
{
    struct reading reading = {.retail = retail,
                              .out = out,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .parts =
                                  (retail->orders.count + ORDERS_AT_ONCE - 1) / ORDERS_AT_ONCE};
    struct client_run run = {.target = target,
                             .count = reading.parts * GROUPINGS,
                             .connections = 8,
                             .job = read_part,
                             .context = &reading};
    bool ok;

    *out = (struct retail_ledger){0};
    arena_init(&out->texts, TEXTS_BYTES_MAX);
    ok = client_each(&run);
    run.count = reading.returning.count;
    run.job = read_refunds;
    ok = ok && client_each(&run) && agree(&reading);
    out->returns = (int64_t)reading.references.count;
    retail_names_free(&reading.returning);
    retail_names_free(&reading.references);
    return ok;
}

void retail_ledger_free(struct retail_ledger *ledger)
{
    struct retail_group *const groups[] = {&ledger->countries, &ledger->months, &ledger->skus,
                                           &ledger->states};

    for (size_t k = 0; k < sizeof(groups) / sizeof(groups[0]); k++) {
        retail_names_free(&groups[k]->names);
        free(groups[k]->totals);
    }
    arena_free(&ledger->texts);
}

/* ---- Writing ---- */

static void write_totals(struct json_out *json, const struct retail_totals *totals)
{
    json_member_int(json, "sold_quantity", totals->sold_quantity);
    json_member_int(json, "sold_minor", totals->sold_minor);
    json_member_int(json, "returned_quantity", totals->returned_quantity);
    json_member_int(json, "returned_minor", totals->returned_minor);
}

static void write_group(struct json_out *json, const char *name, const struct retail_group *group)
{
    json_key(json, str_of(name));
    json_object(json);
    for (size_t k = 0; k < group->names.count; k++) {
        json_key(json, group->names.items[k]);
        json_object(json);
        write_totals(json, &group->totals[k]);
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_file(struct json_out *json, const struct retail *retail)
{
    json_member_text(json, "currency", STR("GBP"));
    json_member_int(json, "rows", retail->rows);
    json_key(json, STR("classes"));
    json_object(json);
    json_member_int(json, "sale", retail->sale_rows);
    json_member_int(json, "return", retail->return_rows);
    json_member_int(json, "bad", (int64_t)retail->bad.count);
    json_object_end(json);
    json_key(json, STR("reasons"));
    json_object(json);
    for (int k = RETAIL_GOOD + 1; k < RETAIL_REASON_COUNT; k++)
        json_member_int(json, retail_reasons[k], retail->reasons[k]);
    json_object_end(json);
}

static void write_bad(struct json_out *json, const struct retail *retail)
{
    json_key(json, STR("bad_rows"));
    json_list(json);
    for (size_t k = 0; k < retail->bad.count; k++) {
        json_object(json);
        json_member_int(json, "line", retail->bad.items[k].line);
        json_member_text(json, "reason", str_of(retail_reasons[retail->bad.items[k].reason]));
        json_object_end(json);
    }
    json_list_end(json);
}

static void write_ledger(struct json_out *json, const struct retail_ledger *ledger)
{
    json_member_int(json, "orders", ledger->orders);
    json_member_int(json, "guest_orders", ledger->guest_orders);
    json_member_int(json, "lines", ledger->lines);
    json_member_int(json, "returns", ledger->returns);
    json_member_int(json, "refunds", ledger->refunds);
    write_totals(json, &ledger->all);
    write_group(json, "countries", &ledger->countries);
    write_group(json, "months", &ledger->months);
    write_group(json, "skus", &ledger->skus);
}

static void write_replayed(struct json_out *json, const struct retail_replayed *replayed)
{
    json_key(json, STR("replay"));
    json_object(json);
    json_member_int(json, "orders_placed", (int64_t)replayed->orders);
    json_member_int(json, "orders_there", (int64_t)replayed->orders_there);
    json_member_int(json, "payments", (int64_t)replayed->payments);
    json_member_int(json, "parcels_delivered", (int64_t)replayed->parcels);
    json_member_int(json, "parcels_there", (int64_t)replayed->parcels_there);
    json_member_int(json, "refunds_made", (int64_t)replayed->refunds);
    json_member_int(json, "refunds_there", (int64_t)replayed->refunds_there);
    json_member_int(json, "failures", (int64_t)replayed->failures);
    json_member_int(json, "orders_us", replayed->orders_us);
    json_member_int(json, "parcels_us", replayed->parcels_us);
    json_member_int(json, "refunds_us", replayed->refunds_us);
    json_member_int(json, "order_p50_us", replayed->order_p50_us);
    json_member_int(json, "order_p95_us", replayed->order_p95_us);
    json_member_int(json, "order_p99_us", replayed->order_p99_us);
    json_object_end(json);
}

bool retail_report_write(const char *path, const struct retail *retail,
                         const struct retail_ledger *ledger, const struct retail_replayed *replayed)
{
    FILE *file = fopen(path, "w");
    struct json_out json;
    struct str text;
    struct cx cx;
    bool ok;

    cx_open(&cx, env_system(), REPORT_BYTES_MAX);
    json_open(&json, &cx, 1 << 20);
    json_object(&json);
    write_file(&json, retail);
    write_ledger(&json, ledger);
    write_replayed(&json, replayed);
    write_bad(&json, retail);
    json_object_end(&json);
    text = json_done(&json);
    ok = file && fwrite(text.ptr, 1, text.len, file) == text.len && fputc('\n', file) != EOF;
    ok = (!file || fclose(file) == 0) && ok;
    if (!ok)
        fprintf(stderr, "grevy: the report cannot be written to %s: %s\n", path, strerror(errno));
    cx_close(&cx);
    return ok;
}
