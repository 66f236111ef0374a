/*
 * zone.h - time zones of the IANA database, by name ("Asia/Shanghai").
 *
 * Abseil reads the system's zone files; no state of the process (TZ, tzset) is looked at or
 * changed, so that spaces of several zones live side by side.
 *
 * Invariants:
 *   - a zone is immutable, shared by all threads, read once and kept as long as the process lives;
 *   - a name that is no file of the database is refused before Abseil hears of it, so that its
 *     table cannot be filled with nonsense;
 *   - spans are half-open, adjacent, and cover all time: within one the offset does not change.
 */
#ifndef GREVY_BASE_ZONE_H
#define GREVY_BASE_ZONE_H

#include "kernel/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ZONE_NAME_LEN_MAX = 64 };

struct zone;

/** The zone so named, or NULL: there is none, or its file cannot be read. */
const struct zone *zone_find(struct str name);

struct zone_span {
    int64_t begin_ms, end_ms; /* UTC; end_ms is the first that is not in it. */
    int64_t offset_ms;        /* Local time is UTC and this. */
};

/** What is in force at utc_ms.  utc_ms is held within the years 1900 and 9000. */
void zone_at(const struct zone *zone, int64_t utc_ms, struct zone_span *out);

/** Its offset_ms alone, in seconds, of any moment. */
int32_t zone_offset_s(const struct zone *zone, int64_t unix_s);

#ifdef __cplusplus
}
#endif

#endif
