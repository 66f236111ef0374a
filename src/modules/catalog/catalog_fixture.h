/*
 * catalog_fixture.h - making products in tests of the catalogue.
 */
#ifndef GREVY_CATALOG_FIXTURE_H
#define GREVY_CATALOG_FIXTURE_H

#include "modules/catalog/catalog_priv.h"
#include "test/kit/mini.h"

/** One request that must be answered with this status. */
struct answer shelf_do(struct mini *mini, int status, const char *request, const char *body);
/** One request that must be refused, with this code. */
struct answer shelf_refused(struct mini *mini, int status, const char *code, const char *request,
                            const char *body);
/** A body for POST /v1/products with one SKU of 500 CNY; extra: more members of the SKU, like
 *  ",\"tax_ppm\":1". */
const char *shelf_body(struct mini *mini, const char *title, const char *kind, const char *code,
                       const char *extra);
/** Make that product; its SKU's id. */
const char *shelf_sku(struct mini *mini, const char *kind, const char *code, const char *extra);

/** The answer to a quote of one piece; status 200 or a refusal. */
struct answer shelf_quote(struct mini *mini, const char *sku, const char *currency);
void shelf_receive(struct mini *mini, const char *sku, int64_t quantity);
/** "on_hand reserved" */
const char *shelf_stock(struct mini *mini, const char *sku);

/** An import with this Content-Type, or none when NULL.  The answer lives until the next. */
struct answer shelf_import(struct mini *mini, const char *content_type, const char *query,
                           const char *file);
/** Memory for a long body, the same at each call. */
struct text shelf_long_text(void);
const char *shelf_text_done(struct text *text);
/** len times c. */
const char *shelf_repeat(struct mini *mini, char c, size_t len);
/** Rows of the catalogue, of its outbox and of its audit log, as one number. */
int64_t shelf_digest(struct mini *mini);

#endif
