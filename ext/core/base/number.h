/* Decimal text to float and back.
 *
 * Reading follows RFC 8259's number grammar.  srv_read_float gives what numpy.float32(json.loads(text)) gives, bit for
 * bit: the decimal is rounded to the nearest double, and that to the nearest float (overflow gives an infinity, -0 stays
 * -0).  Writing gives the shortest decimal that reads back as the same float32.
 */
#ifndef SRV_BASE_NUMBER_H
#define SRV_BASE_NUMBER_H

#include <stddef.h>

#define SRV_FLOAT_TEXT 24 /* bytes that srv_write_float never exceeds */

/* Reads the number that starts at text; end is one past the last readable byte.  Returns the byte after it, or NULL if
 * no JSON number starts there.  What follows the number is the caller's business. */
const char *srv_read_float(const char *text, const char *end, float *out);
const char *srv_read_double(const char *text, const char *end, double *out);

/* Writes value (finite) as JSON, e.g. 0.1, 1.0, 1e-07, 1.5e+20 (always with '.' or an exponent); no NUL.  Returns the bytes written. */
size_t srv_write_float(char *out, float value);

#endif
