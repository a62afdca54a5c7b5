#include "parse_openinference.h"

#include "excerpt.h"
#include "openinference_reading.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>

srv_status srv__oip_fail(const srv__oip_reading *r, srv_status status, const char *at, const char *where,
                         const char *message) {
    srv_fail(r->err, status, "%s", message);
    srv_error_at(r->err, (size_t)(at - r->cursor.begin));
    srv_error_where(r->err, "%s", where);
    return status;
}

/* Writes the pointer of member `key` of entry `number` of `list`; list or key "": not within one. */
static void write_place(char *out, size_t capacity, const char *list, size_t number, const char *key) {
    if (list[0] == '\0') {
        snprintf(out, capacity, "%s%s", key[0] != '\0' ? "/" : "", key);
    } else {
        snprintf(out, capacity, "/%s/%zu%s%s", list, number, key[0] != '\0' ? "/" : "", key);
    }
}

srv_status srv__oip_fail_in(const srv__oip_reading *r, const char *at, const char *list, size_t number, const char *key,
                            const char *message) {
    char where[64];
    write_place(where, sizeof where, list, number, key);
    return srv__oip_fail(r, SRV_WRONG_VALUE, at, where, message);
}

srv_status srv__oip_expect(const srv__oip_reading *r, char byte, const char *expected, const char *list, size_t number,
                           const char *key) {
    const char *kind = srv_json_kind(srv_json_peek(&r->cursor));
    if (srv_json_peek(&r->cursor) == (unsigned char)byte) {
        return SRV_OK;
    }
    if (kind == NULL) {
        return srv_json_unexpected(&r->cursor, expected, r->err);
    }
    char where[64], message[200];
    write_place(where, sizeof where, list, number, key);
    snprintf(message, sizeof message, "%s is %s; expected %s", where[0] != '\0' ? where : "the body", kind, expected);
    return srv__oip_fail(r, SRV_WRONG_VALUE, r->cursor.at, where, message);
}

srv_status srv__oip_skip(srv__oip_reading *r) {
    return srv_json_skip_value(&r->cursor, r->limits->max_depth, r->err);
}

srv_status srv__oip_read_key(srv__oip_reading *r, const char *const *names, size_t count, const char **const *places,
                             size_t *index) {
    const char *key, *start;
    size_t size;
    srv_json_skip_space(&r->cursor);
    start = r->cursor.at;
    srv_status status = srv_json_read_key(&r->cursor, r->arena, &key, &size, r->err);
    if (status != SRV_OK) {
        return status;
    }
    size_t i = 0;
    while (i < count && (strlen(names[i]) != size || memcmp(names[i], key, size) != 0)) {
        i++;
    }
    srv_arena_shrink(r->arena, (void *)key, 0);
    srv_json_skip_space(&r->cursor);
    *index = i;
    if (i < count) {
        if (*places[i] != NULL) {
            char message[80];
            snprintf(message, sizeof message, "the key \"%s\" is there twice", names[i]);
            return srv__oip_fail(r, SRV_MALFORMED, start, "", message);
        }
        *places[i] = r->cursor.at;
    }
    return SRV_OK;
}

static srv_status read_inputs(srv__oip_reading *r) {
    srv_status status = srv__oip_expect(r, '[', "an array of tensors", "", 0, "inputs");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, ']', &more);
    for (size_t number = 0; more; number++) {
        srv_json_skip_space(&r->cursor);
        if ((status = srv__oip_read_input(r, number)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

/* --------------------------------------------------------------------------------------------------------- outputs */

/* "parameters" of an output: those that would change the reply's form are refused, not ignored. */
static srv_status check_output_parameters(srv__oip_reading *r, size_t number) {
    static const char *const names[] = {"classification"};
    const char *classification_at = NULL, **const places[] = {&classification_at};
    srv_status status = srv__oip_expect(r, '{', "an object", "outputs", number, "parameters");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t index;
        if ((status = srv__oip_read_key(r, names, 1, places, &index)) != SRV_OK ||
            (status = srv__oip_skip(r)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    if (classification_at != NULL) {
        return srv__oip_fail_in(
            r, classification_at, "outputs", number, "parameters/classification",
            "the classification extension is not offered; ask for the output as it is, or POST /classify");
    }
    return SRV_OK;
}

static srv_status read_output(srv__oip_reading *r, size_t number, size_t *chosen) {
    static const char *const names[] = {"name", "parameters"};
    const char *name_at = NULL, *parameters_at = NULL, **const places[] = {&name_at, &parameters_at};
    const char *start = r->cursor.at, *name = NULL;
    size_t size = 0, i = 0;
    srv_status status = srv__oip_expect(r, '{', "an object", "outputs", number, "");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t index;
        if ((status = srv__oip_read_key(r, names, 2, places, &index)) != SRV_OK) {
            return status;
        }
        if (index == 0) {
            status = srv__oip_expect(r, '"', "a string, the output's name", "outputs", number, "name");
            if (status == SRV_OK) {
                status = srv_json_read_string(&r->cursor, r->arena, &name, &size, r->err);
            }
        } else {
            status = index == 1 ? check_output_parameters(r, number) : srv__oip_skip(r);
        }
        if (status != SRV_OK || (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    if (name == NULL) {
        return srv__oip_fail_in(r, start, "outputs", number, "", "the key \"name\" is missing");
    }
    const srv_signature *signature = r->signature;
    while (i < signature->output_count &&
           (strlen(signature->outputs[i]) != size || memcmp(signature->outputs[i], name, size) != 0)) {
        i++;
    }
    char excerpt[SRV_EXCERPT], list[300], message[500];
    srv_excerpt(excerpt, name, size);
    if (i == signature->output_count) {
        snprintf(message, sizeof message, "the model has no output '%s'; it has: %s", excerpt,
                 srv_list_names(signature->outputs, signature->output_count, list, sizeof list));
        return srv__oip_fail_in(r, name_at, "outputs", number, "name", message);
    }
    for (size_t k = 0; k < number; k++) {
        if (r->out->outputs[k] == i) {
            snprintf(message, sizeof message, "the output '%s' is asked for twice", excerpt);
            return srv__oip_fail_in(r, name_at, "outputs", number, "name", message);
        }
    }
    *chosen = i;
    return SRV_OK;
}

/* An empty list asks for all, as no list does. */
static srv_status read_outputs(srv__oip_reading *r) {
    srv_status status = srv__oip_expect(r, '[', "an array of outputs", "", 0, "outputs");
    if (status != SRV_OK) {
        return status;
    }
    size_t *chosen = srv_arena_take(r->arena, r->signature->output_count * sizeof *chosen), count = 0;
    if (chosen == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    r->out->outputs = chosen;
    bool more;
    srv_json_open(&r->cursor, ']', &more);
    while (more) {
        size_t index;
        srv_json_skip_space(&r->cursor);
        if ((status = read_output(r, count, &index)) != SRV_OK ||
            (status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
        chosen[count++] = index; /* each at most once: never more than there are */
    }
    r->out->output_count = count;
    r->out->outputs = count > 0 ? chosen : NULL;
    return SRV_OK;
}

/* ----------------------------------------------------------------------------------------------------- the object */

static srv_status read_id(srv__oip_reading *r) {
    srv_status status = srv__oip_expect(r, '"', "a string", "", 0, "id");
    if (status == SRV_OK) {
        status = srv_json_read_string(&r->cursor, r->arena, &r->out->id, &r->out->id_size, r->err);
    }
    return status;
}

static srv_status read_request_parameters(srv__oip_reading *r) {
    srv_status status = srv__oip_expect(r, '{', "an object", "", 0, "parameters");
    return status == SRV_OK ? srv__oip_skip(r) : status;
}

static srv_status check_inputs(srv__oip_reading *r, const char *inputs_at) {
    const srv_signature *signature = r->signature;
    for (size_t i = 0; i < signature->input_count; i++) {
        if (r->columns[i] == NULL) {
            char message[400];
            if (inputs_at == NULL) {
                snprintf(message, sizeof message, "the key \"inputs\" is missing");
            } else {
                snprintf(message, sizeof message, "the input '%.200s' is missing", signature->inputs[i].name);
            }
            return srv__oip_fail(r, SRV_WRONG_VALUE, inputs_at != NULL ? inputs_at : r->cursor.begin,
                                 inputs_at != NULL ? "/inputs" : "", message);
        }
    }
    return srv_join_columns(signature, r->columns, r->rows, r->limits->max_rows, r->arena, &r->out->values, r->err);
}

srv_status srv_parse_openinference(const char *text, size_t size, const srv_signature *signature,
                                   const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err) {
    static const char *const names[] = {"inputs", "outputs", "id", "parameters"};
    static srv_status (*const readers[])(srv__oip_reading *) = {read_inputs, read_outputs, read_id,
                                                                read_request_parameters};
    const char *seen[4] = {NULL}, **const places[] = {&seen[0], &seen[1], &seen[2], &seen[3]};
    srv_error unasked;
    srv__oip_reading r = {.cursor = srv_json_cursor_at(text, size),
                          .signature = signature,
                          .limits = limits,
                          .arena = arena,
                          .out = out,
                          .err = err != NULL ? err : &unasked};
    *out = (srv_body){.kind = SRV_BODY_ROWS};
    size_t bytes = signature->input_count * sizeof *r.columns;
    r.columns = srv_arena_take(arena, bytes);
    if (r.columns == NULL) {
        return srv_fail(r.err, SRV_NO_MEMORY, "out of memory");
    }
    memset(r.columns, 0, bytes);
    srv_json_skip_space(&r.cursor);
    srv_status status =
        srv__oip_expect(&r, '{', "an object, {\"inputs\": [{\"name\", \"shape\", \"datatype\", \"data\"}]}", "", 0, "");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r.cursor, '}', &more);
    while (more) {
        size_t index;
        if ((status = srv__oip_read_key(&r, names, 4, places, &index)) != SRV_OK ||
            (status = index < 4 ? readers[index](&r) : srv__oip_skip(&r)) != SRV_OK ||
            (status = srv_json_next(&r.cursor, '}', &more, r.err)) != SRV_OK) {
            return status;
        }
    }
    if ((status = srv_json_finish(&r.cursor, r.err)) != SRV_OK || (status = check_inputs(&r, seen[0])) != SRV_OK) {
        return status;
    }
    out->rows = r.rows;
    return SRV_OK;
}
