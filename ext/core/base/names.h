/* A fixed list of names and the way back from a name to its place: columns, categories, vocabularies.
 *
 * Built once, with a model, and never changed: any number of threads may look up.  The table of places is at most half
 * full, and its clusters are made by the package alone, so no request can make a look-up slow.
 */
#ifndef SRV_BASE_NAMES_H
#define SRV_BASE_NAMES_H

#include "alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct srv_text {
    const char *bytes; /* UTF-8; any byte may occur in it, NUL too */
    size_t size;
} srv_text;

static inline bool srv_same_text(srv_text a, srv_text b) {
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

typedef struct srv_names {
    const srv_text *list; /* [count] */
    size_t count;
    uint32_t *places; /* [mask + 1]: index + 1 of a name, 0: free */
    size_t mask;
} srv_names;

#define SRV_MAX_NAMES ((size_t)1 << 24)

typedef enum srv_names_fault { SRV_NAMES_FINE, SRV_NAMES_DUPLICATE, SRV_NAMES_NO_MEMORY } srv_names_fault;

/* list: [count] in memory that outlives out, count ≤ SRV_MAX_NAMES.  After SRV_NAMES_DUPLICATE, *duplicate is the index
 * of the first name that has been there before. */
srv_names_fault srv_names_build(const srv_text *list, size_t count, srv_arena *arena, srv_names *out,
                                size_t *duplicate);

/* The index of the name; count if there is none. */
size_t srv_names_find(const srv_names *names, const char *bytes, size_t size);

/* "a, b, c, …": the first names, cut at a name's edge to capacity, NUL-terminated.  Returns out. */
const char *srv_names_list(const srv_names *names, char *out, size_t capacity);

#endif
