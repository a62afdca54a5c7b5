/* A table read column by column, as columnar protocols send it: the rows of table_rows.h, filled crosswise.
 *
 *   srv_table_columns_start(&columns, table, limits, arena, err);
 *   for each column:
 *     if (!srv_table_columns_claim(&columns, column)) { … the column is there twice … }
 *     for each of its values: srv_table_columns_row(&columns, i, err), then srv_table_put_…(&columns.rows, column, …)
 *     srv_table_columns_end(&columns, values, err);
 *   srv_table_columns_finish(&columns, body, err);
 */
#ifndef SRV_PARSE_TABLE_COLUMNS_H
#define SRV_PARSE_TABLE_COLUMNS_H

#include "table_rows.h"

typedef struct srv_table_columns {
    srv_table_rows rows; /* rows.count − 1 is the row that is open */
    size_t opened;       /* rows there are */
    size_t count;        /* rows that the first column has had, as all others must; 0: none has come */
    bool *given;         /* [columns] */
} srv_table_columns;

srv_status srv_table_columns_start(srv_table_columns *out, const srv_table *table, const srv_limits *limits,
                                   srv_arena *arena, srv_error *err);
bool srv_table_columns_claim(srv_table_columns *columns, size_t column); /* false: it has come already */

/* Opens row i, which is one of those there are or the next.  TOO_LARGE beyond what one request may hold. */
srv_status srv_table_columns_row(srv_table_columns *columns, size_t i, srv_error *err);

/* The column has had so many values.  WRONG_VALUE if that is none, or an earlier column had another number. */
srv_status srv_table_columns_end(srv_table_columns *columns, size_t values, srv_error *err);

/* Columns that have not come take what they say for missing values; WRONG_VALUE if they say nothing. */
srv_status srv_table_columns_finish(srv_table_columns *columns, srv_body *out, srv_error *err);

#endif
