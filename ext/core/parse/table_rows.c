#include "table_rows.h"

#include "cell_number.h"
#include "excerpt.h"
#include "header_value.h"

#include <stdio.h>

#define FIRST_ROWS 16

srv_status srv_table_rows_start(srv_table_rows *out, const srv_table *table, const srv_limits *limits, srv_arena *arena,
                                srv_error *err) {
    *out = (srv_table_rows){.table = table, .limits = limits, .arena = arena};
    out->claimed = srv_arena_take(arena, table->names.count * sizeof *out->claimed);
    if (out->claimed == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    memset(out->claimed, 0, table->names.count * sizeof *out->claimed);
    return SRV_OK;
}

/* Room for twice as many rows.  The old rows stay in the arena unused: all of them together are no more than these. */
static srv_status grow(srv_table_rows *rows, srv_error *err) {
    const srv_table *table = rows->table;
    size_t capacity = rows->capacity > 0 ? rows->capacity * 2 : FIRST_ROWS, numbers, bytes, text_bytes;
    if (capacity > rows->limits->max_rows) {
        capacity = rows->limits->max_rows;
    }
    if (!srv_multiply(capacity, table->features, &numbers) || !srv_multiply(numbers, sizeof(double), &bytes) ||
        !srv_multiply(capacity, table->texts * sizeof(srv_text), &text_bytes)) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    double *cells = srv_arena_take(rows->arena, bytes);
    srv_text *texts = srv_arena_take(rows->arena, text_bytes);
    if (cells == NULL || texts == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    if (rows->count > 0) {
        memcpy(cells, rows->cells, rows->count * table->features * sizeof *cells);
        memcpy(texts, rows->texts, rows->count * table->texts * sizeof *texts);
    }
    rows->cells = cells;
    rows->texts = texts;
    rows->capacity = capacity;
    return SRV_OK;
}

srv_status srv_table_rows_open(srv_table_rows *rows, srv_error *err) {
    if (rows->count == rows->limits->max_rows) {
        return srv_fail(err, SRV_TOO_LARGE, "more than %zu rows in one request", rows->limits->max_rows);
    }
    if ((rows->count + 1) * rows->table->features > SRV_MAX_REQUEST_NUMBERS) {
        return srv_fail(err, SRV_TOO_LARGE, "more than %zu rows of %zu columns in one request", rows->count,
                        rows->table->features);
    }
    if (rows->count == rows->capacity) {
        srv_status status = grow(rows, err);
        if (status != SRV_OK) {
            return status;
        }
    }
    rows->count++;
    rows->filled = 0;
    return SRV_OK;
}

bool srv_table_rows_claim(srv_table_rows *rows, size_t column) {
    if (rows->claimed[column] == rows->count) {
        return false;
    }
    rows->claimed[column] = (uint32_t)rows->count; /* rows are fewer than numbers in a request */
    rows->filled++;
    return true;
}

srv_status srv_table_rows_close(srv_table_rows *rows, srv_error *err) {
    for (size_t i = 0; rows->filled < rows->table->names.count; i++) {
        if (srv_table_rows_claim(rows, i)) {
            srv_status status = srv_table_put_missing(rows, i, err);
            if (status != SRV_OK) {
                return status;
            }
        }
    }
    return SRV_OK;
}

void srv_table_rows_finish(const srv_table_rows *rows, bool single, srv_body *out) {
    *out = (srv_body){.kind = SRV_BODY_ROWS,
                      .single = single,
                      .rows = rows->count,
                      .cells = rows->cells,
                      .texts = rows->table->texts > 0 ? rows->texts : NULL};
}

/* ----------------------------------------------------------------------------------------------------------- cells */

double *srv_table_numbers(srv_table_rows *rows, size_t column) {
    return rows->cells + (rows->count - 1) * rows->table->features + rows->table->columns[column].offset;
}

void srv_table_put_floats(srv_table_rows *rows, size_t column, const float *values) {
    double *cells = srv_table_numbers(rows, column);
    for (size_t i = 0; i < rows->table->columns[column].width; i++) {
        cells[i] = (double)values[i];
    }
}

static void set_text(srv_table_rows *rows, size_t column, srv_text text) {
    rows->texts[(rows->count - 1) * rows->table->texts + rows->table->columns[column].text] = text;
    *srv_table_numbers(rows, column) = 0;
}

void srv_table_put_number(srv_table_rows *rows, size_t column, double value) {
    *srv_table_numbers(rows, column) = value;
}

const char *srv_table_describe_column(const srv_column *column, char *out, size_t capacity) {
    char names[200];
    switch (column->type) {
    case SRV_COLUMN_NUMBER:
        snprintf(out, capacity, "a number");
        break;
    case SRV_COLUMN_BOOLEAN:
        snprintf(out, capacity, "true or false");
        break;
    case SRV_COLUMN_CATEGORY:
        snprintf(out, capacity, "one of %s", srv_names_list(&column->categories, names, sizeof names));
        break;
    case SRV_COLUMN_TEXT:
        snprintf(out, capacity, "a text");
        break;
    case SRV_COLUMN_TENSOR:
        snprintf(out, capacity, "an array of %zu numbers", column->width);
        break;
    }
    return out;
}

srv_status srv_table_wrong_kind(const srv_column *column, const char *kind, srv_error *err) {
    char expected[256];
    return srv_fail(err, SRV_WRONG_VALUE, "%.100s is %s; expected %s", column->name, kind,
                    srv_table_describe_column(column, expected, sizeof expected));
}

srv_status srv_table_unknown_column(const srv_table *table, const char *what, srv_text name, srv_error *err) {
    char excerpt[SRV_EXCERPT], names[300];
    return srv_fail(err, SRV_MALFORMED, "unknown %s \"%s\"; the columns are %s", what,
                    srv_excerpt(excerpt, name.bytes, name.size), srv_names_list(&table->names, names, sizeof names));
}

srv_status srv_table_put_missing(srv_table_rows *rows, size_t column, srv_error *err) {
    const srv_column *c = &rows->table->columns[column];
    if (!c->optional) {
        char expected[256], names[200];
        srv_table_describe_column(c, expected, sizeof expected);
        return srv_fail(err, SRV_WRONG_VALUE, "%.100s is missing; expected %s (the columns are %s)", c->name, expected,
                        srv_names_list(&rows->table->names, names, sizeof names));
    }
    if (c->type == SRV_COLUMN_TEXT) {
        set_text(rows, column, (srv_text){.bytes = ""});
    } else {
        srv_table_put_number(rows, column, c->missing);
    }
    return SRV_OK;
}

srv_status srv_table_put_text(srv_table_rows *rows, size_t column, srv_text text, srv_error *err) {
    const srv_column *c = &rows->table->columns[column];
    if (c->type == SRV_COLUMN_TEXT) {
        set_text(rows, column, text);
        return SRV_OK;
    }
    size_t index = srv_names_find(&c->categories, text.bytes, text.size);
    double value = (double)index;
    if (index == c->categories.count && c->unknown != SRV_UNKNOWN_INDEX) {
        if (c->unknown == SRV_UNKNOWN_ERROR) {
            char expected[256], excerpt[SRV_EXCERPT];
            return srv_fail(err, SRV_WRONG_VALUE, "%.100s is \"%s\"; expected %s", c->name,
                            srv_excerpt(excerpt, text.bytes, text.size),
                            srv_table_describe_column(c, expected, sizeof expected));
        }
        value = -1;
    }
    srv_table_put_number(rows, column, value);
    return SRV_OK;
}

static bool read_boolean(srv_text cell, double *out) {
    if (srv_same_word(cell.bytes, cell.size, "true") || srv_same_word(cell.bytes, cell.size, "1")) {
        *out = 1;
        return true;
    }
    *out = 0;
    return srv_same_word(cell.bytes, cell.size, "false") || srv_same_word(cell.bytes, cell.size, "0");
}

srv_status srv_table_put_cell(srv_table_rows *rows, size_t column, srv_text cell, srv_error *err) {
    const srv_column *c = &rows->table->columns[column];
    char expected[256], excerpt[SRV_EXCERPT];
    if (cell.size == 0 && c->type != SRV_COLUMN_TEXT &&
        (c->type != SRV_COLUMN_CATEGORY || srv_names_find(&c->categories, "", 0) == c->categories.count)) {
        return srv_table_put_missing(rows, column, err);
    }
    double value = 0;
    const char *fault = NULL;
    switch (c->type) {
    case SRV_COLUMN_CATEGORY:
    case SRV_COLUMN_TEXT:
        return srv_table_put_text(rows, column, cell, err);
    case SRV_COLUMN_BOOLEAN:
        fault = read_boolean(cell, &value) ? NULL : "is not true or false";
        break;
    case SRV_COLUMN_NUMBER:
        fault = srv_read_cell_double(cell.bytes, cell.size, &value);
        break;
    case SRV_COLUMN_TENSOR:
        if (c->width > 1) {
            return srv_fail(err, SRV_WRONG_VALUE, "%.100s is a cell of text; expected %s, which only JSON can hold",
                            c->name, srv_table_describe_column(c, expected, sizeof expected));
        }
        fault = srv_read_cell_double(cell.bytes, cell.size, &value);
        break;
    }
    if (fault != NULL) {
        return srv_fail(err, SRV_WRONG_VALUE, "%.100s: '%s' %s", c->name, srv_excerpt(excerpt, cell.bytes, cell.size),
                        fault);
    }
    srv_table_put_number(rows, column, value);
    return SRV_OK;
}
