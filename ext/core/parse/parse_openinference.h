/* The body of the Open Inference Protocol's POST /v2/models/M/infer (KServe v2, inference_rest.md), tensors as JSON.
 *
 *   {"id"?: "42", "parameters"?: {…},
 *    "inputs": [{"name", "shape", "datatype", "parameters"?, "data"}, …], "outputs"?: [{"name", "parameters"?}, …]}
 *
 * Every input of the model must be there once, in any order, all with equally many rows.  shape includes the batch: [rows,
 * then the input's shape (dimensions of 1 may be left out or added) or all its numbers flat]; the input's shape alone is one
 * row.  data is flat or nested, as many numbers as shape says.
 * datatype: FP32 and FP64 take any JSON number; INT8 … INT64 and UINT8 … UINT64 whole ones in their range; BOOL true, false,
 * 0 and 1.  All become the nearest float32.  FP16 has no JSON form, BYTES no number.  Keys that are not listed are ignored.
 */
#ifndef SRV_PARSE_PARSE_OPENINFERENCE_H
#define SRV_PARSE_PARSE_OPENINFERENCE_H

#include "../parse_body.h"

/* On success out is ROWS with rows, values, id and outputs, all in the arena.  MALFORMED, WRONG_VALUE or TOO_LARGE
 * otherwise, with the byte offset and the JSON pointer of the place. */
srv_status srv_parse_openinference(const char *text, size_t size, const srv_signature *signature,
                                   const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err);

#endif
