/*
 * table.c - a decision table at the command line: checked, tried, explained.
 */
#include <setjmp.h>
#include <string.h>

#include "cli/cli.h"
#include "kernel/table/table.h"

enum {
    FILE_BYTES_MAX = 16 << 20,
    WORK_BYTES_MAX = 1 << 30, /* Of an analysis. */
    KEEP_BYTES_MAX = 64 << 20,
};

struct shown {
    struct cx *cx;
    struct arena *keep;
    const char *path, *input;
    bool trace;
};

static bool read_file(struct shown *s, struct str *out)
{
    FILE *file = fopen(s->path, "rb");
    char *text = cx_alloc(s->cx, FILE_BYTES_MAX + 1);
    size_t len = file ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;

    *out = (struct str){text, len};
    if (!file) {
        perror(s->path);
        return false;
    }
    fclose(file);
    if (len <= FILE_BYTES_MAX)
        return true;
    fprintf(stderr, "grevy: %s: longer than %d bytes\n", s->path, FILE_BYTES_MAX);
    return false;
}

static int failed(const struct shown *s)
{
    const struct problem *problem = &s->cx->problem;

    fprintf(stderr, "grevy: %s: %s%s%s\n", s->path, problem->pointer,
            problem->pointer[0] ? ": " : "", problem->detail);
    return EXIT_FAILED;
}

static bool compile(struct shown *s, const struct table **table)
{
    struct json document;
    struct str text;

    if (!read_file(s, &text))
        return false;
    if (json_parse(s->cx, text, &document) == OK &&
        table_compile(s->cx, s->keep, NULL, document, table) == OK)
        return true;
    failed(s);
    return false;
}

/* ---- run ---- */

static enum err print_trace(struct shown *s, const struct table *table,
                            const struct rule_value *values)
{
    struct list steps;

    TRY(table_trace(s->cx, table, values, NULL, &steps));
    for (size_t k = 0; k < steps.count; k++) {
        const struct table_step *step = LIST_AT(steps, struct table_step, k);
        struct str name = table_column_name(table, step->column);

        if (step->matched)
            printf("row %u matches\n", step->row + 1);
        else
            printf("row %u: " STR_FMT " is " STR_FMT ", not " STR_FMT "\n", step->row + 1,
                   STR_ARG(name), STR_ARG(step->value), STR_ARG(step->cell));
    }
    return OK;
}

static enum err decide(struct shown *s, const struct table *table)
{
    struct rule_value *values;
    struct table_answer answer;
    struct json input;
    struct str text;

    TRY(json_parse(s->cx, str_of(s->input), &input));
    TRY(table_values_read(s->cx, table, input, &values));
    if (s->trace)
        TRY(print_trace(s, table, values));
    TRY(table_eval(s->cx, table, values, NULL, &answer));
    text = table_answer_json(s->cx, table, &answer);
    printf(STR_FMT "\n", STR_ARG(text));
    return OK;
}

static int run_once(struct shown *s)
{
    const struct table *table;

    if (!compile(s, &table))
        return EXIT_FAILED;
    return decide(s, table) == OK ? EXIT_DONE : failed(s);
}

/* ---- check ---- */

static void print_finding(const struct table_finding *finding)
{
    switch (finding->kind) {
    case TABLE_GAP:
        printf("gap: no row matches " STR_FMT "\n", STR_ARG(finding->example));
        break;
    case TABLE_UNREACHABLE:
        printf("row %u is never reached: rows before it match first\n", finding->row + 1);
        break;
    default:
        printf("rows %u and %u both match " STR_FMT "%s\n", finding->row + 1, finding->other + 1,
               STR_ARG(finding->example),
               finding->kind == TABLE_SAME ? ", and say the same" : ", and say different things");
    }
}

/* 1 when there are findings: a table with defaults may well have gaps, its author decides. */
static int check(struct shown *s)
{
    struct table_analysis analysis;
    const struct table *table;

    if (!compile(s, &table))
        return EXIT_FAILED;
    table_analyse(s->cx, table, &analysis);
    for (size_t k = 0; k < analysis.findings.count; k++)
        print_finding(LIST_AT(analysis.findings, struct table_finding, k));
    printf("%zu rows, %zu findings%s\n", table_rows(table), analysis.findings.count,
           analysis.complete
               ? ""
               : "; not all was looked at: cells with expressions, or too many cases");
    return analysis.findings.count > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* ---- Lines: {"id","table","input"} -> {"id","output"} or {"id","error"} ---- */

static enum err answer_line(struct cx *cx, struct json line, struct str *output)
{
    struct json table_json, input;
    struct rule_value *values;
    struct table_answer answer;
    const struct table *table;

    if (json_type(line) != JSON_OBJECT || !json_get(line, "table", &table_json) ||
        !json_get(line, "input", &input))
        return fail(cx, ERR_BAD_INPUT, "bad_line", "a line is {\"id\",\"table\",\"input\"}");
    TRY(json_parse(cx, json_minified(cx, line), &line)); /* Of a text that this function owns. */
    (void)json_get(line, "input", &input);
    *output = json_minified(cx, input);
    (void)json_get(line, "table", &table_json);
    TRY(table_compile(cx, &cx->arena, NULL, table_json, &table));
    TRY(json_parse(cx, *output, &input));
    TRY(table_values_read(cx, table, input, &values));
    TRY(table_eval(cx, table, values, NULL, &answer));
    *output = table_answer_json(cx, table, &answer);
    return OK;
}

static struct str line_answer(struct cx *cx, struct str text)
{
    struct str id = STR("null"), output = STR("null");
    struct json line, id_json;
    struct json_out out;
    enum err err = json_parse(cx, text, &line);

    if (err == OK) {
        if (json_type(line) == JSON_OBJECT && json_get(line, "id", &id_json))
            id = json_minified(cx, id_json);
        err = answer_line(cx, line, &output);
    }
    json_open(&out, cx, 256);
    json_object(&out);
    json_key(&out, STR("id"));
    json_put_raw(&out, id);
    if (err == OK) {
        json_key(&out, STR("output"));
        json_put_raw(&out, output);
    } else {
        json_member_text(&out, "error", str_of(cx->problem.detail));
        json_member_text(&out, "pointer", str_of(cx->problem.pointer));
        fail_clear(cx);
    }
    json_object_end(&out);
    return json_done(&out);
}

/* ---- The command ---- */

static int run_command(struct shown *s, const char *what)
{
    jmp_buf exhausted;
    int status;

    if (setjmp(exhausted) != 0) {
        fprintf(stderr, "grevy: %s: needs more than %d bytes\n", s->path, WORK_BYTES_MAX);
        s->cx->arena.exhausted = s->keep->exhausted = NULL;
        return EXIT_FAILED;
    }
    s->cx->arena.exhausted = s->keep->exhausted = &exhausted;
    status = strcmp(what, "check") == 0 ? check(s) : run_once(s);
    s->cx->arena.exhausted = s->keep->exhausted = NULL;
    return status;
}

int cmd_table(int argc, char **argv)
{
    struct shown s = {.path = NULL};
    const char *words[2];
    bool json = false;
    const struct option_row rows[] = {{"--input", &s.input, NULL},
                                      {"--trace", NULL, &s.trace},
                                      {"--json", NULL, &json},
                                      {NULL, NULL, NULL}};
    struct arena keep;
    struct cx cx;
    bool runs;
    int status;

    if (!options_read(argc, argv, rows, words, 2) || !words[0])
        return usage_of("table");
    runs = strcmp(words[0], "run") == 0;
    s.path = words[1];
    if ((!runs && strcmp(words[0], "check") != 0) || json == (s.path != NULL) ||
        (runs && !json && !s.input) || (!runs && json))
        return usage_of("table");
    cx_open(&cx, env_system(), WORK_BYTES_MAX);
    arena_init(&keep, KEEP_BYTES_MAX);
    s.cx = &cx;
    s.keep = &keep;
    status = json ? cli_lines(&cx, line_answer) : run_command(&s, words[0]);
    arena_free(&keep);
    cx_close(&cx);
    return status;
}
