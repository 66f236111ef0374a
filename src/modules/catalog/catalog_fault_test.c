/*
 * catalog_fault_test.c - whatever fails, a change of the catalogue is whole or nothing.
 */
#include "modules/catalog/catalog_fixture.h"

enum { STEP_BYTES = 512, BUDGET_BYTES_MAX = 1 << 20, TRIES_MAX = 100 };

/* One request that writes, made anew for each try so that each has the same effect. */
struct write {
    const char *request, *body;
    int status;
};

typedef struct write write_make(struct mini *mini, int n);

static struct write make_product(struct mini *mini, int n)
{
    const char *body = mini_text(
        mini,
        "{\"title\":\"T\",\"kind\":\"bundle\",\"skus\":[{\"code\":\"A%d\",\"price\":{\"amount\":1,"
        "\"currency\":\"CNY\"},\"components\":[{\"sku_code\":\"PART\",\"quantity\":1}],"
        "\"options\":{\"a\":\"b\"},\"prices\":[{\"amount\":{\"amount\":1,\"currency\":\"EUR\"}}]},"
        "{\"code\":\"B%d\",\"price\":{\"amount\":1,\"currency\":\"CNY\"},\"components\":["
        "{\"sku_code\":\"PART\",\"quantity\":1}]}]}",
        n, n);

    return (struct write){"POST /v1/products", body, 201};
}

static struct answer fresh(struct mini *mini, int n)
{
    struct answer made = shelf_do(mini, 201, "POST /v1/products",
                                  shelf_body(mini, "T", "goods", mini_text(mini, "F%d", n), ""));

    shelf_do(mini, 200, mini_text(mini, "GET %s", made.location), NULL); /* Into memory. */
    return made;
}

static struct write make_state(struct mini *mini, int n)
{
    return (struct write){mini_text(mini, "POST %s/state", fresh(mini, n).location),
                          "{\"state\":\"draft\"}", 200};
}

static struct write make_patch(struct mini *mini, int n)
{
    return (struct write){mini_text(mini, "PATCH %s", fresh(mini, n).location),
                          "{\"title\":\"Longer\",\"category\":\"c\"}", 200};
}

static struct write make_sku(struct mini *mini, int n)
{
    return (struct write){
        mini_text(mini, "POST %s/skus", fresh(mini, n).location),
        mini_text(mini, "{\"code\":\"S%d\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}", n),
        201};
}

static struct write make_sku_patch(struct mini *mini, int n)
{
    return (struct write){
        mini_text(mini, "PATCH /v1/skus/%s", mini_get(mini, fresh(mini, n), "skus.0.id")),
        "{\"title\":\"Longer\",\"tax_ppm\":7,\"stock\":\"unlimited\",\"options\":{\"a\":\"b\"}}",
        200};
}

static struct write make_price(struct mini *mini, int n)
{
    return (struct write){
        mini_text(mini, "PUT /v1/skus/%s/price", mini_get(mini, fresh(mini, n), "skus.0.id")),
        "{\"price\":{\"amount\":900,\"currency\":\"CNY\"},\"prices\":["
        "{\"amount\":{\"amount\":1,\"currency\":\"EUR\"}}]}",
        200};
}

static struct write make_csv(struct mini *mini, int n)
{
    return (struct write){"POST /v1/products/import",
                          mini_text(mini,
                                    "code,title,kind,price_minor,currency\n"
                                    "I%d,T,goods,1,CNY\nJ%d,\"T \"\"x\"\"\",goods,1,CNY\n"
                                    "K%d,T,vip,1,CNY\n",
                                    n, n, n),
                          200};
}

static struct write make_json(struct mini *mini, int n)
{
    return (struct write){"POST /v1/products/import",
                          mini_text(mini, "[%s,%s]",
                                    shelf_body(mini, "T", "goods", mini_text(mini, "L%d", n), ""),
                                    make_product(mini, n).body),
                          200};
}

static write_make *const writes[] = {make_product,   make_state, make_patch, make_sku,
                                     make_sku_patch, make_price, make_csv,   make_json};
enum { WRITES = sizeof(writes) / sizeof(writes[0]) };

/* What a write changes: the catalogue, and the audit log by one. */
static int64_t changed(struct mini *mini)
{
    return shelf_digest(mini) * 10 + mini_count(mini, "select count(*) from kernel_audit");
}

/* ---- Statements ---- */

/* Try with the nth statement failing; false when there are not so many. */
static bool try_failing(struct mini *mini, int w, int nth, int64_t effect, int *failed)
{
    struct write write = writes[w](mini, w * TRIES_MAX + nth);
    const char *key = mini_text(mini, "k%d-%d", w, nth);
    int64_t before = changed(mini);
    struct answer answer;
    bool fired;

    mini_fail_statement(mini, nth);
    answer = mini_http_as(mini, NULL, key, write.request, write.body);
    fired = mini_fault_fired(mini);
    mini_fail_statement(mini, 0);
    if (answer.status != write.status) {
        CHECK_SAY(answer.status >= 500, "%s: %d %s", write.request, answer.status, answer.body);
        CHECK(*mini_get(mini, answer, "detail"));
        CHECK_EQ_INT(changed(mini), before);
        ++*failed;
        answer = mini_http_as(mini, NULL, key, write.request, write.body);
        CHECK_SAY(answer.status == write.status, "%s: %s", write.request, answer.body);
        CHECK(!answer.replayed);
    }
    CHECK_SAY(changed(mini) == before + effect, "%s, statement %d", write.request, nth);
    answer = mini_http_as(mini, NULL, key, write.request, write.body);
    CHECK(answer.replayed || strncmp(write.request, "POST", 4) != 0);
    return fired;
}

static int64_t effect_of(struct mini *mini, int w)
{
    struct write write = writes[w](mini, w * TRIES_MAX);
    int64_t before = changed(mini);

    shelf_do(mini, write.status, write.request, write.body);
    CHECK(changed(mini) != before);
    return changed(mini) - before;
}

TEST_DB(catalog_faults,
        "whichever statement fails, a change is whole or nothing, and may be sent "
        "again",
        .slow = true)
{
    struct mini *mini = mini_open(db);

    shelf_sku(mini, "goods", "PART", "");
    for (int w = 0; w < WRITES; w++) {
        int64_t effect = effect_of(mini, w);
        int nth = 1, failed = 0;

        while (try_failing(mini, w, nth, effect, &failed))
            CHECK(++nth < TRIES_MAX);
        CHECK(nth > 2);
        CHECK(failed > 0);
    }
    mini_close(mini);
}

TEST_DB(catalog_memory_faults, "the reply from memory is never ahead of the database, nor behind",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    const char *location = fresh(mini, 0).location, *title = "T";
    const char *patch = mini_text(mini, "PATCH %s", location);
    bool fired = true;

    for (int nth = 1; fired; nth++) {
        const char *next = mini_text(mini, "T%d", nth), *body;
        struct answer answer;

        body = mini_text(mini, "{\"title\":\"%s\"}", next);
        mini_fail_statement(mini, nth);
        answer = mini_http(mini, patch, body);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        title = answer.status == 200 ? next : title;
        answer = shelf_do(mini, 200, mini_text(mini, "GET %s", location), NULL);
        CHECK_EQ_STR(mini_get(mini, answer, "title"), title);
        CHECK_EQ_STR(mini_get(mini, answer, "skus.0.title"), title);
        CHECK(nth < 100);
    }
    CHECK_EQ_STR(title, mini_get(mini, shelf_do(mini, 200, "GET /v1/skus", NULL), "data.0.title"));
    mini_close(mini);
}

TEST_DB(catalog_dry_faults, "a dry run or a bad import changes nothing, whichever statement fails",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct write good = make_json(mini, 1);
    const char *bad;
    int64_t before;
    bool fired = true;

    shelf_sku(mini, "goods", "PART", "");
    before = shelf_digest(mini);
    bad = mini_text(mini, "[%s,%s]", make_product(mini, 1).body, make_product(mini, 1).body);
    for (int nth = 1; fired; nth++) {
        struct answer dry, refused;

        mini_fail_statement(mini, nth);
        dry = mini_http(mini, "POST /v1/products/import?dry_run=true", good.body);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, nth);
        refused = mini_http(mini, "POST /v1/products/import", bad);
        fired |= mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        CHECK_SAY(dry.status == 200 || dry.status >= 500, "%s", dry.body);
        CHECK_SAY(refused.status == 422 || refused.status >= 500, "%s", refused.body);
        CHECK_EQ_INT(shelf_digest(mini), before);
        CHECK(nth < 100);
    }
    shelf_do(mini, 200, "POST /v1/products/import", good.body);
    mini_close(mini);
}

/* ---- Commands that run together ---- */

enum { TOGETHER = 4 };

/* Begun one after the other, run in one batch. */
static void run_together(struct mini *mini, const struct write writes_of[TOGETHER],
                         struct dispatch_answer answers[TOGETHER])
{
    struct dispatcher_options options = {.platform = mini_platform(mini),
                                         .default_space = mini_space(mini)->name,
                                         .anonymous_rate_per_s = 1000};
    struct pair header = {STR("Authorization"),
                          str_of(mini_text(mini, "Bearer %s", mini_admin_key(mini)))};
    struct problem problem;
    struct dispatcher *dispatcher = dispatcher_make(&options, &problem);
    struct dispatch_request requests[TOGETHER];
    struct call *calls[TOGETHER];
    struct cx cx;

    CHECK(dispatcher != NULL);
    for (int k = 0; k < TOGETHER; k++) {
        requests[k] = (struct dispatch_request){.method = STR("POST"),
                                                .target = str_of(writes_of[k].request),
                                                .body = str_of(writes_of[k].body),
                                                .headers = &header,
                                                .header_count = 1};
        calls[k] = dispatch_begin(dispatcher, &requests[k], &answers[k]);
    }
    for (int k = 0; k < TOGETHER; k++) {
        cx_open(&cx, mini_platform(mini)->env, CX_BYTES_MAX);
        while (answers[k].pending)
            (void)platform_step(mini_platform(mini));
        dispatch_end(calls[k], &cx, &answers[k]);
        CHECK_SAY(answers[k].status == writes_of[k].status, "%d: " STR_FMT, k,
                  STR_ARG(answers[k].body));
        cx_close(&cx);
    }
    dispatcher_free(dispatcher);
}

TEST_DB(catalog_import_among_others, "a refused import takes nothing of its batch mates along")
{
    struct mini *mini = mini_open(db);
    const char *import = "code,title,kind,price_minor,currency\nNEW,T,goods,1,CNY\n"
                         "FIRST,T,goods,1,CNY\n";
    const struct write together[TOGETHER] = {
        {"/v1/products", shelf_body(mini, "T", "goods", "FIRST", ""), 201},
        {"/v1/products/import", import, 422},
        {"/v1/products", shelf_body(mini, "T", "goods", "NEW", ""), 201},
        {"/v1/products/import?dry_run=true", import, 200}};
    struct dispatch_answer answers[TOGETHER];

    run_together(mini, together, answers);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku where code in"
                                  " ('FIRST', 'NEW')"),
                 2);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_product"), 2);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox where type like"
                                  " 'catalog.%'"),
                 2);
    mini_close(mini);
}

/* ---- Memory ---- */

static void starve(struct mini *mini, int w)
{
    int64_t effect = effect_of(mini, w), before;
    struct write write = writes[w](mini, w * TRIES_MAX + 1);
    struct answer answer;
    size_t bytes = STEP_BYTES;

    before = changed(mini);
    for (;; bytes += STEP_BYTES) {
        mini_arena_bytes(mini, bytes);
        answer = mini_http(mini, write.request, write.body);
        mini_arena_bytes(mini, 0);
        if (answer.status == write.status)
            break;
        CHECK_SAY(answer.status == 413, "%s: %s", write.request, answer.body);
        CHECK_EQ_STR(mini_get(mini, answer, "code"), "out_of_memory");
        CHECK_SAY(changed(mini) == before, "%s: half done in %zu bytes", write.request, bytes);
        CHECK(bytes < BUDGET_BYTES_MAX);
    }
    CHECK(bytes > STEP_BYTES);
    CHECK_EQ_INT(changed(mini), before + effect);
}

TEST_DB(catalog_starved, "with too little memory a change is refused whole", .slow = true)
{
    struct mini *mini = mini_open(db);

    shelf_sku(mini, "goods", "PART", "");
    for (int w = 0; w < WRITES; w++)
        starve(mini, w);
    mini_close(mini);
}

TEST_DB(catalog_starved_reads, "with too little memory a read is refused, and answered with enough")
{
    static const char *const reads[] = {"GET /v1/products?title=p", "GET /v1/skus", "GET @",
                                        "GET /v1/skus?code=F1"};
    struct mini *mini = mini_open(db);
    const char *location = fresh(mini, 1).location;

    for (int r = 0; r < 4; r++) {
        const char *request =
            strcmp(reads[r], "GET @") == 0 ? mini_text(mini, "GET %s", location) : reads[r];
        size_t bytes = STEP_BYTES;
        struct answer answer = {0};

        for (; answer.status != 200; bytes += STEP_BYTES) {
            mini_restart(mini); /* Nothing is remembered. */
            mini_arena_bytes(mini, bytes);
            answer = mini_http(mini, request, NULL);
            mini_arena_bytes(mini, 0);
            CHECK_SAY(answer.status == 200 || answer.status == 413, "%s: %s", request, answer.body);
            CHECK(bytes < BUDGET_BYTES_MAX);
        }
        CHECK(bytes > 2 * STEP_BYTES);
    }
    mini_close(mini);
}
