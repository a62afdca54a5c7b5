#include "encode.h"

#include "words.h"

#define MAX_WIDTH ((size_t)1 << 24) /* of a network's row: as many numbers as a tensor input may have */

/* One stretch of the row. */
typedef struct move {
    enum { COPY, ONE_HOT, WORDS } kind;
    size_t from, to, width; /* ONE_HOT: of one number; WORDS: from is a text's place among the row's */
    size_t dropped;         /* ONE_HOT: categories left out at the start */
    const srv_words *words;
} move;

struct srv_encoding {
    size_t count;
    move *moves;
};

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

srv_status srv_step_columns(const srv_json *node, const srv_input_place *input, srv_column_type type, srv_arena *arena,
                            size_t **out, size_t *count, srv_error *err) {
    const srv_json *list = srv_json_get(node, "columns");
    const srv_table *table = input->table;
    size_t *columns = srv_arena_take(arena, (list != NULL ? list->size : table->names.count) * sizeof *columns);
    if (columns == NULL) {
        return no_memory(err);
    }
    *out = columns;
    *count = 0;
    if (list == NULL) {
        for (size_t i = 0; i < table->names.count; i++) {
            if (table->columns[i].type == type) {
                columns[(*count)++] = i;
            }
        }
        return *count > 0 ? SRV_OK : srv_json_fail(node, err, "the table has no column that this step is for");
    }
    if (list->type != SRV_JSON_ARRAY || list->size == 0) {
        return srv_json_fail(list, err, "expected an array of names of columns");
    }
    for (const srv_json *name = list->first; name != NULL; name = name->next) {
        const char *text = name->type == SRV_JSON_STRING ? name->text : "";
        size_t column = srv_names_find(&table->names, text, strlen(text));
        if (column == table->names.count) {
            char names[300];
            return srv_json_fail(name, err, "there is no column %.60s; the columns are %s", text,
                                 srv_names_list(&table->names, names, sizeof names));
        }
        for (size_t i = 0; i < *count; i++) {
            if (columns[i] == column) {
                return srv_json_fail(name, err, "the column %.60s is there twice", text);
            }
        }
        columns[(*count)++] = column;
    }
    return SRV_OK;
}

/* What becomes of each column, kept in the moves of one input until the places are known. */
static srv_status read_one_hot(const srv_json *node, const srv_input_place *input, srv_arena *arena, move *moves,
                               srv_error *err) {
    static const char *const keys[] = {"op", "input", "columns", "drop", NULL};
    const srv_json *drop = srv_json_get(node, "drop");
    size_t *columns, count;
    srv_status status;
    if (input->table == NULL) {
        return srv_json_fail(srv_json_get(node, "input"), err, "one_hot is for categories; %.60s is no table",
                             input->name);
    }
    if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
        (status = srv_step_columns(node, input, SRV_COLUMN_CATEGORY, arena, &columns, &count, err)) != SRV_OK) {
        return status;
    }
    if (drop != NULL && drop->type != SRV_JSON_NULL &&
        (drop->type != SRV_JSON_STRING || strcmp(drop->text, "first") != 0)) {
        return srv_json_fail(drop, err, "expected \"first\" or null");
    }
    size_t dropped = drop != NULL && drop->type == SRV_JSON_STRING;
    for (size_t i = 0; i < count; i++) {
        const srv_column *column = &input->table->columns[columns[i]];
        move *m = &moves[columns[i]];
        if (column->type != SRV_COLUMN_CATEGORY || m->kind != COPY) {
            return srv_json_fail(node, err, "%.60s %s", column->name,
                                 column->type == SRV_COLUMN_CATEGORY ? "has been encoded by an earlier step"
                                                                     : "is no category column");
        }
        m->kind = ONE_HOT;
        m->dropped = dropped;
        m->width = column->categories.count + (column->unknown == SRV_UNKNOWN_INDEX) - dropped;
        if (m->width == 0) {
            return srv_json_fail(node, err, "nothing is left of %.60s, which has one category", column->name);
        }
    }
    return SRV_OK;
}

static srv_status read_count_words(const srv_json *node, const srv_input_place *input, srv_arena *arena, move *moves,
                                   srv_error *err) {
    const srv_json *name = srv_json_get(node, "column");
    size_t column = 0;
    if (input->table == NULL || (input->table->bare && name != NULL)) {
        return srv_json_fail(srv_json_get(node, name != NULL && input->table != NULL ? "column" : "input"), err,
                             "count_words is for a text input, or for the text column of a table");
    }
    if (!input->table->bare) {
        const char *text;
        srv_status status = srv_json_get_text(node, "column", &text, err);
        if (status != SRV_OK) {
            return status;
        }
        column = srv_names_find(&input->table->names, text, strlen(text));
        if (column == input->table->names.count || input->table->columns[column].type != SRV_COLUMN_TEXT) {
            return srv_json_fail(name, err, "there is no text column %.60s", text);
        }
    }
    if (moves[column].kind != COPY) {
        return srv_json_fail(node, err, "%.60s has been encoded by an earlier step",
                             input->table->columns[column].name);
    }
    srv_words *words;
    srv_status status = srv_words_compile(node, NULL, arena, &words, err);
    if (status == SRV_OK) {
        moves[column].kind = WORDS;
        moves[column].words = words;
        moves[column].width = srv_words_width(words);
    }
    return status;
}

/* Gives the columns of an input their places, and adds its moves to the encoding, stretches of copies as one. */
static srv_status place_columns(const srv_json *steps, srv_input_place *input, move *moves, size_t first_text,
                                size_t *to, srv_encoding *out, srv_error *err) {
    size_t count = input->table != NULL ? input->table->names.count : 1;
    input->to = *to;
    for (size_t i = 0; i < count; i++) {
        move *m = &moves[i], *last = out->count > 0 ? &out->moves[out->count - 1] : NULL;
        const srv_column *column = input->table != NULL ? &input->table->columns[i] : NULL;
        m->to = *to;
        m->from = input->offset + (column != NULL ? column->offset : 0);
        if (column != NULL && column->type == SRV_COLUMN_TEXT) {
            if (m->kind != WORDS) {
                return srv_json_fail(steps, err, "the text %.60s needs a step count_words", column->name);
            }
            m->from = first_text + column->text;
        }
        if (m->width > MAX_WIDTH || *to > MAX_WIDTH - m->width) {
            return srv_json_fail(steps, err, "a row has more than %zu numbers after encoding", MAX_WIDTH);
        }
        *to += m->width;
        if (input->columns != NULL) {
            input->columns[i] = (srv_place){.to = m->to, .encoded = m->kind != COPY};
        }
        if (last != NULL && last->kind == COPY && m->kind == COPY && last->from + last->width == m->from) {
            last->width += m->width;
        } else {
            out->moves[out->count++] = *m;
        }
    }
    input->width = *to - input->to;
    return SRV_OK;
}

static srv_status compile_input(const srv_json *steps, srv_input_place *input, size_t first_text, size_t *to,
                                srv_arena *arena, srv_encoding *out, srv_error *err) {
    const srv_table *table = input->table;
    size_t count = table != NULL ? table->names.count : 1;
    move *moves = srv_arena_take(arena, count * sizeof *moves);
    input->columns = table != NULL ? srv_arena_take(arena, count * sizeof *input->columns) : NULL;
    if (moves == NULL || (table != NULL && input->columns == NULL)) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        moves[i] = (move){.kind = COPY, .width = table != NULL ? 1 : input->features};
    }
    for (const srv_json *node = steps != NULL ? steps->first : NULL; node != NULL; node = node->next) {
        const srv_json *op = srv_json_get(node, "op"), *name = srv_json_get(node, "input");
        srv_status status = SRV_OK;
        if (op == NULL || op->type != SRV_JSON_STRING || name == NULL || name->type != SRV_JSON_STRING ||
            strcmp(name->text, input->name) != 0) {
            continue; /* another input's, or a fault that will be found with the other steps */
        }
        if (strcmp(op->text, "one_hot") == 0) {
            status = read_one_hot(node, input, arena, moves, err);
        } else if (strcmp(op->text, "count_words") == 0) {
            status = read_count_words(node, input, arena, moves, err);
        }
        if (status != SRV_OK) {
            return status;
        }
    }
    return place_columns(steps, input, moves, first_text, to, out, err);
}

srv_status srv_encode_compile(const srv_json *steps, srv_input_place *inputs, size_t input_count, srv_arena *arena,
                              srv_encoding **out, srv_error *err) {
    size_t columns = 0, texts = 0, to = 0;
    for (size_t i = 0; i < input_count; i++) {
        columns += inputs[i].table != NULL ? inputs[i].table->names.count : 1;
    }
    srv_encoding *made = srv_arena_take(arena, sizeof *made);
    if (made == NULL || (made->moves = srv_arena_take(arena, columns * sizeof *made->moves)) == NULL) {
        return no_memory(err);
    }
    made->count = 0;
    for (size_t i = 0; i < input_count; i++) {
        srv_status status = compile_input(steps, &inputs[i], texts, &to, arena, made, err);
        if (status != SRV_OK) {
            return status;
        }
        texts += inputs[i].table != NULL ? inputs[i].table->texts : 0;
    }
    *out = made->count == 1 && made->moves[0].kind == COPY ? NULL : made;
    return SRV_OK;
}

void srv_encode_row(const srv_encoding *encoding, const float *from, const srv_text *texts, float *to) {
    for (size_t i = 0; i < encoding->count; i++) {
        const move *m = &encoding->moves[i];
        float *out = to + m->to;
        switch (m->kind) {
        case COPY:
            memcpy(out, from + m->from, m->width * sizeof *out);
            break;
        case ONE_HOT: {
            float value = from[m->from];
            memset(out, 0, m->width * sizeof *out);
            if (value >= (float)m->dropped && value < (float)(m->width + m->dropped) && value == (float)(size_t)value) {
                out[(size_t)value - m->dropped] = 1;
            }
            break;
        }
        case WORDS:
            srv_words_count(m->words, texts[m->from], out);
            break;
        }
    }
}
