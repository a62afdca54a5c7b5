#include "graph.h"

#include "block_use.h"
#include "dense_inputs.h"
#include "layers.h"
#include "table_input.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t padded(size_t columns) {
    return (columns + SRV_LANES - 1) / SRV_LANES * SRV_LANES;
}

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

/* A non-empty array of objects under that key. */
static srv_status get_objects(const srv_json *root, const char *key, size_t max, const srv_json **out, srv_error *err) {
    srv_status status = srv_json_get_array(root, key, out, err);
    if (status != SRV_OK) {
        return status;
    }
    if ((*out)->size == 0 || (*out)->size > max) {
        return srv_json_fail(*out, err, "expected 1 to %zu entries, not %zu", max, (*out)->size);
    }
    for (const srv_json *node = (*out)->first; node != NULL; node = node->next) {
        if (node->type != SRV_JSON_OBJECT) {
            return srv_json_fail(node, err, "expected an object, not %s", srv_json_type_name(node->type));
        }
    }
    return SRV_OK;
}

static srv_status read_input(const srv_json *node, srv_model *model, srv_input_spec *out, srv_error *err) {
    static const char *const keys[] = {"name", "kind", "dtype", "shape", "image", NULL};
    const char *kind;
    const srv_json *shape;
    srv_status status;
    if ((status = srv_json_get_text(node, "name", &out->name, err)) != SRV_OK ||
        (status = srv_json_get_text(node, "kind", &kind, err)) != SRV_OK) {
        return status;
    }
    if (strcmp(kind, "table") == 0 || strcmp(kind, "text") == 0) {
        return srv_read_table_input(node, model->arena, out, err);
    }
    if (strcmp(kind, "tensor") != 0) {
        return srv_json_fail(srv_json_get(node, "kind"), err, "the kind is %.40s; expected tensor, table or text",
                             kind);
    }
    if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
        (status = srv_json_get_array(node, "shape", &shape, err)) != SRV_OK) {
        return status;
    }
    if (shape->size == 0 || shape->size > SRV_MAX_RANK) {
        return srv_json_fail(shape, err, "expected 1 to %d dimensions, not %zu", SRV_MAX_RANK, shape->size);
    }
    out->rank = shape->size;
    out->features = 1;
    for (const srv_json *dim = shape->first; dim != NULL; dim = dim->next) {
        if (dim->type != SRV_JSON_NUMBER || dim->number < 1 || dim->number > (double)SRV_MAX_FEATURES ||
            dim->number != floor(dim->number)) {
            return srv_json_fail(dim, err, "a dimension must be a whole number from 1 to %zu", SRV_MAX_FEATURES);
        }
        out->shape[dim->index] = (size_t)dim->number;
        out->features *= out->shape[dim->index];
        if (out->features > SRV_MAX_FEATURES) {
            return srv_json_fail(shape, err, "a row has more than %zu numbers", SRV_MAX_FEATURES);
        }
    }
    const srv_json *image = srv_json_get(node, "image");
    if (image != NULL) {
        if (node->parent->size > 1) {
            return srv_json_fail(image, err, "a picture must be the model's only input");
        }
        out->takes_image = true;
        return srv_image_compile(image, out->features, model->arena, &model->image, err);
    }
    return SRV_OK;
}

srv_status srv_graph_read_inputs(const srv_json *root, const srv_safetensors *tensors, srv_model *model,
                                 srv_error *err) {
    const srv_json *inputs;
    srv_status status = get_objects(root, "inputs", 256, &inputs, err);
    if (status != SRV_OK) {
        return status;
    }
    model->input_count = inputs->size;
    model->inputs = srv_arena_take(model->arena, inputs->size * sizeof *model->inputs);
    if (model->inputs == NULL) {
        return no_memory(err);
    }
    memset(model->inputs, 0, inputs->size * sizeof *model->inputs);
    bool tables = false;
    for (const srv_json *node = inputs->first; node != NULL; node = node->next) {
        srv_input_spec *input = &model->inputs[node->index];
        status = read_input(node, model, input, err);
        if (status != SRV_OK) {
            return status;
        }
        for (size_t i = 0; i < node->index; i++) {
            if (strcmp(model->inputs[i].name, input->name) == 0) {
                return srv_json_fail(srv_json_get(node, "name"), err, "there is another input of that name");
            }
        }
        model->features += input->features;
        tables |= input->table != NULL;
    }
    if (model->features > SRV_MAX_FEATURES) {
        return srv_json_fail(inputs, err, "a row has more than %zu numbers", SRV_MAX_FEATURES);
    }
    model->row = model->inputs[0];
    if (model->input_count > 1) {
        model->row =
            (srv_input_spec){.name = "row", .rank = 1, .shape = {model->features}, .features = model->features};
        status = tables
                     ? srv_join_tables(model->inputs, model->input_count, inputs, model->arena, &model->row.table, err)
                     : SRV_OK;
    }
    if (status == SRV_OK) {
        status = srv_preprocess_compile(srv_json_get(root, "preprocess"), model->inputs, model->input_count, tensors,
                                        model->arena, &model->preprocess, err);
    }
    return status == SRV_OK ? srv_place_blocks(root, model, err) : status;
}

srv_status srv_graph_find_source(const srv_json *name, const srv_model *model, size_t before, srv_source *out,
                                 srv_error *err) {
    if (name == NULL || name->type != SRV_JSON_STRING) {
        return srv_json_fail(name, err, "expected the name of an input or of an earlier layer");
    }
    const srv_block_place *place = srv_find_block_place(model, name->text);
    if (place != NULL) { /* whole, as something else than dense layers reads it */
        *out = (srv_source){.external = true, .offset = place->parts->at, .columns = place->columns};
        return SRV_OK;
    }
    for (size_t i = 0; i < before; i++) {
        const srv_layer *layer = &model->layers[i];
        if (strcmp(layer->name, name->text) == 0) {
            if (layer->op == SRV_OP_SAME) {
                *out = layer->inputs[0];
            } else {
                *out = (srv_source){.layer = i, .columns = layer->columns};
            }
            return SRV_OK;
        }
    }
    return srv_json_fail(name, err, "there is no input or earlier layer named %.100s", name->text);
}

srv_status srv_graph_read_layers(const srv_json *root, const srv_safetensors *tensors, srv_model *model,
                                 srv_error *err) {
    const srv_json *layers;
    srv_status status = get_objects(root, "layers", SRV_MAX_LAYERS, &layers, err);
    if (status != SRV_OK) {
        return status;
    }
    model->layers = srv_arena_take(model->arena, layers->size * sizeof *model->layers);
    if (model->layers == NULL) {
        return no_memory(err);
    }
    memset(model->layers, 0, layers->size * sizeof *model->layers);
    model->layer_count = layers->size;
    for (const srv_json *node = layers->first; node != NULL; node = node->next) {
        status = srv_read_layer(node, tensors, model, &model->layers[node->index], err);
        for (size_t i = 0; i < node->index && status == SRV_OK; i++) {
            if (strcmp(model->layers[i].name, model->layers[node->index].name) == 0) {
                status = srv_json_fail(srv_json_get(node, "name"), err, "there is another layer of that name");
            }
        }
        if (status != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

static srv_status read_labels(const srv_json *node, size_t columns, srv_model *model, srv_output *out, srv_error *err) {
    const srv_json *labels = srv_json_get(node, "labels");
    if (labels == NULL || labels->type == SRV_JSON_NULL) {
        return SRV_OK;
    }
    /* One column is a yes-or-no score: the labels of 0 and of 1. */
    size_t wanted = columns == 1 ? 2 : columns;
    if (labels->type != SRV_JSON_ARRAY || labels->size != wanted) {
        return srv_json_fail(labels, err, "expected %zu labels, %s", wanted,
                             columns == 1 ? "of 0 and of 1" : "one per column of the layer");
    }
    const char **texts = srv_arena_take(model->arena, labels->size * sizeof *texts);
    if (texts == NULL) {
        return no_memory(err);
    }
    for (const srv_json *label = labels->first; label != NULL; label = label->next) {
        if (label->type != SRV_JSON_STRING) {
            return srv_json_fail(label, err, "a label must be a string, not %s", srv_json_type_name(label->type));
        }
        texts[label->index] = label->text;
    }
    out->labels = texts;
    return SRV_OK;
}

srv_status srv_graph_read_outputs(const srv_json *root, srv_model *model, srv_error *err) {
    static const char *const keys[] = {"name", "layer", "labels", NULL};
    const srv_json *outputs;
    srv_status status = get_objects(root, "outputs", 256, &outputs, err);
    if (status != SRV_OK) {
        return status;
    }
    model->output = srv_arena_take(model->arena, outputs->size * sizeof *model->output);
    const char **names = srv_arena_take(model->arena, outputs->size * sizeof *names);
    if (model->output == NULL || names == NULL) {
        return no_memory(err);
    }
    memset(model->output, 0, outputs->size * sizeof *model->output);
    model->output_count = outputs->size;
    for (const srv_json *node = outputs->first; node != NULL; node = node->next) {
        srv_output *output = &model->output[node->index];
        if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
            (status = srv_json_get_text(node, "name", &output->name, err)) != SRV_OK) {
            return status;
        }
        const srv_json *layer = srv_json_get(node, "layer");
        status = srv_graph_find_source(layer != NULL ? layer : node, model, model->layer_count, &output->source, err);
        if (status != SRV_OK) {
            return status;
        }
        for (size_t i = 0; i < node->index; i++) {
            if (strcmp(names[i], output->name) == 0) {
                return srv_json_fail(srv_json_get(node, "name"), err, "there is another output of that name");
            }
        }
        names[node->index] = output->name;
        output->offset = model->outputs;
        model->outputs += output->source.columns;
        status = read_labels(node, output->source.columns, model, output, err);
        if (status != SRV_OK) {
            return status;
        }
    }
    model->signature = (srv_signature){.inputs = model->inputs,
                                       .input_count = model->input_count,
                                       .row = &model->row,
                                       .outputs = names,
                                       .output_count = model->output_count};
    return SRV_OK;
}

srv_status srv_graph_place(srv_model *model, srv_error *err) {
    size_t n = model->layer_count, slots = 0;
    size_t *last_use = srv_calloc(n + 1, sizeof *last_use);   /* the last layer that reads layer i's rows */
    size_t *width = srv_calloc(n + 1, sizeof *width);         /* of each slot, in floats per row */
    size_t *owner_end = srv_calloc(n + 1, sizeof *owner_end); /* the slot is free for layers after this one */
    size_t *slot_of = srv_calloc(n + 1, sizeof *slot_of);
    srv_status status = SRV_OK;
    if (last_use == NULL || width == NULL || owner_end == NULL || slot_of == NULL) {
        status = no_memory(err);
        goto cleanup;
    }
    for (size_t i = 0; i < n; i++) {
        last_use[i] = i;
        for (size_t j = 0; j < model->layers[i].input_count; j++) {
            const srv_source *source = &model->layers[i].inputs[j];
            if (!source->external) {
                last_use[source->layer] = i;
            } else if (model->layers[i].op == SRV_OP_DENSE && source->columns > model->input_columns_max) {
                model->input_columns_max = source->columns;
            }
        }
    }
    for (size_t i = 0; i < model->output_count; i++) {
        if (!model->output[i].source.external) {
            last_use[model->output[i].source.layer] = n;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (model->layers[i].op == SRV_OP_SAME) {
            continue;
        }
        size_t slot = 0;
        while (slot < slots && owner_end[slot] >= i) { /* a layer never overwrites what it reads */
            slot++;
        }
        slots += slot == slots;
        slot_of[i] = slot;
        owner_end[slot] = last_use[i];
        width[slot] = model->layers[i].stride > width[slot] ? model->layers[i].stride : width[slot];
    }
    size_t rows = SRV_PASS_ROWS + SRV_MAX_HEIGHT, total = 0;
    for (size_t slot = 0; slot < slots; slot++) {
        size_t begin = total;
        total += rows * width[slot];
        width[slot] = begin;
    }
    for (size_t i = 0; i < n; i++) {
        model->layers[i].slot = width[slot_of[i]];
    }
    for (size_t i = 0; i < n; i++) {
        const srv_layer *layer = &model->layers[i];
        size_t joined = layer->op == SRV_OP_DENSE && layer->input_count > 1 ? padded(srv_layer_depth(layer)) * rows : 0;
        model->joined_floats = joined > model->joined_floats ? joined : model->joined_floats;
    }
    size_t edge_columns = padded(model->input_columns_max);
    model->input_columns_max = edge_columns;
    model->scratch_floats = total + model->joined_floats + SRV_MAX_HEIGHT * edge_columns;
cleanup:
    srv_free(last_use);
    srv_free(width);
    srv_free(owner_end);
    srv_free(slot_of);
    return status;
}
