/*
 * check.c - is the database as it must be?  Asked over a connection of its own, with SQL that
 * repeats on purpose what the product's says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

/* Each finds what is wrong, as one text.  OF_ORDER queries are asked of one order or of all. */
struct rule {
    const char *what, *sql;
};

static const struct rule of_order[] = {
    {"the order does not add up",
     "select o.id from orders o where %s and (o.total_minor <> o.goods_minor - o.discount_minor +"
     " o.shipping_minor or o.goods_minor - o.discount_minor <> (select coalesce(sum(l.total_minor),"
     " 0) from order_line l where l.order_id = o.id) or o.lines <> (select count(*) from order_line"
     " l where l.order_id = o.id))"},
    {"the order and its payments",
     "select o.id || ': ' || o.paid_minor from orders o where %s and o.paid_minor <>"
     " (select coalesce(sum(p.applied_minor), 0) from payment p where p.order_id = o.id)"},
    {"the state against the money",
     "select o.id || ' is ' || o.state from orders o where %s and (o.state in ('paid',"
     " 'fulfilling', 'completed')) <> (o.paid_ms > 0 and o.paid_minor = o.total_minor)"},
    {"all units given back, and not all money",
     "select o.id || ' line ' || l.line from orders o join order_line l on l.order_id = o.id"
     " where %s and l.refunded_count = l.quantity and l.refunded_minor <> l.total_minor and not"
     " exists (select 1 from order_line g where g.order_id = o.id and g.gift_minor > 0)"},
    {"more was given back than was paid",
     "select o.id from orders o where %s and (o.refunded_minor > o.paid_minor or exists"
     " (select 1 from order_line l where l.order_id = o.id and (l.refunded_count > l.quantity or"
     " l.refunded_minor > l.total_minor + l.gift_minor * l.quantity)))"},
    {"what units gave back is not their share", /* A gift that stays is taken off. */
     "select o.id || ' line ' || l.line from orders o join order_line l on l.order_id = o.id"
     " where %s and l.refunded_count > 0 and abs(l.refunded_minor * l.quantity - l.total_minor *"
     " l.refunded_count) >= l.quantity * l.quantity and not exists (select 1 from order_line g"
     " where g.order_id = o.id and g.gift_minor > 0)"},
    {"a payment gave back more than it took",
     "select o.id || ' payment ' || p.id from orders o join payment p on p.order_id = o.id where %s"
     " and (p.applied_minor > p.captured_minor or p.claimed_minor > p.captured_minor or"
     " p.refunded_minor > p.claimed_minor or p.claimed_minor <> (select coalesce(sum(amount_minor),"
     " 0) from payment_part x where x.payment_id = p.id))"},
    {"refunds of the order and their parts",
     "select o.id from orders o where %s and (select coalesce(sum(amount_minor), 0) from"
     " aftersale_refund r where r.order_id = o.id and r.state not in ('waiting', 'rejected')) <>"
     " (select coalesce(sum(amount_minor), 0) from payment_part x where x.order_id = o.id"
     " and x.kind = 'aftersale')"},
    {"announcements of the order",
     "select o.id || ' ' || o.state from orders o where %s and"
     " ((select count(*) from kernel_outbox e where e.key = ord(o.id) and e.type = 'order.placed')"
     " <> 1 or (select count(*) from kernel_outbox e where e.key = ord(o.id) and e.type ="
     " 'order.paid') <> (o.paid_ms > 0) or (select count(*) from kernel_outbox e where e.key ="
     " ord(o.id) and e.type = 'order.cancelled') <> (o.state = 'cancelled') or (select count(*)"
     " from kernel_outbox e where e.key = ord(o.id) and e.type = 'order.expired') <>"
     " (o.state = 'expired') or (select count(*) from kernel_outbox e where e.key = ord(o.id) and"
     " e.type = 'order.completed') <> (o.state = 'completed') or (select count(*) from"
     " kernel_outbox e where e.key = ord(o.id) and e.type = 'payment.created') <> (select count(*)"
     " from payment p where p.order_id = o.id) or (select count(*) from kernel_outbox e where"
     " e.key = ord(o.id) and e.type = 'aftersale.refunded') <> (select count(*) from"
     " aftersale_refund r where r.order_id = o.id and r.state = 'refunded'))"},
    {"a timer of the order",
     "select o.id || ' ' || o.state from orders o where %s and (select count(*) from kernel_timer t"
     " where t.name = 'order.expire' and t.key = o.id) <> (o.state = 'pending_payment')"},
    {"a reservation without a live order",
     "select o.id || ' ' || o.state from orders o join stock_reservation r on r.ref = o.id where %s"
     " and r.open > 0 and (o.state in ('cancelled', 'expired') or (r.deadline_ms > 0) <>"
     " (o.state = 'pending_payment'))"},
    {"a reservation without end",
     "select o.id from orders o join stock_reservation r on r.ref = o.id where %s and"
     " o.state = 'pending_payment' and r.open > 0 and r.deadline_ms <= 0"},
    {"more is on its way than was bought",
     "select o.id || ' sku ' || i.sku from orders o join fulfil_shipment s on s.order_id = o.id"
     " join fulfil_item i on i.shipment = s.id where %s and s.state <> 'stopped' group by o.id,"
     " i.line, i.sku having sum(i.quantity) > (select coalesce(sum(l.quantity * p.n), 0) from"
     " order_line l join temp.piece p on p.sku = l.sku and p.part = i.sku where l.order_id = o.id"
     " and l.line = i.line)"},
    {"delivery without payment",
     "select o.id from orders o where %s and o.paid_ms = 0 and (exists (select 1 from"
     " fulfil_shipment s where s.order_id = o.id) or exists (select 1 from fulfil_entitlement e"
     " where e.order_id = o.id))"},
    {"open shipments",
     "select o.id from orders o join fulfil_order f on f.order_id = o.id where %s and f.open <>"
     " (select count(*) from fulfil_shipment s where s.order_id = o.id and s.state not in"
     " ('delivered', 'stopped'))"},
    {"paid, and not begun to be delivered",
     "select o.id from orders o where %s and o.paid_ms > 0 and not exists (select 1 from"
     " fulfil_order f where f.order_id = o.id)"},
};

static const struct rule of_all[] = {
    {"a level against its movements",
     "select l.sku || ': ' || l.on_hand from stock_level l where l.on_hand <> (select"
     " coalesce(sum(m.quantity), 0) from stock_movement m where m.sku = l.sku and m.location ="
     " l.location) or l.reserved <> (select coalesce(sum(r.open), 0) from stock_reservation r where"
     " r.sku = l.sku and r.location = l.location) or l.sold <> (select coalesce(sum(r.sold), 0)"
     " from stock_reservation r where r.sku = l.sku and r.location = l.location)"},
    {"the running balance of a movement",
     "select id from (select id, on_hand, sum(quantity) over (partition by sku, location order by"
     " id) as sum from stock_movement) where on_hand <> sum"},
    {"oversold",
     "select l.sku || ': ' || l.on_hand || ' on hand, ' || l.reserved || ' promised' from"
     " stock_level l join catalog_sku s on s.id = l.sku where s.policy = 'deny' and l.on_hand <"
     " l.reserved or s.policy = 'below_zero' and l.on_hand - l.reserved < -s.below_zero"},
    {"a reservation of nobody",
     "select r.ref from stock_reservation r where r.open > 0 and not exists (select 1 from orders o"
     " where o.id = r.ref) and not exists (select 1 from fulfil_shipment s where s.stock_ref ="
     " r.ref)"},
    {"gaps in the events",
     "select count(*) || ' of ' || max(seq) from kernel_outbox having count(*) <> max(seq) or"
     " max(seq) <> (select seq from kernel_writer)"},
    {"events out of time",
     "select seq from (select seq, time_ms, lag(time_ms) over (order by seq) as before from"
     " kernel_outbox) where time_ms < before"},
    {"events of nothing",
     "select e.seq || ' ' || e.type || ' ' || e.key from kernel_outbox e where e.type like"
     " 'order.%' and not exists (select 1 from orders o where ord(o.id) = e.key)"},
    {"the running balance of an account",
     "select account || ': ' || balance_minor from payment_account a where balance_minor <>"
     " (select coalesce(sum(amount_minor), 0) from payment_entry e where e.debit = a.account and"
     " e.currency = a.currency) - (select coalesce(sum(amount_minor), 0) from payment_entry e where"
     " e.credit = a.account and e.currency = a.currency)"},
    {"money from nowhere",
     "select sum(balance_minor) from payment_account having sum(balance_minor) <> 0"},
    {"two orders of one wish",
     "select user_id from orders where user_id like 'wish%' and kind = 'sale' group by user_id"
     " having count(*) > 1"},
    {"an event consumed twice", "select event from clerk_seen where times > 1"},
    {"events of a key out of order", "select key from clerk_last where disorder > 0"},
    {"a consumer ahead of the events",
     "select name from kernel_consumer where cursor > (select coalesce(max(seq), 0) from"
     " kernel_outbox)"},
    {"the file is damaged", "select integrity_check from pragma_integrity_check where"
                            " integrity_check <> 'ok'"},
};

static const struct rule of_rest[] = {
    {"an event not consumed",
     "select seq || ' ' || type from kernel_outbox where type in ('order.placed', 'order.paid',"
     " 'order.expired', 'payment.captured', 'aftersale.refunded') and id not in (select event from"
     " clerk_seen)"},
    {"a dead letter", "select consumer || ' ' || type || ' ' || error from kernel_parked"},
    {"a dead timer", "select name || ' ' || error from kernel_timer where state <> 'waiting'"},
    {"a job that failed", "select name || ' ' || error from kernel_job where error <> ''"},
    {"an order that neither was paid nor ended",
     "select id from orders where state = 'pending_payment'"},
    {"paid and not delivered exactly once",
     "select o.id || ' sku ' || p.part from orders o join order_line l on l.order_id = o.id join"
     " temp.piece p on p.sku = l.sku join catalog_sku c on c.id = p.part where o.paid_ms > 0 and"
     " c.kind = 'goods' and not exists (select 1 from aftersale_refund r where r.order_id = o.id)"
     " and not exists (select 1 from aftersale_linked k where k.order_id = o.id) group by o.id,"
     " l.line, p.part having sum(distinct l.quantity) * sum(p.n) <> (select"
     " coalesce(sum(i.quantity), 0) from fulfil_shipment s join fulfil_item i on i.shipment = s.id"
     " where s.order_id = o.id and i.line = l.line and i.sku = p.part and s.state <> 'stopped')"},
    {"paid and not granted",
     "select o.id || ' sku ' || p.part from orders o join order_line l on l.order_id = o.id join"
     " temp.piece p on p.sku = l.sku join catalog_sku c on c.id = p.part where o.paid_ms > 0 and"
     " c.kind <> 'goods' and l.refunded_count = 0 and (select count(*) from fulfil_entitlement e"
     " where e.order_id = o.id and e.line = l.line and e.sku = p.part and e.quantity = l.quantity *"
     " p.n and e.revoked_ms = 0) <> 1"},
    {"given back and still granted",
     "select e.id from fulfil_entitlement e join order_line l on l.order_id = e.order_id and l.line"
     " = e.line where l.refunded_count = l.quantity and e.revoked_ms = 0"},
};

static const char *const fact_sql[FACT_KINDS] = {
    [FACT_ORDER] = "select count(*) from orders where id = ?1",
    [FACT_CANCELLED] = "select count(*) from orders where id = ?1 and state = 'cancelled'",
    [FACT_PAYMENT] = "select count(*) from payment where id = ?1",
    [FACT_CAPTURED] = "select count(*) from payment where id = ?1 and captured_minor > 0",
    [FACT_REFUND] = "select count(*) from aftersale_refund where id = ?1",
    [FACT_SHIPPED] = "select count(*) from fulfil_shipment where id = ?1 and shipped_ms > 0",
    [FACT_DELIVERED] = "select count(*) from fulfil_shipment where id = ?1 and delivered_ms > 0",
    [FACT_MOVEMENT] = "select count(*) from stock_movement where id = ?1",
    [FACT_NOTICE] = "select count(*) from payment_inbox where event = 'evt_' || ?1",
};
static const char *const fact_names[FACT_KINDS] = {
    "order",  "cancelled order", "payment",          "captured payment",
    "refund", "shipped parcel",  "delivered parcel", "movement",
    "notice"};

enum {
    OF_ORDER = sizeof(of_order) / sizeof(of_order[0]),
    OF_ALL = sizeof(of_all) / sizeof(of_all[0]),
    OF_REST = sizeof(of_rest) / sizeof(of_rest[0]),
    SQL_MAX = 2048
};
#define NOTICE_KEPT_MS (80 * DAY_MS) /* Less than the inbox keeps it. */

struct checker {
    sqlite3 *db;
    sqlite3_stmt *one[OF_ORDER], *all[OF_ORDER], *whole[OF_ALL], *rest[OF_REST], *facts[FACT_KINDS];
    sqlite3_stmt *touched, *captured, *fence, *price;
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
    run(sim, "pragma temp_store = 2");
    know_pieces(sim);
    for (int k = 0; k < OF_ORDER; k++) {
        checker->one[k] = prepared_of(sim, of_order[k].sql, "o.id = ?1");
        checker->all[k] = prepared_of(sim, of_order[k].sql, "1");
    }
    for (int k = 0; k < OF_ALL; k++)
        checker->whole[k] = prepared(sim, of_all[k].sql);
    for (int k = 0; k < OF_REST; k++)
        checker->rest[k] = prepared(sim, of_rest[k].sql);
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
    for (int k = 0; k < OF_ORDER; k++) {
        sqlite3_bind_int64(sim->checker->one[k], 1, order);
        must_be_empty(sim, sim->checker->one[k], of_order[k].what);
    }
}

void check_all(struct sim *sim)
{
    disk_pause(true);
    for (int k = 0; k < OF_ORDER; k++)
        must_be_empty(sim, sim->checker->all[k], of_order[k].what);
    for (int k = 0; k < OF_ALL; k++)
        must_be_empty(sim, sim->checker->whole[k], of_all[k].what);
    for (int k = 0; k < sim->fact_count; k++)
        check_fact(sim, &sim->facts[k]);
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
    for (int k = 0; k < OF_ALL; k++)
        if (strcmp(of_all[k].what, "oversold") == 0)
            must_be_empty(sim, checker->whole[k], of_all[k].what);
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
    for (int k = 0; k < OF_REST; k++)
        must_be_empty(sim, sim->checker->rest[k], of_rest[k].what);
    for (int k = 0; k < sim->provider.charge_count; k++)
        check_charge(sim, &sim->provider.charges[k]);
    disk_pause(false);
}
