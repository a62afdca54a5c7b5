/* Step 3 of the data path: rows of many requests become one batch.  Group commit: the waiting requests do the work.
 *
 * There is no batching thread.  A request that finds a free slot (one per core) becomes a leader: it takes what is
 * queued, runs it, and wakes the others with their results.  A request that finds none waits in the queue and is in
 * the next batch.  A leader whose own rows are done hands its slot to a request that waits.  An idle engine answers at
 * once, a busy one batches by itself, and a fork copies no thread that would be missed.  (Only while far more is queued
 * than the leaders' threads can take does a leader start helpers, which end with the burst.)
 *
 * On a busy core a leader must sometimes let others in first, and sometimes must not: queue/pace.h decides by cost.
 * Who gets into a batch, in what order, is queue/lanes.h.
 *
 * One lock guards the whole queue; it is never held while rows are computed, nor while threads are woken.  Batches are
 * taken out before the work.
 */
#ifndef SRV_QUEUE_BATCH_H
#define SRV_QUEUE_BATCH_H

#include "base/event.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define SRV_BATCH_ROWS 64 /* the largest batch */

/* What a queue needs to know of a model.  run computes y[rows × outputs] from x[rows × features]; it must not fail. */
typedef struct srv_work {
    void (*run)(const void *context, const float *x, size_t rows, float *scratch, float *y);
    const void *context; /* the model: requests with the same context share batches */
    size_t features, outputs;
    size_t scratch_floats;  /* run's scratch memory: 64-byte aligned, zeroed when allocated */
    size_t batch_rows;      /* rows that one batch holds at most; ≤ SRV_BATCH_ROWS */
    const double *batch_ns; /* [SRV_BATCH_ROWS + 1]: predicted time of a batch of so many rows; NULL: unknown */
} srv_work;

typedef struct srv_queue_options {
    size_t slots;          /* batches computed at the same time; 0: one per core this process may use */
    size_t max_queue_rows; /* rows waiting; beyond it SRV_OVERLOADED */
    uint64_t max_wait_ns;  /* a leader never waits longer for others to join; 0: it never waits */
} srv_queue_options;

/* One request's rows.  The caller fills the first part and keeps it in place until srv_queue_run, or srv_queue_wait,
 * returns. */
typedef struct srv_job {
    const srv_work *work;
    const float *x;                  /* [rows × work->features] */
    float *y;                        /* [rows × work->outputs] */
    size_t rows;                     /* ≥ 1 */
    bool background;                 /* computed only when no other request of any model waits */
    uint64_t deadline_ns;            /* on srv_now_ns's clock; 0: none */
    bool (*interrupted)(void *hook); /* asked now and then while waiting; true gives the place up (SRV_CANCELLED) */
    void *hook;

    /* Filled in: */
    uint64_t queued_ns, run_ns; /* waiting before the first row was computed; from then to the last */
    size_t batch_rows;          /* rows of the batch that its last row was in */

    /* The queue's own: */
    struct srv_job *next_;
    srv_event event_;     /* LEAD: look at slot_; ENDED: the job is the caller's again */
    size_t taken_, done_; /* rows in batches so far; rows computed */
    unsigned forks_;      /* of the queue, when it was submitted */
    uint64_t submitted_ns_, started_ns_;
    struct slot *slot_; /* handed over: lead with it */
    srv_status status_;
    bool queued_, waiting_;
} srv_job;

/* Of this process and all that were forked from the one that made the queue; counts go on while they are read. */
typedef struct srv_queue_stats {
    uint64_t requests, rows, batches, rejected, expired, cancelled;
    uint64_t batch_rows[SRV_BATCH_ROWS + 1]; /* batches by their rows */
    uint64_t waits;                          /* batches whose leader waited for others to join */
    size_t queued_rows, running;             /* now: rows waiting, slots at work; of the processes that live */
} srv_queue_stats;

typedef struct srv_queue srv_queue;

/* NULL when out of memory.  Measures once what it costs to wake a thread: about a millisecond. */
srv_queue *srv_queue_new(const srv_queue_options *options);

/* Refuses new work, computes what is queued and nobody waits for yet, and returns when all is answered.  Idempotent. */
void srv_queue_close(srv_queue *queue);
void srv_queue_free(srv_queue *queue);       /* closes it; no thread may be in a call on it; accepts NULL */
void srv_queue_after_fork(srv_queue *queue); /* see srv_engine_after_fork */

/* Submits the job and returns when all its rows are computed, or with OVERLOADED (the queue is full, or so long that the
 * deadline can't be met), DEADLINE, CANCELLED, CLOSED or NO_MEMORY.  Any number of threads. */
srv_status srv_queue_run(srv_queue *queue, srv_job *job, srv_error *err);

/* The same in two steps, so that one thread can have many requests on their way: each submitted with SRV_OK must be
 * waited for, in any order, by any thread.  Until somebody waits, leaders take it into their batches but it has no
 * thread to lead with: on an idle queue nothing happens before the first wait.  Its deadline holds from the start;
 * `interrupted` is asked while it is waited for.  A wait in the child of a fork between the two is CANCELLED. */
srv_status srv_queue_submit(srv_queue *queue, srv_job *job, srv_error *err);
srv_status srv_queue_wait(srv_queue *queue, srv_job *job, srv_error *err);

void srv_queue_read_stats(srv_queue *queue, srv_queue_stats *out);

#endif
