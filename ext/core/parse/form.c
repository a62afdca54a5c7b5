#include "form.h"

#include "excerpt.h"

#include <string.h>

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

srv_status srv_form_decode(const char *raw, size_t raw_size, srv_arena *arena, const char **out, size_t *out_size,
                           srv_error *err) {
    *out = raw;
    *out_size = raw_size;
    if (raw_size == 0 || (memchr(raw, '%', raw_size) == NULL && memchr(raw, '+', raw_size) == NULL)) {
        return SRV_OK;
    }
    char *text = srv_arena_take(arena, raw_size);
    if (text == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory while decoding a form of %zu bytes", raw_size);
    }
    size_t size = 0;
    for (size_t i = 0; i < raw_size; i++) {
        char c = raw[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = raw_size - i > 2 ? hex_digit(raw[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw[i + 2]) : -1;
            if (low < 0) {
                char excerpt[SRV_EXCERPT];
                srv_fail(err, SRV_MALFORMED,
                         "'%s' is not a form escape; expected '%%' and two hexadecimal digits ('%%25' for '%%' itself)",
                         srv_excerpt(excerpt, raw + i, raw_size - i < 3 ? raw_size - i : 3));
                srv_error_at(err, i);
                return SRV_MALFORMED;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        text[size++] = c;
    }
    srv_arena_shrink(arena, text, size);
    *out = text;
    *out_size = size;
    return SRV_OK;
}

size_t srv_form_raw_offset(const char *raw, size_t raw_size, size_t decoded) {
    size_t at = 0;
    while (decoded > 0 && at < raw_size) {
        at += raw[at] == '%' && raw_size - at > 2 ? 3 : 1;
        decoded--;
    }
    return at;
}

srv_status srv_form_next(const char *body, size_t size, size_t *at, srv_arena *arena, srv_form_field *out, bool *more,
                         srv_error *err) {
    while (*at < size && body[*at] == '&') {
        (*at)++;
    }
    *more = *at < size;
    if (!*more) {
        return SRV_OK;
    }
    const char *pair = body + *at;
    const char *end = memchr(pair, '&', size - *at);
    size_t pair_size = end != NULL ? (size_t)(end - pair) : size - *at;
    const char *equals = memchr(pair, '=', pair_size);
    size_t name_size = equals != NULL ? (size_t)(equals - pair) : pair_size;
    out->raw = equals != NULL ? equals + 1 : pair + pair_size;
    out->raw_size = equals != NULL ? pair_size - name_size - 1 : 0;
    srv_status status = srv_form_decode(pair, name_size, arena, &out->name, &out->name_size, err);
    if (status != SRV_OK && err != NULL && err->offset != SRV_NO_OFFSET) {
        srv_error_at(err, *at + err->offset);
    }
    *at += pair_size;
    return status;
}
