/*
 * call.c - decisions in RESP, the protocol of Redis: arrays of counted strings.
 */
#include "kernel/count/call.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/work/space.h"

/* Keys with their space and period, four numbers each, the count of all. */
enum { WORDS_BYTES_MAX = COUNT_ASKS_MAX * (COUNT_KEY_LEN_MAX + 320) + 256 };

/* ---- Writing ---- */

static void add_word(struct text *text, struct str word)
{
    text_add(text, STR("$"));
    text_add_int(text, (int64_t)word.len);
    text_add(text, STR("\r\n"));
    text_add(text, word);
    text_add(text, STR("\r\n"));
}

static void add_number(struct text *text, int64_t n)
{
    char digits[24];
    struct text number = {.ptr = digits, .size = sizeof(digits)};

    text_add_int(&number, n);
    add_word(text, (struct str){digits, number.len});
}

/* Digits that are set later; returns where they are. */
static size_t add_time(struct text *text)
{
    add_word(text, STR("0000000000000000"));
    return text->len - TIME_DIGITS - 2;
}

/* grevy:{SPACE}:WINDOW:BEGIN:KEY; the braces keep a space in one slot of a cluster. */
static void add_key(struct text *text, const struct counters *counters, const struct count_ask *ask,
                    int64_t begin_ms)
{
    static const char *const windows[] = {"minute", "hour", "day", "week", "month", "lifetime"};
    char bytes[COUNT_KEY_LEN_MAX + 128];
    struct text key = {.ptr = bytes, .size = sizeof(bytes)};

    text_add(&key, STR("grevy:{"));
    text_add(&key, str_of(counters->space->name));
    text_add(&key, STR("}:"));
    text_add(&key, str_of(windows[ask->window]));
    text_add(&key, STR(":"));
    if (ask->sliding)
        text_add(&key, STR("sliding"));
    else
        text_add_int(&key, begin_ms);
    text_add(&key, STR(":"));
    text_add(&key, ask->key);
    assert(!key.cut);
    add_word(text, (struct str){bytes, key.len});
}

static void add_asks(struct text *text, const struct count_ask *asks, size_t count,
                     const struct period *periods)
{
    for (size_t k = 0; k < count; k++) {
        const struct count_ask *ask = &asks[k];
        bool ends = !ask->sliding && ask->window != COUNT_LIFETIME;

        add_word(text, ask->sliding ? STR("s") : STR("c"));
        add_number(text, ask->limit);
        add_number(text, ask->amount);
        add_number(text, ask->sliding ? window_length_ms(ask->window)
                         : ends       ? periods[k].end_ms
                                      : 0);
    }
}

static struct call *call_new(enum call_kind kind, struct str words)
{
    struct call *call = calloc(1, sizeof(*call) + words.len);

    if (!call)
        return NULL;
    call->kind = kind;
    call->len = words.len;
    if (words.len)
        memcpy(call->words, words.ptr, words.len);
    atomic_init(&call->owners, 1);
    atomic_init(&call->state, CALL_WAITING);
    sem_init(&call->answered, 0, 0);
    return call;
}

struct call *call_plain(enum call_kind kind)
{
    return call_new(kind, (struct str){0});
}

struct call *call_make(const struct counters *counters, enum call_kind kind, char mode,
                       const struct count_ask *asks, size_t count)
{
    struct period periods[COUNT_ASKS_MAX];
    char bytes[WORDS_BYTES_MAX];
    struct text text = {.ptr = bytes, .size = sizeof(bytes)};
    size_t mode_at, time_at, skew_at;
    struct call *call;

    add_number(&text, (int64_t)count);
    for (size_t k = 0; k < count; k++) {
        periods[k] = window_period(counters->zone, asks[k].window, asks[k].taken_ms);
        add_key(&text, counters, &asks[k], periods[k].begin_ms);
    }
    add_word(&text, (struct str){&mode, 1});
    mode_at = text.len - 3;
    time_at = add_time(&text);
    skew_at = add_time(&text);
    add_asks(&text, asks, count, periods);
    assert(!text.cut);
    call = call_new(kind, (struct str){bytes, text.len});
    if (!call)
        return NULL;
    call->mode_at = mode_at;
    call->time_at = time_at;
    call->skew_at = skew_at;
    call->argument_count = (int)(1 + count + 3 + count * 4);
    call->number_count = (int)(2 + count * 2);
    call->taken_ms = asks[0].taken_ms;
    return call;
}

void call_set_mode(struct call *call, char mode)
{
    call->words[call->mode_at] = mode;
}

static void set_digits(char *at, int64_t ms)
{
    char digits[TIME_DIGITS + 1];

    ms = ms < 0 ? 0 : ms % INT64_C(1000000000000000);
    snprintf(digits, sizeof(digits), "%0*" PRId64, TIME_DIGITS, ms);
    memcpy(at, digits, TIME_DIGITS);
}

void call_set_time(struct call *call, int64_t ms)
{
    set_digits(call->words + call->time_at, ms);
}

void call_set_skew(struct call *call, int64_t ms)
{
    set_digits(call->words + call->skew_at, ms);
}

void call_release(struct call *call)
{
    if (atomic_fetch_sub(&call->owners, 1) > 1)
        return;
    sem_destroy(&call->answered);
    free(call);
}

/* ---- Reading ---- */

static bool read_number(const struct redisReply *element, int64_t min, int64_t max, int64_t *out)
{
    if (!element || element->type != REDIS_REPLY_INTEGER)
        return false;
    *out = element->integer;
    return *out >= min && *out <= max;
}

bool call_read(struct call *call, const struct redisReply *reply)
{
    bool fine = reply->type == REDIS_REPLY_ARRAY && (int)reply->elements == call->number_count;

    for (int k = 0; fine && k < call->number_count; k++) {
        bool retry = k >= 2 && k % 2 == 1;

        fine = read_number(reply->element[k], retry ? CALL_NEVER : 0, k == 0 ? 1 : INT64_MAX / 2,
                           &call->numbers[k]);
    }
    return fine;
}
