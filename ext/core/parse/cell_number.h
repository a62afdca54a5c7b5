/* One cell of text as a number: as JSON has it, and what cannot mean anything else: +1, .5, 5., 007. */
#ifndef SRV_PARSE_CELL_NUMBER_H
#define SRV_PARSE_CELL_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Reads the whole cell (no blanks around it, at least a byte).  NULL and *out; or what is wrong with it, to follow the
 * quoted cell in a message: "is not a number", "is a missing value; expected a number", … */
const char *srv_read_cell_number(const char *text, size_t size, float *out);
const char *srv_read_cell_double(const char *text, size_t size, double *out);

/* Words that stand for no number at all, so that no header holds them and messages can be exact. */
bool srv_is_non_finite_word(const char *text, size_t size);
bool srv_is_missing_word(const char *text, size_t size);

#endif
