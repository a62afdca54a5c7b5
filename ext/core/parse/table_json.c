#include "table_json.h"

#include "excerpt.h"
#include "json_scan.h"
#include "table_value.h"

#include <math.h>
#include <stdio.h>

#define NO_COLUMN ((size_t)-1)

typedef struct reader {
    srv_json_cursor cursor;
    const srv_limits *limits;
    srv_table_rows rows;
    const char *prefix; /* "", or "/data" */
    bool list;          /* rows are in a list: their index is part of a pointer */
    srv_error *err;
} reader;

static size_t offset_of(const reader *r) {
    return (size_t)(r->cursor.at - r->cursor.begin);
}

/* Completes an error of the row at hand: its pointer, ending in `step` unless that is NULL, and offset where it has
 * none yet. */
static srv_status located(reader *r, srv_status status, size_t offset, const char *step) {
    char place[sizeof r->err->where], key[200] = "";
    if (status == SRV_OK || r->err == NULL || r->err->where[0] != '\0') {
        return status;
    }
    if (r->err->offset == SRV_NO_OFFSET) {
        srv_error_at(r->err, offset);
    }
    size_t used = (size_t)snprintf(place, sizeof place, "%s", r->prefix);
    if (r->list && r->rows.count > 0) {
        used += (size_t)snprintf(place + used, sizeof place - used, "/%zu", r->rows.count - 1);
    }
    if (step != NULL) {
        srv_json_pointer_step(key, sizeof key, step);
        snprintf(place + used, sizeof place - used, "%s", key);
    }
    srv_error_where(r->err, "%s", place);
    return status;
}

/* ------------------------------------------------------------------------------------------------------------ rows */

/* The column whose name stands here.  Records mostly keep the columns' order, so the one after the last is tried first,
 * on the bytes as they are. */
static srv_status read_key(reader *r, size_t guess, size_t *column) {
    const srv_table *table = r->rows.table;
    srv_json_cursor *cursor = &r->cursor;
    if (guess < table->names.count && table->columns[guess].plain) {
        const srv_text *name = &table->names.list[guess];
        if ((size_t)(cursor->end - cursor->at) > name->size + 1 && *cursor->at == '"' &&
            cursor->at[name->size + 1] == '"' && memcmp(cursor->at + 1, name->bytes, name->size) == 0) {
            cursor->at += name->size + 2;
            *column = guess;
            return SRV_OK;
        }
    }
    size_t offset = offset_of(r);
    srv_text key;
    if (srv_json_peek(cursor) != '"') {
        return located(r, srv_json_unexpected(cursor, "a column's name in double quotes", r->err), offset, NULL);
    }
    srv_status status = srv_table_read_string(cursor, r->rows.arena, &key, r->err);
    if (status != SRV_OK) {
        return located(r, status, offset, NULL);
    }
    *column = srv_names_find(&table->names, key.bytes, key.size);
    if (*column == table->names.count) {
        char excerpt[SRV_EXCERPT];
        status = srv_table_unknown_column(table, "key", key, r->err);
        return located(r, status, offset, srv_excerpt(excerpt, key.bytes, key.size));
    }
    return SRV_OK;
}

static srv_status read_record(reader *r) {
    srv_json_cursor *cursor = &r->cursor;
    size_t start = offset_of(r), column = NO_COLUMN;
    bool more;
    srv_status status;
    for (srv_json_open(cursor, '}', &more); more;) {
        srv_json_skip_space(cursor);
        size_t offset = offset_of(r);
        if ((status = read_key(r, column + 1, &column)) != SRV_OK) {
            return status;
        }
        const char *name = r->rows.table->columns[column].name;
        if (!srv_table_rows_claim(&r->rows, column)) {
            status = srv_fail(r->err, SRV_MALFORMED, "the key \"%.100s\" is there twice", name);
            return located(r, status, offset, name);
        }
        if ((status = srv_json_take(cursor, ':', "':'", r->err)) != SRV_OK) {
            return located(r, status, offset, name);
        }
        srv_json_skip_space(cursor);
        offset = offset_of(r);
        if ((status = srv_table_read_value(&r->cursor, &r->rows, column, r->err)) != SRV_OK) {
            return located(r, status, offset, name);
        }
        if ((status = srv_json_next(cursor, '}', &more, r->err)) != SRV_OK) {
            return located(r, status, offset, NULL);
        }
    }
    return located(r, srv_table_rows_close(&r->rows, r->err), start, NULL);
}

static srv_status wrong_count(reader *r, size_t count, bool more) {
    const srv_names *names = &r->rows.table->names;
    char list[300];
    return srv_fail(r->err, SRV_WRONG_VALUE, "row has %s%zu value%s; the model takes %zu: %s", more ? "more than " : "",
                    count, count == 1 ? "" : "s", names->count, srv_names_list(names, list, sizeof list));
}

static srv_status read_positional(reader *r) {
    size_t start = offset_of(r), count = 0, columns = r->rows.table->names.count;
    bool more;
    srv_status status;
    for (srv_json_open(&r->cursor, ']', &more); more; count++) {
        srv_json_skip_space(&r->cursor);
        size_t offset = offset_of(r);
        char step[24];
        snprintf(step, sizeof step, "%zu", count);
        if (count == columns) {
            return located(r, wrong_count(r, count, true), offset, NULL);
        }
        srv_table_rows_claim(&r->rows, count);
        if ((status = srv_table_read_value(&r->cursor, &r->rows, count, r->err)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return located(r, status, offset, step);
        }
    }
    return count == columns ? SRV_OK : located(r, wrong_count(r, count, false), start, NULL);
}

/* One row, of whatever form. */
static srv_status read_row(reader *r) {
    int byte = srv_json_peek(&r->cursor);
    size_t offset = offset_of(r);
    srv_status status = srv_table_rows_open(&r->rows, r->err);
    if (status != SRV_OK) {
        return located(r, status, offset, NULL);
    }
    if (byte == '{') {
        return read_record(r);
    }
    if (byte == '[') {
        return read_positional(r);
    }
    if (r->rows.table->bare) {
        srv_table_rows_claim(&r->rows, 0);
        return located(r, srv_table_read_value(&r->cursor, &r->rows, 0, r->err), offset, NULL);
    }
    const char *kind = srv_json_kind(byte);
    if (kind == NULL) {
        status = srv_json_unexpected(&r->cursor, "a record or an array of values", r->err);
    } else {
        char list[300];
        status = srv_fail(r->err, SRV_WRONG_VALUE, "row is %s; expected a record or an array of values: %s", kind,
                          srv_names_list(&r->rows.table->names, list, sizeof list));
    }
    return located(r, status, offset, NULL);
}

/* Is the array at the cursor a list of rows, or one row?  Told by its first value. */
static bool is_list(const reader *r) {
    const srv_table *table = r->rows.table;
    srv_json_cursor ahead = r->cursor;
    ahead.at++;
    srv_json_skip_space(&ahead);
    int byte = srv_json_peek(&ahead);
    if (byte == '[' && table->columns[0].type == SRV_COLUMN_TENSOR) {
        ahead.at++;
        srv_json_skip_space(&ahead);
        byte = srv_json_peek(&ahead); /* [[[ and [[{: rows; [[1: the first column */
    }
    return table->bare || byte == '[' || byte == '{' || byte == ']';
}

static srv_status read_data(reader *r, bool *single) {
    srv_json_skip_space(&r->cursor);
    size_t offset = offset_of(r);
    *single = srv_json_peek(&r->cursor) != '[' || !is_list(r);
    if (*single) {
        return read_row(r);
    }
    bool more;
    r->list = true;
    for (srv_json_open(&r->cursor, ']', &more); more;) {
        srv_json_skip_space(&r->cursor);
        size_t row = offset_of(r);
        srv_status status = read_row(r);
        if (status == SRV_OK) {
            status = located(r, srv_json_next(&r->cursor, ']', &more, r->err), row, NULL);
        }
        if (status != SRV_OK) {
            return status;
        }
    }
    if (r->rows.count == 0) {
        return located(r, srv_fail(r->err, SRV_WRONG_VALUE, "the list has no rows"), offset, NULL);
    }
    return SRV_OK;
}

/* Does an object whose first key is "data" stand here?  Not if a record may have that key. */
static bool is_wrapped(const reader *r) {
    static const char key[] = "\"data\"";
    srv_json_cursor ahead = r->cursor;
    if (srv_json_peek(&ahead) != '{' || srv_names_find(&r->rows.table->names, "data", 4) < r->rows.table->names.count) {
        return false;
    }
    ahead.at++;
    srv_json_skip_space(&ahead);
    return (size_t)(ahead.end - ahead.at) >= sizeof key - 1 && memcmp(ahead.at, key, sizeof key - 1) == 0;
}

static srv_status read_wrapped(reader *r, bool *single) {
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    r->cursor.at += sizeof "\"data\"" - 1;
    srv_status status = srv_json_take(&r->cursor, ':', "':'", r->err);
    if (status != SRV_OK) {
        return status;
    }
    r->prefix = "/data";
    if ((status = read_data(r, single)) != SRV_OK ||
        (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK || !more) {
        return status;
    }
    srv_json_skip_space(&r->cursor);
    size_t offset = offset_of(r);
    srv_text key;
    if (srv_json_peek(&r->cursor) != '"') {
        return srv_json_unexpected(&r->cursor, "a key in double quotes", r->err);
    }
    if ((status = srv_table_read_string(&r->cursor, r->rows.arena, &key, r->err)) != SRV_OK) {
        return status;
    }
    char excerpt[SRV_EXCERPT], place[200];
    srv_excerpt(excerpt, key.bytes, key.size);
    bool twice = srv_same_text(key, (srv_text){.bytes = "data", .size = 4});
    srv_fail(r->err, SRV_MALFORMED,
             twice ? "the key \"%s\" is there twice" : "unknown key \"%s\" beside \"data\"; expected no other",
             excerpt);
    srv_error_at(r->err, offset);
    srv_json_pointer_step(place, sizeof place, excerpt);
    srv_error_where(r->err, "%s", place);
    return SRV_MALFORMED;
}

srv_status srv_parse_table_json(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                srv_arena *arena, srv_body *out, srv_error *err) {
    reader r = {.cursor = srv_json_cursor_at(text, size), .limits = limits, .prefix = "", .err = err};
    bool single = true;
    srv_status status = srv_table_rows_start(&r.rows, input->table, limits, arena, err);
    if (status != SRV_OK) {
        return status;
    }
    srv_json_skip_space(&r.cursor);
    status = is_wrapped(&r) ? read_wrapped(&r, &single) : read_data(&r, &single);
    if (status == SRV_OK) {
        status = srv_json_finish(&r.cursor, err);
    }
    if (status == SRV_OK) {
        srv_table_rows_finish(&r.rows, single, out);
    }
    return status;
}
