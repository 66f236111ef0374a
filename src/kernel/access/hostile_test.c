/*
 * hostile_test.c - every route of every module, asked by somebody who means no good.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/access/permission_fixture.h"
#include "kernel/base/log.h"

enum { TOLD_MAX = 1024, LOG_BYTES_MAX = 4 << 20 };

struct attack {
    struct mini *m;
    struct values values;
    int tried;
    const char *told[TOLD_MAX]; /* Traces that were told instead of a reason. */
};

static struct attack attack_open(const char *db)
{
    struct attack attack = {.m = mini_open(db)};

    values_set(&attack.values, "scopes", "order:read");
    return attack;
}

static void must_be(struct attack *attack, struct built built, int status, const char *code)
{
    struct answer answer = permission_send(attack->m, NULL, built);

    CHECK_SAY(answer.status == status, "%s %s: %d %s", built.request, built.body ? built.body : "",
              answer.status, answer.body);
    CHECK_SAY(strcmp(mini_get(attack->m, answer, "code"), code) == 0, "%s: %s", built.request,
              answer.body);
    attack->tried++;
}

/* ---- Members that are not for the caller ---- */

static bool has_field(const struct field *fields, const char *name)
{
    for (; fields->type != FIELD_END; fields++)
        if (strcmp(fields->name, name) == 0)
            return !(fields->flags & (FIELD_OUT_ONLY | FIELD_SQL_ONLY));
    return false;
}

static void assign(void *context, const struct route *route)
{
    struct attack *attack = context;
    struct built built = permission_build(attack->m, route, &attack->values);

    for (const struct field *f = route->reply; route->body && f && f->type != FIELD_END; f++) {
        size_t len = strlen(built.body);
        struct built more = built;

        if (has_field(route->body, f->name) || f->flags & FIELD_SQL_ONLY)
            continue;
        more.body = mini_text(attack->m, "%.*s%s\"%s\":null}", (int)len - 1, built.body,
                              len > 2 ? "," : "", f->name);
        must_be(attack, more, 400, "unknown_field");
    }
}

TEST_DB(hostile_assignment, "every route: what only answers have is refused in a body")
{
    struct attack attack = attack_open(db);

    permission_routes(attack.m, assign, &attack);
    CHECK_SAY(attack.tried > 100, "only %d members were tried", attack.tried);
    mini_close(attack.m);
}

/* ---- What is said twice, or to nobody ---- */

static void pollute(void *context, const struct route *route)
{
    struct attack *attack = context;
    struct built built = permission_build(attack->m, route, &attack->values), more = built;
    bool raw = route->flags & ROUTE_RAW;
    const char *joint = strchr(built.request, '?') ? "&" : "?";

    if (!route->scope)
        return;
    more.request = mini_text(attack->m, "%s%sadmin=true", built.request, joint);
    if (!raw || route->query)
        must_be(attack, more, 400, "unknown_field");
    if (route->query && has_field(route->query, "limit")) {
        more.request = mini_text(attack->m, "%s%slimit=1&limit=2", built.request, joint);
        must_be(attack, more, 400, "duplicate_field");
    }
    if (!route->body || strlen(built.body) <= 2)
        return;
    more = built;
    more.body = mini_text(attack->m, "{%.*s,%s", (int)strlen(built.body) - 2, built.body + 1,
                          built.body + 1);
    must_be(attack, more, 400, "json_duplicate_key");
}

TEST_DB(hostile_pollution, "every route: unknown parameters, and what is said twice, are refused")
{
    struct attack attack = attack_open(db);

    permission_routes(attack.m, pollute, &attack);
    CHECK_SAY(attack.tried > 80, "only %d requests were tried", attack.tried);
    mini_close(attack.m);
}

/* ---- Lists without end ---- */

/* Pages that come whole, being short. */
static const char *const whole[] = {
    "GET /v1/orders/{id:ord}/payments", /* An order has at most 50. */
    "POST /v1/reports/channel",         /* Rows of the orders that are named. */
    "GET /v1/reconciliations/{date}",   /* At most 1,000 differences of each provider. */
};

static void ask_for_all(void *context, const struct route *route)
{
    static const char *const limits[] = {"0", "-1", "201", "9223372036854775808", "1e9", ""};
    static const char *const cursors[] = {"x",           "AAAA", "0", "-1", "../../etc/passwd",
                                          "%27%20or%201"};
    struct attack *attack = context;
    struct built built = permission_build(attack->m, route, &attack->values), more = built;
    const char *joint = strchr(built.request, '?') ? "&" : "?";
    const char *row = mini_text(attack->m, "%s %s", route->method, route->path);
    bool listed = false;

    for (size_t k = 0; k < sizeof(whole) / sizeof(whole[0]); k++)
        listed = listed || strcmp(whole[k], row) == 0;
    CHECK_SAY(!route->page || listed || has_field(route->query, "limit"),
              "%s lists without a limit: add PAGE_FIELDS", row);
    if (!route->query || !has_field(route->query, "limit"))
        return;
    for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
        more.request = mini_text(attack->m, "%s%slimit=%s", built.request, joint, limits[k]);
        CHECK_SAY(permission_send(attack->m, NULL, more).status == 400, "%s", more.request);
        attack->tried++;
    }
    for (size_t k = 0; k < sizeof(cursors) / sizeof(cursors[0]); k++) {
        struct answer answer;

        more.request = mini_text(attack->m, "%s%scursor=%s", built.request, joint, cursors[k]);
        answer = permission_send(attack->m, NULL, more);
        CHECK_SAY(answer.status == 400 || answer.status == 404, "%s: %d %s", more.request,
                  answer.status, answer.body);
    }
}

TEST_DB(hostile_lists, "every route: a list has pages of at most 200, and takes no made-up cursor")
{
    struct attack attack = attack_open(db);

    permission_routes(attack.m, ask_for_all, &attack);
    CHECK_SAY(attack.tried > 60, "only %d limits were tried", attack.tried);
    mini_close(attack.m);
}

/* ---- What a failure tells ---- */

static void fail_inside(void *context, const struct route *route)
{
    static const char *const inside[] = {"select ", "insert ", "update ", "delete ", " from ",
                                         "kernel_", "sqlite",  "/",       "?1",      "$1"};
    struct attack *attack = context;
    struct built built = permission_build(attack->m, route, &attack->values);
    struct answer answer;

    for (int nth = 1; route->scope && nth < 4; nth++) {
        const char *detail;

        mini_fail_statement(attack->m, nth);
        answer = permission_send(attack->m, NULL, built);
        mini_fail_statement(attack->m, 0);
        if (answer.status < 500)
            continue;
        detail = mini_get(attack->m, answer, "detail");
        for (size_t k = 0; k < sizeof(inside) / sizeof(inside[0]); k++)
            CHECK_SAY(!strstr(detail, inside[k]), "%s tells: %s", built.request, answer.body);
        CHECK_SAY(strstr(detail, "under the trace "), "%s: %s", built.request, answer.body);
        CHECK(attack->tried < TOLD_MAX);
        attack->told[attack->tried++] = strstr(detail, "under the trace ") + 16;
    }
}

/* The line of a failed request in the log. */
static void must_be_logged(const char *log, const char *trace)
{
    static const char event[] = "\"event\":\"request_failed\"";
    const char *line = log;

    for (; (line = strstr(line, event)); line++) {
        const char *end = strchr(line, '\n'), *found = strstr(line, trace);

        if (found && found < end)
            break;
    }
    CHECK_SAY(line != NULL, "no request_failed of trace %s", trace);
    line = strstr(line, "\"detail\":\"");
    CHECK(line != NULL);
    CHECK_SAY(strncmp(line + 10, "the server cannot", 17) != 0, "%.200s", line);
}

static char *log_of(const char *path)
{
    char *log = calloc(1, LOG_BYTES_MAX);
    FILE *file = fopen(path, "r");

    CHECK(log != NULL);
    CHECK(file != NULL);
    CHECK(fread(log, 1, LOG_BYTES_MAX, file) < LOG_BYTES_MAX);
    fclose(file);
    return log;
}

TEST_DB(hostile_failure,
        "every route: a failed statement is told of by a trace, and logged with its text")
{
    struct attack attack = attack_open(db);
    const char *path = mini_text(attack.m, "%s/log", test_dir());
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    char *log;

    CHECK(fd >= 0);
    log_to(fd, LOG_INFO);
    permission_routes(attack.m, fail_inside, &attack);
    log_close();
    log_to(STDERR_FILENO, LOG_INFO);
    close(fd);
    CHECK_SAY(attack.tried > 30, "only %d failures were seen", attack.tried);
    log = log_of(path);
    for (int k = 0; k < attack.tried; k++)
        must_be_logged(log, attack.told[k]);
    free(log);
    mini_close(attack.m);
}

/* ---- Texts that would be more than texts ---- */

static const char *const texts[] = {
    "' or '1'='1",
    "\\\"); drop table orders; --",
    "%s%n%x",
    "a\\r\\nSet-Cookie: a=b",
    "<script>1</script>",
    "${jndi:ldap://x}",
    "\\u0000\\u001b",
    "\\ud83d\\ude00",
};

static void send_texts(void *context, const struct route *route)
{
    struct attack *attack = context;
    struct values values = attack->values;

    for (size_t k = 0; route->scope && route->body && k < sizeof(texts) / sizeof(texts[0]); k++) {
        struct built built;
        struct answer answer;

        for (const struct field *f = route->body; f->type != FIELD_END; f++)
            if (f->type == FIELD_TEXT && f->max != 3 && values.count < 60)
                values_set(&values, f->name, texts[k]);
        built = permission_build(attack->m, route, &values);
        built.request = permission_build(attack->m, route, &attack->values).request;
        answer = permission_send(attack->m, NULL, built);
        CHECK_SAY(answer.status < 500, "%s %s: %d %s", built.request, built.body, answer.status,
                  answer.body);
        for (const char *c = answer.body; *c; c++)
            CHECK_SAY((unsigned char)*c >= ' ', "%s: a control byte in %s", built.request,
                      answer.body);
        CHECK_SAY(!strchr(answer.location, '\n') && !strchr(answer.location, '\r'), "%s",
                  answer.location);
        if (answer.body[0])
            (void)mini_get(attack->m, answer, "code"); /* It is JSON. */
        attack->tried++;
    }
}

TEST_DB(hostile_texts, "every route: texts with quotes, lines and markup stay texts")
{
    struct attack attack = attack_open(db);

    permission_routes(attack.m, send_texts, &attack);
    CHECK_SAY(attack.tried > 150, "only %d texts were sent", attack.tried);
    mini_settle(attack.m);
    CHECK_EQ_INT(mini_http(attack.m, "GET /v1/ledger/check", NULL).status, 200);
    mini_close(attack.m);
}

/* ---- Who asks ---- */

/* Status of a request that says of itself where it comes from. */
static int ask_as(struct attack *attack, struct dispatcher *dispatcher, struct pair header)
{
    struct pair headers[] = {header};
    struct dispatch_request request = {
        .method = STR("GET"), .target = STR("/v1/orders"), .headers = headers, .header_count = 1};
    struct dispatch_answer answer;
    struct cx cx;

    cx_open(&cx, mini_platform(attack->m)->env, 1 << 20);
    dispatch_once(dispatcher, &request, &cx, &answer);
    cx_close(&cx);
    return answer.status;
}

TEST_DB(hostile_address, "an address is that of the connection, whatever headers say of it")
{
    static const char *const names[] = {"X-Forwarded-For", "X-Real-IP", "Forwarded",
                                        "X-Client-IP",     "X-User-ID", "True-Client-IP"};
    enum { RATE = 10, BURST = 2 * RATE };
    struct attack attack = attack_open(db);
    struct dispatcher_options options = {.platform = mini_platform(attack.m),
                                         .default_space = mini_space(attack.m)->name,
                                         .anonymous_rate_per_s = RATE};
    struct problem problem;
    struct dispatcher *dispatcher = dispatcher_make(&options, &problem);
    int refused = 0;

    CHECK(dispatcher != NULL);
    for (int k = 0; k < 3 * BURST; k++) {
        const char *address = mini_text(attack.m, "10.0.0.%d", k);
        struct pair header = {str_of(names[k % 6]), str_of(address)};
        int status = ask_as(&attack, dispatcher, header);

        CHECK_EQ_INT(status, k < BURST ? 401 : 429);
        refused += status == 429;
    }
    CHECK_EQ_INT(refused, 2 * BURST);
    dispatcher_free(dispatcher);
    mini_close(attack.m);
}

TEST_DB(hostile_credentials, "a key counts in one header and one scheme, nowhere else")
{
    struct attack attack = attack_open(db);
    const char *key = mini_admin_key(attack.m);
    struct dispatcher_options options = {.platform = mini_platform(attack.m),
                                         .default_space = mini_space(attack.m)->name,
                                         .anonymous_rate_per_s = 1000};
    struct problem problem;
    struct dispatcher *dispatcher = dispatcher_make(&options, &problem);
    struct pair wrong[] = {
        {STR("Authorization"), str_of(key)},
        {STR("Authorization"), str_of(mini_text(attack.m, "Basic %s", key))},
        {STR("Authorization"), str_of(mini_text(attack.m, "Bearer%s", key))},
        {STR("Authorization"), str_of(mini_text(attack.m, "Bearer %s,%s", key, key))},
        {STR("Authorization"), STR("Bearer ")},
        {STR("Authorization"), STR("")},
        {STR("X-Api-Key"), str_of(key)},
        {STR("Cookie"), str_of(mini_text(attack.m, "Authorization=%s", key))},
        {STR("Proxy-Authorization"), str_of(mini_text(attack.m, "Bearer %s", key))},
    };
    struct pair right = {STR("authorization"), str_of(mini_text(attack.m, "bearer  %s ", key))};

    CHECK(dispatcher != NULL);
    for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++)
        CHECK_SAY(ask_as(&attack, dispatcher, wrong[k]) == 401, STR_FMT ": " STR_FMT,
                  STR_ARG(wrong[k].key), STR_ARG(wrong[k].value));
    CHECK_EQ_INT(ask_as(&attack, dispatcher, right), 200);
    CHECK_EQ_INT(mini_http_as(attack.m, "", NULL,
                              mini_text(attack.m, "GET /v1/orders?api_key=%s", key), NULL)
                     .status,
                 401);
    dispatcher_free(dispatcher);
    mini_close(attack.m);
}
