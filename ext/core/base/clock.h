/* Time for deadlines and statistics: monotonic, in nanoseconds. */
#ifndef SRV_BASE_CLOCK_H
#define SRV_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t srv_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Unix time in milliseconds: for people; it may jump. */
static inline uint64_t srv_unix_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

#endif
