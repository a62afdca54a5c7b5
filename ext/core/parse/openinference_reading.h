/* What the files that read Open Inference requests share; nothing here is for others. */
#ifndef SRV_PARSE_OPENINFERENCE_READING_H
#define SRV_PARSE_OPENINFERENCE_READING_H

#include "../parse_body.h"
#include "json_scan.h"

/* One request on its way. */
typedef struct srv__oip_reading {
    srv_json_cursor cursor;
    const srv_signature *signature;
    const srv_limits *limits;
    srv_arena *arena;
    srv_body *out;
    srv_error *err;  /* never NULL */
    float **columns; /* [input_count]; NULL: that input has not come */
    size_t rows;     /* of those that have */
} srv__oip_reading;

/* Fails at the byte `at`. */
srv_status srv__oip_fail(const srv__oip_reading *r, srv_status status, const char *at, const char *where,
                         const char *message);

/* Fails with WRONG_VALUE at the byte `at`, which is member `key` of entry `number` of `list`; list or key "": not
 * within one. */
srv_status srv__oip_fail_in(const srv__oip_reading *r, const char *at, const char *list, size_t number, const char *key,
                            const char *message);

/* Fails unless a value that starts with this byte is at the cursor; it is that member. */
srv_status srv__oip_expect(const srv__oip_reading *r, char byte, const char *expected, const char *list, size_t number,
                           const char *key);

/* Checks the value at the cursor and passes over it. */
srv_status srv__oip_skip(srv__oip_reading *r);

/* A member's key; *index is its place among `names`, or `count`.  *places[*index], NULL until then, is set to where its
 * value stands, so that a second one is a fault. */
srv_status srv__oip_read_key(srv__oip_reading *r, const char *const *names, size_t count, const char **const *places,
                             size_t *index);

/* Entry number `number` of "inputs", at the cursor: fills its column, and rows. */
srv_status srv__oip_read_input(srv__oip_reading *r, size_t number);

#endif
