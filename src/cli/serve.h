/*
 * serve.h - the server inside this process: for serve, demo, and tools that are given --data.
 *
 * Invariants:
 *   - signals are blocked before any thread starts, so only server_wait takes them;
 *   - a server that is open is closed once, whether it listens or not.
 */
#ifndef GREVY_CLI_SERVE_H
#define GREVY_CLI_SERVE_H

#include "cli/cli.h"
#include "cli/confine.h"
#include "kernel/http/dispatch.h"

/* What a process may take; 0: as it ships.  And with whom it shares its counters. */
struct server_limits {
    int64_t batch_commands, queue_commands, spaces, connections;
    const char *redis; /* HOST:PORT; NULL: with nobody. */
};

struct server {
    struct platform platform;
    struct server_limits limits;
    struct dispatcher *dispatcher;
    struct http_server *http; /* NULL until it listens. */
};

/** SIGTERM and SIGINT wait for server_wait from now on. */
void server_block_signals(void);
void server_wait(void);

/** Open the platform, confined unless confine is NULL; the log starts.  limits may be NULL.
 *  False: said why. */
bool server_open(struct server *server, const struct cli_platform *options,
                 const struct server_limits *limits, const struct confine *confine);
/** Answer on listen ("127.0.0.1:0" picks a port); keys that name no space are of default_space. */
bool server_listen(struct server *server, const char *listen, const char *default_space);
/** Finish what is in flight, close everything. */
void server_close(struct server *server);

/** Open a space; make it first when create says so. */
bool server_space(struct server *server, const char *name, bool create, struct space **out);

/** The default space exists from the first start on, and has an admin key, which is printed. */
bool server_open_default(struct server *server);

/** A key with all scopes, so named; those of that name before it are revoked.  False: said why. */
struct server_key {
    const char *name;
    int64_t lives_ms; /* 0: until it is revoked. */
    char *token;      /* Of malloc. */
    int64_t id;
};
bool server_key_make(struct space *space, struct server_key *key);
void server_key_revoke(struct space *space, struct server_key *key);

#endif
