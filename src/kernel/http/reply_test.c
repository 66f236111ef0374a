/*
 * reply_test.c - what a reply carries: compression, problem documents, headers.
 */
#include <zlib.h>

#include "kernel/http/engine_fixture.h"
#include "kernel/http/gzip.h"

TEST(gzip_asked, "Accept-Encoding admits gzip by its q-values")
{
    static const struct {
        const char *header;
        bool accepted;
    } rows[] = {
        {"gzip", true},
        {"GZIP", true},
        {"x-gzip", true},
        {"deflate, gzip;q=1.0", true},
        {"gzip;q=0.5, identity;q=1", true},
        {"br,gzip ; q=0.001", true},
        {"*", true},
        {"br, *;q=0.1", true},
        {"gzip;q=0", false},
        {"gzip; q=0.000", false},
        {"gzip;q=0, *", false},
        {"*;q=0", false},
        {"identity", false},
        {"br", false},
        {"gzipped", false},
        {"", false},
        {",;,", false},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++)
        CHECK_SAY(gzip_accepted(str_of(rows[k].header)) == rows[k].accepted, "%s", rows[k].header);
    CHECK(!gzip_accepted((struct str){0}));
    CHECK(gzip_worthwhile(STR("application/json")));
    CHECK(gzip_worthwhile(STR("application/problem+json; charset=utf-8")));
    CHECK(gzip_worthwhile(STR("text/csv")));
    CHECK(!gzip_worthwhile(STR("image/png")));
    CHECK(!gzip_worthwhile(STR("application/gzip")));
    CHECK(!gzip_worthwhile((struct str){0}));
}

static void check_inflates(const struct heard *heard, size_t bytes)
{
    unsigned char *out = malloc(bytes + 1);
    z_stream stream = {.next_in = (Bytef *)heard->body,
                       .avail_in = (uInt)heard->body_len,
                       .next_out = out,
                       .avail_out = (uInt)bytes + 1};

    CHECK(out);
    CHECK_EQ_INT(inflateInit2(&stream, 15 + 16), Z_OK);
    CHECK_EQ_INT(inflate(&stream, Z_FINISH), Z_STREAM_END);
    CHECK_EQ_INT(stream.total_out, bytes);
    CHECK_EQ_INT(out[0], '"');
    CHECK_EQ_INT(out[bytes - 1], '"');
    inflateEnd(&stream);
    free(out);
}

/* Ask /bytes for a reply of that many bytes; is it compressed? */
static bool packed(struct client *client, int bytes, const char *headers)
{
    struct heard heard;
    char wire[512];
    bool gzip;

    snprintf(wire, sizeof(wire), "GET /bytes?%d HTTP/1.1\r\nHost: shop\r\n%s\r\n", bytes, headers);
    CHECK(say(client, wire));
    heard = hear(client);
    CHECK_EQ_INT(heard.status, 200);
    gzip = strcmp(header_in(heard.head, "Content-Encoding"), "gzip") == 0;
    CHECK_EQ_STR(header_in(heard.head, "Vary"), bytes >= 1400 ? "Accept-Encoding" : "");
    if (gzip)
        check_inflates(&heard, (size_t)bytes);
    else
        CHECK_EQ_INT(heard.body_len, bytes);
    free(heard.body);
    return gzip;
}

TEST_THREADS(gzip_replies, "replies of JSON are compressed from 1,400 bytes for those who ask")
{
    struct rig rig = {0};
    struct client client;

    rig_start(&rig);
    dial(&client, &rig);
    CHECK(!packed(&client, 1399, "Accept-Encoding: gzip\r\n"));
    CHECK(packed(&client, 1400, "Accept-Encoding: gzip\r\n"));
    CHECK(packed(&client, 70000, "accept-encoding: br;q=1, gzip;q=0.8\r\n"));
    CHECK(packed(&client, 1000000, "Accept-Encoding: gzip\r\n"));
    CHECK(!packed(&client, 1000000, ""));
    CHECK(!packed(&client, 5000, "Accept-Encoding: gzip;q=0\r\n"));
    CHECK(packed(&client, 5000, "Accept-Encoding: gzip\r\nX-Tag: W/\"7\"\r\n"));
    CHECK(!packed(&client, 5000, "Accept-Encoding: gzip\r\nX-Tag: \"7\"\r\n"));
    hang_up(&client);
    rig_stop(&rig);
    CHECK_EQ_INT(rig.released, 8);
}

/* ---- Problems ---- */

static struct problem asked_problem;

static void refuse_all(struct http_exchange *x, void *context)
{
    (void)context;
    http_reply_problem(x, &asked_problem, false);
}

static struct heard problem_heard(const struct problem *problem)
{
    struct rig rig = {0};
    struct http_options options = {.listen = "127.0.0.1:0", .on_request = refuse_all};
    struct client client;
    struct heard heard;

    asked_problem = *problem;
    rig.server = http_start(&options, &rig.problem);
    CHECK(rig.server);
    dial(&client, &rig);
    CHECK(say(&client, GET_LINE("/") "\r\n"));
    heard = hear(&client);
    hang_up(&client);
    http_stop(rig.server, PATIENCE_MS);
    CHECK_EQ_STR(header_in(heard.head, "Content-Type"), "application/problem+json");
    return heard;
}

TEST(problem_document, "a problem names type, title, status, code, detail, pointer and members")
{
    struct problem problem = {
        .err = ERR_CONFLICT,
        .code = "out_of_stock",
        .pointer = "/lines/0",
        .detail = "Say \"less\" \\ caf\xc3\xa9\n.",
        .members = {{"sku", STR("sku_1")}, {"bytes", STR("\xff\x01\x7f")}},
        .member_count = 2,
    };
    struct heard heard = problem_heard(&problem);

    CHECK_EQ_INT(heard.status, 409);
    CHECK_EQ_STR(heard.body,
                 "{\"type\":\"urn:grevy:problem:out_of_stock\",\"title\":\"Conflict\","
                 "\"status\":409,\"code\":\"out_of_stock\","
                 "\"detail\":\"Say \\\"less\\\" \\\\ caf\xc3\xa9\\u000a.\","
                 "\"pointer\":\"/lines/0\",\"sku\":\"sku_1\",\"bytes\":\"?\\u0001\\u007f\"}");
    CHECK_EQ_STR(header_in(heard.head, "Retry-After"), "");
    free(heard.body);
}

TEST(problem_headers, "some statuses come with the headers that HTTP asks of them")
{
    struct problem busy = {.err = ERR_BUSY, .code = "queue_full", .retry_after_ms = 1001};
    struct problem method = {.err = ERR_METHOD,
                             .code = "method_not_allowed",
                             .members = {{"allow", STR("GET, POST")}},
                             .member_count = 1};
    struct heard heard = problem_heard(&busy);

    CHECK_EQ_INT(heard.status, 503);
    CHECK_EQ_STR(header_in(heard.head, "Retry-After"), "2");
    free(heard.body);
    busy.retry_after_ms = 0; /* Whoever said so did not know. */
    heard = problem_heard(&busy);
    CHECK_EQ_STR(header_in(heard.head, "Retry-After"), "1");
    free(heard.body);
    heard = problem_heard(&method);
    CHECK_EQ_INT(heard.status, 405);
    CHECK_EQ_STR(header_in(heard.head, "Allow"), "GET, POST");
    CHECK(strstr(heard.body, "\"allow\":\"GET, POST\""));
    free(heard.body);
}

/* ---- Replies that are odd ---- */

static void reply_full(struct http_exchange *x, void *context)
{
    static const char *const names[HTTP_HEADERS_MAX] = {
        "X-0", "X-1", "X-2",  "X-3",  "X-4",  "X-5",  "X-6",  "X-7",
        "X-8", "X-9", "X-10", "X-11", "X-12", "X-13", "X-14", "Cache-Control"};
    struct http_reply reply = {.status = 204, .header_count = HTTP_HEADERS_MAX};
    char value[200];

    (void)context;
    memset(value, 'v', sizeof(value));
    for (int k = 0; k < HTTP_HEADERS_MAX; k++) {
        reply.headers[k].name = names[k];
        reply.headers[k].value = (struct str){value, sizeof(value) - (size_t)k};
    }
    http_reply(x, &reply);
    memset(value, '!', sizeof(value)); /* Copied, so this does not show. */
}

TEST(reply_headers, "sixteen headers and no body")
{
    struct rig rig = {0};
    struct http_options options = {.listen = "127.0.0.1:0", .on_request = reply_full};
    struct client client;
    struct heard heard;

    rig.server = http_start(&options, &rig.problem);
    CHECK(rig.server);
    dial(&client, &rig);
    for (int k = 0; k < 2; k++) {
        CHECK(say(&client, GET_LINE("/") "\r\n"));
        heard = hear(&client);
        CHECK_EQ_INT(heard.status, 204);
        CHECK_EQ_INT(strlen(header_in(heard.head, "X-0")), 200);
        CHECK_EQ_INT(strlen(header_in(heard.head, "Cache-Control")), 185);
        CHECK_EQ_STR(header_in(heard.head, "Content-Length"), "");
        CHECK(!strchr(heard.head, '!'));
        free(heard.body);
    }
    hang_up(&client);
    http_stop(rig.server, PATIENCE_MS);
}
