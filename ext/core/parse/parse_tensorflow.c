#include "parse_tensorflow.h"

#include "excerpt.h"
#include "rows.h"
#include "tensorflow_reading.h"

#include <stdio.h>
#include <string.h>

/* -------------------------------------------------------------------------------------------------------- columns */

/* [row, …] of one input. */
static srv_status read_column(srv__tf_reading *r, const srv__tf_target *t, const srv_input_spec *input,
                              srv_json_tensor *tensor) {
    const char *start = r->cursor.at;
    srv_status status = srv__tf_read_tensor(r, t, tensor);
    if (status == SRV_OK &&
        (tensor->rank == 0 || tensor->level[0].size == 0 || !srv_is_row(tensor->level + 1, tensor->rank - 1, input))) {
        status = srv__tf_wrong_shape(r, t, start, input, tensor->level, tensor->rank);
    }
    return status;
}

/* {"a": [row, …], "b": [row, …]} */
static srv_status read_named_columns(srv__tf_reading *r, float **columns, srv_json_tensor *tensor) {
    const srv_signature *signature = r->signature;
    const char *start = r->cursor.at;
    size_t rows = 0;
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        const char *key, *key_at;
        size_t key_size;
        srv_json_skip_space(&r->cursor);
        key_at = r->cursor.at;
        srv_status status = srv_json_read_key(&r->cursor, r->arena, &key, &key_size, r->err);
        if (status != SRV_OK) {
            return status;
        }
        srv_json_skip_space(&r->cursor);
        const char *value_at = r->cursor.at;
        size_t index = srv_find_input(signature, key, key_size);
        srv_arena_shrink(r->arena, (void *)key, 0);
        if (index == signature->input_count) {
            status = srv_json_skip_value(&r->cursor, r->limits->max_depth, r->err);
        } else if (columns[index] != NULL) {
            status = srv__tf_fail(r, SRV_WRONG_VALUE, key_at, "/inputs", "the same input is there twice in 'inputs'");
        } else {
            const srv__tf_target column = {.kind = SRV__TF_COLUMN, .input = &signature->inputs[index]};
            status = read_column(r, &column, column.input, tensor);
            if (status == SRV_OK && rows > 0 && tensor->level[0].size != rows) {
                char message[200];
                snprintf(message, sizeof message, "%.60s has %zu rows, an input before it %zu; they must agree",
                         column.input->name, tensor->level[0].size, rows);
                status = srv__tf_fail_in(r, &column, value_at, "", message);
            }
            columns[index] = tensor->values;
            rows = status == SRV_OK ? tensor->level[0].size : rows;
        }
        if (status != SRV_OK || (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < signature->input_count; i++) {
        if (columns[i] == NULL) {
            char message[400];
            snprintf(message, sizeof message, "Missing named input: %.200s in 'inputs' object.",
                     signature->inputs[i].name);
            return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/inputs", message);
        }
    }
    r->out->rows = rows;
    return SRV_OK;
}

static srv_status read_inputs(srv__tf_reading *r) {
    const srv_signature *signature = r->signature;
    size_t bytes = signature->input_count * sizeof(float *);
    srv_json_tensor tensor;
    if (signature->row->table != NULL) {
        return srv__tf_read_table_inputs(r);
    }
    float **columns = srv_arena_take(r->arena, bytes);
    if (columns == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    memset(columns, 0, bytes);
    srv_status status;
    if (srv_json_peek(&r->cursor) == '{' && !srv__tf_is_base64(r->cursor)) {
        status = read_named_columns(r, columns, &tensor);
    } else if (signature->input_count > 1) {
        char names[300], message[500];
        snprintf(message, sizeof message,
                 "inputs is a plain value/list, but expecting an object as the model has several inputs: %s",
                 srv_list_inputs(signature, names, sizeof names));
        status = srv__tf_fail(r, SRV_WRONG_VALUE, r->cursor.at, "/inputs", message);
    } else {
        const srv__tf_target column = {.kind = SRV__TF_COLUMN};
        status = read_column(r, &column, &signature->inputs[0], &tensor);
        columns[0] = tensor.values;
        r->out->rows = status == SRV_OK ? tensor.level[0].size : 0;
        r->out->bare = status == SRV_OK && tensor.rank == 1;
    }
    if (status != SRV_OK) {
        return status;
    }
    r->out->columnar = true;
    return srv_join_columns(signature, columns, r->out->rows, r->limits->max_rows, r->arena, &r->out->values, r->err);
}

/* ----------------------------------------------------------------------------------------------------- the object */

srv_status srv__tf_open(srv__tf_reading *r, const char *expected, bool *more) {
    char message[160];
    *r->out = (srv_body){.kind = SRV_BODY_ROWS};
    r->cursor.words = SRV_JSON_NONFINITE;
    srv_json_skip_space(&r->cursor);
    int byte = srv_json_peek(&r->cursor);
    if (byte < 0) {
        snprintf(message, sizeof message, "JSON Parse error: The document is empty; expecting %s", expected);
        return srv__tf_fail(r, SRV_MALFORMED, r->cursor.at, "", message);
    }
    if (byte != '{') {
        snprintf(message, sizeof message, "an object, %s", expected);
        return srv_json_unexpected(&r->cursor, message, r->err);
    }
    srv_json_open(&r->cursor, '}', more);
    return SRV_OK;
}

srv_status srv__tf_read_key(srv__tf_reading *r, const char *const *names, const char **places, size_t count,
                            size_t *index) {
    const char *key, *key_at;
    size_t size, i = 0;
    srv_json_skip_space(&r->cursor);
    key_at = r->cursor.at;
    srv_status status = srv_json_read_key(&r->cursor, r->arena, &key, &size, r->err);
    if (status != SRV_OK) {
        return status;
    }
    srv_json_skip_space(&r->cursor);
    while (i < count && (strlen(names[i]) != size || memcmp(names[i], key, size) != 0)) {
        i++;
    }
    srv_arena_shrink(r->arena, (void *)key, 0);
    if (i < count && places[i] != NULL) {
        char message[80];
        snprintf(message, sizeof message, "the key '%s' is there twice", names[i]);
        return srv__tf_fail(r, SRV_MALFORMED, key_at, "", message);
    }
    if (i < count) {
        places[i] = r->cursor.at;
    }
    *index = i;
    return SRV_OK;
}

srv_status srv__tf_check_signature(srv__tf_reading *r, const char *at) {
    static const char *const ours[] = {"", "serving_default", "tensorflow/serving/classify",
                                       "tensorflow/serving/regress"};
    const char *name;
    size_t size;
    if (at == NULL) {
        return SRV_OK;
    }
    if (*at != '"') {
        return srv__tf_fail(r, SRV_MALFORMED, at, "/signature_name",
                            "JSON Value not formatted correctly. 'signature_name' key must be a string value.");
    }
    srv_json_cursor cursor = r->cursor;
    cursor.at = at;
    srv_status status = srv_json_read_string(&cursor, r->arena, &name, &size, r->err);
    for (size_t i = 0; status == SRV_OK && i < sizeof ours / sizeof *ours; i++) {
        if (strlen(ours[i]) == size && memcmp(ours[i], name, size) == 0) {
            return SRV_OK;
        }
    }
    if (status != SRV_OK) {
        return status;
    }
    char excerpt[SRV_EXCERPT], message[240];
    snprintf(message, sizeof message,
             "Serving signature name: \"%s\" not found in signature def; expected serving_default",
             srv_excerpt(excerpt, name, size));
    return srv__tf_fail(r, SRV_WRONG_VALUE, at, "/signature_name", message);
}

/* How reading the data went; its error waits until all that is to be checked before it has been. */
typedef struct data_fault {
    srv_status status;
    srv_error error;
} data_fault;

/* A fault in the data is kept, and the data passed over, so that faults of the JSON after it come first. */
static srv_status read_data(srv__tf_reading *r, data_fault *fault, srv_status (*read)(srv__tf_reading *r)) {
    const char *start = r->cursor.at;
    srv_status status = read(r);
    if (status == SRV_WRONG_VALUE || status == SRV_TOO_LARGE) {
        *fault = (data_fault){status, *r->err};
        r->cursor.at = start;
        status = srv_json_skip_value(&r->cursor, r->limits->max_depth, r->err);
    }
    return status;
}

srv_status srv_parse_tensorflow(const char *text, size_t size, const srv_signature *signature, const srv_limits *limits,
                                srv_arena *arena, srv_body *out, srv_error *err) {
    enum { INSTANCES, INPUTS, SIGNATURE_NAME, NAMES };
    static const char *const names[NAMES] = {"instances", "inputs", "signature_name"};
    static srv_status (*const readers[2])(srv__tf_reading *) = {srv__tf_read_instances, read_inputs};
    srv_error unasked;
    srv__tf_reading r = srv__tf_begin(text, size, signature, limits, arena, out, err, &unasked);
    const char *places[NAMES] = {NULL};
    data_fault fault = {.status = SRV_OK};
    bool more;
    srv_status status = srv__tf_open(&r, "{\"instances\": [row, \xE2\x80\xA6]}", &more);
    if (status != SRV_OK) {
        return status;
    }
    while (more) {
        size_t i = 0;
        if ((status = srv__tf_read_key(&r, names, places, NAMES, &i)) != SRV_OK) {
            return status;
        }
        if (i < 2 && places[1 - i] == NULL) { /* with both of them the request is refused for that */
            status = read_data(&r, &fault, readers[i]);
        } else {
            status = srv_json_skip_value(&r.cursor, limits->max_depth, r.err);
        }
        if (status != SRV_OK || (status = srv_json_next(&r.cursor, '}', &more, r.err)) != SRV_OK) {
            return status;
        }
    }
    if ((status = srv__tf_check_signature(&r, places[SIGNATURE_NAME])) != SRV_OK) {
        return status;
    }
    if (places[INSTANCES] != NULL && places[INPUTS] != NULL) {
        return srv__tf_fail(&r, SRV_MALFORMED, r.cursor.begin, "",
                            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist");
    }
    if (places[INSTANCES] == NULL && places[INPUTS] == NULL) {
        return srv__tf_fail(&r, SRV_MALFORMED, r.cursor.begin, "", "Missing 'inputs' or 'instances' key");
    }
    if (fault.status != SRV_OK) {
        *r.err = fault.error;
    }
    return fault.status;
}
