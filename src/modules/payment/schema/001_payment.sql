-- A payment: the wish to be paid an amount (intent), and what came of it.
create table payment (
    id                bigint not null primary key,
    order_id          bigint not null,
    user_id           text   not null, -- who pays; '' for a guest
    provider          text   not null,
    entity            text   not null, -- merchant account that is paid
    state             text   not null,
    reason            text   not null, -- of failed, cancelled, held
    currency          text   not null,
    amount_minor      bigint not null,
    captured_currency text   not null, -- '' until captured
    captured_minor    bigint not null, -- what the provider took, fee included; at most once
    applied_minor     bigint not null, -- of it, what paid the order
    claimed_minor     bigint not null, -- of captured, what refunds ask for, done or not
    refunded_minor    bigint not null, -- of claimed, what has gone back
    fee_minor         bigint not null, -- the provider's
    instalments       bigint not null, -- 0: not by instalments
    subsidised_minor  bigint not null, -- instalment fee that the seller bears, part of the fee
    provider_ref      text   not null, -- the provider's name of the charge
    pay_url           text   not null, -- where the buyer pays
    actor             text   not null,
    created_ms        bigint not null,
    captured_ms       bigint not null, -- when we learnt of it
    settled_ms        bigint not null  -- when the provider took it: the day of its statement
);
create index payment_by_order on payment (order_id, id);
create index payment_by_settled on payment (provider, settled_ms, id);

-- A part of a refund: money that goes back through one payment.
create table payment_part (
    id           bigint not null primary key,
    payment_id   bigint not null,
    order_id     bigint not null,
    refund_id    bigint not null, -- of aftersale; 0: went back by itself
    kind         text   not null, -- aftersale, ended, surplus, held
    state        text   not null,
    provider     text   not null,
    entity       text   not null,
    currency     text   not null,
    amount_minor bigint not null,
    provider_ref text   not null,
    reason       text   not null,
    actor        text   not null, -- who asked
    created_ms   bigint not null,
    ended_ms     bigint not null,
    settled_ms   bigint not null
);
create index payment_part_by_payment on payment_part (payment_id, id);
create index payment_part_by_order on payment_part (order_id, id);
create index payment_part_by_refund on payment_part (refund_id, id);
create index payment_part_by_settled on payment_part (provider, settled_ms, id);

-- Money that cannot return by its own route and waits for a second person.
create table payment_payout (
    id           bigint not null primary key,
    part_id      bigint not null,
    payment_id   bigint not null,
    order_id     bigint not null,
    state        text   not null, -- waiting, approved, rejected, dropped
    entity       text   not null,
    currency     text   not null,
    amount_minor bigint not null,
    reason       text   not null, -- why the refund failed
    requested_by text   not null,
    decided_by   text   not null,
    note         text   not null,
    created_ms   bigint not null,
    decided_ms   bigint not null
);
create index payment_payout_by_state on payment_payout (state, id);
create index payment_payout_by_part on payment_payout (part_id, id);

-- Running balances: debits less credits.
create table payment_account (
    account       text   not null,
    currency      text   not null,
    balance_minor bigint not null,
    primary key (account, currency)
);

-- Immutable: one row is both sides, with both balances after it.
create table payment_entry (
    id                   bigint not null primary key,
    kind                 text   not null,
    debit                text   not null,
    credit               text   not null,
    currency             text   not null,
    amount_minor         bigint not null,
    debit_balance_minor  bigint not null,
    credit_balance_minor bigint not null,
    payment_id           bigint not null,
    part_id              bigint not null, -- 0: none
    order_id             bigint not null,
    time_ms              bigint not null
);
create index payment_entry_by_payment on payment_entry (payment_id, id);

-- What providers told us: each event once, and nothing personal.
create table payment_inbox (
    provider     text   not null,
    event        text   not null,
    type         text   not null,
    outcome      text   not null, -- what it changed
    payment_id   bigint not null,
    part_id      bigint not null,
    provider_ref text   not null,
    currency     text   not null,
    amount_minor bigint not null,
    fee_minor    bigint not null,
    event_ms     bigint not null,
    time_ms      bigint not null,
    primary key (provider, event)
);
create index payment_inbox_by_time on payment_inbox (time_ms);

-- The provider's statement of one day against our ledger.
create table payment_reconciliation (
    id          bigint not null primary key,
    provider    text   not null,
    day_ms      bigint not null,
    state       text   not null, -- fetching, comparing, done, failed
    run         bigint not null, -- from 1: it may be run again
    effect_id   bigint not null, -- the page asked for; answers of others are old
    lines       bigint not null,
    hour        bigint not null, -- of ours, compared so far
    differences bigint not null,
    accounts    text   not null, -- JSON: sums of the statement by merchant account
    error       text   not null,
    actor       text   not null,
    started_ms  bigint not null,
    done_ms     bigint not null
);
create unique index payment_reconciliation_by_day on payment_reconciliation (provider, day_ms);

-- Lines of a statement while it is compared.
create table payment_statement (
    reconciliation bigint not null,
    line           bigint not null, -- from 0
    type           text   not null, -- charge, refund
    provider_ref   text   not null,
    ours           bigint not null, -- our payment or part, 0: a name that is not ours
    entity         text   not null,
    currency       text   not null,
    amount_minor   bigint not null,
    fee_minor      bigint not null,
    time_ms        bigint not null,
    primary key (reconciliation, line)
);
create index payment_statement_by_ours on payment_statement (reconciliation, ours);
create index payment_statement_by_ref on payment_statement (reconciliation, provider_ref);

create table payment_difference (
    reconciliation bigint not null,
    kind           text   not null,
    provider_ref   text   not null,
    ours           bigint not null,
    type           text   not null, -- charge, refund
    entity         text   not null,
    currency       text   not null,
    ours_minor     bigint not null,
    theirs_minor   bigint not null,
    run            bigint not null, -- that saw it last
    found_ms       bigint not null,
    primary key (reconciliation, kind, provider_ref, ours)
);
