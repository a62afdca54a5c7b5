/* How a dense layer is computed on this CPU: in tiles of `height` rows × `tile_columns` columns, each one call of sgemm.
 *
 * Why tiles: a plain sgemm with few rows packs all weights at each call, and the bits of a row depend on how many rows
 * share the call.  Calls small enough for OpenBLAS's small-matrix kernels pack nothing, and for a given CPU certain
 * heights give the same bits.  The plan finds those heights by check, on this very shape: every tile it admits
 * reproduces the *reference tile* (the first of a fixed list that is indifferent to a row's place) bit by bit.  Time only
 * chooses among tiles that agree, so that timing noise can never change an answer.
 */
#ifndef SRV_MODEL_PLAN_H
#define SRV_MODEL_PLAN_H

#include "../base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SRV_PASS_ROWS 64     /* rows that go through the whole network together */
#define SRV_MAX_HEIGHT 64    /* rows of the largest tile */
#define SRV_PLAN_HEIGHTS 16  /* heights a plan can hold */
#define SRV_DEPTH_CHUNK 1024 /* a deeper product is summed in chunks, so that M·N·K stays small */

typedef struct srv_plan {
    size_t depth, columns;             /* the layer: K and N */
    size_t padded;                     /* columns up to a multiple of SRV_LANES */
    size_t tile_columns;               /* width of a block of weights; the last may be narrower */
    size_t depth_chunk;                /* rows of weights per call; the last may be fewer */
    bool plain;                        /* no BLAS tile is indifferent to place: the plain loop is used */
    size_t count;                      /* of heights */
    size_t heights[SRV_PLAN_HEIGHTS];  /* ascending */
    double tile_ns[SRV_PLAN_HEIGHTS];  /* one tile of that height over all columns */
    uint8_t next[SRV_PASS_ROWS + 1];   /* next[r]: index of the height to run when r rows are left */
    double rows_ns[SRV_PASS_ROWS + 1]; /* predicted time for r rows */
} srv_plan;

/* The shape alone: what follows from it, nothing found yet. */
srv_plan srv_plan_of_shape(size_t depth, size_t columns);

/* Finds the rest by trial: takes from under a millisecond to some tens of them. */
srv_status srv_plan_find(srv_plan *plan, srv_error *err);

/* Fills next and rows_ns from the heights and their times: the cheapest mix for every number of rows. */
void srv_plan_cover(srv_plan *plan);

/* Best rate over the heights, in GFLOPS. */
double srv_plan_gflops(const srv_plan *plan);

/* Floats of the packed weights: [block of tile_columns][depth][width of the block]. */
size_t srv_plan_kernel_size(const srv_plan *plan);

/* Packs rows first … first + count - 1 of a row-major kernel [depth × columns] (rows points at row `first`); padding
 * columns must have been zeroed. */
void srv_plan_pack(const srv_plan *plan, const float *rows, size_t first, size_t count, float *packed);

/* y[count × padded] = x[count × depth] · kernel for the columns of block `block`; y points at row 0 of the whole layer.
 * x and y must have room for SRV_MAX_HEIGHT rows beyond count (their content does not matter). count ≤ SRV_PASS_ROWS. */
void srv_plan_run_block(const srv_plan *plan, const float *packed, size_t block, const float *x, size_t x_stride,
                        size_t count, float *y, size_t y_stride);

static inline size_t srv_plan_blocks(const srv_plan *plan) {
    return (plan->padded + plan->tile_columns - 1) / plan->tile_columns;
}

static inline size_t srv_plan_block_width(const srv_plan *plan, size_t block) {
    size_t begin = block * plan->tile_columns;
    return plan->padded - begin < plan->tile_columns ? plan->padded - begin : plan->tile_columns;
}

#endif
