/* When a leader waits: the rule by itself, and the scheduler under it. */
#include "base/clock.h"
#include "check.h"
#include "queue/pace.h"
#include "queue_batch.h"

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
    arrivals a = {.last_ns = 1000, .gap_ns = 1};
    CHECK(p.saving_ns <= 0);
    CHECK_EQ(pace_wait_ns(&p, &a, 1, 2, 32, 1, 1000, 1000, 1000000), 0);
}

TEST(a_large_network_waits_while_others_come_quickly) {
    double ns[SRV_BATCH_ROWS + 1];
    costs(ns, 110, 15);
    pace p = pace_with(ns, 5);
    arrivals quick = {.last_ns = 1000000, .gap_ns = 20 * US}, slow = {.last_ns = 1000000, .gap_ns = 500 * US};
    uint64_t now = 1010000, long_wait = 10000000;
    CHECK(p.saving_ns > 50 * US && p.saving_ns < 110 * US);
    CHECK(p.full_rows > 8 && p.full_rows <= SRV_BATCH_ROWS);
    uint64_t wait = pace_wait_ns(&p, &quick, 2, 2, 32, 1, now, now, long_wait);
    CHECK_EQ(wait, 1000000 + (uint64_t)p.saving_ns - now);
    CHECK_EQ(pace_wait_ns(&p, &slow, 2, 2, 32, 1, now, now, long_wait), 0);            /* too seldom */
    CHECK_EQ(pace_wait_ns(&p, &quick, 2, 2, 32, 8, now, now, long_wait), 0);           /* other slots take them */
    CHECK_EQ(pace_wait_ns(&p, &quick, p.full_rows, 9, 32, 1, now, now, long_wait), 0); /* full */
    CHECK_EQ(pace_wait_ns(&p, &quick, 2, 2, 2, 1, now, now, long_wait), 0);            /* all are here already */
    CHECK_EQ(pace_wait_ns(&p, &quick, 2, 2, 32, 1, now, now + 200000, long_wait), 0);  /* the next one is overdue */
    CHECK_EQ(pace_wait_ns(&p, &quick, 2, 2, 32, 1, now - 5000, now, 7000), 2000);      /* the cap */
}

TEST(unknown_costs_mean_no_wait) {
    pace p = pace_with(NULL, 5);
    CHECK(p.saving_ns <= 0);
}

TEST(a_burst_after_a_pause_counts_as_a_burst) {
    arrivals a = {0};
    uint64_t now = 5000000000u;
    arrivals_count(&a, now);
    for (int i = 0; i < 40; i++) {
        arrivals_count(&a, now += 10000);
    }
    CHECK(a.gap_ns < 15 * US);
    arrivals_count(&a, now += 3600ull * 1000000000u);
    CHECK(a.gap_ns <= 1e9);
    for (int i = 0; i < 6; i++) {
        arrivals_count(&a, now += 10000);
    }
    CHECK(a.gap_ns < 200 * US);
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
    costs(n.ns, 3000, 20);
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

TEST(alone_nobody_waits) {
    CHECK_EQ(run_clients(1000000000, 1, 50).waits, 0);
}

TEST(waiting_makes_larger_batches) {
    srv_queue_stats without = run_clients(0, 12, 30), with = run_clients(1000000000, 12, 30);
    CHECK_EQ(without.waits, 0);
    CHECK(with.waits > 0);
    CHECK_EQ(with.rows, without.rows);
    CHECK(with.batches < without.batches);
}

TEST_MAIN(RUN(a_small_network_never_waits); RUN(a_large_network_waits_while_others_come_quickly);
          RUN(unknown_costs_mean_no_wait); RUN(a_burst_after_a_pause_counts_as_a_burst);
          RUN(to_wake_a_thread_costs_something); RUN(alone_nobody_waits); RUN(waiting_makes_larger_batches))
