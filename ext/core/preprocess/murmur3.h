/* MurmurHash3_x86_32 with seed 0 (A. Appleby, public domain), fed piece by piece. */
#ifndef SRV_PREPROCESS_MURMUR3_H
#define SRV_PREPROCESS_MURMUR3_H

#include "read_word.h"

#include <stddef.h>

/* Zero-fill to construct. */
typedef struct srv_murmur3 {
    uint32_t hash, waiting; /* bytes short of a word, the first one lowest */
    uint32_t size;          /* bytes so far, modulo 2³²: no more of it goes into the hash */
} srv_murmur3;

static inline uint32_t srv_murmur3_scramble(uint32_t word) {
    return srv_turn32(word * 0xCC9E2D51u, 15) * 0x1B873593u;
}

static inline uint32_t srv_murmur3_word(uint32_t hash, uint32_t word) {
    return srv_turn32(hash ^ srv_murmur3_scramble(word), 13) * 5 + 0xE6546B64u;
}

static inline void srv_murmur3_add(srv_murmur3 *h, const char *bytes, size_t size) {
    uint32_t hash = h->hash, shift = h->size % 4 * 8;
    uint64_t waiting = h->waiting;
    size_t i = 0;
    h->size += (uint32_t)size;
    for (; i + 4 <= size; i += 4) {
        waiting |= (uint64_t)srv_word32(bytes + i) << shift;
        hash = srv_murmur3_word(hash, (uint32_t)waiting);
        waiting >>= 32;
    }
    for (; i < size; i++, shift += 8) {
        waiting |= (uint64_t)(unsigned char)bytes[i] << shift;
    }
    if (shift >= 32) {
        hash = srv_murmur3_word(hash, (uint32_t)waiting);
        waiting >>= 32;
    }
    h->hash = hash;
    h->waiting = (uint32_t)waiting;
}

static inline int32_t srv_murmur3_end(const srv_murmur3 *h) {
    uint32_t hash = h->hash ^ srv_murmur3_scramble(h->waiting) ^ h->size;
    hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
    return (int32_t)(hash ^ hash >> 16);
}

#endif
