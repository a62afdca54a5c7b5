/* Named columns: what a model takes that is no plain tensor.
 *
 * A row as sent is `features` numbers, in double precision, and `texts` texts.  A number is itself, a boolean 0 or 1, a category its index;
 * unknown categories are -1 or the index after the last, a missing value is what the column says, or NaN.  A text
 * column's number is 0, for each column has its place among them.  What a network can use is made of that by
 * preprocess/.
 */
#ifndef SRV_PARSE_TABLE_H
#define SRV_PARSE_TABLE_H

#include "../base/names.h"

typedef enum srv_column_type {
    SRV_COLUMN_NUMBER,
    SRV_COLUMN_BOOLEAN,
    SRV_COLUMN_CATEGORY,
    SRV_COLUMN_TEXT,
    SRV_COLUMN_TENSOR, /* a tensor input beside a table: `width` numbers, flat */
} srv_column_type;

typedef enum srv_unknown { SRV_UNKNOWN_ERROR, SRV_UNKNOWN_IGNORE, SRV_UNKNOWN_INDEX } srv_unknown;

typedef struct srv_column {
    const char *name; /* NUL-terminated UTF-8, without NUL inside */
    srv_column_type type;
    size_t offset, width; /* its numbers within the row */
    size_t text;          /* TEXT: its place among the row's texts */
    srv_names categories; /* CATEGORY */
    srv_unknown unknown;  /* CATEGORY: what becomes of a category that is not in the list */
    bool optional;        /* a row may do without it, and then has: */
    double missing;       /* (TEXT: the empty text) */
    bool plain;           /* the name is written in JSON as it is */
} srv_column;

typedef struct srv_table {
    const srv_column *columns; /* [names.count] */
    srv_names names;
    size_t features, texts;
    bool bare; /* one text and nothing else: a row need not be a record */
} srv_table;

#endif
