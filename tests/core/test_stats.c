#include "base/alloc.h"
#include "check.h"
#include "stats.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

#define NAME_BYTES (SRV_STATS_NAME_WORDS * sizeof(uint64_t))
#define COUNTS 20000

static void *count_some(void *argument) {
    srv_stats *stats = argument;
    for (int i = 0; i < COUNTS; i++) {
        srv_model_stats *s = srv_stats_of(stats, i % 2 ? "a" : "b", 1 + i % 5);
        atomic_fetch_add_explicit(&s->rows, 1, memory_order_relaxed);
    }
    return NULL;
}

/* The versions that are there; the sum of their rows. */
static size_t versions_of(const srv_stats *stats, size_t *rows) {
    size_t versions = 0;
    char name[NAME_BYTES];
    const srv_model_stats *s;
    *rows = 0;
    for (; (s = srv_stats_model(stats, versions, name)) != NULL; versions++) {
        *rows += s->rows;
        CHECK(strcmp(name, "a") == 0 || strcmp(name, "b") == 0);
    }
    return versions;
}

TEST(threads_that_meet_a_version_first_make_it_once) {
    srv_stats *stats = srv_stats_new();
    pthread_t threads[4];
    size_t rows;
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, count_some, stats);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_EQ(versions_of(stats, &rows), 10);
    CHECK_EQ(rows, 4 * COUNTS);
    srv_stats_free(stats);
}

TEST(processes_count_together_and_nothing_is_lost_when_they_die) {
    srv_stats *stats = srv_stats_new();
    size_t rows;
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        if ((children[i] = fork()) == 0) {
            count_some(stats);
            if (i % 2) {
                kill(getpid(), SIGKILL);
            }
            _exit(0);
        }
    }
    count_some(stats);
    for (int i = 0; i < 4; i++) {
        waitpid(children[i], NULL, 0);
    }
    CHECK_EQ(versions_of(stats, &rows), 10);
    CHECK_EQ(rows, 5 * COUNTS);
    srv_stats_free(stats);
}

TEST(a_place_whose_claimer_died_before_it_was_named_is_used) {
    srv_stats *stats = srv_stats_new();
    char name[NAME_BYTES];
    srv_model_stats *s = srv_stats_of(stats, "pets", 7);
    atomic_store(&s->named, false);
    atomic_store(&s->name[0], 0);
    CHECK(srv_stats_model(stats, 0, name) == NULL);
    CHECK(srv_stats_of(stats, "pets", 7) == s);
    CHECK(srv_stats_model(stats, 0, name) == s);
    CHECK_TEXT(name, "pets");
    CHECK_EQ(s->version, 7);
    CHECK(srv_stats_model(stats, 1, name) == NULL);
    srv_stats_free(stats);
}

TEST(versions_with_one_hash_are_told_apart) {
    srv_stats *stats = srv_stats_new();
    srv_model_stats *first = srv_stats_of(stats, "pets", 1), *second = srv_stats_of(stats, "pets", 2);
    atomic_store(&stats->keys[0], atomic_load(&stats->keys[1])); /* as if both had the second's */
    CHECK(srv_stats_of(stats, "pets", 2) == second);
    CHECK(second != first);
    srv_stats_free(stats);
}

TEST(names_of_any_length_are_told_apart) {
    srv_stats *stats = srv_stats_new();
    srv_model_stats *seen[300];
    char text[301], name[NAME_BYTES];
    memset(text, 'x', sizeof text);
    for (size_t length = 0; length < 300; length++) {
        text[length] = '\0';
        seen[length] = srv_stats_of(stats, text, 1);
        CHECK(srv_stats_model(stats, length, name) == seen[length]);
        CHECK_EQ(strlen(name), length < NAME_BYTES ? length : NAME_BYTES - 1);
        CHECK(srv_stats_of(stats, text, 1) == seen[length]);
        text[length] = 'x';
    }
    srv_stats_free(stats);
}

TEST(versions_beyond_the_last_place_are_counted_together) {
    srv_stats *stats = srv_stats_new();
    char name[NAME_BYTES];
    for (int version = 1; version < SRV_STATS_VERSIONS; version++) {
        atomic_fetch_add(&srv_stats_of(stats, "pets", version)->rows, 1);
    }
    CHECK(srv_stats_model(stats, SRV_STATS_VERSIONS - 1, name) == NULL);
    srv_model_stats *others = srv_stats_of(stats, "pets", SRV_STATS_VERSIONS);
    CHECK(srv_stats_of(stats, "more", 1) == others);
    CHECK(srv_stats_of(stats, "pets", 5) != others);
    CHECK(srv_stats_model(stats, SRV_STATS_VERSIONS - 1, name) == others);
    CHECK_TEXT(name, SRV_STATS_OTHERS);
    CHECK_EQ(others->version, 0);
    CHECK(srv_stats_model(stats, SRV_STATS_VERSIONS, name) == NULL);
    srv_stats_free(stats);
}

TEST(without_memory_there_are_none) {
    srv_test_fail_allocation(1);
    CHECK(srv_stats_new() == NULL);
    srv_test_fail_allocation(0);
    srv_stats_free(NULL);
}

TEST_MAIN(RUN(every_value_is_in_the_bucket_whose_bounds_hold_it); RUN(threads_that_meet_a_version_first_make_it_once);
          RUN(processes_count_together_and_nothing_is_lost_when_they_die);
          RUN(a_place_whose_claimer_died_before_it_was_named_is_used); RUN(versions_with_one_hash_are_told_apart);
          RUN(names_of_any_length_are_told_apart); RUN(versions_beyond_the_last_place_are_counted_together);
          RUN(without_memory_there_are_none))
