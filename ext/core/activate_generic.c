/* The activations for any CPU (SSE2 on x86-64): separate multiplications and additions. */
#include "activate_sets.h"

#define SRV_KERNEL_SUFFIX generic
#define SRV_KERNEL_HAS_FMA 0
#include "activate_kernels.h"
