/*
 * catalog_import_limit_test.c - the longest import fits a command; one row more is refused.
 */
#include "modules/catalog/catalog_fixture.h"

enum { IMPORT_MEMORY_MAX = CX_BYTES_MAX };

/* ---- Files ---- */

static struct text csv_file(int rows)
{
    struct text file = shelf_long_text();

    text_addf(&file, "code,title,kind,price_minor,currency,stock,category\n");
    for (int k = 0; k < rows; k++)
        text_addf(&file, "CODE-%05d,\"A title of usual length, number %d\",goods,%d,CNY,deny,cat\n",
                  k, k, k);
    return file;
}

/* Products of one SKU each with as many options, prices and components. */
static struct text json_file(int products, int options, int prices, int components)
{
    struct text file = shelf_long_text();

    text_addf(&file, "[");
    for (int p = 0; p < products; p++) {
        text_addf(&file,
                  "%s{\"title\":\"T\",\"kind\":\"%s\",\"skus\":[{\"code\":\"%d\",\"price\":"
                  "{\"amount\":1,\"currency\":\"CNY\"},\"options\":{",
                  p ? "," : "", p > 0 && components > 0 ? "bundle" : "goods", p);
        for (int k = 0; k < options; k++)
            text_addf(&file, "%s\"%d\":\"%d\"", k ? "," : "", k, k);
        text_addf(&file, "},\"prices\":[");
        for (int k = 0; k < prices; k++)
            text_addf(&file, "%s{\"amount\":{\"amount\":%d,\"currency\":\"EUR\"}}", k ? "," : "",
                      k);
        text_addf(&file, "],\"components\":[");
        for (int k = 0; p > 0 && k < components; k++)
            text_addf(&file, "%s{\"sku_code\":\"0\",\"quantity\":1}", k ? "," : "");
        text_addf(&file, "]}]}");
    }
    text_addf(&file, "]");
    return file;
}

/* Bytes of memory that the import needs, to a sixteenth of a budget. */
static size_t needed(struct mini *mini, const char *type, struct text *file)
{
    const char *body = shelf_text_done(file);
    size_t bytes = IMPORT_MEMORY_MAX / 16;

    CHECK(file->len <= CATALOG_IMPORT_BYTES_MAX);
    for (;; bytes += IMPORT_MEMORY_MAX / 16) {
        struct answer answer;

        mini_arena_bytes(mini, bytes);
        answer = shelf_import(mini, type, "", body);
        mini_arena_bytes(mini, 0);
        if (answer.status == 200)
            return bytes;
        CHECK_SAY(answer.status == 413, "%d %s", answer.status, answer.body);
        CHECK_EQ_INT(shelf_digest(mini), 0);
        CHECK(bytes < 4u * IMPORT_MEMORY_MAX);
    }
}

/* ---- Limits ---- */

TEST_DB(catalog_import_rows_max, "a CSV file of 5,000 rows is imported, of 5,001 refused",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct text file = csv_file(CATALOG_IMPORT_SKUS_MAX + 1);
    struct answer answer = shelf_import(mini, "text/csv", "", shelf_text_done(&file));

    CHECK_EQ_INT(answer.status, 413);
    CHECK_EQ_STR(mini_get(mini, answer, "code"), "import_too_large");
    CHECK_EQ_STR(mini_get(mini, answer, "detail"),
                 "one import holds at most 5000 rows: split the file");
    CHECK_EQ_INT(shelf_digest(mini), 0);
    file = csv_file(CATALOG_IMPORT_SKUS_MAX);
    answer = shelf_import(mini, "text/csv", "", shelf_text_done(&file));
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    CHECK_EQ_INT(mini_get_int(mini, answer, "products"), CATALOG_IMPORT_SKUS_MAX);
    CHECK_EQ_INT(mini_count(mini, "select count(distinct code) from catalog_sku"),
                 CATALOG_IMPORT_SKUS_MAX);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox where type ="
                                  " 'catalog.product_created'"),
                 CATALOG_IMPORT_SKUS_MAX);
    answer = shelf_import(mini, "text/csv", "", shelf_text_done(&file)); /* All taken now. */
    CHECK_EQ_INT(answer.status, 422);
    CHECK_EQ_INT(mini_get_int(mini, answer, "failed"), CATALOG_IMPORT_SKUS_MAX);
    mini_close(mini);
}

TEST_DB(catalog_import_bad_rows_max, "rows count towards the limit also when they are bad",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct text file = shelf_long_text();
    struct answer answer;

    text_addf(&file, "code,title,kind,price_minor,currency\n");
    for (int k = 0; k < CATALOG_IMPORT_SKUS_MAX; k++)
        text_addf(&file, "x\n");
    answer = shelf_import(mini, "text/csv", "", shelf_text_done(&file));
    CHECK_EQ_INT(answer.status, 422);
    CHECK_EQ_INT(mini_get_int(mini, answer, "failed"), CATALOG_IMPORT_SKUS_MAX);
    text_addf(&file, "x\n");
    CHECK_EQ_INT(shelf_import(mini, "text/csv", "", shelf_text_done(&file)).status, 413);
    mini_close(mini);
}

TEST_DB(catalog_import_skus_max, "SKUs and components of a JSON import are counted together",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct text file = shelf_long_text();
    struct answer answer;

    for (int extra = 0; extra < 2; extra++) {
        file.len = 0;
        text_addf(&file, "[");
        for (int p = 0; p < CATALOG_IMPORT_SKUS_MAX / 100 + extra; p++) {
            text_addf(&file, "%s{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[", p ? "," : "");
            for (int s = 0; s < (p < CATALOG_IMPORT_SKUS_MAX / 100 ? 100 : 1); s++)
                text_addf(&file,
                          "%s{\"code\":\"%d-%d\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}",
                          s ? "," : "", p, s);
            text_addf(&file, "]}");
        }
        text_addf(&file, "]");
        answer = shelf_import(mini, "application/json", "?dry_run=true", shelf_text_done(&file));
        CHECK_SAY(answer.status == (extra ? 413 : 200), "%s", answer.body);
    }
    file = json_file(CATALOG_IMPORT_COMPONENTS_MAX / 50 + 1, 0, 0, 50);
    answer = shelf_import(mini, "application/json", "?dry_run=true", shelf_text_done(&file));
    CHECK_SAY(answer.status == 200 && mini_get_int(mini, answer, "failed") == 0, "%s", answer.body);
    file = json_file(CATALOG_IMPORT_COMPONENTS_MAX / 50 + 2, 0, 0, 50);
    answer = shelf_import(mini, "application/json", "?dry_run=true", shelf_text_done(&file));
    CHECK_EQ_STR(mini_get(mini, answer, "detail"),
                 "one import holds at most 5000 components of bundles: split the file");
    mini_close(mini);
}

/* ---- Memory ---- */

TEST_DB(catalog_import_memory_csv, "the longest CSV import fits half of a command's memory",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct text file = csv_file(CATALOG_IMPORT_SKUS_MAX);
    size_t bytes = needed(mini, "text/csv", &file);

    CHECK_SAY(bytes <= IMPORT_MEMORY_MAX / 2, "%zu", bytes);
    mini_close(mini);
}

TEST_DB(catalog_import_memory_json, "the longest and widest JSON import fits a command's memory",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct text file = json_file(CATALOG_IMPORT_SKUS_MAX, CATALOG_OPTIONS_MAX, 12, 0);
    size_t bytes;

    CHECK(file.len > CATALOG_IMPORT_BYTES_MAX * 9 / 10);
    bytes = needed(mini, "application/json", &file);
    CHECK_SAY(bytes <= IMPORT_MEMORY_MAX, "%zu", bytes);
    mini_close(mini);
}
