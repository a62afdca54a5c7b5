#include "run_forward.h"

#include "base/blas.h"
#include "run_operation.h"

#include <string.h>

/* An operation without a kernel, per number: guesses that are small beside any product */
#define ELEMENT_NS 0.25
#define POWER_NS 20.0

/* Several inputs of a dense layer, side by side. */
static srv_view join_inputs(const srv_model *model, const srv_layer *layer, const float *x, const float *scratch,
                            size_t rows, float *joined) {
    size_t column = 0;
    for (size_t i = 0; i < layer->input_count; i++) {
        srv_view in = srv_source_rows(model, &layer->inputs[i], x, scratch);
        size_t columns = layer->inputs[i].columns;
        for (size_t r = 0; r < rows; r++) {
            memcpy(joined + r * layer->plan.depth + column, in.rows + r * in.stride, columns * sizeof *joined);
        }
        column += columns;
    }
    return (srv_view){joined, layer->plan.depth};
}

/* What terms add to the columns of a block, computed with the request. */
static void add_terms(const srv_layer *layer, srv_view terms, size_t begin, size_t rows, float *out) {
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
static void run_dense(const srv_layer *layer, const srv_activation_kernels *kernels, srv_view in, bool external,
                      srv_view terms, float *edge, size_t rows, float *out) {
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
                srv_view terms = {layer->product != NULL ? x + layer->product->to : NULL, model->width};
                srv_view in = several ? join_inputs(model, layer, x, scratch, pass, edge - model->joined_floats)
                                      : srv_source_rows(model, &layer->inputs[0], x, scratch);
                run_dense(layer, kernels, in, !several && layer->inputs[0].external, terms, edge, pass, out);
            } else if (layer->op != SRV_OP_SAME) {
                srv_run_operation(model, layer, kernels, x, scratch, pass, out);
            }
        }
        srv_blas_end();
        for (size_t i = 0; i < model->output_count; i++) {
            const srv_output *output = &model->output[i];
            srv_view from = srv_source_rows(model, &output->source, x, scratch);
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
            double element = layer->op == SRV_OP_POWER ? POWER_NS : ELEMENT_NS;
            size_t columns = layer->stride;
            for (size_t input = 0; input < layer->input_count; input++) {
                columns = layer->inputs[input].columns > columns ? layer->inputs[input].columns : columns;
            }
            model->pass_ns[rows] +=
                layer->op == SRV_OP_DENSE ? layer->plan.rows_ns[rows] : (double)(rows * columns) * element;
        }
    }
}
