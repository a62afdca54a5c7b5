/* Who gets into a batch, and in what order.  No locks, no threads: whoever calls holds the queue's lock.
 *
 * A lane holds the requests for one model that still have rows to be taken, oldest first.  Lanes take turns, those of
 * interactive requests before those of background ones.  Within a lane every request gets SRV_FAIR_ROWS into a batch
 * before any gets more, and those that had a turn go behind those that had none: large requests, however many, hold up
 * small ones for one turn each.  A batch with small ones in it is not filled up with more rows of large ones.
 */
#ifndef SRV_QUEUE_LANES_H
#define SRV_QUEUE_LANES_H

#include "../queue_batch.h"
#include "pace.h"

#define SRV_FAIR_ROWS 8
#define SRV_LANE_KEPT_NS 10000000000u /* what a lane has learnt is kept for so long after the last request */

typedef struct lane {
    struct lane *next;
    const void *context; /* of its requests; kept when the lane is empty, for what was learnt about it */
    bool background;
    srv_job *first, *last;
    size_t rows;      /* waiting in this lane */
    uint64_t last_ns; /* the latest arrival */
    pace pace;
    patience patience;
} lane;

typedef struct lanes {
    lane *first; /* in turn: the first is served next */
    size_t rows; /* waiting in all */
    size_t turn; /* of them, SRV_FAIR_ROWS of each job at most: what the next batches take before a job that is added */
    double ns;   /* predicted time to compute them, one slot */
    double wake_ns;
} lanes;

typedef struct part {
    srv_job *job;
    size_t first, rows;
} part;

typedef struct batch {
    const srv_work *work;
    size_t count, rows;
    part parts[SRV_BATCH_ROWS];
} batch;

void lanes_free(lanes *all);

/* Puts the job at the end of its lane and counts its arrival; the lane, or NULL when out of memory. */
lane *lanes_add(lanes *all, srv_job *job, uint64_t now);

/* The job's rows that are still waiting will not be computed. */
void lanes_withdraw(lanes *all, srv_job *job);

/* The lane that the next batch will come from; NULL if nothing waits. */
lane *lanes_next(const lanes *all);

/* Removes a job whose deadline has passed before any of its rows was taken; NULL if there is none in that lane. */
srv_job *lanes_remove_expired(lanes *all, lane *l, uint64_t now);

/* Fills the batch from the lane, and puts the lane to the back of the turn. */
void lanes_take(lanes *all, lane *l, uint64_t now, batch *out);

/* A job that waits for its thread to get a slot, and has rows to be taken, interactive ones first; NULL if there is none. */
srv_job *lanes_find_waiting(const lanes *all);

/* Predicted time for `rows` rows of that work in full batches, in nanoseconds; 0 if unknown. */
double work_ns(const srv_work *work, size_t rows);

#endif
