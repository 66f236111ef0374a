/*
 * runner.c - runs registered tests, each in a process of its own, a few at a time.
 *
 *     grevy_test [--filter TEXT] [--db sqlite|postgres] [--quick] [--jobs N] [--limit SECONDS]
 *                [--list] [--verbose]
 *
 * Built with ThreadSanitizer it runs only the tests marked for threads.  The last line is always
 * "N passed, N failed, N skipped"; the exit status is 0 only when nothing failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/kit/kit.h"

#ifdef __SANITIZE_THREAD__
enum { THREADS_ONLY = 1 };
#else
enum { THREADS_ONLY = 0 };
#endif

enum { JOBS_MAX = 16, OUTPUT_BYTES_MAX = 16 << 10 /* Printed of one failing test. */ };

/* What a test process is told to be, and what became of it. */
struct job {
    const struct test *test;
    const char *db; /* NULL: the test needs none. */
    const char *db_name;
    pid_t pid; /* 0: this slot is free. */
    int output;
    int number;
    int64_t started_ms, deadline_ms;
    bool timed_out;
    bool *reached_end; /* Shared with the test process. */
    char dir[KIT_DIR_LEN_MAX];
};

static struct {
    const char *filter, *db;
    bool list, verbose, quick;
    int jobs, limit_s;
} options = {.jobs = 2};

static struct {
    struct test *first, **end;
    struct job jobs[JOBS_MAX];
    char root[KIT_DIR_LEN_MAX / 2];
    sigset_t signals;
    int started, passed, failed, skipped;
} runner;

void test_register(struct test *test)
{
    if (!runner.end)
        runner.end = &runner.first;
    *runner.end = test;
    runner.end = &test->next;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    enum { DESCRIPTORS = 16 };

    nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

/* ---- One test process ---- */

static void __attribute__((noreturn)) be_the_test(const struct job *job)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* A killed runner leaves no tests running. */
    setpgid(0, 0);
    sigprocmask(SIG_UNBLOCK, &runner.signals, NULL);
    dup2(job->output, STDOUT_FILENO);
    dup2(job->output, STDERR_FILENO);
    memcpy(kit_run.dir, job->dir, sizeof(kit_run.dir));
    kit_run.number = job->number;
    job->test->run(job->db);
    *job->reached_end = true;
    exit(0); /* Not _exit: the leak check runs at exit. */
}

static void start(struct job *job)
{
    int limit_s = job->test->slow ? TEST_SLOW_SECONDS_MAX : TEST_SECONDS_MAX;

    job->number = ++runner.started;
    snprintf(job->dir, sizeof(job->dir), "%s/%d", runner.root, job->number);
    job->output = memfd_create("output", MFD_CLOEXEC);
    job->reached_end =
        mmap(NULL, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (job->output < 0 || job->reached_end == MAP_FAILED) {
        perror("cannot start a test");
        exit(2);
    }
    job->timed_out = false;
    job->started_ms = now_ms();
    job->deadline_ms = job->started_ms + 1000 * (options.limit_s ? options.limit_s : limit_s);
    fflush(stdout);
    job->pid = fork();
    if (job->pid == 0)
        be_the_test(job);
    if (job->pid < 0) {
        perror("cannot fork a test");
        exit(2);
    }
    setpgid(job->pid, job->pid); /* Also here: whichever runs first. */
}

static void print_output(const struct job *job)
{
    static char bytes[OUTPUT_BYTES_MAX];
    off_t size = lseek(job->output, 0, SEEK_END);
    off_t from = size > OUTPUT_BYTES_MAX ? size - OUTPUT_BYTES_MAX : 0;
    ssize_t len = pread(job->output, bytes, sizeof(bytes), from);
    char *line = bytes;

    if (len <= 0)
        return;
    if (from > 0)
        printf("    (the first %lld bytes are left out)\n", (long long)from);
    while (line < bytes + len) {
        char *end = memchr(line, '\n', (size_t)(bytes + len - line));
        size_t width = (size_t)((end ? end : bytes + len) - line);

        printf("    %.*s\n", (int)width, line);
        line += width + 1;
    }
}

static void print_title(const char *verdict, const struct job *job)
{
    printf("%s %d - %s", verdict, job->number, job->test->sentence);
    if (job->db_name)
        printf(" [%s]", job->db_name);
}

static void print_failure(const struct job *job, int status)
{
    print_title("not ok", job);
    printf("\n    %s, %s\n", job->test->name, job->test->file);
    if (job->timed_out)
        printf("    did not end within %lld s: killed\n",
               (long long)(job->deadline_ms - job->started_ms) / 1000);
    else if (WIFSIGNALED(status))
        printf("    killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == 0)
        printf("    the process ended before the end of the test\n");
    else if (WEXITSTATUS(status) != KIT_EXIT_FAILED)
        printf("    ended with status %d%s\n", WEXITSTATUS(status),
               *job->reached_end ? " after the body: a leak or a sanitizer report" : "");
    print_output(job);
}

static void judge(const struct job *job, int status)
{
    bool ended = WIFEXITED(status) && !job->timed_out;

    if (ended && WEXITSTATUS(status) == 0 && *job->reached_end) {
        runner.passed++;
        print_title("ok", job);
        if (options.verbose)
            printf(" (%lld ms)", (long long)(now_ms() - job->started_ms));
        printf("\n");
        if (options.verbose)
            print_output(job);
    } else if (ended && WEXITSTATUS(status) == KIT_EXIT_SKIPPED) {
        runner.skipped++;
        print_title("skip", job);
        printf("\n");
        print_output(job);
    } else {
        runner.failed++;
        print_failure(job, status);
    }
    fflush(stdout);
}

static void finish(struct job *job, int status)
{
    kill(-job->pid, SIGKILL); /* What the test started and left behind. */
    judge(job, status);
    close(job->output);
    munmap(job->reached_end, sizeof(bool));
    remove_tree(job->dir);
    job->pid = 0;
}

/* ---- All of them ---- */

static void stop_everything(int signal)
{
    for (int k = 0; k < JOBS_MAX; k++) {
        if (runner.jobs[k].pid)
            kill(-runner.jobs[k].pid, SIGKILL);
    }
    remove_tree(runner.root);
    fprintf(stderr, "stopped by signal %d\n", signal);
    exit(128 + signal);
}

/* Wait until a test ends, its time is up, or someone stops the runner. */
static void wait_for_one(void)
{
    int64_t wake_ms = now_ms() + 1000;
    struct timespec wait;
    int signal;

    for (int k = 0; k < options.jobs; k++) {
        if (runner.jobs[k].pid && !runner.jobs[k].timed_out && runner.jobs[k].deadline_ms < wake_ms)
            wake_ms = runner.jobs[k].deadline_ms;
    }
    wake_ms -= now_ms();
    if (wake_ms < 0)
        wake_ms = 0;
    wait = (struct timespec){wake_ms / 1000, wake_ms % 1000 * 1000000};
    signal = sigtimedwait(&runner.signals, NULL, &wait);
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP)
        stop_everything(signal);
}

static void reap(void)
{
    for (int k = 0; k < options.jobs; k++) {
        struct job *job = &runner.jobs[k];
        int status;

        if (!job->pid)
            continue;
        if (!job->timed_out && now_ms() >= job->deadline_ms) {
            job->timed_out = true;
            kill(-job->pid, SIGKILL);
        }
        if (waitpid(job->pid, &status, WNOHANG) == job->pid)
            finish(job, status);
    }
}

static struct job *free_job(void)
{
    for (;;) {
        for (int k = 0; k < options.jobs; k++) {
            if (!runner.jobs[k].pid)
                return &runner.jobs[k];
        }
        wait_for_one();
        reap();
    }
}

static void run_on(const struct test *test, const char *db_name, const char *db)
{
    struct job *job;

    if (db_name && options.db && strcmp(options.db, db_name) != 0)
        return;
    job = free_job();
    *job = (struct job){.test = test, .db = db, .db_name = db_name};
    if (db_name && !db) {
        job->number = ++runner.started;
        runner.skipped++;
        print_title("skip", job);
        printf("\n    GREVY_TEST_PG is not set; ./dev test sets it\n");
        return;
    }
    start(job);
}

static bool chosen(const struct test *test)
{
    if (THREADS_ONLY && !test->threads)
        return false;
    if (options.quick && test->slow)
        return false;
    if (options.db && strcmp(options.db, "postgres") == 0 && !test->both)
        return false;
    return !options.filter || strstr(test->name, options.filter) ||
           strstr(test->sentence, options.filter) || strstr(test->file, options.filter);
}

static void run_all(void)
{
    const char *url = getenv("GREVY_TEST_PG");
    bool busy = true;

    for (const struct test *test = runner.first; test; test = test->next) {
        if (!chosen(test))
            continue;
        if (options.list) {
            printf("%s - %s (%s)%s\n", test->name, test->sentence, test->file,
                   test->both ? " [sqlite, postgres]" : "");
        } else if (test->both) {
            run_on(test, "sqlite", "sqlite");
            run_on(test, "postgres", url && *url ? url : NULL);
        } else {
            run_on(test, NULL, NULL);
        }
    }
    while (busy) {
        busy = false;
        for (int k = 0; k < options.jobs; k++)
            busy |= runner.jobs[k].pid != 0;
        if (busy) {
            wait_for_one();
            reap();
        }
    }
}

static int usage(const char *wrong)
{
    fprintf(stderr,
            "%s: not understood\n"
            "usage: grevy_test [--filter TEXT] [--db sqlite|postgres] [--quick] [--jobs N]\n"
            "                  [--limit SECONDS] [--list] [--verbose]\n",
            wrong);
    return 2;
}

static bool number_option(const char *text, int max, int *out)
{
    char *end;
    long n = text ? strtol(text, &end, 10) : 0;

    if (n < 1 || n > max || *end)
        return false;
    *out = (int)n;
    return true;
}

/* Returns how many arguments it took: 0 when not understood. */
static int read_option(char **argv)
{
    if (strcmp(argv[0], "--list") == 0)
        options.list = true;
    else if (strcmp(argv[0], "--verbose") == 0)
        options.verbose = true;
    else if (strcmp(argv[0], "--quick") == 0)
        options.quick = true;
    else if (strcmp(argv[0], "--filter") == 0 && argv[1])
        options.filter = argv[1];
    else if (strcmp(argv[0], "--db") == 0 && argv[1] &&
             (strcmp(argv[1], "sqlite") == 0 || strcmp(argv[1], "postgres") == 0))
        options.db = argv[1];
    else if (strcmp(argv[0], "--jobs") == 0)
        return number_option(argv[1], JOBS_MAX, &options.jobs) ? 2 : 0;
    else if (strcmp(argv[0], "--limit") == 0)
        return number_option(argv[1], 3600, &options.limit_s) ? 2 : 0;
    else
        return 0;
    return strcmp(argv[0], "--filter") == 0 || strcmp(argv[0], "--db") == 0 ? 2 : 1;
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    int took;

    for (int k = 1; k < argc; k += took) {
        took = read_option(argv + k);
        if (!took)
            return usage(argv[k]);
    }
    snprintf(runner.root, sizeof(runner.root), "%s/grevy_test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!options.list && !mkdtemp(runner.root)) {
        perror(runner.root);
        return 2;
    }
    sigemptyset(&runner.signals);
    sigaddset(&runner.signals, SIGCHLD);
    sigaddset(&runner.signals, SIGINT);
    sigaddset(&runner.signals, SIGTERM);
    sigaddset(&runner.signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &runner.signals, NULL);
    run_all();
    if (options.list)
        return 0;
    remove_tree(runner.root);
    printf("%d passed, %d failed, %d skipped\n", runner.passed, runner.failed, runner.skipped);
    return runner.failed ? 1 : 0;
}
