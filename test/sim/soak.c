/*
 * soak.c - ./dev sim --soak DAYS: days of steady trade without faults, on a real disk; what grows?
 *
 * Retention is set short, so that what it bounds has stopped growing by a third of the way; from
 * there on memory, queues and the kernel's tables must stand still, and the file may grow by what
 * was sold and nothing else.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

enum {
    ORDERS_PER_DAY = 96,
    KEPT_DAYS = 3,
    TOLD_EVERY_DAYS = 5,
    SLACK_PERCENT = 10,
    SLACK_ROWS = 100,         /* Of a queue: what a moment more or less makes. */
    SLACK_BYTES = 256 * 1024, /* Of the heap, */
    SLACK_ORDER_BYTES = 100   /* and of an order: pages that are just begun. */
};

/* What must not grow, by what it is. */
enum { EVENTS, ANSWERS, EFFECTS, TIMERS, NOTICES, PARKED, ROWS };
static const struct {
    const char *name, *sql;
} rows_of[ROWS] = {
    {"events", "select count(*) from kernel_outbox"},
    {"answers", "select (select count(*) from kernel_idem_0) + (select count(*) from kernel_idem_1)"
                " + (select count(*) from kernel_idem_2)"},
    {"effects", "select count(*) from kernel_effect"},
    {"timers", "select count(*) from kernel_timer where name <> 'fulfil.due'"},
    {"notices", "select count(*) from payment_inbox"},
    {"parked", "select count(*) from kernel_parked"},
};

struct measure {
    int64_t orders, rows[ROWS], heap_bytes, resident_bytes, file_bytes, free_bytes, kernel_bytes;
};

/* ---- A day ---- */

static void set(struct sim *sim, const char *name, int value)
{
    struct ask ask = {.request = mini_text(sim->mini, "PUT /v1/settings/%s", name),
                      .body = mini_text(sim->mini, "{\"value\":%d}", value),
                      .wish = -1,
                      .must = true};

    ask_one(sim, &ask);
}

static void ask_for(struct sim *sim, person *wants)
{
    struct ask ask = {.wish = -1};

    if (wants(sim, &ask))
        ask_one(sim, &ask);
}

static void one_order(struct sim *sim)
{
    if (!dice_percent(&sim->dice, 20))
        sim->order_count =
            0; /* The orders before are not heard of again: they are paid, or expire. */
    ask_for(sim, buy);
    ask_for(sim, dice_percent(&sim->dice, 20) ? pay_by_provider : pay_by_hand);
    (void)provider_acts(sim);
    ask_for(sim, provider_all_told);
    if (dice_percent(&sim->dice, 10))
        ask_for(sim, cancel_order);
    if (dice_percent(&sim->dice, 15))
        ask_for(sim, give_back_some);
    ask_for(sim, ship_one);
    ask_for(sim, deliver_one);
    ask_for(sim, receive_pieces);
    mini_sleep_ms(sim->mini, DAY_MS / ORDERS_PER_DAY);
}

static void one_day(struct sim *sim)
{
    for (int k = 0; k < ORDERS_PER_DAY; k++) {
        sim->event++;
        dice_of(&sim->dice, sim->seed, (uint64_t)sim->event);
        sim->text[0] = '\0';
        one_order(sim);
    }
    for (struct ask ask = {.wish = -1}; provider_all_told(sim, &ask);
         ask = (struct ask){.wish = -1})
        ask_one(sim, &ask);
    sim->order_count = sim->fact_count = sim->wish_count = 0;
    mini_forget(sim->mini);
}

/* ---- What there is ---- */

static int64_t resident(void)
{
    long pages = 0, size = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file && fscanf(file, "%ld %ld", &size, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return pages * INT64_C(4096);
}

static struct measure measure(struct sim *sim)
{
    struct measure now = {.orders = mini_count(sim->mini, "select count(*) from orders"),
                          .resident_bytes = resident()};
    int64_t page = mini_count(sim->mini, "pragma page_size");

    now.heap_bytes = (int64_t)mallinfo2().uordblks;
    for (int k = 0; k < ROWS; k++)
        now.rows[k] = mini_count(sim->mini, rows_of[k].sql);
    now.file_bytes = page * mini_count(sim->mini, "pragma page_count");
    now.free_bytes = page * mini_count(sim->mini, "pragma freelist_count");
    now.kernel_bytes = mini_count(
        sim->mini, "select sum(pgsize) from dbstat where aggregate = true and name like 'kernel%'"
                   " and name not like 'kernel_audit%'");
    return now;
}

static void tell(int day, const struct measure *now)
{
    printf("  day %2d: %5lld orders; heap %6.2f MiB, resident %6.2f MiB; file %6.2f MiB, kernel's "
           "share %5.2f, free %5.2f;",
           day, (long long)now->orders, (double)now->heap_bytes / 1048576,
           (double)now->resident_bytes / 1048576, (double)now->file_bytes / 1048576,
           (double)now->kernel_bytes / 1048576, (double)now->free_bytes / 1048576);
    for (int k = 0; k < ROWS; k++)
        printf(" %lld %s%s", (long long)now->rows[k], rows_of[k].name, k < ROWS - 1 ? "," : "\n");
    fflush(stdout);
}

/* ---- What grew ---- */

static void must_stand(struct sim *sim, const char *what, int64_t before, int64_t after,
                       int64_t slack)
{
    if (after > before + before * SLACK_PERCENT / 100 + slack)
        sim_fail(sim, "%s grew from %lld to %lld", what, (long long)before, (long long)after);
}

/* Business rows: what is in the file beside the kernel's tables and free pages. */
static int64_t business_bytes(const struct measure *now)
{
    return now->file_bytes - now->free_bytes - now->kernel_bytes;
}

static int64_t order_bytes(struct sim *sim, const struct measure *from, const struct measure *to)
{
    if (to->orders <= from->orders)
        sim_fail(sim, "nobody buys any more");
    return (business_bytes(to) - business_bytes(from)) / (to->orders - from->orders);
}

static void compare(struct sim *sim, const struct measure *third, const struct measure *two_thirds,
                    const struct measure *last)
{

    for (int k = 0; k < ROWS; k++)
        must_stand(sim, rows_of[k].name, third->rows[k], last->rows[k], SLACK_ROWS);
    must_stand(sim, "the heap", third->heap_bytes, last->heap_bytes, SLACK_BYTES);
    must_stand(sim, "the kernel's share of the file", third->kernel_bytes, last->kernel_bytes,
               SLACK_BYTES);
    must_stand(sim, "what an order takes in the file", order_bytes(sim, third, two_thirds),
               order_bytes(sim, two_thirds, last), SLACK_ORDER_BYTES);
}

void soak_run(struct sim *sim, int days)
{
    struct measure third = {0}, two_thirds = {0}, now = {0};

    world_open(sim, false);
    mini_mark(sim->mini);
    set(sim, "kernel.events_kept_days", KEPT_DAYS);
    set(sim, "payment.notices_kept_days", KEPT_DAYS);
    for (int day = 1; day <= days; day++) {
        one_day(sim);
        if (day % TOLD_EVERY_DAYS == 0 || day == days)
            tell(day, (now = measure(sim), &now));
        if (day == days / 3)
            third = measure(sim);
        if (day == days * 2 / 3)
            two_thirds = measure(sim);
    }
    compare(sim, &third, &two_thirds, &now);
    struct answer ledger = mini_http(sim->mini, "GET /v1/ledger/check", NULL);

    if (ledger.status != 200 || strcmp(mini_get(sim->mini, ledger, "ok"), "true") != 0)
        sim_fail(sim, "the ledger: %s", ledger.body);
    printf("ok soak: %d days, %lld orders: queues, heap and kernel tables stand still; an order "
           "takes %lld bytes of the file\n",
           days, (long long)now.orders, (long long)order_bytes(sim, &third, &now));
    world_close(sim);
}
