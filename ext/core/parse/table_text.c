#include "table_text.h"

#include "../base/threads.h"
#include "../base/utf8.h"
#include "cell_number.h"
#include "excerpt.h"
#include "table_json.h"
#include "table_rows.h"

#include <stdio.h>

typedef struct scan {
    const char *text, *at, *end;
    char separator; /* 0: the first line has none, and a line is a cell */
    size_t row;     /* of the line at hand, from 1 */
    srv_arena *arena;
    srv_error *err;
} scan;

typedef struct cell {
    srv_text text; /* without quotes; blanks around it are still there unless it was quoted */
    bool quoted;
    const char *at; /* in the text */
} cell;

static srv_status check_utf8(const char *text, size_t size, srv_error *err) {
    const char *fault = srv_utf8_fault(text, text + size);
    if (fault == text + size) {
        return SRV_OK;
    }
    srv_fail(err, SRV_MALFORMED, "byte 0x%02X is not UTF-8; expected text in UTF-8", (unsigned char)*fault);
    srv_error_at(err, (size_t)(fault - text));
    return SRV_MALFORMED;
}

static bool at_line_end(const scan *s) {
    return s->at == s->end || *s->at == '\n' || *s->at == '\r';
}

static bool is_blank(const scan *s, char c) {
    return (c == ' ' || c == '\t') && c != s->separator;
}

static srv_text trimmed(const scan *s, const cell *c) {
    srv_text text = c->text;
    while (!c->quoted && text.size > 0 && is_blank(s, *text.bytes)) {
        text.bytes++;
        text.size--;
    }
    while (!c->quoted && text.size > 0 && is_blank(s, text.bytes[text.size - 1])) {
        text.size--;
    }
    return text;
}

/* Adds row, line and offset to the error that has just been filled. */
static srv_status placed(const scan *s, srv_status status, const char *at) {
    if (s->err == NULL) {
        return status;
    }
    size_t line = 1;
    for (const char *c = s->text; c < at; c++) {
        line += *c == '\n' || (*c == '\r' && !(c + 1 < s->end && c[1] == '\n'));
    }
    char message[sizeof s->err->message], row[64];
    snprintf(message, sizeof message, "%s", s->err->message);
    snprintf(row, sizeof row, s->row == 0 ? "header" : s->row == line ? "row %zu" : "row %zu (line %zu)", s->row, line);
    srv_fail(s->err, status, "%s: %.400s", row, message);
    srv_error_at(s->err, (size_t)(at - s->text));
    return status;
}

/* The separator of the first line: the first of , ; and tab outside quotes. */
static char find_separator(const scan *s) {
    bool quoted = false;
    for (const char *c = s->at; c < s->end; c++) {
        if (*c == '"') {
            quoted = !quoted;
        } else if (!quoted && (*c == ',' || *c == ';' || *c == '\t')) {
            return *c;
        } else if (!quoted && (*c == '\n' || *c == '\r')) {
            break;
        }
    }
    return 0;
}

/* A quoted cell: s->at is at its quote. */
static srv_status read_quoted(scan *s, cell *out) {
    const char *start = s->at + 1, *quote = start;
    size_t doubled = 0;
    while ((quote = memchr(quote, '"', (size_t)(s->end - quote))) != NULL && quote + 1 < s->end && quote[1] == '"') {
        quote += 2;
        doubled++;
    }
    if (quote == NULL) {
        srv_fail(s->err, SRV_MALFORMED, "the quote opened here is never closed");
        return placed(s, SRV_MALFORMED, s->at);
    }
    out->quoted = true;
    out->text = (srv_text){.bytes = start, .size = (size_t)(quote - start)};
    s->at = quote + 1;
    if (doubled > 0) {
        char *plain = srv_arena_take(s->arena, out->text.size - doubled);
        if (plain == NULL) {
            return srv_fail(s->err, SRV_NO_MEMORY, "out of memory");
        }
        size_t size = 0;
        for (const char *c = start; c < quote; c++) {
            plain[size++] = *c;
            c += *c == '"'; /* of two quotes the first */
        }
        out->text = (srv_text){.bytes = plain, .size = size};
    }
    while (!at_line_end(s) && is_blank(s, *s->at)) {
        s->at++;
    }
    if (!at_line_end(s) && (*s->at != s->separator || s->separator == 0)) {
        srv_fail(s->err, SRV_MALFORMED, "text after the closing quote; expected a separator");
        return placed(s, SRV_MALFORMED, s->at);
    }
    return SRV_OK;
}

/* The cell at hand; s->at moves to what ends it: a separator or the line's end. */
static srv_status read_cell(scan *s, cell *out) {
    const char *start = s->at;
    *out = (cell){.at = start};
    while (!at_line_end(s) && is_blank(s, *s->at)) {
        s->at++;
    }
    if (!at_line_end(s) && *s->at == '"') {
        return read_quoted(s, out);
    }
    while (!at_line_end(s) && (*s->at != s->separator || s->separator == 0)) {
        s->at++;
    }
    out->text = (srv_text){.bytes = start, .size = (size_t)(s->at - start)};
    return SRV_OK;
}

/* To the next line that is not empty; false at the end of the text. */
static bool next_line(scan *s) {
    const char *start = s->at;
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r')) {
        bool line_end = *s->at != ' ';
        s->at++;
        start = line_end ? s->at : start;
    }
    bool more = s->at < s->end;
    s->at = start; /* blanks before a cell may be part of it */
    return more;
}

/* ---------------------------------------------------------------------------------------------------------- header */

/* Is the line at hand a header?  How many cells it has goes to *cells. */
static srv_status is_header(const scan *s, const srv_table *table, bool *header, size_t *cells) {
    scan ahead = *s;
    size_t names = 0;
    *cells = 0;
    *header = true;
    for (;; ahead.at++) {
        cell c;
        srv_status status = read_cell(&ahead, &c);
        if (status != SRV_OK) {
            return status;
        }
        srv_text text = trimmed(s, &c);
        double number;
        bool name = srv_names_find(&table->names, text.bytes, text.size) < table->names.count;
        names += name;
        *cells += 1;
        if (!name && (text.size == 0 || srv_read_cell_double(text.bytes, text.size, &number) == NULL)) {
            *header = false;
        }
        if (at_line_end(&ahead)) {
            *header &= names > 0 && 2 * names >= *cells;
            return SRV_OK;
        }
    }
}

/* order[i] becomes the column of cell i. */
static srv_status read_header(scan *s, const srv_table *table, size_t *order) {
    size_t count = 0;
    for (;; s->at++) {
        cell c;
        srv_status status = read_cell(s, &c);
        if (status != SRV_OK) {
            return status;
        }
        srv_text text = trimmed(s, &c);
        size_t column = srv_names_find(&table->names, text.bytes, text.size);
        if (column == table->names.count) {
            return placed(s, srv_table_unknown_column(table, "column", text, s->err), c.at);
        }
        for (size_t i = 0; i < count; i++) {
            if (order[i] == column) {
                srv_fail(s->err, SRV_MALFORMED, "the column \"%.100s\" is there twice", table->columns[column].name);
                return placed(s, SRV_MALFORMED, c.at);
            }
        }
        order[count++] = column;
        if (at_line_end(s)) {
            return SRV_OK;
        }
    }
}

/* ------------------------------------------------------------------------------------------------------------ rows */

static srv_status read_line(scan *s, srv_table_rows *rows, const size_t *order, size_t cells) {
    const char *start = s->at;
    const srv_table *table = rows->table;
    srv_status status = srv_table_rows_open(rows, s->err);
    if (status != SRV_OK) {
        return placed(s, status, start);
    }
    for (size_t i = 0;; i++, s->at++) {
        cell c;
        if ((status = read_cell(s, &c)) != SRV_OK) {
            return status;
        }
        bool last = at_line_end(s);
        if (i == cells || (last && i + 1 < cells)) {
            char list[300];
            srv_fail(s->err, SRV_WRONG_VALUE, "it has %s%zu cell%s; expected %zu (the columns are %s)",
                     i == cells ? "more than " : "", i == cells ? cells : i + 1, i + (i < cells) == 1 ? "" : "s", cells,
                     srv_names_list(&table->names, list, sizeof list));
            return placed(s, SRV_WRONG_VALUE, i == cells ? c.at : start);
        }
        size_t column = order != NULL ? order[i] : i;
        srv_text text = table->columns[column].type == SRV_COLUMN_TEXT ? c.text : trimmed(s, &c);
        srv_table_rows_claim(rows, column);
        if ((status = srv_table_put_cell(rows, column, text, s->err)) != SRV_OK) {
            return placed(s, status, c.at);
        }
        if (last) {
            status = srv_table_rows_close(rows, s->err);
            return status == SRV_OK ? SRV_OK : placed(s, status, start);
        }
    }
}

static srv_status read_lines(scan *s, srv_table_rows *rows) {
    const srv_table *table = rows->table;
    size_t cells = 0, *order = NULL;
    bool header;
    s->separator = find_separator(s);
    srv_status status = is_header(s, table, &header, &cells);
    if (status != SRV_OK) {
        return status;
    }
    if (header) {
        order = srv_arena_take(s->arena, table->names.count * sizeof *order); /* no name fits twice */
        if (order == NULL) {
            return srv_fail(s->err, SRV_NO_MEMORY, "out of memory");
        }
        if ((status = read_header(s, table, order)) != SRV_OK) {
            return status;
        }
    } else {
        cells = table->names.count;
    }
    const char *yielded = NULL;
    while (next_line(s)) {
        s->row++;
        srv_yield_at(s->at, &yielded);
        if ((status = read_line(s, rows, order, cells)) != SRV_OK) {
            return status;
        }
    }
    if (rows->count == 0) {
        srv_fail(s->err, SRV_MALFORMED, "the text has a header and no rows");
        srv_error_at(s->err, (size_t)(s->end - s->text));
        return SRV_MALFORMED;
    }
    return SRV_OK;
}

srv_status srv_parse_table_csv(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                               srv_arena *arena, srv_body *out, srv_error *err) {
    scan s = {.text = text, .at = text, .end = text + size, .arena = arena, .err = err};
    srv_table_rows rows;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        s.at += 3;
    }
    const char *start = s.at;
    while (start < s.end && (*start == ' ' || *start == '\t' || *start == '\n' || *start == '\r')) {
        start++;
    }
    if (!input->table->bare && start < s.end && (*start == '[' || *start == '{')) {
        srv_status status = srv_parse_table_json(start, (size_t)(s.end - start), input, limits, arena, out, err);
        if (status != SRV_OK && err != NULL && err->offset != SRV_NO_OFFSET) {
            srv_error_at(err, err->offset + (size_t)(start - text));
        }
        return status;
    }
    srv_status status = check_utf8(text, size, err);
    if (status != SRV_OK) {
        return status;
    }
    if (!next_line(&s)) {
        char list[300];
        srv_fail(err, SRV_MALFORMED, "the text has no rows; the columns are %s",
                 srv_names_list(&input->table->names, list, sizeof list));
        srv_error_at(err, size);
        return SRV_MALFORMED;
    }
    if ((status = srv_table_rows_start(&rows, input->table, limits, arena, err)) == SRV_OK &&
        (status = read_lines(&s, &rows)) == SRV_OK) {
        srv_table_rows_finish(&rows, rows.count == 1, out);
    }
    return status;
}

srv_status srv_parse_bare_text(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                               srv_arena *arena, srv_body *out, srv_error *err) {
    srv_table_rows rows;
    size_t mark = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    srv_status status;
    if ((status = check_utf8(text, size, err)) != SRV_OK ||
        (status = srv_table_rows_start(&rows, input->table, limits, arena, err)) != SRV_OK ||
        (status = srv_table_rows_open(&rows, err)) != SRV_OK) {
        return status;
    }
    srv_table_rows_claim(&rows, 0);
    if ((status = srv_table_put_text(&rows, 0, (srv_text){text + mark, size - mark}, err)) == SRV_OK) {
        srv_table_rows_finish(&rows, true, out);
    }
    return status;
}

srv_status srv_parse_table_fields(const srv_table_field *fields, size_t count, const char *body,
                                  const srv_input_spec *input, const srv_limits *limits, srv_arena *arena,
                                  srv_body *out, srv_error *err) {
    const srv_table *table = input->table;
    srv_table_rows rows;
    srv_status status = srv_table_rows_start(&rows, table, limits, arena, err);
    if (status == SRV_OK) {
        status = srv_table_rows_open(&rows, err);
    }
    for (size_t i = 0; i < count && status == SRV_OK; i++) {
        const srv_table_field *field = &fields[i];
        char excerpt[SRV_EXCERPT];
        srv_excerpt(excerpt, field->name.bytes, field->name.size);
        size_t column = srv_names_find(&table->names, field->name.bytes, field->name.size);
        if (column == table->names.count) {
            status = srv_table_unknown_column(table, "field", field->name, err);
        } else if (!srv_table_rows_claim(&rows, column)) {
            status = srv_fail(err, SRV_MALFORMED, "the form has two fields '%s'; expected one", excerpt);
        } else if ((status = check_utf8(field->value.bytes, field->value.size, err)) == SRV_OK) {
            status = srv_table_put_cell(&rows, column, field->value, err);
        }
        if (status != SRV_OK) {
            srv_error_at(err, (size_t)(field->raw - body));
            srv_error_where(err, "%s", excerpt);
        }
    }
    if (status == SRV_OK && (status = srv_table_rows_close(&rows, err)) == SRV_OK) {
        srv_table_rows_finish(&rows, true, out);
    }
    return status;
}
