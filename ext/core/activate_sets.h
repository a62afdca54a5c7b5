/* What activate.c and the kernel sets share: one table of loops per instruction set, and the headers that
 * activate_kernels.h needs, for these must come before the instructions are chosen. */
#ifndef SRV_ACTIVATE_SETS_H
#define SRV_ACTIVATE_SETS_H

#include "activate.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

extern const srv_activation_kernels srv__activation_generic; /* the least that the compiler's target has */
#if defined(__x86_64__)
extern const srv_activation_kernels srv__activation_avx2;   /* AVX2 and FMA: Haswell, Zen */
extern const srv_activation_kernels srv__activation_avx512; /* F, BW, DQ, VL: Skylake-X, Zen 4 */
#elif defined(__aarch64__)
extern const srv_activation_kernels srv__activation_neon; /* every arm64 */
#endif

#endif
