/* Nested JSON arrays of numbers → flat float32: the hot path of every JSON request.
 *
 * One pass, no intermediate objects.  The numbers of an innermost array are read by a *run* function, of which there is
 * one for each instruction set; all that is not plain numbers and commas is left to the careful code in json_tensor.c,
 * which alone reports errors.  So every run function gives the same results, and may stop wherever it likes.
 */
#ifndef SRV_PARSE_JSON_TENSOR_H
#define SRV_PARSE_JSON_TENSOR_H

#include "json_scan.h"

#define SRV_JSON_TENSOR_RANK 32 /* levels of arrays; a request nests at most a model's rank and a few ones more */

/* What a run function has read. */
typedef struct srv_json_run {
    const char *at; /* where it stopped: at the ']' of the array if closed, else before a value (or its blanks) */
    size_t count;   /* numbers written to out */
    bool closed;    /* the last number is followed by ']' at once */
} srv_json_run;

/* Reads "number, number, … number]" from at, where a value must stand, as far as the text is of that form.  out has
 * room for half the bytes from at to end, rounded up, and SRV_JSON_RUN_SLACK floats more, which may be overwritten. */
typedef srv_json_run srv_json_run_function(const char *at, const char *end, float *out);

#define SRV_JSON_RUN_SLACK 16

srv_json_run_function srv_json_run_generic;
#if defined(__x86_64__)
srv_json_run_function srv_json_run_avx2;   /* needs AVX2, BMI 1 and 2, POPCNT, LZCNT */
srv_json_run_function srv_json_run_avx512; /* needs AVX-512 F, BW, DQ, VL, VBMI and VBMI2 too (Ice Lake, Zen 4) */
#endif

typedef struct srv_json_run_variant {
    const char *name; /* "generic", "avx2", "avx512" */
    srv_json_run_function *run;
} srv_json_run_variant;

#define SRV_JSON_RUN_VARIANTS 3

/* Those that the CPU at hand can do, the fastest last; returns how many, at least 1.  A pure function of the CPU. */
size_t srv_json_run_variants(srv_json_run_variant out[SRV_JSON_RUN_VARIANTS]);
srv_json_run_function *srv_json_run_for_cpu(void); /* the fastest */

/* A level of nesting: the arrays that are this deep. */
typedef struct srv_json_level {
    size_t size;   /* values in each */
    size_t offset; /* byte at which the first of them opens */
} srv_json_level;

typedef struct srv_json_tensor {
    size_t rank;                                /* 0: a bare number */
    srv_json_level level[SRV_JSON_TENSOR_RANK]; /* [rank], outermost first: level[i].size is the shape */
    float *values;                              /* [count], row-major, in the arena */
    size_t count;                               /* product of the sizes */
    /* After the error "ragged": the level and size of the array at fault; rank and level hold what the first arrays
     * of each level had.  Otherwise ragged_level is 0, at which nothing can be ragged. */
    size_t ragged_level, ragged_size;
} srv_json_tensor;

/* Reads the number or array at the cursor (blanks before it are skipped); the cursor's words are numbers too.  where is the pointer of this value, as a
 * prefix for errors.  Fails with MALFORMED for bad JSON, WRONG_VALUE for anything but numbers, for ragged arrays and
 * for more levels than max_depth or SRV_JSON_TENSOR_RANK; each with offset and pointer. */
srv_status srv_json_read_tensor(srv_json_cursor *cursor, const char *where, size_t max_depth,
                                srv_json_run_function *run, srv_arena *arena, srv_json_tensor *out, srv_error *err);

#endif
