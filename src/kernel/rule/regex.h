/*
 * regex.h - regular expressions in time linear in the text, by RE2.
 *
 * Invariants: a compiled expression is immutable and may be used by any number of threads; its
 * memory is RE2's, bounded by RULE_REGEX_BYTES_MAX, and given back by rule_regex_free alone.
 */
#ifndef GREVY_RULE_REGEX_H
#define GREVY_RULE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

enum { RULE_REGEX_BYTES_MAX = 1 << 20 }; /* Of its automata; a larger one falls back to less. */

#ifdef __cplusplus
extern "C" {
#endif

/** NULL when the pattern is none, or too large. */
void *rule_regex_new(const char *pattern, size_t len);
/** Does it match anywhere in the text? */
bool rule_regex_test(const void *regex, const char *text, size_t len);
void rule_regex_free(void *regex);

#ifdef __cplusplus
}
#endif

#endif
