#include "stats.h"

#include "base/alloc.h"

#include <string.h>

/* Twice the position of the highest bit, plus the bit below it. */
static size_t bucket_of(uint64_t value) {
    if (value < 2) {
        return (size_t)value;
    }
    size_t high = 63 - (size_t)__builtin_clzll(value);
    size_t i = 2 * high + (value >> (high - 1) & 1);
    return i < SRV_HISTOGRAM_BUCKETS ? i : SRV_HISTOGRAM_BUCKETS - 1;
}

uint64_t srv_histogram_bound(size_t i) {
    if (i < 2) {
        return i + 1;
    }
    if (i >= SRV_HISTOGRAM_BUCKETS - 1) {
        return UINT64_MAX;
    }
    uint64_t half = (uint64_t)1 << (i / 2 - 1);
    return (i % 2 == 0 ? 3 : 4) * half;
}

void srv_histogram_add(srv_histogram *histogram, uint64_t value) {
    atomic_fetch_add_explicit(&histogram->bucket[bucket_of(value)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
}

const char *srv_stats_name(srv_stats_kind kind) {
    static const char *const names[] = {
#define XX(id, name) name,
        SRV_STATS_MAP(XX)
#undef XX
    };
    return names[kind];
}

static srv_model_stats *find(srv_model_stats *first, const char *name, int64_t version) {
    for (srv_model_stats *s = first; s != NULL; s = s->next) {
        if (s->version == version && strcmp(s->name, name) == 0) {
            return s;
        }
    }
    return NULL;
}

srv_model_stats *srv_stats_of(srv_stats *stats, const char *name, int64_t version) {
    srv_model_stats *first = atomic_load_explicit(&stats->first, memory_order_acquire);
    srv_model_stats *found = find(first, name, version);
    if (found != NULL) {
        return found;
    }
    size_t size = strlen(name) + 1;
    srv_model_stats *made = srv_calloc(1, sizeof *made + size);
    if (made == NULL) {
        return NULL;
    }
    made->name = memcpy(made + 1, name, size);
    made->version = version;
    do { /* another thread may have made it, or one for another version, in the meantime */
        found = find(first, name, version);
        made->next = first;
    } while (found == NULL && !atomic_compare_exchange_weak_explicit(&stats->first, &first, made, memory_order_release,
                                                                     memory_order_acquire));
    if (found != NULL) {
        srv_free(made);
        return found;
    }
    return made;
}

void srv_stats_free(srv_stats *stats) {
    srv_model_stats *s = atomic_load(&stats->first);
    while (s != NULL) {
        srv_model_stats *next = s->next;
        srv_free(s);
        s = next;
    }
    atomic_store(&stats->first, NULL);
}
