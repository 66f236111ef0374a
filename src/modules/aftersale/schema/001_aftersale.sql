create table aftersale_refund (
    id             bigint not null primary key,
    order_id       bigint not null,
    state          text   not null, -- waiting, refunding, refunded, failed, rejected
    reference      text   not null, -- the asker's own name for it; '' for none
    reason         text   not null,
    currency       text   not null,
    goods_minor    bigint not null, -- the lines' amounts, gifts clawed back taken off
    shipping_minor bigint not null,
    amount_minor   bigint not null, -- goods + shipping
    shipping       text   not null, -- what was asked: unshipped, refund, keep
    restock        bigint not null, -- 1: what was delivered comes back to stock
    requested_by   text   not null,
    decided_by     text   not null, -- '' while nobody has
    note           text   not null, -- of who decided
    failure        text   not null, -- what the provider said, while it has failed
    at_ms          bigint not null, -- when it happened: now, or as an import says
    created_ms     bigint not null,
    decided_ms     bigint not null,
    ended_ms       bigint not null
);
create index aftersale_refund_by_order on aftersale_refund (order_id, id);
create index aftersale_refund_by_state on aftersale_refund (state, id);

create table aftersale_refund_line (
    refund_id    bigint not null,
    line         bigint not null,
    quantity     bigint not null, -- units that are given back; 0: a gift that is kept and clawed back
    amount_minor bigint not null, -- their frozen share; negative: clawed back
    clawed       bigint not null, -- gift units paid for by this refund; negative: paid back again
    primary key (refund_id, line)
);

-- One return may take pieces back from several orders: the asker's name is unique within an order.
create table aftersale_reference (
    reference text   not null,
    order_id  bigint not null,
    refund_id bigint not null,
    primary key (reference, order_id)
);

-- What was sent in exchange or once more; linked is the order that sends it.
create table aftersale_linked (
    linked     bigint not null,
    item       bigint not null, -- from 0, as it was asked
    line       bigint not null, -- of the first order
    order_id   bigint not null,
    kind       text   not null, -- exchange, reship
    quantity   bigint not null,
    sku        bigint not null, -- what is sent
    reason     text   not null,
    actor      text   not null,
    created_ms bigint not null,
    primary key (linked, item)
);
create index aftersale_linked_by_order on aftersale_linked (order_id, linked);
