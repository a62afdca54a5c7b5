#include "unicode.h"

typedef struct accent_range {
    uint32_t first, last;
    uint32_t start; /* of its values */
} accent_range;

/* A value is a character, or, from FIRST_SEQUENCE on, where characters have no numbers, the number of a sequence. */
#include "accents_tables.h"

#define FIRST_SEQUENCE 0xD800u
#define PAST_SEQUENCES 0xE000u
#define SEQUENCES (sizeof sequence_starts / sizeof *sequence_starts - 1)

_Static_assert(LONGEST <= SRV_STRIPPED_MAX, "unicode.h promises fewer characters than there are");

/* Hangul syllables (Unicode, 3.12): the parts of a syllable are counted out. */
#define HANGUL 0xAC00u
#define HANGUL_COUNT 11172u
#define LEADS 0x1100u
#define VOWELS 0x1161u
#define VOWEL_COUNT 21u
#define TAILS 0x11A7u /* the first one stands for none */
#define TAIL_COUNT 28u

static size_t take_apart(uint32_t syllable, uint32_t *out) {
    uint32_t tail = syllable % TAIL_COUNT;
    out[0] = LEADS + syllable / TAIL_COUNT / VOWEL_COUNT;
    out[1] = VOWELS + syllable / TAIL_COUNT % VOWEL_COUNT;
    out[2] = TAILS + tail;
    return tail > 0 ? 3 : 2;
}

size_t srv_strip_accents(uint32_t code, uint32_t out[SRV_STRIPPED_MAX]) {
    if (code - HANGUL < HANGUL_COUNT) {
        return take_apart(code - HANGUL, out);
    }
    size_t low = 0, high = sizeof accent_ranges / sizeof *accent_ranges;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > accent_ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    out[0] = code;
    const accent_range *range = &accent_ranges[low];
    if (low == sizeof accent_ranges / sizeof *accent_ranges || code < range->first) {
        return 1;
    }
    uint32_t value = values[range->start + (code - range->first)];
    if (value < FIRST_SEQUENCE || value >= PAST_SEQUENCES) {
        out[0] = value;
        return 1;
    }
    size_t sequence = value - FIRST_SEQUENCE < SEQUENCES ? value - FIRST_SEQUENCE : 0; /* the table names no others */
    size_t start = sequence_starts[sequence], end = sequence_starts[sequence + 1];
    for (size_t i = start; i < end; i++) {
        out[i - start] = sequences[i];
    }
    return end - start;
}
