/*
 * commands.c - the table of commands.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

const struct command commands[] = {
    {"serve",
     "--data DIR [--listen 127.0.0.1:8080] [--db postgresql://...] [--drain-ms N]"
     " [--instance NAME]"
     " [--connections-max 12000] [--queue-max 4096] [--spaces-max 64] [--batch-max 256]"
     " [--log-level info] [--log-file PATH [--log-mib-max 64]] [--sandbox try|require|off]"
     " [--sandbox-read PATH:PATH] [--redis HOST:PORT]",
     "Run the server.", cmd_serve},
    {"space", "create NAME | zone NAME Asia/Shanghai | list, --data DIR | --db URL",
     "Make and list spaces, and say by which local time they go.", cmd_space},
    {"audit", "verify [--space NAME] --data DIR | --db URL", "Check the chain of the audit log.",
     cmd_audit},
    {"person", "export|erase PERSON [--space NAME] --data DIR | --db URL",
     "Hand out or erase a person's data.", cmd_person},
    {"demo", "[--listen 127.0.0.1:8080] [--data var/demo | --db URL] [--sample FILE]",
     "Open a school and a shop with real orders, and serve.", cmd_demo},
    {"import", "FILE [--dry-run] --url URL --key KEY | --data DIR | --db URL [--space NAME]",
     "Make the products of an Online Retail file.", cmd_import},
    {"replay",
     "FILE [--report OUT.json] --url URL --key KEY | --data DIR | --db URL [--space NAME]",
     "Place, pay and return the orders of an Online Retail file.", cmd_replay},
    {"sandbox-psp", "[--listen 127.0.0.1:8090] [--auto-pay] [--file PATH]",
     "Run a payment provider for development.", cmd_sandbox_psp},
    {"apply",
     "-f DIR [--dry-run] [--save-only] [--prune] [--force] [--why TEXT] --url URL --key KEY |"
     " --data DIR | --db URL [--space NAME]",
     "Make documents say what files say.", cmd_apply},
    {"diff", "-f DIR [--prune] --url URL --key KEY | --data DIR | --db URL [--space NAME]",
     "Show what apply would change.", cmd_diff},
    {"export", "DIR [--drafts] --url URL --key KEY | --data DIR | --db URL [--space NAME]",
     "Write the documents in force as files.", cmd_export},
    {"rule",
     "eval EXPR [--bindings JSON] [--explain | --context NAME] | eval --json <LINES |"
     " check EXPR [--context visit] | context",
     "Evaluate or check CEL expressions; say what they may speak of.", cmd_rule},
    {"flag", "eval --json <LINES", "Evaluate conditions and flags as the SDKs of others do.",
     cmd_flag},
    {"table", "check FILE | run FILE --input JSON [--trace] | run --json <LINES",
     "Check a decision table for gaps and overlaps, or decide by it.", cmd_table},
    {"script", "test FILE.json | run FILE.json --input JSON",
     "Run the tests stored beside a strategy, or the strategy itself.", cmd_script},
    {"schema",
     "validate SCHEMA INSTANCE [--annotations] | suite FILE, [--remotes DIR]"
     " [--format assert|annotate]",
     "Check a document against a JSON Schema, or run a file of test cases.", cmd_schema},
    {"openapi", "", "Print the OpenAPI document.", cmd_openapi},
    {"version", "", "Print the version.", cmd_version},
    {NULL, NULL, NULL, NULL},
};

int commands_help(FILE *to)
{
    fputs("usage: grevy COMMAND [OPTIONS]\n\n", to);
    for (const struct command *command = commands; command->name; command++)
        fprintf(to, "  %-12s %s\n  %-12s %s\n", command->name, command->doc, "", command->usage);
    return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

int usage_of(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            fprintf(stderr, "usage: grevy %s %s\n", command->name, command->usage);
    return EXIT_USAGE;
}
