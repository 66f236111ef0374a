create table fulfil_order (
    order_id bigint not null primary key,
    open     bigint not null -- shipments neither delivered nor stopped; 0 completes the order
);

create table fulfil_entitlement (
    order_id   bigint not null,
    line       bigint not null,
    sku        bigint not null,
    id         bigint not null,
    user_id    text   not null, -- the beneficiary; '' until an order of a channel is claimed
    code       text   not null,
    title      text   not null,
    kind       text   not null,
    quantity   bigint not null,
    from_ms    bigint not null,
    until_ms   bigint not null, -- 0: no end
    revoked_ms bigint not null, -- 0: it stands
    primary key (order_id, line, sku)
);
create index fulfil_entitlement_by_user on fulfil_entitlement (user_id, id);

create table fulfil_shipment (
    id           bigint not null primary key,
    order_id     bigint not null,
    location     text   not null,
    state        text   not null, -- planned, short, ready, shipped, delivered, stopped
    stock_ref    bigint not null, -- whose reservation it ships: the order's, or its own when planned
    due_ms       bigint not null, -- 0: at once
    carrier      text   not null,
    tracking     text   not null,
    created_ms   bigint not null,
    shipped_ms   bigint not null,
    delivered_ms bigint not null
);
create index fulfil_shipment_by_order on fulfil_shipment (order_id, id);
create index fulfil_shipment_by_state on fulfil_shipment (state, id);

create table fulfil_item (
    shipment bigint not null,
    line     bigint not null,
    sku      bigint not null,
    code     text   not null,
    title    text   not null,
    quantity bigint not null,
    primary key (shipment, line, sku)
);
