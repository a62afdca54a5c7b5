#include "json.h"

#include "../parse/excerpt.h"
#include "../parse/json_scan.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *srv_json_type_name(srv_json_type type) {
    static const char *const names[] = {"null", "a boolean", "a number", "a string", "an array", "an object"};
    return names[type];
}

void srv_json_pointer(const srv_json *node, char *out, size_t capacity) {
    const srv_json *path[SRV_JSON_DEPTH + 1];
    size_t depth = 0, size = 0;
    for (; node != NULL && node->parent != NULL && depth <= SRV_JSON_DEPTH; node = node->parent) {
        path[depth++] = node;
    }
    if (capacity > 0) {
        out[0] = '\0';
    }
    while (depth-- > 0) {
        char number[24];
        const char *step = path[depth]->key;
        if (step == NULL) {
            snprintf(number, sizeof number, "%zu", path[depth]->index);
            step = number;
        }
        size += srv_json_pointer_step(out + size, capacity - size, step);
    }
}

/* Adds the pointer of node to an error that the lexer filled, if there is one. */
static srv_status located(srv_status status, const srv_json *node, srv_error *err) {
    if (status != SRV_OK && err != NULL) {
        srv_json_pointer(node, err->where, sizeof err->where);
    }
    return status;
}

static int by_key(const void *a, const void *b) {
    const srv_json *left = *(const srv_json *const *)a, *right = *(const srv_json *const *)b;
    int order = strcmp(left->key, right->key);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

/* Fails at a member whose key an earlier one has.  Sorted, so that a large object costs no quadratic time. */
static srv_status check_keys(const srv_json *object, srv_arena *arena, srv_error *err) {
    if (object->size < 2) {
        return SRV_OK;
    }
    size_t bytes;
    const srv_json **members =
        srv_multiply(object->size, sizeof *members, &bytes) ? srv_arena_take(arena, bytes) : NULL;
    if (members == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    size_t count = 0;
    for (const srv_json *member = object->first; member != NULL; member = member->next) {
        members[count++] = member;
    }
    qsort(members, count, sizeof *members, by_key);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(members[i - 1]->key, members[i]->key) == 0) {
            char key[SRV_EXCERPT];
            srv_fail(err, SRV_MALFORMED, "the key \"%s\" is there twice",
                     srv_excerpt(key, members[i]->key, strlen(members[i]->key)));
            srv_error_at(err, members[i]->offset);
            return located(SRV_MALFORMED, members[i], err);
        }
    }
    srv_arena_shrink(arena, members, 0);
    return SRV_OK;
}

/* A string without U+0000, which manifests have no use for and C strings no room. */
static srv_status read_text(srv_json_cursor *cursor, srv_arena *arena, const char **text, size_t *size,
                            srv_error *err) {
    size_t offset = (size_t)(cursor->at - cursor->begin);
    srv_status status = srv_json_read_string(cursor, arena, text, size, err);
    if (status == SRV_OK && memchr(*text, '\0', *size) != NULL) {
        status = srv_fail(err, SRV_MALFORMED, "the string holds U+0000");
        srv_error_at(err, offset);
    }
    return status;
}

/* Fills node from the value at the cursor; of an array or object only the opening bracket is read. */
static srv_status read_value(srv_json_cursor *cursor, srv_arena *arena, srv_json *node, srv_error *err) {
    int byte = srv_json_peek(cursor);
    switch (byte) {
    case '{':
    case '[':
        node->type = byte == '{' ? SRV_JSON_OBJECT : SRV_JSON_ARRAY;
        cursor->at++;
        return SRV_OK;
    case '"':
        node->type = SRV_JSON_STRING;
        return read_text(cursor, arena, &node->text, &node->size, err);
    case 't':
    case 'f':
        node->type = SRV_JSON_BOOL;
        node->boolean = byte == 't';
        return srv_json_read_literal(cursor, node->boolean ? "true" : "false", err);
    case 'n':
        node->type = SRV_JSON_NULL;
        return srv_json_read_literal(cursor, "null", err);
    default:
        if (srv_json_kind(byte) == NULL) {
            return srv_json_unexpected(cursor, "a JSON value", err);
        }
        node->type = SRV_JSON_NUMBER;
        return srv_json_read_number(cursor, &node->number, err);
    }
}

/* One value at the cursor, with its key before it if the parent is an object; linked behind `last`. */
static srv_status read_node(srv_json_cursor *cursor, srv_arena *arena, srv_json *parent, srv_json *last, srv_json **out,
                            srv_error *err) {
    srv_json *node = srv_arena_take(arena, sizeof *node);
    if (node == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    srv_json_skip_space(cursor);
    *node = (srv_json){.parent = parent, .offset = (size_t)(cursor->at - cursor->begin)};
    if (parent != NULL) {
        node->index = parent->size;
        if (parent->type == SRV_JSON_OBJECT) {
            size_t size;
            srv_status status = read_text(cursor, arena, &node->key, &size, err);
            if (status != SRV_OK) {
                return located(status, parent, err);
            }
        }
        parent->size++;
        *(last != NULL ? &last->next : &parent->first) = node;
        if (node->key != NULL) {
            srv_status status = srv_json_take(cursor, ':', "':'", err);
            if (status != SRV_OK) {
                return located(status, node, err);
            }
            srv_json_skip_space(cursor);
            node->offset = (size_t)(cursor->at - cursor->begin);
        }
    }
    *out = node;
    return located(read_value(cursor, arena, node, err), node, err);
}

srv_status srv_json_parse(const char *text, size_t size, srv_arena *arena, const srv_json **root, srv_error *err) {
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    srv_json *node, *parent = NULL, *last = NULL; /* parent is open, last its newest child */
    size_t depth = 0;
    srv_status status = read_node(&cursor, arena, NULL, NULL, &node, err);
    if (status != SRV_OK) {
        return status;
    }
    *root = node;
    for (;;) { /* node is new; an array or object has just been opened */
        bool opened = node->type == SRV_JSON_ARRAY || node->type == SRV_JSON_OBJECT;
        if (opened) {
            if (depth == SRV_JSON_DEPTH) {
                srv_fail(err, SRV_MALFORMED, "nested too deep; at most %d levels", SRV_JSON_DEPTH);
                srv_error_at(err, node->offset);
                return located(SRV_MALFORMED, node, err);
            }
            depth++;
            parent = node;
            last = NULL;
        } else {
            last = node;
        }
        for (;;) { /* close what ends here, up to a place where another value must come */
            if (depth == 0) {
                return srv_json_finish(&cursor, err);
            }
            bool object = parent->type == SRV_JSON_OBJECT;
            srv_json_skip_space(&cursor);
            int byte = srv_json_peek(&cursor);
            if (byte == (object ? '}' : ']')) {
                cursor.at++;
                if (object && (status = check_keys(parent, arena, err)) != SRV_OK) {
                    return status;
                }
                depth--;
                last = parent;
                parent = (srv_json *)parent->parent; /* it came from this function's arena, writable */
                continue;
            }
            if (last == NULL) {
                break; /* the first value */
            }
            if (byte != ',') {
                return located(srv_json_unexpected(&cursor, object ? "',' or '}'" : "',' or ']'", err), parent, err);
            }
            cursor.at++;
            break;
        }
        if ((status = read_node(&cursor, arena, parent, last, &node, err)) != SRV_OK) {
            return status;
        }
    }
}

const srv_json *srv_json_get(const srv_json *object, const char *key) {
    if (object == NULL || object->type != SRV_JSON_OBJECT) {
        return NULL;
    }
    for (const srv_json *member = object->first; member != NULL; member = member->next) {
        if (strcmp(member->key, key) == 0) {
            return member;
        }
    }
    return NULL;
}

srv_status srv_json_fail(const srv_json *node, srv_error *err, const char *format, ...) {
    char message[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    srv_fail(err, SRV_PACKAGE, "%s", message);
    if (node != NULL) {
        srv_error_at(err, node->offset);
    }
    return located(SRV_PACKAGE, node, err);
}

/* The member of that name and type, or NULL and an SRV_PACKAGE error that says what should be there. */
static const srv_json *get_typed(const srv_json *object, const char *key, srv_json_type type, srv_error *err) {
    if (object == NULL || object->type != SRV_JSON_OBJECT) {
        srv_json_fail(object, err, "expected an object with the member \"%s\"", key);
        return NULL;
    }
    const srv_json *member = srv_json_get(object, key);
    if (member == NULL) {
        srv_json_fail(object, err, "the member \"%s\" is missing; expected %s", key, srv_json_type_name(type));
        return NULL;
    }
    if (member->type != type) {
        srv_json_fail(member, err, "\"%s\" is %s; expected %s", key, srv_json_type_name(member->type),
                      srv_json_type_name(type));
        return NULL;
    }
    return member;
}

srv_status srv_json_get_text(const srv_json *object, const char *key, const char **out, srv_error *err) {
    const srv_json *member = get_typed(object, key, SRV_JSON_STRING, err);
    if (member == NULL) {
        return SRV_PACKAGE;
    }
    *out = member->text;
    return SRV_OK;
}

srv_status srv_json_get_number(const srv_json *object, const char *key, double *out, srv_error *err) {
    const srv_json *member = get_typed(object, key, SRV_JSON_NUMBER, err);
    if (member == NULL) {
        return SRV_PACKAGE;
    }
    *out = member->number;
    return SRV_OK;
}

srv_status srv_json_get_number_or(const srv_json *object, const char *key, double absent, double *out, srv_error *err) {
    if (object != NULL && object->type == SRV_JSON_OBJECT && srv_json_get(object, key) == NULL) {
        *out = absent;
        return SRV_OK;
    }
    return srv_json_get_number(object, key, out, err);
}

srv_status srv_json_get_size(const srv_json *object, const char *key, size_t min, size_t max, size_t *out,
                             srv_error *err) {
    const srv_json *member = get_typed(object, key, SRV_JSON_NUMBER, err);
    if (member == NULL) {
        return SRV_PACKAGE;
    }
    double number = member->number;
    if (!(number >= 0 && number < 0x1p53) || number != floor(number) || (size_t)number < min || (size_t)number > max) {
        return srv_json_fail(member, err, "\"%s\" is %.17g; expected a whole number from %zu to %zu", key, number, min,
                             max);
    }
    *out = (size_t)number;
    return SRV_OK;
}

srv_status srv_json_get_array(const srv_json *object, const char *key, const srv_json **out, srv_error *err) {
    const srv_json *member = get_typed(object, key, SRV_JSON_ARRAY, err);
    if (member == NULL) {
        return SRV_PACKAGE;
    }
    *out = member;
    return SRV_OK;
}

srv_status srv_json_only(const srv_json *object, const char *const *allowed, srv_error *err) {
    if (object == NULL || object->type != SRV_JSON_OBJECT) {
        return srv_json_fail(object, err, "expected an object");
    }
    for (const srv_json *member = object->first; member != NULL; member = member->next) {
        const char *const *name = allowed;
        while (*name != NULL && strcmp(*name, member->key) != 0) {
            name++;
        }
        if (*name != NULL) {
            continue;
        }
        char key[SRV_EXCERPT], names[256] = "";
        size_t size = 0;
        for (name = allowed; *name != NULL && size < sizeof names; name++) {
            size += (size_t)snprintf(names + size, sizeof names - size, "%s%s", size > 0 ? ", " : "", *name);
        }
        return srv_json_fail(member, err, "unknown key \"%s\"; known are: %s",
                             srv_excerpt(key, member->key, strlen(member->key)), names);
    }
    return SRV_OK;
}
