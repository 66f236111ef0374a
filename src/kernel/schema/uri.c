/*
 * uri.c - RFC 3986: a reference is taken apart, and put together with its base.
 */
#include "kernel/schema/uri.h"

#include <string.h>

/* A part whose ptr is NULL is undefined. */
struct parts {
    struct str scheme, authority, path, query, fragment;
};

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool scheme_char(char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

bool uri_cut(struct str uri, struct str *without, struct str *fragment)
{
    const char *hash = uri.len > 0 ? memchr(uri.ptr, '#', uri.len) : NULL;

    *without = uri;
    *fragment = (struct str){"", 0};
    if (!hash)
        return false;
    *without = (struct str){uri.ptr, (size_t)(hash - uri.ptr)};
    *fragment = (struct str){hash + 1, uri.len - without->len - 1};
    return true;
}

static struct parts take_apart(struct str uri)
{
    struct parts out = {0};
    const char *query, *slash;
    size_t k = 0;

    if (!uri_cut(uri, &uri, &out.fragment))
        out.fragment.ptr = NULL;
    while (k < uri.len && scheme_char(uri.ptr[k]))
        k++;
    if (k > 0 && k < uri.len && uri.ptr[k] == ':' && is_alpha(uri.ptr[0])) {
        out.scheme = (struct str){uri.ptr, k};
        uri = (struct str){uri.ptr + k + 1, uri.len - k - 1};
    }
    query = uri.len > 0 ? memchr(uri.ptr, '?', uri.len) : NULL;
    if (query) {
        out.query = (struct str){query + 1, (size_t)(uri.ptr + uri.len - query) - 1};
        uri.len = (size_t)(query - uri.ptr);
    }
    if (uri.len >= 2 && memcmp(uri.ptr, "//", 2) == 0) {
        uri = (struct str){uri.ptr + 2, uri.len - 2};
        slash = uri.len > 0 ? memchr(uri.ptr, '/', uri.len) : NULL;
        out.authority = (struct str){uri.ptr, slash ? (size_t)(slash - uri.ptr) : uri.len};
        uri = (struct str){uri.ptr + out.authority.len, uri.len - out.authority.len};
    }
    out.path = uri;
    return out;
}

static void drop_last_segment(struct text *out, size_t begin)
{
    while (out->len > begin && out->ptr[--out->len] != '/')
        ;
}

/* Section 5.2.4. */
static void remove_dots(struct text *out, struct str in)
{
    size_t begin = out->len;

    while (in.len > 0) {
        size_t step = 0, segment = 1;

        if (str_starts(in, STR("../")))
            step = 3;
        else if (str_starts(in, STR("./")) || str_starts(in, STR("/./")))
            step = 2;
        else if (str_eq(in, STR("/.")))
            in = STR("/");
        else if (str_starts(in, STR("/../"))) {
            step = 3;
            drop_last_segment(out, begin);
        } else if (str_eq(in, STR("/.."))) {
            in = STR("/");
            drop_last_segment(out, begin);
        } else if (str_eq(in, STR(".")) || str_eq(in, STR(".."))) {
            step = in.len;
        }
        if (step == 0) {
            while (segment < in.len && in.ptr[segment] != '/')
                segment++;
            text_add(out, (struct str){in.ptr, segment});
            step = segment;
        }
        in = (struct str){in.ptr + step, in.len - step};
    }
}

/* Section 5.2.3. */
static struct str merge(struct arena *arena, const struct parts *base, struct str path)
{
    size_t size = base->path.len + path.len + 1;
    struct text out = {.ptr = arena_alloc(arena, size), .size = size};
    size_t keep = base->path.len;

    if (base->authority.ptr && base->path.len == 0) {
        text_add(&out, STR("/"));
    } else {
        while (keep > 0 && base->path.ptr[keep - 1] != '/')
            keep--;
        text_add(&out, (struct str){base->path.ptr, keep});
    }
    text_add(&out, path);
    return (struct str){out.ptr, out.len};
}

static void add_part(struct text *out, const char *before, struct str part, const char *after)
{
    if (!part.ptr)
        return;
    text_add(out, str_of(before));
    text_add(out, part);
    text_add(out, str_of(after));
}

struct str uri_resolve(struct arena *arena, struct str base, struct str reference)
{
    struct parts from = take_apart(base), to = take_apart(reference);
    size_t size = base.len + reference.len + 8;
    struct text out = {.ptr = arena_alloc(arena, size), .size = size};
    bool absolute = to.scheme.ptr || to.authority.ptr, whole = false;

    if (!absolute && to.path.len == 0) {
        to.path = from.path;
        to.query = to.query.ptr ? to.query : from.query;
        whole = true; /* The base's path is not normalised again. */
    } else if (!absolute && to.path.ptr[0] != '/' && (from.scheme.ptr || from.path.len > 0)) {
        to.path = merge(arena, &from, to.path);
    }
    if (!to.authority.ptr && !to.scheme.ptr)
        to.authority = from.authority;
    if (!to.scheme.ptr)
        to.scheme = from.scheme;
    add_part(&out, "", to.scheme, ":");
    add_part(&out, "//", to.authority, "");
    if (whole)
        text_add(&out, to.path);
    else
        remove_dots(&out, to.path);
    add_part(&out, "?", to.query, "");
    add_part(&out, "#", to.fragment, "");
    assert(!out.cut);
    return (struct str){out.ptr, out.len};
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str uri_decode(struct arena *arena, struct str s)
{
    char *to = arena_alloc(arena, s.len + 1);
    size_t len = 0;

    for (size_t k = 0; k < s.len; k++) {
        bool coded = s.ptr[k] == '%' && k + 2 < s.len && hex_of(s.ptr[k + 1]) >= 0 &&
                     hex_of(s.ptr[k + 2]) >= 0;

        to[len++] = coded ? (char)(hex_of(s.ptr[k + 1]) * 16 + hex_of(s.ptr[k + 2])) : s.ptr[k];
        k += coded ? 2 : 0;
    }
    return (struct str){to, len};
}
