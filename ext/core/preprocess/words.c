#include "words.h"

#include "../base/unicode.h"
#include "../base/utf8.h"

#include <math.h>

typedef enum norm { NORM_NONE, NORM_L1, NORM_L2 } norm;

struct srv_words {
    srv_names vocabulary;
    const double *idf; /* [vocabulary.count], or NULL: all 1 */
    norm norm;
    bool lowercase, binary;
};

static srv_status read_vocabulary(const srv_json *node, srv_arena *arena, srv_words *out, srv_error *err) {
    const srv_json *list;
    srv_status status = srv_json_get_array(node, "vocabulary", &list, err);
    if (status != SRV_OK) {
        return status;
    }
    if (list->size == 0 || list->size > SRV_MAX_NAMES) {
        return srv_json_fail(list, err, "expected 1 to %zu words, not %zu", SRV_MAX_NAMES, list->size);
    }
    srv_text *words = srv_arena_take(arena, list->size * sizeof *words);
    if (words == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (const srv_json *word = list->first; word != NULL; word = word->next) {
        if (word->type != SRV_JSON_STRING || word->size == 0 || word->size > SRV_WORD_BYTES) {
            return srv_json_fail(word, err, "a word must be a string of 1 to %d bytes", SRV_WORD_BYTES);
        }
        words[word->index] = (srv_text){word->text, word->size};
    }
    size_t twice;
    switch (srv_names_build(words, list->size, arena, &out->vocabulary, &twice)) {
    case SRV_NAMES_DUPLICATE:
        return srv_json_fail(list, err, "the word %.100s is there twice", words[twice].bytes);
    case SRV_NAMES_NO_MEMORY:
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    case SRV_NAMES_FINE:
        break;
    }
    return SRV_OK;
}

static srv_status read_idf(const srv_json *node, srv_arena *arena, srv_words *out, srv_error *err) {
    if (srv_json_get(node, "idf") == NULL) {
        return SRV_OK;
    }
    const srv_json *list;
    srv_status status = srv_json_get_array(node, "idf", &list, err);
    if (status != SRV_OK) {
        return status;
    }
    if (list->size != out->vocabulary.count) {
        return srv_json_fail(list, err, "expected %zu weights, one per word, not %zu", out->vocabulary.count,
                             list->size);
    }
    double *idf = srv_arena_take(arena, list->size * sizeof *idf);
    if (idf == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (const srv_json *weight = list->first; weight != NULL; weight = weight->next) {
        if (weight->type != SRV_JSON_NUMBER) {
            return srv_json_fail(weight, err, "expected a number, not %s", srv_json_type_name(weight->type));
        }
        idf[weight->index] = weight->number;
    }
    out->idf = idf;
    return SRV_OK;
}

static srv_status read_flag(const srv_json *node, const char *key, bool absent, bool *out, srv_error *err) {
    const srv_json *flag = srv_json_get(node, key);
    if (flag != NULL && flag->type != SRV_JSON_BOOL) {
        return srv_json_fail(flag, err, "expected true or false, not %s", srv_json_type_name(flag->type));
    }
    *out = flag != NULL ? flag->boolean : absent;
    return SRV_OK;
}

srv_status srv_words_compile(const srv_json *node, srv_arena *arena, srv_words **out, srv_error *err) {
    static const char *const keys[] = {"op",        "input",  "column", "vocabulary", "pattern",
                                       "lowercase", "binary", "idf",    "norm",       NULL};
    const srv_json *pattern = srv_json_get(node, "pattern"), *norm_node = srv_json_get(node, "norm");
    srv_words *made = srv_arena_take(arena, sizeof *made);
    srv_status status;
    if (made == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    *made = (srv_words){0};
    if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
        (status = read_vocabulary(node, arena, made, err)) != SRV_OK ||
        (status = read_idf(node, arena, made, err)) != SRV_OK ||
        (status = read_flag(node, "lowercase", true, &made->lowercase, err)) != SRV_OK ||
        (status = read_flag(node, "binary", false, &made->binary, err)) != SRV_OK) {
        return status;
    }
    if (pattern != NULL && (pattern->type != SRV_JSON_STRING || strcmp(pattern->text, "word") != 0)) {
        return srv_json_fail(pattern, err, "there is no such pattern; expected \"word\"");
    }
    if (norm_node != NULL && norm_node->type != SRV_JSON_NULL) {
        const char *name = norm_node->type == SRV_JSON_STRING ? norm_node->text : "";
        made->norm = strcmp(name, "l1") == 0 ? NORM_L1 : strcmp(name, "l2") == 0 ? NORM_L2 : NORM_NONE;
        if (made->norm == NORM_NONE) {
            return srv_json_fail(norm_node, err, "expected \"l1\", \"l2\" or null");
        }
    }
    *out = made;
    return SRV_OK;
}

size_t srv_words_width(const srv_words *words) {
    return words->vocabulary.count;
}

/* The word that is being read. */
typedef struct word {
    char bytes[SRV_WORD_BYTES + 4];
    size_t size; /* beyond SRV_WORD_BYTES: too long for any vocabulary, and the bytes are not all there */
    size_t characters;
} word;

static void add_character(word *w, uint32_t code) {
    w->characters++;
    if (w->size <= SRV_WORD_BYTES) {
        w->size += srv_utf8_write(w->bytes + w->size, code);
    }
}

static void end_word(const srv_words *words, word *w, float *row) {
    if (w->characters >= 2 && w->size <= SRV_WORD_BYTES) {
        size_t index = srv_names_find(&words->vocabulary, w->bytes, w->size);
        if (index < words->vocabulary.count) {
            row[index] = words->binary ? 1 : row[index] + 1;
        }
    }
    w->size = 0;
    w->characters = 0;
}

static void weigh(const srv_words *words, float *row) {
    size_t count = words->vocabulary.count;
    double sum = 0;
    for (size_t i = 0; i < count && words->norm != NORM_NONE; i++) {
        double value = (double)row[i] * (words->idf != NULL ? words->idf[i] : 1);
        sum += words->norm == NORM_L1 ? fabs(value) : value * value;
    }
    double length = words->norm == NORM_L2 ? sqrt(sum) : sum;
    if (length == 0) {
        length = 1;
    }
    for (size_t i = 0; i < count; i++) {
        row[i] = (float)((double)row[i] * (words->idf != NULL ? words->idf[i] : 1) / length);
    }
}

void srv_words_count(const srv_words *words, srv_text text, float *row) {
    const char *end = text.bytes + text.size;
    word w;
    w.size = 0;
    w.characters = 0;
    memset(row, 0, words->vocabulary.count * sizeof *row);
    for (const char *at = text.bytes; at < end;) {
        const char *start = at;
        uint32_t code = srv_utf8_read(&at), lower[2] = {code};
        size_t count = words->lowercase ? srv_lower_case(text.bytes, start, end, code, lower) : 1;
        for (size_t i = 0; i < count; i++) {
            if (srv_is_word_character(lower[i])) {
                add_character(&w, lower[i]);
            } else {
                end_word(words, &w, row);
            }
        }
    }
    end_word(words, &w, row);
    if (words->idf != NULL || words->norm != NORM_NONE) {
        weigh(words, row);
    }
}
