/* What the files that read Open Inference requests share; nothing here is for others. */
#ifndef SRV_PARSE_OPENINFERENCE_READING_H
#define SRV_PARSE_OPENINFERENCE_READING_H

#include "../parse_body.h"
#include "excerpt.h"
#include "json_tensor.h"
#include "openinference_datatype.h"
#include "table_columns.h"

#define SRV__OIP_DIMENSIONS (SRV_MAX_RANK + 8) /* of a shape: the batch, the input's own, and a few of 1 */

/* One request on its way. */
typedef struct srv__oip_reading {
    srv_json_cursor cursor; /* over the JSON alone */
    const srv_signature *signature;
    const srv_table *table; /* of the model, each of whose columns is an input; NULL: its inputs are tensors */
    const srv_limits *limits;
    srv_arena *arena;
    srv_body *out;
    srv_error *err;             /* never NULL */
    const char *binary, *end;   /* the binary tensors that have not been read; NULL: there is no such part */
    float **columns;            /* no table: [input_count]; NULL: that input has not come */
    size_t rows;                /* of those that have */
    srv_table_columns gathered; /* table */
    int binary_outputs;         /* binary_data_output: 1 or 0; -1: nothing is said */
    int *binary_output;         /* [out->output_count]: binary_data of each, likewise */
} srv__oip_reading;

/* One entry of "inputs" while it is read. */
typedef struct srv__oip_input {
    size_t number;                                          /* its place among the entries */
    const char *start;                                      /* its '{' */
    const char *name_at, *shape_at, *datatype_at, *data_at; /* where the values stand; NULL: not there yet */
    size_t index;            /* of the model's input, or of the table's column; as many as there are: none such */
    char given[SRV_EXCERPT]; /* the name as it came */
    size_t rank, count;      /* of the shape; count is its product */
    srv_json_level shape[SRV__OIP_DIMENSIONS];
    const srv_datatype *type;
    bool binary; /* its data is in the binary part: */
    size_t binary_size;
    bool read;              /* `values` has been filled from JSON */
    srv_json_tensor values; /* of an input that is a tensor */
} srv__oip_input;

/* A member of "parameters" that means something here. */
typedef struct srv__oip_parameter {
    const char *name;
    enum { SRV__OIP_COUNT, SRV__OIP_BOOLEAN, SRV__OIP_REFUSED } kind; /* COUNT: a whole number from 0 */
    const char *at;                                                   /* where its value stands; NULL: not there */
    uint64_t value;
} srv__oip_parameter;

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

/* "parameters" of that entry (list "": of the request), at the cursor.  Others than the known ones are passed over. */
srv_status srv__oip_read_parameters(srv__oip_reading *r, const char *list, size_t number, srv__oip_parameter *known,
                                    size_t count);

/* Entry number `number` of "inputs", at the cursor: fills its column, and rows. */
srv_status srv__oip_read_input(srv__oip_reading *r, size_t number);

/* The data of a tensor, at data_at in the JSON, of which only the datatype need be known. */
srv_status srv__oip_read_json(srv__oip_reading *r, srv__oip_input *input);

/* The values of an input whose name, shape and datatype are known, and fit: of a tensor [count] into values, of a
 * table's column into its rows.  The shape has said how many rows. */
srv_status srv__oip_read_tensor(srv__oip_reading *r, srv__oip_input *input);
srv_status srv__oip_read_column(srv__oip_reading *r, srv__oip_input *input, size_t rows);

/* One number of a binary tensor into the open row of a table; NaN is a missing value. */
srv_status srv__oip_put_binary(srv_table_rows *rows, size_t index, const srv_datatype *type, const char *bytes,
                               srv_error *err);

/* The value of "outputs", at the cursor. */
srv_status srv__oip_read_outputs(srv__oip_reading *r);

/* All has been read: which outputs leave as binary tensors. */
srv_status srv__oip_settle_outputs(srv__oip_reading *r);

#endif
