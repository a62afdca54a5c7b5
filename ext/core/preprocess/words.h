/* A text becomes the counts of its words, as scikit-learn's CountVectorizer and TfidfVectorizer make them by default.
 *
 *   {"op": "count_words", "input": NAME, "column": NAME,   the column of a table; a text input has none
 *    "vocabulary": [words],                                one number each, in this order; other words are passed over
 *    "pattern": "word",                                    (?u)\b\w\w+\b: runs of at least two word characters
 *    "lowercase": true,                                    str.lower(), all of Unicode
 *    "binary": false,                                      1 for a word that is there, however often
 *    "idf": [weights],                                     optional; counts are multiplied by them
 *    "norm": "l2"}                                         or "l1", or null: the row is divided by it, unless that is 0
 * Computed in double precision; each number is rounded to float32 once.
 */
#ifndef SRV_PREPROCESS_WORDS_H
#define SRV_PREPROCESS_WORDS_H

#include "../base/json.h"
#include "../base/names.h"

#define SRV_WORD_BYTES 1024 /* of the longest word a vocabulary may have */

typedef struct srv_words srv_words; /* immutable once compiled; lives in the arena */

/* Fails with SRV_PACKAGE naming the field.  The members op, input and column are the caller's. */
srv_status srv_words_compile(const srv_json *node, srv_arena *arena, srv_words **out, srv_error *err);

size_t srv_words_width(const srv_words *words); /* numbers in a row: the vocabulary's size */

/* text is well-formed UTF-8.  row: [width], written whole. */
void srv_words_count(const srv_words *words, srv_text text, float *row);

#endif
