#include "header_value.h"

#include "excerpt.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool srv_same_word(const char *text, size_t size, const char *word) {
    return strlen(word) == size && (size == 0 || strncasecmp(text, word, size) == 0);
}

void srv_header_first(const char *header, size_t size, size_t *at, const char **out, size_t *out_size) {
    const char *semicolon = size > 0 ? memchr(header, ';', size) : NULL;
    size_t end = semicolon != NULL ? (size_t)(semicolon - header) : size;
    *at = end;
    size_t start = 0;
    while (start < end && is_blank(header[start])) {
        start++;
    }
    while (end > start && is_blank(header[end - 1])) {
        end--;
    }
    *out = header + start;
    *out_size = end - start;
}

static srv_status fail_at(srv_error *err, size_t offset, const srv_parameter *parameter, const char *what) {
    char excerpt[SRV_EXCERPT];
    srv_fail(err, SRV_MALFORMED, "header parameter '%s' %s; expected name=value or name=\"value\"",
             srv_excerpt(excerpt, parameter->name, parameter->name_size), what);
    srv_error_at(err, offset);
    return SRV_MALFORMED;
}

/* From the byte after the opening quote; *at ends at the ';' or the end of the header. */
static srv_status quoted_value(const char *header, size_t size, size_t *at, srv_parameter *out, srv_error *err) {
    size_t i = *at;
    while (i < size && header[i] != '"') {
        bool escape = header[i] == '\\' && size - i > 1 && (header[i + 1] == '"' || header[i + 1] == '\\');
        out->escaped |= escape;
        i += escape ? 2 : 1;
    }
    if (i >= size) {
        return fail_at(err, *at - 1, out, "opens a quote that is never closed");
    }
    out->value = header + *at;
    out->value_size = i - *at;
    i++;
    while (i < size && is_blank(header[i])) {
        i++;
    }
    if (i < size && header[i] != ';') {
        return fail_at(err, i, out, "goes on after its closing quote");
    }
    *at = i;
    return SRV_OK;
}

srv_status srv_header_parameter(const char *header, size_t size, size_t *at, srv_parameter *out, bool *more,
                                srv_error *err) {
    size_t i = *at;
    while (i < size && (header[i] == ';' || is_blank(header[i]))) {
        i++;
    }
    *at = i;
    *more = i < size;
    if (!*more) {
        return SRV_OK;
    }
    size_t start = i;
    while (i < size && header[i] != '=' && header[i] != ';') {
        i++;
    }
    size_t name_end = i;
    while (name_end > start && is_blank(header[name_end - 1])) {
        name_end--;
    }
    *out = (srv_parameter){.name = header + start, .name_size = name_end - start};
    if (i == size || header[i] == ';') {
        return fail_at(err, start, out, "has no value");
    }
    i++;
    while (i < size && is_blank(header[i])) {
        i++;
    }
    if (i < size && header[i] == '"') {
        *at = i + 1;
        return quoted_value(header, size, at, out, err);
    }
    const char *semicolon = i < size ? memchr(header + i, ';', size - i) : NULL;
    size_t end = semicolon != NULL ? (size_t)(semicolon - header) : size;
    *at = end;
    while (end > i && is_blank(header[end - 1])) {
        end--;
    }
    out->value = header + i;
    out->value_size = end - i;
    return SRV_OK;
}

size_t srv_header_unescape(const srv_parameter *parameter, char *out) {
    size_t size = 0;
    for (size_t i = 0; i < parameter->value_size; i++) {
        const char *c = parameter->value + i;
        if (parameter->escaped && *c == '\\' && parameter->value_size - i > 1 && (c[1] == '"' || c[1] == '\\')) {
            i++;
        }
        out[size++] = parameter->value[i];
    }
    return size;
}
