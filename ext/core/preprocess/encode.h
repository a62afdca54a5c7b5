/* The first half of step 2 for tables and texts: columns as sent become columns that a network can use.
 *
 *   {"op": "one_hot", "input": NAME, "columns": [NAMES], "drop": "first"}
 *       each category column (all of them if none are named) becomes an indicator per category, in their order, and one
 *       for unknown categories where these have an index; −1, NaN and what is no index set none.  drop, optional,
 *       leaves the first out.
 *   {"op": "count_words", …}     a text: words.h
 * All other columns stay one number.  A table's columns keep their order; the inputs come one after the other.
 */
#ifndef SRV_PREPROCESS_ENCODE_H
#define SRV_PREPROCESS_ENCODE_H

#include "preprocess.h"

typedef struct srv_encoding srv_encoding; /* immutable once compiled; lives in the arena */

/* Takes one_hot and count_words out of the steps, and fills to, width and columns of every input.  *out is NULL if rows
 * stay as they are.  Fails with SRV_PACKAGE naming the field. */
srv_status srv_encode_compile(const srv_json *steps, srv_input_place *inputs, size_t input_count, srv_arena *arena,
                              srv_encoding **out, srv_error *err);

/* One row.  from: as sent; texts: its texts; to: [the network's width], elsewhere. */
void srv_encode_row(const srv_encoding *encoding, const float *from, const srv_text *texts, float *to);

/* The columns of a step's `columns`, by index: those of that type if it names none. */
srv_status srv_step_columns(const srv_json *node, const srv_input_place *input, srv_column_type type, srv_arena *arena,
                            size_t **out, size_t *count, srv_error *err);

#endif
