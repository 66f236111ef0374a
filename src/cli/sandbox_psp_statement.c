/*
 * sandbox_psp_statement.c - what happened on a day, in pages.
 *
 * A cursor is a place among the charges, or behind all of them a place among the refunds; records
 * are only added at the ends, so it stays true while the day grows.
 */
#include "cli/sandbox_psp.h"

#define FIRST_REFUND (INT64_C(1) << 40) /* Places from here on are of refunds. */

struct line {
    const char *type;
    struct str id, reference, account, currency;
    int64_t amount_minor, fee_minor, time_ms;
    bool settled;
};

static struct line charge_line(const struct psp_charge *charge)
{
    return (struct line){.type = "charge",
                         .id = charge->id,
                         .reference = charge->reference,
                         .account = charge->account,
                         .currency = charge->currency,
                         .amount_minor = charge->captured_minor,
                         .fee_minor = charge->fee_minor,
                         .time_ms = charge->time_ms,
                         .settled = charge->state == PSP_SUCCEEDED};
}

static struct line refund_line(const struct psp_refund *refund)
{
    return (struct line){.type = "refund",
                         .id = refund->id,
                         .reference = refund->reference,
                         .account = refund->account,
                         .currency = refund->currency,
                         .amount_minor = refund->amount_minor,
                         .time_ms = refund->time_ms,
                         .settled = refund->state == PSP_SUCCEEDED};
}

/* The record at the place, which moves on; false: there is none left. */
static bool next_line(const struct psp *psp, int64_t *place, struct line *line)
{
    if (*place >= (int64_t)psp->charge_count && *place < FIRST_REFUND)
        *place = FIRST_REFUND;
    if (*place < FIRST_REFUND)
        *line = charge_line(&psp->charges[*place]);
    else if (*place - FIRST_REFUND < (int64_t)psp->refund_count)
        *line = refund_line(&psp->refunds[*place - FIRST_REFUND]);
    else
        return false;
    (*place)++;
    return true;
}

static void put_line(struct json_out *out, const struct psp *psp, const struct line *line)
{
    char time[TIME_TEXT_LEN + 1];

    time_format(time, line->time_ms);
    json_object(out);
    json_member_text(out, "type", str_of(line->type));
    json_member_text(out, "id", line->id);
    json_member_text(out, "reference", line->reference);
    json_member_text(out, "account", line->account);
    json_key(out, STR("amount"));
    json_object(out);
    json_member_int(out, "amount", line->amount_minor);
    json_member_text(out, "currency", line->currency);
    json_object_end(out);
    json_member_int(out, "fee", line->fee_minor + psp->behaviour.statement_fee);
    json_member_text(out, "time", str_of(time));
    json_object_end(out);
}

static bool nth(int64_t number, int64_t every)
{
    return every > 0 && number % every == 0;
}

struct str psp_statement(struct cx *cx, struct psp *psp, const struct psp_page *page)
{
    const struct psp_behaviour *behaviour = &psp->behaviour;
    int64_t place = page->from, count = 0, number = 0;
    struct json_out out;
    struct line line;
    bool more = false;

    json_open(&out, cx, 4096);
    json_object(&out);
    json_key(&out, STR("lines"));
    json_list(&out);
    /* A line may stand twice: there is room for two. */
    while (!(more = count + 2 > page->limit) && next_line(psp, &place, &line)) {
        if (!line.settled || line.time_ms < page->day_ms || line.time_ms >= page->day_ms + DAY_MS)
            continue;
        if (nth(++number, behaviour->statement_lose))
            continue;
        put_line(&out, psp, &line);
        count++;
        if (nth(number, behaviour->statement_repeat)) {
            put_line(&out, psp, &line);
            count++;
        }
    }
    json_list_end(&out);
    json_key(&out, STR("next"));
    if (more)
        json_put_text(&out, cx_printf(cx, "%" PRId64, place));
    else
        json_put_null(&out);
    json_object_end(&out);
    return json_done(&out);
}
