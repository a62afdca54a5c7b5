/* The JSON lexer: RFC 8259, strict.  The manifest's tree (base/json) and the request parsers are both made of it.
 *
 *   srv_json_cursor cursor = srv_json_cursor_at(text, size);
 *   srv_json_skip_space(&cursor);
 *   if (srv_json_peek(&cursor) == '"') { status = srv_json_read_string(&cursor, arena, &name, &length, err); }
 *
 * A function that fails has filled err with SRV_MALFORMED (or NO_MEMORY), what stands there, what was expected, and the
 * byte offset; the cursor is then anywhere within the text.  No function reads at or beyond end, none recurses.
 */
#ifndef SRV_PARSE_JSON_SCAN_H
#define SRV_PARSE_JSON_SCAN_H

#include "../base/alloc.h"
#include "../base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define SRV_JSON_SKIP_DEPTH 1024 /* the deepest nesting srv_json_skip_value can follow */

/* Words that a cursor takes for numbers, beyond RFC 8259. */
#define SRV_JSON_NONFINITE 1u /* NaN, Infinity, -Infinity, as TensorFlow Serving does */
#define SRV_JSON_BOOLEANS 2u  /* true is 1, false is 0: where a number is to be read */

typedef struct srv_json_cursor {
    const char *begin, *at, *end; /* begin ≤ at ≤ end; offsets count from begin */
    unsigned words;               /* SRV_JSON_NONFINITE | SRV_JSON_BOOLEANS; 0: strict */
    const char *yielded;          /* where srv_yield_at last let other threads run; NULL: nowhere yet */
} srv_json_cursor;

static inline srv_json_cursor srv_json_cursor_at(const char *text, size_t size) {
    return (srv_json_cursor){.begin = text, .at = text, .end = text + size};
}

/* The byte at the cursor, 0 to 255, or -1 where the text ends. */
static inline int srv_json_peek(const srv_json_cursor *cursor) {
    return cursor->at < cursor->end ? (unsigned char)*cursor->at : -1;
}

static inline void srv_json_skip_space(srv_json_cursor *cursor) {
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\r' || *cursor->at == '\t')) {
        cursor->at++;
    }
}

/* Does a number, or a word that stands for one, start here? */
static inline bool srv_json_at_number(const srv_json_cursor *cursor) {
    int byte = srv_json_peek(cursor);
    return byte == '-' || (byte >= '0' && byte <= '9') ||
           ((cursor->words & SRV_JSON_NONFINITE) != 0 && (byte == 'N' || byte == 'I')) ||
           ((cursor->words & SRV_JSON_BOOLEANS) != 0 && (byte == 't' || byte == 'f'));
}

/* "an array", "a number", …: what a value that starts with this byte can only be; NULL if no value starts so. */
const char *srv_json_kind(int byte);

/* Fails at the cursor: "unexpected ']'; expected a number", and names the usual slips (NaN, 'text', a second value). */
srv_status srv_json_unexpected(const srv_json_cursor *cursor, const char *expected, srv_error *err);

/* Fails at the cursor, where srv_read_float or srv_read_double stopped short: says what is wrong with the number. */
srv_status srv_json_bad_number(const srv_json_cursor *cursor, srv_error *err);

/* Each of these starts at the first byte of its token (no blanks) and leaves the cursor after its last. */
srv_status srv_json_read_number(srv_json_cursor *cursor, double *out, srv_error *err);
srv_status srv_json_read_float(srv_json_cursor *cursor, float *out, srv_error *err); /* or one of the cursor's words */
srv_status srv_json_read_literal(srv_json_cursor *cursor, const char *literal, srv_error *err); /* true, false, null */

/* A string, unescaped, in the arena, with a NUL after its size bytes (a U+0000 inside is kept: compare size).  UTF-8 is
 * checked; a lone surrogate is refused, as it has no UTF-8.  With arena NULL the string is checked and passed over. */
srv_status srv_json_read_string(srv_json_cursor *cursor, srv_arena *arena, const char **text, size_t *size,
                                srv_error *err);

/* A member's name as srv_json_read_string gives it, blanks before it, and the colon after it. */
srv_status srv_json_read_key(srv_json_cursor *cursor, srv_arena *arena, const char **key, size_t *size, srv_error *err);

/* Checks one value of any kind and passes over it.  max_depth counts arrays and objects within each other. */
srv_status srv_json_skip_value(srv_json_cursor *cursor, size_t max_depth, srv_error *err);

/* Skips blanks, then takes this byte; expected is for the message, e.g. "':'". */
srv_status srv_json_take(srv_json_cursor *cursor, char byte, const char *expected, srv_error *err);

/* Walks the entries of an array or object whose closing byte is `close`:
 *   srv_json_open(cursor, ']', &more);
 *   while (more) { … read an entry …; status = srv_json_next(cursor, ']', &more, err); }
 * open takes the opening byte, next a comma; both take the closing one, and then more is false. */
void srv_json_open(srv_json_cursor *cursor, char close, bool *more);
srv_status srv_json_next(srv_json_cursor *cursor, char close, bool *more, srv_error *err);

/* Skips blanks and fails unless the text ends there. */
srv_status srv_json_finish(srv_json_cursor *cursor, srv_error *err);

/* Writes "/" and the key, escaped as RFC 6901 asks, cut to capacity and NUL-terminated (if capacity > 0).  Returns the
 * bytes written without the NUL, so that steps can be joined: the next one goes to out + size. */
size_t srv_json_pointer_step(char *out, size_t capacity, const char *key);

#endif
