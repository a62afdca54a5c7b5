/* What an activation costs: ns per element, of each kernel set that this CPU has, on one thread.
 *
 *   cc @ext/cflags.txt bench/activations.c ext/core/activate*.c ext/core/base/cpu.c -lm -o build/activations
 *   build/activations [columns [rows]]
 *
 * Medians of REPEATS runs over a block that stays in L2, with bias, inputs from -4 to 4.  For comparison, "libm" is a plain
 * loop of expf over the same block.
 */
#include "activate.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEATS 15
#define ELEMENTS_PER_RUN 400000

/* This thread's own time: others may use the machine meanwhile. */
static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct block {
    float *values, *inputs, *bias, *slope;
    size_t rows, columns, stride;
} block;

static void run(const block *b, const srv_activation_kernels *kernels, const srv_activation *activation) {
    memcpy(b->values, b->inputs, b->rows * b->stride * sizeof *b->values);
    if (kernels == NULL) {
        for (size_t i = 0; activation != NULL && i < b->rows * b->stride; i++) {
            b->values[i] = expf(b->values[i]);
        }
    } else if (srv_activation_is_rowwise(activation->id)) {
        kernels->rowwise(activation, b->values, b->rows, b->columns, b->stride);
    } else {
        kernels->elementwise(activation, b->values, b->rows, b->stride, b->stride, b->bias, 0);
    }
}

/* ns per real element, copying the inputs included */
static double median_ns(const block *b, const srv_activation_kernels *kernels, const srv_activation *activation) {
    const size_t calls = 1 + ELEMENTS_PER_RUN / (b->rows * b->columns);
    double times[REPEATS];
    for (size_t i = 0; i < REPEATS; i++) {
        const double start = now_ns();
        for (size_t call = 0; call < calls; call++) {
            run(b, kernels, activation);
        }
        times[i] = (now_ns() - start) / (double)(calls * b->rows * b->columns);
    }
    qsort(times, REPEATS, sizeof *times, by_value);
    return times[REPEATS / 2];
}

static float *floats(size_t count) {
    float *out = aligned_alloc(64, (count * sizeof *out + 63) / 64 * 64);
    if (out == NULL) {
        perror("aligned_alloc");
        exit(2);
    }
    return out;
}

int main(int argc, char **argv) {
    block b = {.columns = argc > 1 ? strtoul(argv[1], NULL, 10) : 512,
               .rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 16};
    if (b.columns < 1 || b.columns > 1 << 20 || b.rows < 1 || b.rows > 1 << 10) {
        fprintf(stderr, "usage: %s [columns, 1 to 1048576 [rows, 1 to 1024]]\n", argv[0]);
        return 2;
    }
    b.stride = (b.columns + SRV_LANES - 1) / SRV_LANES * SRV_LANES;
    b.values = floats(b.rows * b.stride);
    b.inputs = floats(b.rows * b.stride);
    b.bias = floats(b.stride);
    b.slope = floats(b.stride);
    uint32_t state = 1;
    for (size_t i = 0; i < b.rows * b.stride; i++) {
        state = state * 1664525 + 1013904223;
        b.inputs[i] = (float)(state >> 8) * 0x1p-21F - 4;
    }
    for (size_t c = 0; c < b.stride; c++) {
        b.bias[c] = 0.01F;
        b.slope[c] = 0.25F;
    }

    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    const double copy = median_ns(&b, NULL, NULL);
    const srv_activation exponential = {.id = SRV_ACTIVATION_EXPONENTIAL};
    printf("ns per element, %zu rows of %zu columns (copying the inputs, %.3f ns, taken off)\n%-14s", b.rows, b.columns,
           copy, "");
    for (size_t s = 0; s < sets; s++) {
        printf("%9s", all[s]->name);
    }
#define XX(ID, name, p0, d0, p1, d1, p2, d2) SRV_ACTIVATION_##ID,
    static const srv_activation_id ids[] = {SRV_ACTIVATION_MAP(XX)};
#undef XX
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        srv_activation activation = {.id = ids[i], .slope = ids[i] == SRV_ACTIVATION_PRELU ? b.slope : NULL};
        for (int p = 0; p < 3; p++) {
            srv_activation_parameter(ids[i], p, &activation.parameter[p]);
        }
        printf("\n%-14s", srv_activation_name(ids[i]));
        for (size_t s = 0; s < sets; s++) {
            printf("%9.3f", median_ns(&b, all[s], &activation) - copy);
        }
    }
    printf("\n%-14s%9.3f\n", "libm expf", median_ns(&b, NULL, &exponential) - copy);
    free(b.slope);
    free(b.bias);
    free(b.inputs);
    free(b.values);
    return 0;
}
