/* fork() while other threads are inside the queue: the child's queue works, and the parent's goes on. */
#include "base/blas.h"
#include "base/clock.h"
#include "check.h"
#include "queue_batch.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FORKS 50

/* A sanitizer's allocator has locks that do not survive a fork among threads; without threads the rest is still checked. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLIENTS 1
#define STARTED 0
#else
#define CLIENTS 4
#define STARTED CLIENTS
#endif

/* y = 2x, as a product: OpenBLAS has locks too. */
static void run(const void *context, const float *x, size_t rows, float *scratch, float *y) {
    const float two = 2;
    (void)scratch, (void)context;
    srv_blas_begin();
    srv_sgemm(rows, 1, 1, x, 1, &two, 1, false, y, 1);
    srv_blas_end();
}

static const srv_work work = {run, NULL, 1, 1, 16, 64, NULL};

static bool answers(srv_queue *queue, float number) {
    float y = 0;
    srv_job job = {.work = &work, .x = &number, .y = &y, .rows = 1};
    return srv_queue_run(queue, &job, NULL) == SRV_OK && y == 2 * number;
}

typedef struct client {
    pthread_t thread;
    srv_queue *queue;
    atomic_bool *stop;
    long right, wrong;
} client;

static void *run_client(void *argument) {
    client *c = argument;
    while (!atomic_load(c->stop)) {
        bool right = answers(c->queue, (float)(c->right % 1000));
        c->right += right;
        c->wrong += !right;
    }
    return NULL;
}

/* 0 if the child ended well, before it was killed for taking too long. */
static int wait_for(pid_t child) {
    uint64_t end = srv_now_ns() + (uint64_t)10 * 1000000000u;
    int status;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (srv_now_ns() > end) {
            kill(child, SIGKILL);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return status;
}

TEST(the_child_of_a_busy_parent_works) {
    srv_blas_use_one_thread();
    srv_queue *queue = srv_queue_new(&(srv_queue_options){.slots = 2, .max_queue_rows = 1000});
    atomic_bool stop = false;
    client clients[CLIENTS];
    for (int i = 0; i < STARTED; i++) {
        clients[i] = (client){.queue = queue, .stop = &stop};
        pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
    }
    for (int n = 0; n < FORKS; n++) {
        pid_t child = fork();
        if (child == 0) {
            srv_queue_after_fork(queue);
            srv_queue_stats stats;
            srv_queue_read_stats(queue, &stats);
            bool right = stats.queued_rows == 0 && stats.running == 0 && stats.requests == 0;
            for (int i = 0; i < 10; i++) {
                right = right && answers(queue, (float)i);
            }
            srv_queue_close(queue); /* waits for those inside: there are none */
            _exit(!right);
        }
        CHECK(child > 0);
        CHECK_EQ(wait_for(child), 0);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < STARTED; i++) {
        pthread_join(clients[i].thread, NULL);
        CHECK(clients[i].right > 0);
        CHECK_EQ(clients[i].wrong, 0);
    }
    srv_queue_free(queue);
}

TEST(what_a_fork_leaves_behind_is_cancelled_in_the_child) {
    srv_queue *queue = srv_queue_new(&(srv_queue_options){.slots = 1, .max_queue_rows = 10});
    float number = 3, y = 0;
    srv_job job = {.work = &work, .x = &number, .y = &y, .rows = 1};
    CHECK_EQ(srv_queue_submit(queue, &job, NULL), SRV_OK);
    pid_t child = fork();
    if (child == 0) {
        srv_queue_after_fork(queue);
        _exit(srv_queue_wait(queue, &job, NULL) == SRV_CANCELLED && answers(queue, 5) ? 0 : 1);
    }
    CHECK_EQ(wait_for(child), 0);
    CHECK_EQ(srv_queue_wait(queue, &job, NULL), SRV_OK);
    CHECK(y == 6);
    srv_queue_free(queue);
}

TEST_MAIN(RUN(the_child_of_a_busy_parent_works); RUN(what_a_fork_leaves_behind_is_cancelled_in_the_child))
