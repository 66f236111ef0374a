/*
 * fixture.h - a database of a test's own.  For *_test.c of kernel/sql.
 */
#ifndef GREVY_SQL_FIXTURE_H
#define GREVY_SQL_FIXTURE_H

#include "kernel/sql/driver.h"
#include "test/kit/test.h"

struct fixture {
    struct cx cx; /* cx.db is a writing connection. */
    char url[512];
    bool postgres;
};

enum { FIXTURE_CX_BYTES = 64 << 20 };

void fixture_open(struct fixture *f, const char *db);
void fixture_close(struct fixture *f); /* Drops what the test made. */

/** One more connection, with a cx of its own; options but for the place. */
void fixture_more(struct fixture *f, struct cx *cx, struct sql_options options);
void fixture_less(struct cx *cx);

/** What options must say of the place. */
struct sql_options fixture_place(const struct fixture *f, struct sql_options options);

/** The first column of the first row. */
int64_t fixture_int(struct cx *cx, const char *sql);
uint64_t fixture_round_trips(const struct cx *cx); /* PostgreSQL */

/** The call must succeed. */
#define FINE(cx_, call_)                                                                           \
    do {                                                                                           \
        enum err fine_ = (call_);                                                                  \
        CHECK_SAY(fine_ == OK, "%s: %s", (cx_)->problem.code, (cx_)->problem.detail);              \
    } while (0)

/** The call must fail, with this err and code; what was recorded is then forgotten. */
#define FAILS(cx_, err_, code_, call_)                                                             \
    do {                                                                                           \
        CHECK_EQ_INT(call_, err_);                                                                 \
        CHECK_EQ_INT((cx_)->problem.err, err_);                                                    \
        CHECK_EQ_STR((cx_)->problem.code, code_);                                                  \
        CHECK((cx_)->problem.detail[0]);                                                           \
        fail_clear(cx_);                                                                           \
    } while (0)

/* What most tests write and read. */
enum { COLOUR_RED, COLOUR_GREEN };
struct item {
    int64_t id, number;
    struct str name, note;
    int colour;
    bool on;
    int64_t made_ms, price;
    struct str currency;
    double weight;
    struct str data;
};
extern const struct field item_fields[];
extern const struct table item_table;

/** create table item */
void fixture_items(struct fixture *f);
/** Two keys, and nothing else. */
struct link {
    struct str from;
    int64_t to;
};
extern const struct table link_table;

#endif
