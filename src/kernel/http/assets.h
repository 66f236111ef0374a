/*
 * assets.h - the files that the server serves itself, inside the binary.
 *
 * Invariants:
 *   - the array is sorted by path and ends with an element whose path is NULL;
 *   - path is the path in the URL: src/kernel/http/assets/docs/page.js is "/docs/page.js";
 *   - "/docs/index.html" needs "/docs/swagger-ui.js" and "/docs/swagger-ui.css", which come from
 *     npm and are absent from a binary that was built without npm packages;
 *   - the page runs under ASSETS_CSP: nothing inline, nothing from elsewhere;
 *   - bytes are followed by a NUL that len does not count.
 */
#ifndef GREVY_HTTP_ASSETS_H
#define GREVY_HTTP_ASSETS_H

#include <stddef.h>

#define ASSETS_CSP                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct asset {
    const char *path, *type;
    const unsigned char *bytes;
    size_t len;
};

extern const struct asset assets[];

#endif
