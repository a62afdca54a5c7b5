/* How a model runs for an engine: its forward pass, and where the batches are counted.
 *
 * The queue puts requests together that have the same context, and calls that with each batch.  A model may serve several
 * engines, each with statistics of its own; so the context is a pair of both, which the model owns: it lives as long as
 * anything that is queued for the model.
 */
#ifndef SRV_MODEL_RUNS_H
#define SRV_MODEL_RUNS_H

#include "../stats.h"

struct srv_model;

typedef struct srv_run {
    const struct srv_model *model;
    srv_model_stats *stats;
    struct srv_run *next_;
} srv_run;

typedef struct srv_runs srv_runs;

srv_runs *srv_runs_new(void);       /* NULL when out of memory */
void srv_runs_free(srv_runs *runs); /* accepts NULL */

/* The model's one run with these statistics, made if there is none yet; NULL when out of memory.  Any thread, no lock. */
const srv_run *srv_run_of(srv_runs *runs, const struct srv_model *model, srv_model_stats *stats);

#endif
