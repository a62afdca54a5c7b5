/* Step 5 of the data path: the outputs of a request's rows become the bytes of its reply, in the caller's protocol.
 *
 * /classify, one row:    {"score": 0.98, "label": "7", "scores": [...], "model": "mnist", "version": 1}
 * /classify, many rows:  {"results": [{"score", "label", "scores"}, …], "model": "mnist", "version": 1}
 *   top=k keeps the k best: "scores" becomes "top": [{"label": "7", "score": 0.98}, …], best first (ties: lower index).
 *   More than the outputs keeps all.  Ties of the best score go to the lower index, too.
 *   A row that was to be explained (explain/explain.h) has besides
 *   "explanation": {"method": "integrated", "steps": 32, "label": "7", "score": 0.98, "baseline_score": 0.1, "sum": 0.88,
 *                   "contributions": [0.0, …]}, or {"age": 0.2, "remark": [{"term": "good", "contribution": 0.1}, …]}
 *   A regression has {"value": 3.2} (one output) or {"values": [...]} in place of score, label and scores; top says
 *   nothing there.
 * TensorFlow Serving:    {"predictions": [[0.1, 0.9], …]}, or to columns {"outputs": [[0.1, 0.9], …]}
 *   With several outputs [{"scores": [...], "box": [...]}, …], or {"scores": [[...], …], "box": [[...], …]}.  A bare request
 *   (srv_body.bare) gets the values of a single column without their brackets.
 * Open Inference:        {"model_name": "mnist", "model_version": "1", "id": "42", "outputs": [{"name": "scores",
 *                         "shape": [2, 10], "datatype": "FP32", "data": [...]}]}; id only if one came
 *   A binary output has "parameters": {"binary_data_size": 80} for its data, which follows the JSON, little-endian.  With
 *   classes it is the k best of each row, [rows, k] BYTES: "0.98:7:label", the label only if there are labels.
 * TensorFlow's classify: {"results": [[["label", 0.9], …], …]}, classes in order, label "" where there are none
 * TensorFlow's regress:  {"results": [3.5, …]}
 * An error:              {"error": "what is wrong and what would be right", "where": "/data/3", "offset": 17}
 *   (where and offset only if known; the other two protocols have "error" alone, with the place in its text).
 * Floats are written as the shortest decimal that reads back the same.  A NaN or infinite output has no JSON form:
 * SRV_WRONG_VALUE, naming the row (TensorFlow Serving's protocol writes the bare words instead).
 */
#ifndef SRV_WRITE_REPLY_H
#define SRV_WRITE_REPLY_H

#include "base/buffer.h"
#include "base/status.h"
#include "parse_body.h"

#include <stdint.h>

typedef enum srv_task { SRV_TASK_CLASSIFICATION, SRV_TASK_REGRESSION } srv_task;

typedef struct srv_reply_output {
    const char *name;
    const char *const *labels; /* [columns], UTF-8; NULL: the label is the column's number, as text */
    size_t offset, columns;    /* within a row */
    bool binary;               /* OPENINFERENCE: as in srv_output_request */
    size_t classes;            /* OPENINFERENCE: likewise */
} srv_reply_output;

typedef struct srv_reply_source {
    const char *model; /* NUL-terminated UTF-8 */
    int64_t version;   /* ≥ 1 */
    srv_task task;
    const srv_reply_output *outputs; /* [output_count], in the order of the reply; /classify has the first alone */
    size_t output_count;             /* ≥ 1 */
    const float *values;             /* [rows × stride] */
    size_t stride;                   /* floats from one row to the next */
    size_t rows;
    size_t top;                  /* 0: all scores */
    bool single, columnar, bare; /* as in srv_body */
    const char *id;              /* as in srv_body */
    size_t id_size;
    const struct srv_explained *explained; /* of each row; NULL: nothing was to be explained */
    size_t *json_size; /* OPENINFERENCE: told how many bytes of the reply are JSON; NULL unless an output is binary */
} srv_reply_source;

/* Appends the reply.  On failure (WRONG_VALUE, NO_MEMORY) out is as long as before. */
srv_status srv_write_reply(srv_protocol protocol, const srv_reply_source *source, srv_buffer *out, srv_error *err);

/* The body of an error, in place of whatever out holds; returns the HTTP status the protocol gives it: srv_status_http,
 * but for WRONG_VALUE 400 in both of the others, OVERLOADED and NO_MEMORY 429 in TensorFlow Serving's, and CANCELLED
 * 400 in Open Inference.  Check out->failed: when there is no memory even for this, out is empty or cut. */
int srv_write_error(srv_protocol protocol, const srv_error *err, srv_buffer *out);

/* "text" with JSON escapes and quotes; what is not UTF-8 becomes U+FFFD. */
void srv_write_json_text(srv_buffer *out, const char *text, size_t size);

#endif
