/* One thread sleeps until others have something to tell it: a futex on Linux, elsewhere a mutex and a condition.
 *
 * The event may lie on the stack of the thread that waits for it, and that thread may return as soon as it sees the
 * last value set: srv_event_set is the last access to the event, and srv_event_wake uses its address only.  So a lock
 * under which events are set need not be held while threads are woken, and they don't run into it.
 *
 * On Linux a wake can come too late, when something else lies at the address: whatever waits there has a reason to wake
 * that it does not find, and goes on waiting, as with every futex (glibc's semaphores do the same).
 */
#ifndef SRV_BASE_EVENT_H
#define SRV_BASE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__linux__) && !defined(SRV_PORTABLE_EVENT)
#define SRV_EVENT_FUTEX 1
#include <stdatomic.h>
#else
#define SRV_EVENT_FUTEX 0
#include <pthread.h>
#endif

typedef struct srv_event {
#if SRV_EVENT_FUTEX
    _Atomic uint32_t value;
#else
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t value;
#endif
} srv_event;

#define SRV_EVENT_NONE 0u     /* nothing has been told */
#define SRV_EVENT_ASLEEP 1u   /* the same, and the thread sleeps: never returned by srv_event_get */
#define SRV_EVENT_MEANINGS 2u /* values from here on mean what the caller wants */

void srv_event_init(srv_event *event);
void srv_event_destroy(srv_event *event); /* nobody will set it any more */

uint32_t srv_event_get(srv_event *event);

/* What was written before a value is set can be read by whoever gets it.  True if the thread sleeps and srv_event_wake
 * must be called, which may be later. */
bool srv_event_set(srv_event *event, uint32_t value);
void srv_event_wake(srv_event *event);

/* Sleeps until there is a value, or until that time on srv_now_ns's clock; the value, SRV_EVENT_NONE if it is still
 * none.  May return early.  One thread per event. */
uint32_t srv_event_wait_until(srv_event *event, uint64_t until_ns);

#endif
