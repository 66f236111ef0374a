/*
 * payment_reconcile_test.c - the provider's statement against our ledger: every kind of difference.
 */
#include "modules/payment/payment_fixture.h"

/* A day with two captures and a refund; statements are written from these. */
struct day {
    struct shop *shop;
    const char *first, *second, *part; /* pay_, pay_, prf_ */
};

static struct day a_day(const char *db)
{
    struct day day = {.shop = shop_open(db)};
    struct shop *shop = day.shop;
    const char *order, *code;

    mini_sleep_ms(shop->mini, HOUR_MS);
    order = shop_order(shop, 1);
    day.first = shop_intent(shop, order, 0);
    shop_succeed(shop, day.first, PRICE_MINOR, "captured");
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    day.part = mini_text(shop->mini, "%s", shop->last_reference);
    order = shop_order(shop, 2);
    day.second = shop_intent(shop, order, 0);
    shop_succeed(shop, day.second, 2 * PRICE_MINOR, "captured");
    return day;
}

struct line {
    const char *type, *ours;
    int64_t amount_minor, fee_minor;
    const char *ref, *account; /* NULL: as it should be */
};

static const char *line(const struct day *day, struct line l)
{
    const char *prefix = l.type[0] == 'c' ? "ch" : "re";

    return mini_text(day->shop->mini,
                     "{\"type\":\"%s\",\"id\":\"%s\",\"reference\":\"%s\",\"account\":\"%s\","
                     "\"amount\":{\"amount\":%lld,\"currency\":\"CNY\"},\"fee\":%lld,"
                     "\"time\":\"2026-01-01T01:00:00Z\"}",
                     l.type, l.ref ? l.ref : mini_text(day->shop->mini, "%s_%s", prefix, l.ours),
                     l.ours, l.account ? l.account : "main", (long long)l.amount_minor,
                     (long long)l.fee_minor);
}

static const char *statement(const struct day *day, const char *lines, const char *next)
{
    return mini_text(day->shop->mini, "{\"date\":\"2026-01-01\",\"lines\":[%s],\"next\":%s}", lines,
                     next);
}

static const char *first_line(const struct day *day)
{
    return line(day, (struct line){"charge", day->first, PRICE_MINOR, FEE_MINOR, NULL, NULL});
}

static const char *second_line(const struct day *day)
{
    return line(day, (struct line){"charge", day->second, 2 * PRICE_MINOR, FEE_MINOR, NULL, NULL});
}

static const char *refund_line(const struct day *day)
{
    return line(day, (struct line){"refund", day->part, 700, 0, NULL, NULL});
}

static const char *all_lines(const struct day *day)
{
    return mini_text(day->shop->mini, "%s,%s,%s", first_line(day), second_line(day),
                     refund_line(day));
}

static struct answer run(const struct day *day)
{
    struct answer answer = mini_http(day->shop->mini, "POST /v1/reconciliations",
                                     "{\"date\":\"2026-01-01\",\"provider\":\"sandbox\"}");

    CHECK_SAY(answer.status == 202, "%s", answer.body);
    mini_settle(day->shop->mini);
    answer = mini_http(day->shop->mini, "GET /v1/reconciliations/2026-01-01", NULL);
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return answer;
}

static void finds(const struct day *day, const char *statement_text, const char *kind,
                  int64_t ours_minor, int64_t theirs_minor)
{
    struct answer answer;
    struct mini *mini = day->shop->mini;

    day->shop->statement = statement_text;
    answer = run(day);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.reconciliation.state"), "done");
    CHECK_SAY(mini_get_int(mini, answer, "data.0.reconciliation.differences") == 1, "%s: %s", kind,
              answer.body);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.differences.0.kind"), kind);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.differences.0.ours.amount"), ours_minor);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.differences.0.theirs.amount"), theirs_minor);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.differences.1.kind"), "");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment_statement"), 0);
}

TEST_DB(payment_reconcile_by_itself,
        "yesterday is reconciled by itself, at the hour of the setting")
{
    struct day day = a_day(db);
    struct mini *mini = day.shop->mini;
    struct answer answer;

    day.shop->statement = statement(&day, all_lines(&day), "null");
    mini_sleep_ms(mini, DAY_MS + 2 * HOUR_MS);
    CHECK_EQ_INT(day.shop->statements, 0); /* 03:00: not yet. */
    mini_sleep_ms(mini, HOUR_MS);
    mini_sleep_ms(mini, 10 * MINUTE_MS);
    CHECK_EQ_INT(day.shop->statements, 1);
    answer = mini_http(mini, "GET /v1/reconciliations", NULL);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.day"), "2026-01-01T00:00:00.000Z");
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.state"), "done");
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.lines"), 3);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.differences"), 0);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.accounts.0.entity"), "main");
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.accounts.0.charges"), 2);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.accounts.0.charged.amount"), 3 * PRICE_MINOR);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.accounts.0.refunded.amount"), 700);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.accounts.0.fees.amount"), 2 * FEE_MINOR);
    mini_sleep_ms(mini, 2 * HOUR_MS);
    CHECK_EQ_INT(day.shop->statements, 1); /* Once a day. */
    CHECK_EQ_INT(shop_events(day.shop, "payment.difference_found"), 0);
    shop_close(day.shop);
}

TEST_DB(payment_differences, "every kind of difference is listed, with both amounts")
{
    struct day day = a_day(db);
    struct mini *mini = day.shop->mini;
    const char *first = first_line(&day), *second = second_line(&day), *back = refund_line(&day);

    mini_sleep_ms(mini, DAY_MS);
    finds(&day, statement(&day, mini_text(mini, "%s,%s", first, back), "null"), "missing_there",
          2 * PRICE_MINOR, 0);
    finds(&day, statement(&day, mini_text(mini, "%s,%s", first, second), "null"), "missing_there",
          700, 0);
    finds(&day,
          statement(&day,
                    mini_text(mini, "%s,%s", all_lines(&day),
                              line(&day, (struct line){"charge", "somebody", 55, 1, "ch_x", NULL})),
                    "null"),
          "missing_here", 0, 55);
    finds(&day,
          statement(&day,
                    mini_text(mini, "%s,%s", all_lines(&day),
                              line(&day, (struct line){"refund", "prf_0000000000001", 55, 0, "re_x",
                                                       NULL})),
                    "null"),
          "missing_here", 0, 55);
    finds(&day,
          statement(&day,
                    mini_text(mini, "%s,%s,%s", first, back,
                              line(&day, (struct line){"charge", day.second, 3000, FEE_MINOR, NULL,
                                                       NULL})),
                    "null"),
          "amount_differs", 2 * PRICE_MINOR, 3000);
    finds(&day,
          statement(&day,
                    mini_text(mini, "%s,%s,%s", first, second,
                              line(&day, (struct line){"refund", day.part, 701, 0, NULL, NULL})),
                    "null"),
          "amount_differs", 700, 701);
    finds(&day,
          statement(&day,
                    mini_text(mini, "%s,%s,%s", first, back,
                              line(&day, (struct line){"charge", day.second, 2 * PRICE_MINOR, 99,
                                                       NULL, NULL})),
                    "null"),
          "fee_differs", FEE_MINOR, 99);
    finds(&day,
          statement(&day,
                    mini_text(mini, "%s,%s,%s", first, back,
                              line(&day, (struct line){"charge", day.second, 2 * PRICE_MINOR,
                                                       FEE_MINOR, NULL, "other"})),
                    "null"),
          "account_differs", 2 * PRICE_MINOR, 2 * PRICE_MINOR);
    finds(&day, statement(&day, mini_text(mini, "%s,%s", all_lines(&day), first), "null"),
          "duplicated", 0, PRICE_MINOR);
    finds(&day,
          statement(&day,
                    mini_text(mini, "%s,%s", all_lines(&day),
                              line(&day, (struct line){"charge", day.first, PRICE_MINOR, FEE_MINOR,
                                                       "ch_second", NULL})),
                    "null"),
          "duplicated", PRICE_MINOR, PRICE_MINOR);
    shop_close(day.shop);
}

TEST_DB(payment_differences_told,
        "a difference is told once; a run that no longer sees it forgets it")
{
    struct day day = a_day(db);
    struct mini *mini = day.shop->mini;
    const char *missing =
        statement(&day, mini_text(mini, "%s,%s", first_line(&day), refund_line(&day)), "null");
    struct answer answer;

    mini_sleep_ms(mini, DAY_MS);
    finds(&day, missing, "missing_there", 2 * PRICE_MINOR, 0);
    finds(&day, missing, "missing_there", 2 * PRICE_MINOR, 0);
    CHECK_EQ_INT(shop_events(day.shop, "payment.difference_found"), 1);
    answer = mini_http(mini, "GET /v1/reconciliations/2026-01-01", NULL);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.reconciliation.run"), 2);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.differences.0.payment"), day.second);
    day.shop->statement = statement(&day, all_lines(&day), "null");
    answer = run(&day);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.reconciliation.differences"), 0);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.differences"), "[]");
    shop_close(day.shop);
}

TEST_DB(payment_statement_pages, "a statement of several pages is one statement")
{
    struct day day = a_day(db);
    struct mini *mini = day.shop->mini;
    struct answer answer;

    mini_sleep_ms(mini, DAY_MS);
    day.shop->statement =
        statement(&day, mini_text(mini, "%s,%s", first_line(&day), second_line(&day)), "\"page2\"");
    day.shop->statement_more =
        statement(&day, mini_text(mini, "%s,%s", refund_line(&day), first_line(&day)), "null");
    answer = run(&day);
    CHECK_EQ_INT(day.shop->statements, 2);
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.reconciliation.lines"), 4);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.differences.0.kind"), "duplicated");
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.differences.1.kind"), "");
    shop_close(day.shop);
}

TEST_DB(payment_statement_absent,
        "a statement that does not come, or cannot be read, is fetched again")
{
    struct day day = a_day(db);
    struct mini *mini = day.shop->mini;
    struct answer answer;

    mini_sleep_ms(mini, DAY_MS + 4 * HOUR_MS);
    answer = mini_http(mini, "GET /v1/reconciliations", NULL);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.state"), "failed");
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.error"), "HTTP 404");
    day.shop->statement = "{\"lines\":[{}]}";
    for (int k = 0; k < 7; k++)
        mini_sleep_ms(mini, 10 * MINUTE_MS);
    answer = mini_http(mini, "GET /v1/reconciliations", NULL);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.error"), "the statement cannot be read");
    day.shop->statement = statement(&day, all_lines(&day), "null");
    for (int k = 0; k < 7; k++)
        mini_sleep_ms(mini, 10 * MINUTE_MS);
    answer = mini_http(mini, "GET /v1/reconciliations", NULL);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.state"), "done");
    CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.run"), 3);
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, "GET /v1/dead-letters", NULL), "data"), "[]");
    shop_close(day.shop);
}

TEST_DB(payment_reconcile_refused,
        "a day that is none, not begun, or of no such provider is refused")
{
    static const struct {
        const char *body, *code;
    } rows[] = {
        {"{\"date\":\"2026-13-01\",\"provider\":\"sandbox\"}", "bad_value"},
        {"{\"date\":\"2026-1-1\",\"provider\":\"sandbox\"}", "out_of_range"},
        {"{\"date\":\"2026-01-03\",\"provider\":\"sandbox\"}", "out_of_range"},
        {"{\"date\":\"2026-01-01\",\"provider\":\"manual\"}", "no_such_provider"},
        {"{\"date\":\"2026-01-01\"}", "required"},
    };
    struct shop *shop = shop_open(db);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct answer answer = mini_http(shop->mini, "POST /v1/reconciliations", rows[k].body);

        CHECK_SAY(answer.status == 400, "%zu: %s", k, answer.body);
        CHECK_EQ_STR(mini_get(shop->mini, answer, "code"), rows[k].code);
    }
    CHECK_EQ_INT(mini_http(shop->mini, "GET /v1/reconciliations/yesterday", NULL).status, 400);
    shop_close(shop);
}

TEST_DB(payment_inbox_forgets, "notices are forgotten after 90 days, and told again change nothing")
{
    struct day day = a_day(db);
    struct mini *mini = day.shop->mini;

    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment_inbox"), 2);
    mini_sleep_ms(mini, 91 * DAY_MS);
    mini_sleep_ms(mini, DAY_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment_inbox"), 0);
    shop_succeed(day.shop, day.first, PRICE_MINOR, "repeated");
    shop_ledger_ok(day.shop);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment_inbox"), 1);
    CHECK_EQ_INT(
        mini_http(mini, "PUT /v1/settings/payment.notices_kept_days", "{\"value\":1}").status, 200);
    mini_sleep_ms(mini, 2 * DAY_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment_inbox"), 0);
    shop_close(day.shop);
}

TEST_DB(payment_reconcile_faults,
        "whichever statement fails while a day is compared, its difference is found, and told once",
        .slow = true)
{
    struct day day = a_day(db);
    struct mini *mini = day.shop->mini;
    struct answer answer;
    bool fired = true;

    mini_sleep_ms(mini, DAY_MS);
    day.shop->statement =
        statement(&day, mini_text(mini, "%s,%s", first_line(&day), refund_line(&day)), "null");
    for (int nth = 1; fired; nth++) {
        mini_sleep_ms(mini, 10 * SECOND_MS); /* What failed before waits a while. */
        answer = mini_http(mini, "POST /v1/reconciliations",
                           "{\"date\":\"2026-01-01\",\"provider\":\"sandbox\"}");
        CHECK_SAY(answer.status == 202, "%s", answer.body);
        mini_fail_statement(mini, nth);
        mini_settle(mini);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        for (int k = 0; mini_count(mini, "select count(*) from payment_reconciliation"
                                         " where state = 'done'") == 0;
             k++) {
            CHECK_SAY(k < 40, "statement %d: never done", nth);
            mini_sleep_ms(mini, 2 * SECOND_MS);
        }
        answer = mini_http(mini, "GET /v1/reconciliations/2026-01-01", NULL);
        CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.reconciliation.lines"), 2);
        CHECK_EQ_INT(mini_get_int(mini, answer, "data.0.reconciliation.differences"), 1);
        CHECK_EQ_STR(mini_get(mini, answer, "data.0.differences.0.payment"), day.second);
        CHECK_EQ_INT(shop_events(day.shop, "payment.difference_found"), 1);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from payment_statement"), 0);
        CHECK(nth < 1000);
    }
    shop_ledger_ok(day.shop);
    shop_close(day.shop);
}
