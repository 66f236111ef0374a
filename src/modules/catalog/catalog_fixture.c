/*
 * catalog_fixture.c - making products in tests of the catalogue.
 */
#include "modules/catalog/catalog_fixture.h"

enum { LONG_TEXT_BYTES = 6 << 20 };

struct answer shelf_do(struct mini *mini, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(mini, request, body);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    return answer;
}

struct answer shelf_refused(struct mini *mini, int status, const char *code, const char *request,
                            const char *body)
{
    struct answer answer = shelf_do(mini, status, request, body);

    CHECK_SAY(strcmp(mini_get(mini, answer, "code"), code) == 0, "%s, not %s", answer.body, code);
    return answer;
}

const char *shelf_body(struct mini *mini, const char *title, const char *kind, const char *code,
                       const char *extra)
{
    return mini_text(mini,
                     "{\"title\":\"%s\",\"kind\":\"%s\",\"skus\":[{\"code\":\"%s\",\"price\":"
                     "{\"amount\":500,\"currency\":\"CNY\"}%s}]}",
                     title, kind, code, extra);
}

const char *shelf_sku(struct mini *mini, const char *kind, const char *code, const char *extra)
{
    struct answer answer =
        shelf_do(mini, 201, "POST /v1/products", shelf_body(mini, code, kind, code, extra));

    return mini_get(mini, answer, "skus.0.id");
}

struct answer shelf_quote(struct mini *mini, const char *sku, const char *currency)
{
    return mini_http(mini, "POST /v1/quotes",
                     mini_text(mini,
                               "{\"user\":\"u\",\"currency\":\"%s\",\"lines\":[{\"sku\":\"%s\","
                               "\"quantity\":1}]}",
                               currency, sku));
}

void shelf_receive(struct mini *mini, const char *sku, int64_t quantity)
{
    shelf_do(mini, 201, "POST /v1/stock/movements",
             mini_text(mini, "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":%" PRId64 "}", sku,
                       quantity));
}

const char *shelf_stock(struct mini *mini, const char *sku)
{
    struct answer level = shelf_do(mini, 200, mini_text(mini, "GET /v1/stock/%s", sku), NULL);

    return mini_text(mini, "%s %s", mini_get(mini, level, "on_hand"),
                     mini_get(mini, level, "reserved"));
}

struct answer shelf_import(struct mini *mini, const char *content_type, const char *query,
                           const char *file)
{
    static char bytes[1 << 16];
    struct text body = {.ptr = bytes, .size = sizeof(bytes) - 1};
    struct dispatcher_options options = {.platform = mini_platform(mini),
                                         .default_space = mini_space(mini)->name,
                                         .anonymous_rate_per_s = 1000};
    struct pair headers[] = {
        {STR("Authorization"), str_of(mini_text(mini, "Bearer %s", mini_admin_key(mini)))},
        {STR("Content-Type"), str_of(content_type)}};
    struct dispatch_request request = {.method = STR("POST"),
                                       .target =
                                           str_of(mini_text(mini, "/v1/products/import%s", query)),
                                       .body = str_of(file),
                                       .headers = headers,
                                       .header_count = content_type ? 2 : 1};
    struct dispatch_answer out;
    struct problem problem;
    struct dispatcher *dispatcher = dispatcher_make(&options, &problem);
    struct answer answer;
    struct cx cx;

    CHECK(dispatcher != NULL);
    cx_open(&cx, mini_platform(mini)->env, CX_BYTES_MAX);
    dispatch_once(dispatcher, &request, &cx, &out);
    text_add(&body, out.body);
    answer = (struct answer){.status = out.status, .body = shelf_text_done(&body)};
    cx_close(&cx);
    dispatcher_free(dispatcher);
    return answer;
}

struct text shelf_long_text(void)
{
    static char bytes[LONG_TEXT_BYTES];

    return (struct text){.ptr = bytes, .size = sizeof(bytes) - 1};
}

const char *shelf_text_done(struct text *text)
{
    CHECK(!text->cut);
    text->ptr[text->len] = '\0';
    return text->ptr;
}

const char *shelf_repeat(struct mini *mini, char c, size_t len)
{
    char bytes[4096];

    CHECK(len < sizeof(bytes));
    memset(bytes, c, len);
    bytes[len] = '\0';
    return mini_text(mini, "%s", bytes);
}

int64_t shelf_digest(struct mini *mini)
{
    return mini_count(
        mini, "select (select count(*) from catalog_product)"
              " + 1000 * (select count(*) from catalog_sku)"
              " + 1000000 * (select count(*) from kernel_outbox where type like 'catalog.%')"
              " + 1000000000 * (select coalesce(sum(price_minor + tax_ppm + length(title)"
              " + length(state) + length(policy) + length(prices) + length(options)), 0)"
              " from catalog_sku)");
}
