#define _GNU_SOURCE /* sched_getaffinity */

#include "threads.h"

#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

size_t srv_usable_cores(void) {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 0) {
        return (size_t)CPU_COUNT(&allowed);
    }
#endif
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (size_t)cores : 1;
}

bool srv_start_joinable_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* a new thread inherits the mask */
    int failed = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}

bool srv_start_thread(void *(*run)(void *), void *argument) {
    pthread_t thread;
    if (!srv_start_joinable_thread(&thread, run, argument)) {
        return false;
    }
    pthread_detach(thread);
    return true;
}

void srv_cond_init(pthread_cond_t *condition) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void srv_cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until_ns) {
    struct timespec time = {.tv_sec = (time_t)(until_ns / 1000000000u), .tv_nsec = (long)(until_ns % 1000000000u)};
    pthread_cond_timedwait(condition, lock, &time);
}
