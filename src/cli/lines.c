/*
 * lines.c - requests on standard input, a JSON line each; answers on standard output.
 */
#define _GNU_SOURCE /* getline */
#include <setjmp.h>
#include <stdlib.h>

#include "cli/cli.h"

static void print_line(struct str line)
{
    fwrite(line.ptr, 1, line.len, stdout);
    fputc('\n', stdout);
}

int cli_lines(struct cx *cx, struct str (*answer)(struct cx *cx, struct str line))
{
    char *volatile line = NULL;
    size_t size = 0;
    ssize_t len;
    jmp_buf exhausted;

    while ((len = getline((char **)&line, &size, stdin)) >= 0) {
        cx_reset(cx);
        cx->arena.exhausted = &exhausted;
        if (setjmp(exhausted) == 0)
            print_line(answer(cx, str_trim((struct str){line, (size_t)len})));
        else
            print_line(STR("{\"id\":null,\"error\":\"this line needs more memory than there is\","
                           "\"at\":[1,1]}"));
        fflush(stdout);
    }
    free(line);
    cx->arena.exhausted = NULL;
    return EXIT_DONE;
}
