#include "tensorflow_examples.h"

#include "rows.h"
#include "table_rows.h"
#include "tensorflow_reading.h"

#include <stdio.h>
#include <string.h>

/* The model's inputs as the columns of a table, which they are if it takes one. */
static srv_status find_table(srv__tf_reading *r, const srv_table **out) {
    const srv_signature *signature = r->signature;
    size_t count = signature->input_count, twice;
    if (signature->row->table != NULL) {
        *out = signature->row->table;
        return SRV_OK;
    }
    srv_table *table = srv_arena_take(r->arena, sizeof *table);
    srv_column *columns = srv_arena_take(r->arena, count * sizeof *columns);
    srv_text *names = srv_arena_take(r->arena, count * sizeof *names);
    if (table == NULL || columns == NULL || names == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    *table = (srv_table){.columns = columns};
    for (size_t i = 0; i < count; i++) {
        const srv_input_spec *input = &signature->inputs[i];
        names[i] = (srv_text){input->name, strlen(input->name)};
        columns[i] = (srv_column){
            .name = input->name, .type = SRV_COLUMN_TENSOR, .offset = table->features, .width = input->features};
        table->features += input->features;
    }
    if (srv_names_build(names, count, r->arena, &table->names, &twice) != SRV_NAMES_FINE) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    *out = table;
    return SRV_OK;
}

/* The features of one object, at the cursor, into the open row.  context: a row whose features are this one's too, or
 * NULL; has_context[column]: they are there. */
static srv_status read_features(srv__tf_reading *r, srv_table_rows *rows, const bool *has_context, srv__tf_cell cell) {
    const srv_table *table = rows->table;
    bool more;
    srv_status status;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t column;
        cell.key = NULL;
        if ((status = srv__tf_read_record_key(r, table, &cell, &column)) != SRV_OK) {
            return status;
        }
        const char *at = r->cursor.at;
        cell.key = table->columns[column].name;
        if (srv_json_peek(&r->cursor) == 'n') {
            status = srv_fail(r->err, SRV_WRONG_VALUE, "a feature's value can't be null");
        } else if (!srv_table_rows_claim(rows, column)) {
            status = srv_fail(r->err, SRV_WRONG_VALUE, "the feature is %s",
                              has_context != NULL && has_context[column] ? "in 'context', too" : "there twice");
        } else {
            status = srv__tf_read_cell(r, rows, column);
        }
        if (status != SRV_OK) {
            return srv__tf_place(r, &cell, at, status);
        }
        if ((status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

static srv_status expect_object(srv__tf_reading *r, const char *what) {
    if (srv_json_peek(&r->cursor) == '{') {
        return SRV_OK;
    }
    char message[120];
    snprintf(message, sizeof message, "Expecting %s to be an object: {feature: value or list, \xE2\x80\xA6}", what);
    return srv__tf_fail(r, SRV_WRONG_VALUE, r->cursor.at, "", message);
}

/* The rows of a model of tensors alone, which are float32. */
static srv_status narrow(srv__tf_reading *r, size_t features) {
    size_t count, bytes;
    float *values = NULL;
    if (srv_multiply(r->out->rows, features, &count) && srv_multiply(count, sizeof *values, &bytes)) {
        values = srv_arena_take(r->arena, bytes);
    }
    if (values == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)r->out->cells[i];
    }
    r->out->values = values;
    r->out->cells = NULL;
    return SRV_OK;
}

/* The features that the context has given, into the row that has just been opened. */
static void copy_context(srv_table_rows *context, const bool *given, srv_table_rows *rows) {
    const srv_table *table = rows->table;
    for (size_t i = 0; i < table->names.count; i++) {
        if (given[i]) {
            srv_table_rows_claim(rows, i);
            memcpy(srv_table_numbers(rows, i), srv_table_numbers(context, i), table->columns[i].width * sizeof(double));
            if (table->columns[i].type == SRV_COLUMN_TEXT) {
                rows->texts[(rows->count - 1) * table->texts + table->columns[i].text] =
                    context->texts[table->columns[i].text];
            }
        }
    }
}

static srv_status read_examples(srv__tf_reading *r, const srv_table *table, srv_table_rows *context,
                                const bool *given) {
    srv_table_rows rows;
    const char *start = r->cursor.at;
    if (srv_json_peek(&r->cursor) != '[') {
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/examples", "Expecting 'examples' to be a list/array");
    }
    srv_status status = srv_table_rows_start(&rows, table, r->limits, r->arena, r->err);
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, ']', &more);
    for (size_t item = 0; more; item++) {
        const srv__tf_cell cell = {"examples", item, NULL};
        srv_json_skip_space(&r->cursor);
        const char *at = r->cursor.at;
        if ((status = expect_object(r, "an example")) != SRV_OK) {
            return srv__tf_place(r, &cell, at, status);
        }
        if ((status = srv_table_rows_open(&rows, r->err)) != SRV_OK) {
            return status;
        }
        copy_context(context, given, &rows);
        if ((status = read_features(r, &rows, given, cell)) != SRV_OK) {
            return status;
        }
        if (rows.filled < table->names.count) {
            for (size_t i = 0; i < table->names.count; i++) { /* a tensor has no missing value */
                if (rows.claimed[i] != rows.count && !table->columns[i].optional) {
                    status = srv_fail(r->err, SRV_WRONG_VALUE, "the feature %.100s is missing", table->columns[i].name);
                    return srv__tf_place(r, &cell, at, status);
                }
            }
        }
        if ((status = srv_table_rows_close(&rows, r->err)) != SRV_OK) {
            return srv__tf_place(r, &cell, at, status);
        }
        if ((status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    if (rows.count == 0) {
        return srv__tf_fail(r, SRV_WRONG_VALUE, start, "/examples", "No values in 'examples' array");
    }
    srv_table_rows_finish(&rows, false, r->out);
    return r->signature->row->table == NULL ? narrow(r, table->features) : SRV_OK;
}

/* The parts have been found: the context first, as the examples need it. */
static srv_status read_parts(srv__tf_reading *r, const char *context_at, const char *examples_at) {
    const srv_table *table = NULL;
    srv_table_rows context;
    srv_status status = find_table(r, &table);
    if (status != SRV_OK) {
        return status;
    }
    bool *given = srv_arena_take(r->arena, table->names.count * sizeof *given);
    if (given == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    memset(given, 0, table->names.count * sizeof *given);
    if ((status = srv_table_rows_start(&context, table, r->limits, r->arena, r->err)) != SRV_OK ||
        (status = srv_table_rows_open(&context, r->err)) != SRV_OK) {
        return status;
    }
    if (context_at != NULL) {
        r->cursor.at = context_at;
        if ((status = expect_object(r, "'context'")) != SRV_OK) {
            srv_error_where(r->err, "/context");
            return status;
        }
        if ((status = read_features(r, &context, NULL, (srv__tf_cell){"context", 0, NULL})) != SRV_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < table->names.count; i++) {
        given[i] = context.claimed[i] == context.count;
    }
    r->cursor.at = examples_at;
    return read_examples(r, table, &context, given);
}

srv_status srv_parse_tensorflow_examples(const char *text, size_t size, const srv_signature *signature,
                                         const srv_limits *limits, srv_arena *arena, srv_body *out, srv_error *err) {
    static const char *const names[] = {"signature_name", "context", "examples"};
    srv_error unasked;
    srv__tf_reading r = srv__tf_begin(text, size, signature, limits, arena, out, err, &unasked);
    const char *places[3] = {NULL};
    bool more;
    srv_status status = srv__tf_open(&r, "{\"examples\": [{feature: value}, \xE2\x80\xA6]}", &more);
    if (status != SRV_OK) {
        return status;
    }
    while (more) {
        size_t i = 0;
        if ((status = srv__tf_read_key(&r, names, places, 3, &i)) != SRV_OK ||
            (status = srv_json_skip_value(&r.cursor, limits->max_depth, r.err)) != SRV_OK ||
            (status = srv_json_next(&r.cursor, '}', &more, r.err)) != SRV_OK) {
            return status;
        }
    }
    if ((status = srv__tf_check_signature(&r, places[0])) != SRV_OK) {
        return status;
    }
    if (places[2] == NULL) {
        return srv__tf_fail(&r, SRV_MALFORMED, r.cursor.begin, "",
                            "When method is classify or regress, key 'examples' is expected and was not found");
    }
    return read_parts(&r, places[1], places[2]);
}
