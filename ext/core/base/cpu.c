#include "base/cpu.h"

#if defined(__x86_64__)

bool srv_cpu_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool srv_cpu_has_avx512(void) {
    return srv_cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

#else

bool srv_cpu_has_avx2(void) {
    return false;
}

bool srv_cpu_has_avx512(void) {
    return false;
}

#endif
