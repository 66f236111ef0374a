/*
 * suite_test.c - one half of the public test suite, when it lies beside the project.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "kernel/schema/schema_fixture.h"

enum { FILE_BYTES_MAX = 4 << 20, DOCUMENTS_MAX = 500 };

#define SUITE       "../shared/suites/jsonschema"
#define REMOTES_URI "http://localhost:1234"

struct suite {
    struct schema_fixture f;
    struct schema_document documents[DOCUMENTS_MAX];
    size_t cases;
};

static struct str read_file(struct cx *cx, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *room = malloc(FILE_BYTES_MAX);
    struct str out;

    CHECK(file);
    CHECK(room);
    out = cx_copy(cx, (struct str){room, fread(room, 1, FILE_BYTES_MAX, file)});
    free(room);
    fclose(file);
    return out;
}

static void add_remotes(struct suite *s, struct str folder, struct str uri)
{
    DIR *dir = opendir(folder.ptr);
    struct dirent *entry;
    struct stat status;

    CHECK(dir);
    while ((entry = readdir(dir))) {
        struct str path = cx_printf(&s->f.cx, "%s/%s", folder.ptr, entry->d_name);
        struct str name = cx_printf(&s->f.cx, "%s/%s", uri.ptr, entry->d_name);

        if (entry->d_name[0] == '.' || stat(path.ptr, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode)) {
            add_remotes(s, path, name);
            continue;
        }
        CHECK(s->f.options.document_count < DOCUMENTS_MAX);
        s->documents[s->f.options.document_count++] =
            (struct schema_document){name, read_file(&s->f.cx, path.ptr)};
    }
    closedir(dir);
}

static void run_group(struct suite *s, struct json group)
{
    struct json text, tests, data, valid, name;
    const struct schema *schema = NULL;
    struct schema_result result;

    CHECK(json_get(group, "schema", &text));
    CHECK(json_get(group, "tests", &tests));
    CHECK(json_get(group, "description", &name));
    CHECK_SAY(schema_compile_json(&s->f.cx, &s->f.keep, text, &s->f.options, &schema) == OK,
              STR_FMT ": %s", STR_ARG(json_peek(name)), s->f.cx.problem.detail);
    for (struct json_iter it = json_iter(tests); json_next(&it); s->cases++) {
        CHECK(json_get(it.value, "data", &data));
        CHECK(json_get(it.value, "valid", &valid));
        CHECK(json_get(it.value, "description", &name));
        CHECK(schema_validate(&s->f.cx, schema, data, 0, &result) == OK);
        CHECK_SAY(result.valid == json_bool(valid), STR_FMT, STR_ARG(json_peek(name)));
        CHECK(schema_validate(&s->f.cx, schema, data, SCHEMA_ANNOTATE, &result) == OK);
        CHECK_SAY(result.valid == json_bool(valid), "annotated: " STR_FMT,
                  STR_ARG(json_peek(name)));
    }
}

static void run_folder(struct suite *s, const char *folder, bool assert_format)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct json groups;

    CHECK(dir);
    s->f.options.format_annotate = !assert_format;
    while ((entry = readdir(dir))) {
        struct str path = cx_printf(&s->f.cx, "%s/%s", folder, entry->d_name);

        if (!strstr(entry->d_name, ".json"))
            continue;
        CHECK(json_parse_exact(&s->f.cx, read_file(&s->f.cx, path.ptr), &groups) == OK);
        for (struct json_iter it = json_iter(groups); json_next(&it);)
            run_group(s, it.value);
    }
    closedir(dir);
}

TEST(schema_suite, "the public test suite, required and optional, gives what it should")
{
    static struct suite s;
    struct stat status;

    if (stat(SUITE, &status) != 0)
        test_skip(SUITE " is not there");
    schema_fixture_open(&s.f);
    s.f.options.documents = s.documents;
    add_remotes(&s, STR(SUITE "/remotes"), STR(REMOTES_URI));
    run_folder(&s, SUITE, false);
    run_folder(&s, SUITE "/optional", false);
    run_folder(&s, SUITE "/optional/format", true);
    CHECK(s.cases > 1000);
    schema_fixture_close(&s.f);
}
