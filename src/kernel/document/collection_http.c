/*
 * collection_http.c - the kinds of documents there are, with what a form needs to know of them.
 */
#include "kernel/document/kind.h"
#include "kernel/document/routes.h"

const struct field collection_view_fields[] = {
    F(collection_view, name), F(collection_view, doc),
    F(collection_view, reviewed, .doc = "A second person approves before it is published."),
    F(collection_view, declared, .doc = "By a document of the collection \"collection\"."), F_END};

struct collection_whole {
    struct str name, doc, title, schema;
    bool reviewed, declared;
};
const struct field collection_whole_fields[] = {
    F(collection_whole, name),
    F(collection_whole, doc),
    F(collection_whole, reviewed),
    F(collection_whole, declared),
    F_JSON(collection_whole, title, .doc = "In languages; null: none."),
    F_JSON(collection_whole, schema, .max = DOCUMENT_BYTES_MAX,
           .doc = "JSON Schema, draft 2020-12, with x-title, x-enum and x-ui for forms; null: any"
                  " object."),
    F_END};

static struct collection_view view_of(const struct collection *collection)
{
    return (struct collection_view){.name = str_of(collection->name),
                                    .doc = str_of(collection->doc),
                                    .reviewed = collection->flags & COLLECTION_REVIEWED,
                                    .declared = collection->flags & COLLECTION_DECLARED};
}

/* Those of modules, then those declared. */
static struct list all_collections(struct cx *cx)
{
    const struct module *const *modules = cx->space->platform->modules;
    struct document_iter it = documents_in(documents_now(cx), "collection", (struct str){0});
    size_t room = KINDS_MAX + snapshot_count(documents_now(cx)), count = 0;
    struct collection_view *views = CX_ARRAY(cx, struct collection_view, room);

    for (; *modules; modules++)
        for (const struct collection *c = (*modules)->collections; c && c->name; c++) {
            assert(count < KINDS_MAX);
            views[count++] = view_of(c);
        }
    while (document_next(&it))
        views[count++] = view_of(&((const struct declared *)it.document->compiled)->collection);
    return (struct list){views, count};
}

enum err get_collections(struct req *req)
{
    const struct document_page *query = req->query;
    struct list all = all_collections(req->cx);
    int64_t from = 0, unused = 0;
    struct str next = {NULL, 0};
    size_t begin, count;

    TRY(cursor_read(req->cx, query->page.cursor, &from, &unused));
    begin = from < 0 || (size_t)from > all.count ? all.count : (size_t)from;
    count = all.count - begin;
    if (count > (size_t)query->page.limit) {
        count = (size_t)query->page.limit;
        next = cursor_make(req->cx, (int64_t)(begin + count), 0);
    }
    return reply_page(req, collection_view_fields,
                      (struct list){(struct collection_view *)all.items + begin, count},
                      sizeof(struct collection_view), next);
}

/* A file of the product has lines and spaces; a reply has not. */
static enum err minified(struct cx *cx, const char *text, struct str *out)
{
    struct json json;

    TRY(json_parse(cx, str_of(text), &json));
    *out = json_minified(cx, json);
    return OK;
}

enum err get_collection(struct req *req)
{
    const struct collection_schema *text;
    const struct collection *collection;
    struct collection_whole whole;
    struct cx *cx = req->cx;

    TRY(collection_get(cx, req->params[0].text, &collection));
    whole = (struct collection_whole){.name = str_of(collection->name),
                                      .doc = str_of(collection->doc),
                                      .reviewed = collection->flags & COLLECTION_REVIEWED,
                                      .declared = collection->flags & COLLECTION_DECLARED};
    if (whole.declared) {
        const struct declared *declared = (const struct declared *)collection;

        whole.title = declared->title;
        whole.schema = declared->schema_text;
        return reply_json(req, 200, collection_whole_fields, &whole);
    }
    text = kind_text(collection->name);
    if (text)
        TRY(minified(cx, text->text, &whole.schema));
    return reply_json(req, 200, collection_whole_fields, &whole);
}
