/* What a dense layer reads, side by side: blocks, layers, and terms.
 *
 * Where there are terms, the kernel's rows for them are kept as they are in the file, and preprocessing computes their
 * share of each row's sums, on the request's thread (preprocess.h, srv_product).  The layer adds that to the product of
 * the other inputs, of which the plan takes the other rows of the kernel; with terms alone it is an activation.
 */
#ifndef SRV_MODEL_DENSE_INPUTS_H
#define SRV_MODEL_DENSE_INPUTS_H

#include "graph.h"

/* Reads the inputs of a dense layer, or of a concatenation that model->spread says dense layers alone read; the latter
 * becomes SRV_OP_SAME, its columns are set and its inputs are whatever lies side by side. */
srv_status srv_read_inputs_side_by_side(const srv_json *node, srv_model *model, srv_layer *layer, srv_error *err);

/* Numbers in a row of all inputs together. */
static inline size_t srv_layer_depth(const srv_layer *layer) {
    size_t depth = 0;
    for (size_t i = 0; i < layer->input_count; i++) {
        depth += layer->inputs[i].columns;
    }
    return depth;
}

#endif
