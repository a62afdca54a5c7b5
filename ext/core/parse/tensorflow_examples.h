/* The body of TensorFlow Serving's POST /v1/models/M:classify and :regress, as its api_rest.md has it.
 *
 *   {"signature_name"?: …, "context"?: {feature: value or list, …}, "examples": [{feature: value or list, …}, …]}
 *
 * Each input of the model, of a table each column, is a feature: a tensor as a list of all its numbers, flat, or bare if it
 * is one; anything else as its value or a list of one.  Features of the context are every example's, and may not be in
 * one again.  null is refused; a feature that is not there is a missing value, where the column may miss it.
 */
#ifndef SRV_PARSE_TENSORFLOW_EXAMPLES_H
#define SRV_PARSE_TENSORFLOW_EXAMPLES_H

#include "../parse_body.h"

/* As srv_parse_tensorflow. */
srv_status srv_parse_tensorflow_examples(const char *text, size_t size, const srv_signature *signature,
                                         const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err);

#endif
