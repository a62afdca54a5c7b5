/* Writes small model packages for the tests of the core, and the plain loops they must agree with. */
#ifndef TESTS_CORE_PACKAGE_H
#define TESTS_CORE_PACKAGE_H

#include "check.h"

#include <stdint.h>
#include <sys/stat.h>

/* A folder of its own under /tmp. */
static inline void make_folder(char *out, size_t capacity) {
    snprintf(out, capacity, "/tmp/srv_test_XXXXXX");
    if (mkdtemp(out) == NULL) {
        perror("mkdtemp");
        exit(2);
    }
}

static inline void write_file(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(2);
    }
}

static inline void remove_package(const char *folder) {
    static const char *const names[] = {"model.json", "weights.safetensors", "samples.jsonl"};
    char path[512];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* weights.safetensors of a header (JSON) and the floats it speaks of. */
static inline void write_weights(const char *folder, const char *header, const float *values, size_t count) {
    uint64_t size = strlen(header);
    char *bytes = malloc(8 + size + 4 * count);
    memcpy(bytes, &size, 8);
    memcpy(bytes + 8, header, size);
    memcpy(bytes + 8 + size, values, 4 * count);
    write_file(folder, "weights.safetensors", bytes, 8 + size + 4 * count);
    free(bytes);
}

/* Numbers that look random and are the same every time. */
static inline void fill(float *values, size_t count, uint32_t seed) {
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

#endif
