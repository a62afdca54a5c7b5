/* The manifest's `statistics`: how the inputs and labels of training were distributed (docs/package.md).
 *
 * Here it is only checked, and turned into a layout of counts: for each feature its bins and one for missing values, then
 * one for each label.  drift.h counts by it; what the shares were is for whoever compares.
 */
#ifndef SRV_MODEL_STATISTICS_H
#define SRV_MODEL_STATISTICS_H

#include "../base/json.h"
#include "../parse_body.h"

#include <stdint.h>

#define SRV_MAX_EDGES 63                            /* of a feature's bins */
#define SRV_MAX_STATISTICS_COUNTS ((size_t)1 << 20) /* bins and labels together */

typedef struct srv_feature_bins {
    size_t feature;      /* which number of a row as sent, all inputs side by side */
    const double *edges; /* [edge_count], ascending: bin i holds what has i edges at or below it.  NULL: a category */
    size_t edge_count;
    size_t bins;  /* edge_count + 1; categories and one for unknown ones */
    size_t first; /* its counts: bins of them, then missing values */
} srv_feature_bins;

typedef struct srv_statistics {
    size_t feature_count;
    const srv_feature_bins *features;
    size_t first_label, label_count; /* counts of labels, in their order; 0: no classification */
    size_t count;                    /* of all */
} srv_statistics;

/* node: the manifest's, or NULL: then *out is NULL.  labels: of the first output, or NULL.  Fails with SRV_PACKAGE naming
 * the field. */
srv_status srv_statistics_read(const srv_json *node, const srv_input_spec *inputs, size_t input_count,
                               const char *const *labels, size_t label_count, srv_arena *arena,
                               const srv_statistics **out, srv_error *err);

#endif
