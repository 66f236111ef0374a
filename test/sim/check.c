/*
 * check.c - is the database as it must be (rules.h)?  Asked over a connection of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/rules.h"
#include "test/sim/sim.h"

static const char *const fact_sql[FACT_KINDS] = {
    [FACT_ORDER] = "select count(*) from orders where id = ?1",
    [FACT_CANCELLED] = "select count(*) from orders where id = ?1 and state = 'cancelled'",
    [FACT_PAYMENT] = "select count(*) from payment where id = ?1",
    [FACT_CAPTURED] = "select count(*) from payment where id = ?1 and captured_minor > 0",
    [FACT_REFUND] = "select count(*) from aftersale_refund where id = ?1",
    [FACT_SHIPPED] = "select count(*) from fulfil_shipment where id = ?1 and shipped_ms > 0",
    [FACT_DELIVERED] = "select count(*) from fulfil_shipment where id = ?1 and delivered_ms > 0",
    [FACT_MOVEMENT] = "select count(*) from stock_movement where id = ?1",
    [FACT_VERSION] = "select count(*) from kernel_document_version where collection = 'clerk.rate'"
                     " and key = case ?1 / 1000000 when 0 then 'left' when 1 then 'right' when 2"
                     " then 'lone' else 'grey' end and version = ?1 % 1000000",
    [FACT_PUBLICATION] = "select count(*) from kernel_publication where seq = ?1",
    [FACT_NOTICE] = "select count(*) from payment_inbox where event = 'evt_' || ?1",
};
static const char *const fact_names[FACT_KINDS] = {
    "order",          "cancelled order",  "payment",  "captured payment", "refund",
    "shipped parcel", "delivered parcel", "movement", "version",          "publication",
    "notice"};

enum { RULES_MAX = 32, SQL_MAX = 2048 };
#define NOTICE_KEPT_MS (80 * DAY_MS) /* Less than the inbox keeps it. */

struct checker {
    sqlite3 *db;
    sqlite3_stmt *one[RULES_MAX], *all[RULES_MAX], *whole[RULES_MAX], *rest[RULES_MAX];
    sqlite3_stmt *step[RULES_MAX], *facts[FACT_KINDS];
    sqlite3_stmt *file, *touched, *captured, *fence, *price, *published, *standing;
    int64_t seq; /* Of the last event that was looked at. */
};

/* ---- Opening ---- */

static void ord_text(sqlite3_context *context, int count, sqlite3_value **values)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    int64_t id = sqlite3_value_int64(values[0]);
    char text[18] = "ord_";

    (void)count;
    for (int k = 0; k < 13; k++)
        text[4 + k] = digits[id >> (5 * (12 - k)) & 31];
    sqlite3_result_text(context, text, 17, SQLITE_TRANSIENT);
}

static void number_of(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(
        context, id_of(sqlite3_user_data(context), (const char *)sqlite3_value_text(values[0])));
}

static sqlite3_stmt *prepared(struct sim *sim, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(sim->checker->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        sim_fail(sim, "the checker: %s: %s", sqlite3_errmsg(sim->checker->db), sql);
    return stmt;
}

static sqlite3_stmt *prepared_of(struct sim *sim, const char *sql, const char *which)
{
    const char *at = strstr(sql, "%s");
    char text[SQL_MAX];

    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - sql), sql, which, at + 2);
    return prepared(sim, text);
}

static void prepare(struct sim *sim, const struct rule *rules, sqlite3_stmt *out[RULES_MAX])
{
    for (int k = 0; rules[k].sql; k++) {
        if (k == RULES_MAX)
            sim_fail(sim, "the checker has more rules than it keeps: RULES_MAX");
        out[k] = prepared(sim, rules[k].sql);
    }
}

static void run(struct sim *sim, const char *sql)
{
    if (sqlite3_exec(sim->checker->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        sim_fail(sim, "the checker: %s: %s", sqlite3_errmsg(sim->checker->db), sql);
}

/* What a SKU consists of, as world.c sells it. */
static void know_pieces(struct sim *sim)
{
    static const int parts[][3] = {{0, 0, 1}, {1, 1, 1}, {2, 2, 1}, {3, 3, 1}, {4, 4, 1}, {4, 0, 1},
                                   {4, 0, 2}, {5, 0, 2}, {5, 1, 1}, {5, 3, 1}, {6, 6, 1}};

    run(sim, "create temp table piece (sku, part, n)");
    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
        run(sim, mini_text(sim->mini, "insert into temp.piece values (%lld, %lld, %d)",
                           (long long)sim->skus[parts[k][0]].number,
                           (long long)sim->skus[parts[k][1]].number, parts[k][2]));
}

void check_open(struct sim *sim)
{
    struct checker *checker = calloc(1, sizeof(*checker));
    char path[400];

    sim->checker = checker;
    disk_pause(true);
    snprintf(path, sizeof(path), "%s/data/default.db", test_dir());
    if (!checker || sqlite3_open(path, &checker->db) != SQLITE_OK)
        sim_fail(sim, "the checker cannot open %s", path);
    sqlite3_create_function(checker->db, "ord", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                            ord_text, NULL, NULL);
    sqlite3_create_function(checker->db, "number", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, sim,
                            number_of, NULL, NULL);
    run(sim, "pragma temp_store = 2");
    know_pieces(sim);
    for (int k = 0; of_order[k].sql; k++) {
        checker->one[k] = prepared_of(sim, of_order[k].sql, "o.id = ?1");
        checker->all[k] = prepared_of(sim, of_order[k].sql, "1");
    }
    prepare(sim, of_step, checker->step);
    prepare(sim, of_all, checker->whole);
    checker->file = prepared(sim, of_file.sql);
    prepare(sim, of_rest, checker->rest);
    for (int k = 0; k < FACT_KINDS; k++)
        checker->facts[k] = prepared(sim, fact_sql[k]);
    checker->touched = prepared(sim, "select key, seq from kernel_outbox where seq > ?1"
                                     " order by key, seq");
    checker->captured = prepared(sim, "select captured_minor, refunded_minor, claimed_minor,"
                                      " (select coalesce(sum(amount_minor), 0) from payment_part x"
                                      " where x.payment_id = p.id and x.state = 'refunded' and not"
                                      " exists (select 1 from payment_payout o where o.part_id ="
                                      " x.id and o.state = 'approved')) from payment p where"
                                      " p.id = ?1");
    checker->fence = prepared(sim, "select fence from kernel_writer");
    checker->price = prepared(sim, "select price_minor from catalog_sku where id = ?1");
    checker->published = prepared(sim, "select coalesce(max(seq), 0) from kernel_publication");
    checker->standing = prepared(sim, "select live, grey from kernel_document where collection ="
                                      " 'clerk.rate' and key = ?1");
    disk_pause(false);
}

void check_close(struct sim *sim)
{
    struct checker *checker = sim->checker;
    sqlite3_stmt *stmt;

    disk_pause(true);
    while ((stmt = sqlite3_next_stmt(checker->db, NULL)) != NULL)
        sqlite3_finalize(stmt);
    sqlite3_close(checker->db);
    free(checker);
    sim->checker = NULL;
    disk_pause(false);
}

/* ---- Asking ---- */

static void must_be_empty(struct sim *sim, sqlite3_stmt *stmt, const char *what)
{
    int rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW)
        sim_fail(sim, "%s: %s", what, (const char *)sqlite3_column_text(stmt, 0));
    if (rc != SQLITE_DONE)
        sim_fail(sim, "the checker: %s: %s", what, sqlite3_errmsg(sim->checker->db));
    sqlite3_reset(stmt);
}

static void must_hold(struct sim *sim, const struct rule *rules, sqlite3_stmt *const *asked)
{
    for (int k = 0; rules[k].sql; k++)
        must_be_empty(sim, asked[k], rules[k].what);
}

static void check_fact(struct sim *sim, const struct fact *fact)
{
    sqlite3_stmt *stmt = sim->checker->facts[fact->kind];
    int64_t count;

    if (fact->kind == FACT_NOTICE && mini_now_ms(sim->mini) - fact->ms > NOTICE_KEPT_MS)
        return;
    sqlite3_bind_int64(stmt, 1, fact->id);
    if (sqlite3_step(stmt) != SQLITE_ROW)
        sim_fail(sim, "the checker: %s", sqlite3_errmsg(sim->checker->db));
    count = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    if (count != 1)
        sim_fail(sim, "what was answered at event %d is lost: %s %lld", fact->event,
                 fact_names[fact->kind], (long long)fact->id);
}

static void check_order(struct sim *sim, int64_t order)
{
    for (int k = 0; of_order[k].sql; k++) {
        sqlite3_bind_int64(sim->checker->one[k], 1, order);
        must_be_empty(sim, sim->checker->one[k], of_order[k].what);
    }
}

void check_all(struct sim *sim)
{
    disk_pause(true);
    must_hold(sim, of_order, sim->checker->all);
    must_hold(sim, of_step, sim->checker->step);
    must_hold(sim, of_all, sim->checker->whole);
    for (int k = 0; k < sim->fact_count; k++)
        check_fact(sim, &sim->facts[k]);
    disk_pause(false);
}

/* After a crash, and at rest: it is a walk over all pages. */
void check_file(struct sim *sim)
{
    disk_pause(true);
    must_be_empty(sim, sim->checker->file, of_file.what);
    disk_pause(false);
}

/* Orders that have news, and what must never be. */
void check_touched(struct sim *sim)
{
    struct checker *checker = sim->checker;
    char last[32] = "";

    disk_pause(true);
    sqlite3_bind_int64(checker->touched, 1, checker->seq);
    while (sqlite3_step(checker->touched) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(checker->touched, 0);
        int64_t seq = sqlite3_column_int64(checker->touched, 1);

        checker->seq = seq > checker->seq ? seq : checker->seq;
        if (strncmp(key, "ord_", 4) == 0 && strcmp(key, last) != 0)
            check_order(sim, id_of(sim, key));
        snprintf(last, sizeof(last), "%s", key);
    }
    sqlite3_reset(checker->touched);
    must_hold(sim, of_step, checker->step);
    disk_pause(false);
}

static int64_t number_from(struct sim *sim, sqlite3_stmt *stmt)
{
    int64_t number;

    if (sqlite3_step(stmt) != SQLITE_ROW)
        sim_fail(sim, "the checker: %s", sqlite3_errmsg(sim->checker->db));
    number = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return number;
}

void check_price(struct sim *sim, const struct sku *sku)
{
    struct answer answer =
        mini_http(sim->mini, mini_text(sim->mini, "GET /v1/products/%s", sku->product), NULL);
    int64_t stored, shown;

    if (answer.status != 200)
        sim_fail(sim, "%s cannot be read: %s", sku->code, answer.body);
    shown = mini_get_int(sim->mini, answer, "skus.0.price.amount");
    disk_pause(true);
    sqlite3_bind_int64(sim->checker->price, 1, sku->number);
    stored = number_from(sim, sim->checker->price);
    disk_pause(false);
    if (shown != stored)
        sim_fail(sim, "%s is shown for %lld and stored for %lld", sku->code, (long long)shown,
                 (long long)stored);
}

int64_t check_standing(struct sim *sim, const char *const *keys, struct standing *out)
{
    sqlite3_stmt *stmt = sim->checker->standing;
    int64_t seq;

    disk_pause(true);
    seq = number_from(sim, sim->checker->published);
    for (int k = 0; k < SIM_DOCUMENTS; k++) {
        sqlite3_bind_text(stmt, 1, keys[k], -1, SQLITE_STATIC);
        out[k] = (struct standing){0};
        if (sqlite3_step(stmt) == SQLITE_ROW)
            out[k] =
                (struct standing){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
        sqlite3_reset(stmt);
    }
    disk_pause(false);
    return seq;
}

void check_shown(struct sim *sim)
{
    sqlite3_stmt *stmt;
    int64_t newest;

    disk_pause(true);
    stmt = prepared(sim, "select coalesce(max(id), 0) from orders");
    newest = number_from(sim, stmt);
    sqlite3_finalize(stmt);
    disk_pause(false);
    if (newest > 0)
        learn(sim, FACT_ORDER, newest);
}

/* ---- Another process ---- */

int64_t check_fence(struct sim *sim)
{
    int64_t fence = 0;

    disk_pause(true);
    if (!disk_is_off())
        fence = number_from(sim, sim->checker->fence);
    disk_pause(false);
    return fence;
}

int64_t check_rival(struct sim *sim)
{
    if (disk_is_off())
        return 0;
    disk_pause(true);
    run(sim, "update kernel_writer set fence = fence + 1, holder = 'rival'");
    disk_pause(false);
    return check_fence(sim);
}

/* ---- At rest ---- */

/* What the provider took and gave back is what our payment says. */
static void check_charge(struct sim *sim, const struct charge *charge)
{
    sqlite3_stmt *stmt = sim->checker->captured;
    int64_t given = 0, taken = charge->state == CHARGE_TAKEN ? charge->taken_minor : 0;
    int number = (int)(charge - sim->provider.charges);

    for (int k = 0; k < sim->provider.back_count; k++)
        if (sim->provider.backs[k].charge == number && sim->provider.backs[k].done)
            given += sim->provider.backs[k].amount_minor;
    sqlite3_bind_int64(stmt, 1, id_of(sim, charge->ours));
    if (sqlite3_step(stmt) != SQLITE_ROW)
        sim_fail(sim, "the provider knows %s, and we do not", charge->ours);
    if (sqlite3_column_int64(stmt, 0) != taken)
        sim_fail(sim, "%s: the provider took %lld, we have %lld", charge->ours, (long long)taken,
                 (long long)sqlite3_column_int64(stmt, 0));
    if (sqlite3_column_int64(stmt, 3) != given)
        sim_fail(sim, "%s: the provider gave back %lld, we say %lld", charge->ours,
                 (long long)given, (long long)sqlite3_column_int64(stmt, 3));
    sqlite3_reset(stmt);
}

/* Counted after the commit: never more than there is. */
static void check_metric(struct sim *sim)
{
    static const char line[] = "\norder_placed_total ";
    struct answer page = mini_http(sim->mini, "GET /metrics", NULL);
    const char *at = strstr(page.body, line);
    long long counted = at ? strtoll(at + strlen(line), NULL, 10) : -1;
    sqlite3_stmt *stmt;
    int64_t placed;

    disk_pause(true);
    stmt = prepared(sim, "select count(*) from orders");
    placed = number_from(sim, stmt);
    sqlite3_finalize(stmt);
    disk_pause(false);
    if (counted < 0 || counted > placed)
        sim_fail(sim, "%lld orders are counted, %lld were placed", counted, (long long)placed);
}

void check_rest(struct sim *sim)
{
    check_metric(sim);
    disk_pause(true);
    must_hold(sim, of_rest, sim->checker->rest);
    for (int k = 0; k < sim->provider.charge_count; k++)
        check_charge(sim, &sim->provider.charges[k]);
    disk_pause(false);
}
