/* When does it pay for a leader to wait for others to join its batch?
 *
 * A request that joins costs less than one that is computed alone: it saves time_alone − its share of a full batch − the
 * cost of waking its thread.  To wait for it costs the time until it arrives.  So a leader waits for the next request
 * for as long as that request would save, and only if requests came quicker than that lately.  A small network saves
 * less than a wake-up costs: its leader never waits.  A connection that asks one request after the other can't be
 * quicker than a request takes: alone, nobody waits.
 *
 * With several slots requests need not queue for one core, so arrivals must be that much closer together.
 */
#ifndef SRV_QUEUE_PACE_H
#define SRV_QUEUE_PACE_H

#include "../queue_batch.h"

/* How quickly requests for one model come. */
typedef struct arrivals {
    uint64_t last_ns;
    double gap_ns; /* moving average of the time between two */
} arrivals;

void arrivals_count(arrivals *a, uint64_t now);

/* What waiting can bring for one model on this machine. */
typedef struct pace {
    double saving_ns; /* by one more request in the batch; ≤ 0: never worth a wait */
    size_t full_rows; /* from here on a larger batch is no cheaper per row */
} pace;

pace pace_of(const srv_work *work, double wake_ns);

/* How long a leader should sleep now for the next request: 0 to begin at once.  `rows` wait in its lane; `begun` is when it
 * began to wait.  `inside` requests are in the queue or computed; `most_inside` is how many there were at once lately. */
uint64_t pace_wait_ns(const pace *p, const arrivals *a, size_t rows, size_t inside, size_t most_inside, size_t slots,
                      uint64_t begun, uint64_t now, uint64_t max_wait_ns);

/* Mean time from one thread's signal to another's running, in nanoseconds; about a millisecond of measuring. */
double measure_wake_ns(void);

#endif
