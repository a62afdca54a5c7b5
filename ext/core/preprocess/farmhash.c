#include "farmhash.h"

#include "read_word.h"

#define K0 0xC3A5C85C97CB3127u
#define K1 0xB492B66FBE98F273u
#define K2 0x9AE16A3B2F90404Fu

typedef struct pair {
    uint64_t first, second;
} pair;

/* FarmHash turns to the right. */
static inline uint64_t turn(uint64_t word, int by) {
    return srv_turn64(word, 64 - by);
}

static inline uint64_t fold(uint64_t word) {
    return word ^ word >> 47;
}

static inline uint64_t join(uint64_t u, uint64_t v, uint64_t factor) {
    uint64_t a = fold((u ^ v) * factor);
    return fold((v ^ a) * factor) * factor;
}

static uint64_t up_to_16(const char *s, size_t size) {
    uint64_t factor = K2 + size * 2;
    if (size >= 8) {
        uint64_t a = srv_word64(s) + K2, b = srv_word64(s + size - 8);
        return join(turn(b, 37) * factor + a, (turn(a, 25) + b) * factor, factor);
    }
    if (size >= 4) {
        return join(size + ((uint64_t)srv_word32(s) << 3), srv_word32(s + size - 4), factor);
    }
    if (size > 0) {
        uint32_t first = (unsigned char)s[0], middle = (unsigned char)s[size / 2], last = (unsigned char)s[size - 1];
        return fold((first + (middle << 8)) * K2 ^ ((uint32_t)size + (last << 2)) * K0) * K2;
    }
    return K2;
}

/* What sizes from 17 on begin with: of the first and the last 16 bytes. */
typedef struct ends {
    uint64_t a, sum, other;
} ends;

static inline ends of_ends(const char *s, size_t size, uint64_t from, uint64_t factor) {
    uint64_t a = srv_word64(s) * from, b = srv_word64(s + 8);
    uint64_t c = srv_word64(s + size - 8) * factor, d = srv_word64(s + size - 16) * K2;
    return (ends){a, turn(a + b, 43) + turn(c, 30) + d, a + turn(b + K2, 18) + c};
}

static uint64_t up_to_32(const char *s, size_t size) {
    uint64_t factor = K2 + size * 2;
    ends outer = of_ends(s, size, K1, factor);
    return join(outer.sum, outer.other, factor);
}

static uint64_t up_to_64(const char *s, size_t size) {
    uint64_t factor = K2 + size * 2;
    ends outer = of_ends(s, size, K2, factor);
    uint64_t z = join(outer.sum, outer.other, factor);
    uint64_t e = srv_word64(s + 16) * factor, f = srv_word64(s + 24);
    uint64_t g = (outer.sum + srv_word64(s + size - 32)) * factor;
    uint64_t h = (z + srv_word64(s + size - 24)) * factor;
    return join(turn(e + f, 43) + turn(g, 30) + h, e + turn(f + outer.a, 18) + g, factor);
}

static inline pair of_32(const char *s, uint64_t a, uint64_t b) {
    uint64_t last = srv_word64(s + 24);
    a += srv_word64(s);
    b = turn(b + a + last, 21);
    uint64_t start = a;
    a += srv_word64(s + 8) + srv_word64(s + 16);
    return (pair){a + last, b + turn(a, 44) + start};
}

typedef struct state {
    uint64_t x, y, z;
    pair v, w;
} state;

/* 64 bytes.  The last ones, which may overlap those before, have another factor, and weigh two words by `nine`. */
static inline void take_in(state *h, const char *s, uint64_t factor, uint64_t nine) {
    uint64_t x = turn(h->x + h->y + h->v.first + srv_word64(s + 8), 37) * factor;
    uint64_t y = turn(h->y + h->v.second + srv_word64(s + 48), 42) * factor;
    x ^= h->w.second * nine;
    y += h->v.first * nine + srv_word64(s + 40);
    uint64_t z = turn(h->z + h->w.first, 33) * factor;
    h->v = of_32(s, h->v.second * factor, x + h->w.first);
    h->w = of_32(s + 32, z + h->w.second, y + srv_word64(s + 16));
    h->x = z;
    h->y = y;
    h->z = x;
}

uint64_t srv_farmhash(const char *s, size_t size) {
    if (size <= 64) {
        return size <= 16 ? up_to_16(s, size) : size <= 32 ? up_to_32(s, size) : up_to_64(s, size);
    }
    state h = {.x = 81 * K2 + srv_word64(s), .y = 81 * K1 + 113};
    h.z = fold(h.y * K2 + 113) * K2;
    size_t rest = (size - 1) % 64, whole = size - 1 - rest;
    for (size_t i = 0; i < whole; i += 64) {
        take_in(&h, s + i, K1, 1);
    }
    uint64_t factor = K1 + ((h.z & 0xFF) << 1);
    h.w.first += rest;
    h.v.first += h.w.first;
    h.w.first += h.v.first;
    take_in(&h, s + size - 64, factor, 9);
    return join(join(h.v.first, h.w.first, factor) + fold(h.y) * K0 + h.z, join(h.v.second, h.w.second, factor) + h.x,
                factor);
}
