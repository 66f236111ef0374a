/*
 * budget.h - retry budgets per host; see budget.c.  The caller locks.
 */
#ifndef GREVY_EFFECT_BUDGET_H
#define GREVY_EFFECT_BUDGET_H

#include "kernel/effect/effect.h"

enum { EFFECT_HOSTS = 64 };

struct host_budget {
    int64_t tenths, filled_ms;
};
struct effect_budget {
    struct host_budget hosts[EFFECT_HOSTS];
};

/** Count a call to url's host; false: a retry, and the budget is spent. */
bool budget_take(struct effect_budget *budget, struct str url, bool retry, int64_t now_ms);

#endif
