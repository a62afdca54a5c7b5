/* Numbers of a step's parameters, "per number" of what it reads: one for all, an array with one for each, or the name
 * of a tensor (F64, F32, F16 or BF16, one dimension) that holds them.
 *
 * tensors may be NULL: then there are none, and a name is a fault.  Everything lives in the arena.  Faults are
 * SRV_PACKAGE with the field's JSON pointer.
 */
#ifndef SRV_PREPROCESS_PARAMETERS_H
#define SRV_PREPROCESS_PARAMETERS_H

#include "../base/json.h"
#include "../model/safetensors.h"

/* The member `key` of node as count numbers in double precision.  absent: what stands for a member that is not there or
 * null, for all of them; NULL: it must be there. */
srv_status srv_read_per_number(const srv_json *node, const char *key, size_t count, const double *absent,
                               const srv_safetensors *tensors, srv_arena *arena, const double **out, srv_error *err);

/* An array of numbers; null stands for NaN where nulls are allowed. */
typedef struct srv_number_list {
    const double *values; /* [count] */
    size_t count;
} srv_number_list;

srv_status srv_read_number_list(const srv_json *list, bool nulls, srv_arena *arena, srv_number_list *out,
                                srv_error *err);

/* The member `key` as one list for each of count numbers: [count]. */
srv_status srv_read_list_per_number(const srv_json *node, const char *key, size_t count, bool nulls, srv_arena *arena,
                                    srv_number_list **out, srv_error *err);

/* The member `key`: a number, null for NaN, or `absent` if it is not there. */
srv_status srv_read_number_or_null(const srv_json *node, const char *key, double absent, double *out, srv_error *err);

/* The member `key`: true, false, or `absent` if it is not there. */
srv_status srv_read_flag(const srv_json *node, const char *key, bool absent, bool *out, srv_error *err);

/* The member `key` as one of the NULL-terminated words, by its index; `absent` if it is not there or null, unless that
 * is negative: then it must be there. */
srv_status srv_read_word(const srv_json *node, const char *key, const char *const *words, int absent, int *out,
                         srv_error *err);

#endif
