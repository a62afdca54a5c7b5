/* Step 2 for pictures: decoded pixels become one row of a model's input, by the steps the package declares.
 *
 * The manifest's inputs[i].image, for the digits of MNIST:
 *   {"height": 28, "width": 28, "channels": 1, "steps": [
 *     {"op": "grayscale"},                                 ITU-R 601-2 luma, alpha over white
 *     {"op": "invert", "when": "light_background"},        if the ink is darker than its background; or "always"
 *     {"op": "stretch"},                                   background → 0, ink → 255 (robust to uneven light of a photo)
 *     {"op": "crop_to_ink"},                               bounding box of the strokes, without specks and shadows
 *     {"op": "fit", "height": 20, "width": 20, "filter": "bilinear"},   keeps the aspect ratio; black fills the rest
 *     {"op": "centre_of_mass", "height": 28, "width": 28}]}             pastes it so that its mass sits in the middle
 * Also {"op": "resize", "height", "width", "filter"} without keeping the aspect, and {"op": "crop", "height", "width"}
 * (centre).  Filters: nearest, box, bilinear, hamming, bicubic, lanczos; equal to Pillow's within 1/255, antialiased.
 * stretch, crop_to_ink and centre_of_mass look for bright ink on a dark background, on grey pictures.
 * channels is 1 (with a grayscale step) or 3 (RGB); channels are interleaved in the row.
 * Values leave in 0 … 255; scaling is the package's `preprocess`, as on every other way in.
 */
#ifndef SRV_PREPROCESS_IMAGE_H
#define SRV_PREPROCESS_IMAGE_H

#include "../base/alloc.h"
#include "../base/json.h"
#include "../base/status.h"

#include <stdint.h>

typedef struct srv_pixels {
    const uint8_t *data;            /* [height × width × channels], row-major, packed */
    size_t height, width, channels; /* channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA */
} srv_pixels;

typedef struct srv_image_recipe srv_image_recipe; /* immutable once compiled; lives in the arena */

/* Compiles inputs[i].image.  Fails with SRV_PACKAGE naming the field; checks that the steps end in
 * height × width × channels and that this equals features. */
srv_status srv_image_compile(const srv_json *image, size_t features, srv_arena *arena, srv_image_recipe **out,
                             srv_error *err);

/* The edge length (pixels) below which a picture loses no useful detail for this recipe: a decoder may shrink by whole
 * factors while both edges stay above it (JPEG can, cheaply).  SIZE_MAX where each pixel counts: only crop_to_ink makes a
 * recipe indifferent to the picture's size. */
size_t srv_image_useful_edge(const srv_image_recipe *recipe);

/* Runs the recipe: pixels → row[features], values 0 … 255.  Scratch comes from the arena.  SRV_WRONG_VALUE if the picture
 * has no pixels, is blank where a step needs ink, or is smaller than a crop. */
srv_status srv_image_to_row(const srv_image_recipe *recipe, const srv_pixels *pixels, srv_arena *arena, float *row,
                            srv_error *err);

#endif
