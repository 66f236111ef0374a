-- What each process says it has in force; written outside of the lease, by each its own row.
create table kernel_instance (
    name        text   not null primary key,
    seq         bigint not null, -- the publication in force there
    refused_seq bigint not null, -- one it could not take over; 0: none
    refusal     text   not null,
    seen_ms     bigint not null  -- by its clock
);
