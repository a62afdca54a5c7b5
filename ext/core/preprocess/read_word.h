/* What hash functions are made of: little-endian words at any address, and turning words. */
#ifndef SRV_PREPROCESS_READ_WORD_H
#define SRV_PREPROCESS_READ_WORD_H

#include <stdint.h>
#include <string.h>

static inline uint32_t srv_word32(const char *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

static inline uint64_t srv_word64(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* To the left, by 1 to 31 and 1 to 63 bits. */
static inline uint32_t srv_turn32(uint32_t word, int by) {
    return word << by | word >> (32 - by);
}

static inline uint64_t srv_turn64(uint64_t word, int by) {
    return word << by | word >> (64 - by);
}

#endif
