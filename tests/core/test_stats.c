#include "base/alloc.h"
#include "check.h"
#include "stats.h"

#include <pthread.h>

TEST(every_value_is_in_the_bucket_whose_bounds_hold_it) {
    static srv_histogram h;
    uint64_t values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 1000, 1535, 1536, 1u << 20, (uint64_t)1 << 45, UINT64_MAX};
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        memset(&h, 0, sizeof h);
        srv_histogram_add(&h, values[v]);
        for (size_t i = 0; i < SRV_HISTOGRAM_BUCKETS; i++) {
            bool above = i == 0 || values[v] >= srv_histogram_bound(i - 1);
            bool below = values[v] < srv_histogram_bound(i) || i == SRV_HISTOGRAM_BUCKETS - 1;
            CHECK_EQ(h.bucket[i], above && below);
        }
        CHECK(h.sum == values[v]);
    }
    for (size_t i = 1; i < SRV_HISTOGRAM_BUCKETS; i++) {
        CHECK(srv_histogram_bound(i) > srv_histogram_bound(i - 1));
    }
}

static void *count_some(void *argument) {
    srv_stats *stats = argument;
    for (int i = 0; i < 20000; i++) {
        srv_model_stats *s = srv_stats_of(stats, i % 2 ? "a" : "b", 1 + i % 5);
        atomic_fetch_add_explicit(&s->rows, 1, memory_order_relaxed);
    }
    return NULL;
}

TEST(threads_that_meet_a_version_first_make_it_once) {
    srv_stats stats = {0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, count_some, &stats);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    size_t versions = 0, rows = 0;
    for (srv_model_stats *s = atomic_load(&stats.first); s != NULL; s = s->next) {
        versions++;
        rows += s->rows;
    }
    CHECK_EQ(versions, 10);
    CHECK_EQ(rows, 80000);
    srv_stats_free(&stats);
    CHECK(atomic_load(&stats.first) == NULL);
}

TEST(without_memory_nothing_is_counted) {
    srv_stats stats = {0};
    srv_test_fail_allocation(1);
    CHECK(srv_stats_of(&stats, "a", 1) == NULL);
    srv_test_fail_allocation(0);
    CHECK(srv_stats_of(&stats, "a", 1) != NULL);
    srv_stats_free(&stats);
}

TEST_MAIN(RUN(every_value_is_in_the_bucket_whose_bounds_hold_it); RUN(threads_that_meet_a_version_first_make_it_once);
          RUN(without_memory_nothing_is_counted))
