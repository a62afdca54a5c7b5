#include "drift.h"

#include "base/alloc.h"
#include "select_top.h"

#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST_EVERY 16
#define FEATURES_PER_ROW 4 /* that may be counted, on average */

/* As it lies in the shared memory. */
typedef struct tallies {
    atomic_uint_least64_t rows, sampled, counts[];
} tallies;

_Static_assert(sizeof(atomic_uint_least64_t) == 8, "files hold 64-bit counts");

struct srv_drift {
    const srv_statistics *statistics;
    size_t every, bytes;
    tallies *tallies;
};

size_t srv_drift_every(const srv_statistics *statistics) {
    size_t every = statistics->feature_count / FEATURES_PER_ROW;
    return every > LEAST_EVERY ? every : LEAST_EVERY;
}

static tallies *map(size_t bytes, int file) {
    int flags = file < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

srv_drift *srv_drift_new(const srv_statistics *statistics) {
    srv_drift *drift = srv_calloc(1, sizeof *drift);
    if (drift == NULL) {
        return NULL;
    }
    drift->statistics = statistics;
    drift->every = srv_drift_every(statistics);
    drift->bytes = sizeof *drift->tallies + statistics->count * sizeof drift->tallies->counts[0];
    drift->tallies = map(drift->bytes, -1);
    if (drift->tallies == NULL) {
        srv_free(drift);
        return NULL;
    }
    return drift;
}

void srv_drift_free(srv_drift *drift) {
    if (drift != NULL) {
        munmap(drift->tallies, drift->bytes);
        srv_free(drift);
    }
}

/* A file of that size, or -1. */
static int open_whole(const char *path, size_t bytes) {
    struct stat info;
    int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file >= 0 && (fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || (size_t)info.st_size != bytes)) {
        close(file);
        file = -1;
    }
    return file;
}

/* The folders above the file; one that can't be made is missed when the file is. */
static void make_folders(const char *path) {
    char folder[4096];
    size_t size = strlen(path);
    if (size >= sizeof folder) {
        return;
    }
    memcpy(folder, path, size + 1);
    for (char *at = strchr(folder + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(folder, 0700);
        *at = '/';
    }
}

/* Gets its name when it is complete, so that none that is half made is ever seen.  Its room on the disk is taken now:
 * memory that a full disk can't hold would be a signal later. */
static void make_file(const char *path, size_t bytes) {
    char draft[4096];
    int size = snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid());
    if (size < 0 || (size_t)size >= sizeof draft) {
        return;
    }
    make_folders(path);
    int file = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return;
    }
    bool whole = posix_fallocate(file, 0, (off_t)bytes) == 0;
    close(file);
    struct stat info;
    bool broken = lstat(path, &info) == 0 && (!S_ISREG(info.st_mode) || (size_t)info.st_size != bytes);
    if (whole && broken) {
        (void)rename(draft, path);
    } else if (whole) {
        (void)link(draft, path); /* if another process was faster, its file is as good */
    }
    (void)unlink(draft);
}

bool srv_drift_use_file(srv_drift *drift, const char *path) {
    int file = open_whole(path, drift->bytes);
    if (file < 0) {
        make_file(path, drift->bytes);
        file = open_whole(path, drift->bytes);
    }
    tallies *memory = file >= 0 ? map(drift->bytes, file) : NULL;
    if (file >= 0) {
        close(file);
    }
    if (memory != NULL) {
        munmap(drift->tallies, drift->bytes);
        drift->tallies = memory;
    }
    return memory != NULL;
}

static void add(atomic_uint_least64_t *count, uint64_t more) {
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

/* Which of the feature's counts x belongs to. */
static size_t bin_of(const srv_feature_bins *feature, double x) {
    if (isnan(x)) {
        return feature->bins;
    }
    if (feature->edges == NULL) {
        return x >= 0 && x < (double)(feature->bins - 1) ? (size_t)x : feature->bins - 1;
    }
    size_t low = 0, high = feature->edge_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (feature->edges[middle] <= x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* One number in `every`, chosen by a multiplicative hash: evenly, but in step with nothing. */
static bool is_sampled(uint64_t row, size_t every) {
    return row < SRV_DRIFT_FIRST || (row * 0x9E3779B97F4A7C15u >> 32) < ((uint64_t)1 << 32) / every;
}

void srv_drift_count_rows(srv_drift *drift, const float *values, const double *cells, size_t features, size_t rows) {
    const srv_statistics *statistics = drift->statistics;
    uint64_t first = atomic_fetch_add_explicit(&drift->tallies->rows, rows, memory_order_relaxed);
    for (size_t r = 0; r < rows; r++) {
        if (!is_sampled(first + r, drift->every)) {
            continue;
        }
        add(&drift->tallies->sampled, 1);
        for (size_t i = 0; i < statistics->feature_count; i++) {
            const srv_feature_bins *feature = &statistics->features[i];
            size_t at = r * features + feature->feature;
            double x = cells != NULL ? cells[at] : (double)values[at];
            add(&drift->tallies->counts[feature->first + bin_of(feature, x)], 1);
        }
    }
}

void srv_drift_count_labels(srv_drift *drift, const float *y, size_t stride, size_t columns, size_t rows) {
    const srv_statistics *statistics = drift->statistics;
    for (size_t r = 0; r < rows && statistics->label_count > 0; r++) {
        srv_ranked best = {.index = y[r * stride] > 0.5f};
        if (columns > 1) {
            srv_select_top(y + r * stride, columns, 1, &best);
        }
        add(&drift->tallies->counts[statistics->first_label + best.index], 1);
    }
}

void srv_drift_read(const srv_drift *drift, uint64_t *rows, uint64_t *sampled, uint64_t *counts) {
    *rows = atomic_load_explicit(&drift->tallies->rows, memory_order_relaxed);
    *sampled = atomic_load_explicit(&drift->tallies->sampled, memory_order_relaxed);
    for (size_t i = 0; i < drift->statistics->count; i++) {
        counts[i] = atomic_load_explicit(&drift->tallies->counts[i], memory_order_relaxed);
    }
}
