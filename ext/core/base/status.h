/* What can go wrong, and how it is said.
 *
 * Every fallible function of the core returns a srv_status and, on failure, fills the caller's srv_error.  The core
 * never prints, never exits, and keeps no message of its own.
 */
#ifndef SRV_BASE_STATUS_H
#define SRV_BASE_STATUS_H

#include <stddef.h>

/* name, text, HTTP status (write_reply adapts it to each protocol) */
#define SRV_STATUS_MAP(XX)                                      \
    XX(OK, "ok", 200)                                           \
    XX(MALFORMED, "malformed request", 400)                     \
    XX(TOO_LARGE, "too large", 413)                             \
    XX(UNSUPPORTED_TYPE, "unsupported content type", 415)       \
    XX(WRONG_VALUE, "wrong shape or value for this model", 422) \
    XX(OVERLOADED, "too many requests waiting", 503)            \
    XX(DEADLINE, "deadline exceeded", 504)                      \
    XX(CLOSED, "the engine is closed", 503)                     \
    XX(CANCELLED, "cancelled", 499)                             \
    XX(NO_MEMORY, "out of memory", 503)                         \
    XX(PACKAGE, "broken model package", 500)

typedef enum srv_status {
#define XX(name, text, http) SRV_##name,
    SRV_STATUS_MAP(XX)
#undef XX
} srv_status;

#define SRV_NO_OFFSET ((size_t)-1)

typedef struct srv_error {
    srv_status status;
    size_t offset;     /* byte in the body or file at which the fault was seen; SRV_NO_OFFSET if it has no place */
    char where[256];   /* JSON pointer ("/data/3"), field or part name; "" if none.  Cut, never overrun */
    char message[512]; /* a sentence: what is wrong, and what would be right */
} srv_error;

/* Fills err (may be NULL) with status and a printf-style message, clears its place, and returns status, so that
 * `return srv_fail(err, SRV_MALFORMED, "…")` is the usual exit. */
srv_status srv_fail(srv_error *err, srv_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds the place to an error already filled.  Both accept err == NULL. */
void srv_error_at(srv_error *err, size_t offset);
void srv_error_where(srv_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *srv_status_name(srv_status status); /* "MALFORMED" */
const char *srv_status_text(srv_status status); /* "malformed request" */
int srv_status_http(srv_status status);

#endif
