/*
 * trie.h - what the router is made of; router_make.c builds it, router.c reads it.
 *
 * Invariants: edges of a node are its literals, sorted by length and bytes, then its parameters by
 * kind; nothing changes after router_make.
 */
#ifndef GREVY_HTTP_TRIE_H
#define GREVY_HTTP_TRIE_H

#include <stdatomic.h>

#include "kernel/http/pattern.h"

/* In the order in which "allow" lists them. */
enum { DELETE_, GET_, HEAD_, OPTIONS_, PATCH_, POST_, PUT_, METHODS };

struct edge;

struct node {
    struct edge *edges;
    uint32_t literals, count; /* Edges, and how many of them are literals. */
    uint32_t methods;         /* Bits of routes that are set. */
    const struct route *routes[METHODS];
};

struct edge {
    struct segment segment;
    struct node node;
};

/* The routes of one module, found by the address of a row. */
struct span {
    const struct module *module;
    size_t count, first;
};

/* The OpenAPI document: made when first asked for, then kept. */
struct document {
    size_t len;
    char bytes[];
};

struct router {
    struct node root;
    const struct route **routes;
    size_t count;
    struct span *spans; /* By address. */
    size_t span_count;
    _Atomic(struct document *) *document; /* Apart, because a router is const to its users. */
};

const char *method_name(int method);
int method_of(struct str name); /* -1: none that a route may have. */
int literal_cmp(struct str a, struct str b);

#endif
