/* AVX2: numbers are found 64 bytes at a time, then read one by one from a 16-byte register, without a branch on where
 * their point is or how long they are. */
#if defined(__x86_64__)

#include "json_tensor.h"

#include "../base/number.h"
#include "json_run_block.h"

#include <immintrin.h>
#include <string.h>

#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")

#define BLOCK 64
#define BEYOND 16 /* bytes that may be read behind a block */

static inline uint64_t mask_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline uint64_t equals(const __m256i text[2], char byte) {
    __m256i wanted = _mm256_set1_epi8(byte);
    return mask_of(_mm256_cmpeq_epi8(text[0], wanted), _mm256_cmpeq_epi8(text[1], wanted));
}

static inline uint64_t are_digits(const __m256i text[2]) {
    __m256i values[2], nine = _mm256_set1_epi8(9);
    for (int i = 0; i < 2; i++) {
        values[i] = _mm256_sub_epi8(text[i], _mm256_set1_epi8('0'));
        values[i] = _mm256_cmpeq_epi8(_mm256_min_epu8(values[i], nine), values[i]);
    }
    return mask_of(values[0], values[1]);
}

static inline block_classes classify(const char *bytes) {
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

/* The digits of a number of up to 16 bytes; `decimals` of them are behind the point. */
static inline uint64_t add_up(const char *number, int size, int decimals, bool has_point) {
    const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m128i text = _mm_loadu_si128((const __m128i *)number);
    /* Right-aligned; what is before the point comes from one byte further left.  Places left of 0 give 0. */
    __m128i from = _mm_add_epi8(places, _mm_set1_epi8((char)(size - 16)));
    __m128i whole = _mm_cmpgt_epi8(_mm_set1_epi8((char)(has_point ? 16 - decimals : 0)), places);
    __m128i digits = _mm_subs_epu8(_mm_shuffle_epi8(text, _mm_add_epi8(from, whole)), _mm_set1_epi8('0'));
    __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));    /* 10, 1 */
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));    /* 100, 1 */
    __m128i packed = _mm_packus_epi32(fours, fours);
    __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(0x00012710));  /* 10000, 1 */
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    return (both & 0xFFFFFFFF) * 100000000 + (both >> 32);
}

srv_json_run srv_json_run_avx2(const char *at, const char *end, float *out) {
    static const double ten_to[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
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
        uint64_t starts = found.starts, points = found.points;
        for (uint64_t ends = found.ends; ends != 0; ends &= ends - 1) {
            int start = __builtin_ctzll(starts), point = __builtin_ctzll(points), stop = __builtin_ctzll(ends);
            bool negative = is.minus >> start & 1, has_point = is.point >> point & 1;
            int first = start + negative;
            uint64_t digits = 0;
            if (stop - first <= 16) {
                digits = add_up(block + first, stop - first, stop - point - 1, has_point);
            }
            if (__builtin_expect(stop - first > 16 || digits > (uint64_t)1 << 53, 0)) {
                srv_read_float(block + start, block + stop, &out[run.count++]);
            } else { /* both exact: the quotient is the nearest double */
                float value = (float)((double)digits / ten_to[stop - point - 1]);
                out[run.count++] = negative ? -value : value;
            }
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

#pragma GCC pop_options

#endif
