/*
 * order_rows.h - what both yardsticks write for one durable order: the tables, indexes and rows of
 * the server, without the code around them.  Common to SQLite and PostgreSQL.
 *
 * $1, $2 .. number the values of a statement in the order of their first appearance.
 */
#ifndef GREVY_BENCH_ORDER_ROWS_H
#define GREVY_BENCH_ORDER_ROWS_H

static const char order_schema[] =
    "create table stock_level (sku_id bigint not null primary key, on_hand bigint not null,"
    "  reserved bigint not null, sold bigint not null);"
    "create table stock_reservation (order_id bigint not null, line bigint not null,"
    "  sku_id bigint not null, quantity bigint not null, state text not null,"
    "  until_ms bigint not null, primary key (order_id, line));"
    "create table stock_movement (id bigint not null primary key, sku_id bigint not null,"
    "  kind text not null, quantity bigint not null, ref bigint not null, time_ms bigint not null);"
    "create index stock_movement_by_sku on stock_movement (sku_id, id);"
    "create table order_head (id bigint not null primary key, person text not null,"
    "  currency text not null, state text not null, total bigint not null,"
    "  created_ms bigint not null, expires_ms bigint not null, address text not null);"
    "create index order_head_by_person on order_head (person, id);"
    "create index order_head_by_state on order_head (state, id);"
    "create table order_line (order_id bigint not null, line bigint not null,"
    "  sku_id bigint not null, title text not null, quantity bigint not null,"
    "  unit_price bigint not null, total bigint not null, payer text not null,"
    "  beneficiary text not null, primary key (order_id, line));"
    "create table kernel_timer (due_ms bigint not null, name text not null, key bigint not null,"
    "  set_ms bigint not null, attempts bigint not null, state text not null, error text not null,"
    "  primary key (due_ms, name, key));"
    "create table kernel_outbox (seq bigint not null primary key, id bigint not null,"
    "  type text not null, key text not null, time_ms bigint not null, trace text not null,"
    "  data text not null);"
    "create index kernel_outbox_by_key on kernel_outbox (key, seq);"
    "create table kernel_idem_0 (key text not null primary key, body_hash text not null,"
    "  status bigint not null, reply text not null, location text not null,"
    "  created_ms bigint not null);";
/* On PostgreSQL: a row only when no acknowledged order can be lost. */
__attribute__((unused)) static const char postgres_durable[] =
    "select 1 where 'on' = all (array[current_setting('fsync'), current_setting('full_page_writes'),"
    " current_setting('synchronous_commit')])";
/* One level row per SKU: $1 is the SKU. */
static const char order_stock[] = "insert into stock_level values ($1, 1000000000, 0, 0)";

enum value {
    ORDER_ID,
    SKU_ID,
    NOW_MS,
    DUE_MS,
    NUMBERS,
    PERSON = NUMBERS,
    KEY,
    HASH,
    REPLY,
    NAME,
    EVENT,
    VALUES
};
enum { ORDER_STATEMENTS = 8, STATEMENT_VALUES_MAX = 6 };

/* The first one touches no row when there is no stock. */
static const struct {
    const char *sql;
    int count;
    enum value values[STATEMENT_VALUES_MAX];
} order_statements[ORDER_STATEMENTS] = {
    {"update stock_level set reserved = reserved + 1 where sku_id = $1 and on_hand - reserved >= 1",
     1,
     {SKU_ID}},
    {"insert into stock_reservation values ($1, 1, $2, 1, 'held', $3)",
     3,
     {ORDER_ID, SKU_ID, DUE_MS}},
    {"insert into stock_movement values ($1, $2, 'reserve', 1, $1, $3)",
     3,
     {ORDER_ID, SKU_ID, NOW_MS}},
    {"insert into order_head values ($1, $2, 'CNY', 'pending_payment', 1990, $3, $4, '')",
     4,
     {ORDER_ID, PERSON, NOW_MS, DUE_MS}},
    {"insert into order_line values ($1, 1, $2, 'Bench article', 1, 1990, 1990, $3, $3)",
     3,
     {ORDER_ID, SKU_ID, PERSON}},
    {"insert into kernel_timer values ($1, 'order.expire', $2, $1, 0, 'waiting', '')",
     2,
     {DUE_MS, ORDER_ID}},
    {"insert into kernel_outbox values ($1, $1, 'order.created', $2, $3, '', $4)",
     4,
     {ORDER_ID, NAME, NOW_MS, EVENT}},
    {"insert into kernel_idem_0 values ($1, $2, 201, $3, $4, $5)",
     5,
     {KEY, HASH, REPLY, NAME, NOW_MS}},
};

#endif
