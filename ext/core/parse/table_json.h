/* The JSON bodies of /classify for models that take a table or a text (parse/table.h).
 *
 *   {"age": 42, "country": "France"}        a record: one row; its keys in any order
 *   [42, "France"]                          one row, its values in the order of the columns
 *   [record or row, …]                      a list of rows
 *   {"data": …}                             any of these, unless a column is named data
 *   "a text", ["a text", …]                 one text, texts: for a model that takes nothing else
 *
 * A number is as in JSON; a boolean is true, false, 1 or 0; a category and a text are strings; numbers beside a table
 * are an array.  null, and a key that is not there, are missing values.  Bad JSON, unknown and repeated keys are
 * SRV_MALFORMED, wrong values SRV_WRONG_VALUE; each with the byte offset and the JSON pointer.
 */
#ifndef SRV_PARSE_TABLE_JSON_H
#define SRV_PARSE_TABLE_JSON_H

#include "../parse_body.h"

/* input->table is set.  On success out is ROWS with rows, values, texts and single. */
srv_status srv_parse_table_json(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                srv_arena *arena, srv_body *out, srv_error *err);

#endif
