/* From contributions of the network's numbers to contributions of what was sent.
 *
 * Each number of the network's row has contributed something to an output.  Here that is given to the numbers and texts
 * that it was made of: back through the steps, without derivatives.  What encodes one number (one_hot, bucketise …) gives
 * it all back; a product of several gives each factor its share; terms of a text keep theirs.
 */
#ifndef SRV_PREPROCESS_ATTRIBUTE_H
#define SRV_PREPROCESS_ATTRIBUTE_H

#include "preprocess.h"

/* What a term of a text has contributed. */
typedef struct srv_term_share {
    srv_text term;  /* of a vocabulary; bytes NULL: it has no text (hashed, or the place of unknown ones) */
    uint32_t index; /* of its number */
    double contribution;
} srv_term_share;

/* What a text has contributed. */
typedef struct srv_text_share {
    bool counted;          /* a step has made terms of it */
    srv_term_share *terms; /* [count] those that are there */
    size_t count;
    double whole; /* as one value: hashed */
} srv_text_share;

typedef struct srv_attribution {
    double *numbers;       /* [features] */
    srv_text_share *texts; /* [texts]; NULL if a row has none */
    double rest;           /* of numbers that nothing sent was part of: the product of nothing */
} srv_attribution;

/* The network's row of a row of zeros, as the network sees it: products of no terms are their biases.  row: [width] */
void srv_preprocess_baseline(const srv_preprocess *preprocess, float *row);

/* from: one row as sent; row, baseline and slope: [width] each; a number has contributed (row − baseline) · slope.
 * scratch: srv_preprocess_scratch bytes; terms, which is reset: for what the steps take; arena: for *out.
 * SRV_NO_MEMORY, or SRV_OK. */
srv_status srv_preprocess_attribute(const srv_preprocess *preprocess, const srv_sent_rows *from, const float *row,
                                    const float *baseline, const double *slope, void *scratch, srv_arena *terms,
                                    srv_arena *arena, srv_attribution *out, srv_error *err);

#endif
