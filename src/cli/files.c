/*
 * files.c - folders of documents: read, written.
 */
#include "cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/document/document.h"

enum { PATH_LEN_MAX = 1024, WIDTH = 80 };
static const char versions_name[] = ".versions.json";

static bool complain(const char *path, const char *why)
{
    fprintf(stderr, "grevy: %s: %s\n", path, why);
    return false;
}

static bool complain_errno(const char *path)
{
    return complain(path, strerror(errno));
}

/* ---- The list ---- */

static void open_list(struct files *files, const char *dir)
{
    *files = (struct files){.dir = dir};
    cx_open(&files->cx, env_system(), FILES_BYTES_MAX);
    files->items.items = CX_ARRAY(&files->cx, struct file, FILES_MAX);
}

void files_close(struct files *files)
{
    cx_close(&files->cx);
}

static int compare(struct str collection, struct str key, const struct file *file)
{
    int order = str_cmp(collection, file->collection);

    return order ? order : str_cmp(key, file->key);
}

/* Where it is, or would be. */
static size_t place_of(const struct files *files, struct str collection, struct str key)
{
    size_t low = 0, high = files->items.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(collection, key, LIST_AT(files->items, struct file, middle)) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct file *files_find(struct files *files, struct str collection, struct str key)
{
    struct file *at = (struct file *)files->items.items + place_of(files, collection, key);

    if (at == (struct file *)files->items.items + files->items.count)
        return NULL;
    return compare(collection, key, at) == 0 ? at : NULL;
}

bool files_add(struct files *files, const struct file *file)
{
    size_t place = place_of(files, file->collection, file->key);
    struct file *at = (struct file *)files->items.items + place;

    if (files->items.count == FILES_MAX)
        return complain(files->dir, "more files than documents may be in force");
    memmove(at + 1, at, (files->items.count - place) * sizeof(*at));
    *at = *file;
    at->collection = cx_copy(&files->cx, file->collection);
    at->key = cx_copy(&files->cx, file->key);
    at->text = cx_copy(&files->cx, file->text);
    files->items.count++;
    return true;
}

/* ---- Reading ---- */

/* The whole file, freed by the caller; NULL: said why. */
static char *read_whole(const char *path, size_t bytes_max, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(bytes_max + 1);

    *len = file && text ? fread(text, 1, bytes_max + 1, file) : 0;
    if (!file || !text || ferror(file) || *len > bytes_max) {
        (void)(file && *len > bytes_max ? complain(path, "is too long") : complain_errno(path));
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static bool parse(struct files *files, const char *path, struct str text, struct json *out)
{
    if (json_parse(&files->cx, text, out) != OK)
        complain(path, files->cx.problem.detail);
    else if (json_type(*out) != JSON_OBJECT)
        complain(path, "a document is a JSON object");
    else
        return true;
    fail_clear(&files->cx);
    return false;
}

static bool read_document(struct files *files, struct str collection, const char *name)
{
    struct file file = {.collection = collection, .version = -1};
    struct json document;
    char path[PATH_LEN_MAX], *text;
    size_t len;
    bool ok;

    snprintf(path, sizeof(path), "%s/" STR_FMT "/%s", files->dir, STR_ARG(collection), name);
    text = read_whole(path, FILE_BYTES_MAX, &len);
    if (!text)
        return false;
    file.key = (struct str){name, strlen(name) - strlen(".json")};
    ok = parse(files, path, (struct str){text, len}, &document);
    if (ok) {
        file.text = json_minified(&files->cx, document);
        ok = files_add(files, &file);
    }
    free(text);
    return ok;
}

static bool is_document(const char *name)
{
    struct str text = str_of(name);

    return name[0] != '.' && text.len > 5 && strcmp(name + text.len - 5, ".json") == 0;
}

/* By name, so that what is said comes in the same order each time; each is freed, then the list. */
static int names_in(const char *path, struct dirent ***names)
{
    int count = scandir(path, names, NULL, alphasort);

    if (count < 0)
        complain_errno(path);
    return count;
}

static bool read_collection(struct files *files, const char *name)
{
    char path[PATH_LEN_MAX];
    struct dirent **names;
    bool ok = true;
    int count;

    snprintf(path, sizeof(path), "%s/%s", files->dir, name);
    count = names_in(path, &names);
    if (count < 0)
        return false;
    for (int k = 0; k < count; k++) {
        const char *file = names[k]->d_name;

        if (file[0] != '.' && !is_document(file))
            ok = complain(path, "holds something else than NAME.json: move it away");
        ok = ok && (!is_document(file) || read_document(files, str_of(name), file));
        free(names[k]);
    }
    free(names);
    return ok;
}

static bool is_folder(const char *dir, const char *name)
{
    char path[PATH_LEN_MAX];
    struct stat stat_of;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return name[0] != '.' && stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
}

/* "slot.campaign/summer": 3 */
static bool read_versions(struct files *files)
{
    char path[PATH_LEN_MAX], *text;
    struct json versions;
    size_t len;
    bool ok;

    snprintf(path, sizeof(path), "%s/%s", files->dir, versions_name);
    if (access(path, F_OK) != 0)
        return true;
    text = read_whole(path, VERSIONS_BYTES_MAX, &len);
    if (!text)
        return false;
    ok = parse(files, path, (struct str){text, len}, &versions);
    for (struct json_iter it = json_iter(versions); ok && json_next(&it);) {
        struct str key = it.key, collection;
        struct file *file =
            str_cut(&key, '/', &collection) ? files_find(files, collection, key) : NULL;

        if (file && json_type(it.value) == JSON_INT)
            file->version = json_int(it.value);
    }
    free(text);
    return ok;
}

bool files_read(struct files *files, const char *dir)
{
    struct dirent **names;
    int count = names_in(dir, &names);
    bool ok = count >= 0;

    open_list(files, dir);
    for (int k = 0; k < count; k++) {
        if (ok && is_folder(dir, names[k]->d_name))
            ok = read_collection(files, names[k]->d_name);
        free(names[k]);
    }
    if (count >= 0)
        free(names);
    if (ok && files->items.count == 0)
        ok = complain(dir, "no documents: they are DIR/COLLECTION/KEY.json");
    ok = ok && read_versions(files);
    if (!ok)
        files_close(files);
    return ok;
}

/* ---- Writing ---- */

static bool make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST || complain_errno(path);
}

bool files_make(struct files *files, const char *dir)
{
    if (!make_folder(dir))
        return false;
    open_list(files, dir);
    return true;
}

static void indent(FILE *to, int depth)
{
    fprintf(to, "\n%*s", 2 * depth, "");
}

/* What fits on a line stays on it. */
static void print(struct cx *cx, FILE *to, struct json value, int depth)
{
    bool object = json_type(value) == JSON_OBJECT, list = json_type(value) == JSON_LIST;
    struct str flat = json_minified(cx, value);
    const char *comma = "";

    if ((!object && !list) || json_count(value) == 0 ||
        (depth > 0 && 2 * (size_t)depth + flat.len <= WIDTH)) {
        fwrite(flat.ptr, 1, flat.len, to);
        return;
    }
    fputc(object ? '{' : '[', to);
    for (struct json_iter it = json_iter(value); json_next(&it); comma = ",") {
        fputs(comma, to);
        indent(to, depth + 1);
        if (object) {
            struct json_out key;

            json_open(&key, cx, it.key.len + 2);
            json_put_text(&key, it.key);
            flat = json_done(&key);
            fprintf(to, STR_FMT ": ", STR_ARG(flat));
        }
        print(cx, to, it.value, depth + 1);
    }
    indent(to, depth);
    fputc(object ? '}' : ']', to);
}

/* In full or not at all: another reader never sees half of it. */
static FILE *begin(const char *path, char part[PATH_LEN_MAX])
{
    FILE *file;

    snprintf(part, PATH_LEN_MAX, "%s.part", path);
    file = fopen(part, "wb");
    if (!file)
        complain_errno(part);
    return file;
}

static bool finish(FILE *file, const char *part, const char *path)
{
    bool ok = !ferror(file);

    ok = fclose(file) == 0 && ok && rename(part, path) == 0;
    return ok || complain_errno(path);
}

bool files_write(struct files *files, const struct file *file, struct json document)
{
    char path[PATH_LEN_MAX], part[PATH_LEN_MAX];
    FILE *to;

    snprintf(path, sizeof(path), "%s/" STR_FMT, files->dir, STR_ARG(file->collection));
    if (!make_folder(path))
        return false;
    snprintf(path, sizeof(path), "%s/" STR_FMT "/" STR_FMT ".json", files->dir,
             STR_ARG(file->collection), STR_ARG(file->key));
    to = begin(path, part);
    if (!to)
        return false;
    print(&files->cx, to, document, 0);
    fputc('\n', to);
    return finish(to, part, path) && files_add(files, file);
}

bool files_write_versions(struct files *files)
{
    char path[PATH_LEN_MAX], part[PATH_LEN_MAX];
    const char *comma = "";
    FILE *to;

    snprintf(path, sizeof(path), "%s/%s", files->dir, versions_name);
    to = begin(path, part);
    if (!to)
        return false;
    fputc('{', to);
    for (size_t k = 0; k < files->items.count; k++) {
        const struct file *file = LIST_AT(files->items, struct file, k);

        if (file->version < 0)
            continue;
        fprintf(to, "%s\n  \"" STR_FMT "/" STR_FMT "\": %" PRId64, comma, STR_ARG(file->collection),
                STR_ARG(file->key), file->version);
        comma = ",";
    }
    fputs("\n}\n", to);
    return finish(to, part, path);
}
