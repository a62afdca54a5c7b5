#include "run_operation.h"

#include <math.h>
#include <string.h>

srv_view srv_source_rows(const srv_model *model, const srv_source *source, const float *x, const float *scratch) {
    if (source->external) {
        return (srv_view){x + source->offset, model->width};
    }
    const srv_layer *layer = &model->layers[source->layer];
    return (srv_view){scratch + layer->slot, layer->stride};
}

/* --- element by element ------------------------------------------------------------------------------------------ */

/* out = expression of a = out and b = in, which is one number for all columns if `spread` */
#define EACH(expression)                       \
    if (spread) {                              \
        const float b = in[0];                 \
        for (size_t c = 0; c < columns; c++) { \
            const float a = out[c];            \
            out[c] = (expression);             \
        }                                      \
    } else {                                   \
        for (size_t c = 0; c < columns; c++) { \
            const float a = out[c], b = in[c]; \
            out[c] = (expression);             \
        }                                      \
    }                                          \
    break

static void combine(srv_op op, float *restrict out, const float *restrict in, bool spread, size_t columns) {
    switch (op) {
    case SRV_OP_SUBTRACT:
        EACH(a - b);
    case SRV_OP_MULTIPLY:
        EACH(a * b);
    case SRV_OP_DIVIDE:
        EACH(a / b);
    case SRV_OP_POWER:
        EACH((float)pow((double)a, (double)b));
    case SRV_OP_MAXIMUM: /* a NaN on either side wins, as in numpy.maximum */
        EACH(a >= b || a != a ? a : b);
    case SRV_OP_MINIMUM:
        EACH(a <= b || a != a ? a : b);
    default: /* ADD, and AVERAGE, which divides at the end */
        EACH(a + b);
    }
}

static void copy_spread(float *out, const float *in, bool spread, size_t columns) {
    if (!spread) {
        memcpy(out, in, columns * sizeof *out);
        return;
    }
    for (size_t c = 0; c < columns; c++) {
        out[c] = in[0];
    }
}

/* The first input is copied, the others are combined into it. */
static void merge(const srv_model *model, const srv_layer *layer, const float *x, const float *scratch, size_t rows,
                  float *out) {
    const size_t columns = layer->columns;
    for (size_t i = 0; i < layer->input_count; i++) {
        const srv_view in = srv_source_rows(model, &layer->inputs[i], x, scratch);
        const bool spread = layer->inputs[i].columns < columns;
        for (size_t r = 0; r < rows; r++) {
            float *to = out + r * layer->stride;
            if (i == 0) {
                copy_spread(to, in.rows + r * in.stride, spread, columns);
            } else {
                combine(layer->op, to, in.rows + r * in.stride, spread, columns);
            }
        }
    }
    const float count = (float)layer->input_count;
    for (size_t r = 0; r < rows && layer->op == SRV_OP_AVERAGE; r++) {
        for (size_t c = 0; c < columns; c++) {
            out[r * layer->stride + c] /= count;
        }
    }
}

static void concatenate(const srv_model *model, const srv_layer *layer, const float *x, const float *scratch,
                        size_t rows, float *out) {
    for (size_t i = 0; i < layer->input_count; i++) {
        const size_t columns = layer->inputs[i].columns;
        const srv_view in = srv_source_rows(model, &layer->inputs[i], x, scratch);
        for (size_t r = 0; r < rows; r++) {
            memcpy(out + r * layer->stride, in.rows + r * in.stride, columns * sizeof *out);
        }
        out += columns;
    }
}

/* --- over the columns of a row ----------------------------------------------------------------------------------- */

/* The sum of an expression of v = row[c]: lane i adds the columns i, i + 16, …, then the lanes are added in order. */
#define SUM(expression)                                   \
    double lanes[SRV_LANES] = {0}, sum = 0;               \
    const size_t whole = columns / SRV_LANES * SRV_LANES; \
    for (size_t c = 0; c < whole; c += SRV_LANES) {       \
        for (size_t i = 0; i < SRV_LANES; i++) {          \
            const double v = row[c + i];                  \
            lanes[i] += (expression);                     \
        }                                                 \
    }                                                     \
    for (size_t i = 0; i < columns - whole; i++) {        \
        const double v = row[whole + i];                  \
        lanes[i] += (expression);                         \
    }                                                     \
    for (size_t i = 0; i < SRV_LANES; i++) {              \
        sum += lanes[i];                                  \
    }                                                     \
    return sum

static double sum_of(const float *row, size_t columns) {
    SUM(v);
}

static double sum_of_absolutes(const float *row, size_t columns) {
    SUM(fabs(v));
}

static double sum_of_squares(const float *row, size_t columns, double centre) {
    SUM((v - centre) * (v - centre));
}

static float greatest(const float *row, size_t columns) {
    float found = row[0];
    for (size_t c = 1; c < columns; c++) {
        found = found >= row[c] || found != found ? found : row[c];
    }
    return found;
}

static float least(const float *row, size_t columns) {
    float found = row[0];
    for (size_t c = 1; c < columns; c++) {
        found = found <= row[c] || found != found ? found : row[c];
    }
    return found;
}

static float greatest_absolute(const float *row, size_t columns) {
    float found = fabsf(row[0]);
    for (size_t c = 1; c < columns; c++) {
        const float size = fabsf(row[c]);
        found = found >= size || found != found ? found : size;
    }
    return found;
}

static float reduce(srv_function function, const float *row, size_t columns) {
    switch (function) {
    case SRV_FUNCTION_MEAN:
        return (float)(sum_of(row, columns) / (double)columns);
    case SRV_FUNCTION_MAXIMUM:
        return greatest(row, columns);
    case SRV_FUNCTION_MINIMUM:
        return least(row, columns);
    default:
        return (float)sum_of(row, columns);
    }
}

/* (x − mean) / √(variance + epsilon), then gamma and beta; the variance is the population's. */
static void normalize_layer(const srv_layer *layer, const float *row, float *out) {
    const size_t columns = layer->columns;
    const double mean = layer->op == SRV_OP_LAYER_NORMALIZATION ? sum_of(row, columns) / (double)columns : 0;
    const double variance = sum_of_squares(row, columns, mean) / (double)columns;
    const double factor = 1 / sqrt(variance + layer->epsilon);
    for (size_t c = 0; c < columns; c++) {
        double y = ((double)row[c] - mean) * factor;
        y = layer->scale != NULL ? y * (double)layer->scale[c] : y;
        out[c] = (float)(layer->bias != NULL ? y + (double)layer->bias[c] : y);
    }
}

static void normalise(const srv_layer *layer, const float *row, float *out) {
    const size_t columns = layer->columns;
    double norm = layer->function == SRV_FUNCTION_L1   ? sum_of_absolutes(row, columns)
                  : layer->function == SRV_FUNCTION_L2 ? sqrt(sum_of_squares(row, columns, 0))
                                                       : (double)greatest_absolute(row, columns);
    norm = norm < layer->epsilon ? layer->epsilon : norm;
    norm = norm == 0 ? 1 : norm;
    for (size_t c = 0; c < columns; c++) {
        out[c] = (float)((double)row[c] / norm);
    }
}

static void run_row(const srv_layer *layer, const float *row, float *out) {
    switch (layer->op) {
    case SRV_OP_AFFINE:
        for (size_t c = 0; c < layer->columns; c++) {
            out[c] = row[c] * layer->scale[c] + layer->bias[c];
        }
        break;
    case SRV_OP_LAYER_NORMALIZATION:
    case SRV_OP_RMS_NORMALIZATION:
        normalize_layer(layer, row, out);
        break;
    case SRV_OP_NORMALISE:
        normalise(layer, row, out);
        break;
    case SRV_OP_REDUCE:
        out[0] = reduce(layer->function, row, layer->inputs[0].columns);
        break;
    case SRV_OP_SELECT:
        for (size_t c = 0; c < layer->columns; c++) {
            out[c] = row[layer->picks[c]];
        }
        break;
    default: /* CONSTANT, whose row is the bias, and ACTIVATION */
        memcpy(out, row, layer->columns * sizeof *out);
    }
}

void srv_run_operation(const srv_model *model, const srv_layer *layer, const srv_activation_kernels *kernels,
                       const float *x, const float *scratch, size_t rows, float *out) {
    if (layer->op == SRV_OP_CONCATENATE) {
        concatenate(model, layer, x, scratch, rows, out);
    } else if (layer->input_count > 1) {
        merge(model, layer, x, scratch, rows, out);
    } else {
        const srv_view in = layer->input_count == 0 ? (srv_view){layer->bias, 0}
                                                    : srv_source_rows(model, &layer->inputs[0], x, scratch);
        for (size_t r = 0; r < rows; r++) {
            run_row(layer, in.rows + r * in.stride, out + r * layer->stride);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        memset(out + r * layer->stride + layer->columns, 0, (layer->stride - layer->columns) * sizeof *out);
    }
    if (srv_activation_is_rowwise(layer->activation.id)) {
        kernels->rowwise(&layer->activation, out, rows, layer->columns, layer->stride);
    } else if (layer->activation.id != SRV_ACTIVATION_LINEAR) {
        kernels->elementwise(&layer->activation, out, rows, layer->stride, layer->stride, NULL, 0);
    }
}
