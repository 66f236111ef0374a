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
    GROUPINGS = 4,
    TEXTS_BYTES_MAX = 16 << 20,
    REPORT_BYTES_MAX = 256 << 20,
};
enum { BY_COUNTRY, BY_MONTH, BY_SKU, BY_STATE };
static const char *const groupings[GROUPINGS] = {"country", "month", "sku", "state"};

struct reading {
    const struct retail *retail;
    struct retail_ledger *out;
    pthread_mutex_t lock; /* Of out. */
    size_t parts;         /* Of the file's orders. */
};

static struct retail_totals *totals_of(struct retail_ledger *ledger, struct retail_group *group,
                                       struct str name)
{
    int64_t k = retail_names_find(&group->names, name);
    char *copy;

    if (k != RETAIL_NONE)
        return &group->totals[k];
    copy = arena_alloc(&ledger->texts, name.len + 1);
    memcpy(copy, name.ptr, name.len);
    k = retail_names_add(&group->names, (struct str){copy, name.len});
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
    if (by == BY_STATE)
        totals_of(out, groups[by], client_text(client, row, "key"))->orders +=
            client_int(row, "orders");
    else if (totals.sold_quantity || totals.returned_quantity)
        add(totals_of(out, groups[by], client_text(client, row, "key")), &totals);
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

    *out = (struct retail_ledger){0};
    arena_init(&out->texts, TEXTS_BYTES_MAX);
    return client_each(&run);
}

void retail_ledger_free(struct retail_ledger *ledger)
{
    struct retail_group *const groups[] = {&ledger->countries, &ledger->months, &ledger->skus,
                                           &ledger->states};

    for (int k = 0; k < GROUPINGS; k++) {
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
    json_member_int(json, "refunds_made", (int64_t)replayed->refunds);
    json_member_int(json, "refunds_there", (int64_t)replayed->refunds_there);
    json_member_int(json, "refunds_left_out", (int64_t)replayed->refunds_left_out);
    json_member_int(json, "failures", (int64_t)replayed->failures);
    json_member_int(json, "orders_us", replayed->orders_us);
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
