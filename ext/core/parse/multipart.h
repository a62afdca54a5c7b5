/* multipart/form-data (RFC 7578 over RFC 2046): the parts of a body, one by one, without copying.
 *
 *   srv_multipart_start(&parts, content_type, …);
 *   while ((status = srv_multipart_next(&parts, arena, &part, &more, err)) == SRV_OK && more) { … }
 *
 * Preamble and epilogue are passed over.  Strict where a guess could lose data or be seen differently by a proxy:
 *   - lines end in CR LF; bare LF is refused (every HTTP client sends CR LF);
 *   - each part has a Content-Disposition: form-data with a name; no header or parameter comes twice; no folded lines;
 *   - Content-Transfer-Encoding (deprecated there) is refused unless 7bit, 8bit or binary;
 *   - the closing boundary must be there: without it the body was cut off.
 * filename*=UTF-8''… (RFC 8187), which RFC 7578 rules out but some clients send, wins over filename.  Percent escapes
 * in name and filename stay as they are.  All faults are SRV_MALFORMED with the byte in the body, unless said below.
 */
#ifndef SRV_PARSE_MULTIPART_H
#define SRV_PARSE_MULTIPART_H

#include "../base/alloc.h"
#include "../base/status.h"

#include <stdbool.h>

#define SRV_BOUNDARY_MAX 200      /* RFC 2046 says 70; some clients send one more */
#define SRV_PART_HEADERS_MAX 8192 /* bytes of one part's headers; SRV_TOO_LARGE beyond it */

typedef struct srv_part {
    const char *name; /* in the body, or in the arena where escapes had to go */
    size_t name_size;
    const char *filename; /* likewise; NULL: not a file */
    size_t filename_size;
    const char *type; /* the part's Content-Type, parameters included, in the body; NULL: none */
    size_t type_size;
    const char *bytes; /* the content, in the body */
    size_t size;
} srv_part;

typedef struct srv_multipart {
    const char *body;
    size_t size;
    size_t at;    /* after the delimiter line of the part to come */
    size_t given; /* parts so far */
    bool closed;  /* the closing boundary has been read */
    size_t delimiter_size;
    char delimiter[4 + SRV_BOUNDARY_MAX]; /* CR LF -- boundary */
} srv_multipart;

/* Reads the boundary from the Content-Type and finds the first delimiter. */
srv_status srv_multipart_start(srv_multipart *parts, const char *content_type, size_t content_type_size,
                               const char *body, size_t size, srv_error *err);

/* The next part; more turns false after the closing boundary. */
srv_status srv_multipart_next(srv_multipart *parts, srv_arena *arena, srv_part *out, bool *more, srv_error *err);

#endif
