/* Untrusted text as messages quote it. */
#ifndef SRV_PARSE_EXCERPT_H
#define SRV_PARSE_EXCERPT_H

#include <stddef.h>

#define SRV_EXCERPT 64 /* bytes, NUL included */

/* Writes the start of text to out: cut at the edge of a UTF-8 character with "…" if it is longer, control characters as
 * '?'.  Returns out, NUL-terminated. */
const char *srv_excerpt(char out[SRV_EXCERPT], const char *text, size_t size);

#endif
