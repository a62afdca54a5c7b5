/* The picture between two steps of an image recipe: a view of 8-bit samples, and the conversions every recipe starts with.
 *
 * A raster never owns its samples: they belong to the arena, to the caller's picture, or to the raster it is a part of.
 * Steps never write to the raster they are given.
 */
#ifndef SRV_PREPROCESS_RASTER_H
#define SRV_PREPROCESS_RASTER_H

#include "../base/alloc.h"
#include "../base/status.h"

#include <stdint.h>

typedef struct srv_raster {
    const uint8_t *data;            /* the sample of channel 0 at row 0, column 0 */
    size_t height, width, channels; /* channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA; interleaved */
    size_t stride;                  /* bytes from one row to the next, at least width × channels */
} srv_raster;

static inline const uint8_t *srv_raster_row(const srv_raster *raster, size_t y) {
    return raster->data + y * raster->stride;
}

/* Room for packed samples, not yet written; *out describes them, *samples is where to write.  SRV_NO_MEMORY also when
 * the size overflows. */
srv_status srv_raster_new(size_t height, size_t width, size_t channels, srv_arena *arena, srv_raster *out,
                          uint8_t **samples, srv_error *err);

/* The means of blocks of factor_y × factor_x pixels (those at the far edges may be smaller), rounded; alpha is laid over
 * white, so out has 1 or 3 channels.  Factors of 1 leave a picture without alpha as it is, and copy nothing. */
srv_status srv_raster_reduce(const srv_raster *in, size_t factor_y, size_t factor_x, srv_arena *arena, srv_raster *out,
                             srv_error *err);

/* ITU-R 601-2 luma of 1 to 4 channels, alpha over white, in the fixed point of Pillow's convert("L"). */
srv_status srv_raster_grey(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err);

/* Three channels from 1 to 4, alpha over white. */
srv_status srv_raster_rgb(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err);

#endif
