#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef SRV_TEST_ALLOC
static _Thread_local long allocations_left; /* 0: never fail; 1: the next one fails, and stays at 1 */

void srv_test_fail_allocation(long n) {
    allocations_left = n;
}

static int allocation_must_fail(void) {
    if (allocations_left > 1) {
        allocations_left--;
        return 0;
    }
    return allocations_left == 1;
}
#else
static int allocation_must_fail(void) {
    return 0;
}
#endif

void *srv_malloc(size_t size) {
    void *memory = NULL;
    if (allocation_must_fail() || posix_memalign(&memory, SRV_ALIGNMENT, size > 0 ? size : 1) != 0) {
        return NULL;
    }
    return memory;
}

void *srv_calloc(size_t count, size_t size) {
    size_t total;
    if (!srv_multiply(count, size, &total)) {
        return NULL;
    }
    void *memory = srv_malloc(total);
    if (memory != NULL) {
        memset(memory, 0, total);
    }
    return memory;
}

void *srv_realloc(void *old, size_t old_size, size_t new_size) {
    void *memory = srv_malloc(new_size);
    if (memory != NULL && old != NULL) {
        memcpy(memory, old, old_size < new_size ? old_size : new_size);
        srv_free(old);
    }
    return memory;
}

void srv_free(void *memory) {
    free(memory);
}

void *srv_shared_new(size_t size) {
    if (allocation_must_fail()) {
        return NULL;
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

void srv_shared_free(void *memory, size_t size) {
    if (memory != NULL) {
        munmap(memory, size);
    }
}

/* Blocks form a list, newest first; only the newest is filled. */
typedef struct block {
    struct block *older;
    size_t capacity, used; /* bytes of payload, which starts SRV_ALIGNMENT after the block */
} block;

#define FIRST_BLOCK ((size_t)64 * 1024)

struct srv_arena {
    block *newest;
};

static char *payload(block *b) {
    return (char *)b + SRV_ALIGNMENT;
}

static size_t round_up(size_t size) {
    return (size + SRV_ALIGNMENT - 1) & ~(SRV_ALIGNMENT - 1);
}

srv_arena *srv_arena_new(void) {
    return srv_calloc(1, sizeof(srv_arena));
}

void srv_arena_free(srv_arena *arena) {
    if (arena == NULL) {
        return;
    }
    while (arena->newest != NULL) {
        block *older = arena->newest->older;
        srv_free(arena->newest);
        arena->newest = older;
    }
    srv_free(arena);
}

/* Keeps the newest block, which is the largest, so that a steady load of equal requests settles on one block. */
void srv_arena_reset(srv_arena *arena) {
    block *kept = arena->newest;
    if (kept == NULL) {
        return;
    }
    block *older = kept->older;
    while (older != NULL) {
        block *next = older->older;
        srv_free(older);
        older = next;
    }
    kept->older = NULL;
    kept->used = 0;
    if (kept->capacity > SRV_ARENA_KEEP) {
        srv_free(kept);
        arena->newest = NULL;
    }
}

void *srv_arena_take(srv_arena *arena, size_t size) {
    if (size > SIZE_MAX / 4) {
        return NULL;
    }
    size_t needed = round_up(size);
    block *b = arena->newest;
    if (b == NULL || b->capacity - b->used < needed) {
        size_t capacity = b != NULL ? 2 * b->capacity : FIRST_BLOCK;
        if (capacity > SRV_ARENA_KEEP && capacity > needed) {
            capacity = needed > SRV_ARENA_KEEP ? needed : SRV_ARENA_KEEP;
        }
        if (capacity < needed) {
            capacity = needed;
        }
        block *grown = srv_malloc(SRV_ALIGNMENT + capacity);
        if (grown == NULL) {
            return NULL;
        }
        *grown = (block){.older = b, .capacity = capacity, .used = 0};
        arena->newest = b = grown;
    }
    void *memory = payload(b) + b->used;
    b->used += needed;
    return memory;
}

void srv_arena_shrink(srv_arena *arena, void *latest, size_t size) {
    block *b = arena->newest;
    b->used = (size_t)((char *)latest - payload(b)) + round_up(size);
}

char *srv_arena_text(srv_arena *arena, const char *text, size_t size) {
    char *copy = srv_arena_take(arena, size + 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}
