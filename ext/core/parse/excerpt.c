#include "excerpt.h"

#include <string.h>

#define ELLIPSIS "\xE2\x80\xA6"

const char *srv_excerpt(char out[SRV_EXCERPT], const char *text, size_t size) {
    size_t room = SRV_EXCERPT - sizeof ELLIPSIS;
    size_t kept = size;
    if (kept > room) {
        kept = room;
        while (kept > room - 4 && ((unsigned char)text[kept] & 0xC0) == 0x80) {
            kept--;
        }
    }
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)text[i];
        out[i] = c < 0x20 || c == 0x7F ? '?' : text[i];
    }
    strcpy(out + kept, kept < size ? ELLIPSIS : "");
    return out;
}
