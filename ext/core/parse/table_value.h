/* One value of a table's column, as JSON gives it: what /classify and the protocols of others have in common.
 *
 * A number is as in JSON; a boolean is true, false, 1 or 0; a category and a text are strings; numbers beside a table are
 * an array.  null is a missing value, and so is NaN where the cursor takes it for a number (json_scan.h).
 */
#ifndef SRV_PARSE_TABLE_VALUE_H
#define SRV_PARSE_TABLE_VALUE_H

#include "json_scan.h"
#include "table_rows.h"

/* The value at the cursor (no blanks) into the open row.  MALFORMED or WRONG_VALUE otherwise; the place is the caller's
 * to add where err has none. */
srv_status srv_table_read_value(srv_json_cursor *cursor, srv_table_rows *rows, size_t column, srv_error *err);

/* The string at the cursor, without a copy where nothing in it is escaped; else in the arena. */
srv_status srv_table_read_string(srv_json_cursor *cursor, srv_arena *arena, srv_text *out, srv_error *err);

#endif
