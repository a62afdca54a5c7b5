#include "table_value.h"

#include "json_tensor.h"

#include <math.h>

srv_status srv_table_read_string(srv_json_cursor *cursor, srv_arena *arena, srv_text *out, srv_error *err) {
    const char *start = cursor->at, *at = start + 1;
    while (at < cursor->end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\') {
        at++;
    }
    if (at < cursor->end && *at == '"') {
        *out = (srv_text){.bytes = start + 1, .size = (size_t)(at - start) - 1};
        cursor->at = at + 1;
        return SRV_OK;
    }
    srv_status status = srv_json_read_string(cursor, NULL, NULL, NULL, err); /* checks it */
    if (status != SRV_OK) {
        return status;
    }
    *out = (srv_text){.bytes = start + 1, .size = (size_t)(cursor->at - start) - 2};
    if (memchr(out->bytes, '\\', out->size) != NULL) {
        cursor->at = start;
        status = srv_json_read_string(cursor, arena, &out->bytes, &out->size, err);
    }
    return status;
}

static srv_status wrong_kind(srv_json_cursor *cursor, const srv_column *column, srv_error *err) {
    const char *kind = srv_json_kind(srv_json_peek(cursor));
    if (kind == NULL) {
        char expected[256];
        return srv_json_unexpected(cursor, srv_table_describe_column(column, expected, sizeof expected), err);
    }
    return srv_table_wrong_kind(column, kind, err);
}

/* The flat array of numbers of a tensor beside the table; where it has one number, that may come bare. */
static srv_status read_tensor(srv_json_cursor *cursor, srv_table_rows *rows, size_t index, srv_error *err) {
    const srv_column *column = &rows->table->columns[index];
    srv_json_tensor tensor;
    srv_status status =
        srv_json_read_tensor(cursor, "", rows->limits->max_depth, srv_json_run_for_cpu(), rows->arena, &tensor, err);
    if (status != SRV_OK) {
        srv_error_where(err, "%s", ""); /* the tensor's own pointer begins in the middle of ours */
        return status;
    }
    if (tensor.count != column->width || tensor.rank > 1) {
        return srv_fail(err, SRV_WRONG_VALUE, "%.100s has %zu number%s%s; expected an array of %zu", column->name,
                        tensor.count, tensor.count == 1 ? "" : "s", tensor.rank > 1 ? ", nested" : "", column->width);
    }
    srv_table_put_floats(rows, index, tensor.values);
    srv_arena_shrink(rows->arena, tensor.values, 0);
    return SRV_OK;
}

static srv_status read_number(srv_json_cursor *cursor, srv_table_rows *rows, size_t index, srv_error *err) {
    double *cell = srv_table_numbers(rows, index);
    const char *start = cursor->at;
    int byte = srv_json_peek(cursor), next = cursor->end - start > 1 ? start[1] : 0;
    if ((byte == '-' ? next : byte) > '9') { /* one of the cursor's words */
        float value;
        srv_status status = srv_json_read_float(cursor, &value, err);
        *cell = (double)value;
        return status;
    }
    srv_status status = srv_json_read_number(cursor, cell, err);
    if (status == SRV_OK && !isfinite(*cell)) {
        cursor->at = start;
        return srv_table_wrong_kind(&rows->table->columns[index], "a number beyond the range of float64 (1.8e308)",
                                    err);
    }
    return status;
}

static srv_status read_boolean(srv_json_cursor *cursor, srv_table_rows *rows, size_t index, srv_error *err) {
    double value;
    srv_status status;
    int byte = srv_json_peek(cursor);
    if (byte == 't' || byte == 'f') {
        status = srv_json_read_literal(cursor, byte == 't' ? "true" : "false", err);
        value = byte == 't' ? 1 : 0;
    } else {
        status = srv_json_read_number(cursor, &value, err);
        if (status == SRV_OK && value != 0 && value != 1) {
            status = srv_table_wrong_kind(&rows->table->columns[index], "a number other than 0 and 1", err);
        }
    }
    if (status == SRV_OK) {
        srv_table_put_number(rows, index, value);
    }
    return status;
}

srv_status srv_table_read_value(srv_json_cursor *cursor, srv_table_rows *rows, size_t index, srv_error *err) {
    const srv_column *column = &rows->table->columns[index];
    int byte = srv_json_peek(cursor);
    srv_status status;
    if (byte == 'n') {
        status = srv_json_read_literal(cursor, "null", err);
        return status == SRV_OK ? srv_table_put_missing(rows, index, err) : status;
    }
    if (byte == 'N' && (cursor->words & SRV_JSON_NONFINITE) != 0) {
        status = srv_json_read_literal(cursor, "NaN", err);
        return status == SRV_OK ? srv_table_put_missing(rows, index, err) : status;
    }
    switch (column->type) {
    case SRV_COLUMN_NUMBER:
        if (srv_json_at_number(cursor)) {
            return read_number(cursor, rows, index, err);
        }
        break;
    case SRV_COLUMN_BOOLEAN:
        if (byte == 't' || byte == 'f' || srv_json_at_number(cursor)) {
            return read_boolean(cursor, rows, index, err);
        }
        break;
    case SRV_COLUMN_CATEGORY:
    case SRV_COLUMN_TEXT:
        if (byte == '"') {
            srv_text text;
            status = srv_table_read_string(cursor, rows->arena, &text, err);
            return status == SRV_OK ? srv_table_put_text(rows, index, text, err) : status;
        }
        break;
    case SRV_COLUMN_TENSOR:
        if (byte == '[' || (column->width == 1 && srv_json_at_number(cursor))) {
            return read_tensor(cursor, rows, index, err);
        }
        break;
    }
    return wrong_kind(cursor, column, err);
}
