/*
 * script.c - a strategy at the command line: its tests, and a call by hand.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "kernel/script/script.h"

enum {
    FILE_BYTES_MAX = 1 << 20, /* Source, declarations and tests of one script. */
    WORK_BYTES_MAX = 64 << 20 /* For all tests of a file together. */
};

/* Whole file in cx; false: said why. */
static bool read_file(struct cx *cx, const char *path, struct str *out)
{
    FILE *file = fopen(path, "rb");
    char *text;
    size_t len;

    if (!file) {
        perror(path);
        return false;
    }
    text = cx_alloc(cx, FILE_BYTES_MAX + 1);
    len = fread(text, 1, FILE_BYTES_MAX + 1, file);
    fclose(file);
    *out = (struct str){text, len};
    if (len <= FILE_BYTES_MAX)
        return true;
    fprintf(stderr, "%s: longer than %d bytes\n", path, FILE_BYTES_MAX);
    return false;
}

static int failed(const struct cx *cx, const char *path)
{
    fprintf(stderr, "%s: ", path);
    cli_problem(&cx->problem);
    return EXIT_FAILED;
}

static bool compile(struct cx *cx, const char *path, struct script_source *source,
                    const struct script **script)
{
    struct json document;
    struct str text;

    if (!read_file(cx, path, &text))
        return false;
    if (json_parse(cx, text, &document) == OK && script_source_read(cx, document, source) == OK &&
        script_compile_untested(cx, &cx->arena, source, script) == OK)
        return true;
    failed(cx, path);
    return false;
}

/* One line each; the file fails when one does, or when there is none. */
static int run_tests(struct cx *cx, const char *path)
{
    struct script_source source;
    const struct script *script;
    size_t good = 0;
    struct str why;

    if (!compile(cx, path, &source, &script))
        return EXIT_FAILED;
    for (size_t k = 0; k < source.test_count; k++) {
        struct str name = source.tests[k].name;

        if (script_test_run(cx, script, &source.tests[k], &why)) {
            printf("ok " STR_FMT "\n", STR_ARG(name));
            good++;
        } else {
            printf("not ok " STR_FMT ": " STR_FMT "\n", STR_ARG(name), STR_ARG(why));
        }
    }
    if (source.test_count == 0)
        fprintf(stderr, "%s: no tests: store at least one beside the script\n", path);
    return good == source.test_count && good > 0 ? EXIT_DONE : EXIT_FAILED;
}

static int run_once(struct cx *cx, const char *path, const char *input)
{
    struct script_value *values;
    struct script_source source;
    struct script_answer answer;
    const struct script *script;
    struct str output;
    struct json json;

    if (!compile(cx, path, &source, &script))
        return EXIT_FAILED;
    if (json_parse(cx, str_of(input), &json) != OK ||
        script_values_read(cx, &source.inputs, json, "", &values) != OK ||
        script_call(cx, script, values, &answer) != OK)
        return failed(cx, "--input");
    output = script_values_json(cx, &source.outputs, answer.outputs);
    printf(STR_FMT "\n", STR_ARG(output));
    if (answer.failure == SCRIPT_FINE)
        return EXIT_DONE;
    fprintf(stderr, "%s: this is the fallback: " STR_FMT "\n", path, STR_ARG(answer.error));
    return EXIT_FAILED;
}

static int run_command(struct cx *cx, const char *const *words, const char *input)
{
    jmp_buf exhausted;
    int status;

    if (setjmp(exhausted) != 0) {
        fprintf(stderr, "%s: needs more than %d bytes\n", words[1], WORK_BYTES_MAX);
        cx->arena.exhausted = NULL;
        return EXIT_FAILED;
    }
    cx->arena.exhausted = &exhausted;
    status =
        strcmp(words[0], "test") == 0 ? run_tests(cx, words[1]) : run_once(cx, words[1], input);
    cx->arena.exhausted = NULL;
    return status;
}

int cmd_script(int argc, char **argv)
{
    const char *words[2], *input = NULL;
    const struct option_row rows[] = {{"--input", &input, NULL}, {NULL, NULL, NULL}};
    struct cx cx;
    int status;

    if (!options_read(argc, argv, rows, words, 2) || !words[1] ||
        (strcmp(words[0], "test") != 0 && (strcmp(words[0], "run") != 0 || !input)))
        return usage_of("script");
    cx_open(&cx, env_system(), WORK_BYTES_MAX);
    cx.now_ms = cx.env->wall_ms(cx.env);
    status = run_command(&cx, words, input);
    cx_close(&cx);
    script_pool_drain();
    return status;
}
