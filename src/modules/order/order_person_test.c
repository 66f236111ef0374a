/*
 * order_person_test.c - what an order keeps of a person: where it goes, what was noted, whose it
 * is.
 */
#include "modules/order/order_fixture.h"

#define ADDRESS     ",\"address\":{\"name\":\"Zhang San\",\"phone\":\"13900001111\"}"
#define NEW_ADDRESS "{\"address\":{\"name\":\"Li Si\",\"street\":\"Lane 7\"}}"
#define CHANNEL                                                                                    \
    ",\"channel\":{\"name\":\"douyin\",\"order\":\"D%d\",\"identity\":\"open-7\","                 \
    "\"cipher\":\"#cipher#\"}"

struct scene {
    struct mini *mini;
    const char *sku, *plain_key; /* Reads orders, but no persons. */
};

static struct scene scene_open(const char *db)
{
    struct scene scene = {.mini = mini_open(db)};

    scene.sku = stall_sku(scene.mini,
                          (struct stall_item){.code = "A", .price_minor = 100, .received = 100});
    scene.plain_key = stall_key(scene.mini, "\"order:read\",\"order:write\"");
    return scene;
}

static const char *order_with(struct scene *scene, const char *more)
{
    return mini_get(scene->mini,
                    stall_order(scene->mini, stall_line(scene->mini, scene->sku, 1, ""), more),
                    "id");
}

static const char *of(struct scene *scene, const char *order, const char *method, const char *rest)
{
    return mini_text(scene->mini, "%s /v1/orders/%s%s", method, order, rest);
}

static struct answer as_plain(struct scene *scene, const char *request, const char *body)
{
    return mini_http_as(scene->mini, scene->plain_key, NULL, request, body);
}

/* In how many rows of what outlives a request the text can be read. */
static int64_t readable(struct scene *scene, const char *text)
{
    static const char *const places[] = {"orders where address",      "order_note where note",
                                         "kernel_outbox where data",  "kernel_idem_0 where reply",
                                         "kernel_idem_1 where reply", "kernel_idem_2 where reply"};
    int64_t count = 0;

    for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
        count +=
            mini_count(scene->mini, mini_text(scene->mini, "select count(*) from %s like '%%%s%%'",
                                              places[k], text));
    return count;
}

static const char *exported(struct scene *scene, const char *person, const char *member)
{
    return stall_text(scene->mini, mini_text(scene->mini, "/v1/persons/%s/export", person),
                      mini_text(scene->mini, "modules.order%s", member));
}

static void erase(struct scene *scene, const char *person)
{
    stall_ask(scene->mini, 200, mini_text(scene->mini, "POST /v1/persons/%s/erase", person), "{}");
}

/* ---- The address ---- */

TEST_DB(order_address_until_labelled, "an address changes until a parcel is labelled, then stands")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, ADDRESS), *get = of(&scene, order, "GET", "");
    const char *put = of(&scene, order, "PUT", "/address"), *shipment;
    struct answer changed = stall_ask(mini, 200, put, NEW_ADDRESS);

    CHECK_EQ_STR(mini_get(mini, changed, "address"), ""); /* The answer is stored. */
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, get, NULL), "address"),
                 "{\"name\":\"Li Si\",\"street\":\"Lane 7\"}");
    stall_pay(mini, order);
    stall_ask(mini, 200, put, "{\"address\":{\"name\":\"Wang Wu\"}}");
    mini_settle(mini);
    shipment = stall_text(mini, mini_text(mini, "/v1/orders/%s/shipments", order), "data.0.id");
    stall_ask(mini, 200, mini_text(mini, "POST /v1/shipments/%s/ship", shipment),
              "{\"carrier\":\"sf\",\"tracking\":\"1\"}");
    CHECK_EQ_STR(stall_refused(mini, 409, put, NEW_ADDRESS), "address_stands");
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, get, NULL), "address"), "{\"name\":\"Wang Wu\"}");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox"
                                  " where type = 'order.address_changed'"),
                 2);
    CHECK_EQ_INT(readable(&scene, "Wang") + readable(&scene, "Li Si") + readable(&scene, "Zhang"),
                 0);
    mini_close(mini);
}

TEST_DB(order_address_of_ended, "an order that ended goes nowhere else")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, ADDRESS), *put = of(&scene, order, "PUT", "/address");

    CHECK_EQ_STR(stall_refused(mini, 400, put, "{}"), "required");
    CHECK_EQ_STR(stall_refused(mini, 400, put, "{\"address\":{}}"), "out_of_range");
    CHECK_EQ_STR(stall_refused(mini, 404, "PUT /v1/orders/ord_0000000000001/address", NEW_ADDRESS),
                 "no_such_order");
    mini_sleep_ms(mini, 30 * MINUTE_MS);
    CHECK_EQ_STR(stall_state(mini, order), "expired");
    CHECK_EQ_STR(stall_refused(mini, 409, put, NEW_ADDRESS), "address_stands");
    mini_close(mini);
}

TEST_DB(order_masked_without_scope, "addresses and notes are masked for keys without person:read")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, ADDRESS ",\"note\":\"ring twice\"");
    struct answer open = mini_http(mini, of(&scene, order, "GET", ""), NULL);
    struct answer masked = as_plain(&scene, of(&scene, order, "GET", ""), NULL);

    CHECK_EQ_STR(mini_get(mini, open, "address.phone"), "13900001111");
    CHECK_EQ_STR(mini_get(mini, masked, "user"), "u1");
    CHECK_EQ_STR(mini_get(mini, masked, "address.name"), "Z***");
    CHECK(!strstr(masked.body, "3900001"));
    open = mini_http(mini, of(&scene, order, "GET", "/notes"), NULL);
    masked = as_plain(&scene, of(&scene, order, "GET", "/notes"), NULL);
    CHECK_EQ_STR(mini_get(mini, open, "data.0.note"), "ring twice");
    CHECK_EQ_STR(mini_get(mini, masked, "data.0.note"), "r***");
    CHECK(!strstr(mini_http(mini, "GET /v1/orders?user=u1", NULL).body, "Zhang"));
    CHECK_EQ_INT(readable(&scene, "ring twice") + readable(&scene, "1390000"), 0);
    mini_close(mini);
}

/* ---- Notes ---- */

TEST_DB(order_notes, "notes are kept in order, in pages, with who wrote them and when")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, ",\"note\":\"n0\""), *other = order_with(&scene, "");
    const char *post = of(&scene, order, "POST", "/notes"), *cursor = "";
    struct answer page;

    for (int k = 1; k < 5; k++) {
        page = mini_http_as(mini, NULL, mini_text(mini, "k%d", k), post,
                            mini_text(mini, "{\"note\":\"n%d\"}", k));
        CHECK_SAY(page.status == 201, "%s", page.body);
        CHECK_EQ_STR(mini_get(mini, page, "note"), "n***");
        mini_sleep_ms(mini, 1);
    }
    for (int k = 0; k < 6; k += 2) { /* Two, two, one. */
        page = mini_http(
            mini, mini_text(mini, "%s?limit=2%s", of(&scene, order, "GET", "/notes"), cursor),
            NULL);
        CHECK_EQ_STR(mini_get(mini, page, "data.0.note"), mini_text(mini, "n%d", k));
        CHECK_EQ_STR(mini_get(mini, page, "data.1.note"),
                     k < 4 ? mini_text(mini, "n%d", k + 1) : "");
        CHECK(mini_get(mini, page, "data.0.actor")[0] != '\0');
        cursor = mini_text(mini, "&cursor=%s", mini_get(mini, page, "next"));
    }
    CHECK_EQ_STR(mini_get(mini, page, "next"), "null");
    CHECK_EQ_STR(stall_text(mini, mini_text(mini, "/v1/orders/%s/notes", other), "data"), "[]");
    CHECK_EQ_INT(readable(&scene, "n3"), 0);
    CHECK_EQ_STR(stall_refused(mini, 400, post, "{\"note\":\"\"}"), "out_of_range");
    CHECK_EQ_STR(
        stall_refused(mini, 404, "POST /v1/orders/ord_0000000000001/notes", "{\"note\":\"x\"}"),
        "no_such_order");
    mini_close(mini);
}

TEST_DB(order_note_bounds, "a note of the longest length is taken, one longer is refused")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, "");
    char text[ORDER_NOTE_LEN_MAX + 2];

    memset(text, 'x', sizeof(text));
    text[ORDER_NOTE_LEN_MAX + 1] = '\0';
    CHECK_EQ_STR(stall_refused(mini, 400, of(&scene, order, "POST", "/notes"),
                               mini_text(mini, "{\"note\":\"%s\"}", text)),
                 "out_of_range");
    text[ORDER_NOTE_LEN_MAX] = '\0';
    stall_ask(mini, 201, of(&scene, order, "POST", "/notes"),
              mini_text(mini, "{\"note\":\"%s\"}", text));
    CHECK_EQ_STR(stall_text(mini, mini_text(mini, "/v1/orders/%s/notes", order), "data.0.note"),
                 text);
    mini_close(mini);
}

/* ---- Export and erasure ---- */

TEST_DB(order_exported, "an export has what a person's orders keep of the person, and no other's")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *one = order_with(&scene, ADDRESS ",\"note\":\"ring twice\"");
    const char *guest = order_with(&scene, ",\"channel\":{\"name\":\"d\",\"order\":\"1\"}" ADDRESS);

    order_with(&scene, ",\"user\":\"u2\",\"address\":{\"name\":\"Other\"}");
    CHECK_EQ_STR(exported(&scene, "u1", ".0.order"), one);
    CHECK_EQ_STR(exported(&scene, "u1", ".0.address.name"), "Zhang San");
    CHECK_EQ_STR(exported(&scene, "u1", ".0.notes"), "[\"ring twice\"]");
    CHECK_EQ_STR(exported(&scene, "u1", ".1"), "");
    CHECK_EQ_STR(exported(&scene, "u2", ".0.address"), "{\"name\":\"Other\"}");
    CHECK_EQ_STR(exported(&scene, "u3", ""), "[]");
    CHECK_EQ_STR(exported(&scene, guest, ".0.address.phone"), "13900001111");
    CHECK_EQ_STR(exported(&scene, one, ""), "[]"); /* A user's, not a guest's. */
    mini_close(mini);
}

TEST_DB(order_erased, "an erasure leaves orders without address and notes, and the books whole")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, ADDRESS ",\"note\":\"ring twice\"");
    const char *get = of(&scene, order, "GET", ""), *later;
    struct answer answer;

    stall_pay(mini, order);
    for (int k = 0; k < 2; k++) {
        erase(&scene, "u1");
        answer = stall_ask(mini, 200, get, NULL);
        CHECK_EQ_STR(mini_get(mini, answer, "address"), "");
        CHECK_EQ_INT(mini_get_int(mini, answer, "paid.amount"), 100);
        CHECK_EQ_STR(stall_text(mini, mini_text(mini, "/v1/orders/%s/notes", order), "data.0.note"),
                     "");
        CHECK_EQ_STR(exported(&scene, "u1", ".0.address"), "");
        CHECK_EQ_STR(exported(&scene, "u1", ".0.notes"), "[]");
    }
    later = order_with(&scene, ADDRESS); /* Who comes back begins anew. */
    CHECK_EQ_STR(stall_text(mini, mini_text(mini, "/v1/orders/%s", later), "address.name"),
                 "Zhang San");
    CHECK_EQ_STR(mini_get(mini, stall_ask(mini, 200, get, NULL), "address"), "");
    stall_ledger_ok(mini);
    mini_close(mini);
}

/* ---- Channels, guests and claims ---- */

TEST_DB(order_channel_keeps_cipher, "a channel's order keeps an identity and ciphertext, no user")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, mini_text(mini, CHANNEL, 1));
    struct answer seen = stall_ask(mini, 200, of(&scene, order, "GET", ""), NULL);

    CHECK_EQ_STR(mini_get(mini, seen, "user"), "");
    CHECK_EQ_STR(mini_get(mini, seen, "lines.0.for"), "");
    CHECK_EQ_STR(mini_get(mini, seen, "address"), "");
    CHECK_EQ_STR(mini_get(mini, seen, "channel"), "douyin");
    CHECK_EQ_STR(mini_get(mini, seen, "channel_order"), "D1");
    CHECK_EQ_STR(mini_get(mini, seen, "channel_identity"), "open-7");
    CHECK_EQ_STR(mini_get(mini, seen, "channel_cipher"), "#cipher#");
    seen = as_plain(&scene, of(&scene, order, "GET", ""), NULL);
    CHECK(!strstr(seen.body, "open-7"));
    CHECK(!strstr(seen.body, "#cipher#"));
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders where user_id = '' and address = ''"
                                  " and channel_identity = 'open-7'"
                                  " and channel_cipher = '#cipher#'"),
                 1);
    CHECK_EQ_INT(readable(&scene, "#cipher#"), 0); /* Nor in events and stored answers. */
    CHECK_EQ_STR(stall_text(mini, "/v1/orders?user=open-7", "data"), "[]");
    mini_close(mini);
}

TEST_DB(order_channel_forgotten, "what a channel gave of a person is handed out, and erased")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, mini_text(mini, CHANNEL, 1)), *claimed;
    struct answer seen;

    claimed = order_with(&scene, mini_text(mini, CHANNEL, 2));
    stall_ask(mini, 200, of(&scene, claimed, "POST", "/claim"), "{\"user\":\"u9\"}");
    CHECK_EQ_STR(exported(&scene, order, ".0.channel_identity"), "open-7");
    CHECK_EQ_STR(exported(&scene, "u9", ".0.channel_cipher"), "#cipher#");
    stall_ask(mini, 200, "POST /v1/persons/u9/erase", NULL);
    seen = stall_ask(mini, 200, of(&scene, claimed, "GET", ""), NULL);
    CHECK(!strstr(seen.body, "open-7"));
    CHECK(!strstr(seen.body, "#cipher#"));
    CHECK_EQ_STR(exported(&scene, order, ".0.channel_identity"), "open-7"); /* Another's. */
    stall_ask(mini, 200, mini_text(mini, "POST /v1/persons/%s/erase", order), NULL);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders where channel_identity <> ''"), 0);
    mini_close(mini);
}

TEST_DB(order_claimed_once, "one user claims an order, again without effect, and nobody after")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order =
        order_with(&scene, mini_text(mini, CHANNEL ADDRESS ",\"note\":\"ring twice\"", 1));
    const char *claim = of(&scene, order, "POST", "/claim");

    CHECK_EQ_STR(exported(&scene, order, ".0.notes"), "[\"ring twice\"]");
    for (int k = 0; k < 2; k++) {
        struct answer claimed = stall_ask(mini, 200, claim, "{\"user\":\"u9\"}");

        CHECK_EQ_STR(mini_get(mini, claimed, "user"), "u9");
        CHECK_EQ_STR(mini_get(mini, claimed, "lines.0.for"), "u9");
        CHECK(!strstr(claimed.body, "Zhang"));
    }
    CHECK_EQ_STR(stall_refused(mini, 409, claim, "{\"user\":\"u8\"}"), "claimed");
    CHECK_EQ_INT(
        mini_count(mini, "select count(*) from kernel_outbox where type = 'order.claimed'"), 1);
    CHECK_EQ_STR(stall_text(mini, "/v1/orders?user=u9", "data.0.id"), order);
    CHECK_EQ_STR(exported(&scene, order, ""), "[]");
    CHECK_EQ_STR(exported(&scene, "u9", ".0.address.name"), "Zhang San");
    CHECK_EQ_STR(exported(&scene, "u9", ".0.notes"), "[\"ring twice\"]");
    erase(&scene, order); /* The guest's key opens nothing any more. */
    CHECK_EQ_STR(exported(&scene, "u9", ".0.address.name"), "Zhang San");
    erase(&scene, "u9");
    CHECK_EQ_STR(exported(&scene, "u9", ".0.address"), "");
    CHECK_EQ_STR(stall_refused(mini, 400, claim, "{}"), "required");
    CHECK_EQ_STR(
        stall_refused(mini, 404, "POST /v1/orders/ord_0000000000001/claim", "{\"user\":\"u9\"}"),
        "no_such_order");
    mini_close(mini);
}

TEST_DB(order_claim_keeps_beneficiaries, "a claim fills in who pays, not who learns")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *lines = mini_text(mini, "%s,%s", stall_line(mini, scene.sku, 1, ",\"for\":\"ann\""),
                                  stall_line(mini, scene.sku, 1, ""));
    const char *order = mini_get(mini, stall_order(mini, lines, mini_text(mini, CHANNEL, 1)), "id");
    struct answer claimed =
        stall_ask(mini, 200, of(&scene, order, "POST", "/claim"), "{\"user\":\"u9\"}");

    CHECK_EQ_STR(mini_get(mini, claimed, "lines.0.for"), "ann");
    CHECK_EQ_STR(mini_get(mini, claimed, "lines.1.for"), "u9");
    mini_close(mini);
}

TEST_DB(order_guest_erased_then_claimed,
        "a guest who was erased stays so when the order is claimed")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order =
        order_with(&scene, mini_text(mini, CHANNEL ADDRESS ",\"note\":\"ring twice\"", 1));

    erase(&scene, order);
    stall_ask(mini, 200, of(&scene, order, "POST", "/claim"), "{\"user\":\"u9\"}");
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, of(&scene, order, "GET", ""), NULL), "address"),
                 "");
    CHECK_EQ_STR(stall_text(mini, mini_text(mini, "/v1/orders/%s/notes", order), "data.0.note"),
                 "");
    stall_ask(mini, 200, of(&scene, order, "PUT", "/address"), NEW_ADDRESS);
    CHECK_EQ_STR(exported(&scene, "u9", ".0.address.name"), "Li Si");
    mini_close(mini);
}

/* Sent once more, and that once more; returns the last. */
static const char *sent_twice(struct scene *scene, const char *order)
{
    const char *sent = order;

    stall_pay(scene->mini, order);
    for (int k = 0; k < 2; k++)
        sent = mini_get(scene->mini,
                        stall_ask(scene->mini, 201, of(scene, sent, "POST", "/reshipments"),
                                  "{\"lines\":[{\"line\":0,\"quantity\":1}],\"reason\":\"lost\"}"),
                        "id");
    return sent;
}

TEST_DB(order_guest_gets_another, "what is sent once more to a guest goes where the first went")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, mini_text(mini, CHANNEL ADDRESS, 1));
    const char *again = sent_twice(&scene, order);

    CHECK_EQ_STR(stall_text(mini, mini_text(mini, "/v1/orders/%s", again), "address.name"),
                 "Zhang San");
    CHECK_EQ_STR(exported(&scene, order, ".2.order"), again);
    CHECK_EQ_STR(exported(&scene, again, ""), "[]");
    erase(&scene, order);
    CHECK_EQ_STR(stall_text(mini, mini_text(mini, "/v1/orders/%s", again), "address"), "");
    mini_close(mini);
}

TEST_DB(order_claimed_with_all_sent, "a claim takes along what was sent for the order")
{
    struct scene scene = scene_open(db);
    struct mini *mini = scene.mini;
    const char *order = order_with(&scene, mini_text(mini, CHANNEL ADDRESS, 1));
    const char *again = sent_twice(&scene, order), *claim = of(&scene, again, "POST", "/claim");
    struct answer refused = stall_ask(mini, 409, claim, "{\"user\":\"u9\"}");

    CHECK_EQ_STR(mini_get(mini, refused, "code"), "belongs_to_another");
    CHECK_EQ_STR(mini_get(mini, refused, "order"), order);
    stall_ask(mini, 200, of(&scene, order, "POST", "/claim"), "{\"user\":\"u9\"}");
    CHECK_EQ_STR(exported(&scene, "u9", ".2.order"), again);
    CHECK_EQ_STR(exported(&scene, "u9", ".2.address.name"), "Zhang San");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders where user_id = 'u9'"), 3);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from order_line where beneficiary = 'u9'"), 3);
    stall_ask(mini, 200, claim, "{\"user\":\"u9\"}");
    mini_close(mini);
}
