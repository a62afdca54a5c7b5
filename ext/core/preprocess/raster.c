#include "raster.h"

#include <string.h>

/* Sums of this many rows of 8-bit samples fit 16 bits. */
#define STRIP_ROWS ((size_t)256)

srv_status srv_raster_new(size_t height, size_t width, size_t channels, srv_arena *arena, srv_raster *out,
                          uint8_t **samples, srv_error *err) {
    size_t stride, size;
    if (!srv_multiply(width, channels, &stride) || !srv_multiply(stride, height, &size) ||
        (*samples = srv_arena_take(arena, size)) == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for a picture of %zu × %zu pixels", width, height);
    }
    *out = (srv_raster){*samples, height, width, channels, stride};
    return SRV_OK;
}

static size_t opaque_channels(const srv_raster *raster) {
    return raster->channels < 3 ? 1 : 3;
}

/* value · alpha + 255 · (255 − alpha), divided by 255 and rounded; exact for all 8-bit arguments. */
static uint8_t over_white(unsigned value, unsigned alpha) {
    unsigned sum = value * alpha + 255 * (255 - alpha) + 128;
    return (uint8_t)((sum + (sum >> 8)) >> 8);
}

/* Row y without alpha: the row itself, or line (width × opaque channels) filled from it. */
static const uint8_t *opaque_row(const srv_raster *raster, size_t y, uint8_t *line) {
    const uint8_t *row = srv_raster_row(raster, y);
    if (raster->channels == 4) {
        for (size_t x = 0; x < raster->width; x++) {
            unsigned alpha = row[4 * x + 3];
            line[3 * x] = over_white(row[4 * x], alpha);
            line[3 * x + 1] = over_white(row[4 * x + 1], alpha);
            line[3 * x + 2] = over_white(row[4 * x + 2], alpha);
        }
        return line;
    }
    if (raster->channels == 2) {
        for (size_t x = 0; x < raster->width; x++) {
            line[x] = over_white(row[2 * x], row[2 * x + 1]);
        }
        return line;
    }
    return row;
}

static uint8_t *new_line(const srv_raster *in, srv_arena *arena, srv_error *err) {
    size_t size;
    uint8_t *line = NULL;
    if (srv_multiply(in->width, 3, &size)) {
        line = srv_arena_take(arena, size);
    }
    if (line == NULL) {
        srv_fail(err, SRV_NO_MEMORY, "out of memory for a row of %zu pixels", in->width);
    }
    return line;
}

static void add_row(uint16_t *restrict sums, const uint8_t *restrict row, size_t size) {
    for (size_t i = 0; i < size; i++) {
        sums[i] = (uint16_t)(sums[i] + row[i]);
    }
}

/* Adds the column sums of one strip to the totals of its blocks. */
static void add_strip(uint64_t *totals, const uint16_t *sums, size_t width, size_t factor, size_t channels) {
    for (size_t x = 0, block = 0; x < width; x += factor, block++) {
        size_t count = width - x < factor ? width - x : factor;
        const uint16_t *first = sums + x * channels;
        for (size_t c = 0; c < channels; c++) {
            uint64_t total = 0;
            for (size_t i = 0; i < count; i++) {
                total += first[i * channels + c];
            }
            totals[block * channels + c] += total;
        }
    }
}

srv_status srv_raster_reduce(const srv_raster *in, size_t factor_y, size_t factor_x, srv_arena *arena, srv_raster *out,
                             srv_error *err) {
    if (factor_y == 1 && factor_x == 1 && (in->channels == 1 || in->channels == 3)) {
        *out = *in;
        return SRV_OK;
    }
    size_t channels = opaque_channels(in);
    size_t height = (in->height - 1) / factor_y + 1, width = (in->width - 1) / factor_x + 1;
    uint8_t *samples;
    srv_status status = srv_raster_new(height, width, channels, arena, out, &samples, err);
    if (status != SRV_OK) {
        return status;
    }
    uint8_t *line = new_line(in, arena, err);
    if (line == NULL) {
        return SRV_NO_MEMORY;
    }
    if (factor_y == 1 && factor_x == 1) {
        for (size_t y = 0; y < height; y++) {
            memcpy(samples + y * out->stride, opaque_row(in, y, line), out->stride);
        }
        return SRV_OK;
    }
    size_t sums_size, totals_size;
    uint16_t *sums = NULL;
    uint64_t *totals = NULL;
    if (srv_multiply(in->width, channels * sizeof *sums, &sums_size) &&
        srv_multiply(width, channels * sizeof *totals, &totals_size)) {
        sums = srv_arena_take(arena, sums_size);
        totals = srv_arena_take(arena, totals_size);
    }
    if (sums == NULL || totals == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for shrinking a picture of %zu × %zu pixels", in->width,
                        in->height);
    }
    for (size_t block_y = 0; block_y < height; block_y++) {
        size_t first = block_y * factor_y;
        size_t rows = in->height - first < factor_y ? in->height - first : factor_y;
        memset(totals, 0, totals_size);
        for (size_t done = 0; done < rows; done += STRIP_ROWS) {
            size_t strip = rows - done < STRIP_ROWS ? rows - done : STRIP_ROWS;
            memset(sums, 0, sums_size);
            for (size_t y = first + done; y < first + done + strip; y++) {
                add_row(sums, opaque_row(in, y, line), in->width * channels);
            }
            add_strip(totals, sums, in->width, factor_x, channels);
        }
        for (size_t block_x = 0; block_x < width; block_x++) {
            size_t columns = in->width - block_x * factor_x;
            uint64_t area = (uint64_t)rows * (columns < factor_x ? columns : factor_x);
            for (size_t c = 0; c < channels; c++) {
                size_t i = block_x * channels + c;
                samples[block_y * out->stride + i] = (uint8_t)((totals[i] + area / 2) / area);
            }
        }
    }
    return SRV_OK;
}

srv_status srv_raster_grey(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err) {
    if (opaque_channels(in) == 1) {
        return srv_raster_reduce(in, 1, 1, arena, out, err);
    }
    uint8_t *samples;
    srv_status status = srv_raster_new(in->height, in->width, 1, arena, out, &samples, err);
    if (status != SRV_OK) {
        return status;
    }
    uint8_t *line = new_line(in, arena, err);
    if (line == NULL) {
        return SRV_NO_MEMORY;
    }
    for (size_t y = 0; y < in->height; y++) {
        const uint8_t *row = opaque_row(in, y, line);
        uint8_t *grey = samples + y * out->stride;
        for (size_t x = 0; x < in->width; x++) { /* 0.299, 0.587 and 0.114 in units of 2⁻¹⁶ */
            grey[x] =
                (uint8_t)((row[3 * x] * 19595u + row[3 * x + 1] * 38470u + row[3 * x + 2] * 7471u + 32768u) >> 16);
        }
    }
    return SRV_OK;
}

srv_status srv_raster_rgb(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err) {
    if (opaque_channels(in) == 3) {
        return srv_raster_reduce(in, 1, 1, arena, out, err);
    }
    uint8_t *samples;
    srv_status status = srv_raster_new(in->height, in->width, 3, arena, out, &samples, err);
    if (status != SRV_OK) {
        return status;
    }
    uint8_t *line = new_line(in, arena, err);
    if (line == NULL) {
        return SRV_NO_MEMORY;
    }
    for (size_t y = 0; y < in->height; y++) {
        const uint8_t *row = opaque_row(in, y, line);
        uint8_t *rgb = samples + y * out->stride;
        for (size_t x = 0; x < in->width; x++) {
            rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = row[x];
        }
    }
    return SRV_OK;
}
