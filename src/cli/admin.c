/*
 * admin.c - commands on the data itself: spaces, the audit log, persons; and what the binary is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "kernel/access/audit.h"
#include "kernel/access/key.h"
#include "kernel/access/person.h"
#include "kernel/base/version.h"
#include "kernel/count/save.h"
#include "kernel/http/router.h"

/* ---- space ---- */

static enum err new_space_key(struct cx *cx, void *argument)
{
    struct str token, *out = argument;

    TRY(access_first_admin(cx, (struct str){0}, &token));
    if (token.ptr)
        *out = (struct str){strndup(token.ptr, token.len), token.len};
    return OK;
}

static int space_make(struct platform *platform, const char *name)
{
    struct problem problem;
    struct space *space;
    struct str token = {0};
    enum err err = space_create(platform, str_of(name), &problem);

    if (err == OK)
        err = space_open(platform, str_of(name), &space, &problem);
    if (err == OK)
        err = space_command(space, new_space_key, &token, &problem);
    if (err != OK) {
        cli_problem(&problem);
        return EXIT_FAILED;
    }
    printf("space %s is ready; its admin key (shown once):\n%s\n", name,
           token.ptr ? token.ptr : "");
    free((char *)token.ptr);
    return EXIT_DONE;
}

static int space_names(struct platform *platform)
{
    struct list names;
    struct cx cx;

    cx_open(&cx, platform->env, CX_BYTES_MAX);
    if (space_list(platform, &cx, &names) != OK) {
        cli_problem(&cx.problem);
        cx_close(&cx);
        return EXIT_FAILED;
    }
    for (size_t k = 0; k < names.count; k++)
        printf(STR_FMT "\n", STR_ARG(*LIST_AT(names, struct str, k)));
    cx_close(&cx);
    return EXIT_DONE;
}

static enum err set_zone(struct cx *cx, void *argument)
{
    return space_zone_set(cx, str_of(argument));
}

static int space_zone(struct platform *platform, const char *name, const char *zone)
{
    struct problem problem;
    struct space *space;

    if (!cli_space(platform, name, &space))
        return EXIT_FAILED;
    if (space_command(space, set_zone, (void *)(uintptr_t)zone, &problem) != OK) {
        cli_problem(&problem);
        return EXIT_FAILED;
    }
    printf("space %s goes by the time of %s, from its next start on\n", name, zone);
    return EXIT_DONE;
}

/* How many words a command is made of; 0: there is no such. */
static int words_of(const char *command)
{
    return strcmp(command, "list") == 0     ? 1
           : strcmp(command, "create") == 0 ? 2
           : strcmp(command, "zone") == 0   ? 3
                                            : 0;
}

int cmd_space(int argc, char **argv)
{
    struct cli_platform options = {0};
    const struct option_row rows[] = {CLI_PLATFORM_OPTIONS(options), {NULL, NULL, NULL}};
    struct platform platform;
    const char *words[3];
    int status, count = 0;

    if (!options_read(argc, argv, rows, words, 3))
        return usage_of(argv[0]);
    while (count < 3 && words[count])
        count++;
    if (count == 0 || words_of(words[0]) != count)
        return usage_of(argv[0]);
    if (!cli_open(&platform, &options, 0))
        return EXIT_FAILED;
    if (count == 1)
        status = space_names(&platform);
    else if (count == 2)
        status = space_make(&platform, words[1]);
    else
        status = space_zone(&platform, words[1], words[2]);
    platform_close(&platform);
    return status;
}

/* ---- audit ---- */

struct verification {
    const char *space;
    bool ok;
};

static enum err verify(struct cx *cx, void *argument)
{
    struct verification *verification = argument;
    struct audit_report report;

    TRY(audit_verify(cx, NULL, &report));
    verification->ok = report.ok;
    if (report.ok)
        printf("audit log of %s: %" PRId64 " rows, all right; head " STR_FMT "\n",
               verification->space, report.rows, STR_ARG(report.head.hash));
    else
        printf("audit log of %s: wrong at row %" PRId64 ": %s\n", verification->space,
               report.bad_seq, report.finding);
    return OK;
}

int cmd_audit(int argc, char **argv)
{
    struct cli_platform options = {0};
    const char *name = SPACE_DEFAULT, *words[2];
    const struct option_row rows[] = {
        CLI_PLATFORM_OPTIONS(options), {"--space", &name, NULL}, {NULL, NULL, NULL}};
    struct verification verification = {0};
    struct platform platform;
    struct problem problem;
    struct space *space;

    if (!options_read(argc, argv, rows, words, 2) || !words[0] || strcmp(words[0], "verify") != 0)
        return usage_of(argv[0]);
    if (!cli_open(&platform, &options, 0))
        return EXIT_FAILED;
    verification.space = name;
    if (cli_space(&platform, name, &space) &&
        space_read(space, verify, &verification, &problem) != OK)
        cli_problem(&problem);
    platform_close(&platform);
    return verification.ok ? EXIT_DONE : EXIT_FAILED;
}

/* ---- person ---- */

static enum err export_one(struct cx *cx, void *argument)
{
    struct json_out out;
    struct str json;

    json_open(&out, cx, 4096);
    TRY(person_export(cx, str_of(argument), &out));
    json = json_done(&out);
    printf(STR_FMT "\n", STR_ARG(json));
    return OK;
}

static enum err erase_one(struct cx *cx, void *argument)
{
    struct person_erased erased;

    return person_erase(cx, str_of(argument), &erased);
}

int cmd_person(int argc, char **argv)
{
    struct cli_platform options = {0};
    const char *name = SPACE_DEFAULT, *words[3];
    const struct option_row rows[] = {
        CLI_PLATFORM_OPTIONS(options), {"--space", &name, NULL}, {NULL, NULL, NULL}};
    struct platform platform;
    struct problem problem;
    struct space *space;
    bool erase;
    enum err err = ERR_NOT_FOUND;

    if (!options_read(argc, argv, rows, words, 3) || !words[0] || !words[1])
        return usage_of(argv[0]);
    erase = strcmp(words[0], "erase") == 0;
    if (!erase && strcmp(words[0], "export") != 0)
        return usage_of(argv[0]);
    if (!cli_open(&platform, &options, 0))
        return EXIT_FAILED;
    if (cli_space(&platform, name, &space)) {
        err = erase ? space_command(space, erase_one, (void *)(uintptr_t)words[1], &problem)
                    : space_read(space, export_one, (void *)(uintptr_t)words[1], &problem);
        if (err != OK)
            cli_problem(&problem);
        else if (erase)
            printf("erased %s\n", words[1]);
    }
    platform_close(&platform);
    return err == OK ? EXIT_DONE : EXIT_FAILED;
}

/* ---- openapi, version ---- */

int cmd_openapi(int argc, char **argv)
{
    const struct module **all = modules_with_kernel(modules_all);
    struct problem problem;
    struct router *router;
    struct str document;
    struct cx cx;

    (void)argc;
    (void)argv;
    router = router_make(all, &problem);
    if (!router) {
        free((void *)all);
        cli_problem(&problem);
        return EXIT_FAILED;
    }
    cx_open(&cx, env_system(), CX_BYTES_MAX);
    document = openapi_document(&cx, router);
    printf(STR_FMT "\n", STR_ARG(document));
    cx_close(&cx);
    router_free(router);
    free((void *)all);
    return EXIT_DONE;
}

int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("grevy " GREVY_VERSION);
    return EXIT_DONE;
}
