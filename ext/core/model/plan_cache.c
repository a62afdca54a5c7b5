#include "plan_cache.h"

#include "../base/blas.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define FORMAT 1 /* to be raised when plans change their meaning */

/* The CPU's own name, as far as it has one. */
static void cpu_name(char out[64]) {
    memset(out, 0, 64);
#if defined(__x86_64__)
    unsigned words[12] = {0};
    for (unsigned i = 0; i < 3; i++) { /* the brand string, in three leaves */
        if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3])) {
            break;
        }
    }
    memcpy(out, words, sizeof words);
#else
    struct utsname machine;
    if (uname(&machine) == 0) {
        snprintf(out, 64, "%.60s", machine.machine);
    }
#endif
}

static void key_of(const srv_plan *plan, char *out, size_t capacity) {
    char cpu[64];
    cpu_name(cpu);
    snprintf(out, capacity, "plan %d | %s | %s | %s | %zu x %zu", FORMAT, cpu, srv_blas_config(), srv_blas_kernel(),
             plan->depth, plan->columns);
}

static void path_of(const char *folder, const char *key, char *out, size_t capacity) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *c = key; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    }
    snprintf(out, capacity, "%s/%016llx.plan", folder, (unsigned long long)hash);
}

static bool read_plan(FILE *file, const char *key, srv_plan *plan) {
    char line[1024];
    if (fgets(line, sizeof line, file) == NULL) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    int plain;
    srv_plan found = *plan;
    if (strcmp(line, key) != 0 || fscanf(file, "%zu %d %zu\n", &found.tile_columns, &plain, &found.count) != 3 ||
        plain != 0 || found.tile_columns < 16 || found.tile_columns % 16 != 0 || found.tile_columns > 4096 ||
        found.count < 1 || found.count > SRV_PLAN_HEIGHTS) {
        return false;
    }
    for (size_t i = 0; i < found.count; i++) {
        if (fscanf(file, "%zu %lf\n", &found.heights[i], &found.tile_ns[i]) != 2 || found.heights[i] < 2 ||
            found.heights[i] > SRV_MAX_HEIGHT || !(found.tile_ns[i] > 0) ||
            (i > 0 && found.heights[i] <= found.heights[i - 1])) {
            return false;
        }
    }
    if (fgets(line, sizeof line, file) == NULL || strcmp(line, "end\n") != 0) {
        return false;
    }
    srv_plan_cover(&found);
    *plan = found;
    return true;
}

bool srv_plan_cache_read(const char *folder, srv_plan *plan) {
    if (folder == NULL) {
        return false;
    }
    char key[1024], path[4096];
    key_of(plan, key, sizeof key);
    path_of(folder, key, path, sizeof path);
    FILE *file = fopen(path, "re");
    bool found = file != NULL && read_plan(file, key, plan);
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

void srv_plan_cache_write(const char *folder, const srv_plan *plan) {
    if (folder == NULL || plan->plain) {
        return;
    }
    char key[1024], path[4096], temporary[4200];
    key_of(plan, key, sizeof key);
    path_of(folder, key, path, sizeof path);
    mkdir(folder, 0755);
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(temporary, "we");
    if (file == NULL) {
        return;
    }
    fprintf(file, "%s\n%zu 0 %zu\n", key, plan->tile_columns, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        fprintf(file, "%zu %.3f\n", plan->heights[i], plan->tile_ns[i]);
    }
    fprintf(file, "end\n");
    bool written = !ferror(file);
    if (fclose(file) != 0 || !written || rename(temporary, path) != 0) {
        unlink(temporary);
    }
}
