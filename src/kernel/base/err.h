/*
 * err.h - how anything fails.
 *
 * Invariants:
 *   - every function that can fail returns enum err and is MUST_CHECK;
 *   - the first failure of a unit of work is recorded once, by fail(), with a stable code;
 *   - enum err decides the HTTP status, the code decides what a program does about it, the detail
 *     tells a person what to do next.
 */
#ifndef GREVY_BASE_ERR_H
#define GREVY_BASE_ERR_H

#define MUST_CHECK              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Name, HTTP status, title of the problem document. */
#define ERR_MAP(X)                                                                                 \
    X(OK, 200, "ok")                                                                               \
    X(ERR_BAD_INPUT, 400, "Bad input")                                                             \
    X(ERR_UNAUTHORIZED, 401, "Unauthorized")                                                       \
    X(ERR_FORBIDDEN, 403, "Forbidden")                                                             \
    X(ERR_NOT_FOUND, 404, "Not found")                                                             \
    X(ERR_METHOD, 405, "Method not allowed")                                                       \
    X(ERR_TIMEOUT, 408, "Request time-out")                                                        \
    X(ERR_CONFLICT, 409, "Conflict")                                                               \
    X(ERR_GONE, 410, "Gone")                                                                       \
    X(ERR_PRECONDITION, 412, "Precondition failed")                                                \
    X(ERR_TOO_LARGE, 413, "Too large")                                                             \
    X(ERR_MEDIA, 415, "Unsupported media type")                                                    \
    X(ERR_EXPECTATION, 417, "Expectation failed")                                                  \
    X(ERR_UNPROCESSABLE, 422, "Unprocessable")                                                     \
    X(ERR_TOO_MANY, 429, "Too many requests")                                                      \
    X(ERR_HEADERS, 431, "Header fields too large")                                                 \
    X(ERR_STORAGE, 500, "Storage failure")                                                         \
    X(ERR_INTERNAL, 500, "Internal error")                                                         \
    X(ERR_BUSY, 503, "Busy")                                                                       \
    X(ERR_DISK_FULL, 507, "Out of space")

#define ERR_ENUM(name, status, title) name,
enum err { ERR_MAP(ERR_ENUM) ERR_COUNT };
#undef ERR_ENUM

int err_status(enum err err);
const char *err_title(enum err err);
const char *err_name(enum err err);

/* The only macro that hides a return.  Nothing needs freeing on the way out: see cx.h. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != OK)                                                                        \
            return try_err_;                                                                       \
    } while (0)

#endif
