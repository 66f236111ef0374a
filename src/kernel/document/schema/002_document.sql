-- What operators decide: documents in collections.  Versions are never changed; a document says
-- which of them is in force, and only a publication moves that.
create table kernel_document (
    collection text   not null,
    key        text   not null,
    latest     bigint not null, -- number of the newest version
    live       bigint not null, -- number of the version in force; 0: none
    live_seq   bigint not null, -- of the publication that put it in force, or took it out of it
    grey       bigint not null, -- number of the version in grey release; 0: none
    grey_share bigint not null, -- of users, in ten-thousandths
    grey_on    text   not null, -- names of processes, separated by spaces; '': all
    created_ms bigint not null,
    changed_ms bigint not null, -- of the newest version
    primary key (collection, key)
);

create table kernel_document_version (
    collection  text   not null,
    key         text   not null,
    version     bigint not null, -- 1, 2, 3, ... without a gap
    body        text   not null, -- JSON object, minified
    digest      text   not null, -- BLAKE2b-256 of the body
    based_on    bigint not null, -- the version its author had seen; 0: none
    author      text   not null,
    why         text   not null,
    created_ms  bigint not null,
    review      text   not null, -- none, approved, rejected
    reviewer    text   not null,
    review_why  text   not null,
    reviewed_ms bigint not null,
    primary key (collection, key, version)
);

-- Everything that was put in force or taken out of it, in order: what processes follow.
create table kernel_publication (
    seq     bigint not null primary key, -- 1, 2, 3, ... without a gap
    time_ms bigint not null,
    actor   text   not null,
    why     text   not null,
    undoes  bigint not null  -- the publication that this one takes back; 0: none
);

create table kernel_publication_item (
    seq        bigint not null,
    collection text   not null,
    key        text   not null,
    live       bigint not null, -- versions after it, as in kernel_document
    grey       bigint not null,
    grey_share bigint not null,
    grey_on    text   not null,
    was_live   bigint not null, -- and before it
    was_grey   bigint not null,
    was_share  bigint not null,
    was_on     text   not null,
    primary key (seq, collection, key)
);
create index kernel_publication_item_by_key on kernel_publication_item (collection, key, seq);
