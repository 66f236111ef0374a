/*
 * catalog_import_fuzz.c - any bytes as a file of products, CSV or JSON.
 *
 * Checked: the same file is judged the same twice; a refusal has a code and a sentence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/catalog/catalog_priv.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 256 << 20 };

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

static enum err read_file(struct cx *cx, struct str raw, struct str type)
{
    struct req req = {.cx = cx, .raw = raw, .headers = {type}};
    enum err err = catalog_import_prepare(&req);

    must(err == cx->problem.err, "what is recorded is what is returned");
    if (err == OK)
        must(req.prepared != NULL, "what was read");
    else
        must(cx->problem.code && cx->problem.detail[0], "a reason");
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/csv", "application/json; charset=utf-8", "", NULL};
    struct str raw = {(const char *)data, size};

    for (int k = 0; types[k]; k++) {
        struct problem first;
        struct cx cx;

        cx_open(&cx, env_system(), BUDGET_BYTES);
        (void)read_file(&cx, raw, str_of(types[k]));
        first = cx.problem;
        fail_clear(&cx);
        must(read_file(&cx, raw, str_of(types[k])) == first.err, "one file, one opinion");
        must(strcmp(cx.problem.detail, first.detail) == 0, "one file, one reason");
        cx_close(&cx);
    }
    return 0;
}
