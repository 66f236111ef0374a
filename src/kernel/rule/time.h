/*
 * time.h - moments and durations as text.
 *
 * Invariants: what is written reads back as the same moment; texts are RFC 3339 and Go's durations
 * ("1h30m", "1.5s", "-10ms"), as CEL has them.
 */
#ifndef GREVY_RULE_TIME_H
#define GREVY_RULE_TIME_H

#include "kernel/rule/value.h"

enum { RULE_TIME_TEXT_MAX = 40 };

bool rule_read_timestamp(struct str text, struct rule_value *out);
bool rule_read_duration(struct str text, struct rule_value *out);
size_t rule_write_timestamp(char out[RULE_TIME_TEXT_MAX], struct rule_value v);
size_t rule_write_duration(char out[RULE_TIME_TEXT_MAX], struct rule_value v);

/* A moment in a calendar. */
struct rule_date {
    int64_t year;
    int month, day;  /* From 1. */
    int day_of_week; /* 0: Sunday. */
    int day_of_year; /* From 0. */
    int hour, minute, second;
};
void rule_date_of(int64_t seconds, struct rule_date *out);

#endif
