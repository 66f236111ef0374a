/*
 * sandbox_psp_test.c - the sandbox over real sockets, and a shop that listens to its notices.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <stdlib.h>
#include <time.h>

#include "cli/sandbox_psp.h"
#include "kernel/effect/secret.h"
#include "test/kit/test.h"

enum { NOTICES_MAX = 64, WAIT_MS_MAX = 10000 };

/* ---- The shop's side ---- */

struct heard {
    char event[64], body[600];
    bool signed_well;
    int64_t at_ms;
};
struct bench {
    struct psp *psp;
    struct http_server *shop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct heard heard[NOTICES_MAX];
    int heard_count, refuse; /* The next so many notices are answered 500. */
    char reply[4096];
    char notify[80];
};

static void hear(struct bench *bench, struct http_exchange *x)
{
    struct heard *heard = &bench->heard[bench->heard_count];
    struct str event = http_header(x, "webhook-id"), body = http_body(x);
    struct str parts[] = {event, http_header(x, "webhook-timestamp"), body};
    char wanted[SECRET_SIGNATURE_LEN + 1], given[80];

    CHECK(bench->heard_count < NOTICES_MAX);
    CHECK(secret_sign(STR("SANDBOX_WEBHOOK"), parts, 3, wanted));
    snprintf(given, sizeof(given), "v1,%s", wanted);
    heard->signed_well = str_is(http_header(x, "webhook-signature"), given);
    heard->at_ms = psp_now_ms();
    snprintf(heard->event, sizeof(heard->event), STR_FMT, STR_ARG(event));
    snprintf(heard->body, sizeof(heard->body), STR_FMT, STR_ARG(body));
    bench->heard_count++;
    pthread_cond_broadcast(&bench->wake);
}

static void on_notice(struct http_exchange *x, void *context)
{
    struct bench *bench = context;
    struct http_reply reply = {
        .status = 200, .content_type = STR("application/json"), .body = STR("{}")};

    pthread_mutex_lock(&bench->lock);
    if (bench->refuse > 0) {
        bench->refuse--;
        reply.status = 500;
    } else {
        hear(bench, x);
    }
    pthread_mutex_unlock(&bench->lock);
    http_reply(x, &reply);
}

/* Waits until count notices were heard; false when they do not come. */
static bool heard(struct bench *bench, int count)
{
    int64_t until_ms = psp_now_ms() + WAIT_MS_MAX;
    struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool enough;

    pthread_mutex_lock(&bench->lock);
    while (bench->heard_count < count &&
           pthread_cond_timedwait(&bench->wake, &bench->lock, &at) == 0) {
    }
    enough = bench->heard_count >= count;
    pthread_mutex_unlock(&bench->lock);
    return enough;
}

/* ---- Calls ---- */

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct bench *bench = context;
    size_t len = strlen(bench->reply), more = size * count;

    CHECK(len + more < sizeof(bench->reply));
    memcpy(bench->reply + len, bytes, more);
    bench->reply[len + more] = '\0';
    return more;
}

static int call_keyed(struct bench *bench, const char *method, const char *path, const char *body,
                      const char *key)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_easy_init();
    char url[300], line[120];
    long status = 0;

    CHECK(curl != NULL);
    snprintf(url, sizeof(url), "%s%s", bench->psp->base, path);
    if (key) {
        snprintf(line, sizeof(line), "Idempotency-Key: %s", key);
        headers = curl_slist_append(headers, line);
    }
    bench->reply[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, bench);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WAIT_MS_MAX);
    if (strcmp(method, "POST") == 0)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
    CHECK_EQ_INT(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return (int)status;
}

static int call(struct bench *bench, const char *method, const char *path, const char *body)
{
    return call_keyed(bench, method, path, body, NULL);
}

static bool says(const struct bench *bench, const char *text)
{
    return strstr(bench->reply, text) != NULL;
}

static int charge(struct bench *bench, const char *reference, int64_t amount)
{
    char body[300];

    snprintf(body, sizeof(body),
             "{\"reference\":\"%s\",\"account\":\"main\",\"notify_url\":\"%s\",\"amount\":"
             "{\"amount\":%lld,\"currency\":\"CNY\"}}",
             reference, bench->notify, (long long)amount);
    return call(bench, "POST", "/charges", body);
}

static int pay(struct bench *bench, const char *reference)
{
    char path[120];

    snprintf(path, sizeof(path), "/charges/%s/pay", reference);
    return call(bench, "POST", path, NULL);
}

static int refund(struct bench *bench, const char *reference, const char *of, int64_t amount)
{
    char body[300];

    snprintf(body, sizeof(body),
             "{\"reference\":\"%s\",\"charge\":\"%s\",\"amount\":{\"amount\":%lld,"
             "\"currency\":\"CNY\"}}",
             reference, of, (long long)amount);
    return call(bench, "POST", "/refunds", body);
}

static void behave(struct bench *bench, const char *body)
{
    CHECK_EQ_INT(call(bench, "POST", "/behaviour", body), 200);
}

static struct bench *bench_open_file(const char *file)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct http_options options = {
        .listen = "127.0.0.1:0", .context = bench, .on_request = on_notice, .threads = 1};
    struct problem problem = {0};

    CHECK(bench != NULL);
    CHECK(setenv("GREVY_SECRET_SANDBOX_WEBHOOK", "shared", 1) == 0);
    bench->psp = calloc(1, sizeof(*bench->psp));
    CHECK(bench->psp != NULL);
    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->wake, NULL);
    psp_init(bench->psp);
    CHECK(!file || psp_file_open(bench->psp, file));
    CHECK(psp_start(bench->psp, "127.0.0.1:0"));
    bench->shop = http_start(&options, &problem);
    CHECK_SAY(bench->shop != NULL, "%s", problem.detail);
    snprintf(bench->notify, sizeof(bench->notify), "http://127.0.0.1:%d/hook",
             http_port(bench->shop));
    return bench;
}

static struct bench *bench_open(void)
{
    return bench_open_file(NULL);
}

static void bench_close(struct bench *bench)
{
    psp_stop(bench->psp);
    psp_free(bench->psp);
    http_stop(bench->shop, 1000);
    free(bench->psp);
    free(bench);
}

/* ---- Tests ---- */

TEST_THREADS(psp_pays, "a charge is paid, its notice is signed and says the fee")
{
    struct bench *bench = bench_open();

    CHECK_EQ_INT(charge(bench, "pay_1", 10000), 201);
    CHECK(says(bench, "\"state\":\"pending\""));
    CHECK(says(bench, "/pay\""));
    CHECK_EQ_INT(pay(bench, "pay_1"), 200);
    CHECK(says(bench, "\"state\":\"succeeded\""));
    CHECK_EQ_INT(pay(bench, "pay_1"), 409);
    CHECK(heard(bench, 1));
    CHECK(bench->heard[0].signed_well);
    CHECK(strstr(bench->heard[0].body, "\"type\":\"charge.succeeded\"") != NULL);
    CHECK(strstr(bench->heard[0].body, "\"reference\":\"pay_1\"") != NULL);
    CHECK(strstr(bench->heard[0].body, "\"amount\":{\"amount\":10000,\"currency\":\"CNY\"}") !=
          NULL);
    CHECK(strstr(bench->heard[0].body, "\"fee\":60") != NULL);
    CHECK_EQ_INT(call(bench, "GET", "/charges/pay_1", NULL), 200);
    CHECK_EQ_INT(call(bench, "GET", "/charges/pay_2", NULL), 404);
    CHECK_EQ_INT(call(bench, "GET", "/elsewhere", NULL), 404);
    bench_close(bench);
}

TEST(psp_same, "a reference and an Idempotency-Key name one charge for ever")
{
    struct bench *bench = bench_open();
    static const char one[] = "{\"reference\":\"pay_1\",\"account\":\"main\",\"amount\":"
                              "{\"amount\":5,\"currency\":\"CNY\"}}";
    static const char two[] = "{\"reference\":\"pay_2\",\"account\":\"main\",\"amount\":"
                              "{\"amount\":5,\"currency\":\"CNY\"}}";

    CHECK_EQ_INT(call_keyed(bench, "POST", "/charges", one, "k1"), 201);
    CHECK_EQ_INT(call_keyed(bench, "POST", "/charges", one, "k1"), 200);
    CHECK_EQ_INT(call_keyed(bench, "POST", "/charges", one, "k2"), 200);
    CHECK_EQ_INT(call_keyed(bench, "POST", "/charges", two, "k1"), 422);
    CHECK(says(bench, "idempotency_key_reused"));
    CHECK_EQ_INT(charge(bench, "pay_1", 6), 422);
    CHECK(says(bench, "reference_reused"));
    CHECK_EQ_INT(bench->psp->charge_count, 1);
    CHECK_EQ_INT(charge(bench, "", 6), 400);
    bench_close(bench);
}

TEST(psp_refunds, "never more is refunded than was captured, a reference refunds once")
{
    struct bench *bench = bench_open();

    charge(bench, "pay_1", 1000);
    CHECK_EQ_INT(refund(bench, "prf_1", "pay_1", 400), 404); /* Not paid yet. */
    pay(bench, "pay_1");
    CHECK_EQ_INT(refund(bench, "prf_1", "pay_1", 400), 201);
    CHECK(says(bench, "\"state\":\"succeeded\""));
    CHECK_EQ_INT(refund(bench, "prf_1", "pay_1", 400), 200);
    CHECK_EQ_INT(refund(bench, "prf_2", "pay_1", 601), 422);
    CHECK(says(bench, "refund_exceeds"));
    CHECK_EQ_INT(refund(bench, "prf_2", "pay_1", 600), 201);
    CHECK_EQ_INT(refund(bench, "prf_3", "pay_1", 1), 422);
    CHECK(heard(bench, 3));
    behave(bench, "{\"refuse_percent\":100}");
    charge(bench, "pay_2", 1000);
    pay(bench, "pay_2");
    CHECK_EQ_INT(refund(bench, "prf_4", "pay_2", 1), 201);
    CHECK(says(bench, "\"state\":\"failed\""));
    behave(bench, "{\"refund_late_ms\":50}");
    CHECK_EQ_INT(refund(bench, "prf_5", "pay_2", 1), 201);
    CHECK(says(bench, "\"state\":\"pending\""));
    CHECK_EQ_INT(call(bench, "GET", "/refunds/prf_5", NULL), 200);
    CHECK(heard(bench, 6));
    bench_close(bench);
}

TEST_THREADS(psp_misbehaves, "it fails, doubles, loses, delays and miscounts as told")
{
    struct bench *bench = bench_open();
    int64_t before_ms;

    behave(bench, "{\"fail_percent\":100}");
    charge(bench, "pay_1", 1000);
    pay(bench, "pay_1");
    CHECK(says(bench, "\"state\":\"failed\""));
    CHECK(heard(bench, 1));
    CHECK(strstr(bench->heard[0].body, "charge.failed") != NULL);
    behave(bench, "{\"duplicate\":2}");
    pay(bench, "pay_1"); /* The buyer tries another card. */
    CHECK(heard(bench, 4));
    CHECK_EQ_STR(bench->heard[1].event, bench->heard[3].event);
    behave(bench, "{\"lose_percent\":100}");
    charge(bench, "pay_2", 1000);
    pay(bench, "pay_2");
    behave(bench, "{\"wrong_amount\":-1,\"succeed_late_ms\":100}");
    charge(bench, "pay_3", 1000);
    before_ms = psp_now_ms();
    pay(bench, "pay_3");
    CHECK(heard(bench, 5)); /* Nothing of pay_2. */
    CHECK(bench->heard[4].at_ms >= before_ms + 100);
    CHECK(strstr(bench->heard[4].body, "\"reference\":\"pay_3\"") != NULL);
    CHECK(strstr(bench->heard[4].body, "\"amount\":999,") != NULL);
    behave(bench, "{\"slow_ms\":120}");
    before_ms = psp_now_ms();
    CHECK_EQ_INT(call(bench, "GET", "/charges/pay_3", NULL), 200);
    CHECK(psp_now_ms() >= before_ms + 120);
    behave(bench, "{\"error_percent\":100}");
    CHECK_EQ_INT(call(bench, "GET", "/charges/pay_3", NULL), 500);
    CHECK_EQ_INT(call(bench, "POST", "/behaviour", "{\"lose_percent\":101}"), 400);
    CHECK_EQ_INT(call(bench, "GET", "/behaviour", NULL), 200);
    CHECK(says(bench, "\"error_percent\":100"));
    bench_close(bench);
}

TEST_THREADS(psp_retries, "a notice that the shop does not take is sent again")
{
    struct bench *bench = bench_open();

    bench->refuse = 2;
    charge(bench, "pay_1", 1000);
    pay(bench, "pay_1");
    CHECK(heard(bench, 1));
    CHECK_EQ_INT(bench->refuse, 0);
    CHECK(bench->heard[0].signed_well);
    bench_close(bench);
}

static void today(char out[TIME_TEXT_LEN + 1])
{
    time_format(out, psp_now_ms());
    out[10] = '\0';
}

TEST(psp_statement, "a statement has every charge and refund of its day, in pages")
{
    struct bench *bench = bench_open();
    char date[TIME_TEXT_LEN + 1], path[120], name[20];

    today(date);
    bench->notify[0] = '\0'; /* Nobody is told. */
    for (int k = 0; k < 5; k++) {
        snprintf(name, sizeof(name), "pay_%d", k);
        charge(bench, name, 1000);
        if (k != 2)
            pay(bench, name);
    }
    refund(bench, "prf_1", "pay_1", 400);
    snprintf(path, sizeof(path), "/statement?date=%s&limit=4", date);
    CHECK_EQ_INT(call(bench, "GET", path, NULL), 200);
    CHECK(says(bench, "\"reference\":\"pay_3\""));
    CHECK(!says(bench, "\"reference\":\"pay_2\"")); /* Not paid. */
    CHECK(!says(bench, "\"reference\":\"pay_4\""));
    CHECK(says(bench, "\"next\":\"4\""));
    snprintf(path, sizeof(path), "/statement?date=%s&limit=4&cursor=4", date);
    CHECK_EQ_INT(call(bench, "GET", path, NULL), 200);
    CHECK(says(bench, "\"type\":\"charge\""));
    CHECK(says(bench, "\"type\":\"refund\""));
    CHECK(says(bench, "\"next\":null"));
    behave(bench, "{\"statement_lose\":2,\"statement_fee\":3}");
    snprintf(path, sizeof(path), "/statement?date=%s", date);
    CHECK_EQ_INT(call(bench, "GET", path, NULL), 200);
    CHECK(!says(bench, "\"reference\":\"pay_1\""));
    CHECK(says(bench, "\"fee\":9"));
    CHECK_EQ_INT(call(bench, "GET", "/statement?date=2020-01-01", NULL), 200);
    CHECK(says(bench, "\"lines\":[]"));
    CHECK_EQ_INT(call(bench, "GET", "/statement?date=2020-13-01", NULL), 400);
    CHECK_EQ_INT(call(bench, "GET", "/statement", NULL), 400);
    bench_close(bench);
}

TEST(psp_file, "with a file it remembers, also after a line that was cut")
{
    char file[400];
    struct bench *bench;
    FILE *cut;

    snprintf(file, sizeof(file), "%s/psp.jsonl", test_dir());
    bench = bench_open_file(file);
    charge(bench, "pay_1", 1000);
    pay(bench, "pay_1");
    CHECK_EQ_INT(refund(bench, "prf_1", "pay_1", 400), 201);
    bench_close(bench);
    cut = fopen(file, "a");
    CHECK(cut != NULL);
    fputs("c{\"id\":\"ch_cu", cut);
    fclose(cut);
    bench = bench_open_file(file);
    CHECK_EQ_INT(bench->psp->charge_count, 1);
    CHECK_EQ_INT(charge(bench, "pay_1", 1000), 200);
    CHECK(says(bench, "\"state\":\"succeeded\""));
    CHECK_EQ_INT(refund(bench, "prf_2", "pay_1", 601), 422);
    CHECK_EQ_INT(charge(bench, "pay_2", 1000), 201);
    bench_close(bench);
    bench = bench_open_file(file);
    CHECK_EQ_INT(bench->psp->charge_count, 2);
    bench_close(bench);
}

TEST(psp_auto_pay, "told to, it pays every charge at once; with a token it serves nobody else")
{
    struct bench *bench = bench_open();

    bench->psp->auto_pay = true;
    CHECK_EQ_INT(charge(bench, "pay_1", 1000), 201);
    CHECK(says(bench, "\"state\":\"succeeded\""));
    CHECK(heard(bench, 1));
    setenv("GREVY_SECRET_SANDBOX", "token", 1);
    CHECK_EQ_INT(charge(bench, "pay_2", 1000), 401);
    CHECK_EQ_INT(call(bench, "GET", "/healthz", NULL), 200);
    unsetenv("GREVY_SECRET_SANDBOX");
    bench_close(bench);
}
