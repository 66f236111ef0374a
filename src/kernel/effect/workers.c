/*
 * workers.c - the threads that call the outside, by libcurl.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/effect/answer.h"
#include "kernel/effect/budget.h"
#include "kernel/effect/secret.h"
#include "kernel/work/background.h"

enum { WORKERS_QUEUE_MAX = 256 };

struct effect_workers {
    struct platform *platform;
    pthread_t threads[EFFECT_THREADS];
    int thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct effect_task *head, **tail;
    int depth, idle;
    bool closing;
    struct effect_budget budget;
};

/* ---- One call ---- */

struct reply {
    struct outside_call *call;
    char *ptr;
    size_t len;
};

/* Called below libcurl's frames: the arena must not unwind here. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct reply *reply = context;
    size_t len = size * count;

    if (!reply->ptr)
        reply->ptr = arena_try(&reply->call->cx->arena, EFFECT_REPLY_BYTES_MAX);
    if (!reply->ptr || reply->len + len > EFFECT_REPLY_BYTES_MAX)
        return 0; /* Ends the transfer with an error. */
    memcpy(reply->ptr + reply->len, bytes, len);
    reply->len += len;
    return len;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, struct str value)
{
    char line[2200];

    if (value.len == 0 || value.len > 2048)
        return list;
    snprintf(line, sizeof(line), "%s: " STR_FMT, name, STR_ARG(value));
    return curl_slist_append(list, line);
}

static struct curl_slist *add_secret(struct curl_slist *list, struct str name)
{
    struct str value = secret_get(name);
    char line[600];

    if (!value.ptr || value.len > sizeof(line) - 32)
        return list;
    snprintf(line, sizeof(line), "Authorization: Bearer " STR_FMT, STR_ARG(value));
    return curl_slist_append(list, line);
}

static struct curl_slist *headers_of(struct outside_call *call)
{
    struct curl_slist *list = NULL;
    struct json headers;
    char id[ID_PREFIX_LEN_MAX + 16], name[80];

    list = add_header(list, "Content-Type", call->content_type);
    id_format(id, "eff", call->id);
    list = add_header(list, "Idempotency-Key", str_of(id));
    list = add_header(list, "traceparent", call->trace);
    list = add_secret(list, call->secret);
    list = curl_slist_append(list, "Expect:");
    if (json_parse(call->cx, call->headers, &headers) != OK)
        return list;
    for (struct json_iter it = json_iter(headers); json_next(&it);) {
        snprintf(name, sizeof(name), STR_FMT, STR_ARG(it.key));
        list = add_header(list, name, json_peek(it.value));
    }
    return list;
}

static void call_by_curl(struct outside *outside, struct outside_call *call)
{
    static _Thread_local char error[CURL_ERROR_SIZE];
    CURL *curl = curl_easy_init();
    struct str url = cx_printf(call->cx, STR_FMT, STR_ARG(call->url));
    struct str method = cx_printf(call->cx, STR_FMT, STR_ARG(call->method));
    struct curl_slist *headers = headers_of(call);
    struct reply reply = {.call = call};
    long status = 0;
    CURLcode code;

    (void)outside;
    assert(curl);
    error[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, url.ptr);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.ptr);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION,
                     0L); /* A redirect could leave the intended host. */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)EFFECT_CONNECT_MS_MAX);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    if (call->body.len > 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.ptr);
    }
    code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    else
        call->error = str_of(error[0] ? error : curl_easy_strerror(code));
    call->status = (int)status;
    call->reply = (struct str){reply.ptr ? reply.ptr : "", reply.len};
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

/* ---- Calling and answering ---- */

static void perform(struct effect_workers *workers, struct effect_task *effect)
{
    static struct outside by_curl = {call_by_curl};
    struct outside *outside = workers->platform->options.outside;
    struct outside_call *call = &effect->call;

    if (!outside)
        outside = &by_curl;
    outside->call(outside, call);
    effect->answer = (struct effect_answer){.id = call->id,
                                            .key = call->key,
                                            .status = call->status,
                                            .body = cx_copy(call->cx, call->reply),
                                            .error = cx_copy(call->cx, call->error)};
    if (writer_submit(effect->task.space->writer, &effect->task, true) != OK)
        abort(); /* Internal tasks are never refused. */
}

static void *worker_main(void *argument)
{
    struct effect_workers *workers = argument;

    pthread_mutex_lock(&workers->lock);
    for (;;) {
        struct effect_task *effect;

        workers->idle++;
        while (!workers->head && !workers->closing)
            pthread_cond_wait(&workers->wake, &workers->lock);
        workers->idle--;
        if (workers->closing)
            break;
        effect = workers->head;
        workers->head = effect->next;
        if (!workers->head)
            workers->tail = &workers->head;
        workers->depth--;
        pthread_mutex_unlock(&workers->lock);
        perform(workers, effect);
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* Threads start with the first effect: a process that calls nobody pays for none. */
static void start_thread(struct effect_workers *workers)
{
    if (workers->thread_count == 0)
        curl_global_init(CURL_GLOBAL_DEFAULT);
    if (workers->thread_count < EFFECT_THREADS && workers->depth > workers->idle &&
        pthread_create(&workers->threads[workers->thread_count], NULL, worker_main, workers) == 0)
        workers->thread_count++;
}

bool effect_may_call(struct effect_workers *workers, struct str url, bool retry, int64_t now_ms)
{
    bool may;

    pthread_mutex_lock(&workers->lock);
    may = budget_take(&workers->budget, url, retry, now_ms);
    pthread_mutex_unlock(&workers->lock);
    return may;
}

bool effect_offer(struct effect_workers *workers, struct space *space, const void *effect_row)
{
    const struct effect_row *row = effect_row;
    const struct effect_kind *kind = effect_kind_named(space->platform, row->kind);
    struct env *env = space->platform->env;
    struct effect_task *effect;
    struct cx *cx;

    pthread_mutex_lock(&workers->lock);
    if (workers->depth >= WORKERS_QUEUE_MAX || workers->closing) {
        pthread_mutex_unlock(&workers->lock);
        return false;
    }
    pthread_mutex_unlock(&workers->lock);
    if (!effect_may_call(workers, row->url, row->attempts > 0, env->wall_ms(env)))
        return false;
    effect = effect_task_make(space);
    cx = &effect->task.cx;
    effect->call = (struct outside_call){.id = row->id,
                                         .key = row->key,
                                         .kind = cx_copy(cx, row->kind),
                                         .method = cx_copy(cx, row->method),
                                         .url = cx_copy(cx, row->url),
                                         .headers = cx_copy(cx, row->headers),
                                         .secret = cx_copy(cx, row->secret),
                                         .content_type = cx_copy(cx, row->content_type),
                                         .body = cx_copy(cx, row->body),
                                         .trace = cx_copy(cx, row->trace),
                                         .timeout_ms = kind && kind->timeout_ms ? kind->timeout_ms
                                                                                : EFFECT_TIMEOUT_MS,
                                         .cx = cx};
    if (workers->platform->options.manual) {
        perform(workers, effect);
        return true;
    }
    pthread_mutex_lock(&workers->lock);
    if (workers->closing) { /* Meanwhile: nobody would take it. */
        pthread_mutex_unlock(&workers->lock);
        cx_close(cx);
        free(effect);
        return false;
    }
    *workers->tail = effect;
    workers->tail = &effect->next;
    workers->depth++;
    start_thread(workers);
    pthread_cond_signal(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    return true;
}

struct effect_workers *effect_start(struct platform *platform)
{
    struct effect_workers *workers = calloc(1, sizeof(*workers));

    assert(workers);
    workers->platform = platform;
    workers->tail = &workers->head;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    return workers;
}

void effect_stop(struct effect_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->closing = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (int k = 0; k < workers->thread_count; k++)
        pthread_join(workers->threads[k], NULL);
    while (workers->head) { /* Their rows wait for the next start. */
        struct effect_task *effect = workers->head;

        workers->head = effect->next;
        cx_close(&effect->task.cx);
        free(effect);
    }
}

void effect_free(struct effect_workers *workers)
{
    pthread_cond_destroy(&workers->wake);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}
