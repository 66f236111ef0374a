/*
 * bare_loop.c - yardstick: the rows of a durable order, group-committed into SQLite by a bare loop.
 *
 *   bare_loop DB SKUS SECONDS        batches of 64 orders, no network: what SQLite alone can do
 *   bare_loop DB SKUS --http PORT    drain every readable socket, one transaction, commit, answer
 *
 * One thread, one connection, prepared statements; no authorisation, validation, log or metrics.
 * It takes for granted what the load generator sends: a well-formed order with a key of its own
 * (an idempotency key seen twice stops it).
 */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bare_loop.h"

enum { BATCH = 64 };

static sqlite3 *db;
static sqlite3_stmt *begin, *commit, *prepared[ORDER_STATEMENTS];

void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bare_loop: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
        exit(1);
    }
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;

    check(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) == 0, sql);
    return statement;
}

static void run(sqlite3_stmt *statement)
{
    check(sqlite3_step(statement) == SQLITE_DONE, sqlite3_sql(statement));
    sqlite3_reset(statement);
}

static void open_db(const char *path, int skus)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    static const char pragmas[] = "pragma journal_mode=wal; pragma synchronous=full";

    check(sqlite3_open_v2(path, &db, flags, NULL) == 0, "open");
    check(sqlite3_exec(db, pragmas, 0, 0, 0) == 0, pragmas);
    check(sqlite3_exec(db, order_schema, 0, 0, 0) == 0, "schema: is the file empty?");
    begin = prepare("begin immediate");
    commit = prepare("commit");
    for (int k = 0; k < ORDER_STATEMENTS; k++)
        prepared[k] = prepare(order_statements[k].sql);
    sqlite3_stmt *stock = prepare(order_stock);

    run(begin);
    for (int k = 1; k <= skus; k++) {
        sqlite3_bind_int64(stock, 1, k);
        run(stock);
    }
    run(commit);
}

/* False: no stock. */
static bool place(struct order *order)
{
    for (int k = 0; k < ORDER_STATEMENTS; k++) {
        for (int n = 0; n < order_statements[k].count; n++) {
            enum value value = order_statements[k].values[n];

            if (value < NUMBERS)
                sqlite3_bind_int64(prepared[k], n + 1, order->number[value]);
            else
                sqlite3_bind_text(prepared[k], n + 1, order->text[value - NUMBERS],
                                  order->len[value - NUMBERS], SQLITE_STATIC);
        }
        run(prepared[k]);
        if (k == 0 && sqlite3_changes(db) == 0)
            return false;
    }
    return true;
}

void place_batch(struct order *const *orders, bool *placed, int count)
{
    run(begin);
    for (int k = 0; k < count; k++)
        placed[k] = place(orders[k]);
    run(commit);
}

static void loop_alone(int skus, double seconds)
{
    static struct order orders[BATCH];
    struct order *batch[BATCH];
    bool placed[BATCH];
    int64_t start_ms = now_ms(), end_ms = start_ms, last_id = 0;

    for (int k = 0; k < BATCH; k++)
        batch[k] = &orders[k];
    for (; end_ms < start_ms + (int64_t)(seconds * 1000); end_ms = now_ms()) {
        for (int k = 0; k < BATCH; k++) {
            last_id++;
            order_invent(&orders[k], last_id, 1 + last_id * 7919 % skus);
        }
        place_batch(batch, placed, BATCH);
    }
    printf("{\"orders\":%lld,\"per_s\":%.1f,\"cpu_us_per_order\":%.2f}\n", (long long)last_id,
           (double)last_id * 1000 / (double)(end_ms - start_ms), cpu_us_self() / (double)last_id);
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: bare_loop DB SKUS SECONDS | bare_loop DB SKUS --http PORT\n");
        return 2;
    }
    open_db(argv[1], (int)strtol(argv[2], NULL, 10));
    if (argc == 5)
        serve((int)strtol(argv[4], NULL, 10));
    loop_alone((int)strtol(argv[2], NULL, 10), strtod(argv[3], NULL));
    return 0;
}
