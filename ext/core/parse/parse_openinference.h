/* The body of the Open Inference Protocol's POST /v2/models/M/infer (KServe v2, inference_rest.md), tensors as JSON
 * or binary.
 *
 *   {"id"?: "42", "parameters"?: {…},
 *    "inputs": [{"name", "shape", "datatype", "parameters"?, "data"}, …], "outputs"?: [{"name", "parameters"?}, …]}
 *
 * Every input of the model must be there once, in any order, all with equally many rows.  shape includes the batch: [rows,
 * then the input's shape (dimensions of 1 may be left out or added) or all its numbers flat]; the input's shape alone is one
 * row.  data is flat or nested, as many numbers as shape says.
 * datatype: FP32 and FP64 take any JSON number, which becomes the nearest float32; INT8 … INT64 and UINT8 … UINT64 whole
 * ones in their range that are a float32; BOOL true, false, 0 and 1.  FP16 has no JSON form.  Keys that are not listed are
 * ignored.
 * Of a model that takes a table or a text each column is an input, [rows] or [rows, 1]: BYTES for categories and texts,
 * numbers for the others; null, NaN in binary data, and a column that does not come, are missing values.
 *
 * Binary tensors (extension_binary_data.md): the JSON is the first json_size bytes; an input with the parameter
 * binary_data_size and without data takes so many bytes of what follows, in the order of the inputs: little-endian, packed,
 * BOOL a byte of 0 or 1, BYTES a uint32 with the length before each.  binary_data of an output, or else
 * binary_data_output of the request, asks for outputs of that form.
 * Other parameters: of an output classification (so many best ones, "value:index:label"); of the request timeout in µs
 * and priority, from 2 up meaning background.
 */
#ifndef SRV_PARSE_PARSE_OPENINFERENCE_H
#define SRV_PARSE_PARSE_OPENINFERENCE_H

#include "../parse_body.h"

/* On success out is ROWS with rows, values, texts, id and outputs, timeout_ns and background, all in the arena or the body.  MALFORMED, WRONG_VALUE or TOO_LARGE
 * otherwise, with the byte offset and the JSON pointer of the place. */
srv_status srv_parse_openinference(const char *bytes, size_t size, size_t json_size, const srv_signature *signature,
                                   const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err);

/* A body that is one tensor and nothing else, for a model with one input: rows of float32, or the one value of the only
 * column, a text without its length.  All outputs are asked for as binary tensors. */
srv_status srv_parse_openinference_raw(const char *bytes, size_t size, const srv_signature *signature,
                                       const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err);

#endif
