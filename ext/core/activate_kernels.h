/* The loops of activate.h, as plain C that the compiler vectorises.  Included once by each activate_<set>.c, which
 * says for which instructions it is compiled:
 *
 *   SRV_KERNEL_SUFFIX    the set's name; the table is srv__activation_<set>
 *   SRV_KERNEL_HAS_FMA   1 where a fused multiply-add is one instruction
 */
#include "activate_sets.h"

_Static_assert(SRV_LANES == 16, "sum_of_lanes and max_of_lanes take 16");

/* The columns in whole blocks; elementwise, which gets nothing else, says so to the compiler. */
#define WHOLE(columns) ((columns) / SRV_LANES * SRV_LANES)

#define INLINE static inline __attribute__((always_inline))

#include "activate_math.h"

#include "activate_functions.h"

#include "activate_rows.h"

/* values = expression of x, where x is a value with its bias added, c its column and b, if any, the bias */
#define EACH(expression)                                  \
    for (size_t r = 0; r < rows; r++) {                   \
        float *restrict row = values + r * stride;        \
        if (bias != NULL) {                               \
            for (size_t c = 0; c < WHOLE(columns); c++) { \
                float x = row[c] + bias[c];               \
                row[c] = (float)(expression);             \
            }                                             \
        } else {                                          \
            for (size_t c = 0; c < WHOLE(columns); c++) { \
                float x = row[c];                         \
                row[c] = (float)(expression);             \
            }                                             \
        }                                                 \
    }                                                     \
    break

/* Sines, or with one turn cosines, by blocks: numbers too large for sine_of are left to the C library. */
static void trigonometric(float *values, size_t rows, size_t columns, size_t stride, const float *bias,
                          uint64_t turns) {
    for (size_t begin = 0; begin < rows * columns; begin += SRV_LANES) {
        const size_t r = begin / columns, first = begin % columns;
        float *restrict block = values + r * stride + first;
        float x[SRV_LANES], largest = 0;
        for (size_t i = 0; i < SRV_LANES; i++) {
            x[i] = bias != NULL ? block[i] + bias[first + i] : block[i];
        }
        for (size_t i = 0; i < SRV_LANES; i++) {
            block[i] = (float)sine_of(x[i], turns);
        }
        for (size_t i = 0; i < SRV_LANES; i++) {
            largest = __builtin_fabsf(x[i]) > largest ? __builtin_fabsf(x[i]) : largest;
        }
        for (size_t i = 0; i < SRV_LANES && largest > QUARTER_TURNS_MAX; i++) {
            if (__builtin_fabsf(x[i]) > QUARTER_TURNS_MAX) {
                block[i] = (float)(turns == 0 ? sin((double)x[i]) : cos((double)x[i]));
            }
        }
    }
}

static void elementwise(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride,
                        const float *restrict bias, size_t column0) {
    const float p0 = activation->parameter[0], p1 = activation->parameter[1], p2 = activation->parameter[2];
    const float *restrict slope = activation->slope != NULL ? activation->slope + column0 : NULL;
    switch (activation->id) {
    case SRV_ACTIVATION_LINEAR:
    case SRV_ACTIVATION_SOFTMAX:
    case SRV_ACTIVATION_LOG_SOFTMAX:
    case SRV_ACTIVATION_SOFTMIN:
    case SRV_ACTIVATION_SPARSEMAX:
        if (bias == NULL) {
            break;
        }
        EACH(x);
    case SRV_ACTIVATION_RELU:
        if (p1 != 0) {
            EACH(relu_general(x, p0, p1, p2));
        }
        if (p0 < INFINITY || p2 != 0) {
            EACH(relu_cut(x, p0, p2));
        }
        EACH(relu(x));
    case SRV_ACTIVATION_LEAKY_RELU:
        EACH(leaky_relu(x, p0));
    case SRV_ACTIVATION_PRELU:
        EACH(leaky_relu(x, slope[c]));
    case SRV_ACTIVATION_ELU:
        EACH(elu(x, p0));
    case SRV_ACTIVATION_SELU:
        EACH(selu(x));
    case SRV_ACTIVATION_CELU:
        EACH(celu(x, p0));
    case SRV_ACTIVATION_GELU:
        EACH(gelu(x));
    case SRV_ACTIVATION_GELU_TANH:
        EACH(gelu_tanh(x));
    case SRV_ACTIVATION_SIGMOID:
        EACH(sigmoid(x));
    case SRV_ACTIVATION_HARD_SIGMOID:
        EACH(hard_sigmoid(x, p0, p1));
    case SRV_ACTIVATION_TANH:
        EACH(tanh_of(x));
    case SRV_ACTIVATION_HARD_TANH:
        EACH(clip(x, p0, p1));
    case SRV_ACTIVATION_SOFTPLUS:
        if (p0 != 1 || p1 < INFINITY) {
            EACH(softplus_general(x, p0, p1));
        }
        EACH(softplus(x));
    case SRV_ACTIVATION_SOFTSIGN:
        EACH(softsign(x));
    case SRV_ACTIVATION_SILU:
        if (p0 != 1) {
            EACH(silu_general(x, p0));
        }
        EACH(silu(x));
    case SRV_ACTIVATION_HARD_SWISH:
        EACH(hard_swish(x));
    case SRV_ACTIVATION_MISH:
        EACH(mish(x));
    case SRV_ACTIVATION_EXPONENTIAL:
        EACH(exp_of(x));
    case SRV_ACTIVATION_ABS:
        EACH(__builtin_fabsf(x));
    case SRV_ACTIVATION_SQUARE:
        EACH(x * x);
    case SRV_ACTIVATION_SQRT:
        EACH(__builtin_sqrtf(x));
    case SRV_ACTIVATION_LOG:
        EACH(log_of(x));
    case SRV_ACTIVATION_ERF:
        EACH(erf_of(x));
    case SRV_ACTIVATION_RECIPROCAL:
        EACH(1 / x);
    case SRV_ACTIVATION_SIGN:
        EACH(sign(x));
    case SRV_ACTIVATION_FLOOR:
        EACH(__builtin_floorf(x));
    case SRV_ACTIVATION_CEIL:
        EACH(__builtin_ceilf(x));
    case SRV_ACTIVATION_ROUND:
        EACH(__builtin_rintf(x));
    case SRV_ACTIVATION_SIN:
        trigonometric(values, rows, columns, stride, bias, 0);
        break;
    case SRV_ACTIVATION_COS:
        trigonometric(values, rows, columns, stride, bias, 1);
        break;
    case SRV_ACTIVATION_THRESHOLDED_RELU:
        EACH(threshold_to(x, p0, 0));
    case SRV_ACTIVATION_THRESHOLD:
        EACH(threshold_to(x, p0, p1));
    case SRV_ACTIVATION_HARD_SHRINK:
        EACH(hard_shrink(x, p0));
    case SRV_ACTIVATION_SOFT_SHRINK:
        EACH(soft_shrink(x, p0));
    case SRV_ACTIVATION_TANH_SHRINK:
        EACH(tanh_shrink(x));
    case SRV_ACTIVATION_LOG_SIGMOID:
        EACH(log_sigmoid(x));
    case SRV_ACTIVATION_SQUAREPLUS:
        EACH(squareplus(x, p0));
    case SRV_ACTIVATION_SPARSE_PLUS:
        EACH(sparse_plus(x));
    case SRV_ACTIVATION_SPARSE_SIGMOID:
        EACH(sparse_sigmoid(x));
    }
}

#define TABLE_OF(set) srv__activation_##set
#define NAME_OF(set) #set
#define TABLE(set) TABLE_OF(set)
#define NAME(set) NAME_OF(set)

const srv_activation_kernels TABLE(SRV_KERNEL_SUFFIX) = {NAME(SRV_KERNEL_SUFFIX), elementwise, rowwise};
