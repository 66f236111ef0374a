-- Counters as of the last second.  kind is the window, plus 16 when it slides; marks are
-- "time amount" pairs of a sliding one.
create table kernel_count (
    key       text   not null,
    kind      bigint not null,
    used      bigint not null,
    begins_ms bigint not null,
    ends_ms   bigint not null, -- nothing is left of it then
    kept      bigint not null,
    marks     text   not null,
    primary key (key, kind)
);
create index kernel_count_by_end on kernel_count (ends_ms);

-- The space's time zone, by its IANA name: one row, or none for UTC.
create table kernel_zone (
    id   bigint not null primary key,
    name text   not null
);
