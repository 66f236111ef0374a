-- The writing process of this space; every commit checks fence, so that a writer that lost the
-- lease cannot commit.  last_ms, last_id and seq keep time, ids and events monotonic over restarts.
create table kernel_writer (
    id       bigint not null primary key,
    holder   text   not null,
    fence    bigint not null,
    until_ms bigint not null,
    last_ms  bigint not null,
    last_id  bigint not null,
    seq      bigint not null
);
insert into kernel_writer (id, holder, fence, until_ms, last_ms, last_id, seq)
    values (1, '', 0, 0, 0, 0, 0);

-- Events, in commit order; also the history behind every timeline.
create table kernel_outbox (
    seq     bigint not null primary key,
    id      bigint not null,
    type    text   not null,
    key     text   not null,
    time_ms bigint not null,
    trace   text   not null,
    data    text   not null
);
create index kernel_outbox_by_key on kernel_outbox (key, seq);

-- How far each consuming module has come.
create table kernel_consumer (
    name   text   not null primary key,
    cursor bigint not null
);

-- Events that failed, and later ones of the same key that wait behind them.
create table kernel_parked (
    consumer text   not null,
    seq      bigint not null,
    type     text   not null,
    key      text   not null,
    state    text   not null, -- waiting: behind another; retry: due at next_ms; dead: for a person
    attempts bigint not null,
    next_ms  bigint not null,
    error    text   not null,
    primary key (consumer, seq)
);
create index kernel_parked_by_key on kernel_parked (consumer, key, seq);
create index kernel_parked_by_due on kernel_parked (state, next_ms);

create table kernel_job (
    name     text   not null primary key,
    next_ms  bigint not null,
    last_ms  bigint not null,
    failures bigint not null,
    error    text   not null
);

create table kernel_timer (
    due_ms   bigint not null,
    name     text   not null,
    key      bigint not null,
    set_ms   bigint not null, -- what due_ms was at first; retries move due_ms
    attempts bigint not null,
    state    text   not null, -- waiting, dead
    error    text   not null,
    primary key (due_ms, name, key)
);

-- Calls to the outside.
create table kernel_effect (
    id           bigint not null primary key,
    kind         text   not null,
    key          bigint not null,
    method       text   not null,
    url          text   not null,
    headers      text   not null, -- JSON object
    secret       text   not null,
    content_type text   not null,
    body         text   not null,
    trace        text   not null,
    state        text   not null, -- waiting, done, failed
    attempts     bigint not null,
    next_ms      bigint not null,
    error        text   not null
);
create index kernel_effect_by_due on kernel_effect (state, next_ms);

-- Answers kept for 24 h by idempotency key, one table per day, emptied whole.
create table kernel_idem_0 (
    key text not null primary key, body_hash text not null, status bigint not null,
    reply text not null, location text not null, created_ms bigint not null
);
create table kernel_idem_1 (
    key text not null primary key, body_hash text not null, status bigint not null,
    reply text not null, location text not null, created_ms bigint not null
);
create table kernel_idem_2 (
    key text not null primary key, body_hash text not null, status bigint not null,
    reply text not null, location text not null, created_ms bigint not null
);

create table kernel_setting (
    name       text   not null,
    key        text   not null, -- '' for the plain value
    value      bigint not null,
    changed_ms bigint not null,
    primary key (name, key)
);

create table kernel_key (
    id           bigint not null primary key,
    name         text   not null,
    hash         text   not null, -- BLAKE2b-256 of the key, base64url
    scopes       text   not null, -- separated by spaces
    rate_per_s   bigint not null,
    created_ms   bigint not null,
    expires_ms   bigint not null, -- 0: never
    revoked_ms   bigint not null  -- 0: in force
);
create unique index kernel_key_by_hash on kernel_key (hash);

-- Administrative writes; hash = BLAKE2b-256(previous hash, all columns before it).
create table kernel_audit (
    seq       bigint not null primary key,
    time_ms   bigint not null,
    actor     text   not null,
    action    text   not null, -- "POST /v1/products"
    path      text   not null,
    status    bigint not null,
    body_hash text   not null,
    previous  text   not null,
    hash      text   not null
);

-- One row: the last of kernel_audit, so that a tail that was cut off is noticed.
create table kernel_audit_head (
    id   bigint not null primary key,
    seq  bigint not null,
    hash text   not null
);

-- One key per person, wrapped by the master key; dropping it erases the person.
create table kernel_person (
    person     text   not null primary key,
    wrapped    text   not null, -- '' once erased
    generation bigint not null, -- counts the keys: what an earlier one sealed is erased
    created_ms bigint not null,
    erased_ms  bigint not null  -- the last time; 0: never
);
create table kernel_person_index (
    hash   text not null,
    person text not null,
    primary key (hash, person)
);
create index kernel_person_index_by_person on kernel_person_index (person);

-- What the right master key makes of a fixed text: a wrong one is refused when the space opens.
create table kernel_master_check (
    id    bigint not null primary key,
    proof text   not null
);
