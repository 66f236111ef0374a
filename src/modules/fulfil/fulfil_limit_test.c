/*
 * fulfil_limit_test.c - the longest orders: what can be placed can be paid, shipped, read and given
 * back, in half the memory that a command may use.
 */
#include "modules/catalog/catalog.h"
#include "modules/fulfil/fulfil_fixture.h"
#include "modules/order/order.h"

enum { LONG_TEXT_BYTES = 1 << 20, KIT = CATALOG_COMPONENTS_MAX };

/* Text that outgrows what mini_text is for. */
static struct {
    char bytes[LONG_TEXT_BYTES];
    size_t len;
} text;

static const char *joined(const char *head, int count, const char *(*item)(void *, int), void *of,
                          const char *tail)
{
    text.len = 0;
    for (int k = -1; k <= count; k++) {
        const char *part = k < 0 ? head : k == count ? tail : item(of, k);
        size_t len = strlen(part);

        assert(text.len + len + 2 < sizeof(text.bytes));
        if (k > 0 && k < count)
            text.bytes[text.len++] = ',';
        memcpy(text.bytes + text.len, part, len);
        text.len += len;
    }
    text.bytes[text.len] = '\0';
    return text.bytes;
}

struct shelf {
    struct mini *mini;
    const char *skus[ORDER_LINES_MAX + 1];
    const char *kit; /* A bundle of KIT items. */
};

static const char *one_piece(void *context, int k)
{
    struct shelf *shelf = context;

    return mini_text(shelf->mini, "{\"sku\":\"%s\",\"quantity\":1}", shelf->skus[k]);
}

/* As many kits as an order holds, then one of the goods. */
static const char *one_kit(void *context, int k)
{
    struct shelf *shelf = context;

    return mini_text(shelf->mini, "{\"sku\":\"%s\",\"quantity\":2}",
                     k < ORDER_PIECES_MAX / KIT ? shelf->kit : shelf->skus[0]);
}

static const char *order_of(struct shelf *shelf, int lines,
                            const char *(*item)(void *context, int k))
{
    return joined("{\"user\":\"u1\",\"currency\":\"CNY\",\"lines\":[", lines, item, shelf, "]}");
}

static void fill(struct shelf *shelf, const char *db)
{
    shelf->mini = mini_open(db);
    for (int k = 0; k <= ORDER_LINES_MAX; k++)
        shelf->skus[k] =
            desk_sku(shelf->mini, mini_text(shelf->mini, "An item of a wholesaler %d", k), "goods",
                     100, 100000, "");
    shelf->kit = desk_sku(shelf->mini, "KIT", "bundle", 9900, 0,
                          joined(",\"components\":[", KIT, one_piece, shelf, "]"));
}

static struct answer halved(struct mini *mini, const char *request, const char *body)
{
    struct answer answer;

    mini_arena_bytes(mini, CX_BYTES_MAX / 2);
    answer = mini_http(mini, request, body);
    mini_arena_bytes(mini, 0);
    return answer;
}

/* Items in the first page of an order's shipments. */
static int shown(struct mini *mini, const char *order)
{
    struct answer page = halved(mini, mini_text(mini, "GET /v1/orders/%s/shipments", order), NULL);
    int count = 0;

    CHECK_EQ_INT(page.status, 200);
    for (const char *at = page.body; (at = strstr(at, "\"sku\":\"sku_")) != NULL; at++)
        count++;
    return count;
}

/* Place, pay, look, give half of it back, ship, give the rest back. */
static void whole_life(struct shelf *shelf, const char *body, const char *half, int pieces)
{
    struct mini *mini = shelf->mini;
    struct answer order = halved(mini, "POST /v1/orders", body);
    const char *id = mini_get(mini, order, "id"), *shipment;

    CHECK_EQ_INT(order.status, 201);
    CHECK_EQ_INT(halved(mini, mini_text(mini, "POST /v1/orders/%s/payments", id),
                        "{\"provider\":\"manual\"}")
                     .status,
                 201);
    CHECK_EQ_INT(shown(mini, id), pieces);
    shipment = desk_shipment(mini, id, 0);
    CHECK_EQ_INT(halved(mini, mini_text(mini, "POST /v1/orders/%s/refunds", id), half).status, 201);
    CHECK_EQ_INT(halved(mini, mini_text(mini, "POST /v1/shipments/%s/ship", shipment),
                        "{\"delivered\":true}")
                     .status,
                 200);
    CHECK_EQ_INT(halved(mini, mini_text(mini, "POST /v1/orders/%s/refunds", id),
                        "{\"reason\":\"all that is left\",\"restock\":true}")
                     .status,
                 201);
    CHECK_EQ_INT(halved(mini, mini_text(mini, "GET /v1/orders/%s", id), NULL).status, 200);
    CHECK_EQ_INT(halved(mini, mini_text(mini, "GET /v1/orders/%s/timeline", id), NULL).status, 200);
}

TEST_DB(fulfil_longest, "the longest orders live within half of a command's memory", .slow = true)
{
    static struct shelf shelf;
    static const char half[] = "{\"reason\":\"too much\",\"lines\":[{\"line\":0,\"quantity\":1},"
                               "{\"line\":1,\"quantity\":1},{\"line\":99,\"quantity\":1}]}";
    enum { KITS = ORDER_PIECES_MAX / KIT };
    struct answer answer;

    fill(&shelf, db);
    whole_life(&shelf, order_of(&shelf, ORDER_LINES_MAX, one_piece), half, ORDER_LINES_MAX);
    whole_life(&shelf, order_of(&shelf, KITS, one_kit), half, ORDER_PIECES_MAX);

    answer = mini_http(shelf.mini, "POST /v1/orders", order_of(&shelf, KITS + 1, one_kit));
    CHECK_EQ_INT(answer.status, 400);
    CHECK_EQ_STR(mini_get(shelf.mini, answer, "code"), "too_many_pieces");
    CHECK_EQ_STR(mini_get(shelf.mini, answer, "pointer"), "/lines");
    answer = mini_http(shelf.mini, "POST /v1/quotes", order_of(&shelf, KITS + 1, one_kit));
    CHECK_EQ_STR(mini_get(shelf.mini, answer, "code"), "too_many_pieces");
    answer =
        mini_http(shelf.mini, "POST /v1/orders", order_of(&shelf, ORDER_LINES_MAX + 1, one_piece));
    CHECK_EQ_INT(answer.status, 400);
    CHECK_EQ_INT(mini_count(shelf.mini, "select count(*) from orders"), 2);
    answer = mini_http(shelf.mini, "GET /v1/ledger/check", NULL);
    CHECK_EQ_STR(mini_get(shelf.mini, answer, "ok"), "true");
    mini_close(shelf.mini);
}
