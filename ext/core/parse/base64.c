#include "base64.h"

#include <stdint.h>

/* The six bits of a letter, or -1. */
static int value_of(char letter) {
    if (letter >= 'A' && letter <= 'Z') {
        return letter - 'A';
    }
    if (letter >= 'a' && letter <= 'z') {
        return letter - 'a' + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return letter - '0' + 52;
    }
    return letter == '+' || letter == '-' ? 62 : letter == '/' || letter == '_' ? 63 : -1;
}

bool srv_base64_decode(const char *text, size_t size, char *out, size_t *out_size) {
    size_t letters = size, used = 0;
    while (letters > 0 && size - letters < 2 && text[letters - 1] == '=') {
        letters--;
    }
    if ((letters < size && size % 4 != 0) || letters % 4 == 1) {
        return false;
    }
    uint32_t bits = 0;
    for (size_t i = 0; i < letters; i++) {
        int value = value_of(text[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0) { /* of four letters the first alone completes no byte */
            out[used++] = (char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    *out_size = used;
    return true;
}
