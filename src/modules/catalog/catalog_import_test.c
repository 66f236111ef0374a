/*
 * catalog_import_test.c - files of products: all of their rows or none, with a reason for each bad
 * one.
 */
#include "modules/catalog/catalog_fixture.h"

static const char head[] = "code,title,kind,price_minor,currency,stock,category,state\n";

static struct answer csv(struct mini *mini, int status, const char *query, const char *rows)
{
    struct answer answer =
        shelf_import(mini, "text/csv; charset=utf-8", query, mini_text(mini, "%s%s", head, rows));

    CHECK_SAY(answer.status == status, "%d %s", answer.status, answer.body);
    return answer;
}

static struct answer json(struct mini *mini, int status, const char *query, const char *list)
{
    struct answer answer = shelf_import(mini, "application/json", query, list);

    CHECK_SAY(answer.status == status, "%d %s", answer.status, answer.body);
    return answer;
}

static void check_error(struct mini *mini, struct answer answer, int k, int64_t row,
                        const char *code)
{
    CHECK_EQ_INT(mini_get_int(mini, answer, mini_text(mini, "errors.%d.row", k)), row);
    CHECK_EQ_STR(mini_get(mini, answer, mini_text(mini, "errors.%d.code", k)), code);
}

/* One bad row, and nothing kept. */
static void check_bad_row(struct mini *mini, const char *row, const char *code)
{
    struct answer answer = csv(mini, 422, "", mini_text(mini, "OK,T,goods,1,CNY,,,\n%s\n", row));

    check_error(mini, answer, 0, 3, code);
    CHECK_EQ_STR(mini_get(mini, answer, "errors.1"), "");
    CHECK_EQ_INT(mini_get_int(mini, answer, "failed"), 1);
    CHECK_EQ_INT(mini_get_int(mini, answer, "products"), 0);
    CHECK_EQ_INT(shelf_digest(mini), 0);
}

TEST_DB(catalog_import_csv, "a CSV file becomes products: quotes, CR LF, a byte order mark, blanks")
{
    struct mini *mini = mini_open(db);
    struct answer made =
        shelf_import(mini, "text/csv", "",
                     "\xef\xbb\xbf code , title,kind,price_minor,currency,state,category,"
                     "stock\r\n"
                     "A,\"Ink, \"\"blue\"\" and red\",goods,1990,CNY,,art,\r\n"
                     "\r\n"
                     "  \r\n"
                     " B , 墨 ,content,0,EUR,draft,,deny\r\n"
                     "\"C\",5\" pipe,goods,3,CNY,on_sale,\"\",below_zero:12\r"
                     "D,T,vip,4,CNY,,,unlimited");
    CHECK_SAY(made.status == 200, "%s", made.body);
    CHECK_EQ_STR(made.body,
                 "{\"rows\":4,\"products\":4,\"failed\":0,\"dry_run\":false,\"errors\":[]}");
    made = shelf_do(mini, 200, "GET /v1/products", NULL);
    CHECK_EQ_STR(mini_get(mini, made, "data.0.title"), "Ink, \"blue\" and red");
    CHECK_EQ_STR(mini_get(mini, made, "data.0.category"), "art");
    CHECK_EQ_STR(mini_get(mini, made, "data.0.skus.0.stock"), "deny");
    CHECK_EQ_STR(mini_get(mini, made, "data.1.title"), "墨");
    CHECK_EQ_STR(mini_get(mini, made, "data.1.state"), "draft");
    CHECK_EQ_STR(mini_get(mini, made, "data.1.skus.0.code"), "B");
    CHECK_EQ_STR(mini_get(mini, made, "data.1.skus.0.stock"), "deny");
    CHECK_EQ_STR(mini_get(mini, made, "data.2.title"), "5\" pipe");
    CHECK_EQ_STR(mini_get(mini, made, "data.2.skus.0.stock"), "{\"below_zero\":12}");
    CHECK_EQ_STR(mini_get(mini, made, "data.3.skus.0.stock"), "unlimited");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox where type ="
                                  " 'catalog.product_created'"),
                 4);
    mini_close(mini);
}

TEST_DB(catalog_import_bad_rows, "each bad row is named with its line and reason, and none is kept")
{
    struct mini *mini = mini_open(db);

    check_bad_row(mini, "A,T,goods,1.5,CNY,,,", "bad_value");
    check_bad_row(mini, "A,T,goods,,CNY,,,", "bad_value");
    check_bad_row(mini, "A,T,goods,-1,CNY,,,", "out_of_range");
    check_bad_row(mini, "A,T,goods,1,yuan,,,", "bad_value");
    check_bad_row(mini, "A,T,potion,1,CNY,,,", "bad_value");
    check_bad_row(mini, ",T,goods,1,CNY,,,", "out_of_range");
    check_bad_row(mini, "A,,goods,1,CNY,,,", "out_of_range");
    check_bad_row(mini, "A,T,goods,1,CNY,some,,", "bad_value");
    check_bad_row(mini, "A,T,goods,1,CNY,below_zero:0,,", "out_of_range");
    check_bad_row(mini, "A,T,goods,1,CNY,,,off_sale", "bad_value");
    check_bad_row(mini, "A,T,goods,1,CNY,,", "wrong_columns");
    check_bad_row(mini, "A,T,goods,1,CNY,,,,", "wrong_columns");
    check_bad_row(mini, "A,T,goods,1,CNY,,,,,,,,,,,,,,,,,,", "wrong_columns");
    check_bad_row(mini, "A,Ink, blue,goods,1,CNY,,,", "wrong_columns");
    check_bad_row(mini, "A,\"T\"x,goods,1,CNY,,,", "bad_csv");
    check_bad_row(mini, "A,\"T,goods,1,CNY,,,\nB,T,goods,1,CNY,,,", "bad_csv");
    check_bad_row(mini, "A,\xe9t\xe9,goods,1,CNY,,,", "bad_utf8");
    check_bad_row(mini, "A,T,bundle,1,CNY,,,", "required");
    check_bad_row(mini, "OK,T,goods,1,CNY,,,", "code_taken");
    check_bad_row(
        mini,
        mini_text(mini, "A,%s,goods,1,CNY,,,", shelf_repeat(mini, 't', CATALOG_TITLE_LEN_MAX + 1)),
        "out_of_range");
    mini_close(mini);
}

TEST_DB(catalog_import_many_errors, "bad rows of every kind come in the order of the file")
{
    struct mini *mini = mini_open(db);
    struct text rows = shelf_long_text();
    struct answer answer;

    shelf_sku(mini, "goods", "OLD", "");
    answer = csv(mini, 422, "",
                 "A,T,goods,1,CNY,,,\n"              /* 2 */
                 "OLD,T,goods,1,CNY,,,\n"            /* 3: in the shop */
                 "B,\"two\nlines\",goods,x,CNY,,,\n" /* 4, 5 */
                 "A,T,goods,1,CNY,,,\n"              /* 6: in the file */
                 "C,T,goods,1,,,,\n"                 /* 7 */
                 "D,T,goods,1,CNY,,,\n");
    check_error(mini, answer, 0, 3, "code_taken");
    check_error(mini, answer, 1, 4, "bad_value");
    check_error(mini, answer, 2, 6, "code_taken");
    check_error(mini, answer, 3, 7, "bad_value");
    CHECK_EQ_STR(mini_get(mini, answer, "errors.0.detail"), "code: OLD belongs to another SKU");
    CHECK_EQ_STR(mini_get(mini, answer, "errors.2.detail"), "code: A comes twice");
    CHECK_EQ_INT(mini_get_int(mini, answer, "rows"), 6);
    CHECK_EQ_INT(mini_get_int(mini, answer, "failed"), 4);
    CHECK_EQ_INT(mini_get_int(mini, answer, "products"), 0);
    answer = csv(mini, 200, "?dry_run=true", "A,T,goods,1,CNY,,,\nOLD,T,goods,1,CNY,,,\nx\n");
    CHECK_EQ_INT(mini_get_int(mini, answer, "products"), 1);
    CHECK_EQ_INT(mini_get_int(mini, answer, "failed"), 2);
    for (int k = 0; k < 101; k++)
        text_addf(&rows, "x\n");
    answer = csv(mini, 422, "", shelf_text_done(&rows)); /* The first hundred are told. */
    CHECK_EQ_INT(mini_get_int(mini, answer, "failed"), 101);
    check_error(mini, answer, 99, 101, "wrong_columns");
    CHECK_EQ_STR(mini_get(mini, answer, "errors.100"), "");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku"), 1);
    mini_close(mini);
}

TEST_DB(catalog_import_header, "the first line must name the columns, each once and no others")
{
    static const char *const files[][2] = {
        {"", "missing_column"},
        {"\n\n", "missing_column"},
        {"A,T,goods,1,CNY\n", "unknown_column"},
        {"code,title,kind,price_minor\n", "missing_column"},
        {"code,title,kind,price_minor,currency,\n", "unknown_column"},
        {"code,title,kind,price_minor,currency,weight\n", "unknown_column"},
        {"code,title,kind,price_minor,currency,code\n", "column_twice"},
        {"code,title,kind,price_minor,currency,,,,,,,,,,,,,,\n", "unknown_column"},
        {"code,\"title\n", "bad_csv"},
        {"{\"title\":\"T\"}", "unknown_column"}};
    struct mini *mini = mini_open(db);

    for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
        struct answer answer = shelf_import(mini, "text/csv", "", files[k][0]);

        CHECK_SAY(answer.status == 400, "%zu: %s", k, answer.body);
        CHECK_EQ_STR(mini_get(mini, answer, "code"), files[k][1]);
    }
    CHECK_EQ_STR(csv(mini, 200, "", "").body,
                 "{\"rows\":0,\"products\":0,\"failed\":0,\"dry_run\":false,\"errors\":[]}");
    mini_close(mini);
}

static const char list[] =
    "[{\"title\":\"Ink\",\"kind\":\"goods\",\"skus\":["
    "{\"code\":\"RED\",\"price\":{\"amount\":1,\"currency\":\"CNY\"},\"options\":{\"c\":\"r\"}},"
    "{\"code\":\"BLUE\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}]},"
    "{\"title\":\"Set\",\"kind\":\"bundle\",\"skus\":[{\"code\":\"SET\",\"price\":"
    "{\"amount\":2,\"currency\":\"CNY\"},\"components\":[{\"sku_code\":\"RED\",\"quantity\":1},"
    "{\"sku_code\":\"BLUE\",\"quantity\":2}]}]}]";

TEST_DB(catalog_import_json, "a JSON list takes all that a product may have, bundles of it too")
{
    struct mini *mini = mini_open(db);
    struct answer read;

    CHECK_EQ_STR(json(mini, 200, "", list).body,
                 "{\"rows\":2,\"products\":2,\"failed\":0,\"dry_run\":false,\"errors\":[]}");
    read = shelf_do(mini, 200, "GET /v1/products", NULL);
    CHECK_EQ_STR(mini_get(mini, read, "data.0.skus.0.options"), "{\"c\":\"r\"}");
    CHECK_EQ_STR(mini_get(mini, read, "data.1.skus.0.components.1.sku"),
                 mini_get(mini, read, "data.0.skus.1.id"));
    CHECK_EQ_STR(json(mini, 200, "", "[]").body,
                 "{\"rows\":0,\"products\":0,\"failed\":0,\"dry_run\":false,\"errors\":[]}");
    mini_close(mini);
}

TEST_DB(catalog_import_json_errors, "a bad product is named by its index and the place inside it")
{
    struct mini *mini = mini_open(db);
    const char *mixed = mini_text(
        mini,
        "[%s,5,{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[{\"code\":\"B\",\"price\":"
        "{\"amount\":-1,\"currency\":\"CNY\"}}]},"
        "{\"title\":\"T\",\"kind\":\"bundle\",\"skus\":[{\"code\":\"C\",\"price\":"
        "{\"amount\":1,\"currency\":\"CNY\"},\"components\":[{\"sku_code\":\"NO\",\"quantity\":1}"
        "]}]},%s]",
        shelf_body(mini, "T", "goods", "A", ""), shelf_body(mini, "T", "goods", "A", ""));
    struct answer answer = json(mini, 422, "", mixed), refused;

    check_error(mini, answer, 0, 1, "wrong_type");
    check_error(mini, answer, 1, 2, "out_of_range");
    CHECK_EQ_STR(mini_get(mini, answer, "errors.1.pointer"), "/skus/0/price/amount");
    check_error(mini, answer, 2, 3, "no_such_sku");
    CHECK_EQ_STR(mini_get(mini, answer, "errors.2.pointer"), "/skus/0/components/0");
    check_error(mini, answer, 3, 4, "code_taken");
    CHECK_EQ_INT(shelf_digest(mini), 0);
    refused = json(mini, 400, "", "[{\"title\":\"T\",}]");
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "json_syntax");
    refused = json(mini, 400, "", "{\"title\":\"T\"}");
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "wrong_type");
    refused = json(mini, 400, "", "");
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "json_syntax");
    mini_close(mini);
}

TEST_DB(catalog_import_media, "a file is what its Content-Type says, or what it looks like")
{
    struct mini *mini = mini_open(db);
    const char *rows = mini_text(mini, "%sA,T,goods,1,CNY,,,\n", head);
    static const char *const vague[] = {NULL, "application/x-www-form-urlencoded", "text/plain",
                                        "application/octet-stream"};

    for (size_t k = 0; k < sizeof(vague) / sizeof(vague[0]); k++) {
        CHECK_EQ_INT(shelf_import(mini, vague[k], "?dry_run=true", rows).status, 200);
        CHECK_EQ_INT(
            shelf_import(mini, vague[k], "?dry_run=true", mini_text(mini, " \r\n\t%s", list))
                .status,
            200);
    }
    CHECK_EQ_INT(
        shelf_import(mini, "Application/JSON; charset=utf-8", "?dry_run=true", list).status, 200);
    CHECK_EQ_INT(
        shelf_import(mini, NULL, "?dry_run=true", mini_text(mini, "\xef\xbb\xbf%s", list)).status,
        200);
    CHECK_EQ_INT(shelf_import(mini, "application/json", "", rows).status, 400);
    CHECK_EQ_INT(shelf_import(mini, "TEXT/CSV", "", list).status, 400);
    CHECK_EQ_INT(shelf_digest(mini), 0);
    mini_close(mini);
}

TEST_DB(catalog_import_dry, "a dry run finds all that an import would, and changes nothing")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(mini, "goods", "OLD", "");
    int64_t before = shelf_digest(mini);
    struct answer dry = json(mini, 200, "?dry_run=true", list);

    CHECK_EQ_STR(dry.body,
                 "{\"rows\":2,\"products\":2,\"failed\":0,\"dry_run\":true,\"errors\":[]}");
    dry = csv(mini, 200, "?dry_run=true", "OLD,T,goods,1,CNY,,,\nN,T,goods,1,CNY,,,\n");
    CHECK_EQ_INT(mini_get_int(mini, dry, "products"), 1);
    check_error(mini, dry, 0, 2, "code_taken");
    CHECK_EQ_INT(shelf_digest(mini), before);
    json(mini, 200, "?dry_run=false", list);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku"), 4);
    CHECK_EQ_INT(shelf_quote(mini, sku, "CNY").status, 200);
    shelf_refused(mini, 400, "wrong_type", "POST /v1/products/import?dry_run=perhaps", list);
    shelf_refused(mini, 400, "unknown_field", "POST /v1/products/import?dry=true", list);
    mini_close(mini);
}

TEST_DB(catalog_import_once, "an import that is sent twice under one key is done once")
{
    struct mini *mini = mini_open(db);
    const char *rows = mini_text(mini, "%sA,T,goods,1,CNY,,,\n", head);
    struct answer first = mini_http_as(mini, NULL, "k", "POST /v1/products/import", rows),
                  again = mini_http_as(mini, NULL, "k", "POST /v1/products/import", rows);

    CHECK_EQ_INT(first.status, 200);
    CHECK_EQ_INT(again.status, 200);
    CHECK(again.replayed);
    CHECK_EQ_STR(again.body, first.body);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku"), 1);
    mini_close(mini);
}
