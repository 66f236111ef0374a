/*
 * ecma.c - regular expressions of ECMA-262 with the flag u, read whole and written for PCRE2.
 *
 * Everything is rewritten, so that nothing of PCRE2's own syntax gets through: classes become lists
 * of ranges, named groups become numbered ones.  Of Annex B only this is admitted: a lone ] { } is
 * itself, and so is any escaped ASCII punctuation.
 */
#include "kernel/schema/ecma.h"

enum {
    NESTING_MAX = 50,   /* Of groups: PCRE2 and this reader nest as deep. */
    REPEAT_MAX = 65535, /* PCRE2's own. */
    GROWTH_MAX = 160,   /* Of one character: \S inside a class, the longest. */
};

/* ---- Terms ---- */

static bool read_name(struct ecma *e, struct str *out)
{
    const char *begin = e->in.ptr + e->at;
    const char *end = memchr(begin, '>', e->in.len - e->at);

    if (!end || end == begin || format_digit(*begin))
        return ecma_refuse(e, "a group's name stands between < and >");
    for (const char *at = begin; at < end; at++)
        if (!format_alpha(*at) && !format_digit(*at) && *at != '_' && *at != '$' && !(*at & 0x80))
            return ecma_refuse(e, "a group's name is a word");
    *out = (struct str){begin, (size_t)(end - begin)};
    e->at += out->len + 1;
    return true;
}

static bool read_back_reference(struct ecma *e)
{
    size_t n = 0;
    struct str name;

    if (ecma_take(e, "k")) {
        if (!ecma_take(e, "<") || !read_name(e, &name))
            return ecma_refuse(e, "\\k is followed by <name>");
        for (n = e->groups; n > 0 && !str_eq(e->names[n], name); n--)
            ;
    } else {
        while (format_digit(ecma_here(e)) && n <= ECMA_GROUPS_MAX)
            n = n * 10 + (size_t)(e->in.ptr[e->at++] - '0');
    }
    if (n == 0 || n > e->groups)
        return ecma_refuse(e, "a back reference names no group");
    text_addf(&e->out, "\\g{%zu}", n);
    return true;
}

static bool read_escape(struct ecma *e, bool *repeatable)
{
    char c = ecma_here(e);
    uint32_t code;

    if (c == 'b' || c == 'B') {
        text_addf(&e->out, "\\%c", c);
        e->at++;
        *repeatable = false;
        return true;
    }
    if (c == 'k' || (c >= '1' && c <= '9'))
        return read_back_reference(e);
    if (c && strchr("dDwWsSpP", c)) {
        ecma_put(e, "[");
        if (!ecma_put_class_escape(e))
            return false;
        ecma_put(e, "]");
        return true;
    }
    if (!ecma_read_character(e, &code))
        return false;
    if (ecma_surrogate(code))
        ecma_put(e, "(?!)"); /* Half a character: no text has it. */
    else
        ecma_put_code(e, code);
    return true;
}

static bool read_alternatives(struct ecma *e);

static bool open_group(struct ecma *e, bool *repeatable)
{
    static const char *const looks[] = {"?=", "?!", "?<=", "?<!"};
    struct str name;

    for (size_t k = 0; k < 4; k++) {
        if (ecma_take(e, looks[k])) {
            text_addf(&e->out, "(%s", looks[k]);
            *repeatable = false;
            return true;
        }
    }
    if (ecma_take(e, "?:")) {
        ecma_put(e, "(?:");
        return true;
    }
    e->opened++;
    ecma_put(e, "(");
    if (ecma_take(e, "?<"))
        return read_name(e, &name);
    return ecma_here(e) != '?' || ecma_refuse(e, "(? is followed by one of : = ! <= <! <name>");
}

static bool read_group(struct ecma *e, bool *repeatable)
{
    if (!open_group(e, repeatable))
        return false;
    if (++e->nesting > NESTING_MAX)
        return ecma_refuse(e, "groups are nested too deep");
    if (!read_alternatives(e))
        return false;
    e->nesting--;
    if (!ecma_take(e, ")"))
        return ecma_refuse(e, "a ( is not closed");
    ecma_put(e, ")");
    return true;
}

static bool read_count(struct ecma *e, uint32_t *out)
{
    bool any = false;

    for (*out = 0; format_digit(ecma_here(e)); any = true) {
        if (*out <= REPEAT_MAX)
            *out = *out * 10 + (uint32_t)(ecma_here(e) - '0');
        e->at++;
    }
    return any;
}

/* {n}, {n,} or {n,m}; anything else leaves a { that stands for itself. */
static bool read_braces(struct ecma *e, bool *is)
{
    size_t at = e->at;
    uint32_t from, to;
    bool open = false;

    e->at++;
    *is = read_count(e, &from);
    to = from;
    if (*is && ecma_take(e, ","))
        open = !read_count(e, &to);
    if (!*is || !ecma_take(e, "}")) {
        *is = false;
        e->at = at;
        return true;
    }
    if (from > REPEAT_MAX || (!open && to > REPEAT_MAX))
        return ecma_refuse(e, "a repetition is at most 65535");
    if (!open && to < from)
        return ecma_refuse(e, "a repetition's bounds are out of order");
    text_addf(&e->out, open ? "{%u,}" : "{%u,%u}", from, to);
    return true;
}

static bool read_quantifier(struct ecma *e, bool repeatable)
{
    char c = ecma_here(e);
    bool is = c && strchr("*+?", c);

    if (is) {
        e->at++;
        text_addf(&e->out, "%c", c);
    } else if (c == '{' && !read_braces(e, &is)) {
        return false;
    }
    if (!is)
        return true;
    if (ecma_take(e, "?"))
        ecma_put(e, "?");
    return repeatable || ecma_refuse(e, "nothing to repeat");
}

static bool read_term(struct ecma *e)
{
    bool repeatable = true;
    char c = ecma_here(e);

    if (strchr("*+?", c) && c)
        return ecma_refuse(e, "nothing to repeat");
    if (ecma_take(e, "^") || ecma_take(e, "$")) {
        ecma_put(e, c == '^' ? "^" : "\\z");
        repeatable = false;
    } else if (ecma_take(e, ".")) {
        ecma_put(e, "[^\\n\\r\\x{2028}\\x{2029}]");
    } else if (ecma_take(e, "\\")) {
        if (!read_escape(e, &repeatable))
            return false;
    } else if (ecma_take(e, "[")) {
        if (!ecma_read_class(e))
            return false;
    } else if (ecma_take(e, "(")) {
        if (!read_group(e, &repeatable))
            return false;
    } else {
        ecma_put_code(e, format_next(e->in, &e->at));
    }
    return read_quantifier(e, repeatable);
}

static bool read_alternatives(struct ecma *e)
{
    while (ecma_more(e) && ecma_here(e) != ')') {
        if (ecma_take(e, "|"))
            ecma_put(e, "|");
        else if (!read_term(e))
            return false;
    }
    return true;
}

/* Number the groups and learn their names: a reference may stand before its group. */
static bool find_groups(struct ecma *e)
{
    bool inside = false;

    for (e->at = 0; ecma_more(e); e->at++) {
        char c = ecma_here(e);

        if (c == '\\') {
            e->at++;
        } else if (inside || c == '[') {
            inside = c != ']';
        } else if (c == '(') {
            struct str rest = {e->in.ptr + e->at + 1, e->in.len - e->at - 1};
            bool named = str_starts(rest, STR("?<")) && !str_starts(rest, STR("?<=")) &&
                         !str_starts(rest, STR("?<!"));

            if (str_starts(rest, STR("?")) && !named)
                continue;
            if (e->groups == ECMA_GROUPS_MAX)
                return ecma_refuse(e, "more than 100 groups");
            e->groups++;
            if (!named)
                continue;
            e->at += 3;
            if (!read_name(e, &e->names[e->groups]))
                return false;
            e->at--;
        }
    }
    e->at = 0;
    return true;
}

static bool names_differ(struct ecma *e)
{
    for (size_t k = 1; k <= e->groups; k++)
        for (size_t j = 1; j < k; j++)
            if (e->names[k].ptr && str_eq(e->names[k], e->names[j]))
                return ecma_refuse(e, "two groups have one name");
    return true;
}

bool ecma_translate(struct cx *cx, struct str text, struct str *out, const char **why)
{
    struct ecma *e = CX_NEW(cx, struct ecma);
    size_t size = text.len * GROWTH_MAX + 1;

    e->cx = cx;
    e->in = text.ptr ? text : STR("");
    e->out = (struct text){.ptr = cx_alloc(cx, size), .size = size};
    *why = NULL;
    if (find_groups(e) && names_differ(e) && read_alternatives(e) &&
        (!ecma_more(e) || ecma_refuse(e, "a ) closes nothing"))) {
        assert(!e->out.cut);
        *out = (struct str){e->out.ptr, e->out.len};
        return true;
    }
    *why = e->why;
    return false;
}
