/* A JSON row of 784 numbers → float32, in cache: each run function this CPU can do, on three kinds of text.
 *
 *   cc @ext/cflags.txt bench/parse_numbers.c ext/core/base/{alloc,status,number_read}.c \
 *      ext/core/parse/{json_scan,json_tensor,json_run_avx2,json_run_avx512}.c -lm -o parse_numbers && ./parse_numbers
 *
 * The values are compared, bit for bit, with strtod's before anything is timed.  Medians of 15 batches of 2,000 parses;
 * a parse is srv_json_read_tensor, arena and checks included.
 */
#include "parse/json_tensor.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NUMBERS = 784, BATCHES = 15, PARSES = 2000 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);                 /* other programs may share the core */
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3; /* µs */
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static uint64_t random_bits(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double uniform(void) {
    return (double)(random_bits() >> 11) / 9007199254740992.0;
}

static void put_four_decimals(char *out) {
    sprintf(out, "%.4f", uniform());
}

static void put_seventeen_digits(char *out) {
    sprintf(out, "%.17g", uniform());
}

static void put_pixel(char *out) { /* four of five are paper, as in MNIST */
    sprintf(out, "%d", random_bits() % 5 == 0 ? (int)(random_bits() % 256) : 0);
}

static void put_byte(char *out) {
    sprintf(out, "%d", (int)(random_bits() % 256));
}

static size_t write_row(char *text, float *values, void (*put)(char *), const char *separator) {
    size_t size = 0;
    text[size++] = '[';
    for (int i = 0; i < NUMBERS; i++) {
        put(text + size);
        values[i] = (float)strtod(text + size, NULL);
        size += strlen(text + size);
        size += (size_t)sprintf(text + size, "%s", i + 1 < NUMBERS ? separator : "]");
    }
    return size;
}

static double microseconds(srv_json_run_function *run, const char *text, size_t size, const float *wanted,
                           srv_arena *arena) {
    double times[BATCHES];
    for (int batch = -1; batch < BATCHES; batch++) { /* the first warms up */
        double start = now();
        for (int i = 0; i < PARSES; i++) {
            srv_json_cursor cursor = srv_json_cursor_at(text, size);
            srv_json_tensor tensor;
            srv_error err;
            srv_arena_reset(arena);
            srv_status status = srv_json_read_tensor(&cursor, "", 64, run, arena, &tensor, &err);
            if (status != SRV_OK || (i == 0 && memcmp(tensor.values, wanted, NUMBERS * sizeof(float)) != 0)) {
                fprintf(stderr, "wrong: %s\n", status != SRV_OK ? err.message : "another value");
                exit(1);
            }
        }
        if (batch >= 0) {
            times[batch] = (now() - start) / PARSES;
        }
    }
    qsort(times, BATCHES, sizeof times[0], ascending);
    return times[BATCHES / 2];
}

int main(void) {
    const struct {
        const char *name, *separator;
        void (*put)(char *);
    } texts[] = {{"4 decimals", ",", put_four_decimals},   {"4 decimals, blanks", ", ", put_four_decimals},
                 {"17 digits", ",", put_seventeen_digits}, {"17 digits, blanks", ", ", put_seventeen_digits},
                 {"0 to 255, mostly 0", ",", put_pixel},   {"0 to 255", ",", put_byte},
                 {"0 to 255, blanks", ", ", put_byte}};
    srv_arena *arena = srv_arena_new();
    srv_json_run_variant variants[SRV_JSON_RUN_VARIANTS];
    size_t count = srv_json_run_variants(variants);
    static char text[NUMBERS * 40];
    static float wanted[NUMBERS];
    printf("%-20s %7s", "784 numbers", "bytes");
    for (size_t i = 0; i < count; i++) {
        printf("  %9s µs  GB/s", variants[i].name);
    }
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        size_t size = write_row(text, wanted, texts[t].put, texts[t].separator);
        printf("\n%-20s %7zu", texts[t].name, size);
        for (size_t i = 0; i < count; i++) {
            double time = microseconds(variants[i].run, text, size, wanted, arena);
            printf("  %12.2f %5.2f", time, (double)size / time / 1e3);
        }
    }
    printf("\n");
    srv_arena_free(arena);
    return 0;
}
