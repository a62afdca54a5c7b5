/* The derivatives of the activations (activate.h), in double precision.
 *
 * Where a function has a kink it has the derivative of one of its sides; where it jumps (sign, floor, ceil, round,
 * threshold) that of the pieces between the jumps.
 */
#ifndef SRV_EXPLAIN_ACTIVATION_GRADIENTS_H
#define SRV_EXPLAIN_ACTIVATION_GRADIENTS_H

#include "../activate.h"

/* f'(x) of one that is elementwise; column: within the layer, for PRELU. */
double srv_activation_derivative(const srv_activation *activation, size_t column, double x);

/* to[c] += Σ over j of g[j] · ∂f_j/∂x_c, for any activation.  x: what it read, [columns]; g: the gradient of what it
 * wrote.  work: [columns]. */
void srv_activation_backward(const srv_activation *activation, const float *x, const double *g, size_t columns,
                             double *work, double *to);

#endif
