/* Text for models that take a table or a text (parse/table.h): CSV, and fields of forms.
 *
 * CSV (RFC 4180): a row a line, cells separated by ',', ';' or tabs (the first of them that the first line has), quoted
 * where they hold separators, quotes or line ends.  Line ends are LF, CR LF or CR; empty lines and a byte order mark
 * are passed over, and blanks around cells that are not quoted, unless the column is text.
 * The first line is a header if at least half of its cells are names of columns and no other cell is a number or empty:
 * then columns come in its order, and those that it leaves out are missing values.  Without a header cells come in the
 * order of the columns, all of them.
 * A cell: a number as parse/cell_number.h has it; true, false, 1 or 0 for a boolean; nothing for a missing value.
 *
 * A text model's text/plain body and form field are one text, as they are; its text/csv body is CSV.
 *
 * Errors name row (header and empty lines not counted), line where that differs, and column, with the byte offset.
 */
#ifndef SRV_PARSE_TABLE_TEXT_H
#define SRV_PARSE_TABLE_TEXT_H

#include "../parse_body.h"
#include "table.h"

/* The whole text as CSV, or as JSON where it begins with [ or {.  input->table is set. */
srv_status srv_parse_table_csv(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                               srv_arena *arena, srv_body *out, srv_error *err);

/* The whole text as the one text of a row.  input->table->bare. */
srv_status srv_parse_bare_text(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                               srv_arena *arena, srv_body *out, srv_error *err);

/* A form whose fields are the columns of one row. */
typedef struct srv_table_field {
    srv_text name, value; /* decoded */
    const char *raw;      /* where the value stands in the body */
} srv_table_field;

srv_status srv_parse_table_fields(const srv_table_field *fields, size_t count, const char *body,
                                  const srv_input_spec *input, const srv_limits *limits, srv_arena *arena,
                                  srv_body *out, srv_error *err);

#endif
