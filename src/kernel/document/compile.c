/*
 * compile.c - from a version's JSON to what decisions use.
 *
 * Its memory is not cx's: it outlives the unit of work.  So the one unwind of the program
 * (docs/adr/0001) is caught here, the half-made unit freed, and gone on with.
 */
#include <string.h>

#include "kernel/document/kind.h"
#include "kernel/work/space.h"

static struct str keep_text(struct arena *keep, struct str text)
{
    char *at = arena_alloc(keep, text.len + 1);

    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    at[text.len] = '\0';
    return (struct str){at, text.len};
}

static enum err compile(struct cx *cx, const struct collection *collection, struct unit *unit)
{
    struct document *document = &unit->document;
    struct json json;

    document->collection = keep_text(&unit->keep, document->collection);
    document->key = keep_text(&unit->keep, document->key);
    document->body = keep_text(&unit->keep, document->body);
    TRY(json_parse(cx, document->body, &json));
    if (json_type(json) != JSON_OBJECT)
        return fail(cx, ERR_BAD_INPUT, "not_an_object", "a document is a JSON object");
    TRY(kind_validate(cx, collection, json));
    if (!collection->compile)
        return OK;
    return collection->compile(cx, &unit->keep, document, json, &document->compiled);
}

/* Which of the two memories is spent? */
static enum err too_large(struct cx *cx, const struct unit *unit)
{
    return fail(cx, ERR_TOO_LARGE, "document_too_large",
                "compiled, a document may take %d bytes, and this one takes more (%zu so far):"
                " divide it",
                DOCUMENT_MEMORY_BYTES_MAX, unit->keep.used_bytes);
}

enum err unit_compile(struct cx *cx, const struct collection *collection,
                      const struct document *document, struct unit **out)
{
    jmp_buf *outer = cx->arena.exhausted, keep_spent, cx_spent;
    struct unit *volatile unit = unit_make(document);
    enum err err;

    *out = NULL;
    if (setjmp(cx_spent) != 0) {
        unit_free(unit);
        cx->arena.exhausted = outer;
        assert(outer);
        longjmp(*outer, 1);
    }
    if (setjmp(keep_spent) != 0) {
        err = too_large(cx, unit);
    } else {
        cx->arena.exhausted = &cx_spent;
        unit->keep.exhausted = &keep_spent;
        err = compile(cx, collection, unit);
    }
    cx->arena.exhausted = outer;
    unit->keep.exhausted = NULL;
    if (err != OK)
        unit_free(unit);
    else
        *out = unit;
    return err;
}

enum err unit_try(struct cx *cx, const struct collection *collection,
                  const struct document *document)
{
    struct unit *unit;

    TRY(unit_compile(cx, collection, document, &unit));
    unit_free(unit);
    return OK;
}
