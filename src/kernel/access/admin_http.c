/*
 * admin_http.c - the audit log, the ledger check and persons over HTTP.
 */
#include "kernel/access/audit.h"
#include "kernel/access/person.h"
#include "kernel/access/routes.h"
#include "kernel/work/space.h"

enum { EXPORT_SIZE_HINT = 4096 };

enum err get_audit(struct req *req)
{
    const struct list_query *query = req->query;
    struct str next = {NULL, 0};
    int64_t before = 0, unused = 0;
    struct list rows;

    TRY(cursor_read(req->cx, query->page.cursor, &before, &unused));
    TRY(audit_list(req->cx, before, query->page.limit + 1, &rows));
    if (rows.count > (size_t)query->page.limit) {
        rows.count--;
        next = cursor_make(req->cx, LIST_AT(rows, struct audit_row, rows.count - 1)->seq, 0);
    }
    return reply_page(req, audit_fields, rows, sizeof(struct audit_row), next);
}

/* ---- Ledger check ---- */

struct ledger_report {
    bool ok;
    int64_t accounts, movements;
    struct str findings;
};
const struct field ledger_report_fields[] = {
    F(ledger_report, ok, .doc = "Nothing was found."),
    F(ledger_report, accounts, .doc = "Balances compared with their movements."),
    F(ledger_report, movements, .doc = "Movements added up."),
    F_JSON(ledger_report, findings, .doc = "A list: what does not add up, and where."), F_END};

static enum err run_patrols(struct cx *cx, struct patrol_report *report)
{
    for (const struct module *const *m = cx->space->platform->modules; *m; m++)
        for (const struct patrol *patrol = (*m)->patrols; patrol && patrol->name; patrol++)
            TRY(patrol->check(cx, report));
    return OK;
}

enum err get_ledger_check(struct req *req)
{
    struct json_out findings;
    struct patrol_report report = {.findings = &findings};
    struct ledger_report reply;

    json_open(&findings, req->cx, 256);
    json_list(&findings);
    TRY(run_patrols(req->cx, &report));
    json_list_end(&findings);
    reply = (struct ledger_report){.ok = report.found == 0,
                                   .accounts = report.accounts,
                                   .movements = report.movements,
                                   .findings = json_done(&findings)};
    return reply_json(req, 200, ledger_report_fields, &reply);
}

/* ---- Persons ---- */

enum err get_person_export(struct req *req)
{
    struct json_out out;

    json_open(&out, req->cx, EXPORT_SIZE_HINT);
    TRY(person_export(req->cx, req->params[0].text, &out));
    return reply_text(req, 200, "application/json", json_done(&out));
}

enum err post_person_erase(struct req *req)
{
    struct person_erased erased;

    TRY(person_erase(req->cx, req->params[0].text, &erased));
    return reply_json(req, 200, person_erased_fields, &erased);
}
