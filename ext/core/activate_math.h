/* The elementary functions that activations are made of, in double, as plain C that the compiler vectorises.  Part of
 * activate_kernels.h.
 *
 * The polynomials are good to 1e-9, so that a result rounded to float once is the nearest float but for rare ties (0.52
 * ulp).  No step depends on a neighbouring element, and none converts to an integer type, which would be undefined for
 * NaN and large values.  Comparisons are written so that NaN passes through.
 */
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

/* The fits below are printed by tools/fit_activations.py. */

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

/* erf(x) / x with z = x², for x up to 1/2; relative error 1.2e-11 */
static const double erf_over_x[] = {
    1.1283791670823784,    -0.3761263852490886,  0.1128377398554103,
    -0.026863139500114524, 0.005200395582199738, -0.0007694212093517468,
};

/* (x - tanh(x)) / x³ with z = x², for x up to 3/2; relative error 5.8e-10 */
static const double tanh_shrinkage[] = {
    0.33333333313953645,    -0.13333330844989144,    0.053967718410350925,   -0.021864912196556667,
    0.008842698984671934,   -0.0035365719543402918,  0.0013576217982241292,  -0.0004703712186785007,
    0.00013444451105620793, -2.8373674660036077e-05, 3.8028147239558292e-06, -2.381522082824866e-07,
};

/* (sin(x) - x) / x³ and (cos(x) - 1) / x² with z = x², for x on an eighth of a turn either side of 0; relative error
 * 6.4e-16 */
static const double sine[] = {
    -0.16666666666666666,   0.008333333333330948,   -0.00019841269836756774,
    2.7557316101617874e-06, -2.505113165023518e-08, 1.5918115263265974e-10,
};
static const double cosine[] = {
    -0.49999999999999967,   0.04166666666663091,     -0.0013888888882125252,
    2.4801582621951665e-05, -2.7555855220105783e-07, 2.066548384659679e-09,
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

INLINE double tanh_of(double x) {
    double e = expm1_of(-2 * __builtin_fabs(x));
    return __builtin_copysign(e / (2 + e), x);
}

/* log(x) for x that a float can hold: x = 2^k · m with m from √½ to √2, so that nothing is lost near 1 */
INLINE double log_of(double x) {
    const uint64_t root_half = 0x3fe6a09e667f3bcd, one = 0x3ff0000000000000, fraction = ((uint64_t)1 << 52) - 1;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits += one - root_half;
    uint64_t exponent = bits >> 52 | 0x4330000000000000; /* as the last bits of 2^52 + exponent */
    bits = (bits & fraction) + root_half;
    double k, m;
    memcpy(&k, &exponent, sizeof k);
    memcpy(&m, &bits, sizeof m);
    double y = MULTIPLY_ADD(k - (0x1p52 + 1023), LN_2, log1p_of(m - 1));
    y = x > 0 ? y : x == 0 ? -INFINITY : NAN;
    return x < INFINITY ? y : x; /* NaN, too */
}

INLINE double erf_of(double x) {
    double size = __builtin_fabs(x);
    double near = x * HORNER_6(erf_over_x, x * x);
    double far = __builtin_copysign(1 - 2 * normal_tail_of(1.4142135623730951 * size), x);
    return size < 0.5 ? near : far;
}

#define PI_HALF_1 0x1.921fb5p+0
#define PI_HALF_2 0x1.110b46p-26
#define PI_HALF_3 0x1.1a62633145c07p-54
#define QUARTER_TURNS_MAX 0x1p26 /* |x| up to which sine_of is good */

/* sin(x + turns · π/2).  π/2 is taken off in three parts, whose first two have 26 bits: their products are exact. */
INLINE double sine_of(double x, uint64_t turns) {
    double biased = MULTIPLY_ADD(x, 0.6366197723675814, ROUND_BIAS);
    double k = biased - ROUND_BIAS;
    double r = MULTIPLY_ADD(k, -PI_HALF_1, x);
    r = MULTIPLY_ADD(k, -PI_HALF_2, r);
    r = MULTIPLY_ADD(k, -PI_HALF_3, r);
    uint64_t quadrant;
    memcpy(&quadrant, &biased, sizeof quadrant);
    quadrant += turns;
    double z = r * r;
    double even = r * MULTIPLY_ADD(z, HORNER_6(sine, z), 1.0);
    double odd = MULTIPLY_ADD(z, HORNER_6(cosine, z), 1.0);
    double y = (quadrant & 1) != 0 ? odd : even;
    return (quadrant & 2) != 0 ? -y : y;
}
