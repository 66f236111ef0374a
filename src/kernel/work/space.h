/*
 * space.h - a space is a whole shop: its own database, keys, events, settings, counters.
 *
 * A platform is the process: its modules, its spaces, its reader threads.  Each open space has one
 * writer thread; only the process that holds the space's lease writes.
 *
 * Invariants:
 *   - no table carries a space; no statement can reach another space's rows;
 *   - a space opens on first use and stays open; opening applies missing migrations;
 *   - submit never blocks: a full queue refuses at once.
 *
 * For the kernel, the command line and tests; modules never include this.
 */
#ifndef GREVY_WORK_SPACE_H
#define GREVY_WORK_SPACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernel/work/work.h"

enum {
    CX_BYTES_MAX = 32 << 20, /* Arena of one unit of work, grown on demand: most take a few KiB, the
                                longest order half of it (fulfil_limit_test.c). */
    SPACES_MAX = 64,         /* Per process; each open one costs a thread and a page cache. */
    INSTANCE_NAME_LEN_MAX = 32,  /* Of a process among those of a space. */
    SPACE_NAME_LEN_MAX = 32,     /* [a-z][a-z0-9_]*, also the PostgreSQL schema's name. */
    QUEUE_COMMANDS_MAX = 4096,   /* Waiting per space; at 5,000/s the last waits under a second. */
    BATCH_COMMANDS_MAX = 256,    /* Per commit; beyond it latency grows and throughput does not. */
    BATCH_BYTES_MAX = 8 << 20,   /* Of decoded requests per commit; what comes of them is about ten
                                  times as much, and lives until they are answered. */
    BATCH_BACKGROUND_MAX = 32,   /* Of these, events, timers and jobs while requests wait. */
    COMMAND_WAIT_MS_MAX = 10000, /* A command that waited longer is refused unrun. */
    READER_THREADS = 2,
    READ_QUEUE_MAX = 2048, /* Reads waiting for a reader thread. */
    READ_MS_MAX = 1000,    /* A read statement over this is cut. */
};

/* ---- Units of work, as the kernel passes them around ---- */

struct outside; /* effect/effect.h */
struct task;

/*
 * A task is one unit of work on its way: embedded in a request, or made for background work.
 * run and done are called on the thread that does the work; done exactly once, after commit.
 */
struct task {
    struct cx cx;
    struct space *space;
    enum tx tx;
    enum priority priority;
    int64_t deadline_us; /* Monotonic; past it the task is refused unrun.  0: none. */
    int64_t queued_us;
    enum err (*run)(struct task *task);
    void (*warm)(struct task *task); /* May be NULL. */
    void (*done)(struct task *task, enum err err);
    struct arena_mark mark; /* What run may allocate is forgotten before a rerun. */
    struct task *next;
};

/** Hand a command to the space's writer, or a read to the reader threads.
 *  Errors (recorded in task->cx): BUSY "overloaded" | "not_the_writer" | "closing". */
MUST_CHECK enum err task_submit(struct task *task);

/** Would a command of this class be refused now?  Asked early, so that a refusal costs little.
 *  Errors: BUSY "overloaded". */
MUST_CHECK enum err task_admit(struct task *task, enum priority priority);
bool space_sheds(struct space *space, enum priority priority);

/** Run work of a task with its arena guarded: exhaustion becomes TOO_LARGE "out_of_memory". */
enum err task_guarded(struct task *task, enum err (*run)(struct task *task));

/** The kernel's own modules and then these, NULL-terminated; the caller frees it. */
const struct module **modules_with_kernel(const struct module *const *modules);

/* ---- Spaces ---- */

struct caller {
    struct space *space;
    int64_t key_id;
    struct str name;
    const char *const *scopes; /* NULL-terminated: "order:write", "order:*", "*". */
    int64_t rate_per_s;
};

struct space_key; /* access/key.h */

struct space {
    char name[SPACE_NAME_LEN_MAX + 1];
    struct platform *platform;
    char url[512]; /* Of its database. */
    char schema[64];
    struct writer *writer;
    _Atomic(struct setting_values *) settings;
    _Atomic(struct space_keys *) keys; /* access/key.h; NULL until access_open. */
    struct person_vault *vault;        /* access/person.h */
    struct counters *counters;         /* count/count.h */
    void *module_memory[64];           /* One slot per module, by its index: caches. */
    atomic_bool writing;               /* This process holds the lease. */
    atomic_llong epoch;                /* The fence it holds the lease under; 0: it does not. */
};

struct platform_options {
    const char *data_dir;      /* SQLite files, one per space. */
    const char *db_url;        /* NULL, or postgresql://... shared by all spaces, a schema each. */
    const char *schema_prefix; /* Of these schemas; NULL: none.  Keeps two platforms apart. */
    const struct module *const *modules;
    struct env *env;
    int batch_commands_max;  /* 0: BATCH_COMMANDS_MAX; 1 shows what group commit gains. */
    int queue_commands_max;  /* 0: QUEUE_COMMANDS_MAX, which is the most. */
    int spaces_max;          /* Open at a time; 0: SPACES_MAX, which is the most. */
    const char *instance;    /* Name of this process among those of a space; NULL: none. */
    bool manual;             /* Tests: no threads; platform_step runs what is due. */
    const char *redis;       /* HOST:PORT that counters are shared through; NULL: they are not. */
    const char *vfs;         /* Tests: SQLite VFS. */
    struct outside *outside; /* Tests: instead of libcurl, called inline. */
    unsigned char master_key[32];
    bool has_master_key;
};

struct platform {
    struct platform_options options;
    struct env *env;
    const struct module *const *modules;
    pthread_mutex_t lock;
    _Atomic(struct space *) spaces[SPACES_MAX]; /* Read without the lock; filled up to a NULL. */
    int space_count;
    struct reader_pool *readers;
    struct effect_workers *effects;
    struct keeper *keeper;     /* work/keeper.h */
    struct count_redis *redis; /* count/redis.h; NULL: none. */
    char holder[64];           /* host:pid:random, in leases. */
    atomic_int shedding;       /* Spaces of which more is asked than they can do. */
    size_t cx_bytes_max;       /* Arena of a request; CX_BYTES_MAX but in tests. */
};

MUST_CHECK enum err platform_open(struct platform *platform, const struct platform_options *options,
                                  struct problem *problem);
/** Stops taking work, finishes what runs, closes all spaces. */
void platform_close(struct platform *platform);

/** Create the database of a new space.  Errors: CONFLICT "space_exists", BAD_INPUT "bad_name". */
MUST_CHECK enum err space_create(struct platform *platform, struct str name,
                                 struct problem *problem);
/** Open (once) or find.  Errors: NOT_FOUND "no_such_space", STORAGE, CONFLICT (migrations). */
MUST_CHECK enum err space_open(struct platform *platform, struct str name, struct space **out,
                               struct problem *problem);
/** Names of existing spaces, into cx. */
MUST_CHECK enum err space_list(struct platform *platform, struct cx *cx, struct list *out);

/** Run fn as a command (or read) and wait: for the command line and for tests. */
typedef enum err space_call(struct cx *cx, void *argument);
MUST_CHECK enum err space_command(struct space *space, space_call *fn, void *argument,
                                  struct problem *problem);
MUST_CHECK enum err space_read(struct space *space, space_call *fn, void *argument,
                               struct problem *problem);

/** Manual mode: one batch of each space; false when nothing was due. */
bool platform_step(struct platform *platform);

/** The same on the calling thread: opening a space must not wait for a reader thread, because it
 *  may run on one while the others wait for it. */
MUST_CHECK enum err space_read_here(struct space *space, space_call *fn, void *argument,
                                    struct problem *problem);

/* What /metrics and /statusz say of a space. */
struct space_stats {
    int64_t queue_depth, batches, commands, reruns, lost_transactions;
};
void space_stats(struct space *space, struct space_stats *out);

/** Index of a module in modules_all order; the slot of its memory. */
int module_index(const struct platform *platform, const struct module *module);

#endif
