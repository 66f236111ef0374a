/*
 * turn_away_test.c - what is refused at a glance, what is not, and what becomes of the connection.
 */
#include "kernel/http/engine_fixture.h"
#include "kernel/http/turn_away.h"

#define SHED POST_LINE("/shed") "Authorization: Bearer k\r\nContent-Length: 3\r\n\r\nabc"

static atomic_bool shedding;
static atomic_int glances;

static bool rig_sheds(void *context)
{
    (void)context;
    return atomic_load(&shedding);
}

static bool rig_on_glance(void *context, struct str method, struct str path,
                          struct str authorization)
{
    (void)context;
    atomic_fetch_add(&glances, 1);
    return str_is(method, "POST") && str_is(path, "/shed") && str_is(authorization, "Bearer k");
}

static void start(struct rig *rig, bool sheds)
{
    atomic_store(&shedding, sheds);
    atomic_store(&glances, 0);
    rig->options.sheds = rig_sheds;
    rig->options.on_glance = rig_on_glance;
    rig_start(rig);
}

TEST(turn_away, "a whole request is refused at a glance, again and again, and the next is served")
{
    struct rig rig = {0};
    struct client client;
    struct heard heard;

    start(&rig, true);
    dial(&client, &rig);
    for (int k = 0; k < 3; k++) {
        CHECK(say(&client, SHED));
        heard = hear(&client);
        CHECK_EQ_INT(heard.status, 503);
        CHECK_EQ_STR(header_in(heard.head, "Retry-After"), "1");
        CHECK_EQ_STR(header_in(heard.head, "Content-Type"), "application/problem+json");
        CHECK_EQ_STR(header_in(heard.head, "Connection"), "");
        CHECK(strlen(header_in(heard.head, "Date")) == 29);
        CHECK_EQ_STR(heard.body, "{\"type\":\"urn:grevy:problem:overloaded\",\"title\":\"Busy\","
                                 "\"status\":503,\"code\":\"overloaded\","
                                 "\"detail\":\"" OVERLOADED_DETAIL "\"}");
        free(heard.body);
    }
    CHECK(say(&client, GET_LINE("/other") "\r\n"));
    CHECK_EQ_INT(hear_status(&client), 200);
    atomic_store(&shedding, false);
    CHECK(say(&client, SHED));
    CHECK_EQ_INT(hear_status(&client), 200);
    hang_up(&client);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.heads, 2);
    CHECK_EQ_INT(glances, 4);
}

TEST(turn_away_not, "what comes in pieces, in a row, for another version or to close is not judged")
{
    static const char *const texts[] = {
        "POST /shed HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nConnection: close\r\n"
        "Content-Length: 0\r\n\r\n",
        "POST /shed HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer k\r\nContent-Length: 0\r\n\r\n",
        "POST /shed HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer other\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n",
    };
    struct rig rig = {0};
    struct client client;

    start(&rig, true);
    dial(&client, &rig);
    CHECK(say(&client, SHED SHED));
    CHECK_EQ_INT(hear_status(&client), 200);
    CHECK_EQ_INT(hear_status(&client), 200);
    CHECK(say(&client, POST_LINE("/shed") "Authorization: Bearer k\r\nContent-Length: 3\r\n\r\n"));
    rig_wait(&rig, &rig.heads, 3);
    CHECK(say(&client, "abc"));
    CHECK_EQ_INT(hear_status(&client), 200);
    CHECK_EQ_INT(glances, 0);
    CHECK(say(&client, SHED));
    CHECK_EQ_INT(hear_status(&client), 503);
    hang_up(&client);
    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
        dial(&client, &rig);
        CHECK(say(&client, texts[k]));
        CHECK_EQ_INT(hear_status(&client), 200);
        CHECK(ended_well(&client));
        hang_up(&client);
    }
    rig_stop(&rig);
}

TEST(turn_away_bad, "what breaks the framing is 400, however much is asked")
{
    struct rig rig = {0};
    struct client client;

    start(&rig, true);
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/shed") "Authorization: Bearer k\r\nContent-Length: +3\r\n\r\n"));
    CHECK_EQ_INT(hear_status(&client), 400);
    CHECK(ended_well(&client));
    hang_up(&client);
    rig_stop(&rig);
    CHECK_EQ_INT(glances, 0);
}

TEST(glance_words, "a glance reads the line, the key and whether the connection stays")
{
    struct glance glance;

    CHECK(glance_read(STR("PUT /a/b?c=d HTTP/1.1\r\nhost: x\r\nAUTHORIZATION:  Bearer k \r\n"
                          "connection: Keep-Alive\r\n\r\nConnection: close"),
                      &glance));
    CHECK(str_is(glance.method, "PUT"));
    CHECK(str_is(glance.path, "/a/b"));
    CHECK(str_is(glance.authorization, "Bearer k"));
    CHECK(glance_read(STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), &glance));
    CHECK(!glance.authorization.ptr);
    CHECK(!glance_read(STR("GET / HTTP/1.0\r\nHost: x\r\n\r\n"), &glance));
    CHECK(!glance_read(STR("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), &glance));
    CHECK(!glance_read(STR("GET / HTTP/1.1\r\nConnection: upgrade\r\n\r\n"), &glance));
}
