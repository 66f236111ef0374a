/*
 * glance_test.c - which requests the dispatcher refuses at a glance.
 */
#include <stdlib.h>

#include "kernel/http/engine.h"
#include "kernel/work/writer.h"
#include "test/kit/mini.h"

static bool glance_of(struct mini *mini, const char *method, const char *path, const char *key)
{
    struct http_options options = {0};

    dispatcher_attach(mini_dispatcher(mini), &options);
    CHECK(options.sheds(options.context));
    return options.on_glance(options.context, str_of(method), str_of(path),
                             str_of(mini_text(mini, "Bearer %s", key)));
}

TEST(turn_away_what,
     "commands are refused at a glance to whom has a key; reads and notices are not")
{
    struct mini *mini = mini_open("sqlite");
    struct writer *writer = mini_space(mini)->writer;
    const char *key = mini_admin_key(mini);
    char *wrong = strdup(key);

    mini_settle(mini);
    wrong[strlen(wrong) - 1] ^= 1;
    atomic_fetch_add(&mini_platform(mini)->shedding, 1);
    CHECK(!glance_of(mini, "POST", "/v1/orders", key)); /* Room is there. */
    writer->shedding = true;
    writer->depth += QUEUE_COMMANDS_MAX;
    CHECK(glance_of(mini, "POST", "/v1/orders", key));
    CHECK(glance_of(mini, "POST", "/v1/products/import", key));
    CHECK(!glance_of(mini, "GET", "/v1/orders", key));
    CHECK(!glance_of(mini, "POST", "/v1/nothing", key));
    CHECK(!glance_of(mini, "POST", "/v1/webhooks/default/payments/sandbox", key));
    CHECK(!glance_of(mini, "POST", "/v1/orders", wrong));
    CHECK(!glance_of(mini, "POST", "/v1/orders", ""));
    writer->shedding = false;
    writer->depth -= QUEUE_COMMANDS_MAX;
    mini_close(mini);
    free(wrong);
}
