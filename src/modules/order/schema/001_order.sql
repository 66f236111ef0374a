create table orders (
    id               bigint not null primary key,
    user_id          text   not null, -- who pays; '' for a guest or an unclaimed channel order
    kind             text   not null, -- sale, exchange, reship
    state            text   not null,
    currency         text   not null,
    goods_minor      bigint not null,
    discount_minor   bigint not null,
    shipping_minor   bigint not null,
    tax_minor        bigint not null, -- included in the others
    total_minor      bigint not null, -- goods - discount + shipping
    paid_minor       bigint not null,
    refunded_minor   bigint not null,
    channel          text   not null, -- '' for our own
    channel_order    text   not null,
    channel_identity text   not null, -- opaque: what the channel calls the buyer
    channel_cipher   text   not null, -- the channel's ciphertext of name, phone, address
    channel_country  text   not null,
    channel_time_ms  bigint not null, -- when it was placed there; our own: created_ms
    parent           bigint not null, -- the order an exchange or re-shipment belongs to, or 0
    address          text   not null, -- sealed under the payer's key
    labelled         bigint not null, -- 1: a parcel has its label, the address stands
    lines            bigint not null,
    created_ms       bigint not null,
    expires_ms       bigint not null,
    paid_ms          bigint not null,
    ended_ms         bigint not null
);
create index orders_by_user on orders (user_id, id);
create index orders_by_channel on orders (channel, channel_time_ms) where channel <> '';
create index orders_by_state on orders (state, id);

create table order_line (
    order_id         bigint not null,
    line             bigint not null, -- from 0
    sku              bigint not null,
    code             text   not null,
    title            text   not null,
    kind             text   not null,
    category         text   not null,
    entity           text   not null,
    location         text   not null,
    beneficiary      text   not null,
    quantity         bigint not null,
    unit_minor       bigint not null,
    discount_minor   bigint not null, -- this line's share of all adjustments
    total_minor      bigint not null, -- unit * quantity - discount: frozen
    tax_ppm          bigint not null,
    tax_minor        bigint not null,
    gift_minor       bigint not null, -- what is clawed back when a gift stays; 0: not a gift
    refunded_count   bigint not null,
    refunded_minor   bigint not null,
    primary key (order_id, line)
);

create table order_channel (
    channel       text   not null,
    channel_order text   not null,
    order_id      bigint not null,
    primary key (channel, channel_order)
);

create table order_note (
    id       bigint not null primary key,
    order_id bigint not null,
    actor    text   not null,
    note     text   not null, -- sealed under the payer's key
    time_ms  bigint not null
);
create index order_note_by_order on order_note (order_id, id);
