/*
 * files.h - documents as files: DIR/COLLECTION/KEY.json, one JSON object each, to be kept in git.
 *
 * Invariants:
 *   - a file is named after its document; names that begin with a dot are not documents;
 *   - DIR/.versions.json tells which version each file was taken from: who applies on top of
 *     another newest version is refused, and told what changed.
 */
#ifndef GREVY_CLI_FILES_H
#define GREVY_CLI_FILES_H

#include "cli/client.h"
#include "kernel/json/field.h"

enum {
    FILES_MAX = 20000,            /* As many as may be in force. */
    FILE_BYTES_MAX = 4 << 20,     /* With spaces and lines; the server takes 1 MiB. */
    VERSIONS_BYTES_MAX = 8 << 20, /* Of .versions.json: 20,000 lines. */
    FILES_BYTES_MAX = 1 << 30,    /* In memory. */
};

struct file {
    struct str collection, key;
    struct str text; /* Minified; absent: it has no file, and is to end. */
    int64_t version; /* That it was taken from; -1: not known. */
};

struct files {
    struct cx cx; /* Holds all texts. */
    const char *dir;
    struct list items; /* of struct file, by collection and key */
};

/** Read all files below dir.  False: said why, with file, line and column. */
bool files_read(struct files *files, const char *dir);
/** An empty list, for a dir to be written. */
bool files_make(struct files *files, const char *dir);
void files_close(struct files *files);

/** Texts are copied.  False: there are too many (said so). */
bool files_add(struct files *files, const struct file *file);
struct file *files_find(struct files *files, struct str collection, struct str key);
/** Write one document for people: two spaces, a line for each member.  False: said why. */
bool files_write(struct files *files, const struct file *file, struct json document);
/** Write .versions.json.  False: said why. */
bool files_write_versions(struct files *files);

/* ---- What a server has: export.c ---- */

/** row: of GET /v1/documents/{collection}; it borrows the thread's parser.  False: end it. */
typedef bool document_taker(struct client *client, struct json row, void *context);
/** Every document of every collection.  False: said why. */
bool documents_each(struct client *client, document_taker *take, void *context);

#endif
