/*
 * order_rows.h - what both yardsticks write for one durable order: the tables, indexes and rows of
 * the server, without the code around them.  Common to SQLite and PostgreSQL.
 *
 * $1, $2 .. number the values of a statement in the order of their first appearance.
 */
#ifndef GREVY_BENCH_ORDER_ROWS_H
#define GREVY_BENCH_ORDER_ROWS_H

/* The type of a table's own key.  SQLite finds rows by an "integer" without an index beside. */
#ifndef ORDER_ROW_KEY
#define ORDER_ROW_KEY "bigint"
#endif

static const char order_schema[] =
    "create table stock_level (sku bigint not null, location text not null,"
    "  on_hand bigint not null, reserved bigint not null, sold bigint not null,"
    "  primary key (sku, location));"
    "create table stock_reservation (ref bigint not null, line bigint not null,"
    "  sku bigint not null, location text not null, quantity bigint not null,"
    "  open bigint not null, sold bigint not null, deadline_ms bigint not null,"
    "  created_ms bigint not null, closed_ms bigint not null,"
    "  primary key (ref, line, sku, location));"
    "create index stock_reservation_by_sku on stock_reservation (sku, ref);"
    "create index stock_reservation_by_deadline on stock_reservation (deadline_ms)"
    "  where open > 0 and deadline_ms > 0;"
    "create table orders (id " ORDER_ROW_KEY " not null primary key, user_id text not null,"
    "  kind text not null, state text not null, currency text not null,"
    "  goods_minor bigint not null, discount_minor bigint not null, shipping_minor bigint not null,"
    "  tax_minor bigint not null, total_minor bigint not null, paid_minor bigint not null,"
    "  refunded_minor bigint not null, channel text not null, channel_order text not null,"
    "  channel_identity text not null, channel_cipher text not null,"
    "  channel_country text not null, channel_time_ms bigint not null, parent bigint not null,"
    "  address text not null, labelled bigint not null, lines bigint not null,"
    "  created_ms bigint not null, expires_ms bigint not null, paid_ms bigint not null,"
    "  ended_ms bigint not null, guest bigint not null default 0);"
    "create index orders_by_user on orders (user_id, id);"
    "create index orders_by_channel on orders (channel, channel_time_ms) where channel <> '';"
    "create index orders_by_state on orders (state, id);"
    "create index orders_by_guest on orders (guest) where guest > 0;"
    "create table order_line (order_id bigint not null, line bigint not null, sku bigint not null,"
    "  code text not null, title text not null, kind text not null, category text not null,"
    "  entity text not null, location text not null, beneficiary text not null,"
    "  quantity bigint not null, unit_minor bigint not null, discount_minor bigint not null,"
    "  total_minor bigint not null, tax_ppm bigint not null, tax_minor bigint not null,"
    "  gift_minor bigint not null, refunded_count bigint not null, refunded_minor bigint not null,"
    "  primary key (order_id, line));"
    "create table kernel_timer (due_ms bigint not null, name text not null, key bigint not null,"
    "  set_ms bigint not null, attempts bigint not null, state text not null, error text not null,"
    "  primary key (due_ms, name, key));"
    "create table kernel_outbox (seq " ORDER_ROW_KEY " not null primary key, id bigint not null,"
    "  type text not null, key text not null, time_ms bigint not null, trace text not null,"
    "  data text not null);"
    "create index kernel_outbox_by_key on kernel_outbox (key, seq);"
    "create table kernel_idem_0 (key text not null primary key, body_hash text not null,"
    "  status bigint not null, reply text not null, location text not null,"
    "  created_ms bigint not null);";
/* On PostgreSQL: a row only when no acknowledged order can be lost. */
__attribute__((unused)) static const char postgres_durable[] =
    "select 1 where 'on' = all (array[current_setting('fsync'),"
    " current_setting('full_page_writes'), current_setting('synchronous_commit')])";
/* One level row per SKU: $1 is the SKU. */
static const char order_stock[] = "insert into stock_level values ($1, 'main', 1000000000, 0, 0)";

enum value {
    ORDER_ID,
    SKU_ID,
    NOW_MS,
    DUE_MS,
    NUMBERS,
    PERSON = NUMBERS,
    KEY,
    KEY_HASH,
    BODY_HASH,
    REPLY,
    NAME,
    EVENT,
    VALUES
};
enum { ORDER_STATEMENTS = 7, STATEMENT_VALUES_MAX = 6 };

/* The first one touches no row when there is no stock. */
static const struct {
    const char *sql;
    int count;
    enum value values[STATEMENT_VALUES_MAX];
} order_statements[ORDER_STATEMENTS] = {
    {"update stock_level set reserved = reserved + 1"
     " where sku = $1 and location = 'main' and on_hand - reserved >= 1",
     1,
     {SKU_ID}},
    {"insert into stock_reservation values ($1, 0, $2, 'main', 1, 1, 0, $3, $4, 0)",
     4,
     {ORDER_ID, SKU_ID, DUE_MS, NOW_MS}},
    {"insert into orders values ($1, $2, 'sale', 'pending_payment', 'CNY', 1990, 0, 0, 0, 1990, 0,"
     " 0, '', '', '', '', '', $3, 0, '', 0, 1, $3, $4, 0, 0, 0)",
     4,
     {ORDER_ID, PERSON, NOW_MS, DUE_MS}},
    {"insert into order_line values ($1, 0, $2, 'B-0', 'Bench article 0', 'goods', '', 'main',"
     " 'main', $3, 1, 1990, 0, 1990, 0, 0, 0, 0, 0)",
     3,
     {ORDER_ID, SKU_ID, PERSON}},
    {"insert into kernel_timer values ($1, 'order.expire', $2, $1, 0, 'waiting', '')",
     2,
     {DUE_MS, ORDER_ID}},
    {"insert into kernel_outbox values ($1, $1, 'order.placed', $2, $3,"
     " '00-f6598126802a9ff7b6b924929bd14535-d1d739265fe596f7-01', $4)",
     4,
     {ORDER_ID, NAME, NOW_MS, EVENT}},
    {"insert into kernel_idem_0 values ($1, $2, 201, $3, $4, $5)",
     5,
     {KEY_HASH, BODY_HASH, REPLY, NAME, NOW_MS}},
};

#endif
