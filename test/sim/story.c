/*
 * story.c - what happens next, and how the world comes to rest.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test/sim/sim.h"

enum { REST_STEPS = 40, REST_NOTICES_MAX = 4000 };

/* ---- Requests ---- */

static const struct {
    person *wants;
    int weight;
    const char *name;
} people[] = {
    {buy, 30, "buy"},
    {pay_by_hand, 10, "pay by hand"},
    {pay_by_provider, 14, "pay"},
    {provider_tells, 16, "notice"},
    {cancel_order, 4, "cancel"},
    {give_back_some, 9, "give back"},
    {ship_one, 8, "ship"},
    {deliver_one, 5, "deliver"},
    {receive_pieces, 5, "receive"},
    {decide_refund, 3, "decide"},
    {send_again, 8, "again"},
    {swap_one, 2, "send once more"},
    {change_price, 2, "price"},
    {edit_document, 4, "edit"},
    {publish_document, 3, "publish"},
    {undo_publication, 1, "take back"},
};
enum { PEOPLE = sizeof(people) / sizeof(people[0]) };

static int someone(struct sim *sim)
{
    int sum = 0, dice;

    for (int k = 0; k < PEOPLE; k++)
        sum += people[k].weight;
    dice = dice_below(&sim->dice, sum);
    for (int k = 0; k < PEOPLE; k++) {
        dice -= people[k].weight;
        if (dice < 0)
            return k;
    }
    return 0;
}

static void requests(struct sim *sim, int count)
{
    struct ask asks[SIM_BATCH_MAX];
    int n = 0;

    for (int k = 0; k < count; k++) {
        int who = someone(sim);

        asks[n] = (struct ask){.wish = -1};
        if (!people[who].wants(sim, &asks[n]))
            continue;
        sim_say(sim, "%s%s", n ? ", " : "", people[who].name);
        n++;
    }
    ask_all(sim, asks, n);
}

/* ---- Trouble ---- */

static void for_a_while(struct sim *sim, int events)
{
    sim->faulty = true;
    sim->faulty_until = sim->event + 1 + dice_below(&sim->dice, events);
}

static void trouble(struct sim *sim)
{
    int n = 1 + dice_below(&sim->dice, 30);

    for_a_while(sim, 6);
    switch (dice_below(&sim->dice, 10)) {
    case 0:
    case 1:
        sim_say(sim, "statement %d will fail", n);
        mini_fail_statement(sim->mini, n);
        break;
    case 2:
        n = 2 + dice_below(&sim->dice, 60);
        sim_say(sim, "a unit of work has %d KiB", n);
        mini_arena_bytes(sim->mini, (size_t)n << 10);
        break;
    case 3:
        sim_say(sim, "write %d fails", n);
        disk_fail(DISK_WRITE, n);
        break;
    case 4:
        n = 1 + dice_below(&sim->dice, 4);
        sim_say(sim, "sync %d fails", n);
        disk_fail(DISK_SYNC, n);
        break;
    case 5:
        sim_say(sim, "read %d fails", n);
        disk_fail(DISK_READ, n);
        break;
    case 6:
        n = dice_below(&sim->dice, 40);
        sim_say(sim, "the disk has %d KiB left", n);
        disk_room((int64_t)n << 10);
        break;
    case 7:
        sim_say(sim, "the clerk is ill");
        clerk_is_ill = true;
        break;
    case 8:
        sim_say(sim, "another process takes the lease");
        sim->rival_fence = check_rival(sim);
        break;
    default:
        sim->provider.down = n / 3;
        sim_say(sim, "the provider is down for %d calls", n / 3);
    }
}

static void crash(struct sim *sim)
{
    bool killed = dice_percent(&sim->dice, 40);
    int n = 1 + dice_below(&sim->dice, 60);

    sim_say(sim, "%s at write %d", killed ? "killed" : "power off", n);
    sim->cut_again = killed && dice_percent(&sim->dice, 40);
    sim->faulty = true;
    sim->faulty_until = sim->event + 12;
    disk_cut_after(n, killed ? DISK_KILL : DISK_POWER);
}

static void time_passes(struct sim *sim)
{
    static const int64_t most_ms[] = {SECOND_MS,      SECOND_MS,   MINUTE_MS,
                                      20 * MINUTE_MS, 8 * HOUR_MS, 40 * DAY_MS};
    int64_t ms =
        1 +
        (int64_t)(dice_below(&sim->dice, 1000) *
                  (most_ms[dice_below(&sim->dice, dice_percent(&sim->dice, 5) ? 6 : 4)] / 1000));

    sim_say(sim, "%lld ms pass", (long long)ms);
    mini_sleep_ms(sim->mini, ms);
}

static void restart(struct sim *sim)
{
    sim_say(sim, "an orderly restart");
    check_close(sim);
    world_calm(sim);
    mini_restart(sim->mini);
    check_open(sim);
}

/* ---- One event ---- */

static void happen(struct sim *sim)
{
    int dice = dice_below(&sim->dice, 1000);

    if (dice < 600)
        requests(sim, 1);
    else if (dice < 750)
        requests(sim, 2 + dice_below(&sim->dice, SIM_BATCH_MAX - 1));
    else if (dice < 860)
        (void)(provider_acts(sim) || (requests(sim, 1), true));
    else if (dice < 970)
        time_passes(sim);
    else if (sim->faulty)
        requests(sim, 3);
    else if (dice < 988)
        trouble(sim);
    else if (dice < 998)
        crash(sim);
    else
        restart(sim);
}

void story_event(struct sim *sim, int number)
{
    sim->event = number;
    sim->text[0] = '\0';
    dice_of(&sim->dice, sim->seed, (uint64_t)number);
    if (sim->faulty && number >= sim->faulty_until)
        world_calm(sim);
    happen(sim);
    if (sim->tell)
        printf("%5d  %s\n", number, sim->text);
    world_revive(sim);
    if (!sim->faulty)
        check_touched(sim);
    if (!sim->faulty && number % 32 == 0)
        check_all(sim);
    if (!sim->faulty && number % 8 == 0)
        check_price(sim, &sim->skus[number / 8 % SIM_SKUS]);
    if (number % 8 == 4)
        check_documents(sim);
}

/* ---- Rest ---- */

/* The faults are over, the provider tells all, time passes: everything comes to its end. */
void story_rest(struct sim *sim)
{
    sim->event++;
    sim->text[0] = '\0';
    sim_say(sim, "rest: ");
    dice_of(&sim->dice, sim->seed, UINT64_MAX);
    world_revive(sim);
    world_calm(sim);
    sim->provider.down = 0;
    for (int step = 0; step < REST_STEPS; step++) {
        struct ask ask = {.wish = -1};

        mini_sleep_ms(sim->mini, step < 30 ? 10 * MINUTE_MS : 8 * DAY_MS);
        for (int k = 0; k < 4 && provider_acts(sim); k++)
            ;
        for (int k = 0; k < REST_NOTICES_MAX && provider_all_told(sim, &ask); k++) {
            ask_one(sim, &ask);
            ask = (struct ask){.wish = -1};
        }
        check_touched(sim);
    }
    check_all(sim);
    check_documents(sim);
    check_file(sim);
    check_rest(sim);
}
