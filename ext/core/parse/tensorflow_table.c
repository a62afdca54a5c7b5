/* TensorFlow Serving requests to a model that takes a table or a text: each of its columns is an input. */
#include "tensorflow_reading.h"

#include "../base/utf8.h"
#include "base64.h"
#include "excerpt.h"
#include "rows.h"
#include "table_columns.h"
#include "table_value.h"

#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------- cells */

srv_status srv__tf_place(const srv__tf_reading *r, const srv__tf_cell *cell, const char *at, srv_status status) {
    char where[256], message[sizeof r->err->message], item[24];
    bool by_column = strcmp(cell->list, "inputs") == 0;
    if (status != SRV_WRONG_VALUE && status != SRV_MALFORMED) {
        return status;
    }
    if (r->err->offset == SRV_NO_OFFSET) {
        srv_error_at(r->err, (size_t)(at - r->cursor.begin));
    }
    size_t offset = r->err->offset, used = (size_t)snprintf(where, sizeof where, "/%s", cell->list);
    snprintf(item, sizeof item, "%zu", cell->item);
    if (!by_column) {
        used += srv_json_pointer_step(where + used, sizeof where - used, item);
    }
    if (cell->key != NULL) {
        used += srv_json_pointer_step(where + used, sizeof where - used, cell->key);
        if (by_column) {
            srv_json_pointer_step(where + used, sizeof where - used, item);
        }
    }
    if (by_column || status == SRV_MALFORMED) {
        srv_error_where(r->err, "%s", where);
        return status;
    }
    snprintf(message, sizeof message, "Failed to process element: %zu%s%.60s of '%s' list. Error: %.300s", cell->item,
             cell->key != NULL ? " key: " : "", cell->key != NULL ? cell->key : "", cell->list, r->err->message);
    srv_fail(r->err, status, "%s", message);
    srv_error_at(r->err, offset);
    srv_error_where(r->err, "%s", where);
    return status;
}

/* {"b64": "…"} as the text that it stands for. */
static srv_status read_base64(srv__tf_reading *r, srv_table_rows *rows, size_t column) {
    const char *text;
    size_t size;
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    srv_status status = srv_json_read_key(&r->cursor, NULL, NULL, NULL, r->err);
    srv_json_skip_space(&r->cursor);
    if (status != SRV_OK || (status = srv_json_read_string(&r->cursor, r->arena, &text, &size, r->err)) != SRV_OK ||
        (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
        return status;
    }
    char *bytes = (char *)text; /* ours, in the arena, and decoding shortens it */
    if (!srv_base64_decode(text, size, bytes, &size)) {
        return srv_fail(r->err, SRV_WRONG_VALUE, "Unable to base64 decode the value of 'b64'");
    }
    if (srv_utf8_fault(bytes, bytes + size) < bytes + size) {
        return srv_fail(r->err, SRV_WRONG_VALUE, "the bytes of 'b64' are not UTF-8, and the model takes a text");
    }
    return srv_table_put_text(rows, column, (srv_text){bytes, size}, r->err);
}

static srv_status read_tensor_cell(srv__tf_reading *r, srv_table_rows *rows, size_t index) {
    const srv_column *column = &rows->table->columns[index];
    size_t place = srv_find_input(r->signature, column->name, strlen(column->name));
    srv_json_tensor tensor;
    srv_status status = srv_json_read_tensor(&r->cursor, "", r->limits->max_depth, r->run, r->arena, &tensor, r->err);
    if (status != SRV_OK) {
        srv_error_where(r->err, "%s", ""); /* the tensor's own pointer begins in the middle of ours */
        return status;
    }
    if (place == r->signature->input_count || !srv_is_row(tensor.level, tensor.rank, &r->signature->inputs[place])) {
        char got[SRV__TF_SHAPE_TEXT];
        return srv_fail(r->err, SRV_WRONG_VALUE, "Expecting shape [%zu] but got: %s", column->width,
                        srv_describe_shape(tensor.level, tensor.rank, got, sizeof got));
    }
    srv_table_put_floats(rows, index, tensor.values);
    srv_arena_shrink(r->arena, tensor.values, 0);
    return SRV_OK;
}

srv_status srv__tf_read_cell(srv__tf_reading *r, srv_table_rows *rows, size_t index) {
    const srv_column *column = &rows->table->columns[index];
    bool text = column->type == SRV_COLUMN_TEXT || column->type == SRV_COLUMN_CATEGORY;
    if (column->type == SRV_COLUMN_TENSOR) {
        return read_tensor_cell(r, rows, index);
    }
    bool listed = srv_json_peek(&r->cursor) == '['; /* [value]: a tensor of one */
    if (listed) {
        r->cursor.at++;
        srv_json_skip_space(&r->cursor);
    }
    srv_status status = text && srv_json_peek(&r->cursor) == '{' && srv__tf_is_base64(r->cursor)
                            ? read_base64(r, rows, index)
                            : srv_table_read_value(&r->cursor, rows, index, r->err);
    if (status == SRV_OK && listed) {
        srv_json_skip_space(&r->cursor);
        if (srv_json_peek(&r->cursor) == ',') {
            return srv_fail(r->err, SRV_WRONG_VALUE, "Expecting shape [1] but got a list of several values");
        }
        status = srv_json_take(&r->cursor, ']', "']'", r->err);
    }
    return status;
}

srv_status srv__tf_read_record_key(srv__tf_reading *r, const srv_table *table, const srv__tf_cell *cell,
                                   size_t *column) {
    const char *key, *start;
    size_t size;
    srv_json_skip_space(&r->cursor);
    start = r->cursor.at;
    srv_status status = srv_json_read_key(&r->cursor, r->arena, &key, &size, r->err);
    if (status != SRV_OK) {
        return status;
    }
    *column = srv_names_find(&table->names, key, size);
    if (*column == table->names.count) {
        char name[SRV_EXCERPT], names[300];
        const srv__tf_cell named = {cell->list, cell->item, srv_excerpt(name, key, size)};
        status = srv_fail(r->err, SRV_WRONG_VALUE, "JSON object: does not have named input: %s; there are %s", name,
                          srv_names_list(&table->names, names, sizeof names));
        return srv__tf_place(r, &named, start, status);
    }
    srv_arena_shrink(r->arena, (void *)key, 0);
    srv_json_skip_space(&r->cursor);
    return SRV_OK;
}

/* ------------------------------------------------------------------------------------------------------- instances */

static srv_status read_record(srv__tf_reading *r, srv_table_rows *rows, size_t item) {
    const srv_table *table = rows->table;
    srv__tf_cell cell = {"instances", item, NULL};
    const char *start = r->cursor.at;
    bool more;
    srv_status status;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t column;
        cell.key = NULL;
        if ((status = srv__tf_read_record_key(r, table, &cell, &column)) != SRV_OK) {
            return status;
        }
        const char *at = r->cursor.at;
        cell.key = table->columns[column].name;
        status = srv_table_rows_claim(rows, column) ? srv__tf_read_cell(r, rows, column)
                                                    : srv_fail(r->err, SRV_WRONG_VALUE, "the key is there twice");
        if (status != SRV_OK) {
            return srv__tf_place(r, &cell, at, status);
        }
        if ((status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    cell.key = NULL;
    return srv__tf_place(r, &cell, start, srv_table_rows_close(rows, r->err));
}

/* [value of every column], in their order. */
static srv_status read_positional(srv__tf_reading *r, srv_table_rows *rows, size_t item) {
    const srv_table *table = rows->table;
    const char *start = r->cursor.at;
    size_t column = 0;
    bool more;
    srv_status status;
    srv_json_open(&r->cursor, ']', &more);
    for (; more && column < table->names.count; column++) {
        srv_json_skip_space(&r->cursor);
        const srv__tf_cell cell = {"instances", item, table->columns[column].name};
        const char *at = r->cursor.at;
        srv_table_rows_claim(rows, column);
        if ((status = srv__tf_read_cell(r, rows, column)) != SRV_OK) {
            return srv__tf_place(r, &cell, at, status);
        }
        if ((status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    if (more || column < table->names.count) {
        char names[300];
        const srv__tf_cell cell = {"instances", item, NULL};
        status =
            srv_fail(r->err, SRV_WRONG_VALUE, "Expecting shape [%zu] but got %s: the inputs are %s", table->names.count,
                     more ? "more values" : "fewer values", srv_names_list(&table->names, names, sizeof names));
        return srv__tf_place(r, &cell, start, status);
    }
    return SRV_OK;
}

static srv_status read_item(srv__tf_reading *r, srv_table_rows *rows, size_t item, char form) {
    const char *start = r->cursor.at;
    char byte = *start, names[300];
    const srv__tf_cell cell = {"instances", item, NULL};
    bool object = byte == '{' && !srv__tf_is_base64(r->cursor);
    const char *kind = srv_json_at_number(&r->cursor) ? "a number" : srv_json_kind(srv_json_peek(&r->cursor));
    if (kind == NULL) {
        return srv_json_unexpected(&r->cursor, "a row", r->err);
    }
    if (object != (form == '{')) {
        char message[120];
        snprintf(message, sizeof message, "Expecting %s but got %s at item %zu of input list",
                 form == '{' ? "object" : "value/list",
                 byte == '[' ? "list"
                 : object    ? "object"
                             : kind,
                 item);
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/instances", message);
    }
    if (object) {
        return read_record(r, rows, item);
    }
    if (rows->table->names.count == 1) {
        srv_table_rows_claim(rows, 0);
        return srv__tf_place(r, &cell, start, srv__tf_read_cell(r, rows, 0));
    }
    if (byte == '[') {
        return read_positional(r, rows, item);
    }
    srv_status status = srv_fail(r->err, SRV_WRONG_VALUE, "Expecting an object as the model has several inputs: %s",
                                 srv_names_list(&rows->table->names, names, sizeof names));
    return srv__tf_place(r, &cell, start, status);
}

srv_status srv__tf_read_table_instances(srv__tf_reading *r) {
    srv_table_rows rows;
    srv_status status = srv_table_rows_start(&rows, r->signature->row->table, r->limits, r->arena, r->err);
    if (status != SRV_OK) {
        return status;
    }
    char form = '[';
    bool more;
    srv_json_open(&r->cursor, ']', &more);
    for (size_t item = 0; more; item++) {
        srv_json_skip_space(&r->cursor);
        if (srv_json_peek(&r->cursor) < 0) {
            return srv_json_unexpected(&r->cursor, "a row", r->err);
        }
        if (item == 0) {
            form = *r->cursor.at == '{' && !srv__tf_is_base64(r->cursor) ? '{' : '[';
        }
        if ((status = srv_table_rows_open(&rows, r->err)) != SRV_OK ||
            (status = read_item(r, &rows, item, form)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    srv_table_rows_finish(&rows, false, r->out);
    return SRV_OK;
}

/* --------------------------------------------------------------------------------------------------------- columns */

/* [value, …] of one column. */
static srv_status read_column(srv__tf_reading *r, srv_table_columns *columns, size_t column) {
    srv__tf_cell cell = {"inputs", 0, columns->rows.table->columns[column].name};
    const char *start = r->cursor.at;
    bool more;
    srv_status status;
    if (srv_json_peek(&r->cursor) != '[') {
        if (srv_json_kind(srv_json_peek(&r->cursor)) == NULL && !srv_json_at_number(&r->cursor)) {
            return srv_json_unexpected(&r->cursor, "an array", r->err);
        }
        status = srv_fail(r->err, SRV_WRONG_VALUE, "Expecting a list of rows: the shape of %.60s is [rows]", cell.key);
        return srv__tf_place(r, &cell, start, status);
    }
    srv_json_open(&r->cursor, ']', &more);
    for (; more; cell.item++) {
        srv_json_skip_space(&r->cursor);
        const char *at = r->cursor.at;
        if ((status = srv_table_columns_row(columns, cell.item, r->err)) != SRV_OK ||
            (status = srv__tf_read_cell(r, &columns->rows, column)) != SRV_OK) {
            return srv__tf_place(r, &cell, at, status);
        }
        if ((status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return srv__tf_place(r, &cell, start, srv_table_columns_end(columns, cell.item, r->err));
}

static srv_status read_named_columns(srv__tf_reading *r, srv_table_columns *columns) {
    const srv_table *table = columns->rows.table;
    const char *start = r->cursor.at;
    bool more;
    srv_status status;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        const char *key, *key_at;
        size_t size;
        srv_json_skip_space(&r->cursor);
        key_at = r->cursor.at;
        if ((status = srv_json_read_key(&r->cursor, r->arena, &key, &size, r->err)) != SRV_OK) {
            return status;
        }
        srv_json_skip_space(&r->cursor);
        size_t column = srv_names_find(&table->names, key, size);
        srv_arena_shrink(r->arena, (void *)key, 0);
        if (column == table->names.count) {
            status = srv_json_skip_value(&r->cursor, r->limits->max_depth, r->err);
        } else if (!srv_table_columns_claim(columns, column)) {
            status = srv__tf_fail(r, SRV_WRONG_VALUE, key_at, "/inputs", "the same input is there twice in 'inputs'");
        } else {
            status = read_column(r, columns, column);
        }
        if (status != SRV_OK || (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < table->names.count; i++) {
        if (!columns->given[i] && (!table->columns[i].optional || columns->count == 0)) {
            char message[400];
            snprintf(message, sizeof message, "Missing named input: %.200s in 'inputs' object.",
                     table->columns[i].name);
            return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/inputs", message);
        }
    }
    return SRV_OK;
}

srv_status srv__tf_read_table_inputs(srv__tf_reading *r) {
    const srv_table *table = r->signature->row->table;
    srv_table_columns columns;
    srv_status status = srv_table_columns_start(&columns, table, r->limits, r->arena, r->err);
    if (status != SRV_OK) {
        return status;
    }
    if (srv_json_peek(&r->cursor) == '{' && !srv__tf_is_base64(r->cursor)) {
        status = read_named_columns(r, &columns);
    } else if (table->names.count > 1) {
        char names[300], message[500];
        snprintf(message, sizeof message,
                 "inputs is a plain value/list, but expecting an object as the model has several inputs: %s",
                 srv_names_list(&table->names, names, sizeof names));
        return srv__tf_fail(r, SRV_WRONG_VALUE, r->cursor.at, "/inputs", message);
    } else {
        srv_table_columns_claim(&columns, 0);
        status = read_column(r, &columns, 0);
    }
    if (status == SRV_OK) {
        status = srv_table_columns_finish(&columns, r->out, r->err);
    }
    r->out->columnar = true;
    return status;
}
