/* The activations for arm64, all of which have NEON with fused multiply-add. */
#include "activate_sets.h"

#if defined(__aarch64__)

#define SRV_KERNEL_SUFFIX neon
#define SRV_KERNEL_HAS_FMA 1
#include "activate_kernels.h"

#endif
