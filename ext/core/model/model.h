/* A model package in memory: immutable once loaded, so any number of threads may use it without a lock.
 *
 * A row of input is all inputs' numbers one after the other (features of them), and where it holds texts those beside
 * it; preprocessing makes the network's row of it (width numbers).  A row of output is all outputs' numbers (outputs).
 * The layers are in topological order; each writes its rows into a slot of the scratch memory of whoever runs it.
 */
#ifndef SRV_MODEL_MODEL_H
#define SRV_MODEL_MODEL_H

#include "../activate.h"
#include "../base/alloc.h"
#include "../base/status.h"
#include "../drift.h"
#include "../parse_body.h"
#include "../preprocess/image.h"
#include "../preprocess/preprocess.h"
#include "../write_reply.h"
#include "plan.h"
#include "runs.h"

#include <stdint.h>

typedef enum srv_op {
    SRV_OP_DENSE,      /* kernel, bias */
    SRV_OP_AFFINE,     /* x · scale + shift, per column: batch normalisation that no dense layer could take in */
    SRV_OP_ACTIVATION, /* alone, or on top of another layer's rows that are needed elsewhere too */
    SRV_OP_ADD,
    SRV_OP_SUBTRACT,
    SRV_OP_MULTIPLY,
    SRV_OP_AVERAGE,
    SRV_OP_MAXIMUM,
    SRV_OP_MINIMUM,
    SRV_OP_DIVIDE,
    SRV_OP_POWER,
    SRV_OP_CONCATENATE,
    SRV_OP_LAYER_NORMALIZATION, /* by the row's own mean and variance; then scale and shift, per column */
    SRV_OP_RMS_NORMALIZATION,   /* by the row's root mean square; then scale */
    SRV_OP_NORMALISE,           /* by the row's norm */
    SRV_OP_REDUCE,              /* one column: of all columns */
    SRV_OP_SELECT,              /* some columns */
    SRV_OP_CONSTANT,            /* the same row always */
    SRV_OP_SAME, /* flatten, reshape, dropout, or folded away: its rows are its input's (or dense layers read its inputs) */
} srv_op;

/* Which norm, or which reduction. */
typedef enum srv_function {
    SRV_FUNCTION_L1,
    SRV_FUNCTION_L2,
    SRV_FUNCTION_MAX, /* of absolute values */
    SRV_FUNCTION_SUM,
    SRV_FUNCTION_MEAN,
    SRV_FUNCTION_MAXIMUM,
    SRV_FUNCTION_MINIMUM,
} srv_function;

/* Where a layer finds the rows of one of its inputs. */
typedef struct srv_source {
    bool external; /* a block: columns `offset` … of the network's row.  Else: the rows of layer `layer` */
    bool terms;    /* a block of which the row holds nothing: terms number `offset` (model/dense_inputs.h) */
    size_t layer;
    size_t offset; /* in floats from the start of the network's row */
    size_t columns;
} srv_source;

/* A stretch of a kernel's rows, in the file. */
typedef struct srv_kernel_rows {
    size_t first, count;
} srv_kernel_rows;

typedef struct srv_layer {
    const char *name;
    srv_op op;
    size_t input_count;
    srv_source *inputs;        /* [input_count], SAME layers already seen through */
    size_t columns;            /* real columns of a row of output */
    size_t stride;             /* floats from one row to the next: columns, padded to SRV_LANES */
    size_t slot;               /* floats from the start of the scratch memory */
    srv_activation activation; /* applied last */
    srv_function function;     /* NORMALISE, REDUCE */
    double epsilon;            /* normalisations */
    const size_t *picks;       /* SELECT: [columns] of its input */
    srv_plan plan;             /* DENSE */
    size_t kernel_rows;        /* DENSE: of the kernel in the file; those at `ranges` are the plan's, in that order */
    size_t range_count;
    const srv_kernel_rows *ranges;
    srv_product *product; /* DENSE: what terms add to its rows; NULL where it reads none.  Its bias is in there */
    const float *kernel;  /* DENSE: packed by the plan */
    const float *bias;    /* [stride] or NULL; AFFINE, LAYER_NORMALIZATION: the shift; CONSTANT: the row */
    const float *scale;   /* [stride] or NULL; AFFINE and normalisations */
} srv_layer;

typedef struct srv_output {
    const char *name;
    srv_source source;
    size_t offset;             /* of its first column within the output row */
    const char *const *labels; /* [columns], or NULL */
} srv_output;

/* How far an answer may be from a sample's; either is enough. */
typedef struct srv_tolerance {
    double absolute, relative;
} srv_tolerance;

typedef struct srv_model {
    srv_arena *arena; /* owns everything below but the weights */
    const char *name;
    int64_t version;
    const char *manifest; /* text of model.json, NUL-terminated */
    srv_task task;
    srv_tolerance tolerance;
    size_t input_count, features, width;
    srv_input_spec *inputs;  /* [input_count] */
    srv_input_spec row;      /* all inputs as one: the only input, or [features] numbers */
    srv_image_recipe *image; /* how a picture becomes the first input; NULL if none can */
    srv_preprocess *preprocess;
    const bool *spread; /* [layers of the manifest]: concatenations that only dense layers read, with terms inside */
    size_t layer_count;
    srv_layer *layers;
    size_t output_count, outputs;
    srv_output *output;               /* [output_count] */
    const srv_statistics *statistics; /* of training; NULL: the package has none, and drift is NULL */
    srv_drift *drift;                 /* counts by them, of all engines */
    srv_runs *runs;                   /* its batches, by engine */
    srv_signature signature;          /* inputs, row and the outputs' names, as parse_body wants them */
    float *weights;                   /* one aligned block: all kernels, biases and slopes */
    size_t weight_bytes, parameters;
    size_t scratch_floats;             /* what srv_run_forward needs */
    double pass_ns[SRV_PASS_ROWS + 1]; /* predicted time for so many rows */
    size_t input_columns_max;          /* widest input that a dense layer reads directly */
    size_t joined_floats;              /* of scratch: inputs of a dense layer that has several, side by side */
} srv_model;

/* Loads, checks and plans the package in `folder` (model.json and weights.safetensors), and replays its samples
 * (model/samples.h).  On failure err has SRV_PACKAGE and names the file, the field and what was expected.  plan_cache: the folder of model/plan_cache.h, or NULL. */
srv_status srv_model_load(const char *folder, const char *name, int64_t version, const char *plan_cache,
                          srv_model **out, srv_error *err);
void srv_model_free(srv_model *model); /* accepts NULL */

/* Has the version's drift counted in a file of that folder, which all processes that serve it share.  Its name is of the
 * version, the package's folder and what the manifest says, so that another package never goes on with it.  Before anybody
 * uses the model.  False: there are no statistics, or the file can't be had. */
bool srv_model_keep_counts(srv_model *model, const char *counts_folder, const char *package_folder);

/* Bytes of memory the model holds (weights; the rest is small). */
static inline size_t srv_model_bytes(const srv_model *model) {
    return sizeof *model + model->weight_bytes;
}

#endif
