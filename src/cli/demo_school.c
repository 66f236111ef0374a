/*
 * demo_school.c - the demo's school: its products and seats, an order that waits, and what to try.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/retail_tool.h"

enum { SCHOOL_BYTES_MAX = 64 << 10, SCHOOL_ITEMS_MAX = 100 };

struct school {
    struct client client;
    char text[SCHOOL_BYTES_MAX]; /* The file. */
    char order[TOOL_ID_LEN_MAX + 1];
};

static bool ask(struct school *school, const struct client_request *request, int status,
                struct client_answer *answer)
{
    if (client_call(&school->client, request, answer) && answer->status == status)
        return true;
    client_complain(&school->client, request, answer);
    return false;
}

static bool read_file(struct school *school, const char *path)
{
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(school->text, 1, sizeof(school->text) - 1, file) : 0;

    if (file)
        fclose(file);
    if (len == 0)
        fprintf(stderr, "grevy: %s cannot be read\n", path);
    school->text[len] = '\0';
    return len > 0;
}

/* The texts of a list of the file; each is parsed again by itself. */
static size_t items_of(struct school *school, const char *list_name,
                       struct str items[SCHOOL_ITEMS_MAX])
{
    struct json file, list;
    size_t count = 0;

    if (json_parse(&school->client.cx, str_of(school->text), &file) != OK ||
        !json_get(file, list_name, &list) || json_type(list) != JSON_LIST) {
        fprintf(stderr, "grevy: school.json: there is no list %s\n", list_name);
        return 0;
    }
    for (struct json_iter it = json_iter(list); json_next(&it) && count < SCHOOL_ITEMS_MAX;)
        items[count++] = json_minified(&school->client.cx, it.value);
    return count;
}

/* The id of a SKU, by its code, in the pages of the catalogue: a school has a few products. */
static struct str sku_of(struct school *school, struct str code)
{
    struct client_request request = {.method = "GET", .path = STR("/v1/products?limit=200")};
    struct client_answer answer;
    struct json page, data, skus;

    if (!ask(school, &request, 200, &answer) || !client_json(&school->client, &answer, &page) ||
        !json_get(page, "data", &data))
        return (struct str){0};
    for (struct json_iter p = json_iter(data); json_next(&p);) {
        if (!json_get(p.value, "skus", &skus))
            continue;
        for (struct json_iter s = json_iter(skus); json_next(&s);)
            if (str_eq(client_text(&school->client, s.value, "code"), code))
                return client_text(&school->client, s.value, "id");
    }
    return (struct str){0};
}

/* The code of the first SKU of a product. */
static struct str first_code(struct school *school, struct str product)
{
    struct json body, skus;

    if (json_parse(&school->client.cx, product, &body) != OK || !json_get(body, "skus", &skus))
        return (struct str){0};
    for (struct json_iter it = json_iter(skus); json_next(&it);)
        return client_text(&school->client, it.value, "code");
    return (struct str){0};
}

static bool make_products(struct school *school)
{
    struct str items[SCHOOL_ITEMS_MAX];
    size_t count = items_of(school, "products", items);
    struct client_request request = {.method = "POST", .path = STR("/v1/products")};
    struct client_answer answer;

    for (size_t k = 0; k < count; k++) {
        request.body = items[k];
        if (!sku_of(school, first_code(school, items[k])).ptr &&
            !ask(school, &request, 201, &answer))
            return false;
    }
    return count > 0;
}

/* Pieces and seats, for what never had any. */
static bool receive_one(struct school *school, struct str item)
{
    struct cx *cx = &school->client.cx;
    struct client_request look = {.method = "GET"};
    struct client_request request = {.method = "POST", .path = STR("/v1/stock/movements")};
    struct str code, kind, reason, sku;
    struct client_answer answer;
    struct json movement, stock;
    int64_t quantity;

    if (json_parse(cx, item, &movement) != OK)
        return false;
    code = client_text(&school->client, movement, "sku_code");
    kind = client_text(&school->client, movement, "kind");
    reason = client_text(&school->client, movement, "reason");
    quantity = client_int(movement, "quantity");
    sku = sku_of(school, code);
    look.path = cx_printf(cx, "/v1/stock/" STR_FMT, STR_ARG(sku));
    if (!ask(school, &look, 200, &answer) || !client_json(&school->client, &answer, &stock))
        return false;
    if (client_int(stock, "on_hand") + client_int(stock, "sold") > 0)
        return true;
    request.body = cx_printf(cx,
                             "{\"sku\":\"" STR_FMT "\",\"kind\":\"" STR_FMT
                             "\",\"quantity\":%" PRId64 ",\"reason\":\"" STR_FMT "\"}",
                             STR_ARG(sku), STR_ARG(kind), quantity, STR_ARG(reason));
    request.idempotency_key = cx_printf(cx, "school-" STR_FMT, STR_ARG(sku));
    return ask(school, &request, 201, &answer);
}

static bool receive_all(struct school *school)
{
    struct str items[SCHOOL_ITEMS_MAX];
    size_t count = items_of(school, "stock", items);

    for (size_t k = 0; k < count; k++)
        if (!receive_one(school, items[k]))
            return false;
    return count > 0;
}

static bool note_id(char to[TOOL_ID_LEN_MAX + 1], struct str id)
{
    snprintf(to, TOOL_ID_LEN_MAX + 1, STR_FMT, STR_ARG(id));
    return id.len > 0;
}

/* A parent buys the spring term for two children, and has not paid yet. */
static bool place_order(struct school *school)
{
    struct client_request request = {.method = "POST", .path = STR("/v1/orders")};
    struct str spring = sku_of(school, STR("SYSTEM-SPRING"));
    struct client_answer answer;
    struct json order;

    if (!spring.ptr) {
        fputs("grevy: the school lacks SYSTEM-SPRING\n", stderr);
        return false;
    }
    request.body =
        cx_printf(&school->client.cx,
                  "{\"user\":\"parent-1\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"" STR_FMT
                  "\",\"quantity\":1,\"for\":\"child-1\"},{\"sku\":\"" STR_FMT
                  "\",\"quantity\":1,\"for\":\"child-2\"}]}",
                  STR_ARG(spring), STR_ARG(spring));
    return ask(school, &request, 201, &answer) && client_json(&school->client, &answer, &order) &&
           note_id(school->order, client_text(&school->client, order, "id"));
}

static void print_lines(const struct school *school)
{
    const struct client_target *target = school->client.target;

    printf("\nTry the school. parent-1 ordered the spring term for child-1 and child-2; pay it:\n"
           "  curl -H 'Authorization: Bearer %s' --json '{\"provider\":\"manual\"}' "
           "%s/v1/orders/%s/payments\n",
           target->key, target->url, school->order);
    printf("See what child-1 may learn now, and until when:\n"
           "  curl -H 'Authorization: Bearer %s' %s/v1/users/child-1/entitlements\n",
           target->key, target->url);
    printf("See the material kits: the first wait to be packed, the second are planned for week "
           "12:\n"
           "  curl -H 'Authorization: Bearer %s' %s/v1/orders/%s/shipments\n",
           target->key, target->url, school->order);
}

bool demo_school(const struct client_target *target, const char *path)
{
    struct school *school = calloc(1, sizeof(*school));
    bool ok;

    assert(school);
    if (!client_open(&school->client, target)) {
        free(school);
        return false;
    }
    ok = read_file(school, path) && make_products(school) && receive_all(school) &&
         place_order(school);
    if (ok)
        print_lines(school);
    client_close(&school->client);
    free(school);
    return ok;
}
