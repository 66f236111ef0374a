/*
 * fixture.h - a module with two collections, for the tests of documents.
 */
#ifndef GREVY_DOCUMENT_FIXTURE_H
#define GREVY_DOCUMENT_FIXTURE_H

#include "kernel/document/document.h"
#include "test/kit/mini.h"

/** probe.price: {"price": 0 to 1000, ...}; 13 is untrue by its check, "grow" compiles to too much,
 *  and while prices_refused nothing compiles.  probe.law: the same, reviewed.
 *  GET /v1/probe/prices/{key}?user= tells what is compiled. */
extern const struct module prices_module;
struct mini *prices_open(const char *db);
extern bool prices_refused;

/** A key with these scopes; lives until mini_close. */
const char *prices_key(struct mini *m, const char *scopes);

#endif
