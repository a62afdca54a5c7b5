#include "parse_openinference.h"

#include "../base/utf8.h"
#include "openinference_reading.h"
#include "raw_tensor.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>

srv_status srv__oip_fail(const srv__oip_reading *r, srv_status status, const char *at, const char *where,
                         const char *message) {
    srv_fail(r->err, status, "%s", message);
    srv_error_at(r->err, (size_t)(at - r->cursor.begin));
    srv_error_where(r->err, "%s", where);
    return status;
}

/* Writes the pointer of member `key` of entry `number` of `list`; list or key "": not within one. */
static void write_place(char *out, size_t capacity, const char *list, size_t number, const char *key) {
    if (list[0] == '\0') {
        snprintf(out, capacity, "%s%s", key[0] != '\0' ? "/" : "", key);
    } else {
        snprintf(out, capacity, "/%s/%zu%s%s", list, number, key[0] != '\0' ? "/" : "", key);
    }
}

srv_status srv__oip_fail_in(const srv__oip_reading *r, const char *at, const char *list, size_t number, const char *key,
                            const char *message) {
    char where[64];
    write_place(where, sizeof where, list, number, key);
    return srv__oip_fail(r, SRV_WRONG_VALUE, at, where, message);
}

srv_status srv__oip_expect(const srv__oip_reading *r, char byte, const char *expected, const char *list, size_t number,
                           const char *key) {
    const char *kind = srv_json_kind(srv_json_peek(&r->cursor));
    if (srv_json_peek(&r->cursor) == (unsigned char)byte) {
        return SRV_OK;
    }
    if (kind == NULL) {
        return srv_json_unexpected(&r->cursor, expected, r->err);
    }
    char where[64], message[200];
    write_place(where, sizeof where, list, number, key);
    snprintf(message, sizeof message, "%s is %s; expected %s", where[0] != '\0' ? where : "the body", kind, expected);
    return srv__oip_fail(r, SRV_WRONG_VALUE, r->cursor.at, where, message);
}

srv_status srv__oip_skip(srv__oip_reading *r) {
    return srv_json_skip_value(&r->cursor, r->limits->max_depth, r->err);
}

srv_status srv__oip_read_key(srv__oip_reading *r, const char *const *names, size_t count, const char **const *places,
                             size_t *index) {
    const char *key, *start;
    size_t size;
    srv_json_skip_space(&r->cursor);
    start = r->cursor.at;
    srv_status status = srv_json_read_key(&r->cursor, r->arena, &key, &size, r->err);
    if (status != SRV_OK) {
        return status;
    }
    size_t i = 0;
    while (i < count && (strlen(names[i]) != size || memcmp(names[i], key, size) != 0)) {
        i++;
    }
    srv_arena_shrink(r->arena, (void *)key, 0);
    srv_json_skip_space(&r->cursor);
    *index = i;
    if (i < count) {
        if (*places[i] != NULL) {
            char message[80];
            snprintf(message, sizeof message, "the key \"%s\" is there twice", names[i]);
            return srv__oip_fail(r, SRV_MALFORMED, start, "", message);
        }
        *places[i] = r->cursor.at;
    }
    return SRV_OK;
}

static srv_status read_inputs(srv__oip_reading *r) {
    srv_status status = srv__oip_expect(r, '[', "an array of tensors", "", 0, "inputs");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, ']', &more);
    for (size_t number = 0; more; number++) {
        srv_json_skip_space(&r->cursor);
        if ((status = srv__oip_read_input(r, number)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

/* ----------------------------------------------------------------------------------------------------- the object */
static srv_status read_id(srv__oip_reading *r) {
    srv_status status = srv__oip_expect(r, '"', "a string", "", 0, "id");
    if (status == SRV_OK) {
        status = srv_json_read_string(&r->cursor, r->arena, &r->out->id, &r->out->id_size, r->err);
    }
    return status;
}

static srv_status read_request_parameters(srv__oip_reading *r) {
    srv__oip_parameter known[] = {{.name = "binary_data_output", .kind = SRV__OIP_BOOLEAN},
                                  {.name = "timeout", .kind = SRV__OIP_COUNT},
                                  {.name = "priority", .kind = SRV__OIP_COUNT}};
    srv_status status = srv__oip_read_parameters(r, "", 0, known, 3);
    if (status == SRV_OK) {
        r->binary_outputs = known[0].at != NULL ? (int)known[0].value : -1;
        r->out->timeout_ns = known[1].value < UINT64_MAX / 1000 ? known[1].value * 1000 : UINT64_MAX;
        r->out->background = known[2].value > 1;
    }
    return status;
}

/* Has every input come? */
static srv_status check_inputs(srv__oip_reading *r, const char *inputs_at) {
    const srv_signature *signature = r->signature;
    const char *missing = NULL;
    for (size_t i = 0; r->table == NULL && missing == NULL && i < signature->input_count; i++) {
        missing = r->columns[i] == NULL ? signature->inputs[i].name : NULL;
    }
    if (r->table != NULL && r->gathered.count == 0) {
        missing = r->table->columns[0].name;
    }
    if (missing != NULL) {
        char message[400];
        if (inputs_at == NULL) {
            snprintf(message, sizeof message, "the key \"inputs\" is missing");
        } else {
            snprintf(message, sizeof message, "the input '%.200s' is missing", missing);
        }
        return srv__oip_fail(r, SRV_WRONG_VALUE, inputs_at != NULL ? inputs_at : r->cursor.begin,
                             inputs_at != NULL ? "/inputs" : "", message);
    }
    return SRV_OK;
}

/* The rows, of all inputs together. */
static srv_status join_inputs(srv__oip_reading *r) {
    if (r->table != NULL) {
        srv_body rows;
        srv_status status = srv_table_columns_finish(&r->gathered, &rows, r->err);
        if (status == SRV_OK) {
            r->out->rows = rows.rows;
            r->out->cells = rows.cells;
            r->out->texts = rows.texts;
        } else {
            srv_error_where(r->err, "/inputs");
        }
        return status;
    }
    r->out->rows = r->rows;
    return srv_join_columns(r->signature, r->columns, r->rows, r->limits->max_rows, r->arena, &r->out->values, r->err);
}

static srv_status start(srv__oip_reading *r) {
    *r->out = (srv_body){.kind = SRV_BODY_ROWS};
    if (r->table != NULL) {
        return srv_table_columns_start(&r->gathered, r->table, r->limits, r->arena, r->err);
    }
    size_t bytes = r->signature->input_count * sizeof *r->columns;
    r->columns = srv_arena_take(r->arena, bytes);
    if (r->columns == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    memset(r->columns, 0, bytes);
    return SRV_OK;
}

/* Binary tensors that no input speaks of would be read as nothing. */
static srv_status check_binary(const srv__oip_reading *r) {
    if (r->binary == NULL || r->binary == r->end) {
        return SRV_OK;
    }
    char message[160];
    snprintf(message, sizeof message, "%zu bytes of binary data are left over; no input's binary_data_size counts them",
             (size_t)(r->end - r->binary));
    return srv__oip_fail(r, SRV_WRONG_VALUE, r->binary, "", message);
}

srv_status srv_parse_openinference(const char *bytes, size_t size, size_t json_size, const srv_signature *signature,
                                   const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err) {
    static const char *const names[] = {"inputs", "outputs", "id", "parameters"};
    static srv_status (*const readers[])(srv__oip_reading *) = {read_inputs, srv__oip_read_outputs, read_id,
                                                                read_request_parameters};
    const char *seen[4] = {NULL}, **const places[] = {&seen[0], &seen[1], &seen[2], &seen[3]};
    srv_error unasked;
    srv__oip_reading r = {.cursor = srv_json_cursor_at(bytes, json_size),
                          .signature = signature,
                          .table = signature->row->table,
                          .limits = limits,
                          .arena = arena,
                          .out = out,
                          .err = err != NULL ? err : &unasked,
                          .binary = json_size < size ? bytes + json_size : NULL,
                          .end = bytes + size,
                          .binary_outputs = -1};
    srv_status status = start(&r);
    if (status != SRV_OK) {
        return status;
    }
    srv_json_skip_space(&r.cursor);
    status =
        srv__oip_expect(&r, '{', "an object, {\"inputs\": [{\"name\", \"shape\", \"datatype\", \"data\"}]}", "", 0, "");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r.cursor, '}', &more);
    while (more) {
        size_t index;
        if ((status = srv__oip_read_key(&r, names, 4, places, &index)) != SRV_OK ||
            (status = index < 4 ? readers[index](&r) : srv__oip_skip(&r)) != SRV_OK ||
            (status = srv_json_next(&r.cursor, '}', &more, r.err)) != SRV_OK) {
            return status;
        }
    }
    if ((status = srv_json_finish(&r.cursor, r.err)) != SRV_OK || (status = check_inputs(&r, seen[0])) != SRV_OK ||
        (status = check_binary(&r)) != SRV_OK || (status = join_inputs(&r)) != SRV_OK) {
        return status;
    }
    return srv__oip_settle_outputs(&r);
}

/* ----------------------------------------------------------------------------------------------------------- raw */

/* The only column's one value. */
static srv_status read_raw_value(const char *bytes, size_t size, const srv_table *table, const srv_limits *limits,
                                 srv_arena *arena, srv_body *out, srv_error *err) {
    const srv_column *column = table->columns;
    bool text = column->type == SRV_COLUMN_TEXT || column->type == SRV_COLUMN_CATEGORY;
    const srv_datatype *type = srv_find_datatype(column->type == SRV_COLUMN_BOOLEAN ? "BOOL" : "FP64", 4);
    srv_table_rows rows;
    srv_status status = srv_table_rows_start(&rows, table, limits, arena, err);
    if (status != SRV_OK || (status = srv_table_rows_open(&rows, err)) != SRV_OK) {
        return status;
    }
    if (text && srv_utf8_fault(bytes, bytes + size) < bytes + size) {
        return srv_fail(err, SRV_WRONG_VALUE, "the body is not UTF-8; %.100s takes %s", column->name,
                        column->type == SRV_COLUMN_TEXT ? "a text" : "a category");
    }
    if (!text && size != type->size) {
        return srv_fail(err, SRV_WRONG_VALUE, "the body has %zu bytes; expected one value of %.100s as %s: %zu bytes",
                        size, column->name, type->name, type->size);
    }
    status = text ? srv_table_put_text(&rows, 0, (srv_text){bytes, size}, err)
                  : srv__oip_put_binary(&rows, 0, type, bytes, err);
    srv_table_rows_finish(&rows, false, out);
    return status;
}

srv_status srv_parse_openinference_raw(const char *bytes, size_t size, const srv_signature *signature,
                                       const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err) {
    const srv_table *table = signature->row->table;
    size_t inputs = table != NULL ? table->names.count : signature->input_count;
    if (inputs > 1) {
        return srv_fail(err, SRV_WRONG_VALUE,
                        "a raw binary request (Inference-Header-Content-Length: 0) is for models with one input; this "
                        "one has %zu",
                        inputs);
    }
    srv_status status = table != NULL
                            ? read_raw_value(bytes, size, table, limits, arena, out, err)
                            : srv_parse_raw_tensor(bytes, size, &signature->inputs[0], limits, arena, out, err);
    if (status != SRV_OK) {
        return status;
    }
    srv_output_request *outputs = srv_arena_take(arena, signature->output_count * sizeof *outputs);
    if (outputs == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < signature->output_count; i++) {
        outputs[i] = (srv_output_request){.index = i, .binary = true};
    }
    out->single = false;
    out->outputs = outputs;
    out->output_count = signature->output_count;
    return SRV_OK;
}
