/*
 * retail_tool.h - a shop made of an Online Retail file, through the public HTTP API: what grevy
 * import, replay and demo share.
 *
 * Invariants:
 *   - everything a shop has came through HTTP requests with an API key;
 *   - doing the same again changes nothing: products are found by code, pieces are received once
 *     for a file, an order is one of its channel, a refund has its reference.
 */
#ifndef GREVY_CLI_RETAIL_TOOL_H
#define GREVY_CLI_RETAIL_TOOL_H

#include "cli/client.h"
#include "cli/retail.h"
#include "cli/serve.h"

#define RETAIL_CHANNEL "online-retail"

enum { TOOL_ID_LEN_MAX = 31 }; /* "sku_" and 13 digits, with room to spare. */

/* ---- Where the shop is: a running server, or a data directory served from here ---- */

struct tool_options {
    struct cli_platform platform;
    const char *url, *key, *space;
};
#define TOOL_OPTIONS(options_)                                                                     \
    CLI_PLATFORM_OPTIONS((options_).platform), {"--url", &(options_).url, NULL},                   \
        {"--key", &(options_).key, NULL},                                                          \
    {                                                                                              \
        "--space", &(options_).space, NULL                                                         \
    }

struct tool {
    struct client_target target;
    char url[64];
    struct server server;
    struct space *space; /* NULL: the server runs elsewhere. */
    struct server_key key;
};
/** False: said why. */
bool tool_open(struct tool *tool, const struct tool_options *options);
void tool_close(struct tool *tool);
/** Read a file; false: said why. */
bool tool_read(struct retail *retail, const char *path);

/* ---- Products and pieces: import.c ---- */

/** The SKU ids of retail->skus, "" where the shop has none. */
struct retail_shop {
    char (*ids)[TOOL_ID_LEN_MAX + 1];
    size_t missing;
};
bool retail_shop_find(const struct client_target *target, const struct retail *retail,
                      struct retail_shop *shop);
void retail_shop_free(struct retail_shop *shop);

struct retail_imported {
    size_t products, products_there, received, received_there;
    int64_t pieces;
};
bool retail_import(const struct client_target *target, const struct retail *retail, bool dry_run,
                   struct retail_imported *out);
void retail_print_bad(const struct retail *retail);

/* ---- Orders, payments, parcels, returns: replay.c ---- */

struct retail_replayed {
    size_t orders, orders_there, payments, parcels, parcels_there, refunds, refunds_there;
    size_t failures;                                  /* What the shop refused. */
    int64_t orders_us, parcels_us, refunds_us;        /* How long it took. */
    int64_t order_p50_us, order_p95_us, order_p99_us; /* Of requests that placed an order. */
};
bool retail_replay(const struct client_target *target, const struct retail *retail,
                   struct retail_replayed *out);
void retail_print_replayed(const struct retail_replayed *replayed);

/* ---- The report: retail_report.c ---- */

/* What the ledger says of one country, month or SKU. */
struct retail_totals {
    int64_t sold_quantity, sold_minor, returned_quantity, returned_minor;
    int64_t orders; /* Of states alone. */
};
struct retail_group {
    struct retail_names names;
    struct retail_totals *totals; /* By number of the name. */
    size_t size;
};
struct retail_ledger {
    struct arena texts;
    struct retail_group countries, months, skus, states;
    struct retail_totals all;
    int64_t orders, guest_orders, lines, returns, refunds;
};
/** Ask the ledger about the file's orders.  To be freed by retail_ledger_free in any case. */
bool retail_ledger_read(const struct client_target *target, const struct retail *retail,
                        struct retail_ledger *out);
void retail_ledger_free(struct retail_ledger *ledger);
/** As docs/online-retail.md has it, with the members of the replay's own. */
bool retail_report_write(const char *path, const struct retail *retail,
                         const struct retail_ledger *ledger,
                         const struct retail_replayed *replayed);

/* ---- The demo ---- */

/** Make what demo/school.json says and an order that waits for payment; print what to try. */
bool demo_school(const struct client_target *target, const char *path);

#endif
