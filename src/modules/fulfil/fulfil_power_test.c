/*
 * fulfil_power_test.c - the power goes at any write: what was answered is there, nothing is half.
 */
#include "modules/fulfil/fulfil_fixture.h"
#include "test/kit/disk.h"

enum { CUTS = 120, ANSWERED_MAX = 40, OPERATIONS_MAX = 160 };

/* Orders of one round that were answered, and how far each had come. */
struct round {
    struct mini *mini;
    const char *sku;
    const char *orders[ANSWERED_MAX];
    bool paid[ANSWERED_MAX], refunded[ANSWERED_MAX];
    int count;
};

static bool answered(struct mini *mini, const char *path, const char *body, struct answer *out)
{
    *out = mini_http(mini, mini_text(mini, "POST %s", path), body);
    CHECK_SAY(out->status == 201 || disk_is_off(), "%s: %d %s", path, out->status, out->body);
    return out->status == 201;
}

/* Sell, take the money, give it back, until the power is gone. */
static void trade(struct round *round)
{
    struct mini *mini = round->mini;
    struct answer answer;

    while (round->count < ANSWERED_MAX && !disk_is_off()) {
        int k = round->count;
        const char *order;

        if (!answered(mini, "/v1/orders",
                      mini_text(mini,
                                "{\"user\":\"u1\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                                "\"quantity\":1}]}",
                                round->sku),
                      &answer))
            break;
        round->orders[k] = order = mini_get(mini, answer, "id");
        round->count++;
        round->paid[k] = answered(mini, mini_text(mini, "/v1/orders/%s/payments", order),
                                  "{\"provider\":\"manual\"}", &answer);
        if (round->paid[k] && k % 2)
            round->refunded[k] = answered(mini, mini_text(mini, "/v1/orders/%s/refunds", order),
                                          "{\"reason\":\"x\"}", &answer);
    }
}

/* How many answers of the round are not in the database. */
static int lost(struct round *round)
{
    struct mini *mini = round->mini;
    int count = 0;

    for (int k = 0; k < round->count; k++) {
        struct answer got =
            mini_http(mini, mini_text(mini, "GET /v1/orders/%s", round->orders[k]), NULL);
        bool there = got.status == 200;
        const char *state = mini_get(mini, got, "state");

        if (there && round->paid[k])
            there = strcmp(state, "pending_payment") != 0;
        if (there && round->refunded[k])
            there = mini_get_int(mini, got, "refunded.amount") == 100;
        count += !there;
    }
    return count;
}

/* After a cut: what the database holds is whole. */
static void check_whole(struct mini *mini)
{
    int64_t paid = mini_count(mini, "select count(*) from orders where paid_minor = 100");

    CHECK_EQ_INT(mini_count(mini, "select count(*) from fulfil_shipment"), paid);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from pragma_integrity_check"
                                  " where integrity_check <> 'ok'"),
                 0);
    desk_ledger_ok(mini);
}

/* Trade until the power goes after so many writes; how many answers were lost. */
static int one_cut(struct mini *mini, const char *sku, int operations, int *trades)
{
    struct round round = {.mini = mini, .sku = sku};

    disk_cut_after(operations, DISK_POWER);
    trade(&round);
    if (!disk_is_off())
        disk_cut_after(1, DISK_POWER); /* Everything was traded: it goes while closing. */
    mini_restart(mini);
    *trades += round.count;
    return lost(&round);
}

TEST(fulfil_power, "the power goes at any write: what was answered is there, nothing is half",
     .slow = true)
{
    struct mini *mini;
    const char *sku;
    int trades = 0;

    disk_install(1, NULL);
    mini = mini_open("sqlite");
    sku = desk_sku(mini, "A", "goods", 100, 1000000, "");
    for (int cut = 1; cut <= CUTS; cut++) {
        CHECK_EQ_INT(one_cut(mini, sku, 1 + cut * OPERATIONS_MAX / CUTS, &trades), 0);
        check_whole(mini);
    }
    CHECK_SAY(trades > CUTS, "%d orders", trades);
    CHECK_SAY(disk_unsynced() > CUTS, "%lld writes at risk", (long long)disk_unsynced());
    mini_close(mini);
}

TEST(fulfil_lying_disk, "a disk that lies about its syncs loses answers: this test can fail",
     .slow = true)
{
    struct mini *mini;
    const char *sku;
    int trades = 0, count = 0;

    disk_install(2, NULL);
    mini = mini_open("sqlite");
    sku = desk_sku(mini, "A", "goods", 100, 1000000, "");
    mini_restart(mini);
    disk_lying(true);
    for (int cut = 1; cut <= 10 && count == 0; cut++)
        count += one_cut(mini, sku, 40 + cut * 10, &trades);
    CHECK(count > 0);
    mini_close(mini);
}
