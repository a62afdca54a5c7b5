#include "write_reply.h"

#include "base/alloc.h"
#include "base/number.h"
#include "reply_formats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------ text */

/* The bytes of the UTF-8 character at text, or 0 if none is there.  Then *bad is what one U+FFFD stands for: the
 * longest start of a character, as Unicode recommends (and Python's errors="replace" does). */
static size_t utf8_size(const unsigned char *text, size_t size, size_t *bad) {
    unsigned char first = text[0], low = 0x80, high = 0xBF; /* bounds of the second byte */
    size_t needed;
    *bad = 1;
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        needed = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        needed = 3;
        low = first == 0xE0 ? 0xA0 : low;   /* no overlong forms */
        high = first == 0xED ? 0x9F : high; /* no surrogates */
    } else if (first >= 0xF0 && first <= 0xF4) {
        needed = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high; /* nothing beyond U+10FFFF */
    } else {
        return 0;
    }
    for (size_t i = 1; i < needed; i++, low = 0x80, high = 0xBF) {
        if (i == size || text[i] < low || text[i] > high) {
            *bad = i;
            return 0;
        }
    }
    return needed;
}

static void write_escape(srv_buffer *out, unsigned char c) {
    static const char letters[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        if ((unsigned char)letters[i] == c) {
            srv_buffer_add(out, (char[]){'\\', letters[i + 1]}, 2);
            return;
        }
    }
    srv_buffer_format(out, "\\u%04x", c);
}

void srv_write_json_text(srv_buffer *out, const char *text, size_t size) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t clean = 0, at = 0; /* bytes from clean to at need no change and are not written yet */
    srv_buffer_text(out, "\"");
    while (at < size) {
        size_t bad, length = utf8_size(bytes + at, size - at, &bad);
        /* U+2028 and U+2029 are line ends in JavaScript source, where a reply may be pasted. */
        bool separator = length == 3 && memcmp(bytes + at, "\xE2\x80", 2) == 0 && (bytes[at + 2] | 1) == 0xA9;
        if (length > 0 && bytes[at] >= 0x20 && bytes[at] != '"' && bytes[at] != '\\' && !separator) {
            at += length;
            continue;
        }
        srv_buffer_add(out, text + clean, at - clean);
        if (separator) {
            srv_buffer_text(out, bytes[at + 2] == 0xA8 ? "\\u2028" : "\\u2029");
        } else if (length == 0) {
            srv_buffer_text(out, "\xEF\xBF\xBD");
        } else {
            write_escape(out, bytes[at]);
        }
        at += length > 0 ? length : bad;
        clean = at;
    }
    srv_buffer_add(out, text + clean, size - clean);
    srv_buffer_text(out, "\"");
}

void srv__write_floats(srv_buffer *out, const float *values, size_t count) {
    size_t room;
    char *start = srv_multiply(count, SRV_FLOAT_TEXT + 2, &room) ? srv_buffer_room(out, room) : NULL;
    if (start == NULL) {
        out->failed = true;
        return;
    }
    char *at = start;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            *at++ = ',';
            *at++ = ' ';
        }
        if (isfinite(values[i])) {
            at += srv_write_float(at, values[i]);
        } else {
            const char *word = isnan(values[i]) ? "NaN" : values[i] > 0 ? "Infinity" : "-Infinity";
            size_t length = strlen(word);
            memcpy(at, word, length);
            at += length;
        }
    }
    out->size += (size_t)(at - start);
}

/* --------------------------------------------------------------------------------------------------------- replies */

static srv_status check_finite(const srv_reply_source *source, srv_error *err) {
    for (size_t o = 0; o < source->output_count; o++) {
        const srv_reply_output *output = &source->outputs[o];
        for (size_t i = 0; i < source->rows && (!output->binary || output->classes > 0); i++) {
            const float *row = source->values + i * source->stride + output->offset;
            for (size_t c = 0; c < output->columns; c++) {
                if (!isfinite(row[c])) {
                    return srv_fail(err, SRV_WRONG_VALUE,
                                    "output %zu of row %zu is %s, which JSON cannot hold; check the values of that row",
                                    output->offset + c + 1, i + 1, isnan(row[c]) ? "not a number" : "infinite");
                }
            }
        }
    }
    return SRV_OK;
}

static bool is_tensorflow(srv_protocol protocol) {
    return protocol == SRV_PROTOCOL_TENSORFLOW || protocol == SRV_PROTOCOL_TENSORFLOW_CLASSIFY ||
           protocol == SRV_PROTOCOL_TENSORFLOW_REGRESS;
}

srv_status srv_write_reply(srv_protocol protocol, const srv_reply_source *source, srv_buffer *out, srv_error *err) {
    size_t start = out->size;
    srv_status status = is_tensorflow(protocol) ? SRV_OK : check_finite(source, err);
    if (status != SRV_OK) {
        return status;
    }
    switch (protocol) {
    case SRV_PROTOCOL_CLASSIFY:
        status = srv__reply_classify(source, out, err);
        break;
    case SRV_PROTOCOL_TENSORFLOW:
        srv__reply_tensorflow(source, out);
        break;
    case SRV_PROTOCOL_TENSORFLOW_CLASSIFY:
        srv__reply_tensorflow_classes(source, out);
        break;
    case SRV_PROTOCOL_TENSORFLOW_REGRESS:
        srv__reply_tensorflow_values(source, out);
        break;
    case SRV_PROTOCOL_OPENINFERENCE:
        status = srv__reply_openinference(source, out, err);
        break;
    }
    if (status == SRV_OK && out->failed) {
        status = srv_fail(err, SRV_NO_MEMORY, "out of memory for a reply of %zu rows", source->rows);
    }
    if (status != SRV_OK) {
        out->size = start;
    }
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- errors */

/* What each protocol's own servers answer with, where that is not HTTP's usual word for it. */
static int http_status(srv_protocol protocol, srv_status status) {
    switch (protocol) {
    case SRV_PROTOCOL_CLASSIFY:
        break;
    case SRV_PROTOCOL_TENSORFLOW:
    case SRV_PROTOCOL_TENSORFLOW_CLASSIFY:
    case SRV_PROTOCOL_TENSORFLOW_REGRESS:
        if (status == SRV_WRONG_VALUE) {
            return 400; /* INVALID_ARGUMENT */
        }
        if (status == SRV_OVERLOADED || status == SRV_NO_MEMORY) {
            return 429; /* RESOURCE_EXHAUSTED */
        }
        break;
    case SRV_PROTOCOL_OPENINFERENCE:
        if (status == SRV_WRONG_VALUE || status == SRV_CANCELLED) {
            return 400; /* Triton */
        }
        break;
    }
    return srv_status_http(status);
}

int srv_write_error(srv_protocol protocol, const srv_error *err, srv_buffer *out) {
    srv_buffer_reset(out);
    const char *message = err->message[0] != '\0' ? err->message : srv_status_text(err->status);
    bool plain = protocol != SRV_PROTOCOL_CLASSIFY; /* {"error": text} and nothing more: the place goes into the text */
    char text[sizeof err->message + sizeof err->where + 64];
    size_t size = strlen(message);
    memcpy(text, message, size);
    if (plain && err->where[0] != '\0') {
        size += (size_t)snprintf(text + size, sizeof text - size, " (at %s)", err->where);
    }
    if (plain && err->offset != SRV_NO_OFFSET) {
        size += (size_t)snprintf(text + size, sizeof text - size, " (byte %zu)", err->offset);
    }
    srv_buffer_text(out, "{\"error\": ");
    srv_write_json_text(out, text, size);
    if (!plain && err->where[0] != '\0') {
        srv_buffer_text(out, ", \"where\": ");
        srv_write_json_text(out, err->where, strlen(err->where));
    }
    if (!plain && err->offset != SRV_NO_OFFSET) {
        srv_buffer_format(out, ", \"offset\": %zu", err->offset);
    }
    srv_buffer_text(out, "}");
    return http_status(protocol, err->status);
}
