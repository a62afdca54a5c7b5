/* The activations: bias and non-linearity over the rows of a layer, in place.
 *
 * Elementwise ones work on columns padded to a multiple of SRV_LANES, so that every element of every row goes through
 * the same vector instructions: the bits of a value depend on that value alone, not on its place or its neighbours.
 * softmax, log_softmax, softmin and sparsemax work on whole rows and read the real columns only.
 * Accuracy: the tests allow 4 ulp of float from the formula in long double, over the whole range of float; measured are
 * 0.51 (0 where the formula only compares), 1.3 for relu with a negative slope and a threshold, and 1.5 for softmax.
 * NaN gives NaN.  Infinities give what the formula gives, as in PyTorch: gelu, gelu_tanh, silu, hard_swish and mish of
 * -inf are NaN (-inf · 0), as are squareplus of -inf, and softsign, sin and cos of either infinity; a row with NaN or +inf
 * (softmin: -inf) gives NaN throughout in all that work on rows, as does a row of nothing but the other infinity.  relu
 * without a slope gives 0 for -inf.
 * Vectorised for the CPU at hand, chosen by srv_activation_kernels_for_cpu; instruction sets may differ in the last bit.
 */
#ifndef SRV_ACTIVATE_H
#define SRV_ACTIVATE_H

#include <stdbool.h>
#include <stddef.h>

#define SRV_LANES 16 /* floats; columns are padded to a multiple of it */

/* id, manifest name, parameter names with defaults (NULL: no parameter).  What is not plain from its name:
 *
 *   relu               x up to max_value; negative_slope · (x − threshold) below the threshold
 *   prelu              a slope of its own for each column: the tensor "slope"
 *   gelu, gelu_tanh    exact, and the approximation with tanh
 *   hard_sigmoid       alpha · x + beta between 0 and 1
 *   silu               x · sigmoid(beta · x)
 *   softplus           log(1 + exp(beta · x)) / beta; x where beta · x > threshold
 *   hard_swish         x · (x + 3) / 6, the quotient between 0 and 1
 *   threshold          x where x > threshold, else value
 *   thresholded_relu   x where x > alpha, else 0
 *   hard_shrink        0 where |x| ≤ lambda, else x
 *   soft_shrink        0 where |x| ≤ lambda, else x nearer to 0 by lambda
 *   tanh_shrink        x − tanh(x)
 *   squareplus         (x + √(x² + b)) / 2
 *   sparse_plus        0 up to −1, (x + 1)² / 4 up to 1, then x
 *   sparse_sigmoid     (x + 1) / 2 between 0 and 1
 *   sparsemax          max(x − t, 0) with the t that makes the row's sum 1
 *   round              halves to even
 *   sign               of 0 is 0 */
#define SRV_ACTIVATION_MAP(XX)                                                   \
    XX(LINEAR, "linear", NULL, 0, NULL, 0, NULL, 0)                              \
    XX(RELU, "relu", "max_value", INFINITY, "negative_slope", 0, "threshold", 0) \
    XX(LEAKY_RELU, "leaky_relu", "negative_slope", 0.01, NULL, 0, NULL, 0)       \
    XX(PRELU, "prelu", NULL, 0, NULL, 0, NULL, 0)                                \
    XX(ELU, "elu", "alpha", 1, NULL, 0, NULL, 0)                                 \
    XX(SELU, "selu", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(CELU, "celu", "alpha", 1, NULL, 0, NULL, 0)                               \
    XX(GELU, "gelu", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(GELU_TANH, "gelu_tanh", NULL, 0, NULL, 0, NULL, 0)                        \
    XX(SIGMOID, "sigmoid", NULL, 0, NULL, 0, NULL, 0)                            \
    XX(HARD_SIGMOID, "hard_sigmoid", "alpha", 0.2, "beta", 0.5, NULL, 0)         \
    XX(TANH, "tanh", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(HARD_TANH, "hard_tanh", "min", -1, "max", 1, NULL, 0)                     \
    XX(SOFTPLUS, "softplus", "beta", 1, "threshold", INFINITY, NULL, 0)          \
    XX(SOFTSIGN, "softsign", NULL, 0, NULL, 0, NULL, 0)                          \
    XX(SILU, "silu", "beta", 1, NULL, 0, NULL, 0)                                \
    XX(HARD_SWISH, "hard_swish", NULL, 0, NULL, 0, NULL, 0)                      \
    XX(MISH, "mish", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(EXPONENTIAL, "exponential", NULL, 0, NULL, 0, NULL, 0)                    \
    XX(SOFTMAX, "softmax", NULL, 0, NULL, 0, NULL, 0)                            \
    XX(LOG_SOFTMAX, "log_softmax", NULL, 0, NULL, 0, NULL, 0)                    \
    XX(SOFTMIN, "softmin", NULL, 0, NULL, 0, NULL, 0)                            \
    XX(SPARSEMAX, "sparsemax", NULL, 0, NULL, 0, NULL, 0)                        \
    XX(ABS, "abs", NULL, 0, NULL, 0, NULL, 0)                                    \
    XX(SQUARE, "square", NULL, 0, NULL, 0, NULL, 0)                              \
    XX(SQRT, "sqrt", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(LOG, "log", NULL, 0, NULL, 0, NULL, 0)                                    \
    XX(ERF, "erf", NULL, 0, NULL, 0, NULL, 0)                                    \
    XX(RECIPROCAL, "reciprocal", NULL, 0, NULL, 0, NULL, 0)                      \
    XX(SIGN, "sign", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(FLOOR, "floor", NULL, 0, NULL, 0, NULL, 0)                                \
    XX(CEIL, "ceil", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(ROUND, "round", NULL, 0, NULL, 0, NULL, 0)                                \
    XX(SIN, "sin", NULL, 0, NULL, 0, NULL, 0)                                    \
    XX(COS, "cos", NULL, 0, NULL, 0, NULL, 0)                                    \
    XX(THRESHOLD, "threshold", "threshold", 0, "value", 0, NULL, 0)              \
    XX(THRESHOLDED_RELU, "thresholded_relu", "alpha", 1, NULL, 0, NULL, 0)       \
    XX(HARD_SHRINK, "hard_shrink", "lambda", 0.5, NULL, 0, NULL, 0)              \
    XX(SOFT_SHRINK, "soft_shrink", "lambda", 0.5, NULL, 0, NULL, 0)              \
    XX(TANH_SHRINK, "tanh_shrink", NULL, 0, NULL, 0, NULL, 0)                    \
    XX(LOG_SIGMOID, "log_sigmoid", NULL, 0, NULL, 0, NULL, 0)                    \
    XX(SQUAREPLUS, "squareplus", "b", 4, NULL, 0, NULL, 0)                       \
    XX(SPARSE_PLUS, "sparse_plus", NULL, 0, NULL, 0, NULL, 0)                    \
    XX(SPARSE_SIGMOID, "sparse_sigmoid", NULL, 0, NULL, 0, NULL, 0)

typedef enum srv_activation_id {
#define XX(id, name, p0, d0, p1, d1, p2, d2) SRV_ACTIVATION_##id,
    SRV_ACTIVATION_MAP(XX)
#undef XX
} srv_activation_id;

typedef struct srv_activation {
    srv_activation_id id;
    float parameter[3]; /* in the order of the map */
    const float *slope; /* PRELU: [padded columns], 64-byte aligned; else NULL */
} srv_activation;

const char *srv_activation_name(srv_activation_id id);
bool srv_activation_find(const char *name, srv_activation_id *out); /* false: no such activation */
/* Name of parameter i (0..2) and its default, or NULL. */
const char *srv_activation_parameter(srv_activation_id id, int i, float *default_value);
bool srv_activation_is_rowwise(srv_activation_id id); /* softmax, log_softmax, softmin, sparsemax */

/* One instruction set's versions of the two loops. */
typedef struct srv_activation_kernels {
    const char *name; /* "avx512", "avx2", "neon", "generic" */
    /* values[r * stride + c] = f(values[…] + bias[c]) for r < rows, c < columns; of those that work on rows, the bias only.
     * columns and stride are multiples of SRV_LANES; bias is [columns], 64-byte aligned, or NULL.  column0 is the index of
     * values[0] within the layer (for PRELU's slope). */
    void (*elementwise)(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride,
                        const float *bias, size_t column0);
    /* Those that work on rows, over the first `columns` (the real ones) of each row; columns beyond stay as they are. */
    void (*rowwise)(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride);
} srv_activation_kernels;

/* The best the CPU at hand has; never NULL.  There is no state: the choice is a pure function of the CPU. */
const srv_activation_kernels *srv_activation_kernels_for_cpu(void);

/* All that the CPU at hand can run, the best last; *count ≥ 1. */
const srv_activation_kernels *const *srv_activation_kernels_all(size_t *count);

#endif
