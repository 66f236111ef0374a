-- What is where.  on_hand + sold = all received, adjusted and returned; available = on_hand - reserved.
create table stock_level (
    sku      bigint not null,
    location text   not null,
    on_hand  bigint not null,
    reserved bigint not null, -- promised to orders: the sum of open over stock_reservation
    sold     bigint not null,
    primary key (sku, location)
);

-- A reservation is a pending movement with a deadline; paid, it has none and waits for delivery.
create table stock_reservation (
    ref         bigint not null, -- the order
    line        bigint not null,
    sku         bigint not null,
    location    text   not null,
    quantity    bigint not null,
    open        bigint not null, -- neither sold nor released yet
    sold        bigint not null, -- delivered and not returned
    deadline_ms bigint not null, -- 0: handed over, never dies by itself
    created_ms  bigint not null,
    closed_ms   bigint not null, -- when open became 0
    primary key (ref, line, sku, location)
);
create index stock_reservation_by_sku on stock_reservation (sku, ref);

-- Immutable, with the balances after it.
create table stock_movement (
    id       bigint not null primary key,
    sku      bigint not null,
    location text   not null,
    kind     text   not null, -- receive, adjust, sell, return
    quantity bigint not null, -- signed: what on_hand changed by
    on_hand  bigint not null,
    sold     bigint not null,
    ref      bigint not null, -- the order, or 0
    line     bigint not null,
    reason   text   not null,
    actor    text   not null,
    time_ms  bigint not null
);
create index stock_movement_by_sku on stock_movement (sku, id);

-- Later shipments of a term: planned demand, reserved by nobody yet.
create table stock_plan (
    ref      bigint not null,
    line     bigint not null,
    sku      bigint not null,
    location text   not null,
    quantity bigint not null,
    due_ms   bigint not null,
    primary key (ref, line, sku, location, due_ms)
);
create index stock_plan_by_sku on stock_plan (sku, due_ms);
