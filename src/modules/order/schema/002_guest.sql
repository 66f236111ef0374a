-- An order that is sent for a guest's order belongs to that guest: one key seals both, one claim
-- and one erasure reach both.  0: not such an order.
alter table orders add column guest bigint not null default 0;
create index orders_by_guest on orders (guest) where guest > 0;
