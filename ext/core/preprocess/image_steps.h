/* The steps of an image recipe, one function each: raster in, raster out, scratch and result in the arena.
 *
 * Ink is bright and its background dark in every step that speaks of ink: `invert` comes before them.
 */
#ifndef SRV_PREPROCESS_IMAGE_STEPS_H
#define SRV_PREPROCESS_IMAGE_STEPS_H

#include "raster.h"
#include "resize.h"

/* 255 − v for every sample. */
srv_status srv_step_invert(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err);

/* The middle height × width pixels; SRV_WRONG_VALUE if there are fewer.  A view: nothing is copied. */
srv_status srv_step_crop(const srv_raster *in, size_t height, size_t width, srv_raster *out, srv_error *err);

/* As large as fits height × width with its aspect ratio kept, in the middle of black. */
srv_status srv_step_fit(const srv_raster *in, size_t height, size_t width, srv_filter filter, srv_arena *arena,
                        srv_raster *out, srv_error *err);

/* Pasted into height × width (1 channel) by whole pixels, so that the centre of mass of its ink lies at pixel
 * (height / 2, width / 2), or as near as it can without cutting ink off.  SRV_WRONG_VALUE without ink. */
srv_status srv_step_centre_of_mass(const srv_raster *in, size_t height, size_t width, srv_arena *arena, srv_raster *out,
                                   srv_error *err);

/* Background → 0, ink → 255, 1 channel: divides by the light (estimated as what is left of the paper when everything
 * narrower than a window is taken away), then stretches from just above the noise to the level of the ink.  A picture
 * without ink becomes black. */
srv_status srv_step_stretch(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err);

/* The bounding box of the strokes, 1 channel; specks, and marks that run along the edge, do not count and are wiped.
 * SRV_WRONG_VALUE if nothing is left. */
srv_status srv_step_crop_to_ink(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err);

/* The answer to a picture without ink, the same for all steps. */
srv_status srv_blank_picture(srv_error *err);

#endif
