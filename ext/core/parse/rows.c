#include "rows.h"

#include <stdio.h>
#include <string.h>

void srv_describe_row(const srv_input_spec *input, char *out, size_t capacity) {
    int size = snprintf(out, capacity, "%zu", input->features);
    if (input->rank > 1) {
        for (size_t i = 0; i < input->rank && size >= 0 && (size_t)size < capacity; i++) {
            size +=
                snprintf(out + size, capacity - (size_t)size, i == 0 ? ", flat or as %zu" : " x %zu", input->shape[i]);
        }
    }
}

bool srv_is_row_shape(const srv_json_level *level, size_t rank, const srv_input_spec *input) {
    size_t i = 0, axis = 0;
    for (;;) {
        while (i < rank && level[i].size == 1) {
            i++;
        }
        while (axis < input->rank && input->shape[axis] == 1) {
            axis++;
        }
        if (i == rank || axis == input->rank) {
            return i == rank && axis == input->rank;
        }
        if (level[i++].size != input->shape[axis++]) {
            return false;
        }
    }
}

bool srv_is_flat_row(const srv_json_level *level, size_t rank, const srv_input_spec *input) {
    return rank == 1 && level[0].size == input->features;
}

const char *srv_describe_shape(const srv_json_level *level, size_t rank, char *out, size_t capacity) {
    int size = snprintf(out, capacity, "[");
    for (size_t i = 0; i < rank && (size_t)size < capacity; i++) {
        size += snprintf(out + size, capacity - (size_t)size, i > 0 ? ",%zu" : "%zu", level[i].size);
    }
    if ((size_t)size < capacity) {
        snprintf(out + size, capacity - (size_t)size, "]");
    }
    return out;
}

/* Adds a name to a list of `used` bytes; false when it was cut and nothing more fits. */
static bool add_name(const char *name, char *out, size_t capacity, size_t *used) {
    static const char cut[] = ", \xE2\x80\xA6";
    size_t needed = strlen(name) + (*used > 0 ? 2 : 0);
    if (*used + needed + sizeof cut > capacity) {
        *used += (size_t)snprintf(out + *used, capacity - *used, "%s", *used > 0 ? cut : cut + 2);
        return false;
    }
    *used += (size_t)snprintf(out + *used, capacity - *used, "%s%s", *used > 0 ? ", " : "", name);
    return true;
}

const char *srv_list_names(const char *const *names, size_t count, char *out, size_t capacity) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && add_name(names[i], out, capacity, &used); i++) {
    }
    return out;
}

const char *srv_list_inputs(const srv_signature *signature, char *out, size_t capacity) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < signature->input_count && add_name(signature->inputs[i].name, out, capacity, &used); i++) {
    }
    return out;
}

size_t srv_find_input(const srv_signature *signature, const char *name, size_t size) {
    size_t i = 0;
    while (i < signature->input_count &&
           (strlen(signature->inputs[i].name) != size || memcmp(signature->inputs[i].name, name, size) != 0)) {
        i++;
    }
    return i;
}

srv_status srv_join_columns(const srv_signature *signature, float *const *columns, size_t rows, size_t max_rows,
                            srv_arena *arena, float **out, srv_error *err) {
    if (rows > max_rows) {
        return srv_fail(err, SRV_TOO_LARGE, "%zu rows; at most %zu in one request", rows, max_rows);
    }
    if (signature->input_count == 1) {
        *out = columns[0];
        return SRV_OK;
    }
    size_t stride = signature->row->features, bytes, offset = 0;
    float *joined = NULL;
    if (srv_multiply(rows, stride * sizeof *joined, &bytes)) {
        joined = srv_arena_take(arena, bytes);
    }
    if (joined == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < signature->input_count; i++) {
        size_t features = signature->inputs[i].features;
        for (size_t r = 0; r < rows; r++) {
            memcpy(joined + r * stride + offset, columns[i] + r * features, features * sizeof *joined);
        }
        offset += features;
    }
    *out = joined;
    return SRV_OK;
}
