#include "select_top.h"

#include <stdbool.h>

static bool worse(srv_ranked a, srv_ranked b) {
    return a.value < b.value || (a.value == b.value && a.index > b.index);
}

/* A heap with the worst at its root: lets heap[at] sink to its place. */
static void sink(srv_ranked *heap, size_t size, size_t at) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= size) {
            return;
        }
        if (child + 1 < size && worse(heap[child + 1], heap[child])) {
            child++;
        }
        if (!worse(heap[child], heap[at])) {
            return;
        }
        srv_ranked swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
        at = child;
    }
}

size_t srv_select_top(const float *values, size_t n, size_t k, srv_ranked *out) {
    k = k < n ? k : n;
    if (k == 0) {
        return 0;
    }
    for (size_t i = 0; i < k; i++) {
        out[i] = (srv_ranked){.value = values[i], .index = i};
    }
    for (size_t i = k / 2; i-- > 0;) {
        sink(out, k, i);
    }
    for (size_t i = k; i < n; i++) {
        srv_ranked candidate = {.value = values[i], .index = i};
        if (worse(out[0], candidate)) {
            out[0] = candidate;
            sink(out, k, 0);
        }
    }
    for (size_t left = k - 1; left > 0; left--) { /* the worst of those left goes behind the others */
        srv_ranked worst = out[0];
        out[0] = out[left];
        out[left] = worst;
        sink(out, left, 0);
    }
    return k;
}
