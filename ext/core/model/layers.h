/* Reads one entry of the manifest's `layers`: its op, its inputs, its parameters and its activation. */
#ifndef SRV_MODEL_LAYERS_H
#define SRV_MODEL_LAYERS_H

#include "../base/json.h"
#include "model.h"
#include "safetensors.h"

/* Fills `layer` (zeroed) but for its tensors (weights.h) and its slot.  Fails with SRV_PACKAGE naming the field. */
srv_status srv_read_layer(const srv_json *node, const srv_safetensors *tensors, srv_model *model, srv_layer *layer,
                          srv_error *err);

#endif
