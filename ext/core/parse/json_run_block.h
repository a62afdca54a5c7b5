/* Numbers in 64 bytes of text, found and checked with bit masks: what the vector run functions share.
 *
 * Bit i of a mask is byte i of the block, which starts where a value must stand.  Blanks are taken before a number, not
 * after it; everything else that is not digits, '-', '.', ',' in the order of RFC 8259 ends the run.
 */
#ifndef SRV_PARSE_JSON_RUN_BLOCK_H
#define SRV_PARSE_JSON_RUN_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Which byte is what. */
typedef struct block_classes {
    uint64_t digit, zero, comma, close, point, minus, blank;
} block_classes;

/* The numbers that are complete and right, from the block's start on; each has one bit in each of the first three. */
typedef struct block_numbers {
    uint64_t ends;   /* the ',' or ']' after it */
    uint64_t starts; /* its first byte: a digit or '-' */
    uint64_t points; /* its '.'; its last digit if it has none: fraction digits = end - point - 1 */
    uint64_t digits; /* all its digits but the 0 before a point */
    bool last;       /* the run ends with them: what follows is something else */
    bool closed;     /* the last of them is followed by ']' */
} block_numbers;

static inline block_numbers find_numbers(const block_classes *is) {
    uint64_t after = (is->comma | is->blank) << 1 | 1; /* here a number may start */
    uint64_t starts = after & ~is->blank;
    uint64_t first_zero = is->zero & (starts | (is->minus & starts) << 1);
    /* A 1 added at the first digit of a fraction carries through its digits to the byte behind. */
    uint64_t fraction_end = ((is->point << 1) + is->digit) & ~is->digit;

    uint64_t before = is->digit << 1; /* a digit is the byte before.  So nothing but a digit can follow '-' or '.' */
    uint64_t bad = ~(is->digit | is->comma | is->close | is->point | is->minus | is->blank) /* no part of a number */
                   | (first_zero << 1 & is->digit)                                          /* 01 */
                   | ((is->comma | is->close | is->point) & ~before)                        /* "1,," "1.," "[.5" */
                   | ((is->minus | is->blank) & ~after)                                     /* "1-" "1 ," */
                   | (fraction_end & is->point);                                            /* 1.2.3 */

    block_numbers found = {.ends = is->comma};
    uint64_t stops = bad | is->close;
    uint64_t whole = is->comma != 0 ? ~(uint64_t)0 >> __builtin_clzll(is->comma) : 0; /* up to the last comma */
    if (__builtin_expect(whole == 0 || (stops & whole) != 0 || is->close != 0, 0)) {
        uint64_t first = stops & -stops, close = first & is->close & ~bad;
        found.ends = (is->comma & (first - 1)) | close;
        found.last = true;
        found.closed = close != 0;
        whole = found.ends != 0 ? ~(uint64_t)0 >> __builtin_clzll(found.ends) : 0;
    }
    found.starts = starts & whole;
    found.points = (is->point & whole) | (found.ends & ~fraction_end) >> 1;
    found.digits = is->digit & ~(first_zero & is->point >> 1) & whole;
    return found;
}

/* The '-' that make a number negative: all but that of the whole number -0, which is 0 (a whole number has no sign of
 * zero; -0.0 has one). */
static inline uint64_t find_signs(const block_classes *is) {
    uint64_t zero_alone = is->zero & ~((is->digit | is->point) >> 1);
    return is->minus & ~(zero_alone >> 1);
}

#endif
