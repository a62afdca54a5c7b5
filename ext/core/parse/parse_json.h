/* The JSON bodies of /classify: what they may look like, and how they become rows of float32.
 *
 * A row (a flat array of `features` numbers, or nested as the input's shape; dimensions of 1 may be left out or added),
 * or an array of rows; bare, or as {"data": …}.  With one feature a bare number is one row, [5] is one row, [[5], [6]]
 * are two.
 *
 * Malformed text is SRV_MALFORMED, the wrong count or type of values SRV_WRONG_VALUE, too many rows SRV_TOO_LARGE; each
 * with the byte offset and the JSON pointer of the place.
 */
#ifndef SRV_PARSE_JSON_H
#define SRV_PARSE_JSON_H

#include "../parse_body.h"

/* Reads the whole text.  On success out is ROWS with rows, values (in the arena) and single set. */
srv_status srv_parse_json_classify(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                   srv_arena *arena, srv_body *out, srv_error *err);

#endif
