/* The tensors of a request as rows of float32: which shapes are rows of an input, and how the tensors of several inputs
 * become the rows that a model takes.
 */
#ifndef SRV_PARSE_ROWS_H
#define SRV_PARSE_ROWS_H

#include "../parse_body.h"
#include "json_tensor.h"

/* A row as text for messages: "784", or "784, flat or as 28 x 28". */
void srv_describe_row(const srv_input_spec *input, char *out, size_t capacity);

/* Are these levels a row: the shape itself, dimensions of 1 aside?  All its numbers in one level? */
bool srv_is_row_shape(const srv_json_level *level, size_t rank, const srv_input_spec *input);
bool srv_is_flat_row(const srv_json_level *level, size_t rank, const srv_input_spec *input);
static inline bool srv_is_row(const srv_json_level *level, size_t rank, const srv_input_spec *input) {
    return srv_is_flat_row(level, rank, input) || srv_is_row_shape(level, rank, input);
}

/* "[2,3]": a shape as messages give it.  Cut to capacity, NUL-terminated; returns out. */
const char *srv_describe_shape(const srv_json_level *level, size_t rank, char *out, size_t capacity);

/* "a, b": the names, cut with "…".  Returns out. */
const char *srv_list_names(const char *const *names, size_t count, char *out, size_t capacity);
const char *srv_list_inputs(const srv_signature *signature, char *out, size_t capacity);

/* The index of the input of that name; input_count if there is none. */
size_t srv_find_input(const srv_signature *signature, const char *name, size_t size);

/* Rows of all inputs, one after the other: columns[i] is [rows × features] of input i.  With one input that is the
 * result itself, nothing is copied.  SRV_TOO_LARGE beyond max_rows. */
srv_status srv_join_columns(const srv_signature *signature, float *const *columns, size_t rows, size_t max_rows,
                            srv_arena *arena, float **out, srv_error *err);

#endif
