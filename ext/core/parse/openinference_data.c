/* The values of an Open Inference tensor, from JSON or from the binary part. */
#include "openinference_reading.h"

#include "../base/utf8.h"
#include "table_value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static srv_status fail_data(const srv__oip_reading *r, const srv__oip_input *input, const char *at,
                            const char *message) {
    return srv__oip_fail_in(r, at, "inputs", input->number, "data", message);
}

/* The whole number that stands from `text` to `end`: one that the datatype does not hold, or not the model. */
static srv_status misfit(const srv__oip_reading *r, const srv__oip_input *input, const char *at, size_t index,
                         const char *text, const char *end, double value) {
    char message[240], number[SRV_EXCERPT];
    snprintf(message, sizeof message, "value %zu of the data is %s, which %s ", index + 1,
             srv_excerpt(number, text, (size_t)(end - text)), input->type->name);
    size_t used = strlen(message);
    if (!srv_datatype_holds(input->type, value)) {
        snprintf(message + used, sizeof message - used, "does not hold");
    } else {
        snprintf(message + used, sizeof message - used,
                 "holds but the model, which computes in %s, does not; send FP64 to have it rounded",
                 r->table != NULL ? "float64" : "float32");
    }
    return fail_data(r, input, at, message);
}

/* ------------------------------------------------------------------------------------------------------------ JSON */

/* The next value of nested arrays that are known to be JSON; false after the last. */
static bool next_value(srv_json_cursor *cursor, const char *end) {
    while (cursor->at < end && strchr("[], \t\r\n", *cursor->at) != NULL) {
        cursor->at++;
    }
    return cursor->at < end;
}

/* Was the number that stands from `text` to `end` read as it is?  Digits alone may be more than a double holds. */
static bool is_exact(const char *text, const char *end, double value) {
    uint64_t whole = 0;
    if (fabs(value) < 0x1p53) {
        return true;
    }
    for (text += *text == '-'; text < end; text++) {
        unsigned digit = (unsigned char)*text - '0';
        if (digit > 9) {
            return true; /* a fraction or an exponent, as of a number that was a double before */
        }
        if (whole > (UINT64_MAX - digit) / 10) {
            return false;
        }
        whole = whole * 10 + digit;
    }
    return fabs(value) < 0x1p64 && (uint64_t)fabs(value) == whole;
}

/* Whole numbers are small in nearly every request.  Where one is not, or is no whole number, the text says which. */
static srv_status check_whole(srv__oip_reading *r, const srv__oip_input *input, const char *start) {
    const srv_json_tensor *tensor = &input->values;
    float low = (float)input->type->low, high = (float)input->type->high;
    bool fit = true;
    for (size_t i = 0; i < tensor->count; i++) {
        float v = tensor->values[i], small = fabsf(v) < 0x1p24f ? v : 0;
        fit &= v >= low && v <= high && fabsf(v) < 0x1p24f && (float)(int32_t)small == small;
    }
    srv_json_cursor again = r->cursor;
    again.at = start;
    for (size_t i = 0; !fit && next_value(&again, r->cursor.at); i++) {
        double value;
        const char *text = again.at;
        if (*again.at == 't' || *again.at == 'f') { /* of BOOL */
            again.at += *again.at == 't' ? 4 : 5;
            continue;
        }
        srv_status status = srv_json_read_number(&again, &value, r->err);
        if (status != SRV_OK) {
            return status;
        }
        if (!srv_datatype_holds(input->type, value) || (double)(float)value != value ||
            !is_exact(text, again.at, value)) {
            return misfit(r, input, start, i, text, again.at, value);
        }
    }
    return SRV_OK;
}

static srv_status check_json_type(const srv__oip_reading *r, const srv__oip_input *input) {
    const char *fault = input->type->kind == SRV_DATATYPE_BYTES ? "the model takes numbers, and BYTES holds texts; "
                                                                  "expected FP32, FP64, FP16, BOOL, INT* or UINT*"
                        : input->type->size == 2 && input->type->kind == SRV_DATATYPE_FLOAT && !input->binary
                            ? "FP16 has no form in JSON; send it as binary data, or the numbers as FP32"
                            : NULL;
    return fault == NULL ? SRV_OK : srv__oip_fail_in(r, input->datatype_at, "inputs", input->number, "datatype", fault);
}

srv_status srv__oip_read_json(srv__oip_reading *r, srv__oip_input *input) {
    char where[48];
    const char *start = r->cursor.at;
    srv_status status = check_json_type(r, input);
    if (status != SRV_OK) {
        return status;
    }
    snprintf(where, sizeof where, "/inputs/%zu/data", input->number);
    r->cursor.words = input->type->kind == SRV_DATATYPE_BOOL ? SRV_JSON_BOOLEANS : 0;
    status = srv_json_read_tensor(&r->cursor, where, r->limits->max_depth, srv_json_run_for_cpu(), r->arena,
                                  &input->values, r->err);
    r->cursor.words = 0;
    if (status == SRV_OK && input->type->kind != SRV_DATATYPE_FLOAT) {
        status = check_whole(r, input, start);
    }
    input->read = status == SRV_OK;
    return status;
}

/* One value of a table's column; the row for it is open. */
static srv_status read_cell(srv__oip_reading *r, const srv__oip_input *input, size_t i) {
    srv_table_rows *rows = &r->gathered.rows;
    srv_json_cursor *cursor = &r->cursor;
    const char *start = cursor->at;
    double value;
    if (input->type->kind != SRV_DATATYPE_FLOAT && srv_json_at_number(cursor)) {
        srv_status status = srv_json_read_number(cursor, &value, r->err);
        if (status != SRV_OK) {
            return status;
        }
        if (!srv_datatype_holds(input->type, value) || !is_exact(start, cursor->at, value)) {
            return misfit(r, input, start, i, start, cursor->at, value);
        }
        cursor->at = start; /* the column has its say, too */
    }
    if (input->type->kind == SRV_DATATYPE_BOOL && (*start == 't' || *start == 'f')) {
        srv_table_put_number(rows, input->index, *start == 't');
        return srv_json_read_literal(cursor, *start == 't' ? "true" : "false", r->err);
    }
    return srv_table_read_value(cursor, rows, input->index, r->err);
}

/* Places an error of value i where it has no place yet. */
static srv_status placed(srv__oip_reading *r, const srv__oip_input *input, size_t i, const char *at,
                         srv_status status) {
    if (status == SRV_OK) {
        return status;
    }
    if (r->err->offset == SRV_NO_OFFSET) {
        srv_error_at(r->err, (size_t)(at - r->cursor.begin));
    }
    if (r->err->where[0] == '\0') {
        srv_error_where(r->err, input->binary ? "/inputs/%zu, value %zu" : "/inputs/%zu/data/%zu", input->number,
                        input->binary ? i + 1 : i);
    }
    return status;
}

static srv_status wrong_count(srv__oip_reading *r, const srv__oip_input *input, bool more, size_t count) {
    char message[160];
    snprintf(message, sizeof message, "the data has %s%zu value%s; the shape asks for %zu", more ? "more than " : "",
             count, count == 1 ? "" : "s", input->count);
    return fail_data(r, input, input->binary ? input->start : input->data_at, message);
}

static srv_status read_json_cells(srv__oip_reading *r, srv__oip_input *input) {
    size_t count = 0;
    const char *end = r->cursor.at; /* the data has been passed over, and checked */
    srv_status status;
    r->cursor.at = input->data_at;
    if ((status = srv__oip_skip(r)) != SRV_OK) {
        return status;
    }
    const char *last = r->cursor.at;
    for (r->cursor.at = input->data_at; next_value(&r->cursor, last); count++) {
        const char *at = r->cursor.at;
        if (count == input->count) {
            return wrong_count(r, input, true, count);
        }
        if ((status = srv_table_columns_row(&r->gathered, count, r->err)) != SRV_OK ||
            (status = read_cell(r, input, count)) != SRV_OK) {
            return placed(r, input, count, at, status);
        }
    }
    r->cursor.at = end;
    return count == input->count ? SRV_OK : wrong_count(r, input, false, count);
}

/* ---------------------------------------------------------------------------------------------------------- binary */

/* The input's piece of the binary part. */
static srv_status take_binary(srv__oip_reading *r, const srv__oip_input *input, const char **out) {
    char message[240];
    size_t left = (size_t)(r->end - r->binary), size = input->binary_size, expected = 0;
    if (size > left) {
        snprintf(message, sizeof message, "binary_data_size is %zu, but %zu bytes of binary data are left", size, left);
        return srv__oip_fail_in(r, input->start, "inputs", input->number, "parameters/binary_data_size", message);
    }
    if (input->type->size > 0 && (!srv_multiply(input->count, input->type->size, &expected) || size != expected)) {
        snprintf(message, sizeof message, "binary_data_size is %zu; %zu value%s of %s are %zu bytes", size,
                 input->count, input->count == 1 ? "" : "s", input->type->name, expected);
        return srv__oip_fail_in(r, input->start, "inputs", input->number, "parameters/binary_data_size", message);
    }
    *out = r->binary;
    r->binary += size;
    return SRV_OK;
}

/* [count] numbers as float32. */
static srv_status read_binary_numbers(srv__oip_reading *r, const srv__oip_input *input, float **out) {
    const char *bytes;
    size_t size;
    srv_status status = take_binary(r, input, &bytes); /* so many values are there: memory for them is bounded */
    if (status != SRV_OK) {
        return status;
    }
    float *values = srv_multiply(input->count, sizeof *values, &size) ? srv_arena_take(r->arena, size) : NULL;
    if (values == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    size_t fault = input->type->convert(bytes, input->count, values);
    if (fault < input->count) {
        char message[160];
        snprintf(message, sizeof message, "value %zu of the binary data is %s", fault + 1,
                 input->type->kind == SRV_DATATYPE_BOOL    ? "neither 0 nor 1; expected a BOOL"
                 : input->type->kind == SRV_DATATYPE_FLOAT ? "too large for float32, in which the model computes"
                                                           : "a whole number that float32, in which the model "
                                                             "computes, does not hold; send FP64 to have it rounded");
        return srv__oip_fail_in(r, bytes + fault * input->type->size, "inputs", input->number, "", message);
    }
    *out = values;
    return SRV_OK;
}

static srv_status read_binary_texts(srv__oip_reading *r, const srv__oip_input *input) {
    const char *at;
    srv_status status = take_binary(r, input, &at);
    if (status != SRV_OK) {
        return status;
    }
    const char *end = at + input->binary_size;
    size_t count = 0;
    for (; at < end; count++) {
        const unsigned char *length = (const unsigned char *)at;
        if (count == input->count) {
            return wrong_count(r, input, true, count);
        }
        size_t left = (size_t)(end - at);
        size_t size =
            left < 4 ? SIZE_MAX
                     : (size_t)length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
        const char *fault = left < 4 || size > left - 4 ? "ends beyond the binary data of the input"
                            : srv_utf8_fault(at + 4, at + 4 + size) < at + 4 + size ? "is not UTF-8"
                                                                                    : NULL;
        if (fault != NULL) {
            status = srv_fail(r->err, SRV_WRONG_VALUE, "value %zu of BYTES %s", count + 1, fault);
            return placed(r, input, count, at, status);
        }
        if ((status = srv_table_columns_row(&r->gathered, count, r->err)) != SRV_OK ||
            (status = srv_table_put_text(&r->gathered.rows, input->index, (srv_text){at + 4, size}, r->err)) !=
                SRV_OK) {
            return placed(r, input, count, at, status);
        }
        at += 4 + size;
    }
    return count == input->count ? SRV_OK : wrong_count(r, input, false, count);
}

srv_status srv__oip_put_binary(srv_table_rows *rows, size_t index, const srv_datatype *type, const char *bytes,
                               srv_error *err) {
    const srv_column *column = &rows->table->columns[index];
    double value;
    if (!srv_datatype_read(type, bytes, &value)) {
        return srv_table_wrong_kind(
            column,
            type->kind == SRV_DATATYPE_BOOL
                ? "a byte that is neither 0 nor 1"
                : "a whole number that float64, in which the model computes, does not hold (send "
                  "FP64 to have it rounded)",
            err);
    }
    if (isnan(value)) {
        return srv_table_put_missing(rows, index, err);
    }
    if (column->type == SRV_COLUMN_BOOLEAN && value != 0 && value != 1) {
        return srv_table_wrong_kind(column, "a number other than 0 and 1", err);
    }
    srv_table_put_number(rows, index, value);
    return SRV_OK;
}

static srv_status read_binary_cells(srv__oip_reading *r, const srv__oip_input *input) {
    const char *bytes;
    srv_status status = take_binary(r, input, &bytes); /* so many values are there */
    for (size_t i = 0; status == SRV_OK && i < input->count; i++, bytes += input->type->size) {
        if ((status = srv_table_columns_row(&r->gathered, i, r->err)) == SRV_OK) {
            status = srv__oip_put_binary(&r->gathered.rows, input->index, input->type, bytes, r->err);
        }
        placed(r, input, i, bytes, status);
    }
    return status;
}

/* The rows of a tensor that stands beside a table. */
static srv_status read_tensor_rows(srv__oip_reading *r, srv__oip_input *input, size_t rows) {
    size_t width = r->table->columns[input->index].width;
    srv_status status = srv__oip_read_tensor(r, input);
    if (status == SRV_OK && input->values.count != input->count) {
        return wrong_count(r, input, false, input->values.count);
    }
    for (size_t i = 0; i < rows && status == SRV_OK; i++) {
        if ((status = srv_table_columns_row(&r->gathered, i, r->err)) != SRV_OK) {
            return placed(r, input, i, input->start, status);
        }
        srv_table_put_floats(&r->gathered.rows, input->index, input->values.values + i * width);
    }
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- inputs */

srv_status srv__oip_read_tensor(srv__oip_reading *r, srv__oip_input *input) {
    srv_status status = check_json_type(r, input);
    if (status == SRV_OK && input->binary) {
        input->values.count = input->count;
        return read_binary_numbers(r, input, &input->values.values);
    }
    const char *after = r->cursor.at;
    if (status == SRV_OK) {
        r->cursor.at = input->data_at;
        status = srv__oip_read_json(r, input);
        r->cursor.at = after;
    }
    return status;
}

srv_status srv__oip_read_column(srv__oip_reading *r, srv__oip_input *input, size_t rows) {
    const srv_column *column = &r->table->columns[input->index];
    bool texts = column->type == SRV_COLUMN_CATEGORY || column->type == SRV_COLUMN_TEXT;
    srv_status status;
    if (texts != (input->type->kind == SRV_DATATYPE_BYTES)) {
        char message[300], expected[200];
        snprintf(message, sizeof message, "%.60s is of datatype %s; it takes %s, so expected %s", input->given,
                 input->type->name, srv_table_describe_column(column, expected, sizeof expected),
                 texts ? "BYTES" : "a datatype of numbers");
        return srv__oip_fail_in(r, input->datatype_at, "inputs", input->number, "datatype", message);
    }
    if (input->binary && texts) {
        status = read_binary_texts(r, input);
    } else if (column->type == SRV_COLUMN_TENSOR) {
        status = read_tensor_rows(r, input, rows);
    } else if (input->binary) {
        status = read_binary_cells(r, input);
    } else {
        status = texts ? SRV_OK : check_json_type(r, input);
        status = status == SRV_OK ? read_json_cells(r, input) : status;
    }
    if (status == SRV_OK && (status = srv_table_columns_end(&r->gathered, rows, r->err)) != SRV_OK) {
        srv_error_where(r->err, "/inputs/%zu/shape", input->number);
        srv_error_at(r->err, (size_t)(input->shape_at - r->cursor.begin));
    }
    return status;
}
