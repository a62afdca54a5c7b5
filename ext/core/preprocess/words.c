#include "tokens.h"

#include <math.h>

/* Bytes of a word that is hashed which are stored, at least, before they go into the hash. */
#define HASHED_AT_ONCE 256

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static srv_status read_flag(const srv_json *node, const char *key, bool absent, bool *out, srv_error *err) {
    const srv_json *flag = srv_json_get(node, key);
    if (flag != NULL && flag->type != SRV_JSON_BOOL) {
        return srv_json_fail(flag, err, "expected true or false, not %s", srv_json_type_name(flag->type));
    }
    *out = flag != NULL ? flag->boolean : absent;
    return SRV_OK;
}

/* Which of the NULL-terminated words the member is; `absent` if it is null or not there. */
static srv_status read_choice(const srv_json *node, const char *key, const char *const *choices, const char *expected,
                              int absent, int *out, srv_error *err) {
    const srv_json *choice = srv_json_get(node, key);
    *out = absent;
    if (choice == NULL || choice->type == SRV_JSON_NULL) {
        return SRV_OK;
    }
    for (int i = 0; choices[i] != NULL; i++) {
        if (choice->type == SRV_JSON_STRING && strcmp(choice->text, choices[i]) == 0) {
            *out = i;
            return SRV_OK;
        }
    }
    return srv_json_fail(choice, err, "expected %s", expected);
}

static srv_status read_form(const srv_json *node, srv_text_form *out, srv_error *err) {
    static const char *const accents[] = {"unicode", "ascii", NULL};
    const srv_json *lower = srv_json_get(node, "lowercase");
    bool ascii = lower != NULL && lower->type == SRV_JSON_STRING && strcmp(lower->text, "ascii") == 0, all = false;
    int accent;
    srv_status status;
    if (lower != NULL && lower->type != SRV_JSON_BOOL && !ascii) {
        return srv_json_fail(lower, err, "expected true, false or \"ascii\"");
    }
    if ((!ascii && (status = read_flag(node, "lowercase", true, &all, err)) != SRV_OK) ||
        (status = read_flag(node, "strip_punctuation", false, &out->strip_punctuation, err)) != SRV_OK ||
        (status = read_choice(node, "strip_accents", accents, "\"unicode\", \"ascii\" or null", -1, &accent, err)) !=
            SRV_OK) {
        return status;
    }
    out->lower = ascii ? SRV_CASE_ASCII : all ? SRV_CASE_UNICODE : SRV_CASE_KEPT;
    out->accents = accent < 0 ? SRV_ACCENTS_KEPT : accent == 0 ? SRV_ACCENTS_UNICODE : SRV_ACCENTS_ASCII;
    srv_text_form_prepare(out);
    return SRV_OK;
}

/* What the text is cut into. */
static srv_status read_tokens(const srv_json *node, srv_words *out, srv_error *err) {
    static const char *const analyzers[] = {"word", "char", "char_wb", NULL};
    static const char *const patterns[] = {"word",      "word1", "whitespace", "ascii_whitespace",
                                           "character", "text",  NULL};
    static const srv_token_kind kinds[] = {SRV_TOKEN_WORD,        SRV_TOKEN_WORD,      SRV_TOKEN_WHITESPACE,
                                           SRV_TOKEN_ASCII_SPACE, SRV_TOKEN_CHARACTER, SRV_TOKEN_TEXT};
    int analyzer, pattern;
    srv_status status;
    if ((status = read_choice(node, "analyzer", analyzers, "\"word\", \"char\" or \"char_wb\"", 0, &analyzer, err)) !=
            SRV_OK ||
        (status = read_choice(node, "pattern", patterns,
                              "\"word\", \"word1\", \"whitespace\", \"ascii_whitespace\", \"character\" or \"text\"", 0,
                              &pattern, err)) != SRV_OK) {
        return status;
    }
    for (size_t i = 0; i < 2 && analyzer != 0; i++) {
        static const char *const of_words[] = {"pattern", "stop_words"};
        const srv_json *field = srv_json_get(node, of_words[i]);
        if (field != NULL) {
            return srv_json_fail(field, err, "\"%s\" is for words; the analyzer makes terms of characters",
                                 of_words[i]);
        }
    }
    out->kind = analyzer == 0 ? kinds[pattern] : analyzer == 1 ? SRV_TOKEN_CHAR : SRV_TOKEN_CHAR_WB;
    out->least_characters = analyzer == 0 && pattern == 0 ? 2 : 1;
    out->joined = analyzer == 0;
    for (uint32_t code = 0; code < 128; code++) {
        out->inside[code] = srv_token_character(out->kind, code);
    }
    return SRV_OK;
}

static srv_status read_ngrams(const srv_json *node, srv_words *out, srv_error *err) {
    const srv_json *list = srv_json_get(node, "ngrams");
    size_t ends[2] = {1, 1};
    if (list != NULL && (list->type != SRV_JSON_ARRAY || list->size != 2)) {
        return srv_json_fail(list, err, "expected two numbers: the least and the greatest number of words in a term");
    }
    for (const srv_json *end = list != NULL ? list->first : NULL; end != NULL; end = end->next) {
        if (end->type != SRV_JSON_NUMBER || !(end->number >= 1 && end->number <= SRV_NGRAM_MAX) ||
            end->number != floor(end->number)) {
            return srv_json_fail(end, err, "expected a whole number from 1 to %d", SRV_NGRAM_MAX);
        }
        ends[end->index] = (size_t)end->number;
    }
    if (ends[0] > ends[1]) {
        return srv_json_fail(list, err, "the least number of words, %zu, is more than the greatest, %zu", ends[0],
                             ends[1]);
    }
    out->least = ends[0];
    out->most = ends[1];
    return SRV_OK;
}

/* A list of words, none twice; *longest grows to the longest of them. */
static srv_status read_names(const srv_json *list, srv_arena *arena, srv_names *out, size_t *longest, srv_error *err) {
    if (list->size > SRV_MAX_NAMES) {
        return srv_json_fail(list, err, "expected at most %zu words, not %zu", SRV_MAX_NAMES, list->size);
    }
    srv_text *words = srv_arena_take(arena, list->size * sizeof *words);
    if (words == NULL) {
        return no_memory(err);
    }
    for (const srv_json *word = list->first; word != NULL; word = word->next) {
        if (word->type != SRV_JSON_STRING || word->size == 0 || word->size > SRV_WORD_BYTES) {
            return srv_json_fail(word, err, "a word must be a string of 1 to %d bytes", SRV_WORD_BYTES);
        }
        words[word->index] = (srv_text){word->text, word->size};
        *longest = word->size > *longest ? word->size : *longest;
    }
    size_t twice;
    switch (srv_names_build(words, list->size, arena, out, &twice)) {
    case SRV_NAMES_DUPLICATE:
        return srv_json_fail(list, err, "the word %.100s is there twice", words[twice].bytes);
    case SRV_NAMES_NO_MEMORY:
        return no_memory(err);
    case SRV_NAMES_FINE:
        break;
    }
    return SRV_OK;
}

static srv_status read_stop_words(const srv_json *node, srv_arena *arena, srv_words *out, srv_error *err) {
    const srv_json *list;
    if (srv_json_get(node, "stop_words") == NULL) {
        return SRV_OK;
    }
    srv_status status = srv_json_get_array(node, "stop_words", &list, err);
    return status == SRV_OK ? read_names(list, arena, &out->stop_words, &out->longest, err) : status;
}

static srv_status read_hashing(const srv_json *node, srv_words *out, srv_error *err) {
    static const char *const keys[] = {"features", "alternate_sign", NULL};
    static const char *const of_vocabularies[] = {"vocabulary", "unknown"};
    const srv_json *hashing = srv_json_get(node, "hashing");
    size_t features;
    srv_status status;
    for (size_t i = 0; i < 2; i++) {
        const srv_json *field = srv_json_get(node, of_vocabularies[i]);
        if (field != NULL && field->type != SRV_JSON_NULL) {
            return srv_json_fail(field, err, "with \"hashing\" there is no \"%s\"", of_vocabularies[i]);
        }
    }
    if (hashing->type != SRV_JSON_OBJECT) {
        return srv_json_fail(hashing, err, "expected an object with \"features\", not %s",
                             srv_json_type_name(hashing->type));
    }
    if ((status = srv_json_only(hashing, keys, err)) != SRV_OK ||
        (status = srv_json_get_size(hashing, "features", 1, SRV_MAX_NAMES, &features, err)) != SRV_OK) {
        return status;
    }
    out->features = (uint32_t)features;
    out->longest = out->longest > HASHED_AT_ONCE ? out->longest : HASHED_AT_ONCE;
    return read_flag(hashing, "alternate_sign", true, &out->alternate_sign, err);
}

/* Where the terms' numbers are: of a vocabulary, or of hashes. */
static srv_status read_places(const srv_json *node, srv_arena *arena, srv_words *out, srv_error *err) {
    static const char *const unknowns[] = {"first", NULL};
    const srv_json *hashing = srv_json_get(node, "hashing"), *list;
    int unknown;
    srv_status status;
    if (hashing != NULL && hashing->type != SRV_JSON_NULL) {
        return read_hashing(node, out, err);
    }
    if ((status = srv_json_get_array(node, "vocabulary", &list, err)) != SRV_OK ||
        (status = read_choice(node, "unknown", unknowns, "\"first\" or null", -1, &unknown, err)) != SRV_OK) {
        return status;
    }
    out->unknown = unknown == 0;
    if (list->size == 0 && !out->unknown) {
        return srv_json_fail(list, err, "expected 1 to %zu words, not none", SRV_MAX_NAMES);
    }
    return read_names(list, arena, &out->vocabulary, &out->longest, err);
}

static srv_status read_idf(const srv_json *node, const srv_safetensors *tensors, srv_arena *arena, srv_words *out,
                           srv_error *err) {
    const srv_json *field = srv_json_get(node, "idf");
    size_t width = srv_words_width(out);
    srv_status status = SRV_OK;
    if (field == NULL || field->type == SRV_JSON_NULL) {
        return SRV_OK;
    }
    double *idf = srv_arena_take(arena, width * sizeof *idf);
    if (idf == NULL) {
        return no_memory(err);
    }
    if (field->type == SRV_JSON_STRING && tensors != NULL) {
        const srv_tensor *tensor;
        status = srv_safetensors_want(tensors, field->text, 1, &width, &tensor, err);
        for (size_t i = 0; i < width && status == SRV_OK; i++) {
            float weight;
            srv_tensor_read(tensor, i, 1, &weight);
            idf[i] = (double)weight;
        }
    } else if (field->type == SRV_JSON_NUMBER) {
        for (size_t i = 0; i < width; i++) {
            idf[i] = field->number;
        }
    } else if (field->type != SRV_JSON_ARRAY || field->size != width) {
        return srv_json_fail(field, err, "\"idf\" must be a number, %zu numbers, or the name of a tensor", width);
    }
    for (const srv_json *weight = field->first; weight != NULL; weight = weight->next) {
        if (weight->type != SRV_JSON_NUMBER) {
            return srv_json_fail(weight, err, "expected a number, not %s", srv_json_type_name(weight->type));
        }
        idf[weight->index] = weight->number;
    }
    out->idf = idf;
    return status;
}

static srv_status read_weights(const srv_json *node, const srv_safetensors *tensors, srv_arena *arena, srv_words *out,
                               srv_error *err) {
    static const char *const norms[] = {"l1", "l2", NULL};
    int norm;
    srv_status status;
    if ((status = read_flag(node, "binary", false, &out->binary, err)) != SRV_OK ||
        (status = read_flag(node, "sublinear", false, &out->sublinear, err)) != SRV_OK ||
        (status = read_choice(node, "norm", norms, "\"l1\", \"l2\" or null", -1, &norm, err)) != SRV_OK) {
        return status;
    }
    out->norm = norm < 0 ? SRV_NORM_NONE : norm == 0 ? SRV_NORM_L1 : SRV_NORM_L2;
    return read_idf(node, tensors, arena, out, err);
}

srv_status srv_words_compile(const srv_json *node, const srv_safetensors *tensors, srv_arena *arena, srv_words **out,
                             srv_error *err) {
    static const char *const keys[] = {"op",        "input",         "column",  "output",     "lowercase",
                                       "analyzer",  "strip_accents", "pattern", "stop_words", "strip_punctuation",
                                       "ngrams",    "vocabulary",    "unknown", "hashing",    "binary",
                                       "sublinear", "idf",           "norm",    NULL};
    srv_words *made = srv_arena_take(arena, sizeof *made);
    srv_status status;
    if (made == NULL) {
        return no_memory(err);
    }
    *made = (srv_words){0};
    if ((status = srv_json_only(node, keys, err)) != SRV_OK || (status = read_form(node, &made->form, err)) != SRV_OK ||
        (status = read_tokens(node, made, err)) != SRV_OK || (status = read_ngrams(node, made, err)) != SRV_OK ||
        (status = read_stop_words(node, arena, made, err)) != SRV_OK ||
        (status = read_places(node, arena, made, err)) != SRV_OK ||
        (status = read_weights(node, tensors, arena, made, err)) != SRV_OK) {
        return status;
    }
    *out = made;
    return SRV_OK;
}

size_t srv_words_width(const srv_words *words) {
    return words->features > 0 ? words->features : words->vocabulary.count + words->unknown;
}

static void weigh(const srv_words *words, srv_terms *terms) {
    double sum = 0;
    for (size_t i = 0; i < terms->count; i++) {
        srv_term *term = &terms->list[i];
        double value = words->binary ? 1 : term->value;
        value = words->sublinear ? log(value) + 1 : value;
        term->value = words->idf != NULL ? value * words->idf[term->index] : value;
        sum += words->norm == SRV_NORM_L1 ? fabs(term->value) : term->value * term->value;
    }
    double length = words->norm == SRV_NORM_L2 ? sqrt(sum) : sum;
    for (size_t i = 0; i < terms->count && words->norm != SRV_NORM_NONE && length != 0; i++) {
        terms->list[i].value /= length;
    }
}

srv_status srv_words_terms(const srv_words *words, srv_text text, srv_arena *scratch, srv_terms *out) {
    srv_ngrams ngrams;
    if (!srv_ngrams_begin(&ngrams, words, scratch)) {
        return SRV_NO_MEMORY;
    }
    srv_tokens(&ngrams, text);
    if (ngrams.failed) {
        return SRV_NO_MEMORY;
    }
    srv_tally_list(&ngrams.tally, out);
    weigh(words, out);
    return SRV_OK;
}
