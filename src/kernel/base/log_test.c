/*
 * log_test.c - lines are whole, valid JSON, in order, and none is lost between threads.
 */
#include "kernel/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "test/kit/test.h"

enum { THREADS = 4, LINES = 300 };
enum { FLOOD_LINES = 20000 }; /* Twice what a pipe and both buffers hold. */

/* A file that takes the log; reading it back ends it. */
static int open_file(char *path, size_t size)
{
    int fd;

    snprintf(path, size, "%s/log", test_dir());
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    return fd;
}

static struct str read_file(int fd, char *bytes, size_t size)
{
    ssize_t len = pread(fd, bytes, size - 1, 0);

    CHECK(len >= 0);
    CHECK((size_t)len < size - 1);
    bytes[len] = '\0';
    close(fd);
    return (struct str){bytes, (size_t)len};
}

/* A line without its time, which is checked for its form. */
static void check_line(struct str line, const char *rest)
{
    static const char form[] = "{\"time\":\"0000-00-00T00:00:00.000Z\"";

    CHECK(line.len > sizeof(form));
    for (size_t k = 0; k < sizeof(form) - 1; k++) {
        bool digit = line.ptr[k] >= '0' && line.ptr[k] <= '9';

        CHECK(form[k] == '0' ? digit : line.ptr[k] == form[k]);
    }
    line = (struct str){line.ptr + sizeof(form) - 1, line.len - sizeof(form) + 1};
    CHECK_EQ_TEXT(line, rest);
}

TEST(log_lines, "a line is one JSON object with its values escaped")
{
    static char bytes[20000], long_text[5000];
    char path[300];
    int fd = open_file(path, sizeof(path));
    struct str rest, line;

    memset(long_text, 'x', sizeof(long_text) - 1);
    log_open(fd, LOG_INFO);
    log_event(LOG_DEBUG, "hidden", LOG_INT("n", 1));
    log_event(LOG_INFO, "one", LOG_INT("n", INT64_MIN), LOG_TEXT("s", STR("a\"b\\c\n\x7f\x01")));
    log_event(LOG_WARN, "bytes", LOG_TEXT("s", STR("\xe6\x96\x91 \xff \xe6\x96")));
    log_event(LOG_ERROR, "cut", LOG_INT("n", 7), LOG_TEXT("s", str_of(long_text)),
              LOG_INT("after", 8));
    log_text(LOG_INFO, "text", "%d of %s", 3, "them");
    log_close();
    rest = read_file(fd, bytes, sizeof(bytes));
    CHECK(str_cut(&rest, '\n', &line));
    check_line(line, ",\"level\":\"info\",\"event\":\"one\",\"n\":-9223372036854775808,"
                     "\"s\":\"a\\\"b\\\\c\\u000a\\u007f\\u0001\"}");
    CHECK(str_cut(&rest, '\n', &line));
    check_line(line, ",\"level\":\"warn\",\"event\":\"bytes\",\"s\":\"\xe6\x96\x91 \xef\xbf\xbd "
                     "\xef\xbf\xbd\xef\xbf\xbd\"}");
    CHECK(str_cut(&rest, '\n', &line));
    check_line(line, ",\"level\":\"error\",\"event\":\"cut\",\"n\":7}");
    CHECK(str_cut(&rest, '\n', &line));
    check_line(line, ",\"level\":\"info\",\"event\":\"text\",\"detail\":\"3 of them\"}");
    CHECK(str_cut(&rest, '\n', &line));
    CHECK_EQ_INT(line.len, 0);
}

static void *write_lines(void *number)
{
    for (int k = 0; k < LINES; k++)
        log_event(LOG_INFO, "line", LOG_INT("thread", *(int *)number), LOG_INT("k", k));
    return NULL;
}

TEST_THREADS(log_threads, "no line of several threads is lost or torn, and each keeps its order")
{
    static char bytes[THREADS * LINES * 200];
    char path[300];
    int fd = open_file(path, sizeof(path));
    pthread_t threads[THREADS];
    int numbers[THREADS], next[THREADS] = {0}, lines = 0;
    struct str rest, line;

    log_open(fd, LOG_INFO);
    for (int k = 0; k < THREADS; k++) {
        numbers[k] = k;
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, write_lines, &numbers[k]), 0);
    }
    for (int k = 0; k < THREADS; k++)
        pthread_join(threads[k], NULL);
    log_close();
    log_event(LOG_INFO, "line", LOG_INT("thread", 0), LOG_INT("k", LINES)); /* At once. */
    rest = read_file(fd, bytes, sizeof(bytes));
    while (str_cut(&rest, '\n', &line) && line.len > 0) {
        const char *at = strstr(line.ptr, "\"thread\":");
        int thread = -1, k = -1;

        CHECK(at);
        CHECK_EQ_INT(sscanf(at, "\"thread\":%d,\"k\":%d}\n", &thread, &k), 2);
        CHECK_EQ_INT(k, next[thread]++);
        lines++;
    }
    CHECK_EQ_INT(lines, THREADS * LINES + 1);
}

/* A terminal that shows nothing until it is told to. */
struct slow_reader {
    int fd;
    long lines, dropped;
};

static void *read_lines(void *memory)
{
    struct slow_reader *reader = memory;
    FILE *file = fdopen(reader->fd, "r");
    char line[400];

    CHECK(file);
    while (fgets(line, sizeof(line), file)) {
        const char *dropped = strstr(line, "\"event\":\"log_lines_dropped\",\"lines\":");
        long count = 0;

        if (dropped &&
            sscanf(dropped, "\"event\":\"log_lines_dropped\",\"lines\":%ld", &count) == 1)
            reader->dropped += count;
        else
            reader->lines++;
    }
    fclose(file);
    return NULL;
}

TEST_THREADS(log_full, "lines beyond a stuck reader are dropped at once, counted and said")
{
    struct slow_reader reader = {0};
    pthread_t thread;
    int ends[2];

    CHECK_EQ_INT(pipe(ends), 0);
    reader.fd = ends[0];
    log_open(ends[1], LOG_INFO);
    for (int k = 0; k < FLOOD_LINES; k++)
        log_event(LOG_INFO, "flood", LOG_INT("k", k));
    CHECK_EQ_INT(pthread_create(&thread, NULL, read_lines, &reader), 0);
    log_close();
    close(ends[1]);
    pthread_join(thread, NULL);
    CHECK(reader.dropped > 0);
    CHECK_EQ_INT(reader.lines + reader.dropped, FLOOD_LINES);
}

enum { ROUND_LINES = 100, TURNS = 20, FILES_BYTES_MAX = 40 * 1024 };

/* How many lines the file holds; *first and *last are their numbers, -1 when there are none. */
static int lines_of(const char *path, int number, int *first, int *last)
{
    char name[320], line[400];
    int count = 0, k = -1;
    FILE *file;

    snprintf(name, sizeof(name), "%s.%d", path, number);
    file = fopen(name, "r");
    CHECK(file);
    for (*first = *last = -1; fgets(line, sizeof(line), file); count++) {
        const char *at = strstr(line, "\"k\":");

        CHECK(at);
        CHECK_EQ_INT(sscanf(at, "\"k\":%d}\n", &k), 1);
        CHECK(count == 0 || k == *last + 1);
        *first = count == 0 ? k : *first;
        *last = k;
    }
    CHECK(ftell(file) <= FILES_BYTES_MAX / 2 + ROUND_LINES * 100);
    fclose(file);
    return count;
}

TEST_THREADS(log_turns, "two files take turns, bounded, over restarts: the newest lines are there")
{
    int first[2], last[2], counts[2];
    char path[300];

    snprintf(path, sizeof(path), "%s/turns", test_dir());
    for (int round = 0; round < TURNS; round++) {
        CHECK(log_to_files(path, FILES_BYTES_MAX, LOG_INFO));
        log_start();
        for (int k = 0; k < ROUND_LINES; k++)
            log_event(LOG_INFO, "line", LOG_INT("k", round * ROUND_LINES + k));
        log_close();
    }
    for (int k = 0; k < 2; k++)
        counts[k] = lines_of(path, k, &first[k], &last[k]);
    int newest = last[1] > last[0];

    CHECK_EQ_INT(last[newest], TURNS * ROUND_LINES - 1);
    CHECK(counts[!newest] > 0);
    CHECK_EQ_INT(last[!newest] + 1, first[newest]);
    CHECK(counts[0] + counts[1] < TURNS * ROUND_LINES);
}

TEST(log_nowhere, "a log that cannot be written is said before anything starts")
{
    char path[300];

    snprintf(path, sizeof(path), "%s/no/such/folder", test_dir());
    CHECK(!log_to_files(path, FILES_BYTES_MAX, LOG_INFO));
    CHECK_EQ_INT(errno, ENOENT);
}
