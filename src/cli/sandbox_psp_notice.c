/*
 * sandbox_psp_notice.c - notices to the shop: signed, late, twice, out of order, lost, tried again.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sandbox_psp.h"
#include "kernel/base/log.h"
#include "kernel/effect/secret.h"

/* ---- Work for later ---- */

static void sleep_until(struct psp_line *line, int64_t due_ms)
{
    struct timespec at = {.tv_sec = due_ms / SECOND_MS, .tv_nsec = due_ms % SECOND_MS * 1000000};

    pthread_cond_timedwait(&line->wake, &line->lock, &at);
}

static struct psp_work *take_due(struct psp_line *line)
{
    struct psp_work *work;

    for (;;) {
        if (line->closing)
            return NULL;
        if (!line->head)
            pthread_cond_wait(&line->wake, &line->lock);
        else if (line->head->due_ms > psp_now_ms())
            sleep_until(line, line->head->due_ms);
        else
            break;
    }
    work = line->head;
    line->head = work->next;
    if (!line->head)
        line->last = NULL;
    return work;
}

static void *line_main(void *argument)
{
    struct psp_line *line = argument;
    struct psp_work *work;

    pthread_mutex_lock(&line->lock);
    while ((work = take_due(line)) != NULL) {
        pthread_mutex_unlock(&line->lock);
        work->run(work);
        pthread_mutex_lock(&line->lock);
    }
    pthread_mutex_unlock(&line->lock);
    return NULL;
}

bool psp_line_start(struct psp_line *line)
{
    pthread_mutex_init(&line->lock, NULL);
    pthread_cond_init(&line->wake, NULL);
    return pthread_create(&line->thread, NULL, line_main, line) == 0;
}

/* By time; most come last, and are put there at once. */
void psp_line_put(struct psp_line *line, struct psp_work *work, int64_t due_ms)
{
    struct psp_work **at = &line->head;

    work->line = line;
    work->due_ms = due_ms;
    pthread_mutex_lock(&line->lock);
    if (line->closing) {
        pthread_mutex_unlock(&line->lock);
        work->drop(work);
        return;
    }
    if (line->last && line->last->due_ms <= due_ms)
        at = &line->last->next;
    while (*at && (*at)->due_ms <= due_ms)
        at = &(*at)->next;
    work->next = *at;
    *at = work;
    if (!work->next)
        line->last = work;
    pthread_cond_signal(&line->wake);
    pthread_mutex_unlock(&line->lock);
}

void psp_line_stop(struct psp_line *line)
{
    pthread_mutex_lock(&line->lock);
    line->closing = true;
    pthread_cond_signal(&line->wake);
    pthread_mutex_unlock(&line->lock);
    pthread_join(line->thread, NULL);
    while (line->head) {
        struct psp_work *work = line->head;

        line->head = work->next;
        work->drop(work);
    }
}

/* ---- One notice ---- */

struct psp_notice {
    struct psp_work work; /* First: work is cast back to this. */
    char url[PSP_URL_LEN_MAX + 1], event[PSP_EVENT_LEN_MAX + 1];
    char *body;
    size_t len;
    int attempts;
};

static size_t ignore(const char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static struct curl_slist *sign(const struct psp_notice *notice)
{
    char line[120], timestamp[24], signature[SECRET_SIGNATURE_LEN + 1];
    struct str parts[] = {str_of(notice->event), {0}, {notice->body, notice->len}};
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

    snprintf(timestamp, sizeof(timestamp), "%" PRId64, psp_now_ms() / SECOND_MS);
    parts[1] = str_of(timestamp);
    if (!secret_sign(STR("SANDBOX_WEBHOOK"), parts, 3, signature))
        signature[0] = '\0'; /* Checked at the start; the shop will refuse it. */
    snprintf(line, sizeof(line), "webhook-id: %s", notice->event);
    headers = curl_slist_append(headers, line);
    snprintf(line, sizeof(line), "webhook-timestamp: %s", timestamp);
    headers = curl_slist_append(headers, line);
    snprintf(line, sizeof(line), "webhook-signature: v1,%s", signature);
    headers = curl_slist_append(headers, line);
    return curl_slist_append(headers, "Expect:");
}

/* The line has one thread: its connections are kept for the next notice. */
static long send_notice(const struct psp_notice *notice)
{
    static CURL *curl;
    struct curl_slist *headers = sign(notice);
    long status = 0;

    if (!curl)
        curl = curl_easy_init();
    if (!curl)
        return 0;
    curl_easy_setopt(curl, CURLOPT_URL, notice->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PSP_NOTICE_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)notice->len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, notice->body);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return status;
}

static void drop_notice(struct psp_work *work)
{
    struct psp_notice *notice = (struct psp_notice *)work;

    free(notice->body);
    free(notice);
}

static void run_notice(struct psp_work *work)
{
    struct psp_notice *notice = (struct psp_notice *)work;
    long status = send_notice(notice);

    notice->attempts++;
    if (status >= 200 && status < 300) {
        drop_notice(work);
    } else if (notice->attempts < PSP_ATTEMPTS_MAX) {
        psp_line_put(work->line, work,
                     psp_now_ms() + ((int64_t)PSP_RETRY_MS << (notice->attempts - 1)));
    } else {
        log_event(LOG_WARN, "notice_given_up", LOG_TEXT("event", str_of(notice->event)),
                  LOG_INT("status", status));
        drop_notice(work);
    }
}

static void put_notice(struct psp *psp, const char *event, struct str url, struct str body,
                       int64_t due_ms)
{
    struct psp_notice *notice = calloc(1, sizeof(*notice));

    if (!notice || !(notice->body = malloc(body.len + 1)))
        abort();
    notice->work.run = run_notice;
    notice->work.drop = drop_notice;
    snprintf(notice->url, sizeof(notice->url), STR_FMT, STR_ARG(url));
    snprintf(notice->event, sizeof(notice->event), "%s", event);
    memcpy(notice->body, body.ptr, body.len);
    notice->len = body.len;
    psp_line_put(&psp->notices, &notice->work, due_ms);
}

void psp_notify(struct cx *cx, struct psp *psp, const struct psp_event *what)
{
    const struct psp_behaviour *behaviour = &psp->behaviour;
    char event[PSP_EVENT_LEN_MAX + 1], time[TIME_TEXT_LEN + 1];
    struct str body;

    snprintf(event, sizeof(event), "evt_%s_%" PRId64, psp->prefix, ++psp->event_count);
    if (what->url.len == 0 || psp_chance(behaviour->lose_percent))
        return;
    time_format(time, what->time_ms);
    body = cx_printf(cx, "{\"type\":\"%s\",\"time\":\"%s\",\"data\":" STR_FMT "}", what->type, time,
                     STR_ARG(what->data));
    for (int64_t k = 0; k <= behaviour->duplicate; k++) {
        int64_t overtaken_ms = behaviour->reorder_ms > 0 ? psp_draw(behaviour->reorder_ms + 1) : 0;

        put_notice(psp, event, what->url, body, psp_now_ms() + what->extra_ms + overtaken_ms);
    }
}
