/*
 * log.c - JSON lines, buffered.
 */
#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "kernel/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = 4096,     /* Longer lines lose their last values. */
    BUFFER_BYTES = 256 * 1024, /* About a thousand lines: a tenth of a second at full load. */
    FLUSH_BYTES = 32 * 1024,
    FLUSH_MS = 100,
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool threaded, closing;
    int fd, other_fd;              /* other_fd: of the file that comes next, or -1. */
    int64_t file_bytes_max;        /* Of each file. */
    _Atomic enum log_level least;  /* Read without the lock: most lines are below it. */
    char buffers[2][BUFFER_BYTES]; /* One is filled while the other is written. */
    int filling;
    size_t len;
    long dropped;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .wake = PTHREAD_COND_INITIALIZER,
         .fd = STDERR_FILENO,
         .other_fd = -1,
         .least = LOG_INFO};

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EAGAIN) /* Whoever shares the terminal made it so. */
            poll(&room, 1, -1);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return; /* Nobody reads the log: there is nowhere to say so. */
        bytes += n;
        len -= (size_t)n;
    }
}

/* ---- One line ---- */

/* Bytes that need neither an escape nor a look at UTF-8. */
static size_t clean_len(const char *bytes, size_t len)
{
    size_t k = 0;

    while (k < len && bytes[k] >= 0x20 && bytes[k] < 0x7f && bytes[k] != '"' && bytes[k] != '\\')
        k++;
    return k;
}

static void add_escaped(struct text *line, struct str s)
{
    text_add(line, STR("\""));
    for (size_t k = 0; k < s.len;) {
        size_t clean = clean_len(s.ptr + k, s.len - k);

        text_add(line, (struct str){s.ptr + k, clean});
        k += clean;
        if (k == s.len)
            break;
        unsigned char c = (unsigned char)s.ptr[k];
        size_t len = str_utf8_len(s.ptr + k, s.len - k);

        if (c == '"' || c == '\\')
            text_addf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_addf(line, "\\u%04x", c);
        else
            text_add(line, len ? (struct str){s.ptr + k, len} : STR("\xef\xbf\xbd"));
        k += len ? len : 1;
    }
    text_add(line, STR("\""));
}

/* The second is written once for all lines of a thread that fall into it. */
static void add_time(struct text *line)
{
    static _Thread_local struct {
        time_t second;
        char bytes[40];
        size_t len;
    } last;
    struct timespec now;
    struct tm utc;
    int ms;

    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != last.second || last.len == 0) {
        struct text text = {.ptr = last.bytes, .size = sizeof(last.bytes)};

        gmtime_r(&now.tv_sec, &utc);
        text_addf(&text, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.", utc.tm_year + 1900,
                  utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
        last.second = now.tv_sec;
        last.len = text.len;
    }
    ms = (int)(now.tv_nsec / 1000000);
    text_add(line, (struct str){last.bytes, last.len});
    text_add(line, ms < 10 ? STR("00") : ms < 100 ? STR("0") : STR(""));
    text_add_int(line, ms);
    text_add(line, STR("Z\""));
}

static void put_line(const char *bytes, size_t len)
{
    pthread_mutex_lock(&out.lock);
    if (!out.threaded) {
        write_all(out.fd, bytes, len);
    } else if (out.len + len > BUFFER_BYTES) {
        out.dropped++;
    } else {
        memcpy(out.buffers[out.filling] + out.len, bytes, len);
        out.len += len;
        if (out.len >= FLUSH_BYTES && out.len - len < FLUSH_BYTES)
            pthread_cond_signal(&out.wake);
    }
    pthread_mutex_unlock(&out.lock);
}

/* Returns the length of the line, which bytes hold whole. */
static size_t make_line(char bytes[LINE_BYTES_MAX], enum log_level level, const char *event,
                        const struct log_field *fields, size_t count)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct text line = {.ptr = bytes, .size = LINE_BYTES_MAX - 2}; /* Room for the end. */

    add_time(&line);
    text_add(&line, STR(",\"level\":\""));
    text_add(&line, str_of(levels[level]));
    text_add(&line, STR("\",\"event\":\""));
    text_add(&line, str_of(event));
    text_add(&line, STR("\""));
    for (size_t k = 0; k < count; k++) {
        size_t before = line.len;

        text_add(&line, STR(",\""));
        text_add(&line, str_of(fields[k].name));
        text_add(&line, STR("\":"));
        if (fields[k].type == LOG_FIELD_INT)
            text_add_int(&line, fields[k].number);
        else
            add_escaped(&line, fields[k].text);
        if (line.cut) { /* A whole line without the rest is better than a torn one. */
            line.len = before;
            break;
        }
    }
    memcpy(bytes + line.len, "}\n", 2);
    return line.len + 2;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    char bytes[LINE_BYTES_MAX];

    if (level >= atomic_load_explicit(&out.least, memory_order_relaxed))
        put_line(bytes, make_line(bytes, level, event, fields, count));
}

void log_text(enum log_level level, const char *event, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    log_event(level, event, LOG_TEXT("detail", str_of(text)));
}

/* ---- The flusher ---- */

/* Past the buffer, which may be full again. */
static void write_dropped(int fd, long lines)
{
    char bytes[LINE_BYTES_MAX];

    write_all(fd, bytes,
              make_line(bytes, LOG_WARN, "log_lines_dropped", &LOG_INT("lines", lines), 1));
}

/* The flusher alone comes here: it alone writes to files. */
static void take_turns(void)
{
    struct stat file;
    int full = out.fd;

    if (out.other_fd < 0 || fstat(full, &file) != 0 || file.st_size < out.file_bytes_max)
        return;
    if (ftruncate(out.other_fd, 0) != 0)
        return; /* It grows beyond its bound rather than lose a line. */
    out.fd = out.other_fd;
    out.other_fd = full;
}

static void flush_locked(void)
{
    const char *bytes = out.buffers[out.filling];
    size_t len = out.len;
    long dropped = out.dropped;
    int fd = out.fd;

    out.filling = !out.filling;
    out.len = 0;
    out.dropped = 0;
    pthread_mutex_unlock(&out.lock);
    write_all(fd, bytes, len);
    if (dropped)
        write_dropped(fd, dropped);
    pthread_mutex_lock(&out.lock);
    take_turns();
}

static void wait_for_lines(void)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += FLUSH_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_clockwait(&out.wake, &out.lock, CLOCK_MONOTONIC, &until);
}

static void *flusher(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&out.lock);
    while (!out.closing || out.len > 0) {
        if (!out.closing && out.len < FLUSH_BYTES)
            wait_for_lines();
        if (out.len > 0)
            flush_locked();
    }
    out.threaded = false; /* Later lines are written at once. */
    pthread_mutex_unlock(&out.lock);
    return NULL;
}

void log_to(int fd, enum log_level least)
{
    pthread_mutex_lock(&out.lock);
    out.fd = fd;
    out.least = least;
    pthread_mutex_unlock(&out.lock);
}

void log_start(void)
{
    pthread_mutex_lock(&out.lock);
    out.closing = false;
    if (!out.threaded)
        out.threaded = pthread_create(&out.thread, NULL, flusher, NULL) == 0;
    pthread_mutex_unlock(&out.lock);
}

void log_open(int fd, enum log_level least)
{
    log_to(fd, least);
    log_start();
}

static int open_file(const char *path, int number, struct stat *is)
{
    char name[PATH_MAX];
    int fd;

    if (snprintf(name, sizeof(name), "%s.%d", path, number) >= (int)sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd >= 0 && fstat(fd, is) == 0 ? fd : -1;
}

/* After a start: the one that has room when the other is full, else the one written last. */
static bool second_goes_on(const struct stat *first, const struct stat *second, int64_t bytes_max)
{
    bool first_full = first->st_size >= bytes_max, second_full = second->st_size >= bytes_max;

    if (first_full != second_full)
        return first_full;
    if (first->st_mtim.tv_sec != second->st_mtim.tv_sec)
        return second->st_mtim.tv_sec > first->st_mtim.tv_sec && second->st_size > 0;
    return second->st_mtim.tv_nsec > first->st_mtim.tv_nsec && second->st_size > 0;
}

bool log_to_files(const char *path, int64_t bytes_max, enum log_level least)
{
    struct stat first, second;
    int fd = open_file(path, 0, &first), other_fd = open_file(path, 1, &second);

    assert(bytes_max >= 2);
    if (fd < 0 || other_fd < 0)
        return false; /* The process ends. */
    bool swapped = second_goes_on(&first, &second, bytes_max / 2);

    pthread_mutex_lock(&out.lock);
    out.other_fd = swapped ? fd : other_fd;
    out.file_bytes_max = bytes_max / 2;
    pthread_mutex_unlock(&out.lock);
    log_to(swapped ? other_fd : fd, least);
    return true;
}

void log_close(void)
{
    pthread_t thread;
    bool threaded;

    pthread_mutex_lock(&out.lock);
    threaded = out.threaded && !out.closing;
    thread = out.thread;
    out.closing = true;
    pthread_cond_signal(&out.wake);
    pthread_mutex_unlock(&out.lock);
    if (threaded)
        pthread_join(thread, NULL);
}
