/*
 * retail_tool.c - where a tool finds its shop.
 */
#include "cli/retail_tool.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/access/key.h"
#include "kernel/base/log.h"

static bool open_inside(struct tool *tool, const struct tool_options *options)
{
    const char *space = options->space ? options->space : SPACE_DEFAULT;

    log_open(STDERR_FILENO, LOG_WARN);
    if (!server_open(&tool->server, &options->platform, NULL, NULL))
        return false;
    tool->key = (struct server_key){.name = "import and replay", .lives_ms = DAY_MS};
    if (server_open_default(&tool->server) &&
        server_space(&tool->server, space, false, &tool->space) &&
        server_key_make(tool->space, &tool->key) &&
        server_listen(&tool->server, "127.0.0.1:0", SPACE_DEFAULT)) {
        snprintf(tool->url, sizeof(tool->url), "http://127.0.0.1:%d", http_port(tool->server.http));
        tool->target = (struct client_target){tool->url, tool->key.token};
        return true;
    }
    free(tool->key.token);
    server_close(&tool->server);
    log_close();
    return false;
}

bool tool_open(struct tool *tool, const struct tool_options *options)
{
    const char *key = options->key ? options->key : getenv("GREVY_KEY");

    *tool = (struct tool){0};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (options->platform.data || options->platform.db)
        return open_inside(tool, options);
    if (!key || options->space) {
        fputs("grevy: a running server wants an API key: --key KEY or GREVY_KEY=KEY; the key says "
              "which space; or name the data: --data DIR [--space NAME]\n",
              stderr);
        return false;
    }
    tool->target =
        (struct client_target){options->url ? options->url : "http://127.0.0.1:8080", key};
    return true;
}

void tool_close(struct tool *tool)
{
    if (!tool->space)
        return;
    server_key_revoke(tool->space, &tool->key);
    server_close(&tool->server);
    log_close();
}

bool tool_read(struct retail *retail, const char *path)
{
    const char *why;

    if (retail_read_file(retail, path, &why))
        return true;
    fprintf(stderr, "grevy: %s: %s\n", path, why);
    return false;
}
