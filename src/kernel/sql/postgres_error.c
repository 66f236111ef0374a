/*
 * postgres_error.c - what the server's SQLSTATEs mean here.
 */
#include <string.h>

#include "kernel/sql/postgres.h"

/* The first row whose state is how the server's begins.  A text is what to do about it. */
struct meaning {
    const char *state;
    enum err err;
    const char *code, *text;
};

static const struct meaning meanings[] = {
    {"23505", ERR_CONFLICT, "unique", "a row with this key exists"},
    {"23", ERR_STORAGE, "constraint", "a row breaks a rule of its table"},
    {"53100", ERR_DISK_FULL, "disk_full", "the disk of the database is full: free some space"},
    {"53", ERR_BUSY, "database_busy", "the database has no room for this now: try again"},
    {"57014", ERR_TIMEOUT, "statement_timeout", "a statement took too long: ask for less at once"},
    {"57", ERR_BUSY, "database_gone", "the database ended the connection: try again"},
    {"08", ERR_BUSY, "database_gone", "the connection to the database broke: try again"},
    {"40", ERR_BUSY, "database_busy", "another transaction stood in the way: try again"},
    {"55P03", ERR_BUSY, "database_busy", "another process holds a lock for too long: try again"},
    {"25006", ERR_STORAGE, "read_only", "this connection only reads"},
    {"22021", ERR_BAD_INPUT, "bad_text", "a text is not UTF-8: send text that is"},
    {"54", ERR_TOO_LARGE, "too_large", "a value or statement is too large"},
    {"XX00", ERR_STORAGE, "corrupt", "the database is damaged: look into the server's log"},
    {"58", ERR_STORAGE, "disk", "the server's disk failed: look into its log"},
    {"GR001", ERR_STORAGE, "fault_injected", FAULT_TEXT},
    {"", ERR_STORAGE, "storage", "the database refused a statement"},
};

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);

    return text ? text : "";
}

bool postgres_state_is_gone(const char *state)
{
    return !state || strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0;
}

/* Only the primary message and names: the server's DETAIL quotes values, which may be personal. */
void postgres_problem(struct problem *problem, const PGresult *result)
{
    const char *state = field(result, PG_DIAG_SQLSTATE);
    const char *rule = field(result, PG_DIAG_CONSTRAINT_NAME);
    const char *table = field(result, PG_DIAG_TABLE_NAME);
    const struct meaning *meaning = meanings;

    while (strncmp(state, meaning->state, strlen(meaning->state)) != 0)
        meaning++;
    if (rule[0])
        problem_set(problem, meaning->err, meaning->code, "%s (%s of %s)", meaning->text, rule,
                    table);
    else
        problem_set(problem, meaning->err, meaning->code, "%s (%s, SQLSTATE %s)", meaning->text,
                    field(result, PG_DIAG_MESSAGE_PRIMARY), state);
}
