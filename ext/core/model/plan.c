#include "plan.h"

#include "../activate.h"
#include "../base/alloc.h"
#include "../base/blas.h"
#include "../base/clock.h"

#include <math.h>
#include <string.h>

static const size_t tile_columns_tried[] = {64, 32, 128};
static const size_t heights_tried[] = {2, 3, 4, 6, 8, 12, 15, 16, 18, 24, 30, 32, 48, 64};
static const size_t reference_heights[] = {8, 4, 16, 2}; /* in the order in which they are tried */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REFERENCE_COLUMNS 64
#define CHECKED_ROWS (SRV_PASS_ROWS + SRV_MAX_HEIGHT)
#define MEASURED_FLOATS ((size_t)2 << 20) /* of weights; a larger layer is measured on part of its columns */
#define TRIALS 5
#define TRIAL_NS 4000.0 /* a trial repeats short calls for at least this long */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* One tile: `height` rows, the columns of one block, in chunks of the depth. */
static void run_tile(const srv_plan *plan, const float *weights, size_t width, const float *x, size_t x_stride,
                     size_t height, float *y, size_t y_stride) {
    for (size_t k = 0; k < plan->depth; k += plan->depth_chunk) {
        size_t depth = smaller(plan->depth_chunk, plan->depth - k);
        srv_sgemm(height, width, depth, x + k, x_stride, weights + k * width, width, k > 0, y, y_stride);
    }
}

/* The reference that needs no BLAS: one row after the other, k ascending. */
static void run_plain(const srv_plan *plan, const float *weights, size_t width, const float *x, size_t x_stride,
                      size_t rows, float *y, size_t y_stride) {
    for (size_t r = 0; r < rows; r++) {
        float *out = y + r * y_stride;
        memset(out, 0, width * sizeof *out);
        for (size_t k = 0; k < plan->depth; k++) {
            float value = x[r * x_stride + k];
            const float *w = weights + k * width;
            for (size_t c = 0; c < width; c++) {
                out[c] += value * w[c];
            }
        }
    }
}

void srv_plan_run_block(const srv_plan *plan, const float *packed, size_t block, const float *x, size_t x_stride,
                        size_t count, float *y, size_t y_stride) {
    size_t begin = block * plan->tile_columns, width = srv_plan_block_width(plan, block);
    const float *weights = packed + begin * plan->depth;
    y += begin;
    if (plan->plain) {
        run_plain(plan, weights, width, x, x_stride, count, y, y_stride);
        return;
    }
    for (size_t r = 0; r < count;) {
        size_t height = plan->heights[plan->next[count - r]];
        run_tile(plan, weights, width, x + r * x_stride, x_stride, height, y + r * y_stride, y_stride);
        r += height;
    }
}

size_t srv_plan_kernel_size(const srv_plan *plan) {
    return plan->depth * plan->padded;
}

void srv_plan_pack(const srv_plan *plan, const float *rows, size_t first, size_t count, float *packed) {
    for (size_t block = 0; block < srv_plan_blocks(plan); block++) {
        size_t begin = block * plan->tile_columns, width = srv_plan_block_width(plan, block);
        size_t real = begin < plan->columns ? smaller(width, plan->columns - begin) : 0;
        float *to = packed + begin * plan->depth + first * width;
        for (size_t k = 0; k < count; k++) {
            memcpy(to + k * width, rows + k * plan->columns + begin, real * sizeof *to);
        }
    }
}

double srv_plan_gflops(const srv_plan *plan) {
    double best = 0;
    for (size_t i = 0; i < plan->count; i++) {
        double rate = 2.0 * (double)plan->heights[i] * (double)plan->depth * (double)plan->columns / plan->tile_ns[i];
        best = rate > best ? rate : best;
    }
    return best;
}

/* The cheapest mix of heights for every number of rows; a tile may reach beyond the last row. */
void srv_plan_cover(srv_plan *plan) {
    plan->rows_ns[0] = 0;
    plan->next[0] = 0;
    for (size_t r = 1; r <= SRV_PASS_ROWS; r++) {
        plan->rows_ns[r] = INFINITY;
        for (size_t i = 0; i < plan->count; i++) {
            size_t rest = r > plan->heights[i] ? r - plan->heights[i] : 0;
            double ns = plan->tile_ns[i] + plan->rows_ns[rest];
            if (ns < plan->rows_ns[r]) {
                plan->rows_ns[r] = ns;
                plan->next[r] = (uint8_t)i;
            }
        }
    }
}

/* What the search works on: a sample of the layer with random numbers, in which different orders of summation show. */
typedef struct trial {
    srv_plan sample;  /* depth and padded of what is measured */
    double scale;     /* of the whole layer's columns to the sample's */
    float *x;         /* [CHECKED_ROWS × depth] */
    float *kernel;    /* [depth × padded], row-major */
    float *packed;    /* the same, in blocks */
    float *reference; /* [CHECKED_ROWS × padded] */
    float *y;         /* [CHECKED_ROWS × padded] */
} trial;

static void fill_random(float *values, size_t count, uint64_t state) {
    for (size_t i = 0; i < count; i++) {
        state ^= state << 13; /* xorshift64 (Marsaglia 2003) */
        state ^= state >> 7;
        state ^= state << 17;
        values[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
    }
}

static void run_all_blocks(const trial *t, const float *x, size_t height, float *y) {
    const srv_plan *plan = &t->sample;
    for (size_t block = 0; block < srv_plan_blocks(plan); block++) {
        size_t begin = block * plan->tile_columns;
        run_tile(plan, t->packed + begin * plan->depth, srv_plan_block_width(plan, block), x, plan->depth, height,
                 y + begin, plan->padded);
    }
}

static void use_tile_columns(trial *t, size_t tile_columns) {
    t->sample.tile_columns = tile_columns;
    srv_plan_pack(&t->sample, t->kernel, 0, t->sample.depth, t->packed);
}

/* Do `height` rows starting at row `first` come out as the reference has them? */
static bool agrees(const trial *t, size_t height, size_t first) {
    size_t depth = t->sample.depth, padded = t->sample.padded;
    run_all_blocks(t, t->x + first * depth, height, t->y);
    return memcmp(t->y, t->reference + first * padded, height * padded * sizeof(float)) == 0;
}

/* Fills the reference with tiles of that height, and tells whether a row's place in the tile is without effect. */
static bool make_reference(trial *t, size_t height) {
    size_t depth = t->sample.depth, padded = t->sample.padded;
    for (size_t r = 0; r + height <= CHECKED_ROWS; r += height) {
        run_all_blocks(t, t->x + r * depth, height, t->reference + r * padded);
    }
    for (size_t shift = 1; shift < height; shift++) {
        if (!agrees(t, height, shift)) {
            return false;
        }
    }
    return true;
}

/* Nanoseconds for one tile of that height over all columns of the sample: the quickest of some trials. */
static double measure(const trial *t, size_t height) {
    double best = INFINITY;
    size_t repeats = 1;
    for (int i = 0; i < TRIALS; i++) {
        uint64_t begin = srv_now_ns();
        for (size_t n = 0; n < repeats; n++) {
            run_all_blocks(t, t->x, height, t->y);
        }
        double ns = (double)(srv_now_ns() - begin) / (double)repeats;
        best = ns < best ? ns : best;
        repeats = best < TRIAL_NS ? 1 + (size_t)(TRIAL_NS / (best + 1)) : 1;
    }
    return best;
}

/* The heights that agree at this tile width, with their times. */
static void find_heights(trial *t, size_t tile_columns, srv_plan *out) {
    use_tile_columns(t, tile_columns);
    out->tile_columns = tile_columns;
    out->count = 0;
    for (size_t i = 0; i < COUNT(heights_tried); i++) {
        size_t height = heights_tried[i];
        if (agrees(t, height, 0) && agrees(t, height, 1) && agrees(t, height, 5)) {
            out->heights[out->count] = height;
            out->tile_ns[out->count] = measure(t, height) * t->scale;
            out->count++;
        }
    }
    if (out->count > 0) {
        srv_plan_cover(out);
    }
}

/* Small and large batches count alike: the geometric mean of the time per row. */
static double badness(const srv_plan *plan) {
    double sum = 0;
    for (size_t rows = 1; rows <= SRV_PASS_ROWS; rows *= 2) {
        sum += log(plan->rows_ns[rows]);
    }
    return sum;
}

static srv_status trial_begin(const srv_plan *plan, trial *t, srv_arena *arena, srv_error *err) {
    size_t padded = plan->padded;
    if (plan->depth * padded > MEASURED_FLOATS) { /* keep what happens at the right edge, drop columns before it */
        size_t kept = MEASURED_FLOATS / plan->depth / 128 * 128;
        padded = smaller(padded, (kept > 128 ? kept : 128) + padded % 128);
    }
    t->sample = *plan;
    t->sample.columns = t->sample.padded = padded;
    t->scale = (double)plan->padded / (double)padded;
    size_t kernel = plan->depth * padded;
    t->x = srv_arena_take(arena, CHECKED_ROWS * plan->depth * sizeof(float));
    t->kernel = srv_arena_take(arena, kernel * sizeof(float));
    t->packed = srv_arena_take(arena, kernel * sizeof(float));
    t->reference = srv_arena_take(arena, CHECKED_ROWS * padded * sizeof(float));
    t->y = srv_arena_take(arena, CHECKED_ROWS * padded * sizeof(float));
    if (t->x == NULL || t->kernel == NULL || t->packed == NULL || t->reference == NULL || t->y == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory while planning a layer of %zu × %zu", plan->depth,
                        plan->columns);
    }
    fill_random(t->x, CHECKED_ROWS * plan->depth, 0x9e3779b97f4a7c15u);
    fill_random(t->kernel, kernel, 0xd1b54a32d192ed03u);
    return SRV_OK;
}

srv_plan srv_plan_of_shape(size_t depth, size_t columns) {
    size_t chunks = (depth + SRV_DEPTH_CHUNK - 1) / SRV_DEPTH_CHUNK;
    return (srv_plan){
        .depth = depth,
        .columns = columns,
        .padded = (columns + SRV_LANES - 1) / SRV_LANES * SRV_LANES,
        .tile_columns = REFERENCE_COLUMNS,
        .depth_chunk = (depth + chunks - 1) / chunks,
    };
}

srv_status srv_plan_find(srv_plan *out, srv_error *err) {
    srv_plan plan = *out;
    trial t;
    srv_arena *arena = srv_arena_new();
    srv_status status = arena == NULL ? srv_fail(err, SRV_NO_MEMORY, "out of memory") : SRV_OK;
    if (status == SRV_OK) {
        status = trial_begin(&plan, &t, arena, err);
    }
    if (status != SRV_OK) {
        srv_arena_free(arena);
        return status;
    }
    use_tile_columns(&t, REFERENCE_COLUMNS);
    plan.plain = true;
    for (size_t i = 0; i < COUNT(reference_heights) && plan.plain; i++) {
        plan.plain = !make_reference(&t, reference_heights[i]);
    }
    *out = plan;
    for (size_t i = 0; i < COUNT(tile_columns_tried) && !plan.plain; i++) {
        srv_plan candidate = plan;
        find_heights(&t, tile_columns_tried[i], &candidate);
        if (candidate.count > 0 && (out->count == 0 || badness(&candidate) < badness(out))) {
            *out = candidate;
        }
        if (tile_columns_tried[i] >= plan.padded && i > 0) {
            break; /* wider blocks than the layer are all the same */
        }
    }
    if (plan.plain) { /* times are still needed: by the scheduler */
        for (size_t rows = 1; rows <= SRV_PASS_ROWS; rows++) {
            out->rows_ns[rows] = (double)rows * (double)plan.depth * (double)plan.padded * 0.25;
        }
    }
    srv_arena_free(arena);
    return SRV_OK;
}
