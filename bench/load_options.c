/*
 * load_options.c - the arguments of the load generator.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

struct options opt = {.connections = 64, .cpu = -1, .seconds = 5};

_Noreturn void usage(const char *problem)
{
    fprintf(
        stderr,
        "load: %s\nusage: load --port P [--connections N] [--seconds S | --count N] [--cpu C]\n"
        "            [--users N]; open_loop: --rate R [--warm S] [--retries N] [--retry-ms MS]\n"
        "            orders --sku ID.. | orders --skus FILE | get PATH | post PATH BODYFILE\n",
        problem);
    exit(2);
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(POST_BYTES_MAX + 1);

    if (!file || !text)
        usage("cannot read the file");
    *len = fread(text, 1, POST_BYTES_MAX + 1, file);
    if (ferror(file) || *len > POST_BYTES_MAX)
        usage("the file cannot be read or is over 1 MiB");
    fclose(file);
    text[*len] = '\0';
    return text;
}

static void add_sku(char *sku)
{
    if (!opt.skus)
        opt.skus = calloc(SKUS_MAX, sizeof(*opt.skus));
    if (!opt.skus || opt.sku_count == SKUS_MAX || !*sku)
        usage("no memory, too many SKUs, or an empty one");
    opt.skus[opt.sku_count++] = sku;
}

static void add_skus(const char *path)
{
    size_t len;
    char *rest, *line;

    free(opt.sku_text);
    opt.sku_text = rest = read_file(path, &len);
    opt.sku_count = 0;
    while ((line = strsep(&rest, "\r\n")))
        if (*line)
            add_sku(line);
}

static double number(const char *text, double min, double max)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= min && value <= max))
        usage("a number is malformed or out of range");
    return value;
}

static void set_option(const char *name, char *value)
{
    if (strcmp(name, "--port") == 0)
        opt.port = (uint16_t)number(value, 1, 65535);
    else if (strcmp(name, "--connections") == 0)
        opt.connections = (int)number(value, 1, CONNECTIONS_MAX);
    else if (strcmp(name, "--seconds") == 0)
        opt.seconds = number(value, 0.01, 86400);
    else if (strcmp(name, "--count") == 0)
        opt.count = (uint64_t)number(value, 1, 1e12);
    else if (strcmp(name, "--rate") == 0)
        opt.rate = number(value, 0.1, 1e7);
    else if (strcmp(name, "--warm") == 0)
        opt.warm_s = number(value, 0, 3600);
    else if (strcmp(name, "--retries") == 0)
        opt.retries = (int)number(value, 0, 100);
    else if (strcmp(name, "--retry-ms") == 0)
        opt.retry_ms = (int)number(value, 0, 60000);
    else if (strcmp(name, "--users") == 0)
        opt.users = (uint64_t)number(value, 1, 1e12);
    else if (strcmp(name, "--cpu") == 0)
        opt.cpu = (int)number(value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "--sku") == 0)
        add_sku(value);
    else if (strcmp(name, "--skus") == 0)
        add_skus(value);
    else
        usage(name);
}

static void set_work(char **words, int count)
{
    if (count == 1 && strcmp(words[0], "orders") == 0) {
        opt.work = WORK_ORDERS;
    } else if (count == 2 && strcmp(words[0], "get") == 0) {
        opt.work = WORK_GET;
        opt.path = words[1];
    } else if (count == 3 && strcmp(words[0], "post") == 0) {
        opt.work = WORK_POST;
        opt.path = words[1];
        opt.post_body = read_file(words[2], &opt.post_len);
    } else {
        usage("give one of: orders, get PATH, post PATH BODYFILE");
    }
    if (opt.work == WORK_ORDERS && opt.sku_count == 0)
        usage("orders needs --sku or --skus");
    if (opt.port == 0)
        usage("--port is missing");
    if (opt.count > 0)
        opt.seconds = 86400;
    else
        opt.count = UINT64_MAX;
}

void read_arguments(int argc, char **argv)
{
    const char *key = getenv("GREVY_ADMIN_KEY");
    char *words[4];
    int count = 0;

    for (int k = 1; k < argc; k++) {
        if (strncmp(argv[k], "--", 2) == 0) {
            if (k + 1 == argc)
                usage("the last option has no value");
            set_option(argv[k], argv[k + 1]);
            k++;
        } else if (count < 3) {
            words[count++] = argv[k];
        } else {
            usage("too many words");
        }
    }
    set_work(words, count);
    if (key && *key &&
        snprintf(opt.auth, sizeof(opt.auth), "Authorization: Bearer %s\r\n", key) >=
            (int)sizeof(opt.auth))
        usage("GREVY_ADMIN_KEY is too long");
}
