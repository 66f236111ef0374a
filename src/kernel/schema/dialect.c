/*
 * dialect.c - which keywords a schema's $schema makes known, and the documents that are at hand.
 */
#include "kernel/schema/compile.h"
#include "kernel/schema/uri.h"

#define DRAFT_2020_12 "https://json-schema.org/draft/2020-12/"
#define DRAFT_2019_09 "https://json-schema.org/draft/2019-09/"

/* The standard's own, from meta/; the last has no URI. */
extern const struct schema_document schema_standard[];

static const struct {
    const char *name; /* Behind DRAFT "vocab/". */
    unsigned vocabularies;
} VOCABULARIES[] = {
    {"core", VOCABULARY_CORE},
    {"applicator", VOCABULARY_APPLICATOR},
    {"unevaluated", VOCABULARY_UNEVALUATED},
    {"validation", VOCABULARY_VALIDATION},
    {"meta-data", VOCABULARY_METADATA},
    {"format", VOCABULARY_FORMAT},
    {"format-annotation", VOCABULARY_FORMAT},
    {"format-assertion", VOCABULARY_FORMAT | VOCABULARY_FORMAT_ASSERTION},
    {"content", VOCABULARY_CONTENT},
};
enum { VOCABULARY_COUNT = sizeof(VOCABULARIES) / sizeof(VOCABULARIES[0]) };

bool compile_registered(const struct compile *c, struct str uri, struct str *text)
{
    for (size_t k = 0; k < c->options->document_count; k++) {
        if (str_eq(c->options->documents[k].uri, uri)) {
            *text = c->options->documents[k].text;
            return true;
        }
    }
    for (const struct schema_document *each = schema_standard; each->uri.ptr; each++) {
        if (str_eq(each->uri, uri)) {
            *text = each->text;
            return true;
        }
    }
    return false;
}

/* 0: no vocabulary of this name is known. */
static unsigned vocabulary_of(struct str uri)
{
    static const struct str bases[] = {
        {DRAFT_2020_12 "vocab/", sizeof(DRAFT_2020_12 "vocab/") - 1},
        {DRAFT_2019_09 "vocab/", sizeof(DRAFT_2019_09 "vocab/") - 1}};

    for (size_t k = 0; k < 2; k++) {
        struct str name = {uri.ptr + bases[k].len, uri.len - bases[k].len};

        if (!str_starts(uri, bases[k]))
            continue;
        for (size_t j = 0; j < VOCABULARY_COUNT; j++)
            if (str_is(name, VOCABULARIES[j].name))
                return VOCABULARIES[j].vocabularies |
                       (k == 0 ? VOCABULARY_2020_12 : VOCABULARY_2019_09);
    }
    return 0;
}

static enum err read_vocabularies(struct compile *c, struct str uri, struct json list,
                                  unsigned *out)
{
    *out = VOCABULARY_CORE;
    if (json_type(list) != JSON_OBJECT)
        return fail(c->cx, ERR_UNPROCESSABLE, "schema_vocabulary",
                    "$vocabulary of " STR_FMT " must be an object of URIs and booleans",
                    STR_ARG(uri));
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        unsigned known = vocabulary_of(it.key);

        *out |= known;
        if (known == 0 && json_type(it.value) == JSON_BOOL && json_bool(it.value))
            return fail(c->cx, ERR_UNPROCESSABLE, "schema_vocabulary",
                        STR_FMT " requires the vocabulary " STR_FMT
                                ", which is not known here; mark it false or leave it out",
                        STR_ARG(uri), STR_ARG(it.key));
    }
    return OK;
}

enum err compile_dialect(struct compile *c, struct str uri, unsigned *out)
{
    struct str text, fragment;
    struct json metaschema, list;

    uri_cut(uri, &uri, &fragment);
    *out = VOCABULARY_STANDARD | VOCABULARY_2020_12;
    if (str_is(uri, DRAFT_2020_12 "schema"))
        return OK;
    if (str_is(uri, DRAFT_2019_09 "schema")) {
        *out = VOCABULARY_STANDARD | VOCABULARY_2019_09;
        return OK;
    }
    if (!compile_registered(c, uri, &text))
        return fail(c->cx, ERR_UNPROCESSABLE, "schema_unresolved",
                    "$schema names " STR_FMT ", which is not registered; use " DRAFT_2020_12
                    "schema, or register the metaschema",
                    STR_ARG(uri));
    TRY(json_parse_exact(c->cx, text, &metaschema));
    if (json_type(metaschema) != JSON_OBJECT || !json_get(metaschema, "$vocabulary", &list))
        return OK;
    return read_vocabularies(c, uri, list, out);
}
