/*
 * table_module.c - decision tables as documents: published like anything else, tried by hand.
 */
#include "kernel/document/store.h"
#include "kernel/table/table.h"

enum { INPUT_BYTES_MAX = 64 << 10 /* What a table decides on is a page. */ };
static const char collection[] = "table";

static enum err compile_table(struct cx *cx, struct arena *keep, const struct document *document,
                              struct json json, const void **out)
{
    const struct table *table;

    (void)document;
    TRY(table_compile(cx, keep, NULL, json, &table));
    *out = table;
    return OK;
}

struct table_run {
    struct str input, user;
};
static const struct field table_run_fields[] = {
    F_JSON(table_run, input, .flags = FIELD_REQUIRED, .max = INPUT_BYTES_MAX,
           .doc = "An object, with the table's inputs or variables."),
    F(table_run, user, .max = 128, .doc = "Who it is for: decides a grey release."), F_END};

struct table_ran {
    struct str key;
    int64_t version;
    struct str output;
    struct list rows; /* of int64_t */
};
static const struct field table_ran_fields[] = {
    F(table_ran, key),
    F(table_ran, version),
    F_JSON(table_ran, output, .doc = "An object, a list of objects, or null: by its hit policy."),
    {.name = "rows",
     .type = FIELD_LIST,
     .item = FIELD_INT,
     .size = sizeof(int64_t),
     FIELD_AT(table_ran, rows),
     .max = TABLE_ROWS_MAX,
     .doc = "That answer, from 1; none: the defaults."},
    F_END};

static enum err post_table_run(struct req *req)
{
    const struct table_run *body = req->body;
    struct cx *cx = req->cx;
    const struct document *document =
        document_find(documents_now(cx), collection, req->params[0].text, body->user);
    struct table_answer answer;
    struct rule_value *values;
    struct table_ran ran;
    struct json input;
    int64_t *rows;

    if (!document)
        return fail(cx, ERR_NOT_FOUND, "not_in_force",
                    "no version of the table " STR_FMT " is in force: publish one",
                    STR_ARG(req->params[0].text));
    TRY(json_parse(cx, body->input, &input));
    TRY(table_values_read(cx, document->compiled, input, &values));
    TRY(table_eval(cx, document->compiled, values, NULL, &answer));
    rows = CX_ARRAY(cx, int64_t, answer.count + 1);
    ran = (struct table_ran){.key = document->key,
                             .version = document->version,
                             .output = table_answer_json(cx, document->compiled, &answer),
                             .rows = {rows, answer.rows && !answer.defaulted ? answer.count : 0}};
    for (size_t k = 0; k < ran.rows.count; k++)
        rows[k] = answer.rows[k] + 1;
    return reply_json(req, 200, table_ran_fields, &ran);
}

const struct module table_module = {
    .name = "table",
    .routes = ROUTES({"POST", "/v1/tables/{document_key}/run", post_table_run, TX_READ, "table:run",
                      BODY(table_run, table_run_fields), .reply = table_ran_fields, .status = 200,
                      .priority = PRIORITY_NORMAL,
                      .doc = "Decide by a table that is in force, by hand."}),
    .collections = COLLECTIONS({"table", "Decision tables.", .compile = compile_table}),
};
