/* The steps that tell ink from its background. */
#include "image_steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The picture seen coarsely ------------------------------------------------------------------------------------ */

/* Light changes slowly: it is looked at in a copy of at most this many blocks each way. */
#define COARSE_EDGE ((size_t)96)

typedef struct coarse {
    srv_raster means; /* packed; factor_y × factor_x pixels to a block */
    size_t factor_y, factor_x;
} coarse;

static srv_status look_coarsely(const srv_raster *in, srv_arena *arena, coarse *out, srv_error *err) {
    out->factor_y = (in->height - 1) / COARSE_EDGE + 1;
    out->factor_x = (in->width - 1) / COARSE_EDGE + 1;
    return srv_raster_reduce(in, out->factor_y, out->factor_x, arena, &out->means, err);
}

/* ---- invert, when: light_background ------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Takes from values the least-squares surface a + bx + cy + dx² + ey² + fxy.  On a full grid these six, with the means
 * of x² and y² taken off, are orthogonal: each coefficient is a projection of its own. */
static void subtract_slow_light(double *values, size_t height, size_t width) {
    double square_y = 0, square_x = 0;
    for (size_t y = 0; y < height; y++) {
        double v = 2 * ((double)y + 0.5) / (double)height - 1;
        square_y += v * v / (double)height;
    }
    for (size_t x = 0; x < width; x++) {
        double u = 2 * ((double)x + 0.5) / (double)width - 1;
        square_x += u * u / (double)width;
    }
    double product[6] = {0}, norm[6] = {0};
    for (int subtracting = 0; subtracting < 2; subtracting++) {
        for (size_t y = 0; y < height; y++) {
            double v = 2 * ((double)y + 0.5) / (double)height - 1;
            for (size_t x = 0; x < width; x++) {
                double u = 2 * ((double)x + 0.5) / (double)width - 1;
                double terms[6] = {1, u, v, u * u - square_x, v * v - square_y, u * v};
                double *value = &values[y * width + x];
                for (int i = 0; i < 6; i++) {
                    if (subtracting) {
                        *value -= norm[i] > 0 ? product[i] / norm[i] * terms[i] : 0;
                    } else {
                        product[i] += *value * terms[i];
                        norm[i] += terms[i] * terms[i];
                    }
                }
            }
        }
    }
}

srv_status srv_light_background(const srv_raster *in, srv_arena *arena, bool *light, srv_error *err) {
    coarse seen;
    srv_status status = look_coarsely(in, arena, &seen, err);
    if (status != SRV_OK) {
        return status;
    }
    size_t height = seen.means.height, width = seen.means.width, count = height * width; /* ≤ COARSE_EDGE² */
    double *values = srv_arena_take(arena, 2 * count * sizeof *values);
    if (values == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for finding the background");
    }
    double *border = values + count, mean = 0;
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            values[y * width + x] = srv_raster_row(&seen.means, y)[x];
            mean += values[y * width + x] / (double)count;
        }
    }
    subtract_slow_light(values, height, width);
    size_t border_count = 0;
    double lowest = values[0], highest = values[0];
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            double value = values[y * width + x];
            lowest = lowest < value ? lowest : value;
            highest = highest > value ? highest : value;
            if (y == 0 || x == 0 || y == height - 1 || x == width - 1) {
                border[border_count++] = value;
            }
        }
    }
    qsort(border, border_count, sizeof *border, compare_doubles);
    double background = border[border_count / 2];
    if (highest - lowest < 1) { /* nothing on it: white paper or a black screen */
        *light = mean >= 127.5;
    } else {
        *light = background - lowest >= highest - background;
    }
    return SRV_OK;
}

/* ---- stretch ------------------------------------------------------------------------------------------------------ */

/* What is narrower than this part of the picture's edge is ink; what is wider is paper or shadow. */
#define WINDOW 0.4

/* Paper is taken to be at least this bright (of 255), so that noise in deep shadow is not blown up. */
#define DARKEST_PAPER 32

/* Ink is told from noise by this many standard deviations, and from JPEG's ripples by this many levels more. */
#define NOISE_DEVIATIONS 6.0
#define LEAST_CONTRAST 8.0

static void transpose(const uint8_t *restrict from, uint8_t *restrict to, size_t height, size_t width) {
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            to[x * height + y] = from[y * width + x];
        }
    }
}

static void keep_larger(uint8_t *restrict to, const uint8_t *restrict from, size_t size) {
    for (size_t i = 0; i < size; i++) {
        to[i] = to[i] > from[i] ? to[i] : from[i];
    }
}

static void keep_smaller(uint8_t *restrict to, const uint8_t *restrict from, size_t size) {
    for (size_t i = 0; i < size; i++) {
        to[i] = to[i] < from[i] ? to[i] : from[i];
    }
}

/* to[y] = the largest (or smallest) of from[y - radius … y + radius], as far as those rows exist. */
static void slide(const uint8_t *from, uint8_t *to, size_t height, size_t width, size_t radius,
                  void (*keep)(uint8_t *restrict, const uint8_t *restrict, size_t)) {
    for (size_t y = 0; y < height; y++) {
        size_t first = y > radius ? y - radius : 0, last = height - y > radius ? y + radius : height - 1;
        memcpy(to + y * width, from + first * width, width);
        for (size_t i = first + 1; i <= last; i++) {
            keep(to + y * width, from + i * width, width);
        }
    }
}

/* Grey dilation or erosion of paper [height × width] in place, by a rectangle; scratch is as large as paper. */
static void slide_both_ways(uint8_t *paper, uint8_t *scratch, size_t height, size_t width, size_t radius_y,
                            size_t radius_x, void (*keep)(uint8_t *restrict, const uint8_t *restrict, size_t)) {
    slide(paper, scratch, height, width, radius_y, keep);
    transpose(scratch, paper, height, width);
    slide(paper, scratch, width, height, radius_x, keep);
    transpose(scratch, paper, width, height);
}

/* For each block 255 / (brightness of the paper there), paper being what is bright when ink is dark: a morphological
 * closing takes away what is narrower than the window and leaves the edges of wide shadows where they are. */
static srv_status find_light(const coarse *seen, srv_arena *arena, float **gains, srv_error *err) {
    size_t height = seen->means.height, width = seen->means.width, count = height * width; /* ≤ COARSE_EDGE² */
    uint8_t *paper = srv_arena_take(arena, 2 * count);
    *gains = srv_arena_take(arena, count * sizeof **gains);
    if (paper == NULL || *gains == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for finding the background");
    }
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            paper[y * width + x] = (uint8_t)(255 - srv_raster_row(&seen->means, y)[x]);
        }
    }
    size_t radius_y = (size_t)((double)height * WINDOW / 2 + 0.5), radius_x = (size_t)((double)width * WINDOW / 2 + 0.5);
    slide_both_ways(paper, paper + count, height, width, radius_y, radius_x, keep_larger);
    slide_both_ways(paper, paper + count, height, width, radius_y, radius_x, keep_smaller);
    if (seen->factor_y > 1 && seen->factor_x > 1) { /* a block that straddles the edge of a shadow must not look like ink */
        slide_both_ways(paper, paper + count, height, width, 1, 1, keep_smaller);
    }
    for (size_t i = 0; i < count; i++) {
        (*gains)[i] = 255.0f / (float)(paper[i] > DARKEST_PAPER ? paper[i] : DARKEST_PAPER);
    }
    return SRV_OK;
}

/* Where a pixel lies between the middles of two neighbouring blocks. */
typedef struct between {
    uint32_t block, next;
    float weight; /* of next */
} between;

static between place_between(size_t pixel, size_t factor, size_t blocks) {
    float at = ((float)pixel + 0.5f) / (float)factor - 0.5f;
    at = at > 0 ? at : 0;
    uint32_t block = (uint32_t)at;
    block = block < blocks - 1 ? block : (uint32_t)blocks - 1;
    uint32_t next = block + 1 < blocks ? block + 1 : block;
    return (between){block, next, at - (float)block};
}

/* samples[y][x] = how much darker than the paper's 255 this is, were the light even; counts[v] = pixels of value v. */
static srv_status divide_by_light(const srv_raster *in, const coarse *seen, const float *gains, srv_arena *arena,
                                  uint8_t *samples, size_t counts[256], srv_error *err) {
    size_t blocks_y = seen->means.height, blocks_x = seen->means.width, size;
    between *columns = NULL;
    float *line = srv_arena_take(arena, blocks_x * sizeof *line);
    if (srv_multiply(in->width, sizeof *columns, &size)) {
        columns = srv_arena_take(arena, size);
    }
    if (line == NULL || columns == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for evening out the light");
    }
    for (size_t x = 0; x < in->width; x++) {
        columns[x] = place_between(x, seen->factor_x, blocks_x);
    }
    for (size_t y = 0; y < in->height; y++) {
        between row_place = place_between(y, seen->factor_y, blocks_y);
        const float *above = gains + row_place.block * blocks_x, *below = gains + row_place.next * blocks_x;
        for (size_t i = 0; i < blocks_x; i++) {
            line[i] = above[i] + (below[i] - above[i]) * row_place.weight;
        }
        const uint8_t *row = srv_raster_row(in, y);
        uint8_t *out = samples + y * in->width;
        for (size_t x = 0; x < in->width; x++) {
            between place = columns[x];
            float gain = line[place.block] + (line[place.next] - line[place.block]) * place.weight;
            float darkness = 255.5f - (float)(255 - row[x]) * gain;
            out[x] = (uint8_t)(darkness > 0 ? darkness : 0);
            counts[out[x]]++;
        }
    }
    return SRV_OK;
}

/* The value below which `rank` of the counted pixels lie; counts[first] … counts[last]. */
static size_t value_at(const size_t *counts, size_t first, size_t last, size_t rank) {
    size_t below = 0;
    for (size_t value = first; value < last; value++) {
        below += counts[value];
        if (below > rank) {
            return value;
        }
    }
    return last;
}

static size_t total_of(const size_t *counts, size_t first, size_t last) {
    size_t total = 0;
    for (size_t value = first; value <= last; value++) {
        total += counts[value];
    }
    return total;
}

/* lut[v]: 0 up to the noise, 255 from the level of the ink on, a ramp between. */
static void stretch_levels(const size_t counts[256], size_t pixels, uint8_t lut[256]) {
    /* The darkest thousandth is ink if there is any: strokes of a digit a tenth as high as the picture cover that. */
    size_t darkest = value_at(counts, 0, 255, pixels - 1 - pixels / 1000);
    size_t split = darkest / 2;
    size_t ink_pixels = total_of(counts, split + 1, 255), paper_pixels = pixels - ink_pixels;
    size_t ink = value_at(counts, split + 1, 255, ink_pixels / 2), paper = value_at(counts, 0, split, paper_pixels / 2);
    size_t deviations[256] = {0};
    for (size_t value = 0; value <= split; value++) {
        deviations[value > paper ? value - paper : paper - value] += counts[value];
    }
    double deviation = 1.4826 * (double)value_at(deviations, 0, 255, paper_pixels / 2); /* normal noise: MAD → sigma */
    memset(lut, 0, 256);
    if (darkest == 0 || (double)ink - (double)paper < NOISE_DEVIATIONS * deviation + LEAST_CONTRAST) {
        return; /* nothing but noise */
    }
    double zero = (double)paper + 4 * deviation;
    for (size_t value = 0; value < 256; value++) {
        double level = 255 * ((double)value - zero) / ((double)ink - zero);
        lut[value] = (uint8_t)(level <= 0 ? 0 : level >= 255 ? 255 : level + 0.5);
    }
}

srv_status srv_step_stretch(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err) {
    coarse seen;
    float *gains;
    uint8_t *samples, lut[256];
    size_t counts[256] = {0};
    srv_status status = look_coarsely(in, arena, &seen, err);
    if (status == SRV_OK) {
        status = find_light(&seen, arena, &gains, err);
    }
    if (status == SRV_OK) {
        status = srv_raster_new(in->height, in->width, 1, arena, out, &samples, err);
    }
    if (status == SRV_OK) {
        status = divide_by_light(in, &seen, gains, arena, samples, counts, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    size_t pixels = in->height * in->width;
    stretch_levels(counts, pixels, lut);
    for (size_t i = 0; i < pixels; i++) {
        samples[i] = lut[samples[i]];
    }
    return SRV_OK;
}
