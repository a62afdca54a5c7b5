#include "json_records.h"

#include "excerpt.h"
#include "json_scan.h"
#include "json_tensor.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>

#define FIRST_ROWS 16
#define MAX_INPUTS 256 /* of a model */

typedef struct records {
    const srv_signature *signature;
    const srv_limits *limits;
    srv_arena *arena;
    srv_error *err;
    size_t features; /* of all inputs */
    size_t count, capacity;
    float *values; /* [capacity × features] */
    bool in_data, single;
} records;

bool srv_json_has_records(const char *text, size_t size) {
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    srv_json_skip_space(&cursor);
    bool listed = srv_json_peek(&cursor) == '[';
    if (listed) {
        cursor.at++;
        srv_json_skip_space(&cursor);
    }
    if (srv_json_peek(&cursor) != '{' || listed) {
        return srv_json_peek(&cursor) == '{';
    }
    /* {"data": numbers} is none. */
    static const char data[] = "\"data\"";
    cursor.at++;
    srv_json_skip_space(&cursor);
    if ((size_t)(cursor.end - cursor.at) < sizeof data || memcmp(cursor.at, data, sizeof data - 1) != 0) {
        return true;
    }
    cursor.at += sizeof data - 1;
    srv_json_skip_space(&cursor);
    cursor.at += srv_json_peek(&cursor) == ':';
    srv_json_skip_space(&cursor);
    if (srv_json_peek(&cursor) == '[') {
        cursor.at++;
        srv_json_skip_space(&cursor);
    }
    return srv_json_peek(&cursor) == '{';
}

static srv_status fail_at(const records *r, srv_status status, size_t offset, const char *where, const char *message) {
    srv_fail(r->err, status, "%s", message);
    srv_error_at(r->err, offset);
    srv_error_where(r->err, "%s", where);
    return status;
}

/* The pointer of the open record, or of its member. */
static void point(const records *r, const char *key, char *out, size_t capacity) {
    int size = snprintf(out, capacity, "%s", r->in_data ? "/data" : "");
    if (!r->single) {
        size += snprintf(out + size, capacity - (size_t)size, "/%zu", r->count - 1);
    }
    if (key != NULL) {
        srv_json_pointer_step(out + size, capacity - (size_t)size, key);
    }
}

static srv_status open_row(records *r, size_t offset) {
    char message[100];
    if (r->count == r->limits->max_rows || (r->count + 1) * r->features > SRV_MAX_REQUEST_NUMBERS) {
        snprintf(message, sizeof message, "more than %zu rows in one request", r->count);
        return fail_at(r, SRV_TOO_LARGE, offset, r->in_data ? "/data" : "", message);
    }
    if (r->count == r->capacity) {
        size_t capacity = r->capacity > 0 ? 2 * r->capacity : FIRST_ROWS, numbers, bytes;
        float *grown = NULL;
        if (srv_multiply(capacity, r->features, &numbers) && srv_multiply(numbers, sizeof *grown, &bytes)) {
            grown = srv_arena_take(r->arena, bytes);
        }
        if (grown == NULL) {
            return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
        }
        if (r->count > 0) {
            memcpy(grown, r->values, r->count * r->features * sizeof *grown);
        }
        r->values = grown;
        r->capacity = capacity;
    }
    r->count++;
    return SRV_OK;
}

/* One member: a row of input i, which begins at `first` of the record's numbers. */
static srv_status read_input(records *r, srv_json_cursor *cursor, size_t i, size_t first) {
    const srv_input_spec *input = &r->signature->inputs[i];
    srv_json_tensor tensor;
    char where[300], row[200], shape[100], message[420];
    point(r, input->name, where, sizeof where);
    srv_json_skip_space(cursor);
    size_t offset = (size_t)(cursor->at - cursor->begin);
    srv_status status =
        srv_json_read_tensor(cursor, where, r->limits->max_depth, srv_json_run_for_cpu(), r->arena, &tensor, r->err);
    if (status != SRV_OK) {
        return status;
    }
    bool bare = tensor.rank == 0 && input->features == 1;
    if (!bare && !srv_is_row(tensor.level, tensor.rank, input)) {
        srv_describe_row(input, row, sizeof row);
        snprintf(message, sizeof message, "%.100s has shape %s; a row of it is %s", input->name,
                 srv_describe_shape(tensor.level, tensor.rank, shape, sizeof shape), row);
        return fail_at(r, SRV_WRONG_VALUE, offset, where, message);
    }
    memcpy(r->values + (r->count - 1) * r->features + first, tensor.values, input->features * sizeof *r->values);
    return SRV_OK;
}

static srv_status missing(const records *r, const bool *seen, size_t offset) {
    char where[300], names[200], message[400];
    size_t i = 0;
    while (seen[i]) {
        i++;
    }
    point(r, NULL, where, sizeof where);
    snprintf(message, sizeof message, "the input %.100s is missing; the inputs are %s", r->signature->inputs[i].name,
             srv_list_inputs(r->signature, names, sizeof names));
    return fail_at(r, SRV_WRONG_VALUE, offset, where, message);
}

/* The record whose brace is at the cursor. */
static srv_status read_record(records *r, srv_json_cursor *cursor) {
    bool seen[MAX_INPUTS] = {false}, more;
    size_t left = r->signature->input_count, begin = (size_t)(cursor->at - cursor->begin);
    srv_status status = open_row(r, begin);
    if (status != SRV_OK) {
        return status;
    }
    srv_json_open(cursor, '}', &more);
    while (more) {
        const char *key;
        size_t size, first = 0;
        srv_json_skip_space(cursor);
        size_t offset = (size_t)(cursor->at - cursor->begin);
        if ((status = srv_json_read_key(cursor, r->arena, &key, &size, r->err)) != SRV_OK) {
            return status;
        }
        size_t i = srv_find_input(r->signature, key, size);
        bool known = i < r->signature->input_count;
        if (!known || seen[i]) {
            char where[300], names[200], quoted[SRV_EXCERPT], message[400];
            point(r, key, where, sizeof where);
            snprintf(message, sizeof message, "%s \"%s\"%s; the inputs are %s", known ? "the input" : "unknown key",
                     srv_excerpt(quoted, key, size), known ? " is there twice" : "",
                     srv_list_inputs(r->signature, names, sizeof names));
            return fail_at(r, SRV_MALFORMED, offset, where, message);
        }
        for (size_t j = 0; j < i; j++) {
            first += r->signature->inputs[j].features;
        }
        seen[i] = true;
        left--;
        if ((status = read_input(r, cursor, i, first)) != SRV_OK ||
            (status = srv_json_next(cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return left == 0 ? SRV_OK : missing(r, seen, begin);
}

static srv_status read_records(records *r, srv_json_cursor *cursor) {
    srv_json_skip_space(cursor);
    if (srv_json_peek(cursor) == '{') {
        r->single = true;
        return read_record(r, cursor);
    }
    bool more;
    srv_json_open(cursor, ']', &more);
    while (more) {
        srv_json_skip_space(cursor);
        if (srv_json_peek(cursor) != '{') {
            return srv_json_unexpected(cursor, "a record of the inputs", r->err);
        }
        srv_status status = read_record(r, cursor);
        if (status == SRV_OK) {
            status = srv_json_next(cursor, ']', &more, r->err);
        }
        if (status != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

/* {"data": …}, unless an input has that name. */
static srv_status read_data(records *r, srv_json_cursor *cursor) {
    const char *key;
    size_t size;
    bool more;
    srv_json_cursor before = *cursor;
    srv_json_open(cursor, '}', &more);
    srv_status status = more ? srv_json_read_key(cursor, r->arena, &key, &size, r->err) : SRV_OK;
    if (status != SRV_OK) {
        return status;
    }
    if (!more || size != 4 || memcmp(key, "data", 4) != 0 ||
        srv_find_input(r->signature, key, size) < r->signature->input_count) {
        *cursor = before;
        return read_records(r, cursor);
    }
    r->in_data = true;
    if ((status = read_records(r, cursor)) != SRV_OK ||
        (status = srv_json_next(cursor, '}', &more, r->err)) != SRV_OK) {
        return status;
    }
    return more ? srv_json_unexpected(cursor, "'}' after \"data\"", r->err) : SRV_OK;
}

srv_status srv_parse_json_records(const char *text, size_t size, const srv_signature *signature,
                                  const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err) {
    records r = {
        .signature = signature, .limits = limits, .arena = arena, .err = err, .features = signature->row->features};
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    srv_json_skip_space(&cursor);
    srv_status status = srv_json_peek(&cursor) == '{' ? read_data(&r, &cursor) : read_records(&r, &cursor);
    if (status == SRV_OK) {
        status = srv_json_finish(&cursor, err);
    }
    *out = (srv_body){.kind = SRV_BODY_ROWS, .single = r.single, .rows = r.count, .values = r.values};
    return status;
}
