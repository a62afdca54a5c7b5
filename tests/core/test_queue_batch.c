/* The scheduler with a stand-in for the network: y = 2x + 1.  Also run under ThreadSanitizer. */
#include "base/alloc.h"
#include "base/clock.h"
#include "check.h"
#include "queue_batch.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define FEATURES 3

typedef struct counters {
    atomic_long calls, rows, most_at_once, at_once;
    long nap_us;
    const double *batch_ns;
} counters;

static void run(const void *context, const float *x, size_t rows, float *scratch, float *y) {
    counters *c = (counters *)context;
    long now = atomic_fetch_add(&c->at_once, 1) + 1, most = atomic_load(&c->most_at_once);
    while (now > most && !atomic_compare_exchange_weak(&c->most_at_once, &most, now)) {
    }
    atomic_fetch_add(&c->calls, 1);
    atomic_fetch_add(&c->rows, (long)rows);
    scratch[0] = 1;
    for (size_t r = 0; r < rows; r++) {
        y[2 * r] = 2 * x[FEATURES * r] + scratch[0];
        y[2 * r + 1] = x[FEATURES * r + 2];
    }
    if (c->nap_us > 0) {
        struct timespec nap = {.tv_nsec = c->nap_us * 1000};
        nanosleep(&nap, NULL);
    }
    atomic_fetch_sub(&c->at_once, 1);
}

static srv_work work_of(counters *c) {
    return (srv_work){run, c, FEATURES, 2, 16, 64, c->batch_ns};
}

typedef struct client {
    pthread_t thread;
    srv_queue *queue;
    const srv_work *work;
    unsigned seed;
    int requests, max_rows;
    uint64_t timeout_ns;
    long wrong, ok, overloaded, deadline, closed;
} client;

static void *run_client(void *argument) {
    client *c = argument;
    float *x = malloc((size_t)c->max_rows * FEATURES * sizeof *x), *y = malloc((size_t)c->max_rows * 2 * sizeof *y);
    for (int i = 0; i < c->requests; i++) {
        size_t rows = 1 + (size_t)rand_r(&c->seed) % (size_t)c->max_rows;
        for (size_t j = 0; j < rows * FEATURES; j++) {
            x[j] = (float)(rand_r(&c->seed) % 100000);
        }
        srv_job job = {.work = c->work, .x = x, .y = y, .rows = rows};
        if (c->timeout_ns > 0) {
            job.deadline_ns = srv_now_ns() + (uint64_t)rand_r(&c->seed) % c->timeout_ns;
        }
        if (rand_r(&c->seed) % 4 == 0) {
            sched_yield();
        }
        srv_error err;
        srv_status status = srv_queue_run(c->queue, &job, &err);
        c->ok += status == SRV_OK;
        c->overloaded += status == SRV_OVERLOADED;
        c->deadline += status == SRV_DEADLINE;
        c->closed += status == SRV_CLOSED;
        for (size_t r = 0; r < rows && status == SRV_OK; r++) {
            c->wrong += y[2 * r] != 2 * x[FEATURES * r] + 1 || y[2 * r + 1] != x[FEATURES * r + 2];
        }
        c->wrong += status == SRV_OK && (job.batch_rows < 1 || job.batch_rows > 64);
    }
    free(x);
    free(y);
    return NULL;
}

static client run_clients(srv_queue *queue, const srv_work *works, int work_count, int clients, int requests,
                          int max_rows, uint64_t timeout_ns) {
    client all[32], sum = {0};
    for (int i = 0; i < clients; i++) {
        all[i] = (client){.queue = queue,
                          .work = &works[i % work_count],
                          .seed = (unsigned)i,
                          .requests = requests,
                          .max_rows = i % 3 == 0 ? max_rows : 1,
                          .timeout_ns = timeout_ns};
        pthread_create(&all[i].thread, NULL, run_client, &all[i]);
    }
    for (int i = 0; i < clients; i++) {
        pthread_join(all[i].thread, NULL);
        sum.wrong += all[i].wrong;
        sum.ok += all[i].ok;
        sum.overloaded += all[i].overloaded;
        sum.deadline += all[i].deadline;
        sum.closed += all[i].closed;
    }
    return sum;
}

static srv_queue *queue_with(size_t slots, size_t max_rows) {
    return srv_queue_new(&(srv_queue_options){.slots = slots, .max_queue_rows = max_rows});
}

TEST(one_request_is_answered_alone) {
    counters c = {0};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 10);
    client sum = run_clients(queue, &work, 1, 1, 100, 1, 0);
    CHECK_EQ(sum.ok, 100);
    CHECK_EQ(sum.wrong, 0);
    CHECK_EQ(c.calls, 100);
    srv_queue_free(queue);
}

TEST(each_request_gets_its_own_rows_back) {
    for (size_t slots = 1; slots <= 3; slots++) {
        counters c[3] = {{.nap_us = 20}, {.nap_us = 0}, {.nap_us = 5}};
        srv_work works[3] = {work_of(&c[0]), work_of(&c[1]), work_of(&c[2])};
        srv_queue *queue = queue_with(slots, 100000);
        client sum = run_clients(queue, works, 3, 24, 150, 300, 0);
        CHECK_EQ(sum.ok, 24 * 150);
        CHECK_EQ(sum.wrong, 0);
        srv_queue_stats stats;
        srv_queue_read_stats(queue, &stats);
        CHECK_EQ(stats.requests, 24 * 150);
        CHECK_EQ(stats.rows, c[0].rows + c[1].rows + c[2].rows);
        CHECK_EQ(stats.batches, c[0].calls + c[1].calls + c[2].calls);
        for (int i = 0; i < 3; i++) {
            CHECK(c[i].most_at_once <= (long)slots);
        }
        srv_queue_free(queue);
    }
}

TEST(those_who_wait_share_a_batch) {
    counters c = {.nap_us = 300};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 1000);
    client sum = run_clients(queue, &work, 1, 16, 20, 1, 0);
    CHECK_EQ(sum.ok, 320);
    CHECK(c.calls < 160);
    srv_queue_free(queue);
}

TEST(a_full_queue_refuses_and_a_late_request_expires) {
    counters c = {.nap_us = 300};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 5);
    client sum = run_clients(queue, &work, 1, 16, 30, 10, 600000);
    srv_queue_stats stats;
    srv_queue_read_stats(queue, &stats);
    CHECK_EQ(sum.wrong, 0);
    CHECK_EQ(sum.ok + sum.overloaded + sum.deadline, 16 * 30);
    CHECK(sum.ok > 0 && sum.overloaded > 0 && sum.deadline > 0);
    CHECK_EQ(stats.rejected, sum.overloaded);
    CHECK_EQ(stats.expired, sum.deadline);
    srv_queue_free(queue);
}

TEST(a_request_larger_than_the_queue_is_served_when_it_is_empty) {
    counters c = {0};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(2, 5);
    client sum = run_clients(queue, &work, 1, 1, 3, 1000, 0);
    CHECK_EQ(sum.ok, 3);
    srv_queue_free(queue);
}

typedef struct large {
    srv_queue *queue;
    const srv_work *work;
    atomic_bool ended;
} large;

static void *run_large(void *argument) {
    large *l = argument;
    size_t rows = 6400;
    float *x = calloc(rows * FEATURES, sizeof *x), *y = calloc(rows * 2, sizeof *y);
    srv_job job = {.work = l->work, .x = x, .y = y, .rows = rows};
    CHECK_EQ(srv_queue_run(l->queue, &job, NULL), SRV_OK);
    atomic_store(&l->ended, true);
    free(x);
    free(y);
    return NULL;
}

TEST(a_large_request_does_not_hold_up_small_ones) {
    counters c = {.nap_us = 500}, other = {0};
    srv_work work = work_of(&c), other_work = work_of(&other);
    srv_queue *queue = queue_with(1, 100000);
    large l = {.queue = queue, .work = &work};
    pthread_t thread;
    pthread_create(&thread, NULL, run_large, &l);
    while (atomic_load(&c.calls) == 0) {
        sched_yield();
    }
    CHECK_EQ(run_clients(queue, &work, 1, 2, 5, 1, 0).ok, 10);
    CHECK_EQ(run_clients(queue, &other_work, 1, 2, 5, 1, 0).ok, 10);
    CHECK(!atomic_load(&l.ended)); /* 100 batches of half a millisecond; the small ones were done before */
    pthread_join(thread, NULL);
    srv_queue_free(queue);
}

TEST(a_large_request_that_fills_the_queue_leaves_room_for_small_ones) {
    counters c = {.nap_us = 500};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 1000); /* the large one alone has more rows */
    large l = {.queue = queue, .work = &work};
    pthread_t thread;
    pthread_create(&thread, NULL, run_large, &l);
    while (atomic_load(&c.calls) == 0) {
        sched_yield();
    }
    CHECK_EQ(run_clients(queue, &work, 1, 2, 5, 1, 0).ok, 10);
    CHECK(!atomic_load(&l.ended));
    pthread_join(thread, NULL);
    srv_queue_stats stats;
    srv_queue_read_stats(queue, &stats);
    CHECK_EQ(stats.rejected, 0);
    CHECK_EQ(stats.queued_rows, 0);
    srv_queue_free(queue);
}

static bool always(void *hook) {
    ++*(atomic_int *)hook;
    return true;
}

TEST(an_interrupted_request_gives_its_place_up) {
    counters c = {.nap_us = 900000};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 1000);
    client blocker = {.queue = queue, .work = &work, .requests = 1, .max_rows = 1};
    pthread_create(&blocker.thread, NULL, run_client, &blocker);
    while (atomic_load(&c.calls) == 0) {
        sched_yield();
    }
    atomic_int asked = 0;
    float x[FEATURES] = {0}, y[2];
    srv_job job = {.work = &work, .x = x, .y = y, .rows = 1, .interrupted = always, .hook = &asked};
    srv_error err;
    CHECK_EQ(srv_queue_run(queue, &job, &err), SRV_CANCELLED);
    CHECK(asked == 1);
    pthread_join(blocker.thread, NULL);
    CHECK_EQ(blocker.ok, 1);
    CHECK_EQ(c.rows, 1);
    srv_queue_free(queue);
}

TEST(close_lets_the_queue_run_dry_and_refuses_more) {
    counters c = {.nap_us = 200};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(2, 100000);
    client all[8];
    for (int i = 0; i < 8; i++) {
        all[i] = (client){.queue = queue, .work = &work, .seed = (unsigned)i, .requests = 50, .max_rows = 100};
        pthread_create(&all[i].thread, NULL, run_client, &all[i]);
    }
    while (atomic_load(&c.calls) < 20) {
        sched_yield();
    }
    srv_queue_close(queue);
    CHECK_EQ(c.at_once, 0);
    long calls = c.calls, ok = 0, closed = 0;
    for (int i = 0; i < 8; i++) {
        pthread_join(all[i].thread, NULL);
        ok += all[i].ok;
        closed += all[i].closed;
        CHECK_EQ(all[i].wrong, 0);
    }
    CHECK_EQ(c.calls, calls);
    CHECK_EQ(ok + closed, 400);
    CHECK(closed > 0);
    srv_queue_close(queue);
    srv_queue_free(queue);
    srv_queue_free(NULL);
}

#define MANY 100

/* Jobs of one row each: row i is (i, 0, -i). */
typedef struct bundle {
    srv_job jobs[MANY];
    float x[MANY][FEATURES], y[MANY][2];
} bundle;

static bundle *bundle_of(const srv_work *work) {
    bundle *b = calloc(1, sizeof *b);
    for (int i = 0; i < MANY; i++) {
        b->x[i][0] = (float)i;
        b->x[i][2] = -(float)i;
        b->jobs[i] = (srv_job){.work = work, .x = b->x[i], .y = b->y[i], .rows = 1};
    }
    return b;
}

static void submit_all(srv_queue *queue, bundle *b) {
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(srv_queue_submit(queue, &b->jobs[i], NULL), SRV_OK);
    }
}

static void check_all(srv_queue *queue, bundle *b) {
    for (int i = MANY - 1; i >= 0; i--) {
        CHECK_EQ(srv_queue_wait(queue, &b->jobs[i], NULL), SRV_OK);
        CHECK(b->y[i][0] == 2 * (float)i + 1 && b->y[i][1] == -(float)i);
    }
}

TEST(one_thread_has_many_requests_on_their_way) {
    counters c = {0};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 1000);
    bundle *b = bundle_of(&work);
    submit_all(queue, b);
    CHECK_EQ(c.calls, 0); /* it has no thread but this one, which has not waited yet */
    check_all(queue, b);
    CHECK_EQ(c.calls, 2);
    CHECK_EQ(c.rows, MANY);
    free(b);
    srv_queue_free(queue);
}

TEST(others_compute_what_nobody_waits_for_yet) {
    counters c = {0};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 1000);
    bundle *b = bundle_of(&work);
    submit_all(queue, b);
    CHECK_EQ(run_clients(queue, &work, 1, 1, 1, 1, 0).ok, 1); /* the last in the lane, so all are computed */
    CHECK_EQ(c.rows, MANY + 1);
    check_all(queue, b);
    CHECK_EQ(c.rows, MANY + 1);
    free(b);
    srv_queue_free(queue);
}

TEST(close_computes_what_nobody_waits_for_yet) {
    counters c = {0};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(2, 1000);
    bundle *b = bundle_of(&work);
    submit_all(queue, b);
    srv_queue_close(queue);
    CHECK_EQ(c.rows, MANY);
    check_all(queue, b);
    srv_job late = {.work = &work, .x = b->x[0], .y = b->y[0], .rows = 1};
    CHECK_EQ(srv_queue_submit(queue, &late, NULL), SRV_CLOSED);
    free(b);
    srv_queue_free(queue);
}

TEST(deadlines_hold_before_the_wait_and_limits_at_the_door) {
    counters c = {0};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 3);
    float x[FEATURES] = {0}, y[4][2];
    srv_job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = (srv_job){.work = &work, .x = x, .y = y[i], .rows = 1};
        jobs[i].deadline_ns = i < 2 ? srv_now_ns() + 2000000 : 0;
        CHECK_EQ(srv_queue_submit(queue, &jobs[i], NULL), i < 3 ? SRV_OK : SRV_OVERLOADED);
    }
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    CHECK_EQ(srv_queue_wait(queue, &jobs[2], NULL), SRV_OK); /* leads, and finds the others late */
    CHECK_EQ(srv_queue_wait(queue, &jobs[1], NULL), SRV_DEADLINE);
    CHECK_EQ(srv_queue_wait(queue, &jobs[0], NULL), SRV_DEADLINE);
    CHECK_EQ(c.rows, 1);
    srv_queue_free(queue);
}

typedef struct mixer {
    pthread_t thread;
    srv_queue *queue;
    const srv_work *works;
    unsigned seed;
    long wrong, ok, given_up;
} mixer;

static bool now_and_then(void *hook) {
    return rand_r(hook) % 2 == 0;
}

static void maybe_yield(unsigned *seed) {
    for (int i = rand_r(seed) % 4; i > 0; i--) {
        sched_yield();
    }
}

/* Up to 8 requests on their way, each in memory of its own that is freed at once: who touches it too late is caught by
 * the sanitizers. */
static void *mix(void *argument) {
    mixer *m = argument;
    enum { AT_ONCE = 8 };
    for (int turn = 0; turn < 60; turn++) {
        struct {
            srv_job job;
            float x[20 * FEATURES], y[20 * 2];
        } *all[AT_ONCE];
        int count = 0;
        for (int i = rand_r(&m->seed) % AT_ONCE; i >= 0; i--, count++) {
            all[count] = calloc(1, sizeof *all[count]);
            size_t rows = rand_r(&m->seed) % 8 == 0 ? 1 + (size_t)rand_r(&m->seed) % 20 : 1;
            for (size_t j = 0; j < rows * FEATURES; j++) {
                all[count]->x[j] = (float)(rand_r(&m->seed) % 1000);
            }
            srv_job *job = &all[count]->job;
            *job = (srv_job){
                .work = &m->works[rand_r(&m->seed) % 2], .x = all[count]->x, .y = all[count]->y, .rows = rows};
            job->background = rand_r(&m->seed) % 4 == 0;
            if (rand_r(&m->seed) % 8 == 0) {
                job->deadline_ns = srv_now_ns() + (uint64_t)rand_r(&m->seed) % 300000;
            }
            if (rand_r(&m->seed) % 2 == 0) {
                job->interrupted = now_and_then;
                job->hook = &m->seed;
            }
            srv_status status = srv_queue_submit(m->queue, job, NULL);
            if (status != SRV_OK) {
                m->given_up++;
                free(all[count--]);
            }
            maybe_yield(&m->seed);
        }
        while (count > 0) {
            int i = rand_r(&m->seed) % count;
            srv_status status = srv_queue_wait(m->queue, &all[i]->job, NULL);
            for (size_t r = 0; r < all[i]->job.rows && status == SRV_OK; r++) {
                m->wrong += all[i]->y[2 * r] != 2 * all[i]->x[FEATURES * r] + 1;
                m->wrong += all[i]->y[2 * r + 1] != all[i]->x[FEATURES * r + 2];
            }
            m->ok += status == SRV_OK;
            m->given_up += status == SRV_DEADLINE || status == SRV_CANCELLED;
            m->wrong += status != SRV_OK && status != SRV_DEADLINE && status != SRV_CANCELLED;
            free(all[i]);
            all[i] = all[--count];
            maybe_yield(&m->seed);
        }
    }
    return NULL;
}

TEST(submitting_and_waiting_under_stress) {
    for (size_t slots = 1; slots <= 3; slots++) {
        counters c[2] = {{.nap_us = 30}, {.nap_us = 0}};
        double ns[SRV_BATCH_ROWS + 1];
        for (int i = 0; i <= SRV_BATCH_ROWS; i++) {
            ns[i] = 200000 + 100 * i; /* worth a wait for others */
        }
        c[0].batch_ns = ns;
        srv_work works[2] = {work_of(&c[0]), work_of(&c[1])};
        srv_queue *queue = srv_queue_new(&(srv_queue_options){slots, 200, 50000});
        mixer all[12];
        for (int i = 0; i < 12; i++) {
            all[i] = (mixer){.queue = queue, .works = works, .seed = (unsigned)(i + 100 * (int)slots)};
            pthread_create(&all[i].thread, NULL, mix, &all[i]);
        }
        long ok = 0, given_up = 0;
        for (int i = 0; i < 12; i++) {
            pthread_join(all[i].thread, NULL);
            CHECK_EQ(all[i].wrong, 0);
            ok += all[i].ok;
            given_up += all[i].given_up;
        }
        srv_queue_stats stats;
        uint64_t end = srv_now_ns() + (uint64_t)5 * 1000000000u;
        do { /* a helper may be about to give its slot back */
            sched_yield();
            srv_queue_read_stats(queue, &stats);
        } while (stats.running > 0 && srv_now_ns() < end);
        CHECK(ok > 0 && given_up > 0);
        CHECK_EQ(stats.requests + stats.rejected, ok + given_up);
        CHECK_EQ(stats.rejected + stats.expired + stats.cancelled, given_up);
        CHECK_EQ(stats.queued_rows, 0);
        CHECK_EQ(stats.running, 0); /* no slot is lost */
        srv_queue_free(queue);
    }
}

#ifdef SRV_TEST_ALLOC
TEST(a_failed_allocation_fails_one_request) {
    counters c = {0};
    srv_work work = work_of(&c);
    srv_queue *queue = queue_with(1, 100);
    float x[FEATURES] = {0}, y[2];
    for (long n = 1; n <= 4; n++) {
        srv_job job = {.work = &work, .x = x, .y = y, .rows = 1};
        srv_test_fail_allocation(n);
        srv_status status = srv_queue_run(queue, &job, NULL);
        srv_test_fail_allocation(0);
        CHECK(status == SRV_OK || status == SRV_NO_MEMORY);
        CHECK(n > 1 || status == SRV_NO_MEMORY);
    }
    CHECK_EQ(run_clients(queue, &work, 1, 2, 10, 5, 0).ok, 20);
    srv_queue_free(queue);
}
#define RUN_ALLOCATION RUN(a_failed_allocation_fails_one_request)
#else
#define RUN_ALLOCATION
#endif

TEST_MAIN(RUN(one_request_is_answered_alone); RUN(each_request_gets_its_own_rows_back);
          RUN(those_who_wait_share_a_batch); RUN(a_full_queue_refuses_and_a_late_request_expires);
          RUN(a_request_larger_than_the_queue_is_served_when_it_is_empty);
          RUN(a_large_request_does_not_hold_up_small_ones);
          RUN(a_large_request_that_fills_the_queue_leaves_room_for_small_ones);
          RUN(an_interrupted_request_gives_its_place_up); RUN(close_lets_the_queue_run_dry_and_refuses_more);
          RUN(one_thread_has_many_requests_on_their_way); RUN(others_compute_what_nobody_waits_for_yet);
          RUN(close_computes_what_nobody_waits_for_yet); RUN(deadlines_hold_before_the_wait_and_limits_at_the_door);
          RUN(submitting_and_waiting_under_stress); RUN_ALLOCATION)
