/*
 * rule_fixture.h - expressions in tests: declared contexts as modules have them, and short checks.
 */
#ifndef GREVY_RULE_FIXTURE_H
#define GREVY_RULE_FIXTURE_H

#include "kernel/rule/rule.h"
#include "test/kit/test.h"

struct rule_fixture {
    struct cx cx;
    struct arena keep;
    struct rule_env env;
    struct rule_value values[3]; /* user, now, any. */
    struct rule_value user[4];   /* city, level, refunded, tags. */
    struct rule_object user_object;
    int calls; /* Of price(). */
};

void rule_fixture_open(struct rule_fixture *f);
void rule_fixture_close(struct rule_fixture *f);

/** The result as CEL text; of an error "error: ..."; of what does not compile "refused: ...".  Also
 *  runs explained, which must give the same. */
struct str rule_fixture_eval(struct rule_fixture *f, const char *text);
/** Is it the same value, spelt in CEL? */
void rule_fixture_equal(struct rule_fixture *f, const char *text, const char *wanted);
/** Does the text begin with what is wanted? */
void rule_fixture_begins(struct rule_fixture *f, const char *text, const char *wanted);

struct rule_pair {
    const char *text, *wanted;
};
#define RULE_CHECK_ALL(fixture_, pairs_, check_)                                                   \
    for (size_t pair_ = 0; pair_ < sizeof(pairs_) / sizeof((pairs_)[0]); pair_++)                  \
    check_((fixture_), (pairs_)[pair_].text, (pairs_)[pair_].wanted)

#endif
