/* What the files that read TensorFlow Serving's requests share; nothing here is for others. */
#ifndef SRV_PARSE_TENSORFLOW_READING_H
#define SRV_PARSE_TENSORFLOW_READING_H

#include "../parse_body.h"
#include "json_tensor.h"

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

/* The value of "instances", at the cursor. */
srv_status srv__tf_read_instances(srv__tf_reading *r);

#endif
