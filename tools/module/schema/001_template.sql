create table template_note (
    id      bigint not null primary key,
    user_id text   not null,
    text    text   not null,
    kept_ms bigint not null
);
create index template_note_by_user on template_note (user_id, id);
