/* The limits on what one request may hold; the engine sets them from its options. */
#ifndef SRV_REQUEST_LIMITS_H
#define SRV_REQUEST_LIMITS_H

#include <stddef.h>

/* Numbers that the rows of one request may have, as sent and again as the network takes them: TOO_LARGE beyond it.  A
 * table's or a text's rows can be far wider than the body that they come from. */
#define SRV_MAX_REQUEST_NUMBERS ((size_t)64 << 20)

typedef struct srv_limits {
    size_t max_body_bytes;   /* TOO_LARGE beyond it */
    size_t max_rows;         /* rows in one request; TOO_LARGE beyond it */
    size_t max_depth;        /* nesting of arrays and objects in a JSON body */
    size_t max_image_pixels; /* width × height of a picture before decoding */
} srv_limits;

#define SRV_LIMITS_DEFAULT \
    {.max_body_bytes = (size_t)16 << 20, .max_rows = 100000, .max_depth = 64, .max_image_pixels = 32000000}

#endif
