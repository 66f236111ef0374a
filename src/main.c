/*
 * main.c - the command line.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    umask(077); /* What is written here is nobody else's to read. */
    if (sodium_init() < 0) {
        fputs("grevy: no source of randomness\n", stderr);
        return EXIT_FAILED;
    }
    if (argc < 2)
        return commands_help(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return commands_help(stdout);
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0)
            return command->run(argc - 1, argv + 1);
    fprintf(stderr, "grevy: there is no command %s\n", argv[1]);
    return commands_help(stderr);
}
