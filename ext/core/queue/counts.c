#include "counts.h"

#include "base/alloc.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

counts *counts_new(void) {
    return srv_shared_new(sizeof(counts));
}

void counts_free(counts *all) {
    srv_shared_free(all, sizeof *all);
}

/* A process that has ended and was not waited for yet counts as alive: servers wait for theirs at once. */
static bool lives(int pid) {
    return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

shown *counts_enter(counts *all) {
    const int mine = (int)getpid();
    for (size_t i = 0; i < COUNTS_PROCESSES; i++) {
        shown *place = &all->processes[i];
        int pid = atomic_load(&place->pid);
        if ((pid == mine || !lives(pid)) && atomic_compare_exchange_strong(&place->pid, &pid, mine)) {
            atomic_store(&place->queued_rows, 0);
            atomic_store(&place->running, 0);
            return place;
        }
    }
    return NULL;
}

void counts_leave(shown *place) {
    if (place != NULL && atomic_load(&place->pid) == (int)getpid()) {
        atomic_store(&place->pid, 0);
    }
}

static uint64_t load(const atomic_uint_fast64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void counts_read(const counts *all, const shown *own, srv_queue_stats *out) {
    *out = (srv_queue_stats){
        .requests = load(&all->requests),
        .rejected = load(&all->rejected),
        .expired = load(&all->expired),
        .cancelled = load(&all->cancelled),
        .waits = load(&all->waits),
        .queued_rows = atomic_load_explicit(&own->queued_rows, memory_order_relaxed),
        .running = atomic_load_explicit(&own->running, memory_order_relaxed),
    };
    for (size_t rows = 0; rows <= SRV_BATCH_ROWS; rows++) {
        out->batch_rows[rows] = load(&all->batch_rows[rows]);
        out->batches += out->batch_rows[rows];
        out->rows += out->batch_rows[rows] * rows;
    }
    for (size_t i = 0; i < COUNTS_PROCESSES; i++) {
        const shown *place = &all->processes[i];
        const size_t queued = atomic_load_explicit(&place->queued_rows, memory_order_relaxed);
        const size_t running = atomic_load_explicit(&place->running, memory_order_relaxed);
        if (place != own && queued + running > 0 && lives(atomic_load(&place->pid))) {
            out->queued_rows += queued;
            out->running += running;
        }
    }
}
