/*
 * net.h - IP addresses and prefixes as text.
 *
 * Invariants: IPv6 is written as RFC 5952 wants it; no zones; an IPv4 address inside IPv6
 * (::ffff:c0a8:1) is that IPv4 address, and its dotted spelling inside IPv6 is refused.
 */
#ifndef GREVY_RULE_NET_H
#define GREVY_RULE_NET_H

#include "kernel/rule/value.h"

enum { RULE_NET_TEXT_MAX = 64 };

bool rule_read_ip(struct str text, struct rule_net *out);
bool rule_read_cidr(struct str text, struct rule_net *out);
/** With a NUL behind it. */
size_t rule_write_net(char out[RULE_NET_TEXT_MAX], struct rule_value v);

#endif
