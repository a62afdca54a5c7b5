/* fork() while other threads are inside the queue: the child's queue works, and the parent's goes on. */
#include "base/alloc.h"
#include "base/blas.h"
#include "base/clock.h"
#include "check.h"
#include "queue/counts.h"
#include "queue_batch.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FORKS 50
#define CHILD_ASKS 10

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
            bool right = true;
            for (int i = 0; i < CHILD_ASKS; i++) {
                right = right && answers(queue, (float)i);
            }
            srv_queue_close(queue); /* waits for those inside: there are none */
            _exit(!right);
        }
        CHECK(child > 0);
        CHECK_EQ(wait_for(child), 0);
    }
    atomic_store(&stop, true);
    long asked = FORKS * CHILD_ASKS;
    for (int i = 0; i < STARTED; i++) {
        pthread_join(clients[i].thread, NULL);
        CHECK(clients[i].right > 0);
        CHECK_EQ(clients[i].wrong, 0);
        asked += clients[i].right;
    }
    srv_queue_stats stats; /* of all, and of those that live */
    srv_queue_read_stats(queue, &stats);
    CHECK_EQ(stats.requests, asked);
    CHECK_EQ(stats.rows, asked);
    CHECK_EQ(stats.queued_rows, 0);
    CHECK_EQ(stats.running, 0);
    srv_queue_free(queue);
}

/* In a child: shows rows that wait, says so, and waits to be killed. */
static pid_t start_child_with_rows(srv_queue *queue, size_t rows) {
    int pipes[2];
    char ready;
    CHECK_EQ(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        srv_queue_after_fork(queue);
        float numbers[64] = {0}, y[64];
        srv_job job = {.work = &work, .x = numbers, .y = y, .rows = rows};
        srv_queue_submit(queue, &job, NULL);
        _exit(write(pipes[1], "x", 1) != 1 || pause());
    }
    CHECK_EQ(read(pipes[0], &ready, 1), 1);
    close(pipes[0]);
    close(pipes[1]);
    return child;
}

static size_t queued_rows(srv_queue *queue) {
    srv_queue_stats stats;
    srv_queue_read_stats(queue, &stats);
    return stats.queued_rows;
}

TEST(rows_that_wait_are_those_of_the_processes_that_live) {
    srv_queue *queue = srv_queue_new(&(srv_queue_options){.slots = 1, .max_queue_rows = 100});
    pid_t first = start_child_with_rows(queue, 3), second = start_child_with_rows(queue, 40);
    CHECK_EQ(queued_rows(queue), 43);
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    CHECK_EQ(queued_rows(queue), 40);
    pid_t third = start_child_with_rows(queue, 1); /* in the place of the dead one */
    CHECK_EQ(queued_rows(queue), 41);
    kill(second, SIGKILL);
    kill(third, SIGKILL);
    waitpid(second, NULL, 0);
    waitpid(third, NULL, 0);
    CHECK_EQ(queued_rows(queue), 0);
    srv_queue_stats stats;
    srv_queue_read_stats(queue, &stats);
    CHECK_EQ(stats.requests, 3);
    srv_queue_free(queue);
}

TEST(more_processes_than_places_are_counted_all_the_same) {
    counts *all = counts_new();
    for (size_t i = 0; i < COUNTS_PROCESSES; i++) {
        shown *place = counts_enter(all);
        CHECK(place == &all->processes[i]);
        CHECK(counts_enter(all) == place); /* a process has one */
        atomic_store(&place->pid, (int)getppid());
    }
    CHECK(counts_enter(all) == NULL);
    counts_leave(NULL);
    atomic_store(&all->processes[7].pid, (int)getpid());
    counts_leave(&all->processes[7]);
    CHECK(counts_enter(all) == &all->processes[7]);
    counts_free(all);
}

TEST(without_memory_there_is_no_queue) {
    for (long n = 1; n <= 3; n++) {
        srv_test_fail_allocation(n);
        CHECK(srv_queue_new(&(srv_queue_options){.slots = 1}) == NULL);
    }
    srv_test_fail_allocation(0);
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

TEST_MAIN(RUN(the_child_of_a_busy_parent_works); RUN(what_a_fork_leaves_behind_is_cancelled_in_the_child);
          RUN(rows_that_wait_are_those_of_the_processes_that_live);
          RUN(more_processes_than_places_are_counted_all_the_same); RUN(without_memory_there_is_no_queue))
