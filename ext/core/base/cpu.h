/* The groups of x86-64 instructions that kernels are compiled for apart from the rest, as this CPU and its operating
 * system offer them.  False on every other kind of CPU.  Pure functions; any thread may call them at any time. */
#ifndef SRV_BASE_CPU_H
#define SRV_BASE_CPU_H

#include <stdbool.h>

bool srv_cpu_has_avx2(void);   /* AVX2 and FMA */
bool srv_cpu_has_avx512(void); /* AVX-512 F, BW, DQ and VL; implies the former */

#endif
