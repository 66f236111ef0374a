/*
 * fixture.h - a platform with one space, for the tests of this folder: no threads, no HTTP.
 */
#ifndef GREVY_ACCESS_FIXTURE_H
#define GREVY_ACCESS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "kernel/access/access.h"
#include "test/kit/test.h"

struct fixture {
    struct platform platform;
    struct space *space;
    struct problem problem;
    struct env env;
    int64_t now_ms;
    char data_dir[256], name[SPACE_NAME_LEN_MAX + 1], prefix[40];
    const char *db, *redis;
    const struct module *modules[2]; /* Beside the kernel's. */
    unsigned char master_key[32];
    bool without_master_key;
};

/* What keys may be made for, where a test brings no module of its own. */
static const struct module fixture_trade = {
    .name = "trade",
    .scopes = SCOPES({"order:read", "Read orders."}, {"order:write", "Write orders."},
                     {"stock:write", "Write stock."}),
};

/* The wall clock of the fixture stands still until a test moves it. */
static inline int64_t fixture_wall_ms(struct env *env)
{
    return ((struct fixture *)((char *)env - offsetof(struct fixture, env)))->now_ms;
}

/* And so does the other: where only one goes on, a writer's time does too. */
static inline int64_t fixture_monotonic_us(struct env *env)
{
    return fixture_wall_ms(env) * 1000;
}

static inline void fixture_platform(struct fixture *f)
{
    struct platform_options options = {.data_dir = f->data_dir,
                                       .db_url = strcmp(f->db, "sqlite") == 0 ? NULL : f->db,
                                       .schema_prefix = f->prefix,
                                       .modules = f->modules,
                                       .env = &f->env,
                                       .redis = f->redis,
                                       .manual = true,
                                       .has_master_key = !f->without_master_key};

    memcpy(options.master_key, f->master_key, sizeof(options.master_key));
    CHECK_SAY(platform_open(&f->platform, &options, &f->problem) == OK, "%s", f->problem.detail);
}

/* A new space in a directory of its own, whose counters are shared through redis (or NULL). */
static inline struct fixture *fixture_open_shared(const char *db, const struct module *other,
                                                  const char *dir, const char *redis)
{
    struct fixture *f = calloc(1, sizeof(*f));

    CHECK(f != NULL);
    f->db = db;
    f->modules[0] = other ? other : &fixture_trade;
    f->env = *env_system();
    f->env.wall_ms = fixture_wall_ms;
    f->env.monotonic_us = fixture_monotonic_us;
    f->now_ms = ID_EPOCH_MS + 1000 * DAY_MS;
    memset(f->master_key, 7, sizeof(f->master_key));
    f->redis = redis;
    snprintf(f->data_dir, sizeof(f->data_dir), "%s/%s", test_dir(), dir);
    snprintf(f->prefix, sizeof(f->prefix), "%s_", test_unique());
    snprintf(f->name, sizeof(f->name), "shop");
    fixture_platform(f);
    CHECK_SAY(space_create(&f->platform, str_of(f->name), &f->problem) == OK, "%s",
              f->problem.detail);
    CHECK_EQ_INT(space_open(&f->platform, str_of(f->name), &f->space, &f->problem), OK);
    return f;
}

/* A new space; other: a module beside the kernel's own, NULL: fixture_trade. */
static inline struct fixture *fixture_open(const char *db, const struct module *other)
{
    return fixture_open_shared(db, other, "data", NULL);
}

/* Close all and open the platform again, as a restart does; the space opens when asked for. */
static inline void fixture_restart(struct fixture *f)
{
    platform_close(&f->platform);
    f->space = NULL;
    fixture_platform(f);
}

static inline enum err fixture_open_space(struct fixture *f)
{
    return space_open(&f->platform, str_of(f->name), &f->space, &f->problem);
}

static inline void fixture_close(struct fixture *f)
{
    platform_close(&f->platform);
    free(f);
}

/* Run as a command, or as a read, that must end as told. */
#define COMMAND(f, fn, argument, wanted)                                                           \
    CHECK_SAY(space_command((f)->space, (fn), (argument), &(f)->problem) == (wanted), "%s: %s",    \
              (f)->problem.code ? (f)->problem.code : "ok", (f)->problem.detail)
#define READ(f, fn, argument, wanted)                                                              \
    CHECK_SAY(space_read((f)->space, (fn), (argument), &(f)->problem) == (wanted), "%s: %s",       \
              (f)->problem.code ? (f)->problem.code : "ok", (f)->problem.detail)

static inline enum err fixture_sql_run(struct cx *cx, void *argument)
{
    return sql_run(cx, NULL, argument, NO_BINDS);
}
/* Change a table behind the kernel's back.  The text must live as long as the connection. */
#define TAMPER(f, sql) COMMAND((f), fixture_sql_run, (void *)(sql), OK)

#endif
