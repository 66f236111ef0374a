/*
 * export.c - grevy export: the documents of a space as files, as apply takes them.
 */
#include <stdio.h>
#include <string.h>

#include "cli/files.h"
#include "cli/retail_tool.h"

/* ---- What there is ---- */

/* Rows of all pages of a list; each is given to take, which may not call client_json. */
struct pages {
    const char *path;
    document_taker *take;
    void *context;
};

/* *next: the cursor after this page, kept outside of the client's cx; "": it was the last. */
static bool take_page(struct client *client, const struct pages *pages,
                      char next[CLIENT_TEXT_LEN_MAX])
{
    struct client_request request = {.method = "GET"};
    struct client_answer answer;
    struct json page, data;
    struct str cursor;

    cx_reset(&client->cx);
    request.path =
        cx_printf(&client->cx, "%s?limit=200%s%s", pages->path, next[0] ? "&cursor=" : "", next);
    if (!client_call(client, &request, &answer) || answer.status != 200 ||
        !client_json(client, &answer, &page) || !json_get(page, "data", &data) ||
        json_type(data) != JSON_LIST) {
        client_complain(client, &request, &answer);
        return false;
    }
    cursor = client_text(client, page, "next");
    snprintf(next, CLIENT_TEXT_LEN_MAX, STR_FMT, STR_ARG(cursor));
    for (struct json_iter it = json_iter(data); json_next(&it);)
        if (!pages->take(client, it.value, pages->context))
            return false;
    return true;
}

static bool each_row(struct client *client, const struct pages *pages)
{
    char next[CLIENT_TEXT_LEN_MAX] = "";

    do {
        if (!take_page(client, pages, next))
            return false;
    } while (next[0]);
    return true;
}

struct names {
    struct cx cx;
    struct list items; /* of struct str */
};
enum { COLLECTIONS_MAX = 1000, NAMES_BYTES_MAX = 1 << 20 };

static bool note_name(struct client *client, struct json row, void *context)
{
    struct names *names = context;
    struct str *items = names->items.items;

    if (names->items.count < COLLECTIONS_MAX)
        items[names->items.count++] = cx_copy(&names->cx, client_text(client, row, "name"));
    return true;
}

bool documents_each(struct client *client, document_taker *take, void *context)
{
    struct names names = {.items = {NULL, 0}};
    bool ok;

    cx_open(&names.cx, env_system(), NAMES_BYTES_MAX);
    names.items.items = CX_ARRAY(&names.cx, struct str, COLLECTIONS_MAX);
    ok = each_row(client, &(struct pages){"/v1/collections", note_name, &names});
    for (size_t k = 0; ok && k < names.items.count; k++) {
        struct str path = cx_printf(&names.cx, "/v1/documents/" STR_FMT,
                                    STR_ARG(*LIST_AT(names.items, struct str, k)));

        ok = each_row(client, &(struct pages){path.ptr, take, context});
    }
    cx_close(&names.cx);
    return ok;
}

/* ---- Writing them ---- */

struct export
{
    struct tool tool;
    struct client client;
    struct files wanted, files; /* The first: what there is, with versions, without texts. */
    bool drafts;
};

static bool note_document(struct client *client, struct json row, void *context)
{
    struct export *export = context;
    struct file file = {.collection = client_text(client, row, "collection"),
                        .key = client_text(client, row, "key"),
                        .version = client_int(row, export->drafts ? "latest" : "live")};

    return file.version == 0 || files_add(&export->wanted, &file);
}

static bool write_document(struct export *export, const struct file *wanted)
{
    struct client *client = &export->client;
    struct client_request request = {.method = "GET"};
    struct client_answer answer;
    struct json version, document;
    struct file file = *wanted;

    cx_reset(&client->cx);
    request.path = cx_printf(&client->cx, "/v1/documents/" STR_FMT "/" STR_FMT "/versions/%" PRId64,
                             STR_ARG(file.collection), STR_ARG(file.key), file.version);
    if (client_call(client, &request, &answer) && answer.status == 200 &&
        client_json(client, &answer, &version) && json_get(version, "document", &document))
        return files_write(&export->files, &file, document);
    client_complain(client, &request, &answer);
    return false;
}

static bool write_all(struct export *export)
{
    if (!documents_each(&export->client, note_document, export))
        return false;
    for (size_t k = 0; k < export->wanted.items.count; k++)
        if (!write_document(export, LIST_AT(export->wanted.items, struct file, k)))
            return false;
    printf("%zu documents %s in %s\n", export->files.items.count,
           export->drafts ? "(the newest versions)" : "in force", export->files.dir);
    return files_write_versions(&export->files);
}

int cmd_export(int argc, char **argv)
{
    struct tool_options options = {0};
    struct export export = {0};
    const char *words[1];
    const struct option_row rows[] = {
        TOOL_OPTIONS(options), {"--drafts", NULL, &export.drafts}, {NULL, NULL, NULL}};
    bool ok;

    if (!options_read(argc, argv, rows, words, 1) || !words[0])
        return usage_of("export");
    if (!files_make(&export.files, words[0]))
        return EXIT_FAILED;
    if (!files_make(&export.wanted, words[0])) {
        files_close(&export.files);
        return EXIT_FAILED;
    }
    ok = tool_open(&export.tool, &options);
    if (ok) {
        ok = client_open(&export.client, &export.tool.target) && write_all(&export);
        client_close(&export.client);
        tool_close(&export.tool);
    }
    files_close(&export.files);
    files_close(&export.wanted);
    return ok ? EXIT_DONE : EXIT_FAILED;
}
