/*
 * script_module.c - strategies in Lua as documents: published like anything else, tried by hand,
 * and how they do.
 */
#include "kernel/document/store.h"
#include "kernel/script/script.h"

enum { INPUT_BYTES_MAX = 64 << 10 /* What a strategy decides on is a page, not a table. */ };
static const char collection[] = "script";

/* The key is its name: each version is counted, and switched off, apart. */
static enum err compile_script(struct cx *cx, struct arena *keep, const struct document *document,
                               struct json json, const void **out)
{
    const struct script *script;
    struct script_source source;

    TRY(script_source_read(cx, json, &source));
    source.name = document->key;
    TRY(script_compile(cx, keep, &source, &script));
    *out = script;
    return OK;
}

/* ---- A call by hand ---- */

struct script_run {
    struct str input, user;
};
static const struct field script_run_fields[] = {
    F_JSON(script_run, input, .flags = FIELD_REQUIRED, .max = INPUT_BYTES_MAX,
           .doc = "An object, as the strategy declares its inputs."),
    F(script_run, user, .max = 128, .doc = "Who it is for: decides a grey release."), F_END};

static const char *const failures[] = {"none",   "work",    "memory", "raised",
                                       "output", "starved", "off",    NULL};
static_assert(sizeof(failures) / sizeof(failures[0]) == SCRIPT_FAILURE_COUNT + 1,
              "a name for each failure");

struct script_ran {
    struct str key;
    int64_t version;
    struct str output;
    int failure; /* enum script_failure */
    struct str error;
};
static const struct field script_ran_fields[] = {
    F(script_ran, key),
    F(script_ran, version),
    F_JSON(script_ran, output, .doc = "Its own, or its fallback."),
    F_ENUM(script_ran, failure, failures, .doc = "Other than none: the output is the fallback."),
    F(script_ran, error),
    F_END};

static enum err post_script_run(struct req *req)
{
    const struct script_run *body = req->body;
    struct cx *cx = req->cx;
    const struct document *document =
        document_find(documents_now(cx), collection, req->params[0].text, body->user);
    struct script_answer answer;
    struct script_value *inputs;
    struct json input;
    struct script_ran ran;

    if (!document)
        return fail(cx, ERR_NOT_FOUND, "not_in_force",
                    "no version of the script " STR_FMT " is in force: publish one",
                    STR_ARG(req->params[0].text));
    TRY(json_parse(cx, body->input, &input));
    TRY(script_values_read(cx, script_inputs(document->compiled), input, "/input", &inputs));
    TRY(script_call(cx, document->compiled, inputs, &answer));
    ran = (struct script_ran){
        .key = document->key,
        .version = document->version,
        .output = script_values_json(cx, script_outputs(document->compiled), answer.outputs),
        .failure = (int)answer.failure,
        .error = answer.error.ptr ? answer.error : STR("")};
    return reply_json(req, 200, script_ran_fields, &ran);
}

/* ---- How they do ---- */

struct script_page {
    struct page_query page;
};
static const struct field script_page_fields[] = {PAGE_FIELDS(script_page), F_END};

struct script_row {
    struct str name, source, last_error;
    int64_t calls, failures, last_failed_ms, off_since_ms;
};
static const struct field script_row_fields[] = {
    F(script_row, name),
    F(script_row, source, .doc = "Digest of its text: versions are counted apart."),
    F(script_row, calls),
    F(script_row, failures),
    F(script_row, last_error),
    F_TIME(script_row, last_failed_ms, "last_failed_at"),
    F_TIME(script_row, off_since_ms, "off_since",
           .doc = "Switched off by itself after three failures within a minute: its fallback stands"
                  " in; another version is on."),
    F_END};

static enum err get_scripts(struct req *req)
{
    const struct script_page *query = req->query;
    int64_t from = 0, unused = 0;
    struct script_status *statuses;
    struct str next = {NULL, 0};
    struct script_row *rows;
    size_t count, shown = 0;

    TRY(cursor_read(req->cx, query->page.cursor, &from, &unused));
    statuses = script_statuses(req->cx, &count);
    rows = CX_ARRAY(req->cx, struct script_row, query->page.limit);
    for (size_t k = (size_t)from; k < count && shown < (size_t)query->page.limit; k++)
        rows[shown++] = (struct script_row){.name = str_of(statuses[k].name),
                                            .source = str_of(statuses[k].version),
                                            .last_error = str_of(statuses[k].last_error),
                                            .calls = (int64_t)statuses[k].calls,
                                            .failures = (int64_t)statuses[k].failures,
                                            .last_failed_ms = statuses[k].last_failed_ms,
                                            .off_since_ms = statuses[k].off_since_ms};
    if ((size_t)from + shown < count)
        next = cursor_make(req->cx, from + (int64_t)shown, 0);
    return reply_page(req, script_row_fields, (struct list){rows, shown}, sizeof(rows[0]), next);
}

/* Counted by process and by name: two spaces with a script of one name see the sum. */
const struct module script_module = {
    .name = "script",
    .routes =
        ROUTES({"POST", "/v1/scripts/{document_key}/run", post_script_run, TX_READ, "script:run",
                BODY(script_run, script_run_fields), .reply = script_ran_fields, .status = 200,
                .priority = PRIORITY_NORMAL, .doc = "Call a strategy that is in force, by hand."},
               {"GET", "/v1/scripts", get_scripts, TX_NONE, "script:read",
                QUERY(script_page, script_page_fields), .reply = script_row_fields, .page = true,
                .doc = "How the strategies that this process has run are doing."}),
    .collections =
        COLLECTIONS({"script", "Strategies in Lua, with inputs, outputs, a fallback and tests.",
                     .compile = compile_script}),
};
