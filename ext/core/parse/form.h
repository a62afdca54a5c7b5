/* application/x-www-form-urlencoded (WHATWG URL, section 5.1): name=value pairs joined by '&', with '+' for a blank and
 * %XX for any byte.
 *
 *   size_t at = 0;
 *   while ((status = srv_form_next(body, size, &at, arena, &field, &more, err)) == SRV_OK && more) { … }
 *
 * Stricter than browsers in one thing: a '%' that two hexadecimal digits do not follow is an error, not itself.
 * Empty pairs ("a=1&&b=2") are passed over; a pair without '=' has an empty value.
 */
#ifndef SRV_PARSE_FORM_H
#define SRV_PARSE_FORM_H

#include "../base/alloc.h"
#include "../base/status.h"

#include <stdbool.h>

typedef struct srv_form_field {
    const char *name; /* decoded; in the arena if that changed it, else in the body */
    size_t name_size;
    const char *raw; /* the value as sent, inside the body: srv_form_decode gives what it means */
    size_t raw_size;
} srv_form_field;

/* The field at *at (0 to begin), which moves on; more turns false when there is none.  SRV_MALFORMED, with the offset,
 * for a bad escape in a name. */
srv_status srv_form_next(const char *body, size_t size, size_t *at, srv_arena *arena, srv_form_field *out, bool *more,
                         srv_error *err);

/* Decodes a name or value; the result is raw itself if nothing had to be decoded.  Offsets are bytes of raw. */
srv_status srv_form_decode(const char *raw, size_t raw_size, srv_arena *arena, const char **out, size_t *out_size,
                           srv_error *err);

/* The byte of raw that became byte `decoded` of its decoded form, so that an error there can be placed in the body. */
size_t srv_form_raw_offset(const char *raw, size_t raw_size, size_t decoded);

#endif
