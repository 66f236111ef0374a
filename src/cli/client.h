/*
 * client.h - many requests to a server over its public HTTP API, several at a time.
 *
 * Invariants:
 *   - a struct client belongs to one thread and keeps one connection;
 *   - what a request did not get an answer to, or was told to try again (429, 503), is sent again a
 *     bounded number of times: requests that write carry an Idempotency-Key;
 *   - an answer lives until the client's cx is reset, which client_each does before every job.
 */
#ifndef GREVY_CLI_CLIENT_H
#define GREVY_CLI_CLIENT_H

#include <stdatomic.h>

#include "kernel/json/json.h"

enum {
    CLIENT_CONNECTIONS_MAX = 64,
    CLIENT_CONNECTIONS = 48, /* Enough to fill the batches of a group commit. */
    CLIENT_ATTEMPTS_MAX = 20,
    CLIENT_SILENCES_MAX = 5, /* Of these, without any answer: about a second. */
    CLIENT_TIMEOUT_MS = 60000,
    CLIENT_WAIT_MS_MAX = 5000, /* Between two attempts. */
    CLIENT_REPLY_BYTES_MAX = 16 << 20,
    CLIENT_CX_BYTES_MAX = 64 << 20, /* Of one job. */
    CLIENT_TEXT_LEN_MAX = 512,      /* Of a path or a header's value. */
};

struct client_target {
    const char *url, *key; /* "http://127.0.0.1:8080", an API key */
};

struct client {
    struct cx cx;
    const struct client_target *target;
    void *curl;
    char *reply; /* Bytes of the answer that is coming in. */
    size_t reply_len, reply_size;
    char error[256]; /* Why the last call had no answer. */
};
bool client_open(struct client *client, const struct client_target *target);
void client_close(struct client *client);

struct client_request {
    const char *method;
    struct str path;            /* With its query. */
    struct str body;            /* JSON; absent: none. */
    struct str idempotency_key; /* Absent: none. */
};
struct client_answer {
    int status;
    struct str body;
    bool replayed; /* It was given before, to the same Idempotency-Key. */
    int64_t us;    /* Of the last attempt. */
};
/** False: no answer (client->error says why); a refusal is an answer. */
bool client_call(struct client *client, const struct client_request *request,
                 struct client_answer *answer);
/** False when the body is no JSON. */
bool client_json(struct client *client, const struct client_answer *answer, struct json *out);
/** The text member of an object, copied into the client's cx; absent when there is none. */
struct str client_text(struct client *client, struct json object, const char *name);
int64_t client_int(struct json object, const char *name);
/** Says on standard error what was asked and what came. */
void client_complain(struct client *client, const struct client_request *request,
                     const struct client_answer *answer);

/** Jobs 0 .. count - 1, several at a time, with progress on standard error: label, done, rate.
 *  A job that returns false ends the rest; then false. */
typedef bool client_job(struct client *client, size_t k, void *context);
struct client_run {
    const struct client_target *target;
    const char *label; /* "orders"; NULL: no progress. */
    size_t count;
    int connections; /* 0: CLIENT_CONNECTIONS */
    client_job *job;
    void *context;
};
bool client_each(const struct client_run *run);

#endif
