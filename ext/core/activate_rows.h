/* The activations of whole rows.  Part of activate_kernels.h. */
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

/* Adds the differences from the maximum that are above the threshold, and their number. */
INLINE void sparsemax_sums(const float *restrict values, double max, double threshold, double *restrict sum,
                           double *restrict count) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        double difference = values[i] - max;
        sum[i] += difference > threshold ? difference : 0;
        count[i] += difference > threshold ? 1 : 0;
    }
}

INLINE void sparsemax_cut(float *values, double max, double threshold) {
    for (size_t i = 0; i < SRV_LANES; i++) {
        double above = values[i] - max - threshold;
        values[i] = (float)(above > 0 ? above : 0);
    }
}

/* The point of the simplex that is nearest to the row: max(x - threshold, 0), where the threshold makes the sum 1.  It is
 * found from below: that of all that may be above it leaves out some, and so on until none is left out (Michelot 1986). */
static void sparsemax(float *row, size_t columns, double max) {
    const size_t whole = WHOLE(columns), rest = columns - whole;
    float last[SRV_LANES];
    load_rest(last, row + whole, rest);
    double threshold = -1, above = (double)columns + 1, before;
    do {
        double sum[SRV_LANES] = {0}, count[SRV_LANES] = {0};
        for (size_t c = 0; c < whole; c += SRV_LANES) {
            sparsemax_sums(row + c, max, threshold, sum, count);
        }
        sparsemax_sums(last, max, threshold, sum, count);
        before = above;
        above = sum_of_lanes(count);
        threshold = (sum_of_lanes(sum) - 1) / above;
    } while (above < before);
    for (size_t c = 0; c < whole; c += SRV_LANES) {
        sparsemax_cut(row + c, max, threshold);
    }
    sparsemax_cut(last, max, threshold);
    store_rest(row + whole, last, rest);
}

/* sparsemax compares, and so would not meet a NaN. */
static bool has_nan(const float *row, size_t columns) {
    bool found = false;
    for (size_t c = 0; c < columns; c++) {
        found |= row[c] != row[c];
    }
    return found;
}

static void rowwise(const srv_activation *activation, float *values, size_t rows, size_t columns, size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        float *row = values + r * stride;
        if (activation->id == SRV_ACTIVATION_SOFTMIN) {
            for (size_t c = 0; c < columns; c++) {
                row[c] = -row[c];
            }
        }
        const float max = max_of_row(row, columns);
        if (activation->id == SRV_ACTIVATION_LOG_SOFTMAX) {
            log_softmax(row, columns, max);
        } else if (activation->id != SRV_ACTIVATION_SPARSEMAX) {
            softmax(row, columns, max);
        } else if (__builtin_isfinite(max) && !has_nan(row, columns)) {
            sparsemax(row, columns, max);
        } else {
            for (size_t c = 0; c < columns; c++) {
                row[c] = NAN;
            }
        }
    }
}
