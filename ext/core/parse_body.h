/* Step 1 of the data path: the bytes of a request body become rows of float32, or of doubles and texts for a table (or a
 * picture still to be decoded).
 *
 *   content type                        taken as
 *   application/json, or none           JSON: see below
 *   application/x-www-form-urlencoded   the field `data` (or the only one), as numbers in text.  A body that begins
 *                                       with [ or { is taken as JSON, and one without = and & as numbers in text,
 *                                       because `curl -d '[…]'` and `curl -d '1,2'` send that type unasked
 *   multipart/form-data                 the part `data` (or the only one): a picture, or numbers in text
 *   application/octet-stream            float32, little-endian (parse/raw_tensor.h)
 *   image/…                             the body is the picture
 *   text/plain, text/csv                numbers in text
 *   anything else                       SRV_UNSUPPORTED_TYPE, naming what is taken
 *
 * Numbers in text: a JSON array, or decimals separated by commas, semicolons, blanks or line ends; one row a line, or
 * all lines together one row (parse/number_text.h).
 * JSON of /classify: a row, nested or flat as the input's shape, or an array of rows; bare, or as {"data": …}.  With
 * several tensors a row is a record of them by name (parse/json_records.h), or all their numbers, flat.
 * TensorFlow Serving's bodies (parse/parse_tensorflow.h, parse/tensorflow_examples.h) are JSON whatever the content type
 * says, Open Inference's (parse/parse_openinference.h) JSON if it says so, or nothing, or what curl says unasked, and any
 * type where it is told how many bytes of it are JSON.
 * A model that takes a table or a text has JSON of its own (parse/table_json.h), CSV, and forms whose fields are its
 * columns (parse/table_text.h); to TensorFlow Serving's and Open Inference's clients each of its columns is an input.
 * A picture is told by its part's type, its file name or its first bytes; what claims to be one and is not is refused
 * by the decoder.
 *
 * All results point into the arena or the body.  Nothing is global; safe from any thread.
 */
#ifndef SRV_PARSE_BODY_H
#define SRV_PARSE_BODY_H

#include "base/alloc.h"
#include "base/status.h"
#include "parse/table.h"
#include "request_limits.h"

#include <stdbool.h>
#include <stdint.h>

#define SRV_MAX_RANK 8

typedef enum srv_protocol {
    SRV_PROTOCOL_CLASSIFY,            /* POST /classify */
    SRV_PROTOCOL_TENSORFLOW,          /* POST /v1/models/M:predict */
    SRV_PROTOCOL_TENSORFLOW_CLASSIFY, /* POST /v1/models/M:classify */
    SRV_PROTOCOL_TENSORFLOW_REGRESS,  /* POST /v1/models/M:regress */
    SRV_PROTOCOL_OPENINFERENCE,       /* POST /v2/models/M/infer */
} srv_protocol;

/* What the model takes: one row is the numbers of a tensor of this shape, row-major. */
typedef struct srv_input_spec {
    const char *name;           /* NUL-terminated UTF-8 */
    size_t rank;                /* 1 .. SRV_MAX_RANK */
    size_t shape[SRV_MAX_RANK]; /* without the batch dimension; each ≥ 1 */
    size_t features;            /* product of shape */
    bool takes_image;           /* a picture may be sent in its place */
    const srv_table *table;     /* named columns, or a text; features are theirs.  NULL: a plain tensor */
} srv_input_spec;

/* What a model takes and gives, under the names by which two of the protocols call them. */
typedef struct srv_signature {
    const srv_input_spec *inputs; /* [input_count]; a row is their numbers one after the other */
    size_t input_count;           /* ≥ 1 */
    const srv_input_spec *row;    /* all inputs as one: the only input, or all their numbers, flat */
    const char *const *outputs;   /* [output_count] names */
    size_t output_count;
} srv_signature;

typedef struct srv_body_source {
    const char *content_type; /* the header's value, any case, parameters included; "" if absent */
    size_t content_type_size;
    const char *bytes;
    size_t size;
    bool has_json_size; /* OPENINFERENCE: the header Inference-Header-Content-Length has come, with this value: */
    size_t json_size;   /* bytes of JSON before the binary tensors; 0: the body is one raw tensor */
} srv_body_source;

typedef enum srv_body_kind { SRV_BODY_ROWS, SRV_BODY_IMAGE } srv_body_kind;

/* One output that an Open Inference request asks for. */
typedef struct srv_output_request {
    size_t index;   /* among the model's outputs */
    bool binary;    /* after the JSON, not in it */
    size_t classes; /* so many best ones as "value:index:label"; 0: the numbers */
} srv_output_request;

typedef struct srv_body {
    srv_body_kind kind;
    bool single;           /* one bare row, not a list of rows: the reply is one object, not a list */
    size_t rows;           /* ≥ 1 */
    float *values;         /* ROWS: [rows × features], row-major, in the arena; raw as sent, before preprocessing */
    const double *cells;   /* the same of a table sent as one: then values is NULL */
    const srv_text *texts; /* ROWS: [rows × texts of the table]; NULL where there are none */
    const char *image;     /* IMAGE: the encoded picture, inside the body */
    size_t image_size;

    /* How the reply is to look; all zero for /classify. */
    bool columnar;  /* TENSORFLOW: came as "inputs", leaves as "outputs" */
    bool bare;      /* TENSORFLOW: rows came as numbers without brackets, and leave so where they can */
    const char *id; /* OPENINFERENCE: to be repeated, id_size bytes of UTF-8; NULL: none came */
    size_t id_size;
    const srv_output_request *outputs; /* OPENINFERENCE: those asked for, in that order; NULL: all, in JSON */
    size_t output_count;

    /* What the body itself says of how urgent it is; OPENINFERENCE. */
    uint64_t timeout_ns; /* 0: nothing */
    bool background;
} srv_body;

srv_status srv_parse_body(srv_protocol protocol, const srv_body_source *source, const srv_signature *signature,
                          const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err);

#endif
