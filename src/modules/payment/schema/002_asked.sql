-- When the provider was last asked to return this part: from then on it is asked what became of it.
alter table payment_part add column sent_ms bigint not null default 0;
update payment_part set sent_ms = created_ms;
