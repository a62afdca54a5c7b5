/* The activations as functions of one number, or what they are made of.  Part of activate_kernels.h.
 *
 * relu and its like stay in float, where they are exact or rounded twice at most; all others are computed in double and
 * rounded to float once.
 */
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

INLINE float threshold_to(float x, float threshold, float value) {
    return x <= threshold ? value : x;
}

INLINE float hard_shrink(float x, float lambda) {
    return __builtin_fabsf(x) <= lambda ? 0 : x;
}

INLINE float soft_shrink(float x, float lambda) {
    float y = x > lambda ? x - lambda : 0;
    y = x < -lambda ? x + lambda : y;
    return x != x ? x : y;
}

INLINE float sign(float x) {
    float y = x > 0 ? 1 : 0;
    y = x < 0 ? -1 : y;
    return x != x ? x : y;
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

INLINE double silu_general(double x, double beta) {
    return x / (1 + exp_of(-beta * x));
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

INLINE double softplus(double x) {
    double above = x > 0 ? x : 0;
    return above + log1p_of(exp_of(-__builtin_fabs(x)));
}

/* As PyTorch has it: the identity where beta · x is above the threshold */
INLINE double softplus_general(double x, double beta, double threshold) {
    double y = softplus(beta * x) / beta;
    return beta * x > threshold ? x : y;
}

INLINE double log_sigmoid(double x) {
    double below = x < 0 ? x : 0;
    return below - log1p_of(exp_of(-__builtin_fabs(x)));
}

/* (x + √(x² + b)) / 2; below 0 the same without a difference of two that are nearly equal, but for -inf, where it is NaN */
INLINE double squareplus(double x, double b) {
    double root = __builtin_sqrt(x * x + b);
    double below = b / (root - x) + (x - x);
    return (x < 0 ? below : x + root) / 2;
}

INLINE double sparse_plus(double x) {
    double between = (x + 1) * (x + 1) / 4;
    double y = x < 1 ? between : x;
    return x <= -1 ? 0 : y;
}

INLINE double sparse_sigmoid(double x) {
    return cut((x + 1) / 2, 0, 1);
}

INLINE double tanh_shrink(double x) {
    double near = x * x * x * HORNER_12(tanh_shrinkage, x * x);
    double far = x - tanh_of(x);
    return __builtin_fabs(x) < 1.5 ? near : far;
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
