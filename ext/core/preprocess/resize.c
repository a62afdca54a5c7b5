#include "resize.h"

#include <math.h>
#include <string.h>

/* Weights are whole multiples of 2⁻²²: 8 bits of sample and 2 of overshoot and sign go on top of them in 32. */
#define WEIGHT_BITS 22

/* Where one output sample would average more source samples than this along one axis, blocks of them are averaged
 * first: it bounds the number of weights, and the filter is still sampled at MAX_SCALE / 2 points per unit or more. */
#define MAX_SCALE ((size_t)4096)

/* Weights held at once by the horizontal pass: 1 MiB, which stays in the cache while the rows go by. */
#define WEIGHTS_AT_ONCE ((size_t)262144)

#define PI 3.14159265358979323846

static const struct {
    const char *name;
    double support; /* the filter is 0 at this distance and beyond */
} filters[] = {
    [SRV_FILTER_NEAREST] = {"nearest", 0},   [SRV_FILTER_BOX] = {"box", 0.5},
    [SRV_FILTER_BILINEAR] = {"bilinear", 1}, [SRV_FILTER_HAMMING] = {"hamming", 1},
    [SRV_FILTER_BICUBIC] = {"bicubic", 2},   [SRV_FILTER_LANCZOS] = {"lanczos", 3},
};

bool srv_filter_named(const char *name, srv_filter *out) {
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (strcmp(name, filters[i].name) == 0) {
            *out = (srv_filter)i;
            return true;
        }
    }
    return false;
}

static double sinc(double x) {
    return x == 0 ? 1 : sin(PI * x) / (PI * x);
}

static double filter_at(srv_filter filter, double x) {
    double distance = fabs(x);
    switch (filter) {
    case SRV_FILTER_NEAREST: /* has no weights: see nearest() */
        break;
    case SRV_FILTER_BOX: /* half open, so that a sample between two outputs counts for one of them */
        return x > -0.5 && x <= 0.5 ? 1 : 0;
    case SRV_FILTER_BILINEAR:
        return distance < 1 ? 1 - distance : 0;
    case SRV_FILTER_HAMMING:
        return distance < 1 ? sinc(x) * (0.54 + 0.46 * cos(PI * x)) : 0;
    case SRV_FILTER_BICUBIC: /* Keys' kernel with a = -1/2 */
        if (distance < 1) {
            return (1.5 * distance - 2.5) * distance * distance + 1;
        }
        return distance < 2 ? ((-0.5 * distance + 2.5) * distance - 4) * distance + 2 : 0;
    case SRV_FILTER_LANCZOS:
        return distance < 3 ? sinc(x) * sinc(x / 3) : 0;
    }
    return 0;
}

/* One axis of a resize. */
typedef struct axis {
    size_t in, out; /* samples */
    double scale;   /* source samples per output sample */
    srv_filter filter;
    size_t taps;   /* weights per output sample, at most */
    double *exact; /* [taps] scratch */
} axis;

/* The weights of one output sample: those of the source samples first … first + count - 1. */
typedef struct window {
    size_t first, count;
} window;

static window weigh(const axis *a, size_t at, int32_t *weights) {
    double stretch = a->scale > 1 ? a->scale : 1, support = filters[a->filter].support * stretch;
    double centre = ((double)at + 0.5) * a->scale;
    double low = centre - support + 0.5, high = centre + support + 0.5;
    size_t first = low > 0 ? (size_t)low : 0, last = (size_t)high;
    last = last < a->in ? last : a->in;
    first = first < last ? first : last - 1; /* only by rounding of scale: a window is never empty */
    size_t count = last - first < a->taps ? last - first : a->taps;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        a->exact[i] = filter_at(a->filter, ((double)(first + i) - centre + 0.5) / stretch);
        sum += a->exact[i];
    }
    double unit = sum != 0 ? (double)(1 << WEIGHT_BITS) / sum : 0;
    for (size_t i = 0; i < count; i++) {
        weights[i] = (int32_t)lround(a->exact[i] * unit);
    }
    return (window){first, count};
}

static srv_status prepare(axis *a, srv_arena *arena, srv_error *err) {
    double stretch = a->scale > 1 ? a->scale : 1;
    a->taps = 2 * (size_t)ceil(filters[a->filter].support * stretch) + 1;
    a->taps = a->taps < a->in ? a->taps : a->in;
    a->exact = srv_arena_take(arena, a->taps * sizeof *a->exact); /* taps ≤ 6 · (MAX_SCALE + 1) + 1 */
    return a->exact != NULL ? SRV_OK : srv_fail(err, SRV_NO_MEMORY, "out of memory for the weights of a resize");
}

static uint8_t to_sample(int32_t sum) {
    int32_t value = sum >> WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static int32_t dot(const uint8_t *restrict samples, const int32_t *restrict weights, size_t count, size_t channels) {
    int32_t sum = 1 << (WEIGHT_BITS - 1);
    for (size_t i = 0; i < count; i++) {
        sum += samples[i * channels] * weights[i];
    }
    return sum;
}

/* out[y][x] for columns first … last - 1 of every row; windows and weights (taps apart) are those of these columns. */
static void resize_columns(const srv_raster *in, uint8_t *samples, size_t stride, size_t first, size_t last,
                           const window *windows, const int32_t *weights, size_t taps) {
    for (size_t y = 0; y < in->height; y++) {
        const uint8_t *row = srv_raster_row(in, y);
        uint8_t *out = samples + y * stride;
        for (size_t x = first; x < last; x++) {
            const window *w = &windows[x - first];
            const int32_t *column_weights = weights + (x - first) * taps;
            if (in->channels == 1) {
                out[x] = to_sample(dot(row + w->first, column_weights, w->count, 1));
            } else {
                for (size_t c = 0; c < 3; c++) {
                    out[3 * x + c] = to_sample(dot(row + 3 * w->first + c, column_weights, w->count, 3));
                }
            }
        }
    }
}

static srv_status resize_horizontally(const srv_raster *in, axis *a, srv_arena *arena, srv_raster *out,
                                      srv_error *err) {
    uint8_t *samples;
    srv_status status = prepare(a, arena, err);
    if (status == SRV_OK) {
        status = srv_raster_new(in->height, a->out, in->channels, arena, out, &samples, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    size_t at_once = WEIGHTS_AT_ONCE / a->taps; /* ≥ 1: taps are bounded by MAX_SCALE */
    at_once = at_once < a->out ? at_once : a->out;
    int32_t *weights = srv_arena_take(arena, at_once * a->taps * sizeof *weights);
    window *windows = srv_arena_take(arena, at_once * sizeof *windows);
    if (weights == NULL || windows == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for the weights of a resize");
    }
    for (size_t first = 0; first < a->out; first += at_once) {
        size_t last = a->out - first < at_once ? a->out : first + at_once;
        for (size_t x = first; x < last; x++) {
            windows[x - first] = weigh(a, x, weights + (x - first) * a->taps);
        }
        resize_columns(in, samples, out->stride, first, last, windows, weights, a->taps);
    }
    return SRV_OK;
}

static void add_weighted(int32_t *restrict sums, const uint8_t *restrict row, int32_t weight, size_t size) {
    for (size_t i = 0; i < size; i++) {
        sums[i] += row[i] * weight;
    }
}

static srv_status resize_vertically(const srv_raster *in, axis *a, srv_arena *arena, srv_raster *out, srv_error *err) {
    uint8_t *samples;
    srv_status status = prepare(a, arena, err);
    if (status == SRV_OK) {
        status = srv_raster_new(a->out, in->width, in->channels, arena, out, &samples, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    size_t size = out->stride, sums_size; /* samples in a row */
    int32_t *weights = srv_arena_take(arena, a->taps * sizeof *weights), *sums = NULL;
    if (srv_multiply(size, sizeof *sums, &sums_size)) {
        sums = srv_arena_take(arena, sums_size);
    }
    if (weights == NULL || sums == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for the weights of a resize");
    }
    for (size_t y = 0; y < a->out; y++) {
        window w = weigh(a, y, weights);
        for (size_t i = 0; i < size; i++) {
            sums[i] = 1 << (WEIGHT_BITS - 1);
        }
        for (size_t i = 0; i < w.count; i++) {
            add_weighted(sums, srv_raster_row(in, w.first + i), weights[i], size);
        }
        for (size_t i = 0; i < size; i++) {
            samples[y * size + i] = to_sample(sums[i]);
        }
    }
    return SRV_OK;
}

/* The source sample whose cell holds the centre of each output sample; accumulated as Pillow does it, because a centre
 * that falls between two cells goes where the rounding takes it. */
static void nearest_indices(size_t in, size_t out, size_t *indices) {
    double scale = (double)in / (double)out, centre = scale * 0.5;
    for (size_t i = 0; i < out; i++, centre += scale) {
        size_t index = (size_t)centre;
        indices[i] = index < in ? index : in - 1;
    }
}

static srv_status nearest(const srv_raster *in, size_t height, size_t width, srv_arena *arena, srv_raster *out,
                          srv_error *err) {
    uint8_t *samples;
    srv_status status = srv_raster_new(height, width, in->channels, arena, out, &samples, err);
    if (status != SRV_OK) {
        return status;
    }
    size_t count, size; /* height and width are each smaller than what srv_raster_new has just found room for */
    size_t *rows = NULL;
    if (!__builtin_add_overflow(height, width, &count) && srv_multiply(count, sizeof *rows, &size)) {
        rows = srv_arena_take(arena, size);
    }
    if (rows == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for a resize");
    }
    size_t *columns = rows + height, channels = in->channels;
    nearest_indices(in->height, height, rows);
    nearest_indices(in->width, width, columns);
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = srv_raster_row(in, rows[y]);
        for (size_t x = 0; x < width; x++) {
            for (size_t c = 0; c < channels; c++) {
                *samples++ = row[columns[x] * channels + c];
            }
        }
    }
    return SRV_OK;
}

/* The block size by which an axis is averaged before it is filtered; 1 for all but absurd scales. */
static size_t block_size(size_t in, size_t out) {
    return in / out > MAX_SCALE ? in / out / (MAX_SCALE / 2) : 1;
}

/* Pillow 13 changes the order of the passes where the height loses over twice as many pixels as the width; what filters
 * with overshoot clip between the passes depends on it. */
static bool vertical_first(const srv_raster *in, size_t height, size_t width) {
    size_t lost_width = in->width > width ? in->width - width : 0;
    return in->height > height && in->height - height > 2 * lost_width;
}

srv_status srv_resize(const srv_raster *in, size_t height, size_t width, srv_filter filter, srv_arena *arena,
                      srv_raster *out, srv_error *err) {
    if (filter == SRV_FILTER_NEAREST) {
        return nearest(in, height, width, arena, out, err);
    }
    size_t factor_y = block_size(in->height, height), factor_x = block_size(in->width, width);
    srv_status status = srv_raster_reduce(in, factor_y, factor_x, arena, out, err);
    bool tall = vertical_first(in, height, width);
    for (int pass = 0; status == SRV_OK && pass < 2; pass++) {
        srv_raster from = *out;
        if ((pass == 0) == tall) {
            if (from.height != height) {
                double scale = (double)in->height / (double)factor_y / (double)height;
                axis vertical = {.in = from.height, .out = height, .scale = scale, .filter = filter};
                status = resize_vertically(&from, &vertical, arena, out, err);
            }
        } else if (from.width != width) {
            double scale = (double)in->width / (double)factor_x / (double)width;
            axis horizontal = {.in = from.width, .out = width, .scale = scale, .filter = filter};
            status = resize_horizontally(&from, &horizontal, arena, out, err);
        }
    }
    return status;
}
