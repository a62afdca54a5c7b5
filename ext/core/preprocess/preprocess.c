#include "preprocess.h"

#include <math.h>
#include <string.h>

/* Both steps are the affine map of a range of columns; they differ in the order of rounding. */
typedef struct step {
    enum { SCALE, STANDARDISE } op;
    size_t offset, features;   /* the columns */
    float factor, shift;       /* SCALE */
    const float *mean, *scale; /* STANDARDISE: [features] each */
} step;

struct srv_preprocess {
    size_t count;
    step *steps;
};

/* A number for all features, or an array with one for each. */
static srv_status read_per_feature(const srv_json *node, const char *key, size_t features, srv_arena *arena,
                                   const float **out, srv_error *err) {
    const srv_json *value = srv_json_get(node, key);
    if (value == NULL || (value->type != SRV_JSON_NUMBER && value->type != SRV_JSON_ARRAY) ||
        (value->type == SRV_JSON_ARRAY && value->size != features)) {
        return srv_json_fail(value != NULL ? value : node, err, "\"%s\" must be a number, or %zu numbers", key,
                             features);
    }
    float *numbers = srv_arena_take(arena, features * sizeof *numbers);
    if (numbers == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < features && value->type == SRV_JSON_NUMBER; i++) {
        numbers[i] = (float)value->number;
    }
    for (const srv_json *n = value->first; n != NULL; n = n->next) {
        if (n->type != SRV_JSON_NUMBER) {
            return srv_json_fail(n, err, "expected a number, not %s", srv_json_type_name(n->type));
        }
        numbers[n->index] = (float)n->number;
    }
    *out = numbers;
    return SRV_OK;
}

static srv_status compile_step(const srv_json *node, const srv_input_place *inputs, size_t input_count,
                               srv_arena *arena, step *out, srv_error *err) {
    const char *op, *name;
    srv_status status = srv_json_get_text(node, "op", &op, err);
    if (status == SRV_OK) {
        status = srv_json_get_text(node, "input", &name, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    const srv_input_place *input = NULL;
    for (size_t i = 0; i < input_count; i++) {
        if (strcmp(inputs[i].name, name) == 0) {
            input = &inputs[i];
        }
    }
    if (input == NULL) {
        return srv_json_fail(srv_json_get(node, "input"), err, "there is no input named %.100s", name);
    }
    *out = (step){.offset = input->offset, .features = input->features};
    if (strcmp(op, "scale") == 0) {
        static const char *const keys[] = {"op", "input", "factor", "offset", NULL};
        double factor, shift;
        if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
            (status = srv_json_get_number(node, "factor", &factor, err)) != SRV_OK ||
            (status = srv_json_get_number_or(node, "offset", 0, &shift, err)) != SRV_OK) {
            return status;
        }
        out->op = SCALE;
        out->factor = (float)factor;
        out->shift = (float)shift;
        return SRV_OK;
    }
    if (strcmp(op, "standardise") == 0) {
        static const char *const keys[] = {"op", "input", "mean", "scale", NULL};
        if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
            (status = read_per_feature(node, "mean", input->features, arena, &out->mean, err)) != SRV_OK ||
            (status = read_per_feature(node, "scale", input->features, arena, &out->scale, err)) != SRV_OK) {
            return status;
        }
        for (size_t i = 0; i < input->features; i++) {
            if (!(fabsf(out->scale[i]) > 0)) {
                return srv_json_fail(srv_json_get(node, "scale"), err, "a scale must not be zero");
            }
        }
        out->op = STANDARDISE;
        return SRV_OK;
    }
    return srv_json_fail(srv_json_get(node, "op"), err, "there is no step %.60s; expected scale or standardise", op);
}

srv_status srv_preprocess_compile(const srv_json *steps, const srv_input_place *inputs, size_t input_count,
                                  srv_arena *arena, srv_preprocess **out, srv_error *err) {
    size_t count = steps != NULL ? steps->size : 0, bytes;
    if (steps != NULL && steps->type != SRV_JSON_ARRAY) {
        return srv_json_fail(steps, err, "expected an array of steps, not %s", srv_json_type_name(steps->type));
    }
    srv_preprocess *made = srv_arena_take(arena, sizeof *made);
    if (made == NULL || !srv_multiply(count, sizeof(step), &bytes) ||
        (made->steps = srv_arena_take(arena, bytes)) == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    made->count = count;
    for (const srv_json *node = count > 0 ? steps->first : NULL; node != NULL; node = node->next) {
        srv_status status = compile_step(node, inputs, input_count, arena, &made->steps[node->index], err);
        if (status != SRV_OK) {
            return status;
        }
    }
    *out = made;
    return SRV_OK;
}

bool srv_preprocess_changes(const srv_preprocess *preprocess) {
    return preprocess->count > 0;
}

void srv_preprocess_rows(const srv_preprocess *preprocess, const float *from, float *to, size_t rows, size_t features) {
    if (from != to && (preprocess->count == 0 || preprocess->steps[0].features != features)) {
        memcpy(to, from, rows * features * sizeof *to);
        from = to;
    }
    for (size_t i = 0; i < preprocess->count; i++) {
        const step *s = &preprocess->steps[i];
        for (size_t r = 0; r < rows; r++) {
            const float *x = from + r * features + s->offset;
            float *y = to + r * features + s->offset;
            if (s->op == SCALE) {
                for (size_t j = 0; j < s->features; j++) {
                    y[j] = x[j] * s->factor + s->shift;
                }
            } else {
                for (size_t j = 0; j < s->features; j++) {
                    y[j] = (x[j] - s->mean[j]) / s->scale[j];
                }
            }
        }
        from = to;
    }
}
