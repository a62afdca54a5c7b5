/* The layers that are no product with a kernel: elementwise operations, normalisations of a row, columns put together
 * and picked out.  Each works on every row by itself, in an order that depends on its columns alone.
 *
 * NaN and infinities go through as in numpy: a maximum or minimum with NaN is NaN, x / 0 is an infinity or NaN.  What is
 * summed over a row is summed in double and rounded once; a power is computed in double.
 */
#ifndef SRV_RUN_OPERATION_H
#define SRV_RUN_OPERATION_H

#include "model/model.h"

/* Rows of one layer's input, wherever they lie. */
typedef struct srv_view {
    const float *rows;
    size_t stride; /* in floats */
} srv_view;

/* x: the network's rows; scratch: where layers have theirs (run_forward.h). */
srv_view srv_source_rows(const srv_model *model, const srv_source *source, const float *x, const float *scratch);

/* out: [rows × layer->stride], no input's memory; columns beyond layer->columns are whatever f(0) is. */
void srv_run_operation(const srv_model *model, const srv_layer *layer, const srv_activation_kernels *kernels,
                       const float *x, const float *scratch, size_t rows, float *out);

#endif
