#include "names.h"

#include <stdio.h>

#define CUT ", \xE2\x80\xA6"

/* FNV-1a, with a last mix, as only the low bits are used. */
static size_t hash(const char *bytes, size_t size) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) {
        h = (h ^ (unsigned char)bytes[i]) * 1099511628211u;
    }
    return (size_t)(h ^ h >> 32);
}

/* The slot that holds the name, or the free one where it would be. */
static size_t find_slot(const srv_names *names, const char *bytes, size_t size) {
    size_t slot = hash(bytes, size) & names->mask;
    while (names->places[slot] != 0 &&
           !srv_same_text(names->list[names->places[slot] - 1], (srv_text){.bytes = bytes, .size = size})) {
        slot = (slot + 1) & names->mask;
    }
    return slot;
}

srv_names_fault srv_names_build(const srv_text *list, size_t count, srv_arena *arena, srv_names *out,
                                size_t *duplicate) {
    size_t slots = 2;
    while (slots < 2 * count) {
        slots *= 2;
    }
    *out = (srv_names){.list = list, .count = count, .mask = slots - 1};
    out->places = srv_arena_take(arena, slots * sizeof *out->places);
    if (out->places == NULL) {
        return SRV_NAMES_NO_MEMORY;
    }
    memset(out->places, 0, slots * sizeof *out->places);
    for (size_t i = 0; i < count; i++) {
        size_t slot = find_slot(out, list[i].bytes, list[i].size);
        if (out->places[slot] != 0) {
            *duplicate = i;
            return SRV_NAMES_DUPLICATE;
        }
        out->places[slot] = (uint32_t)(i + 1);
    }
    return SRV_NAMES_FINE;
}

size_t srv_names_find(const srv_names *names, const char *bytes, size_t size) {
    uint32_t place = names->places[find_slot(names, bytes, size)];
    return place > 0 ? place - 1 : names->count;
}

const char *srv_names_list(const srv_names *names, char *out, size_t capacity) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < names->count; i++) {
        const srv_text *name = &names->list[i];
        if (used + name->size + sizeof CUT + 2 > capacity) {
            snprintf(out + used, capacity - used, "%s", used > 0 ? CUT : CUT + 2);
            break;
        }
        used +=
            (size_t)snprintf(out + used, capacity - used, "%s%.*s", used > 0 ? ", " : "", (int)name->size, name->bytes);
    }
    return out;
}
