/* One tensor of a TensorFlow Serving request, and what is wrong with it in that server's words. */
#include "tensorflow_reading.h"

#include "rows.h"

#include <stdio.h>
#include <string.h>

srv_status srv__tf_fail(const srv__tf_reading *r, srv_status status, const char *at, const char *where,
                        const char *message) {
    srv_fail(r->err, status, "%s", message);
    srv_error_at(r->err, (size_t)(at - r->cursor.begin));
    srv_error_where(r->err, "%s", where);
    return status;
}

/* At {"b64": "…"} with that key alone, as which TensorFlow Serving takes bytes? */
bool srv__tf_is_base64(srv_json_cursor cursor) {
    static const char key[] = "\"b64\"";
    cursor.at++;
    srv_json_skip_space(&cursor);
    if ((size_t)(cursor.end - cursor.at) < sizeof key - 1 || memcmp(cursor.at, key, sizeof key - 1) != 0) {
        return false;
    }
    cursor.at += sizeof key - 1;
    if (srv_json_take(&cursor, ':', "':'", NULL) != SRV_OK) {
        return false;
    }
    srv_json_skip_space(&cursor);
    return srv_json_read_string(&cursor, NULL, NULL, NULL, NULL) == SRV_OK &&
           srv_json_take(&cursor, '}', "'}'", NULL) == SRV_OK;
}

/* Fails at `at` with TensorFlow Serving's words for where the fault is, then what.  below: the rest of the pointer. */
srv_status srv__tf_fail_in(const srv__tf_reading *r, const srv__tf_target *t, const char *at, const char *below,
                           const char *what) {
    char where[512], message[640];
    size_t used = (size_t)snprintf(where, sizeof where, t->kind == SRV__TF_COLUMN ? "/inputs" : "/instances");
    if (t->kind == SRV__TF_ITEM) {
        used += (size_t)snprintf(where + used, sizeof where - used, "/%zu", t->item);
    }
    if (t->input != NULL) {
        used += srv_json_pointer_step(where + used, sizeof where - used, t->input->name);
    }
    snprintf(where + used, sizeof where - used, "%s", below);
    if (t->kind == SRV__TF_ALL_ITEMS) {
        const char *index = below[0] == '/' ? below + 1 : "0";
        snprintf(message, sizeof message, "Failed to process element: %.*s of 'instances' list. Error: %s",
                 (int)strcspn(index, "/"), index, what);
    } else if (t->kind == SRV__TF_ITEM) {
        snprintf(message, sizeof message, "Failed to process element: %zu key: %.60s of 'instances' list. Error: %s",
                 t->item, t->input->name, what);
    } else {
        snprintf(message, sizeof message, "%s", what);
    }
    return srv__tf_fail(r, SRV_WRONG_VALUE, at, where, message);
}

/* What is wrong with a tensor that srv_json_read_tensor refused with WRONG_VALUE. */
static void explain(const srv__tf_reading *r, const srv_json_tensor *tensor, size_t outer, char *out, size_t capacity) {
    srv_json_cursor at = r->cursor;
    at.at = at.begin + r->err->offset;
    int byte = srv_json_peek(&at);
    if (tensor->ragged_level > 0 && tensor->ragged_level == outer) { /* an item, whole: its inner sizes are right */
        size_t inner = 1;
        for (size_t i = outer + 1; i < tensor->rank; i++) {
            inner *= tensor->level[i].size;
        }
        snprintf(out, capacity, "Expecting tensor size: %zu but got: %zu", inner * tensor->level[outer].size,
                 inner * tensor->ragged_size);
    } else if (tensor->ragged_level > 0) {
        snprintf(out, capacity, "Encountered list at unexpected size: %zu at level: %zu expected size: %zu",
                 tensor->ragged_size, tensor->ragged_level - outer, tensor->level[tensor->ragged_level].size);
    } else if (byte == '{') {
        snprintf(out, capacity, "%s is not of expected type: float",
                 srv__tf_is_base64(at) ? "a base64 object, which stands for bytes," : "a JSON object");
    } else if (byte != '[' && !srv_json_at_number(&at)) {
        snprintf(out, capacity, "%s is not of expected type: float", srv_json_kind(byte));
    } else if (tensor->rank > SRV_JSON_TENSOR_RANK) { /* the first number has not come */
        snprintf(out, capacity, "%s", r->err->message);
    } else {
        char shape[SRV__TF_SHAPE_TEXT];
        size_t rank = tensor->rank > outer ? tensor->rank - outer : 0;
        snprintf(out, capacity, "Expecting shape %s but got %s",
                 srv_describe_shape(tensor->level + outer, rank, shape, sizeof shape),
                 byte == '[' ? "a list where a number must stand" : "a number where a list must stand");
    }
}

srv_status srv__tf_read_tensor(srv__tf_reading *r, const srv__tf_target *t, srv_json_tensor *out) {
    srv_status status = srv_json_read_tensor(&r->cursor, "", r->limits->max_depth, r->run, r->arena, out, r->err);
    if (status == SRV_WRONG_VALUE) {
        char below[sizeof r->err->where], what[sizeof r->err->message];
        memcpy(below, r->err->where, sizeof below);
        explain(r, out, t->kind == SRV__TF_ALL_ITEMS ? 1 : 0, what, sizeof what);
        return srv__tf_fail_in(r, t, r->cursor.begin + r->err->offset, below, what);
    }
    return status;
}

/* "Expecting shape [4] but got: [3]": these levels are no row of the input, or no list of rows. */
srv_status srv__tf_wrong_shape(const srv__tf_reading *r, const srv__tf_target *t, const char *at,
                               const srv_input_spec *input, const srv_json_level *level, size_t rank) {
    srv_json_level wanted[SRV_MAX_RANK];
    char row[SRV__TF_SHAPE_TEXT], got[SRV__TF_SHAPE_TEXT], what[2 * SRV__TF_SHAPE_TEXT + 80];
    for (size_t i = 0; i < input->rank; i++) {
        wanted[i] = (srv_json_level){.size = input->shape[i]};
    }
    srv_describe_shape(wanted, input->rank, row, sizeof row);
    snprintf(what, sizeof what, "Expecting shape %s%s but got: %s",
             t->kind == SRV__TF_COLUMN ? "[rows,...]: rows of " : "", row,
             srv_describe_shape(level, rank, got, sizeof got));
    return srv__tf_fail_in(r, t, at, t->kind == SRV__TF_ALL_ITEMS ? "/0" : "", what);
}
