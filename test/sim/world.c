/*
 * world.c - the shop that is simulated: what it sells, how it dies and comes back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

/* ---- Dice ---- */

/* splitmix64: Vigna, 2015. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void dice_of(struct dice *dice, uint64_t seed, uint64_t number)
{
    dice->state = mix(seed ^ mix(number));
}

int dice_below(struct dice *dice, int below)
{
    dice->state = mix(dice->state);
    return (int)(dice->state % (uint64_t)below);
}

/* ---- What is sold ---- */

static void make(struct sim *sim, struct sku *sku, const char *code, const char *kind,
                 int64_t price_minor, const char *more)
{
    struct mini *mini = sim->mini;
    struct answer made = mini_http(
        mini, "POST /v1/products",
        mini_text(mini,
                  "{\"title\":\"%s\",\"kind\":\"%s\",\"skus\":[{\"code\":\"%s\",\"price\":{"
                  "\"amount\":%lld,\"currency\":\"CNY\"}%s}]}",
                  code, kind, code, (long long)price_minor, more));

    if (made.status != 201)
        sim_fail(sim, "cannot make %s: %s", code, made.body);
    sku->code = code;
    sku->price_minor = price_minor;
    sku->product = mini_get(mini, made, "id");
    sku->id = mini_get(mini, made, "skus.0.id");
    sku->number = id_of(sim, sku->id);
}

static void stock_up(struct sim *sim, const char *sku, int pieces)
{
    struct answer made = mini_http(sim->mini, "POST /v1/stock/movements",
                                   mini_text(sim->mini,
                                             "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":%d,"
                                             "\"reason\":\"first\"}",
                                             sku, pieces));

    if (made.status != 201)
        sim_fail(sim, "cannot receive: %s", made.body);
}

/* Goods, scarce ones, some below zero, content, seats of a course with its kit, a bundle. */
static void furnish(struct sim *sim)
{
    struct mini *mini = sim->mini;
    static const struct {
        const char *code, *kind, *more;
        int price_minor, pieces;
        bool limited;
    } plain[] = {{"MANY", "goods", "", 1990, 100000, true},
                 {"FEW", "goods", "", 333, 12, true},
                 {"LATE", "goods", ",\"stock\":{\"below_zero\":5}", 701, 3, false},
                 {"BOOK", "content", ",\"stock\":\"unlimited\"", 990, 0, false}};

    for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]); k++) {
        make(sim, &sim->skus[k], plain[k].code, plain[k].kind, plain[k].price_minor, plain[k].more);
        sim->skus[k].limited = plain[k].limited;
        if (plain[k].pieces > 0)
            stock_up(sim, sim->skus[k].id, plain[k].pieces);
    }
    make(sim, &sim->skus[4], "COURSE", "course", 33554467,
         mini_text(mini,
                   ",\"term_days\":168,\"components\":[{\"sku\":\"%s\",\"quantity\":1},"
                   "{\"sku\":\"%s\",\"quantity\":2,\"after_days\":30}]",
                   sim->skus[0].id, sim->skus[0].id));
    stock_up(sim, sim->skus[4].id, 20);
    make(sim, &sim->skus[5], "BOX", "bundle", 4001,
         mini_text(mini,
                   ",\"components\":[{\"sku\":\"%s\",\"quantity\":2},{\"sku\":\"%s\","
                   "\"quantity\":1},{\"sku\":\"%s\",\"quantity\":1}]",
                   sim->skus[0].id, sim->skus[1].id, sim->skus[3].id));
    make(sim, &sim->skus[6], "SEAT", "teacher", 555, "");
    stock_up(sim, sim->skus[6].id, 9);
}

/* What one person asked for, another one decides. */
static void hire(struct sim *sim)
{
    struct answer made = mini_http(sim->mini, "POST /v1/keys",
                                   "{\"name\":\"second\",\"scopes\":[\"*\"],\"rate_per_s\":10000}");

    if (made.status != 201)
        sim_fail(sim, "no second key: %s", made.body);
    sim->second_key = mini_get(sim->mini, made, "token");
}

/* ---- Life and death ---- */

/* The product's modules and the clerk. */
static const struct module *const *modules(void)
{
    static const struct module *all[32];
    int count = 0;

    while (modules_all[count]) {
        all[count] = modules_all[count];
        count++;
        assert(count < 31);
    }
    all[count] = &clerk_module;
    return all;
}

void world_open(struct sim *sim, bool simulated_disk)
{
    if (simulated_disk)
        disk_install(sim->seed, NULL);
    mini_seed(sim->seed * 2 + 1);
    sim->mini = mini_open_modules("sqlite", modules());
    if (simulated_disk)
        disk_clock(mini_platform(sim->mini)->env);
    provider_open(sim);
    furnish(sim);
    hire(sim);
    check_open(sim);
}

void world_close(struct sim *sim)
{
    check_close(sim);
    mini_close(sim->mini);
}

/* Another process took the lease, and died: we notice at our next commit, and take it again. */
static void take_lease_again(struct sim *sim)
{
    enum { LEASE_TAKEN_AFTER_MS = 10 * SECOND_MS };
    const char *body = mini_text(
        sim->mini, "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":1,\"reason\":\"rival\"}",
        sim->skus[0].id);

    for (int k = 0; k < 3 && sim->rival_fence == check_fence(sim); k++) {
        (void)mini_http(sim->mini, "POST /v1/stock/movements", body);
        mini_sleep_ms(sim->mini, LEASE_TAKEN_AFTER_MS);
    }
    sim->rival_fence = 0;
}

void world_calm(struct sim *sim)
{
    for (int what = 0; what < DISK_FAULTS; what++)
        disk_fail((enum disk_fault)what, 0);
    disk_room(-1);
    if (!disk_is_off())
        disk_cut_after(0, DISK_POWER);
    mini_fail_statement(sim->mini, 0);
    mini_arena_bytes(sim->mini, 0);
    sim->faulty = clerk_is_ill = false;
    if (sim->rival_fence && !disk_is_off())
        take_lease_again(sim);
    sim->rival_fence = 0;
}

void world_revive(struct sim *sim)
{
    if (!disk_is_off())
        return;
    sim->crashes++;
    check_close(sim);
    world_calm(sim);
    mini_restart(sim->mini);
    check_open(sim);
    check_all(sim);
    check_file(sim);
    check_shown(sim);
    if (!sim->cut_again)
        return;
    sim->cut_again = false;
    sim->faulty = true;
    sim->faulty_until = sim->event + 2;
    disk_cut_after(1, DISK_POWER);
}
