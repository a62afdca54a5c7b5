#include "preprocess.h"

#include "encode.h"

#include <math.h>
#include <string.h>

/* An operation on a stretch of columns.  The affine maps differ in the order of rounding. */
typedef struct step {
    enum { SCALE, STANDARDISE, IMPUTE } op;
    size_t offset, features;   /* the columns of the network's row */
    float factor, shift;       /* SCALE */
    const float *mean, *scale; /* STANDARDISE: [features] each */
    const float *value;        /* IMPUTE: [features] */
} step;

struct srv_preprocess {
    size_t count;
    step *steps;
    srv_encoding *encoding;        /* NULL: rows are as sent */
    size_t features, texts, width; /* of a row as sent, and of one for the network */
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

/* A step over `features` numbers, wherever they are. */
static srv_status read_step(const srv_json *node, const char *op, size_t features, srv_arena *arena, step *out,
                            srv_error *err) {
    srv_status status;
    *out = (step){.features = features};
    if (strcmp(op, "scale") == 0) {
        static const char *const keys[] = {"op", "input", "columns", "factor", "offset", NULL};
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
        static const char *const keys[] = {"op", "input", "columns", "mean", "scale", NULL};
        if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
            (status = read_per_feature(node, "mean", features, arena, &out->mean, err)) != SRV_OK ||
            (status = read_per_feature(node, "scale", features, arena, &out->scale, err)) != SRV_OK) {
            return status;
        }
        for (size_t i = 0; i < features; i++) {
            if (!(fabsf(out->scale[i]) > 0)) {
                return srv_json_fail(srv_json_get(node, "scale"), err, "a scale must not be zero");
            }
        }
        out->op = STANDARDISE;
        return SRV_OK;
    }
    if (strcmp(op, "impute") == 0) {
        static const char *const keys[] = {"op", "input", "columns", "value", NULL};
        out->op = IMPUTE;
        status = srv_json_only(node, keys, err);
        return status == SRV_OK ? read_per_feature(node, "value", features, arena, &out->value, err) : status;
    }
    return srv_json_fail(srv_json_get(node, "op"), err,
                         "there is no step %.60s; expected scale, standardise, impute, one_hot or count_words", op);
}

/* The part of a step that is for `count` of its numbers, from the one at `first` on. */
static step part_of(const step *whole, size_t first, size_t count, size_t offset) {
    step part = *whole;
    part.offset = offset;
    part.features = count;
    part.mean = whole->mean != NULL ? whole->mean + first : NULL;
    part.scale = whole->scale != NULL ? whole->scale + first : NULL;
    part.value = whole->value != NULL ? whole->value + first : NULL;
    return part;
}

/* A step over columns of a table: one part for each stretch of columns that lie together. */
static srv_status compile_columns(const srv_json *node, const char *op, const srv_input_place *input, srv_arena *arena,
                                  srv_preprocess *out, srv_error *err) {
    size_t *columns, count;
    step whole;
    srv_status status = srv_step_columns(node, input, SRV_COLUMN_NUMBER, arena, &columns, &count, err);
    if (status == SRV_OK) {
        status = read_step(node, op, count, arena, &whole, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    for (size_t i = 0, first = 0; i < count; i++) {
        const srv_place *place = &input->columns[columns[i]];
        if (place->encoded) {
            return srv_json_fail(node, err, "%.60s is encoded, and has no number of its own any more",
                                 input->table->columns[columns[i]].name);
        }
        if (i + 1 == count || input->columns[columns[i + 1]].to != place->to + 1) {
            out->steps[out->count++] = part_of(&whole, first, i + 1 - first, place->to - (i - first));
            first = i + 1;
        }
    }
    return SRV_OK;
}

static srv_status compile_step(const srv_json *node, const srv_input_place *inputs, size_t input_count,
                               srv_arena *arena, srv_preprocess *out, srv_error *err) {
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
    if (strcmp(op, "one_hot") == 0 || strcmp(op, "count_words") == 0) {
        return SRV_OK; /* encode.c has it */
    }
    if (input->table != NULL && !input->table->bare) {
        return compile_columns(node, op, input, arena, out, err);
    }
    if (srv_json_get(node, "columns") != NULL) {
        return srv_json_fail(srv_json_get(node, "columns"), err, "%.60s is no table: it has no columns", name);
    }
    step *made = &out->steps[out->count++];
    status = read_step(node, op, input->width, arena, made, err);
    made->offset = input->to;
    return status;
}

/* As many steps as there can be: a step over a table falls into one part per column at most. */
static size_t count_steps(const srv_json *steps, const srv_input_place *inputs, size_t input_count) {
    size_t largest = 1, count = steps != NULL ? steps->size : 0, product;
    for (size_t i = 0; i < input_count; i++) {
        if (inputs[i].table != NULL && inputs[i].table->names.count > largest) {
            largest = inputs[i].table->names.count;
        }
    }
    return srv_multiply(count, largest, &product) ? product : SIZE_MAX;
}

srv_status srv_preprocess_compile(const srv_json *steps, srv_input_place *inputs, size_t input_count, srv_arena *arena,
                                  srv_preprocess **out, srv_error *err) {
    if (steps != NULL && steps->type != SRV_JSON_ARRAY) {
        return srv_json_fail(steps, err, "expected an array of steps, not %s", srv_json_type_name(steps->type));
    }
    size_t bytes;
    srv_preprocess *made = srv_arena_take(arena, sizeof *made);
    if (made == NULL || !srv_multiply(count_steps(steps, inputs, input_count), sizeof(step), &bytes) ||
        (made->steps = srv_arena_take(arena, bytes)) == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    made->count = made->features = made->texts = made->width = 0;
    srv_status status = srv_encode_compile(steps, inputs, input_count, arena, &made->encoding, err);
    for (size_t i = 0; i < input_count && status == SRV_OK; i++) {
        made->features += inputs[i].features;
        made->texts += inputs[i].table != NULL ? inputs[i].table->texts : 0;
        made->width += inputs[i].width;
    }
    for (const srv_json *node = steps != NULL ? steps->first : NULL; node != NULL && status == SRV_OK;
         node = node->next) {
        status = compile_step(node, inputs, input_count, arena, made, err);
    }
    *out = made;
    return status;
}

bool srv_preprocess_changes(const srv_preprocess *preprocess) {
    return preprocess->count > 0 || preprocess->encoding != NULL;
}

bool srv_preprocess_encodes(const srv_preprocess *preprocess) {
    return preprocess->encoding != NULL;
}

static void run_step(const step *s, const float *x, float *y) {
    switch (s->op) {
    case SCALE:
        for (size_t j = 0; j < s->features; j++) {
            y[j] = x[j] * s->factor + s->shift;
        }
        break;
    case STANDARDISE:
        for (size_t j = 0; j < s->features; j++) {
            y[j] = (x[j] - s->mean[j]) / s->scale[j];
        }
        break;
    case IMPUTE:
        for (size_t j = 0; j < s->features; j++) {
            y[j] = isnan(x[j]) ? s->value[j] : x[j];
        }
        break;
    }
}

void srv_preprocess_rows(const srv_preprocess *preprocess, const float *from, const srv_text *texts, float *to,
                         size_t rows) {
    size_t width = preprocess->width;
    if (preprocess->encoding != NULL) {
        for (size_t r = 0; r < rows; r++) {
            srv_encode_row(preprocess->encoding, from + r * preprocess->features,
                           texts != NULL ? texts + r * preprocess->texts : NULL, to + r * width);
        }
        from = to;
    } else if (from != to && (preprocess->count == 0 || preprocess->steps[0].features != width)) {
        memcpy(to, from, rows * width * sizeof *to);
        from = to;
    }
    for (size_t i = 0; i < preprocess->count; i++) {
        const step *s = &preprocess->steps[i];
        for (size_t r = 0; r < rows; r++) {
            run_step(s, from + r * width + s->offset, to + r * width + s->offset);
        }
        from = to;
    }
}
