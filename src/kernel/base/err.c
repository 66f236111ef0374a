/*
 * err.c - the table of errors, spelled three ways.
 */
#include "kernel/base/err.h"

#include <assert.h>

#define ERR_STATUS(name, status, title) status,
#define ERR_TITLE(name, status, title)  title,
#define ERR_NAME(name, status, title)   #name,

int err_status(enum err err)
{
    static const int statuses[] = {ERR_MAP(ERR_STATUS)};

    assert(err < ERR_COUNT);
    return statuses[err];
}

const char *err_title(enum err err)
{
    static const char *const titles[] = {ERR_MAP(ERR_TITLE)};

    assert(err < ERR_COUNT);
    return titles[err];
}

const char *err_name(enum err err)
{
    static const char *const names[] = {ERR_MAP(ERR_NAME)};

    assert(err < ERR_COUNT);
    return names[err];
}
