/*
 * cx.c - the unit of work: memory, failure, clock, randomness.
 */
#include "kernel/base/cx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a client sent may have been cut in the middle of a character to fit. */
static void keep_whole_characters(char *text)
{
    size_t left = strlen(text);
    char *out = text;

    while (left > 0) {
        size_t len = str_utf8_len(text, left), step = len > 0 ? len : 1;

        memmove(out, text, len);
        out += len;
        text += step;
        left -= step;
    }
    *out = '\0';
}

static void record(struct cx *cx, enum err err, const char *code, const char *pointer)
{
    cx->problem.err = err;
    cx->problem.code = code;
    snprintf(cx->problem.pointer, sizeof(cx->problem.pointer), "%s", pointer);
    keep_whole_characters(cx->problem.pointer);
}

void fail_record(struct cx *cx, enum err err, const char *code, const char *fmt, ...)
{
    va_list args;

    assert(err != OK);
    if (cx->problem.err != OK)
        return;
    record(cx, err, code, "");
    va_start(args, fmt);
    vsnprintf(cx->problem.detail, sizeof(cx->problem.detail), fmt, args);
    keep_whole_characters(cx->problem.detail);
    va_end(args);
}

void fail_at_record(struct cx *cx, enum err err, const char *code, const char *pointer,
                    const char *fmt, ...)
{
    va_list args;

    assert(err != OK);
    if (cx->problem.err != OK)
        return;
    record(cx, err, code, pointer);
    va_start(args, fmt);
    vsnprintf(cx->problem.detail, sizeof(cx->problem.detail), fmt, args);
    keep_whole_characters(cx->problem.detail);
    va_end(args);
}

void fail_member(struct cx *cx, const char *name, struct str value)
{
    struct problem *problem = &cx->problem;

    assert(problem->err != OK);
    assert(strcmp(name, "code") != 0); /* The document has its own. */
    assert(strcmp(name, "detail") != 0);
    if (problem->member_count == PROBLEM_MEMBERS_MAX)
        return;
    problem->members[problem->member_count].name = name;
    problem->members[problem->member_count++].value = cx_copy(cx, value);
}

void fail_clear(struct cx *cx)
{
    cx->problem.err = OK;
    cx->problem.code = NULL;
    cx->problem.pointer[0] = cx->problem.detail[0] = '\0';
    cx->problem.member_count = 0;
    cx->problem.retry_after_ms = 0;
}

void *cx_alloc(struct cx *cx, size_t size)
{
    return arena_alloc(&cx->arena, size);
}

struct str cx_copy(struct cx *cx, struct str s)
{
    char *to;

    if (!s.ptr || s.len == 0)
        return (struct str){s.ptr ? "" : NULL, 0};
    to = cx_alloc(cx, s.len);
    memcpy(to, s.ptr, s.len);
    return (struct str){to, s.len};
}

struct str cx_printf(struct cx *cx, const char *fmt, ...)
{
    va_list args, again;
    char *to;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    to = cx_alloc(cx, (size_t)len + 1);
    vsnprintf(to, (size_t)len + 1, fmt, again);
    va_end(again);
    return (struct str){to, (size_t)len};
}

struct str cx_id_text(struct cx *cx, const char *prefix, int64_t id)
{
    char *to = cx_alloc(cx, ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1);

    return (struct str){to, id_format(to, prefix, id)};
}

int64_t cx_now_ms(const struct cx *cx)
{
    return cx->now_ms;
}

uint64_t cx_random(struct cx *cx, uint64_t below)
{
    uint64_t limit, draw;

    assert(below > 0);
    limit = UINT64_MAX - UINT64_MAX % below; /* Draws above it would favour small numbers. */
    do {
        cx_random_bytes(cx, &draw, sizeof(draw));
    } while (draw >= limit);
    return draw % below;
}

void cx_random_bytes(struct cx *cx, void *out, size_t len)
{
    cx->env->random(cx->env, out, len);
}

void cx_open(struct cx *cx, struct env *env, size_t budget_bytes)
{
    *cx = (struct cx){.env = env};
    arena_init(&cx->arena, budget_bytes);
}

void cx_reset(struct cx *cx)
{
    struct arena arena = cx->arena;
    struct env *env = cx->env;

    arena_reset(&arena);
    arena.exhausted = NULL;
    *cx = (struct cx){.arena = arena, .env = env};
}

void cx_close(struct cx *cx)
{
    arena_free(&cx->arena);
}
