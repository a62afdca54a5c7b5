#include "unicode.h"

#include "utf8.h"

typedef struct range {
    uint32_t first, last;
} range;

typedef struct lower_run {
    uint32_t first, last; /* every stride-th character from first to last */
    uint32_t stride;
    int32_t delta;
} lower_run;

#include "unicode_tables.h"

#define LENGTH(table) (sizeof(table) / sizeof *(table))

#define CAPITAL_I_WITH_DOT 0x130u
#define COMBINING_DOT 0x307u
#define CAPITAL_SIGMA 0x3A3u
#define FINAL_SIGMA 0x3C2u

static bool is_in(const range *ranges, size_t count, uint32_t code) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && code >= ranges[low].first;
}

bool srv_is_word_character(uint32_t code) {
    if (code < 0x80) {
        uint32_t letter = code | 0x20;
        return (letter >= 'a' && letter <= 'z') || (code >= '0' && code <= '9') || code == '_';
    }
    return is_in(word_ranges, LENGTH(word_ranges), code);
}

bool srv_is_white_space(uint32_t code) {
    return is_in(space_ranges, LENGTH(space_ranges), code);
}

/* The next character that says whether a word goes on is cased; those between are passed over. */
static bool goes_on(const char *at, const char *end) {
    while (at < end) {
        uint32_t code = srv_utf8_read(&at);
        if (!is_in(ignorable_ranges, LENGTH(ignorable_ranges), code)) {
            return is_in(cased_ranges, LENGTH(cased_ranges), code);
        }
    }
    return false;
}

static bool comes_from(const char *begin, const char *at) {
    while (at > begin) {
        do {
            at--;
        } while (((unsigned char)*at & 0xC0) == 0x80);
        const char *character = at;
        uint32_t code = srv_utf8_read(&character);
        if (!is_in(ignorable_ranges, LENGTH(ignorable_ranges), code)) {
            return is_in(cased_ranges, LENGTH(cased_ranges), code);
        }
    }
    return false;
}

size_t srv_lower_case(const char *begin, const char *at, const char *end, uint32_t code, uint32_t out[2]) {
    out[0] = code;
    if (code < 0x80) {
        out[0] += code >= 'A' && code <= 'Z' ? 'a' - 'A' : 0;
        return 1;
    }
    if (code == CAPITAL_I_WITH_DOT) {
        out[0] = 'i';
        out[1] = COMBINING_DOT;
        return 2;
    }
    if (code == CAPITAL_SIGMA && comes_from(begin, at) && !goes_on(at + 2, end)) {
        out[0] = FINAL_SIGMA;
        return 1;
    }
    size_t low = 0, high = LENGTH(lower_runs);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > lower_runs[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const lower_run *run = &lower_runs[low];
    if (low < LENGTH(lower_runs) && code >= run->first && (code - run->first) % run->stride == 0) {
        out[0] = (uint32_t)((int32_t)code + run->delta);
    }
    return 1;
}
