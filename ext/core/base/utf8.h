/* UTF-8 (Unicode 15, table 3-7): the one place that knows what is well-formed. */
#ifndef SRV_BASE_UTF8_H
#define SRV_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character that starts at at (< end), or 0. */
static inline size_t srv_utf8_size(const char *at, const char *end) {
    const unsigned char *byte = (const unsigned char *)at;
    size_t left = (size_t)(end - at), size;
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    if (byte[0] < 0x80) {
        return 1;
    } else if (byte[0] >= 0xC2 && byte[0] <= 0xDF) {
        size = 2;
    } else if ((byte[0] & 0xF0) == 0xE0) {
        size = 3;
        low = byte[0] == 0xE0 ? 0xA0 : low;   /* not overlong */
        high = byte[0] == 0xED ? 0x9F : high; /* no surrogates */
    } else if (byte[0] >= 0xF0 && byte[0] <= 0xF4) {
        size = 4;
        low = byte[0] == 0xF0 ? 0x90 : low;
        high = byte[0] == 0xF4 ? 0x8F : high; /* up to U+10FFFF */
    } else {
        return 0;
    }
    if (left < size || byte[1] < low || byte[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((byte[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return size;
}

/* The first byte of text that is not UTF-8, or end. */
static inline const char *srv_utf8_fault(const char *text, const char *end) {
    while (text < end) {
        size_t size = srv_utf8_size(text, end);
        if (size == 0) {
            break;
        }
        text += size;
    }
    return text;
}

/* The character at *at of text known to be well-formed; *at moves past it. */
static inline uint32_t srv_utf8_read(const char **at) {
    const unsigned char *byte = (const unsigned char *)*at;
    if (byte[0] < 0x80) {
        *at += 1;
        return byte[0];
    }
    if (byte[0] < 0xE0) {
        *at += 2;
        return (uint32_t)(byte[0] & 0x1F) << 6 | (byte[1] & 0x3F);
    }
    if (byte[0] < 0xF0) {
        *at += 3;
        return (uint32_t)(byte[0] & 0x0F) << 12 | (uint32_t)(byte[1] & 0x3F) << 6 | (byte[2] & 0x3F);
    }
    *at += 4;
    return (uint32_t)(byte[0] & 0x07) << 18 | (uint32_t)(byte[1] & 0x3F) << 12 | (uint32_t)(byte[2] & 0x3F) << 6 |
           (byte[3] & 0x3F);
}

/* Writes the character, at most 4 bytes; returns how many. */
static inline size_t srv_utf8_write(char *out, uint32_t code) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

#endif
