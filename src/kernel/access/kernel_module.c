/*
 * kernel_module.c - the kernel as a module: what an administrator of a space may do.
 *
 * Its tables are applied by kernel/work before those of any module.
 */
#include "kernel/access/access.h"
#include "kernel/access/audit.h"
#include "kernel/access/key.h"
#include "kernel/access/person.h"
#include "kernel/access/routes.h"
#include "kernel/effect/effect.h"
#include "kernel/work/dead.h"
#include "kernel/work/idempotency.h"
#include "kernel/work/retention.h"

#define LISTED QUERY(list_query, list_query_fields), .page = true, .priority = PRIORITY_NORMAL

const struct module kernel_module = {
    .name = "kernel",
    .routes = ROUTES(
        {"POST", "/v1/keys", post_key, TX_WRITE, "key:admin", BODY(key_new, key_new_fields),
         .reply = key_fields, .priority = PRIORITY_NORMAL,
         .flags = ROUTE_AUDIT | ROUTE_NOT_REPLAYED,
         .doc = "Make an API key. Its text is in this answer only."},
        {"GET", "/v1/keys", get_keys, TX_READ, "key:admin", LISTED, .reply = key_fields,
         .doc = "List API keys, newest first, without their texts."},
        {"POST", "/v1/keys/{id:key}/revoke", post_key_revoke, TX_WRITE, "key:admin",
         .reply = key_fields, .priority = PRIORITY_NORMAL, .flags = ROUTE_AUDIT, .status = 200,
         .doc = "Revoke an API key, from the answer on."},
        {"GET", "/v1/audit", get_audit, TX_READ, "audit:read", LISTED, .reply = audit_fields,
         .doc = "List administrative writes, newest first, chained by their hashes."},
        {"GET", "/v1/settings", get_settings, TX_READ, "setting:read", LISTED,
         .reply = setting_view_fields, .doc = "List all settings with their limits and values."},
        {"PUT", "/v1/settings/{name}", put_setting, TX_WRITE, "setting:write",
         BODY(setting_change, setting_change_fields), .reply = setting_changed_fields,
         .priority = PRIORITY_NORMAL, .flags = ROUTE_AUDIT,
         .doc = "Change a setting, for everything or for one key."},
        {"GET", "/v1/ledger/check", get_ledger_check, TX_READ, "ledger:read",
         .reply = ledger_report_fields, .priority = PRIORITY_NORMAL,
         .doc = "Compare every balance of stock and money with its movements."},
        {"GET", "/v1/persons/{person}/export", get_person_export, TX_READ, "person:admin",
         .reply = person_data_fields, .priority = PRIORITY_NORMAL,
         .doc = "All that is kept of a person, readable."},
        {"POST", "/v1/persons/{person}/erase", post_person_erase, TX_WRITE, "person:admin",
         .reply = person_erased_fields, .priority = PRIORITY_NORMAL, .flags = ROUTE_AUDIT,
         .status = 200, .doc = "Erase a person's data for good."},
        {"GET", "/v1/dead-letters", get_dead_letters, TX_READ, "dead:read",
         QUERY(list_query, list_query_fields), .reply = dead_letter_fields, .page = true,
         .priority = PRIORITY_NORMAL,
         .doc = "List events, timers and effects that failed or wait behind one that did."},
        {"GET", "/v1/dead-letters/{kind}/{id}", get_dead_letter, TX_READ, "dead:read",
         .reply = dead_letter_fields, .priority = PRIORITY_NORMAL,
         .doc = "One of them, with the data of its event."},
        {"POST", "/v1/dead-letters/{kind}/{id}/redrive", post_dead_redrive, TX_WRITE, "dead:write",
         .priority = PRIORITY_NORMAL, .flags = ROUTE_AUDIT, .status = 204,
         .doc = "Try again now, with a fresh count of attempts."},
        {"POST", "/v1/dead-letters/{kind}/{id}/discard", post_dead_discard, TX_WRITE, "dead:write",
         BODY(dead_discard_body, dead_discard_fields), .priority = PRIORITY_NORMAL,
         .flags = ROUTE_AUDIT, .status = 204,
         .doc = "Let it go: an event's key goes on with the next event."}),
    .scopes = SCOPES({"person:read", "Personal data whole; without it, masked."}),
    .jobs = JOBS({"kernel.idempotency_rotate", HOUR_MS, idempotency_rotate,
                  "Empties the day of stored answers that is over 24 hours old."},
                 {"kernel.event_purge", HOUR_MS, event_purge,
                  "Forgets events older than kernel.events_kept_days that nobody waits for."},
                 {"kernel.effect_purge", 10 * MINUTE_MS, effect_purge,
                  "Forgets calls to the outside that were settled an hour ago."}),
    .settings = SETTINGS(&events_kept_days, &idempotency_kept_hours),
    .produces = PRODUCES({"person.erased", person_erased_fields,
                          "A person's key was dropped: what it sealed cannot be read again."},
                         {"kernel.dead_letter_discarded", dead_discarded_fields,
                          "What failed for good was let go, by whom and why."}),
};
