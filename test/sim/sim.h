/*
 * sim.h - a simulated shop: the real kernel and modules in one thread under a seed, over a disk, a
 * clock, a payment provider and people that misbehave.
 *
 * A run is one seed: a fresh world, a number of events, then rest.  After each event what it
 * touched is checked; now and then, after each crash and at rest, everything.
 *
 * Invariants:
 *   - what an event does depends on the seed, its number and the world, on nothing else: leaving
 *     other events out does not change its dice;
 *   - the same seed and events give the same bytes: answers and disk;
 *   - the model knows only what was answered; what had no answer may or may not have happened.
 */
#ifndef GREVY_TEST_SIM_SIM_H
#define GREVY_TEST_SIM_SIM_H

#include <sqlite3.h>

#include "test/kit/disk.h"
#include "test/kit/mini.h"

enum {
    SIM_EVENTS_MAX = 20000,
    SIM_ORDERS_MAX = 4096,
    SIM_FACTS_MAX = 16384,
    SIM_WISHES_MAX = 4096,
    SIM_CHARGES_MAX = 2048,
    SIM_NOTICES_MAX = 8192,
    SIM_BATCH_MAX = 12,
    SIM_SKUS = 7,
    SIM_DOCUMENTS = 4,
    SIM_USERS = 9,
    SIM_TEXT_MAX = 1000,
};

/* ---- Dice ---- */

struct dice {
    uint64_t state;
};
void dice_of(struct dice *dice, uint64_t seed, uint64_t number);
int dice_below(struct dice *dice, int below);
static inline bool dice_percent(struct dice *dice, int percent)
{
    return dice_below(dice, 100) < percent;
}

/* ---- What was answered ---- */

enum fact_kind {
    FACT_ORDER,     /* It is there. */
    FACT_CANCELLED, /* The order is, */
    FACT_PAYMENT,   /* the payment is there, */
    FACT_CAPTURED,  /* and has its money. */
    FACT_REFUND,
    FACT_SHIPPED,
    FACT_DELIVERED,
    FACT_MOVEMENT,
    FACT_VERSION, /* Of the editor's documents. */
    FACT_PUBLICATION,
    FACT_NOTICE, /* The provider's event is in the inbox, for some days. */
    FACT_KINDS
};
struct fact {
    enum fact_kind kind;
    int64_t id, ms;
    int event;
};

struct sim;
struct ask;
typedef void then_learn(struct sim *sim, struct ask *ask, struct answer answer);

struct wish { /* A request with an Idempotency-Key. */
    const char *key, *request, *body;
    then_learn *then;
    int64_t number;
    int status; /* 0: never answered. */
    const char *answer;
    int64_t ms; /* When it was first sent. */
};

struct sim_order {
    const char *id;
    int64_t number, total_minor;
    int lines;
    bool paid; /* As far as was answered. */
};

/* ---- The provider: another company, which does not crash with us ---- */

enum charge_state { CHARGE_OPEN, CHARGE_TAKEN, CHARGE_REFUSED };
struct charge {
    char ours[24];
    enum charge_state state;
    int64_t asked_minor, taken_minor, ms;
    bool odd; /* Another amount was taken than asked. */
};
struct give_back {
    char ours[24];
    int charge;
    int64_t amount_minor, ms;
    bool done;
};
struct notice {
    int number, give_back, charge; /* -1: not about one. */
    int sent;
};
struct provider {
    struct charge charges[SIM_CHARGES_MAX];
    struct give_back backs[SIM_CHARGES_MAX];
    struct notice notices[SIM_NOTICES_MAX];
    int charge_count, back_count, notice_count;
    int down; /* Calls that it will not answer. */
};

/* ---- Documents ---- */

struct edited { /* What its editor knows of the newest version. */
    int64_t version, round;
};
struct standing { /* Versions in force, by the database. */
    int64_t live, grey;
};

/* ---- The world ---- */

struct sku {
    const char *id, *code, *product;
    int64_t number, price_minor;
    bool limited; /* Never sold below zero. */
};

struct checker;

struct sim {
    uint64_t seed;
    int event;
    struct dice dice;
    char text[SIM_TEXT_MAX]; /* What this event does. */
    bool tell;               /* Print each event. */
    struct mini *mini;
    const char *second_key;
    struct sku skus[SIM_SKUS];
    struct sim_order orders[SIM_ORDERS_MAX];
    struct fact facts[SIM_FACTS_MAX];
    struct wish wishes[SIM_WISHES_MAX];
    int order_count, fact_count, wish_count;
    struct provider provider;
    struct edited edited[SIM_DOCUMENTS];
    int64_t published; /* The last publication that was answered. */
    struct checker *checker;
    bool cut_again;      /* The power goes right after the next start. */
    int64_t rival_fence; /* Of a process that took the lease from us; 0: none. */
    bool faulty;         /* A fault may be about: answers may be 5xx. */
    int faulty_until;    /* The event at which it is over. */
    int crashes, answers, refusals, failures;
    uint64_t digest; /* Of all answers so far. */
};

/** Something is wrong: print the event and why, and end this process. */
void sim_fail(struct sim *sim, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
/** Say what the event does. */
void sim_say(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* world.c */
void world_open(struct sim *sim, bool simulated_disk); /* Or a real one, which never fails. */
void world_close(struct sim *sim);
/** If the power is off or the process was killed: begin again from what the disk kept. */
void world_revive(struct sim *sim);
void world_calm(struct sim *sim); /* No fault is about from now on. */

/* ask.c: requests, one or several in one batch, and what their answers mean */
struct ask {
    const char *request, *body, *key;
    struct pair headers[3];
    int header_count;
    bool anonymous; /* Without a key, */
    bool second;    /* or with that of a second person. */
    bool must;      /* A refusal is wrong. */
    then_learn *then;
    int64_t number;   /* For then. */
    const char *name; /* For then. */
    int wish;         /* Of its key, or -1. */
    struct mini_call *call;
};
void ask_one(struct sim *sim, struct ask *ask);
void ask_all(struct sim *sim, struct ask *asks, int count);
void learn(struct sim *sim, enum fact_kind kind, int64_t id);
int64_t id_of(struct sim *sim, const char *text);

/* people.c: each fills one ask; false: there is nothing to do */
typedef bool person(struct sim *sim, struct ask *ask);
extern person buy, pay_by_hand, pay_by_provider, cancel_order, give_back_some, ship_one,
    deliver_one, receive_pieces, decide_refund, send_again, swap_one, change_price;
void make_wish(struct sim *sim, struct ask *ask); /* Half of the requests carry a key. */

/* editor.c */
extern person edit_document, publish_document, undo_publication;
void check_documents(struct sim *sim);

/* clerk.c */
extern const struct module clerk_module;
extern bool clerk_is_ill;

/* provider.c */
void provider_open(struct sim *sim);
bool provider_acts(struct sim *sim); /* A payer pays, or does not. */
bool provider_tells(struct sim *sim, struct ask *ask);
bool provider_all_told(struct sim *sim, struct ask *ask); /* The next notice never sent. */

/* story.c */
void story_event(struct sim *sim, int number);
void story_rest(struct sim *sim);

/* soak.c */
/** Days of steady trade: fails when something grows that should not. */
void soak_run(struct sim *sim, int days);

/* check.c */
void check_open(struct sim *sim);
void check_close(struct sim *sim);
void check_touched(struct sim *sim);
/** What is served from memory is what the database has. */
void check_price(struct sim *sim, const struct sku *sku);
/** The number of the last publication, and what it left standing. */
int64_t check_standing(struct sim *sim, const char *const *keys, struct standing *out);
/** What a new process shows was promised to stay: learn the newest order. */
void check_shown(struct sim *sim);
/** Take the lease as another process would; the fence that it got. */
int64_t check_rival(struct sim *sim);
int64_t check_fence(struct sim *sim);
void check_all(struct sim *sim);
void check_file(struct sim *sim);
void check_rest(struct sim *sim);

/* ---- death.c ---- */

/**
 * From now on a deadly signal, or more than cpu_s_max seconds of CPU time, says where it struck.
 * Seconds are counted one by one: a machine that stood still and charges it all at once takes one.
 */
void death_watch(const int *event, int cpu_s_max);

#endif
