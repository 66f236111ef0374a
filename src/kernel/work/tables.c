/*
 * tables.c - field tables of the kernel's own rows; columns in the order of schema/001_kernel.sql.
 */
#include "kernel/work/tables.h"

const struct field outbox_fields[] = {
    F(outbox_row, seq),     F(outbox_row, id),    F(outbox_row, type),      F(outbox_row, key),
    F(outbox_row, time_ms), F(outbox_row, trace), F_JSON(outbox_row, data), F_END};
const struct table outbox_table = TABLE("kernel_outbox", outbox_row, outbox_fields, 1);

static const struct field consumer_fields[] = {F(consumer_row, name), F(consumer_row, cursor),
                                               F_END};
const struct table consumer_table = TABLE("kernel_consumer", consumer_row, consumer_fields, 1);

static const char *const parked_states[] = {"waiting", "retry", "dead", NULL};
const struct field parked_fields[] = {F(parked_row, consumer),
                                      F(parked_row, seq),
                                      F(parked_row, type),
                                      F(parked_row, key),
                                      F_ENUM(parked_row, state, parked_states),
                                      F(parked_row, attempts),
                                      F(parked_row, next_ms),
                                      F(parked_row, error),
                                      F_END};
const struct table parked_table = TABLE("kernel_parked", parked_row, parked_fields, 2);

const struct field job_fields[] = {F(job_row, name),     F(job_row, next_ms), F(job_row, last_ms),
                                   F(job_row, failures), F(job_row, error),   F_END};
const struct table job_table = TABLE("kernel_job", job_row, job_fields, 1);

static const char *const timer_states[] = {"waiting", "dead", NULL};
const struct field timer_fields[] = {F(timer_row, due_ms),   F(timer_row, name),
                                     F(timer_row, key),      F(timer_row, set_ms),
                                     F(timer_row, attempts), F_ENUM(timer_row, state, timer_states),
                                     F(timer_row, error),    F_END};
const struct table timer_table = TABLE("kernel_timer", timer_row, timer_fields, 3);

static const char *const effect_states[] = {"waiting", "done", "failed", NULL};
const struct field effect_fields[] = {F(effect_row, id),
                                      F(effect_row, kind),
                                      F(effect_row, key),
                                      F(effect_row, method),
                                      F(effect_row, url),
                                      F_JSON(effect_row, headers),
                                      F(effect_row, secret),
                                      F(effect_row, content_type),
                                      F(effect_row, body),
                                      F(effect_row, trace),
                                      F_ENUM(effect_row, state, effect_states),
                                      F(effect_row, attempts),
                                      F(effect_row, next_ms),
                                      F(effect_row, error),
                                      F_END};
const struct table effect_table = TABLE("kernel_effect", effect_row, effect_fields, 1);
