/* Numbers in text: a JSON array (or object), or decimals as spreadsheets, shells and numpy write them.
 *
 *   text that begins with [ or {   JSON, as in a JSON body (parse_json.h)
 *   anything else                  lines of cells (RFC 4180)
 *
 * Rows: each line holds one row; or all lines together hold one row (28 lines of 28 numbers where the model takes 784).
 * Line ends are LF, CR LF or CR; empty lines and a byte order mark are passed over.
 *
 * Cells: separated by ',' or ';' if the first line has one (blanks around it are passed over), else by blanks or tabs.
 * One separator serves for the whole text, so that "1,5;2,5" (decimal commas) is refused, never read as four numbers.
 * A separator at the end of a line adds no cell.  A cell may be quoted.
 *
 * Numbers: as in JSON, and what cannot mean anything else: +1, .5, 5., 007.  Refused by name: NaN, infinities, words
 * for a missing value, numbers beyond float32, empty cells.
 *
 * Header: the first line is one, and is passed over, if it has as many cells as the model takes numbers, each begins
 * with a letter or '_' and is no word for a missing or non-finite value, and a line follows.
 *
 * Errors name row (header and empty lines not counted), line where that differs, and column, all from 1, with the byte
 * offset in the text.  What is no number, or the wrong count, is SRV_WRONG_VALUE; text without any number, or with a
 * broken quote, SRV_MALFORMED; more rows than the limit, SRV_TOO_LARGE.
 */
#ifndef SRV_PARSE_NUMBER_TEXT_H
#define SRV_PARSE_NUMBER_TEXT_H

#include "../parse_body.h"

/* On success out is ROWS with rows, values (in the arena) and single (one row that no JSON list wraps) set. */
srv_status srv_parse_number_text(const char *text, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                 srv_arena *arena, srv_body *out, srv_error *err);

#endif
