/*
 * options.c - reading options, opening the platform, saying what went wrong.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "kernel/access/master.h"

void cli_problem(const struct problem *problem)
{
    fprintf(stderr, "grevy: %s (%s)\n", problem->detail, problem->code ? problem->code : "failed");
}

static const struct option_row *row_of(const struct option_row *rows, const char *word, size_t len)
{
    for (; rows->name; rows++)
        if (strlen(rows->name) == len && strncmp(rows->name, word, len) == 0)
            return rows;
    return NULL;
}

bool options_read(int argc, char **argv, const struct option_row *rows, const char **words,
                  int words_max)
{
    int count = 0;

    for (int k = 1; k < argc; k++) {
        const char *equals = strchr(argv[k], '=');
        size_t len = equals ? (size_t)(equals - argv[k]) : strlen(argv[k]);
        const struct option_row *row = row_of(rows, argv[k], len);

        if (!row && strncmp(argv[k], "--", 2) != 0 && count < words_max) {
            words[count++] = argv[k];
            continue;
        }
        if (!row) {
            fprintf(stderr, "grevy %s: what is %s?\n", argv[0], argv[k]);
            return false;
        }
        if (row->flag) {
            *row->flag = true;
        } else if (equals || k + 1 < argc) {
            *row->value = equals ? equals + 1 : argv[++k];
        } else {
            fprintf(stderr, "grevy %s: %s wants a value\n", argv[0], argv[k]);
            return false;
        }
    }
    for (; count < words_max; count++)
        words[count] = NULL;
    return true;
}

static bool instance_ok(struct str name)
{
    for (size_t k = 0; k < name.len; k++)
        if (!isalnum((unsigned char)name.ptr[k]) && name.ptr[k] != '.' && name.ptr[k] != '-')
            return false;
    return name.len > 0 && name.len <= INSTANCE_NAME_LEN_MAX;
}

bool cli_prepare(const struct cli_platform *from, struct platform_options *out)
{
    struct problem problem;

    *out = (struct platform_options){
        .data_dir = from->data, .db_url = from->db, .instance = from->instance};
    if (!from->data && !from->db) {
        fputs("grevy: say where the data is: --data DIR or --db postgresql://...\n", stderr);
        return false;
    }
    if (from->instance && !instance_ok(str_of(from->instance))) {
        fprintf(stderr, "grevy: --instance takes up to %d letters, digits, dots and dashes\n",
                INSTANCE_NAME_LEN_MAX);
        return false;
    }
    out->has_master_key =
        master_key_load(from->master_key, from->data, out->master_key, &problem) == OK;
    if (!out->has_master_key)
        cli_problem(&problem);
    return out->has_master_key;
}

bool cli_open(struct platform *platform, const struct cli_platform *from, int batch_max)
{
    struct platform_options options;
    struct problem problem;

    if (!cli_prepare(from, &options))
        return false;
    options.batch_commands_max = batch_max;
    if (platform_open(platform, &options, &problem) == OK)
        return true;
    cli_problem(&problem);
    return false;
}

bool cli_space(struct platform *platform, const char *name, struct space **out)
{
    struct problem problem;

    if (space_open(platform, str_of(name), out, &problem) == OK)
        return true;
    cli_problem(&problem);
    return false;
}
