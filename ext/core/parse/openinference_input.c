/* One tensor of an Open Inference request. */
#include "openinference_reading.h"

#include "excerpt.h"
#include "json_tensor.h"
#include "rows.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_DIMENSIONS (SRV_MAX_RANK + 8) /* of a shape: the batch, the input's own, and a few of 1 */

/* A datatype and the numbers it holds. */
typedef struct datatype {
    const char *name;
    bool whole;
    float low, high; /* if whole; as float32, so the bounds of the wide ones are rounded as their values are */
} datatype;

static const datatype datatypes[] = {
    {"FP32", false, 0, 0},
    {"FP64", false, 0, 0},
    {"BOOL", true, 0, 1},
    {"INT8", true, -128, 127},
    {"INT16", true, -32768, 32767},
    {"INT32", true, -0x1p31f, 0x1p31f},
    {"INT64", true, -0x1p63f, 0x1p63f},
    {"UINT8", true, 0, 255},
    {"UINT16", true, 0, 65535},
    {"UINT32", true, 0, 0x1p32f},
    {"UINT64", true, 0, 0x1p64f},
};

/* One entry of "inputs" while it is read. */
typedef struct tensor_input {
    size_t number;                                          /* its place among the entries */
    const char *start;                                      /* its '{' */
    const char *name_at, *shape_at, *datatype_at, *data_at; /* where the values stand; NULL: not there yet */
    size_t index;            /* of the model's input; input_count if there is none such */
    char given[SRV_EXCERPT]; /* the name as it came */
    size_t rank, count;      /* of the shape; count is its product */
    srv_json_level shape[MAX_DIMENSIONS];
    const datatype *type;
    bool binary, read; /* parameters speak of binary data; `values` has been filled */
    srv_json_tensor values;
} tensor_input;

static srv_status read_name(srv__oip_reading *r, tensor_input *input) {
    const char *name;
    size_t size;
    srv_status status = srv__oip_expect(r, '"', "a string, the input's name", "inputs", input->number, "name");
    if (status == SRV_OK && (status = srv_json_read_string(&r->cursor, r->arena, &name, &size, r->err)) == SRV_OK) {
        input->index = srv_find_input(r->signature, name, size);
        srv_excerpt(input->given, name, size);
    }
    return status;
}

static srv_status read_shape(srv__oip_reading *r, tensor_input *input) {
    srv_status status = srv__oip_expect(r, '[', "an array of dimensions", "inputs", input->number, "shape");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    input->count = 1;
    srv_json_open(&r->cursor, ']', &more);
    while (more) {
        double size;
        srv_json_skip_space(&r->cursor);
        const char *at = r->cursor.at;
        if (!srv_json_at_number(&r->cursor)) {
            return srv__oip_expect(r, '0', "a dimension, a whole number", "inputs", input->number, "shape");
        }
        if ((status = srv_json_read_number(&r->cursor, &size, r->err)) != SRV_OK) {
            return status;
        }
        if (!(size >= 1 && size <= 0x1p40 && size == floor(size))) {
            return srv__oip_fail_in(r, at, "inputs", input->number, "shape",
                                    "a dimension must be a whole number from 1 up");
        }
        if (input->rank == MAX_DIMENSIONS || !srv_multiply(input->count, (size_t)size, &input->count)) {
            return srv__oip_fail_in(r, at, "inputs", input->number, "shape",
                                    "the shape has too many dimensions, or too large ones");
        }
        input->shape[input->rank++] = (srv_json_level){.size = (size_t)size};
        if ((status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

static srv_status read_datatype(srv__oip_reading *r, tensor_input *input) {
    const char *name;
    size_t size, i = 0, count = sizeof datatypes / sizeof *datatypes;
    srv_status status = srv__oip_expect(r, '"', "a string, the datatype", "inputs", input->number, "datatype");
    const char *at = r->cursor.at;
    if (status != SRV_OK || (status = srv_json_read_string(&r->cursor, r->arena, &name, &size, r->err)) != SRV_OK) {
        return status;
    }
    while (i < count && (strlen(datatypes[i].name) != size || memcmp(datatypes[i].name, name, size) != 0)) {
        i++;
    }
    if (i == count) {
        char excerpt[SRV_EXCERPT], message[200];
        snprintf(message, sizeof message,
                 "the datatype '%s' is not taken as JSON; expected FP32, FP64, BOOL, INT* or UINT*",
                 srv_excerpt(excerpt, name, size));
        return srv__oip_fail_in(r, at, "inputs", input->number, "datatype", message);
    }
    input->type = &datatypes[i];
    return SRV_OK;
}

/* The first value that a whole-number datatype does not hold, or count. */
static size_t first_misfit(const datatype *type, const float *values, size_t count) {
    bool fit = true;
    for (size_t i = 0; i < count; i++) {
        float small = fabsf(values[i]) < 0x1p24f ? values[i] : 0; /* larger floats have no fraction */
        fit &= values[i] >= type->low && values[i] <= type->high && (float)(int32_t)small == small;
    }
    for (size_t i = 0; !fit && i < count; i++) {
        float v = values[i];
        if (!(v >= type->low && v <= type->high && v == floorf(v))) {
            return i;
        }
    }
    return count;
}

/* The data, at the cursor; its datatype is known. */
static srv_status read_values(srv__oip_reading *r, tensor_input *input) {
    char where[48], message[200];
    const char *start = r->cursor.at;
    snprintf(where, sizeof where, "/inputs/%zu/data", input->number);
    r->cursor.words = strcmp(input->type->name, "BOOL") == 0 ? SRV_JSON_BOOLEANS : 0;
    srv_status status = srv_json_read_tensor(&r->cursor, where, r->limits->max_depth, srv_json_run_for_cpu(), r->arena,
                                             &input->values, r->err);
    r->cursor.words = 0;
    if (status == SRV_OK && input->type->whole) {
        size_t misfit = first_misfit(input->type, input->values.values, input->values.count);
        if (misfit < input->values.count) {
            snprintf(message, sizeof message, "value %zu of the data is %g, which %s does not hold", misfit + 1,
                     (double)input->values.values[misfit], input->type->name);
            return srv__oip_fail(r, SRV_WRONG_VALUE, start, where, message);
        }
    }
    input->read = status == SRV_OK;
    return status;
}

/* Data that comes before its datatype is passed over, and read when that is known. */
static srv_status read_data(srv__oip_reading *r, tensor_input *input) {
    return input->type != NULL ? read_values(r, input) : srv__oip_skip(r);
}

/* "parameters": their values are the business of later steps, but that data comes apart must not go unnoticed. */
static srv_status read_parameters(srv__oip_reading *r, tensor_input *input) {
    static const char *const names[] = {"binary_data_size"};
    const char *size_at = NULL, **const places[] = {&size_at};
    srv_status status = srv__oip_expect(r, '{', "an object", "inputs", input->number, "parameters");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t index;
        if ((status = srv__oip_read_key(r, names, 1, places, &index)) != SRV_OK ||
            (status = srv__oip_skip(r)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    input->binary = size_at != NULL;
    return SRV_OK;
}

/* Everything of the entry has been read: is it an input of the model, and how many rows has it? */
static srv_status settle_input(srv__oip_reading *r, tensor_input *input) {
    const srv_signature *signature = r->signature;
    char message[500], text[300];
    const char *missing = input->name_at == NULL       ? "name"
                          : input->shape_at == NULL    ? "shape"
                          : input->datatype_at == NULL ? "datatype"
                                                       : NULL;
    if (missing != NULL) {
        snprintf(message, sizeof message, "the key \"%s\" is missing", missing);
        return srv__oip_fail_in(r, input->start, "inputs", input->number, "", message);
    }
    if (input->index == signature->input_count) {
        snprintf(message, sizeof message, "the model has no input '%s'; it has: %s", input->given,
                 srv_list_inputs(signature, text, sizeof text));
        return srv__oip_fail_in(r, input->name_at, "inputs", input->number, "name", message);
    }
    if (r->columns[input->index] != NULL) {
        snprintf(message, sizeof message, "the input '%s' is there twice", input->given);
        return srv__oip_fail_in(r, input->name_at, "inputs", input->number, "name", message);
    }
    if (input->data_at == NULL) {
        return srv__oip_fail_in(r, input->start, "inputs", input->number, "",
                                input->binary ? "binary tensors are not taken; send the numbers in \"data\""
                                              : "the key \"data\" is missing");
    }
    if (!input->read) {
        srv_json_cursor after = r->cursor;
        r->cursor.at = input->data_at;
        srv_status status = read_values(r, input);
        r->cursor.at = after.at;
        if (status != SRV_OK) {
            return status;
        }
    }
    const srv_input_spec *spec = &signature->inputs[input->index];
    size_t rows = 0;
    if (input->rank > 0 && srv_is_row(input->shape + 1, input->rank - 1, spec)) {
        rows = input->shape[0].size;
    } else if (srv_is_row(input->shape, input->rank, spec)) {
        rows = 1;
    }
    if (rows == 0) {
        char row[200];
        srv_describe_row(spec, row, sizeof row);
        snprintf(message, sizeof message, "the shape of '%s' is %s; expected [rows, numbers of a row], and a row is %s",
                 input->given, srv_describe_shape(input->shape, input->rank, text, sizeof text), row);
        return srv__oip_fail_in(r, input->shape_at, "inputs", input->number, "shape", message);
    }
    if (input->values.count != input->count) {
        snprintf(message, sizeof message, "the data has %zu value%s; the shape %s asks for %zu", input->values.count,
                 input->values.count == 1 ? "" : "s", srv_describe_shape(input->shape, input->rank, text, sizeof text),
                 input->count);
        return srv__oip_fail_in(r, input->data_at, "inputs", input->number, "data", message);
    }
    if (r->rows != 0 && r->rows != rows) {
        snprintf(message, sizeof message, "'%s' has %zu rows, an input before it %zu; they must agree", input->given,
                 rows, r->rows);
        return srv__oip_fail_in(r, input->shape_at, "inputs", input->number, "shape", message);
    }
    r->rows = rows;
    r->columns[input->index] = input->values.values;
    return SRV_OK;
}

srv_status srv__oip_read_input(srv__oip_reading *r, size_t number) {
    static const char *const names[] = {"name", "shape", "datatype", "data", "parameters"};
    static srv_status (*const readers[])(srv__oip_reading *, tensor_input *) = {read_name, read_shape, read_datatype,
                                                                                read_data, read_parameters};
    const char *parameters_at = NULL;
    tensor_input input = {.number = number, .start = r->cursor.at};
    const char **const places[] = {&input.name_at, &input.shape_at, &input.datatype_at, &input.data_at, &parameters_at};
    srv_status status = srv__oip_expect(r, '{', "an object", "inputs", number, "");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t index;
        if ((status = srv__oip_read_key(r, names, 5, places, &index)) != SRV_OK ||
            (status = index < 5 ? readers[index](r, &input) : srv__oip_skip(r)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return settle_input(r, &input);
}
