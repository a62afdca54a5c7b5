/* Step 2 of the data path: the steps a package declares under `preprocess` (docs/package.md) make rows for the network
 * of rows as sent.  (Pictures become rows in image.h first.)
 *
 * The steps are compiled into a program over a row of *registers*: those of the row as sent, and those that steps write.
 * A *block* is what steps and layers name, an input or the `output` of a step: stretches of registers, texts that no
 * step has made numbers of, and *terms*, the few numbers of a text's row that are not 0.  Where a model takes tensors
 * alone, registers are float32 and each operation rounds to it, as the frameworks do; where it takes a table or a text
 * they are double, and rounded once, into the network's row.
 *
 *   srv_preprocess_compile(steps, inputs, …, &preprocess, err);
 *   for each block that layers read: srv_preprocess_place(preprocess, block, …)
 *   for each dense layer that reads terms: srv_preprocess_add_product(preprocess, …)
 *   srv_preprocess_finish(preprocess);
 *   srv_preprocess_rows(preprocess, …) from any thread
 */
#ifndef SRV_PREPROCESS_PREPROCESS_H
#define SRV_PREPROCESS_PREPROCESS_H

#include "../base/alloc.h"
#include "../base/json.h"
#include "../base/status.h"
#include "../model/safetensors.h"
#include "../parse_body.h"

#include <stdbool.h>

typedef struct srv_preprocess srv_preprocess; /* immutable once finished; lives in the arena */

/* steps: the manifest's array, or NULL.  tensors: for parameters that are tensors, or NULL.  Fails with SRV_PACKAGE
 * naming the field. */
srv_status srv_preprocess_compile(const srv_json *steps, const srv_input_spec *inputs, size_t input_count,
                                  const srv_safetensors *tensors, srv_arena *arena, srv_preprocess **out,
                                  srv_error *err);

size_t srv_preprocess_blocks(const srv_preprocess *preprocess); /* inputs first, in their order, then outputs */
const char *srv_preprocess_block_name(const srv_preprocess *preprocess, size_t block);
bool srv_preprocess_has_terms(const srv_preprocess *preprocess, size_t block);

/* A block as layers read it: parts side by side. */
typedef struct srv_block_part {
    bool sparse;    /* terms: never in the network's row */
    size_t columns; /* numbers of the whole row, zeros included */
    size_t at;      /* the float of the network's row at which they begin; sparse: which terms */
} srv_block_part;

typedef struct srv_block_place {
    bool placed;
    size_t columns; /* of all parts */
    size_t part_count;
    const srv_block_part *parts;
} srv_block_place;

/* Gives a block its place in the network's row; with `sparse` all but its terms.  node: what reads it, for faults: a
 * text of which no step has made numbers, or too wide a row. */
srv_status srv_preprocess_place(srv_preprocess *preprocess, size_t block, bool sparse, const srv_json *node,
                                srv_error *err);
const srv_block_place *srv_preprocess_place_of(const srv_preprocess *preprocess, size_t block);

/* A dense layer over terms: units floats of the network's row, bias + the sum over the parts of terms · kernel. */
typedef struct srv_product_part {
    size_t terms, columns; /* which terms, and how many numbers they may be of */
    size_t first_row;      /* of the kernel in the file */
    const float *kernel;   /* [columns × units], row-major */
} srv_product_part;

typedef struct srv_product {
    size_t to, units;
    const float *bias; /* [units], or NULL */
    size_t part_count;
    srv_product_part *parts;
} srv_product;

/* Its place is chosen here, kernel and bias are to be set before rows are run. */
srv_status srv_preprocess_add_product(srv_preprocess *preprocess, size_t units, size_t part_count, const srv_json *node,
                                      srv_product **out, srv_error *err);

/* All blocks and products have their places. */
void srv_preprocess_finish(srv_preprocess *preprocess);

size_t srv_preprocess_width(const srv_preprocess *preprocess); /* floats of the network's row, at least 1 */

/* False if there is nothing to do: rows pass as they are. */
bool srv_preprocess_changes(const srv_preprocess *preprocess);

/* True if rows of the network may take the place of those sent; else they need memory of their own. */
bool srv_preprocess_is_in_place(const srv_preprocess *preprocess);

/* Bytes of scratch memory, 64-byte aligned, that srv_preprocess_rows writes to. */
size_t srv_preprocess_scratch(const srv_preprocess *preprocess);

/* Rows as sent, of all inputs side by side: one of values and cells; texts NULL where there are none. */
typedef struct srv_sent_rows {
    const float *values;   /* [rows × features] */
    const double *cells;   /* [rows × features] */
    const srv_text *texts; /* [rows × texts] */
} srv_sent_rows;

/* to: [rows × width], row-major; it may be from->values if the program is in place.  arena: for what one row needs; it
 * is reset for each (NULL if no input has texts).  SRV_NO_MEMORY, or SRV_OK. */
srv_status srv_preprocess_rows(const srv_preprocess *preprocess, const srv_sent_rows *from, size_t rows, void *scratch,
                               srv_arena *arena, float *to, srv_error *err);

#endif
