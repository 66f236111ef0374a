/*
 * regex.cc - RE2 behind a C face.
 */
#include "kernel/rule/regex.h"

#include <new>
#include <re2/re2.h>

void *rule_regex_new(const char *pattern, size_t len)
{
    try {
        re2::RE2::Options options;
        re2::RE2 *regex;

        options.set_log_errors(false);
        options.set_max_mem(RULE_REGEX_BYTES_MAX);
        regex = new re2::RE2(re2::StringPiece(pattern, len), options);
        if (regex->ok())
            return regex;
        delete regex;
        return nullptr;
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

bool rule_regex_test(const void *regex, const char *text, size_t len)
{
    try {
        return static_cast<const re2::RE2 *>(regex)->Match(re2::StringPiece(text, len), 0, len,
                                                           re2::RE2::UNANCHORED, nullptr, 0);
    } catch (const std::bad_alloc &) {
        return false;
    }
}

void rule_regex_free(void *regex)
{
    delete static_cast<re2::RE2 *>(regex);
}
