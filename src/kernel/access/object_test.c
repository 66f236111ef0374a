/*
 * object_test.c - objects of one space, asked for by their real ids from another.
 *
 * A shop in the space "default" gets one object of each kind; then every route of every module that
 * names anything is asked in the space "other" with the shop's ids, and with ids that nobody has.
 * The two answers must be the same to the byte.  That the ids are right is shown by asking the shop
 * itself: there the two answers differ.
 */
#include <ctype.h>
#include <stdio.h>

#include "kernel/access/permission_fixture.h"
#include "kernel/document/fixture.h"

enum { IDS_MAX = 512, ANSWERS_MAX = 128, MODULES_MAX = 32, ID_DIGITS = 13, MASKED_MAX = 64 << 10 };

struct world {
    struct mini *m;
    const char *other; /* Admin key of the other space. */
    struct values real, nobodys;
    const char *ids[IDS_MAX]; /* All that the shop ever showed. */
    size_t id_count;
    const char *shown[ANSWERS_MAX]; /* What its GET routes answer. */
    int answers, compared;
};

/* ---- Ids in answers ---- */

/* The length of an id at c, "ord_" and 13 digits; 0: none.  *prefix: of "ord_". */
static size_t id_at(const char *c, size_t *prefix)
{
    size_t k = 0, digits = 0;

    while (islower((unsigned char)c[k]))
        k++;
    if (k == 0 || k > ID_PREFIX_LEN_MAX || c[k] != '_')
        return 0;
    *prefix = k + 1;
    while (digits <= ID_DIGITS && isalnum((unsigned char)c[*prefix + digits]))
        digits++;
    return digits == ID_DIGITS ? *prefix + ID_DIGITS : 0;
}

static void keep_id(struct world *w, const char *id, const char *prefix)
{
    values_set(&w->real, prefix, id);
    for (size_t k = 0; k < w->id_count; k++)
        if (strcmp(w->ids[k], id) == 0)
            return;
    CHECK(w->id_count < IDS_MAX);
    w->ids[w->id_count++] = id;
}

/* The last id of each kind becomes the one that is asked for. */
static void harvest(struct world *w, const char *body)
{
    for (const char *c = strchr(body, '"'); c; c = strchr(c + 1, '"')) {
        size_t prefix, len = id_at(c + 1, &prefix);

        if (len > 0)
            keep_id(w, mini_text(w->m, "%.*s", (int)len, c + 1),
                    mini_text(w->m, "%.*s", (int)prefix, c + 1));
    }
}

/* The body with what was asked for, and every id, blotted out. */
static const char *masked(struct mini *m, const char *body, const struct values *values)
{
    static char out[MASKED_MAX];
    struct text text = {.ptr = out, .size = sizeof(out)};

    while (*body) {
        size_t prefix, len = id_at(body, &prefix);

        for (size_t k = 0; len == 0 && k < values->count; k++) {
            size_t size = strlen(values->items[k].text);

            if (strncmp(body, values->items[k].text, size) == 0)
                len = size;
        }
        text_add(&text, len ? STR("#") : (struct str){body, 1});
        body += len ? len : 1;
    }
    CHECK(!text.cut);
    return mini_text(m, "%.*s", (int)text.len, out);
}

/* ---- The shop ---- */

static void provider(void *context, struct outside_call *call)
{
    (void)context;
    call->status = str_is(call->kind, "payment.refund") ? 422 : 200;
    if (str_is(call->kind, "payment.intent"))
        call->reply = STR("{\"id\":\"ch_1\",\"pay_url\":\"http://pay.example/1\"}");
    else if (str_is(call->kind, "payment.ask"))
        call->reply = STR("{\"id\":\"ch_1\",\"state\":\"succeeded\",\"captured_minor\":1990,"
                          "\"time\":\"2026-01-01T00:00:20.000Z\",\"fee\":0,"
                          "\"amount\":{\"amount\":1990,\"currency\":\"CNY\"}}");
    else
        call->reply = STR("{}");
}

static struct answer shop_says(struct world *w, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(w->m, request, body);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    harvest(w, answer.body);
    return answer;
}

static const char *shop_sku(struct world *w, const char *code, const char *kind)
{
    struct answer made = shop_says(
        w, 201, "POST /v1/products",
        mini_text(w->m,
                  "{\"title\":\"alpha-title\",\"kind\":\"%s\",\"skus\":[{\"code\":\"%s\","
                  "\"title\":\"alpha\",\"price\":{\"amount\":1990,\"currency\":\"CNY\"}}]}",
                  kind, code));
    const char *sku = mini_get(w->m, made, "skus.0.id");

    shop_says(w, 201, "POST /v1/stock/movements",
              mini_text(w->m,
                        "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":10,"
                        "\"reason\":\"alpha\"}",
                        sku));
    return sku;
}

static const char *shop_order(struct world *w, const char *sku, const char *more)
{
    struct answer made = shop_says(w, 201, "POST /v1/orders",
                                   mini_text(w->m,
                                             "{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                                             "\"quantity\":1}],%s}",
                                             sku, more));

    return mini_get(w->m, made, "id");
}

static const char *shop_pay(struct world *w, const char *order, const char *by)
{
    struct answer made = shop_says(w, 201, mini_text(w->m, "POST /v1/orders/%s/payments", order),
                                   mini_text(w->m, "{\"provider\":\"%s\"}", by));

    mini_settle(w->m);
    return mini_get(w->m, made, "id");
}

/* Goods and a course paid by hand; a refund of the goods waits for a second person. */
static void sell_by_hand(struct world *w)
{
    const char *user = "\"user\":\"alpha-user\",\"address\":{\"name\":\"alpha name\"}";
    const char *goods = shop_order(w, shop_sku(w, "alpha-1", "goods"), user);
    const char *course = shop_order(w, shop_sku(w, "alpha-2", "course"), user);

    shop_says(w, 201, mini_text(w->m, "POST /v1/orders/%s/notes", goods),
              "{\"note\":\"alpha note\"}");
    shop_pay(w, goods, "manual");
    shop_pay(w, course, "manual");
    shop_says(w, 200, "GET /v1/shipments", NULL);
    shop_says(w, 200, "PUT /v1/settings/aftersale.approval_from_minor", "{\"value\":1}");
    shop_says(w, 201, mini_text(w->m, "POST /v1/orders/%s/refunds", goods),
              "{\"reason\":\"alpha\",\"reference\":\"alpha-ref\"}");
    shop_says(w, 200, "PUT /v1/settings/aftersale.approval_from_minor", "{\"value\":0}");
}

/* Paid through a provider that then refuses to give back: a payout and a dead letter.  The ids of
 * this sale are those asked for. */
static void sell_by_provider(struct world *w)
{
    const char *refund = values_get(&w->real, "rfd_");
    const char *order = shop_order(w, shop_sku(w, "alpha-3", "goods"), "\"user\":\"alpha-user\"");
    const char *payment = shop_pay(w, order, "sandbox");

    mini_sleep_ms(w->m, 40 * SECOND_MS); /* It asks, and learns that it was paid. */
    shop_says(w, 201, mini_text(w->m, "POST /v1/orders/%s/refunds", order),
              "{\"reason\":\"alpha\"}");
    mini_settle(w->m);
    shop_says(w, 200, "GET /v1/dead-letters", NULL);
    shop_says(w, 200, "GET /v1/payouts", NULL);
    shop_says(w, 200, mini_text(w->m, "GET /v1/payments/%s/refunds", payment), NULL);
    shop_says(w, 200, mini_text(w->m, "GET /v1/payments/%s", payment), NULL);
    shop_says(w, 200, mini_text(w->m, "GET /v1/orders/%s", order), NULL);
    if (refund)
        values_set(&w->real, "rfd_", refund); /* The one that waits. */
}

static const char *item_of_doc(struct world *w, int version)
{
    return mini_text(w->m,
                     "\"items\":[{\"collection\":\"probe.price\",\"key\":\"alpha-doc\","
                     "\"version\":%d}]",
                     version);
}

/* A strategy and a table of the same key. */
static void give_more(struct world *w)
{
    shop_says(w, 200, "POST /v1/documents",
              "{\"documents\":[{\"collection\":\"script\",\"key\":\"alpha-doc\",\"document\":{"
              "\"name\":\"alpha\",\"source\":\"return { n = 1 }\",\"inputs\":[],\"outputs\":[{"
              "\"name\":\"n\",\"type\":\"int\"}],\"fallback\":{\"n\":0},\"tests\":[{\"name\":"
              "\"one\",\"input\":{},\"output\":{\"n\":1}}]}},{\"collection\":\"table\",\"key\":"
              "\"alpha-doc\",\"document\":{\"inputs\":[{\"name\":\"n\",\"type\":\"int\"}],"
              "\"outputs\":[{\"name\":\"y\",\"type\":\"int\"}],\"rows\":[{\"when\":[1],"
              "\"then\":[2]}]}}]}");
}

/* A document is in force; its first publication cannot be taken back any more; it is to end. */
static void decide(struct world *w)
{
    shop_says(w, 201, "PUT /v1/documents/probe.price/alpha-doc",
              "{\"document\":{\"price\":7},\"why\":\"alpha\"}");
    for (int k = 0; k < 3; k++)
        shop_says(w, 201, "POST /v1/publications",
                  mini_text(w->m, "{%s}", item_of_doc(w, (k + 1) % 2)));
    shop_says(w, 201, "POST /v1/publication-plans",
              mini_text(w->m, "{\"at\":\"2031-01-01T00:00:00Z\",%s}", item_of_doc(w, 0)));
    give_more(w);
}

static void name_texts(struct world *w)
{
    static const struct {
        const char *name, *real, *nobodys;
    } texts[] = {
        {"user", "alpha-user", "nobody-abc"},
        {"person", "alpha-user", "nobody-abc"},
        {"code", "alpha-1", "nobod-1"},
        {"reference", "alpha-ref", "nobod-ref"},
        {"orders", "alpha-order", "nobod-order"},
        {"channel", "alpha-stall", "alpha-stall"},
        {"date", "2025-12-31", "2025-12-29"},
        {"kind", "effect", "effect"},
        {"title", "alpha-title", "nobod-title"},
        {"provider", "sandbox", "sandbox"},
        {"scopes", "order:read", "order:read"},
        {"name", "order.pay_within_ms", "order.pay_within_ms"},
        {"collection", "probe.price", "probe.price"},
        {"document", "{\"price\":7}", "{\"price\":7}"},
        {"document_key", "alpha-doc", "nobod-doc"},
        {"version", "1", "1"},
        {"seq", "1", "7"},
    };

    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
        values_set(&w->real, texts[k].name, texts[k].real);
        values_set(&w->nobodys, texts[k].name, texts[k].nobodys);
    }
    values_set(&w->real, "id", values_get(&w->real, "eff_"));
    values_set(&w->nobodys, "id", "eff_07B925M000007");
}

/* A kind that no sale makes, of a new module, say: its own POST route makes one. */
static void make_kind(void *context, const struct route *route)
{
    struct world *w = context;
    struct values plain = w->real;

    plain.strict = false;
    if (!route->scope || strcmp(route->method, "POST") != 0)
        return;
    for (const struct field *f = route->reply; f && f->type != FIELD_END; f++) {
        if (f->type != FIELD_ID || strcmp(f->name, "id") != 0 ||
            values_get(&w->real, mini_text(w->m, "%s_", f->prefix)))
            continue;
        harvest(w, permission_send(w->m, NULL, permission_build(w->m, route, &plain)).body);
        return;
    }
}

static struct world world_open(const char *db)
{
    const struct module *modules[MODULES_MAX + 1] = {&prices_module};
    struct world w;

    for (size_t k = 0; modules_all[k]; k++)
        modules[k + 1] = modules_all[k];
    w = (struct world){.m = mini_open_modules(db, modules)};

    mini_on_outside(w.m, provider, NULL);
    shop_says(&w, 201, "POST /v1/keys", "{\"name\":\"alpha key\",\"scopes\":[\"order:read\"]}");
    sell_by_hand(&w);
    shop_order(&w, values_get(&w.real, "sku_"),
               "\"channel\":{\"name\":\"alpha-stall\",\"order\":\"alpha-order\"}");
    shop_says(&w, 202, "POST /v1/reconciliations",
              "{\"date\":\"2025-12-31\",\"provider\":\"sandbox\"}");
    sell_by_provider(&w);
    decide(&w);
    mini_settle(w.m);
    name_texts(&w);
    permission_routes(w.m, make_kind, &w);
    mini_settle(w.m);
    w.other = permission_other_space(w.m);
    w.real.strict = true;
    return w;
}

/* A PUT that answers 201 makes what it names, for whoever asks. */
static bool makes(const struct route *route)
{
    return strcmp(route->method, "PUT") == 0 && route->status == 201;
}

/* ---- From the other space ---- */

static void is_named(const char *id, struct built built, struct answer answer)
{
    bool asked = strstr(built.request, id) || (built.body && strstr(built.body, id));

    CHECK_SAY(asked || !strstr(answer.body, id), "%s tells of %s: %s", built.request, id,
              answer.body);
}

static void tells_nothing(struct world *w, struct built built, struct answer answer)
{
    for (size_t k = 0; k < w->id_count; k++)
        is_named(w->ids[k], built, answer);
    CHECK_SAY(!strstr(masked(w->m, answer.body, &w->real), "alpha"), "%s tells: %s", built.request,
              answer.body);
}

static bool same_request(struct built a, struct built b)
{
    return strcmp(a.request, b.request) == 0 &&
           (a.body == b.body || (a.body && b.body && strcmp(a.body, b.body) == 0));
}

/* As if nobody had it: to the byte, but for what was asked for. */
static void same_answer(struct world *w, struct built built, struct answer answer,
                        struct answer to_nobodys)
{
    CHECK_SAY(answer.status == to_nobodys.status, "%s: %d %s", built.request, answer.status,
              answer.body);
    CHECK_EQ_STR(masked(w->m, answer.body, &w->real), masked(w->m, to_nobodys.body, &w->nobodys));
    w->compared++;
}

static void ask_from_outside(void *context, const struct route *route)
{
    struct world *w = context;
    struct built real, nobodys;
    struct answer answer;

    if (!route->scope || makes(route))
        return;
    real = permission_build(w->m, route, &w->real);
    nobodys = permission_build(w->m, route, &w->nobodys);
    answer = permission_send(w->m, w->other, real);
    tells_nothing(w, real, answer);
    CHECK_SAY(answer.status != 401 && answer.status != 403 && answer.status < 500, "%s: %d %s",
              real.request, answer.status, answer.body);
    if (same_request(real, nobodys))
        return;
    same_answer(w, real, answer, permission_send(w->m, w->other, nobodys));
}

static void show(void *context, const struct route *route)
{
    struct world *w = context;
    struct answer answer;

    if (!route->scope || strcmp(route->method, "GET") != 0)
        return;
    answer = permission_send(w->m, NULL, permission_build(w->m, route, &w->real));
    CHECK(w->answers < ANSWERS_MAX);
    w->shown[w->answers++] = answer.body;
    harvest(w, answer.body);
}

/* All that the shop's GET routes say. */
static void show_all(struct world *w, const char *out[ANSWERS_MAX])
{
    struct values asked = w->real; /* What is seen on the way is not what is asked for. */

    w->answers = 0;
    permission_routes(w->m, show, w);
    w->real = asked;
    memcpy(out, w->shown, sizeof(w->shown));
}

TEST_DB(object_other_space,
        "every route: objects of another space are as unknown as those of nobody")
{
    struct world w = world_open(db);
    const char *before[ANSWERS_MAX], *after[ANSWERS_MAX];

    show_all(&w, before);
    CHECK(w.answers > 20);
    CHECK_SAY(w.id_count > 25, "only %zu ids were seen", w.id_count);
    permission_routes(w.m, ask_from_outside, &w);
    CHECK_SAY(w.compared > 40, "only %d routes name an object", w.compared);
    mini_settle(w.m);
    show_all(&w, after);
    for (int k = 0; k < w.answers; k++)
        CHECK_EQ_STR(after[k], before[k]);
    mini_close(w.m);
}

/* ---- At home ---- */

/* To real ids as to nobody's: a look that shows nothing, or a refusal. */
static bool as_unknown(struct world *w, const struct route *route, struct answer real,
                       struct answer nobodys)
{
    if (real.status != nobodys.status)
        return false;
    if (real.status < 300 && strcmp(route->method, "GET") != 0)
        return false; /* Done for whoever was named. */
    return strcmp(masked(w->m, real.body, &w->real), masked(w->m, nobodys.body, &w->nobodys)) == 0;
}

static void ask_at_home(void *context, const struct route *route)
{
    struct world *w = context;
    struct built real, nobodys;
    struct answer answer, to_nobodys;

    if (!route->scope || makes(route))
        return;
    real = permission_build(w->m, route, &w->real);
    nobodys = permission_build(w->m, route, &w->nobodys);
    if (same_request(real, nobodys))
        return;
    to_nobodys = permission_send(w->m, NULL, nobodys);
    answer = permission_send(w->m, NULL, real);
    CHECK_SAY(!as_unknown(w, route, answer, to_nobodys),
              "%s is answered as if there were no such thing (give the shop one): %d %s",
              real.request, answer.status, answer.body);
    w->compared++;
}

TEST_DB(object_at_home, "every route: the ids that another space does not know are known at home")
{
    struct world w = world_open(db);

    permission_routes(w.m, ask_at_home, &w);
    CHECK_SAY(w.compared > 40, "only %d routes name an object", w.compared);
    mini_close(w.m);
}

/* ---- Ids of other kinds ---- */

/* The shop's ids, each with the digits of an id of another kind. */
static struct values mix(struct world *w)
{
    struct values mixed = w->nobodys;
    const char *order = strchr(values_get(&w->real, "ord_"), '_') + 1;
    const char *payment = strchr(values_get(&w->real, "pay_"), '_') + 1;

    for (size_t k = 0; k < w->real.count; k++) {
        const char *name = w->real.items[k].name;

        if (name[strlen(name) - 1] == '_')
            values_set(&mixed, name,
                       mini_text(w->m, "%s%s", name, strcmp(name, "ord_") == 0 ? payment : order));
    }
    return mixed;
}

static void ask_for_other_kinds(void *context, const struct route *route)
{
    struct world *w = context;
    struct built real, nobodys;
    struct answer answer, to_nobodys;

    if (!route->scope)
        return;
    real = permission_build(w->m, route, &w->real); /* Mixed. */
    nobodys = permission_build(w->m, route, &w->nobodys);
    if (same_request(real, nobodys))
        return;
    to_nobodys = permission_send(w->m, NULL, nobodys);
    answer = permission_send(w->m, NULL, real);
    same_answer(w, real, answer, to_nobodys);
}

TEST_DB(object_other_kind, "every route: the digits of another kind's id are as unknown as any")
{
    struct world w = world_open(db);

    w.real = mix(&w);
    permission_routes(w.m, ask_for_other_kinds, &w);
    CHECK_SAY(w.compared > 40, "only %d routes name an object", w.compared);
    mini_close(w.m);
}
