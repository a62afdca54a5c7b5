#include "trace.h"

#include "../run_forward.h"
#include "layer_gradients.h"

#include <string.h>

#define MAX_TRACE_FLOATS ((size_t)64 << 20) /* 256 MB */

static srv_source redirect(srv_source source, const size_t *place) {
    source.layer = source.external ? source.layer : place[source.layer];
    return source;
}

/* The layers written out; place[i] is where the rows of layer i are now. */
static bool write_out(const srv_model *model, srv_arena *arena, srv_model *out, size_t *place) {
    size_t count = 0;
    for (size_t i = 0; i < model->layer_count; i++) {
        if (model->layers[i].op == SRV_OP_SAME) {
            continue; /* nobody reads its rows: who would has been directed to what it reads */
        }
        srv_layer *layer = &out->layers[count++], *activation = layer;
        *layer = model->layers[i];
        layer->inputs = srv_arena_take(arena, (layer->input_count + 1) * sizeof *layer->inputs);
        if (layer->inputs == NULL) {
            return false;
        }
        for (size_t j = 0; j < layer->input_count; j++) {
            layer->inputs[j] = redirect(model->layers[i].inputs[j], place);
        }
        if (layer->op != SRV_OP_ACTIVATION && layer->activation.id != SRV_ACTIVATION_LINEAR) {
            activation = &out->layers[count++];
            *activation = (srv_layer){.name = layer->name,
                                      .op = SRV_OP_ACTIVATION,
                                      .input_count = 1,
                                      .inputs = srv_arena_take(arena, sizeof *activation->inputs),
                                      .columns = layer->columns,
                                      .stride = layer->stride,
                                      .activation = layer->activation};
            if (activation->inputs == NULL) {
                return false;
            }
            activation->inputs[0] = (srv_source){.layer = count - 2, .columns = layer->columns};
            layer->activation = (srv_activation){.id = SRV_ACTIVATION_LINEAR};
        }
        place[i] = count - 1;
    }
    out->layer_count = count;
    for (size_t i = 0; i < model->output_count; i++) {
        out->output[i] = model->output[i];
        out->output[i].source = redirect(model->output[i].source, place);
    }
    return true;
}

/* Gives each layer a slot, and a gradient. */
static srv_status place_layers(srv_trace *trace, srv_arena *arena, srv_error *err) {
    srv_model *model = &trace->model;
    size_t rows = trace->rows + SRV_MAX_HEIGHT, floats = 0, widest = 1, columns = 0;
    for (size_t i = 0; i < model->layer_count; i++) {
        srv_layer *layer = &model->layers[i];
        if (layer->stride > (MAX_TRACE_FLOATS - floats) / rows) {
            return srv_fail(err, SRV_TOO_LARGE, "the model has too many numbers between its layers to be explained");
        }
        layer->slot = floats;
        floats += rows * layer->stride;
        columns += layer->columns;
        widest = layer->columns > widest ? layer->columns : widest;
    }
    model->scratch_floats = floats + model->joined_floats + SRV_MAX_HEIGHT * model->input_columns_max;
    trace->gradient_count = columns;
    trace->scratch = srv_arena_take(arena, model->scratch_floats * sizeof *trace->scratch);
    trace->x = srv_arena_take(arena, trace->rows * model->width * sizeof *trace->x);
    trace->y = srv_arena_take(arena, trace->rows * model->outputs * sizeof *trace->y);
    trace->gradients = srv_arena_take(arena, (model->layer_count + 1) * sizeof *trace->gradients);
    trace->gradient_memory = srv_arena_take(arena, columns * sizeof *trace->gradient_memory);
    trace->gradient = srv_arena_take(arena, model->width * sizeof *trace->gradient);
    trace->work = srv_arena_take(arena, widest * sizeof *trace->work);
    if (trace->scratch == NULL || trace->x == NULL || trace->y == NULL || trace->gradients == NULL ||
        trace->gradient_memory == NULL || trace->gradient == NULL || trace->work == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    memset(trace->scratch, 0, model->scratch_floats * sizeof *trace->scratch);
    double *at = trace->gradient_memory;
    for (size_t i = 0; i < model->layer_count; i++) {
        trace->gradients[i] = at;
        at += model->layers[i].columns;
    }
    return SRV_OK;
}

srv_status srv_trace_new(const srv_model *model, size_t rows, srv_arena *arena, srv_trace *out, srv_error *err) {
    size_t *place = srv_arena_take(arena, model->layer_count * sizeof *place);
    *out = (srv_trace){.model = *model, .rows = rows < SRV_PASS_ROWS ? rows : SRV_PASS_ROWS};
    out->model.layers = srv_arena_take(arena, 2 * model->layer_count * sizeof *out->model.layers);
    out->model.output = srv_arena_take(arena, model->output_count * sizeof *out->model.output);
    if (place == NULL || out->model.layers == NULL || out->model.output == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    memset(place, 0, model->layer_count * sizeof *place);
    if (model->width > MAX_TRACE_FLOATS / out->rows || model->outputs > MAX_TRACE_FLOATS / out->rows) {
        return srv_fail(err, SRV_TOO_LARGE, "the model's rows are too wide to be explained");
    }
    if (!write_out(model, arena, &out->model, place)) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    return place_layers(out, arena, err);
}

void srv_trace_forward(srv_trace *trace, size_t count) {
    srv_run_forward(&trace->model, trace->x, count, trace->scratch, trace->y);
}

void srv_trace_backward(srv_trace *trace, size_t r, size_t output, size_t column) {
    const srv_model *model = &trace->model;
    memset(trace->gradient_memory, 0, trace->gradient_count * sizeof *trace->gradient_memory);
    memset(trace->gradient, 0, model->width * sizeof *trace->gradient);
    const srv_source *source = &model->output[output].source;
    srv_gradient_of(trace, source)[column] = 1;
    for (size_t i = source->external ? 0 : source->layer + 1; i-- > 0;) {
        srv_layer_backward(trace, r, i);
    }
}
