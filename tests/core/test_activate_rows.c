/* What works on whole rows (softmax and its kin), of every kernel set that this CPU has. */
#include "activate.h"
#include "check.h"
#include "floats.h"

/* The promise is 4; these are what the kernels are built for. */
#define MAX_ULP_SOFTMAX 1.52L /* the exponentials are kept as floats before they are divided by their sum */
#define MAX_ULP_LOG_SOFTMAX 0.52L

static const srv_activation softmax = {.id = SRV_ACTIVATION_SOFTMAX};
static const srv_activation log_softmax = {.id = SRV_ACTIVATION_LOG_SOFTMAX};
static const srv_activation softmin = {.id = SRV_ACTIVATION_SOFTMIN};
static const srv_activation sparsemax = {.id = SRV_ACTIVATION_SPARSEMAX};
static const srv_activation *const rowwise[] = {&softmax, &log_softmax, &softmin, &sparsemax};

#define KINDS (sizeof rowwise / sizeof *rowwise)

/* One row, compared with the formula in long double; returns the greatest error in ulp. */
static long double row_error(const srv_activation_kernels *kernels, const srv_activation *activation, const float *x,
                             size_t columns) {
    float *row = floats(columns);
    memcpy(row, x, columns * sizeof *x);
    kernels->rowwise(activation, row, 1, columns, columns);
    long double greatest = -INFINITY, others = 0, worst = 0;
    size_t first = 0;
    for (size_t c = 0; c < columns; c++) {
        if (x[c] > greatest) {
            greatest = x[c];
            first = c;
        }
    }
    for (size_t c = 0; c < columns; c++) {
        others += c == first ? 0 : expl(x[c] - greatest);
    }
    for (size_t c = 0; c < columns; c++) {
        const long double shifted = x[c] - greatest;
        const long double wanted =
            activation->id == SRV_ACTIVATION_SOFTMAX ? expl(shifted) / (1 + others) : shifted - log1pl(others);
        worst = fmaxl(worst, ulps(row[c], wanted));
    }
    free(row);
    return worst;
}

TEST(softmax_and_log_softmax_are_as_near_as_promised) {
    static const float spreads[] = {0, 1e-6F, 0.1F, 1, 5, 20, 60, 200, 1e4F, 1e38F};
    static const size_t widths[] = {1, 2, 3, 10, 15, 16, 17, 31, 32, 33, 100, 1000, 4099};
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    float *x = floats(4099);
    for (size_t s = 0; s < sets; s++) {
        long double worst[2] = {0, 0};
        uint64_t state = 99;
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            for (size_t k = 0; k < sizeof spreads / sizeof *spreads; k++) {
                for (int repeat = 0; repeat < 20; repeat++) {
                    for (size_t c = 0; c < widths[w]; c++) {
                        x[c] = ((float)(next_random(&state) >> 8) * 0x1p-23F - 1) * spreads[k];
                    }
                    if (repeat % 4 == 3) { /* one far above the rest: its log is near 0 */
                        x[next_random(&state) % widths[w]] = spreads[k] * 2;
                    }
                    worst[0] = fmaxl(worst[0], row_error(all[s], &softmax, x, widths[w]));
                    worst[1] = fmaxl(worst[1], row_error(all[s], &log_softmax, x, widths[w]));
                }
            }
        }
        printf("  %-18s softmax %.4Lf  log_softmax %.4Lf\n", all[s]->name, worst[0], worst[1]);
        CHECK(worst[0] <= MAX_ULP_SOFTMAX);
        CHECK(worst[1] <= MAX_ULP_LOG_SOFTMAX);
    }
    free(x);
}

TEST(softmax_sums_to_one_and_ignores_a_shift) {
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    for (size_t s = 0; s < sets; s++) {
        uint64_t state = 7;
        for (size_t columns = 1; columns < 70; columns++) {
            float row[70], shifted[70];
            for (size_t c = 0; c < columns; c++) {
                row[c] =
                    (float)(next_random(&state) >> 20) * 0x1p-8F; /* 0 to 16 in steps of 1/256: the shift is exact */
                shifted[c] = row[c] + 1024;
            }
            all[s]->rowwise(&softmax, row, 1, columns, columns);
            all[s]->rowwise(&softmax, shifted, 1, columns, columns);
            double sum = 0;
            for (size_t c = 0; c < columns; c++) {
                sum += row[c];
                CHECK(row[c] >= 0 && row[c] <= 1);
                CHECK(bits_of(row[c]) == bits_of(shifted[c]));
            }
            CHECK(fabs(sum - 1) < 1e-6);
        }
    }
}

TEST(rows_are_independent_and_only_real_columns_are_touched) {
    enum { ROWS = 4, STRIDE = 80 };
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    for (size_t s = 0; s < sets; s++) {
        for (size_t columns = 1; columns <= STRIDE; columns++) {
            for (size_t k = 0; k < KINDS; k++) {
                float block[ROWS * STRIDE], before[ROWS * STRIDE];
                uint64_t state = columns;
                for (size_t i = 0; i < ROWS * STRIDE; i++) {
                    before[i] = (float)(next_random(&state) >> 8) * 0x1p-21F - 4;
                    if (i / STRIDE == 2 || i % STRIDE >= columns) {
                        before[i] = i % 2 != 0 ? NAN : INFINITY; /* a bad row, and padding that must not matter */
                    }
                }
                memcpy(block, before, sizeof block);
                all[s]->rowwise(rowwise[k], block, ROWS, columns, STRIDE);
                for (size_t r = 0; r < ROWS; r++) {
                    /* alone, ending where readable memory ends */
                    float *alone = (float *)(void *)guarded(before + r * STRIDE, columns * sizeof(float));
                    all[s]->rowwise(rowwise[k], alone, 1, columns, STRIDE);
                    for (size_t c = 0; c < STRIDE; c++) {
                        const float got = block[r * STRIDE + c];
                        const float want = c < columns ? alone[c] : before[r * STRIDE + c];
                        CHECK(bits_of(got) == bits_of(want) || (isnan(got) && isnan(want) && c < columns));
                        CHECK(c >= columns || isnan(got) == (r == 2));
                    }
                }
            }
        }
    }
}

TEST(softmax_of_nan_and_infinities) {
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    const srv_activation *both[] = {&softmax, &log_softmax};
    static const float bad[] = {NAN, INFINITY};
    for (size_t s = 0; s < sets; s++) {
        for (size_t columns = 1; columns < 40; columns++) {
            float row[40];
            for (size_t k = 0; k < 2; k++) {
                for (size_t b = 0; b < 2; b++) {
                    for (size_t c = 0; c < columns; c++) {
                        row[c] = (float)c;
                    }
                    row[columns / 2] = bad[b];
                    all[s]->rowwise(both[k], row, 1, columns, columns);
                    for (size_t c = 0; c < columns; c++) {
                        CHECK(isnan(row[c]));
                    }
                }
                for (size_t c = 0; c < columns; c++) { /* nothing but -inf: -inf - -inf */
                    row[c] = -INFINITY;
                }
                all[s]->rowwise(both[k], row, 1, columns, columns);
                for (size_t c = 0; c < columns; c++) {
                    CHECK(isnan(row[c]));
                }
                for (size_t c = 0; c < columns; c++) { /* one that is possible */
                    row[c] = c == columns / 2 ? 3.0F : -INFINITY;
                }
                all[s]->rowwise(both[k], row, 1, columns, columns);
                for (size_t c = 0; c < columns; c++) {
                    const float possible = k == 0 ? 1 : 0, impossible = k == 0 ? 0 : -INFINITY;
                    CHECK(row[c] == (c == columns / 2 ? possible : impossible));
                }
            }
        }
    }
}

/* A copy, sorted from the greatest down. */
static float *sorted(const float *x, size_t columns) {
    float *out = floats(columns);
    memcpy(out, x, columns * sizeof *x);
    for (size_t i = 1; i < columns; i++) {
        for (size_t j = i; j > 0 && out[j - 1] < out[j]; j--) {
            const float swap = out[j];
            out[j] = out[j - 1];
            out[j - 1] = swap;
        }
    }
    return out;
}

/* By sorting, as Martins and Astudillo (2016) have it. */
static long double sparsemax_error(const srv_activation_kernels *kernels, const float *x, size_t columns) {
    float *order = sorted(x, columns), *row = floats(columns);
    long double sum = 0, threshold = 0, worst = 0;
    for (size_t k = 0; k < columns; k++) {
        sum += (long double)order[k] - order[0];
        if (1 + (long double)(k + 1) * ((long double)order[k] - order[0]) > sum) {
            threshold = (sum - 1) / (long double)(k + 1);
        }
    }
    memcpy(row, x, columns * sizeof *x);
    kernels->rowwise(&sparsemax, row, 1, columns, columns);
    for (size_t c = 0; c < columns; c++) {
        const long double wanted = fmaxl((long double)x[c] - order[0] - threshold, 0);
        /* the threshold is good to a double's precision, which is all that a difference near 0 has */
        worst = fabsl(row[c] - wanted) < 1e-15L ? worst : fmaxl(worst, ulps(row[c], wanted));
    }
    free(row);
    free(order);
    return worst;
}

TEST(sparsemax_is_the_nearest_point_of_the_simplex) {
    static const float spreads[] = {0, 1e-3F, 0.1F, 1, 5, 100, 1e30F};
    static const size_t widths[] = {1, 2, 3, 10, 15, 16, 17, 33, 100, 1000};
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    float x[1000];
    for (size_t s = 0; s < sets; s++) {
        uint64_t state = 5;
        long double worst = 0;
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            for (size_t k = 0; k < sizeof spreads / sizeof *spreads; k++) {
                for (size_t c = 0; c < widths[w]; c++) {
                    x[c] = ((float)(next_random(&state) >> 8) * 0x1p-23F - 1) * spreads[k];
                }
                worst = fmaxl(worst, sparsemax_error(all[s], x, widths[w]));
            }
        }
        CHECK(worst <= 0.51L);
        float halves[] = {2, 1.5F, -INFINITY, 0}; /* (2 - 1.25, 1.5 - 1.25, 0, 0) */
        all[s]->rowwise(&sparsemax, halves, 1, 4, 4);
        CHECK(halves[0] == 0.75F && halves[1] == 0.25F && halves[2] == 0 && halves[3] == 0);
        static const float bad[] = {NAN, INFINITY};
        for (size_t b = 0; b < 2; b++) {
            float row[20] = {[17] = bad[b]};
            all[s]->rowwise(&sparsemax, row, 1, 20, 20);
            for (size_t c = 0; c < 20; c++) {
                CHECK(isnan(row[c]));
            }
        }
        float impossible[] = {-INFINITY, -INFINITY};
        all[s]->rowwise(&sparsemax, impossible, 1, 2, 2);
        CHECK(isnan(impossible[0]) && isnan(impossible[1]));
    }
}

TEST(softmin_is_softmax_of_the_negative) {
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    for (size_t s = 0; s < sets; s++) {
        float row[37], negative[37];
        for (size_t c = 0; c < 37; c++) {
            row[c] = (float)(c * c % 11);
            negative[c] = -row[c];
        }
        all[s]->rowwise(&softmin, row, 1, 37, 37);
        all[s]->rowwise(&softmax, negative, 1, 37, 37);
        CHECK(memcmp(row, negative, sizeof row) == 0);
        CHECK(row[0] > row[1]);
    }
}

TEST_MAIN(RUN(softmax_and_log_softmax_are_as_near_as_promised); RUN(softmax_sums_to_one_and_ignores_a_shift);
          RUN(rows_are_independent_and_only_real_columns_are_touched); RUN(softmax_of_nan_and_infinities);
          RUN(sparsemax_is_the_nearest_point_of_the_simplex); RUN(softmin_is_softmax_of_the_negative))
