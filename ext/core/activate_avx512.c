/* The activations for AVX-512 as in Skylake-X and Zen 4; only called where srv_cpu_has_avx512 says so. */
#include "activate_sets.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif

#define SRV_KERNEL_SUFFIX avx512
#define SRV_KERNEL_HAS_FMA 1
#include "activate_kernels.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
