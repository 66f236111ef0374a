/*
 * script_test.c - declarations, compiling, values in and out, isolation, determinism, memory.
 */
#include "kernel/script/script.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>

#include "kernel/script/script_fixture.h"
#include "test/kit/test.h"

#define WHOLE(source_, tests_)                                                                     \
    "{\"name\":\"test/whole\",\"source\":" source_ ",\"inputs\":["                                 \
    "{\"name\":\"yes\",\"type\":\"bool\"},{\"name\":\"n\",\"type\":\"int\",\"min\":-5,"            \
    "\"max\":9},{\"name\":\"x\",\"type\":\"double\",\"max\":1.5},{\"name\":\"t\",\"type\":"        \
    "\"text\",\"max\":8},{\"name\":\"l\",\"type\":\"list\",\"max\":3,\"item\":{\"type\":\"int\"}}" \
    ",{\"name\":\"m\",\"type\":\"map\",\"item\":{\"type\":\"text\"}},{\"name\":\"o\",\"type\":"    \
    "\"object\",\"required\":false,\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":"       \
    "\"b\",\"type\":\"list\",\"required\":false,\"item\":{\"type\":\"text\"}}]}],"                 \
    "\"outputs\":[{\"name\":\"yes\",\"type\":\"bool\"},{\"name\":\"n\",\"type\":\"int\","          \
    "\"min\":-5,\"max\":9},{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"t\",\"type\":"         \
    "\"text\",\"max\":8},{\"name\":\"l\",\"type\":\"list\",\"max\":3,\"item\":{\"type\":\"int\"}}" \
    ",{\"name\":\"m\",\"type\":\"map\",\"item\":{\"type\":\"text\"}},{\"name\":\"o\",\"type\":"    \
    "\"object\",\"required\":false,\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":"       \
    "\"b\",\"type\":\"list\",\"required\":false,\"item\":{\"type\":\"text\"}}]}],"                 \
    "\"fallback\":{\"yes\":false,\"n\":0,\"x\":0,\"t\":\"\",\"l\":[],\"m\":{}},"                   \
    "\"tests\":[" tests_ "]}"
#define INPUT                                                                                      \
    "{\"yes\":true,\"n\":-5,\"x\":1.5,\"t\":\"茶\",\"l\":[3,1],\"m\":{\"a\":\"1\",\"z\":\"2\"},"  \
    "\"o\":{\"a\":7,\"b\":[\"p\",\"q\"]}}"

static struct str call_body(const char *body, const char *input)
{
    static char kept[2000];
    struct script_fixture f;
    struct script_answer answer;
    struct str out;

    script_fixture_open(&f);
    CHECK_SAY(script_fixture_body(&f, body) == OK, "%s", f.cx.problem.detail);
    out = script_fixture_call(&f, input, &answer);
    if (answer.failure != SCRIPT_FINE)
        out = answer.error;
    snprintf(kept, sizeof(kept), STR_FMT, STR_ARG(out));
    script_fixture_close(&f);
    return str_of(kept);
}

TEST(script_all_types, "values of every type go in and come out as they were")
{
    struct script_fixture f;
    struct script_answer answer;

    script_fixture_open(&f);
    CHECK_SAY(script_fixture_document(&f, WHOLE("[\"-- all of it\",\"return input\"]",
                                                "{\"name\":\"all\",\"input\":" INPUT
                                                ",\"output\":" INPUT "}")) == OK,
              "%s", f.cx.problem.detail);
    CHECK_EQ_TEXT(script_fixture_call(&f, INPUT, &answer), INPUT);
    CHECK_EQ_INT(answer.failure, SCRIPT_FINE);
    CHECK_EQ_TEXT(script_name(f.script), "test/whole");
    CHECK_EQ_INT(script_inputs(f.script)->count, 7);
    CHECK_EQ_INT(script_outputs(f.script)->count, 7);
    script_fixture_close(&f);
}

struct refusal {
    const char *document, *code, *pointer, *detail;
};

TEST(script_refused, "a bad script is refused by its place, with what to do")
{
    static const struct refusal rows[] = {
        {WHOLE("\"return {\\n1,,\\n}\"", ""), "script_syntax", "/source", "line:2:"},
        {WHOLE("7", ""), "wrong_type", "/source", "list of lines"},
        {WHOLE("[7]", ""), "wrong_type", "/source", "every line"},
        {WHOLE("\"return input\"", "{\"name\":\"one\",\"input\":" INPUT ",\"output\":"
                                   "{\"yes\":true,\"n\":1,\"x\":1,\"t\":\"\",\"l\":[],\"m\":{}}}"),
         "script_test_failed", "/tests/0", "expected {\"yes\":true,\"n\":1,"},
        {WHOLE("\"error('no')\"", "{\"name\":\"one\",\"input\":" INPUT ",\"output\":" INPUT "}"),
         "script_test_failed", "/tests/0", "no"},
        {WHOLE("\"\"", "{\"name\":\"one\",\"input\":{},\"output\":{}}"), "required",
         "/tests/0/input/yes", "bool is required"},
        {WHOLE("\"\"", "{\"name\":\"one\"}"), "required", "/tests/0", "name, input and output"},
        {"[]", "wrong_type", "", "object"},
        {"{}", "required", "/name", "fallback"},
        {"{\"name\":\"a\",\"source\":\"\",\"inputs\":[{\"name\":\"1\",\"type\":\"int\"}],"
         "\"outputs\":[],\"fallback\":{},\"tests\":[]}",
         "bad_value", "/inputs/0", "letters"},
        {"{\"name\":\"a\",\"source\":\"\",\"inputs\":[{\"name\":\"a\",\"type\":\"list\"}],"
         "\"outputs\":[],\"fallback\":{},\"tests\":[]}",
         "required", "/inputs/0", "item"},
        {"{\"name\":\"a\",\"source\":\"\",\"inputs\":[{\"name\":\"a\",\"type\":\"what\"}],"
         "\"outputs\":[],\"fallback\":{},\"tests\":[]}",
         "bad_value", "/inputs/0", "object with \"type\""},
        {"{\"name\":\"a\",\"source\":\"\",\"inputs\":[{\"name\":\"a\",\"type\":\"int\",\"min\":2,"
         "\"max\":1}],\"outputs\":[],\"fallback\":{},\"tests\":[]}",
         "out_of_range", "/inputs/0", "above max"},
        {"{\"name\":\"a\",\"source\":\"\",\"inputs\":[{\"name\":\"a\",\"type\":\"int\"},"
         "{\"name\":\"a\",\"type\":\"int\"}],\"outputs\":[],\"fallback\":{},\"tests\":[]}",
         "bad_value", "/inputs/1", "twice"},
        {"{\"name\":\"a\",\"source\":\"\",\"inputs\":[{\"name\":\"a\",\"type\":\"int\",\"mix\":1}],"
         "\"outputs\":[],\"fallback\":{},\"tests\":[]}",
         "unknown_field", "/inputs/0/mix", "min, max"},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct script_fixture f;

        script_fixture_open(&f);
        CHECK_SAY(script_fixture_document(&f, rows[k].document) != OK, "row %zu is taken", k);
        CHECK_EQ_STR(f.cx.problem.code, rows[k].code);
        CHECK_EQ_STR(f.cx.problem.pointer, rows[k].pointer);
        CHECK_SAY(strstr(f.cx.problem.detail, rows[k].detail), "row %zu: %s", k,
                  f.cx.problem.detail);
        script_fixture_close(&f);
    }
}

TEST(script_bad_output, "outputs that are not as declared are a failure that names the place")
{
    static const struct {
        const char *body, *said;
    } rows[] = {
        {"return", "returned a nil"},
        {"return 5", "returned a number"},
        {"return {n = 1.5}", "/n is a number with a fraction"},
        {"return {n = '1'}", "/n is a string; a int"},
        {"return {t = 1}", "/t is a number; a text"},
        {"return {t = '\\xff'}", "/t is not UTF-8"},
        {"return {n = 1, b = 2, a = 3}", "/a is not declared"},
        {"return {1}", "members have names"},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct str said = call_body(rows[k].body, "{}");

        CHECK_SAY(strstr(said.ptr, rows[k].said), "%s: " STR_FMT, rows[k].body, STR_ARG(said));
    }
}

TEST(script_bad_list, "lists with holes, long lists and maps with numbers as keys are refused")
{
    static const char *const parts[] = {"l = {1, nil, 3}", "l = {[2] = 1}", "l = {1, 2, 3, 4}",
                                        "l = {1, x = 2}",  "m = {'a'}",     "m = {a = 1}",
                                        "x = 0 / 0",       "x = 1 / 0",     "n = 10"};
    static const char *const said[] = {
        "/l/1 is missing",    "/l/0 is missing",    "/l has 4 items",
        "/l/1 is missing",    "/m has a key",       "/m/a is a number",
        "/x is not a finite", "/x is not a finite", "/n 10 is not"};
    char body[400];

    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
        struct script_fixture f;
        struct script_answer answer;

        script_fixture_open(&f);
        CHECK_EQ_INT(script_fixture_document(&f, WHOLE("\"\"", "")), OK);
        snprintf(body, sizeof(body),
                 "local o = {yes = true, n = 1, x = 1, t = '', l = {}, m = {}} "
                 "for k, v in pairs({%s}) do o[k] = v end return o",
                 parts[k]);
        f.source.text = str_of(body);
        CHECK_EQ_INT(script_compile(&f.cx, &f.keep, &f.source, &f.script), OK);
        script_fixture_call(&f, INPUT, &answer);
        CHECK_EQ_INT(answer.failure, SCRIPT_OUTPUT);
        CHECK_SAY(strstr(answer.error.ptr, said[k]), "%s: " STR_FMT, parts[k],
                  STR_ARG(answer.error));
        script_fixture_close(&f);
    }
}

TEST(script_library, "the library does what it says")
{
    static const struct {
        const char *expression, *value;
    } rows[] = {
        {"('a,b,,c'):split(',')[4]", "c"},
        {"#('a,b,'):split(',')", "3"},
        {"('a.b.c'):replace('.', '--')", "a--b--c"},
        {"('a.b'):find('.')", "2"},
        {"('a.b'):find('x')", "nil"},
        {"('abcabc'):find('b', 3)", "5"},
        {"('abc'):find('', 10)", "nil"},
        {"('abc'):find('c', -1)", "3"},
        {"('abc'):starts_with('ab')", "true"},
        {"('abc'):ends_with('bc')", "true"},
        {"('c'):ends_with('bc')", "false"},
        {"('  a b \\n'):trim()", "a b"},
        {"('aZ9é'):upper()", "AZ9é"},
        {"('AZ9'):lower()", "az9"},
        {"('ab'):rep(3, '-')", "ab-ab-ab"},
        {"('ab'):rep(-1)", ""},
        {"('ab'):byte(-1)", "98"},
        {"('ab'):byte(3)", "nil"},
        {"('abc'):sub(2, 3) .. ('x'):len()", "bc1"},
        {"('%5.2f|%-3d|%s|%%|%x'):format(1.005, 7, nil, 255)", " 1.00|7  |nil|%|ff"},
        {"table.concat({1, 'b', 2.5}, ',')", "1,b,2.5"},
        {"table.concat({})", ""},
        {"table.unpack({1, 2}, 2)", "2"},
        {"table.pack(1, nil).n", "2"},
        {"table.concat(table.move({1, 2, 3}, 1, 3, 2), '')", "1123"},
        {"table.concat(table.move({1, 2, 3}, 2, 3, 1), '')", "233"},
        {"table.remove({1, 2, 3}, 1)", "1"},
        {"table.remove({})", "nil"},
        {"select(2, pcall(error, 'x'))", "x"},
        {"tostring(1e15) .. tostring(2^53)", "1e+159.007199254741e+15"},
        {"tonumber('0x10') + math.floor(2.7) + math.max(1, 5)", "23"},
        {"math.type(3 // 1) .. math.tointeger(3.0)", "integer3"},
    };
    char body[300];

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct script_fixture f;
        struct script_answer answer;

        script_fixture_open(&f);
        snprintf(body, sizeof(body), "return {t = tostring((%s))}", rows[k].expression);
        CHECK_SAY(script_fixture_body(&f, body) == OK, "%s", f.cx.problem.detail);
        script_fixture_call(&f, "{}", &answer);
        CHECK_SAY(answer.failure == SCRIPT_FINE, "%s: " STR_FMT, rows[k].expression,
                  STR_ARG(answer.error));
        CHECK_SAY(str_is(answer.outputs[1].text, rows[k].value), "%s is " STR_FMT,
                  rows[k].expression, STR_ARG(answer.outputs[1].text));
        script_fixture_close(&f);
    }
}

TEST(script_order, "pairs and sort keep an order that no hash decides")
{
    /* Many keys, put in by an order of their own, some of them gone again. */
    static const char body[] =
        "local t = {} for k = 40, 1, -1 do t['key' .. (k * 37) % 41] = k; t[k * 1.5] = k end "
        "t[true] = 1; t.key7 = nil "
        "local order = {} for k in pairs(t) do order[#order + 1] = tostring(k) end "
        "local s = {} for k = 1, 50 do s[k] = {k // 10, k} end "
        "table.sort(s, function(a, b) return a[1] > b[1] end) "
        "for k = 1, 50 do order[#order + 1] = s[k][2] end "
        "return {t = table.concat(order, ' ')}";
    char first[2000];
    struct str again;

    snprintf(first, sizeof(first), "%s", call_body(body, "{}").ptr);
    CHECK(strstr(first, "{\"t\":\"1.5 3 4.5 "));
    CHECK(strstr(first, " key1 key10 key11 "));
    CHECK(strstr(first, " key9 true 50 40 41 42 "));
    for (int k = 0; k < 20; k++) { /* Each in a state with a hash seed of its own. */
        again = call_body(body, "{}");
        CHECK_EQ_TEXT(again, first);
    }
}

TEST(script_isolation, "nothing of a call is left for the next, nor for another script")
{
    struct script_fixture one, two;
    struct script_answer answer;

    script_fixture_open(&one);
    script_fixture_open(&two);
    CHECK_EQ_INT(script_fixture_body(&one, "local was = seen seen = (seen or 0) + 1 "
                                           "input.n = 99 return {n = seen, t = type(was)}"),
                 OK);
    CHECK_EQ_INT(script_fixture_body(&two, "return {t = type(seen), n = input.n}"), OK);
    for (int k = 0; k < 3; k++) {
        CHECK_EQ_TEXT(script_fixture_call(&one, "{\"n\":4}", &answer), "{\"n\":1,\"t\":\"nil\"}");
        CHECK_EQ_TEXT(script_fixture_call(&two, "{\"n\":4}", &answer), "{\"n\":4,\"t\":\"nil\"}");
    }
    script_fixture_close(&one);
    script_fixture_close(&two);
}

TEST(script_many, "more scripts than a state keeps loaded take turns")
{
    enum { SCRIPTS = 40 };
    static struct script_fixture f[SCRIPTS];
    struct script_answer answer;
    char body[100], expected[40];

    for (int k = 0; k < SCRIPTS; k++) {
        script_fixture_open(&f[k]);
        snprintf(body, sizeof(body), "return {n = input.n + %d}", k);
        CHECK_EQ_INT(script_fixture_body(&f[k], body), OK);
    }
    for (int round = 0; round < 3 * SCRIPTS; round++) {
        int k = round * 7 % SCRIPTS;

        snprintf(expected, sizeof(expected), "{\"n\":%d}", k + 5);
        CHECK_EQ_TEXT(script_fixture_call(&f[k], "{\"n\":5}", &answer), expected);
    }
    for (int k = 0; k < SCRIPTS; k++)
        script_fixture_close(&f[k]);
}

/* ---- Random numbers come from the unit of work ---- */

static void count_up(struct env *env, void *out, size_t len)
{
    (void)env;
    memset(out, 0x40, len);
}

static int64_t still(struct env *env)
{
    (void)env;
    return 1;
}

TEST(script_random, "math.random draws from the unit of work alone")
{
    struct env env = {.wall_ms = still, .monotonic_us = still, .random = count_up};
    struct script_fixture f;
    struct script_answer answer;
    char first[80];

    script_fixture_open(&f);
    f.cx.env = &env;
    CHECK_EQ_INT(script_fixture_body(&f, "return {n = math.random(10) * 1000 + math.random(5, 9),"
                                         " t = tostring(math.random())}"),
                 OK);
    snprintf(first, sizeof(first), "%s", script_fixture_call(&f, "{}", &answer).ptr);
    CHECK_EQ_INT(answer.failure, SCRIPT_FINE);
    for (int k = 0; k < 5; k++)
        CHECK(memcmp(script_fixture_call(&f, "{}", &answer).ptr, first, 20) == 0);
    CHECK_EQ_INT(answer.outputs[0].integer / 1000, 0x4040404040404040 % 10 + 1);
    script_fixture_close(&f);
}

TEST(script_clock, "a call that is slow although it does little ends by the clock")
{
    static const char loop[] = "local n = 0 for k = 1, 20000 do n = n + 1 end return {n = n}";
    struct script_fixture f;
    struct script_answer answer;

    script_fixture_open(&f);
    CHECK_EQ_INT(script_fixture_body(&f, loop), OK);
    (void)script_fixture_call(&f, "{}", &answer);
    CHECK_EQ_INT(answer.failure, SCRIPT_FINE);
    f.env.step_us = SCRIPT_WALL_MS_MAX * INT64_C(100); /* A tenth of it for each look. */
    (void)script_fixture_call(&f, "{}", &answer);
    CHECK_EQ_INT(answer.failure, SCRIPT_SPENT);
    CHECK_EQ_INT(answer.outputs[1].text.len, strlen("fallback"));
    script_fixture_close(&f);
}

TEST(script_input_refused, "inputs that are not as declared are the caller's error")
{
    struct script_fixture f;
    struct script_value values[2] = {{.type = SCRIPT_TEXT, .text = STR("x")}};
    struct script_answer answer;

    script_fixture_open(&f);
    CHECK_EQ_INT(script_fixture_body(&f, "return {}"), OK);
    CHECK_EQ_INT(script_call(&f.cx, f.script, values, &answer), ERR_BAD_INPUT);
    CHECK_EQ_STR(f.cx.problem.code, "script_input");
    CHECK_EQ_STR(f.cx.problem.pointer, "/n");
    script_fixture_close(&f);
}

/* ---- Memory of the unit of work ---- */

/* Read, compile and call with so much memory; true when it was enough. */
static bool starved_run(size_t cx_bytes, size_t keep_bytes)
{
    struct script_fixture f = {.script = NULL};
    struct script_answer answer;
    jmp_buf exhausted;
    volatile bool enough = false; /* Set behind setjmp. */

    cx_open(&f.cx, env_system(), cx_bytes);
    arena_init(&f.keep, keep_bytes);
    if (setjmp(exhausted) == 0) {
        f.cx.arena.exhausted = f.keep.exhausted = &exhausted;
        CHECK_EQ_INT(script_fixture_document(&f, WHOLE("\"return input\"",
                                                       "{\"name\":\"all\",\"input\":" INPUT
                                                       ",\"output\":" INPUT "}")),
                     OK);
        CHECK_EQ_TEXT(script_fixture_call(&f, INPUT, &answer), INPUT);
        enough = true;
    }
    script_fixture_close(&f);
    return enough;
}

TEST(script_starved, "wherever memory ends, the unit of work ends and no Lua state is lost")
{
    enum { PLENTY = 8 << 20, STEP_BYTES = 48 };
    size_t starved = 0, bytes;

    /* Reading a source takes its largest size at once: start there. */
    for (bytes = SCRIPT_SOURCE_LEN_MAX; !starved_run(bytes, PLENTY); bytes += STEP_BYTES)
        starved++;
    CHECK(starved > 50);
    starved = 0;
    for (bytes = 16; !starved_run(PLENTY, bytes); bytes += STEP_BYTES)
        starved++;
    CHECK(starved > 20);
}

/* ---- Threads ---- */

enum { THREADS = 4, CALLS = 300 };

static struct script_fixture shared;

static void *call_often(void *argument)
{
    int64_t mine = (intptr_t)argument;
    struct cx cx;

    cx_open(&cx, env_system(), 1 << 20);
    for (int64_t k = 0; k < CALLS; k++) {
        struct script_value inputs[2] = {{.type = SCRIPT_INT, .integer = mine * CALLS + k}};
        struct script_answer answer;

        cx_reset(&cx);
        CHECK_EQ_INT(script_call(&cx, shared.script, inputs, &answer), OK);
        CHECK_EQ_INT(answer.failure, SCRIPT_FINE);
        CHECK_EQ_INT(answer.outputs[0].integer, (mine * CALLS + k) * 2);
    }
    cx_close(&cx);
    return NULL;
}

TEST_THREADS(script_threads, "threads share a script and never a state")
{
    pthread_t threads[THREADS];

    script_fixture_open(&shared);
    CHECK_EQ_INT(script_fixture_body(&shared, "total = 0 for k = 1, 2 do total = total + input.n "
                                              "end return {n = total}"),
                 OK);
    for (intptr_t k = 0; k < THREADS; k++)
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, call_often, (void *)k), 0);
    for (int k = 0; k < THREADS; k++)
        pthread_join(threads[k], NULL);
    script_fixture_close(&shared);
}
