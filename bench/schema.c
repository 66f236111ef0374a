/*
 * schema.c - how long a document of 2 kB takes to be read and validated, as the server does it:
 * json_parse and schema_validate, from bytes, in a unit of work that is emptied after each.
 *
 * bench/schema FOLDER [SECONDS]: FOLDER has campaign.json and campaign.schema.json; prints
 * microseconds for one document.  The yardstick, bench/yardstick/ajv.mjs, does the same over both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel/schema/schema.h"

enum { ROUND = 1000, KEEP_BYTES_MAX = 4 << 20, CX_BYTES_MAX = 4 << 20, FILE_BYTES_MAX = 64 << 10 };

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct str read_file(struct arena *keep, const char *folder, const char *name)
{
    char path[1024], *text = arena_alloc(keep, FILE_BYTES_MAX);
    struct str out = {text, 0};
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    out.len = fread(text, 1, FILE_BYTES_MAX, file);
    fclose(file);
    return out;
}

static void validate(struct cx *cx, const struct schema *schema, struct str document)
{
    struct schema_result result;
    struct json instance;

    if (json_parse(cx, document, &instance) != OK ||
        schema_validate(cx, schema, instance, 0, &result) != OK || !result.valid) {
        fprintf(stderr, "bench/schema: the document is not valid\n");
        exit(EXIT_FAILURE);
    }
    cx_reset(cx);
}

int main(int argc, char **argv)
{
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 1, begin;
    const struct schema *schema;
    int64_t done = 0;
    struct str document;
    struct arena keep;
    struct cx cx;

    if (argc < 2) {
        fprintf(stderr, "usage: schema FOLDER [SECONDS]\n");
        return EXIT_FAILURE;
    }
    cx_open(&cx, env_system(), CX_BYTES_MAX);
    arena_init(&keep, KEEP_BYTES_MAX);
    document = read_file(&keep, argv[1], "campaign.json");
    if (schema_compile(&cx, &keep, read_file(&keep, argv[1], "campaign.schema.json"), NULL,
                       &schema) != OK) {
        fprintf(stderr, "bench/schema: %s\n", cx.problem.detail);
        return EXIT_FAILURE;
    }
    begin = now_s();
    do {
        for (int k = 0; k < ROUND; k++)
            validate(&cx, schema, document);
        done += ROUND;
    } while (now_s() - begin < seconds);
    printf("%.3f\n", (now_s() - begin) / (double)done * 1e6);
    arena_free(&keep);
    cx_close(&cx);
    return EXIT_SUCCESS;
}
