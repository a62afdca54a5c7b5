/* When does it pay for a leader to wait for others to join its batch?
 *
 * A request that joins costs less than one that is computed alone: it saves time_alone − its share of a full batch − the
 * cost of waking its thread.  To wait for it costs the time until it arrives.  So a leader waits for the next request
 * for as long as that request would save.  A small network saves less than its sleep and wake-up cost: its leader never waits.
 *
 * Whether others come in that time is learnt by trying, and nothing else would do: on a busy core nobody can arrive
 * while a leader computes, so the rate of arrivals looks low just because nobody waits.  After a wait that nobody
 * joined the next batches begin at once, twice as many each time; most where nobody else was seen lately.  So alone, one
 * request in a thousand waits, and is found to be alone.
 */
#ifndef SRV_QUEUE_PACE_H
#define SRV_QUEUE_PACE_H

#include "../queue_batch.h"

/* What the waits for one model brought lately. */
typedef struct patience {
    unsigned pause;  /* batches to begin at once before the next wait */
    unsigned length; /* of the last pause */
    unsigned waits;
} patience;

#define PATIENCE_LONGEST_PAUSE 128
#define PATIENCE_LONGEST_PAUSE_ALONE 1024 /* a lone client's p99 must not be that of the tries */

/* Asked once per batch that could wait.  `alone`: no two requests were inside at once lately. */
bool patience_allows(patience *p, bool alone);

void patience_learn(patience *p, bool joined); /* after a wait: did anyone come? */

/* May a leader look out for more requests than were ever inside at once lately?  Mostly not: then all are here.  But
 * how many there are shows only when leaders wait, so some waits must. */
bool patience_is_curious(const patience *p);

/* What waiting can bring for one model on this machine. */
typedef struct pace {
    double saving_ns; /* by one more request in the batch; ≤ 0: never worth a wait */
    size_t full_rows; /* from here on a larger batch is no cheaper per row */
} pace;

pace pace_of(const srv_work *work, double wake_ns);

/* How long a leader should sleep now for the next request: 0 to begin at once.  `rows` wait in its lane, the last of
 * them since `last_arrival`; `begun` is when it began to wait. */
uint64_t pace_wait_ns(const pace *p, size_t rows, uint64_t last_arrival, uint64_t begun, uint64_t now,
                      uint64_t max_wait_ns);

/* Time from one thread's signal to another's running, in nanoseconds: the least of some means, for they only grow on a
 * busy machine.  Takes about a millisecond. */
double measure_wake_ns(void);

#endif
