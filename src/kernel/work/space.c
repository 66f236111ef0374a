/*
 * space.c - the platform and its spaces.
 */
#include "kernel/work/space.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/access/access.h"
#include "kernel/count/redis.h"
#include "kernel/count/save.h"
#include "kernel/effect/effect.h"
#include "kernel/work/keeper.h"
#include "kernel/work/reader.h"
#include "kernel/work/setting.h"
#include "kernel/work/writer.h"

static enum err refuse(struct problem *problem, enum err err, const char *code, const char *fmt,
                       const char *a, const char *b)
{
    *problem = (struct problem){.err = err, .code = code};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(problem->detail, sizeof(problem->detail), fmt, a, b);
#pragma GCC diagnostic pop
    return err;
}

/* ---- The platform ---- */

static size_t count_modules(const struct module *const *modules)
{
    size_t count = 0;

    while (modules[count])
        count++;
    return count;
}

/* The kernel's modules come first: their routes and jobs are those of every process. */
const struct module **modules_with_kernel(const struct module *const *modules)
{
    size_t own = count_modules(kernel_modules), count = count_modules(modules);
    const struct module **all = calloc(own + count + 1, sizeof(all[0]));

    assert(all);
    memcpy(all, kernel_modules, own * sizeof(all[0]));
    memcpy(all + own, modules, count * sizeof(all[0]));
    return all;
}

enum err platform_open(struct platform *platform, const struct platform_options *options,
                       struct problem *problem)
{
    char host[32] = "";
    uint32_t random;

    *platform = (struct platform){.options = *options, .cx_bytes_max = CX_BYTES_MAX};
    platform->env = options->env ? options->env : env_system();
    platform->modules = modules_with_kernel(options->modules ? options->modules : modules_all);
    pthread_mutex_init(&platform->lock, NULL);
    if (!options->db_url && mkdir(options->data_dir, 0700) != 0 && errno != EEXIST)
        return refuse(problem, ERR_STORAGE, "data_dir", "cannot make the data directory %s: %s",
                      options->data_dir, strerror(errno));
    gethostname(host, sizeof(host) - 1);
    platform->env->random(platform->env, &random, sizeof(random));
    snprintf(platform->holder, sizeof(platform->holder), "%s:%d:%08x", host,
             options->manual ? 0 : (int)getpid(), random); /* A test is the same every time. */
    settings_register(platform->modules);
    writer_register();
    count_register();
    if (options->redis) {
        platform->redis = redis_start(options->redis, platform->env, problem);
        if (!platform->redis) {
            free((void *)platform->modules);
            return problem->err;
        }
    }
    platform->readers = readers_start(platform);
    platform->effects = effect_start(platform);
    platform->keeper = keeper_start(platform);
    return OK;
}

static void close_space(struct space *space)
{
    writer_stop(space);
    for (int k = 0; space->platform->modules[k]; k++)
        if (space->module_memory[k] && space->platform->modules[k]->close)
            space->platform->modules[k]->close(space->module_memory[k]);
    counters_close(space);
    access_close(space);
    settings_free(space);
    free(space);
}

void platform_close(struct platform *platform)
{
    if (platform->keeper)
        keeper_stop(platform->keeper);
    if (platform->effects)
        effect_stop(platform->effects);
    if (platform->readers)
        readers_stop(platform->readers);
    for (int k = 0; k < platform->space_count; k++)
        close_space(platform->spaces[k]);
    if (platform->keeper)
        keeper_free(platform->keeper);
    if (platform->effects)
        effect_free(platform->effects);
    redis_stop(platform->redis);
    pthread_mutex_destroy(&platform->lock);
    free((void *)platform->modules);
    *platform = (struct platform){0};
}

/* ---- Spaces ---- */

static bool name_ok(struct str name)
{
    if (name.len == 0 || name.len > SPACE_NAME_LEN_MAX || name.ptr[0] < 'a' || name.ptr[0] > 'z')
        return false;
    if (str_is(name, "public") || str_is(name, "grevy") || str_starts(name, STR("pg_")))
        return false; /* Schemas of PostgreSQL's own, and our list of spaces. */
    for (size_t k = 0; k < name.len; k++) {
        char c = name.ptr[k];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static void space_url(const struct platform *platform, struct str name, char *out, size_t size)
{
    if (platform->options.db_url)
        snprintf(out, size, "%s", platform->options.db_url);
    else
        snprintf(out, size, "%s/" STR_FMT ".db", platform->options.data_dir, STR_ARG(name));
}

static void schema_name(const struct platform *platform, struct str name, char out[64])
{
    const char *prefix = platform->options.schema_prefix;

    snprintf(out, 64, "%s" STR_FMT, prefix ? prefix : "", STR_ARG(name));
}

/* On PostgreSQL a space is a schema, listed in grevy_space of the schema grevy. */
static const char registry_sql[] = "create table if not exists grevy_space"
                                   " (name text not null primary key)";

static enum err registry_open(const struct platform *platform, struct cx *cx,
                              struct problem *problem)
{
    char schema[64];
    struct sql_options options = {.url = platform->options.db_url, .schema = schema};

    schema_name(platform, STR("grevy"), schema);
    cx_open(cx, platform->env, CX_BYTES_MAX);
    TRY(sql_open(&cx->db, &options, problem));
    if (sql_script(cx, registry_sql) == OK)
        return OK;
    *problem = cx->problem;
    return problem->err;
}

struct name_row {
    struct str name;
};
static const struct field name_fields[] = {F(name_row, name), F_END};

static bool space_exists(const struct platform *platform, struct str name)
{
    struct problem problem;
    struct cx cx;
    struct list rows = {0};
    char path[512];

    if (!platform->options.db_url) {
        space_url(platform, name, path, sizeof(path));
        return access(path, F_OK) == 0;
    }
    if (registry_open(platform, &cx, &problem) == OK &&
        sql_raw_all(&cx, name_fields, sizeof(struct name_row), &rows,
                    "select name from grevy_space where name = ?1", BIND(TEXT(name))) != OK)
        rows.count = 0;
    sql_close(cx.db);
    cx_close(&cx);
    return rows.count > 0;
}

static enum err register_space(const struct platform *platform, struct str name,
                               struct problem *problem)
{
    struct cx cx;
    enum err err;

    if (!platform->options.db_url)
        return OK;
    err = registry_open(platform, &cx, problem);
    if (err == OK) {
        err = sql_raw_run(&cx, NULL,
                          "insert into grevy_space (name) values (?1) on conflict do nothing",
                          BIND(TEXT(name)));
        if (err != OK)
            *problem = cx.problem;
    }
    sql_close(cx.db);
    cx_close(&cx);
    return err;
}

static enum err open_modules(struct cx *cx, void *argument)
{
    (void)argument;
    TRY(access_open(cx));
    TRY(counters_open(cx));
    for (const struct module *const *m = cx->space->platform->modules; *m; m++)
        if ((*m)->open)
            TRY((*m)->open(cx));
    return OK;
}

static enum err open_locked(struct platform *platform, struct str name, struct space **out,
                            struct problem *problem)
{
    int max = platform->options.spaces_max ? platform->options.spaces_max : SPACES_MAX;
    struct space *space;
    enum err err;

    if (platform->space_count >= max)
        return refuse(problem, ERR_BUSY, "too_many_spaces",
                      "all places for open spaces are taken%s%s", "", "");
    space = calloc(1, sizeof(*space));
    assert(space);
    snprintf(space->name, sizeof(space->name), STR_FMT, STR_ARG(name));
    space->platform = platform;
    space_url(platform, name, space->url, sizeof(space->url));
    schema_name(platform, name, space->schema);
    err = writer_start(space, problem);
    if (err == OK)
        err = space_read_here(space, open_modules, NULL, problem);
    if (err != OK) {
        close_space(space);
        return err;
    }
    writer_run(space->writer);
    platform->spaces[platform->space_count] = space;
    platform->space_count++;
    *out = space;
    return OK;
}

static struct space *opened(struct platform *platform, struct str name)
{
    for (int k = 0; k < platform->space_count; k++)
        if (str_is(name, platform->spaces[k]->name))
            return platform->spaces[k];
    return NULL;
}

enum err space_open(struct platform *platform, struct str name, struct space **out,
                    struct problem *problem)
{
    enum err err = OK;

    pthread_mutex_lock(&platform->lock);
    *out = opened(platform, name);
    if (!*out && (!name_ok(name) || !space_exists(platform, name))) {
        char text[64];

        snprintf(text, sizeof(text), STR_FMT, STR_ARG(name));
        err = refuse(problem, ERR_NOT_FOUND, "no_such_space",
                     "there is no space %s: grevy space create makes one%s", text, "");
    } else if (!*out) {
        err = open_locked(platform, name, out, problem);
    }
    pthread_mutex_unlock(&platform->lock);
    return err;
}

enum err space_create(struct platform *platform, struct str name, struct problem *problem)
{
    struct space *space;
    enum err err;

    if (!name_ok(name))
        return refuse(problem, ERR_BAD_INPUT, "bad_name",
                      "a space's name is a letter and then letters, digits and _ (at most 32)%s%s",
                      "", "");
    if (space_exists(platform, name))
        return refuse(problem, ERR_CONFLICT, "space_exists", "this space exists already%s%s", "",
                      "");
    TRY(register_space(platform, name, problem));
    pthread_mutex_lock(&platform->lock);
    err = open_locked(platform, name, &space, problem);
    pthread_mutex_unlock(&platform->lock);
    return err;
}

static enum err list_files(struct platform *platform, struct cx *cx, struct list *out)
{
    struct str *names = CX_ARRAY(cx, struct str, SPACES_MAX);
    DIR *dir = opendir(platform->options.data_dir);
    struct dirent *entry;
    size_t count = 0;

    if (!dir)
        return fail(cx, ERR_STORAGE, "data_dir", "cannot read %s", platform->options.data_dir);
    while ((entry = readdir(dir)) && count < SPACES_MAX) {
        struct str name = str_of(entry->d_name);

        if (name.len > 3 && str_is((struct str){name.ptr + name.len - 3, 3}, ".db")) {
            name.len -= 3;
            if (name_ok(name))
                names[count++] = cx_copy(cx, name);
        }
    }
    closedir(dir);
    *out = (struct list){names, count};
    return OK;
}

enum err space_list(struct platform *platform, struct cx *cx, struct list *out)
{
    struct cx registry;
    struct list rows;
    struct str *names;

    if (!platform->options.db_url)
        return list_files(platform, cx, out);
    TRY(registry_open(platform, &registry, &cx->problem));
    if (sql_raw_all(&registry, name_fields, sizeof(struct name_row), &rows,
                    "select name from grevy_space order by name", NO_BINDS) != OK)
        rows.count = 0;
    names = CX_ARRAY(cx, struct str, rows.count ? rows.count : 1);
    for (size_t k = 0; k < rows.count; k++)
        names[k] = cx_copy(cx, LIST_AT(rows, struct name_row, k)->name);
    *out = (struct list){names, rows.count};
    sql_close(registry.db);
    cx_close(&registry);
    return OK;
}

bool platform_step(struct platform *platform)
{
    bool any = false;

    for (int k = 0; k < platform->space_count; k++)
        any |= writer_step(platform->spaces[k]->writer, false);
    any |= keeper_step(platform, false);
    return any;
}

void space_stats(struct space *space, struct space_stats *out)
{
    struct writer *writer = space->writer;

    pthread_mutex_lock(&writer->lock);
    out->queue_depth = writer->depth;
    pthread_mutex_unlock(&writer->lock);
    out->batches = atomic_load(&writer->batches);
    out->commands = atomic_load(&writer->commands);
    out->reruns = atomic_load(&writer->reruns);
    out->lost_transactions = atomic_load(&writer->lost_transactions);
}

/* ---- Module memory ---- */

int module_index(const struct platform *platform, const struct module *module)
{
    int index = 0;

    while (platform->modules[index] && platform->modules[index] != module)
        index++;
    assert(platform->modules[index]);
    return index;
}

void *space_memory(const struct space *space, const struct module *module)
{
    return space->module_memory[module_index(space->platform, module)];
}

void *module_memory(const struct cx *cx, const struct module *module)
{
    return space_memory(cx->space, module);
}

void module_set_memory(struct cx *cx, const struct module *module, void *memory)
{
    cx->space->module_memory[module_index(cx->space->platform, module)] = memory;
}
