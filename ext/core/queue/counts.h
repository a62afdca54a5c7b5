/* What a queue has counted, shared by all processes that fork from the one that made it.
 *
 * Counters are relaxed atomic additions to one shared mapping: nothing is lost when a process dies.  What is true only
 * now, rows that wait and batches at work, each process shows in a place of its own; those of the dead are not counted.
 */
#ifndef SRV_QUEUE_COUNTS_H
#define SRV_QUEUE_COUNTS_H

#include "../queue_batch.h"

#include <stdatomic.h>

/* The place of one process: a cache line, written by it alone. */
typedef struct shown {
    _Alignas(64) atomic_int pid; /* 0: free */
    atomic_size_t queued_rows, running;
} shown;

#define COUNTS_PROCESSES 256

typedef struct counts {
    _Alignas(64) atomic_uint_fast64_t requests, rejected, expired, cancelled, waits;
    atomic_uint_fast64_t
        batch_rows[SRV_BATCH_ROWS + 1]; /* batches by their rows; all batches and rows are sums of it */
    shown processes[COUNTS_PROCESSES];
} counts;

counts *counts_new(void); /* NULL when out of memory */
void counts_free(counts *all);

static inline void counts_add(atomic_uint_fast64_t *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A place for the calling process: a free one, or that of a process that is dead.  NULL when all are taken. */
shown *counts_enter(counts *all);

/* Gives the calling process's place back; accepts NULL. */
void counts_leave(shown *place);

/* Of all processes; what is shown by `own` counts without a look at whether it lives. */
void counts_read(const counts *all, const shown *own, srv_queue_stats *out);

#endif
