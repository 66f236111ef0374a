/*
 * zone.cc - Abseil's time zones behind zone.h.
 */
#include "kernel/base/zone.h"

#include <absl/time/time.h>
#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <unistd.h>

/* What zone.h calls a zone. */
struct zone {
    absl::TimeZone zone;
};

namespace
{

constexpr int64_t UTC_MS_MIN = -INT64_C(2208988800000);  /* 1900 */
constexpr int64_t UTC_MS_MAX = INT64_C(221845392000000); /* 9000 */
constexpr const char *FOLDER = "/usr/share/zoneinfo/";

/* A path within the folder: "Area/Place", no dots. */
bool spelt_well(struct str name)
{
    if (name.len == 0 || name.len > ZONE_NAME_LEN_MAX || name.ptr[0] == '/')
        return false;
    for (size_t k = 0; k < name.len; k++) {
        char c = name.ptr[k];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!letter && !(c >= '0' && c <= '9') && !(c && std::strchr("/_-+", c)))
            return false;
    }
    return true;
}

/* Zones that were asked for, as many as the database has files at most. */
const struct zone *load(const std::string &name)
{
    static std::mutex lock;
    static auto &known = *new std::map<std::string, struct zone>; /* Never freed: see zone.h. */
    std::lock_guard<std::mutex> guard(lock);
    auto found = known.find(name);
    struct zone loaded;

    if (found != known.end())
        return &found->second;
    if (access((FOLDER + name).c_str(), R_OK) != 0 || !absl::LoadTimeZone(name, &loaded.zone))
        return nullptr;
    return &known.emplace(name, loaded).first->second;
}

/* When clocks are put forward the first local second that is left out, when they are put back the
 * first that comes twice, is that of one moment: the transition. */
absl::Time moment_of(const absl::TimeZone &zone, const absl::TimeZone::CivilTransition &transition)
{
    absl::TimeZone::TimeInfo skipped = zone.At(transition.from);

    return skipped.kind == absl::TimeZone::TimeInfo::SKIPPED ? skipped.trans
                                                             : zone.At(transition.to).trans;
}

int64_t to_ms(absl::Time time)
{
    return std::clamp(absl::ToUnixMillis(time), UTC_MS_MIN, UTC_MS_MAX);
}

} // namespace

const struct zone *zone_find(struct str name)
{
    try {
        return spelt_well(name) ? load(std::string(name.ptr, name.len)) : nullptr;
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

void zone_at(const struct zone *zone, int64_t utc_ms, struct zone_span *out)
{
    absl::Time time = absl::FromUnixMillis(std::clamp(utc_ms, UTC_MS_MIN, UTC_MS_MAX));
    absl::TimeZone::CivilTransition change;

    out->offset_ms = zone->zone.At(time).offset * INT64_C(1000);
    out->begin_ms = UTC_MS_MIN;
    out->end_ms = UTC_MS_MAX;
    if (zone->zone.NextTransition(time, &change))
        out->end_ms = to_ms(moment_of(zone->zone, change));
    /* Abseil looks for one before the moment, in whole seconds: one at the moment counts too. */
    if (zone->zone.PrevTransition(time + absl::Seconds(1), &change))
        out->begin_ms = to_ms(moment_of(zone->zone, change));
}

int32_t zone_offset_s(const struct zone *zone, int64_t unix_s)
{
    return zone->zone.At(absl::FromUnixSeconds(unix_s)).offset;
}
