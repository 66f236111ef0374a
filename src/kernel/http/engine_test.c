/*
 * engine_test.c - requests and replies over raw sockets: order, framing, bodies, threads.
 */
#include "kernel/http/engine_fixture.h"

static void check_reply(struct client *client, int status, const char *body)
{
    struct heard heard = hear(client);

    CHECK_EQ_INT(heard.status, status);
    CHECK_EQ_STR(heard.body, body);
    free(heard.body);
}

TEST_THREADS(engine_answers, "a request is answered inline or from another thread, and the "
                             "connection serves the next")
{
    struct rig rig = {0};
    struct client client;
    struct heard heard;

    rig_start(&rig);
    dial(&client, &rig);
    CHECK(say(&client, GET_LINE("/v1/a%20b?c=%26&d") "X-Name: value \r\n\r\n"));
    heard = hear(&client);
    CHECK_EQ_INT(heard.status, 200);
    CHECK_EQ_STR(heard.body, "GET /v1/a%20b?c=%26&d ");
    CHECK_EQ_STR(header_in(heard.head, "Content-Type"), "application/json");
    CHECK_EQ_STR(header_in(heard.head, "X-Content-Type-Options"), "nosniff");
    CHECK_EQ_STR(header_in(heard.head, "Cache-Control"), "no-store");
    CHECK_EQ_STR(header_in(heard.head, "Connection"), "");
    CHECK_EQ_STR(header_in(heard.head, "Server"), "");
    CHECK(strlen(header_in(heard.head, "Date")) == 29);
    free(heard.body);
    for (int k = 0; k < 100; k++) {
        CHECK(say(&client, POST_LINE("/later") "Content-Length: 3\r\n\r\nabc"));
        check_reply(&client, 200, "POST /later? abc");
    }
    CHECK(say(&client, GET_LINE("/x") "Connection: close\r\n\r\n"));
    check_reply(&client, 200, "GET /x? ");
    CHECK(ended_well(&client));
    hang_up(&client);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.asked, 102);
    CHECK_EQ_INT(rig.released, 102);
    CHECK_EQ_INT(rig.status, 200);
}

TEST(engine_head, "HEAD has the headers of GET and no body, HTTP/1.0 closes")
{
    struct rig rig = {0};
    struct client client;
    struct heard get, head;

    rig_start(&rig);
    dial(&client, &rig);
    CHECK(say(&client, GET_LINE("/bytes?5000") "Accept-Encoding: gzip\r\n\r\n"));
    get = hear(&client);
    CHECK(say(&client, "HEAD /bytes?5000 HTTP/1.1\r\nHost: shop\r\nAccept-Encoding: gzip\r\n\r\n"));
    head = hear_of(&client, true);
    CHECK_EQ_STR(strstr(head.head, "\r\nContent-Type"), strstr(get.head, "\r\nContent-Type"));
    CHECK(say(&client, "GET /old HTTP/1.0\r\n\r\n"));
    check_reply(&client, 200, "GET /old? ");
    CHECK(ended_well(&client));
    free(get.body);
    free(head.body);
    hang_up(&client);
    rig_stop(&rig);
}

TEST_THREADS(engine_pipeline, "41 pipelined requests are answered in order, inline and not")
{
    struct rig rig = {0};
    struct client client;
    char wire[8192] = "";
    size_t len = 0;

    rig_start(&rig);
    dial(&client, &rig);
    for (int k = 0; k < 41; k++)
        len += (size_t)snprintf(wire + len, sizeof(wire) - len,
                                "POST %s HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n%02d",
                                k % 3 == 1 ? "/later" : "/now", k);
    CHECK(len < sizeof(wire));
    CHECK(say(&client, wire));
    for (int k = 0; k < 41; k++) {
        char body[64];

        snprintf(body, sizeof(body), "POST %s? %02d", k % 3 == 1 ? "/later" : "/now", k);
        check_reply(&client, 200, body);
    }
    hang_up(&client);
    rig_stop(&rig);
}

TEST(engine_refuses_behind, "what came before a broken request is answered first")
{
    static const char *const paths[] = {"/now", "/later"};
    struct rig rig = {0};
    struct client client;
    struct heard heard;
    char wire[512];

    rig_start(&rig);
    for (int k = 0; k < 2; k++) {
        dial(&client, &rig);
        snprintf(wire, sizeof(wire),
                 "GET %s HTTP/1.1\r\nHost: shop\r\n\r\nGET %s HTTP/1.1\r\nHost: shop\r\n\r\n"
                 "GET / HTTP/1.1\r\nHost : shop\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
                 paths[k], paths[k]);
        CHECK(say(&client, wire));
        CHECK_EQ_INT(hear_status(&client), 200);
        CHECK_EQ_INT(hear_status(&client), 200);
        heard = hear(&client);
        CHECK_EQ_INT(heard.status, 400);
        CHECK_EQ_STR(header_in(heard.head, "Connection"), "close");
        CHECK(strstr(heard.body, "\"code\":\"space_before_colon\""));
        CHECK(ended_well(&client));
        CHECK_EQ_INT(client.len, 0);
        free(heard.body);
        hang_up(&client);
    }
    rig_stop(&rig);
    CHECK_EQ_INT(rig.asked, 4);
    CHECK_EQ_INT(rig.refused, 2);
}

TEST(engine_last, "behind the last answer comes no other, whatever was sent behind the request")
{
    static const char *const heads[] = {
        "GET /now HTTP/1.0\r\n\r\n",
        "GET /later HTTP/1.0\r\n\r\n",
        GET_LINE("/now") "Connection: close\r\n\r\n",
        GET_LINE("/now") "Connection: te , Close\r\n\r\n",
        GET_LINE("/now") "Connection: keep-alive\r\nConnection: close\r\n\r\n",
    };
    enum { HEADS = sizeof(heads) / sizeof(*heads) };
    struct rig rig = {0};
    struct client client;
    char wire[512];

    rig_start(&rig);
    for (size_t k = 0; k < HEADS; k++) {
        dial(&client, &rig);
        snprintf(wire, sizeof(wire), "%sGET / HTTP/ a\r\n\r\n", heads[k]);
        CHECK(say(&client, wire));
        CHECK_EQ_INT(hear_status(&client), 200);
        CHECK(ended_well(&client));
        CHECK_EQ_INT(client.len, 0);
        hang_up(&client);
    }
    rig_stop(&rig);
    CHECK_EQ_INT(rig.asked, HEADS);
    CHECK_EQ_INT(rig.refused, 0);
}

/* Rules of framing_test.c that libmicrohttpd would break: here they must hold on the wire. */
static const struct {
    int status;
    const char *code, *bytes;
} broken[] = {
    {400, "length_and_encoding",
     POST_LINE("/") "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "duplicate_header", POST_LINE("/") "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
    {400, "bad_content_length", POST_LINE("/") "Content-Length: +3\r\n\r\nabc"},
    {400, "bad_content_length", POST_LINE("/") "Content-Length: 3 \r\n\r\nabc"},
    {400, "duplicate_header", GET_LINE("/") "Host: other\r\n\r\n"},
    {400, "host_missing", "GET / HTTP/1.1\r\n\r\n"},
    {400, "space_before_colon", GET_LINE("/") "X : y\r\n\r\n"},
    {400, "folded_header", GET_LINE("/") "X: y\r\n z\r\n\r\n"},
    {400, "bare_lf", GET_LINE("/") "X: y\n\r\n"},
    {400, "bare_cr", GET_LINE("/") "X: y\rz\r\n\r\n"},
    {400, "control_in_header", GET_LINE("/") "X: y\x01z\r\n\r\n"},
    {400, "bad_chunk", POST_LINE("/") "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n"},
    {400, "bare_lf", POST_LINE("/") "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"},
    {400, "chunk_size", POST_LINE("/") "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"},
    {501, "transfer_encoding_not_implemented", POST_LINE("/") "Transfer-Encoding: gzip\r\n\r\n"},
    {417, "expectation", POST_LINE("/") "Expect: more\r\nContent-Length: 1\r\n\r\n"},
    {415, "content_encoding", POST_LINE("/") "Content-Encoding: br\r\nContent-Length: 1\r\n\r\na"},
    {400, "dot_segment", GET_LINE("/a/%2e./b") "\r\n"},
    {400, "control_in_path", GET_LINE("/a%00b") "\r\n"},
    {400, "target_form", GET_LINE("http://shop/") "\r\n"},
    {501, "asterisk_form", "OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n"},
    {501, "method_not_implemented", "TRACE / HTTP/1.1\r\nHost: shop\r\n\r\n"},
    {505, "http_version", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {505, "http_version", "GET /\r\n"},
};

static void check_refused(struct rig *rig, const char *bytes, int status, const char *code)
{
    struct client client;
    struct heard heard;
    char member[128];

    dial(&client, rig);
    CHECK(say(&client, bytes));
    heard = hear(&client);
    CHECK_SAY(heard.status == status, "%d for %s", heard.status, bytes);
    CHECK_EQ_STR(header_in(heard.head, "Connection"), "close");
    CHECK_EQ_STR(header_in(heard.head, "Content-Type"), "application/problem+json");
    CHECK(strlen(header_in(heard.head, "Date")) == 29);
    snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
    CHECK_SAY(strstr(heard.body, member), "%s", heard.body);
    CHECK(ended_well(&client));
    CHECK_EQ_INT(client.len, 0);
    free(heard.body);
    hang_up(&client);
}

TEST(engine_refuses, "a request that could be read two ways is refused and the connection closed")
{
    struct rig rig = {0};

    rig_start(&rig);
    for (size_t k = 0; k < sizeof(broken) / sizeof(*broken); k++)
        check_refused(&rig, broken[k].bytes, broken[k].status, broken[k].code);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.asked, 0);
}

TEST(engine_limits, "head, headers and target have limits of their own")
{
    struct rig rig = {.options = {.head_bytes_max = 2048}};
    struct client client;
    char wire[8192];

    rig_start(&rig);
    memset(wire, 'a', sizeof(wire));
    memcpy(wire, GET_LINE("/") "X: ", strlen(GET_LINE("/") "X: "));
    memcpy(wire + 2048 - 4, "\r\n\r\n", 5);
    dial(&client, &rig);
    CHECK(say(&client, wire));
    check_reply(&client, 200, "GET /? ");
    hang_up(&client);
    memcpy(wire + 2048 - 4, "a\r\n\r\n", 6);
    check_refused(&rig, wire, 431, "head_too_large");
    snprintf(wire, sizeof(wire), "GET /%01500d HTTP/1.1\r\nHost: shop\r\n\r\n", 7);
    dial(&client, &rig);
    CHECK(say(&client, wire));
    CHECK_EQ_INT(hear_status(&client), 200);
    hang_up(&client);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.refused, 1);
}

TEST(engine_many_parts, "64 headers and 64 parameters fit beside the longest head")
{
    enum { HEAD_BYTES = 16 << 10 };
    struct rig rig = {0};
    struct client client;
    struct heard heard;
    struct text wire = {.ptr = calloc(1, HEAD_BYTES + 1), .size = HEAD_BYTES + 1};

    CHECK(wire.ptr);
    rig_start(&rig);
    text_addf(&wire, "GET /?a");
    for (int k = 1; k < 64; k++)
        text_addf(&wire, "&a");
    text_addf(&wire, " HTTP/1.1\r\nHost: shop\r\n");
    for (int k = 2; k < 64; k++)
        text_addf(&wire, "a:\r\n");
    text_addf(&wire, "X-Long: ");
    text_addf(&wire, "%0*d\r\n\r\n", HEAD_BYTES - 4 - (int)wire.len, 0);
    CHECK_EQ_INT(wire.len, HEAD_BYTES);
    dial(&client, &rig);
    for (int k = 0; k < 3; k++) {
        CHECK(say_bytes(&client, wire.ptr, wire.len));
        heard = hear(&client);
        CHECK_EQ_INT(heard.status, 200);
        CHECK(strncmp(heard.body, "GET /?a&a&a", 11) == 0);
        free(heard.body);
    }
    hang_up(&client);
    rig_stop(&rig);
    free(wire.ptr);
}

/* ---- Bodies ---- */

TEST(engine_bodies, "bodies come whole, by length and in chunks, up to the limit")
{
    struct rig rig = {0};
    struct client client;
    struct heard heard;
    size_t bytes = 300 * 1000;
    char *wire = malloc(bytes + 1);

    CHECK(wire);
    memset(wire, 'b', bytes);
    wire[bytes] = '\0';
    rig_start(&rig);
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/") "Content-Length: 300000\r\n\r\n"));
    CHECK(say_bytes(&client, wire, bytes));
    heard = hear(&client);
    CHECK_EQ_INT(heard.body_len, bytes + strlen("POST /? "));
    CHECK_EQ_STR(heard.body + strlen("POST /? "), wire);
    free(heard.body);
    CHECK(say(&client, POST_LINE("/") "Transfer-Encoding: chunked\r\n\r\n"));
    for (const char *part = "3\r\nabc\r\n1;x=y\r\nd\r\n00\r\nTrailer: t\r\n\r\n"; *part; part++)
        CHECK(say_bytes(&client, part, 1));
    check_reply(&client, 200, "POST /? abcd");
    CHECK(say(&client, POST_LINE("/small") "Content-Length: 10\r\n\r\n0123456789"));
    check_reply(&client, 200, "POST /small? 0123456789");
    CHECK(
        say(&client,
            POST_LINE("/small") "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"));
    check_reply(&client, 200, "POST /small? 0123456789");
    hang_up(&client);
    rig_stop(&rig);
    free(wire);
}

TEST(engine_body_limits, "a body over the limit is refused at the head, or where it passes it, "
                         "and the refusal reaches a client that is still sending")
{
    struct rig rig = {0};
    struct client client;
    struct heard heard;
    char *wire = calloc(1, 1 << 20);

    CHECK(wire);
    rig_start(&rig);
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/small") "Content-Length: 11\r\n\r\n"));
    heard = hear(&client); /* Without a byte of the body. */
    CHECK_EQ_INT(heard.status, 413);
    CHECK_EQ_STR(header_in(heard.head, "Connection"), "close");
    CHECK(strstr(heard.body, "\"detail\":\"The body has 11 bytes; send at most 10.\""));
    free(heard.body);
    say_bytes(&client, wire, 1 << 20); /* Nobody reads it, and nobody resets us. */
    CHECK(ended_well(&client));
    hang_up(&client);
    rig_wait(&rig, &rig.done, 1);
    CHECK_EQ_INT(rig.status, 413);
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/small") "Transfer-Encoding: chunked\r\n\r\n"
                                           "8\r\n01234567\r\n3\r\n890\r\n"));
    heard = hear(&client);
    CHECK_EQ_INT(heard.status, 413);
    CHECK(strstr(heard.body, "\"code\":\"body_too_large\""));
    CHECK(ended_well(&client));
    free(heard.body);
    hang_up(&client);
    rig_wait(&rig, &rig.done, 2);
    CHECK_EQ_INT(rig.status, 413);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.asked, 0);
    free(wire);
}

TEST(engine_refused_head,
     "a refusal at the head costs the connection only when a long body follows")
{
    struct rig rig = {0};
    struct client client;
    struct heard heard;

    rig_start(&rig);
    dial(&client, &rig);
    CHECK(say(&client, GET_LINE("/refused") "\r\n"));
    heard = hear(&client);
    CHECK_EQ_INT(heard.status, 401);
    CHECK_EQ_STR(header_in(heard.head, "WWW-Authenticate"), "Bearer");
    CHECK_EQ_STR(heard.body, "{\"type\":\"urn:grevy:problem:no_key\",\"title\":\"Unauthorized\","
                             "\"status\":401,\"code\":\"no_key\",\"detail\":\"Send a key.\"}");
    free(heard.body);
    CHECK(say(&client, POST_LINE("/refused") "Content-Length: 5\r\n\r\nabcde"));
    CHECK_EQ_INT(hear_status(&client), 401);
    CHECK(say(&client, GET_LINE("/x") "\r\n"));
    CHECK_EQ_INT(hear_status(&client), 200);
    CHECK(say(&client, POST_LINE("/refused") "Content-Length: 500000\r\n\r\n"));
    CHECK_EQ_INT(hear_status(&client), 401);
    CHECK(ended_well(&client));
    hang_up(&client);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.asked, 1);
    CHECK_EQ_INT(rig.heads, 4);
}

TEST(engine_expect, "100 Continue is said after the head was accepted, else the final status")
{
    struct rig rig = {0};
    struct client client;

    rig_start(&rig);
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    CHECK_EQ_INT(hear_status(&client), 100);
    CHECK(say(&client, "abc"));
    check_reply(&client, 200, "POST /? abc");
    CHECK(say(&client, POST_LINE("/refused") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    CHECK_EQ_INT(hear_status(&client), 401);
    CHECK(ended_well(&client));
    hang_up(&client);
    rig_stop(&rig);
}

/* ---- Clients that go ---- */

TEST_THREADS(engine_half_close, "a client that is done sending still gets its answer")
{
    static const char *const paths[] = {"/now", "/later", "/held"};
    struct rig rig = {.options = {.threads = 1}};
    struct client client, bystander;
    char wire[256];

    rig_start(&rig);
    dial(&bystander, &rig); /* libmicrohttpd treats its oldest connection more kindly. */
    CHECK(say(&bystander, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&bystander), 200);
    for (int k = 0; k < 3; k++) {
        dial(&client, &rig);
        snprintf(wire, sizeof(wire),
                 "POST %s HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nab", paths[k]);
        CHECK(say(&client, wire));
        if (k == 2)
            rig_wait(&rig, &rig.asked, 4);
        CHECK_EQ_INT(shutdown(client.fd, SHUT_WR), 0);
        if (k == 2) {
            CHECK(!listen_ms(&client, 50)); /* It is not dropped meanwhile. */
            rig_answer(&rig);
        }
        CHECK_EQ_INT(hear_status(&client), 200);
        CHECK(ended_well(&client));
        hang_up(&client);
    }
    hang_up(&bystander);
    rig_stop(&rig);
}

TEST_THREADS(engine_client_gone, "the exchange of a client that went away ends once, when answered")
{
    struct rig rig = {0};
    struct client client;
    struct linger hard = {.l_onoff = 1};

    rig_start(&rig);
    for (int k = 0; k < 8; k++) {
        dial(&client, &rig);
        CHECK(say(&client, POST_LINE("/held") "Content-Length: 2\r\n\r\nab"));
        rig_wait(&rig, &rig.asked, k + 1);
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        hang_up(&client);
        CHECK_EQ_INT(rig.done, k);
        rig_answer(&rig);
        rig_wait(&rig, &rig.done, k + 1);
        CHECK_EQ_INT(rig.status, 0);
        CHECK_EQ_INT(rig.reply_bytes, 0);
    }
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/") "Content-Length: 20\r\n\r\nhalf"));
    rig_wait(&rig, &rig.heads, 9);
    hang_up(&client);
    rig_wait(&rig, &rig.done, 9);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.released, 8);
}

struct crowd {
    struct rig *rig;
    int requests;
};

static void *crowd_client(void *context)
{
    const struct crowd *crowd = context;
    struct client client;

    dial(&client, crowd->rig);
    for (int k = 0; k < crowd->requests; k++) {
        CHECK(say(&client, k % 5 ? POST_LINE("/later") "Content-Length: 3\r\n\r\nabc"
                                 : GET_LINE("/now") "\r\n"));
        CHECK_EQ_INT(hear_status(&client), 200);
    }
    hang_up(&client);
    return NULL;
}

TEST_THREADS(engine_crowd, "many clients at once, answered inline and by another thread")
{
    enum { CLIENTS = 16, REQUESTS = 200 };
    struct rig rig = {.options = {.threads = 3}};
    struct crowd crowd = {&rig, REQUESTS};
    pthread_t threads[CLIENTS];

    rig_start(&rig);
    for (int k = 0; k < CLIENTS; k++)
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, crowd_client, &crowd), 0);
    for (int k = 0; k < CLIENTS; k++)
        pthread_join(threads[k], NULL);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.done, CLIENTS * REQUESTS);
    CHECK_EQ_INT(rig.released, CLIENTS * REQUESTS);
}
