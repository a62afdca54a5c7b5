/* Live statistics of an engine, per model version: counts, and histograms of where the time went.
 *
 * Counting is a few relaxed atomic additions, no lock; a reader sees counts that may be a request apart from each other.
 * They lie in one mapping that processes share which are forked after it was made: all add to the same counts, and those
 * of a process that dies stay.
 * Histograms are log-scaled, two buckets per doubling: bucket i holds values below srv_histogram_bound(i) that the one before
 * does not, so a value is known within a factor of 1.5.
 */
#ifndef SRV_STATS_H
#define SRV_STATS_H

#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
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

#define SRV_STATS_VERSIONS 1024     /* that are told apart; what further ones do counts for SRV_STATS_OTHERS */
#define SRV_STATS_OTHERS "(others)" /* version 0 */
#define SRV_STATS_NAME_WORDS 17     /* a name is cut to 135 bytes; the store's have 128 at most */

#define SRV_STATS_BATCH 64 /* rows of the largest batch */

typedef struct srv_executions {
    atomic_uint_fast64_t count, ns;
} srv_executions;

typedef struct srv_model_stats {
    _Alignas(64) atomic_uint_fast64_t name[SRV_STATS_NAME_WORDS]; /* see srv_stats_model */
    atomic_int_fast64_t version;
    atomic_bool named;
    atomic_uint_fast64_t rows;                      /* of requests that were answered */
    atomic_uint_fast64_t requests[SRV_PACKAGE + 1]; /* by srv_status */
    atomic_uint_fast64_t last_ms;                   /* of the last one: Unix time */
    atomic_uint_fast64_t failed_ns;                 /* of requests that were not answered */
    srv_histogram histogram[SRV_STATS_KINDS];       /* of requests that were answered */
    srv_executions executed[SRV_STATS_BATCH + 1];   /* batches by their rows, whoever's: shadows' too */
} srv_model_stats;

/* What whoever hosts the engine has counted. */
#define SRV_HOST_MAP(XX)                     \
    XX(STORE_ERRORS, "store_errors")         \
    XX(DATABASE_ERRORS, "database_errors")   \
    XX(OBSERVER_DROPPED, "observer_dropped") \
    XX(REFUSED_LATE, "refused_late")         \
    XX(REFUSED_KEY, "refused_key")           \
    XX(REFUSED_LIMIT, "refused_limit")       \
    XX(REFUSED_ADMIN, "refused_admin")

typedef enum srv_host_kind {
#define XX(id, name) SRV_HOST_##id,
    SRV_HOST_MAP(XX)
#undef XX
        SRV_HOST_KINDS
} srv_host_kind;

const char *srv_host_name(srv_host_kind kind);

typedef struct srv_stats {
    atomic_uint_fast64_t host[SRV_HOST_KINDS];
    atomic_uint_fast64_t keys[SRV_STATS_VERSIONS]; /* hashes of name and version; 0: free, and so are all that follow */
    srv_model_stats models[SRV_STATS_VERSIONS];    /* in the order in which they were first asked */
} srv_stats;

srv_stats *srv_stats_new(void);        /* NULL when out of memory */
void srv_stats_free(srv_stats *stats); /* in this process; accepts NULL */

/* That version's statistics, which from now on are there. */
srv_model_stats *srv_stats_of(srv_stats *stats, const char *name, int64_t version);

/* The i-th version that was asked, with its name; NULL if there are not so many. */
const srv_model_stats *srv_stats_model(const srv_stats *stats, size_t i,
                                       char name[SRV_STATS_NAME_WORDS * sizeof(uint64_t)]);

#endif
