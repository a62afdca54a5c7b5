/* AVX2: numbers are found 64 bytes at a time, then read one by one from a 16-byte register, without a branch on
 * where their point is or how long they are (17 bytes and more: from two). */
#if defined(__x86_64__)

#include "json_tensor.h"

#include "../base/number.h"
#include "json_run_block.h"

#include <immintrin.h>
#include <string.h>

#define FOR_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))

#define BLOCK 64
#define BEYOND 16 /* bytes that may be read behind a block */

FOR_AVX2 static inline uint64_t mask_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

FOR_AVX2 static inline uint64_t equals(const __m256i text[2], char byte) {
    __m256i wanted = _mm256_set1_epi8(byte);
    return mask_of(_mm256_cmpeq_epi8(text[0], wanted), _mm256_cmpeq_epi8(text[1], wanted));
}

FOR_AVX2 static inline uint64_t are_digits(const __m256i text[2]) {
    __m256i values[2], nine = _mm256_set1_epi8(9);
    for (int i = 0; i < 2; i++) {
        values[i] = _mm256_sub_epi8(text[i], _mm256_set1_epi8('0'));
        values[i] = _mm256_cmpeq_epi8(_mm256_min_epu8(values[i], nine), values[i]);
    }
    return mask_of(values[0], values[1]);
}

FOR_AVX2 static inline block_classes classify(const char *bytes) {
    __m256i text[2];
    text[0] = _mm256_loadu_si256((const __m256i *)bytes);
    text[1] = _mm256_loadu_si256((const __m256i *)(bytes + 32));
    return (block_classes){
        .digit = are_digits(text),
        .zero = equals(text, '0'),
        .comma = equals(text, ','),
        .close = equals(text, ']'),
        .point = equals(text, '.'),
        .minus = equals(text, '-'),
        .blank = equals(text, ' ') | equals(text, '\n') | equals(text, '\r') | equals(text, '\t'),
    };
}

/* The digits of up to 16 bytes, which may have a point before the last `decimals` of them. */
FOR_AVX2 static inline uint64_t add_up(const char *number, int size, int decimals, bool has_point) {
    const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m128i text = _mm_loadu_si128((const __m128i *)number);
    /* Right-aligned; what is before the point comes from one byte further left.  Places left of 0 give 0. */
    __m128i from = _mm_add_epi8(places, _mm_set1_epi8((char)(size - 16)));
    __m128i whole = _mm_cmpgt_epi8(_mm_set1_epi8((char)(has_point ? 16 - decimals : 0)), places);
    __m128i digits = _mm_subs_epu8(_mm_shuffle_epi8(text, _mm_add_epi8(from, whole)), _mm_set1_epi8('0'));
    __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A)); /* 10, 1 */
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064)); /* 100, 1 */
    __m128i packed = _mm_packus_epi32(fours, fours);
    __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(0x00012710)); /* 10000, 1 */
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    return (both & 0xFFFFFFFF) * 100000000 + (both >> 32);
}

/* A number without its sign, of up to 32 bytes.  False if the plain reader must look at it. */
FOR_AVX2 static inline bool read_magnitude(const char *number, int size, int decimals, bool has_point, float *out) {
    static const double ten_to[32] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10,
                                      1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
                                      1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31};
    if (size <= 16) {
        /* With a point there are 15 digits at most, exact as a double; without, the divisor is 1.  One rounding. */
        *out = (float)((double)add_up(number, size, decimals, has_point) / ten_to[decimals]);
        return true;
    }
    if (size > 32) {
        return false;
    }
    bool point_is_late = has_point && decimals < 16; /* among the last 16 bytes, which are then 15 digits */
    uint64_t high =
        add_up(number, size - 16, has_point && !point_is_late ? decimals - 16 : 0, has_point && !point_is_late);
    uint64_t low = add_up(number + size - 16, 16, decimals, point_is_late);
    double value = ((double)high * (point_is_late ? 1e15 : 1e16) + (double)low) / ten_to[decimals];
    *out = (float)value;
    return srv_is_clear_of_ties(value);
}

FOR_AVX2 srv_json_run srv_json_run_avx2(const char *at, const char *end, float *out) {
    srv_json_run run = {.at = at};
    while (run.at < end) {
        const char *block = run.at;
        char tail[BLOCK + BEYOND];
        size_t left = (size_t)(end - run.at);
        if (left < sizeof tail) { /* at the end of the text: a copy that can be read beyond it */
            memset(tail, 0, sizeof tail);
            memcpy(tail, run.at, left);
            block = tail;
        }
        block_classes is = classify(block);
        block_numbers found = find_numbers(&is);
        if (found.ends == 0) {
            break;
        }
        uint64_t starts = found.starts, points = found.points, signs = find_signs(&is);
        for (uint64_t ends = found.ends; ends != 0; ends &= ends - 1) {
            int start = __builtin_ctzll(starts), point = __builtin_ctzll(points), stop = __builtin_ctzll(ends);
            bool minus = is.minus >> start & 1, has_point = is.point >> point & 1;
            const char *number = block + start + minus;
            float value;
            if (__builtin_expect(!read_magnitude(number, stop - start - minus, stop - point - 1, has_point, &value),
                                 0)) {
                srv_read_float(number, block + stop, &value);
            }
            out[run.count++] = signs >> start & 1 ? -value : value;
            starts &= starts - 1;
            points &= points - 1;
        }
        run.at += 64 - __builtin_clzll(found.ends);
        if (found.last) {
            run.closed = found.closed;
            run.at -= found.closed;
            break;
        }
    }
    return run;
}

#endif
