#include "siphash.h"

#include "read_word.h"

static inline void mix(uint64_t v[4], int rounds) {
    for (int i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = srv_turn64(v[1], 13) ^ v[0];
        v[3] = srv_turn64(v[3], 16) ^ v[2];
        v[0] = srv_turn64(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = srv_turn64(v[1], 17) ^ v[2];
        v[3] = srv_turn64(v[3], 21) ^ v[0];
        v[2] = srv_turn64(v[2], 32);
    }
}

static inline void take_in(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    mix(v, 2);
    v[0] ^= word;
}

uint64_t srv_siphash(const uint64_t key[2], const char *bytes, size_t size) {
    uint64_t v[4] = {key[0] ^ 0x736F6D6570736575u, key[1] ^ 0x646F72616E646F6Du, key[0] ^ 0x6C7967656E657261u,
                     key[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)size << 56;
    size_t whole = size & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        take_in(v, srv_word64(bytes + i));
    }
    for (size_t i = whole; i < size; i++) {
        last |= (uint64_t)(unsigned char)bytes[i] << 8 * (i - whole);
    }
    take_in(v, last);
    v[2] ^= 0xFF;
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
