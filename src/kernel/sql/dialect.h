/*
 * dialect.h - migrations: one text, two databases.
 *
 * A migration is written in the common subset.  Column types are bigint, text and double precision,
 * nothing else, because these mean the same on both:
 *
 *     written            SQLite      PostgreSQL
 *     bigint             integer     bigint
 *     text               text        text collate "C"
 *     double precision   real        double precision
 *
 * Foreign keys are refused: SQLite would not check them.  On SQLite every table becomes STRICT.
 * Only the types of columns are touched (create table, alter table .. add column); casts, quotes
 * and comments are not.
 *
 * Where the two must differ, whole lines are kept for one of them:
 *
 *     -- only sqlite
 *     -- only postgres
 *     -- both
 *
 * each in force until the next such line.
 */
#ifndef GREVY_SQL_DIALECT_H
#define GREVY_SQL_DIALECT_H

#include "kernel/sql/sql.h"

/** Errors: STORAGE "migration_type" (a column of another type), "migration_reference",
 *  "migration_section". */
MUST_CHECK enum err dialect_script(struct cx *cx, enum sql_kind kind, struct str script,
                                   struct str *out);

#endif
