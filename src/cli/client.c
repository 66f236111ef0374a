/*
 * client.c - requests by libcurl, a thread for each connection, and how far they are.
 */
#include "cli/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 512 << 10, LOOK_MS = 50, BAR_LEN = 30, STEP_PERCENT = 5 };

/* ---- One connection ---- */

/* Called below libcurl's frames. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct client *client = context;
    size_t len = size * count, wanted = client->reply_len + len;

    if (wanted > CLIENT_REPLY_BYTES_MAX)
        return 0; /* Ends the transfer with an error. */
    if (wanted > client->reply_size) {
        char *grown = realloc(client->reply, wanted * 2);

        if (!grown)
            return 0;
        client->reply = grown;
        client->reply_size = wanted * 2;
    }
    memcpy(client->reply + client->reply_len, bytes, len);
    client->reply_len += len;
    return len;
}

bool client_open(struct client *client, const struct client_target *target)
{
    CURL *curl = curl_easy_init();

    *client = (struct client){.target = target, .curl = curl};
    if (!curl)
        return false;
    cx_open(&client->cx, env_system(), CLIENT_CX_BYTES_MAX);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)CLIENT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* A server of ours, never through a proxy. */
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
    return true;
}

void client_close(struct client *client)
{
    if (!client->curl)
        return;
    curl_easy_cleanup(client->curl);
    cx_close(&client->cx);
    free(client->reply);
    client->curl = NULL;
}

static void add_header(struct curl_slist **list, const char *name, struct str value)
{
    char line[CLIENT_TEXT_LEN_MAX];

    snprintf(line, sizeof(line), "%s: " STR_FMT, name, STR_ARG(value));
    *list = curl_slist_append(*list, line);
    assert(*list);
}

static struct curl_slist *headers_of(const struct client *client,
                                     const struct client_request *request)
{
    struct curl_slist *list = NULL;
    char bearer[CLIENT_TEXT_LEN_MAX - 32];

    snprintf(bearer, sizeof(bearer), "Bearer %s", client->target->key);
    add_header(&list, "Authorization", str_of(bearer));
    if (request->body.ptr)
        add_header(&list, "Content-Type", STR("application/json"));
    if (request->idempotency_key.ptr)
        add_header(&list, "Idempotency-Key", request->idempotency_key);
    list = curl_slist_append(list, "Expect:"); /* None: the server takes bodies at once. */
    return list;
}

static int64_t now_us(void)
{
    struct env *env = env_system();

    return env->monotonic_us(env);
}

static void pause_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* One attempt.  False: no answer. */
static bool attempt(struct client *client, const struct client_request *request,
                    struct client_answer *answer)
{
    struct curl_slist *headers = headers_of(client, request);
    char url[CLIENT_TEXT_LEN_MAX * 2];
    CURL *curl = client->curl;
    long status = 0;
    int64_t start_us = now_us();
    CURLcode code;

    snprintf(url, sizeof(url), "%s" STR_FMT, client->target->url, STR_ARG(request->path));
    client->reply_len = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr ? request->body.ptr : "");
    }
    code = curl_easy_perform(curl);
    answer->us = now_us() - start_us;
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    else
        snprintf(client->error, sizeof(client->error), "%.120s: %s", client->target->url,
                 curl_easy_strerror(code));
    answer->status = (int)status;
    curl_slist_free_all(headers);
    return code == CURLE_OK;
}

static struct str header_of(struct client *client, const char *name)
{
    struct curl_header *header;

    if (curl_easy_header(client->curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return (struct str){0};
    return str_of(header->value);
}

static int64_t wait_ms_of(struct client *client, bool answered, int attempts)
{
    int64_t seconds, ms = (int64_t)20 << (attempts < 8 ? attempts : 8);

    if (answered && str_int(header_of(client, "Retry-After"), &seconds) && seconds >= 0)
        ms = seconds * 1000;
    return ms < CLIENT_WAIT_MS_MAX ? ms : CLIENT_WAIT_MS_MAX;
}

bool client_call(struct client *client, const struct client_request *request,
                 struct client_answer *answer)
{
    bool answered = false;
    int silences = 0;

    *answer = (struct client_answer){0};
    for (int attempts = 0; attempts < CLIENT_ATTEMPTS_MAX; attempts++) {
        if (attempts > 0)
            pause_ms(wait_ms_of(client, answered, attempts));
        answered = attempt(client, request, answer);
        if (!answered && ++silences == CLIENT_SILENCES_MAX)
            break;
        if (answered && answer->status != 503 && answer->status != 429)
            break;
    }
    if (!answered)
        return false;
    answer->replayed = str_is(header_of(client, "Idempotency-Replayed"), "true");
    answer->body =
        cx_copy(&client->cx, (struct str){client->reply ? client->reply : "", client->reply_len});
    return true;
}

/* ---- Answers ---- */

bool client_json(struct client *client, const struct client_answer *answer, struct json *out)
{
    bool ok = json_parse(&client->cx, answer->body, out) == OK;

    fail_clear(&client->cx);
    return ok;
}

struct str client_text(struct client *client, struct json object, const char *name)
{
    struct json value;

    if (json_type(object) != JSON_OBJECT || !json_get(object, name, &value) ||
        json_type(value) != JSON_TEXT)
        return (struct str){0};
    return json_text(&client->cx, value);
}

int64_t client_int(struct json object, const char *name)
{
    struct json value;

    if (json_type(object) != JSON_OBJECT || !json_get(object, name, &value) ||
        json_type(value) != JSON_INT)
        return 0;
    return json_int(value);
}

void client_complain(struct client *client, const struct client_request *request,
                     const struct client_answer *answer)
{
    if (answer->status == 0)
        fprintf(stderr, "grevy: no answer: %s\n", client->error);
    else
        fprintf(stderr, "grevy: %s " STR_FMT " was answered %d: %.*s\n", request->method,
                STR_ARG(request->path), answer->status,
                answer->body.len < 600 ? (int)answer->body.len : 600, answer->body.ptr);
}

/* ---- Many ---- */

struct pool {
    const struct client_run *run;
    atomic_size_t next, done;
    atomic_bool failed;
};

static void *work(void *argument)
{
    struct pool *pool = argument;
    struct client client;
    size_t k;

    if (!client_open(&client, pool->run->target)) {
        atomic_store(&pool->failed, true);
        return NULL;
    }
    while (!atomic_load(&pool->failed)) {
        k = atomic_fetch_add(&pool->next, 1);
        if (k >= pool->run->count)
            break;
        cx_reset(&client.cx);
        if (!pool->run->job(&client, k, pool->run->context))
            atomic_store(&pool->failed, true);
        atomic_fetch_add(&pool->done, 1);
    }
    client_close(&client);
    return NULL;
}

/* On a terminal a bar that moves; elsewhere a line for every 5 %. */
static void show(const struct client_run *run, size_t done, int64_t us, int *shown)
{
    int percent = run->count ? (int)(done * 100 / run->count) : 100;
    int64_t per_s = us > 0 ? (int64_t)done * 1000000 / us : 0;
    int filled = percent * BAR_LEN / 100;
    bool terminal = isatty(STDERR_FILENO);

    if (!run->label || (!terminal && percent / STEP_PERCENT <= *shown / STEP_PERCENT))
        return;
    if (terminal)
        fprintf(stderr, "\r%-10s [%.*s%.*s] %3d %%  %zu of %zu, %lld/s ", run->label, filled,
                "##############################", BAR_LEN - filled,
                "..............................", percent, done, run->count, (long long)per_s);
    else
        fprintf(stderr, "%s: %d %%, %zu of %zu, %lld/s\n", run->label, percent, done, run->count,
                (long long)per_s);
    *shown = percent;
}

bool client_each(const struct client_run *run)
{
    struct pool pool = {.run = run};
    int wanted = run->connections ? run->connections : CLIENT_CONNECTIONS, started = 0, shown = 0;
    pthread_t threads[CLIENT_CONNECTIONS_MAX];
    int64_t start_us = now_us();
    pthread_attr_t attr;

    assert(wanted <= CLIENT_CONNECTIONS_MAX);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    while (started < wanted && (size_t)started < run->count &&
           pthread_create(&threads[started], &attr, work, &pool) == 0)
        started++;
    pthread_attr_destroy(&attr);
    if (started == 0 && run->count > 0)
        return false;
    while (atomic_load(&pool.done) < run->count && !atomic_load(&pool.failed)) {
        pause_ms(LOOK_MS);
        show(run, atomic_load(&pool.done), now_us() - start_us, &shown);
    }
    for (int k = 0; k < started; k++)
        pthread_join(threads[k], NULL);
    if (run->label && isatty(STDERR_FILENO))
        fputc('\n', stderr);
    return !atomic_load(&pool.failed);
}
