/*
 * consumers.c - events through the outbox to a consumer's committed effect: the kernel with its
 * threads, one module that tells and one that listens, on SQLite or PostgreSQL.
 *
 *   consumers DIR SECONDS [POSTGRESQL_URL]
 *
 * First as fast as commands can tell and the consumer can follow, for SECONDS; then at half of that
 * pace, where the lag is measured: from the commit of an event to the commit of its effect.  The
 * effect is a row of its own for each event.
 *
 * One line of JSON: per_s, cpu_us (of an event, told and consumed), lag_p50_ms, lag_p99_ms.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "kernel/work/space.h"

enum {
    EVENTS_PER_COMMAND = 100,
    LAGS_MAX = 1 << 22,
    PACE_US = 1000, /* At half pace a command is due each millisecond. */
    BEHIND_MAX = 20000
};

struct told {
    int64_t number;
};
static const struct field told_fields[] = {F(told, number), F_END};

struct noted {
    int64_t seq, number;
};
static const struct field noted_fields[] = {F(noted, seq), F(noted, number), F_END};
static const struct table noted_table = TABLE("clerk_noted", noted, noted_fields, 1);
static const struct migration schema[] = {
    {"001_clerk",
     "create table clerk_noted (seq bigint not null primary key, number bigint not null);\n"},
    {NULL, NULL}};

/* When the event's commit, and then its effect's, was known; by number. */
static int64_t *told_us;
static uint32_t *lag_us;
static atomic_llong consumed;
static int64_t next_number;

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void was_noted(struct space *space, void *argument)
{
    const struct noted *row = argument;

    (void)space;
    lag_us[row->number] = (uint32_t)(now_us() - told_us[row->number]);
    atomic_fetch_add(&consumed, 1);
}

static enum err note(struct cx *cx, const struct event *event)
{
    struct noted *row = CX_NEW(cx, struct noted);
    struct told told;

    TRY(event_read(cx, event, told_fields, &told, sizeof(told)));
    *row = (struct noted){.seq = event->seq, .number = told.number};
    cx_after_commit(cx, was_noted, row);
    return row_add(cx, &noted_table, row);
}

static const struct module teller = {
    .name = "teller", .produces = PRODUCES({"teller.told", told_fields, "Something was told."})};
static const struct module clerk = {
    .name = "clerk", .schema = schema, .consumes = CONSUMES({"teller.told", note})};
static const struct module *const modules[] = {&teller, &clerk, NULL};

struct batch {
    int64_t first;
    int count;
};

static void was_told(struct space *space, void *argument)
{
    const struct batch *batch = argument;
    int64_t now = now_us();

    (void)space;
    for (int k = 0; k < batch->count; k++)
        told_us[batch->first + k] = now;
}

static enum err tell(struct cx *cx, void *argument)
{
    const struct batch *batch = argument;

    for (int k = 0; k < batch->count; k++) {
        struct told told = {.number = batch->first + k};

        TRY(event_put(cx, "teller.told", cx_printf(cx, "key%lld", (long long)told.number % 997),
                      told_fields, &told));
    }
    cx_after_commit(cx, was_told, argument);
    return OK;
}

static void must(enum err err, const struct problem *problem)
{
    if (err == OK)
        return;
    fprintf(stderr, "consumers: %s: %s\n", problem->code, problem->detail);
    exit(1);
}

static void tell_some(struct space *space, int count)
{
    struct batch batch = {.first = next_number, .count = count};
    struct problem problem;

    if (next_number + count > LAGS_MAX) {
        fprintf(stderr, "consumers: too long a run\n");
        exit(1);
    }
    must(space_command(space, tell, &batch, &problem), &problem);
    next_number += count;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200 * 1000}, NULL);
}

static void until_consumed(int64_t wanted)
{
    int64_t patience_us = now_us() + INT64_C(60000000);

    while (atomic_load(&consumed) < wanted) {
        if (now_us() > patience_us) {
            fprintf(stderr, "consumers: %lld of %lld events were consumed\n",
                    (long long)atomic_load(&consumed), (long long)wanted);
            exit(1);
        }
        nap();
    }
}

static double cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* Tellers wait for the consumer when it is too far behind: what counts is what came through. */
static double full_pace(struct space *space, double seconds, double *event_cpu_us)
{
    int64_t begin_us = now_us(), end_us = begin_us + (int64_t)(seconds * 1e6);
    double cpu = cpu_us();

    while (now_us() < end_us) {
        tell_some(space, EVENTS_PER_COMMAND);
        while (next_number - atomic_load(&consumed) > BEHIND_MAX)
            nap();
    }
    until_consumed(next_number);
    *event_cpu_us = (cpu_us() - cpu) / (double)next_number;
    return (double)next_number / ((double)(now_us() - begin_us) / 1e6);
}

static void half_pace(struct space *space, double seconds, double per_s)
{
    int64_t begin_us = now_us(), end_us = begin_us + (int64_t)(seconds * 1e6), due_us = begin_us;
    double owed = 0;

    while (now_us() < end_us) {
        while (now_us() < due_us)
            nap();
        due_us += PACE_US;
        owed += per_s * PACE_US / 1e6;
        if (owed >= 1) {
            tell_some(space, (int)owed);
            owed -= (int)owed;
        }
    }
    until_consumed(next_number);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct platform_options options = {.modules = modules, .env = env_system()};
    struct platform platform;
    struct problem problem;
    struct space *space;
    double seconds, per_s, event_cpu_us;

    if (argc < 3 || argc > 4 || (seconds = strtod(argv[2], NULL)) <= 0) {
        fputs("usage: consumers DIR SECONDS [POSTGRESQL_URL]\n", stderr);
        return 2;
    }
    options.data_dir = argv[1];
    options.db_url = argv[3]; /* NULL at the end of the arguments. */
    told_us = calloc(LAGS_MAX, sizeof(*told_us));
    lag_us = calloc(LAGS_MAX, sizeof(*lag_us));
    if (!told_us || !lag_us)
        return 1;
    must(platform_open(&platform, &options, &problem), &problem);
    must(space_create(&platform, STR("default"), &problem), &problem);
    must(space_open(&platform, STR("default"), &space, &problem), &problem);
    per_s = full_pace(space, seconds, &event_cpu_us);
    int64_t first = next_number;

    half_pace(space, seconds, per_s / 2);
    size_t count = (size_t)(next_number - first);

    qsort(lag_us + first, count, sizeof(*lag_us), by_size);
    printf("{\"per_s\":%.0f,\"cpu_us\":%.2f,\"lag_p50_ms\":%.3f,\"lag_p99_ms\":%.3f}\n", per_s,
           event_cpu_us, lag_us[(size_t)first + count / 2] / 1e3,
           lag_us[(size_t)first + count * 99 / 100] / 1e3);
    platform_close(&platform);
    return 0;
}
