/*
 * flag.c - grevy flag eval --json: the calls of other platforms' SDKs, a row for each.
 */
#include "cli/flag.h"

#include <string.h>

#include "cli/cli.h"
#include "kernel/rule/bucket.h"
#include "kernel/rule/condition.h"
#include "kernel/rule/json_value.h"

enum { LINE_CX_BYTES_MAX = 64 << 20, ARGS_MAX = 8 };

struct call {
    struct cx *cx;
    struct json args[ARGS_MAX]; /* doc NULL: not given. */
    struct json_out *out;       /* Where the result goes. */
};

/* ---- GrowthBook ---- */

/* [condition, attributes, groups?] */
static enum err eval_condition(struct call *call)
{
    struct rule_value attributes = rule_of_json(call->cx, call->args[1]);
    const struct json *groups = call->args[2].doc ? &call->args[2] : NULL;
    const struct rule *rule;

    TRY(condition_compile(call->cx, &call->cx->arena, call->args[0], groups, CONDITION_AS_SDK,
                          &rule));
    json_put_bool(call->out, condition_test(call->cx, rule, attributes));
    return OK;
}

static bool is_number(struct json v)
{
    enum json_type type = json_type(v);

    return type == JSON_INT || type == JSON_UINT || type == JSON_DOUBLE;
}

static enum err bad_args(struct call *call, const char *wanted)
{
    return fail(call->cx, ERR_BAD_INPUT, "bad_args", "args are %s", wanted);
}

/* [seed, value, version] */
static enum err hash(struct call *call)
{
    double n;

    if (json_type(call->args[0]) != JSON_TEXT || json_type(call->args[1]) != JSON_TEXT ||
        json_type(call->args[2]) != JSON_INT)
        return bad_args(call, "[text, text, version]");
    if (bucket_hash(json_text(call->cx, call->args[0]), json_text(call->cx, call->args[1]),
                    json_int(call->args[2]), &n))
        json_put_double(call->out, n);
    else
        json_put_null(call->out);
    return OK;
}

static bool read_numbers(struct call *call, struct json list, double **out)
{
    size_t count = 0;

    if (json_type(list) != JSON_LIST)
        return false;
    *out = CX_ARRAY(call->cx, double, json_count(list) + 1);
    for (struct json_iter it = json_iter(list); json_next(&it); count++) {
        if (!is_number(it.value))
            return false;
        (*out)[count] = json_double(it.value);
    }
    return true;
}

/* [[variations, coverage, weights | null]] */
static enum err get_bucket_range(struct call *call)
{
    struct json part[3] = {{0}};
    struct bucket_range ranges[BUCKET_VARIATIONS_MAX];
    double *weights = NULL, coverage = 1;
    size_t given = 0, count;

    if (json_type(call->args[0]) == JSON_LIST)
        for (struct json_iter it = json_iter(call->args[0]); given < 3 && json_next(&it);)
            part[given++] = it.value;
    if (given < 1 || json_type(part[0]) != JSON_INT || json_int(part[0]) < 0 ||
        json_int(part[0]) > BUCKET_VARIATIONS_MAX)
        return bad_args(call, "[[variations up to 1000, coverage, weights]]");
    count = (size_t)json_int(part[0]);
    if (given > 1 && is_number(part[1]))
        coverage = json_double(part[1]);
    if (given > 2 && (!read_numbers(call, part[2], &weights) || json_count(part[2]) != count))
        weights = NULL;
    bucket_ranges(ranges, count, coverage, weights);
    json_list(call->out);
    for (size_t k = 0; k < count; k++) {
        json_list(call->out);
        json_put_double(call->out, ranges[k].begin);
        json_put_double(call->out, ranges[k].end);
        json_list_end(call->out);
    }
    json_list_end(call->out);
    return OK;
}

/* [n, [[begin, end] ...]] */
static enum err choose_variation(struct call *call)
{
    struct bucket_range *ranges;
    size_t count = 0;
    double *ends;

    if (!is_number(call->args[0]) || json_type(call->args[1]) != JSON_LIST)
        return bad_args(call, "[number, [[begin, end], ...]]");
    ranges = CX_ARRAY(call->cx, struct bucket_range, json_count(call->args[1]) + 1);
    for (struct json_iter it = json_iter(call->args[1]); json_next(&it); count++) {
        if (!read_numbers(call, it.value, &ends) || json_count(it.value) != 2)
            return bad_args(call, "[number, [[begin, end], ...]]");
        ranges[count] = (struct bucket_range){ends[0], ends[1]};
    }
    json_put_int(call->out, bucket_choose(json_double(call->args[0]), ranges, count));
    return OK;
}

/* [value, [namespace, begin, end]] */
static enum err in_namespace(struct call *call)
{
    struct json part[3] = {{0}};
    size_t given = 0;

    if (json_type(call->args[1]) == JSON_LIST)
        for (struct json_iter it = json_iter(call->args[1]); given < 3 && json_next(&it);)
            part[given++] = it.value;
    if (json_type(call->args[0]) != JSON_TEXT || given < 3 || json_type(part[0]) != JSON_TEXT ||
        !is_number(part[1]) || !is_number(part[2]))
        return bad_args(call, "[text, [namespace, begin, end]]");
    json_put_bool(call->out,
                  bucket_in_namespace(
                      call->cx, json_text(call->cx, call->args[0]), json_text(call->cx, part[0]),
                      (struct bucket_range){json_double(part[1]), json_double(part[2])}));
    return OK;
}

/* [variations] */
static enum err get_equal_weights(struct call *call)
{
    int64_t count;

    if (json_type(call->args[0]) != JSON_INT || json_int(call->args[0]) > BUCKET_VARIATIONS_MAX)
        return bad_args(call, "[variations up to 1000]");
    count = json_int(call->args[0]);
    json_list(call->out);
    for (int64_t k = 0; k < count; k++)
        json_put_double(call->out, 1 / (double)count);
    json_list_end(call->out);
    return OK;
}

/* The digits a text begins with, as parseInt takes them; -1: none, or more than an int. */
static int64_t leading_number(struct str text)
{
    struct str digits = {text.ptr, 0};
    int64_t n;

    while (digits.len < text.len && text.ptr[digits.len] >= '0' && text.ptr[digits.len] <= '9')
        digits.len++;
    return str_int(digits, &n) ? n : -1;
}

/* [experiment, url, variations]: "?my-test=1" forces a variation. */
static enum err get_query_string_override(struct call *call)
{
    struct str key, url, rest, part, name;
    int64_t n = -1;

    if (json_type(call->args[0]) != JSON_TEXT || json_type(call->args[1]) != JSON_TEXT ||
        json_type(call->args[2]) != JSON_INT)
        return bad_args(call, "[experiment, url, variations]");
    key = json_text(call->cx, call->args[0]);
    url = json_text(call->cx, call->args[1]);
    (void)str_cut(&url, '?', &part);
    rest = (struct str){NULL, 0};
    (void)str_cut(&url, '?', &rest); /* Up to a second one. */
    url = rest;
    (void)str_cut(&url, '#', &rest);
    while (str_cut(&rest, '&', &part)) {
        struct str value = part;

        if (!str_cut(&value, '=', &name) || !str_eq(name, key))
            continue;
        n = leading_number(value);
        break;
    }
    if (n >= 0 && n < json_int(call->args[2]))
        json_put_int(call->out, n);
    else
        json_put_null(call->out);
    return OK;
}

static const struct {
    const char *dialect, *name;
    size_t args_min;
    enum err (*run)(struct call *call);
} calls[] = {
    {"growthbook", "evalCondition", 2, eval_condition},
    {"growthbook", "hash", 3, hash},
    {"growthbook", "getBucketRange", 1, get_bucket_range},
    {"growthbook", "chooseVariation", 2, choose_variation},
    {"growthbook", "inNamespace", 2, in_namespace},
    {"growthbook", "getQueryStringOverride", 3, get_query_string_override},
    {"growthbook", "getEqualWeights", 1, get_equal_weights},
};

/* ---- Lines ---- */

static bool text_is(struct json object, const char *name, const char *wanted)
{
    struct json v;

    return json_get(object, name, &v) && json_type(v) == JSON_TEXT && str_is(json_peek(v), wanted);
}

static size_t read_args(struct call *call, struct json line)
{
    struct json list;
    size_t count = 0;

    if (!json_get(line, "args", &list) || json_type(list) != JSON_LIST)
        return 0;
    for (struct json_iter it = json_iter(list); count < ARGS_MAX && json_next(&it);)
        call->args[count++] = it.value;
    return count;
}

static enum err run(struct call *call, struct json line)
{
    size_t count = read_args(call, line);

    for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
        if (!text_is(line, "dialect", calls[k].dialect) || !text_is(line, "call", calls[k].name))
            continue;
        if (count < calls[k].args_min)
            return fail(call->cx, ERR_BAD_INPUT, "bad_args", "%s wants %zu args", calls[k].name,
                        calls[k].args_min);
        return calls[k].run(call);
    }
    return fail(call->cx, ERR_BAD_INPUT, "no_such_call",
                "dialect and call name one that there is: growthbook evalCondition, hash ...");
}

static struct str error_line(struct cx *cx, struct str id)
{
    struct json_out out;

    json_open(&out, cx, PROBLEM_DETAIL_LEN_MAX);
    json_object(&out);
    json_key(&out, STR("id"));
    json_put_raw(&out, id);
    json_member_text(&out, "error", str_of(cx->problem.detail));
    json_object_end(&out);
    fail_clear(cx);
    return json_done(&out);
}

struct str flag_answer(struct cx *cx, struct str text)
{
    struct json line, id_json;
    struct json_out out;
    struct call call = {.cx = cx, .out = &out};
    struct str id = STR("null");

    if (json_parse(cx, text, &line) != OK)
        return error_line(cx, id);
    if (json_type(line) == JSON_OBJECT && json_get(line, "id", &id_json))
        id = json_minified(cx, id_json);
    json_open(&out, cx, 64);
    json_object(&out);
    json_key(&out, STR("id"));
    json_put_raw(&out, id);
    json_key(&out, STR("result"));
    if (json_type(line) != JSON_OBJECT) {
        (void)fail(cx, ERR_BAD_INPUT, "bad_line",
                   "a line is an object: {\"id\",\"dialect\",\"call\","
                   "\"args\"}");
        return error_line(cx, id);
    }
    if (run(&call, line) != OK)
        return error_line(cx, id);
    json_object_end(&out);
    return json_done(&out);
}

int cmd_flag(int argc, char **argv)
{
    const char *words[2];
    bool json = false;
    const struct option_row rows[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
    struct cx cx;
    int status;

    if (!options_read(argc, argv, rows, words, 2) || !words[0] || strcmp(words[0], "eval") != 0 ||
        words[1] || !json)
        return usage_of("flag");
    cx_open(&cx, env_system(), LINE_CX_BYTES_MAX);
    status = cli_lines(&cx, flag_answer);
    cx_close(&cx);
    return status;
}
