/* A growing run of bytes that replies are written into.
 *
 * Appending never fails visibly: when memory runs out the buffer turns `failed`, later appends do nothing, and the
 * writer asks once at the end.  Zero-fill to construct; the owner frees it.  Reset keeps the capacity, so that a reused
 * buffer stops allocating.
 */
#ifndef SRV_BASE_BUFFER_H
#define SRV_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct srv_buffer {
    char *data;      /* not NUL-terminated */
    size_t size;     /* bytes written */
    size_t capacity; /* bytes allocated */
    bool failed;     /* an append ran out of memory: data is incomplete */
} srv_buffer;

void srv_buffer_free(srv_buffer *buffer);  /* leaves it zero-filled, ready for use */
void srv_buffer_reset(srv_buffer *buffer); /* size 0, not failed */

/* Room for at least extra bytes after size, for writers that fill in place and then add to size; NULL if failed. */
char *srv_buffer_room(srv_buffer *buffer, size_t extra);

void srv_buffer_add(srv_buffer *buffer, const void *bytes, size_t size);
void srv_buffer_text(srv_buffer *buffer, const char *text); /* NUL-terminated */
void srv_buffer_number(srv_buffer *buffer, uint64_t number);
void srv_buffer_format(srv_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
