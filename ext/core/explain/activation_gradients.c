#include "activation_gradients.h"

#include <math.h>

#define SQRT_2 1.4142135623730951
#define TWO_BY_ROOT_PI 1.1283791670955126
#define ROOT_TWO_BY_PI 0.7978845608028654
#define BY_ROOT_TWO_PI 0.3989422804014327

static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double gelu(double x) {
    return 0.5 * erfc(-x / SQRT_2) + x * BY_ROOT_TWO_PI * exp(-0.5 * x * x);
}

static double gelu_tanh(double x) {
    double t = tanh(ROOT_TWO_BY_PI * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT_TWO_BY_PI * (1 + 3 * 0.044715 * x * x);
}

static double silu(double x, double beta) {
    double s = sigmoid(beta * x);
    return s + beta * x * s * (1 - s);
}

static double mish(double x) {
    double softplus = x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)), t = tanh(softplus);
    return t + x * (1 - t * t) * sigmoid(x);
}

static double selu(double x) {
    const double scale = 1.0507009873554804934, alpha = 1.6732632423543772848;
    return scale * (x < 0 ? alpha * exp(x) : 1);
}

static double inside(double x, double low, double high, double slope) {
    return x > low && x < high ? slope : 0;
}

double srv_activation_derivative(const srv_activation *activation, size_t column, double x) {
    const double p0 = (double)activation->parameter[0], p1 = (double)activation->parameter[1],
                 p2 = (double)activation->parameter[2];
    switch (activation->id) {
    case SRV_ACTIVATION_RELU:
        return x >= p0 ? 0 : x > p2 ? 1 : p1;
    case SRV_ACTIVATION_LEAKY_RELU:
        return x > 0 ? 1 : p0;
    case SRV_ACTIVATION_PRELU:
        return x > 0 ? 1 : (double)activation->slope[column];
    case SRV_ACTIVATION_ELU:
        return x < 0 ? p0 * exp(x) : 1;
    case SRV_ACTIVATION_SELU:
        return selu(x);
    case SRV_ACTIVATION_CELU:
        return x < 0 ? exp(x / p0) : 1;
    case SRV_ACTIVATION_GELU:
        return gelu(x);
    case SRV_ACTIVATION_GELU_TANH:
        return gelu_tanh(x);
    case SRV_ACTIVATION_SIGMOID:
        return sigmoid(x) * sigmoid(-x);
    case SRV_ACTIVATION_HARD_SIGMOID:
        return inside(p0 * x + p1, 0, 1, p0);
    case SRV_ACTIVATION_TANH:
        return 4 * sigmoid(2 * x) * sigmoid(-2 * x);
    case SRV_ACTIVATION_HARD_TANH:
        return inside(x, p0, p1, 1);
    case SRV_ACTIVATION_SOFTPLUS:
        return p0 * x > p1 ? 1 : sigmoid(p0 * x);
    case SRV_ACTIVATION_SOFTSIGN:
        return 1 / ((1 + fabs(x)) * (1 + fabs(x)));
    case SRV_ACTIVATION_SILU:
        return silu(x, p0);
    case SRV_ACTIVATION_HARD_SWISH:
        return x >= 3 ? 1 : x > -3 ? (2 * x + 3) / 6 : 0;
    case SRV_ACTIVATION_MISH:
        return mish(x);
    case SRV_ACTIVATION_EXPONENTIAL:
        return exp(x);
    case SRV_ACTIVATION_ABS:
        return x > 0 ? 1 : x < 0 ? -1 : 0;
    case SRV_ACTIVATION_SQUARE:
        return 2 * x;
    case SRV_ACTIVATION_SQRT:
        return 0.5 / sqrt(x);
    case SRV_ACTIVATION_LOG:
        return 1 / x;
    case SRV_ACTIVATION_ERF:
        return TWO_BY_ROOT_PI * exp(-x * x);
    case SRV_ACTIVATION_RECIPROCAL:
        return -1 / (x * x);
    case SRV_ACTIVATION_SIN:
        return cos(x);
    case SRV_ACTIVATION_COS:
        return -sin(x);
    case SRV_ACTIVATION_THRESHOLD:
    case SRV_ACTIVATION_THRESHOLDED_RELU:
        return x > p0 ? 1 : 0;
    case SRV_ACTIVATION_HARD_SHRINK:
    case SRV_ACTIVATION_SOFT_SHRINK:
        return fabs(x) > p0 ? 1 : 0;
    case SRV_ACTIVATION_TANH_SHRINK:
        return tanh(x) * tanh(x);
    case SRV_ACTIVATION_LOG_SIGMOID:
        return sigmoid(-x);
    case SRV_ACTIVATION_SQUAREPLUS:
        return 0.5 * (1 + x / sqrt(x * x + p0));
    case SRV_ACTIVATION_SPARSE_PLUS:
        return x >= 1 ? 1 : x > -1 ? (x + 1) / 2 : 0;
    case SRV_ACTIVATION_SPARSE_SIGMOID:
        return inside(x, -1, 1, 0.5);
    case SRV_ACTIVATION_SIGN:
    case SRV_ACTIVATION_FLOOR:
    case SRV_ACTIVATION_CEIL:
    case SRV_ACTIVATION_ROUND:
        return 0;
    case SRV_ACTIVATION_LINEAR:
    case SRV_ACTIVATION_SOFTMAX:
    case SRV_ACTIVATION_LOG_SOFTMAX:
    case SRV_ACTIVATION_SOFTMIN:
    case SRV_ACTIVATION_SPARSEMAX:
        break;
    }
    return 1;
}

/* --- whole rows -------------------------------------------------------------------------------------------------- */

/* softmax of sign · x */
static void softmax(const float *x, size_t columns, double sign, double *out) {
    double greatest = sign * (double)x[0], sum = 0;
    for (size_t c = 1; c < columns; c++) {
        greatest = sign * (double)x[c] > greatest ? sign * (double)x[c] : greatest;
    }
    for (size_t c = 0; c < columns; c++) {
        sum += out[c] = exp(sign * (double)x[c] - greatest);
    }
    for (size_t c = 0; c < columns; c++) {
        out[c] /= sum;
    }
}

/* max(x − t, 0) sums to 1: t by bisection, then exactly from the columns that it leaves above 0. */
static void sparsemax_support(const float *x, size_t columns, double *inside_support) {
    double high = (double)x[0];
    for (size_t c = 1; c < columns; c++) {
        high = (double)x[c] > high ? (double)x[c] : high;
    }
    double low = high - 1;
    for (int i = 0; i < 60; i++) {
        double middle = low + (high - low) / 2, sum = 0;
        for (size_t c = 0; c < columns; c++) {
            sum += (double)x[c] > middle ? (double)x[c] - middle : 0;
        }
        *(sum > 1 ? &low : &high) = middle;
    }
    for (size_t c = 0; c < columns; c++) {
        inside_support[c] = (double)x[c] > high;
    }
}

static void sparsemax_backward(const float *x, const double *g, size_t columns, double *work, double *to) {
    double sum = 0, count = 0;
    sparsemax_support(x, columns, work);
    for (size_t c = 0; c < columns; c++) {
        sum += work[c] * g[c];
        count += work[c];
    }
    for (size_t c = 0; c < columns; c++) {
        to[c] += work[c] != 0 ? g[c] - sum / count : 0;
    }
}

static void softmax_backward(const float *x, const double *g, size_t columns, double sign, double *work, double *to) {
    double sum = 0;
    softmax(x, columns, sign, work);
    for (size_t c = 0; c < columns; c++) {
        sum += g[c] * work[c];
    }
    for (size_t c = 0; c < columns; c++) {
        to[c] += sign * work[c] * (g[c] - sum);
    }
}

static void log_softmax_backward(const float *x, const double *g, size_t columns, double *work, double *to) {
    double sum = 0;
    softmax(x, columns, 1, work);
    for (size_t c = 0; c < columns; c++) {
        sum += g[c];
    }
    for (size_t c = 0; c < columns; c++) {
        to[c] += g[c] - work[c] * sum;
    }
}

void srv_activation_backward(const srv_activation *activation, const float *x, const double *g, size_t columns,
                             double *work, double *to) {
    switch (activation->id) {
    case SRV_ACTIVATION_SOFTMAX:
        softmax_backward(x, g, columns, 1, work, to);
        break;
    case SRV_ACTIVATION_SOFTMIN:
        softmax_backward(x, g, columns, -1, work, to);
        break;
    case SRV_ACTIVATION_LOG_SOFTMAX:
        log_softmax_backward(x, g, columns, work, to);
        break;
    case SRV_ACTIVATION_SPARSEMAX:
        sparsemax_backward(x, g, columns, work, to);
        break;
    default:
        for (size_t c = 0; c < columns; c++) { /* 0 · ∞ is no gradient: nobody asks there */
            to[c] += g[c] != 0 ? g[c] * srv_activation_derivative(activation, c, (double)x[c]) : 0;
        }
    }
}
