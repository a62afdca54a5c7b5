/* The loops of activate.h, as plain C that the compiler vectorises.  Included once by each activate_<set>.c, which
 * says for which instructions it is compiled:
 *
 *   SRV_KERNEL_SUFFIX    the set's name; the table is srv__activation_<set>
 *   SRV_KERNEL_HAS_FMA   1 where a fused multiply-add is one instruction
 *
 * relu and its like stay in float, where they are exact or rounded twice at most.  All others are computed in double and
 * rounded to float once: the polynomials below are good to 1e-9, so the result is the nearest float but for rare ties
 * (0.52 ulp).  No step depends on a neighbouring element, and none converts to an integer type, which would be undefined
 * for NaN and large values.  Comparisons are written so that NaN passes through.
 */
#include "activate_sets.h"

_Static_assert(SRV_LANES == 16, "sum_of_lanes and max_of_lanes take 16");

/* The columns in whole blocks; elementwise, which gets nothing else, says so to the compiler. */
#define WHOLE(columns) ((columns) / SRV_LANES * SRV_LANES)

#if SRV_KERNEL_HAS_FMA
#define MULTIPLY_ADD(a, b, c) __builtin_fma(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

#define HORNER_3(c, i, x, high) \
    MULTIPLY_ADD(MULTIPLY_ADD(MULTIPLY_ADD(high, x, (c)[(i) + 2]), x, (c)[(i) + 1]), x, (c)[i])
#define HORNER_6(c, x) HORNER_3(c, 0, x, MULTIPLY_ADD(MULTIPLY_ADD((c)[5], x, (c)[4]), x, (c)[3]))
#define HORNER_12(c, x) \
    HORNER_3(c, 0, x, HORNER_3(c, 3, x, HORNER_3(c, 6, x, MULTIPLY_ADD(MULTIPLY_ADD((c)[11], x, (c)[10]), x, (c)[9]))))

#define INLINE static inline __attribute__((always_inline))

/* The three fits below are printed by tools/fit_activations.py. */

/* (exp(r) - 1 - r) / r², on half a power of two either side of 0; relative error 2.9e-9 */
static const double expm1_tail[] = {
    0.500000001346581,  0.16666666681623232,   0.041666464925285904,
    0.0083333109254809, 0.0013933649996309251, 0.00019890990824673654,
};

/* 2 atanh(s) / s with z = s²: log1p(u) = s · this, where s = u / (2 + u) and u is in [0, 1]; relative error 1.0e-10 */
static const double two_atanh[] = {
    1.9999999998090061,  0.6666667902643397,  0.39998711246862334,
    0.28620207408437237, 0.21398560506678543, 0.24393908084023025,
};

/* exp(x²/2) · (1 - Phi(x)) / w with w = 1 / (1 + 0.2 · x), for x in [0, 15]; relative error 9.7e-11 */
static const double normal_tail[] = {
    0.07978705001759175, 0.07982989054868027, 0.07605500486151902,  0.07437848797516468,
    0.04006649683017425, 0.12248668073876322, -0.14034899063324943, 0.3336780294943504,
    -0.3551106358858192, 0.3003101974274528,  -0.13383203185379003, 0.022699820512213958,
};

#define LOG2_E 1.4426950408889634
#define LN_2 0.6931471805599453
#define ROUND_BIAS 6755399441055744.0 /* 1.5 · 2^52: adding it rounds to an integer, left in the low bits */

/* exp(x) = scale · (1 + rest) with scale a power of two.  x up to -709 gives scale 0 and 1024 · ln 2 gives infinity,
 * for these are the bits that follow in either direction; beyond them x must be cut off first. */
INLINE double split_exp(double x, double *rest) {
    double biased = MULTIPLY_ADD(x, LOG2_E, ROUND_BIAS);
    double k = biased - ROUND_BIAS;
    double r = MULTIPLY_ADD(k, -LN_2, x);
    *rest = MULTIPLY_ADD(r * r, HORNER_6(expm1_tail, r), r);
    uint64_t bits;
    memcpy(&bits, &biased, sizeof bits);
    bits = (bits + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return scale;
}

INLINE double cut(double x, double low, double high) {
    x = x > high ? high : x;
    return x < low ? low : x;
}

INLINE double exp_of(double x) {
    double rest, scale = split_exp(cut(x, -709, 709.6), &rest);
    return scale * (1 + rest);
}

/* To full relative accuracy near 0 as well.  No infinity: it ends at exp(709), for infinity less infinity is none. */
INLINE double expm1_of(double x) {
    double rest, scale = split_exp(cut(x, -709, 709), &rest);
    return MULTIPLY_ADD(scale, rest, scale - 1);
}

/* log(1 + u) for u in [0, 1], to full relative accuracy near 0 */
INLINE double log1p_of(double u) {
    double s = u / (2 + u), z = s * s;
    return s * HORNER_6(two_atanh, z);
}

/* 1 - Phi(x) for x ≥ 0, to full relative accuracy in the tail */
INLINE double normal_tail_of(double x) {
    double w = 1 / MULTIPLY_ADD(x, 0.2, 1.0);
    return exp_of(-0.5 * x * x) * w * HORNER_12(normal_tail, w);
}

/* --- the activations -------------------------------------------------------------------------------------------- */

INLINE float relu(float x) {
    return 0 > x ? 0 : x; /* one maximum: of NaN and of -0 it gives x */
}

INLINE float relu_general(float x, float max_value, float negative_slope, float threshold) {
    float below = negative_slope * (x - threshold);
    float y = x < threshold ? below : x;
    return x >= max_value ? max_value : y;
}

/* A slope of 0 is no product: -inf becomes 0, as in the plain relu. */
INLINE float relu_cut(float x, float max_value, float threshold) {
    float y = x < threshold ? 0 : x;
    return x >= max_value ? max_value : y;
}

INLINE float leaky_relu(float x, float slope) {
    float below = slope * x;
    return x < 0 ? below : x;
}

INLINE float clip(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

INLINE double elu(double x, double alpha) {
    double below = alpha * expm1_of(x);
    return x < 0 ? below : x;
}

INLINE double selu(double x) {
    const double scale = 1.0507009873554804934, alpha = 1.6732632423543772848;
    return scale * elu(x, alpha);
}

/* max(0, x) + min(0, alpha · expm1(x / alpha)), whatever the sign of alpha */
INLINE double celu(double x, double alpha) {
    double below = alpha * expm1_of(x / alpha);
    return x < 0 ? below : x;
}

INLINE double gelu(double x) {
    double tail = normal_tail_of(__builtin_fabs(x));
    double above = 1 - tail;
    return x * (x < 0 ? tail : above);
}

INLINE double silu(double x) {
    return x / (1 + exp_of(-x));
}

/* x/2 · (1 + tanh(y)) = x / (1 + exp(-2y)) with y = √(2/π) · (x + 0.044715 x³) */
INLINE double gelu_tanh(double x) {
    double minus_2y = -1.5957691216057308 * x * (1 + 0.044715 * x * x);
    return x / (1 + exp_of(minus_2y));
}

INLINE double sigmoid(double x) {
    return 1 / (1 + exp_of(-x));
}

INLINE double hard_sigmoid(double x, double alpha, double beta) {
    return cut(alpha * x + beta, 0, 1);
}

INLINE double tanh_of(double x) {
    double e = expm1_of(-2 * __builtin_fabs(x));
    return __builtin_copysign(e / (2 + e), x);
}

INLINE double softplus(double x) {
    double above = x > 0 ? x : 0;
    return above + log1p_of(exp_of(-__builtin_fabs(x)));
}

INLINE double softsign(double x) {
    return x / (1 + __builtin_fabs(x));
}

INLINE double hard_swish(double x) {
    return x * cut((x + 3) / 6, 0, 1);
}

/* tanh(log(1 + e)) = n / (n + 2) with n = e² + 2e; above 40 that is 1, and e² would overflow later. */
INLINE double mish(double x) {
    double e = exp_of(x > 40 ? 40 : x), n = e * (e + 2);
    return x * n / (n + 2);
}

/* --- element by element ----------------------------------------------------------------------------------------- */

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

static void elementwise(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride,
                        const float *restrict bias, size_t column0) {
    const float p0 = activation->parameter[0], p1 = activation->parameter[1], p2 = activation->parameter[2];
    const float *restrict slope = activation->slope != NULL ? activation->slope + column0 : NULL;
    switch (activation->id) {
    case SRV_ACTIVATION_LINEAR:
    case SRV_ACTIVATION_SOFTMAX:
    case SRV_ACTIVATION_LOG_SOFTMAX:
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
        EACH(softplus(x));
    case SRV_ACTIVATION_SOFTSIGN:
        EACH(softsign(x));
    case SRV_ACTIVATION_SILU:
        EACH(silu(x));
    case SRV_ACTIVATION_HARD_SWISH:
        EACH(hard_swish(x));
    case SRV_ACTIVATION_MISH:
        EACH(mish(x));
    case SRV_ACTIVATION_EXPONENTIAL:
        EACH(exp_of(x));
    }
}

/* --- row by row -------------------------------------------------------------------------------------------------- */

/* The last columns of a row that fill no whole block, followed by -inf, which adds nothing to a sum.  Loops with an `if`, as
 * compilers make masked loads and stores of them; a memcpy of variable length would cost more than the exponentials. */
INLINE void load_rest(float *restrict block, const float *restrict row, size_t rest) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        block[i] = i < rest ? row[i] : -INFINITY;
    }
}

INLINE void store_rest(float *restrict row, const float *restrict block, size_t rest) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        if (i < rest) {
            row[i] = block[i];
        }
    }
}

/* Lane i sums the columns i, i + 16, …; then the lanes are added in pairs: the order depends on `columns` alone. */
INLINE double sum_of_lanes(const double *lanes) {
    double eight[8], four[4];
    for (size_t i = 0; i < 8; i++) {
        eight[i] = lanes[i] + lanes[i + 8];
    }
    for (size_t i = 0; i < 4; i++) {
        four[i] = eight[i] + eight[i + 4];
    }
    return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE float greater(float a, float b) {
    return a < b ? b : a; /* a if b is NaN: the sum will meet it */
}

INLINE float max_of_lanes(const float *lanes) {
    float eight[8], four[4];
    for (size_t i = 0; i < 8; i++) {
        eight[i] = greater(lanes[i], lanes[i + 8]);
    }
    for (size_t i = 0; i < 4; i++) {
        four[i] = greater(eight[i], eight[i + 4]);
    }
    return greater(greater(four[0], four[2]), greater(four[1], four[3]));
}

INLINE void keep_max(float *restrict lanes, const float *restrict values) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        lanes[i] = greater(lanes[i], values[i]);
    }
}

/* log(1 + u) for any u ≥ 0 or NaN */
static double log1p_any(double u) {
    if (!(u > 1)) {
        return log1p_of(u);
    }
    double mantissa = 1 + u;
    uint64_t bits;
    memcpy(&bits, &mantissa, sizeof bits);
    double exponent = (double)(int)((bits >> 52) - 1023);
    bits = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1023 << 52;
    memcpy(&mantissa, &bits, sizeof mantissa);
    return exponent * LN_2 + log1p_of(mantissa - 1);
}

/* values become exp(value - max), which are added to the lanes of the sum */
INLINE void softmax_exponentials(float *restrict values, double max, double *restrict sum) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        double e = exp_of(values[i] - max);
        sum[i] += e;
        values[i] = (float)e;
    }
}

INLINE void softmax_scale(float *values, double scale) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        values[i] = (float)(values[i] * scale);
    }
}

static void softmax(float *row, size_t columns, double max) {
    const size_t whole = WHOLE(columns), rest = columns - whole;
    double sum[SRV_LANES] = {0};
    for (size_t c = 0; c < whole; c += SRV_LANES) {
        softmax_exponentials(row + c, max, sum);
    }
    float last[SRV_LANES];
    if (rest > 0) {
        load_rest(last, row + whole, rest);
        softmax_exponentials(last, max, sum);
    }
    const double scale = 1 / sum_of_lanes(sum);
    for (size_t c = 0; c < whole; c += SRV_LANES) {
        softmax_scale(row + c, scale);
    }
    if (rest > 0) {
        softmax_scale(last, scale);
        store_rest(row + whole, last, rest);
    }
}

/* Adds exp(value - max) of those below the maximum to one sum and the number of those at it to another, so that nothing is
 * lost where log(sum) is near 0.  A NaN, as the difference of two infinities is, goes into the first. */
INLINE void log_softmax_sums(const float *restrict values, double max, double *restrict below, double *restrict at) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        double difference = values[i] - max;
        double is_at = difference < 0 ? 0 : 1;
        below[i] += exp_of(difference) - is_at; /* exp(0) is exactly 1 */
        at[i] += is_at;
    }
}

INLINE void log_softmax_subtract(float *values, double max, double log_sum) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        values[i] = (float)(values[i] - max - log_sum);
    }
}

static void log_softmax(float *row, size_t columns, double max) {
    const size_t whole = WHOLE(columns), rest = columns - whole;
    double below[SRV_LANES] = {0}, at[SRV_LANES] = {0};
    for (size_t c = 0; c < whole; c += SRV_LANES) {
        log_softmax_sums(row + c, max, below, at);
    }
    float last[SRV_LANES];
    if (rest > 0) {
        load_rest(last, row + whole, rest);
        log_softmax_sums(last, max, below, at);
    }
    const double log_sum = log1p_any(sum_of_lanes(below) + (sum_of_lanes(at) - 1));
    for (size_t c = 0; c < whole; c += SRV_LANES) {
        log_softmax_subtract(row + c, max, log_sum);
    }
    if (rest > 0) {
        log_softmax_subtract(last, max, log_sum);
        store_rest(row + whole, last, rest);
    }
}

static float max_of_row(const float *row, size_t columns) {
    const size_t whole = WHOLE(columns);
    float lanes[SRV_LANES];
    load_rest(lanes, row + whole, columns - whole);
    for (size_t c = 0; c < whole; c += SRV_LANES) {
        keep_max(lanes, row + c);
    }
    return max_of_lanes(lanes);
}

static void rowwise(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        float *row = values + r * stride;
        if (activation->id == SRV_ACTIVATION_SOFTMAX) {
            softmax(row, columns, max_of_row(row, columns));
        } else {
            log_softmax(row, columns, max_of_row(row, columns));
        }
    }
}

#define TABLE_OF(set) srv__activation_##set
#define NAME_OF(set) #set
#define TABLE(set) TABLE_OF(set)
#define NAME(set) NAME_OF(set)

const srv_activation_kernels TABLE(SRV_KERNEL_SUFFIX) = {NAME(SRV_KERNEL_SUFFIX), elementwise, rowwise};
