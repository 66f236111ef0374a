/*
 * scan_test.c - placeholders and the dialects of migrations.
 */
#include <stdlib.h>

#include "kernel/sql/dialect.h"
#include "kernel/sql/fixture.h"
#include "kernel/sql/scan.h"

static void rewritten(const char *sql, const char *want, int want_count)
{
    int count;
    char *got = scan_placeholders(sql, SQL_POSTGRES, &count);

    CHECK_EQ_STR(got, want);
    CHECK_EQ_INT(count, got ? want_count : count);
    free(got);
}

TEST(placeholders_are_rewritten, "placeholders become $1, and only placeholders do")
{
    rewritten("select ?1, ?2, ?1 + ?12", "select $1, $2, $1 + $12", 12);
    rewritten("select 1", "select 1", 0);
    rewritten("", "", 0);
    rewritten("select '?1', ?1", "select '?1', $1", 1);
    rewritten("select 'it''s ?1', ?1", "select 'it''s ?1', $1", 1);
    rewritten("select \"a?1\"\"?2\", ?1", "select \"a?1\"\"?2\", $1", 1);
    rewritten("select 1 -- ?1 '\n, ?1", "select 1 -- ?1 '\n, $1", 1);
    rewritten("select /* ?1 ' */ ?1", "select /* ?1 ' */ $1", 1);
    rewritten("select $$ ?1 $$, $t$ ?1 $$ $t$, ?1", "select $$ ?1 $$, $t$ ?1 $$ $t$, $1", 1);
    rewritten("select '?1", "select '?1", 0);
    rewritten("select /* ?1", "select /* ?1", 0);
    rewritten("select ?64", "select $64", 64);
}

TEST(bad_placeholders_are_refused, "a placeholder without a number from 1 to 64 is refused")
{
    rewritten("select ?", NULL, 0);
    rewritten("select a ? b", NULL, 0);
    rewritten("select ?0", NULL, 0);
    rewritten("select ?65", NULL, 0);
    rewritten("select ?99999999999999999999", NULL, 0);
}

TEST(tokens_lose_nothing, "the tokens of a text, joined, are the text")
{
    static const char sql[] = "a 'b' \"c\" -- d\n/* e */ $f$ g $f$ ?1 $2 (h) 'i";
    struct scan scan = {.rest = str_of(sql)};
    size_t len = 0;
    int tokens = 0;

    while (scan_next(&scan) != TOKEN_END) {
        CHECK(scan.text.ptr == sql + len);
        CHECK(scan.text.len > 0);
        len += scan.text.len;
        tokens++;
    }
    CHECK_EQ_INT(len, sizeof(sql) - 1);
    CHECK_EQ_INT(tokens, 21);
}

static void becomes(const char *script, const char *sqlite, const char *postgres)
{
    struct cx cx;
    struct str got;

    cx_open(&cx, env_system(), FIXTURE_CX_BYTES);
    FINE(&cx, dialect_script(&cx, SQL_SQLITE, str_of(script), &got));
    CHECK_EQ_TEXT(got, sqlite);
    FINE(&cx, dialect_script(&cx, SQL_POSTGRES, str_of(script), &got));
    CHECK_EQ_TEXT(got, postgres);
    cx_close(&cx);
}

TEST(column_types_are_rewritten, "a migration's column types become those of each database")
{
    becomes("create table t (a bigint primary key, text text not null, d double precision)",
            "create table t (a integer primary key, text text not null, d real )\n\nstrict",
            "create table t (a bigint primary key, text text collate \"C\" not null, d double "
            "precision)\n");
    becomes("CREATE TABLE IF NOT EXISTS T (A TEXT, PRIMARY KEY (A), UNIQUE (A), CHECK (A <> 'x'));",
            "CREATE TABLE IF NOT EXISTS T (A TEXT, PRIMARY KEY (A), UNIQUE (A), CHECK (A <> 'x'))"
            "\nstrict;\n",
            "CREATE TABLE IF NOT EXISTS T (A TEXT collate \"C\", PRIMARY KEY (A), UNIQUE (A), "
            "CHECK (A <> 'x'));\n");
    becomes(
        "alter table t add column b text not null default 'bigint';\nalter table t add c bigint",
        "alter table t add column b text not null default 'bigint';\n"
        "alter table t add c integer\n",
        "alter table t add column b text collate \"C\" not null default 'bigint';\n"
        "alter table t add c bigint\n");
}

TEST(other_words_stay, "outside of column types nothing is rewritten")
{
    static const char same[] =
        "-- a bigint; create table x (a text)\n"
        "insert into t select cast(a as bigint), 'create table y (a text)' from text;\n"
        "create index text on t (text, bigint);\n"
        "update t set bigint = text where a in (select text from t);\n"
        "create /* table */ view v as select a as text from t;\n";

    becomes(same,
            "-- a bigint; create table x (a text)\n"
            "insert into t select cast(a as bigint), 'create table y (a text)' from text;\n"
            "create index text on t (text, bigint);\n"
            "update t set bigint = text where a in (select text from t);\n"
            "create /* table */ view v as select a as text from t;\n\n",
            "-- a bigint; create table x (a text)\n"
            "insert into t select cast(a as bigint), 'create table y (a text)' from text;\n"
            "create index text on t (text, bigint);\n"
            "update t set bigint = text where a in (select text from t);\n"
            "create /* table */ view v as select a as text from t;\n\n");
}

TEST(sections_choose_lines, "a migration may keep lines for one database")
{
    becomes("create table t (a text primary key\n"
            "-- only sqlite\n"
            ") without rowid, strict;\n"
            "  -- only postgres\n"
            ");\n"
            "-- both\n"
            "select 1;",
            "create table t (a text primary key\n\n) without rowid, strict;\n\n\n\nselect 1;\n",
            "create table t (a text collate \"C\" primary key\n\n\n\n);\n\nselect 1;\n");
}

static void refuses(const char *script, const char *code)
{
    struct cx cx;
    struct str got;

    cx_open(&cx, env_system(), FIXTURE_CX_BYTES);
    for (enum sql_kind kind = SQL_SQLITE; kind <= SQL_POSTGRES; kind++)
        FAILS(&cx, ERR_STORAGE, code, dialect_script(&cx, kind, str_of(script), &got));
    cx_close(&cx);
}

TEST(other_types_are_refused, "a migration with types that differ between databases is refused")
{
    refuses("create table t (a integer)", "migration_type");
    refuses("create table t (a text, b boolean)", "migration_type");
    refuses("create table t (a)", "migration_type");
    refuses("create table t (a, b text)", "migration_type");
    refuses("create table t (a double)", "migration_type");
    refuses("create table t (a double not null)", "migration_type");
    refuses("alter table t add column a varchar(20)", "migration_type");
    refuses("create temporary table t (a \"text\")", "migration_type");
    refuses("create table t (a bigint references u (b))", "migration_reference");
    refuses("create table t (a bigint, foreign key (a) references u (b))", "migration_reference");
    refuses("-- only mysql\nselect 1;", "migration_section");
}
