/*
 * editor.c - documents of the simulation: rates of the clerk's, edited, published and taken back
 * while people buy; and whether what decisions see is what the database has.
 *
 * "left" and "right" are published together only, and of one round: whoever sees one of each sees a
 * publication whole.
 */
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

static const char *const keys[] = {"left", "right", "lone", "grey"};
enum { LEFT, RIGHT, LONE, GREY, KEYS = SIM_DOCUMENTS, WHOLE = 10000 };

/* ---- Editing ---- */

static int64_t version_fact(int key, int64_t version)
{
    return (int64_t)key * 1000000 + version;
}

/* What the editor knows of a document: its newest version and what that says. */
static void saved(struct sim *sim, struct ask *ask, struct answer answer)
{
    struct edited *edited = &sim->edited[ask->number];

    edited->version = mini_get_int(sim->mini, answer, "version");
    edited->round = mini_get_int(sim->mini, answer, "document.round");
    learn(sim, FACT_VERSION, version_fact((int)ask->number, edited->version));
}

/* Half of a pair follows the other half; else something new is said. */
static int64_t next_round(const struct sim *sim, int key)
{
    int64_t newest = 0;

    if (key == RIGHT && sim->edited[LEFT].round > sim->edited[RIGHT].round)
        return sim->edited[LEFT].round;
    for (int k = 0; k < KEYS; k++)
        if (sim->edited[k].round > newest)
            newest = sim->edited[k].round;
    return newest + 1;
}

bool edit_document(struct sim *sim, struct ask *ask)
{
    int key = dice_below(&sim->dice, KEYS);

    if (key == LEFT && sim->edited[LEFT].round != sim->edited[RIGHT].round)
        key = RIGHT;
    if (key == RIGHT && sim->edited[LEFT].round == sim->edited[RIGHT].round)
        key = LEFT;
    ask->number = key;
    ask->then = saved;
    ask->request =
        mini_text(sim->mini, "GET /v1/documents/clerk.rate/%s/versions/latest", keys[key]);
    if (dice_percent(&sim->dice, 20)) /* What was not answered may have happened. */
        return true;
    ask->request = mini_text(sim->mini, "PUT /v1/documents/clerk.rate/%s", keys[key]);
    ask->body = mini_text(sim->mini, "{\"document\":{\"round\":%lld},\"why\":\"sim\"}",
                          (long long)next_round(sim, key));
    if (sim->edited[key].version > 0)
        ask->headers[ask->header_count++] = (struct pair){
            STR("If-Match"),
            str_of(mini_text(sim->mini, "\"%lld\"", (long long)sim->edited[key].version))};
    return true;
}

static void published(struct sim *sim, struct ask *ask, struct answer answer)
{
    (void)ask;
    sim->published = mini_get_int(sim->mini, answer, "seq");
    learn(sim, FACT_PUBLICATION, sim->published);
}

static const char *item(struct sim *sim, int key, int64_t version, int share)
{
    return mini_text(sim->mini,
                     "{\"collection\":\"clerk.rate\",\"key\":\"%s\",\"version\":%lld,"
                     "\"share\":%d}",
                     keys[key], (long long)version, share);
}

static bool pair_is_whole(const struct sim *sim)
{
    return sim->edited[LEFT].version > 0 && sim->edited[LEFT].round == sim->edited[RIGHT].round;
}

bool publish_document(struct sim *sim, struct ask *ask)
{
    int key = dice_below(&sim->dice, KEYS);
    bool ends = dice_percent(&sim->dice, 15);

    if (key <= RIGHT ? !pair_is_whole(sim) : sim->edited[key].version == 0)
        return false;
    ask->request = "POST /v1/publications";
    ask->then = published;
    make_wish(sim, ask);
    ask->body = item(sim, key, ends ? 0 : sim->edited[key].version,
                     key == GREY && !ends ? 1 + dice_below(&sim->dice, WHOLE) : WHOLE);
    if (key <= RIGHT)
        ask->body = mini_text(sim->mini, "%s,%s",
                              item(sim, LEFT, ends ? 0 : sim->edited[LEFT].version, WHOLE),
                              item(sim, RIGHT, ends ? 0 : sim->edited[RIGHT].version, WHOLE));
    ask->body = mini_text(sim->mini, "{\"items\":[%s],\"why\":\"sim\"}", ask->body);
    if (ask->wish >= 0)
        sim->wishes[ask->wish].body = ask->body;
    return true;
}

bool undo_publication(struct sim *sim, struct ask *ask)
{
    if (sim->published == 0)
        return false;
    ask->request = mini_text(sim->mini, "POST /v1/publications/%lld/undo",
                             (long long)sim->published - dice_below(&sim->dice, 2));
    ask->body = "{\"why\":\"sim\"}";
    ask->then = published;
    return true;
}

/* ---- What is seen ---- */

static long long number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

/* What "left=3@12" says of left: 12. */
static long long round_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    at = at ? strchr(at, '@') : NULL;
    return at ? strtoll(at + 1, NULL, 10) : -1;
}

static const char *shown_to(struct sim *sim, int user)
{
    struct answer answer =
        mini_http(sim->mini, mini_text(sim->mini, "GET /v1/clerk/rates?user=user%d", user), NULL);

    if (answer.status != 200) {
        if (!sim->faulty)
            sim_fail(sim, "rates cannot be read: %d %s", answer.status, answer.body);
        return NULL;
    }
    return answer.body;
}

/* The keeper tries again what a fault has cut short. */
static const char *settled(struct sim *sim, int user, int64_t seq)
{
    const char *shown = shown_to(sim, user);

    if (number_after(shown, "\"seq\":") == seq)
        return shown;
    mini_sleep_ms(sim->mini, SECOND_MS);
    shown = shown_to(sim, user);
    if (number_after(shown, "\"seq\":") != seq)
        sim_fail(sim, "publication %lld stands in the database, and decisions see %s",
                 (long long)seq, shown);
    return shown;
}

static void check_user(struct sim *sim, int user)
{
    struct standing standing[KEYS];
    int64_t seq = check_standing(sim, keys, standing);
    const char *shown = settled(sim, user, seq);

    for (int k = 0; k < KEYS; k++) {
        long long version = number_after(shown, mini_text(sim->mini, "%s=", keys[k]));

        if (version == -1)
            version = 0;
        if (version != standing[k].live && (version == 0 || version != standing[k].grey))
            sim_fail(sim, "%s has version %lld and %lld in force, and user%d sees %s", keys[k],
                     (long long)standing[k].live, (long long)standing[k].grey, user, shown);
    }
}

void check_documents(struct sim *sim)
{
    int user = sim->event % SIM_USERS;
    const char *shown = shown_to(sim, user);

    if (shown && round_of(shown, "left=") != round_of(shown, "right="))
        sim_fail(sim, "half of a publication is seen: %s", shown);
    if (!sim->faulty)
        check_user(sim, user);
}
