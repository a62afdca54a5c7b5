/* The activations for AVX2 with fused multiply-add; only called where srv_cpu_has_avx2 says so. */
#include "activate_sets.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define SRV_KERNEL_SUFFIX avx2
#define SRV_KERNEL_HAS_FMA 1
#include "activate_kernels.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
