/*
 * tables.h - the kernel's own rows, as structs.  For kernel/work, kernel/effect and kernel/access.
 */
#ifndef GREVY_WORK_TABLES_H
#define GREVY_WORK_TABLES_H

#include "kernel/work/work.h"

struct outbox_row {
    int64_t seq, id;
    struct str type, key;
    int64_t time_ms;
    struct str trace, data;
};
extern const struct table outbox_table;
extern const struct field outbox_fields[];

struct consumer_row {
    struct str name;
    int64_t cursor;
};
extern const struct table consumer_table;

enum parked_state { PARKED_WAITING, PARKED_RETRY, PARKED_DEAD };
struct parked_row {
    struct str consumer;
    int64_t seq;
    struct str type, key;
    int state;
    int64_t attempts, next_ms;
    struct str error;
};
extern const struct table parked_table;
extern const struct field parked_fields[];

struct job_row {
    struct str name;
    int64_t next_ms, last_ms, failures;
    struct str error;
};
extern const struct table job_table;
extern const struct field job_fields[];

enum timer_state { TIMER_WAITING, TIMER_DEAD };
struct timer_row {
    int64_t due_ms;
    struct str name;
    int64_t key, set_ms, attempts;
    int state;
    struct str error;
};
extern const struct table timer_table;
extern const struct field timer_fields[];

enum effect_state { EFFECT_ROW_WAITING, EFFECT_ROW_DONE, EFFECT_ROW_FAILED };
struct effect_row {
    int64_t id;
    struct str kind;
    int64_t key;
    struct str method, url, headers, secret, content_type, body, trace;
    int state;
    int64_t attempts, next_ms;
    struct str error;
};
extern const struct table effect_table;
extern const struct field effect_fields[];

#endif
