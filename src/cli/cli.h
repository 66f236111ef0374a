/*
 * cli.h - the commands of the binary: one function and one row each.
 *
 * Invariants: a command returns the exit status: 0 done, 1 failed (the reason is on standard error,
 * with what to do next), 2 wrong usage.
 */
#ifndef GREVY_CLI_H
#define GREVY_CLI_H

#include <stdio.h>

#include "kernel/access/access.h"
#include "kernel/work/space.h"

struct command {
    const char *name, *usage, *doc;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name. */
};
extern const struct command commands[];

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- Options: --name VALUE, --name=VALUE or --flag, in any order ---- */

struct option_row {
    const char *name; /* "--data" */
    const char **value;
    bool *flag; /* Either of the two. */
};
/** Fill what rows name; other words are collected in words (at most words_max, NULL-terminated).
 *  Returns false, and says why, on an unknown or incomplete option. */
bool options_read(int argc, char **argv, const struct option_row *rows, const char **words,
                  int words_max);
int usage_of(const char *name);
int commands_help(FILE *to);

/* ---- The platform as most commands want it ---- */

struct cli_platform {
    const char *data, *db, *master_key;
    const char *instance; /* Name of this process; NULL: none. */
};
#define CLI_PLATFORM_OPTIONS(platform_)                                                            \
    {"--data", &(platform_).data, NULL}, {"--db", &(platform_).db, NULL},                          \
    {                                                                                              \
        "--master-key", &(platform_).master_key, NULL                                              \
    }

/** What platform_open wants: where the data is, and the master key.  False: said why. */
bool cli_prepare(const struct cli_platform *from, struct platform_options *out);
/** Prepare and open the platform; on failure says why and returns false. */
bool cli_open(struct platform *platform, const struct cli_platform *options, int batch_max);
bool cli_space(struct platform *platform, const char *name, struct space **out);
void cli_problem(const struct problem *problem);

/** Answer each line of standard input; what one needs beyond cx's memory ends that line only. */
int cli_lines(struct cx *cx, struct str (*answer)(struct cx *cx, struct str line));

int cmd_serve(int argc, char **argv);
int cmd_space(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_person(int argc, char **argv);
int cmd_openapi(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_sandbox_psp(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_flag(int argc, char **argv);
int cmd_rule(int argc, char **argv);
int cmd_table(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_script(int argc, char **argv);

#endif
