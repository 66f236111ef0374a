/*
 * audit_test.c - whatever is done to the audit log behind the server's back is found, and where.
 */
#include "kernel/access/audit.h"

#include "kernel/access/fixture.h"
#include "kernel/base/hash.h"

enum { ROWS = 9 };

struct putting {
    int count;
    bool fail_after;
};

static enum err put(struct cx *cx, void *argument)
{
    const struct putting *putting = argument;

    for (int k = 0; k < putting->count; k++)
        TRY(audit_put(cx, "POST /v1/products", STR("/v1/products"), 201,
                      cx_printf(cx, "{\"title\":\"%d\"}", k)));
    return putting->fail_after ? fail(cx, ERR_CONFLICT, "test", "after all") : OK;
}

static void put_rows(struct fixture *f, int count)
{
    struct putting putting = {.count = count};

    COMMAND(f, put, &putting, OK);
}

/* ---- Verdicts ---- */

struct verifying {
    struct audit_head *noted;
    struct audit_report report;
    char head_hash[HASH_TEXT_LEN + 1];
};

static enum err verify(struct cx *cx, void *argument)
{
    struct verifying *verifying = argument;
    struct audit_report *report = &verifying->report;

    TRY(audit_verify(cx, verifying->noted, report));
    snprintf(verifying->head_hash, sizeof(verifying->head_hash), STR_FMT,
             STR_ARG(report->head.hash));
    return OK;
}

static void check_sound(struct fixture *f, struct audit_head *noted, int64_t rows)
{
    struct verifying verifying = {.noted = noted};

    READ(f, verify, &verifying, OK);
    CHECK_SAY(verifying.report.ok, "%s", verifying.report.finding);
    CHECK_EQ_INT(verifying.report.rows, rows);
    CHECK_EQ_INT(verifying.report.head.seq, rows);
    CHECK_EQ_STR(verifying.report.finding, "");
}

static void check_bad(struct fixture *f, struct audit_head *noted, int64_t seq, const char *word)
{
    struct verifying verifying = {.noted = noted};

    READ(f, verify, &verifying, OK);
    CHECK(!verifying.report.ok);
    CHECK_SAY(strstr(verifying.report.finding, word) != NULL, "%s", verifying.report.finding);
    CHECK_EQ_INT(verifying.report.bad_seq, seq);
}

TEST_DB(audit_sound, "an untouched log is sound: empty, within a page, at its edge, over pages")
{
    static const int more[] = {1, 498, 1, 1, 700};
    struct fixture *f = fixture_open(db, NULL);
    int64_t rows = 0;

    check_sound(f, NULL, 0);
    for (size_t k = 0; k < sizeof(more) / sizeof(more[0]); k++) {
        put_rows(f, more[k]);
        rows += more[k];
        check_sound(f, NULL, rows);
    }
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    put_rows(f, 1);
    check_sound(f, NULL, rows + 1);
    fixture_close(f);
}

TEST_DB(audit_with_its_write, "a write that fails leaves no row, and the chain goes on")
{
    struct fixture *f = fixture_open(db, NULL);
    struct putting failing = {.count = 2, .fail_after = true};

    put_rows(f, 2);
    COMMAND(f, put, &failing, ERR_CONFLICT);
    check_sound(f, NULL, 2);
    put_rows(f, 1);
    check_sound(f, NULL, 3);
    fixture_close(f);
}

/* ---- Tampering ---- */

/* ROWS rows, and a copy to put back. */
static struct fixture *with_rows(const char *db)
{
    struct fixture *f = fixture_open(db, NULL);

    put_rows(f, ROWS);
    TAMPER(f, "create table kernel_audit_copy as select * from kernel_audit");
    TAMPER(f, "create table kernel_audit_head_copy as select * from kernel_audit_head");
    return f;
}

static void put_back(struct fixture *f)
{
    TAMPER(f, "delete from kernel_audit");
    TAMPER(f, "insert into kernel_audit select * from kernel_audit_copy");
    TAMPER(f, "delete from kernel_audit_head");
    TAMPER(f, "insert into kernel_audit_head select * from kernel_audit_head_copy");
    check_sound(f, NULL, ROWS);
}

TEST_DB(audit_changed, "a row of which any column was changed is named")
{
    static const char *const changes[] = {
        "update kernel_audit set time_ms = time_ms + 1 where seq = 4",
        "update kernel_audit set actor = 'key_0000000000001' where seq = 4",
        "update kernel_audit set action = 'GET /v1/products' where seq = 4",
        "update kernel_audit set path = '/v1/product' where seq = 4",
        "update kernel_audit set status = 200 where seq = 4",
        "update kernel_audit set body_hash = 'x' || body_hash where seq = 4",
        "update kernel_audit set actor = actor || action, action = '' where seq = 4",
        "update kernel_audit set previous = 'x' || previous where seq = 4",
        "update kernel_audit set hash = 'x' || hash where seq = 4"};
    struct fixture *f = with_rows(db);

    for (size_t k = 0; k < sizeof(changes) / sizeof(changes[0]); k++) {
        TAMPER(f, changes[k]);
        check_bad(f, NULL, 4, "changed");
        put_back(f);
    }
    fixture_close(f);
}

TEST_DB(audit_first_and_last, "the first and the last row are no exceptions")
{
    struct fixture *f = with_rows(db);

    TAMPER(f, "update kernel_audit set status = 200 where seq = 1");
    check_bad(f, NULL, 1, "changed");
    put_back(f);
    TAMPER(f, "update kernel_audit set status = 200 where seq = 9");
    check_bad(f, NULL, 9, "changed");
    put_back(f);
    TAMPER(f, "delete from kernel_audit where seq = 1");
    check_bad(f, NULL, 1, "missing");
    fixture_close(f);
}

TEST_DB(audit_moved, "rows taken out, exchanged or cut off are named")
{
    struct fixture *f = with_rows(db);

    TAMPER(f, "delete from kernel_audit where seq = 4");
    check_bad(f, NULL, 4, "missing");
    put_back(f);
    TAMPER(f, "update kernel_audit set seq = -4 where seq = 4");
    TAMPER(f, "update kernel_audit set seq = 4 where seq = 5");
    TAMPER(f, "update kernel_audit set seq = 5 where seq = -4");
    check_bad(f, NULL, 4, "changed");
    put_back(f);
    TAMPER(f, "delete from kernel_audit where seq > 6");
    check_bad(f, NULL, 7, "missing");
    put_back(f);
    TAMPER(f, "delete from kernel_audit");
    check_bad(f, NULL, 1, "missing");
    put_back(f);
    TAMPER(f, "delete from kernel_audit_head");
    check_bad(f, NULL, 1, "behind the head");
    fixture_close(f);
}

/* ---- Forging: hashes computed anew, as audit.h describes them ---- */

struct forging {
    int64_t from, to; /* Rows given new hashes, each following the one before. */
    bool head;        /* The head too. */
};

static struct str decimal(struct cx *cx, int64_t n)
{
    return cx_printf(cx, "%" PRId64, n);
}

static enum err forge_row(struct cx *cx, struct audit_row *row, struct str previous)
{
    struct str parts[] = {previous,
                          decimal(cx, row->seq),
                          decimal(cx, row->time_ms),
                          row->actor,
                          row->action,
                          row->path,
                          decimal(cx, row->status),
                          row->body_hash};
    char *hash = cx_alloc(cx, HASH_TEXT_LEN + 1);

    hash_text(hash, parts, sizeof(parts) / sizeof(parts[0]));
    row->previous = previous;
    row->hash = str_of(hash);
    return sql_run(cx, NULL, "update kernel_audit set previous = ?1, hash = ?2 where seq = ?3",
                   BIND(TEXT(row->previous), TEXT(row->hash), INT(row->seq)));
}

static enum err forge(struct cx *cx, void *argument)
{
    const struct forging *forging = argument;
    struct str previous = STR("");
    struct list rows;

    TRY(audit_list(cx, 0, 100, &rows));
    for (size_t k = rows.count; k-- > 0;) {
        struct audit_row *row = LIST_AT(rows, struct audit_row, k);

        if (row->seq >= forging->from && row->seq <= forging->to)
            TRY(forge_row(cx, row, previous));
        previous = row->hash;
    }
    if (!forging->head)
        return OK;
    return sql_run(cx, NULL, "update kernel_audit_head set seq = ?1, hash = ?2",
                   BIND(INT((int64_t)rows.count), TEXT(previous)));
}

static void forge_rows(struct fixture *f, int64_t from, int64_t to, bool head)
{
    struct forging forging = {from, to, head};

    COMMAND(f, forge, &forging, OK);
}

TEST_DB(audit_forged, "a changed row with a right hash of its own is found by what follows it")
{
    struct fixture *f = with_rows(db);

    forge_rows(f, 1, ROWS, true); /* What the test computes is what the log holds. */
    check_sound(f, NULL, ROWS);
    put_back(f);
    TAMPER(f, "update kernel_audit set status = 200 where seq = 4");
    forge_rows(f, 4, 4, false);
    check_bad(f, NULL, 5, "does not follow");
    put_back(f);
    TAMPER(f, "update kernel_audit set status = 200 where seq = 4");
    forge_rows(f, 4, ROWS, false);
    check_bad(f, NULL, ROWS, "not the head");
    fixture_close(f);
}

TEST_DB(audit_noted, "a log forged to the last, head and all, is found by a head noted elsewhere")
{
    struct fixture *f = fixture_open(db, NULL);
    struct verifying noting = {0};
    struct audit_head noted;

    put_rows(f, 6);
    READ(f, verify, &noting, OK);
    noted = (struct audit_head){6, str_of(noting.head_hash)};
    put_rows(f, ROWS - 6);
    check_sound(f, &noted, ROWS);
    TAMPER(f, "update kernel_audit set status = 200 where seq = 4");
    forge_rows(f, 4, ROWS, true);
    check_sound(f, NULL, ROWS);
    check_bad(f, &noted, 6, "noted");
    TAMPER(f, "delete from kernel_audit where seq > 3");
    forge_rows(f, 1, 3, true);
    check_sound(f, NULL, 3);
    check_bad(f, &noted, 4, "noted");
    fixture_close(f);
}

TEST_DB(audit_put_in, "a row that the server did not write is found, also behind the last")
{
    struct fixture *f = with_rows(db);

    TAMPER(f, "insert into kernel_audit select 10, time_ms, actor, action, path, status, body_hash,"
              " previous, hash from kernel_audit where seq = 9");
    forge_rows(f, 10, 10, false);
    check_bad(f, NULL, 10, "behind the head");
    put_back(f);
    TAMPER(f, "insert into kernel_audit select 0, time_ms, actor, action, path, status, body_hash,"
              " previous, hash from kernel_audit where seq = 9");
    check_bad(f, NULL, 1, "missing");
    fixture_close(f);
}

/* ---- What is stored ---- */

struct odd_path {
    char bytes[AUDIT_PATH_LEN_MAX + 8];
    size_t len;
};

static enum err put_odd(struct cx *cx, void *argument)
{
    struct odd_path *path = argument;

    return audit_put(cx, "POST /v1/x", (struct str){path->bytes, path->len}, 200, STR(""));
}

static enum err last_path(struct cx *cx, void *argument)
{
    struct odd_path *path = argument;
    struct list rows;
    struct str stored;

    TRY(audit_list(cx, 0, 1, &rows));
    stored = LIST_AT(rows, struct audit_row, 0)->path;
    CHECK(str_utf8(stored));
    CHECK(stored.len < sizeof(path->bytes));
    memcpy(path->bytes, stored.ptr, stored.len);
    path->len = stored.len;
    path->bytes[path->len] = '\0';
    return OK;
}

TEST_DB(audit_odd_paths, "any bytes a client puts into a path are stored as text, at most so long")
{
    struct fixture *f = fixture_open(db, NULL);
    struct odd_path path = {.bytes = "/a\001b\xff", .len = 5};

    COMMAND(f, put_odd, &path, OK);
    READ(f, last_path, &path, OK);
    CHECK_EQ_STR(path.bytes, "/a?b?");
    memset(path.bytes, 'a', sizeof(path.bytes));
    memcpy(path.bytes + AUDIT_PATH_LEN_MAX - 1, "\xe5\xad\xa6", 3); /* Over the edge. */
    path.len = AUDIT_PATH_LEN_MAX + 2;
    COMMAND(f, put_odd, &path, OK);
    READ(f, last_path, &path, OK);
    CHECK_EQ_INT(path.len, AUDIT_PATH_LEN_MAX - 1);
    memcpy(path.bytes + AUDIT_PATH_LEN_MAX - 3, "\xe5\xad\xa6", 3);
    path.len = AUDIT_PATH_LEN_MAX;
    COMMAND(f, put_odd, &path, OK);
    READ(f, last_path, &path, OK);
    CHECK_EQ_INT(path.len, AUDIT_PATH_LEN_MAX);
    check_sound(f, NULL, 3);
    fixture_close(f);
}
