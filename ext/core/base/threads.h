/* The little that is needed around POSIX threads: cores, threads that end by themselves, waiting until a time. */
#ifndef SRV_BASE_THREADS_H
#define SRV_BASE_THREADS_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cores that this process may run on (its affinity, not the machine's number); at least 1. */
size_t srv_usable_cores(void);

/* Reading a long text, at that byte of it: lets others have the core if it was had for long, a third of a millisecond.
 * A large request must not keep the ones in front of it waiting; `*yielded` is where that was last, NULL at first. */
#define SRV_YIELD_BYTES (512 << 10)

static inline void srv_yield_at(const char *at, const char **yielded) {
    if (*yielded == NULL) {
        *yielded = at;
    } else if (at - *yielded > SRV_YIELD_BYTES) {
        *yielded = at;
        sched_yield();
    }
}

/* Starts a thread with all signals blocked, so that they go to the host's own threads; nobody joins it.  False if there
 * can be no more threads. */
bool srv_start_thread(void *(*run)(void *), void *argument);
bool srv_start_joinable_thread(pthread_t *thread, void *(*run)(void *), void *argument); /* the same, to be joined */

/* A condition whose times are srv_now_ns's. */
void srv_cond_init(pthread_cond_t *condition);
void srv_cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until_ns);

#endif
