/*
 * routes.h - the kernel's own routes.  Between the files of this folder only.
 */
#ifndef GREVY_ACCESS_ROUTES_H
#define GREVY_ACCESS_ROUTES_H

#include "kernel/work/work.h"

/* GET of a list: ?limit and ?cursor. */
struct list_query {
    struct page_query page;
};
extern const struct field list_query_fields[];

/* key_http.c */
enum err post_key(struct req *req);
enum err get_keys(struct req *req);
enum err post_key_revoke(struct req *req);

/* setting_http.c */
struct setting_change {
    int64_t value;
    struct str key;
};
extern const struct field setting_change_fields[];
extern const struct field setting_view_fields[];
extern const struct field setting_changed_fields[];
enum err get_settings(struct req *req);
enum err put_setting(struct req *req);

/* admin_http.c */
extern const struct field ledger_report_fields[];
enum err get_audit(struct req *req);
enum err get_ledger_check(struct req *req);
enum err get_person_export(struct req *req);
enum err post_person_erase(struct req *req);

/* dead_http.c */
struct dead_discard_body {
    struct str reason;
};
struct dead_discarded { /* The event that tells of it. */
    struct str kind, id, type, key, reason, actor, error;
};
extern const struct field dead_discard_fields[];
extern const struct field dead_discarded_fields[];
enum err get_dead_letters(struct req *req);
enum err get_dead_letter(struct req *req);
enum err post_dead_redrive(struct req *req);
enum err post_dead_discard(struct req *req);

#endif
