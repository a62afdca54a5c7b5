#include "event.h"

#if SRV_EVENT_FUTEX

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void srv_event_init(srv_event *event) {
    atomic_init(&event->value, SRV_EVENT_NONE);
}

void srv_event_destroy(srv_event *event) {
    (void)event;
}

static uint32_t plain(uint32_t value) {
    return value == SRV_EVENT_ASLEEP ? SRV_EVENT_NONE : value;
}

uint32_t srv_event_get(srv_event *event) {
    return plain(atomic_load_explicit(&event->value, memory_order_acquire));
}

bool srv_event_set(srv_event *event, uint32_t value) {
    return atomic_exchange_explicit(&event->value, value, memory_order_acq_rel) == SRV_EVENT_ASLEEP;
}

void srv_event_wake(srv_event *event) {
    syscall(SYS_futex, &event->value, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

uint32_t srv_event_wait_until(srv_event *event, uint64_t until_ns) {
    uint32_t none = SRV_EVENT_NONE;
    if (!atomic_compare_exchange_strong(&event->value, &none, SRV_EVENT_ASLEEP) && none != SRV_EVENT_ASLEEP) {
        return none;
    }
    /* FUTEX_WAIT_BITSET takes a point in time, on the monotonic clock. */
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u), .tv_nsec = (long)(until_ns % 1000000000u)};
    syscall(SYS_futex, &event->value, FUTEX_WAIT_BITSET_PRIVATE, SRV_EVENT_ASLEEP, &until, NULL,
            FUTEX_BITSET_MATCH_ANY);
    uint32_t asleep = SRV_EVENT_ASLEEP; /* awake now: who sets a value need not wake anybody */
    atomic_compare_exchange_strong(&event->value, &asleep, SRV_EVENT_NONE);
    return plain(asleep);
}

#else

#include "threads.h"

void srv_event_init(srv_event *event) {
    pthread_mutex_init(&event->lock, NULL);
    srv_cond_init(&event->changed);
    event->value = SRV_EVENT_NONE;
}

void srv_event_destroy(srv_event *event) {
    pthread_cond_destroy(&event->changed);
    pthread_mutex_destroy(&event->lock);
}

uint32_t srv_event_get(srv_event *event) {
    pthread_mutex_lock(&event->lock);
    uint32_t value = event->value;
    pthread_mutex_unlock(&event->lock);
    return value;
}

bool srv_event_set(srv_event *event, uint32_t value) {
    pthread_mutex_lock(&event->lock); /* the thread can't see the value, and return, before this is unlocked */
    event->value = value;
    pthread_cond_signal(&event->changed);
    pthread_mutex_unlock(&event->lock);
    return false;
}

void srv_event_wake(srv_event *event) {
    (void)event;
}

uint32_t srv_event_wait_until(srv_event *event, uint64_t until_ns) {
    pthread_mutex_lock(&event->lock);
    if (event->value == SRV_EVENT_NONE) {
        srv_cond_wait_until(&event->changed, &event->lock, until_ns);
    }
    uint32_t value = event->value;
    pthread_mutex_unlock(&event->lock);
    return value;
}

#endif
