/* What the files that read TensorFlow Serving's requests share; nothing here is for others. */
#ifndef SRV_PARSE_TENSORFLOW_READING_H
#define SRV_PARSE_TENSORFLOW_READING_H

#include "../parse_body.h"
#include "json_tensor.h"
#include "table_rows.h"

#define SRV__TF_SHAPE_TEXT 120

/* One request on its way. */
typedef struct srv__tf_reading {
    srv_json_cursor cursor;
    const srv_signature *signature;
    const srv_limits *limits;
    srv_arena *arena;
    srv_json_run_function *run;
    srv_body *out;
    srv_error *err; /* never NULL */
} srv__tf_reading;

/* At the beginning of a body; *unasked takes the error where the caller has no use for it. */
static inline srv__tf_reading srv__tf_begin(const char *text, size_t size, const srv_signature *signature,
                                            const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err,
                                            srv_error *unasked) {
    return (srv__tf_reading){.cursor = srv_json_cursor_at(text, size),
                             .signature = signature,
                             .limits = limits,
                             .arena = arena,
                             .run = srv_json_run_for_cpu(),
                             .out = out,
                             .err = err != NULL ? err : unasked};
}

/* What a tensor in the text is, for messages that are seldom written. */
typedef struct srv__tf_target {
    enum { SRV__TF_ALL_ITEMS, SRV__TF_ITEM, SRV__TF_COLUMN } kind;
    size_t item;                 /* ITEM */
    const srv_input_spec *input; /* ITEM, and COLUMN if it has a name; else NULL */
} srv__tf_target;

/* Fails at the byte `at`. */
srv_status srv__tf_fail(const srv__tf_reading *r, srv_status status, const char *at, const char *where,
                        const char *message);

/* Fails with WRONG_VALUE, TensorFlow Serving's words for the place, then `what`.  below: the pointer's rest. */
srv_status srv__tf_fail_in(const srv__tf_reading *r, const srv__tf_target *t, const char *at, const char *below,
                           const char *what);

/* At {"b64": "…"} with that key alone, as which TensorFlow Serving takes bytes?  The cursor is at a '{'. */
bool srv__tf_is_base64(srv_json_cursor cursor);

srv_status srv__tf_read_tensor(srv__tf_reading *r, const srv__tf_target *t, srv_json_tensor *out);

/* Fails: these levels are no row of the input, or (COLUMN) no list of rows. */
srv_status srv__tf_wrong_shape(const srv__tf_reading *r, const srv__tf_target *t, const char *at,
                               const srv_input_spec *input, const srv_json_level *level, size_t rank);

/* The value of "instances", at the cursor, and that of either for a model that takes a table. */
srv_status srv__tf_read_instances(srv__tf_reading *r);
srv_status srv__tf_read_table_instances(srv__tf_reading *r);
srv_status srv__tf_read_table_inputs(srv__tf_reading *r);

/* ------------------------------------------------------------------------------------------------------ the object */

/* The '{' of the request; expected is what should be there.  words: NaN and its like are taken from here on. */
srv_status srv__tf_open(srv__tf_reading *r, const char *expected, bool *more);

/* A member's key; *index is its place among `names`, or count.  places[*index], NULL until then, is set to where its
 * value stands, so that a second one is a fault. */
srv_status srv__tf_read_key(srv__tf_reading *r, const char *const *names, const char **places, size_t count,
                            size_t *index);

/* Is the value at `at` (NULL: none) the name of a signature of ours?  The text has been checked. */
srv_status srv__tf_check_signature(srv__tf_reading *r, const char *at);

/* ------------------------------------------------------------------------------------------------------------ cells */

/* A value of a table's column, for messages. */
typedef struct srv__tf_cell {
    const char *list; /* "instances", "inputs", "examples", "context" */
    size_t item;
    const char *key; /* the column, or NULL: the item as a whole */
} srv__tf_cell;

/* Completes an error of that cell, which stands at `at`, with TensorFlow Serving's words for the place, and the pointer. */
srv_status srv__tf_place(const srv__tf_reading *r, const srv__tf_cell *cell, const char *at, srv_status status);

/* The value at the cursor into the open row: bare, or in a list of one, or (texts) base64.  Its place is to be added. */
srv_status srv__tf_read_cell(srv__tf_reading *r, srv_table_rows *rows, size_t column);

/* The name of a column, and its colon; fails, with its place, if there is no such column. */
srv_status srv__tf_read_record_key(srv__tf_reading *r, const srv_table *table, const srv__tf_cell *cell,
                                   size_t *column);

#endif
