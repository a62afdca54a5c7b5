#include "image_light.h"

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

/* A border median this close to an extreme (part of the range) is a drawn or scanned picture's plain background. */
#define PLAIN 0.03

static int compare_bytes(const void *a, const void *b) {
    return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* sums[y][x] = sum of the means above and to the left of (y, x); (height + 1) × (width + 1), zero at the edges. */
static void integrate(const srv_raster *means, uint32_t *sums) {
    size_t stride = means->width + 1;
    memset(sums, 0, stride * sizeof *sums);
    for (size_t y = 0; y < means->height; y++) {
        const uint8_t *row = srv_raster_row(means, y);
        uint32_t *out = sums + (y + 1) * stride, line = 0;
        out[0] = 0;
        for (size_t x = 0; x < means->width; x++) {
            line += row[x];
            out[x + 1] = out[x + 1 - stride] + line;
        }
    }
}

/* The sum of cubes of what each block differs from the mean of its surroundings (a third of the picture wide and high).
 * Strokes cover less of their surroundings than the background does, so they differ by more: the sign is theirs.  Slow
 * changes and edges of shadows hardly count, as they differ by little, or both ways alike. */
static double skewness(const srv_raster *means, const uint32_t *sums) {
    size_t height = means->height, width = means->width, stride = width + 1;
    size_t radius_y = height * 3 / 20 + 1, radius_x = width * 3 / 20 + 1;
    double total = 0;
    for (size_t y = 0; y < height; y++) {
        size_t top = y > radius_y ? y - radius_y : 0, bottom = height - y > radius_y ? y + radius_y + 1 : height;
        const uint8_t *row = srv_raster_row(means, y);
        for (size_t x = 0; x < width; x++) {
            size_t left = x > radius_x ? x - radius_x : 0, right = width - x > radius_x ? x + radius_x + 1 : width;
            uint32_t sum = sums[bottom * stride + right] - sums[top * stride + right] - sums[bottom * stride + left] +
                           sums[top * stride + left];
            double difference = row[x] - (double)sum / (double)((bottom - top) * (right - left));
            total += difference * difference * difference;
        }
    }
    return total;
}

srv_status srv_light_background(const srv_raster *in, srv_arena *arena, bool *light, srv_error *err) {
    coarse seen;
    srv_status status = look_coarsely(in, arena, &seen, err);
    if (status != SRV_OK) {
        return status;
    }
    size_t height = seen.means.height, width = seen.means.width; /* ≤ COARSE_EDGE */
    uint8_t *border = srv_arena_take(arena, 2 * (height + width));
    uint32_t *sums = srv_arena_take(arena, (height + 1) * (width + 1) * sizeof *sums);
    if (border == NULL || sums == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for finding the background");
    }
    size_t count = 0;
    uint8_t lowest = 255, highest = 0;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = srv_raster_row(&seen.means, y);
        for (size_t x = 0; x < width; x++) {
            lowest = lowest < row[x] ? lowest : row[x];
            highest = highest > row[x] ? highest : row[x];
            if (y == 0 || x == 0 || y == height - 1 || x == width - 1) {
                border[count++] = row[x];
            }
        }
    }
    qsort(border, count, 1, compare_bytes);
    uint8_t background = border[count / 2];
    int above = background - lowest, below = highest - background;
    if (lowest == highest) { /* nothing on it: white paper or a black screen */
        *light = background >= 128;
    } else if ((above < below ? above : below) <= PLAIN * (above + below)) {
        *light = above >= below;
    } else {
        integrate(&seen.means, sums);
        *light = skewness(&seen.means, sums) <= 0;
    }
    return SRV_OK;
}

/* ---- the light on the paper --------------------------------------------------------------------------------------- */

/* In a photo, what is narrower than this part of the picture's edge is ink; what is wider is paper or shadow. */
#define WINDOW 0.25

/* The background is plain, and not looked at further, if this part of the border is about as bright as the brightest. */
#define PLAIN_BORDER 0.85

/* Paper is taken to be at least this bright (of 255), so that noise in deep shadow is not blown up. */
#define DARKEST_PAPER 32

/* Paper after the fall-off of the light is taken out. */
#define EVEN 150.0

/* Blocks each way that fitting a surface looks at, about: more make it no better. */
#define FITTED_EDGE ((size_t)32)

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

/* Terms of a smooth surface: light falls off about as a polynomial of second degree. */
#define TERMS 6

static void terms_at(size_t y, size_t x, size_t height, size_t width, double terms[TERMS]) {
    double v = 2 * ((double)y + 0.5) / (double)height - 1, u = 2 * ((double)x + 0.5) / (double)width - 1;
    terms[0] = 1;
    terms[1] = u;
    terms[2] = v;
    terms[3] = u * u;
    terms[4] = u * v;
    terms[5] = v * v;
}

static double surface_at(const double coefficients[TERMS], const double terms[TERMS]) {
    double sum = 0;
    for (size_t i = 0; i < TERMS; i++) {
        sum += coefficients[i] * terms[i];
    }
    return sum > DARKEST_PAPER ? sum : DARKEST_PAPER;
}

/* Solves the normal equations in place by elimination; they are positive definite, so no pivot is looked for.  A term
 * that a picture of one row or column cannot tell from the others stays 0. */
static void solve(double matrix[TERMS][TERMS], double vector[TERMS]) {
    double scale = matrix[0][0];
    for (size_t i = 0; i < TERMS; i++) {
        bool known = matrix[i][i] > 1e-9 * scale;
        for (size_t k = i + 1; k < TERMS; k++) {
            double factor = known ? matrix[k][i] / matrix[i][i] : 0;
            for (size_t j = i; j < TERMS; j++) {
                matrix[k][j] -= factor * matrix[i][j];
            }
            vector[k] -= factor * vector[i];
        }
    }
    for (size_t i = TERMS; i-- > 0;) {
        bool known = matrix[i][i] > 1e-9 * scale;
        for (size_t j = i + 1; j < TERMS; j++) {
            vector[i] -= matrix[i][j] * vector[j];
        }
        vector[i] = known ? vector[i] / matrix[i][i] : 0;
    }
}

/* The surface that most of the paper lies on: least squares, repeated with less weight (Cauchy's) for what lies off it. */
static void fit_surface(const uint8_t *paper, size_t height, size_t width, double coefficients[TERMS]) {
    size_t step_y = (height - 1) / FITTED_EDGE + 1, step_x = (width - 1) / FITTED_EDGE + 1;
    for (int round = 0; round < 6; round++) {
        double matrix[TERMS][TERMS] = {{0}}, vector[TERMS] = {0};
        for (size_t y = step_y / 2; y < height; y += step_y) {
            for (size_t x = step_x / 2; x < width; x += step_x) {
                double terms[TERMS], value = paper[y * width + x], weight = 1;
                terms_at(y, x, height, width, terms);
                if (round > 0) {
                    double off = (value / surface_at(coefficients, terms) - 1) / 0.08;
                    weight = 1 / (1 + off * off);
                }
                for (size_t i = 0; i < TERMS; i++) {
                    for (size_t j = 0; j < TERMS; j++) {
                        matrix[i][j] += weight * terms[i] * terms[j];
                    }
                    vector[i] += weight * terms[i] * value;
                }
            }
        }
        solve(matrix, vector);
        memcpy(coefficients, vector, sizeof vector);
    }
}

/* Whether the border is as bright as anything: a drawing, a scan, a file of a data set. */
static bool plain_background(const uint8_t *paper, size_t height, size_t width, uint8_t *brightest) {
    *brightest = 0;
    for (size_t i = 0; i < height * width; i++) {
        *brightest = *brightest > paper[i] ? *brightest : paper[i];
    }
    size_t border = 0, bright = 0;
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            if (y == 0 || x == 0 || y == height - 1 || x == width - 1) {
                border++;
                bright += paper[y * width + x] >= (1 - PLAIN) * *brightest;
            }
        }
    }
    return (double)bright >= PLAIN_BORDER * (double)border;
}

/* What is left of the paper, in place, when all that is darker and narrower than the window is filled in: a morphological
 * closing, which leaves the edges of wide shadows where they are. */
static void take_ink_away(uint8_t *paper, uint8_t *scratch, const coarse *seen) {
    size_t height = seen->means.height, width = seen->means.width;
    size_t radius_y = (size_t)((double)height * WINDOW / 2 + 0.5),
           radius_x = (size_t)((double)width * WINDOW / 2 + 0.5);
    slide_both_ways(paper, scratch, height, width, radius_y, radius_x, keep_larger);
    slide_both_ways(paper, scratch, height, width, radius_y, radius_x, keep_smaller);
    if (seen->factor_y > 1 &&
        seen->factor_x > 1) { /* a block that straddles the edge of a shadow must not look like ink */
        slide_both_ways(paper, scratch, height, width, 1, 1, keep_smaller);
    }
}

/* For each block 255 / (brightness of the paper there), paper being what is bright when ink is dark.  Two estimates are
 * made: from the picture, which is wrong where the light falls off towards an edge; and from the picture divided by a
 * smooth surface, which is wrong where the surface cuts across the edge of a shadow.  Each is too bright where it is
 * wrong, so the darker of the two is taken. */
srv_status srv_find_light(const srv_raster *in, srv_arena *arena, srv_light *out, srv_error *err) {
    coarse seen;
    srv_status status = look_coarsely(in, arena, &seen, err);
    if (status != SRV_OK) {
        return status;
    }
    size_t height = seen.means.height, width = seen.means.width, count = height * width; /* ≤ COARSE_EDGE² */
    *out = (srv_light){.height = height, .width = width, .factor_y = seen.factor_y, .factor_x = seen.factor_x};
    uint8_t *paper = srv_arena_take(arena, 3 * count), brightest;
    float *gains = srv_arena_take(arena, count * sizeof *gains);
    if (paper == NULL || gains == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for finding the background");
    }
    uint8_t *even = paper + count, *scratch = even + count;
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            paper[y * width + x] = (uint8_t)(255 - srv_raster_row(&seen.means, y)[x]);
        }
    }
    if (plain_background(paper, height, width, &brightest)) {
        out->gain = 255.0f / (float)(brightest > DARKEST_PAPER ? brightest : DARKEST_PAPER);
        return SRV_OK;
    }
    double coefficients[TERMS] = {0}, terms[TERMS];
    fit_surface(paper, height, width, coefficients);
    for (size_t i = 0; i < count; i++) { /* the surface becomes EVEN: what is brighter than it has room above */
        terms_at(i / width, i % width, height, width, terms);
        double value = EVEN * paper[i] / surface_at(coefficients, terms);
        even[i] = (uint8_t)(value < 255 ? value + 0.5 : 255);
    }
    take_ink_away(paper, scratch, &seen);
    take_ink_away(even, scratch, &seen);
    for (size_t i = 0; i < count; i++) {
        terms_at(i / width, i % width, height, width, terms);
        double light = even[i] * surface_at(coefficients, terms) / EVEN;
        light = light < paper[i] ? light : paper[i];
        gains[i] = (float)(255 / (light > DARKEST_PAPER ? light : DARKEST_PAPER));
    }
    out->gains = gains;
    return SRV_OK;
}
