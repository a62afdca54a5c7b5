#include "weights.h"

#include "dense_inputs.h"
#include "plan_cache.h"

#include <math.h>
#include <string.h>

#define ROWS_AT_ONCE 64 /* of a kernel, between the file and its packed place */

/* What one layer's weights come from; found and checked first, read when all sizes are known. */
typedef struct parts {
    const srv_json *node;
    const srv_tensor *kernel, *bias, *slope;          /* dense; prelu */
    const srv_tensor *mean, *variance, *gamma, *beta; /* normalisations */
    const srv_tensor *value;                          /* constant */
    size_t folded;                                    /* dense: 1 + index of the normalisation folded into it */
} parts;

/* Points err at the field that named the tensor. */
static srv_status want(const srv_safetensors *tensors, const srv_json *node, const char *key, bool optional,
                       size_t rank, const size_t *shape, const srv_tensor **out, srv_error *err) {
    const srv_json *field = srv_json_get(node, key);
    const char *name;
    *out = NULL;
    if (optional && (field == NULL || field->type == SRV_JSON_NULL)) {
        return SRV_OK;
    }
    srv_status status = srv_json_get_text(node, key, &name, err);
    if (status == SRV_OK) {
        status = srv_safetensors_want(tensors, name, rank, shape, out, err);
        if (status != SRV_OK && err != NULL) {
            char pointer[sizeof err->where];
            srv_json_pointer(field, pointer, sizeof pointer);
            srv_error_where(err, "%s", pointer);
        }
    }
    return status;
}

/* Some keys are no layer's but one's: model/layers.c has seen to that. */
static srv_status find_parts(const srv_safetensors *tensors, const srv_layer *layer, parts *p, srv_error *err) {
    const srv_json *node = p->node;
    size_t columns = layer->columns, kernel_shape[2] = {layer->kernel_rows, columns};
    srv_status status = SRV_OK;
    switch (layer->product != NULL ? SRV_OP_DENSE : layer->op) { /* one that reads terms alone is an activation */
    case SRV_OP_DENSE:
        status = want(tensors, node, "kernel", false, 2, kernel_shape, &p->kernel, err);
        if (status == SRV_OK) {
            status = want(tensors, node, "bias", true, 1, &columns, &p->bias, err);
        }
        break;
    case SRV_OP_AFFINE:
        if ((status = want(tensors, node, "mean", false, 1, &columns, &p->mean, err)) != SRV_OK ||
            (status = want(tensors, node, "variance", false, 1, &columns, &p->variance, err)) != SRV_OK) {
            break;
        }
        /* fallthrough */
    case SRV_OP_LAYER_NORMALIZATION:
    case SRV_OP_RMS_NORMALIZATION:
        if ((status = want(tensors, node, "gamma", true, 1, &columns, &p->gamma, err)) == SRV_OK) {
            status = want(tensors, node, "beta", true, 1, &columns, &p->beta, err);
        }
        break;
    case SRV_OP_CONSTANT:
        status = want(tensors, node, "value", false, 1, &columns, &p->value, err);
        break;
    default:
        break;
    }
    if (status == SRV_OK && layer->activation.id == SRV_ACTIVATION_PRELU) {
        status = want(tensors, srv_json_get(node, "activation"), "slope", false, 1, &columns, &p->slope, err);
    }
    return status;
}

static size_t consumers(const srv_model *model, size_t layer) {
    size_t count = 0;
    for (size_t i = 0; i < model->layer_count; i++) {
        for (size_t j = 0; j < model->layers[i].input_count; j++) {
            count += model->layers[i].op != SRV_OP_SAME && !model->layers[i].inputs[j].external &&
                     model->layers[i].inputs[j].layer == layer;
        }
    }
    for (size_t i = 0; i < model->output_count; i++) {
        count += !model->output[i].source.external && model->output[i].source.layer == layer;
    }
    return count;
}

static void redirect(srv_source *source, size_t from, size_t to) {
    if (!source->external && source->layer == from) {
        source->layer = to;
    }
}

/* A normalisation whose only input is a linear dense layer that nobody else reads becomes part of that layer. */
static void fold(srv_model *model, parts *all) {
    for (size_t i = 0; i < model->layer_count; i++) {
        srv_layer *affine = &model->layers[i];
        if (affine->op != SRV_OP_AFFINE || affine->inputs[0].external) {
            continue;
        }
        size_t d = affine->inputs[0].layer;
        srv_layer *dense = &model->layers[d];
        if (dense->op != SRV_OP_DENSE || dense->activation.id != SRV_ACTIVATION_LINEAR || all[d].folded != 0 ||
            dense->product != NULL || consumers(model, d) != 1) {
            continue;
        }
        all[d].folded = i + 1;
        affine->op = SRV_OP_SAME;
        for (size_t j = 0; j < model->layer_count; j++) {
            for (size_t k = 0; k < model->layers[j].input_count; k++) {
                redirect(&model->layers[j].inputs[k], i, d);
            }
        }
        for (size_t j = 0; j < model->output_count; j++) {
            redirect(&model->output[j].source, i, d);
        }
    }
}

/* x · scale + shift = gamma · (x − mean) / √(variance + epsilon) + beta, in double, as it is done once. */
static void affine_terms(const parts *p, double epsilon, size_t column, double *scale, double *shift) {
    float mean, variance, gamma = 1, beta = 0;
    srv_tensor_read(p->mean, column, 1, &mean);
    srv_tensor_read(p->variance, column, 1, &variance);
    if (p->gamma != NULL) {
        srv_tensor_read(p->gamma, column, 1, &gamma);
    }
    if (p->beta != NULL) {
        srv_tensor_read(p->beta, column, 1, &beta);
    }
    *scale = (double)gamma / sqrt((double)variance + epsilon);
    *shift = (double)beta - (double)mean * *scale;
}

static void read_dense(const srv_layer *layer, const parts *p, const parts *normalisation, double epsilon, float *rows,
                       double *scales, float *packed, float *bias) {
    size_t columns = layer->columns;
    if (bias != NULL && p->bias != NULL) {
        srv_tensor_read(p->bias, 0, columns, bias);
    }
    for (size_t c = 0; normalisation != NULL && c < columns; c++) {
        double shift;
        affine_terms(normalisation, epsilon, c, &scales[c], &shift);
        bias[c] = (float)((double)bias[c] * scales[c] + shift);
    }
    for (size_t r = 0, packed_rows = 0; r < layer->range_count; r++) {
        size_t end = layer->ranges[r].first + layer->ranges[r].count, count;
        for (size_t first = layer->ranges[r].first; first < end; first += count, packed_rows += count) {
            count = end - first < ROWS_AT_ONCE ? end - first : ROWS_AT_ONCE;
            srv_tensor_read(p->kernel, first * columns, count * columns, rows);
            for (size_t i = 0; normalisation != NULL && i < count * columns; i++) {
                rows[i] = (float)((double)rows[i] * scales[i % columns]);
            }
            srv_plan_pack(&layer->plan, rows, packed_rows, count, packed);
        }
    }
}

static void read_affine(const srv_layer *layer, const parts *p, float *scale, float *shift) {
    for (size_t c = 0; c < layer->columns; c++) {
        double exact_scale, exact_shift;
        affine_terms(p, layer->epsilon, c, &exact_scale, &exact_shift);
        scale[c] = (float)exact_scale;
        shift[c] = (float)exact_shift;
    }
}

static void read_if(const srv_tensor *tensor, size_t columns, float *out) {
    if (tensor != NULL) {
        srv_tensor_read(tensor, 0, columns, out);
    }
}

/* Layers of one shape share one search. */
static srv_status plan_layer(srv_model *model, size_t index, const char *plan_cache, srv_error *err) {
    srv_layer *layer = &model->layers[index];
    for (size_t i = 0; i < index; i++) {
        const srv_layer *earlier = &model->layers[i];
        if (earlier->op == SRV_OP_DENSE && earlier->plan.depth == srv_layer_depth(layer) &&
            earlier->plan.columns == layer->columns) {
            layer->plan = earlier->plan;
            return SRV_OK;
        }
    }
    layer->plan = srv_plan_of_shape(srv_layer_depth(layer), layer->columns);
    if (srv_plan_cache_read(plan_cache, &layer->plan)) {
        return SRV_OK;
    }
    srv_status status = srv_plan_find(&layer->plan, err);
    if (status == SRV_OK) {
        srv_plan_cache_write(plan_cache, &layer->plan);
    }
    return status;
}

/* Hands out pieces of the block; with block == NULL it only counts. */
typedef struct carver {
    float *block;
    size_t floats;
} carver;

static float *carve(carver *c, size_t floats) {
    float *piece = c->block != NULL ? c->block + c->floats : NULL;
    c->floats += (floats + SRV_LANES - 1) / SRV_LANES * SRV_LANES;
    return piece;
}

static void carve_layer(carver *c, srv_layer *layer, const parts *p, float **kernel, float **bias, float **scale,
                        float **slope) {
    bool dense = layer->op == SRV_OP_DENSE, affine = layer->op == SRV_OP_AFFINE;
    bool normalises = layer->op == SRV_OP_LAYER_NORMALIZATION || layer->op == SRV_OP_RMS_NORMALIZATION;
    bool has_bias = affine || ((dense || layer->product != NULL) && (p->bias != NULL || p->folded != 0)) ||
                    (normalises && p->beta != NULL) || layer->op == SRV_OP_CONSTANT;
    *kernel = dense ? carve(c, srv_plan_kernel_size(&layer->plan)) : NULL;
    *bias = has_bias ? carve(c, layer->stride) : NULL;
    *scale = affine || (normalises && p->gamma != NULL) ? carve(c, layer->stride) : NULL;
    *slope = p->slope != NULL ? carve(c, layer->stride) : NULL;
}

/* The kernel's rows for the terms, as they are in the file, and the bias. */
static void read_product(carver *c, const srv_layer *layer, const parts *p, const float *bias) {
    for (size_t i = 0; layer->product != NULL && i < layer->product->part_count; i++) {
        srv_product_part *part = &layer->product->parts[i];
        size_t floats = part->columns * layer->columns;
        float *kernel = carve(c, floats);
        if (kernel != NULL) {
            srv_tensor_read(p->kernel, part->first_row * layer->columns, floats, kernel);
        }
        part->kernel = kernel;
    }
    if (layer->product != NULL) {
        layer->product->bias = bias;
    }
}

srv_status srv_weights_read(const srv_json *root, const srv_safetensors *tensors, const char *plan_cache,
                            srv_model *model, srv_error *err) {
    srv_status status = SRV_OK;
    size_t widest = 0;
    carver counter = {0}, carver_ = {0};
    float *rows = NULL;
    double *scales = NULL;
    parts *all = srv_calloc(model->layer_count, sizeof *all);
    if (all == NULL) {
        status = srv_fail(err, SRV_NO_MEMORY, "out of memory");
        goto cleanup;
    }
    for (const srv_json *node = srv_json_get(root, "layers")->first; node != NULL; node = node->next) {
        srv_layer *layer = &model->layers[node->index];
        all[node->index].node = node;
        if ((status = find_parts(tensors, layer, &all[node->index], err)) != SRV_OK) {
            goto cleanup;
        }
        if (layer->op == SRV_OP_DENSE && (status = plan_layer(model, node->index, plan_cache, err)) != SRV_OK) {
            goto cleanup;
        }
        widest = layer->op != SRV_OP_SAME && layer->columns > widest ? layer->columns : widest;
    }
    fold(model, all);
    float *kernel, *bias, *scale, *slope;
    for (size_t i = 0; i < model->layer_count; i++) {
        carve_layer(&counter, &model->layers[i], &all[i], &kernel, &bias, &scale, &slope);
        read_product(&counter, &model->layers[i], &all[i], NULL);
    }
    model->weight_bytes = counter.floats * sizeof(float);
    carver_.block = model->weights = srv_calloc(counter.floats + SRV_LANES, sizeof(float));
    rows = srv_malloc(ROWS_AT_ONCE * widest * sizeof *rows);
    scales = srv_malloc(widest * sizeof *scales);
    if (model->weights == NULL || rows == NULL || scales == NULL) {
        status = srv_fail(err, SRV_NO_MEMORY, "out of memory: the weights take %zu bytes", model->weight_bytes);
        goto cleanup;
    }
    for (size_t i = 0; i < model->layer_count; i++) {
        srv_layer *layer = &model->layers[i];
        const parts *p = &all[i];
        carve_layer(&carver_, layer, p, &kernel, &bias, &scale, &slope);
        if (layer->product != NULL) {
            if (bias != NULL) {
                srv_tensor_read(p->bias, 0, layer->columns, bias);
            }
            read_product(&carver_, layer, p, bias);
            bias = NULL;
        }
        if (layer->op == SRV_OP_DENSE) {
            size_t n = p->folded;
            read_dense(layer, p, n != 0 ? &all[n - 1] : NULL, n != 0 ? model->layers[n - 1].epsilon : 0, rows, scales,
                       kernel, bias);
        } else if (layer->op == SRV_OP_AFFINE) {
            read_affine(layer, p, scale, bias);
        } else if (layer->op == SRV_OP_CONSTANT) {
            srv_tensor_read(p->value, 0, layer->columns, bias);
        } else if (layer->op != SRV_OP_SAME) { /* there, a normalisation that was folded keeps its tensors */
            read_if(p->gamma, layer->columns, scale);
            read_if(p->beta, layer->columns, bias);
        }
        read_if(p->slope, layer->columns, slope);
        layer->kernel = kernel;
        layer->bias = bias;
        layer->scale = scale;
        layer->activation.slope = slope;
        const srv_tensor *counted[] = {p->kernel, p->bias, p->slope, p->mean, p->variance, p->gamma, p->beta, p->value};
        for (size_t t = 0; t < sizeof counted / sizeof counted[0]; t++) {
            model->parameters += counted[t] != NULL ? counted[t]->count : 0;
        }
    }
cleanup:
    srv_free(all);
    srv_free(rows);
    srv_free(scales);
    return status;
}
