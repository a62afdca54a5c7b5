/* Live statistics of an engine, per model version: counts, and histograms of where the time went.
 *
 * Counting is a few relaxed atomic additions, no lock; a reader sees counts that may be a request apart from each other.
 * Histograms are log-scaled, two buckets per doubling: bucket i holds values below srv_histogram_bound(i) that the one before
 * does not, so a value is known within a factor of 1.5.
 */
#ifndef SRV_STATS_H
#define SRV_STATS_H

#include "base/status.h"

#include <stdatomic.h>
#include <stdint.h>

#define SRV_HISTOGRAM_BUCKETS 80 /* the last holds all from 2^40 up: eighteen minutes in ns */

typedef struct srv_histogram {
    atomic_uint_fast64_t bucket[SRV_HISTOGRAM_BUCKETS];
    atomic_uint_fast64_t sum;
} srv_histogram;

void srv_histogram_add(srv_histogram *histogram, uint64_t value);

/* Exclusive upper bound of bucket i; UINT64_MAX for the last. */
uint64_t srv_histogram_bound(size_t i);

/* The steps whose times are kept, in ns, and the rows of the batches that requests were in. */
#define SRV_STATS_MAP(XX)        \
    XX(PARSE, "parse")           \
    XX(PREPROCESS, "preprocess") \
    XX(QUEUE, "queue")           \
    XX(FORWARD, "forward")       \
    XX(REPLY, "reply")           \
    XX(TOTAL, "total")           \
    XX(BATCH_ROWS, "batch_rows")

typedef enum srv_stats_kind {
#define XX(id, name) SRV_STATS_##id,
    SRV_STATS_MAP(XX)
#undef XX
        SRV_STATS_KINDS
} srv_stats_kind;

const char *srv_stats_name(srv_stats_kind kind);

typedef struct srv_model_stats {
    struct srv_model_stats *next;
    const char *name;
    int64_t version;
    atomic_uint_fast64_t rows;                      /* of requests that were answered */
    atomic_uint_fast64_t requests[SRV_PACKAGE + 1]; /* by srv_status */
    atomic_uint_fast64_t last_ms;                   /* of the last one: Unix time */
    srv_histogram histogram[SRV_STATS_KINDS];       /* of requests that were answered */
} srv_model_stats;

typedef struct srv_stats {
    _Atomic(srv_model_stats *) first; /* grows only; the versions that were ever asked */
} srv_stats;

/* That version's statistics, made at its first request; NULL when out of memory. */
srv_model_stats *srv_stats_of(srv_stats *stats, const char *name, int64_t version);

void srv_stats_free(srv_stats *stats); /* when nobody counts any more */

#endif
