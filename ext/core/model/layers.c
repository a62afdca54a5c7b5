#include "layers.h"

#include "dense_inputs.h"
#include "graph.h"

#include <math.h>
#include <string.h>

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static srv_status read_activation(const srv_json *layer, const srv_json *node, srv_activation *out, srv_error *err) {
    *out = (srv_activation){.id = SRV_ACTIVATION_LINEAR};
    if (node == NULL) {
        return SRV_OK;
    }
    const char *name = node->text;
    srv_status status = SRV_OK;
    if (node->type == SRV_JSON_OBJECT) {
        status = srv_json_get_text(node, "name", &name, err);
    } else if (node->type != SRV_JSON_STRING) {
        status = srv_json_fail(node, err, "an activation is a name, or an object with a name");
    }
    if (status != SRV_OK) {
        return status;
    }
    if (!srv_activation_find(name, &out->id)) {
        return srv_json_fail(node, err, "there is no activation %.60s", name);
    }
    const char *keys[6] = {"name"};
    size_t count = 1;
    for (int i = 0; i < 3; i++) {
        float preset;
        const char *parameter = srv_activation_parameter(out->id, i, &preset);
        if (parameter != NULL) {
            double value = (double)preset;
            if (node->type == SRV_JSON_OBJECT &&
                (status = srv_json_get_number_or(node, parameter, value, &value, err)) != SRV_OK) {
                return status;
            }
            out->parameter[i] = (float)value;
            keys[count++] = parameter;
        }
    }
    if (out->id == SRV_ACTIVATION_PRELU) {
        keys[count++] = "slope"; /* a tensor: read with the weights */
        const char *slope;
        if (node->type != SRV_JSON_OBJECT) {
            return srv_json_fail(layer, err, "prelu needs {\"name\": \"prelu\", \"slope\": tensor}");
        }
        status = srv_json_get_text(node, "slope", &slope, err);
    }
    keys[count] = NULL;
    return status == SRV_OK && node->type == SRV_JSON_OBJECT ? srv_json_only(node, keys, err) : status;
}

#define COMMON "name", "op", "inputs"

static const struct op_rule {
    const char *name;
    srv_op op;
    size_t min_inputs, max_inputs;
    const char *keys[10];
} op_rules[] = {
    {"dense", SRV_OP_DENSE, 1, 256, {COMMON, "units", "kernel", "bias", "activation", NULL}},
    {"batch_normalization", SRV_OP_AFFINE, 1, 1, {COMMON, "mean", "variance", "gamma", "beta", "epsilon", NULL}},
    {"layer_normalization", SRV_OP_LAYER_NORMALIZATION, 1, 1, {COMMON, "gamma", "beta", "epsilon", "activation", NULL}},
    {"rms_normalization", SRV_OP_RMS_NORMALIZATION, 1, 1, {COMMON, "gamma", "epsilon", "activation", NULL}},
    {"normalise", SRV_OP_NORMALISE, 1, 1, {COMMON, "norm", "epsilon", "activation", NULL}},
    {"activation", SRV_OP_ACTIVATION, 1, 1, {COMMON, "activation", NULL}},
    {"add", SRV_OP_ADD, 2, 256, {COMMON, "activation", NULL}},
    {"subtract", SRV_OP_SUBTRACT, 2, 2, {COMMON, "activation", NULL}},
    {"multiply", SRV_OP_MULTIPLY, 2, 256, {COMMON, "activation", NULL}},
    {"divide", SRV_OP_DIVIDE, 2, 2, {COMMON, "activation", NULL}},
    {"power", SRV_OP_POWER, 2, 2, {COMMON, "activation", NULL}},
    {"average", SRV_OP_AVERAGE, 2, 256, {COMMON, "activation", NULL}},
    {"maximum", SRV_OP_MAXIMUM, 2, 256, {COMMON, "activation", NULL}},
    {"minimum", SRV_OP_MINIMUM, 2, 256, {COMMON, "activation", NULL}},
    {"reduce", SRV_OP_REDUCE, 1, 1, {COMMON, "function", "activation", NULL}},
    {"concatenate", SRV_OP_CONCATENATE, 1, 256, {COMMON, "activation", NULL}},
    {"select", SRV_OP_SELECT, 1, 1, {COMMON, "columns", NULL}},
    {"constant", SRV_OP_CONSTANT, 0, 0, {COMMON, "value", NULL}},
    {"flatten", SRV_OP_SAME, 1, 1, {COMMON, NULL}},
    {"reshape", SRV_OP_SAME, 1, 1, {COMMON, "shape", NULL}},
};

static const struct op_rule *find_rule(const char *op) {
    for (size_t i = 0; i < sizeof op_rules / sizeof op_rules[0]; i++) {
        if (strcmp(op_rules[i].name, op) == 0) {
            return &op_rules[i];
        }
    }
    return NULL;
}

typedef struct named_function {
    const char *name;
    srv_function function;
} named_function;

static const named_function norms[] = {
    {"l1", SRV_FUNCTION_L1}, {"l2", SRV_FUNCTION_L2}, {"max", SRV_FUNCTION_MAX}, {0}};
static const named_function reductions[] = {{"sum", SRV_FUNCTION_SUM},
                                            {"mean", SRV_FUNCTION_MEAN},
                                            {"maximum", SRV_FUNCTION_MAXIMUM},
                                            {"minimum", SRV_FUNCTION_MINIMUM},
                                            {0}};

static srv_status read_function(const srv_json *node, const char *key, const named_function *known, srv_function *out,
                                srv_error *err) {
    const char *name;
    srv_status status = srv_json_get_text(node, key, &name, err);
    if (status != SRV_OK) {
        return status;
    }
    char names[64] = "";
    for (; known->name != NULL; known++) {
        if (strcmp(known->name, name) == 0) {
            *out = known->function;
            return SRV_OK;
        }
        strcat(strcat(names, names[0] != '\0' ? ", " : ""), known->name); /* the lists above are short */
    }
    return srv_json_fail(srv_json_get(node, key), err, "the %s is %.40s; expected one of %s", key, name, names);
}

/* The defaults are Keras', which has none for an l1 or l2 norm. */
static srv_status read_epsilon(const srv_json *node, srv_layer *layer, srv_error *err) {
    double preset = layer->op == SRV_OP_NORMALISE ? 0 : layer->op == SRV_OP_RMS_NORMALIZATION ? 1e-6 : 1e-3;
    srv_status status = srv_json_get_number_or(node, "epsilon", preset, &layer->epsilon, err);
    if (status == SRV_OK && !(layer->epsilon >= 0)) {
        return srv_json_fail(srv_json_get(node, "epsilon"), err, "epsilon is %g; expected 0 or more", layer->epsilon);
    }
    return status;
}

static srv_status read_picks(const srv_json *node, srv_arena *arena, srv_layer *layer, srv_error *err) {
    const srv_json *columns;
    srv_status status = srv_json_get_array(node, "columns", &columns, err);
    if (status != SRV_OK) {
        return status;
    }
    if (columns->size == 0 || columns->size > SRV_MAX_FEATURES) {
        return srv_json_fail(columns, err, "expected 1 to %zu columns, not %zu", SRV_MAX_FEATURES, columns->size);
    }
    size_t *picks = srv_arena_take(arena, columns->size * sizeof *picks);
    if (picks == NULL) {
        return no_memory(err);
    }
    size_t last = layer->inputs[0].columns - 1;
    for (const srv_json *column = columns->first; column != NULL; column = column->next) {
        if (column->type != SRV_JSON_NUMBER || !(column->number >= 0 && column->number <= (double)last) ||
            column->number != floor(column->number)) {
            return srv_json_fail(column, err, "a column must be a whole number from 0 to %zu, the input's last", last);
        }
        picks[column->index] = (size_t)column->number;
    }
    layer->picks = picks;
    layer->columns = columns->size;
    return SRV_OK;
}

/* A constant is as wide as its tensor. */
static srv_status read_constant(const srv_json *node, const srv_safetensors *tensors, srv_layer *layer,
                                srv_error *err) {
    const char *name;
    srv_status status = srv_json_get_text(node, "value", &name, err);
    if (status != SRV_OK) {
        return status;
    }
    const srv_json *value = srv_json_get(node, "value");
    const srv_tensor *tensor = srv_safetensors_find(tensors, name);
    if (tensor == NULL) {
        return srv_json_fail(value, err, "there is no tensor %.100s", name);
    }
    if (tensor->rank != 1 || tensor->count == 0 || tensor->count > SRV_MAX_FEATURES) {
        return srv_json_fail(value, err, "tensor %.100s has %zu dimensions and %zu numbers; expected 1 and 1 to %zu",
                             name, tensor->rank, tensor->count, SRV_MAX_FEATURES);
    }
    layer->columns = tensor->count;
    return SRV_OK;
}

/* Elementwise: as many as the widest input has; others have as many, or one that is spread. */
static srv_status merge_columns(const srv_json *node, srv_layer *layer, srv_error *err) {
    for (size_t i = 0; i < layer->input_count; i++) {
        size_t columns = layer->inputs[i].columns;
        if (layer->op == SRV_OP_CONCATENATE) {
            layer->columns += columns;
        } else if (layer->columns <= 1) {
            layer->columns = columns;
        } else if (columns != layer->columns && columns != 1) {
            return srv_json_fail(srv_json_get(node, "inputs"), err,
                                 "its inputs have %zu and %zu columns; they must agree, or one must have 1",
                                 layer->columns, columns);
        }
    }
    if (layer->columns > SRV_MAX_FEATURES) {
        return srv_json_fail(node, err, "more than %zu columns", SRV_MAX_FEATURES);
    }
    return SRV_OK;
}

/* The parameters of its op, and with them its columns. */
static srv_status read_parameters(const srv_json *node, const srv_safetensors *tensors, srv_arena *arena,
                                  srv_layer *layer, srv_error *err) {
    srv_status status = SRV_OK;
    switch (layer->op) {
    case SRV_OP_SELECT:
        return read_picks(node, arena, layer, err);
    case SRV_OP_CONSTANT:
        return read_constant(node, tensors, layer, err);
    case SRV_OP_REDUCE:
        layer->columns = 1;
        return read_function(node, "function", reductions, &layer->function, err);
    case SRV_OP_NORMALISE:
        status = read_function(node, "norm", norms, &layer->function, err);
        /* fallthrough */
    case SRV_OP_AFFINE:
    case SRV_OP_LAYER_NORMALIZATION:
    case SRV_OP_RMS_NORMALIZATION:
        if (status == SRV_OK) {
            status = read_epsilon(node, layer, err);
        }
        /* fallthrough */
    default:
        return status == SRV_OK ? merge_columns(node, layer, err) : status;
    }
}

static srv_status read_inputs(const srv_json *node, const struct op_rule *rule, bool side_by_side, srv_model *model,
                              srv_layer *layer, srv_error *err) {
    const srv_json *inputs;
    if (rule->max_inputs == 0 && srv_json_get(node, "inputs") == NULL) {
        return SRV_OK;
    }
    srv_status status = srv_json_get_array(node, "inputs", &inputs, err);
    if (status != SRV_OK) {
        return status;
    }
    if (inputs->size < rule->min_inputs || inputs->size > rule->max_inputs) {
        return srv_json_fail(inputs, err, "%s takes %zu to %zu inputs, not %zu", rule->name, rule->min_inputs,
                             rule->max_inputs, inputs->size);
    }
    if (side_by_side) {
        return srv_read_inputs_side_by_side(node, model, layer, err);
    }
    layer->input_count = inputs->size;
    layer->inputs = srv_arena_take(model->arena, inputs->size * sizeof *layer->inputs);
    if (layer->inputs == NULL) {
        return no_memory(err);
    }
    for (const srv_json *name = inputs->first; name != NULL && status == SRV_OK; name = name->next) {
        status = srv_graph_find_source(name, model, node->index, &layer->inputs[name->index], err);
    }
    return status;
}

srv_status srv_read_layer(const srv_json *node, const srv_safetensors *tensors, srv_model *model, srv_layer *layer,
                          srv_error *err) {
    const char *op;
    srv_status status;
    if ((status = srv_json_get_text(node, "name", &layer->name, err)) != SRV_OK ||
        (status = srv_json_get_text(node, "op", &op, err)) != SRV_OK) {
        return status;
    }
    const struct op_rule *rule = find_rule(op);
    if (rule == NULL) {
        return srv_json_fail(srv_json_get(node, "op"), err, "there is no layer %.60s", op);
    }
    layer->op = rule->op;
    bool side_by_side = layer->op == SRV_OP_DENSE || model->spread[node->index]; /* and their columns are known */
    if ((status = srv_json_only(node, rule->keys, err)) != SRV_OK ||
        (status = read_inputs(node, rule, side_by_side, model, layer, err)) != SRV_OK ||
        (status = read_activation(node, srv_json_get(node, "activation"), &layer->activation, err)) != SRV_OK ||
        (!side_by_side && (status = read_parameters(node, tensors, model->arena, layer, err)) != SRV_OK)) {
        return status;
    }
    layer->stride = (layer->columns + SRV_LANES - 1) / SRV_LANES * SRV_LANES;
    return SRV_OK;
}
