/* Every activation of every kernel set that this CPU has, against its formula in long double. */
#include "activate.h"
#include "check.h"
#include "floats.h"

#include <float.h>

/* The promise is 4; these are what the kernels are built for, so that a fit gone worse is seen. */
#define MAX_ULP 0.52L
#define MAX_ULP_RELU 1.5L /* a float difference, then a float product */
#define PER_EXPONENT 48   /* random mantissas for each exponent and sign */
#define PER_RANGE 40000   /* evenly spaced values in each range of dense_ranges */

static const float dense_ranges[][2] = {{-1, 1}, {-4, 4}, {-16, 16}, {-110, 110}};

/* --- the formulas ------------------------------------------------------------------------------------------------ */

static long double clip(long double x, long double low, long double high) {
    return isnan(x) ? x : fminl(fmaxl(x, low), high);
}

/* The formula as it is usually written, but for sums that would cancel: those are the same function, well conditioned. */
static long double formula(const srv_activation *a, long double x, float slope) {
    const long double p0 = a->parameter[0], p1 = a->parameter[1], p2 = a->parameter[2];
    switch (a->id) {
    case SRV_ACTIVATION_RELU:
        if (x >= p0) {
            return p0;
        }
        if (x < p2) {
            return p1 == 0 ? 0 : p1 * (x - p2);
        }
        return x;
    case SRV_ACTIVATION_LEAKY_RELU:
        return x < 0 ? p0 * x : x;
    case SRV_ACTIVATION_PRELU:
        return x < 0 ? slope * x : x;
    case SRV_ACTIVATION_ELU:
        return x < 0 ? p0 * expm1l(x) : x;
    case SRV_ACTIVATION_SELU:
        return 1.0507009873554804934193349852946L * (x < 0 ? 1.6732632423543772848170429916717L * expm1l(x) : x);
    case SRV_ACTIVATION_CELU:
        return isnan(x) ? x : fmaxl(0, x) + fminl(0, p0 * expm1l(x / p0));
    case SRV_ACTIVATION_GELU:
        return x * (erfcl(-x * sqrtl(0.5L)) / 2);
    case SRV_ACTIVATION_GELU_TANH: { /* (1 + tanh(y)) / 2 = 1 / (1 + exp(-2y)) */
        const long double root = sqrtl(2 / 3.14159265358979323846264338327950288L);
        return x * (1 / (1 + expl(-2 * root * (x + 0.044715L * x * x * x))));
    }
    case SRV_ACTIVATION_SIGMOID:
        return 1 / (1 + expl(-x));
    case SRV_ACTIVATION_HARD_SIGMOID:
        return clip(p0 * x + p1, 0, 1);
    case SRV_ACTIVATION_TANH:
        return tanhl(x);
    case SRV_ACTIVATION_HARD_TANH:
        return clip(x, p0, p1);
    case SRV_ACTIVATION_SOFTPLUS: {
        const long double scaled = p0 * x;
        if (isnan(x) || scaled > p1) {
            return x;
        }
        return (fmaxl(scaled, 0) + log1pl(expl(-fabsl(scaled)))) / p0;
    }
    case SRV_ACTIVATION_SOFTSIGN:
        return x / (1 + fabsl(x));
    case SRV_ACTIVATION_SILU:
        return x * (1 / (1 + expl(-p0 * x)));
    case SRV_ACTIVATION_HARD_SWISH:
        return x * clip(x / 6 + 0.5L, 0, 1);
    case SRV_ACTIVATION_MISH:
        return x * tanhl(fmaxl(x, 0) + log1pl(expl(-fabsl(x))));
    case SRV_ACTIVATION_EXPONENTIAL:
        return expl(x);
    case SRV_ACTIVATION_ABS:
        return fabsl(x);
    case SRV_ACTIVATION_SQUARE:
        return x * x;
    case SRV_ACTIVATION_SQRT:
        return sqrtl(x);
    case SRV_ACTIVATION_LOG:
        return logl(x);
    case SRV_ACTIVATION_ERF:
        return erfl(x);
    case SRV_ACTIVATION_RECIPROCAL:
        return 1 / x;
    case SRV_ACTIVATION_SIGN:
        return isnan(x) ? x : (x > 0) - (x < 0);
    case SRV_ACTIVATION_FLOOR:
        return floorl(x);
    case SRV_ACTIVATION_CEIL:
        return ceill(x);
    case SRV_ACTIVATION_ROUND:
        return rintl(x);
    case SRV_ACTIVATION_SIN:
        return sinl(x);
    case SRV_ACTIVATION_COS:
        return cosl(x);
    case SRV_ACTIVATION_THRESHOLDED_RELU:
        return x > p0 || isnan(x) ? x : 0;
    case SRV_ACTIVATION_THRESHOLD:
        return x > p0 || isnan(x) ? x : p1;
    case SRV_ACTIVATION_HARD_SHRINK:
        return x > p0 || x < -p0 || isnan(x) ? x : 0;
    case SRV_ACTIVATION_SOFT_SHRINK:
        return x > p0 ? x - p0 : x < -p0 ? x + p0 : isnan(x) ? x : 0;
    case SRV_ACTIVATION_TANH_SHRINK: /* the series is better than the difference until x⁷ tells */
        return fabsl(x) < 1e-3L ? x * x * x * (1 / 3.0L - x * x * (2 / 15.0L - x * x * (17 / 315.0L))) : x - tanhl(x);
    case SRV_ACTIVATION_LOG_SIGMOID:
        return isnan(x) ? x : fminl(x, 0) - log1pl(expl(-fabsl(x)));
    case SRV_ACTIVATION_SQUAREPLUS:
        return (x < 0 && x > -INFINITY ? p0 / (sqrtl(x * x + p0) - x) : x + sqrtl(x * x + p0)) / 2;
    case SRV_ACTIVATION_SPARSE_PLUS:
        return x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x;
    case SRV_ACTIVATION_SPARSE_SIGMOID:
        return clip((x + 1) / 2, 0, 1);
    default:
        return x;
    }
}

/* --- what is tried ----------------------------------------------------------------------------------------------- */

typedef struct activation_case {
    const char *name;
    srv_activation activation;
} activation_case;

#define CASE(label, ID, ...)                                      \
    {                                                             \
        label, {                                                  \
            .id = SRV_ACTIVATION_##ID, .parameter = {__VA_ARGS__} \
        }                                                         \
    }

static const activation_case cases[] = {
    CASE("linear", LINEAR, 0),
    CASE("relu", RELU, INFINITY, 0, 0),
    CASE("relu 6", RELU, 6, 0, 0),
    CASE("relu threshold 1", RELU, INFINITY, 0, 1),
    CASE("relu 6, 0.1, -2", RELU, 6, 0.1F, -2),
    CASE("relu 1, 0.1, 3", RELU, 1, 0.1F, 3),
    CASE("leaky_relu", LEAKY_RELU, 0.01F),
    CASE("leaky_relu 0", LEAKY_RELU, 0),
    CASE("prelu", PRELU, 0),
    CASE("elu", ELU, 1),
    CASE("elu 0.3", ELU, 0.3F),
    CASE("selu", SELU, 0),
    CASE("celu", CELU, 1),
    CASE("celu 0.7", CELU, 0.7F),
    CASE("celu -2", CELU, -2),
    CASE("gelu", GELU, 0),
    CASE("gelu_tanh", GELU_TANH, 0),
    CASE("sigmoid", SIGMOID, 0),
    CASE("hard_sigmoid 0.2", HARD_SIGMOID, 0.2F, 0.5F),
    CASE("hard_sigmoid 1/6", HARD_SIGMOID, 1.0F / 6, 0.5F),
    CASE("tanh", TANH, 0),
    CASE("hard_tanh", HARD_TANH, -1, 1),
    CASE("hard_tanh -2 0.5", HARD_TANH, -2, 0.5F),
    CASE("softplus", SOFTPLUS, 1, INFINITY),
    CASE("softplus 1 20", SOFTPLUS, 1, 20),
    CASE("softplus 0.3", SOFTPLUS, 0.3F, INFINITY),
    CASE("softplus 2 5", SOFTPLUS, 2, 5),
    CASE("softsign", SOFTSIGN, 0),
    CASE("silu", SILU, 1),
    CASE("silu 1.7", SILU, 1.7F),
    CASE("silu -0.4", SILU, -0.4F),
    CASE("hard_swish", HARD_SWISH, 0),
    CASE("mish", MISH, 0),
    CASE("exponential", EXPONENTIAL, 0),
    CASE("abs", ABS, 0),
    CASE("square", SQUARE, 0),
    CASE("sqrt", SQRT, 0),
    CASE("log", LOG, 0),
    CASE("erf", ERF, 0),
    CASE("reciprocal", RECIPROCAL, 0),
    CASE("sign", SIGN, 0),
    CASE("floor", FLOOR, 0),
    CASE("ceil", CEIL, 0),
    CASE("round", ROUND, 0),
    CASE("sin", SIN, 0),
    CASE("cos", COS, 0),
    CASE("thresholded_relu", THRESHOLDED_RELU, 1),
    CASE("threshold", THRESHOLD, 0.5F, -7),
    CASE("hard_shrink", HARD_SHRINK, 0.5F),
    CASE("soft_shrink", SOFT_SHRINK, 0.5F),
    CASE("tanh_shrink", TANH_SHRINK, 0),
    CASE("log_sigmoid", LOG_SIGMOID, 0),
    CASE("squareplus", SQUAREPLUS, 4),
    CASE("squareplus 0", SQUAREPLUS, 0),
    CASE("sparse_plus", SPARSE_PLUS, 0),
    CASE("sparse_sigmoid", SPARSE_SIGMOID, 0),
};

#define CASES (sizeof cases / sizeof *cases)

static size_t add_neighbours(float *out, float x) {
    const float both[] = {x, -x};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        out[count++] = both[i];
        out[count++] = nextafterf(both[i], INFINITY);
        out[count++] = nextafterf(both[i], -INFINITY);
    }
    return count;
}

/* All kinds of float: special ones, thresholds and their neighbours, every exponent, dense ranges; padded with 0. */
static float *inputs(size_t *count) {
    static const float special[] = {0,      FLT_TRUE_MIN, FLT_MIN,    FLT_MAX, 1,     2,    2.5F,  3,     6,
                                    0.5F,   13,           14.4F,      15,      40,    80,   87.3F, 88.7F, 90,
                                    103.9F, 104,          0.3465736F, 1e-4F,   1e-7F, 1e4F, 709,   710,   1e30F};
    const size_t specials = sizeof special / sizeof *special, ranges = sizeof dense_ranges / sizeof *dense_ranges;
    const size_t capacity = specials * 6 + 5 + (size_t)255 * 2 * PER_EXPONENT + ranges * PER_RANGE + SRV_LANES;
    float *x = floats(capacity);
    size_t n = 0;
    for (size_t i = 0; i < specials; i++) {
        n += add_neighbours(x + n, special[i]);
    }
    x[n++] = INFINITY;
    x[n++] = -INFINITY;
    x[n++] = NAN;
    x[n++] = -NAN;
    x[n++] = from_bits(0x7fa00001); /* signalling */
    uint64_t state = 88172645463325252U;
    for (uint32_t exponent = 0; exponent < 255; exponent++) {
        for (size_t i = 0; i < 2 * PER_EXPONENT; i++) {
            x[n++] = from_bits((uint32_t)(i & 1) << 31 | exponent << 23 | next_random(&state) >> 9);
        }
    }
    for (size_t range = 0; range < ranges; range++) {
        const float low = dense_ranges[range][0], high = dense_ranges[range][1];
        for (size_t i = 0; i < PER_RANGE; i++) {
            x[n++] = low + (high - low) * ((float)i + (float)(next_random(&state) >> 8) * 0x1p-24F) / PER_RANGE;
        }
    }
    while (n % SRV_LANES != 0) {
        x[n++] = 0;
    }
    *count = n;
    return x;
}

TEST(every_activation_is_as_near_its_formula_as_promised) {
    size_t sets, count;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    float *x = inputs(&count), *y = floats(count), *slope = floats(count);
    long double *wanted = malloc(count * sizeof *wanted);
    CHECK(wanted != NULL);
    for (size_t i = 0; i < count; i++) {
        slope[i] = 0.25F - 0.1F * (float)(i % 5);
    }
    printf("greatest error in ulp (of float):");
    for (size_t s = 0; s < sets; s++) {
        printf(" %s", all[s]->name);
    }
    printf("\n");
    for (size_t k = 0; k < CASES && wanted != NULL; k++) {
        srv_activation activation = cases[k].activation;
        activation.slope = activation.id == SRV_ACTIVATION_PRELU ? slope : NULL;
        for (size_t i = 0; i < count; i++) {
            wanted[i] = formula(&activation, x[i], slope[i]);
        }
        printf("  %-18s", cases[k].name);
        for (size_t s = 0; s < sets; s++) {
            memcpy(y, x, count * sizeof *x);
            all[s]->elementwise(&activation, y, 1, count, count, NULL, 0);
            long double worst = 0;
            size_t at = 0;
            for (size_t i = 0; i < count; i++) {
                const long double error = ulps(y[i], wanted[i]);
                if (error > worst) {
                    worst = error;
                    at = i;
                }
            }
            const long double allowed = activation.id == SRV_ACTIVATION_RELU ? MAX_ULP_RELU : MAX_ULP;
            printf(" %.4Lf", worst);
            if (!(worst <= allowed)) {
                fprintf(stderr, "\n%s, %s: f(%a = %g) is %a = %g, not %La = %Lg\n", all[s]->name, cases[k].name, x[at],
                        x[at], y[at], y[at], wanted[at], wanted[at]);
            }
            CHECK(worst <= allowed);
        }
        printf("\n");
    }
    free(wanted);
    free(slope);
    free(y);
    free(x);
}

typedef struct expectation {
    srv_activation_id id;
    float x, y;
} expectation;

/* Limits and zeros, written out: these must not change with the formula above. */
TEST(special_values) {
    static const expectation wanted[] = {
        {SRV_ACTIVATION_RELU, NAN, NAN},
        {SRV_ACTIVATION_RELU, -INFINITY, 0},
        {SRV_ACTIVATION_RELU, -0.0F, -0.0F},
        {SRV_ACTIVATION_LEAKY_RELU, NAN, NAN},
        {SRV_ACTIVATION_LEAKY_RELU, -INFINITY, -INFINITY},
        {SRV_ACTIVATION_ELU, -INFINITY, -1},
        {SRV_ACTIVATION_ELU, -0.0F, -0.0F},
        {SRV_ACTIVATION_ELU, -FLT_TRUE_MIN, -FLT_TRUE_MIN},
        {SRV_ACTIVATION_SELU, INFINITY, INFINITY},
        {SRV_ACTIVATION_CELU, -INFINITY, -1},
        {SRV_ACTIVATION_GELU, INFINITY, INFINITY},
        {SRV_ACTIVATION_GELU, -INFINITY, NAN}, /* -inf · 0 */
        {SRV_ACTIVATION_GELU, -0.0F, -0.0F},
        {SRV_ACTIVATION_GELU_TANH, -INFINITY, NAN},
        {SRV_ACTIVATION_SIGMOID, -INFINITY, 0},
        {SRV_ACTIVATION_SIGMOID, INFINITY, 1},
        {SRV_ACTIVATION_SIGMOID, 0, 0.5F},
        {SRV_ACTIVATION_HARD_SIGMOID, NAN, NAN},
        {SRV_ACTIVATION_TANH, -INFINITY, -1},
        {SRV_ACTIVATION_TANH, -0.0F, -0.0F},
        {SRV_ACTIVATION_TANH, FLT_TRUE_MIN, FLT_TRUE_MIN},
        {SRV_ACTIVATION_HARD_TANH, NAN, NAN},
        {SRV_ACTIVATION_SOFTPLUS, -INFINITY, 0},
        {SRV_ACTIVATION_SOFTPLUS, INFINITY, INFINITY},
        {SRV_ACTIVATION_SOFTSIGN, INFINITY, NAN}, /* inf / inf */
        {SRV_ACTIVATION_SILU, INFINITY, INFINITY},
        {SRV_ACTIVATION_SILU, -INFINITY, NAN},
        {SRV_ACTIVATION_SILU, -FLT_MAX, -0.0F},
        {SRV_ACTIVATION_HARD_SWISH, -INFINITY, NAN},
        {SRV_ACTIVATION_HARD_SWISH, -3, -0.0F},
        {SRV_ACTIVATION_MISH, -INFINITY, NAN},
        {SRV_ACTIVATION_MISH, INFINITY, INFINITY},
        {SRV_ACTIVATION_EXPONENTIAL, -INFINITY, 0},
        {SRV_ACTIVATION_EXPONENTIAL, INFINITY, INFINITY},
        {SRV_ACTIVATION_EXPONENTIAL, 0, 1},
        {SRV_ACTIVATION_ABS, -INFINITY, INFINITY},
        {SRV_ACTIVATION_SQRT, -1, NAN},
        {SRV_ACTIVATION_SQRT, -0.0F, -0.0F},
        {SRV_ACTIVATION_LOG, 0, -INFINITY},
        {SRV_ACTIVATION_LOG, -0.0F, -INFINITY},
        {SRV_ACTIVATION_LOG, -1, NAN},
        {SRV_ACTIVATION_LOG, -INFINITY, NAN},
        {SRV_ACTIVATION_LOG, INFINITY, INFINITY},
        {SRV_ACTIVATION_LOG, 1, 0},
        {SRV_ACTIVATION_ERF, INFINITY, 1},
        {SRV_ACTIVATION_ERF, -INFINITY, -1},
        {SRV_ACTIVATION_ERF, -0.0F, -0.0F},
        {SRV_ACTIVATION_RECIPROCAL, -0.0F, -INFINITY},
        {SRV_ACTIVATION_SIGN, NAN, NAN},
        {SRV_ACTIVATION_SIGN, 0, 0},
        {SRV_ACTIVATION_SIGN, -FLT_TRUE_MIN, -1},
        {SRV_ACTIVATION_FLOOR, -0.5F, -1},
        {SRV_ACTIVATION_FLOOR, -INFINITY, -INFINITY},
        {SRV_ACTIVATION_CEIL, -0.5F, -0.0F},
        {SRV_ACTIVATION_ROUND, 0.5F, 0},
        {SRV_ACTIVATION_ROUND, 1.5F, 2},
        {SRV_ACTIVATION_ROUND, 2.5F, 2},
        {SRV_ACTIVATION_ROUND, -2.5F, -2},
        {SRV_ACTIVATION_ROUND, NAN, NAN},
        {SRV_ACTIVATION_SIN, INFINITY, NAN},
        {SRV_ACTIVATION_SIN, -0.0F, -0.0F},
        {SRV_ACTIVATION_SIN, 1e30F, -0.79116344F},
        {SRV_ACTIVATION_COS, -INFINITY, NAN},
        {SRV_ACTIVATION_COS, 0, 1},
        {SRV_ACTIVATION_THRESHOLDED_RELU, 1, 0},
        {SRV_ACTIVATION_THRESHOLDED_RELU, NAN, NAN},
        {SRV_ACTIVATION_HARD_SHRINK, -0.5F, 0},
        {SRV_ACTIVATION_HARD_SHRINK, NAN, NAN},
        {SRV_ACTIVATION_SOFT_SHRINK, -INFINITY, -INFINITY},
        {SRV_ACTIVATION_SOFT_SHRINK, NAN, NAN},
        {SRV_ACTIVATION_TANH_SHRINK, INFINITY, INFINITY},
        {SRV_ACTIVATION_LOG_SIGMOID, INFINITY, 0},
        {SRV_ACTIVATION_LOG_SIGMOID, -INFINITY, -INFINITY},
        {SRV_ACTIVATION_SQUAREPLUS, -INFINITY, NAN}, /* -inf + inf */
        {SRV_ACTIVATION_SQUAREPLUS, INFINITY, INFINITY},
        {SRV_ACTIVATION_SQUAREPLUS, 0, 1},
        {SRV_ACTIVATION_SPARSE_PLUS, -INFINITY, 0},
        {SRV_ACTIVATION_SPARSE_SIGMOID, INFINITY, 1},
    };
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    for (size_t s = 0; s < sets; s++) {
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            srv_activation activation = {.id = wanted[i].id};
            for (int p = 0; p < 3; p++) {
                srv_activation_parameter(activation.id, p, &activation.parameter[p]);
            }
            float values[SRV_LANES] = {[5] = wanted[i].x};
            all[s]->elementwise(&activation, values, 1, SRV_LANES, SRV_LANES, NULL, 0);
            const float got = values[5];
            const bool same = isnan(wanted[i].y) ? isnan(got) : bits_of(got) == bits_of(wanted[i].y);
            if (!same) {
                fprintf(stderr, "%s: %s(%g) is %g, not %g\n", all[s]->name, srv_activation_name(activation.id),
                        wanted[i].x, got, wanted[i].y);
            }
            CHECK(same);
        }
    }
}

/* --- a value's bits depend on the value alone -------------------------------------------------------------------- */

TEST(place_neighbours_rows_and_fused_bias_change_no_bit) {
    enum { ROWS = 5, COLUMNS = 112, STRIDE = 144, COLUMN0 = 32 };
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    float *block = floats(ROWS * STRIDE), *bias = floats(COLUMNS), *slope = floats(COLUMN0 + COLUMNS);
    float *before = floats(ROWS * STRIDE);
    static const float noise[] = {NAN, INFINITY, -INFINITY, -0.0F, FLT_MAX, FLT_TRUE_MIN};
    uint64_t state = 1234567;
    for (size_t c = 0; c < COLUMNS; c++) {
        bias[c] = (float)(next_random(&state) >> 8) * 0x1p-23F - 1;
    }
    for (size_t c = 0; c < COLUMN0 + COLUMNS; c++) {
        slope[c] = (float)(next_random(&state) >> 8) * 0x1p-24F;
    }
    for (size_t s = 0; s < sets; s++) {
        for (size_t k = 0; k < CASES; k++) {
            srv_activation activation = cases[k].activation;
            activation.slope = activation.id == SRV_ACTIVATION_PRELU ? slope : NULL;
            for (size_t i = 0; i < ROWS * STRIDE; i++) {
                const float random = ((float)(next_random(&state) >> 8) * 0x1p-23F - 1) * (i % 3 == 0 ? 100 : 4);
                before[i] = next_random(&state) % 4 == 0 ? noise[next_random(&state) % 6] : random;
            }
            memcpy(block, before, ROWS * STRIDE * sizeof *block);
            all[s]->elementwise(&activation, block, ROWS, COLUMNS, STRIDE, bias, COLUMN0);
            for (size_t i = 0; i < ROWS * STRIDE; i++) {
                const size_t c = i % STRIDE;
                if (c >= COLUMNS) { /* between two rows: another's */
                    CHECK(bits_of(block[i]) == bits_of(before[i]));
                    continue;
                }
                /* alone, at another place, the bias already added and no neighbours but zeros */
                float alone[SRV_LANES] = {0};
                float alone_slope[SRV_LANES] __attribute__((aligned(64))) = {0};
                const size_t place = (c * 7 + 3) % SRV_LANES;
                alone[place] = before[i] + bias[c];
                alone_slope[place] = slope[COLUMN0 + c];
                activation.slope = activation.id == SRV_ACTIVATION_PRELU ? alone_slope : NULL;
                all[s]->elementwise(&activation, alone, 1, SRV_LANES, SRV_LANES, NULL, 0);
                const bool same =
                    bits_of(alone[place]) == bits_of(block[i]) || (isnan(alone[place]) && isnan(block[i]));
                if (!same) {
                    fprintf(stderr, "%s, %s: column %zu of %g: %a, alone %a\n", all[s]->name, cases[k].name, c,
                            before[i], block[i], alone[place]);
                }
                CHECK(same);
            }
        }
    }
    free(before);
    free(slope);
    free(bias);
    free(block);
}

/* --- names ------------------------------------------------------------------------------------------------------- */

TEST(names_and_parameters) {
    srv_activation_id id;
    float preset = -1;
    CHECK(srv_activation_find("gelu_tanh", &id) && id == SRV_ACTIVATION_GELU_TANH);
    CHECK(!srv_activation_find("gelu_", &id));
    CHECK(!srv_activation_find("", &id));
    CHECK_TEXT(srv_activation_name(SRV_ACTIVATION_LOG_SOFTMAX), "log_softmax");
    CHECK_TEXT(srv_activation_parameter(SRV_ACTIVATION_RELU, 0, &preset), "max_value");
    CHECK(isinf(preset));
    CHECK_TEXT(srv_activation_parameter(SRV_ACTIVATION_HARD_SIGMOID, 1, &preset), "beta");
    CHECK(preset == 0.5F);
    CHECK(srv_activation_parameter(SRV_ACTIVATION_HARD_SIGMOID, 2, &preset) == NULL);
    CHECK(srv_activation_parameter(SRV_ACTIVATION_RELU, -1, &preset) == NULL);
    CHECK(srv_activation_parameter(SRV_ACTIVATION_RELU, 3, &preset) == NULL);
#define XX(ID, name, p0, d0, p1, d1, p2, d2) CHECK(srv_activation_find(name, &id) && id == SRV_ACTIVATION_##ID);
    SRV_ACTIVATION_MAP(XX)
#undef XX
    CHECK(srv_activation_is_rowwise(SRV_ACTIVATION_SOFTMAX) && srv_activation_is_rowwise(SRV_ACTIVATION_LOG_SOFTMAX));
    CHECK(srv_activation_is_rowwise(SRV_ACTIVATION_SOFTMIN) && srv_activation_is_rowwise(SRV_ACTIVATION_SPARSEMAX));
    CHECK(!srv_activation_is_rowwise(SRV_ACTIVATION_SILU));
    CHECK_TEXT(srv_activation_parameter(SRV_ACTIVATION_SILU, 0, &preset), "beta");
    CHECK(preset == 1);
}

TEST(the_best_set_is_taken) {
    size_t sets;
    const srv_activation_kernels *const *all = srv_activation_kernels_all(&sets);
    CHECK(sets >= 1);
    CHECK_TEXT(all[0]->name, "generic");
    CHECK(srv_activation_kernels_for_cpu() == all[sets - 1]);
}

TEST_MAIN(RUN(every_activation_is_as_near_its_formula_as_promised); RUN(special_values);
          RUN(place_neighbours_rows_and_fused_bias_change_no_bit); RUN(names_and_parameters);
          RUN(the_best_set_is_taken))
