/*
 * run_say.c - errors and annotations: where they stand, in words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/schema/run.h"

/* A sentence; values in it are cut short by whoever names them. */
enum { SAY_LEN_MAX = 400 };

/* Text under construction in cx. */
static struct text open_text(struct run *run, size_t size)
{
    return (struct text){.ptr = cx_alloc(run->cx, size + 1), .size = size};
}

static struct str done(const struct text *text)
{
    assert(!text->cut);
    return (struct str){text->ptr, text->len};
}

static void add_token(struct text *out, struct str token)
{
    text_add(out, STR("/"));
    for (size_t k = 0; k < token.len; k++) {
        if (token.ptr[k] == '~')
            text_add(out, STR("~0"));
        else if (token.ptr[k] == '/')
            text_add(out, STR("~1"));
        else
            text_add(out, (struct str){token.ptr + k, 1});
    }
}

enum { NUMBER_TOKEN_MAX = 21 };

static size_t token_room(struct str token)
{
    return 1 + 2 * token.len;
}

/* Visits from the outermost to v, in cx. */
static const struct visit **chain_of(struct run *run, const struct visit *v, size_t *count)
{
    const struct visit **chain;
    size_t k = 0;

    for (const struct visit *each = v; each; each = each->up)
        k++;
    *count = k;
    chain = CX_ARRAY(run->cx, const struct visit *, k);
    for (const struct visit *each = v; each; each = each->up)
        chain[--k] = each;
    return chain;
}

static struct str instance_path(struct run *run, const struct visit *v)
{
    size_t count, room = 0;
    const struct visit **chain = chain_of(run, v, &count);
    struct text out;

    for (size_t k = 0; k < count; k++)
        room += chain[k]->step == STEP_KEY || chain[k]->step == STEP_NAME
                    ? token_room(chain[k]->key)
                    : NUMBER_TOKEN_MAX;
    out = open_text(run, room);
    for (size_t k = 0; k < count; k++) {
        if (chain[k]->step == STEP_KEY || chain[k]->step == STEP_NAME) {
            add_token(&out, chain[k]->key);
        } else if (chain[k]->step == STEP_INDEX) {
            text_add(&out, STR("/"));
            text_add_int(&out, (int64_t)chain[k]->index);
        }
    }
    return done(&out);
}

static struct str schema_path(struct run *run, const struct visit *v, const char *keyword)
{
    size_t count, room = token_room(str_of(keyword));
    const struct visit **chain = chain_of(run, v, &count);
    struct text out;

    for (size_t k = 0; k < count; k++)
        room += NUMBER_TOKEN_MAX + (chain[k]->keyword ? strlen(chain[k]->keyword) + 1 : 0) +
                token_room(chain[k]->name);
    out = open_text(run, room);
    for (size_t k = 1; k < count; k++) {
        add_token(&out, str_of(chain[k]->keyword));
        if (chain[k]->name.ptr) {
            add_token(&out, chain[k]->name);
        } else if (chain[k]->position >= 0) {
            text_add(&out, STR("/"));
            text_add_int(&out, chain[k]->position);
        }
    }
    if (keyword)
        add_token(&out, str_of(keyword));
    return done(&out);
}

/* What a URI's fragment may hold as it is: RFC 3986 section 3.5. */
static bool fragment_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@/?", c));
}

static struct str absolute_path(struct run *run, const struct visit *v, const char *keyword)
{
    struct str pointer = v->node->pointer, uri = v->node->resource->uri;
    struct text plain = open_text(run, pointer.len + token_room(str_of(keyword)));
    struct text out;

    text_add(&plain, pointer);
    if (keyword)
        add_token(&plain, str_of(keyword));
    out = open_text(run, uri.len + 3 * plain.len + 1);
    text_add(&out, uri);
    text_add(&out, STR("#"));
    for (size_t k = 0; k < plain.len; k++) {
        if (fragment_char(plain.ptr[k]))
            text_add(&out, (struct str){plain.ptr + k, 1});
        else
            text_addf(&out, "%%%02X", (unsigned)(unsigned char)plain.ptr[k]);
    }
    return done(&out);
}

bool run_fail(struct run *run, const struct visit *v, const char *keyword, const char *fmt, ...)
{
    char say[SAY_LEN_MAX];
    va_list args;

    if (!run->report || run->err != OK)
        return false;
    va_start(args, fmt);
    vsnprintf(say, sizeof(say), fmt, args);
    va_end(args);
    run->errors[run->error_count++] =
        (struct schema_error){.instance = instance_path(run, v),
                              .schema = schema_path(run, v, keyword),
                              .absolute = absolute_path(run, v, keyword),
                              .say = cx_copy(run->cx, str_of(say))};
    if (run->error_count == SCHEMA_ERRORS_MAX)
        run->report = false; /* And now the first failure ends it. */
    return false;
}

void run_note(struct run *run, const struct visit *v, const char *keyword, struct str json)
{
    struct annotated *made;

    if (run->annotation_count == SCHEMA_ANNOTATIONS_MAX) {
        run_fault(run, v, "schema_steps",
                  "there are more annotations than are kept; send less at once");
        return;
    }
    made = CX_NEW(run->cx, struct annotated);
    made->annotation = (struct schema_annotation){.instance = instance_path(run, v),
                                                  .schema = schema_path(run, v, keyword),
                                                  .absolute = absolute_path(run, v, keyword),
                                                  .keyword = cx_copy(run->cx, str_of(keyword)),
                                                  .value = json};
    made->older = run->newest;
    run->newest = made;
    run->annotation_count++;
}

/* The names of members that a keyword of the subschema applied to. */
static void note_names(struct run *run, const struct visit *v, const char *keyword,
                       bool (*applies)(struct run *run, const struct visit *v, struct str name))
{
    struct json_out out;

    json_open(&out, run->cx, 0);
    json_list(&out);
    for (struct json_iter it = json_iter(v->value); json_next(&it);)
        if (applies(run, v, it.key))
            json_put_text(&out, it.key);
    json_list_end(&out);
    run_note(run, v, keyword, json_done(&out));
}

static void note_object(struct run *run, const struct visit *v)
{
    const struct object_rules *rules = v->node->object;

    if (rules->has_properties)
        note_names(run, v, "properties", run_named);
    if (rules->pattern_count > 0)
        note_names(run, v, "patternProperties", run_patterned);
    if (rules->additional)
        note_names(run, v, "additionalProperties", run_additional);
}

static void note_list(struct run *run, const struct visit *v)
{
    const struct list_rules *rules = v->node->list;
    size_t count = json_count(v->value);

    if (rules->prefix_count > 0 && count > 0)
        run_note(run, v, rules->prefix_name,
                 count <= rules->prefix_count ? STR("true")
                                              : cx_printf(run->cx, "%zu", rules->prefix_count - 1));
    if (rules->items && count > rules->prefix_count)
        run_note(run, v, rules->items_name, STR("true"));
}

void run_notes(struct run *run, const struct visit *v)
{
    for (const struct note *each = v->node->notes; each; each = each->next)
        run_note(run, v, cx_printf(run->cx, STR_FMT, STR_ARG(each->keyword)).ptr,
                 json_minified(run->cx, each->value));
    if (v->node->object && json_type(v->value) == JSON_OBJECT)
        note_object(run, v);
    if (v->node->list && json_type(v->value) == JSON_LIST)
        note_list(run, v);
}
