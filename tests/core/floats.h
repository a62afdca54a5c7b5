/* Floats for tests: their bits, random ones, blocks of them, and how far one is from a reference. */
#ifndef TESTS_CORE_FLOATS_H
#define TESTS_CORE_FLOATS_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xorshift64: the same values in every run */
static inline uint32_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

static inline float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float *floats(size_t count) {
    float *out = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (out == NULL) {
        perror("aligned_alloc");
        exit(2);
    }
    return out;
}

/* How far got is from wanted, in steps of float at wanted; huge if one is NaN or infinite in float and the other not. */
static inline long double ulps(float got, long double wanted) {
    const float nearest = (float)wanted;
    if (isnan(nearest) || isnan(got)) {
        return isnan(nearest) && isnan(got) ? 0 : 1e9L;
    }
    if (isinf(nearest) || isinf(got)) {
        return got == nearest ? 0 : 1e9L;
    }
    int exponent;
    frexpl(wanted, &exponent);
    return fabsl(got - wanted) / ldexpl(1, exponent < -125 ? -149 : exponent - 24);
}

#endif
