/*
 * bare_loop.h - between bare_loop.c (SQLite) and bare_http.c (sockets).
 */
#ifndef GREVY_BENCH_BARE_LOOP_H
#define GREVY_BENCH_BARE_LOOP_H

#include <stdbool.h>

#define ORDER_ROW_KEY "integer"
#include "order.h"

/** Place orders, filled in, in one durable transaction; placed[k] false: no stock. */
void place_batch(struct order *const *orders, bool *placed, int count);

_Noreturn void serve(int port);
void check(bool good, const char *what); /* Ends the program when not good. */

#endif
