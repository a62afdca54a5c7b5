/* The inputs of a manifest that are no tensors:
 *
 *   {"name": NAME, "kind": "table", "columns": [
 *     {"name": "age", "type": "number", "missing": "nan"},
 *     {"name": "member", "type": "boolean"},
 *     {"name": "country", "type": "category", "categories": ["France", "Spain"], "unknown": "ignore"},
 *     {"name": "remark", "type": "text", "missing": "empty"}]}
 *   {"name": NAME, "kind": "text"}
 * unknown: "error" (the default), "ignore" (−1: no indicator of it is set), "index" (the index after the last).
 * missing: "error" (the default), "nan" (for `impute`), or a number to take its place; for a text "error" or "empty".
 */
#ifndef SRV_MODEL_TABLE_INPUT_H
#define SRV_MODEL_TABLE_INPUT_H

#include "../base/json.h"
#include "../parse_body.h"

/* Fills out (name already set) from an input of kind "table" or "text".  Fails with SRV_PACKAGE naming the field. */
srv_status srv_read_table_input(const srv_json *node, srv_arena *arena, srv_input_spec *out, srv_error *err);

/* A table input beside others: one row is all their columns, a tensor being one of that name.  Fails at `node` if a
 * name comes twice. */
srv_status srv_join_tables(const srv_input_spec *inputs, size_t count, const srv_json *node, srv_arena *arena,
                           const srv_table **out, srv_error *err);

#endif
