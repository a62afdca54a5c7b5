#include "run_forward.h"

#include "base/blas.h"

#include <string.h>

#define ELEMENT_NS 0.25 /* an operation without weights, per number: a guess that is small beside any product */

/* Rows of one layer's input, wherever they lie. */
typedef struct view {
    const float *rows;
    size_t stride;
} view;

static view source_rows(const srv_model *model, const srv_source *source, const float *x, const float *scratch) {
    if (source->external) {
        return (view){x + source->offset, model->width};
    }
    const srv_layer *layer = &model->layers[source->layer];
    return (view){scratch + layer->slot, layer->stride};
}

/* Several inputs of a dense layer, side by side. */
static view join_inputs(const srv_model *model, const srv_layer *layer, const float *x, const float *scratch,
                        size_t rows, float *joined) {
    size_t column = 0;
    for (size_t i = 0; i < layer->input_count; i++) {
        view in = source_rows(model, &layer->inputs[i], x, scratch);
        size_t columns = layer->inputs[i].columns;
        for (size_t r = 0; r < rows; r++) {
            memcpy(joined + r * layer->plan.depth + column, in.rows + r * in.stride, columns * sizeof *joined);
        }
        column += columns;
    }
    return (view){joined, layer->plan.depth};
}

/* What terms add to the columns of a block, computed with the request. */
static void add_terms(const srv_layer *layer, view terms, size_t begin, size_t rows, float *out) {
    size_t width = srv_plan_block_width(&layer->plan, begin / layer->plan.tile_columns);
    size_t real = layer->columns - begin < width ? layer->columns - begin : width;
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = begin; c < begin + real; c++) {
            out[r * layer->stride + c] += terms.rows[r * terms.stride + c];
        }
    }
}

/* A tile may read rows beyond the last: the layers' slots have room for that, the caller's x has not.  So the rows of
 * the last tile are copied to `edge` (SRV_MAX_HEIGHT rows) where x would be overrun. */
static void run_dense(const srv_layer *layer, const srv_activation_kernels *kernels, view in, bool external, view terms,
                      float *edge, size_t rows, float *out) {
    const srv_plan *plan = &layer->plan;
    size_t whole = rows, rest = 0;
    if (external && !plan->plain) {
        for (size_t left = rows; left > 0;) {
            size_t height = plan->heights[plan->next[left]];
            if (height > left) {
                rest = left;
                break;
            }
            left -= height;
        }
        whole = rows - rest;
        for (size_t r = 0; r < rest; r++) {
            memcpy(edge + r * plan->depth, in.rows + (whole + r) * in.stride, plan->depth * sizeof *edge);
        }
    }
    bool activate = layer->bias != NULL ||
                    (layer->activation.id != SRV_ACTIVATION_LINEAR && !srv_activation_is_rowwise(layer->activation.id));
    srv_activation elementwise = layer->activation;
    if (srv_activation_is_rowwise(layer->activation.id)) {
        elementwise = (srv_activation){.id = SRV_ACTIVATION_LINEAR};
    }
    for (size_t block = 0; block < srv_plan_blocks(plan); block++) {
        size_t begin = block * plan->tile_columns;
        srv_plan_run_block(plan, layer->kernel, block, in.rows, in.stride, whole, out, layer->stride);
        srv_plan_run_block(plan, layer->kernel, block, edge, plan->depth, rest, out + whole * layer->stride,
                           layer->stride);
        if (layer->product != NULL) {
            add_terms(layer, terms, begin, rows, out);
        }
        if (activate) { /* while the block is in the first-level cache */
            kernels->elementwise(&elementwise, out + begin, rows, srv_plan_block_width(plan, block), layer->stride,
                                 layer->bias != NULL ? layer->bias + begin : NULL, begin);
        }
    }
    if (srv_activation_is_rowwise(layer->activation.id)) {
        kernels->rowwise(&layer->activation, out, rows, layer->columns, layer->stride);
    }
}

static void combine(srv_op op, float *out, const float *in, size_t columns) {
    switch (op) {
    case SRV_OP_SUBTRACT:
        for (size_t c = 0; c < columns; c++) {
            out[c] -= in[c];
        }
        break;
    case SRV_OP_MULTIPLY:
        for (size_t c = 0; c < columns; c++) {
            out[c] *= in[c];
        }
        break;
    case SRV_OP_MAXIMUM: /* a NaN on either side wins, as in numpy.maximum */
        for (size_t c = 0; c < columns; c++) {
            out[c] = out[c] >= in[c] || out[c] != out[c] ? out[c] : in[c];
        }
        break;
    case SRV_OP_MINIMUM:
        for (size_t c = 0; c < columns; c++) {
            out[c] = out[c] <= in[c] || out[c] != out[c] ? out[c] : in[c];
        }
        break;
    default: /* ADD, and AVERAGE, which divides at the end */
        for (size_t c = 0; c < columns; c++) {
            out[c] += in[c];
        }
    }
}

/* The operations without weights of their own: the first input is copied, the others are combined into it. */
static void run_elementwise(const srv_model *model, const srv_layer *layer, const srv_activation_kernels *kernels,
                            const float *x, const float *scratch, size_t rows, float *out) {
    size_t column = 0;
    for (size_t i = 0; i < layer->input_count; i++) {
        const srv_source *source = &layer->inputs[i];
        view in = source_rows(model, source, x, scratch);
        for (size_t r = 0; r < rows; r++) {
            float *to = out + r * layer->stride + column;
            const float *from = in.rows + r * in.stride;
            if (i == 0 || layer->op == SRV_OP_CONCATENATE) {
                memcpy(to, from, source->columns * sizeof *to);
            } else {
                combine(layer->op, to, from, source->columns);
            }
        }
        column += layer->op == SRV_OP_CONCATENATE ? source->columns : 0;
    }
    for (size_t r = 0; r < rows; r++) {
        float *row = out + r * layer->stride;
        if (layer->op == SRV_OP_AVERAGE) {
            float count = (float)layer->input_count;
            for (size_t c = 0; c < layer->columns; c++) {
                row[c] /= count;
            }
        } else if (layer->op == SRV_OP_AFFINE) {
            for (size_t c = 0; c < layer->columns; c++) {
                row[c] = row[c] * layer->scale[c] + layer->bias[c];
            }
        }
        memset(row + layer->columns, 0, (layer->stride - layer->columns) * sizeof *row);
    }
    if (srv_activation_is_rowwise(layer->activation.id)) {
        kernels->rowwise(&layer->activation, out, rows, layer->columns, layer->stride);
    } else if (layer->activation.id != SRV_ACTIVATION_LINEAR) {
        kernels->elementwise(&layer->activation, out, rows, layer->stride, layer->stride, NULL, 0);
    }
}

void srv_run_forward(const srv_model *model, const float *x, size_t rows, float *scratch, float *y) {
    const srv_activation_kernels *kernels = srv_activation_kernels_for_cpu();
    float *edge = scratch + model->scratch_floats - SRV_MAX_HEIGHT * model->input_columns_max;
    while (rows > 0) {
        size_t pass = rows < SRV_PASS_ROWS ? rows : SRV_PASS_ROWS;
        srv_blas_begin();
        for (size_t i = 0; i < model->layer_count; i++) {
            const srv_layer *layer = &model->layers[i];
            float *out = scratch + layer->slot;
            if (layer->op == SRV_OP_DENSE) {
                bool several = layer->input_count > 1;
                view terms = {layer->product != NULL ? x + layer->product->to : NULL, model->width};
                view in = several ? join_inputs(model, layer, x, scratch, pass, edge - model->joined_floats)
                                  : source_rows(model, &layer->inputs[0], x, scratch);
                run_dense(layer, kernels, in, !several && layer->inputs[0].external, terms, edge, pass, out);
            } else if (layer->op != SRV_OP_SAME) {
                run_elementwise(model, layer, kernels, x, scratch, pass, out);
            }
        }
        srv_blas_end();
        for (size_t i = 0; i < model->output_count; i++) {
            const srv_output *output = &model->output[i];
            view from = source_rows(model, &output->source, x, scratch);
            for (size_t r = 0; r < pass; r++) {
                memcpy(y + r * model->outputs + output->offset, from.rows + r * from.stride,
                       output->source.columns * sizeof *y);
            }
        }
        x += pass * model->width;
        y += pass * model->outputs;
        rows -= pass;
    }
}

void srv_forward_predict_ns(srv_model *model) {
    for (size_t rows = 0; rows <= SRV_PASS_ROWS; rows++) {
        for (size_t i = 0; i < model->layer_count; i++) {
            const srv_layer *layer = &model->layers[i];
            model->pass_ns[rows] +=
                layer->op == SRV_OP_DENSE ? layer->plan.rows_ns[rows] : (double)(rows * layer->stride) * ELEMENT_NS;
        }
    }
}
