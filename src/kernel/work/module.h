/*
 * module.h - what a module is: one table, last in NAME.c.
 *
 * From this table come the router, the OpenAPI document, config checks, /metrics, the docs and the
 * permission tests.  Adding a route is one function and one row.
 *
 * Invariants: arrays end with an empty element, NULL means empty; every name (table, event, job,
 * timer, effect, setting, metric) starts with the module's name.
 */
#ifndef GREVY_WORK_MODULE_H
#define GREVY_WORK_MODULE_H

#include "kernel/sql/sql.h"

/* How a route meets the database, cheapest first. */
enum tx {
    TX_NONE,   /* A decision: inline on the HTTP thread, no database. */
    TX_CACHED, /* Inline from memory; what answers ERR_BUSY "cache_miss" is run again as TX_READ. */
    TX_READ,   /* On a reader thread, over a read-only connection. */
    TX_WRITE   /* A command: runs in a group commit.  Pure: see work/work.h. */
};

/* Whose commands go first when more wait than a batch holds; each class has a share (queue.c). */
enum priority { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITY_COUNT };

enum { ROUTE_PARAMS_MAX = 4, ROUTE_HEADERS_MAX = 4 };

struct route;

struct req {
    struct cx *cx;
    const struct route *route;
    struct {
        int64_t id;      /* {name:prefix} */
        struct str text; /* As in the path, decoded. */
    } params[ROUTE_PARAMS_MAX];
    const void *body;  /* Decoded by route->body; NULL when the route takes none. */
    const void *query; /* Decoded by route->query. */
    struct str raw;    /* The body as it came (webhooks, CSV). */
    struct str headers[ROUTE_HEADERS_MAX]; /* Those named in route->headers. */
    void *prepared;                        /* What route->prepare left. */

    int status; /* Set by the reply functions. */
    struct str reply, content_type, etag, location;
    struct str kept; /* ROUTE_NOT_REPLAYED: what a repeated request is answered instead. */
};

enum route_flag {
    ROUTE_AUDIT = 1,          /* An administrative write: chained into the audit log. */
    ROUTE_RAW = 2,            /* Any content type; the body is not JSON. */
    ROUTE_ROOT = 4,           /* Not under /v1: left out of the OpenAPI document. */
    ROUTE_PREPARE_READS = 16, /* prepare reads the database, in a transaction before handle's. */
    ROUTE_NOT_REPLAYED = 8,   /* The answer holds a secret: idempotency stores req->kept instead. */
};

struct route {
    const char *method, *path; /* "/v1/orders/{id:ord}/payments"; {name} takes any one segment. */
    enum err (*handle)(struct req *req);
    enum tx tx;
    const char *scope; /* "order:write"; NULL: public. */
    const struct field *body;
    size_t body_size;
    const struct field *query;
    size_t query_size;
    const struct field *reply;
    const char *doc;
    /* All below are optional. */
    enum err (*prepare)(struct req *req); /* TX_WRITE: slow, pure work, on a reader thread. */
    void (*warm)(struct req *req);        /* TX_WRITE: row_warm what handle will read by key. */
    const char *headers[ROUTE_HEADERS_MAX];
    enum priority priority; /* 0 is HIGH: what may wait says NORMAL, imports say LOW. */
    unsigned flags;
    size_t body_bytes_max; /* 0: the server's default. */
    bool page;             /* reply is the item of a {"data": [...], "next": cursor} page. */
    int status;            /* Of success, for the document; 0: 200, or 201 for POST. */
};

struct event {
    int64_t seq; /* Dense, given by the writer; 0 inside reacts (not yet known). */
    int64_t id, time_ms;
    struct str type, key; /* "order.paid", "ord_01..." */
    struct str data;      /* JSON object. */
    struct str trace;     /* traceparent of the cause. */
};

/* A scope that no route asks for: a handler does, with cx_has_scope. */
struct scope {
    const char *name, *doc; /* "order:price" */
};

typedef enum err event_handler(struct cx *cx, const struct event *event);

/* reacts: inside the producer's transaction, bounded cost.  consumes: later, exactly once. */
struct reaction {
    const char *type;
    event_handler *handle;
};
struct producer {
    const char *type;
    const struct field *payload;
    const char *doc;
};
struct job {
    const char *name;
    int64_t every_ms;
    enum err (*run)(struct cx *cx, bool *more); /* *more: call again at once, in a new commit. */
    const char *doc;
};
struct timer {
    const char *name;
    enum err (*fire)(struct cx *cx, int64_t key, int64_t due_ms);
    const char *doc;
};

/* The answer of the outside to an effect. */
struct effect_answer {
    int64_t id, key;
    int attempt; /* From 1. */
    bool final;  /* No further attempt will be made unless the handler asks for one. */
    int status;  /* HTTP status; 0: no answer (error says why). */
    struct str body, error;
};
enum effect_verdict { EFFECT_DONE, EFFECT_RETRY, EFFECT_FAILED };
struct effect_kind {
    const char *name; /* "payment.refund" */
    /* Runs as a command.  *verdict is preset: DONE for 2xx, FAILED when final or another 4xx than
     * 408, 425 and 429, RETRY for the rest. */
    enum err (*answer)(struct cx *cx, const struct effect_answer *answer,
                       enum effect_verdict *verdict);
    int timeout_ms, attempts_max; /* 0: 10 s, 8 attempts. */
    const char *doc;
};

struct setting {
    const char *name, *unit, *doc;
    int64_t min, max, fallback;
    int index; /* Given at boot. */
};

struct metric {
    const char *name, *unit, *doc; /* "order_placed_total"; counters end in _total. */
    int index;                     /* Given at boot. */
};

/* What the patrols of a space found; members are added to, never set. */
struct patrol_report {
    struct json_out *findings;   /* An open list: append one object per finding. */
    int64_t accounts, movements; /* Looked at. */
    int64_t found;               /* Findings, also those left out of a long list. */
};
struct patrol { /* A check that must find nothing; run by GET /v1/ledger/check and by jobs. */
    const char *name;
    enum err (*check)(struct cx *cx, struct patrol_report *report);
    const char *doc;
};

struct collection; /* document/document.h */

struct module {
    const char *name;
    const char *const *needs;
    const struct migration *schema;
    const struct route *routes;
    const struct scope
        *scopes; /* Beyond those of the routes: keys are made with known ones only. */
    const struct reaction *reacts, *consumes;
    const struct producer *produces;
    const struct job *jobs;
    const struct timer *timers;
    const struct effect_kind *effects;
    struct setting *const *settings;
    struct metric *const *metrics;
    const struct patrol *patrols;
    const struct collection *collections;
    /* Called when a space opens, on its writer, to fill memory (caches); may be NULL. */
    enum err (*open)(struct cx *cx);
    void (*close)(void *memory); /* When the space closes; may be NULL. */
    /* Called on the keeper's thread, in a read, to take over what any process may have committed
     * since (work/keeper.h); may be NULL. */
    enum err (*refresh)(struct cx *cx);
    /* Called there after it, and now and then, where several processes may serve the space: to tell
     * what this one has; in a transaction of its own, outside of the lease; may be NULL. */
    enum err (*report)(struct cx *cx);
    /* Append one JSON value: all that this module keeps of the person, opened; may be NULL. */
    enum err (*person_export)(struct cx *cx, struct str person, struct json_out *out);
    /* Forget what of the person is not sealed under the person's key; may be NULL.  Runs in the
     * command that drops the key, again when asked again. */
    enum err (*person_erase)(struct cx *cx, struct str person);
};

#define PUBLIC        NULL
#define NEEDS(...)    ((const char *const[]){__VA_ARGS__, NULL})
#define ROUTES(...)   ((const struct route[]){__VA_ARGS__, {0}})
#define SCOPES(...)   ((const struct scope[]){__VA_ARGS__, {0}})
#define REACTS(...)   ((const struct reaction[]){__VA_ARGS__, {0}})
#define CONSUMES(...) ((const struct reaction[]){__VA_ARGS__, {0}})
#define PRODUCES(...) ((const struct producer[]){__VA_ARGS__, {0}})
#define JOBS(...)     ((const struct job[]){__VA_ARGS__, {0}})
#define TIMERS(...)   ((const struct timer[]){__VA_ARGS__, {0}})
#define EFFECTS(...)  ((const struct effect_kind[]){__VA_ARGS__, {0}})
#define SETTINGS(...) ((struct setting *const[]){__VA_ARGS__, NULL})
#define METRICS(...)  ((struct metric *const[]){__VA_ARGS__, NULL})
#define PATROLS(...)  ((const struct patrol[]){__VA_ARGS__, {0}})

/* Body and query in a route row: .BODY(order_new, order_new_fields). */
#define BODY(struct_, fields_)  .body = (fields_), .body_size = sizeof(struct struct_)
#define QUERY(struct_, fields_) .query = (fields_), .query_size = sizeof(struct struct_)

/* Generated by the build, NULL-terminated: the domains, and what is in every process. */
extern const struct module *const modules_all[], *const kernel_modules[];
extern const struct migration kernel_schema[];

#endif
