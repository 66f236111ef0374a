/*
 * demo.c - grevy demo: a school, and a shop with real orders, in this process.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/retail_tool.h"
#include "kernel/base/log.h"

enum { PATH_LEN_MAX = 512, COUNTS_CONNECTIONS = 8 };

struct demo {
    struct cli_platform platform;
    struct confine confine;
    const char *listen, *sample;
    char url[PATH_LEN_MAX], school_path[PATH_LEN_MAX], sample_path[PATH_LEN_MAX];
    struct server server;
    struct space *school, *shop;
    struct server_key school_key, shop_key;
};

/* ---- Files: in the tree that we stand in, or beside the one that the binary was built in ---- */

static bool find_file(const char *name, char out[PATH_LEN_MAX])
{
    char self[PATH_LEN_MAX / 2];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    snprintf(out, PATH_LEN_MAX, "demo/%s", name);
    if (access(out, R_OK) == 0)
        return true;
    self[len > 0 ? len : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    snprintf(out, PATH_LEN_MAX, "%s/../demo/%s", self, name);
    if (access(out, R_OK) == 0)
        return true;
    fprintf(stderr, "grevy: demo/%s is not here: start in the directory of the source tree\n",
            name);
    return false;
}

static bool find_files(struct demo *demo)
{
    if (demo->sample)
        snprintf(demo->sample_path, PATH_LEN_MAX, "%s", demo->sample);
    else if (!find_file("online_retail_sample.csv", demo->sample_path))
        return false;
    return find_file("school.json", demo->school_path);
}

/* ---- The shop's sums ---- */

struct counts {
    const struct retail_shop *shop;
    _Atomic int64_t on_hand, reserved, sold;
};

static bool count_stock(struct client *client, size_t k, void *context)
{
    struct counts *counts = context;
    struct client_request request = {
        .method = "GET", .path = cx_printf(&client->cx, "/v1/stock/%s", counts->shop->ids[k])};
    struct client_answer answer;
    struct json stock;

    if (!client_call(client, &request, &answer) || answer.status != 200 ||
        !client_json(client, &answer, &stock)) {
        client_complain(client, &request, &answer);
        return false;
    }
    atomic_fetch_add(&counts->on_hand, client_int(stock, "on_hand"));
    atomic_fetch_add(&counts->reserved, client_int(stock, "reserved"));
    atomic_fetch_add(&counts->sold, client_int(stock, "sold"));
    return true;
}

/* What the file says must be there. */
struct expected {
    int64_t pieces, sold_minor, returned_pieces, returned_minor;
};

static struct expected expect(const struct retail *retail)
{
    struct expected sum = {0};

    for (size_t k = 0; k < retail->sales.count; k++) {
        const struct retail_sale *sale = &retail->sales.items[k];

        sum.pieces += sale->quantity;
        sum.sold_minor += sale->quantity * sale->price_minor;
        sum.returned_pieces += sale->quantity - sale->left;
        sum.returned_minor += (sale->quantity - sale->left) * sale->price_minor;
    }
    return sum;
}

static bool print_stock(const struct client_target *target, const struct retail *retail)
{
    struct retail_shop shop;
    struct counts counts = {.shop = &shop};
    struct client_run run = {.target = target,
                             .count = retail->skus.count,
                             .connections = COUNTS_CONNECTIONS,
                             .job = count_stock,
                             .context = &counts};
    bool ok = retail_shop_find(target, retail, &shop) && client_each(&run);
    int64_t on_hand = atomic_load(&counts.on_hand), sold = atomic_load(&counts.sold);
    int64_t received = expect(retail).pieces;

    retail_shop_free(&shop);
    if (ok)
        printf("stock: %" PRId64 " on hand (%" PRId64 " of them reserved) + %" PRId64
               " sold = %" PRId64 " received: %s\n",
               on_hand, atomic_load(&counts.reserved), sold, received,
               on_hand + sold == received ? "balances" : "DOES NOT BALANCE");
    return ok && on_hand + sold == received;
}

static bool print_money(const struct retail *retail, const struct retail_ledger *ledger)
{
    struct expected sum = expect(retail);
    bool equal = ledger->all.sold_minor == sum.sold_minor &&
                 ledger->all.returned_minor == sum.returned_minor &&
                 ledger->all.returned_quantity == sum.returned_pieces;

    printf("money: GBP %" PRId64 ".%02d sold, %" PRId64 ".%02d of it returned; the file says %s\n",
           ledger->all.sold_minor / 100, (int)(ledger->all.sold_minor % 100),
           ledger->all.returned_minor / 100, (int)(ledger->all.returned_minor % 100),
           equal ? "the same" : "OTHERWISE");
    return equal;
}

static void print_states(const struct retail_ledger *ledger)
{
    printf("orders by state:");
    for (size_t k = 0; k < ledger->states.names.count; k++)
        printf(" %" PRId64 " " STR_FMT, ledger->states.totals[k].orders,
               STR_ARG(ledger->states.names.items[k]));
    printf("; %" PRId64 " countries, %zu months, %zu products\n",
           (int64_t)ledger->countries.names.count, ledger->months.names.count,
           ledger->skus.names.count);
}

static bool print_check(const char *space, const struct client_target *target)
{
    struct client_request request = {.method = "GET", .path = STR("/v1/ledger/check")};
    struct client_answer answer;
    struct client client;
    struct json report, value;
    bool ok = false;

    if (!client_open(&client, target))
        return false;
    if (!client_call(&client, &request, &answer) || answer.status != 200 ||
        !client_json(&client, &answer, &report)) {
        client_complain(&client, &request, &answer);
    } else {
        ok = json_get(report, "ok", &value) && json_type(value) == JSON_BOOL && json_bool(value);
        printf("ledger check of %s: %s; %" PRId64 " accounts, %" PRId64 " movements\n", space,
               ok ? "all balances" : "FINDINGS, see GET /v1/ledger/check",
               client_int(report, "accounts"), client_int(report, "movements"));
    }
    client_close(&client);
    return ok;
}

/* ---- The shop ---- */

static bool fill_shop(const struct client_target *target, const struct retail *retail)
{
    struct retail_imported imported;
    struct retail_replayed replayed;
    struct retail_ledger ledger = {0};
    bool ok = retail_import(target, retail, false, &imported) &&
              retail_replay(target, retail, &replayed) &&
              retail_ledger_read(target, retail, &ledger);

    if (ok) {
        if (replayed.orders == 0 && replayed.refunds == 0)
            printf("\nThe shop was replayed before: %zu orders are there, nothing changed.\n",
                   replayed.orders_there);
        else
            retail_print_replayed(&replayed);
        print_states(&ledger);
        ok = print_stock(target, retail);
        ok = print_money(retail, &ledger) && ok && replayed.failures == 0;
    }
    retail_ledger_free(&ledger);
    return ok;
}

static bool shop(const struct demo *demo)
{
    struct client_target target = {demo->url, demo->shop_key.token};
    struct retail retail = {0};
    bool ok = tool_read(&retail, demo->sample_path);

    if (ok) {
        printf("The shop: %" PRId64 " rows of Online Retail (UCI, CC BY 4.0): %" PRId64
               " sales, %" PRId64 " returns, %zu bad (grevy import --dry-run lists them)\n",
               retail.rows, retail.sale_rows, retail.return_rows, retail.bad.count);
        fflush(stdout);
        ok = fill_shop(&target, &retail);
        ok = print_check("shop", &target) && ok;
    }
    retail_free(&retail);
    return ok;
}

static bool school(const struct demo *demo)
{
    struct client_target target = {demo->url, demo->school_key.token};

    return demo_school(&target, demo->school_path) && print_check("school", &target);
}

/* ---- Life ---- */

static bool open_spaces(struct demo *demo)
{
    demo->school_key.name = demo->shop_key.name = "demo";
    return server_space(&demo->server, "school", true, &demo->school) &&
           server_space(&demo->server, "shop", true, &demo->shop) &&
           server_key_make(demo->school, &demo->school_key) &&
           server_key_make(demo->shop, &demo->shop_key) &&
           server_listen(&demo->server, demo->listen, "school");
}

/* What does not balance is said, and looked into while it serves. */
static bool run(struct demo *demo)
{
    bool ok;

    if (!open_spaces(demo))
        return false;
    snprintf(demo->url, sizeof(demo->url), "http://127.0.0.1:%d", http_port(demo->server.http));
    ok = shop(demo);
    ok = school(demo) && ok;
    printf("\nadmin key of the space school: %s\nadmin key of the space shop:   %s\n"
           "(keys of an earlier demo on this data are revoked)\n",
           demo->school_key.token, demo->shop_key.token);
    printf("Grevy serves on %s: /docs describes the API, Ctrl-C ends it.\n", demo->url);
    fflush(stdout);
    server_wait();
    return ok;
}

int cmd_demo(int argc, char **argv)
{
    struct demo demo = {.listen = "127.0.0.1:8080", .platform = {.data = "var/demo"}};
    const struct option_row rows[] = {CLI_PLATFORM_OPTIONS(demo.platform),
                                      {"--listen", &demo.listen, NULL},
                                      {"--sample", &demo.sample, NULL},
                                      CLI_CONFINE_OPTIONS(demo.confine),
                                      {NULL, NULL, NULL}};
    bool ok = false;

    if (!options_read(argc, argv, rows, NULL, 0) || !confine_mode_ok(&demo.confine))
        return usage_of(argv[0]);
    if (!find_files(&demo))
        return EXIT_FAILED;
    server_block_signals();
    log_to(STDERR_FILENO, LOG_WARN);
    demo.confine.listen = demo.listen;
    demo.confine.files[0] = demo.sample_path;
    demo.confine.files[1] = demo.school_path;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (server_open(&demo.server, &demo.platform, NULL, &demo.confine)) {
        ok = run(&demo);
        server_close(&demo.server);
    }
    free(demo.school_key.token);
    free(demo.shop_key.token);
    log_close();
    return ok ? EXIT_DONE : EXIT_FAILED;
}
