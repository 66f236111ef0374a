/*
 * load.h - what the parts of the load generator share: load.c (connections, figures),
 * load_http.c (requests out, replies in), load_options.c (arguments).
 */
#ifndef GREVY_BENCH_LOAD_H
#define GREVY_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CONNECTIONS_MAX = 16384,
    SKUS_MAX = 100000,
    HEAD_BYTES_MAX = 1024,    /* Our request head, path and key included. */
    ORDER_BYTES_MAX = 512,    /* Our order body. */
    POST_BYTES_MAX = 1 << 20, /* Body read from a file. */
    STATUS_MAX = 600
};

enum work { WORK_ORDERS, WORK_GET, WORK_POST };

struct options {
    enum work work;
    uint16_t port;
    int connections, cpu; /* cpu -1: wherever the scheduler likes. */
    double seconds;
    uint64_t count;            /* Requests at most; UINT64_MAX: the seconds bound the run. */
    double rate;               /* Open loop: requests a second. */
    double warm_s;             /* Open loop: so long at first nothing is counted. */
    int retries, retry_ms;     /* Open loop: of a refused request; so long after the refusal. */
    uint64_t users;            /* Orders are of so many users, at random; 0: each of its own. */
    const char *path;          /* get, post */
    char auth[HEAD_BYTES_MAX]; /* The whole header line, or "". */
    char *post_body;
    size_t post_len;
    char *sku_text; /* Of --skus; the ids of skus lie in it or among the arguments. */
    char **skus;
    size_t sku_count;
};
extern struct options opt;

void read_arguments(int argc, char **argv);
_Noreturn void usage(const char *problem); /* Says what is wrong and exits 2. */

/** Write request number `number`, unlike any other of this seed; out has room for HEAD_BYTES_MAX +
 *  ORDER_BYTES_MAX + opt.post_len.  Returns its length. */
size_t request_put(char *out, uint64_t seed, uint64_t number);

enum phase { HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, TRAILER, DONE };

struct reply {
    enum phase phase;
    int status;
    bool close;         /* The server closes the connection after this reply. */
    uint64_t left;      /* Of the body, or of the chunk. */
    uint64_t body;      /* Body bytes seen. */
    int digits, column; /* Of the chunk size line; column of the trailer line. */
};

/** Read a head; end is the line feed of its last header, a NUL follows.  False when it has no
 * framing we know. */
bool reply_head(struct reply *reply, const char *head, const char *end);

/** Consume body bytes; returns how many belong to this reply, fewer than len only when DONE. */
size_t reply_feed(struct reply *reply, const char *data, size_t len);

#endif
