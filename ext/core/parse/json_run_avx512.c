/* AVX-512: the digits of all numbers in 64 bytes are closed up (points, signs and blanks squeezed out), then spread
 * over slots of equal width, right-aligned, in one permutation, and added up 16 or 8 numbers at a time.  How long a number
 * is, where its point is and which sign it has decides no branch; only the longest number of the block does. */
#if defined(__x86_64__)

#include "json_tensor.h"

#include "../base/number.h"
#include "json_run_block.h"

#include <immintrin.h>

#define FOR_AVX512 \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,lzcnt,popcnt")))

/* The numbers of a block; bytes i of starts, ends and decimals belong to number i. */
typedef struct packed_numbers {
    __m512i digits;       /* values 0 to 9 of all numbers, a byte between each two of them */
    __m512i starts, ends; /* first digit in `digits`, and one past the last */
    __m512i decimals;     /* digits behind the point */
    uint64_t negative;    /* bit i: number i */
    int count;
} packed_numbers;

FOR_AVX512 static inline block_classes classify(__m512i text, __m512i values) {
    const __m512i blanks =
        _mm512_set4_epi32(0x00000D00, 0x000A0900, 0, 0x00000020); /* each at the place of its low four bits */
    const __m512i nine = _mm512_set1_epi8(9);
    return (block_classes){
        .digit = _mm512_cmple_epu8_mask(values, nine),
        .zero = _mm512_testn_epi8_mask(values, values),
        .comma = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(',')),
        .close = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(']')),
        .point = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('.')),
        .minus = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('-')),
        .blank = _mm512_cmpeq_epi8_mask(text, _mm512_shuffle_epi8(blanks, text)),
    };
}

FOR_AVX512 static inline __m512i byte_numbers(void) {
    static const uint8_t bytes[64] __attribute__((aligned(64))) = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    return _mm512_load_si512(bytes);
}

FOR_AVX512 static inline packed_numbers pack(__m512i values, const block_numbers *found, uint64_t signs) {
    __m512i places = byte_numbers();
    uint64_t kept = found->digits | found->ends;
    uint64_t ends = _pext_u64(found->ends, kept);
    __m512i end_places = _mm512_maskz_compress_epi8(found->ends, places);
    __m512i point_places = _mm512_maskz_compress_epi8(found->points, places);
    return (packed_numbers){
        .digits = _mm512_maskz_compress_epi8(kept, values),
        .starts = _mm512_maskz_compress_epi8(ends << 1 | 1, places),
        .ends = _mm512_maskz_compress_epi8(ends, places),
        .decimals = _mm512_sub_epi8(_mm512_sub_epi8(end_places, point_places), _mm512_set1_epi8(1)),
        .negative = _pext_u64(signs, found->starts),
        .count = (int)_mm_popcnt_u64(found->ends),
    };
}

/* The digits at places end + offset of the numbers that `which` names for each byte, 0 where a number has none; added
 * up by fours in 32-bit lanes. */
FOR_AVX512 static inline __m512i add_up_fours(const packed_numbers *packed, __m512i which, __m512i offset) {
    __m512i place = _mm512_add_epi8(_mm512_permutexvar_epi8(which, packed->ends), offset);
    __mmask64 within = _mm512_cmpge_epi8_mask(place, _mm512_permutexvar_epi8(which, packed->starts));
    __m512i digits = _mm512_maskz_permutexvar_epi8(within, place, packed->digits);
    __m512i pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(0x010A)); /* 10, 1 */
    return _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));          /* 100, 1 */
}

/* Numbers of up to 4 digits, 16 at a time.  Numerator and divisor are exact, so the float is the nearest one; and the
 * nearest to the nearest double too, as doubles have more than twice as many bits. */
FOR_AVX512 static inline void convert_4(const packed_numbers *packed, float *out) {
    const __m512i lane = _mm512_srli_epi32(byte_numbers(), 2);
    const __m512i which_lane = _mm512_and_si512(lane, _mm512_set1_epi8(15));
    const __m512i offset = _mm512_set1_epi32((int)0xFFFEFDFC); /* -4, -3, -2, -1 */
    const __m512 ten_to = _mm512_setr_ps(1, 10, 100, 1000, 10000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    for (int i = 0; i < packed->count; i += 16) {
        __m512i which = _mm512_add_epi8(which_lane, _mm512_set1_epi8((char)i));
        __m512 digits = _mm512_cvtepi32_ps(add_up_fours(packed, which, offset));
        __m512i decimals = _mm512_maskz_permutexvar_epi8(0x1111111111111111, which, packed->decimals);
        __m512 value = _mm512_div_ps(digits, _mm512_permutexvar_ps(decimals, ten_to));
        __mmask16 negative = (__mmask16)(packed->negative >> i);
        _mm512_storeu_ps(out + i, _mm512_mask_xor_ps(value, negative, value, _mm512_set1_ps(-0.0f)));
    }
}

/* 8 digits of 8 numbers: those at end + offset, in 64-bit lanes. */
FOR_AVX512 static inline __m512i add_up_eights(const packed_numbers *packed, __m512i which, __m512i offset) {
    __m512i fours = add_up_fours(packed, which, offset);
    return _mm512_add_epi64(_mm512_mul_epu32(fours, _mm512_set1_epi64(10000)), _mm512_srli_epi64(fours, 32));
}

FOR_AVX512 static inline void store_8(float *out, __m512d value, uint64_t negative) {
    __m256 narrow = _mm512_cvtpd_ps(value);
    _mm256_storeu_ps(out, _mm256_mask_xor_ps(narrow, (__mmask8)negative, narrow, _mm256_set1_ps(-0.0f)));
}

/* Numbers of up to 8, 16 or 24 digits, 8 at a time.  Up to 8 digits and decimals the quotient is the nearest double.
 * Beyond that it may be off by 3 units in the last place; where such a double is next to the middle between two floats
 * its lane is set in the result (bit i: number i), and the number is left to the plain reader. */
FOR_AVX512 static inline uint64_t convert_8(const packed_numbers *packed, int eights, float *out) {
    static const double ten_to[32] __attribute__((aligned(64))) = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1,   1,    1,    1,    1,    1,    1};
    const __m512i which_lane = _mm512_and_si512(_mm512_srli_epi32(byte_numbers(), 3), _mm512_set1_epi8(7));
    const __m512i offset = _mm512_set1_epi64((long long)0xFFFEFDFCFBFAF9F8); /* -8 … -1 */
    uint64_t unclear = 0;
    for (int i = 0; i < packed->count; i += 8) {
        __m512i which = _mm512_add_epi8(which_lane, _mm512_set1_epi8((char)i));
        __m512i digits = add_up_eights(packed, which, offset);
        if (eights > 1) {
            __m512i more = add_up_eights(packed, which, _mm512_add_epi8(offset, _mm512_set1_epi8(-8)));
            digits = _mm512_add_epi64(digits, _mm512_mul_epu32(more, _mm512_set1_epi64(100000000)));
        }
        __m512d value = _mm512_cvtepu64_pd(digits);
        if (eights > 2) {
            __m512i more = add_up_eights(packed, which, _mm512_add_epi8(offset, _mm512_set1_epi8(-16)));
            value = _mm512_fmadd_pd(_mm512_cvtepu64_pd(more), _mm512_set1_pd(1e16), value);
        }
        __m512i decimals = _mm512_maskz_permutexvar_epi8(0x0101010101010101, which, packed->decimals);
        __m512d scale = _mm512_permutex2var_pd(_mm512_load_pd(ten_to), decimals, _mm512_load_pd(ten_to + 8));
        if (eights > 1) {
            __m512d larger = _mm512_permutex2var_pd(_mm512_load_pd(ten_to + 16), decimals, _mm512_load_pd(ten_to + 24));
            __mmask8 large = _mm512_test_epi64_mask(decimals, _mm512_set1_epi64(16));
            scale = _mm512_mask_mov_pd(scale, large, larger);
        }
        value = _mm512_div_pd(value, scale);
        if (eights > 1) { /* srv_is_clear_of_ties; nothing here is subnormal */
            __m512i distance = _mm512_sub_epi64(_mm512_castpd_si512(value), _mm512_set1_epi64(0x10000000 - 8));
            distance = _mm512_and_si512(distance, _mm512_set1_epi64(0x1FFFFFFF));
            unclear |= (uint64_t)_mm512_cmple_epu64_mask(distance, _mm512_set1_epi64(16)) << i;
        }
        store_8(out + i, value, packed->negative >> i);
    }
    return unclear;
}

/* Runs of more than 4, 8, 16 and 24 digits, as bits of the result. */
FOR_AVX512 static inline int longest_digits(uint64_t digits) {
    uint64_t two = digits & digits >> 1, four = two & two >> 2, eight = four & four >> 4, sixteen = eight & eight >> 8;
    return ((four & digits >> 4) != 0) + ((eight & digits >> 8) != 0) + ((sixteen & digits >> 16) != 0) +
           ((sixteen & eight >> 16 & digits >> 24) != 0);
}

FOR_AVX512 srv_json_run srv_json_run_avx512(const char *at, const char *end, float *out) {
    srv_json_run run = {.at = at};
    while (run.at < end) {
        size_t left = (size_t)(end - run.at);
        __m512i text; /* bytes beyond the end are not read, and come as 0 */
        if (__builtin_expect(left >= 64, 1)) {
            text = _mm512_loadu_si512(run.at);
        } else {
            text = _mm512_maskz_loadu_epi8(((__mmask64)1 << left) - 1, run.at);
        }
        __m512i values = _mm512_sub_epi8(text, _mm512_set1_epi8('0'));
        block_classes is = classify(text, values);
        block_numbers found = find_numbers(&is);
        if (found.ends == 0) {
            break;
        }
        packed_numbers packed = pack(values, &found, find_signs(&is));
        float *first = out + run.count;
        uint64_t unclear = 0;
        switch (longest_digits(_pext_u64(found.digits, found.digits | found.ends))) {
        case 0:
            convert_4(&packed, first);
            break;
        case 1:
            convert_8(&packed, 1, first);
            break;
        case 2:
            unclear = convert_8(&packed, 2, first);
            break;
        case 3:
            unclear = convert_8(&packed, 3, first);
            break;
        default:
            return run;
        }
        for (; __builtin_expect(unclear != 0, 0); unclear &= unclear - 1) {
            int i = __builtin_ctzll(unclear);
            uint64_t start = _pdep_u64((uint64_t)1 << i, found.starts);
            srv_read_float(run.at + __builtin_ctzll(start), end, &first[i]);
        }
        run.count += (size_t)packed.count;
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
