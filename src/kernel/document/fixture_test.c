/*
 * fixture_test.c - the module behind fixture.h.
 */
#include "kernel/document/fixture.h"

bool prices_refused;

struct price {
    int64_t price; /* First: a test reads it without knowing more. */
    bool grow;
};
static const struct field price_fields[] = {F(price, price, .max = 1000, .flags = FIELD_REQUIRED),
                                            F(price, grow), F_END};

static enum err compile_price(struct cx *cx, struct arena *keep, const struct document *document,
                              struct json json, const void **out)
{
    struct price *price = arena_alloc(keep, sizeof(*price));

    (void)document;
    TRY(field_decode(cx, price_fields, FIELD_LENIENT, json, "", price));
    while (price->grow)
        (void)arena_alloc(keep, 4096);
    if (prices_refused)
        return fail(cx, ERR_BAD_INPUT, "refused", "this process compiles nothing");
    *out = price;
    return OK;
}

static enum err check_price(struct cx *cx, const struct document *document)
{
    int64_t unlucky;

    (void)document;
    TRY(sql_int(cx, &unlucky, 0,
                "select count(*) from kernel_document_version where key = ?1 and"
                " version = ?2 and body like '%:13%'",
                BIND(TEXT(document->key), INT(document->version))));
    return unlucky ? fail(cx, ERR_UNPROCESSABLE, "unlucky", "13 is no price") : OK;
}

struct price_query {
    struct str user;
};
static const struct field price_query_fields[] = {F(price_query, user), F_END};

static enum err get_price(struct req *req)
{
    const struct price_query *query = req->query;
    struct str user = query->user.len > 0 ? query->user : (struct str){0};
    const struct document *document =
        document_find(documents_now(req->cx), "probe.price", req->params[0].text, user);

    if (!document)
        return fail(req->cx, ERR_NOT_FOUND, "no_price", "no such price");
    return reply_json(req, 200, price_fields, document->compiled);
}

const struct module prices_module = {
    .name = "probe",
    .routes = ROUTES({"GET", "/v1/probe/prices/{document_key}", get_price, TX_NONE, "probe:read",
                      QUERY(price_query, price_query_fields), .reply = price_fields,
                      .doc = "What is compiled."}),
    .collections = COLLECTIONS(
        {"probe.price", "Prices.", .compile = compile_price, .check = check_price},
        {"probe.law", "Prices by law.", .compile = compile_price, .flags = COLLECTION_REVIEWED}),
};

struct mini *prices_open(const char *db)
{
    static const struct module *const modules[] = {&prices_module, NULL};

    prices_refused = false;
    return mini_open_modules(db, modules);
}

const char *prices_key(struct mini *m, const char *scopes)
{
    struct answer answer =
        mini_http(m, "POST /v1/keys", mini_text(m, "{\"name\":\"other\",\"scopes\":[%s]}", scopes));

    CHECK_SAY(answer.status == 201, "%d %s", answer.status, answer.body);
    return mini_get(m, answer, "token");
}
