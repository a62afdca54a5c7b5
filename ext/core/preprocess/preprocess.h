/* Step 2 of the data path: the steps a package declares under `preprocess` make rows for the network of rows as sent.
 *
 *   {"op": "scale", "input": NAME, "factor": 0.00392, "offset": 0}        x · factor + offset
 *   {"op": "standardise", "input": NAME, "mean": …, "scale": …}           (x − mean) / scale; numbers, or one per feature
 *   {"op": "impute", "input": NAME, "value": …}                           value where x is NaN; likewise
 *   one_hot, count_words                                                  encode.h: they come first, wherever they stand
 * The others run in order.  For a table they take "columns": [NAMES], numbers in that order; without it all its columns
 * of type number.  For a text they are over its words.
 * Each operation rounds to float32 by itself, as numpy does it.  (Pictures become rows in image.h first.)
 */
#ifndef SRV_PREPROCESS_PREPROCESS_H
#define SRV_PREPROCESS_PREPROCESS_H

#include "../base/alloc.h"
#include "../base/json.h"
#include "../base/status.h"
#include "../parse/table.h"

#include <stdbool.h>

typedef struct srv_place {
    size_t to;    /* float of the network's row at which a column begins */
    bool encoded; /* it is no longer one number with the column's own meaning */
} srv_place;

/* One input's place within a row: a row is all inputs, one after the other. */
typedef struct srv_input_place {
    const char *name;
    size_t offset, features; /* in floats, as sent */
    const srv_table *table;  /* NULL: a tensor */
    /* Filled by srv_preprocess_compile. */
    size_t to, width;   /* in floats of the network's row */
    srv_place *columns; /* of the table */
} srv_input_place;

typedef struct srv_preprocess srv_preprocess; /* immutable once compiled; lives in the arena */

/* steps: the manifest's array, or NULL.  Fails with SRV_PACKAGE naming the field. */
srv_status srv_preprocess_compile(const srv_json *steps, srv_input_place *inputs, size_t input_count, srv_arena *arena,
                                  srv_preprocess **out, srv_error *err);

/* False if there is no step: rows pass as they are. */
bool srv_preprocess_changes(const srv_preprocess *preprocess);

/* True if rows for the network are others than those sent, so that they need memory of their own. */
bool srv_preprocess_encodes(const srv_preprocess *preprocess);

/* from: [rows × features of all inputs], texts: [rows × texts of all inputs], or NULL where there are none;
 * to: [rows × width of all inputs], row-major; it may be `from` unless rows are encoded. */
void srv_preprocess_rows(const srv_preprocess *preprocess, const float *from, const srv_text *texts, float *to,
                         size_t rows);

#endif
