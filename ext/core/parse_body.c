#include "parse_body.h"

#include "parse/excerpt.h"
#include "parse/form.h"
#include "parse/header_value.h"
#include "parse/json_records.h"
#include "parse/json_scan.h"
#include "parse/multipart.h"
#include "parse/number_text.h"
#include "parse/parse_json.h"
#include "parse/parse_openinference.h"
#include "parse/parse_tensorflow.h"
#include "parse/picture.h"
#include "parse/raw_tensor.h"
#include "parse/table_json.h"
#include "parse/table_text.h"
#include "parse/tensorflow_examples.h"

#include <stdio.h>
#include <string.h>

#define MAX_FIELDS 1000 /* in one form; a reader gains nothing from more, and a sender could make us busy with them */

/* One request on its way through this file. */
typedef struct reading {
    const srv_body_source *source;
    const srv_signature *signature;
    const srv_input_spec *input; /* signature->row */
    const srv_limits *limits;
    srv_arena *arena;
    srv_body *out;
    srv_error *err;
    char taken[300]; /* for describe_taken */
} reading;

/* "784 numbers a row as JSON, …": what this model takes, for messages. */
static const char *describe_taken(reading *r) {
    const srv_table *table = r->input->table;
    if (table != NULL && table->bare) {
        return "a text as JSON, as a form field 'data' or as it is";
    }
    if (table != NULL) {
        char names[200];
        snprintf(r->taken, sizeof r->taken, "a record as JSON, as form fields or as CSV, of %s",
                 srv_names_list(&table->names, names, sizeof names));
        return r->taken;
    }
    snprintf(r->taken, sizeof r->taken, "%zu number%s a row as JSON, as a form field 'data' or as text%s",
             r->input->features, r->input->features == 1 ? "" : "s", r->input->takes_image ? ", or a picture" : "");
    return r->taken;
}

/* Places an error of a piece of the body (which begins at `piece`) in the body, and names the field unless a JSON
 * pointer says more. */
static srv_status placed(reading *r, srv_status status, const char *piece, const char *field) {
    if (status != SRV_OK && r->err != NULL) {
        if (r->err->offset != SRV_NO_OFFSET) {
            srv_error_at(r->err, r->err->offset + (size_t)(piece - r->source->bytes));
        }
        if (field != NULL && r->err->where[0] == '\0') {
            srv_error_where(r->err, "%s", field);
        }
    }
    return status;
}

/* Values are checked as they are read: what is no JSON further on must be called that all the same. */
static srv_status or_malformed(reading *r, srv_status status, const char *text, size_t size) {
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    srv_error fault = {.offset = SRV_NO_OFFSET};
    if (status != SRV_WRONG_VALUE) {
        return status;
    }
    srv_status whole = srv_json_skip_value(&cursor, SRV_JSON_SKIP_DEPTH, &fault);
    if (whole == SRV_OK) {
        whole = srv_json_finish(&cursor, &fault);
    }
    if (whole == SRV_OK) {
        return status;
    }
    if (r->err != NULL) {
        *r->err = fault;
    }
    return whole;
}

static srv_status read_json(reading *r, const char *text, size_t size) {
    srv_status status;
    if (r->input->table != NULL) {
        status = srv_parse_table_json(text, size, r->input, r->limits, r->arena, r->out, r->err);
    } else if (r->signature->input_count > 1 && srv_json_has_records(text, size)) {
        status = srv_parse_json_records(text, size, r->signature, r->limits, r->arena, r->out, r->err);
    } else {
        status = srv_parse_json_classify(text, size, r->input, r->limits, r->arena, r->out, r->err);
    }
    return or_malformed(r, status, text, size);
}

static srv_status read_text(reading *r, const char *text, size_t size) {
    const srv_table *table = r->input->table;
    if (table != NULL) {
        return (table->bare ? srv_parse_bare_text : srv_parse_table_csv)(text, size, r->input, r->limits, r->arena,
                                                                         r->out, r->err);
    }
    return srv_parse_number_text(text, size, r->input, r->limits, r->arena, r->out, r->err);
}

static srv_status read_picture(reading *r, const char *bytes, size_t size) {
    if (!r->input->takes_image) {
        return srv_fail(r->err, SRV_WRONG_VALUE, "this model takes no picture; it takes %s", describe_taken(r));
    }
    *r->out = (srv_body){.kind = SRV_BODY_IMAGE, .single = true, .rows = 1, .image = bytes, .image_size = size};
    return SRV_OK;
}

/* ----------------------------------------------------------------------------------------------------------- forms */

/* Which field of a form holds the data: the one named so, or the only one. */
typedef struct choice {
    const char *kind; /* "field" or "part" */
    size_t fields;
    bool named;     /* `data` has come */
    char seen[200]; /* "'a', 'b'": the names, as far as they fit */
} choice;

/* Counts a field; *taken tells whether it is the choice so far. */
static srv_status choose(reading *r, choice *c, const char *name, size_t name_size, bool *taken) {
    if (c->fields == MAX_FIELDS) {
        return srv_fail(r->err, SRV_TOO_LARGE, "the form has more than %d %ss; expected one, 'data'", MAX_FIELDS,
                        c->kind);
    }
    bool named = name_size == 4 && memcmp(name, "data", 4) == 0;
    if (named && c->named) {
        srv_fail(r->err, SRV_MALFORMED, "the form has two %ss 'data'; expected one", c->kind);
        srv_error_where(r->err, "data");
        return SRV_MALFORMED;
    }
    char excerpt[SRV_EXCERPT];
    size_t used = strlen(c->seen);
    srv_excerpt(excerpt, name, name_size);
    size_t needed = strlen(excerpt) + sizeof ", ''" + sizeof ", \xE2\x80\xA6";
    if (used == 0 || c->seen[used - 1] == '\'') { /* else the list has been cut */
        if (used + needed <= sizeof c->seen) {
            snprintf(c->seen + used, sizeof c->seen - used, "%s'%s'", used > 0 ? ", " : "", excerpt);
        } else {
            strcpy(c->seen + used, ", \xE2\x80\xA6");
        }
    }
    *taken = named || (c->fields == 0 && !c->named);
    c->fields++;
    c->named |= named;
    return SRV_OK;
}

static srv_status settle(reading *r, const choice *c) {
    if (c->fields == 0) {
        return srv_fail(r->err, SRV_MALFORMED, "the form has no %ss; expected one, 'data'", c->kind);
    }
    if (!c->named && c->fields > 1) {
        return srv_fail(r->err, SRV_MALFORMED, "the form has no %s 'data', only %s", c->kind, c->seen);
    }
    return SRV_OK;
}

static srv_status fail_empty(reading *r, const char *kind, const char *name, size_t name_size, const char *at) {
    char excerpt[SRV_EXCERPT];
    srv_excerpt(excerpt, name, name_size);
    srv_fail(r->err, SRV_MALFORMED, "the %s '%s' is empty; expected %s", kind, excerpt, describe_taken(r));
    srv_error_at(r->err, 0);
    return placed(r, SRV_MALFORMED, at, excerpt);
}

static srv_status read_form_field(reading *r, const srv_form_field *field) {
    if (field->raw_size == 0) {
        return fail_empty(r, "field", field->name, field->name_size, field->raw);
    }
    char name[SRV_EXCERPT];
    srv_excerpt(name, field->name, field->name_size);
    const char *text;
    size_t size;
    srv_status status = srv_form_decode(field->raw, field->raw_size, r->arena, &text, &size, r->err);
    if (status == SRV_OK) {
        status = read_text(r, text, size);
        if (status != SRV_OK && text != field->raw && r->err != NULL && r->err->offset != SRV_NO_OFFSET) {
            srv_error_at(r->err, srv_form_raw_offset(field->raw, field->raw_size, r->err->offset));
        }
    }
    return placed(r, status, field->raw, name);
}

/* Are the fields of a form the columns of a record, rather than one of them the data? */
static bool is_record(const reading *r, const choice *c) {
    const srv_table *table = r->input->table;
    return table != NULL && !table->bare &&
           (!c->named || srv_names_find(&table->names, "data", 4) < table->names.count);
}

static srv_status read_record_fields(reading *r) {
    srv_table_field *fields = srv_arena_take(r->arena, MAX_FIELDS * sizeof *fields);
    size_t count = 0, at = 0;
    if (fields == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    for (;;) {
        srv_form_field field;
        bool more;
        srv_status status = srv_form_next(r->source->bytes, r->source->size, &at, r->arena, &field, &more, r->err);
        if (status != SRV_OK) {
            return status;
        }
        if (!more) {
            return srv_parse_table_fields(fields, count, r->source->bytes, r->input, r->limits, r->arena, r->out,
                                          r->err);
        }
        srv_table_field *out = &fields[count++]; /* choose() has counted them */
        *out = (srv_table_field){.name = {field.name, field.name_size}, .raw = field.raw};
        status = srv_form_decode(field.raw, field.raw_size, r->arena, &out->value.bytes, &out->value.size, r->err);
        if (status != SRV_OK) {
            char name[SRV_EXCERPT];
            return placed(r, status, field.raw, srv_excerpt(name, field.name, field.name_size));
        }
    }
}

static srv_status read_form(reading *r) {
    const char *body = r->source->bytes;
    size_t size = r->source->size, at = 0;
    /* curl -d '[…]' and curl -d '1,2,3' send this type unasked: a body that is no form is read for what it is. */
    size_t first = 0;
    while (first < size && (body[first] == ' ' || body[first] == '\t' || body[first] == '\r' || body[first] == '\n')) {
        first++;
    }
    if (first < size && (body[first] == '[' || body[first] == '{')) {
        return read_json(r, body, size);
    }
    if (srv_is_picture(body, size)) {
        return srv_fail(r->err, SRV_MALFORMED,
                        "the body is a picture, not a form; send it as a file (curl -F data=@file) or with its own "
                        "Content-Type, such as image/png");
    }
    if (memchr(body, '=', size) == NULL && memchr(body, '&', size) == NULL) {
        return read_text(r, body, size);
    }
    choice c = {.kind = "field"};
    srv_form_field field, data = {0};
    for (;;) {
        bool more, taken;
        srv_status status = srv_form_next(body, size, &at, r->arena, &field, &more, r->err);
        if (status == SRV_OK && more) {
            status = choose(r, &c, field.name, field.name_size, &taken);
        }
        if (status != SRV_OK) {
            return status;
        }
        if (!more) {
            break;
        }
        if (taken) {
            data = field;
        }
    }
    if (is_record(r, &c) && c.fields > 0) {
        return read_record_fields(r);
    }
    srv_status status = settle(r, &c);
    return status == SRV_OK ? read_form_field(r, &data) : status;
}

static srv_status read_part(reading *r, const srv_part *part) {
    if (part->size == 0) {
        return fail_empty(r, "part", part->name, part->name_size, part->bytes);
    }
    char name[SRV_EXCERPT];
    srv_excerpt(name, part->name, part->name_size);
    srv_status status;
    if (srv_is_picture_type(part->type, part->type_size) || srv_is_picture_name(part->filename, part->filename_size) ||
        srv_is_picture(part->bytes, part->size)) {
        status = read_picture(r, part->bytes, part->size);
    } else {
        status = read_text(r, part->bytes, part->size);
    }
    return placed(r, status, part->bytes, name);
}

static srv_status read_multipart(reading *r) {
    const srv_body_source *source = r->source;
    srv_multipart parts;
    srv_status status = srv_multipart_start(&parts, source->content_type, source->content_type_size, source->bytes,
                                            source->size, r->err);
    choice c = {.kind = "part"};
    srv_part part, data = {0};
    srv_table_field *fields = NULL; /* of a record, should they be one */
    if (status == SRV_OK && r->input->table != NULL) {
        fields = srv_arena_take(r->arena, MAX_FIELDS * sizeof *fields);
        status = fields != NULL ? SRV_OK : srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    while (status == SRV_OK) {
        bool more, taken;
        status = srv_multipart_next(&parts, r->arena, &part, &more, r->err);
        if (status == SRV_OK && !more) {
            break;
        }
        if (status == SRV_OK) {
            status = choose(r, &c, part.name, part.name_size, &taken);
        }
        if (status == SRV_OK && taken) {
            data = part;
        }
        if (status == SRV_OK && fields != NULL) {
            fields[c.fields - 1] = (srv_table_field){
                .name = {part.name, part.name_size}, .value = {part.bytes, part.size}, .raw = part.bytes};
        }
    }
    if (status == SRV_OK && is_record(r, &c) && c.fields > 0) {
        return srv_parse_table_fields(fields, c.fields, source->bytes, r->input, r->limits, r->arena, r->out, r->err);
    }
    if (status == SRV_OK) {
        status = settle(r, &c);
    }
    return status == SRV_OK ? read_part(r, &data) : status;
}

/* -------------------------------------------------------------------------------------------------------- dispatch */

static srv_status read_classify(reading *r) {
    const srv_body_source *source = r->source;
    const char *type;
    size_t type_size, at;
    srv_header_first(source->content_type, source->content_type_size, &at, &type, &type_size);
    if (type_size == 0 || srv_same_word(type, type_size, "application/json")) {
        return read_json(r, source->bytes, source->size);
    }
    if (srv_same_word(type, type_size, "application/x-www-form-urlencoded")) {
        return read_form(r);
    }
    if (srv_same_word(type, type_size, "multipart/form-data")) {
        return read_multipart(r);
    }
    if (srv_is_picture_type(type, type_size)) {
        return read_picture(r, source->bytes, source->size);
    }
    if (r->input->table != NULL && srv_same_word(type, type_size, "text/csv")) {
        return srv_parse_table_csv(source->bytes, source->size, r->input, r->limits, r->arena, r->out, r->err);
    }
    if (r->input->table == NULL && srv_same_word(type, type_size, "application/octet-stream")) {
        return srv_parse_raw_tensor(source->bytes, source->size, r->input, r->limits, r->arena, r->out, r->err);
    }
    if (srv_same_word(type, type_size, "text/plain") || srv_same_word(type, type_size, "text/csv")) {
        return read_text(r, source->bytes, source->size);
    }
    char excerpt[SRV_EXCERPT];
    return srv_fail(r->err, SRV_UNSUPPORTED_TYPE,
                    "the Content-Type '%s' is not taken; expected application/json, application/x-www-form-urlencoded, "
                    "multipart/form-data, text/plain, text/csv%s%s",
                    srv_excerpt(excerpt, type, type_size), r->input->table == NULL ? ", application/octet-stream" : "",
                    r->input->takes_image ? " or image/…" : "");
}

static srv_status read_openinference(reading *r) {
    const srv_body_source *source = r->source;
    const char *type;
    size_t type_size, at, json_size = source->has_json_size ? source->json_size : source->size;
    srv_header_first(source->content_type, source->content_type_size, &at, &type, &type_size);
    if (source->has_json_size && json_size == 0) {
        return srv_parse_openinference_raw(source->bytes, source->size, r->signature, r->limits, r->arena, r->out,
                                           r->err);
    }
    if (json_size > source->size) {
        return srv_fail(r->err, SRV_MALFORMED,
                        "Inference-Header-Content-Length is %zu, but the body has %zu bytes; expected the size of the "
                        "JSON at its beginning",
                        json_size, source->size);
    }
    if (source->has_json_size || type_size == 0 || srv_same_word(type, type_size, "application/json") ||
        srv_same_word(type, type_size, "application/x-www-form-urlencoded")) { /* curl -d '{…}' sends it unasked */
        return srv_parse_openinference(source->bytes, source->size, json_size, r->signature, r->limits, r->arena,
                                       r->out, r->err);
    }
    char excerpt[SRV_EXCERPT];
    return srv_fail(r->err, SRV_UNSUPPORTED_TYPE,
                    "the Content-Type '%s' is not taken; expected application/json, or the header "
                    "Inference-Header-Content-Length before binary tensors",
                    srv_excerpt(excerpt, type, type_size));
}

srv_status srv_parse_body(srv_protocol protocol, const srv_body_source *source, const srv_signature *signature,
                          const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err) {
    reading r = {.source = source,
                 .signature = signature,
                 .input = signature->row,
                 .limits = limits,
                 .arena = arena,
                 .out = out,
                 .err = err};
    if (source->size > limits->max_body_bytes) {
        return srv_fail(err, SRV_TOO_LARGE, "the body has %zu bytes; one request may hold %zu", source->size,
                        limits->max_body_bytes);
    }
    switch (protocol) {
    case SRV_PROTOCOL_CLASSIFY:
        break;
    case SRV_PROTOCOL_TENSORFLOW:
        return srv_parse_tensorflow(source->bytes, source->size, signature, limits, arena, out, err);
    case SRV_PROTOCOL_TENSORFLOW_CLASSIFY:
    case SRV_PROTOCOL_TENSORFLOW_REGRESS:
        return srv_parse_tensorflow_examples(source->bytes, source->size, signature, limits, arena, out, err);
    case SRV_PROTOCOL_OPENINFERENCE:
        return read_openinference(&r);
    }
    if (source->size == 0) {
        return srv_fail(err, SRV_MALFORMED, "the body is empty; expected %s", describe_taken(&r));
    }
    return read_classify(&r);
}
