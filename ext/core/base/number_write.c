/* Whole numbers; and float → shortest decimal, by the method of Raffaello Giulietti, "The Schubfach way to render doubles" (2020).
 *
 * Around a float lies the interval of the reals that round to it.  Of the decimals in it, those with the fewest digits
 * are on a grid 10^k with k just below the interval's width, or on the grid ten times wider; four candidates are
 * enough.  The interval's ends are scaled by 10^-k in 64 × 32-bit products, rounded to odd, which keeps every
 * comparison exact.
 */
#include "number.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define POWER_MIN (-31)

/* ceil(10^k × 2^(63 - floor(log2 10^k))) for k = -31 … 45 */
static const uint64_t powers[] = {
    0x81CEB32C4B43FCF5, 0xA2425FF75E14FC32, 0xCAD2F7F5359A3B3F, 0xFD87B5F28300CA0E, 0x9E74D1B791E07E49,
    0xC612062576589DDB, 0xF79687AED3EEC552, 0x9ABE14CD44753B53, 0xC16D9A0095928A28, 0xF1C90080BAF72CB2,
    0x971DA05074DA7BEF, 0xBCE5086492111AEB, 0xEC1E4A7DB69561A6, 0x9392EE8E921D5D08, 0xB877AA3236A4B44A,
    0xE69594BEC44DE15C, 0x901D7CF73AB0ACDA, 0xB424DC35095CD810, 0xE12E13424BB40E14, 0x8CBCCC096F5088CC,
    0xAFEBFF0BCB24AAFF, 0xDBE6FECEBDEDD5BF, 0x89705F4136B4A598, 0xABCC77118461CEFD, 0xD6BF94D5E57A42BD,
    0x8637BD05AF6C69B6, 0xA7C5AC471B478424, 0xD1B71758E219652C, 0x83126E978D4FDF3C, 0xA3D70A3D70A3D70B,
    0xCCCCCCCCCCCCCCCD, 0x8000000000000000, 0xA000000000000000, 0xC800000000000000, 0xFA00000000000000,
    0x9C40000000000000, 0xC350000000000000, 0xF424000000000000, 0x9896800000000000, 0xBEBC200000000000,
    0xEE6B280000000000, 0x9502F90000000000, 0xBA43B74000000000, 0xE8D4A51000000000, 0x9184E72A00000000,
    0xB5E620F480000000, 0xE35FA931A0000000, 0x8E1BC9BF04000000, 0xB1A2BC2EC5000000, 0xDE0B6B3A76400000,
    0x8AC7230489E80000, 0xAD78EBC5AC620000, 0xD8D726B7177A8000, 0x878678326EAC9000, 0xA968163F0A57B400,
    0xD3C21BCECCEDA100, 0x84595161401484A0, 0xA56FA5B99019A5C8, 0xCECB8F27F4200F3A, 0x813F3978F8940985,
    0xA18F07D736B90BE6, 0xC9F2C9CD04674EDF, 0xFC6F7C4045812297, 0x9DC5ADA82B70B59E, 0xC5371912364CE306,
    0xF684DF56C3E01BC7, 0x9A130B963A6C115D, 0xC097CE7BC90715B4, 0xF0BDC21ABB48DB21, 0x96769950B50D88F5,
    0xBC143FA4E250EB32, 0xEB194F8E1AE525FE, 0x92EFD1B8D0CF37BF, 0xB7ABC627050305AE, 0xE596B7B0C643C71A,
    0x8F7E32CE7BEA5C70, 0xB35DBF821AE4F38C,
};

/* Both exact over the exponents of a float. */
static int floor_log10_of_power_of_2(int exponent, bool three_quarters) {
    return (exponent * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

static int floor_log2_of_power_of_10(int exponent) {
    return (exponent * 1741647) >> 19;
}

static uint32_t scaled_to_odd(uint64_t power, uint32_t value) {
    unsigned __int128 product = (unsigned __int128)power * value;
    return (uint32_t)(product >> 64) | ((uint32_t)(product >> 32) > 1);
}

/* The shortest digits × 10^*exponent that reads back as fraction × 2^(biased - 150), nearest to it if several do. */
static uint32_t shortest(uint32_t fraction, uint32_t biased, int *exponent) {
    uint32_t c = biased != 0 ? fraction | 1U << 23 : fraction;
    int q = (biased != 0 ? (int)biased : 1) - 150;
    if (q <= 0 && q > -24 && (c & ((1U << -q) - 1)) == 0) {
        *exponent = 0; /* a whole number below 2^24 */
        return c >> -q;
    }
    bool even = c % 2 == 0;
    bool narrow_below = fraction == 0 && biased > 1; /* the float below is only half as far away */
    int k = floor_log10_of_power_of_2(q, narrow_below);
    int shift = q + floor_log2_of_power_of_10(-k) + 1;
    uint64_t power = powers[-k - POWER_MIN];

    /* Four times the value and the ends of its interval, on the grid 10^k; an odd float's ends are not inside. */
    uint32_t low = scaled_to_odd(power, (4 * c - 2 + narrow_below) << shift) + !even;
    uint32_t middle = scaled_to_odd(power, (4 * c) << shift);
    uint32_t high = scaled_to_odd(power, (4 * c + 2) << shift) - !even;

    uint32_t down = middle / 4;
    if (down >= 10) {
        uint32_t tens = down / 10;
        bool down_inside = low <= 40 * tens, up_inside = 40 * tens + 40 <= high;
        if (down_inside != up_inside) {
            *exponent = k + 1;
            return tens + up_inside;
        }
    }
    *exponent = k;
    bool down_inside = low <= 4 * down, up_inside = 4 * down + 4 <= high;
    if (down_inside != up_inside) {
        return down + up_inside;
    }
    uint32_t tie = 4 * down + 2;
    return down + (middle > tie || (middle == tie && down % 2 == 1));
}

static char *write_zeros(char *out, int count) {
    memset(out, '0', (size_t)count);
    return out + count;
}

static char *write_text(char *out, const char *text, int size) {
    memcpy(out, text, (size_t)size);
    return out + size;
}

size_t srv_write_float(char *out, float value) {
    char *at = out;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (bits >> 31) {
        *at++ = '-';
    }
    uint32_t fraction = bits & 0x7FFFFF, biased = bits >> 23 & 0xFF;
    if (fraction == 0 && biased == 0) {
        return (size_t)(write_text(at, "0.0", 3) - out);
    }
    int exponent;
    uint32_t number = shortest(fraction, biased, &exponent);
    for (; number % 10 == 0; number /= 10) {
        exponent++;
    }
    char text[10], *digits = text + sizeof text;
    do {
        *--digits = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    int count = (int)(text + sizeof text - digits);

    int before_point = count + exponent; /* digits before the decimal point; ≤ 0: zeros follow the point first */
    if (before_point < -3 || before_point > 16) { /* where repr() of Python changes too */
        int power = before_point - 1;
        *at++ = digits[0];
        if (count > 1) {
            *at++ = '.';
            at = write_text(at, digits + 1, count - 1);
        }
        *at++ = 'e';
        *at++ = power < 0 ? '-' : '+';
        power = power < 0 ? -power : power; /* 5 … 45 */
        *at++ = (char)('0' + power / 10);
        *at++ = (char)('0' + power % 10);
    } else if (before_point <= 0) {
        at = write_text(at, "0.", 2);
        at = write_zeros(at, -before_point);
        at = write_text(at, digits, count);
    } else if (before_point < count) {
        at = write_text(at, digits, before_point);
        *at++ = '.';
        at = write_text(at, digits + before_point, count - before_point);
    } else {
        at = write_text(at, digits, count);
        at = write_zeros(at, before_point - count);
        at = write_text(at, ".0", 2);
    }
    return (size_t)(at - out);
}

size_t srv_write_unsigned(char *out, uint64_t value, size_t least_digits) {
    size_t digits = 1;
    for (uint64_t rest = value; rest >= 10; rest /= 10) {
        digits++;
    }
    digits = digits < least_digits ? least_digits : digits;
    for (size_t i = digits; i > 0; value /= 10) {
        out[--i] = (char)('0' + value % 10);
    }
    return digits;
}
