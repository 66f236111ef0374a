-- Publications that are to take place at a time: a start, an end.
create table kernel_document_plan (
    id         bigint not null primary key,
    due_ms     bigint not null,
    state      text   not null, -- waiting, done, failed, cancelled
    items      text   not null, -- JSON list, as POST /v1/publications takes it
    actor      text   not null,
    why        text   not null,
    created_ms bigint not null,
    seq        bigint not null, -- of the publication that it became; 0: none
    error      text   not null  -- why it failed
);
create index kernel_document_plan_by_due on kernel_document_plan (state, due_ms);
