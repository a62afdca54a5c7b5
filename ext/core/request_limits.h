/* The limits on what one request may hold; the engine sets them from its options. */
#ifndef SRV_REQUEST_LIMITS_H
#define SRV_REQUEST_LIMITS_H

#include <stddef.h>

typedef struct srv_limits {
    size_t max_body_bytes;   /* TOO_LARGE beyond it */
    size_t max_rows;         /* rows in one request; TOO_LARGE beyond it */
    size_t max_depth;        /* nesting of arrays and objects in a JSON body */
    size_t max_image_pixels; /* width × height of a picture before decoding */
} srv_limits;

#define SRV_LIMITS_DEFAULT \
    {.max_body_bytes = (size_t)16 << 20, .max_rows = 100000, .max_depth = 64, .max_image_pixels = 32000000}

#endif
