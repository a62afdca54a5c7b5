/* Events: nothing that is told gets lost, nor is an event touched once its last value is seen. */
#include "base/clock.h"
#include "base/event.h"
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define MS 1000000u

enum { FIRST = SRV_EVENT_MEANINGS, LAST };

TEST(a_value_is_there_until_another_is_set) {
    srv_event event;
    srv_event_init(&event);
    CHECK_EQ(srv_event_get(&event), SRV_EVENT_NONE);
    CHECK(!srv_event_set(&event, FIRST)); /* nobody sleeps */
    CHECK_EQ(srv_event_get(&event), FIRST);
    CHECK_EQ(srv_event_wait_until(&event, srv_now_ns() + (uint64_t)10000 * MS), FIRST);
    srv_event_set(&event, SRV_EVENT_NONE);
    uint64_t begin = srv_now_ns();
    CHECK_EQ(srv_event_wait_until(&event, begin + 20 * MS), SRV_EVENT_NONE);
    CHECK(srv_now_ns() - begin >= 15 * MS);
    CHECK_EQ(srv_event_wait_until(&event, begin), SRV_EVENT_NONE); /* a time that has passed */
    srv_event_destroy(&event);
}

/* What another thread tells, in memory that is freed as soon as the last of it is seen. */
typedef struct mailbox {
    _Atomic(srv_event *) event;
    int written;
    atomic_int seen;
} mailbox;

#define ROUNDS 3000

static void *tell(void *argument) {
    mailbox *box = argument;
    for (int i = 0; i < ROUNDS; i++) {
        srv_event *event;
        while ((event = atomic_exchange(&box->event, NULL)) == NULL) {
            sched_yield();
        }
        if (i % 3 == 0) {
            sched_yield();
        }
        if (srv_event_set(event, FIRST)) {
            srv_event_wake(event);
        }
        while (atomic_load(&box->seen) <= i) {
            sched_yield();
        }
        box->written = i;
        if (srv_event_set(event, LAST)) {
            srv_event_wake(event); /* of memory that may be freed: the address alone counts */
        }
    }
    return NULL;
}

TEST(nothing_told_is_lost) {
    mailbox box = {.event = NULL};
    pthread_t thread;
    pthread_create(&thread, NULL, tell, &box);
    for (int i = 0; i < ROUNDS; i++) {
        srv_event *event = malloc(sizeof *event);
        srv_event_init(event);
        atomic_store(&box.event, event);
        uint32_t told;
        do {
            told = srv_event_wait_until(event, srv_now_ns() + (uint64_t)20000 * MS);
        } while (told == SRV_EVENT_NONE);
        CHECK_EQ(told, FIRST);
        srv_event_set(event, SRV_EVENT_NONE);
        atomic_store(&box.seen, i + 1);
        do {
            told = srv_event_wait_until(event, srv_now_ns() + (uint64_t)20000 * MS);
        } while (told == SRV_EVENT_NONE);
        CHECK_EQ(told, LAST);
        CHECK_EQ(box.written, i);
        srv_event_destroy(event);
        free(event);
    }
    pthread_join(thread, NULL);
}

TEST_MAIN(RUN(a_value_is_there_until_another_is_set); RUN(nothing_told_is_lost))
