/* JSON as a tree, for manifests: small files that are read once.  (Requests never build a tree: see parse/.)
 *
 * RFC 8259, strict: UTF-8 checked, no bare NaN, no trailing commas or bytes; duplicate keys are an error that names the
 * key.  Depth is limited to SRV_JSON_DEPTH.  Every node lives in the arena given to srv_json_parse.
 */
#ifndef SRV_BASE_JSON_H
#define SRV_BASE_JSON_H

#include "alloc.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#define SRV_JSON_DEPTH 64

typedef enum srv_json_type {
    SRV_JSON_NULL,
    SRV_JSON_BOOL,
    SRV_JSON_NUMBER,
    SRV_JSON_STRING,
    SRV_JSON_ARRAY,
    SRV_JSON_OBJECT,
} srv_json_type;

typedef struct srv_json srv_json;
struct srv_json {
    srv_json_type type;
    const char *key;  /* member name, unescaped, NUL-terminated; NULL unless the parent is an object */
    const char *text; /* STRING: unescaped UTF-8, NUL-terminated (a U+0000 inside is an error); else NULL */
    size_t size;      /* STRING: bytes of text; ARRAY and OBJECT: number of children */
    double number;    /* NUMBER: nearest double */
    bool boolean;     /* BOOL */
    size_t index;     /* place in the parent */
    size_t offset;    /* byte in the source text */
    const srv_json *parent, *first, *next; /* first child; next sibling */
};

/* Parses the whole text; on failure err has status SRV_MALFORMED (or NO_MEMORY), the byte offset and the pointer. */
srv_status srv_json_parse(const char *text, size_t size, srv_arena *arena, const srv_json **root, srv_error *err);

/* The member of that name, or NULL (also when object is NULL or not an object). */
const srv_json *srv_json_get(const srv_json *object, const char *key);

const char *srv_json_type_name(srv_json_type type); /* "a number", "an object", … for messages */

/* Writes the node's RFC 6901 pointer ("/layers/0/units"), cut to capacity, always NUL-terminated. */
void srv_json_pointer(const srv_json *node, char *out, size_t capacity);

/* Typed members of a manifest.  Each fails with `status` (usually SRV_PACKAGE), the pointer and what was expected; an
 * absent member is an error too, unless the function takes a default and no member is there. */
srv_status srv_json_get_text(const srv_json *object, const char *key, const char **out, srv_error *err);
srv_status srv_json_get_number(const srv_json *object, const char *key, double *out, srv_error *err);
srv_status srv_json_get_number_or(const srv_json *object, const char *key, double absent, double *out, srv_error *err);
srv_status srv_json_get_size(const srv_json *object, const char *key, size_t min, size_t max, size_t *out,
                             srv_error *err); /* a whole number in min..max */
srv_status srv_json_get_array(const srv_json *object, const char *key, const srv_json **out, srv_error *err);

/* Fails with SRV_PACKAGE at node: sets where to its pointer and the message as given. */
srv_status srv_json_fail(const srv_json *node, srv_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fails, naming the key and the keys allowed, if object has a member not in the NULL-terminated list. */
srv_status srv_json_only(const srv_json *object, const char *const *allowed, srv_error *err);

#endif
