/* One tensor of an Open Inference request: its name, shape and datatype. */
#include "openinference_reading.h"

#include "rows.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static srv_status read_name(srv__oip_reading *r, srv__oip_input *input) {
    const char *name;
    size_t size;
    srv_status status = srv__oip_expect(r, '"', "a string, the input's name", "inputs", input->number, "name");
    if (status == SRV_OK && (status = srv_json_read_string(&r->cursor, r->arena, &name, &size, r->err)) == SRV_OK) {
        input->index =
            r->table != NULL ? srv_names_find(&r->table->names, name, size) : srv_find_input(r->signature, name, size);
        srv_excerpt(input->given, name, size);
    }
    return status;
}

static srv_status read_shape(srv__oip_reading *r, srv__oip_input *input) {
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
        if (input->rank == SRV__OIP_DIMENSIONS || !srv_multiply(input->count, (size_t)size, &input->count)) {
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

static srv_status read_datatype(srv__oip_reading *r, srv__oip_input *input) {
    const char *name;
    size_t size;
    srv_status status = srv__oip_expect(r, '"', "a string, the datatype", "inputs", input->number, "datatype");
    const char *at = r->cursor.at;
    if (status != SRV_OK || (status = srv_json_read_string(&r->cursor, r->arena, &name, &size, r->err)) != SRV_OK) {
        return status;
    }
    if ((input->type = srv_find_datatype(name, size)) == NULL) {
        char excerpt[SRV_EXCERPT], message[200];
        snprintf(message, sizeof message,
                 "there is no datatype '%s' here; expected FP32, FP64, FP16, BOOL, INT*, UINT* or BYTES",
                 srv_excerpt(excerpt, name, size));
        return srv__oip_fail_in(r, at, "inputs", input->number, "datatype", message);
    }
    return SRV_OK;
}

/* Data that comes before its datatype is passed over, and read when all is known.  So is that of a table's column. */
static srv_status read_data(srv__oip_reading *r, srv__oip_input *input) {
    return input->type != NULL && r->table == NULL ? srv__oip_read_json(r, input) : srv__oip_skip(r);
}

static srv_status read_parameters(srv__oip_reading *r, srv__oip_input *input) {
    srv__oip_parameter known[] = {{.name = "binary_data_size", .kind = SRV__OIP_COUNT},
                                  {.name = "shared_memory_region", .kind = SRV__OIP_REFUSED}};
    srv_status status = srv__oip_read_parameters(r, "inputs", input->number, known, 2);
    input->binary = known[0].at != NULL;
    input->binary_size = (size_t)known[0].value;
    return status;
}

/* Is all there that an entry must have, once, and is it an input of the model that has not come yet? */
static srv_status check_input(const srv__oip_reading *r, const srv__oip_input *input) {
    const srv_signature *signature = r->signature;
    char message[500], text[300];
    size_t inputs = r->table != NULL ? r->table->names.count : signature->input_count;
    const char *missing = input->name_at == NULL       ? "name"
                          : input->shape_at == NULL    ? "shape"
                          : input->datatype_at == NULL ? "datatype"
                                                       : NULL;
    if (missing != NULL) {
        snprintf(message, sizeof message, "the key \"%s\" is missing", missing);
        return srv__oip_fail_in(r, input->start, "inputs", input->number, "", message);
    }
    if (input->index == inputs) {
        snprintf(message, sizeof message, "the model has no input '%s'; it has: %s", input->given,
                 r->table != NULL ? srv_names_list(&r->table->names, text, sizeof text)
                                  : srv_list_inputs(signature, text, sizeof text));
        return srv__oip_fail_in(r, input->name_at, "inputs", input->number, "name", message);
    }
    if (r->table != NULL ? r->gathered.given[input->index] : r->columns[input->index] != NULL) {
        snprintf(message, sizeof message, "the input '%s' is there twice", input->given);
        return srv__oip_fail_in(r, input->name_at, "inputs", input->number, "name", message);
    }
    const char *fault = input->data_at != NULL && input->binary    ? "\"data\" and binary_data_size exclude each other"
                        : input->data_at == NULL && !input->binary ? "the key \"data\" is missing"
                        : input->binary && r->binary == NULL
                            ? "binary_data_size is there, but no binary data: the header "
                              "Inference-Header-Content-Length must say where the JSON ends and it begins"
                            : NULL;
    if (fault != NULL) {
        return srv__oip_fail_in(r, input->start, "inputs", input->number, "", fault);
    }
    return SRV_OK;
}

/* The rows that the shape says; 0 if it is not one of rows. */
static size_t count_rows(const srv__oip_reading *r, const srv__oip_input *input, const srv_input_spec *spec) {
    const srv_json_level *shape = input->shape;
    if (r->table != NULL && r->table->columns[input->index].type != SRV_COLUMN_TENSOR) {
        return input->rank > 0 && input->count == shape[0].size ? input->count : 0;
    }
    if (input->rank > 0 && srv_is_row(shape + 1, input->rank - 1, spec)) {
        return shape[0].size;
    }
    return srv_is_row(shape, input->rank, spec) ? 1 : 0;
}

/* Everything of the entry has been read: how many rows has it, and what are they? */
static srv_status settle_input(srv__oip_reading *r, srv__oip_input *input) {
    const srv_signature *signature = r->signature;
    char message[500], text[300], row[200] = "1";
    srv_status status = check_input(r, input);
    if (status != SRV_OK) {
        return status;
    }
    size_t place = r->table == NULL ? input->index
                                    : srv_find_input(signature, r->table->columns[input->index].name,
                                                     r->table->names.list[input->index].size);
    const srv_input_spec *spec = place < signature->input_count ? &signature->inputs[place] : signature->row;
    size_t rows = count_rows(r, input, spec);
    if (rows == 0) {
        if (r->table == NULL || r->table->columns[input->index].type == SRV_COLUMN_TENSOR) {
            srv_describe_row(spec, row, sizeof row);
        }
        snprintf(message, sizeof message, "the shape of '%s' is %s; expected [rows, numbers of a row], and a row is %s",
                 input->given, srv_describe_shape(input->shape, input->rank, text, sizeof text), row);
        return srv__oip_fail_in(r, input->shape_at, "inputs", input->number, "shape", message);
    }
    if (r->table != NULL) {
        srv_table_columns_claim(&r->gathered, input->index);
        return srv__oip_read_column(r, input, rows);
    }
    if (!input->read && (status = srv__oip_read_tensor(r, input)) != SRV_OK) {
        return status;
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
    static srv_status (*const readers[])(srv__oip_reading *, srv__oip_input *) = {read_name, read_shape, read_datatype,
                                                                                  read_data, read_parameters};
    const char *parameters_at = NULL;
    srv__oip_input input = {.number = number, .start = r->cursor.at};
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
