/* Why an output is what it is: what each number, and each term of a text, has contributed to it.
 *
 *   gradient     the derivative at the row, times the way from the baseline: one backward pass
 *   integrated   the mean of the derivatives on the way (Sundararajan, Taly, Yan 2017), by the midpoint rule with `steps`
 *                points.  The contributions sum to score − baseline score, but for the error of the rule (completeness)
 *
 * The way begins at the baseline: a row of zeros as the network sees it, after preprocessing.  It is straight in the
 * network's row.  The output that is explained is the score itself, softmax or sigmoid included.
 */
#ifndef SRV_EXPLAIN_EXPLAIN_H
#define SRV_EXPLAIN_EXPLAIN_H

#include "../model/model.h"
#include "../preprocess/attribute.h"

#define SRV_EXPLAIN_MAX_ROWS 64   /* of a request */
#define SRV_EXPLAIN_MAX_STEPS 512 /* of `integrated` */
#define SRV_EXPLAIN_STEPS 32      /* unless asked otherwise */
#define SRV_EXPLAIN_TERMS 20      /* of a text, that a reply shows: the largest ones */

typedef enum srv_explain_method { SRV_EXPLAIN_GRADIENT, SRV_EXPLAIN_INTEGRATED } srv_explain_method;

typedef struct srv_explain_options {
    srv_explain_method method;
    size_t steps;       /* of INTEGRATED: 1 … SRV_EXPLAIN_MAX_STEPS */
    const char *target; /* a label of the first output, or a number of it from 0; NULL: the best label, or number 0 */
    size_t target_size;
} srv_explain_options;

/* Of one row. */
typedef struct srv_explanation {
    size_t target; /* which label, or which number of a regression */
    double score, baseline_score;
    double sum; /* of all contributions, those that no input made included */
    srv_attribution of;
} srv_explanation;

/* What a reply needs. */
typedef struct srv_explained {
    const srv_model *model;
    srv_explain_options options;
    const srv_explanation *rows;
} srv_explained;

typedef struct srv_explain_task {
    const srv_model *model;
    srv_explain_options options;
    srv_sent_rows sent; /* all that came */
    const float *x;     /* [rows × width]: as preprocessed */
    const float *y;     /* [rows × outputs]: as computed */
    size_t rows;
    uint64_t deadline_ns; /* 0: none */
    bool (*interrupted)(void *hook);
    void *hook;
    srv_arena *terms, *arena; /* terms: for preprocessing, reset at will */
} srv_explain_task;

/* Fails with SRV_MALFORMED at ?steps or ?target, TOO_LARGE (rows, or the network), DEADLINE, CANCELLED, NO_MEMORY,
 * WRONG_VALUE where a score or a contribution is no finite number. */
srv_status srv_explain(const srv_explain_task *task, srv_explained *out, srv_error *err);

#endif
