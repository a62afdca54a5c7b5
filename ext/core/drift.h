/* Counts of what a version is asked and what it answers, in the bins of its statistics (model/statistics.h).
 *
 * The label of every row is counted, and the inputs of a share of the rows: of the first SRV_DRIFT_FIRST all, then one in
 * srv_drift_every, spread so that no rhythm of the traffic meets it.  Counting is relaxed atomic additions, no lock.
 *
 * The counts lie in memory that processes share: children that are forked later, or in a file all that serve the version
 * from the same folder, now and after a restart.  A process that is killed leaves them as they are.
 */
#ifndef SRV_DRIFT_H
#define SRV_DRIFT_H

#include "model/statistics.h"

#include <stdbool.h>
#include <stdint.h>

#define SRV_DRIFT_FIRST 1024

typedef struct srv_drift srv_drift;

srv_drift *srv_drift_new(const srv_statistics *statistics); /* NULL when out of memory; statistics must outlive it */
void srv_drift_free(srv_drift *drift);                      /* accepts NULL */

/* Goes on with the counts in that file, which is made if there is none, or none of that size.  Before anybody counts.
 * False: the file can't be had, and the counts stay in memory. */
bool srv_drift_use_file(srv_drift *drift, const char *path);

size_t srv_drift_every(const srv_statistics *statistics);

/* Rows as sent: values or cells, [rows × features]. */
void srv_drift_count_rows(srv_drift *drift, const float *values, const double *cells, size_t features, size_t rows);

/* The best label of each row of scores: y[r * stride …], columns of them; one column is the score of the second label. */
void srv_drift_count_labels(srv_drift *drift, const float *y, size_t stride, size_t columns, size_t rows);

/* rows and sampled: how many were asked, and of how many the inputs were counted; counts: [statistics->count]. */
void srv_drift_read(const srv_drift *drift, uint64_t *rows, uint64_t *sampled, uint64_t *counts);

#endif
