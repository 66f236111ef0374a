/*
 * setting.h - the settings of a space: an immutable array of values, swapped when one changes.
 */
#ifndef GREVY_WORK_SETTING_H
#define GREVY_WORK_SETTING_H

#include "kernel/work/space.h"

enum { SETTINGS_MAX = 512 };

/** Give every setting its index; once per process, before any space opens. */
void settings_register(const struct module *const *modules);
const struct setting *setting_named(const struct platform *platform, struct str name);

/** Load the values of the space. */
MUST_CHECK enum err settings_load(struct space *space, struct cx *cx);
struct writer;
/** Load what could not be loaded after its commit.  On the writer's thread. */
void settings_tend(struct writer *writer);
void settings_free(struct space *space);

/** Store a value (key "" for the plain one) within its limits; seen after the commit.
 *  Errors: NOT_FOUND "no_such_setting", BAD_INPUT "out_of_range", CONFLICT "too_many_settings". */
MUST_CHECK enum err setting_put(struct cx *cx, struct str name, struct str key, int64_t value);

#endif
