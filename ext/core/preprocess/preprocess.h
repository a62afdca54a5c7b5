/* Step 2 of the data path, for tensors: the steps a package declares under `preprocess`, over rows of float32 in place.
 *
 *   {"op": "scale", "input": NAME, "factor": 0.00392, "offset": 0}        x · factor + offset
 *   {"op": "standardise", "input": NAME, "mean": …, "scale": …}           (x − mean) / scale; numbers, or one per feature
 * Each operation rounds to float32 by itself, as numpy does it.  (Pictures become rows in image.h first.)
 */
#ifndef SRV_PREPROCESS_PREPROCESS_H
#define SRV_PREPROCESS_PREPROCESS_H

#include "../base/alloc.h"
#include "../base/json.h"
#include "../base/status.h"

#include <stdbool.h>

/* One input's place within a row: a row is all inputs, one after the other. */
typedef struct srv_input_place {
    const char *name;
    size_t offset, features; /* in floats */
} srv_input_place;

typedef struct srv_preprocess srv_preprocess; /* immutable once compiled; lives in the arena */

/* steps: the manifest's array, or NULL.  Fails with SRV_PACKAGE naming the field. */
srv_status srv_preprocess_compile(const srv_json *steps, const srv_input_place *inputs, size_t input_count,
                                  srv_arena *arena, srv_preprocess **out, srv_error *err);

/* False if there is no step: rows pass as they are. */
bool srv_preprocess_changes(const srv_preprocess *preprocess);

/* from and to: [rows × features of all inputs], row-major; they may be the same. */
void srv_preprocess_rows(const srv_preprocess *preprocess, const float *from, float *to, size_t rows, size_t features);

#endif
