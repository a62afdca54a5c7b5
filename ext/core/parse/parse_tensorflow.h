/* The body of TensorFlow Serving's POST /v1/models/M:predict, as its api_rest.md and json_tensor.cc have it.
 *
 *   {"signature_name"?: "serving_default", "instances": [item, …]}    rows: an item is a row of the only input, or
 *                                                                     {"input": row, …} with every input's name
 *   {"signature_name"?: "serving_default", "inputs": …}               columns: [row, …] of the only input, or
 *                                                                     {"input": [row, …], …}; other names are ignored
 *
 * A row is nested as the input's shape (dimensions of 1 may be left out or added) or flat, all items alike; with one
 * feature it may be a bare number.  NaN, Infinity and -Infinity are numbers.  Reading stops after the object: what
 * follows is ignored, and so are other keys.
 *
 * Of a model that takes a table or a text each column is an input of shape [rows]: a number, true or false, or a string,
 * bare or in a list of one; a text may be {"b64": "…"}.  null, NaN, and a key that is not there, are missing values where
 * the column may have them.  A plain row of a table is its values in the order of the columns.
 *  Faults are found in the order of TensorFlow Serving: the JSON, the type of
 * signature_name, its value, then the data; messages begin with its words, because clients look for them.
 */
#ifndef SRV_PARSE_PARSE_TENSORFLOW_H
#define SRV_PARSE_PARSE_TENSORFLOW_H

#include "../parse_body.h"

/* On success out is ROWS with rows and values in the arena, columnar and bare.  MALFORMED, WRONG_VALUE or TOO_LARGE
 * otherwise, with the byte offset and the JSON pointer of the place. */
srv_status srv_parse_tensorflow(const char *text, size_t size, const srv_signature *signature, const srv_limits *limits,
                                srv_arena *arena, srv_body *out, srv_error *err);

#endif
