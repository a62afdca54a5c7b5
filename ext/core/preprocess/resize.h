/* Resampling as Pillow's Image.resize does it: the filter's support grows with the scale, so that shrinking is
 * antialiased, and what the first of the two passes gives is rounded to 8 bits.  Equal to Pillow 13 within 1/255 (older ones
 * pass over the picture in another order if it loses more height than width, which shows at the edges of bicubic and lanczos).
 */
#ifndef SRV_PREPROCESS_RESIZE_H
#define SRV_PREPROCESS_RESIZE_H

#include "raster.h"

#include <stdbool.h>

typedef enum srv_filter {
    SRV_FILTER_NEAREST,
    SRV_FILTER_BOX,
    SRV_FILTER_BILINEAR,
    SRV_FILTER_HAMMING,
    SRV_FILTER_BICUBIC,
    SRV_FILTER_LANCZOS,
} srv_filter;

/* The names, for messages. */
#define SRV_FILTER_NAMES "nearest, box, bilinear, hamming, bicubic, lanczos"

/* False if there is no filter of that name. */
bool srv_filter_named(const char *name, srv_filter *out);

/* in (1 or 3 channels, at least 1 × 1) to height × width, each at least 1. */
srv_status srv_resize(const srv_raster *in, size_t height, size_t width, srv_filter filter, srv_arena *arena,
                      srv_raster *out, srv_error *err);

#endif
