/* Step 4 of the data path: preprocessed rows become the network's outputs.
 *
 * Rows go through the whole network in passes of at most SRV_PASS_ROWS, so that what lies between two layers stays in
 * cache.  Every operation works on each row by itself, and dense layers in tiles whose bits do not depend on the tile
 * (model/plan.h): a row's answer is the same to the last bit in whatever company it is computed.
 */
#ifndef SRV_RUN_FORWARD_H
#define SRV_RUN_FORWARD_H

#include "model/model.h"

/* x: [rows × model->width], preprocessed; y: [rows × model->outputs]; scratch: model->scratch_floats floats, 64-byte
 * aligned, zeroed once when they were allocated.  No allocation, no lock: safe from any number of threads, each with
 * its own scratch. */
void srv_run_forward(const srv_model *model, const float *x, size_t rows, float *scratch, float *y);

/* Fills model->pass_ns from the plans; part of loading. */
void srv_forward_predict_ns(srv_model *model);

#endif
