#include "parse_json.h"

#include "excerpt.h"
#include "json_scan.h"
#include "json_tensor.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>

static srv_status fail_at_value(srv_error *err, srv_status status, const char *where, size_t offset,
                                const char *message) {
    srv_fail(err, status, "%s", message);
    srv_error_at(err, offset);
    srv_error_where(err, "%s", where);
    return status;
}

static srv_status wrong_count(srv_error *err, const char *where, size_t offset, size_t count,
                              const srv_input_spec *input) {
    char row[200], message[300];
    srv_describe_row(input, row, sizeof row);
    snprintf(message, sizeof message, "row has %zu number%s; the model takes %s", count, count == 1 ? "" : "s", row);
    return fail_at_value(err, SRV_WRONG_VALUE, where, offset, message);
}

static bool is_exact_row(const srv_json_tensor *tensor, const srv_input_spec *input) {
    bool same = tensor->rank == input->rank;
    for (size_t i = 0; same && i < input->rank; i++) {
        same = tensor->level[i].size == input->shape[i];
    }
    return same;
}

/* One row or a list of rows?  What is exactly one row is one; else the outermost array is a list of rows if each of its
 * values can be a row; else dimensions of 1 may make it one row. */
static srv_status interpret(const srv_json_tensor *tensor, const char *where, size_t offset,
                            const srv_input_spec *input, const srv_limits *limits, srv_body *out, srv_error *err) {
    size_t rank = tensor->rank, outer = rank > 0 ? tensor->level[0].size : 1;
    *out = (srv_body){.kind = SRV_BODY_ROWS, .single = true, .rows = 1, .values = tensor->values};
    if (is_exact_row(tensor, input) || srv_is_flat_row(tensor->level, rank, input)) {
        return SRV_OK;
    }
    if (rank > 1 && outer > 0 && srv_is_row(tensor->level + 1, rank - 1, input)) {
        if (outer > limits->max_rows) {
            char message[120];
            snprintf(message, sizeof message, "%zu rows; at most %zu in one request", outer, limits->max_rows);
            return fail_at_value(err, SRV_TOO_LARGE, where, offset, message);
        }
        out->single = false;
        out->rows = outer;
        return SRV_OK;
    }
    if (srv_is_row_shape(tensor->level, rank, input)) {
        return SRV_OK;
    }
    if (rank <= 1) {
        return wrong_count(err, where, offset, outer, input);
    }
    if (rank == 2 && outer > 0) { /* the first row stands for all: they are equally long */
        char place[300];
        snprintf(place, sizeof place, "%s/0", where);
        return wrong_count(err, place, tensor->level[1].offset, tensor->level[1].size, input);
    }
    char row[200], message[500];
    srv_describe_row(input, row, sizeof row);
    int size = snprintf(message, sizeof message, "the data is %zu", outer);
    for (size_t i = 1; i < rank && (size_t)size < sizeof message - 60; i++) {
        size += snprintf(message + size, sizeof message - (size_t)size, " x %zu", tensor->level[i].size);
    }
    snprintf(message + size, sizeof message - (size_t)size, "; a row is %s", row);
    return fail_at_value(err, SRV_WRONG_VALUE, where, offset, message);
}

/* The value of the request, and where it stands. */
typedef struct rows_source {
    srv_json_tensor tensor;
    const char *where;
    size_t offset;
} rows_source;

static srv_status read_rows(srv_json_cursor *cursor, const char *where, const srv_input_spec *input,
                            const srv_limits *limits, srv_arena *arena, rows_source *rows, srv_error *err) {
    srv_json_tensor *tensor = &rows->tensor;
    srv_json_skip_space(cursor);
    rows->where = where;
    rows->offset = (size_t)(cursor->at - cursor->begin);
    srv_status status =
        srv_json_read_tensor(cursor, where, limits->max_depth, srv_json_run_for_cpu(), arena, tensor, err);
    if (status == SRV_OK || tensor->ragged_level != 1 || tensor->rank != 2 || err == NULL) {
        return status;
    }
    /* Rows of different lengths: say which of them is wrong. */
    size_t count = tensor->ragged_size, offset = err->offset;
    char place[sizeof err->where];
    snprintf(place, sizeof place, "%s", err->where);
    if (tensor->level[1].size != input->features) {
        count = tensor->level[1].size;
        offset = tensor->level[1].offset;
        snprintf(place, sizeof place, "%s/0", where);
    }
    return wrong_count(err, place, offset, count, input);
}

/* {"data": …}, up to and with the closing brace. */
static srv_status read_object(srv_json_cursor *cursor, const srv_input_spec *input, const srv_limits *limits,
                              srv_arena *arena, rows_source *rows, srv_error *err) {
    bool seen = false;
    cursor->at++;
    srv_json_skip_space(cursor);
    if (srv_json_peek(cursor) == '}') {
        return fail_at_value(err, SRV_MALFORMED, "", (size_t)(cursor->at - cursor->begin),
                             "the key \"data\" is missing");
    }
    for (;;) {
        const char *key;
        size_t key_size;
        srv_json_skip_space(cursor);
        size_t offset = (size_t)(cursor->at - cursor->begin);
        srv_status status = srv_json_read_string(cursor, arena, &key, &key_size, err);
        if (status != SRV_OK) {
            return status;
        }
        bool is_data = key_size == 4 && memcmp(key, "data", 4) == 0;
        if (!is_data || seen) {
            char quoted[SRV_EXCERPT], message[200], place[200];
            snprintf(message, sizeof message,
                     is_data ? "the key \"%s\" is there twice" : "unknown key \"%s\"; the only key is \"data\"",
                     srv_excerpt(quoted, key, key_size));
            srv_json_pointer_step(place, sizeof place, key);
            return fail_at_value(err, SRV_MALFORMED, place, offset, message);
        }
        seen = true;
        if ((status = srv_json_take(cursor, ':', "':'", err)) != SRV_OK ||
            (status = read_rows(cursor, "/data", input, limits, arena, rows, err)) != SRV_OK) {
            return status;
        }
        srv_json_skip_space(cursor);
        if (srv_json_peek(cursor) == '}') {
            cursor->at++;
            return SRV_OK;
        }
        if ((status = srv_json_take(cursor, ',', "',' or '}'", err)) != SRV_OK) {
            return status;
        }
    }
}

srv_status srv_parse_json_classify(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                   srv_arena *arena, srv_body *out, srv_error *err) {
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    rows_source rows;
    srv_json_skip_space(&cursor);
    int byte = srv_json_peek(&cursor);
    srv_status status;
    if (byte == '[' || byte == '-' || (byte >= '0' && byte <= '9')) {
        status = read_rows(&cursor, "", input, limits, arena, &rows, err);
    } else if (byte == '{') {
        status = read_object(&cursor, input, limits, arena, &rows, err);
    } else {
        char row[200], expected[300];
        srv_describe_row(input, row, sizeof row);
        snprintf(expected, sizeof expected, "a row of numbers (%s), an array of rows, or {\"data\": …}", row);
        if (byte >= 0 && srv_json_kind(byte) == NULL) {
            return srv_json_unexpected(&cursor, expected, err);
        }
        status = srv_fail(err, byte < 0 ? SRV_MALFORMED : SRV_WRONG_VALUE, "the body is %s%s expected %s",
                          byte < 0 ? "empty" : srv_json_kind(byte), byte < 0 ? ":" : ";", expected);
        srv_error_at(err, byte < 0 ? 0 : (size_t)(cursor.at - cursor.begin));
        return status;
    }
    if (status == SRV_OK) {
        status = srv_json_finish(&cursor, err);
    }
    return status != SRV_OK ? status : interpret(&rows.tensor, rows.where, rows.offset, input, limits, out, err);
}
