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

const char *srv_host_name(srv_host_kind kind) {
    static const char *const names[] = {
#define XX(id, name) name,
        SRV_HOST_MAP(XX)
#undef XX
    };
    return names[kind];
}

srv_stats *srv_stats_new(void) {
    return srv_shared_new(sizeof(srv_stats));
}

void srv_stats_free(srv_stats *stats) {
    srv_shared_free(stats, sizeof *stats);
}

/* A version, as it is looked for. */
typedef struct wanted {
    uint64_t name[SRV_STATS_NAME_WORDS]; /* NUL-terminated */
    size_t words;                        /* that are not all zero, plus one */
    int64_t version;
    uint64_t key;
} wanted;

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

static void describe(wanted *w, const char *name, int64_t version) {
    const size_t most = sizeof w->name - 1, length = strlen(name), kept = length < most ? length : most;
    w->words = kept / sizeof *w->name + 1;
    w->version = version;
    w->key = mix((uint64_t)length << 56, (uint64_t)version);
    w->name[w->words - 1] = 0;
    memcpy(w->name, name, kept);
    for (size_t i = 0; i < w->words; i++) {
        w->key = mix(w->key, w->name[i]);
    }
    for (size_t i = kept; i < length; i++) { /* what the name has beyond */
        w->key = mix(w->key, (unsigned char)name[i]);
    }
    w->key |= w->key == 0; /* 0 is a free place */
}

/* Whoever finds a place whose claimer has not named it yet, and may be dead, names it: the hash says that both mean the
 * same version, so all write the same. */
static void name_it(srv_model_stats *s, const wanted *w) {
    for (size_t i = 0; i < w->words; i++) {
        atomic_store_explicit(&s->name[i], w->name[i], memory_order_relaxed);
    }
    atomic_store_explicit(&s->version, w->version, memory_order_relaxed);
    atomic_store_explicit(&s->named, true, memory_order_release);
}

static bool is(srv_model_stats *s, const wanted *w) {
    if (!atomic_load_explicit(&s->named, memory_order_acquire)) {
        name_it(s, w);
        return true;
    }
    bool same = atomic_load_explicit(&s->version, memory_order_relaxed) == w->version;
    for (size_t i = 0; same && i < w->words; i++) {
        same = atomic_load_explicit(&s->name[i], memory_order_relaxed) == w->name[i];
    }
    return same;
}

srv_model_stats *srv_stats_of(srv_stats *stats, const char *name, int64_t version) {
    wanted w;
    describe(&w, name, version);
    for (size_t i = 0; i < SRV_STATS_VERSIONS - 1; i++) {
        uint64_t key = atomic_load_explicit(&stats->keys[i], memory_order_relaxed);
        if (key == 0 && atomic_compare_exchange_strong_explicit(&stats->keys[i], &key, w.key, memory_order_relaxed,
                                                                memory_order_relaxed)) {
            key = w.key;
        }
        if (key == w.key && is(&stats->models[i], &w)) {
            return &stats->models[i];
        }
    }
    describe(&w, SRV_STATS_OTHERS, 0);
    atomic_store_explicit(&stats->keys[SRV_STATS_VERSIONS - 1], w.key, memory_order_relaxed);
    is(&stats->models[SRV_STATS_VERSIONS - 1], &w);
    return &stats->models[SRV_STATS_VERSIONS - 1];
}

const srv_model_stats *srv_stats_model(const srv_stats *stats, size_t i,
                                       char name[SRV_STATS_NAME_WORDS * sizeof(uint64_t)]) {
    if (i >= SRV_STATS_VERSIONS || atomic_load_explicit(&stats->keys[i], memory_order_relaxed) == 0) {
        return NULL;
    }
    const srv_model_stats *s = &stats->models[i];
    if (!atomic_load_explicit(&s->named, memory_order_acquire)) {
        return NULL; /* claimed just now: nothing is counted yet */
    }
    for (size_t word = 0; word < SRV_STATS_NAME_WORDS; word++) {
        const uint64_t bytes = atomic_load_explicit(&s->name[word], memory_order_relaxed);
        memcpy(name + word * sizeof bytes, &bytes, sizeof bytes);
    }
    return s;
}
