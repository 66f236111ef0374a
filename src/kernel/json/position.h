/*
 * position.h - where and why a text is no JSON: the slow second pass over a refused document.
 *
 * Invariant: it refuses exactly what json_parse refuses, bar its size, so every refusal has its
 * line and column.  The fuzz target holds both to it.
 */
#ifndef GREVY_JSON_POSITION_H
#define GREVY_JSON_POSITION_H

#include "kernel/base/str.h"

enum { JSON_WHAT_LEN_MAX = 200 };

struct json_fault {
    size_t line, column; /* From 1; columns are bytes. */
    const char *code;    /* Static: json_syntax, json_depth or json_duplicate_key. */
    char what[JSON_WHAT_LEN_MAX];
};

/** The first fault of text; false when there is none.  text_duplicate counts the texts of a
 *  document from 1: that one is a key its object has already; 0: none is. */
bool json_find_fault(struct str text, size_t text_duplicate, struct json_fault *out);

#endif
