/* The activations: bias and non-linearity over the rows of a layer, in place.
 *
 * Elementwise ones work on columns padded to a multiple of SRV_LANES, so that every element of every row goes through
 * the same vector instructions: the bits of a value depend on that value alone, not on its place or its neighbours.
 * softmax and log_softmax work on whole rows and read the real columns only.
 * Accuracy: the tests allow 4 ulp of float from the formula in long double, over the whole range of float; measured are
 * 0.51 (0 where the formula only compares), 1.3 for relu with a negative slope and a threshold, and 1.5 for softmax.
 * NaN gives NaN.  Infinities give what the formula gives, as in PyTorch: gelu, gelu_tanh, silu, hard_swish and mish of
 * -inf are NaN (-inf · 0), and so is softsign of either infinity; a row with NaN or +inf gives softmax and log_softmax of
 * NaN throughout, as does a row of nothing but -inf.  relu without a slope gives 0 for -inf.
 * Vectorised for the CPU at hand, chosen by srv_activation_kernels_for_cpu; instruction sets may differ in the last bit.
 */
#ifndef SRV_ACTIVATE_H
#define SRV_ACTIVATE_H

#include <stdbool.h>
#include <stddef.h>

#define SRV_LANES 16 /* floats; columns are padded to a multiple of it */

/* id, manifest name, parameter names with defaults (NULL: no parameter) */
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
    XX(SOFTPLUS, "softplus", NULL, 0, NULL, 0, NULL, 0)                          \
    XX(SOFTSIGN, "softsign", NULL, 0, NULL, 0, NULL, 0)                          \
    XX(SILU, "silu", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(HARD_SWISH, "hard_swish", NULL, 0, NULL, 0, NULL, 0)                      \
    XX(MISH, "mish", NULL, 0, NULL, 0, NULL, 0)                                  \
    XX(EXPONENTIAL, "exponential", NULL, 0, NULL, 0, NULL, 0)                    \
    XX(SOFTMAX, "softmax", NULL, 0, NULL, 0, NULL, 0)                            \
    XX(LOG_SOFTMAX, "log_softmax", NULL, 0, NULL, 0, NULL, 0)

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
bool srv_activation_is_rowwise(srv_activation_id id); /* softmax and log_softmax */

/* One instruction set's versions of the two loops. */
typedef struct srv_activation_kernels {
    const char *name; /* "avx512", "avx2", "neon", "generic" */
    /* values[r * stride + c] = f(values[…] + bias[c]) for r < rows, c < columns; of softmax and log_softmax, the bias only.  columns and stride are multiples of
     * SRV_LANES; bias is [columns], 64-byte aligned, or NULL.  column0 is the index of values[0] within the layer (for PRELU's slope). */
    void (*elementwise)(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride,
                        const float *bias, size_t column0);
    /* softmax / log_softmax over the first `columns` (the real ones) of each row; columns beyond stay as they are. */
    void (*rowwise)(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride);
} srv_activation_kernels;

/* The best the CPU at hand has; never NULL.  There is no state: the choice is a pure function of the CPU. */
const srv_activation_kernels *srv_activation_kernels_for_cpu(void);

/* All that the CPU at hand can run, the best last; *count ≥ 1. */
const srv_activation_kernels *const *srv_activation_kernels_all(size_t *count);

#endif
