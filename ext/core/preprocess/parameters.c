#include "parameters.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static void *take(srv_arena *arena, size_t count, size_t size) {
    size_t bytes;
    return srv_multiply(count, size, &bytes) ? srv_arena_take(arena, bytes) : NULL;
}

static srv_status read_tensor(const srv_json *field, size_t count, const srv_safetensors *tensors, double *out,
                              srv_error *err) {
    if (tensors == NULL) {
        return srv_json_fail(field, err, "there is no tensor %.200s", field->text);
    }
    const srv_tensor *tensor;
    srv_status status = srv_safetensors_want(tensors, field->text, 1, &count, &tensor, err);
    if (status == SRV_OK) {
        srv_tensor_read_double(tensor, 0, count, out);
    } else if (err != NULL) {
        char pointer[sizeof err->where];
        srv_json_pointer(field, pointer, sizeof pointer);
        srv_error_where(err, "%s", pointer);
    }
    return status;
}

srv_status srv_read_per_number(const srv_json *node, const char *key, size_t count, const double *absent,
                               const srv_safetensors *tensors, srv_arena *arena, const double **out, srv_error *err) {
    const srv_json *field = srv_json_get(node, key);
    double *numbers = take(arena, count, sizeof *numbers);
    if (numbers == NULL) {
        return no_memory(err);
    }
    *out = numbers;
    if (field == NULL || field->type == SRV_JSON_NULL) {
        if (absent == NULL) {
            return srv_json_fail(field != NULL ? field : node, err,
                                 "\"%s\" must be a number, %zu numbers, or the name of a tensor", key, count);
        }
        for (size_t i = 0; i < count; i++) {
            numbers[i] = *absent;
        }
        return SRV_OK;
    }
    if (field->type == SRV_JSON_STRING) {
        return read_tensor(field, count, tensors, numbers, err);
    }
    if (field->type == SRV_JSON_NUMBER) {
        for (size_t i = 0; i < count; i++) {
            numbers[i] = field->number;
        }
        return SRV_OK;
    }
    if (field->type != SRV_JSON_ARRAY || field->size != count) {
        return srv_json_fail(field, err, "\"%s\" must be a number, %zu numbers, or the name of a tensor", key, count);
    }
    for (const srv_json *n = field->first; n != NULL; n = n->next) {
        if (n->type != SRV_JSON_NUMBER) {
            return srv_json_fail(n, err, "expected a number, not %s", srv_json_type_name(n->type));
        }
        numbers[n->index] = n->number;
    }
    return SRV_OK;
}

srv_status srv_read_number_list(const srv_json *list, bool nulls, srv_arena *arena, srv_number_list *out,
                                srv_error *err) {
    if (list->type != SRV_JSON_ARRAY) {
        return srv_json_fail(list, err, "expected an array of numbers, not %s", srv_json_type_name(list->type));
    }
    double *values = take(arena, list->size, sizeof *values);
    if (values == NULL) {
        return no_memory(err);
    }
    for (const srv_json *n = list->first; n != NULL; n = n->next) {
        if (n->type != SRV_JSON_NUMBER && !(nulls && n->type == SRV_JSON_NULL)) {
            return srv_json_fail(n, err, "expected a number%s, not %s", nulls ? " or null" : "",
                                 srv_json_type_name(n->type));
        }
        values[n->index] = n->type == SRV_JSON_NUMBER ? n->number : NAN;
    }
    *out = (srv_number_list){values, list->size};
    return SRV_OK;
}

srv_status srv_read_list_per_number(const srv_json *node, const char *key, size_t count, bool nulls, srv_arena *arena,
                                    srv_number_list **out, srv_error *err) {
    const srv_json *field;
    srv_status status = srv_json_get_array(node, key, &field, err);
    if (status != SRV_OK) {
        return status;
    }
    if (field->size != count) {
        return srv_json_fail(field, err, "expected %zu array%s of numbers, one for each number read, not %zu", count,
                             count == 1 ? "" : "s", field->size);
    }
    srv_number_list *lists = take(arena, count, sizeof *lists);
    if (lists == NULL) {
        return no_memory(err);
    }
    for (const srv_json *list = field->first; list != NULL && status == SRV_OK; list = list->next) {
        status = srv_read_number_list(list, nulls, arena, &lists[list->index], err);
    }
    *out = lists;
    return status;
}

srv_status srv_read_number_or_null(const srv_json *node, const char *key, double absent, double *out, srv_error *err) {
    const srv_json *field = srv_json_get(node, key);
    if (field != NULL && field->type != SRV_JSON_NUMBER && field->type != SRV_JSON_NULL) {
        return srv_json_fail(field, err, "expected a number or null, not %s", srv_json_type_name(field->type));
    }
    *out = field == NULL ? absent : field->type == SRV_JSON_NULL ? NAN : field->number;
    return SRV_OK;
}

srv_status srv_read_flag(const srv_json *node, const char *key, bool absent, bool *out, srv_error *err) {
    const srv_json *flag = srv_json_get(node, key);
    if (flag != NULL && flag->type != SRV_JSON_BOOL) {
        return srv_json_fail(flag, err, "expected true or false, not %s", srv_json_type_name(flag->type));
    }
    *out = flag != NULL ? flag->boolean : absent;
    return SRV_OK;
}

srv_status srv_read_word(const srv_json *node, const char *key, const char *const *words, int absent, int *out,
                         srv_error *err) {
    const srv_json *field = srv_json_get(node, key);
    if (absent >= 0 && (field == NULL || field->type == SRV_JSON_NULL)) {
        *out = absent;
        return SRV_OK;
    }
    char list[400] = "";
    size_t used = 0;
    for (int i = 0; words[i] != NULL; i++) {
        if (field != NULL && field->type == SRV_JSON_STRING && strcmp(field->text, words[i]) == 0) {
            *out = i;
            return SRV_OK;
        }
        if (used < sizeof list) {
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", words[i]);
        }
    }
    return srv_json_fail(field != NULL ? field : node, err, "\"%s\" must be one of %s%s", key, list,
                         absent >= 0 ? ", or null" : "");
}
