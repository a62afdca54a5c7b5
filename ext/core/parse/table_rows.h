/* Rows of a table as they are read: what JSON, CSV and forms have in common.
 *
 *   srv_table_rows_start(&rows, table, limits, arena, err);
 *   for each row:
 *     srv_table_rows_open(&rows, err);
 *     for each cell:
 *       if (!srv_table_rows_claim(&rows, column)) { … the column is there twice … }
 *       srv_table_put_…(&rows, column, …, err);
 *     srv_table_rows_close(&rows, err);      the columns that did not come take what they say for missing values
 *   srv_table_rows_finish(&rows, single, body);
 *
 * Errors name the column and what it expects; their place is the reader's to add.
 */
#ifndef SRV_PARSE_TABLE_ROWS_H
#define SRV_PARSE_TABLE_ROWS_H

#include "../parse_body.h"
#include "table.h"

#include <stdint.h>

typedef struct srv_table_rows {
    const srv_table *table;
    const srv_limits *limits;
    srv_arena *arena;
    size_t count, capacity; /* rows, the one being read included */
    double *cells;          /* [capacity × features] */
    srv_text *texts;        /* [capacity × texts] */
    uint32_t *claimed;      /* [columns]: the number of the last row that had it */
    size_t filled;          /* columns that the open row has so far */
} srv_table_rows;

srv_status srv_table_rows_start(srv_table_rows *out, const srv_table *table, const srv_limits *limits, srv_arena *arena,
                                srv_error *err);
srv_status srv_table_rows_open(srv_table_rows *rows, srv_error *err); /* TOO_LARGE beyond what one request may hold */
bool srv_table_rows_claim(srv_table_rows *rows, size_t column);       /* false: the open row has it already */
srv_status srv_table_rows_close(srv_table_rows *rows, srv_error *err);
void srv_table_rows_finish(const srv_table_rows *rows, bool single, srv_body *out);

/* A cell of the open row.  Texts must live as long as the arena or the body, and be UTF-8. */
void srv_table_put_number(srv_table_rows *rows, size_t column, double value);
double *srv_table_numbers(srv_table_rows *rows, size_t column); /* TENSOR: [width], to be written */
void srv_table_put_floats(srv_table_rows *rows, size_t column, const float *values); /* TENSOR: [width] */
srv_status srv_table_put_missing(srv_table_rows *rows, size_t column, srv_error *err);
srv_status srv_table_put_text(srv_table_rows *rows, size_t column, srv_text text, srv_error *err); /* CATEGORY, TEXT */
/* Any column, from CSV or a form; an empty cell is a missing value where the empty text is none. */
srv_status srv_table_put_cell(srv_table_rows *rows, size_t column, srv_text cell, srv_error *err);

/* "age: expected a number, but it is a string" */
srv_status srv_table_wrong_kind(const srv_column *column, const char *kind, srv_error *err);

/* "there is no column 'x'; the columns are a, b": MALFORMED, as for unknown keys elsewhere. */
srv_status srv_table_unknown_column(const srv_table *table, const char *what, srv_text name, srv_error *err);

/* "a number", "one of France, Germany, Spain", …; returns out. */
const char *srv_table_describe_column(const srv_column *column, char *out, size_t capacity);

#endif
