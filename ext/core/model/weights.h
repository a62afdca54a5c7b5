/* Reads a model's tensors: checks their shapes against the graph, folds batch normalisation into the dense layer before
 * it where that changes nothing else, plans each dense layer, and packs everything into one aligned block.
 */
#ifndef SRV_MODEL_WEIGHTS_H
#define SRV_MODEL_WEIGHTS_H

#include "../base/json.h"
#include "model.h"
#include "safetensors.h"

srv_status srv_weights_read(const srv_json *root, const srv_safetensors *tensors, const char *plan_cache,
                            srv_model *model, srv_error *err);

#endif
