/* A text becomes a number for each term of a vocabulary, or for each place that terms are hashed to: what scikit-learn's
 * CountVectorizer, TfidfVectorizer and HashingVectorizer do, and Keras' TextVectorization.
 *
 *   {"op": "count_words", "input": NAME, "column": NAME,  …}     all members: docs/package.md, "Texts"
 *
 * Time is linear in the text's length (times the number of n-gram widths); memory is for the terms found, each once, and
 * for a few words, however long the text or a word of it is.
 */
#ifndef SRV_PREPROCESS_WORDS_H
#define SRV_PREPROCESS_WORDS_H

#include "../base/json.h"
#include "../base/names.h"
#include "../model/safetensors.h"
#include "terms.h"

#define SRV_WORD_BYTES 1024 /* of the longest term a vocabulary may have, and of the longest stop word */
#define SRV_NGRAM_MAX 64    /* words or characters in a term */

typedef struct srv_words srv_words; /* immutable once compiled; lives in the arena, and uses texts of node */

/* tensors: where an idf that is a name is looked up; NULL: nowhere.  Fails with SRV_PACKAGE naming the field.  The members
 * op, input, column and output are the caller's. */
srv_status srv_words_compile(const srv_json *node, const srv_safetensors *tensors, srv_arena *arena, srv_words **out,
                             srv_error *err);

size_t srv_words_width(const srv_words *words); /* numbers in a row */

/* The numbers of a row that belong to terms of the text, in double precision, weighted and normalised; all others are 0.
 * text is well-formed UTF-8; the list lies in scratch, of which little else stays taken.  Fails with SRV_NO_MEMORY only. */
srv_status srv_words_terms(const srv_words *words, srv_text text, srv_arena *scratch, srv_terms *out);

#endif
