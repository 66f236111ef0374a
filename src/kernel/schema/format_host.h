/*
 * format_host.h - what other formats need of the names of hosts.
 */
#ifndef GREVY_SCHEMA_FORMAT_HOST_H
#define GREVY_SCHEMA_FORMAT_HOST_H

#include "kernel/base/str.h"

/** Letters, digits and hyphens, none of these at an end; 1 to 63 bytes. */
bool format_ldh_label(struct str label);

#endif
