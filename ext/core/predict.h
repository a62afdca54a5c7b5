/* A model run directly on the caller's rows: no queue, no request.
 *
 * A predictor keeps the scratch memory of calls that have ended for those to come.  Any number of threads may use one.
 */
#ifndef SRV_PREDICT_H
#define SRV_PREDICT_H

#include "model/model.h"

typedef struct srv_predictor srv_predictor;

srv_predictor *srv_predictor_new(const srv_model *model); /* NULL when out of memory; the model must outlive it */
void srv_predictor_free(srv_predictor *predictor);        /* accepts NULL */
void srv_predictor_after_fork(srv_predictor *predictor);  /* as srv_engine_after_fork */

/* x: [rows × features] as a client sends them, y: [rows × outputs].  Several cores share the passes of a large call, with
 * the same bits: threads are started for the call and joined at its end, so a fork finds none. */
srv_status srv_predict(srv_predictor *predictor, const float *x, size_t rows, float *y, srv_error *err);

#endif
