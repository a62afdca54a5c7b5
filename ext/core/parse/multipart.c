#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif

#include "multipart.h"

#include "excerpt.h"
#include "form.h"
#include "header_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static srv_status fail_at(srv_error *err, srv_status status, size_t offset, const char *message) {
    srv_fail(err, status, "%s", message);
    srv_error_at(err, offset);
    return status;
}

static srv_status fail_in_part(const srv_multipart *parts, srv_error *err, srv_status status, size_t offset,
                               const char *format, ...) __attribute__((format(printf, 5, 6)));

static srv_status fail_in_part(const srv_multipart *parts, srv_error *err, srv_status status, size_t offset,
                               const char *format, ...) {
    char message[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    srv_fail(err, status, "part %zu: %s", parts->given + 1, message);
    srv_error_at(err, offset);
    return status;
}

static const char *boundary_excerpt(const srv_multipart *parts, char out[SRV_EXCERPT]) {
    return srv_excerpt(out, parts->delimiter + 2, parts->delimiter_size - 2);
}

/* ------------------------------------------------------------------------------------------------------ delimiters */

typedef struct delimiter {
    size_t start; /* its CR: where the content before it ends */
    size_t after; /* past its line */
    bool closing;
} delimiter;

/* What follows "--boundary" must be "--", or blanks and CR LF; else this line only begins like a delimiter. */
static bool ends_delimiter(const srv_multipart *parts, size_t at, delimiter *out) {
    const char *body = parts->body;
    out->closing = parts->size - at >= 2 && memcmp(body + at, "--", 2) == 0;
    if (!out->closing) {
        while (at < parts->size && (body[at] == ' ' || body[at] == '\t')) {
            at++;
        }
        if (parts->size - at < 2 || memcmp(body + at, "\r\n", 2) != 0) {
            return false;
        }
    }
    out->after = at + 2;
    return true;
}

static bool find_delimiter(const srv_multipart *parts, size_t from, delimiter *out) {
    while (from < parts->size) {
        const char *found = memmem(parts->body + from, parts->size - from, parts->delimiter, parts->delimiter_size);
        if (found == NULL) {
            return false;
        }
        out->start = (size_t)(found - parts->body);
        from = out->start + parts->delimiter_size;
        if (ends_delimiter(parts, from, out)) {
            return true;
        }
    }
    return false;
}

static srv_status read_boundary(srv_multipart *parts, const char *content_type, size_t size, srv_error *err) {
    const char *type;
    size_t type_size, at;
    srv_header_first(content_type, size, &at, &type, &type_size);
    for (;;) {
        srv_parameter parameter;
        bool more;
        srv_status status = srv_header_parameter(content_type, size, &at, &parameter, &more, err);
        if (status != SRV_OK) {
            srv_error_at(err, SRV_NO_OFFSET); /* the header is no part of the body */
            srv_error_where(err, "Content-Type");
            return status;
        }
        if (!more) {
            srv_fail(
                err, SRV_MALFORMED,
                "the Content-Type multipart/form-data names no boundary; expected multipart/form-data; boundary=…");
            srv_error_where(err, "Content-Type");
            return SRV_MALFORMED;
        }
        if (srv_same_word(parameter.name, parameter.name_size, "boundary")) {
            char text[2 * SRV_BOUNDARY_MAX];
            size_t boundary_size = parameter.value_size <= sizeof text ? srv_header_unescape(&parameter, text) : 0;
            if (boundary_size == 0 || boundary_size > SRV_BOUNDARY_MAX) {
                srv_fail(err, SRV_MALFORMED, "the boundary in the Content-Type is %s; expected 1 to %d characters",
                         parameter.value_size == 0 ? "empty" : "too long", SRV_BOUNDARY_MAX);
                srv_error_where(err, "Content-Type");
                return SRV_MALFORMED;
            }
            memcpy(parts->delimiter, "\r\n--", 4);
            memcpy(parts->delimiter + 4, text, boundary_size);
            parts->delimiter_size = 4 + boundary_size;
            return SRV_OK;
        }
    }
}

srv_status srv_multipart_start(srv_multipart *parts, const char *content_type, size_t content_type_size,
                               const char *body, size_t size, srv_error *err) {
    *parts = (srv_multipart){.body = body, .size = size};
    srv_status status = read_boundary(parts, content_type, content_type_size, err);
    if (status != SRV_OK) {
        return status;
    }
    const char *dashes = parts->delimiter + 2; /* the first delimiter may open the body, without a line before it */
    size_t dashes_size = parts->delimiter_size - 2;
    delimiter first = {0};
    bool found =
        size >= dashes_size && memcmp(body, dashes, dashes_size) == 0 && ends_delimiter(parts, dashes_size, &first);
    if (!found && !find_delimiter(parts, 0, &first)) {
        const char *line = size > 0 ? memmem(body, size, dashes, dashes_size) : NULL;
        size_t after = line != NULL ? (size_t)(line - body) + dashes_size : size;
        if (after < size && body[after] == '\n') {
            return fail_at(err, SRV_MALFORMED, after,
                           "a line of the multipart body ends in LF alone; expected CR LF (RFC 7578)");
        }
        char excerpt[SRV_EXCERPT];
        srv_fail(err, SRV_MALFORMED, "no line of the body is the boundary '%s' that the Content-Type announces",
                 boundary_excerpt(parts, excerpt));
        srv_error_at(err, size);
        return SRV_MALFORMED;
    }
    parts->at = first.after;
    parts->closed = first.closing;
    return SRV_OK;
}

/* --------------------------------------------------------------------------------------------------------- headers */

/* A parameter's value as it is meant: in place, or in the arena if it had escapes. */
static srv_status parameter_text(const srv_parameter *parameter, srv_arena *arena, const char **out, size_t *out_size,
                                 srv_error *err) {
    *out = parameter->value;
    *out_size = parameter->value_size;
    if (parameter->escaped) {
        char *text = srv_arena_take(arena, parameter->value_size);
        if (text == NULL) {
            return srv_fail(err, SRV_NO_MEMORY, "out of memory while reading a part's headers");
        }
        *out = text;
        *out_size = srv_header_unescape(parameter, text);
    }
    return SRV_OK;
}

/* RFC 8187: charset'language'percent-escaped.  Names serve to tell file types and in messages, so the charset is not
 * converted.  A '+' is itself here, unlike in a form. */
static srv_status extended_text(const srv_multipart *parts, const srv_parameter *parameter, srv_arena *arena,
                                const char **out, size_t *out_size, srv_error *err) {
    const char *end = parameter->value + parameter->value_size;
    const char *quote = parameter->value_size > 0 ? memchr(parameter->value, '\'', parameter->value_size) : NULL;
    quote = quote != NULL ? memchr(quote + 1, '\'', (size_t)(end - quote - 1)) : NULL;
    size_t offset = (size_t)(parameter->value - parts->body);
    if (quote == NULL) {
        return fail_in_part(parts, err, SRV_MALFORMED, offset,
                            "filename* is not of the form charset'language'name (RFC 8187)");
    }
    *out = quote + 1;
    *out_size = (size_t)(end - *out);
    if (memchr(*out, '+', *out_size) != NULL) {
        return SRV_OK; /* not a character that RFC 8187 leaves unescaped: take the name as it stands */
    }
    if (srv_form_decode(*out, *out_size, arena, out, out_size, err) == SRV_NO_MEMORY) {
        return SRV_NO_MEMORY;
    }
    return SRV_OK; /* a bad escape leaves the name as it stands, too */
}

static srv_status read_disposition(const srv_multipart *parts, const char *value, size_t size, srv_arena *arena,
                                   srv_part *out, srv_error *err) {
    size_t base = (size_t)(value - parts->body), at;
    const char *kind;
    size_t kind_size;
    srv_header_first(value, size, &at, &kind, &kind_size);
    if (!srv_same_word(kind, kind_size, "form-data")) {
        char excerpt[SRV_EXCERPT];
        return fail_in_part(parts, err, SRV_MALFORMED, base, "its Content-Disposition is '%s'; expected form-data",
                            srv_excerpt(excerpt, kind, kind_size));
    }
    bool extended = false;
    for (;;) {
        srv_parameter parameter;
        bool more;
        srv_status status = srv_header_parameter(value, size, &at, &parameter, &more, err);
        if (status != SRV_OK) {
            if (err != NULL) {
                srv_error_at(err, base + err->offset);
            }
            return status;
        }
        if (!more) {
            break;
        }
        bool is_name = srv_same_word(parameter.name, parameter.name_size, "name");
        bool is_filename = srv_same_word(parameter.name, parameter.name_size, "filename");
        bool is_extended = srv_same_word(parameter.name, parameter.name_size, "filename*");
        if (is_name ? out->name != NULL : is_extended ? extended : is_filename && !extended && out->filename != NULL) {
            char excerpt[SRV_EXCERPT];
            return fail_in_part(parts, err, SRV_MALFORMED, (size_t)(parameter.name - parts->body),
                                "its Content-Disposition gives '%s' twice",
                                srv_excerpt(excerpt, parameter.name, parameter.name_size));
        }
        if (is_name) {
            status = parameter_text(&parameter, arena, &out->name, &out->name_size, err);
        } else if (is_extended) {
            extended = true;
            status = extended_text(parts, &parameter, arena, &out->filename, &out->filename_size, err);
        } else if (is_filename && !extended) {
            status = parameter_text(&parameter, arena, &out->filename, &out->filename_size, err);
        }
        if (status != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

static srv_status read_header(const srv_multipart *parts, const char *line, size_t size, srv_arena *arena,
                              bool *disposition, bool *encoding, srv_part *out, srv_error *err) {
    size_t offset = (size_t)(line - parts->body);
    char excerpt[SRV_EXCERPT];
    const char *colon = memchr(line, ':', size);
    if (colon == NULL || colon == line || *line == ' ' || *line == '\t') {
        return fail_in_part(parts, err, SRV_MALFORMED, offset, "'%s' is not a header; expected name: value",
                            srv_excerpt(excerpt, line, size));
    }
    size_t name_size = (size_t)(colon - line);
    const char *value = colon + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    size_t value_size = (size_t)(end - value);
    bool is_disposition = srv_same_word(line, name_size, "content-disposition");
    bool is_type = srv_same_word(line, name_size, "content-type");
    bool is_encoding = srv_same_word(line, name_size, "content-transfer-encoding");
    if (is_disposition ? *disposition : is_encoding ? *encoding : is_type && out->type != NULL) {
        return fail_in_part(parts, err, SRV_MALFORMED, offset, "the header '%s' comes twice",
                            srv_excerpt(excerpt, line, name_size));
    }
    if (is_disposition) {
        *disposition = true;
        return read_disposition(parts, value, value_size, arena, out, err);
    }
    if (is_encoding) {
        *encoding = true;
        if (!srv_same_word(value, value_size, "binary") && !srv_same_word(value, value_size, "8bit") &&
            !srv_same_word(value, value_size, "7bit")) {
            return fail_in_part(parts, err, SRV_MALFORMED, offset,
                                "Content-Transfer-Encoding '%s' is not taken; send the bytes as they are",
                                srv_excerpt(excerpt, value, value_size));
        }
    } else if (is_type) {
        out->type = value;
        out->type_size = value_size;
    }
    return SRV_OK;
}

/* Headers up to the empty line, which the delimiter's own CR LF may stand in for when the content is empty. */
static srv_status read_headers(const srv_multipart *parts, size_t end, srv_arena *arena, srv_part *out,
                               srv_error *err) {
    size_t at = parts->at;
    bool disposition = false, encoding = false;
    while (at < end && !(end - at >= 2 && memcmp(parts->body + at, "\r\n", 2) == 0)) {
        const char *line = parts->body + at;
        size_t room = end - at < SRV_PART_HEADERS_MAX ? end - at : SRV_PART_HEADERS_MAX;
        const char *line_end = memmem(line, room, "\r\n", 2);
        size_t next = line_end != NULL ? (size_t)(line_end - parts->body) + 2 : at + room;
        if (next - parts->at >= SRV_PART_HEADERS_MAX) {
            return fail_in_part(parts, err, SRV_TOO_LARGE, parts->at, "its headers are longer than %d bytes",
                                SRV_PART_HEADERS_MAX);
        }
        if (line_end == NULL) {
            return fail_in_part(parts, err, SRV_MALFORMED, at,
                                "no empty line ends its headers; expected CR LF CR LF before the content");
        }
        srv_status status =
            read_header(parts, line, (size_t)(line_end - line), arena, &disposition, &encoding, out, err);
        if (status != SRV_OK) {
            return status;
        }
        at = next;
    }
    if (out->name == NULL) {
        return fail_in_part(parts, err, SRV_MALFORMED, parts->at,
                            disposition ? "its Content-Disposition has no name"
                                        : "it has no Content-Disposition: form-data; name=\"…\"");
    }
    if (at < end) {
        at += 2;
    }
    out->bytes = parts->body + at;
    out->size = end - at;
    return SRV_OK;
}

srv_status srv_multipart_next(srv_multipart *parts, srv_arena *arena, srv_part *out, bool *more, srv_error *err) {
    *more = !parts->closed;
    if (parts->closed) {
        return SRV_OK;
    }
    *out = (srv_part){0};
    delimiter next;
    /* From two bytes back: the CR LF that ends one delimiter line may begin the next delimiter. */
    if (!find_delimiter(parts, parts->at - 2, &next)) {
        char excerpt[SRV_EXCERPT];
        return fail_in_part(parts, err, SRV_MALFORMED, parts->size,
                            "the body ends inside it; expected the closing boundary '%s--'",
                            boundary_excerpt(parts, excerpt));
    }
    size_t end = next.start > parts->at ? next.start : parts->at;
    srv_status status = read_headers(parts, end, arena, out, err);
    parts->at = next.after;
    parts->closed = next.closing;
    parts->given++;
    return status;
}
