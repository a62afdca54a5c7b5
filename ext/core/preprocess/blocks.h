/* Blocks while steps are compiled: which numbers a step reads, and what takes their place. */
#ifndef SRV_PREPROCESS_BLOCKS_H
#define SRV_PREPROCESS_BLOCKS_H

#include "program.h"

/* A stretch of one segment. */
typedef struct srv_pick {
    size_t segment, offset, count;
} srv_pick;

/* What a step reads, in its order. */
typedef struct srv_picks {
    srv_pick *list;
    size_t count, numbers; /* numbers: over all of the list */
} srv_picks;

/* The picks of a step's `columns`.  Without it: on a table the columns of that type, as far as each is still one number
 * (or text) of its own; else all of the block.  Nothing is picked twice. */
srv_status srv_pick_columns(const srv_json *node, const srv_block *block, srv_column_type type, srv_arena *arena,
                            srv_picks *out, srv_error *err);

/* The pick of a step's `column`, a text; without it the block must be one text. */
srv_status srv_pick_text(const srv_json *node, const srv_block *block, srv_arena *arena, srv_picks *out,
                         srv_error *err);

/* Puts results[i], [picks->count], in the place of pick i, in block; those of count 0 vanish. */
srv_status srv_block_replace(srv_block *block, const srv_picks *picks, const srv_segment *results, srv_arena *arena,
                             srv_error *err);

/* Makes a block of the results alone. */
srv_status srv_block_build(const srv_segment *results, size_t count, srv_arena *arena, srv_block *out, srv_error *err);

/* The segments of several blocks side by side. */
srv_status srv_block_join(const srv_block *const *blocks, size_t count, srv_arena *arena, srv_block *out,
                          srv_error *err);

#endif
