/*
 * format_mail.c - mailboxes: RFC 5321 section 4.1.2, and RFC 6531 section 3.3 beyond ASCII.
 */
#include <string.h>

#include "kernel/schema/format.h"
#include "kernel/schema/format_host.h"

/* RFC 5321 section 4.5.3.1, in octets; a path has two more, < and >. */
enum { LOCAL_LEN_MAX = 64, DOMAIN_LEN_MAX = 255, MAILBOX_LEN_MAX = 254 };

static bool atext(char c, bool international)
{
    if (c & 0x80)
        return international;
    return format_alpha(c) || format_digit(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool dot_string(struct str s, bool international)
{
    bool wanted = true; /* A character, no dot. */

    for (size_t k = 0; k < s.len; k++) {
        bool dot = s.ptr[k] == '.';

        if (dot ? wanted : !atext(s.ptr[k], international))
            return false;
        wanted = dot;
    }
    return !wanted;
}

static bool quoted_string(struct str s, bool international)
{
    if (s.len < 2 || s.ptr[s.len - 1] != '"')
        return false;
    for (size_t k = 1; k + 1 < s.len; k++) {
        unsigned char c = (unsigned char)s.ptr[k];

        if (c == '\\') {
            c = (unsigned char)s.ptr[++k];
            if (k + 1 == s.len || c < 32 || c > 126)
                return false;
        } else if (c < 32 || c == '"' || c == 127 || (c > 127 && !international)) {
            return false;
        }
    }
    return true;
}

/* A label with characters beyond ASCII is taken for a U-label: SMTPUTF8 does not ask for its
 * normal form. */
static bool domain_label(struct str label, bool international)
{
    bool plain = true;

    if (label.len == 0)
        return false;
    for (size_t k = 0; k < label.len; k++)
        plain &= !(label.ptr[k] & 0x80);
    if (plain)
        return format_ldh_label(label);
    if (!international || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t k = 0; k < label.len; k++)
        if (!(label.ptr[k] & 0x80) && !format_alpha(label.ptr[k]) && !format_digit(label.ptr[k]) &&
            label.ptr[k] != '-')
            return false;
    return true;
}

static bool literal(struct cx *cx, struct str s)
{
    static const struct str tag = {"IPv6:", 5};

    if (s.ptr[s.len - 1] != ']')
        return false;
    s = (struct str){s.ptr + 1, s.len - 2};
    if (s.len >= tag.len && str_eq_nocase((struct str){s.ptr, tag.len}, tag))
        return format_ipv6(cx, (struct str){s.ptr + tag.len, s.len - tag.len});
    return format_ipv4(cx, s);
}

static bool domain(struct cx *cx, struct str s, bool international)
{
    struct str label;

    if (s.len < 1 || s.len > DOMAIN_LEN_MAX)
        return false;
    if (s.ptr[0] == '[')
        return s.len > 1 && literal(cx, s);
    while (str_cut(&s, '.', &label))
        if (!domain_label(label, international))
            return false;
    return true;
}

static bool mailbox(struct cx *cx, struct str s, bool international)
{
    struct str local;
    const char *at;

    if (s.len == 0 || s.len > MAILBOX_LEN_MAX)
        return false;
    for (at = s.ptr + s.len - 1; at > s.ptr && *at != '@';)
        at--;
    local = (struct str){s.ptr, (size_t)(at - s.ptr)};
    if (local.len == 0 || local.len > LOCAL_LEN_MAX ||
        !(local.ptr[0] == '"' ? quoted_string(local, international)
                              : dot_string(local, international)))
        return false;
    return domain(cx, (struct str){at + 1, s.len - local.len - 1}, international);
}

bool format_email(struct cx *cx, struct str s)
{
    return mailbox(cx, s, false);
}

bool format_idn_email(struct cx *cx, struct str s)
{
    return mailbox(cx, s, true);
}
