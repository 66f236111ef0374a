/*
 * log.h - JSON lines on standard error, or in two files by turns, one per event.
 *
 * Invariants: a line is written whole or not at all; values are escaped; the caller never passes
 * personal data (names, addresses, bodies, keys).  Lines are buffered and flushed by a thread
 * every 100 ms or when 32 KiB wait, so that a request never waits for a slow terminal; when the
 * buffer is full the line is counted as dropped and the count is logged.
 */
#ifndef GREVY_BASE_LOG_H
#define GREVY_BASE_LOG_H

#include "kernel/base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *name;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT } type;
    struct str text;
    int64_t number;
};

#define LOG_TEXT(name_, value_)                                                                    \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_TEXT, .text = (value_)})
#define LOG_INT(name_, value_)                                                                     \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_INT, .number = (value_)})

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);
#define log_event(level, event, ...)                                                               \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__},                           \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
void log_text(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** Where lines go, and which.  Until log_start they are written at once, by whoever logs. */
void log_to(int fd, enum log_level least);

/** Log to PATH.0 and PATH.1, the one after the other, each of half of bytes_max: when one is full
 *  the other begins anew.  Both are opened here and never renamed, so that a process that may open
 *  nothing any more goes on logging.  False: errno says why a file cannot be opened. */
bool log_to_files(const char *path, int64_t bytes_max, enum log_level least);

void log_start(void);                        /* The flusher, unless it runs. */
void log_open(int fd, enum log_level least); /* log_to and log_start. */
void log_close(void);                        /* Writes what waits. */

#endif
