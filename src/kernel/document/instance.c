/*
 * instance.c - which process has which publication in force, told by each of them.
 *
 * A process alone on its database (SQLite) has nobody to tell.
 */
#include "kernel/document/routes.h"

#include <stdio.h>

struct instance_row {
    struct str name;
    int64_t seq, refused_seq;
    struct str refusal;
    int64_t seen_ms;
};
static const struct field instance_columns[] = {
    F(instance_row, name),    F(instance_row, seq),     F(instance_row, refused_seq),
    F(instance_row, refusal), F(instance_row, seen_ms), F_END};
static const struct field instance_fields[] = {
    F(instance_row, name),
    F(instance_row, seq, .doc = "The publication that it has in force."),
    F(instance_row, refused_seq, .doc = "One that it could not take over as a whole; 0: none."),
    F(instance_row, refusal, .doc = "Why not."),
    F_TIME(instance_row, seen_ms, "seen_at"),
    F_END};

struct documents_report {
    int64_t published;
    struct list instances; /* of struct instance_row */
    int64_t behind;
    struct str summary;
};
const struct field documents_state_fields[] = {
    F(documents_report, published, .doc = "The newest publication."),
    F_LIST(documents_report, instances, instance_row, instance_fields,
           .doc = "Processes seen lately, this one first."),
    F(documents_report, behind, .doc = "Those that do not have the newest publication."),
    F(documents_report, summary, .doc = "For people."), F_END};

static struct str instance_name(const struct platform *platform)
{
    return str_of(platform->options.instance ? platform->options.instance : platform->holder);
}

static struct instance_row own_row(struct cx *cx)
{
    struct documents_state state = documents_state(cx);

    return (struct instance_row){.name = instance_name(cx->space->platform),
                                 .seq = state.seq,
                                 .refused_seq = state.refused_seq,
                                 .refusal = state.refusal.ptr ? state.refusal : STR(""),
                                 .seen_ms = cx->now_ms};
}

enum err documents_report(struct cx *cx)
{
    struct instance_row row = own_row(cx);

    TRY(sql_raw_run(cx, NULL,
                    "insert into kernel_instance (name, seq, refused_seq, refusal, seen_ms) values"
                    " (?1, ?2, ?3, ?4, ?5) on conflict (name) do update set seq = excluded.seq,"
                    " refused_seq = excluded.refused_seq, refusal = excluded.refusal, seen_ms ="
                    " excluded.seen_ms",
                    BIND(TEXT(row.name), INT(row.seq), INT(row.refused_seq), TEXT(row.refusal),
                         INT(row.seen_ms))));
    return sql_raw_run(cx, NULL, "delete from kernel_instance where seen_ms < ?1",
                       BIND(INT(cx->now_ms - DAY_MS)));
}

/* ---- Over HTTP ---- */

static enum err others(struct cx *cx, struct str own, struct list *out)
{
    return sql_all(cx, instance_columns, sizeof(struct instance_row), out,
                   "select name, seq, refused_seq, refusal, seen_ms from kernel_instance where"
                   " name <> ?1 and seen_ms > ?2 order by name limit ?3",
                   BIND(TEXT(own), INT(cx->now_ms - INSTANCE_SEEN_MS), INT(INSTANCES_MAX)));
}

/* "2 of 3 processes have publication 14 in force; i-3 refused it: ..." */
static struct str summary_of(struct cx *cx, const struct documents_report *report)
{
    struct str text = cx_printf(cx, "%zu of %zu processes have publication %" PRId64 " in force",
                                report->instances.count - (size_t)report->behind,
                                report->instances.count, report->published);

    for (size_t k = 0; k < report->instances.count; k++) {
        const struct instance_row *row = LIST_AT(report->instances, struct instance_row, k);

        if (row->refused_seq)
            text =
                cx_printf(cx, STR_FMT "; " STR_FMT " refused %" PRId64 ": " STR_FMT, STR_ARG(text),
                          STR_ARG(row->name), row->refused_seq, STR_ARG(row->refusal));
    }
    return text;
}

enum err get_documents_state(struct req *req)
{
    struct cx *cx = req->cx;
    struct instance_row *rows = CX_ARRAY(cx, struct instance_row, INSTANCES_MAX + 1);
    struct documents_report report = {.instances = {rows, 1}};
    struct list found;

    rows[0] = own_row(cx);
    TRY(sql_int(cx, &report.published, 0, "select max(seq) from kernel_publication", NO_BINDS));
    TRY(others(cx, rows[0].name, &found));
    for (size_t k = 0; k < found.count; k++)
        rows[report.instances.count++] = *LIST_AT(found, struct instance_row, k);
    for (size_t k = 0; k < report.instances.count; k++)
        report.behind += rows[k].seq < report.published;
    report.summary = summary_of(cx, &report);
    return reply_json(req, 200, documents_state_fields, &report);
}
