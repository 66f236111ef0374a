/*
 * schema.c - grevy schema: a document against a schema, and files of test cases.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "kernel/schema/schema.h"

enum {
    FILE_BYTES_MAX = 4 << 20,   /* Of one file. */
    WORK_BYTES_MAX = 512 << 20, /* For all of a command, or one case of a file. */
    DOCUMENTS_MAX = 1000,       /* Of --remotes. */
    REMOTES_DEPTH_MAX = 8,      /* Folders in folders. */
    EXIT_BAD_SCHEMA = EXIT_USAGE,
};

/* Where the documents of --remotes are, as the public test suite has it. */
#define REMOTES_URI "http://localhost:1234"

struct session {
    struct cx *cx;
    struct schema_options options;
    struct schema_document documents[DOCUMENTS_MAX];
    bool annotations;
};

/* ---- Files ---- */

static bool read_file(struct cx *cx, const char *path, struct str *out)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    char *text;

    if (!file || fstat(fileno(file), &status) != 0) {
        perror(path);
        if (file)
            fclose(file);
        return false;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX) {
        fprintf(stderr, "%s: no file of at most %d bytes\n", path, FILE_BYTES_MAX);
        fclose(file);
        return false;
    }
    text = cx_alloc(cx, (size_t)status.st_size + 1);
    *out = (struct str){text, fread(text, 1, (size_t)status.st_size, file)};
    fclose(file);
    return true;
}

static bool add_document(struct session *t, const char *path, const char *uri)
{
    struct schema_document *document = &t->documents[t->options.document_count];
    struct str text;

    if (t->options.document_count == DOCUMENTS_MAX) {
        fprintf(stderr, "%s: more than %d documents\n", path, DOCUMENTS_MAX);
        return false;
    }
    if (!read_file(t->cx, path, &text))
        return false;
    *document = (struct schema_document){cx_printf(t->cx, "%s", uri), text};
    t->options.document_count++;
    return true;
}

/* Every .json of a folder and the folders in it. */
static bool add_folder(struct session *t, const char *folder, const char *uri, int depth)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct stat status;
    bool good = true;

    if (!dir) {
        perror(folder);
        return false;
    }
    while (good && (entry = readdir(dir))) {
        const char *path = cx_printf(t->cx, "%s/%s", folder, entry->d_name).ptr;
        const char *name = cx_printf(t->cx, "%s/%s", uri, entry->d_name).ptr;
        size_t len = strlen(entry->d_name);

        if (entry->d_name[0] == '.' || stat(path, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode) && depth < REMOTES_DEPTH_MAX)
            good = add_folder(t, path, name, depth + 1);
        else if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0)
            good = add_document(t, path, name);
    }
    closedir(dir);
    return good;
}

/* ---- validate ---- */

static void print_result(const struct schema_result *result)
{
    for (size_t k = 0; k < result->annotation_count; k++) {
        const struct schema_annotation *each = &result->annotations[k];

        printf("#" STR_FMT " " STR_FMT " " STR_FMT "\n", STR_ARG(each->instance),
               STR_ARG(each->schema), STR_ARG(each->value));
    }
    if (result->valid)
        puts("valid");
    for (size_t k = 0; k < result->error_count; k++) {
        const struct schema_error *each = &result->errors[k];

        printf("#" STR_FMT ": " STR_FMT "\n    #" STR_FMT " (" STR_FMT ")\n",
               STR_ARG(each->instance), STR_ARG(each->say), STR_ARG(each->schema),
               STR_ARG(each->absolute));
    }
}

static int failed(const struct cx *cx, const char *path, int status)
{
    fprintf(stderr, "%s: ", path);
    cli_problem(&cx->problem);
    return status;
}

static int validate(struct session *t, const char *schema_path, const char *instance_path)
{
    unsigned flags = t->annotations ? SCHEMA_ANNOTATE : 0;
    const struct schema *schema;
    struct schema_result result;
    struct json instance;
    struct str text;

    if (!read_file(t->cx, schema_path, &text))
        return EXIT_BAD_SCHEMA;
    if (schema_compile(t->cx, &t->cx->arena, text, &t->options, &schema) != OK)
        return failed(t->cx, schema_path, EXIT_BAD_SCHEMA);
    if (!read_file(t->cx, instance_path, &text))
        return EXIT_FAILED;
    if (json_parse_exact(t->cx, text, &instance) != OK ||
        schema_validate(t->cx, schema, instance, flags, &result) != OK)
        return failed(t->cx, instance_path, EXIT_FAILED);
    print_result(&result);
    return result.valid ? EXIT_DONE : EXIT_FAILED;
}

/* ---- suite ---- */

struct score {
    size_t passed, failed;
};

static struct str member_text(struct json object, const char *name)
{
    struct json v;

    return json_get(object, name, &v) && json_type(v) == JSON_TEXT ? json_peek(v) : STR("?");
}

static void print_failure(struct str group, struct str test, const char *what)
{
    printf("not ok: " STR_FMT ": " STR_FMT ": %s\n", STR_ARG(group), STR_ARG(test), what);
}

static bool run_test(struct session *t, const struct schema *schema, struct json group,
                     struct json test)
{
    struct str of = member_text(group, "description"), name = member_text(test, "description");
    struct schema_result result, noted;
    struct json data, valid;

    if (!json_get(test, "data", &data) || !json_get(test, "valid", &valid) ||
        json_type(valid) != JSON_BOOL) {
        print_failure(of, name, "a test has data and valid");
        return false;
    }
    if (schema_validate(t->cx, schema, data, 0, &result) != OK ||
        schema_validate(t->cx, schema, data, SCHEMA_ANNOTATE | SCHEMA_VERDICT, &noted) != OK) {
        print_failure(of, name, t->cx->problem.detail);
        return false;
    }
    if (result.valid == json_bool(valid) && noted.valid == result.valid)
        return true;
    print_failure(of, name, result.valid ? "valid, but should not be" : "should be valid");
    return false;
}

static void run_tests(struct session *t, struct json group, const struct schema *schema,
                      struct score *score)
{
    struct json tests;

    if (!json_get(group, "tests", &tests) || json_type(tests) != JSON_LIST)
        return;
    for (struct json_iter it = json_iter(tests); json_next(&it);) {
        bool good = false;

        if (schema)
            good = run_test(t, schema, group, it.value);
        else
            print_failure(member_text(group, "description"), member_text(it.value, "description"),
                          t->cx->problem.detail);
        score->passed += good;
        score->failed += !good;
        if (schema)
            fail_clear(t->cx);
    }
}

static void run_group(struct session *t, struct json group, struct score *score)
{
    const struct schema *schema = NULL;
    struct json json;

    if (json_type(group) != JSON_OBJECT || !json_get(group, "schema", &json)) {
        print_failure(STR("?"), STR("?"), "a group has schema and tests");
        score->failed++;
        return;
    }
    if (schema_compile_json(t->cx, &t->cx->arena, json, &t->options, &schema) != OK)
        schema = NULL;
    run_tests(t, group, schema, score);
    fail_clear(t->cx);
}

static int suite(struct session *t, const char *path)
{
    struct score score = {0};
    struct json groups;
    struct str text;

    if (!read_file(t->cx, path, &text))
        return EXIT_FAILED;
    if (json_parse_exact(t->cx, text, &groups) != OK)
        return failed(t->cx, path, EXIT_FAILED);
    if (json_type(groups) != JSON_LIST) {
        fprintf(stderr, "%s: a suite is a list of groups\n", path);
        return EXIT_FAILED;
    }
    for (struct json_iter it = json_iter(groups); json_next(&it);)
        run_group(t, it.value, &score);
    printf("%zu passed, %zu failed\n", score.passed, score.failed);
    return score.failed == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* ---- The command ---- */

static int run(struct session *t, const char *const *words, const char *remotes)
{
    jmp_buf exhausted;
    int status = EXIT_FAILED;

    if (setjmp(exhausted) != 0) {
        t->cx->arena.exhausted = NULL;
        fprintf(stderr, "grevy schema: this needs more than %d MiB\n", WORK_BYTES_MAX >> 20);
        return EXIT_FAILED;
    }
    t->cx->arena.exhausted = &exhausted;
    t->options.documents = t->documents;
    if (!remotes || add_folder(t, remotes, REMOTES_URI, 0))
        status = words[2] ? validate(t, words[1], words[2]) : suite(t, words[1]);
    t->cx->arena.exhausted = NULL;
    return status;
}

int cmd_schema(int argc, char **argv)
{
    const char *words[4], *remotes = NULL, *format = "assert";
    bool annotations = false, is_validate, is_suite;
    const struct option_row rows[] = {{"--remotes", &remotes, NULL},
                                      {"--format", &format, NULL},
                                      {"--annotations", NULL, &annotations},
                                      {NULL, NULL, NULL}};
    struct session *t;
    struct cx cx;
    int status;

    if (!options_read(argc, argv, rows, words, 4) || !words[0] || !words[1])
        return usage_of("schema");
    is_validate = strcmp(words[0], "validate") == 0 && words[2];
    is_suite = strcmp(words[0], "suite") == 0 && !words[2];
    if ((!is_validate && !is_suite) ||
        (strcmp(format, "assert") != 0 && strcmp(format, "annotate") != 0))
        return usage_of("schema");
    cx_open(&cx, env_system(), WORK_BYTES_MAX);
    t = CX_NEW(&cx, struct session);
    t->cx = &cx;
    t->annotations = annotations;
    t->options.format_annotate = strcmp(format, "annotate") == 0;
    status = run(t, words, remotes);
    cx_close(&cx);
    return status;
}
