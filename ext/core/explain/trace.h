/* A forward pass of which all rows are kept, so that a backward pass can follow.
 *
 * srv_run_forward computes layers in place: activations over their input, slots used again.  A trace is the same network
 * written out: each activation a layer of its own, each layer a slot of its own.  So it is run by the very same code, and
 * gives the very same bits.
 */
#ifndef SRV_EXPLAIN_TRACE_H
#define SRV_EXPLAIN_TRACE_H

#include "../model/model.h"

typedef struct srv_trace {
    srv_model model; /* its layers, outputs and scratch_floats are the trace's own, all else is shared */
    size_t rows;     /* at once, 1 … SRV_PASS_ROWS */
    float *x;        /* [rows × width]: to be filled */
    float *y;        /* [rows × outputs] */
    float *scratch;
    double **gradients;      /* [layers]: [columns] each */
    double *gradient;        /* [width]: of the network's row */
    double *work;            /* [columns of the widest layer] */
    double *gradient_memory; /* of all layers; gradient_count numbers */
    size_t gradient_count;
} srv_trace;

/* Memory from the arena.  SRV_TOO_LARGE if the network's rows are too many numbers, SRV_NO_MEMORY. */
srv_status srv_trace_new(const srv_model *model, size_t rows, srv_arena *arena, srv_trace *out, srv_error *err);

/* Fills y and keeps what lies between, of the first `count` rows of x. */
void srv_trace_forward(srv_trace *trace, size_t count);

/* Fills `gradient`: of column `column` of output `output` by row r of x, as the last srv_trace_forward has left it. */
void srv_trace_backward(srv_trace *trace, size_t r, size_t output, size_t column);

#endif
