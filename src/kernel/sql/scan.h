/*
 * scan.h - SQL as tokens: just enough to tell code from quotes and comments.
 *
 * Invariant: the tokens of a text, joined, are the text; nothing is lost, nothing is judged.
 */
#ifndef GREVY_SQL_SCAN_H
#define GREVY_SQL_SCAN_H

#include "kernel/sql/sql.h"

enum token {
    TOKEN_END,
    TOKEN_SPACE,       /* White space or a comment. */
    TOKEN_WORD,        /* Letters, digits, _: keywords, names, numbers. */
    TOKEN_QUOTED,      /* 'text', "name", $tag$ text $tag$; an open one reaches to the end. */
    TOKEN_PLACEHOLDER, /* ? and the digits behind it. */
    TOKEN_MARK,        /* Any other single character. */
};

struct scan {
    struct str rest;
    struct str text; /* Of the token that scan_next found. */
};

enum token scan_next(struct scan *scan);

/** A copy of sql with ?N as $N when kind is PostgreSQL; count gets the largest N.  NULL when a ?
 *  stands without a number from 1 to SQL_BINDS_MAX.  The caller frees it. */
char *scan_placeholders(const char *sql, enum sql_kind kind, int *count);

#endif
