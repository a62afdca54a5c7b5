/* One row through the steps; included once for each type of register, with REAL, and RUN for the function's name.
 *
 * Loops are over numbers that lie together; each operation rounds to REAL by itself.  Functions are computed in double
 * precision in either case.
 */
#include "program.h"

#include <math.h>

static void scale(const srv_step *s, const REAL *x, REAL *y) {
    const REAL *factor = s->a, *offset = s->b;
    if (s->one) {
        REAL f = factor[0], o = offset[0];
        for (size_t i = 0; i < s->count; i++) {
            y[i] = x[i] * f + o;
        }
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        y[i] = x[i] * factor[i] + offset[i];
    }
}

static void clip(const srv_step *s, const REAL *x, REAL *y) {
    const REAL *low = s->a, *high = s->b;
    for (size_t i = 0; i < s->count; i++) {
        REAL value = x[i] < low[i] ? low[i] : x[i]; /* a NaN stays one */
        y[i] = value > high[i] ? high[i] : value;
    }
}

static double apply(srv_function function, double x) {
    switch (function) {
    case SRV_FUNCTION_ABS:
        return fabs(x);
    case SRV_FUNCTION_SQRT:
        return sqrt(x);
    case SRV_FUNCTION_CBRT:
        return cbrt(x);
    case SRV_FUNCTION_SQUARE:
        return x * x;
    case SRV_FUNCTION_RECIPROCAL:
        return 1 / x;
    case SRV_FUNCTION_EXP:
        return exp(x);
    case SRV_FUNCTION_EXP2:
        return exp2(x);
    case SRV_FUNCTION_EXPM1:
        return expm1(x);
    case SRV_FUNCTION_LOG:
        return log(x);
    case SRV_FUNCTION_LOG2:
        return log2(x);
    case SRV_FUNCTION_LOG10:
        return log10(x);
    case SRV_FUNCTION_LOG1P:
        return log1p(x);
    case SRV_FUNCTION_SIN:
        return sin(x);
    case SRV_FUNCTION_COS:
        return cos(x);
    case SRV_FUNCTION_TAN:
        return tan(x);
    case SRV_FUNCTION_ARCSIN:
        return asin(x);
    case SRV_FUNCTION_ARCCOS:
        return acos(x);
    case SRV_FUNCTION_ARCTAN:
        return atan(x);
    case SRV_FUNCTION_SINH:
        return sinh(x);
    case SRV_FUNCTION_COSH:
        return cosh(x);
    case SRV_FUNCTION_TANH:
        return tanh(x);
    case SRV_FUNCTION_ARCSINH:
        return asinh(x);
    case SRV_FUNCTION_ARCCOSH:
        return acosh(x);
    case SRV_FUNCTION_ARCTANH:
        return atanh(x);
    case SRV_FUNCTION_FLOOR:
        return floor(x);
    case SRV_FUNCTION_CEIL:
        return ceil(x);
    case SRV_FUNCTION_RINT:
        return rint(x);
    case SRV_FUNCTION_SIGN:
        return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x;
    case SRV_FUNCTION_NEGATIVE:
        return -x;
    }
    return x;
}

/* (e^(lambda · l) − 1) / lambda for l = ln(x): the power transform of x, and l itself where lambda is 0. */
static double power_of_log(double l, double lambda) {
    return fabs(lambda) < 1e-19 ? l : expm1(lambda * l) / lambda;
}

/* Yeo and Johnson 2000; Box and Cox 1964. */
static double transform(srv_power method, double x, double lambda) {
    if (method == SRV_BOX_COX) {
        return power_of_log(log(x), lambda);
    }
    if (x >= 0) {
        return power_of_log(log1p(x), lambda);
    }
    return -power_of_log(log1p(-x), 2 - lambda);
}

static void normalise(const srv_step *s, const REAL *x, REAL *y) {
    double norm = 0;
    for (size_t i = 0; i < s->count; i++) {
        double value = fabs((double)x[i]);
        switch ((srv_row_norm)s->choice) {
        case SRV_ROW_L1:
            norm += value;
            break;
        case SRV_ROW_L2:
            norm += value * value;
            break;
        case SRV_ROW_MAX:
            norm = norm >= value || isnan(norm) ? norm : value;
            break;
        }
    }
    norm = s->choice == SRV_ROW_L2 ? sqrt(norm) : norm;
    REAL divisor = norm == 0 ? 1 : (REAL)norm;
    for (size_t i = 0; i < s->count; i++) {
        y[i] = x[i] / divisor;
    }
}

/* How many values are ≤ x; all of them for a NaN, as numpy sorts it last. */
static size_t count_up_to(const REAL *values, size_t count, REAL x) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x < values[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The first of these ascending values that is x; count if there is none. */
static size_t find(const REAL *values, size_t count, REAL x) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values[middle] < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && values[low] == x ? low : count;
}

static REAL index_of(const srv_step *s, const srv_step_list *list, REAL x) {
    if (isnan(x)) {
        return list->nan_place != SIZE_MAX ? (REAL)list->nan_place : (REAL)s->missing;
    }
    size_t at = find(list->values, list->count, x);
    return at < list->count ? (REAL)list->places[at] : (REAL)s->unknown;
}

/* x as an index below size; size if it is none. */
static size_t as_index(REAL x, size_t size) {
    return x >= 0 && x < (REAL)size && x == (REAL)(size_t)x ? (size_t)x : size;
}

static REAL map_of(const srv_step *s, const srv_step_list *list, REAL x) {
    size_t at = as_index(x, list->count);
    return isnan(x) ? (REAL)s->missing : at < list->count ? ((const REAL *)list->values)[at] : (REAL)s->unknown;
}

static void one_hot(const srv_step *s, const REAL *x, REAL *y) {
    memset(y, 0, s->width * sizeof *y);
    for (size_t i = 0; i < s->count; i++) {
        bool dropped = s->drops[i] != SRV_NO_DROP;
        size_t size = s->offsets[i + 1] - s->offsets[i] + dropped, at = as_index(x[i], size);
        if (at < size && at != s->drops[i]) {
            y[s->offsets[i] + at - (dropped && at > s->drops[i])] = 1;
        }
    }
}

static void multi_hot(const srv_step *s, const REAL *x, REAL *y) {
    memset(y, 0, s->width * sizeof *y);
    for (size_t i = 0; i < s->count; i++) {
        size_t at = as_index(x[i], s->width);
        if (at < s->width) {
            y[at] = s->flag ? y[at] + 1 : 1;
        }
    }
}

static void polynomial(const srv_step *s, const REAL *x, REAL *y) {
    for (size_t i = 0; i < s->width; i++) {
        REAL product = 1;
        for (size_t j = s->offsets[i]; j < s->offsets[i + 1]; j++) {
            product *= x[s->factors[j]];
        }
        y[i] = product;
    }
}

static REAL hash(const srv_step *s, REAL x) {
    return x >= (REAL)-0x1p62 && x <= (REAL)0x1p62 ? (REAL)srv_hash_number(s->hash, (int64_t)x) : NAN;
}

static void write_terms(const srv_step *s, const srv_terms *terms, REAL *y) {
    memset(y, 0, s->width * sizeof *y);
    for (size_t i = 0; i < terms->count; i++) {
        y[terms->list[i].index] = (REAL)terms->list[i].value;
    }
}

#define EACH(expression)                    \
    for (size_t i = 0; i < s->count; i++) { \
        y[i] = (REAL)(expression);          \
    }                                       \
    break

srv_status RUN(const srv_preprocess *preprocess, const srv_text *texts, REAL *registers, srv_terms *terms,
               srv_arena *arena, srv_error *err) {
    for (size_t n = 0; n < preprocess->step_count; n++) {
        const srv_step *s = &preprocess->steps[n];
        const REAL *x = registers + s->from, *a = s->a, *b = s->b;
        REAL *y = registers + s->to;
        switch (s->op) {
        case SRV_STEP_COPY:
            memcpy(y, x, s->count * sizeof *y);
            break;
        case SRV_STEP_SCALE:
            scale(s, x, y);
            break;
        case SRV_STEP_STANDARDISE:
            EACH((x[i] - a[i]) / b[i]);
        case SRV_STEP_IMPUTE:
            EACH(isnan(x[i]) ? a[i] : x[i]);
        case SRV_STEP_IS_MISSING:
            EACH(isnan(x[i]) ? 1 : 0);
        case SRV_STEP_CLIP:
            clip(s, x, y);
            break;
        case SRV_STEP_BINARISE:
            EACH(x[i] > a[i] ? 1 : 0);
        case SRV_STEP_FUNCTION:
            EACH(apply((srv_function)s->choice, (double)x[i]));
        case SRV_STEP_POWER:
            EACH(transform((srv_power)s->choice, (double)x[i], (double)a[i]));
        case SRV_STEP_NORMALISE:
            normalise(s, x, y);
            break;
        case SRV_STEP_BUCKETISE:
            EACH(count_up_to(s->lists[i].values, s->lists[i].count, x[i]));
        case SRV_STEP_INDEX:
            EACH(index_of(s, &s->lists[i], x[i]));
        case SRV_STEP_MAP:
            EACH(map_of(s, &s->lists[i], x[i]));
        case SRV_STEP_ONE_HOT:
            one_hot(s, x, y);
            break;
        case SRV_STEP_MULTI_HOT:
            multi_hot(s, x, y);
            break;
        case SRV_STEP_POLYNOMIAL:
            polynomial(s, x, y);
            break;
        case SRV_STEP_HASH:
            EACH(hash(s, x[i]));
        case SRV_STEP_HASH_TEXT:
            *y = (REAL)srv_hash_text(s->hash, texts[s->from]);
            break;
        case SRV_STEP_COUNT_WORDS:
            if (srv_words_terms(s->words, texts[s->from], arena, &terms[s->to]) != SRV_OK) {
                return srv_fail(err, SRV_NO_MEMORY, "out of memory");
            }
            break;
        case SRV_STEP_WRITE_TERMS:
            write_terms(s, &terms[s->from], y);
            break;
        }
    }
    return SRV_OK;
}
