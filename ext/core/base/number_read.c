/* Decimal → nearest double → nearest float.
 *
 * Nearly every number is settled by one operation on doubles: exactly when digits and power of ten are both exact
 * (Clinger 1990), or, for a float, because the double found is known to a few units in its last place and a float is
 * rounded 29 bits further up.  What remains (about one in 2^25 random decimals, and ties made to measure) is divided
 * out in whole numbers, with as many digits as there are.
 */
#include "number.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define KEPT_DIGITS 19 /* the most that always fit in 64 bits */

/* ±digits × 10^exponent; if cut, at least one digit that is not 0 follows the kept ones. */
typedef struct decimal {
    uint64_t digits;
    int64_t exponent;
    bool negative, cut;
    const char *mantissa, *mantissa_end; /* its text: digits with at most one '.' */
} decimal;

#define TEN_TO_MAX 64

static const double ten_to[TEN_TO_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33,
    1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48, 1e49, 1e50,
    1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63, 1e64};

static inline bool is_digit(char c) {
    return (unsigned char)(c - '0') <= 9;
}

/* Eight digits at once in a 64-bit word: pairs, then fours, then all. */
static inline bool read_eight_digits(const char *text, uint64_t *value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t bytes;
    memcpy(&bytes, text, 8);
    if (((bytes & 0xF0F0F0F0F0F0F0F0) | (((bytes + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) !=
        0x3333333333333333) {
        return false;
    }
    bytes -= 0x3030303030303030;
    bytes = bytes * 10 + (bytes >> 8);
    bytes = ((bytes & 0x000000FF000000FF) * (100 + (1000000ULL << 32)) +
             ((bytes >> 16) & 0x000000FF000000FF) * (1 + (10000ULL << 32))) >>
            32;
    *value = *value * 100000000 + bytes;
    return true;
#else
    (void)text, (void)value;
    return false;
#endif
}

static inline const char *read_digits(const char *at, const char *end, uint64_t *value) {
    while (end - at >= 8 && read_eight_digits(at, value)) {
        at += 8;
    }
    while (at < end && is_digit(*at)) {
        *value = *value * 10 + (uint64_t)(*at - '0');
        at++;
    }
    return at;
}

/* Reads the digits once more, keeping the first 19 that count. */
static void cut_digits(decimal *d) {
    int kept = 0;
    d->digits = 0;
    for (const char *at = d->mantissa; at < d->mantissa_end; at++) {
        if (*at == '.') {
            continue;
        }
        if (kept < KEPT_DIGITS) {
            d->digits = d->digits * 10 + (uint64_t)(*at - '0');
            kept += d->digits != 0;
        } else {
            d->exponent++;
            d->cut |= *at != '0';
        }
    }
}

static inline const char *scan(const char *at, const char *end, decimal *d) {
    *d = (decimal){.negative = at < end && *at == '-'};
    at += d->negative;
    d->mantissa = at;
    if (at < end && *at == '0') {
        at++; /* a second digit after it is not part of the number */
    } else {
        at = read_digits(at, end, &d->digits);
        if (at == d->mantissa) {
            return NULL;
        }
    }
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = read_digits(at, end, &d->digits);
        if (at == fraction) {
            return NULL;
        }
        d->exponent = fraction - at;
    }
    d->mantissa_end = at;
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        bool negative = at < end && *at == '-';
        at += at < end && (*at == '-' || *at == '+');
        const char *first = at;
        int64_t exponent = 0;
        for (; at < end && is_digit(*at); at++) {
            if (exponent < INT64_MAX / 100) { /* beyond any text's length: infinity or zero either way */
                exponent = exponent * 10 + (*at - '0');
            }
        }
        if (at == first) {
            return NULL;
        }
        d->exponent += negative ? -exponent : exponent;
    }
    if (d->mantissa_end - d->mantissa > KEPT_DIGITS) {
        cut_digits(d);
    }
    if (at - d->mantissa == 1 && *d->mantissa == '0') {
        d->negative = false; /* the whole number -0 */
    }
    return at;
}

/* --- The exact way: unsigned integers of up to 3,072 bits --- */

/* 768 digits tell any decimal from any tie between doubles (a tie has at most 767); 1 more stands for all the rest. */
#define EXACT_DIGITS 768
#define LIMBS 48

typedef struct natural {
    size_t size; /* limbs in use; the last is not 0 */
    uint64_t limb[LIMBS];
} natural;

static void multiply_add(natural *n, uint64_t factor, uint64_t addend) {
    unsigned __int128 carry = addend;
    for (size_t i = 0; i < n->size; i++) {
        carry += (unsigned __int128)n->limb[i] * factor;
        n->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry != 0) {
        n->limb[n->size++] = (uint64_t)carry;
    }
}

static void multiply_by_power_of_five(natural *n, int64_t power) {
    const uint64_t five_to_27 = 7450580596923828125; /* the largest in 64 bits */
    for (; power >= 27; power -= 27) {
        multiply_add(n, five_to_27, 0);
    }
    for (; power > 0; power--) {
        multiply_add(n, 5, 0);
    }
}

static int64_t bit_length(const natural *n) {
    return (int64_t)n->size * 64 - __builtin_clzll(n->limb[n->size - 1]);
}

static void shift_left(natural *n, int64_t bits) {
    size_t whole = (size_t)bits / 64, part = (size_t)bits % 64;
    if (part != 0) {
        multiply_add(n, (uint64_t)1 << part, 0);
    }
    if (whole > 0) {
        memmove(n->limb + whole, n->limb, n->size * sizeof n->limb[0]);
        memset(n->limb, 0, whole * sizeof n->limb[0]);
        n->size += whole;
    }
}

/* a -= b if that is not negative; false: a < b, and stays. */
static bool subtract(natural *a, const natural *b) {
    if (a->size != b->size) {
        if (a->size < b->size) {
            return false;
        }
    } else {
        size_t i = a->size - 1;
        while (i > 0 && a->limb[i] == b->limb[i]) {
            i--;
        }
        if (a->limb[i] < b->limb[i]) {
            return false;
        }
    }
    unsigned borrow = 0;
    for (size_t i = 0; i < a->size; i++) {
        uint64_t other = i < b->size ? b->limb[i] : 0, difference;
        bool under = __builtin_sub_overflow(a->limb[i], other, &difference);
        under |= __builtin_sub_overflow(difference, (uint64_t)borrow, &difference);
        a->limb[i] = difference;
        borrow = under;
    }
    while (a->size > 0 && a->limb[a->size - 1] == 0) {
        a->size--;
    }
    return true;
}

/* quotient × 2^(exponent - 63), a hair more if sticky; quotient ≥ 2^62. */
static double round_to_double(uint64_t quotient, int64_t exponent, bool sticky) {
    int zeros = __builtin_clzll(quotient);
    quotient <<= zeros;
    exponent -= zeros;
    int64_t dropped = 11; /* 64 - 53 */
    if (exponent < -1022) {
        dropped += -1022 - exponent; /* subnormal: fewer bits are there */
    }
    if (dropped > 64) {
        return 0;
    }
    uint64_t kept = dropped < 64 ? quotient >> dropped : 0;
    uint64_t rest = dropped < 64 ? quotient << (64 - dropped) : quotient;
    const uint64_t half = (uint64_t)1 << 63;
    if (rest > half || (rest == half && (sticky || (kept & 1)))) {
        kept++;
    }
    return ldexp((double)kept, (int)(exponent - 63 + dropped));
}

/* The nearest double to the magnitude of d, ties to even. */
static double read_exactly(const decimal *d) {
    natural above = {0}, below = {.size = 1, .limb = {1}};
    int64_t exponent = d->exponent;
    if (d->digits == 0) {
        return 0;
    }
    if (d->mantissa_end - d->mantissa <= KEPT_DIGITS) {
        above = (natural){.size = 1, .limb = {d->digits}};
    } else {
        int kept = 0;
        bool rest = false;
        for (const char *at = d->mantissa; at < d->mantissa_end; at++) {
            if (*at == '.') {
                continue;
            }
            if (kept < EXACT_DIGITS) {
                multiply_add(&above, 10, (uint64_t)(*at - '0'));
                exponent -= kept >= KEPT_DIGITS; /* d->exponent counts from the 19th digit */
                kept += above.size > 0;
            } else {
                rest |= *at != '0';
            }
        }
        if (rest) {
            multiply_add(&above, 10, 1);
            exponent--;
        }
    }
    int64_t magnitude = exponent + bit_length(&above) * 1233 / 4096; /* log10, to within 1.5 */
    if (magnitude > 312 || magnitude < -345) {                       /* infinity and zero; all else fits the limbs */
        return magnitude > 0 ? INFINITY : 0;
    }
    multiply_by_power_of_five(exponent < 0 ? &below : &above, exponent < 0 ? -exponent : exponent);

    /* Long division, bit by bit, after giving both the same length: 1/2 < above / below < 2. */
    int64_t shift = bit_length(&below) - bit_length(&above);
    shift_left(shift < 0 ? &below : &above, shift < 0 ? -shift : shift);
    uint64_t quotient = 0;
    for (int bit = 0; bit < 64; bit++) {
        quotient = quotient << 1 | subtract(&above, &below);
        multiply_add(&above, 2, 0);
    }
    return round_to_double(quotient, exponent - shift, above.size > 0);
}

/* --- The quick way --- */

static inline double scale(double digits, int64_t exponent) {
    return exponent < 0 ? digits / ten_to[-exponent] : digits * ten_to[exponent];
}

static inline bool is_exact(const decimal *d) {
    return !d->cut && d->digits <= (uint64_t)1 << 53 && d->exponent >= -22 && d->exponent <= 22;
}

const char *srv_read_float(const char *text, const char *end, float *out) {
    decimal d;
    const char *after = scan(text, end, &d);
    if (after == NULL) {
        return NULL;
    }
    float magnitude;
    if (d.digits == 0 || d.exponent < -TEN_TO_MAX) { /* the latter: less than 1e-46, half the smallest float */
        magnitude = 0;
    } else if (d.exponent > 39) {
        magnitude = INFINITY;
    } else {
        double value = scale((double)d.digits, d.exponent); /* off by 3.1 units at most: three roundings and the cut */
        magnitude = (float)(is_exact(&d) || srv_is_clear_of_ties(value) ? value : read_exactly(&d));
    }
    *out = d.negative ? -magnitude : magnitude;
    return after;
}

const char *srv_read_double(const char *text, const char *end, double *out) {
    decimal d;
    const char *after = scan(text, end, &d);
    if (after == NULL) {
        return NULL;
    }
    double magnitude = is_exact(&d) ? scale((double)d.digits, d.exponent) : read_exactly(&d);
    *out = d.negative ? -magnitude : magnitude;
    return after;
}
