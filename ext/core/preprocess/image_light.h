/* What the light on a photographed page does to it.  Internal to the image steps; everything here takes 1 channel. */
#ifndef SRV_PREPROCESS_IMAGE_LIGHT_H
#define SRV_PREPROCESS_IMAGE_LIGHT_H

#include "raster.h"

#include <stdbool.h>

/* Whether the ink is darker than its background.  Where the median of the border is the picture's brightest or darkest
 * value, or close to it, that decides; else (uneven light) the strokes do, which differ from their surroundings by more
 * than those do from each other. */
srv_status srv_light_background(const srv_raster *in, srv_arena *arena, bool *light, srv_error *err);

/* How bright the paper is at each place, seen in blocks of factor_y × factor_x pixels. */
typedef struct srv_light {
    size_t height, width, factor_y, factor_x; /* in blocks; pixels to a block */
    const float *gains;                       /* [height × width]: 255 / paper; NULL if it is the same everywhere */
    float gain;                               /* that one */
} srv_light;

/* in: ink bright, paper dark; the brightness of the paper is 255 minus that. */
srv_status srv_find_light(const srv_raster *in, srv_arena *arena, srv_light *out, srv_error *err);

#endif
