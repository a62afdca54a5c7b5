#include "json_scan.h"

#include "../base/number.h"
#include "../base/threads.h"
#include "../base/utf8.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_letter(int byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static srv_status fail_at(const srv_json_cursor *cursor, const char *at, srv_error *err, const char *message) {
    srv_fail(err, SRV_MALFORMED, "%s", message);
    srv_error_at(err, (size_t)(at - cursor->begin));
    return SRV_MALFORMED;
}

const char *srv_json_kind(int byte) {
    switch (byte) {
    case '{':
        return "an object";
    case '[':
        return "an array";
    case '"':
        return "a string";
    case 't':
    case 'f':
        return "a boolean";
    case 'n':
        return "null";
    default:
        return byte == '-' || is_digit(byte) ? "a number" : NULL;
    }
}

static bool is_literal(const char *word, size_t size) {
    return (size == 4 && (memcmp(word, "null", 4) == 0 || memcmp(word, "true", 4) == 0)) ||
           (size == 5 && memcmp(word, "false", 5) == 0);
}

srv_status srv_json_unexpected(const srv_json_cursor *cursor, const char *expected, srv_error *err) {
    const char *at = cursor->at, *word = at;
    int byte = srv_json_peek(cursor);
    if (byte == '-') {
        word++; /* -Infinity */
    }
    const char *word_end = word;
    while (word_end < cursor->end && is_letter((unsigned char)*word_end) && word_end - word < 20) {
        word_end++;
    }
    if (byte < 0) {
        srv_fail(err, SRV_MALFORMED, "the text ends here; expected %s", expected);
    } else if (is_literal(at, (size_t)(word_end - at))) {
        srv_fail(err, SRV_MALFORMED, "unexpected %.*s; expected %s", (int)(word_end - at), at, expected);
    } else if (word_end > word) {
        srv_fail(err, SRV_MALFORMED, "%.*s is not JSON; expected %s", (int)(word_end - at), at, expected);
    } else if (byte == '\'') {
        srv_fail(err, SRV_MALFORMED, "JSON strings are in double quotes; expected %s", expected);
    } else if (byte == 0xEF && cursor->at == cursor->begin) {
        srv_fail(err, SRV_MALFORMED, "the text starts with a byte order mark; expected %s", expected);
    } else if (byte > ' ' && byte < 0x7F) {
        srv_fail(err, SRV_MALFORMED, "unexpected '%c'; expected %s", byte, expected);
    } else {
        srv_fail(err, SRV_MALFORMED, "unexpected byte 0x%02X; expected %s", (unsigned)byte, expected);
    }
    srv_error_at(err, (size_t)(at - cursor->begin));
    return SRV_MALFORMED;
}

srv_status srv_json_bad_number(const srv_json_cursor *cursor, srv_error *err) {
    srv_json_cursor part = *cursor;
    part.at += srv_json_peek(&part) == '-';
    if (!is_digit(srv_json_peek(&part))) {
        if (is_letter(srv_json_peek(&part))) {
            return srv_json_unexpected(cursor, "a number", err);
        }
        return srv_json_unexpected(&part, part.at > cursor->at ? "a digit after '-'" : "a number", err);
    }
    if (*part.at == '0' && part.at + 1 < part.end && is_digit(part.at[1])) {
        return fail_at(&part, part.at, err, "a JSON number has no leading zeros");
    }
    while (is_digit(srv_json_peek(&part))) {
        part.at++;
    }
    if (srv_json_peek(&part) == '.') {
        part.at++;
        if (!is_digit(srv_json_peek(&part))) {
            return srv_json_unexpected(&part, "a digit after the decimal point", err);
        }
        while (is_digit(srv_json_peek(&part))) {
            part.at++;
        }
    }
    if ((srv_json_peek(&part) | 0x20) == 'e') {
        part.at++;
        part.at += srv_json_peek(&part) == '+' || srv_json_peek(&part) == '-';
        if (!is_digit(srv_json_peek(&part))) {
            return fail_at(&part, part.at, err, "a number's exponent has no digits");
        }
    }
    return srv_json_unexpected(&part, "the end of the number", err);
}

srv_status srv_json_read_number(srv_json_cursor *cursor, double *out, srv_error *err) {
    const char *after = srv_read_double(cursor->at, cursor->end, out);
    if (after == NULL || (after < cursor->end && is_digit((unsigned char)*after))) {
        return srv_json_bad_number(cursor, err);
    }
    cursor->at = after;
    return SRV_OK;
}

/* The word of the cursor's that starts at it, or NULL. */
static const char *read_word(const srv_json_cursor *cursor, float *out) {
    static const struct {
        unsigned kind;
        const char *text;
        float value;
    } words[] = {
        {SRV_JSON_NONFINITE, "NaN", NAN},
        {SRV_JSON_NONFINITE, "Infinity", INFINITY},
        {SRV_JSON_NONFINITE, "-Infinity", -INFINITY},
        {SRV_JSON_BOOLEANS, "true", 1},
        {SRV_JSON_BOOLEANS, "false", 0},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words && cursor->words != 0; i++) {
        size_t size = strlen(words[i].text);
        if ((cursor->words & words[i].kind) != 0 && (size_t)(cursor->end - cursor->at) >= size &&
            memcmp(cursor->at, words[i].text, size) == 0) {
            *out = words[i].value;
            return cursor->at + size;
        }
    }
    return NULL;
}

srv_status srv_json_read_float(srv_json_cursor *cursor, float *out, srv_error *err) {
    const char *after = srv_read_float(cursor->at, cursor->end, out);
    if (after == NULL) {
        after = read_word(cursor, out);
    }
    if (after == NULL || (after < cursor->end && is_digit((unsigned char)*after))) {
        return srv_json_bad_number(cursor, err);
    }
    cursor->at = after;
    return SRV_OK;
}

srv_status srv_json_read_literal(srv_json_cursor *cursor, const char *literal, srv_error *err) {
    size_t size = strlen(literal);
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, literal, size) != 0) {
        return srv_json_unexpected(cursor, literal, err);
    }
    cursor->at += size;
    return SRV_OK;
}

/* The four hexadecimal digits at at, or -1. */
static int32_t read_hex(const char *at, const char *end) {
    if (end - at < 4) {
        return -1;
    }
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int byte = (unsigned char)at[i], lower = byte | 0x20;
        if (is_digit(byte)) {
            code = code * 16 + byte - '0';
        } else if (lower >= 'a' && lower <= 'f') {
            code = code * 16 + lower - 'a' + 10;
        } else {
            return -1;
        }
    }
    return code;
}

/* The escape at *at, after its backslash, as UTF-8 in out; NULL if it is fine, else what is wrong. */
static const char *read_escape(const char **at, const char *end, char out[4], size_t *size) {
    if (*at == end) {
        return "the string is not closed";
    }
    char letter = *(*at)++;
    const char *letters = "\"\\/bfnrt", *meant = "\"\\/\b\f\n\r\t";
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found != NULL) {
        out[0] = meant[found - letters];
        *size = 1;
        return NULL;
    }
    if (letter != 'u') {
        return "unknown escape in a string; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX";
    }
    int32_t code = read_hex(*at, end);
    if (code < 0) {
        return "\\u needs four hexadecimal digits";
    }
    *at += 4;
    if (code >= 0xD800 && code <= 0xDFFF) {
        int32_t second = end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' ? read_hex(*at + 2, end) : -1;
        if (code >= 0xDC00 || second < 0xDC00 || second > 0xDFFF) {
            return "half of a surrogate pair in a string";
        }
        *at += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
    }
    *size = srv_utf8_write(out, (uint32_t)code);
    return NULL;
}

srv_status srv_json_read_string(srv_json_cursor *cursor, srv_arena *arena, const char **text, size_t *size,
                                srv_error *err) {
    if (srv_json_peek(cursor) != '"') {
        return srv_json_unexpected(cursor, "a string", err);
    }
    const char *at = cursor->at + 1, *end = cursor->end;
    char *out = NULL;
    size_t written = 0;
    if (arena != NULL) {
        const char *quote = at; /* where the string closes */
        while (quote < end && *quote != '"') {
            quote += *quote == '\\' && end - quote > 1 ? 2 : 1;
        }
        out = srv_arena_take(arena, (size_t)(quote - at) + 1); /* an escape is never shorter than what it stands for */
        if (out == NULL) {
            return srv_fail(err, SRV_NO_MEMORY, "out of memory");
        }
    }
    for (;;) {
        if (at == end) {
            return fail_at(cursor, cursor->at, err, "the string is not closed");
        }
        const char *start = at;
        unsigned char byte = (unsigned char)*at;
        if (byte == '"') {
            break;
        }
        if (byte == '\\') {
            char piece[4];
            size_t piece_size;
            at++;
            const char *fault = read_escape(&at, end, piece, &piece_size);
            if (fault != NULL) {
                return fail_at(cursor, start, err, fault);
            }
            if (out != NULL) {
                memcpy(out + written, piece, piece_size);
            }
            written += piece_size;
            continue;
        }
        if (byte < 0x20) {
            return fail_at(cursor, at, err, "a control character in a string must be written as an escape");
        }
        size_t piece_size = srv_utf8_size(at, end);
        if (piece_size == 0) {
            return fail_at(cursor, at, err, "the string is not UTF-8");
        }
        if (out != NULL) {
            memcpy(out + written, at, piece_size);
        }
        written += piece_size;
        at += piece_size;
    }
    cursor->at = at + 1;
    if (out != NULL) {
        out[written] = '\0';
        *text = out;
        *size = written;
    }
    return SRV_OK;
}

/* A value that holds no other. */
static srv_status skip_scalar(srv_json_cursor *cursor, srv_error *err) {
    float number;
    switch (srv_json_peek(cursor)) {
    case '"':
        return srv_json_read_string(cursor, NULL, NULL, NULL, err);
    case 't':
        return srv_json_read_literal(cursor, "true", err);
    case 'f':
        return srv_json_read_literal(cursor, "false", err);
    case 'n':
        return srv_json_read_literal(cursor, "null", err);
    default:
        if (!srv_json_at_number(cursor)) {
            return srv_json_unexpected(cursor, "a JSON value", err);
        }
        return srv_json_read_float(cursor, &number, err);
    }
}

srv_status srv_json_read_key(srv_json_cursor *cursor, srv_arena *arena, const char **key, size_t *size,
                             srv_error *err) {
    srv_json_skip_space(cursor);
    srv_status status = srv_json_read_string(cursor, arena, key, size, err);
    return status != SRV_OK ? status : srv_json_take(cursor, ':', "':'", err);
}

srv_status srv_json_skip_value(srv_json_cursor *cursor, size_t max_depth, srv_error *err) {
    bool is_object[SRV_JSON_SKIP_DEPTH]; /* for each level; the others are arrays */
    size_t depth = 0;
    if (max_depth > SRV_JSON_SKIP_DEPTH) {
        max_depth = SRV_JSON_SKIP_DEPTH;
    }
    for (;;) { /* at a value, blanks before it */
        srv_json_skip_space(cursor);
        int byte = srv_json_peek(cursor);
        srv_status status = SRV_OK;
        bool closed = true; /* a value is complete */
        if (byte == '[' || byte == '{') {
            if (depth == max_depth) {
                srv_fail(err, SRV_MALFORMED, "nested too deep; at most %zu levels", max_depth);
                srv_error_at(err, (size_t)(cursor->at - cursor->begin));
                return SRV_MALFORMED;
            }
            is_object[depth] = byte == '{';
            cursor->at++;
            srv_json_skip_space(cursor);
            if (srv_json_peek(cursor) == (byte == '[' ? ']' : '}')) {
                cursor->at++;
            } else {
                depth++;
                closed = false;
                status = byte == '{' ? srv_json_read_key(cursor, NULL, NULL, NULL, err) : SRV_OK;
            }
        } else {
            status = skip_scalar(cursor, err);
        }
        if (status != SRV_OK) {
            return status;
        }
        while (closed) {
            if (depth == 0) {
                return SRV_OK;
            }
            bool object = is_object[depth - 1];
            srv_json_skip_space(cursor);
            int next = srv_json_peek(cursor);
            if (next == (object ? '}' : ']')) {
                cursor->at++;
                depth--;
            } else if (next == ',') {
                cursor->at++;
                closed = false;
                status = object ? srv_json_read_key(cursor, NULL, NULL, NULL, err) : SRV_OK;
                if (status != SRV_OK) {
                    return status;
                }
            } else {
                return srv_json_unexpected(cursor, object ? "',' or '}'" : "',' or ']'", err);
            }
        }
    }
}

srv_status srv_json_take(srv_json_cursor *cursor, char byte, const char *expected, srv_error *err) {
    srv_json_skip_space(cursor);
    if (srv_json_peek(cursor) != (unsigned char)byte) {
        return srv_json_unexpected(cursor, expected, err);
    }
    cursor->at++;
    return SRV_OK;
}

void srv_json_open(srv_json_cursor *cursor, char close, bool *more) {
    cursor->at++;
    srv_json_skip_space(cursor);
    *more = srv_json_peek(cursor) != (unsigned char)close;
    cursor->at += !*more;
}

srv_status srv_json_next(srv_json_cursor *cursor, char close, bool *more, srv_error *err) {
    srv_json_skip_space(cursor);
    int byte = srv_json_peek(cursor);
    if (byte != ',' && byte != (unsigned char)close) {
        return srv_json_unexpected(cursor, close == ']' ? "',' or ']'" : "',' or '}'", err);
    }
    cursor->at++;
    *more = byte == ',';
    srv_yield_at(cursor->at, &cursor->yielded);
    return SRV_OK;
}

srv_status srv_json_finish(srv_json_cursor *cursor, srv_error *err) {
    srv_json_skip_space(cursor);
    return cursor->at == cursor->end ? SRV_OK : srv_json_unexpected(cursor, "the end of the text", err);
}

size_t srv_json_pointer_step(char *out, size_t capacity, const char *key) {
    size_t size = 0;
    char same[2] = "";
    const char *piece = "/";
    for (;;) {
        size_t piece_size = strlen(piece);
        if (size + piece_size >= capacity) {
            while (size > 0 && ((unsigned char)key[-1] & 0xC0) == 0x80) { /* not within a character */
                key--;
                size--;
            }
            break;
        }
        memcpy(out + size, piece, piece_size);
        size += piece_size;
        if (*key == '\0') {
            break;
        }
        same[0] = *key;
        piece = *key == '~' ? "~0" : *key == '/' ? "~1" : same;
        key++;
    }
    if (capacity > 0) {
        out[size] = '\0';
    }
    return size;
}
