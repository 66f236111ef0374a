/*
 * textbook_pg.c - yardstick: one transaction per order on PostgreSQL, as the textbook has it.
 *
 *   textbook_pg URL CLIENTS SECONDS [--lock-last]
 *
 * Each client is a connection with prepared statements that does one thing after the other: BEGIN,
 * take stock of the hot SKU if there is enough, insert the other rows, COMMIT.  --lock-last takes
 * the stock as the last statement, so that the hot row is locked during the commit only: what a
 * careful author does.  One thread drives all clients: measured, a thread for each gives 5 % less.
 * URL names an empty database; the server's CPU is that of the backends alone.
 */
#define _GNU_SOURCE
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "order.h"

/* Steps of an order: BEGIN, the statements, COMMIT.  Each is a prepared statement 'a' + step. */
enum { CLIENTS_MAX = 512, COMMIT = ORDER_STATEMENTS + 1, STEPS };

struct client {
    PGconn *pg;
    int step;
    struct order order;
};
static struct client clients[CLIENTS_MAX];
static int64_t last_id, orders, end_ms;
static int live; /* Clients with an order in flight. */
static bool lock_last;

static void check(bool good, PGconn *pg, const char *what)
{
    if (!good) {
        fprintf(stderr, "textbook_pg: %s: %s\n", what, pg ? PQerrorMessage(pg) : "");
        exit(1);
    }
}

/* Rows touched or read; any failure ends the program. */
static long finish(PGconn *pg, PGresult *result, const char *what)
{
    ExecStatusType status = PQresultStatus(result);
    long rows = strtol(PQcmdTuples(result), NULL, 10);

    PQclear(result);
    check(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, pg, what);
    return rows;
}

/* Which statement a step runs; 0 takes the stock. */
static int statement_of(int step)
{
    return (step + ORDER_STATEMENTS - 1 + (lock_last ? 1 : 0)) % ORDER_STATEMENTS;
}

static void send_step(struct client *client)
{
    const char *values[STATEMENT_VALUES_MAX], name[2] = {(char)('a' + client->step)};
    bool plain = client->step == 0 || client->step == COMMIT;
    int k = statement_of(client->step), count = plain ? 0 : order_statements[k].count;
    char numbers[STATEMENT_VALUES_MAX][24];

    if (client->step == 0)
        order_invent(&client->order, ++last_id, 1);
    for (int n = 0; n < count; n++)
        values[n] = order_text(&client->order, order_statements[k].values[n], numbers[n]);
    bool sent = PQsendQueryPrepared(client->pg, name, count, values, NULL, NULL, 0) == 1;

    check(sent && PQflush(client->pg) == 0, client->pg, "send");
}

/* Something came: go on when it is a whole result, with the next order if there is time. */
static void receive(struct client *client)
{
    bool plain = client->step == 0 || client->step == COMMIT;

    check(PQconsumeInput(client->pg) == 1, client->pg, "receive");
    if (PQisBusy(client->pg))
        return;
    check(finish(client->pg, PQgetResult(client->pg), "order") == 1 || plain, NULL, "no stock");
    check(PQgetResult(client->pg) == NULL, client->pg, "end of statement");
    client->step = (client->step + 1) % STEPS;
    orders += client->step == 0;
    if (client->step > 0 || now_ms() < end_ms)
        send_step(client);
    else
        live--;
}

static void create_tables(PGconn *pg)
{
    const char *const sku[] = {"1"};

    check(finish(pg, PQexec(pg, postgres_durable), "settings") == 1, NULL,
          "the server is not durable");
    finish(pg, PQexec(pg, order_schema), "schema (is the database empty?)");
    finish(pg, PQexecParams(pg, order_stock, 1, NULL, sku, NULL, NULL, 0), "stock");
}

static void connect_client(struct client *client, const char *url)
{
    client->pg = PQconnectdb(url);
    check(PQstatus(client->pg) == CONNECTION_OK, client->pg, "connect");
    if (client == clients)
        create_tables(client->pg);
    for (int step = 0; step < STEPS; step++) {
        const char name[2] = {(char)('a' + step)}, *sql = order_statements[statement_of(step)].sql;

        sql = step == 0 ? "begin" : step == COMMIT ? "commit" : sql;
        finish(client->pg, PQprepare(client->pg, name, sql, 0, NULL), sql);
    }
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0, epoll = epoll_create1(0);
    struct epoll_event events[CLIENTS_MAX];
    double client_us, server_us = 0;

    check(count > 0 && count <= CLIENTS_MAX, NULL, "usage: URL CLIENTS SECONDS [--lock-last]");
    lock_last = argc > 4 && strcmp(argv[4], "--lock-last") == 0;
    for (int k = 0; k < count; k++) {
        connect_client(&clients[k], argv[1]);
        events[0] = (struct epoll_event){.events = EPOLLIN, .data.ptr = &clients[k]};
        check(!epoll_ctl(epoll, EPOLL_CTL_ADD, PQsocket(clients[k].pg), events), NULL, "epoll");
    }
    for (int k = 0; k < count; k++)
        server_us -= cpu_us_of(PQbackendPID(clients[k].pg));
    client_us = -cpu_us_self();

    int64_t start_ms = now_ms();

    end_ms = start_ms + (int64_t)(strtod(argv[3], NULL) * 1000);
    for (live = 0; live < count; live++)
        send_step(&clients[live]);
    while (live > 0)
        for (int n = epoll_wait(epoll, events, CLIENTS_MAX, -1), k = 0; k < n; k++)
            receive(events[k].data.ptr);
    client_us += cpu_us_self();
    for (int k = 0; k < count; k++)
        server_us += cpu_us_of(PQbackendPID(clients[k].pg));
    printf("{\"orders\":%lld,\"per_s\":%.1f,\"client_cpu_us_per_order\":%.1f,"
           "\"server_cpu_us_per_order\":%.1f}\n",
           (long long)orders, (double)orders * 1000 / (double)(now_ms() - start_ms),
           client_us / (double)orders, server_us / (double)orders);
    return 0;
}
