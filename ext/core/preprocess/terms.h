/* Counts by index, of which a text has few among many that it could have: a sparse row in the making.
 *
 * Finds are appended as they come.  When the room is full they are sorted and those of one index become one, and only if
 * that does not free half of it, the room is doubled.  So memory follows the number of different indices, time stays
 * linear, and no choice of words makes it slow, as it could with a hash table.
 */
#ifndef SRV_PREPROCESS_TERMS_H
#define SRV_PREPROCESS_TERMS_H

#include "../base/alloc.h"
#include "../base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct srv_term {
    uint32_t index;
    double value;
} srv_term;

typedef struct srv_terms {
    srv_term *list; /* [count], ascending index, none twice */
    size_t count;
} srv_terms;

typedef struct srv_find {
    uint32_t index;
    int32_t count; /* negative ones too: of hashed terms with a sign */
} srv_find;

typedef struct srv_tally {
    srv_find *finds; /* [2 × room]: the second half is for sorting */
    size_t count, room;
    srv_arena *arena;
} srv_tally;

/* Takes `extra` bytes along with the first room, at *memory; they stay valid until srv_tally_list.  False: no memory. */
bool srv_tally_begin(srv_tally *tally, size_t extra, srv_arena *arena, char **memory);

/* Sorts, merges, and makes more room if need be.  False: no memory. */
bool srv_tally_make_room(srv_tally *tally);

static inline bool srv_tally_add(srv_tally *tally, uint32_t index, int32_t count) {
    if (tally->count == tally->room && !srv_tally_make_room(tally)) {
        return false;
    }
    tally->finds[tally->count++] = (srv_find){index, count};
    return true;
}

/* What was counted.  The list takes the place of all that the tally took from the arena last. */
void srv_tally_list(srv_tally *tally, srv_terms *out);

#endif
