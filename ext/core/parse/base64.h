/* Base64 (RFC 4648), in which TensorFlow Serving's clients write bytes: {"b64": "aGVsbG8="}. */
#ifndef SRV_PARSE_BASE64_H
#define SRV_PARSE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes text into out, which has room for size / 4 · 3 + 2 bytes; either alphabet, with its padding or without.
 * False if it is not base64. */
bool srv_base64_decode(const char *text, size_t size, char *out, size_t *out_size);

#endif
