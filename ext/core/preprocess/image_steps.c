#include "image_steps.h"

#include <math.h>
#include <string.h>

srv_status srv_blank_picture(srv_error *err) {
    return srv_fail(err, SRV_WRONG_VALUE,
                    "the picture is blank: no ink stands out from its background; send one with clear strokes");
}

srv_status srv_step_invert(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err) {
    uint8_t *samples;
    srv_status status = srv_raster_new(in->height, in->width, in->channels, arena, out, &samples, err);
    for (size_t y = 0; status == SRV_OK && y < in->height; y++) {
        const uint8_t *row = srv_raster_row(in, y);
        uint8_t *inverted = samples + y * out->stride;
        for (size_t i = 0; i < out->stride; i++) {
            inverted[i] = (uint8_t)(255 - row[i]);
        }
    }
    return status;
}

srv_status srv_step_crop(const srv_raster *in, size_t height, size_t width, srv_raster *out, srv_error *err) {
    if (in->height < height || in->width < width) {
        return srv_fail(err, SRV_WRONG_VALUE, "the picture is %zu × %zu pixels; this model needs at least %zu × %zu",
                        in->width, in->height, width, height);
    }
    size_t top = (in->height - height) / 2, left = (in->width - width) / 2;
    *out = (srv_raster){srv_raster_row(in, top) + left * in->channels, height, width, in->channels, in->stride};
    return SRV_OK;
}

/* in at (top, left) of a black height × width; rows and columns of in before (skip_y, skip_x) fall away, and so does
 * what reaches past the far edges. */
typedef struct paste {
    size_t top, left, skip_y, skip_x;
} paste;

static srv_status paste_on_black(const srv_raster *in, paste at, size_t height, size_t width, srv_arena *arena,
                                 srv_raster *out, srv_error *err) {
    uint8_t *samples;
    srv_status status = srv_raster_new(height, width, in->channels, arena, out, &samples, err);
    if (status != SRV_OK) {
        return status;
    }
    memset(samples, 0, height * out->stride);
    size_t rows = in->height - at.skip_y, columns = in->width - at.skip_x;
    rows = rows < height - at.top ? rows : height - at.top;
    columns = columns < width - at.left ? columns : width - at.left;
    for (size_t y = 0; y < rows; y++) {
        memcpy(samples + (at.top + y) * out->stride + at.left * in->channels,
               srv_raster_row(in, at.skip_y + y) + at.skip_x * in->channels, columns * in->channels);
    }
    return SRV_OK;
}

srv_status srv_step_fit(const srv_raster *in, size_t height, size_t width, srv_filter filter, srv_arena *arena,
                        srv_raster *out, srv_error *err) {
    double down = (double)height / (double)in->height, across = (double)width / (double)in->width;
    double scale = down < across ? down : across;
    size_t fitted_height = (size_t)lround((double)in->height * scale);
    size_t fitted_width = (size_t)lround((double)in->width * scale);
    fitted_height = fitted_height < 1 ? 1 : fitted_height < height ? fitted_height : height;
    fitted_width = fitted_width < 1 ? 1 : fitted_width < width ? fitted_width : width;
    srv_raster fitted;
    srv_status status = srv_resize(in, fitted_height, fitted_width, filter, arena, &fitted, err);
    if (status != SRV_OK) {
        return status;
    }
    paste at = {.top = (height - fitted_height) / 2, .left = (width - fitted_width) / 2};
    return paste_on_black(&fitted, at, height, width, arena, out, err);
}

/* Along one axis: how far in moves towards larger coordinates, so that the centre lands at size / 2 and the ink
 * (first … last) stays inside 0 … size - 1 where it is not longer than that. */
static ptrdiff_t shift_of(double centre, size_t first, size_t last, size_t size) {
    ptrdiff_t shift = (ptrdiff_t)ceil((double)(size / 2) - 0.5 - centre);
    ptrdiff_t most = (ptrdiff_t)size - 1 - (ptrdiff_t)last, least = -(ptrdiff_t)first;
    if (least <= most) {
        shift = shift < least ? least : shift > most ? most : shift;
    }
    return shift;
}

srv_status srv_step_centre_of_mass(const srv_raster *in, size_t height, size_t width, srv_arena *arena, srv_raster *out,
                                   srv_error *err) {
    double mass = 0, moment_y = 0, moment_x = 0;
    size_t top = in->height, bottom = 0, left = in->width, right = 0;
    for (size_t y = 0; y < in->height; y++) {
        const uint8_t *row = srv_raster_row(in, y);
        for (size_t x = 0; x < in->width; x++) {
            if (row[x] > 0) {
                mass += row[x];
                moment_y += (double)row[x] * (double)y;
                moment_x += (double)row[x] * (double)x;
                top = top < y ? top : y;
                left = left < x ? left : x;
                right = right > x ? right : x;
                bottom = y;
            }
        }
    }
    if (mass == 0) {
        return srv_blank_picture(err);
    }
    ptrdiff_t down = shift_of(moment_y / mass, top, bottom, height);
    ptrdiff_t across = shift_of(moment_x / mass, left, right, width);
    paste at = {.top = down > 0 ? (size_t)down : 0,
                .left = across > 0 ? (size_t)across : 0,
                .skip_y = down < 0 ? (size_t)-down : 0,
                .skip_x = across < 0 ? (size_t)-across : 0};
    return paste_on_black(in, at, height, width, arena, out, err);
}
