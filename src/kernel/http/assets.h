/*
 * assets.h - the files that the server serves itself, inside the binary.
 *
 * Invariants:
 *   - the array is sorted by path and ends with an element whose path is NULL;
 *   - path is the path in the URL: src/kernel/http/assets/docs/page.css is "/docs/page.css", and
 * the documentation bundle from npm is "/docs/rapidoc.js", absent when the binary was built without
 *     npm packages;
 *   - bytes are followed by a NUL that len does not count.
 */
#ifndef GREVY_HTTP_ASSETS_H
#define GREVY_HTTP_ASSETS_H

#include <stddef.h>

struct asset {
    const char *path, *type;
    const unsigned char *bytes;
    size_t len;
};

extern const struct asset assets[];

#endif
