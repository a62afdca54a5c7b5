/* All memory of the core comes from here, so that a test can make any allocation fail.
 *
 * srv_arena: one per request (or per model), a bump allocator.  Taking is a pointer addition in steady state; reset
 * keeps the blocks for the next request up to SRV_ARENA_KEEP bytes and gives the rest back.  Not thread safe: one owner
 * at a time.
 */
#ifndef SRV_BASE_ALLOC_H
#define SRV_BASE_ALLOC_H

#include <stddef.h>

#define SRV_ALIGNMENT ((size_t)64)               /* a cache line, and the widest vector register, in bytes */
#define SRV_ARENA_KEEP ((size_t)4 * 1024 * 1024) /* bytes an arena keeps across srv_arena_reset */

void *srv_malloc(size_t size);               /* size bytes, 64-byte aligned; NULL when out of memory */
void *srv_calloc(size_t count, size_t size); /* zeroed; NULL also when count * size overflows */
void *srv_realloc(void *old, size_t old_size, size_t new_size); /* NULL leaves old as it was */
void srv_free(void *memory);                                    /* accepts NULL */

/* size bytes, zeroed, page aligned, that processes forked from this one share with it: what one writes, all read.  Pages
 * cost memory once they are touched.  NULL when out of memory. */
void *srv_shared_new(size_t size);
void srv_shared_free(void *memory, size_t size); /* in this process; accepts NULL */

#ifdef SRV_TEST_ALLOC
/* Tests only: the n-th allocation of this thread from now on (1 = the next) and all after it fail; 0 switches off. */
void srv_test_fail_allocation(long n);
#endif

/* True and *product = a * b unless it overflows. */
static inline int srv_multiply(size_t a, size_t b, size_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

typedef struct srv_arena srv_arena;

srv_arena *srv_arena_new(void);
void srv_arena_free(srv_arena *arena); /* accepts NULL; all memory taken from it is gone */
void srv_arena_reset(srv_arena *arena);

/* size bytes, 64-byte aligned, valid until reset or free; NULL when out of memory.  A size of 0 gives a valid pointer. */
void *srv_arena_take(srv_arena *arena, size_t size);

/* Gives back the tail of the *latest* take: memory stays valid for its first size bytes. */
void srv_arena_shrink(srv_arena *arena, void *latest, size_t size);

/* A NUL-terminated copy of size bytes. */
char *srv_arena_text(srv_arena *arena, const char *text, size_t size);

#endif
