/*
 * import.c - grevy import: a product for each SKU that a file sells, and as many pieces.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/retail_tool.h"

enum { PRODUCTS_AT_ONCE = 200, IMPORT_CONNECTIONS = 4 };

/* ---- What the shop has ---- */

static void note_product(struct client *client, const struct retail *retail,
                         struct retail_shop *shop, struct json product)
{
    struct json skus;

    if (!json_get(product, "skus", &skus) || json_type(skus) != JSON_LIST)
        return;
    for (struct json_iter it = json_iter(skus); json_next(&it);) {
        int64_t k = retail_names_find(&retail->codes, client_text(client, it.value, "code"));
        struct str id = client_text(client, it.value, "id");

        if (k == RETAIL_NONE || id.len > TOOL_ID_LEN_MAX || shop->ids[k][0])
            continue;
        memcpy(shop->ids[k], id.ptr, id.len);
        shop->missing--;
    }
}

/* Note the products of a page; *next is the cursor after it, in memory of the client. */
static bool note_page(struct client *client, const struct retail *retail, struct retail_shop *shop,
                      struct str *next)
{
    struct client_request request = {.method = "GET", .path = STR("/v1/products?limit=200")};
    struct client_answer answer;
    struct json page, data;

    if (next->ptr)
        request.path =
            cx_printf(&client->cx, "/v1/products?limit=200&cursor=" STR_FMT, STR_ARG(*next));
    if (!client_call(client, &request, &answer) || answer.status != 200 ||
        !client_json(client, &answer, &page) || !json_get(page, "data", &data) ||
        json_type(data) != JSON_LIST) {
        client_complain(client, &request, &answer);
        return false;
    }
    for (struct json_iter it = json_iter(data); json_next(&it);)
        note_product(client, retail, shop, it.value);
    *next = client_text(client, page, "next");
    return true;
}

bool retail_shop_find(const struct client_target *target, const struct retail *retail,
                      struct retail_shop *shop)
{
    struct client client;
    struct str next = {0};
    bool ok;

    *shop = (struct retail_shop){.missing = retail->skus.count};
    shop->ids = calloc(retail->skus.count + 1, sizeof(*shop->ids));
    if (!shop->ids || !client_open(&client, target))
        return false;
    do {
        char cursor[CLIENT_TEXT_LEN_MAX];

        snprintf(cursor, sizeof(cursor), STR_FMT, STR_ARG(next));
        cx_reset(&client.cx);
        next = next.ptr ? cx_copy(&client.cx, str_of(cursor)) : next;
        ok = note_page(&client, retail, shop, &next);
    } while (ok && next.ptr);
    client_close(&client);
    return ok;
}

void retail_shop_free(struct retail_shop *shop)
{
    free(shop->ids);
}

/* ---- Products ---- */

struct import {
    const struct retail *retail;
    struct retail_shop shop; /* As it was found. */
    size_t *wanted;          /* SKUs to be made. */
    size_t wanted_count;
    bool dry_run;
    struct retail_shop after; /* With what was made. */
    atomic_size_t received, received_there;
    _Atomic int64_t pieces;
};

static void write_product(struct json_out *json, const struct retail_sku *sku)
{
    json_object(json);
    json_member_text(json, "title", sku->title);
    json_member_text(json, "kind", STR("goods"));
    json_key(json, STR("skus"));
    json_list(json);
    json_object(json);
    json_member_text(json, "code", sku->code);
    json_key(json, STR("price"));
    json_object(json);
    json_member_int(json, "amount", sku->price_minor);
    json_member_text(json, "currency", STR("GBP"));
    json_object_end(json);
    json_member_text(json, "stock", STR("deny"));
    json_object_end(json);
    json_list_end(json);
    json_object_end(json);
}

static bool make_products(struct client *client, size_t k, void *context)
{
    struct import *import = context;
    size_t first = k * PRODUCTS_AT_ONCE, end = first + PRODUCTS_AT_ONCE;
    struct client_request request = {.method = "POST", .path = STR("/v1/products/import")};
    struct client_answer answer;
    struct json_out json;

    end = end < import->wanted_count ? end : import->wanted_count;
    json_open(&json, &client->cx, PRODUCTS_AT_ONCE * 256);
    json_list(&json);
    for (size_t w = first; w < end; w++)
        write_product(&json, &import->retail->skus.items[import->wanted[w]]);
    json_list_end(&json);
    request.body = json_done(&json);
    if (import->dry_run)
        request.path = STR("/v1/products/import?dry_run=true");
    else
        request.idempotency_key = cx_printf(&client->cx, "import-%s-products-%zu-%zu",
                                            import->retail->digest, import->wanted[first], end);
    if (client_call(client, &request, &answer) && answer.status == 200)
        return true;
    client_complain(client, &request, &answer);
    return false;
}

static bool make_missing(const struct client_target *target, struct import *import)
{
    struct client_run run = {.target = target,
                             .label = "products",
                             .connections = IMPORT_CONNECTIONS,
                             .job = make_products,
                             .context = import};

    import->wanted = calloc(import->retail->skus.count + 1, sizeof(size_t));
    assert(import->wanted);
    for (size_t k = 0; k < import->retail->skus.count; k++)
        if (!import->shop.ids[k][0])
            import->wanted[import->wanted_count++] = k;
    run.count = (import->wanted_count + PRODUCTS_AT_ONCE - 1) / PRODUCTS_AT_ONCE;
    return client_each(&run);
}

/* ---- Pieces: received once for a file, which the reason of the movement names ---- */

static bool page_has_reason(struct client *client, const struct client_answer *answer,
                            struct str reason, struct str *next)
{
    struct json page, data;

    *next = (struct str){0};
    if (!client_json(client, answer, &page) || !json_get(page, "data", &data) ||
        json_type(data) != JSON_LIST)
        return false;
    for (struct json_iter it = json_iter(data); json_next(&it);)
        if (str_eq(client_text(client, it.value, "reason"), reason))
            return true;
    *next = client_text(client, page, "next");
    return false;
}

/* False: no answer, complained about. */
static bool was_received(struct client *client, const char *id, struct str reason, bool *found)
{
    struct client_request request = {.method = "GET"};
    struct client_answer answer;
    struct str next = {0};

    *found = false;
    do {
        request.path = cx_printf(&client->cx, "/v1/stock/%s/movements?limit=200%s" STR_FMT, id,
                                 next.ptr ? "&cursor=" : "", STR_ARG(next));
        if (!client_call(client, &request, &answer) || answer.status != 200) {
            client_complain(client, &request, &answer);
            return false;
        }
        *found = page_has_reason(client, &answer, reason, &next);
    } while (!*found && next.ptr);
    return true;
}

static bool receive(struct client *client, size_t k, void *context)
{
    struct import *import = context;
    const struct retail_sku *sku = &import->retail->skus.items[k];
    struct client_request request = {.method = "POST", .path = STR("/v1/stock/movements")};
    struct str reason = cx_printf(&client->cx, "import %s", import->retail->digest);
    const char *id = import->after.ids[k];
    struct client_answer answer;
    bool there = false;

    if (import->shop.ids[k][0] && !was_received(client, id, reason, &there))
        return false;
    if (there) {
        atomic_fetch_add(&import->received_there, 1);
        return true;
    }
    request.body = cx_printf(&client->cx,
                             "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":%" PRId64
                             ",\"reason\":\"" STR_FMT "\"}",
                             id, sku->quantity, STR_ARG(reason));
    request.idempotency_key = cx_printf(&client->cx, "import-%s-%s", import->retail->digest, id);
    if (!client_call(client, &request, &answer) || answer.status != 201) {
        client_complain(client, &request, &answer);
        return false;
    }
    atomic_fetch_add(&import->received, 1);
    atomic_fetch_add(&import->pieces, sku->quantity);
    return true;
}

static bool receive_all(const struct client_target *target, struct import *import)
{
    struct client_run run = {.target = target,
                             .label = "pieces",
                             .count = import->retail->skus.count,
                             .job = receive,
                             .context = import};

    if (!retail_shop_find(target, import->retail, &import->after))
        return false;
    if (import->after.missing > 0) {
        fprintf(stderr, "grevy: %zu products are not in the shop after the import\n",
                import->after.missing);
        return false;
    }
    return client_each(&run);
}

bool retail_import(const struct client_target *target, const struct retail *retail, bool dry_run,
                   struct retail_imported *out)
{
    struct import import = {.retail = retail, .dry_run = dry_run};
    bool ok = retail_shop_find(target, retail, &import.shop) && make_missing(target, &import) &&
              (dry_run || receive_all(target, &import));

    *out = (struct retail_imported){.products = import.wanted_count,
                                    .products_there = retail->skus.count - import.wanted_count,
                                    .received = atomic_load(&import.received),
                                    .received_there = atomic_load(&import.received_there),
                                    .pieces = atomic_load(&import.pieces)};
    free(import.wanted);
    retail_shop_free(&import.shop);
    retail_shop_free(&import.after);
    return ok;
}

/* ---- The command ---- */

void retail_print_bad(const struct retail *retail)
{
    for (size_t k = 0; k < retail->bad.count; k++)
        printf("line %" PRId64 ": %s\n", retail->bad.items[k].line,
               retail_reasons[retail->bad.items[k].reason]);
    printf("%" PRId64 " rows: %" PRId64 " sales, %" PRId64 " returns, %zu bad\n", retail->rows,
           retail->sale_rows, retail->return_rows, retail->bad.count);
    for (int k = RETAIL_GOOD + 1; k < RETAIL_REASON_COUNT; k++)
        if (retail->reasons[k])
            printf("  %-16s %" PRId64 "\n", retail_reasons[k], retail->reasons[k]);
}

static int import_to(const struct tool_options *options, const struct retail *retail, bool dry_run)
{
    struct retail_imported imported;
    struct tool tool;
    bool ok;

    if (!tool_open(&tool, options))
        return EXIT_FAILED;
    ok = retail_import(&tool.target, retail, dry_run, &imported);
    tool_close(&tool);
    if (!ok)
        return EXIT_FAILED;
    printf("%zu products %s, %zu were there\n", imported.products, dry_run ? "can be made" : "made",
           imported.products_there);
    if (!dry_run)
        printf("%" PRId64 " pieces received of %zu products; of %zu they were there\n",
               imported.pieces, imported.received, imported.received_there);
    return EXIT_DONE;
}

int cmd_import(int argc, char **argv)
{
    struct tool_options options = {0};
    bool dry_run = false;
    const struct option_row rows[] = {
        TOOL_OPTIONS(options), {"--dry-run", NULL, &dry_run}, {NULL, NULL, NULL}};
    struct retail retail = {0};
    const char *words[2];
    int status = EXIT_FAILED;

    if (!options_read(argc, argv, rows, words, 2) || !words[0] || words[1])
        return usage_of(argv[0]);
    if (tool_read(&retail, words[0])) {
        retail_print_bad(&retail);
        status = import_to(&options, &retail, dry_run);
    }
    retail_free(&retail);
    return status;
}
