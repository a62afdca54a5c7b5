#include "base/alloc.h"
#include "check.h"
#include "model/runs.h"

#include <pthread.h>

enum { THREADS = 4, ENGINES = 64 };

static srv_model_stats *all; /* [ENGINES]: only their places matter */

typedef struct asking {
    srv_runs *runs;
    pthread_barrier_t *start;
    const srv_run *found[ENGINES];
} asking;

static void *ask(void *argument) {
    asking *mine = argument;
    pthread_barrier_wait(mine->start);
    for (size_t i = 0; i < ENGINES; i++) {
        mine->found[i] = srv_run_of(mine->runs, NULL, &all[i]);
    }
    return NULL;
}

/* Requests share batches only if they have the same run. */
TEST(threads_that_meet_share_one_run) {
    static asking asked[THREADS];
    pthread_barrier_t start;
    pthread_t threads[THREADS];
    for (int round = 0; round < 50; round++) {
        srv_runs *runs = srv_runs_new();
        pthread_barrier_init(&start, NULL, THREADS);
        for (int i = 0; i < THREADS; i++) {
            asked[i] = (asking){.runs = runs, .start = &start};
            CHECK_EQ(pthread_create(&threads[i], NULL, ask, &asked[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        for (int i = 0; i < THREADS; i++) {
            for (size_t e = 0; e < ENGINES; e++) {
                CHECK(asked[i].found[e] == asked[0].found[e] && asked[i].found[e]->stats == &all[e]);
            }
        }
        pthread_barrier_destroy(&start);
        srv_runs_free(runs);
    }
}

TEST(without_memory_there_is_none) {
    srv_runs *runs = srv_runs_new();
    srv_test_fail_allocation(1);
    CHECK(srv_run_of(runs, NULL, &all[0]) == NULL);
    srv_test_fail_allocation(0);
    CHECK(srv_run_of(runs, NULL, &all[0]) != NULL);
    srv_runs_free(runs);
    srv_runs_free(NULL);
}

TEST_MAIN(all = calloc(ENGINES, sizeof *all); RUN(threads_that_meet_share_one_run); RUN(without_memory_there_is_none);
          free(all))
