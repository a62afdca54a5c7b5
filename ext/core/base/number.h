/* Decimal text to float and back.
 *
 * Reading follows RFC 8259's number grammar.  srv_read_float gives what numpy.float32(json.loads(text)) gives, bit for
 * bit: the decimal is rounded to the nearest double, and that to the nearest float (overflow gives an infinity; -0.0
 * keeps its sign, and -0, a whole number, has none).  Writing gives the shortest decimal that reads back as the same float32.
 */
#ifndef SRV_BASE_NUMBER_H
#define SRV_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SRV_FLOAT_TEXT 24 /* bytes that srv_write_float never exceeds */

/* Reads the number that starts at text; end is one past the last readable byte.  Returns the byte after it, or NULL if
 * no JSON number starts there.  What follows the number is the caller's business. */
const char *srv_read_float(const char *text, const char *end, float *out);
const char *srv_read_double(const char *text, const char *end, double *out);

/* For readers of their own: value ≥ 0 is off the true one by at most 4 units in its last place; do all doubles that
 * close round to one and the same float?  Not next to the middle between two floats, where the lower 29 bits are 100…0
 * (twice the distance is kept, as units halve below a power of two); and not where floats are subnormal and their
 * middles lie elsewhere, unless value is 0. */
static inline bool srv_is_clear_of_ties(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return (value >= 0x1p-125 || value == 0) && ((bits - (0x10000000 - 8)) & 0x1FFFFFFF) > 16;
}

/* Writes value (finite) as JSON, as Python's repr() would: 0.1, 1.0, 1e-07, 1.5e+20 (always with '.' or an exponent).
 * No NUL.  Returns the bytes written. */
size_t srv_write_float(char *out, float value);

#define SRV_UNSIGNED_TEXT 20 /* bytes that srv_write_unsigned never exceeds, unless it is asked for more digits */

/* The same for a whole number: at least so many digits, with zeros in front.  A printf takes ten times as long. */
size_t srv_write_unsigned(char *out, uint64_t value, size_t least_digits);

#endif
