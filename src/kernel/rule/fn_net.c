/*
 * fn_net.c - functions of IP addresses and prefixes.
 */
#include <string.h>

#include "kernel/rule/code.h"
#include "kernel/rule/net.h"

static struct rule_value net_value(struct rule_run *run, enum rule_kind kind,
                                   const struct rule_net *net)
{
    struct rule_net *copy = rule_alloc(run, sizeof(*copy));

    if (!copy)
        return rule_call_stop(run);
    *copy = *net;
    return (struct rule_value){.kind = kind, .net = copy};
}

static struct rule_value no_parse(struct rule_run *run, struct rule_value v, const char *what)
{
    const char *why =
        memchr(v.ptr ? v.ptr : "", '%', v.len) ? "with a zone is not allowed" : "parse error";

    return rule_call_bad(run, "%s '%.*s' %s", what, v.len > 80 ? 80 : (int)v.len, v.ptr, why);
}

static struct rule_value fn_ip(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net;

    return rule_read_ip(rule_text(args[0]), &net) ? net_value(run, RULE_IP, &net)
                                                  : no_parse(run, args[0], "IP address");
}

static struct rule_value fn_is_ip(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net;

    (void)run;
    return rule_of_bool(rule_read_ip(rule_text(args[0]), &net));
}

static struct rule_value fn_cidr(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net;

    return rule_read_cidr(rule_text(args[0]), &net) ? net_value(run, RULE_CIDR, &net)
                                                    : no_parse(run, args[0], "CIDR");
}

static struct rule_value fn_is_cidr(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net;

    (void)run;
    return rule_of_bool(rule_read_cidr(rule_text(args[0]), &net));
}

static struct rule_value fn_canonical(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net;
    char text[RULE_NET_TEXT_MAX];
    size_t len;

    if (!rule_read_ip(rule_text(args[0]), &net))
        return no_parse(run, args[0], "IP address");
    len = rule_write_net(text, (struct rule_value){.kind = RULE_IP, .net = &net});
    return rule_of_bool(str_eq((struct str){text, len}, rule_text(args[0])));
}

static struct rule_value fn_family(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_int(args[0].net->v4 ? 4 : 6);
}

/* ---- Kinds of addresses ---- */

static bool all_zero(const unsigned char *bytes, size_t len)
{
    for (size_t k = 0; k < len; k++)
        if (bytes[k])
            return false;
    return true;
}

static bool is_unspecified(const struct rule_net *net)
{
    return all_zero(net->bytes, sizeof(net->bytes));
}

static bool is_loopback(const struct rule_net *net)
{
    return net->v4 ? net->bytes[0] == 127 : all_zero(net->bytes, 15) && net->bytes[15] == 1;
}

static bool is_link_local(const struct rule_net *net)
{
    return net->v4 ? net->bytes[0] == 169 && net->bytes[1] == 254
                   : net->bytes[0] == 0xfe && (net->bytes[1] & 0xc0) == 0x80;
}

static bool is_link_local_multicast(const struct rule_net *net)
{
    return net->v4 ? net->bytes[0] == 224 && all_zero(net->bytes + 1, 2)
                   : net->bytes[0] == 0xff && (net->bytes[1] & 0x0f) == 2;
}

static bool is_multicast(const struct rule_net *net)
{
    return net->v4 ? (net->bytes[0] & 0xf0) == 0xe0 : net->bytes[0] == 0xff;
}

static bool is_broadcast(const struct rule_net *net)
{
    static const unsigned char ones[] = {255, 255, 255, 255};

    return net->v4 && memcmp(net->bytes, ones, sizeof(ones)) == 0;
}

/* Private addresses are global unicast, as in Go's net/netip. */
static bool is_global_unicast(const struct rule_net *net)
{
    return !is_broadcast(net) && !is_unspecified(net) && !is_loopback(net) && !is_multicast(net) &&
           !is_link_local(net);
}

#define QUESTION(name_, answer_)                                                                   \
    static struct rule_value name_(struct rule_run *run, const struct rule_value *args)            \
    {                                                                                              \
        (void)run;                                                                                 \
        return rule_of_bool(answer_(args[0].net));                                                 \
    }
QUESTION(fn_unspecified, is_unspecified)
QUESTION(fn_loopback, is_loopback)
QUESTION(fn_link_local, is_link_local)
QUESTION(fn_link_local_multicast, is_link_local_multicast)
QUESTION(fn_global_unicast, is_global_unicast)
#undef QUESTION

/* ---- Prefixes ---- */

static void mask(struct rule_net *net)
{
    for (int k = 0; k < 16; k++) {
        int bits = net->bits - k * 8;

        if (bits < 8)
            net->bytes[k] = (unsigned char)(bits <= 0 ? 0 : net->bytes[k] & 0xff00 >> bits);
    }
}

static bool contains(const struct rule_net *prefix, struct rule_net address)
{
    struct rule_net masked = *prefix;

    address.bits = prefix->bits;
    mask(&masked);
    mask(&address);
    return prefix->v4 == address.v4 && memcmp(masked.bytes, address.bytes, 16) == 0;
}

static struct rule_value fn_contains_ip(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_bool(contains(args[0].net, *args[1].net));
}

static struct rule_value fn_contains_ip_text(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net;

    return rule_read_ip(rule_text(args[1]), &net) ? rule_of_bool(contains(args[0].net, net))
                                                  : no_parse(run, args[1], "IP address");
}

static struct rule_value fn_contains_cidr(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_bool(args[0].net->bits <= args[1].net->bits &&
                        contains(args[0].net, *args[1].net));
}

static struct rule_value fn_contains_cidr_text(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net;

    if (!rule_read_cidr(rule_text(args[1]), &net))
        return no_parse(run, args[1], "CIDR");
    return rule_of_bool(args[0].net->bits <= net.bits && contains(args[0].net, net));
}

static struct rule_value fn_masked(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net = *args[0].net;

    mask(&net);
    return net_value(run, RULE_CIDR, &net);
}

static struct rule_value fn_address(struct rule_run *run, const struct rule_value *args)
{
    struct rule_net net = *args[0].net;

    net.bits = 0;
    return net_value(run, RULE_IP, &net);
}

static struct rule_value fn_prefix_length(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_int(args[0].net->bits);
}

static struct rule_value fn_same(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return args[0];
}

static const struct rule_row ROWS[] = {
    {"ip", false, "s:I", fn_ip},
    {"ip", false, "I:I", fn_same},
    {"ip", true, "C:I", fn_address},
    {"isIP", false, "s:b", fn_is_ip},
    {"ip.isCanonical", false, "s:b", fn_canonical},
    {"family", true, "I:i", fn_family},
    {"isUnspecified", true, "I:b", fn_unspecified},
    {"isLoopback", true, "I:b", fn_loopback},
    {"isLinkLocalUnicast", true, "I:b", fn_link_local},
    {"isLinkLocalMulticast", true, "I:b", fn_link_local_multicast},
    {"isGlobalUnicast", true, "I:b", fn_global_unicast},
    {"cidr", false, "s:C", fn_cidr},
    {"cidr", false, "C:C", fn_same},
    {"isCIDR", false, "s:b", fn_is_cidr},
    {"containsIP", true, "CI:b", fn_contains_ip},
    {"containsIP", true, "Cs:b", fn_contains_ip_text},
    {"containsCIDR", true, "CC:b", fn_contains_cidr},
    {"containsCIDR", true, "Cs:b", fn_contains_cidr_text},
    {"masked", true, "C:C", fn_masked},
    {"prefixLength", true, "C:i", fn_prefix_length},
};

const struct rule_rows rule_net_rows = RULE_ROWS(ROWS);
