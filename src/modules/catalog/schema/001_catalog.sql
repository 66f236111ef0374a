create table catalog_product (
    id         bigint not null primary key,
    title      text   not null,
    title_key  text   not null, -- lower case, for search by prefix
    kind       text   not null,
    state      text   not null,
    category   text   not null,
    created_ms bigint not null
);
create index catalog_product_by_title on catalog_product (title_key, id);
create index catalog_product_by_kind on catalog_product (kind, id);

-- Kind, state and category repeat the product's, so that an order reads one row.
create table catalog_sku (
    id          bigint not null primary key,
    product     bigint not null,
    code        text   not null,
    title       text   not null,
    kind        text   not null,
    state       text   not null,
    category    text   not null,
    currency    text   not null,
    price_minor bigint not null,
    tax_ppm     bigint not null,
    policy      text   not null,
    below_zero  bigint not null,
    entity      text   not null,
    location    text   not null,
    term_days   bigint not null,
    options     text   not null, -- JSON object
    components  text   not null, -- JSON list
    prices      text   not null  -- JSON list
);
create unique index catalog_sku_by_code on catalog_sku (code);
create index catalog_sku_by_product on catalog_sku (product, id);
