/* Which blocks of preprocessing the layers read, and how: they alone have a place in the network's row.
 *
 * A block with terms (the few numbers of a text's row that are not 0) need not be written down where dense layers alone
 * read it, by itself or within concatenations that dense layers alone read.
 */
#ifndef SRV_MODEL_BLOCK_USE_H
#define SRV_MODEL_BLOCK_USE_H

#include "../base/json.h"
#include "model.h"

/* Gives blocks their places, inputs and outputs of steps in their order, and fills model->spread. */
srv_status srv_place_blocks(const srv_json *root, srv_model *model, srv_error *err);

/* The block of that name, if layers read one; else NULL. */
const srv_block_place *srv_find_block_place(const srv_model *model, const char *name);

#endif
