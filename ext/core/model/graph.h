/* Reads the manifest's inputs, layers and outputs into a model: shapes, names and order are checked here, tensors in
 * weights.h; only a constant's is looked at before, for its size.  Every fault is SRV_PACKAGE with the field's JSON pointer.
 */
#ifndef SRV_MODEL_GRAPH_H
#define SRV_MODEL_GRAPH_H

#include "../base/json.h"
#include "model.h"
#include "safetensors.h"

#define SRV_MAX_FEATURES ((size_t)1 << 24) /* numbers in a row of input, or of any layer */
#define SRV_MAX_LAYERS 4096

srv_status srv_graph_read_inputs(const srv_json *root, const srv_safetensors *tensors, srv_model *model,
                                 srv_error *err);
srv_status srv_graph_read_layers(const srv_json *root, const srv_safetensors *tensors, srv_model *model,
                                 srv_error *err);
srv_status srv_graph_read_outputs(const srv_json *root, srv_model *model, srv_error *err);

/* A name that stands for the rows of a block, or of a layer before `before`. */
srv_status srv_graph_find_source(const srv_json *name, const srv_model *model, size_t before, srv_source *out,
                                 srv_error *err);

/* Gives every layer its slot of the scratch memory; a slot is used again when no later layer needs its rows. */
srv_status srv_graph_place(srv_model *model, srv_error *err);

#endif
