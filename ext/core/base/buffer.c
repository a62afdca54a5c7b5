#include "buffer.h"

#include "alloc.h"
#include "number.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)1024)

void srv_buffer_free(srv_buffer *buffer) {
    srv_free(buffer->data);
    *buffer = (srv_buffer){0};
}

void srv_buffer_reset(srv_buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

char *srv_buffer_room(srv_buffer *buffer, size_t extra) {
    if (buffer->failed || extra > SIZE_MAX / 4) {
        buffer->failed = true;
        return NULL;
    }
    size_t needed = buffer->size + extra;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity > 0 ? 2 * buffer->capacity : FIRST_CAPACITY;
        if (capacity < needed) {
            capacity = needed;
        }
        char *grown = srv_realloc(buffer->data, buffer->size, capacity);
        if (grown == NULL) {
            buffer->failed = true;
            return NULL;
        }
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

void srv_buffer_add(srv_buffer *buffer, const void *bytes, size_t size) {
    char *room = srv_buffer_room(buffer, size);
    if (room != NULL && size > 0) {
        memcpy(room, bytes, size);
        buffer->size += size;
    }
}

void srv_buffer_text(srv_buffer *buffer, const char *text) {
    srv_buffer_add(buffer, text, strlen(text));
}

void srv_buffer_number(srv_buffer *buffer, uint64_t number) {
    char text[SRV_UNSIGNED_TEXT];
    srv_buffer_add(buffer, text, srv_write_unsigned(text, number, 1));
}

void srv_buffer_format(srv_buffer *buffer, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof line) {
        buffer->failed = true; /* formats are for short pieces; text of any length goes through srv_buffer_add */
        return;
    }
    srv_buffer_add(buffer, line, (size_t)size);
}
