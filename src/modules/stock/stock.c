/*
 * stock.c - levels, reservations, movements.
 *
 * The level of a hot SKU is touched by every order of a batch and written once: see work/row.h.
 */
#include "modules/stock/stock_priv.h"

enum { SWEEP_ROWS_MAX = 200 };

/* An order releases its own reservations when it expires; what is left this long after the deadline
 * belongs to nobody. */
#define SWEEP_AFTER_MS (5 * MINUTE_MS)

const char *const stock_kinds[] = {"receive", "adjust", "sell", "return", NULL};

static struct metric reserved_total = {"stock_reserved_total", "pieces", "Pieces promised.", 0};

const struct field stock_level_fields[] = {F_ID(stock_level, sku, "sku"), F(stock_level, location),
                                           F(stock_level, on_hand),       F(stock_level, reserved),
                                           F(stock_level, sold),          F_END};
const struct table stock_level_table = TABLE("stock_level", stock_level, stock_level_fields, 2);

const struct field stock_reservation_fields[] = {F_ID(stock_reservation, ref, "ord"),
                                                 F(stock_reservation, line),
                                                 F_ID(stock_reservation, sku, "sku"),
                                                 F(stock_reservation, location),
                                                 F(stock_reservation, quantity),
                                                 F(stock_reservation, open),
                                                 F(stock_reservation, sold),
                                                 F(stock_reservation, deadline_ms),
                                                 F(stock_reservation, created_ms),
                                                 F(stock_reservation, closed_ms),
                                                 F_END};
const struct table stock_reservation_table =
    TABLE("stock_reservation", stock_reservation, stock_reservation_fields, 4);

const struct field stock_movement_fields[] = {
    F_ID(stock_movement, id, "mov"),
    F_ID(stock_movement, sku, "sku"),
    F(stock_movement, location),
    F_ENUM(stock_movement, kind, stock_kinds),
    F(stock_movement, quantity, .doc = "What on_hand changed by."),
    F(stock_movement, on_hand, .doc = "After the movement."),
    F(stock_movement, sold, .doc = "After the movement."),
    F_ID(stock_movement, ref, "ord", .flags = FIELD_OMIT),
    F(stock_movement, line),
    F(stock_movement, reason),
    F(stock_movement, actor),
    F_TIME(stock_movement, time_ms, "time"),
    F_END};
const struct table stock_movement_table =
    TABLE("stock_movement", stock_movement, stock_movement_fields, 1);

struct plan_row {
    int64_t ref, line, sku;
    struct str location;
    int64_t due_ms, quantity;
};
static const struct field plan_fields[] = {F(plan_row, ref),
                                           F(plan_row, line),
                                           F(plan_row, sku),
                                           F(plan_row, location),
                                           F(plan_row, due_ms),
                                           F(plan_row, quantity),
                                           F_END};
static const struct table plan_table = TABLE("stock_plan", plan_row, plan_fields, 5);

/* ---- Levels ---- */

static enum err level_of(struct cx *cx, int64_t sku, struct str location, struct stock_level *out)
{
    bool found;

    *out = (struct stock_level){.sku = sku, .location = location};
    return row_find(cx, &stock_level_table, out, &found);
}

enum err stock_available(struct cx *cx, int64_t sku, struct str location, int64_t *out)
{
    struct stock_level level;

    TRY(level_of(cx, sku, location, &level));
    *out = level.on_hand - level.reserved;
    return OK;
}

void stock_warm(struct cx *cx, int64_t sku, struct str location)
{
    struct stock_level level = {.sku = sku, .location = location};

    row_warm(cx, &stock_level_table, &level);
}

enum err stock_move(struct cx *cx, struct stock_movement *movement)
{
    struct stock_level level;

    TRY(level_of(cx, movement->sku, movement->location, &level));
    level.on_hand += movement->quantity;
    if (movement->kind == STOCK_SELL || movement->kind == STOCK_RETURN)
        level.sold -= movement->quantity;
    if (movement->kind == STOCK_ADJUST && movement->quantity < 0 && level.on_hand < level.reserved)
        return fail_at(cx, ERR_CONFLICT, "below_reserved", "/quantity",
                       "%" PRId64 " pieces are promised to orders: at most %" PRId64
                       " can be taken away",
                       level.reserved, level.on_hand - movement->quantity - level.reserved);
    movement->id = cx_new_id(cx);
    movement->on_hand = level.on_hand;
    movement->sold = level.sold;
    movement->time_ms = cx_now_ms(cx);
    movement->actor = cx_actor(cx);
    TRY(row_put(cx, &stock_level_table, &level));
    return row_add(cx, &stock_movement_table, movement);
}

/* ---- Promising ---- */

static enum err refuse(struct cx *cx, const struct stock_ask *ask, int64_t available)
{
    char id[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];

    id_format(id, "sku", ask->sku);
    fail_record(cx, ERR_CONFLICT, "out_of_stock",
                "%s: %" PRId64 " asked for, %" PRId64 " available", id, ask->quantity, available);
    fail_member(cx, "sku", str_of(id));
    fail_member(cx, "available", cx_printf(cx, "%" PRId64, available));
    fail_member(cx, "line", cx_printf(cx, "%" PRId64, ask->line));
    return ERR_CONFLICT;
}

static enum err reserve(struct cx *cx, int64_t ref, int64_t deadline_ms,
                        const struct stock_ask *ask)
{
    int64_t floor = ask->policy == STOCK_BELOW_ZERO ? -ask->below_zero : 0;
    struct stock_reservation reservation = {.ref = ref,
                                            .line = ask->line,
                                            .sku = ask->sku,
                                            .location = ask->location,
                                            .quantity = ask->quantity,
                                            .open = ask->quantity,
                                            .deadline_ms = deadline_ms,
                                            .created_ms = cx_now_ms(cx)};
    struct stock_level level;

    TRY(level_of(cx, ask->sku, ask->location, &level));
    if (level.on_hand - level.reserved - ask->quantity < floor)
        return refuse(cx, ask, level.on_hand - level.reserved - floor);
    level.reserved += ask->quantity;
    TRY(row_put(cx, &stock_level_table, &level));
    metric_add(cx, &reserved_total, ask->quantity);
    return row_add(cx, &stock_reservation_table, &reservation);
}

static bool same_place(const struct stock_ask *a, const struct stock_ask *b)
{
    return a->line == b->line && a->sku == b->sku && str_eq(a->location, b->location);
}

/* A bundle may hold a SKU twice: its asks of one line share a reservation. */
static size_t merge(struct stock_ask *merged, const struct stock_ask *asks, size_t count)
{
    size_t n = 0;

    for (size_t k = 0; k < count; k++) {
        size_t first = n;

        assert(asks[k].quantity > 0);
        while (first > 0 && merged[first - 1].line == asks[k].line &&
               !same_place(&merged[first - 1], &asks[k]))
            first--; /* Asks of one line stand together. */
        if (first > 0 && same_place(&merged[first - 1], &asks[k]))
            merged[first - 1].quantity += asks[k].quantity;
        else
            merged[n++] = asks[k];
    }
    return n;
}

enum err stock_reserve(struct cx *cx, int64_t ref, int64_t deadline_ms,
                       const struct stock_ask *asks, size_t count)
{
    struct stock_ask *merged = CX_ARRAY(cx, struct stock_ask, count ? count : 1);
    size_t merged_count = merge(merged, asks, count);

    assert(cx_can_write(cx));
    for (size_t k = 0; k < merged_count; k++)
        if (merged[k].policy != STOCK_UNLIMITED)
            TRY(reserve(cx, ref, deadline_ms, &merged[k]));
    return OK; /* A failure undoes what the whole command did. */
}

/* ---- After the promise ---- */

static enum err reservations_of(struct cx *cx, int64_t ref, struct list *out)
{
    return sql_all(cx, stock_reservation_fields, sizeof(struct stock_reservation), out,
                   "select ref, line, sku, location, quantity, open, sold, deadline_ms, created_ms,"
                   " closed_ms from stock_reservation where ref = ?1 order by line, sku, location",
                   BIND(INT(ref)));
}

enum err stock_hand_over(struct cx *cx, int64_t ref)
{
    struct list rows;

    TRY(reservations_of(cx, ref, &rows));
    for (size_t k = 0; k < rows.count; k++) {
        struct stock_reservation *row = LIST_AT(rows, struct stock_reservation, k);

        if (row->open < row->quantity)
            return fail(cx, ERR_CONFLICT, "reservation_died",
                        "what was promised was given back after its deadline: order anew");
        row->deadline_ms = 0;
        TRY(row_put(cx, &stock_reservation_table, row));
    }
    return OK;
}

/* Take pieces out of a reservation: to on_hand again (released), or out of the house (sold). */
static enum err settle(struct cx *cx, struct stock_reservation *row, int64_t count, bool sold)
{
    struct stock_level level;

    count = count < row->open ? count : row->open;
    if (count == 0)
        return OK;
    TRY(level_of(cx, row->sku, row->location, &level));
    level.reserved -= count;
    assert(level.reserved >= 0);
    TRY(row_put(cx, &stock_level_table, &level));
    row->open -= count;
    if (row->open == 0)
        row->closed_ms = cx_now_ms(cx);
    if (sold) {
        struct stock_movement movement = {.sku = row->sku,
                                          .location = row->location,
                                          .kind = STOCK_SELL,
                                          .quantity = -count,
                                          .ref = row->ref,
                                          .line = row->line,
                                          .reason = STR("delivered")};

        row->sold += count;
        TRY(stock_move(cx, &movement));
    }
    return row_put(cx, &stock_reservation_table, row);
}

enum err stock_release(struct cx *cx, int64_t ref)
{
    struct list rows;

    TRY(reservations_of(cx, ref, &rows));
    for (size_t k = 0; k < rows.count; k++) {
        struct stock_reservation *row = LIST_AT(rows, struct stock_reservation, k);

        TRY(settle(cx, row, row->open, false));
    }
    return OK;
}

/* What is UNLIMITED left no reservation. */
static enum err reservation_of(struct cx *cx, const struct stock_piece *piece,
                               struct stock_reservation *out, bool *found)
{
    *out = (struct stock_reservation){
        .ref = piece->ref, .line = piece->line, .sku = piece->sku, .location = piece->location};
    return row_find(cx, &stock_reservation_table, out, found);
}

enum err stock_release_piece(struct cx *cx, const struct stock_piece *piece)
{
    struct stock_reservation row;
    bool found;

    TRY(reservation_of(cx, piece, &row, &found));
    return found ? settle(cx, &row, piece->quantity, false) : OK;
}

enum err stock_sell(struct cx *cx, const struct stock_piece *piece)
{
    struct stock_reservation row;
    bool found;

    TRY(reservation_of(cx, piece, &row, &found));
    return found ? settle(cx, &row, piece->quantity, true) : OK;
}

enum err stock_return(struct cx *cx, const struct stock_piece *piece, struct str reason)
{
    struct stock_movement movement = {.sku = piece->sku,
                                      .location = piece->location,
                                      .kind = STOCK_RETURN,
                                      .ref = piece->ref,
                                      .line = piece->line,
                                      .reason = reason};
    struct stock_reservation row;
    bool found;

    TRY(reservation_of(cx, piece, &row, &found));
    movement.quantity = piece->quantity < row.sold ? piece->quantity : row.sold;
    if (!found || movement.quantity == 0)
        return OK;
    row.sold -= movement.quantity;
    TRY(stock_move(cx, &movement));
    return row_put(cx, &stock_reservation_table, &row);
}

static struct plan_row plan_of(const struct stock_piece *piece, int64_t due_ms)
{
    return (struct plan_row){.ref = piece->ref,
                             .line = piece->line,
                             .sku = piece->sku,
                             .location = piece->location,
                             .due_ms = due_ms};
}

enum err stock_plan(struct cx *cx, const struct stock_piece *piece, int64_t due_ms)
{
    struct plan_row row = plan_of(piece, due_ms);
    bool found;

    assert(piece->quantity > 0);
    TRY(row_find(cx, &plan_table, &row, &found)); /* A bundle may hold a SKU twice. */
    row.quantity += piece->quantity;
    return row_put(cx, &plan_table, &row);
}

enum err stock_plan_less(struct cx *cx, const struct stock_piece *piece, int64_t due_ms)
{
    struct plan_row row = plan_of(piece, due_ms);
    bool found;

    TRY(row_find(cx, &plan_table, &row, &found));
    if (!found)
        return OK; /* What is UNLIMITED is not planned. */
    row.quantity -= piece->quantity < row.quantity ? piece->quantity : row.quantity;
    return row.quantity > 0 ? row_put(cx, &plan_table, &row) : row_delete(cx, &plan_table, &row);
}

enum err stock_plan_drop(struct cx *cx, int64_t ref)
{
    return sql_run(cx, NULL, "delete from stock_plan where ref = ?1", BIND(INT(ref)));
}

const char stock_sweep_sql[] =
    "select ref, line, sku, location, quantity, open, sold, deadline_ms, created_ms, closed_ms"
    " from stock_reservation where open > 0 and deadline_ms > 0 and deadline_ms < ?1"
    " order by deadline_ms, ref, line, sku, location limit ?2";

/* Nobody's reservations: belt and braces behind the expiry of orders. */
enum err stock_sweep(struct cx *cx, bool *more)
{
    struct list rows;

    TRY(sql_all(cx, stock_reservation_fields, sizeof(struct stock_reservation), &rows,
                stock_sweep_sql, BIND(INT(cx_now_ms(cx) - SWEEP_AFTER_MS), INT(SWEEP_ROWS_MAX))));
    for (size_t k = 0; k < rows.count; k++) {
        struct stock_reservation *row = LIST_AT(rows, struct stock_reservation, k);

        TRY(settle(cx, row, row->open, false));
    }
    *more = rows.count == SWEEP_ROWS_MAX;
    return OK;
}

const struct module stock_module = {
    .name = "stock",
    .schema = stock_schema,
    .routes = ROUTES(
        {"POST", "/v1/stock/movements", stock_post_movement, TX_WRITE, "stock:write",
         BODY(stock_movement_new, stock_movement_new_fields), .reply = stock_movement_fields,
         .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Receive pieces, or adjust what is on hand, with a reason."},
        {"GET", "/v1/stock/{sku:sku}", stock_get, TX_READ, "stock:read", .reply = stock_view_fields,
         .doc = "What there is of a SKU."},
        {"GET", "/v1/stock/{sku:sku}/movements", stock_get_movements, TX_READ, "stock:read",
         QUERY(stock_movements_query, stock_movements_query_fields), .reply = stock_movement_fields,
         .page = true, .doc = "Its movements, newest first."}),
    .jobs = JOBS({"stock.sweep", MINUTE_MS, stock_sweep,
                  "Release reservations that outlived their deadline and have no owner."}),
    .metrics = METRICS(&reserved_total),
    .patrols = PATROLS(
        {"stock.ledger", stock_check, "Levels equal their movements and open reservations."}),
};
