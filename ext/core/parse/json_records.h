/* /classify's JSON for a model of several tensors: records by the inputs' names.
 *
 *   {"left": [1, 2], "right": [[3], [4]]}        one row
 *   [{"left": …, "right": …}, …]                 rows
 *   {"data": either of them}
 * A value is one row of its input, nested or flat, as in parse_json.h.  Every input must be there, and nothing else.
 */
#ifndef SRV_PARSE_JSON_RECORDS_H
#define SRV_PARSE_JSON_RECORDS_H

#include "../parse_body.h"

/* Is it one of these forms?  Else it may be a flat row of all numbers (parse_json.h). */
bool srv_json_has_records(const char *text, size_t size);

srv_status srv_parse_json_records(const char *text, size_t size, const srv_signature *signature,
                                  const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err);

#endif
