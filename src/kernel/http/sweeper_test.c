/*
 * sweeper_test.c - deadlines, and how the server ends.
 */
#include "kernel/http/engine_fixture.h"

/* Deadlines that a test can wait for. */
static const struct http_options quick = {
    .head_ms_max = 400, .body_ms_max = 500, .idle_ms_max = 600, .connections_max = 64};

/* Send text byte by byte, one every 50 ms, until the server answers, ends or text does.  Returns
 * how long it took. */
static int64_t drip(struct client *client, const char *text)
{
    int64_t from_ms = now_ms();

    for (; *text && !client->ended && client->len == 0; text++) {
        if (!say_bytes(client, text, 1))
            break;
        listen_ms(client, 50);
    }
    return now_ms() - from_ms;
}

static void check_late(struct client *client, int64_t took_ms, const char *code)
{
    struct heard heard = hear(client);
    char member[64];

    CHECK_EQ_INT(heard.status, 408);
    snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
    CHECK(strstr(heard.body, member));
    CHECK_EQ_STR(header_in(heard.head, "Connection"), "close");
    CHECK(ended_well(client));
    CHECK_SAY(took_ms >= 390, "after %d ms", (int)took_ms);
    CHECK_SAY(took_ms < 1500, "after %d ms", (int)took_ms);
    free(heard.body);
}

#define DRIPS GET_LINE("/") "X-Drip: drip drip drip drip drip drip drip drip drip drip drip drip"

TEST_THREADS(sweeper_head, "a head that drips is cut at its deadline, on a new connection and on "
                           "one that served before")
{
    struct rig rig = {.options = quick};
    struct client client;

    rig_start(&rig);
    dial(&client, &rig);
    check_late(&client, drip(&client, DRIPS), "head_too_slow");
    hang_up(&client);
    dial(&client, &rig);
    CHECK(say(&client, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&client), 200);
    check_late(&client, drip(&client, DRIPS), "head_too_slow");
    hang_up(&client);
    dial(&client, &rig); /* The beginning of the second head comes with the first request. */
    CHECK(say(&client, GET_LINE("/now") "\r\nGET /"));
    CHECK_EQ_INT(hear_status(&client), 200);
    check_late(
        &client,
        drip(&client, "products HTTP/1.1\r\nX-Drip: drip drip drip drip drip drip drip drip drip"),
        "head_too_slow");
    hang_up(&client);
    rig_wait(&rig, &rig.refused, 3);
    CHECK_EQ_STR(rig.reason, "head_too_slow");
    rig_stop(&rig);
}

TEST_THREADS(sweeper_body, "a body that drips is cut at its deadline, with or without a length")
{
    struct rig rig = {.options = quick};
    struct client client;

    rig_start(&rig);
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/") "Content-Length: 500\r\n\r\n"));
    check_late(&client, drip(&client, DRIPS), "body_too_slow");
    hang_up(&client);
    rig_wait(&rig, &rig.done, 1);
    CHECK_EQ_INT(rig.status, 408);
    dial(&client, &rig);
    CHECK(say(&client, POST_LINE("/") "Transfer-Encoding: chunked\r\n\r\n"));
    check_late(&client, drip(&client, "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n1\r\ne\r\n1\r\n"),
               "body_too_slow");
    hang_up(&client);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.asked, 0);
}

TEST(sweeper_idle, "who says nothing is closed without a word, one that waits for us never")
{
    struct rig rig = {.options = quick};
    struct client silent, idle, waiting;
    int64_t from_ms = now_ms();

    rig_start(&rig);
    dial(&silent, &rig);
    dial(&idle, &rig);
    dial(&waiting, &rig);
    CHECK(say(&waiting, GET_LINE("/held") "\r\n"));
    CHECK(say(&idle, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&idle), 200);
    CHECK(ended_well(&silent));
    CHECK(now_ms() - from_ms >= 390);
    CHECK(ended_well(&idle));
    CHECK(now_ms() - from_ms >= 590);
    CHECK_EQ_INT(silent.len + idle.len, 0);
    while (now_ms() - from_ms < 1500)
        CHECK(!listen_ms(&waiting, 100));
    rig_answer(&rig);
    CHECK_EQ_INT(hear_status(&waiting), 200);
    hang_up(&silent);
    hang_up(&idle);
    hang_up(&waiting);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.refused, 0);
}

TEST(sweeper_unread, "a client that does not read its reply is cut")
{
    struct rig rig = {.options = quick};
    struct client client;
    int small = 4096;

    rig_start(&rig);
    dial(&client, &rig);
    setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    CHECK(say(&client, GET_LINE("/bytes?20000000") "\r\n"));
    rig_wait(&rig, &rig.done, 1);
    CHECK_EQ_INT(rig.status, 0);
    CHECK_EQ_INT(rig.released, 1);
    hang_up(&client);
    rig_stop(&rig);
}

TEST(sweeper_trim, "a connection that was idle for long serves again", .slow = true)
{
    struct rig rig = {0};
    struct client client;

    rig_start(&rig);
    dial(&client, &rig);
    for (int k = 0; k < 2; k++) {
        CHECK(say(&client, POST_LINE("/now") "Content-Length: 3\r\n\r\nabc"));
        CHECK_EQ_INT(hear_status(&client), 200);
        CHECK(k > 0 || !listen_ms(&client, 4500)); /* Its memory goes back after 3 s. */
    }
    hang_up(&client);
    rig_stop(&rig);
}

TEST_THREADS(sweeper_places, "beyond the most connections clients wait until one has gone")
{
    struct rig rig = {.options = {.connections_max = 2}};
    struct client a, b, c;

    rig_start(&rig);
    dial(&a, &rig);
    dial(&b, &rig);
    CHECK(say(&a, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&a), 200);
    CHECK(say(&b, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&b), 200);
    CHECK_EQ_INT(http_connections(rig.server), 2);
    dial(&c, &rig);
    CHECK(say(&c, GET_LINE("/now") "\r\n"));
    CHECK(!listen_ms(&c, 200));
    hang_up(&a);
    CHECK_EQ_INT(hear_status(&c), 200);
    hang_up(&b);
    hang_up(&c);
    rig_stop(&rig);
}

TEST_THREADS(sweeper_crowd, "who sits idle in a full server makes room for who waits", .slow = true)
{
    struct rig rig = {.options = {.connections_max = 2}};
    struct client a, b, c;

    rig_start(&rig);
    dial(&a, &rig);
    dial(&b, &rig);
    CHECK(say(&a, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&a), 200);
    CHECK(say(&b, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&b), 200);
    dial(&c, &rig);
    CHECK(say(&c, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&c), 200); /* Long before the others' minute is over. */
    hang_up(&a);
    hang_up(&b);
    hang_up(&c);
    rig_stop(&rig);
}

/* ---- The end ---- */

struct stopping {
    struct rig *rig;
    int drain_ms;
    pthread_t thread;
};

static void *stop(void *context)
{
    const struct stopping *stopping = context;

    http_stop(stopping->rig->server, stopping->drain_ms);
    return NULL;
}

static void stop_begin(struct stopping *stopping)
{
    CHECK_EQ_INT(pthread_create(&stopping->thread, NULL, stop, stopping), 0);
}

TEST_THREADS(stop_drains, "stopping answers what is under way, closes what is idle, resets nobody")
{
    struct rig rig = {0};
    struct client idle, held, begun;
    struct stopping stopping = {&rig, PATIENCE_MS, 0};
    struct heard heard;

    rig_start(&rig);
    dial(&idle, &rig);
    CHECK(say(&idle, GET_LINE("/now") "\r\n"));
    CHECK_EQ_INT(hear_status(&idle), 200);
    dial(&begun, &rig);
    CHECK(say(&begun, POST_LINE("/now") "Content-Length: 3\r\n\r\na"));
    dial(&held, &rig);
    CHECK(say(&held, GET_LINE("/held") "\r\n"));
    rig_wait(&rig, &rig.asked, 2);
    rig_wait(&rig, &rig.heads, 3);
    stop_begin(&stopping);
    CHECK(ended_well(&idle));
    CHECK(say(&begun, "bc"));
    heard = hear(&begun);
    CHECK_EQ_STR(heard.body, "POST /now? abc");
    CHECK_EQ_STR(header_in(heard.head, "Connection"), "close");
    free(heard.body);
    CHECK(ended_well(&begun));
    rig_answer(&rig);
    heard = hear(&held);
    CHECK_EQ_STR(heard.body, "GET /held? ");
    CHECK_EQ_STR(header_in(heard.head, "Connection"), "close");
    free(heard.body);
    CHECK(ended_well(&held));
    hang_up(&idle);
    hang_up(&begun);
    hang_up(&held);
    pthread_join(stopping.thread, NULL);
    rig_end(&rig);
    CHECK_EQ_INT(rig.done, 3);
    CHECK_EQ_INT(rig.released, 3);
}

TEST_THREADS(stop_is_bounded, "stopping waits no longer than it was told; a late answer is let go")
{
    struct rig rig = {0};
    struct client clients[4];
    int64_t from_ms;

    rig_start(&rig);
    for (int k = 0; k < 4; k++) {
        dial(&clients[k], &rig);
        CHECK(say(&clients[k], k < 3 ? GET_LINE("/held") "\r\n" : "GET /unfinished"));
    }
    rig_wait(&rig, &rig.asked, 3);
    from_ms = now_ms();
    http_stop(rig.server, 300);
    CHECK(now_ms() - from_ms >= 300);
    CHECK(now_ms() - from_ms < 3000);
    for (int k = 0; k < 4; k++) {
        CHECK(ended_well(&clients[k]));
        CHECK_EQ_INT(clients[k].len, 0);
        hang_up(&clients[k]);
    }
    CHECK_EQ_INT(rig.done, 0);
    for (int k = 0; k < 3; k++) {
        rig_answer(&rig); /* The exchange is still there: it reads the request. */
        CHECK_EQ_INT(rig.done, k + 1);
        CHECK_EQ_INT(rig.released, k + 1);
        CHECK_EQ_INT(rig.status, 0);
    }
    rig_end(&rig);
}

static void *keep_asking(void *context)
{
    struct rig *rig = context;
    struct client client;
    struct heard heard;
    int answered = 0;

    dial(&client, rig);
    while (say(&client, answered % 2 ? GET_LINE("/later") "\r\n" : GET_LINE("/now") "\r\n")) {
        heard = hear(&client);
        free(heard.body);
        if (heard.status == 0) /* Closed before it was asked: never reset in an answer. */
            break;
        CHECK_EQ_INT(heard.status, 200);
        answered++;
        if (strcmp(header_in(heard.head, "Connection"), "close") == 0)
            break;
    }
    CHECK(answered > 0);
    CHECK(ended_well(&client));
    hang_up(&client);
    return NULL;
}

TEST_THREADS(stop_under_load, "stopping under load resets no client")
{
    enum { CLIENTS = 8, ROUNDS = 5 };

    for (int round = 0; round < ROUNDS; round++) {
        struct rig rig = {0};
        pthread_t threads[CLIENTS];

        rig_start(&rig);
        for (int k = 0; k < CLIENTS; k++)
            CHECK_EQ_INT(pthread_create(&threads[k], NULL, keep_asking, &rig), 0);
        rig_wait(&rig, &rig.done, CLIENTS * 20);
        http_stop(rig.server, PATIENCE_MS);
        for (int k = 0; k < CLIENTS; k++)
            pthread_join(threads[k], NULL);
        rig_end(&rig);
        CHECK_EQ_INT(rig.done, rig.heads);
        CHECK_EQ_INT(rig.released, rig.asked);
    }
}

TEST(start_refuses, "a taken port or a bad address is refused with advice")
{
    struct rig rig = {0};
    struct http_options second;
    struct problem problem;
    char listen[64];

    rig_start(&rig);
    second = rig.options;
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", http_port(rig.server));
    second.listen = listen;
    CHECK(!http_start(&second, &problem));
    CHECK_EQ_STR(problem.code, "port_taken");
    CHECK(strstr(problem.detail, listen));
    second.listen = "127.0.0.1";
    CHECK(!http_start(&second, &problem));
    CHECK_EQ_STR(problem.code, "listen_address");
    second.listen = "127.0.0.1:http:";
    CHECK(!http_start(&second, &problem));
    CHECK_EQ_STR(problem.code, "listen_address");
    second.listen = "192.0.2.1:0"; /* Reserved for documentation: of no machine. */
    CHECK(!http_start(&second, &problem));
    CHECK_EQ_STR(problem.code, "listen_failed");
    rig_stop(&rig);
}
