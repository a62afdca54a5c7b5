#include "number_text.h"

#include "../base/number.h"
#include "../base/threads.h"
#include "cell_number.h"
#include "excerpt.h"
#include "parse_json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct scan {
    const char *text, *at, *end;
    char separator; /* ',', ';', ' ' (blanks and tabs) or 0: no line has shown one yet */
    size_t row;     /* of the line at hand, from 1 */
    size_t column;  /* of the cell at hand, from 1 */
    float *values;  /* room for every number that text of this size can hold */
    size_t count;
} scan;

typedef struct cell {
    const char *text; /* without blanks around it and without its quotes */
    size_t size;
} cell;

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool at_line_end(const scan *s) {
    return s->at == s->end || *s->at == '\n' || *s->at == '\r';
}

static void skip_blanks(scan *s) {
    while (s->at < s->end && is_blank(*s->at)) {
        s->at++;
    }
}

/* To the first cell of the next line that has one; false at the end of the text. */
static bool skip_empty_lines(scan *s) {
    while (s->at < s->end && (is_blank(*s->at) || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
    return s->at < s->end;
}

/* ---------------------------------------------------------------------------------------------------------- errors */

/* The line of the text that `at` is on, counted only when there is an error to tell. */
static size_t line_of(const scan *s, const char *at) {
    size_t line = 1;
    for (const char *c = s->text; c < at; c++) {
        line += *c == '\n' || (*c == '\r' && !(c + 1 < s->end && c[1] == '\n'));
    }
    return line;
}

/* "row 2" or "row 2 (line 4)". */
static void write_row(char *out, size_t capacity, size_t row, size_t line) {
    if (row == line) {
        snprintf(out, capacity, "row %zu", row);
    } else {
        snprintf(out, capacity, "row %zu (line %zu)", row, line);
    }
}

static srv_status fail_cell(const scan *s, srv_error *err, srv_status status, const char *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static srv_status fail_cell(const scan *s, srv_error *err, srv_status status, const char *at, const char *format, ...) {
    char row[64], message[320];
    write_row(row, sizeof row, s->row, line_of(s, at));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    srv_fail(err, status, "%s, column %zu: %s", row, s->column, message);
    srv_error_at(err, (size_t)(at - s->text));
    return status;
}

/* ----------------------------------------------------------------------------------------------------------- cells */

/* The separator of the line at hand: whichever of ',' and ';' comes first, else blanks between two cells, else none. */
static char find_separator(const scan *s) {
    bool quoted = false, blank = false, blank_between = false;
    for (const char *c = s->at; c < s->end; c++) {
        if (*c == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            if (*c == ',' || *c == ';') {
                return *c;
            }
            if (*c == '\n' || *c == '\r') {
                break;
            }
        }
        blank_between |= blank && !is_blank(*c);
        blank = !quoted && is_blank(*c);
    }
    return blank_between ? ' ' : 0;
}

/* Whether a cell may end at p: the line's end or a separator comes next, after blanks if any. */
static bool ends_cell(const scan *s, const char *p) {
    if (s->separator == ' ' && p < s->end && is_blank(*p)) {
        return true;
    }
    while (p < s->end && is_blank(*p)) {
        p++;
    }
    return p == s->end || *p == '\n' || *p == '\r' || (*p == s->separator && s->separator != 0);
}

/* The cell at hand, whatever it holds; s->at moves past it. */
static srv_status take_cell(scan *s, cell *out, srv_error *err) {
    const char *start = s->at, *stop;
    if (start < s->end && *start == '"') {
        start++;
        const char *quote = start;
        while ((quote = memchr(quote, '"', (size_t)(s->end - quote))) != NULL && quote + 1 < s->end &&
               quote[1] == '"') {
            quote += 2; /* a doubled quote stands for one and closes nothing */
        }
        if (quote == NULL) {
            return fail_cell(s, err, SRV_MALFORMED, s->at, "the quote opened here is never closed");
        }
        s->at = quote + 1;
        if (!ends_cell(s, s->at)) {
            return fail_cell(s, err, SRV_MALFORMED, s->at, "text after the closing quote; expected a separator");
        }
        stop = quote;
        while (start < stop && is_blank(*start)) {
            start++;
        }
    } else {
        while (!at_line_end(s) &&
               (s->separator == ' ' ? !is_blank(*s->at) : *s->at != s->separator || s->separator == 0)) {
            s->at++;
        }
        stop = s->at;
    }
    while (stop > start && is_blank(stop[-1])) {
        stop--;
    }
    *out = (cell){.text = start, .size = (size_t)(stop - start)};
    return SRV_OK;
}

/* --------------------------------------------------------------------------------------------------------- numbers */

/* A cell that is no plain JSON number: quoted, relaxed, or wrong. */
static srv_status read_odd_cell(scan *s, float *out, srv_error *err) {
    cell c;
    srv_status status = take_cell(s, &c, err);
    if (status != SRV_OK) {
        return status;
    }
    char excerpt[SRV_EXCERPT];
    srv_excerpt(excerpt, c.text, c.size);
    if (c.size == 0) {
        return fail_cell(s, err, SRV_WRONG_VALUE, c.text, "the cell is empty; expected a number");
    }
    const char *fault = srv_read_cell_number(c.text, c.size, out);
    if (fault != NULL) {
        return fail_cell(s, err, SRV_WRONG_VALUE, c.text, "'%s' %s", excerpt, fault);
    }
    return SRV_OK;
}

static srv_status read_line(scan *s, srv_error *err) {
    for (s->column = 1;; s->column++) {
        float value;
        const char *after = srv_read_float(s->at, s->end, &value);
        if (after != NULL && isfinite(value) && ends_cell(s, after)) {
            s->at = after;
        } else {
            srv_status status = read_odd_cell(s, &value, err);
            if (status != SRV_OK) {
                return status;
            }
        }
        s->values[s->count++] = value;
        skip_blanks(s);
        if (!at_line_end(s) && *s->at == s->separator) { /* blanks as separators are behind us already */
            s->at++;
            skip_blanks(s);
        }
        if (at_line_end(s)) {
            return SRV_OK;
        }
    }
}

/* Passes over the line at hand if it is a header (see number_text.h). */
static void skip_header(scan *s, size_t features) {
    scan ahead = *s;
    size_t cells = 0;
    while (!at_line_end(&ahead)) {
        cell c;
        if (take_cell(&ahead, &c, NULL) != SRV_OK || c.size == 0) {
            return;
        }
        char first = (char)(*c.text | 0x20);
        bool name = (first >= 'a' && first <= 'z') || *c.text == '_' || (unsigned char)*c.text >= 0x80;
        if (!name || srv_is_non_finite_word(c.text, c.size) || srv_is_missing_word(c.text, c.size)) {
            return;
        }
        cells++;
        skip_blanks(&ahead);
        if (!at_line_end(&ahead) && *ahead.at == ahead.separator) {
            ahead.at++;
            skip_blanks(&ahead);
        }
    }
    if (cells == features && skip_empty_lines(&ahead)) {
        *s = ahead;
    }
}

/* ------------------------------------------------------------------------------------------------------------ rows */

/* The lines that do not hold one row each, and the first of them. */
typedef struct odd_lines {
    size_t lines;
    const char *first;
    size_t row, count;
} odd_lines;

static srv_status settle_rows(const scan *s, const odd_lines *odd, const srv_input_spec *input,
                              const srv_limits *limits, srv_body *out, srv_error *err) {
    size_t rows = s->row;
    if (odd->lines > 0) {
        if (s->count != input->features) {
            char row[64], together[96] = "";
            write_row(row, sizeof row, odd->row, line_of(s, odd->first));
            if (rows > 1 && odd->lines == rows) {
                snprintf(together, sizeof together, ", and all %zu lines together have %zu", rows, s->count);
            }
            srv_fail(err, SRV_WRONG_VALUE, "%s has %zu number%s%s; the model takes %zu", row, odd->count,
                     odd->count == 1 ? "" : "s", together, input->features);
            srv_error_at(err, (size_t)(odd->first - s->text));
            return SRV_WRONG_VALUE;
        }
        rows = 1;
    }
    if (rows > limits->max_rows) {
        return srv_fail(err, SRV_TOO_LARGE, "the text has %zu rows; one request may hold %zu", rows, limits->max_rows);
    }
    *out = (srv_body){.kind = SRV_BODY_ROWS, .single = rows == 1, .rows = rows, .values = s->values};
    return SRV_OK;
}

static srv_status parse_lines(scan *s, const srv_input_spec *input, const srv_limits *limits, srv_arena *arena,
                              srv_body *out, srv_error *err) {
    size_t room; /* a number takes a byte, and another to part it from the next */
    if (!srv_multiply((size_t)(s->end - s->at) / 2 + 1, sizeof(float), &room) ||
        (s->values = srv_arena_take(arena, room)) == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for the numbers in %zu bytes of text",
                        (size_t)(s->end - s->at));
    }
    odd_lines odd = {0};
    const char *yielded = NULL;
    while (skip_empty_lines(s)) {
        s->row++;
        srv_yield_at(s->at, &yielded);
        s->column = 1;
        if (s->row == 1) {
            s->separator = find_separator(s);
            skip_header(s, input->features);
        }
        if (s->separator == 0) {
            s->separator = find_separator(s);
        }
        const char *start = s->at;
        size_t before = s->count;
        srv_status status = read_line(s, err);
        if (status != SRV_OK) {
            return status;
        }
        if (s->count - before != input->features) {
            if (odd.lines++ == 0) {
                odd = (odd_lines){.lines = 1, .first = start, .row = s->row, .count = s->count - before};
            }
        }
    }
    srv_arena_shrink(arena, s->values, s->count * sizeof(float));
    return settle_rows(s, &odd, input, limits, out, err);
}

srv_status srv_parse_number_text(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                 srv_arena *arena, srv_body *out, srv_error *err) {
    scan s = {.text = text, .at = text, .end = text + size};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        s.at += 3;
    }
    const char *start = s.at;
    if (!skip_empty_lines(&s)) {
        srv_fail(err, SRV_MALFORMED, "the text holds no numbers; the model takes %zu", input->features);
        srv_error_at(err, size);
        return SRV_MALFORMED;
    }
    if (*s.at == '[' || *s.at == '{') {
        srv_status status = srv_parse_json_classify(start, (size_t)(s.end - start), input, limits, arena, out, err);
        if (status != SRV_OK && err != NULL && err->offset != SRV_NO_OFFSET) {
            srv_error_at(err, err->offset + (size_t)(start - text));
        }
        return status;
    }
    s.at = start;
    return parse_lines(&s, input, limits, arena, out, err);
}
