/* The backward pass through one layer: the gradient of what it wrote becomes that of what it read. */
#ifndef SRV_EXPLAIN_LAYER_GRADIENTS_H
#define SRV_EXPLAIN_LAYER_GRADIENTS_H

#include "trace.h"

/* Where the gradient of a source's columns is added up. */
static inline double *srv_gradient_of(const srv_trace *trace, const srv_source *source) {
    return source->external ? trace->gradient + source->offset : trace->gradients[source->layer];
}

/* Adds to the gradients of layer i's inputs, for row r.  Ties of a maximum or minimum go to the first. */
void srv_layer_backward(srv_trace *trace, size_t r, size_t i);

#endif
