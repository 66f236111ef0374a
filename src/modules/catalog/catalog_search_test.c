/*
 * catalog_search_test.c - products by title, kind and state, page by page.
 */
#include "modules/catalog/catalog_fixture.h"

/* The titles of all pages, each followed by a bar. */
static const char *titles(struct mini *mini, const char *query, int limit)
{
    const char *all = "", *cursor = "";

    for (int pages = 0; strcmp(cursor, "null") != 0; pages++) {
        const char *request =
            mini_text(mini, "GET /v1/products?limit=%d%s%s%s%s", limit, *query ? "&" : "", query,
                      *cursor ? "&cursor=" : "", cursor);
        struct answer page = shelf_do(mini, 200, request, NULL);

        CHECK(pages < 1000);
        for (int k = 0; k < limit; k++) {
            const char *title = mini_get(mini, page, mini_text(mini, "data.%d.title", k));

            if (*title)
                all = mini_text(mini, "%s%s|", all, title);
        }
        cursor = mini_get(mini, page, "next");
    }
    return all;
}

static struct answer stock_up(struct mini *mini, const char *title, const char *kind,
                              const char *code)
{
    return shelf_do(mini, 201, "POST /v1/products", shelf_body(mini, title, kind, code, ""));
}

TEST_DB(catalog_search_prefix, "a prefix is text: %, _, backslash and quotes mean themselves")
{
    struct mini *mini = mini_open(db);

    stock_up(mini, "100% wool", "goods", "1");
    stock_up(mini, "100 pens", "goods", "2");
    stock_up(mini, "1000 pens", "goods", "3");
    stock_up(mini, "_under", "goods", "4");
    stock_up(mini, "Xunder", "goods", "5");
    stock_up(mini, "back\\\\slash", "goods", "6");
    stock_up(mini, "it's", "goods", "7");
    CHECK_EQ_STR(titles(mini, "title=100", 50), "100% wool|100 pens|1000 pens|");
    CHECK_EQ_STR(titles(mini, "title=100%25", 50), "100% wool|");
    CHECK_EQ_STR(titles(mini, "title=_", 50), "_under|");
    CHECK_EQ_STR(titles(mini, "title=%25", 50), "");
    CHECK_EQ_STR(titles(mini, "title=back%5C", 50), "back\\slash|");
    CHECK_EQ_STR(titles(mini, "title=it%27s", 50), "it's|");
    CHECK_EQ_STR(titles(mini, "title=wool", 50), ""); /* The beginning, not the middle. */
    CHECK_EQ_STR(titles(mini, "title=", 3), titles(mini, "", 50));
    mini_close(mini);
}

TEST_DB(catalog_search_letters, "letters beyond ASCII are found as written, the case of A-Z is not")
{
    struct mini *mini = mini_open(db);

    stock_up(mini, "数学 24 周", "goods", "1");
    stock_up(mini, "数字", "goods", "2");
    stock_up(mini, "教具盒", "goods", "3");
    stock_up(mini, "Émile", "goods", "4");
    stock_up(mini, "EMILE", "goods", "5");
    stock_up(mini, "😀 smile", "goods", "6");
    CHECK_EQ_STR(titles(mini, "title=%E6%95%B0", 50), "数学 24 周|数字|");
    CHECK_EQ_STR(titles(mini, "title=%E6%95%B0%E5%AD%A6", 50), "数学 24 周|");
    CHECK_EQ_STR(titles(mini, "title=%C3%89m", 50), "Émile|");
    CHECK_EQ_STR(titles(mini, "title=%C3%A9m", 50), ""); /* é: only A to Z fold. */
    CHECK_EQ_STR(titles(mini, "title=eMi", 50), "EMILE|");
    CHECK_EQ_STR(titles(mini, "title=%F0%9F%98%80", 50), "😀 smile|");
    shelf_refused(mini, 400, "bad_encoding", "GET /v1/products?title=%FF", NULL);
    mini_close(mini);
}

TEST_DB(catalog_search_filters, "title, kind and state narrow together")
{
    struct mini *mini = mini_open(db);
    struct answer off = stock_up(mini, "Ink c", "content", "3");

    stock_up(mini, "Ink a", "goods", "1");
    stock_up(mini, "Ink b", "content", "2");
    stock_up(mini, "Pen", "content", "4");
    shelf_do(mini, 200, mini_text(mini, "POST %s/state", off.location), "{\"state\":\"off_sale\"}");
    CHECK_EQ_STR(titles(mini, "title=ink&kind=content", 50), "Ink c|Ink b|");
    CHECK_EQ_STR(titles(mini, "title=ink&kind=content&state=on_sale", 50), "Ink b|");
    CHECK_EQ_STR(titles(mini, "state=off_sale", 50), "Ink c|");
    CHECK_EQ_STR(titles(mini, "kind=any&state=any", 50), "Ink c|Ink a|Ink b|Pen|");
    CHECK_EQ_STR(titles(mini, "kind=content", 1), "Ink c|Ink b|Pen|");
    CHECK_EQ_STR(titles(mini, "kind=content&state=on_sale", 1), "Ink b|Pen|");
    CHECK_EQ_STR(titles(mini, "kind=vip", 50), "");
    shelf_refused(mini, 400, "bad_value", "GET /v1/products?kind=potion", NULL);
    shelf_refused(mini, 400, "bad_value", "GET /v1/products?state=gone", NULL);
    shelf_refused(mini, 400, "unknown_field", "GET /v1/products?name=x", NULL);
    mini_close(mini);
}

TEST_DB(catalog_search_pages, "pages of any size show each product once, also one made meanwhile")
{
    struct mini *mini = mini_open(db);
    const char *expected = "";
    struct answer page;

    for (int k = 0; k < 23; k++) {
        stock_up(mini, mini_text(mini, "Ink %d", k), "goods", mini_text(mini, "%d", k));
        stock_up(mini, mini_text(mini, "Pen %d", k), "goods", mini_text(mini, "P%d", k));
        expected = mini_text(mini, "%sInk %d|", expected, k);
    }
    for (int limit = 1; limit <= 24; limit++)
        CHECK_EQ_STR(titles(mini, "title=ink", limit), expected);
    page = shelf_do(mini, 200, "GET /v1/products?title=ink&limit=22", NULL);
    stock_up(mini, "Ink new", "goods", "new");
    page = shelf_do(mini, 200,
                    mini_text(mini, "GET /v1/products?title=ink&limit=22&cursor=%s",
                              mini_get(mini, page, "next")),
                    NULL);
    CHECK_EQ_STR(mini_get(mini, page, "data.0.title"), "Ink 22");
    CHECK_EQ_STR(mini_get(mini, page, "data.1.title"), "Ink new");
    CHECK_EQ_STR(mini_get(mini, page, "next"), "null");
    mini_close(mini);
}

TEST_DB(catalog_search_limits, "a page holds 1 to 200 products, and a cursor is one of ours")
{
    struct mini *mini = mini_open(db);
    const char *long_title = shelf_repeat(mini, 't', CATALOG_TITLE_LEN_MAX), *cursor;

    stock_up(mini, long_title, "goods", "1");
    stock_up(mini, "b", "goods", "2");
    shelf_refused(mini, 400, "out_of_range", "GET /v1/products?limit=0", NULL);
    shelf_do(mini, 200, "GET /v1/products?limit=1", NULL);
    shelf_do(mini, 200, "GET /v1/products?limit=200", NULL);
    shelf_refused(mini, 400, "out_of_range", "GET /v1/products?limit=201", NULL);
    CHECK_EQ_STR(titles(mini, mini_text(mini, "title=%s", long_title), 50),
                 mini_text(mini, "%s|", long_title));
    shelf_refused(mini, 400, "out_of_range",
                  mini_text(mini, "GET /v1/products?title=%st", long_title), NULL);
    cursor = mini_get(mini, shelf_do(mini, 200, "GET /v1/products?limit=1", NULL), "next");
    shelf_refused(mini, 400, "bad_cursor", "GET /v1/products?cursor=x", NULL);
    shelf_refused(mini, 400, "bad_cursor", mini_text(mini, "GET /v1/products?cursor=%sA", cursor),
                  NULL);
    shelf_refused(
        mini, 400, "bad_cursor",
        mini_text(mini, "GET /v1/products?cursor=%c%s", *cursor == 'A' ? 'B' : 'A', cursor + 1),
        NULL);
    shelf_refused(mini, 400, "bad_cursor", "GET /v1/skus?cursor=x", NULL);
    mini_close(mini);
}

TEST_DB(catalog_search_wide, "a page of products with all they may say ends early and goes on",
        .slow = true)
{
    enum { PRODUCTS = 6, OPTION_LEN = 1000 };
    struct mini *mini = mini_open(db);
    const char *value = shelf_repeat(mini, 'v', OPTION_LEN);

    for (int p = 0; p < PRODUCTS; p++) {
        struct text body = shelf_long_text();

        text_addf(&body, "{\"title\":\"Wide %d\",\"kind\":\"goods\",\"skus\":[", p);
        for (int s = 0; s < 45; s++) {
            text_addf(&body,
                      "%s{\"code\":\"%d-%d\",\"price\":{\"amount\":1,\"currency\":\"CNY\"},"
                      "\"options\":{",
                      s ? "," : "", p, s);
            for (int o = 0; o < CATALOG_OPTIONS_MAX; o++)
                text_addf(&body, "%s\"%d\":\"%s\"", o ? "," : "", o, value);
            text_addf(&body, "}}");
        }
        text_addf(&body, "]}");
        shelf_do(mini, 201, "POST /v1/products", shelf_text_done(&body));
    }
    struct answer page = mini_http(mini, "GET /v1/products", NULL);

    CHECK_EQ_INT(page.status, 200);
    CHECK_EQ_STR(mini_get(mini, page, "data.2.title"), "Wide 2");
    CHECK_EQ_STR(mini_get(mini, page, "data.3"), "");
    page = mini_http(
        mini, mini_text(mini, "GET /v1/products?cursor=%s", mini_get(mini, page, "next")), NULL);
    CHECK_EQ_STR(mini_get(mini, page, "data.2.title"), "Wide 5");
    CHECK_EQ_STR(mini_get(mini, page, "next"), "null");
    mini_close(mini);
}
