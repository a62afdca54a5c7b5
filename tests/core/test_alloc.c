#include "base/alloc.h"
#include "base/buffer.h"
#include "check.h"

#include <stdint.h>

TEST(takes_are_aligned_and_apart) {
    srv_arena *arena = srv_arena_new();
    char *last = NULL;
    for (size_t size = 1; size < 5000; size = size * 2 + 1) {
        char *piece = srv_arena_take(arena, size);
        CHECK(piece != NULL && (uintptr_t)piece % SRV_ALIGNMENT == 0);
        memset(piece, 0xab, size);
        CHECK(piece != last);
        last = piece;
    }
    srv_arena_free(arena);
}

TEST(what_was_taken_stays_when_the_arena_grows) {
    srv_arena *arena = srv_arena_new();
    unsigned *pieces[200];
    for (unsigned i = 0; i < 200; i++) {
        pieces[i] = srv_arena_take(arena, 10000);
        pieces[i][0] = pieces[i][2499] = i;
    }
    for (unsigned i = 0; i < 200; i++) {
        CHECK(pieces[i][0] == i && pieces[i][2499] == i);
    }
    srv_arena_free(arena);
}

TEST(a_steady_load_allocates_nothing) {
    srv_arena *arena = srv_arena_new();
    for (int i = 0; i < 3; i++) {
        CHECK(srv_arena_take(arena, 100000) != NULL && srv_arena_take(arena, 300000) != NULL);
        srv_arena_reset(arena);
    }
    srv_test_fail_allocation(1);
    CHECK(srv_arena_take(arena, 100000) != NULL && srv_arena_take(arena, 300000) != NULL);
    srv_test_fail_allocation(0);
    srv_arena_free(arena);
}

TEST(a_large_block_is_given_back_at_reset) {
    srv_arena *arena = srv_arena_new();
    CHECK(srv_arena_take(arena, SRV_ARENA_KEEP + 1) != NULL);
    srv_arena_reset(arena);
    srv_test_fail_allocation(1);
    CHECK(srv_arena_take(arena, 1) == NULL);
    srv_test_fail_allocation(0);
    CHECK(srv_arena_take(arena, 1) != NULL);
    srv_arena_free(arena);
}

TEST(shrink_gives_back_the_tail) {
    srv_arena *arena = srv_arena_new();
    char *big = srv_arena_take(arena, 4096);
    srv_arena_shrink(arena, big, 10);
    CHECK(srv_arena_take(arena, 1) == big + 64);
    srv_arena_free(arena);
}

TEST(sizes_that_overflow_are_refused) {
    size_t product;
    srv_arena *arena = srv_arena_new();
    CHECK(srv_calloc(SIZE_MAX / 2, 3) == NULL);
    CHECK(srv_arena_take(arena, SIZE_MAX - 10) == NULL);
    CHECK(!srv_multiply(SIZE_MAX / 2, 3, &product));
    CHECK(srv_multiply(1000, 1000, &product) && product == 1000000);
    srv_arena_free(arena);
}

TEST(a_buffer_grows_and_remembers_that_it_failed) {
    srv_buffer buffer = {0};
    for (int i = 0; i < 10000; i++) {
        srv_buffer_format(&buffer, "%d,", i);
    }
    CHECK(buffer.size > 40000 && !buffer.failed && memcmp(buffer.data, "0,1,2,", 6) == 0);
    srv_test_fail_allocation(1);
    srv_buffer_add(&buffer, buffer.data, buffer.size);
    srv_buffer_add(&buffer, buffer.data, buffer.size);
    CHECK(buffer.failed);
    size_t size = buffer.size;
    srv_buffer_text(&buffer, "x");
    CHECK_EQ(buffer.size, size);
    srv_test_fail_allocation(0);
    srv_buffer_reset(&buffer);
    srv_buffer_text(&buffer, "again");
    CHECK(!buffer.failed && buffer.size == 5);
    srv_buffer_free(&buffer);
}

TEST_MAIN(RUN(takes_are_aligned_and_apart); RUN(what_was_taken_stays_when_the_arena_grows);
          RUN(a_steady_load_allocates_nothing); RUN(a_large_block_is_given_back_at_reset);
          RUN(shrink_gives_back_the_tail); RUN(sizes_that_overflow_are_refused);
          RUN(a_buffer_grows_and_remembers_that_it_failed))
