/*
 * replay.c - grevy replay: the file's invoices as orders that are paid and delivered, its returns
 * as refunds.
 *
 * Orders of different invoices are placed in any order, many at once.  Parcels leave when all
 * orders are paid, refunds begin when all is delivered; those of one order follow the file.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/retail_tool.h"

enum { FAILURES_SHOWN_MAX = 20 };

struct replay_order {
    char id[TOOL_ID_LEN_MAX + 1];
    int64_t us; /* Of the request that placed it; 0: it was there. */
    bool paid;
};

struct replay {
    const struct retail *retail;
    struct retail_shop shop;
    struct replay_order *orders; /* By number of the order in retail. */
    size_t *returning;           /* Orders with refunds. */
    size_t returning_count;
    atomic_size_t placed, there, payments, parcels, parcels_there, refunds, refunds_there, failures;
};

static void set_id(struct replay_order *order, struct str id)
{
    assert(id.len <= TOOL_ID_LEN_MAX);
    memcpy(order->id, id.ptr, id.len);
}

/* The shop refused: told, counted, and the next one is tried.  False: there was no answer. */
static bool refused(struct client *client, struct replay *replay,
                    const struct client_request *request, const struct client_answer *answer)
{
    if (answer->status == 0 || atomic_fetch_add(&replay->failures, 1) < FAILURES_SHOWN_MAX)
        client_complain(client, request, answer);
    return answer->status != 0;
}

/* ---- Orders ---- */

static void write_lines(struct json_out *json, const struct replay *replay,
                        const struct retail_order *order)
{
    const struct retail *retail = replay->retail;

    json_key(json, STR("lines"));
    json_list(json);
    for (int64_t s = order->first_sale; s != RETAIL_NONE;
         s = retail->sales.items[s].next_of_order) {
        const struct retail_sale *sale = &retail->sales.items[s];

        json_object(json);
        json_member_text(json, "sku", str_of(replay->shop.ids[sale->sku]));
        json_member_int(json, "quantity", sale->quantity);
        json_key(json, STR("price"));
        json_object(json);
        json_member_int(json, "amount", sale->price_minor);
        json_member_text(json, "currency", STR("GBP"));
        json_object_end(json);
        json_object_end(json);
    }
    json_list_end(json);
}

static struct str order_body(struct client *client, const struct replay *replay,
                             const struct retail_order *order)
{
    char placed[TIME_TEXT_LEN + 1];
    struct json_out json;

    time_format(placed, order->time_ms);
    json_open(&json, &client->cx, 256 + (size_t)order->sale_count * 96);
    json_object(&json);
    if (order->customer.len > 0)
        json_member_text(&json, "user",
                         cx_printf(&client->cx, "customer-" STR_FMT, STR_ARG(order->customer)));
    json_member_text(&json, "currency", STR("GBP"));
    json_key(&json, STR("channel"));
    json_object(&json);
    json_member_text(&json, "name", STR(RETAIL_CHANNEL));
    json_member_text(&json, "order", order->invoice);
    json_member_text(&json, "country", order->country);
    json_member_text(&json, "placed_at", str_of(placed));
    json_object_end(&json);
    write_lines(&json, replay, order);
    json_object_end(&json);
    return json_done(&json);
}

/* Place it, or find it placed.  *paid: it needs no payment.  False: refused or unanswered. */
static bool place(struct client *client, struct replay *replay, size_t k,
                  struct client_request *request, struct client_answer *answer)
{
    const struct retail_order *order = &replay->retail->orders.items[k];
    struct replay_order *to = &replay->orders[k];
    struct json reply;

    *request = (struct client_request){
        .method = "POST",
        .path = STR("/v1/orders"),
        .body = order_body(client, replay, order),
        .idempotency_key =
            cx_printf(&client->cx, RETAIL_CHANNEL "-" STR_FMT, STR_ARG(order->invoice))};
    if (!client_call(client, request, answer) || !client_json(client, answer, &reply))
        return false;
    if (answer->status == 201)
        set_id(to, client_text(client, reply, "id"));
    else if (str_is(client_text(client, reply, "code"), "channel_order_exists"))
        set_id(to, client_text(client, reply, "order"));
    if (!to->id[0])
        return false;
    if (answer->status == 201 && !answer->replayed) {
        to->us = answer->us;
        atomic_fetch_add(&replay->placed, 1);
    } else {
        atomic_fetch_add(&replay->there, 1);
    }
    return true;
}

static bool pay(struct client *client, struct replay *replay, size_t k,
                struct client_request *request, struct client_answer *answer)
{
    const struct retail_order *order = &replay->retail->orders.items[k];
    struct replay_order *to = &replay->orders[k];
    struct json reply;
    struct str state;

    *request = (struct client_request){
        .method = "POST",
        .path = cx_printf(&client->cx, "/v1/orders/%s/payments", to->id),
        .body = STR("{\"provider\":\"manual\"}"),
        .idempotency_key =
            cx_printf(&client->cx, RETAIL_CHANNEL "-" STR_FMT "-pay", STR_ARG(order->invoice))};
    if (!client_call(client, request, answer) || !client_json(client, answer, &reply))
        return false;
    if (answer->status == 201) {
        to->paid = true;
        if (!answer->replayed)
            atomic_fetch_add(&replay->payments, 1);
        return true;
    }
    state = client_text(client, reply, "state"); /* Of an order that takes no payment. */
    to->paid = str_is(state, "paid") || str_is(state, "fulfilling") || str_is(state, "completed");
    return to->paid;
}

static bool replay_order(struct client *client, size_t k, void *context)
{
    struct replay *replay = context;
    struct client_request request;
    struct client_answer answer;

    return (place(client, replay, k, &request, &answer) &&
            pay(client, replay, k, &request, &answer)) ||
           refused(client, replay, &request, &answer);
}

/* ---- Parcels ---- */

/* One parcel of the order leaves and arrives.  False: refused or unanswered. */
static bool deliver(struct client *client, struct replay *replay, struct json shipment,
                    struct client_request *request, struct client_answer *answer)
{
    struct str id = client_text(client, shipment, "id");
    struct str state = client_text(client, shipment, "state");
    bool leaves = str_is(state, "ready");

    if (str_is(state, "delivered") || str_is(state, "stopped")) {
        atomic_fetch_add(&replay->parcels_there, 1);
        return true;
    }
    *request = (struct client_request){
        .method = "POST",
        .path = cx_printf(&client->cx, "/v1/shipments/" STR_FMT "/%s", STR_ARG(id),
                          leaves ? "ship" : "deliver"),
        .body = leaves ? STR("{\"delivered\":true}") : (struct str){0},
        .idempotency_key = cx_printf(&client->cx, RETAIL_CHANNEL "-" STR_FMT, STR_ARG(id))};
    if (!client_call(client, request, answer) || answer->status != 200)
        return false;
    atomic_fetch_add(&replay->parcels, 1);
    return true;
}

static bool replay_parcels(struct client *client, size_t k, void *context)
{
    struct replay *replay = context;
    struct client_request request = {
        .method = "GET",
        .path = cx_printf(&client->cx, "/v1/orders/%s/shipments", replay->orders[k].id)};
    struct client_answer answer;
    struct json page, data;

    if (!replay->orders[k].paid)
        return true; /* Its failure is counted. */
    if (!client_call(client, &request, &answer) || answer.status != 200 ||
        !client_json(client, &answer, &page) || !json_get(page, "data", &data))
        return refused(client, replay, &request, &answer);
    for (struct json_iter it = json_iter(data); json_next(&it);)
        if (!deliver(client, replay, it.value, &request, &answer))
            return refused(client, replay, &request, &answer);
    return true;
}

/* ---- Returns ---- */

static struct str refund_body(struct client *client, const struct retail *retail,
                              const struct retail_refund *refund)
{
    char at[TIME_TEXT_LEN + 1];
    struct json_out json;

    time_format(at, refund->time_ms);
    json_open(&json, &client->cx, 512);
    json_object(&json);
    json_key(&json, STR("lines"));
    json_list(&json);
    for (int64_t p = refund->first_part; p != RETAIL_NONE; p = retail->parts.items[p].next) {
        const struct retail_part *part = &retail->parts.items[p];

        json_object(&json);
        json_member_int(&json, "line", retail->sales.items[part->sale].line);
        json_member_int(&json, "quantity", part->quantity);
        json_object_end(&json);
    }
    json_list_end(&json);
    json_member_text(&json, "reason", STR("returned"));
    json_member_bool(&json, "restock", true);
    json_member_text(&json, "reference", refund->reference);
    json_member_text(&json, "at", str_of(at));
    json_object_end(&json);
    return json_done(&json);
}

static bool give_back(struct client *client, struct replay *replay, size_t k,
                      const struct retail_refund *refund)
{
    struct client_request request = {
        .method = "POST",
        .path = cx_printf(&client->cx, "/v1/orders/%s/refunds", replay->orders[k].id),
        .body = refund_body(client, replay->retail, refund),
        .idempotency_key = cx_printf(&client->cx, RETAIL_CHANNEL "-" STR_FMT "-%s",
                                     STR_ARG(refund->reference), replay->orders[k].id)};
    struct client_answer answer;
    struct json reply;

    if (!client_call(client, &request, &answer) || !client_json(client, &answer, &reply))
        return refused(client, replay, &request, &answer);
    if (answer.status == 201 && !answer.replayed)
        atomic_fetch_add(&replay->refunds, 1);
    else if (answer.status == 201 || str_is(client_text(client, reply, "code"), "reference_exists"))
        atomic_fetch_add(&replay->refunds_there, 1);
    else
        return refused(client, replay, &request, &answer);
    return true;
}

static bool replay_returns(struct client *client, size_t k, void *context)
{
    struct replay *replay = context;
    const struct retail *retail = replay->retail;
    size_t order = replay->returning[k];
    int64_t r = retail->orders.items[order].first_refund;

    if (!replay->orders[order].paid)
        return true; /* Its failure is counted. */
    for (; r != RETAIL_NONE; r = retail->refunds.items[r].next_of_order)
        if (!give_back(client, replay, order, &retail->refunds.items[r]))
            return false;
    return true;
}

/* ---- All of it ---- */

static int by_us(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* By the nearest rank, of orders that were placed now. */
static void latencies(const struct replay *replay, struct retail_replayed *out)
{
    size_t count = 0, orders = replay->retail->orders.count;
    int64_t *us = calloc(orders + 1, sizeof(int64_t));

    assert(us);
    for (size_t k = 0; k < orders; k++)
        if (replay->orders[k].us)
            us[count++] = replay->orders[k].us;
    if (count > 0) {
        qsort(us, count, sizeof(int64_t), by_us);
        out->order_p50_us = us[(count - 1) / 2];
        out->order_p95_us = us[(count - 1) * 95 / 100];
        out->order_p99_us = us[(count - 1) * 99 / 100];
    }
    free(us);
}

/* One kind of work for all of a list; how long it took. */
static bool run_step(const struct client_target *target, struct replay *replay,
                     struct client_run step, int64_t *us)
{
    struct env *env = env_system();
    int64_t start_us = env->monotonic_us(env);
    bool ok;

    step.target = target;
    step.context = replay;
    ok = client_each(&step);
    *us = env->monotonic_us(env) - start_us;
    return ok;
}

static bool run_all(const struct client_target *target, struct replay *replay,
                    struct retail_replayed *out)
{
    const struct retail *retail = replay->retail;
    size_t orders = retail->orders.count;

    for (size_t k = 0; k < orders; k++)
        if (retail->orders.items[k].first_refund != RETAIL_NONE)
            replay->returning[replay->returning_count++] = k;
    return run_step(target, replay,
                    (struct client_run){.label = "orders", .count = orders, .job = replay_order},
                    &out->orders_us) &&
           run_step(target, replay,
                    (struct client_run){.label = "parcels", .count = orders, .job = replay_parcels},
                    &out->parcels_us) &&
           run_step(target, replay,
                    (struct client_run){.label = "returns",
                                        .count = replay->returning_count,
                                        .job = replay_returns},
                    &out->refunds_us);
}

static bool goods_there(const struct client_target *target, struct replay *replay)
{
    if (!retail_shop_find(target, replay->retail, &replay->shop))
        return false;
    if (replay->shop.missing > 0)
        fprintf(stderr,
                "grevy: the shop lacks %zu of the file's %zu products: run grevy import first\n",
                replay->shop.missing, replay->retail->skus.count);
    return replay->shop.missing == 0;
}

bool retail_replay(const struct client_target *target, const struct retail *retail,
                   struct retail_replayed *out)
{
    struct replay replay = {.retail = retail};
    bool ok;

    *out = (struct retail_replayed){0};
    replay.orders = calloc(retail->orders.count + 1, sizeof(*replay.orders));
    replay.returning = calloc(retail->orders.count + 1, sizeof(*replay.returning));
    assert(replay.orders);
    assert(replay.returning);
    ok = goods_there(target, &replay) && run_all(target, &replay, out);
    out->orders = atomic_load(&replay.placed);
    out->orders_there = atomic_load(&replay.there);
    out->payments = atomic_load(&replay.payments);
    out->parcels = atomic_load(&replay.parcels);
    out->parcels_there = atomic_load(&replay.parcels_there);
    out->refunds = atomic_load(&replay.refunds);
    out->refunds_there = atomic_load(&replay.refunds_there);
    out->failures = atomic_load(&replay.failures);
    latencies(&replay, out);
    retail_shop_free(&replay.shop);
    free(replay.orders);
    free(replay.returning);
    return ok;
}

void retail_print_replayed(const struct retail_replayed *replayed)
{
    int64_t ms = replayed->orders_us / 1000;

    printf("orders: %zu placed and %zu paid, %zu were there already\n", replayed->orders,
           replayed->payments, replayed->orders_there);
    if (replayed->orders > 0)
        printf("orders/s: %lld (each placed and paid, in %lld.%03lld s); placing one took p50 "
               "%lld.%lld ms, p95 %lld.%lld ms, p99 %lld.%lld ms\n",
               (long long)((int64_t)replayed->orders * 1000 / (ms ? ms : 1)),
               (long long)(ms / 1000), (long long)(ms % 1000),
               (long long)(replayed->order_p50_us / 1000),
               (long long)(replayed->order_p50_us / 100 % 10),
               (long long)(replayed->order_p95_us / 1000),
               (long long)(replayed->order_p95_us / 100 % 10),
               (long long)(replayed->order_p99_us / 1000),
               (long long)(replayed->order_p99_us / 100 % 10));
    printf("parcels: %zu delivered, %zu were already\n", replayed->parcels,
           replayed->parcels_there);
    printf("refunds: %zu made, %zu were there already\n", replayed->refunds,
           replayed->refunds_there);
    if (replayed->failures > 0)
        printf("failures: %zu, see above\n", replayed->failures);
}

/* ---- The command ---- */

static int replay_to(const struct tool_options *options, const struct retail *retail,
                     const char *report)
{
    struct retail_replayed replayed;
    struct retail_ledger ledger = {0};
    struct tool tool;
    bool ok;

    if (!tool_open(&tool, options))
        return EXIT_FAILED;
    ok = retail_replay(&tool.target, retail, &replayed);
    if (ok) {
        retail_print_replayed(&replayed);
        ok = retail_ledger_read(&tool.target, retail, &ledger);
    }
    tool_close(&tool);
    if (ok && report)
        ok = retail_report_write(report, retail, &ledger, &replayed);
    retail_ledger_free(&ledger);
    return ok && replayed.failures == 0 ? EXIT_DONE : EXIT_FAILED;
}

int cmd_replay(int argc, char **argv)
{
    struct tool_options options = {0};
    const char *report = NULL, *words[2];
    const struct option_row rows[] = {
        TOOL_OPTIONS(options), {"--report", &report, NULL}, {NULL, NULL, NULL}};
    struct retail retail = {0};
    int status = EXIT_FAILED;

    if (!options_read(argc, argv, rows, words, 2) || !words[0] || words[1])
        return usage_of(argv[0]);
    if (tool_read(&retail, words[0])) {
        if (!report)
            retail_print_bad(&retail);
        status = replay_to(&options, &retail, report);
    }
    retail_free(&retail);
    return status;
}
