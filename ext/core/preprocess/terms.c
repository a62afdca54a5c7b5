#include "terms.h"

#include <string.h>

#define FIRST_ROOM ((size_t)512)
#define FEW 32 /* finds that are sorted by insertion */

bool srv_tally_begin(srv_tally *tally, size_t extra, srv_arena *arena, char **memory) {
    size_t bytes = 2 * FIRST_ROOM * sizeof *tally->finds;
    *tally = (srv_tally){.room = FIRST_ROOM, .arena = arena};
    tally->finds = extra < SIZE_MAX / 4 ? srv_arena_take(arena, bytes + extra) : NULL;
    *memory = tally->finds != NULL ? (char *)tally->finds + bytes : NULL;
    return tally->finds != NULL;
}

static void insertion_sort(srv_find *finds, size_t count) {
    for (size_t i = 1; i < count; i++) {
        srv_find find = finds[i];
        size_t j = i;
        for (; j > 0 && finds[j - 1].index > find.index; j--) {
            finds[j] = finds[j - 1];
        }
        finds[j] = find;
    }
}

/* By one byte of the index after the other, from finds to other and back. */
static void radix_sort(srv_find *finds, srv_find *other, size_t count) {
    uint32_t all = 0;
    srv_find *from = finds, *to = other;
    for (size_t i = 0; i < count; i++) {
        all |= finds[i].index;
    }
    for (int shift = 0; shift < 32 && all >> shift > 0; shift += 8) {
        size_t places[257] = {0};
        for (size_t i = 0; i < count; i++) {
            places[(from[i].index >> shift & 0xFF) + 1]++;
        }
        for (size_t i = 1; i < 256; i++) {
            places[i] += places[i - 1];
        }
        for (size_t i = 0; i < count; i++) {
            to[places[from[i].index >> shift & 0xFF]++] = from[i];
        }
        srv_find *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != finds) {
        memcpy(finds, from, count * sizeof *finds);
    }
}

/* Finds of one index become one; their sum stays within its type. */
static void merge(srv_tally *tally) {
    srv_find *finds = tally->finds;
    size_t kept = 0;
    if (tally->count <= FEW) {
        insertion_sort(finds, tally->count);
    } else {
        radix_sort(finds, finds + tally->room, tally->count);
    }
    for (size_t i = 0; i < tally->count; i++) {
        if (kept == 0 || finds[kept - 1].index != finds[i].index) {
            finds[kept++] = finds[i];
        } else if (__builtin_add_overflow(finds[kept - 1].count, finds[i].count, &finds[kept - 1].count)) {
            finds[kept - 1].count = finds[i].count > 0 ? INT32_MAX : INT32_MIN;
        }
    }
    tally->count = kept;
}

bool srv_tally_make_room(srv_tally *tally) {
    merge(tally);
    if (tally->count <= tally->room / 2) {
        return true;
    }
    size_t bytes;
    srv_find *grown = srv_multiply(4 * tally->room, sizeof *grown, &bytes) ? srv_arena_take(tally->arena, bytes) : NULL;
    if (grown == NULL) {
        return false;
    }
    memcpy(grown, tally->finds, tally->count * sizeof *grown);
    tally->finds = grown;
    tally->room *= 2;
    return true;
}

/* A term is twice as long as a find, and there is memory for twice as many finds: the last one moves first. */
void srv_tally_list(srv_tally *tally, srv_terms *out) {
    _Static_assert(sizeof(srv_term) <= 2 * sizeof(srv_find), "the list must fit where the finds were");
    merge(tally);
    *out = (srv_terms){.list = (srv_term *)(void *)tally->finds, .count = tally->count};
    for (size_t i = tally->count; i-- > 0;) {
        srv_find find;
        memcpy(&find, (char *)out->list + i * sizeof find, sizeof find);
        out->list[i] = (srv_term){find.index, find.count};
    }
    srv_arena_shrink(tally->arena, out->list, tally->count * sizeof *out->list);
}
