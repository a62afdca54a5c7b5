/* When a leader waits: the rule by itself, and the scheduler under it. */
#include "base/clock.h"
#include "check.h"
#include "queue/pace.h"
#include "queue_batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define US 1000.0

/* A row alone takes `alone` µs, and each more of a batch `more` µs. */
static void costs(double *ns, double alone, double more) {
    ns[0] = 0;
    for (size_t rows = 1; rows <= SRV_BATCH_ROWS; rows++) {
        ns[rows] = (alone + more * (double)(rows - 1)) * US;
    }
}

static pace pace_with(const double *ns, double wake_us) {
    return pace_of(&(srv_work){.batch_rows = SRV_BATCH_ROWS, .batch_ns = ns}, wake_us * US);
}

TEST(a_small_network_never_waits) {
    double ns[SRV_BATCH_ROWS + 1];
    costs(ns, 2, 1);
    pace p = pace_with(ns, 5);
    CHECK(p.saving_ns <= 0);
    CHECK_EQ(pace_wait_ns(&p, 1, 1000, 1000, 1000, 1000000), 0);
}

TEST(a_large_network_waits_as_long_as_one_more_would_save) {
    double ns[SRV_BATCH_ROWS + 1];
    costs(ns, 110, 15);
    pace p = pace_with(ns, 5);
    uint64_t last = 1000000, now = 1010000, long_wait = 10000000;
    CHECK(p.saving_ns > 50 * US && p.saving_ns < 110 * US);
    CHECK(p.full_rows > 8 && p.full_rows <= SRV_BATCH_ROWS);
    CHECK_EQ(pace_wait_ns(&p, 2, last, now, now, long_wait), last + (uint64_t)p.saving_ns - now);
    CHECK_EQ(pace_wait_ns(&p, p.full_rows, last, now, now, long_wait), 0); /* full */
    CHECK_EQ(pace_wait_ns(&p, 2, last, now, now + 200000, long_wait), 0);  /* the next one is overdue */
    CHECK_EQ(pace_wait_ns(&p, 2, last, now - 5000, now, 7000), 2000);      /* the cap */
}

TEST(unknown_costs_mean_no_wait) {
    pace p = pace_with(NULL, 5);
    CHECK(p.saving_ns <= 0);
}

/* Batches until the next wait is allowed. */
static int pause_of(patience *p, bool alone) {
    int batches = 0;
    while (!patience_allows(p, alone)) {
        batches++;
    }
    return batches;
}

TEST(waits_that_nobody_joins_become_rare) {
    patience p = {0};
    int wanted[] = {0, 1, 2, 4, 8, 16, 32, 64, 128, 128, 128};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        CHECK_EQ(pause_of(&p, false), wanted[i]);
        patience_learn(&p, false);
    }
    CHECK_EQ(pause_of(&p, false), 128);
    CHECK(patience_is_curious(&p)); /* a rare try must be able to find out */
    patience_learn(&p, true);
    CHECK_EQ(pause_of(&p, false), 0);
}

TEST(alone_they_are_so_rare_that_p99_does_not_show_them) {
    patience p = {0};
    int waits = 0;
    for (int batch = 0; batch < 10000; batch++) {
        if (patience_allows(&p, true)) {
            waits++;
            patience_learn(&p, false);
        }
    }
    CHECK(waits > 10 && waits < 25);
    CHECK(p.pause > 128 || p.length > 128);
    CHECK(pause_of(&p, false) <= 128); /* somebody came: the next try is not far */
}

TEST(some_waits_look_for_more_than_are_known) {
    patience p = {0};
    int curious = 0;
    for (int i = 0; i < 160; i++) {
        CHECK(patience_allows(&p, false));
        curious += patience_is_curious(&p);
        patience_learn(&p, true);
    }
    CHECK_EQ(curious, 10);
}

TEST(to_wake_a_thread_costs_something) {
    double ns = measure_wake_ns();
    CHECK(ns > 100 && ns < 1e8);
}

typedef struct network {
    double ns[SRV_BATCH_ROWS + 1];
} network;

/* Takes as long as the network says, by the clock. */
static void run(const void *context, const float *x, size_t rows, float *scratch, float *y) {
    const network *n = context;
    struct timespec nap = {.tv_nsec = (long)n->ns[rows]};
    nanosleep(&nap, NULL);
    (void)scratch;
    memcpy(y, x, rows * sizeof *y);
}

typedef struct client {
    pthread_t thread;
    srv_queue *queue;
    const srv_work *work;
    int requests;
} client;

static void *ask(void *argument) {
    client *c = argument;
    for (int i = 0; i < c->requests; i++) {
        float x = (float)i, y = -1;
        srv_job job = {.work = c->work, .x = &x, .y = &y, .rows = 1};
        CHECK_EQ(srv_queue_run(c->queue, &job, NULL), SRV_OK);
        CHECK(y == x);
    }
    return NULL;
}

static srv_queue_stats run_clients(uint64_t max_wait_ns, int clients, int requests) {
    network n;
    costs(n.ns, 1000, 20);
    srv_work work = {run, &n, 1, 1, 16, SRV_BATCH_ROWS, n.ns};
    srv_queue *queue =
        srv_queue_new(&(srv_queue_options){.slots = 1, .max_queue_rows = 1000, .max_wait_ns = max_wait_ns});
    client all[16];
    for (int i = 0; i < clients; i++) {
        all[i] = (client){.queue = queue, .work = &work, .requests = requests};
        pthread_create(&all[i].thread, NULL, ask, &all[i]);
    }
    for (int i = 0; i < clients; i++) {
        pthread_join(all[i].thread, NULL);
    }
    srv_queue_stats stats;
    srv_queue_read_stats(queue, &stats);
    srv_queue_free(queue);
    return stats;
}

TEST(alone_hardly_anybody_waits) {
    srv_queue_stats stats = run_clients(1000000000, 1, 300);
    CHECK(stats.waits > 0 && stats.waits <= 9); /* after 0, 1, 2, 4 … 128 batches */
}

TEST(waiting_makes_larger_batches) {
    srv_queue_stats without = run_clients(0, 12, 30), with = run_clients(1000000000, 12, 30);
    CHECK_EQ(without.waits, 0);
    CHECK(with.waits > 0);
    CHECK_EQ(with.rows, without.rows);
    CHECK(with.batches < without.batches);
}

TEST_MAIN(RUN(a_small_network_never_waits); RUN(a_large_network_waits_as_long_as_one_more_would_save);
          RUN(unknown_costs_mean_no_wait); RUN(waits_that_nobody_joins_become_rare);
          RUN(alone_they_are_so_rare_that_p99_does_not_show_them); RUN(some_waits_look_for_more_than_are_known);
          RUN(to_wake_a_thread_costs_something); RUN(alone_hardly_anybody_waits); RUN(waiting_makes_larger_batches))
