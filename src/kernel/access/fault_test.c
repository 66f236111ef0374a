/*
 * fault_test.c - a command that does all that this folder can do fails at every statement and at
 * every size of memory in turn: it leaves nothing behind, and the next one works.
 */
#include "kernel/access/audit.h"
#include "kernel/access/fixture.h"
#include "kernel/access/key.h"
#include "kernel/access/person.h"

enum {
    STATEMENTS_MAX = 200, /* Far more than the command has. */
    STARVED_STEP = 48,
    STARVED_BYTES_MAX = 1 << 18,
};

struct everything {
    int64_t old_key;
    size_t budget_bytes; /* 0: enough. */
    char token[KEY_TEXT_LEN_MAX + 1];
};

static enum err with_persons(struct cx *cx)
{
    struct str sealed, plain;
    struct person_erased erased;

    TRY(person_seal(cx, STR("new"), STR("Zhang San"), &sealed));
    TRY(person_open(cx, STR("new"), sealed, &plain));
    CHECK(str_is(plain, "Zhang San"));
    TRY(person_index_put(cx, "phone", STR("13800138000"), STR("new")));
    return person_erase(cx, STR("old"), &erased);
}

static enum err do_everything(struct cx *cx, void *argument)
{
    struct everything *all = argument;
    struct str scopes[] = {STR("order:write"), STR("stock:*")};
    struct key_new in = {.name = STR("till"), .scopes = {scopes, 2}};
    struct key made, ended;

    if (all->budget_bytes)
        cx->arena.budget_bytes = cx->arena.used_bytes + all->budget_bytes;
    TRY(key_create(cx, &in, &made));
    TRY(key_revoke(cx, all->old_key, &ended));
    TRY(with_persons(cx));
    TRY(audit_put(cx, "POST /v1/keys", STR("/v1/keys"), 201, STR("{}")));
    snprintf(all->token, sizeof(all->token), STR_FMT, STR_ARG(made.token));
    return OK;
}

/* ---- What there is before and after ---- */

struct state {
    char old_token[KEY_TEXT_LEN_MAX + 1];
    char sealed[256];
    int64_t old_key;
};

static enum err prepare(struct cx *cx, void *argument)
{
    struct state *state = argument;
    struct str scope = STR("order:read"), sealed;
    struct key_new in = {.name = STR("old"), .scopes = {&scope, 1}};
    struct key key;

    TRY(key_create(cx, &in, &key));
    state->old_key = key.id;
    snprintf(state->old_token, sizeof(state->old_token), STR_FMT, STR_ARG(key.token));
    TRY(person_seal(cx, STR("old"), STR("Li Si"), &sealed));
    snprintf(state->sealed, sizeof(state->sealed), STR_FMT, STR_ARG(sealed));
    return audit_put(cx, "POST /v1/keys", STR("/v1/keys"), 201, STR("{}"));
}

struct counts {
    int64_t keys, audits, persons, indexed, events;
};

static enum err count_all(struct cx *cx, void *argument)
{
    struct counts *counts = argument;
    struct audit_report report;

    TRY(sql_int(cx, &counts->keys, 0, "select count(*) from kernel_key where revoked_ms = 0",
                NO_BINDS));
    TRY(sql_int(cx, &counts->persons, 0, "select count(*) from kernel_person where wrapped <> ''",
                NO_BINDS));
    TRY(sql_int(cx, &counts->indexed, 0, "select count(*) from kernel_person_index", NO_BINDS));
    TRY(sql_int(cx, &counts->events, 0, "select count(*) from kernel_outbox", NO_BINDS));
    TRY(audit_verify(cx, NULL, &report));
    CHECK_SAY(report.ok, "%s", report.finding);
    counts->audits = report.rows;
    return OK;
}

static enum err open_old(struct cx *cx, void *argument)
{
    struct state *state = argument;
    struct str plain;

    return person_open(cx, STR("old"), str_of(state->sealed), &plain);
}

static enum key_state state_of(struct fixture *f, const char *token)
{
    const struct caller *caller;
    enum key_state state;

    (void)key_find(&f->platform, str_of(token), f->now_ms, &caller, &state);
    return state;
}

static void check_before(struct fixture *f, struct state *state)
{
    struct counts counts;

    READ(f, count_all, &counts, OK);
    CHECK_EQ_INT(counts.keys, 1);
    CHECK_EQ_INT(counts.persons, 1);
    CHECK_EQ_INT(counts.indexed, 0);
    CHECK_EQ_INT(counts.events, 0);
    CHECK_EQ_INT(counts.audits, 1);
    CHECK_EQ_INT(state_of(f, state->old_token), KEY_IN_FORCE);
    READ(f, open_old, state, OK);
}

static void check_after(struct fixture *f, struct state *state, const char *token)
{
    struct counts counts;

    READ(f, count_all, &counts, OK);
    CHECK_EQ_INT(counts.keys, 1);
    CHECK_EQ_INT(counts.persons, 1);
    CHECK_EQ_INT(counts.indexed, 1);
    CHECK_EQ_INT(counts.events, 1);
    CHECK_EQ_INT(counts.audits, 2);
    CHECK_EQ_INT(state_of(f, state->old_token), KEY_REVOKED);
    CHECK_EQ_INT(state_of(f, token), KEY_IN_FORCE);
    READ(f, open_old, state, ERR_GONE);
}

/* ---- Faults ---- */

static int fault_at, statements;

static bool fail_one(void)
{
    return ++statements == fault_at;
}

TEST_DB(access_each_statement_fails, "whichever statement fails, a command leaves nothing behind")
{
    struct fixture *f = fixture_open(db, NULL);
    struct state state;
    struct everything all;
    enum err err = ERR_STORAGE;

    COMMAND(f, prepare, &state, OK);
    all = (struct everything){.old_key = state.old_key};
    for (fault_at = 1; err != OK; fault_at++) {
        CHECK(fault_at < STATEMENTS_MAX);
        statements = 0;
        sql_fault = fail_one;
        err = space_command(f->space, do_everything, &all, &f->problem);
        sql_fault = NULL;
        if (err != OK)
            check_before(f, &state);
    }
    CHECK(fault_at > 10); /* Statements were made to fail. */
    check_after(f, &state, all.token);
    fixture_close(f);
}

TEST_DB(access_memory_starved, "whenever memory ends, a command leaves nothing behind")
{
    struct fixture *f = fixture_open(db, NULL);
    struct state state;
    struct everything all;
    enum err err = ERR_TOO_LARGE;
    size_t starved = 0;

    COMMAND(f, prepare, &state, OK);
    all = (struct everything){.old_key = state.old_key};
    while (err != OK) {
        all.budget_bytes += STARVED_STEP;
        CHECK(all.budget_bytes < STARVED_BYTES_MAX);
        err = space_command(f->space, do_everything, &all, &f->problem);
        if (err == OK)
            break;
        CHECK_EQ_INT(err, ERR_TOO_LARGE);
        starved++;
        if (starved % 8 == 0)
            check_before(f, &state);
    }
    CHECK(starved > 20);
    check_after(f, &state, all.token);
    fixture_close(f);
}
