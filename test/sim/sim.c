/*
 * sim.c - ./dev sim: many seeds, each in a process of its own; a seed that fails is run again,
 * made shorter, and told.
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/kit/kit.h"
#include "test/sim/sim.h"

enum {
    EVENTS_PER_SEED = 600, /* Tables stay small, so that all of it is checked often. */
    JOBS_MAX = 16,
    EXIT_WRONG = 3,
    SHRINK_RUNS_MAX = 400,
    SHRINK_SECONDS_MAX = 60,
    SEED_SECONDS_MAX = 20,
    SOAK_SECONDS_MAX = 1200,
    SOAK_DAYS_MIN = 12, /* What is bounded by days must have reached its bound by a third. */
    DIRECTORY_LEN_MAX = 200,
};

/* ---- Inside a run ---- */

static int report_fd = -1; /* Where a run says what it found. */

struct result {
    int event; /* Of the failure. */
    int answers, refusals, failures, crashes;
    uint64_t digest;
    char why[600];
};

static struct result summary(const struct sim *sim)
{
    return (struct result){.event = sim->event,
                           .answers = sim->answers,
                           .refusals = sim->refusals,
                           .failures = sim->failures,
                           .crashes = sim->crashes,
                           .digest = sim->digest ^ disk_digest()};
}

static void __attribute__((noreturn)) report(const struct result *result, int status)
{
    ssize_t written = write(report_fd, result, sizeof(*result));

    fflush(NULL);
    _exit(written == (ssize_t)sizeof(*result) ? status : EXIT_WRONG);
}

void sim_fail(struct sim *sim, const char *fmt, ...)
{
    struct result result = summary(sim);
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(result.why, sizeof(result.why), fmt, args);
    va_end(args);
    if (sim->tell)
        printf("%5d  %s\n       WRONG: %.*s\n", sim->event, sim->text, len, result.why);
    report(&result, EXIT_WRONG);
}

void sim_say(struct sim *sim, const char *fmt, ...)
{
    size_t len = strlen(sim->text);
    va_list args;

    va_start(args, fmt);
    vsnprintf(sim->text + len, sizeof(sim->text) - len, fmt, args);
    va_end(args);
}

/* ---- What mini wants of a test runner ---- */

static struct sim *running;
static bool lying_disk; /* The canary: what is found then shows that the checks run. */

void test_fail(const char *file, int line, const char *fmt, ...)
{
    char text[500];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    sim_fail(running, "%s:%d: %s", file, line, text);
}

void test_fail_say(struct test_at at, const char *fmt, ...)
{
    char text[500];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    sim_fail(running, "%s:%d: %s is false: %s", at.file, at.line, at.a, text);
}

static char directory[DIRECTORY_LEN_MAX];

const char *test_dir(void)
{
    return directory;
}

const char *test_unique(void)
{
    return "sim"; /* Names lie in the database: the same in every run. */
}

/* SQLite writes pages whose unused parts are what the heap held: here always zeroes. */
static sqlite3_mem_methods heap;

static void *zeroed(int size)
{
    void *at = heap.xMalloc(size);

    return at ? memset(at, 0, (size_t)heap.xSize(at)) : NULL;
}

static void same_heap(void)
{
    sqlite3_mem_methods methods;

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &heap);
    methods = heap;
    methods.xMalloc = zeroed;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

/* ---- One seed ---- */

struct options {
    uint64_t seed;
    int64_t events;
    int per_seed, jobs;
    bool tell, brief;
};

static int soak_days; /* 0: no soak. */

static struct sim *new_sim(uint64_t seed, bool tell)
{
    struct sim *sim = calloc(1, sizeof(*sim));

    assert(sim);
    running = sim;
    death_watch(&sim->event, soak_days ? SOAK_SECONDS_MAX : SEED_SECONDS_MAX);
    sim->seed = seed;
    sim->tell = tell;
    sim->digest = UINT64_C(14695981039346656037);
    return sim;
}

/* keep: which events happen; NULL: all. */
static void __attribute__((noreturn))
run_seed(uint64_t seed, int events, const bool *keep, bool tell)
{
    struct sim *sim = new_sim(seed, tell);
    struct result result;

    world_open(sim, true);
    disk_lying(lying_disk);
    for (int k = 1; k <= events; k++)
        if (!keep || keep[k])
            story_event(sim, k);
    sim->event = events;
    story_rest(sim);
    result = summary(sim);
    world_close(sim);
    report(&result, 0);
}

static void __attribute__((noreturn)) run_soak(uint64_t seed, bool tell)
{
    struct sim *sim = new_sim(seed, tell);
    struct result result;

    soak_run(sim, soak_days);
    result = summary(sim);
    report(&result, 0);
}

/* ---- Processes ---- */

struct process {
    pid_t pid;
    uint64_t seed;
    int result_fd, said_fd; /* What it found; what it said on standard error. */
    char directory[DIRECTORY_LEN_MAX];
};

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* A place for names of files; their bytes are in memory. */
static void make_directory(char path[DIRECTORY_LEN_MAX])
{
    const char *base = getenv("TMPDIR");

    snprintf(path, DIRECTORY_LEN_MAX, "%s/grevy-sim.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path)) {
        perror(path);
        exit(2);
    }
}

static struct process start(uint64_t seed, int events, const bool *keep, bool tell)
{
    struct process job = {.seed = seed, .said_fd = memfd_create("said", MFD_CLOEXEC)};
    int ends[2];

    make_directory(job.directory);
    if (pipe(ends) != 0 || job.said_fd < 0) {
        perror("sim");
        exit(2);
    }
    fflush(NULL);
    job.pid = fork();
    if (job.pid == 0) {
        close(ends[0]);
        report_fd = ends[1];
        dup2(job.said_fd, STDERR_FILENO);
        memcpy(directory, job.directory, sizeof(directory));
        if (soak_days)
            run_soak(seed, tell);
        run_seed(seed, events, keep, tell);
    }
    close(ends[1]);
    job.result_fd = ends[0];
    return job;
}

/* A process that died without a report says why on standard error: its last line but the log's. */
static void last_words(const struct process *job, int status, char *to, size_t size)
{
    char text[4001] = "", *at = text, *line;
    off_t end = lseek(job->said_fd, 0, SEEK_END);
    ssize_t len = pread(job->said_fd, text, 4000, end > 4000 ? end - 4000 : 0);

    text[len > 0 ? len : 0] = '\0';
    if (end > 4000)
        (void)strsep(&at, "\n"); /* What is left of a line. */
    snprintf(to, size, "the process died (%s %d)", WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    while ((line = strsep(&at, "\n")) != NULL)
        if (line[0] && line[0] != '{')
            snprintf(to, size, "%.500s", line);
}

static bool finish(const struct process *job, struct result *result)
{
    ssize_t len = read(job->result_fd, result, sizeof(*result));
    int status = 0;

    (void)waitpid(job->pid, &status, 0);
    if (len != (ssize_t)sizeof(*result)) {
        *result = (struct result){0};
        last_words(job, status, result->why, sizeof(result->why));
    }
    close(job->result_fd);
    close(job->said_fd);
    (void)nftw(job->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && result->why[0] == '\0';
}

static bool run_once(uint64_t seed, int events, const bool *keep, bool tell, struct result *result)
{
    struct process job = start(seed, events, keep, tell);

    return finish(&job, result);
}

/* ---- A failing seed ---- */

/* Does it still fail, in the same way, without the events from..until? */
static bool fails_without(uint64_t seed, int events, bool *keep, int from, int until,
                          const char *why)
{
    bool saved[SIM_EVENTS_MAX + 1];
    struct result result;
    bool fails;

    memcpy(saved, keep, sizeof(saved));
    memset(keep + from, 0, (size_t)(until - from));
    fails = !run_once(seed, events, keep, false, &result) && strncmp(result.why, why, 12) == 0;
    if (!fails)
        memcpy(keep, saved, sizeof(saved));
    return fails;
}

static int count_of(const bool *keep, int from, int until)
{
    int count = 0;

    for (int k = from; k < until; k++)
        count += keep[k];
    return count;
}

/* Halves, then quarters, and so on, as long as what is left still fails. */
static int shrink(uint64_t seed, int events, bool *keep, const char *why)
{
    time_t until = time(NULL) + SHRINK_SECONDS_MAX;
    int runs = 0;

    for (int step = (events + 1) / 2; step >= 1; step /= 2)
        for (int from = 1; from <= events; from += step) {
            int end = from + step <= events + 1 ? from + step : events + 1;

            if (runs == SHRINK_RUNS_MAX || time(NULL) > until)
                break;
            if (count_of(keep, from, end) == 0)
                continue;
            runs++;
            (void)fails_without(seed, events, keep, from, end, why);
        }
    return count_of(keep, 1, events + 1);
}

static void tell_failure(const struct options *options, uint64_t seed, const struct result *first)
{
    int events =
        first->event > 0 && first->event < options->per_seed ? first->event : options->per_seed;
    static bool keep[SIM_EVENTS_MAX + 1];
    struct result again;
    int left;

    printf("not ok sim: seed %" PRIu64 ", event %d: %s\n", seed, first->event, first->why);
    if (options->brief)
        return;
    (void)run_once(seed, options->per_seed, NULL, false, &again);
    printf("  again: event %d: %s (%s)\n", again.event, again.why,
           again.digest == first->digest ? "the same to the byte" : "NOT THE SAME");
    memset(keep, true, sizeof(keep));
    left = shrink(seed, events, keep, first->why);
    printf("  a shorter story, of %d events:\n", left);
    (void)run_once(seed, events, keep, true, &again);
    fflush(stdout);
}

/* ---- Many seeds ---- */

struct sums {
    int64_t seeds, events, answers, refusals, failures, crashes, wrong;
    uint64_t digest;
};

static void take(const struct options *options, struct process *job, struct sums *sums)
{
    struct result result;
    bool ok = finish(job, &result);

    sums->seeds++;
    sums->events += options->per_seed;
    sums->answers += result.answers;
    sums->refusals += result.refusals;
    sums->failures += result.failures;
    sums->crashes += result.crashes;
    sums->digest ^= result.digest * (job->seed * 2 + 1);
    if (ok)
        return;
    sums->wrong++;
    tell_failure(options, job->seed, &result);
}

static void run_all(const struct options *options, struct sums *sums)
{
    uint64_t seeds = (uint64_t)((options->events + options->per_seed - 1) / options->per_seed);
    struct process jobs[JOBS_MAX];
    uint64_t next = 0;
    int running_jobs = 0, oldest = 0;

    while ((next < seeds && sums->wrong == 0) || running_jobs > 0) {
        while (running_jobs < options->jobs && next < seeds && sums->wrong == 0) {
            jobs[(oldest + running_jobs++) % JOBS_MAX] =
                start(options->seed + next++, options->per_seed, NULL, options->tell);
        }
        take(options, &jobs[oldest], sums);
        oldest = (oldest + 1) % JOBS_MAX;
        running_jobs--;
    }
}

static bool read_options(int argc, char **argv, struct options *options)
{
    for (int k = 1; k < argc; k++) {
        bool more = k + 1 < argc;

        if (strcmp(argv[k], "--tell") == 0)
            options->tell = true;
        else if (strcmp(argv[k], "--brief") == 0)
            options->brief = true;
        else if (strcmp(argv[k], "--lying-disk") == 0)
            lying_disk = true;
        else if (strcmp(argv[k], "--seed") == 0 && more)
            options->seed = strtoull(argv[++k], NULL, 10);
        else if (strcmp(argv[k], "--events") == 0 && more)
            options->events = strtoll(argv[++k], NULL, 10);
        else if (strcmp(argv[k], "--per-seed") == 0 && more)
            options->per_seed = (int)strtol(argv[++k], NULL, 10);
        else if (strcmp(argv[k], "--soak") == 0 && more)
            soak_days = (int)strtol(argv[++k], NULL, 10);
        else if (strcmp(argv[k], "--jobs") == 0 && more)
            options->jobs = (int)strtol(argv[++k], NULL, 10);
        else
            return false;
    }
    return options->events > 0 && options->per_seed > 0 && options->per_seed <= SIM_EVENTS_MAX &&
           options->jobs > 0 && options->jobs <= JOBS_MAX &&
           (soak_days == 0 || soak_days >= SOAK_DAYS_MIN);
}

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1,
                              .events = 60000,
                              .per_seed = EVENTS_PER_SEED,
                              .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    double start_s = seconds(CLOCK_MONOTONIC), took_s;
    struct sums sums = {0};

    if (options.jobs > JOBS_MAX)
        options.jobs = JOBS_MAX;
    if (!read_options(argc, argv, &options)) {
        fputs("usage: sim [--seed S] [--events N] [--per-seed N] [--jobs N] [--tell] [--brief] "
              "[--lying-disk]\n"
              "       sim --soak DAYS\n"
              "N events over many seeds, from S on; each seed is a world of its own\n",
              stderr);
        return 2;
    }
    same_heap();
    if (soak_days) {
        struct result result;
        bool ok = run_once(options.seed, 0, NULL, options.tell, &result);

        if (!ok)
            printf("not ok soak: event %d: %s\n", result.event, result.why);
        return !ok;
    }
    run_all(&options, &sums);
    took_s = seconds(CLOCK_MONOTONIC) - start_s;
    printf("%s sim: seeds %" PRIu64 " to %" PRIu64 ": %" PRId64 " events, %" PRId64
           " answers (%" PRId64 " refusals, %" PRId64 " failures under faults), %" PRId64
           " crashes; %.0f events/s in %d processes, digest %016" PRIx64 "\n",
           sums.wrong ? "not ok" : "ok", options.seed, options.seed + (uint64_t)sums.seeds - 1,
           sums.events, sums.answers, sums.refusals, sums.failures, sums.crashes,
           (double)sums.events / took_s, options.jobs, sums.digest);
    return sums.wrong > 0;
}
