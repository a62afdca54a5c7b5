/* Replays samples.jsonl: real inputs with the source framework's outputs, so that a package that would answer otherwise
 * than its source is refused before it answers anyone.
 *
 * A line is {"input": …, "output": …}.  The input is parsed as a JSON body of /classify is, and must be one row; the
 * output is all outputs' numbers, in any nesting, null standing for NaN.  An answer passes if it is within the model's
 * absolute or its relative tolerance; NaN is only NaN's equal.
 */
#ifndef SRV_MODEL_SAMPLES_H
#define SRV_MODEL_SAMPLES_H

#include "model.h"

#define SRV_SAMPLES_MAX_BYTES ((size_t)16 << 20) /* only lines within the first so many bytes are run */
#define SRV_SAMPLES_MAX_LINES 1000               /* and only so many */

/* model: complete.  No such file is no fault; others are SRV_PACKAGE naming the line and what is wrong with it. */
srv_status srv_samples_replay(const char *path, const srv_model *model, srv_error *err);

#endif
