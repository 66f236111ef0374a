/*
 * apply.c - grevy apply, diff and export: documents as files, against a server.
 */
#include <stdio.h>
#include <string.h>

#include "cli/files.h"
#include "cli/retail_tool.h"

enum {
    AT_ONCE = 200,           /* Documents of one publication. */
    BYTES_AT_ONCE = 4 << 20, /* Of one request; the server takes 8 MiB. */
    VALUE_LEN_MAX = 60,      /* Shown of a value. */
};

struct apply {
    struct tool tool;
    struct client client;
    struct files files;
    const char *why;
    bool dry_run, save_only, force, prune;
    int64_t changes, same, last_seq;
};

/* ---- One request ---- */

static void write_item(struct json_out *json, const struct apply *apply, const struct file *file)
{
    json_object(json);
    json_member_text(json, "collection", file->collection);
    json_member_text(json, "key", file->key);
    if (file->text.ptr) {
        json_key(json, STR("document"));
        json_put_raw(json, file->text);
        if (file->version >= 0 && !apply->force)
            json_member_int(json, "based_on", file->version);
    }
    json_object_end(json);
}

/* Files from..*until of one request. */
static struct str body_of(struct apply *apply, size_t from, size_t *until)
{
    const struct list *items = &apply->files.items;
    struct json_out json;

    json_open(&json, &apply->client.cx, 1 << 16);
    json_object(&json);
    json_member_text(&json, "why", str_of(apply->why ? apply->why : "grevy apply"));
    json_member_bool(&json, "dry_run", apply->dry_run);
    json_member_bool(&json, "save_only", apply->save_only);
    json_key(&json, STR("documents"));
    json_list(&json);
    for (*until = from; *until < items->count && *until - from < AT_ONCE; (*until)++) {
        const struct file *file = LIST_AT(*items, struct file, *until);

        if (*until > from && json.len + file->text.len > BYTES_AT_ONCE)
            break;
        write_item(&json, apply, file);
    }
    json_list_end(&json);
    json_object_end(&json);
    return json_done(&json);
}

/* ---- What came of it ---- */

static void print_value(struct client *client, struct json difference, const char *name)
{
    struct json value;
    struct str text;

    if (!json_get(difference, name, &value) || json_type(value) == JSON_NULL) {
        printf("nothing");
        return;
    }
    text = json_minified(&client->cx, value);
    printf("%.*s%s", (int)(text.len < VALUE_LEN_MAX ? text.len : VALUE_LEN_MAX), text.ptr,
           text.len > VALUE_LEN_MAX ? "..." : "");
}

static void print_change(struct client *client, struct json change)
{
    struct str action = client_text(client, change, "action");
    struct str collection = client_text(client, change, "collection");
    struct str key = client_text(client, change, "key");
    struct json differences;

    printf("%-9.*s " STR_FMT "/" STR_FMT ", version %" PRId64 "\n", STR_ARG(action),
           STR_ARG(collection), STR_ARG(key), client_int(change, "version"));
    if (!json_get(change, "differences", &differences) || json_type(differences) != JSON_LIST)
        return;
    for (struct json_iter it = json_iter(differences); json_next(&it);) {
        struct str pointer = client_text(client, it.value, "pointer");

        printf("  " STR_FMT ": ", STR_ARG(pointer));
        print_value(client, it.value, "from");
        printf(" -> ");
        print_value(client, it.value, "to");
        putchar('\n');
    }
}

static void take_change(struct apply *apply, struct json change)
{
    struct client *client = &apply->client;
    struct file *file = files_find(&apply->files, client_text(client, change, "collection"),
                                   client_text(client, change, "key"));

    if (file)
        file->version = client_int(change, "version");
    print_change(client, change);
    apply->changes++;
}

/* A problem names a place in the request: say which file it was. */
static void complain(struct apply *apply, size_t from, const struct client_request *request,
                     const struct client_answer *answer)
{
    struct client *client = &apply->client;
    struct str pointer, detail, rest, number;
    struct json problem;
    int64_t k;

    if (answer->status == 0 || !client_json(client, answer, &problem)) {
        client_complain(client, request, answer);
        return;
    }
    pointer = client_text(client, problem, "pointer");
    detail = client_text(client, problem, "detail");
    rest = pointer;
    if (str_starts(pointer, STR("/documents/"))) {
        rest = (struct str){pointer.ptr + 11, pointer.len - 11};
        (void)str_cut(&rest, '/', &number);
        if (str_int(number, &k) && from + (size_t)k < apply->files.items.count) {
            const struct file *file = LIST_AT(apply->files.items, struct file, from + (size_t)k);

            fprintf(stderr, "grevy: %s/" STR_FMT "/" STR_FMT ".json: %s" STR_FMT "%s" STR_FMT "\n",
                    apply->files.dir, STR_ARG(file->collection), STR_ARG(file->key),
                    rest.len ? "/" : "", STR_ARG(rest), rest.len ? ": " : "", STR_ARG(detail));
            if (str_is(client_text(client, problem, "code"), "changed_meanwhile"))
                fputs("grevy: export into another folder, merge, and apply that; or --force\n",
                      stderr);
            return;
        }
    }
    fprintf(stderr, "grevy: " STR_FMT " " STR_FMT "\n", STR_ARG(pointer), STR_ARG(detail));
}

/* A repeated run is another request, a repeated attempt is not. */
static struct str new_key(struct cx *cx)
{
    uint64_t random[2];

    cx->env->random(cx->env, random, sizeof(random));
    return cx_printf(cx, "apply-%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

static bool send(struct apply *apply, size_t from, size_t *until)
{
    struct client *client = &apply->client;
    struct client_request request = {.method = "POST", .path = STR("/v1/documents")};
    struct client_answer answer;
    struct json applied, changes;

    cx_reset(&client->cx);
    request.body = body_of(apply, from, until);
    request.idempotency_key = new_key(&client->cx);
    if (!client_call(client, &request, &answer) || answer.status != 200 ||
        !client_json(client, &answer, &applied) || !json_get(applied, "changes", &changes) ||
        json_type(changes) != JSON_LIST) {
        complain(apply, from, &request, &answer);
        return false;
    }
    for (struct json_iter it = json_iter(changes); json_next(&it);)
        take_change(apply, it.value);
    apply->same += client_int(applied, "same");
    apply->last_seq = client_int(applied, "seq");
    return true;
}

/* ---- Documents without a file ---- */

static bool has_collection(struct apply *apply, struct str name)
{
    for (size_t k = 0; k < apply->files.items.count; k++)
        if (str_eq(LIST_AT(apply->files.items, struct file, k)->collection, name))
            return true;
    return false;
}

/* In force, of a collection that has files: it is to end. */
static bool end_without_file(struct client *client, struct json row, void *context)
{
    struct apply *apply = context;
    struct file file = {.collection = client_text(client, row, "collection"),
                        .key = client_text(client, row, "key"),
                        .version = -1};

    if ((client_int(row, "live") == 0 && client_int(row, "grey") == 0) ||
        !has_collection(apply, file.collection) ||
        files_find(&apply->files, file.collection, file.key))
        return true;
    return files_add(&apply->files, &file);
}

/* ---- The commands ---- */

static bool apply_files(struct apply *apply)
{
    size_t from = 0, until = 0;

    if (apply->prune && !documents_each(&apply->client, end_without_file, apply))
        return false;
    while (from < apply->files.items.count) {
        if (!send(apply, from, &until))
            return false;
        from = until;
    }
    printf("%" PRId64 " %s, %" PRId64 " as they were", apply->changes,
           apply->dry_run ? "would change" : "changed", apply->same);
    if (apply->last_seq > 0 && !apply->dry_run)
        printf("; publication %" PRId64, apply->last_seq);
    putchar('\n');
    return apply->dry_run || files_write_versions(&apply->files);
}

static bool run(struct apply *apply, const struct tool_options *options, const char *dir)
{
    bool ok;

    if (!files_read(&apply->files, dir))
        return false;
    ok = tool_open(&apply->tool, options);
    if (ok) {
        ok = client_open(&apply->client, &apply->tool.target) && apply_files(apply);
        client_close(&apply->client);
        tool_close(&apply->tool);
    }
    files_close(&apply->files);
    return ok;
}

int cmd_apply(int argc, char **argv)
{
    struct tool_options options = {0};
    struct apply apply = {0};
    const char *dir = NULL;
    const struct option_row rows[] = {TOOL_OPTIONS(options),
                                      {"-f", &dir, NULL},
                                      {"--why", &apply.why, NULL},
                                      {"--dry-run", NULL, &apply.dry_run},
                                      {"--save-only", NULL, &apply.save_only},
                                      {"--force", NULL, &apply.force},
                                      {"--prune", NULL, &apply.prune},
                                      {NULL, NULL, NULL}};

    if (!options_read(argc, argv, rows, NULL, 0) || !dir)
        return usage_of("apply");
    return run(&apply, &options, dir) ? EXIT_DONE : EXIT_FAILED;
}

/* As diff(1): 0 nothing differs, 1 something does, 2 trouble. */
int cmd_diff(int argc, char **argv)
{
    struct tool_options options = {0};
    struct apply apply = {.dry_run = true};
    const char *dir = NULL;
    const struct option_row rows[] = {TOOL_OPTIONS(options),
                                      {"-f", &dir, NULL},
                                      {"--force", NULL, &apply.force},
                                      {"--prune", NULL, &apply.prune},
                                      {NULL, NULL, NULL}};

    if (!options_read(argc, argv, rows, NULL, 0) || !dir)
        return usage_of("diff");
    if (!run(&apply, &options, dir))
        return EXIT_USAGE;
    return apply.changes > 0 ? EXIT_FAILED : EXIT_DONE;
}
