/*
 * health.c - how scripts do: calls, failures, and the switch that three failures in a minute throw.
 *
 * A table of slots by name and version, probed without a lock; claims, failures and reports take
 * the lock.  It is bounded: a new script takes the place of the one unused for longest among its
 * SLOT_PROBES places, of one that is on if there is any.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/script/script_priv.h"
#include "kernel/watch/watch.h"

enum { SLOTS = 2048, SLOT_PROBES = 16 };

struct slot {
    atomic_uint_fast64_t key; /* 0: free. */
    atomic_uint_fast64_t calls;
    atomic_int_fast64_t off_since_ms; /* 0: on. */
    /* Under the lock: */
    uint64_t failures, claimed;             /* claimed: a sequence, for the order of reports. */
    uint64_t calls_before;                  /* At the last claim nearby; */
    bool moved;                             /* whether it was called since. */
    int64_t failed_ms[SCRIPT_FAILURES_MAX]; /* A ring by failures. */
    uint64_t failures_since_on;
    char name[SCRIPT_NAME_LEN_MAX + 1], last_error[SCRIPT_ERROR_LEN_MAX];
    uint64_t version;
};

static struct slot slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t claims;
static atomic_int_fast64_t off_count;

static const char *const reasons[SCRIPT_FAILURE_COUNT] = {
    [SCRIPT_SPENT] = "work",    [SCRIPT_MEMORY] = "memory",   [SCRIPT_RAISED] = "error",
    [SCRIPT_OUTPUT] = "output", [SCRIPT_STARVED] = "starved", [SCRIPT_OFF] = "off"};
static struct watch_counter called = {
    .name = "grevy_script_calls_total", .doc = "Calls of scripts.", .labels = ""};
static struct watch_counter fell_back[SCRIPT_FAILURE_COUNT];
static pthread_once_t registered = PTHREAD_ONCE_INIT;

static int64_t read_off(void *context)
{
    (void)context;
    return atomic_load(&off_count);
}

static void register_metrics(void)
{
    static char labels[SCRIPT_FAILURE_COUNT][32];

    watch_register_counter(&called);
    for (int k = SCRIPT_SPENT; k < SCRIPT_FAILURE_COUNT; k++) {
        snprintf(labels[k], sizeof(labels[k]), "reason=\"%s\"", reasons[k]);
        fell_back[k] = (struct watch_counter){.name = "grevy_script_fallbacks_total",
                                              .doc = "Calls that yielded the fallback.",
                                              .labels = labels[k]};
        watch_register_counter(&fell_back[k]);
    }
    watch_register_gauge(&(struct watch_gauge){.name = "grevy_scripts_off",
                                               .doc = "Scripts that switched themselves off.",
                                               .labels = "",
                                               .read = read_off});
}

static uint64_t key_of(const struct script *script)
{
    uint64_t key = str_hash(script->name, script->version);

    return key ? key : 1;
}

/* Is a missed less than b?  What is off stays known, then what was called since the last look. */
static bool less_missed(const struct slot *a, const struct slot *b)
{
    bool a_off = atomic_load(&a->off_since_ms) != 0, b_off = atomic_load(&b->off_since_ms) != 0;

    if (a_off != b_off)
        return b_off;
    if (a->moved != b->moved)
        return b->moved;
    return a->claimed < b->claimed;
}

/* Among the places of key: its own, else a free one, else the least missed.  Under the lock. */
static struct slot *choose(uint64_t key)
{
    struct slot *best = NULL;

    for (uint64_t k = 0; k < SLOT_PROBES; k++) {
        struct slot *slot = &slots[(key + k) % SLOTS];
        uint64_t calls = atomic_load(&slot->calls), known = atomic_load(&slot->key);

        if (known == 0 || known == key)
            return slot;
        slot->moved = calls != slot->calls_before;
        slot->calls_before = calls;
        if (!best || less_missed(slot, best))
            best = slot;
    }
    return best;
}

static struct slot *claim(const struct script *script, uint64_t key)
{
    struct slot *slot;

    pthread_mutex_lock(&lock);
    slot = choose(key);
    if (atomic_load(&slot->key) != key) {
        if (atomic_exchange(&slot->off_since_ms, 0) != 0)
            atomic_fetch_sub(&off_count, 1);
        atomic_store(&slot->calls, 0);
        slot->failures = slot->failures_since_on = slot->calls_before = 0;
        slot->claimed = ++claims;
        slot->version = script->version;
        slot->last_error[0] = '\0';
        snprintf(slot->name, sizeof(slot->name), STR_FMT, STR_ARG(script->name));
        atomic_store(&slot->key, key);
    }
    pthread_mutex_unlock(&lock);
    return slot;
}

static struct slot *slot_of(const struct script *script)
{
    uint64_t key = key_of(script);

    for (uint64_t k = 0; k < SLOT_PROBES; k++) {
        struct slot *slot = &slots[(key + k) % SLOTS];

        if (atomic_load_explicit(&slot->key, memory_order_acquire) == key)
            return slot;
    }
    return claim(script, key);
}

void health_called(const struct script *script)
{
    pthread_once(&registered, register_metrics);
    watch_add(&called, 1);
    atomic_fetch_add_explicit(&slot_of(script)->calls, 1, memory_order_relaxed);
}

bool health_is_off(const struct script *script)
{
    if (atomic_load_explicit(&slot_of(script)->off_since_ms, memory_order_relaxed) == 0)
        return false;
    watch_add(&fell_back[SCRIPT_OFF], 1);
    return true;
}

/* Under the lock.  Units of work of several threads need not come in the order of their times. */
static bool too_often(const struct slot *slot, int64_t now_ms)
{
    if (slot->failures_since_on < SCRIPT_FAILURES_MAX)
        return false;
    for (int k = 0; k < SCRIPT_FAILURES_MAX; k++)
        if (now_ms - slot->failed_ms[k] >= SCRIPT_FAILURES_WINDOW_MS)
            return false;
    return true;
}

static bool count_failure(struct slot *slot, int64_t now_ms, struct str error)
{
    bool off;

    pthread_mutex_lock(&lock);
    slot->failed_ms[slot->failures_since_on++ % SCRIPT_FAILURES_MAX] = now_ms;
    slot->failures++;
    snprintf(slot->last_error, sizeof(slot->last_error), STR_FMT, STR_ARG(error));
    off = too_often(slot, now_ms) && atomic_load(&slot->off_since_ms) == 0;
    if (off) {
        atomic_store(&slot->off_since_ms, now_ms ? now_ms : 1);
        atomic_fetch_add(&off_count, 1);
    }
    pthread_mutex_unlock(&lock);
    return off;
}

bool health_failed(struct cx *cx, const struct script *script, enum script_failure failure,
                   struct str error)
{
    bool off;

    watch_add(&fell_back[failure], 1);
    log_event(LOG_WARN, "script_failed", LOG_TEXT("script", script->name),
              LOG_TEXT("reason", str_of(reasons[failure])));
    if (failure == SCRIPT_STARVED)
        return false;
    off = count_failure(slot_of(script), cx_now_ms(cx), error);
    if (off)
        log_event(LOG_ERROR, "script_switched_off", LOG_TEXT("script", script->name),
                  LOG_INT("failures", SCRIPT_FAILURES_MAX));
    return off;
}

bool script_switch_on(struct str name)
{
    bool any = false;

    pthread_mutex_lock(&lock);
    for (size_t k = 0; k < SLOTS; k++) {
        if (atomic_load(&slots[k].key) == 0 || !str_is(name, slots[k].name) ||
            atomic_exchange(&slots[k].off_since_ms, 0) == 0)
            continue;
        slots[k].failures_since_on = 0;
        atomic_fetch_sub(&off_count, 1);
        any = true;
    }
    pthread_mutex_unlock(&lock);
    return any;
}

/* ---- Reports ---- */

static void report(const struct slot *slot, struct script_status *out)
{
    uint64_t last = slot->failures_since_on + SCRIPT_FAILURES_MAX - 1;

    *out = (struct script_status){.calls = atomic_load(&slot->calls),
                                  .failures = slot->failures,
                                  .off_since_ms = atomic_load(&slot->off_since_ms)};
    out->last_failed_ms = slot->failures ? slot->failed_ms[last % SCRIPT_FAILURES_MAX] : 0;
    snprintf(out->version, sizeof(out->version), "%016" PRIx64, slot->version);
    memcpy(out->name, slot->name, sizeof(out->name));
    memcpy(out->last_error, slot->last_error, sizeof(out->last_error));
}

/* The slots in use, by claim.  Under the lock. */
static size_t in_order(const struct slot **out)
{
    size_t n = 0;

    for (size_t k = 0; k < SLOTS; k++) {
        size_t at = n;

        if (atomic_load(&slots[k].key) == 0)
            continue;
        for (; at > 0 && out[at - 1]->claimed > slots[k].claimed; at--)
            out[at] = out[at - 1];
        out[at] = &slots[k];
        n++;
    }
    return n;
}

struct script_status *script_statuses(struct cx *cx, size_t *count)
{
    const struct slot **order = CX_ARRAY(cx, const struct slot *, SLOTS);
    struct script_status *out;

    pthread_mutex_lock(&lock);
    *count = in_order(order);
    out = arena_try(&cx->arena, sizeof(*out) * *count);
    for (size_t k = 0; out && k < *count; k++)
        report(order[k], &out[k]);
    pthread_mutex_unlock(&lock);
    return out ? out : cx_alloc(cx, sizeof(*out) * *count); /* Ends the unit of work. */
}

void script_status_json(struct cx *cx, struct json_out *out)
{
    size_t count;
    const struct script_status *all = script_statuses(cx, &count);

    json_list(out);
    for (size_t k = 0; k < count; k++) {
        json_object(out);
        json_member_text(out, "name", str_of(all[k].name));
        json_member_text(out, "version", str_of(all[k].version));
        json_member_int(out, "calls", (int64_t)all[k].calls);
        json_member_int(out, "failures", (int64_t)all[k].failures);
        json_member_text(out, "last_error", str_of(all[k].last_error));
        json_member_int(out, "last_failed_ms", all[k].last_failed_ms);
        json_member_int(out, "off_since_ms", all[k].off_since_ms);
        json_object_end(out);
    }
    json_list_end(out);
}
