#include "table_input.h"

#include "graph.h"

#include <math.h>

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

/* The index of the text among the words, or -1. */
static int find_word(const char *text, const char *const *words) {
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            return i;
        }
    }
    return -1;
}

static srv_status read_categories(const srv_json *node, srv_arena *arena, srv_column *out, srv_error *err) {
    static const char *const unknown[] = {"error", "ignore", "index", NULL};
    const srv_json *list, *rule = srv_json_get(node, "unknown");
    srv_status status = srv_json_get_array(node, "categories", &list, err);
    if (status != SRV_OK) {
        return status;
    }
    if (list->size == 0 || list->size >= SRV_MAX_NAMES) {
        return srv_json_fail(list, err, "expected 1 to %zu categories, not %zu", SRV_MAX_NAMES - 1, list->size);
    }
    srv_text *names = srv_arena_take(arena, list->size * sizeof *names);
    if (names == NULL) {
        return no_memory(err);
    }
    for (const srv_json *name = list->first; name != NULL; name = name->next) {
        if (name->type != SRV_JSON_STRING) {
            return srv_json_fail(name, err, "a category must be a string, not %s", srv_json_type_name(name->type));
        }
        names[name->index] = (srv_text){name->text, name->size};
    }
    size_t twice;
    srv_names_fault fault = srv_names_build(names, list->size, arena, &out->categories, &twice);
    if (fault == SRV_NAMES_DUPLICATE) {
        return srv_json_fail(list, err, "the category %.100s is there twice", names[twice].bytes);
    }
    if (fault != SRV_NAMES_FINE) {
        return no_memory(err);
    }
    if (rule != NULL) {
        int known = rule->type == SRV_JSON_STRING ? find_word(rule->text, unknown) : -1;
        if (known < 0) {
            return srv_json_fail(rule, err, "expected \"error\", \"ignore\" or \"index\"");
        }
        out->unknown = (srv_unknown)known;
    }
    return SRV_OK;
}

static srv_status read_missing(const srv_json *rule, srv_column *out, srv_error *err) {
    const char *word = rule != NULL && rule->type == SRV_JSON_STRING ? rule->text : "";
    if (rule == NULL || strcmp(word, "error") == 0) {
        return SRV_OK;
    }
    out->optional = true;
    if (out->type == SRV_COLUMN_TEXT) {
        return strcmp(word, "empty") == 0 ? SRV_OK : srv_json_fail(rule, err, "expected \"error\" or \"empty\"");
    }
    if (rule->type == SRV_JSON_NUMBER) {
        out->missing = rule->number;
        size_t places = out->categories.count + (out->unknown == SRV_UNKNOWN_INDEX);
        if (out->type == SRV_COLUMN_CATEGORY &&
            (rule->number != floor(rule->number) || rule->number < 0 || rule->number >= (double)places)) {
            return srv_json_fail(rule, err, "expected the index of a category, 0 to %zu", places - 1);
        }
        return SRV_OK;
    }
    out->missing = NAN;
    return strcmp(word, "nan") == 0 ? SRV_OK : srv_json_fail(rule, err, "expected \"error\", \"nan\" or a number");
}

/* True if JSON writes the name as it is, without an escape. */
static bool is_plain(srv_text name) {
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.bytes[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            return false;
        }
    }
    return true;
}

static srv_status read_column(const srv_json *node, srv_arena *arena, srv_column *out, srv_text *name, srv_error *err) {
    static const char *const types[] = {"number", "boolean", "category", "text", NULL};
    static const char *const keys[] = {"name", "type", "missing", NULL};
    static const char *const category_keys[] = {"name", "type", "categories", "unknown", "missing", NULL};
    const char *type;
    srv_status status;
    if ((status = srv_json_get_text(node, "name", &out->name, err)) != SRV_OK ||
        (status = srv_json_get_text(node, "type", &type, err)) != SRV_OK) {
        return status;
    }
    *name = (srv_text){out->name, strlen(out->name)};
    if (name->size == 0) {
        return srv_json_fail(srv_json_get(node, "name"), err, "a column needs a name");
    }
    int known = find_word(type, types);
    if (known < 0) {
        return srv_json_fail(srv_json_get(node, "type"), err,
                             "there is no type %.60s; expected number, boolean, category or text", type);
    }
    out->type = (srv_column_type)known;
    out->width = 1;
    out->plain = is_plain(*name);
    if ((status = srv_json_only(node, out->type == SRV_COLUMN_CATEGORY ? category_keys : keys, err)) != SRV_OK ||
        (out->type == SRV_COLUMN_CATEGORY && (status = read_categories(node, arena, out, err)) != SRV_OK)) {
        return status;
    }
    return read_missing(srv_json_get(node, "missing"), out, err);
}

/* Columns into a table: their places, and the way from a name to a column.  Fails at `node`. */
static srv_status build(srv_column *columns, srv_text *names, size_t count, const srv_json *node, srv_arena *arena,
                        const srv_table **out, srv_error *err) {
    srv_table *table = srv_arena_take(arena, sizeof *table);
    if (table == NULL) {
        return no_memory(err);
    }
    *table = (srv_table){.columns = columns};
    for (size_t i = 0; i < count; i++) {
        columns[i].offset = table->features;
        columns[i].text = table->texts;
        table->features += columns[i].width;
        table->texts += columns[i].type == SRV_COLUMN_TEXT;
    }
    size_t twice;
    switch (srv_names_build(names, count, arena, &table->names, &twice)) {
    case SRV_NAMES_DUPLICATE:
        return srv_json_fail(node, err, "the column %.100s is there twice", names[twice].bytes);
    case SRV_NAMES_NO_MEMORY:
        return no_memory(err);
    case SRV_NAMES_FINE:
        break;
    }
    *out = table;
    return SRV_OK;
}

static srv_status take_columns(size_t count, srv_arena *arena, srv_column **columns, srv_text **names, srv_error *err) {
    *columns = srv_arena_take(arena, count * sizeof **columns);
    *names = srv_arena_take(arena, count * sizeof **names);
    if (*columns == NULL || *names == NULL) {
        return no_memory(err);
    }
    memset(*columns, 0, count * sizeof **columns);
    return SRV_OK;
}

srv_status srv_read_table_input(const srv_json *node, srv_arena *arena, srv_input_spec *out, srv_error *err) {
    static const char *const table_keys[] = {"name", "kind", "columns", NULL};
    static const char *const text_keys[] = {"name", "kind", NULL};
    const srv_json *list = NULL;
    srv_column *columns;
    srv_text *names;
    srv_status status;
    bool bare = strcmp(srv_json_get(node, "kind")->text, "text") == 0;
    if ((status = srv_json_only(node, bare ? text_keys : table_keys, err)) != SRV_OK ||
        (!bare && (status = srv_json_get_array(node, "columns", &list, err)) != SRV_OK)) {
        return status;
    }
    if (!bare && (list->size == 0 || list->size > SRV_MAX_FEATURES)) {
        return srv_json_fail(list, err, "expected 1 to %zu columns, not %zu", SRV_MAX_FEATURES, list->size);
    }
    size_t count = bare ? 1 : list->size;
    if ((status = take_columns(count, arena, &columns, &names, err)) != SRV_OK) {
        return status;
    }
    if (bare) {
        names[0] = (srv_text){out->name, strlen(out->name)};
        columns[0] = (srv_column){.name = out->name, .type = SRV_COLUMN_TEXT, .width = 1, .plain = is_plain(names[0])};
    }
    for (const srv_json *column = bare ? NULL : list->first; column != NULL; column = column->next) {
        if ((status = read_column(column, arena, &columns[column->index], &names[column->index], err)) != SRV_OK) {
            return status;
        }
    }
    const srv_table *table = NULL;
    if ((status = build(columns, names, count, list, arena, &table, err)) != SRV_OK) {
        return status;
    }
    ((srv_table *)table)->bare = bare;
    out->table = table;
    out->rank = 1;
    out->shape[0] = out->features = table->features;
    return SRV_OK;
}

srv_status srv_join_tables(const srv_input_spec *inputs, size_t count, const srv_json *node, srv_arena *arena,
                           const srv_table **out, srv_error *err) {
    size_t total = 0, used = 0;
    srv_column *columns;
    srv_text *names;
    for (size_t i = 0; i < count; i++) {
        total += inputs[i].table != NULL ? inputs[i].table->names.count : 1;
    }
    srv_status status = take_columns(total, arena, &columns, &names, err);
    for (size_t i = 0; i < count && status == SRV_OK; i++) {
        const srv_table *table = inputs[i].table;
        for (size_t j = 0; table != NULL && j < table->names.count; j++) {
            names[used] = table->names.list[j];
            columns[used++] = table->columns[j];
        }
        if (table == NULL) {
            names[used] = (srv_text){inputs[i].name, strlen(inputs[i].name)};
            columns[used] = (srv_column){.name = inputs[i].name,
                                         .type = SRV_COLUMN_TENSOR,
                                         .width = inputs[i].features,
                                         .plain = is_plain(names[used])};
            used++;
        }
    }
    return status == SRV_OK ? build(columns, names, total, node, arena, out, err) : status;
}
