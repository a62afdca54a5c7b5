#include "layer_gradients.h"

#include "../run_operation.h"
#include "activation_gradients.h"

#include <math.h>

static const float *row_of(const srv_trace *trace, const srv_source *source, size_t r) {
    srv_view view = srv_source_rows(&trace->model, source, trace->x, trace->scratch);
    return view.rows + r * view.stride;
}

/* Σ g · w, in lanes, so that compilers vectorise it. */
static double dot(const double *g, const float *w, size_t count) {
    double lanes[8] = {0}, sum = 0;
    size_t whole = count / 8 * 8;
    for (size_t c = 0; c < whole; c += 8) {
        for (size_t i = 0; i < 8; i++) {
            lanes[i] += g[c + i] * (double)w[c + i];
        }
    }
    for (size_t c = whole; c < count; c++) {
        sum += g[c] * (double)w[c];
    }
    for (size_t i = 0; i < 8; i++) {
        sum += lanes[i];
    }
    return sum;
}

static void dense(srv_trace *trace, const srv_layer *layer, const double *g) {
    const srv_plan *plan = &layer->plan;
    for (size_t block = 0; block < srv_plan_blocks(plan); block++) {
        size_t begin = block * plan->tile_columns, width = srv_plan_block_width(plan, block);
        size_t real = begin >= layer->columns ? 0 : layer->columns - begin < width ? layer->columns - begin : width;
        const float *kernel = layer->kernel + begin * plan->depth;
        for (size_t i = 0; i < layer->input_count; i++) {
            double *to = srv_gradient_of(trace, &layer->inputs[i]);
            for (size_t k = 0; k < layer->inputs[i].columns; k++, kernel += width) {
                to[k] += dot(g + begin, kernel, real);
            }
        }
    }
    for (size_t c = 0; layer->product != NULL && c < layer->columns; c++) {
        trace->gradient[layer->product->to + c] += g[c];
    }
}

/* --- element by element ------------------------------------------------------------------------------------------ */

/* One input of a merge, of which a single column may be spread over all. */
typedef struct operand {
    const float *x;
    double *to;
    size_t step; /* 1, or 0 if it is spread */
} operand;

static operand operand_of(srv_trace *trace, const srv_layer *layer, size_t input, size_t r) {
    const srv_source *source = &layer->inputs[input];
    return (operand){row_of(trace, source, r), srv_gradient_of(trace, source), source->columns == layer->columns};
}

/* The same factor for every column of an input. */
static void add_scaled(srv_trace *trace, const srv_layer *layer, size_t input, const double *g, double factor) {
    operand a = operand_of(trace, layer, input, 0);
    for (size_t c = 0; c < layer->columns; c++) {
        a.to[c * a.step] += g[c] * factor;
    }
}

static void multiply(srv_trace *trace, const srv_layer *layer, const double *g, size_t r) {
    for (size_t i = 0; i < layer->input_count; i++) {
        for (size_t c = 0; c < layer->columns; c++) {
            trace->work[c] = g[c];
        }
        for (size_t j = 0; j < layer->input_count; j++) {
            operand other = operand_of(trace, layer, j, r);
            for (size_t c = 0; c < layer->columns && j != i; c++) {
                trace->work[c] *= (double)other.x[c * other.step];
            }
        }
        add_scaled(trace, layer, i, trace->work, 1);
    }
}

static void divide(srv_trace *trace, const srv_layer *layer, const double *g, size_t r) {
    operand a = operand_of(trace, layer, 0, r), b = operand_of(trace, layer, 1, r);
    for (size_t c = 0; c < layer->columns; c++) {
        double x = (double)a.x[c * a.step], by = (double)b.x[c * b.step];
        a.to[c * a.step] += g[c] != 0 ? g[c] / by : 0;
        b.to[c * b.step] -= g[c] != 0 ? g[c] * x / (by * by) : 0;
    }
}

static void power(srv_trace *trace, const srv_layer *layer, const double *g, size_t r) {
    operand a = operand_of(trace, layer, 0, r), b = operand_of(trace, layer, 1, r);
    for (size_t c = 0; c < layer->columns; c++) {
        double x = (double)a.x[c * a.step], exponent = (double)b.x[c * b.step];
        a.to[c * a.step] += g[c] != 0 && exponent != 0 ? g[c] * exponent * pow(x, exponent - 1) : 0;
        b.to[c * b.step] += g[c] != 0 && x > 0 ? g[c] * pow(x, exponent) * log(x) : 0;
    }
}

/* Of a maximum or minimum: the first input that has it. */
static void extremum(srv_trace *trace, const srv_layer *layer, const double *g, size_t r) {
    const float *y = trace->scratch + layer->slot + r * layer->stride;
    for (size_t c = 0; c < layer->columns; c++) {
        trace->work[c] = g[c];
    }
    for (size_t i = 0; i < layer->input_count; i++) {
        operand a = operand_of(trace, layer, i, r);
        for (size_t c = 0; c < layer->columns; c++) {
            if (a.x[c * a.step] == y[c]) {
                a.to[c * a.step] += trace->work[c];
                trace->work[c] = 0;
            }
        }
    }
}

/* --- over the columns of a row ----------------------------------------------------------------------------------- */

/* y = scale · (x − mean) · f + bias with f = 1/√(variance + epsilon); without a mean, its part is missing. */
static void normalize_layer(const srv_layer *layer, const float *x, const double *g, double *to) {
    const size_t columns = layer->columns;
    double mean = 0, variance = 0, sum = 0, product = 0;
    for (size_t c = 0; c < columns && layer->op == SRV_OP_LAYER_NORMALIZATION; c++) {
        mean += (double)x[c] / (double)columns;
    }
    for (size_t c = 0; c < columns; c++) {
        variance += ((double)x[c] - mean) * ((double)x[c] - mean) / (double)columns;
    }
    const double f = 1 / sqrt(variance + layer->epsilon);
    for (size_t c = 0; c < columns; c++) {
        double scaled = g[c] * (layer->scale != NULL ? (double)layer->scale[c] : 1);
        sum += scaled / (double)columns;
        product += scaled * ((double)x[c] - mean) * f / (double)columns;
    }
    sum = layer->op == SRV_OP_LAYER_NORMALIZATION ? sum : 0;
    for (size_t c = 0; c < columns; c++) {
        double scaled = g[c] * (layer->scale != NULL ? (double)layer->scale[c] : 1);
        to[c] += f * (scaled - sum - ((double)x[c] - mean) * f * product);
    }
}

static double sign_of(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}

/* y = x / n: through x, and through the norm n unless epsilon has taken its place. */
static void normalise(const srv_layer *layer, const float *x, const double *g, double *to) {
    const size_t columns = layer->columns;
    double norm = 0, product = 0;
    size_t greatest = 0;
    for (size_t c = 0; c < columns; c++) {
        double size = fabs((double)x[c]);
        greatest = size > fabs((double)x[greatest]) ? c : greatest;
        norm += layer->function == SRV_FUNCTION_L1 ? size : size * size;
        product += g[c] * (double)x[c];
    }
    norm = layer->function == SRV_FUNCTION_L1   ? norm
           : layer->function == SRV_FUNCTION_L2 ? sqrt(norm)
                                                : fabs((double)x[greatest]);
    bool constant = norm < layer->epsilon || norm == 0;
    norm = norm < layer->epsilon ? layer->epsilon : norm;
    norm = norm == 0 ? 1 : norm;
    for (size_t c = 0; c < columns; c++) {
        double slope = layer->function == SRV_FUNCTION_L1   ? sign_of((double)x[c])
                       : layer->function == SRV_FUNCTION_L2 ? (double)x[c] / norm
                       : c == greatest                      ? sign_of((double)x[c])
                                                            : 0;
        to[c] += g[c] / norm - (constant ? 0 : product / (norm * norm) * slope);
    }
}

static void reduce(const srv_layer *layer, const float *x, double g, double *to) {
    const size_t columns = layer->inputs[0].columns;
    size_t found = 0;
    switch (layer->function) {
    case SRV_FUNCTION_MAXIMUM:
    case SRV_FUNCTION_MINIMUM:
        for (size_t c = 1; c < columns; c++) {
            found = (layer->function == SRV_FUNCTION_MAXIMUM ? x[c] > x[found] : x[c] < x[found]) ? c : found;
        }
        to[found] += g;
        break;
    default:
        for (size_t c = 0; c < columns; c++) {
            to[c] += layer->function == SRV_FUNCTION_MEAN ? g / (double)columns : g;
        }
    }
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

static bool is_zero(const double *g, size_t columns) {
    for (size_t c = 0; c < columns; c++) {
        if (g[c] != 0) {
            return false;
        }
    }
    return true;
}

void srv_layer_backward(srv_trace *trace, size_t r, size_t i) {
    const srv_layer *layer = &trace->model.layers[i];
    const double *g = trace->gradients[i];
    if (is_zero(g, layer->columns) || layer->input_count == 0) {
        return;
    }
    const float *x = row_of(trace, &layer->inputs[0], r);
    double *to = srv_gradient_of(trace, &layer->inputs[0]);
    switch (layer->op) {
    case SRV_OP_DENSE:
        dense(trace, layer, g);
        break;
    case SRV_OP_AFFINE:
        for (size_t c = 0; c < layer->columns; c++) {
            to[c] += g[c] * (double)layer->scale[c];
        }
        break;
    case SRV_OP_ACTIVATION:
        srv_activation_backward(&layer->activation, x, g, layer->columns, trace->work, to);
        break;
    case SRV_OP_ADD:
    case SRV_OP_AVERAGE:
    case SRV_OP_SUBTRACT:
        for (size_t input = 0; input < layer->input_count; input++) {
            double factor = layer->op == SRV_OP_AVERAGE                 ? 1 / (double)layer->input_count
                            : layer->op == SRV_OP_SUBTRACT && input > 0 ? -1
                                                                        : 1;
            add_scaled(trace, layer, input, g, factor);
        }
        break;
    case SRV_OP_MULTIPLY:
        multiply(trace, layer, g, r);
        break;
    case SRV_OP_DIVIDE:
        divide(trace, layer, g, r);
        break;
    case SRV_OP_POWER:
        power(trace, layer, g, r);
        break;
    case SRV_OP_MAXIMUM:
    case SRV_OP_MINIMUM:
        extremum(trace, layer, g, r);
        break;
    case SRV_OP_CONCATENATE:
        for (size_t input = 0; input < layer->input_count; input++) {
            to = srv_gradient_of(trace, &layer->inputs[input]);
            for (size_t c = 0; c < layer->inputs[input].columns; c++) {
                to[c] += *g++;
            }
        }
        break;
    case SRV_OP_LAYER_NORMALIZATION:
    case SRV_OP_RMS_NORMALIZATION:
        normalize_layer(layer, x, g, to);
        break;
    case SRV_OP_NORMALISE:
        normalise(layer, x, g, to);
        break;
    case SRV_OP_REDUCE:
        reduce(layer, x, g[0], to);
        break;
    case SRV_OP_SELECT:
        for (size_t c = 0; c < layer->columns; c++) {
            to[layer->picks[c]] += g[c];
        }
        break;
    case SRV_OP_CONSTANT:
    case SRV_OP_SAME:
        break;
    }
}
