/* "instances" of a TensorFlow Serving request: rows, plain or as objects. */
#include "tensorflow_reading.h"

#include "excerpt.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>

/* [[1, 2], [3, 4]]: rows of the only input, read in one go. */
static srv_status read_plain_items(srv__tf_reading *r) {
    const srv_signature *signature = r->signature;
    const srv_input_spec *input = &signature->inputs[0];
    const char *start = r->cursor.at;
    if (signature->input_count > 1) {
        char names[300], message[500];
        snprintf(message, sizeof message,
                 "instances is a plain list, but expecting list of objects as the model has several inputs: %s",
                 srv_list_inputs(signature, names, sizeof names));
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/instances", message);
    }
    const srv__tf_target all = {.kind = SRV__TF_ALL_ITEMS};
    srv_json_tensor tensor;
    srv_status status = srv__tf_read_tensor(r, &all, &tensor);
    if (status != SRV_OK) {
        return status;
    }
    if (!srv_is_row(tensor.level + 1, tensor.rank - 1, input)) {
        const char *first = tensor.rank > 1 ? r->cursor.begin + tensor.level[1].offset : start;
        return srv__tf_wrong_shape(r, &all, first, input, tensor.level + 1, tensor.rank - 1);
    }
    r->out->rows = tensor.level[0].size;
    r->out->bare = tensor.rank == 1;
    return srv_join_columns(signature, &tensor.values, r->out->rows, r->limits->max_rows, r->arena, &r->out->values,
                            r->err);
}

/* What is known of an input while objects are read. */
typedef struct named_input {
    size_t items; /* that have had it */
    size_t rank;  /* shape of the first one's value */
    srv_json_level level[SRV_JSON_TENSOR_RANK];
} named_input;

/* Room for one row more, by doubling. */
static srv_status grow_rows(srv__tf_reading *r, size_t rows, size_t *capacity, float **values) {
    size_t features = r->signature->row->features, bytes;
    if (rows == r->limits->max_rows) {
        return srv_fail(r->err, SRV_TOO_LARGE, "more than %zu rows in one request", rows);
    }
    if (rows < *capacity) {
        return SRV_OK;
    }
    size_t grown = *capacity > 0 ? 2 * *capacity : 16;
    float *larger = srv_multiply(grown, features * sizeof *larger, &bytes) ? srv_arena_take(r->arena, bytes) : NULL;
    if (larger == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    if (rows > 0) {
        memcpy(larger, *values, rows * features * sizeof *larger);
    }
    *values = larger;
    *capacity = grown;
    return SRV_OK;
}

/* One member of item number `item`: "name": value, into its place of the row. */
static srv_status read_named_value(srv__tf_reading *r, size_t item, named_input *inputs, float *row) {
    const srv_signature *signature = r->signature;
    const char *key, *start;
    size_t key_size, offset = 0;
    srv_json_skip_space(&r->cursor);
    start = r->cursor.at;
    srv_status status = srv_json_read_key(&r->cursor, r->arena, &key, &key_size, r->err);
    if (status != SRV_OK) {
        return status;
    }
    size_t index = srv_find_input(signature, key, key_size);
    bool known = index < signature->input_count;
    if (!known || inputs[index].items > item) {
        char name[SRV_EXCERPT], where[40], message[300];
        srv_excerpt(name, key, key_size);
        snprintf(where, sizeof where, "/instances/%zu", item);
        snprintf(message, sizeof message, "Failed to process element: %zu key: %s of 'instances' list. Error: %s%s",
                 item, name,
                 known ? "the key is there twice" : "JSON object: does not have named input: ", known ? "" : name);
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, where, message);
    }
    srv_arena_shrink(r->arena, (void *)key, 0);
    const srv_input_spec *input = &signature->inputs[index];
    const srv__tf_target place = {.kind = SRV__TF_ITEM, .item = item, .input = input};
    srv_json_skip_space(&r->cursor);
    start = r->cursor.at;
    srv_json_tensor tensor;
    if ((status = srv__tf_read_tensor(r, &place, &tensor)) != SRV_OK) {
        return status;
    }
    named_input *seen = &inputs[index];
    if (seen->items == 0) {
        seen->rank = tensor.rank;
        memcpy(seen->level, tensor.level, tensor.rank * sizeof *tensor.level);
        if (!srv_is_row(tensor.level, tensor.rank, input)) {
            return srv__tf_wrong_shape(r, &place, start, input, tensor.level, tensor.rank);
        }
    }
    bool same = seen->rank == tensor.rank;
    for (size_t i = 0; same && i < tensor.rank; i++) {
        same = tensor.level[i].size == seen->level[i].size;
    }
    if (!same) {
        char first[SRV__TF_SHAPE_TEXT], got[SRV__TF_SHAPE_TEXT], what[2 * SRV__TF_SHAPE_TEXT + 40];
        snprintf(what, sizeof what, "Expecting shape %s but got: %s",
                 srv_describe_shape(seen->level, seen->rank, first, sizeof first),
                 srv_describe_shape(tensor.level, tensor.rank, got, sizeof got));
        return srv__tf_fail_in(r, &place, start, "", what);
    }
    seen->items = item + 1;
    for (size_t i = 0; i < index; i++) {
        offset += signature->inputs[i].features;
    }
    memcpy(row + offset, tensor.values, input->features * sizeof *row);
    srv_arena_shrink(r->arena, tensor.values, 0);
    return SRV_OK;
}

/* {"a": row, "b": row} with every input's name, into one row. */
static srv_status read_named_item(srv__tf_reading *r, size_t item, named_input *inputs, float *row) {
    const srv_signature *signature = r->signature;
    char where[40], names[300], message[500];
    const char *start = r->cursor.at;
    snprintf(where, sizeof where, "/instances/%zu", item);
    if (srv_json_peek(&r->cursor) != '{' || srv__tf_is_base64(r->cursor)) {
        const char *kind = srv_json_kind(srv_json_peek(&r->cursor));
        if (kind == NULL && !srv_json_at_number(&r->cursor)) {
            return srv_json_unexpected(&r->cursor, "an object", r->err);
        }
        snprintf(message, sizeof message, "Expecting object but got %s at item %zu of input list",
                 *start == '['   ? "list"
                 : *start == '{' ? "a base64 object"
                 : kind != NULL  ? kind
                                 : "a number",
                 item);
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, where, message);
    }
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        srv_status status = read_named_value(r, item, inputs, row);
        if (status != SRV_OK || (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < signature->input_count; i++) {
        if (inputs[i].items <= item) {
            snprintf(message, sizeof message,
                     "Failed to process element: %zu of 'instances' list. The JSON object must have the keys: %s", item,
                     srv_list_inputs(signature, names, sizeof names));
            return srv__tf_fail(r, SRV_WRONG_VALUE, start, where, message);
        }
    }
    return SRV_OK;
}

/* [{"a": row, "b": row}, …] */
static srv_status read_named_items(srv__tf_reading *r) {
    size_t rows = 0, capacity = 0, bytes, features = r->signature->row->features;
    float *values = NULL;
    named_input *inputs = NULL;
    if (srv_multiply(r->signature->input_count, sizeof *inputs, &bytes)) {
        inputs = srv_arena_take(r->arena, bytes);
    }
    if (inputs == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    memset(inputs, 0, bytes);
    bool more;
    srv_json_open(&r->cursor, ']', &more);
    while (more) {
        srv_json_skip_space(&r->cursor);
        srv_status status;
        if ((status = grow_rows(r, rows, &capacity, &values)) != SRV_OK ||
            (status = read_named_item(r, rows, inputs, values + rows * features)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
        rows++;
    }
    r->out->rows = rows;
    r->out->values = values;
    r->out->bare = r->signature->input_count == 1 && inputs[0].rank == 0;
    return SRV_OK;
}

srv_status srv__tf_read_instances(srv__tf_reading *r) {
    const char *start = r->cursor.at;
    srv_json_cursor first = r->cursor;
    if (srv_json_peek(&first) != '[') {
        if (srv_json_kind(srv_json_peek(&first)) == NULL && !srv_json_at_number(&first)) {
            return srv_json_unexpected(&first, "an array", r->err);
        }
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/instances",
                            "Expecting 'instances' to be a list/array of rows");
    }
    first.at++;
    srv_json_skip_space(&first);
    if (srv_json_peek(&first) == ']') {
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/instances", "No values in 'instances' array; expecting a row");
    }
    if (r->signature->row->table != NULL) {
        return srv__tf_read_table_instances(r);
    }
    return srv_json_peek(&first) == '{' && !srv__tf_is_base64(first) ? read_named_items(r) : read_plain_items(r);
}
