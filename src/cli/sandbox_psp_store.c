/*
 * sandbox_psp_store.c - charges and refunds, in memory and in a file of JSON lines when
 * asked: each line is a record as it became, and the last of a record counts.
 */
#include "cli/sandbox_psp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const psp_states[] = {"pending", "succeeded", "failed", NULL};

const struct field psp_charge_fields[] = {
    F(psp_charge, id),
    F(psp_charge, reference),
    F(psp_charge, key, .flags = FIELD_OMIT, .max = 255),
    F(psp_charge, account),
    F(psp_charge, notify_url),
    F(psp_charge, pay_url),
    F(psp_charge, reason, .flags = FIELD_OMIT),
    F_ENUM(psp_charge, state, psp_states),
    F_MONEY(psp_charge, amount_minor, currency, "amount"),
    F(psp_charge, captured_minor),
    F(psp_charge, refunded_minor),
    {.name = "fee", .type = FIELD_INT, FIELD_AT(psp_charge, fee_minor)},
    F(psp_charge, instalments),
    {.name = "subsidised_fee", .type = FIELD_INT, FIELD_AT(psp_charge, subsidised_minor)},
    F_TIME(psp_charge, created_ms, "created_at"),
    F_TIME(psp_charge, time_ms, "time"),
    F_END};

const struct field psp_refund_fields[] = {F(psp_refund, id),
                                          F(psp_refund, reference),
                                          F(psp_refund, key, .flags = FIELD_OMIT, .max = 255),
                                          F(psp_refund, charge),
                                          F(psp_refund, account),
                                          F(psp_refund, notify_url),
                                          F(psp_refund, reason, .flags = FIELD_OMIT),
                                          F_ENUM(psp_refund, state, psp_states),
                                          F_MONEY(psp_refund, amount_minor, currency, "amount"),
                                          F_TIME(psp_refund, time_ms, "time"),
                                          F_END};

int64_t psp_now_ms(void)
{
    return env_system()->wall_ms(env_system());
}

int64_t psp_draw(int64_t below)
{
    uint64_t word;

    env_system()->random(env_system(), &word, sizeof(word));
    return (int64_t)(word % (uint64_t)below);
}

bool psp_chance(int64_t percent)
{
    return percent > 0 && psp_draw(100) < percent;
}

void psp_init(struct psp *psp)
{
    pthread_mutex_init(&psp->lock, NULL);
    arena_init(&psp->texts, PSP_TEXTS_BYTES_MAX);
    snprintf(psp->prefix, sizeof(psp->prefix), "%" PRIx64, (uint64_t)psp_now_ms());
}

void psp_free(struct psp *psp)
{
    if (psp->file)
        fclose(psp->file);
    free(psp->charges);
    free(psp->refunds);
    free(psp->charge_index.slots);
    free(psp->refund_index.slots);
    arena_free(&psp->texts);
    pthread_mutex_destroy(&psp->lock);
}

/* ---- Growing ---- */

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct str keep(struct psp *psp, struct str s)
{
    char *copy;

    if (!s.ptr)
        return s;
    copy = must(arena_try(&psp->texts, s.len + 1));
    memcpy(copy, s.ptr, s.len);
    return (struct str){copy, s.len};
}

static void *room_for(void *items, size_t count, size_t *size, size_t item_size)
{
    if (count < *size)
        return items;
    *size = *size ? *size * 2 : 64;
    return must(realloc(items, *size * item_size));
}

/* ---- Names of records: one open table, over references, keys and ids ---- */

typedef bool has_name(const struct psp *psp, uint32_t record, struct str name);

static bool charge_has(const struct psp *psp, uint32_t record, struct str name)
{
    const struct psp_charge *charge = &psp->charges[record];

    return str_eq(charge->reference, name) || str_eq(charge->key, name) || str_eq(charge->id, name);
}

static bool refund_has(const struct psp *psp, uint32_t record, struct str name)
{
    const struct psp_refund *refund = &psp->refunds[record];

    return str_eq(refund->reference, name) || str_eq(refund->key, name) || str_eq(refund->id, name);
}

static int64_t index_find(const struct psp *psp, const struct psp_index *index, has_name *has,
                          struct str name)
{
    if (index->size == 0 || name.len == 0)
        return -1;
    for (size_t at = str_hash(name, 7);; at++) {
        uint32_t slot = index->slots[at & (index->size - 1)];

        if (slot == 0)
            return -1;
        if (has(psp, slot - 1, name))
            return slot - 1;
    }
}

static void index_put(struct psp_index *index, uint32_t record, struct str name)
{
    size_t at = str_hash(name, 7);

    if (name.len == 0)
        return;
    while (index->slots[at & (index->size - 1)])
        at++;
    index->slots[at & (index->size - 1)] = record + 1;
    index->count++;
}

/* At most half full: made anew, twice as large, by the caller's names. */
static bool index_full(const struct psp_index *index)
{
    return (index->count + 3) * 2 > index->size;
}

static void index_clear(struct psp_index *index)
{
    index->size = index->size ? index->size * 2 : 1024;
    index->count = 0;
    free(index->slots);
    index->slots = must(calloc(index->size, sizeof(*index->slots)));
}

static void name_charge(struct psp *psp, size_t record)
{
    const struct psp_charge *charge = &psp->charges[record];

    index_put(&psp->charge_index, (uint32_t)record, charge->reference);
    index_put(&psp->charge_index, (uint32_t)record, charge->key);
    index_put(&psp->charge_index, (uint32_t)record, charge->id);
}

static void name_refund(struct psp *psp, size_t record)
{
    const struct psp_refund *refund = &psp->refunds[record];

    index_put(&psp->refund_index, (uint32_t)record, refund->reference);
    index_put(&psp->refund_index, (uint32_t)record, refund->key);
    index_put(&psp->refund_index, (uint32_t)record, refund->id);
}

struct psp_charge *psp_charge_find(struct psp *psp, struct str name)
{
    int64_t found = index_find(psp, &psp->charge_index, charge_has, name);

    return found < 0 ? NULL : &psp->charges[found];
}

struct psp_refund *psp_refund_find(struct psp *psp, struct str name)
{
    int64_t found = index_find(psp, &psp->refund_index, refund_has, name);

    return found < 0 ? NULL : &psp->refunds[found];
}

/* Keep a copy of the record, and of its texts. */
static struct psp_charge *add_charge(struct psp *psp, struct psp_charge charge)
{
    charge.id = keep(psp, charge.id);
    charge.reference = keep(psp, charge.reference);
    charge.key = keep(psp, charge.key);
    charge.account = keep(psp, charge.account);
    charge.currency = keep(psp, charge.currency);
    charge.notify_url = keep(psp, charge.notify_url);
    charge.pay_url = keep(psp, charge.pay_url);
    charge.reason = keep(psp, charge.reason);
    psp->charges =
        room_for(psp->charges, psp->charge_count, &psp->charge_size, sizeof(*psp->charges));
    psp->charges[psp->charge_count++] = charge;
    if (index_full(&psp->charge_index)) {
        index_clear(&psp->charge_index);
        for (size_t k = 0; k < psp->charge_count; k++)
            name_charge(psp, k);
    } else {
        name_charge(psp, psp->charge_count - 1);
    }
    return &psp->charges[psp->charge_count - 1];
}

static struct psp_refund *add_refund(struct psp *psp, struct psp_refund refund)
{
    refund.id = keep(psp, refund.id);
    refund.reference = keep(psp, refund.reference);
    refund.key = keep(psp, refund.key);
    refund.charge = keep(psp, refund.charge);
    refund.account = keep(psp, refund.account);
    refund.currency = keep(psp, refund.currency);
    refund.notify_url = keep(psp, refund.notify_url);
    refund.reason = keep(psp, refund.reason);
    psp->refunds =
        room_for(psp->refunds, psp->refund_count, &psp->refund_size, sizeof(*psp->refunds));
    psp->refunds[psp->refund_count++] = refund;
    if (index_full(&psp->refund_index)) {
        index_clear(&psp->refund_index);
        for (size_t k = 0; k < psp->refund_count; k++)
            name_refund(psp, k);
    } else {
        name_refund(psp, psp->refund_count - 1);
    }
    return &psp->refunds[psp->refund_count - 1];
}

/* ---- The file ---- */

static void write_line(struct cx *cx, struct psp *psp, const struct field *fields,
                       const void *record)
{
    struct str json;

    if (!psp->file)
        return;
    json = field_json(cx, fields, record);
    fprintf(psp->file, "%c" STR_FMT "\n", fields == psp_charge_fields ? 'c' : 'r', STR_ARG(json));
    fflush(psp->file);
}

static enum err read_record(struct cx *cx, struct psp *psp, struct str line)
{
    struct str json = {line.ptr + 1, line.len - 1};

    if (line.ptr[0] == 'c') {
        struct psp_charge charge, *known;

        TRY(field_read(cx, psp_charge_fields, FIELD_LENIENT, json, &charge, sizeof(charge)));
        known = psp_charge_find(psp, charge.id);
        if (!known) {
            add_charge(psp, charge);
            return OK;
        }
        known->state = charge.state; /* All that changes in a charge. */
        known->captured_minor = charge.captured_minor;
        known->refunded_minor = charge.refunded_minor;
        known->fee_minor = charge.fee_minor;
        known->time_ms = charge.time_ms;
        return OK;
    }
    struct psp_refund refund;

    TRY(field_read(cx, psp_refund_fields, FIELD_LENIENT, json, &refund, sizeof(refund)));
    if (!psp_refund_find(psp, refund.id))
        add_refund(psp, refund);
    return OK;
}

/* All whole lines; *bytes is where they end. */
static bool read_records(struct psp *psp, FILE *file, const char *path, off_t *bytes)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int number = 0;
    bool good = true;
    struct cx cx;

    cx_open(&cx, env_system(), 1 << 20);
    while (good && (len = getline(&line, &size, file)) > 1 && line[len - 1] == '\n') {
        number++;
        good = read_record(&cx, psp, (struct str){line, (size_t)len - 1}) == OK;
        if (!good)
            fprintf(stderr, "grevy sandbox-psp: %s, line %d: %s: mend it, or take it out\n", path,
                    number, cx.problem.detail);
        *bytes += len;
        cx_reset(&cx);
    }
    cx_close(&cx);
    free(line);
    return good;
}

bool psp_file_open(struct psp *psp, const char *path)
{
    FILE *old = fopen(path, "re");
    off_t bytes = 0;
    bool good = true;

    if (old) {
        good = read_records(psp, old, path, &bytes);
        fclose(old);
        if (!good)
            return false;
        good = truncate(path, bytes) == 0; /* The last line of a process that was killed. */
    }
    psp->file = good ? fopen(path, "ae") : NULL;
    if (!psp->file)
        fprintf(stderr, "grevy sandbox-psp: %s cannot be written: %s\n", path, strerror(errno));
    return psp->file != NULL;
}

/* ---- Charges ---- */

static enum err reused(struct cx *cx, const char *code)
{
    return fail(cx, ERR_UNPROCESSABLE, code, "it names another one already: draw a new one");
}

enum err psp_charge_make(struct cx *cx, struct psp *psp, const struct psp_charge *in,
                         struct psp_charge *out)
{
    const struct psp_charge *known = psp_charge_find(psp, in->reference);
    struct psp_charge charge = *in;

    if (known &&
        (known->amount_minor != in->amount_minor || !str_eq(known->currency, in->currency)))
        return reused(cx, "reference_reused");
    if (!known && psp_charge_find(psp, in->key))
        return reused(cx, "idempotency_key_reused");
    if (known) {
        *out = *known;
        return OK;
    }
    charge.id = cx_printf(cx, "ch_%s_%zu", psp->prefix, psp->charge_count + 1);
    charge.pay_url = cx_printf(cx, "%s/charges/" STR_FMT "/pay", psp->base, STR_ARG(charge.id));
    charge.created_ms = charge.time_ms = psp_now_ms();
    *out = *add_charge(psp, charge);
    write_line(cx, psp, psp_charge_fields, out);
    return OK;
}

static struct str notice_data(struct cx *cx, struct str id, struct str reference, int64_t minor,
                              struct str currency, int64_t fee_minor)
{
    struct json_out out;

    json_open(&out, cx, 256);
    json_object(&out);
    json_member_text(&out, "id", id);
    json_member_text(&out, "reference", reference);
    json_key(&out, STR("amount"));
    json_object(&out);
    json_member_int(&out, "amount", minor);
    json_member_text(&out, "currency", currency);
    json_object_end(&out);
    json_member_int(&out, "fee", fee_minor);
    json_object_end(&out);
    return json_done(&out);
}

enum err psp_charge_pay(struct cx *cx, struct psp *psp, struct str id, struct psp_charge *out)
{
    struct psp_charge *charge = psp_charge_find(psp, id);
    const struct psp_behaviour *behaviour = &psp->behaviour;
    bool fails = psp_chance(behaviour->fail_percent);

    if (!charge)
        return fail(cx, ERR_NOT_FOUND, "no_such_charge", "there is no such charge");
    if (charge->state == PSP_SUCCEEDED)
        return fail(cx, ERR_CONFLICT, "paid", "this charge is paid");
    charge->state = fails ? PSP_FAILED : PSP_SUCCEEDED;
    charge->time_ms = psp_now_ms();
    if (!fails) {
        charge->captured_minor = charge->amount_minor + behaviour->wrong_amount;
        if (charge->captured_minor < 1)
            charge->captured_minor = 1;
        charge->fee_minor =
            money_share(charge->captured_minor, PSP_FEE_PPM, 1000000) + charge->subsidised_minor;
    }
    write_line(cx, psp, psp_charge_fields, charge);
    psp_notify(cx, psp,
               &(struct psp_event){
                   .type = fails ? "charge.failed" : "charge.succeeded",
                   .url = charge->notify_url,
                   .data = notice_data(cx, charge->id, charge->reference,
                                       fails ? charge->amount_minor : charge->captured_minor,
                                       charge->currency, charge->fee_minor),
                   .time_ms = charge->time_ms,
                   .extra_ms = fails ? 0 : behaviour->succeed_late_ms});
    *out = *charge;
    return OK;
}

/* ---- Refunds ---- */

static enum err refund_known(struct cx *cx, struct psp *psp, const struct psp_refund *in,
                             const struct psp_refund **known)
{
    *known = psp_refund_find(psp, in->reference);
    if (*known && (*known)->amount_minor != in->amount_minor)
        return reused(cx, "reference_reused");
    if (!*known && psp_refund_find(psp, in->key))
        return reused(cx, "idempotency_key_reused");
    return OK;
}

enum err psp_refund_make(struct cx *cx, struct psp *psp, const struct psp_refund *in,
                         struct psp_refund *out)
{
    struct psp_charge *charge = psp_charge_find(psp, in->charge);
    const struct psp_behaviour *behaviour = &psp->behaviour;
    struct psp_refund refund = *in;
    const struct psp_refund *known;

    TRY(refund_known(cx, psp, in, &known));
    if (known) {
        *out = *known;
        return OK;
    }
    if (!charge || charge->state != PSP_SUCCEEDED)
        return fail(cx, ERR_NOT_FOUND, "no_such_charge",
                    "there is no such charge, or it is not paid");
    if (!str_eq(charge->currency, in->currency) ||
        in->amount_minor > charge->captured_minor - charge->refunded_minor)
        return fail(cx, ERR_UNPROCESSABLE, "refund_exceeds",
                    "%" PRId64 " of this charge can still be refunded",
                    charge->captured_minor - charge->refunded_minor);
    refund.id = cx_printf(cx, "re_%s_%zu", psp->prefix, psp->refund_count + 1);
    refund.account = charge->account;
    refund.notify_url = charge->notify_url;
    refund.state = psp_chance(behaviour->refuse_percent) ? PSP_FAILED : PSP_SUCCEEDED;
    refund.reason = refund.state == PSP_FAILED ? STR("account_closed") : (struct str){0};
    refund.time_ms = psp_now_ms();
    if (refund.state == PSP_SUCCEEDED)
        charge->refunded_minor += refund.amount_minor;
    write_line(cx, psp, psp_charge_fields, charge);
    *out = *add_refund(psp, refund);
    write_line(cx, psp, psp_refund_fields, out);
    psp_notify(
        cx, psp,
        &(struct psp_event){
            .type = refund.state == PSP_FAILED ? "refund.failed" : "refund.succeeded",
            .url = out->notify_url,
            .data = notice_data(cx, out->id, out->reference, out->amount_minor, out->currency, 0),
            .time_ms = out->time_ms,
            .extra_ms = behaviour->refund_late_ms});
    if (behaviour->refund_late_ms > 0)
        out->state = PSP_PENDING; /* Only in this answer: the notice will tell. */
    return OK;
}
