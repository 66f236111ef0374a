/*
 * health_test.c - three failures in a minute switch a script off, visibly, and it alone.
 */
#include <pthread.h>

#include "kernel/script/script_fixture.h"
#include "kernel/watch/watch.h"
#include "test/kit/test.h"

static const char fails_at_0[] = "if input.n == 0 then error('zero') end return {t = 'fine'}";

static enum script_failure call_at(struct script_fixture *f, int64_t now_ms, const char *inputs)
{
    struct script_answer answer;
    struct str out;

    f->cx.now_ms = now_ms;
    out = script_fixture_call(f, inputs, &answer);
    CHECK_EQ_TEXT(out, answer.failure == SCRIPT_FINE ? "{\"t\":\"fine\"}" : "{\"t\":\"fallback\"}");
    return answer.failure;
}

static struct script_status status_of(struct script_fixture *f, size_t at)
{
    size_t count;
    struct script_status *all = script_statuses(&f->cx, &count);

    CHECK(at < count);
    return all[at];
}

TEST(script_switched_off, "a script that fails three times in a minute is switched off")
{
    struct script_fixture f;
    struct script_status status;

    script_fixture_open(&f);
    CHECK_EQ_INT(script_fixture_body(&f, fails_at_0), OK);
    CHECK_EQ_INT(call_at(&f, 1000, "{\"n\":0}"), SCRIPT_RAISED);
    CHECK_EQ_INT(call_at(&f, 1000, "{\"n\":1}"), SCRIPT_FINE);
    CHECK_EQ_INT(call_at(&f, 2000, "{\"n\":0}"), SCRIPT_RAISED);
    CHECK_EQ_INT(call_at(&f, 60999, "{\"n\":0}"), SCRIPT_RAISED);
    CHECK_EQ_INT(call_at(&f, 61000, "{\"n\":1}"), SCRIPT_OFF);
    CHECK_EQ_INT(call_at(&f, 90000000, "{\"n\":1}"), SCRIPT_OFF);
    status = status_of(&f, 0);
    CHECK_EQ_STR(status.name, "test/script");
    CHECK_EQ_INT(status.calls, 6);
    CHECK_EQ_INT(status.failures, 3);
    CHECK_EQ_STR(status.last_error, "line:1: zero");
    CHECK_EQ_INT(status.last_failed_ms, 60999);
    CHECK_EQ_INT(status.off_since_ms, 60999);
    CHECK(!script_switch_on(STR("test/other")));
    CHECK(script_switch_on(STR("test/script")));
    CHECK_EQ_INT(call_at(&f, 61000, "{\"n\":1}"), SCRIPT_FINE);
    CHECK_EQ_INT(call_at(&f, 61000, "{\"n\":0}"), SCRIPT_RAISED);
    CHECK_EQ_INT(call_at(&f, 61000, "{\"n\":1}"), SCRIPT_FINE);
    script_fixture_close(&f);
}

TEST(script_stays_on, "failures spread over more than a minute leave it on")
{
    struct script_fixture f;

    script_fixture_open(&f);
    CHECK_EQ_INT(script_fixture_body(&f, fails_at_0), OK);
    for (int64_t k = 0; k < 10; k++)
        CHECK_EQ_INT(call_at(&f, k * 30000 + 1, "{\"n\":0}"), SCRIPT_RAISED);
    CHECK_EQ_INT(status_of(&f, 0).off_since_ms, 0);
    script_fixture_close(&f);
}

TEST(script_versions_apart, "a version that is off leaves the other versions on")
{
    struct script_fixture one, two;

    script_fixture_open(&one);
    script_fixture_open(&two);
    CHECK_EQ_INT(script_fixture_body(&one, "error('never')"), OK);
    CHECK_EQ_INT(script_fixture_body(&two, fails_at_0), OK);
    for (int k = 0; k < 3; k++)
        CHECK_EQ_INT(call_at(&one, 5, "{}"), SCRIPT_RAISED);
    CHECK_EQ_INT(call_at(&one, 5, "{}"), SCRIPT_OFF);
    CHECK_EQ_INT(call_at(&two, 5, "{}"), SCRIPT_FINE);
    script_fixture_close(&one);
    script_fixture_close(&two);
}

TEST(script_seen, "metrics and the status tell which and why")
{
    struct script_fixture f;
    struct json_out out;
    struct str text;

    script_fixture_open(&f);
    CHECK_EQ_INT(script_fixture_body(&f, "while true do end"), OK);
    for (int k = 0; k < 4; k++)
        call_at(&f, 5, "{}");
    text = watch_metrics_text(&f.cx);
    text = cx_printf(&f.cx, STR_FMT, STR_ARG(text));
    CHECK(strstr(text.ptr, "grevy_script_calls_total 4\n"));
    CHECK(strstr(text.ptr, "grevy_script_fallbacks_total{reason=\"work\"} 3\n"));
    CHECK(strstr(text.ptr, "grevy_script_fallbacks_total{reason=\"off\"} 1\n"));
    CHECK(strstr(text.ptr, "grevy_scripts_off 1\n"));
    json_open(&out, &f.cx, 256);
    script_status_json(&f.cx, &out);
    text = json_done(&out);
    text = cx_printf(&f.cx, STR_FMT, STR_ARG(text));
    CHECK(strstr(text.ptr, "\"name\":\"test/script\""));
    CHECK(
        strstr(text.ptr, "\"calls\":4,\"failures\":3,\"last_error\":\"it needs more than 200000"));
    CHECK(strstr(text.ptr, "\"off_since_ms\":5}]"));
    script_fixture_close(&f);
}

/* More versions than there are slots: old ones are forgotten, what is off last of all. */
TEST(script_slots_bounded, "counts of thousands of versions are bounded")
{
    enum { VERSIONS = 5000 };
    struct script_fixture f;
    size_t count;

    script_fixture_open(&f);
    for (int k = 0; k < VERSIONS; k++) {
        struct script_answer answer;

        cx_reset(&f.cx);
        arena_reset(&f.keep);
        CHECK_EQ_INT(script_fixture_body(&f, cx_printf(&f.cx, "return {n = %d}", k).ptr), OK);
        script_fixture_call(&f, "{}", &answer);
        CHECK_EQ_INT(answer.outputs[0].integer, k);
    }
    script_statuses(&f.cx, &count);
    CHECK(count > 1000 && count <= 2048);
    script_fixture_close(&f);
}

enum { THREADS = 4, CALLS = 50 };

static struct script_fixture shared;

static void *fail_often(void *argument)
{
    struct cx cx;

    (void)argument;
    cx_open(&cx, env_system(), 1 << 20);
    for (int k = 0; k < CALLS; k++) {
        struct script_value inputs[2] = {{.type = SCRIPT_INT}};
        struct script_answer answer;
        size_t count;

        cx_reset(&cx);
        cx.now_ms = 7;
        CHECK_EQ_INT(script_call(&cx, shared.script, inputs, &answer), OK);
        CHECK(answer.failure == SCRIPT_RAISED || answer.failure == SCRIPT_OFF);
        script_statuses(&cx, &count);
    }
    cx_close(&cx);
    return NULL;
}

TEST_THREADS(script_fails_in_threads, "threads that fail together switch it off once")
{
    pthread_t threads[THREADS];
    struct script_status status;

    script_fixture_open(&shared);
    CHECK_EQ_INT(script_fixture_body(&shared, fails_at_0), OK);
    for (int k = 0; k < THREADS; k++)
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, fail_often, NULL), 0);
    for (int k = 0; k < THREADS; k++)
        pthread_join(threads[k], NULL);
    status = status_of(&shared, 0);
    CHECK_EQ_INT(status.calls, THREADS * CALLS);
    CHECK_EQ_INT(status.off_since_ms, 7);
    CHECK(status.failures >= 3);
    CHECK(status.failures <= 2 + THREADS);
    script_fixture_close(&shared);
}
