/*
 * dialect.c - migrations: one text, two databases.
 */
#include "kernel/sql/dialect.h"

#include <string.h>

#include "kernel/sql/scan.h"

/* The longest growth: text, 4 bytes, becomes text collate "C"; " strict" follows a table. */
enum { GROWTH = 4, GROWTH_BYTES = 64 };

/* ---- Sections ---- */

static bool section(struct str line, struct str *name)
{
    line = str_trim(line);
    *name = (struct str){0};
    if (str_is(line, "-- both"))
        return true;
    if (!str_starts(line, STR("-- only ")))
        return false;
    *name = (struct str){line.ptr + 8, line.len - 8};
    return true;
}

/* The lines that are meant for this kind of database. */
static enum err select_lines(struct cx *cx, enum sql_kind kind, struct str script, struct text *out)
{
    const char *ours = kind == SQL_SQLITE ? "sqlite" : "postgres";
    struct str line, name;
    bool wanted = true;

    while (str_cut(&script, '\n', &line)) {
        if (section(line, &name)) {
            if (name.ptr && !str_is(name, "sqlite") && !str_is(name, "postgres"))
                return fail(cx, ERR_STORAGE, "migration_section",
                            "\"-- only " STR_FMT "\": write sqlite or postgres", STR_ARG(name));
            wanted = !name.ptr || str_is(name, ours);
        } else if (wanted) {
            text_add(out, line);
        }
        text_add(out, STR("\n")); /* Also of a line left out: line numbers stay. */
    }
    return OK;
}

/* ---- Columns ---- */

/* Where in a statement a token stands. */
enum place {
    PLACE_START,     /* Of a statement. */
    PLACE_CREATE,    /* Behind create. */
    PLACE_ALTER,     /* Behind alter. */
    PLACE_TABLE,     /* Behind create table: its name, or inside the parentheses past a column. */
    PLACE_ADD,       /* Behind alter table, up to add. */
    PLACE_NAME,      /* A column's name, or a constraint, comes next. */
    PLACE_TYPE,      /* A column's type comes next. */
    PLACE_PRECISION, /* Behind double. */
    PLACE_OTHER,     /* Nothing to do up to the end of the statement. */
};

struct dialect {
    struct cx *cx;
    enum sql_kind kind;
    struct text out;
    enum place place;
    int depth;       /* Open parentheses. */
    bool table;      /* The statement is a create table. */
    bool alter;      /* The statement is an alter table. */
    bool last_paren; /* Its last token was a closing parenthesis. */
    struct str column;
};

static bool word_in(struct str word, const char *const *words)
{
    for (; *words; words++)
        if (str_eq_nocase(word, str_of(*words)))
            return true;
    return false;
}

static enum err put_type(struct dialect *d, struct str word)
{
    bool sqlite = d->kind == SQL_SQLITE;

    d->place = d->alter ? PLACE_OTHER : PLACE_TABLE;
    if (str_eq_nocase(word, STR("bigint"))) {
        text_add(&d->out, sqlite ? STR("integer") : word);
    } else if (str_eq_nocase(word, STR("text"))) {
        text_add(&d->out, word);
        if (!sqlite)
            text_add(&d->out, STR(" collate \"C\""));
    } else if (str_eq_nocase(word, STR("double"))) {
        text_add(&d->out, sqlite ? STR("real") : word);
        d->place = PLACE_PRECISION;
    } else {
        return fail(d->cx, ERR_STORAGE, "migration_type",
                    "column " STR_FMT " is of type " STR_FMT
                    ": columns are bigint, text or double precision",
                    STR_ARG(d->column), STR_ARG(word));
    }
    return OK;
}

static enum err put_precision(struct dialect *d, struct str word)
{
    if (!str_eq_nocase(word, STR("precision")))
        return fail(d->cx, ERR_STORAGE, "migration_type",
                    "column " STR_FMT ": the type is written double precision", STR_ARG(d->column));
    if (d->kind == SQL_POSTGRES)
        text_add(&d->out, word);
    d->place = d->alter ? PLACE_OTHER : PLACE_TABLE;
    return OK;
}

/* A word or a quoted name where a column may begin. */
static void at_name(struct dialect *d, struct str word)
{
    static const char *const constraints[] = {"constraint", "primary", "unique", "check",
                                              "foreign",    "exclude", NULL};
    static const char *const fillers[] = {"column", "if", "not", "exists", NULL};

    if (word_in(word, constraints))
        d->place = d->alter ? PLACE_OTHER : PLACE_TABLE;
    else if (!d->alter || !word_in(word, fillers))
        d->place = PLACE_TYPE;
    d->column = word;
}

static void at_start(struct dialect *d, struct str word)
{
    static const char *const fillers[] = {"temp", "temporary", "unlogged", NULL};

    if (d->place == PLACE_START && str_eq_nocase(word, STR("create"))) {
        d->place = PLACE_CREATE;
    } else if (d->place == PLACE_START && str_eq_nocase(word, STR("alter"))) {
        d->place = PLACE_ALTER;
    } else if (d->place != PLACE_START && str_eq_nocase(word, STR("table"))) {
        d->table = d->place == PLACE_CREATE;
        d->alter = !d->table;
        d->place = d->table ? PLACE_TABLE : PLACE_ADD;
    } else if (d->place != PLACE_CREATE || !word_in(word, fillers)) {
        d->place = PLACE_OTHER;
    }
}

static enum err put_word(struct dialect *d, struct str word)
{
    enum place place = d->place;

    if ((d->table || d->alter) && str_eq_nocase(word, STR("references")))
        return fail(d->cx, ERR_STORAGE, "migration_reference",
                    "column " STR_FMT ": foreign keys are not checked by both databases, so the "
                    "module must do it",
                    STR_ARG(d->column));
    if (place == PLACE_TYPE)
        return put_type(d, word);
    if (place == PLACE_PRECISION)
        return put_precision(d, word);
    if (place == PLACE_NAME)
        at_name(d, word);
    else if (place == PLACE_ADD && str_eq_nocase(word, STR("add")))
        d->place = PLACE_NAME;
    else if (place == PLACE_START || place == PLACE_CREATE || place == PLACE_ALTER)
        at_start(d, word);
    text_add(&d->out, word);
    return OK;
}

static void end_statement(struct dialect *d)
{
    /* On a line of its own: what stands before may end in a comment. */
    if (d->table && d->kind == SQL_SQLITE && d->last_paren)
        text_add(&d->out, STR("\nstrict"));
    d->place = PLACE_START;
    d->depth = 0;
    d->table = d->alter = d->last_paren = false;
}

static enum err put_mark(struct dialect *d, struct str mark)
{
    char c = mark.ptr[0];

    if (d->place == PLACE_TYPE || d->place == PLACE_PRECISION)
        return fail(d->cx, ERR_STORAGE, "migration_type",
                    "column " STR_FMT " lacks its type: bigint, text or double precision",
                    STR_ARG(d->column));
    if (c == ';') {
        end_statement(d);
    } else {
        d->depth += (c == '(') - (c == ')');
        if (d->table && d->depth == 1 && (c == '(' || c == ','))
            d->place = PLACE_NAME;
        d->last_paren = c == ')' && d->depth == 0;
    }
    text_add(&d->out, mark);
    return OK;
}

static enum err put(struct dialect *d, enum token token, struct str text)
{
    if (token == TOKEN_SPACE) {
        text_add(&d->out, text);
        return OK;
    }
    if (token == TOKEN_MARK)
        return put_mark(d, text);
    d->last_paren = false;
    return put_word(d, text);
}

static struct text new_text(struct cx *cx, size_t size)
{
    return (struct text){.ptr = cx_alloc(cx, size), .size = size};
}

enum err dialect_script(struct cx *cx, enum sql_kind kind, struct str script, struct str *out)
{
    struct text ours = new_text(cx, script.len + 1);
    struct dialect d = {.cx = cx, .kind = kind};
    struct scan scan;
    enum token token;

    TRY(select_lines(cx, kind, script, &ours));
    d.out = new_text(cx, ours.len * GROWTH + GROWTH_BYTES);
    scan = (struct scan){.rest = {ours.ptr, ours.len}};
    while ((token = scan_next(&scan)) != TOKEN_END)
        TRY(put(&d, token, scan.text));
    end_statement(&d);
    text_add(&d.out, (struct str){"", 1}); /* With a NUL behind the text. */
    assert(!ours.cut);
    assert(!d.out.cut);
    *out = (struct str){d.out.ptr, d.out.len - 1};
    return OK;
}
