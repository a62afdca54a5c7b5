#include "cell_number.h"

#include "../base/number.h"
#include "header_value.h"

#include <math.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool srv_is_non_finite_word(const char *text, size_t size) {
    size_t sign = size > 0 && (*text == '-' || *text == '+');
    text += sign;
    size -= sign;
    return srv_same_word(text, size, "nan") || srv_same_word(text, size, "inf") ||
           srv_same_word(text, size, "infinity");
}

bool srv_is_missing_word(const char *text, size_t size) {
    return srv_same_word(text, size, "na") || srv_same_word(text, size, "n/a") || srv_same_word(text, size, "null") ||
           srv_same_word(text, size, "none");
}

#define PLAIN_TEXT 512 /* longest number that is rewritten; as JSON has it, a number may be of any length */

/* A number that JSON's grammar leaves out and that can mean one thing only: +1, .5, 5., 007. */
static bool read_relaxed(const char *text, size_t size, double *out) {
    char plain[PLAIN_TEXT];
    size_t used = 0;
    const char *at = text, *end = text + size;
    if (at < end && (*at == '+' || *at == '-')) {
        if (*at == '-') {
            plain[used++] = '-';
        }
        at++;
    }
    while (end - at > 1 && at[0] == '0' && is_digit(at[1])) {
        at++;
    }
    bool starts = at < end && (is_digit(at[0]) || (at[0] == '.' && end - at > 1 && is_digit(at[1])));
    if (!starts || (size_t)(end - at) > sizeof plain - 4) {
        return false;
    }
    if (*at == '.') {
        plain[used++] = '0';
    }
    bool point = false;
    for (; at < end; at++) {
        plain[used++] = *at;
        if (*at == '.' && !point) {
            point = true;
            if (at + 1 == end || !is_digit(at[1])) {
                plain[used++] = '0';
            }
        }
    }
    return srv_read_double(plain, plain + used, out) == plain + used;
}

static const char *say_why(const char *text, size_t size) {
    return srv_is_non_finite_word(text, size) ? "is not a finite number"
           : srv_is_missing_word(text, size)  ? "is a missing value; expected a number"
                                              : "is not a number";
}

const char *srv_read_cell_double(const char *text, size_t size, double *out) {
    if (srv_read_double(text, text + size, out) != text + size && !read_relaxed(text, size, out)) {
        return say_why(text, size);
    }
    return isfinite(*out) ? NULL : "is beyond the range of float64 (1.8e308)";
}

const char *srv_read_cell_number(const char *text, size_t size, float *out) {
    if (srv_read_float(text, text + size, out) != text + size) {
        double wide;
        if (!read_relaxed(text, size, &wide)) {
            return say_why(text, size);
        }
        *out = (float)wide;
    }
    return isfinite(*out) ? NULL : "is beyond the range of float32 (3.4e38)";
}
