/* The batching queue alone: from submission to completion, without HTTP and without computing.
 *
 *   cc @ext/cflags.txt bench/scheduler.c ext/core/queue_batch.c ext/core/queue/{counts,lanes,pace}.c \
 *      ext/core/base/{alloc,event,status,threads}.c -pthread -lm -o scheduler && taskset -c 0 ./scheduler [seconds]
 *
 * Method.  A request has one row, `run` only copies a number per row, for the check that each request got its own, and
 * there is one slot.  Requests per core are requests divided by the CPU seconds of the whole process, threads' switches
 * and the kernel's part included, so that other programs on the machine don't matter.
 *   in flight  a thread submits so many requests, then waits for each: batches of that many, and nobody is woken, for
 *              the thread that waits is the one that computes.  What the queue itself costs, batching included.
 *   alone      threads call srv_queue_run, one request after the other.  `run` returns at once, so on one core nobody
 *              comes in the meantime: batches of one row, no waiting.
 *   batched    as alone, but `run` yields the core once, so that the other threads submit while it "computes": batches of
 *              about all threads.  Each request but the leader's sleeps and is woken: a futex call and a switch.
 *   rows       as alone, with 64 rows in a request: what a row costs when its batch has one thread.
 * The wake-up that is printed first is a condition variable from one thread to another, nothing else: what no queue
 * whose callers sleep in threads of their own can go much below, once per request.
 */
#include "base/clock.h"
#include "base/threads.h"
#include "queue/pace.h"
#include "queue_batch.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { MAX_THREADS = 128, MAX_AT_ONCE = 64 };

static void compute_nothing(const void *context, const float *x, size_t rows, float *scratch, float *y) {
    (void)context, (void)scratch;
    for (size_t row = 0; row < rows; row++) {
        y[row] = x[row];
    }
}

static void yield_once(const void *context, const float *x, size_t rows, float *scratch, float *y) {
    sched_yield();
    compute_nothing(context, x, rows, scratch, y);
}

typedef struct client {
    pthread_t thread;
    srv_queue *queue;
    const srv_work *work;
    const atomic_bool *stop;
    size_t rows, at_once, requests;
} client;

static void fail_unless(bool right) {
    if (!right) {
        fprintf(stderr, "a request failed\n");
        exit(1);
    }
}

static void *ask(void *argument) {
    client *c = argument;
    float x[SRV_BATCH_ROWS] = {0}, y[SRV_BATCH_ROWS];
    while (!atomic_load_explicit(c->stop, memory_order_relaxed)) {
        x[0] = (float)c->requests;
        y[0] = -1;
        srv_job job = {.work = c->work, .x = x, .y = y, .rows = c->rows};
        srv_error err;
        fail_unless(srv_queue_run(c->queue, &job, &err) == SRV_OK && y[0] == x[0]);
        c->requests++;
    }
    return NULL;
}

static void *ask_many(void *argument) {
    client *c = argument;
    float x[MAX_AT_ONCE], y[MAX_AT_ONCE];
    srv_job jobs[MAX_AT_ONCE];
    srv_error err;
    while (!atomic_load_explicit(c->stop, memory_order_relaxed)) {
        for (size_t i = 0; i < c->at_once; i++) {
            x[i] = (float)(c->requests + i);
            y[i] = -1;
            jobs[i] = (srv_job){.work = c->work, .x = &x[i], .y = &y[i], .rows = 1};
            fail_unless(srv_queue_submit(c->queue, &jobs[i], &err) == SRV_OK);
        }
        for (size_t i = 0; i < c->at_once; i++) {
            fail_unless(srv_queue_wait(c->queue, &jobs[i], &err) == SRV_OK && y[i] == x[i]);
        }
        c->requests += c->at_once;
    }
    return NULL;
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double switches(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_nvcsw;
}

/* at_once: requests that each thread has on their way; 0: srv_queue_run. */
static void measure(const char *name, const srv_work *work, size_t threads, size_t rows, size_t at_once,
                    double seconds) {
    srv_queue *queue = srv_queue_new(&(srv_queue_options){.slots = 1, .max_queue_rows = 1000000});
    if (queue == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    static client clients[MAX_THREADS];
    atomic_bool stop = false;
    double cpu = cpu_seconds(), switched = switches();
    uint64_t begin = srv_now_ns();
    for (size_t i = 0; i < threads; i++) {
        clients[i] = (client){.queue = queue, .work = work, .stop = &stop, .rows = rows, .at_once = at_once};
        if (!srv_start_joinable_thread(&clients[i].thread, at_once > 0 ? ask_many : ask, &clients[i])) {
            fprintf(stderr, "no more threads\n");
            exit(1);
        }
    }
    nanosleep(&(struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (long)seconds) * 1e9)}, NULL);
    atomic_store(&stop, true);
    double requests = 0;
    for (size_t i = 0; i < threads; i++) {
        pthread_join(clients[i].thread, NULL);
        requests += (double)clients[i].requests;
    }
    double elapsed = (double)(srv_now_ns() - begin) * 1e-9;
    cpu = cpu_seconds() - cpu;
    switched = switches() - switched;
    srv_queue_stats stats;
    srv_queue_read_stats(queue, &stats);
    printf("%-12s %8zu %6zu %14.0f %17.0f %10.0f %10.1f %14.2f\n", name, threads, rows, requests / elapsed,
           requests / cpu, cpu / requests * 1e9, (double)stats.rows / (double)stats.batches, switched / requests);
    srv_queue_free(queue);
}

int main(int count, char **arguments) {
    double seconds = count > 1 ? atof(arguments[1]) : 2;
    const srv_work at_once = {.run = compute_nothing, .context = "a", .features = 1, .outputs = 1, .batch_rows = 64};
    const srv_work yielding = {.run = yield_once, .context = "b", .features = 1, .outputs = 1, .batch_rows = 64};
    printf("%zu core(s); a wake-up %.0f ns\n", srv_usable_cores(), measure_wake_ns());
    printf("%-12s %8s %6s %14s %17s %10s %10s %14s\n", "", "threads", "rows", "requests/s", "requests/s core", "CPU ns",
           "batch", "switches each");
    for (size_t in_flight = 8; in_flight <= MAX_AT_ONCE; in_flight *= 2) {
        char name[32];
        snprintf(name, sizeof name, "in flight %zu", in_flight);
        measure(name, &at_once, 1, 1, in_flight, seconds);
    }
    measure("alone", &at_once, 1, 1, 0, seconds);
    measure("alone", &at_once, 32, 1, 0, seconds);
    for (size_t threads = 8; threads <= 64; threads *= 2) {
        measure("batched", &yielding, threads, 1, 0, seconds);
    }
    measure("rows", &at_once, 1, 64, 0, seconds);
    return 0;
}
