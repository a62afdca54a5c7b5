/* The k largest of n numbers, largest first. */
#ifndef SRV_SELECT_TOP_H
#define SRV_SELECT_TOP_H

#include <stddef.h>

typedef struct srv_ranked {
    float value;
    size_t index;
} srv_ranked;

/* Fills out[0 .. min(k, n)) and returns how many: best first, equal values by lower index.  No NaN among the values.
 * n log k steps. */
size_t srv_select_top(const float *values, size_t n, size_t k, srv_ranked *out);

#endif
