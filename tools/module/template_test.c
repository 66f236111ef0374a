/*
 * template_test.c - the module through its table: requests in, answers out, faults.
 */
#include "modules/template/template.h"

#include "test/kit/mini.h"

#define NOTE "{\"user\":\"u1\",\"text\":\"remember\"}"

static const struct module *const modules[] = {&template_module, NULL};

TEST_DB(template_kept_and_read, "a note that was kept is read back, and listed for its user alone")
{
    struct mini *mini = mini_open_modules(db, modules);
    struct answer note = mini_http(mini, "POST /v1/template-notes", NOTE);

    CHECK_SAY(note.status == 201, "%s", note.body);
    struct answer again = mini_http(
        mini, mini_text(mini, "GET /v1/template-notes/%s", mini_get(mini, note, "id")), NULL);

    CHECK_EQ_STR(again.body, note.body);
    struct answer list = mini_http(mini, "GET /v1/template-notes?user=u1", NULL);

    CHECK_EQ_STR(mini_get(mini, list, "data.0.text"), "remember");
    list = mini_http(mini, "GET /v1/template-notes?user=u2", NULL);
    CHECK_EQ_STR(mini_get(mini, list, "data"), "[]");
    mini_close(mini);
}

TEST_DB(template_bad_input, "bad input names its field and leaves nothing")
{
    static const struct {
        const char *body, *code, *pointer;
    } rows[] = {{"{}", "required", "/user"},
                {"{\"user\":\"\",\"text\":\"x\"}", "out_of_range", "/user"},
                {"{\"user\":\"u\",\"text\":7}", "wrong_type", "/text"},
                {"{\"user\":\"u\",\"text\":\"x\",\"y\":1}", "unknown_field", "/y"}};
    struct mini *mini = mini_open_modules(db, modules);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct answer answer = mini_http(mini, "POST /v1/template-notes", rows[k].body);

        CHECK_SAY(answer.status == 400, "%s", answer.body);
        CHECK_EQ_STR(mini_get(mini, answer, "code"), rows[k].code);
        CHECK_EQ_STR(mini_get(mini, answer, "pointer"), rows[k].pointer);
    }
    CHECK_EQ_INT(mini_count(mini, "select count(*) from template_note"), 0);
    mini_close(mini);
}

TEST_DB(template_any_statement_may_fail, "no fault parts a note from its event")
{
    struct mini *mini = mini_open_modules(db, modules);
    int nth = 1;

    mini_settle(mini); /* Else what is due in the background would take the fault. */
    for (bool fired = true; fired; nth++) {
        mini_fail_statement(mini, nth);
        struct answer answer = mini_http(mini, "POST /v1/template-notes", NOTE);

        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        CHECK_EQ_INT(answer.status, fired ? 500 : 201);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from template_note"), fired ? 0 : 1);
        CHECK_EQ_INT(
            mini_count(mini, "select count(*) from kernel_outbox where type = 'template.kept'"),
            fired ? 0 : 1);
    }
    CHECK(nth > 3);
    mini_close(mini);
}
