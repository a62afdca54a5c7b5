#include "json_tensor.h"

#include "../base/number.h"
#include "../base/threads.h"

#include <stdio.h>

/* One number after the other, with at most a blank between; what the vector versions are measured and tested against. */
srv_json_run srv_json_run_generic(const char *at, const char *end, float *out) {
    srv_json_run run = {.at = at};
    for (;;) {
        const char *number = run.at;
        number += number < end && *number == ' ';
        const char *after = srv_read_float(number, end, &out[run.count]);
        if (after == NULL || after == end || (*after != ',' && *after != ']')) {
            return run;
        }
        run.count++;
        run.at = after;
        if (*after == ']') {
            run.closed = true;
            return run;
        }
        run.at++;
    }
}

size_t srv_json_run_variants(srv_json_run_variant out[SRV_JSON_RUN_VARIANTS]) {
    size_t count = 0;
    out[count++] = (srv_json_run_variant){"generic", srv_json_run_generic};
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("lzcnt");
    if (avx2) {
        out[count++] = (srv_json_run_variant){"avx2", srv_json_run_avx2};
    }
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2")) {
        out[count++] = (srv_json_run_variant){"avx512", srv_json_run_avx512};
    }
#endif
    return count;
}

srv_json_run_function *srv_json_run_for_cpu(void) {
    srv_json_run_variant variants[SRV_JSON_RUN_VARIANTS];
    return variants[srv_json_run_variants(variants) - 1].run;
}

#define RANK_UNKNOWN ((size_t)-1)

/* The arrays that are open, outermost first. */
typedef struct reader {
    srv_json_cursor *cursor;
    const char *where;
    srv_json_tensor *out;
    size_t depth;                        /* arrays that are open */
    size_t size[SRV_JSON_TENSOR_RANK];   /* complete values in each of them */
    size_t opened[SRV_JSON_TENSOR_RANK]; /* the offset of each one's '[' */
    bool known[SRV_JSON_TENSOR_RANK];    /* an array of this level has been closed: out->level has its size */
} reader;

static size_t offset_of(const reader *r, const char *at) {
    return (size_t)(at - r->cursor->begin);
}

/* Sets the error's pointer: of the value that is being read in the `depth` outermost arrays. */
static srv_status located(const reader *r, size_t depth, srv_status status, srv_error *err) {
    if (err == NULL) {
        return status;
    }
    int size = snprintf(err->where, sizeof err->where, "%s", r->where);
    for (size_t i = 0; i < depth && size >= 0 && (size_t)size < sizeof err->where; i++) {
        size += snprintf(err->where + size, sizeof err->where - (size_t)size, "/%zu", r->size[i]);
    }
    return status;
}

/* Fails at the cursor's value: "/3 is a string; expected a number". */
static srv_status wrong_kind(const reader *r, const char *expected, srv_error *err) {
    const char *kind = srv_json_kind(srv_json_peek(r->cursor));
    if (kind == NULL && !srv_json_at_number(r->cursor)) {
        return located(r, r->depth, srv_json_unexpected(r->cursor, expected, err), err);
    }
    srv_error place = {0};
    located(r, r->depth, SRV_WRONG_VALUE, &place);
    srv_fail(err, SRV_WRONG_VALUE, "%s is %s; expected %s", place.where[0] != '\0' ? place.where : "the value",
             kind != NULL ? kind : "a number", expected);
    srv_error_at(err, offset_of(r, r->cursor->at));
    return located(r, r->depth, SRV_WRONG_VALUE, err);
}

/* One number at the cursor, by the book. */
static srv_status read_number(const reader *r, float *out, srv_error *err) {
    srv_status status = srv_json_read_float(r->cursor, out, err);
    return status == SRV_OK ? SRV_OK : located(r, r->depth, status, err);
}

static srv_status open_array(reader *r, size_t max_depth, srv_error *err) {
    if (r->depth == max_depth) {
        srv_fail(err, SRV_WRONG_VALUE, "nested too deep; at most %zu levels of arrays", max_depth);
        srv_error_at(err, offset_of(r, r->cursor->at));
        return located(r, r->depth, SRV_WRONG_VALUE, err);
    }
    r->opened[r->depth] = offset_of(r, r->cursor->at);
    r->cursor->at++;
    r->size[r->depth++] = 0;
    return SRV_OK;
}

/* At the ']' of the innermost array. */
static srv_status close_array(reader *r, srv_error *err) {
    size_t level = --r->depth, size = r->size[level];
    srv_json_tensor *out = r->out;
    if (out->rank == RANK_UNKNOWN) {
        out->rank = level + 1; /* an empty array is innermost */
    }
    if (!r->known[level]) {
        r->known[level] = true;
        out->level[level] = (srv_json_level){.size = size, .offset = r->opened[level]};
    } else if (out->level[level].size != size) {
        out->ragged_level = level;
        out->ragged_size = size;
        srv_fail(err, SRV_WRONG_VALUE, "ragged: this array has %zu values, those before it %zu", size,
                 out->level[level].size);
        srv_error_at(err, r->opened[level]);
        return located(r, level, SRV_WRONG_VALUE, err);
    }
    r->cursor->at++;
    return SRV_OK;
}

/* Reads from the first number of the innermost array on, to its ']' or to a value that is no number. */
static srv_status read_innermost(reader *r, srv_json_run_function *run, srv_error *err) {
    srv_json_cursor *cursor = r->cursor;
    size_t *size = &r->size[r->depth - 1];
    srv_json_tensor *out = r->out;
    for (;;) {
        srv_json_run some = run(cursor->at, cursor->end, out->values + out->count);
        out->count += some.count;
        *size += some.count;
        cursor->at = some.at;
        if (some.closed) {
            *size -= 1; /* its index, while its successor is looked for */
        } else {
            srv_json_skip_space(cursor);
            if (!srv_json_at_number(cursor)) {
                return wrong_kind(r, "a number", err);
            }
            srv_status status = read_number(r, &out->values[out->count], err);
            if (status != SRV_OK) {
                return status;
            }
            out->count++;
        }
        srv_json_skip_space(cursor);
        int byte = srv_json_peek(cursor);
        if (byte != ',' && byte != ']') {
            return located(r, r->depth, srv_json_unexpected(cursor, "',' or ']'", err), err);
        }
        *size += 1;
        if (byte == ']') {
            return SRV_OK;
        }
        cursor->at++;
    }
}

static srv_status read_values(reader *r, size_t max_depth, srv_json_run_function *run, srv_error *err) {
    srv_json_cursor *cursor = r->cursor;
    srv_json_tensor *out = r->out;
    for (;;) { /* where a value must stand */
        srv_json_skip_space(cursor);
        int byte = srv_json_peek(cursor);
        srv_status status = SRV_OK;
        if (byte == '[' && r->depth != out->rank) {
            status = open_array(r, max_depth, err);
            if (status != SRV_OK) {
                return status;
            }
            srv_json_skip_space(cursor);
            if (srv_json_peek(cursor) != ']') {
                continue;
            }
        } else if (srv_json_at_number(cursor)) {
            if (out->rank == RANK_UNKNOWN) {
                out->rank = r->depth;
            } else if (out->rank != r->depth) {
                return wrong_kind(r, "an array", err);
            }
            if (r->depth == 0) {
                out->count = 1;
                return read_number(r, out->values, err);
            }
            status = read_innermost(r, run, err);
            if (status != SRV_OK) {
                return status;
            }
        } else {
            bool array = out->rank != RANK_UNKNOWN && r->depth < out->rank;
            return wrong_kind(r, array ? "an array" : "a number", err);
        }
        for (;;) { /* at a ']' */
            status = close_array(r, err);
            if (status != SRV_OK || r->depth == 0) {
                return status;
            }
            srv_json_skip_space(cursor);
            byte = srv_json_peek(cursor);
            if (byte != ',' && byte != ']') {
                return located(r, r->depth, srv_json_unexpected(cursor, "',' or ']'", err), err);
            }
            r->size[r->depth - 1]++;
            if (byte == ',') {
                cursor->at++;
                srv_yield_at(cursor->at, &cursor->yielded);
                break;
            }
        }
    }
}

srv_status srv_json_read_tensor(srv_json_cursor *cursor, const char *where, size_t max_depth,
                                srv_json_run_function *run, srv_arena *arena, srv_json_tensor *out, srv_error *err) {
    reader r = {.cursor = cursor, .where = where, .out = out};
    *out = (srv_json_tensor){.rank = RANK_UNKNOWN};
    /* A number and what must follow it are at least two bytes: room for all there can be, cut when they are known. */
    size_t room = (size_t)(cursor->end - cursor->at) / 2 + 1 + SRV_JSON_RUN_SLACK, bytes;
    out->values = srv_multiply(room, sizeof(float), &bytes) ? srv_arena_take(arena, bytes) : NULL;
    if (out->values == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    srv_status status = read_values(&r, max_depth < SRV_JSON_TENSOR_RANK ? max_depth : SRV_JSON_TENSOR_RANK, run, err);
    srv_arena_shrink(arena, out->values, status == SRV_OK ? out->count * sizeof(float) : 0);
    return status;
}
