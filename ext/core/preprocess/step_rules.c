#include "step_rules.h"

#include "parameters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static srv_status no_memory(const srv_step_reading *r) {
    return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
}

static void *take(const srv_step_reading *r, size_t count, size_t size) {
    size_t bytes;
    return srv_multiply(count, size, &bytes) ? srv_arena_take(r->arena, bytes) : NULL;
}

/* The numbers in the registers' type; NULL when out of memory. */
static const void *as_registers(const srv_step_reading *r, const double *values, size_t count) {
    if (r->wide) {
        return values;
    }
    float *narrow = take(r, count, sizeof *narrow);
    for (size_t i = 0; narrow != NULL && i < count; i++) {
        narrow[i] = (float)values[i];
    }
    return narrow;
}

static srv_status read_numbers(const srv_step_reading *r, const char *key, size_t count, const double *absent,
                               const void **out) {
    const double *values = NULL;
    srv_status status = srv_read_per_number(r->node, key, count, absent, r->tensors, r->arena, &values, r->err);
    if (status == SRV_OK && (*out = as_registers(r, values, count)) == NULL) {
        status = no_memory(r);
    }
    return status;
}

/* --------------------------------------------------------------------------------------------- number by number */

static bool is_one(const srv_json *field) {
    return field == NULL || field->type == SRV_JSON_NUMBER || field->type == SRV_JSON_NULL;
}

static srv_status read_scale(const srv_step_reading *r, srv_step *step) {
    const double zero = 0;
    step->one = is_one(srv_json_get(r->node, "factor")) && is_one(srv_json_get(r->node, "offset"));
    size_t count = step->one ? 1 : step->count;
    srv_status status = read_numbers(r, "factor", count, NULL, &step->a);
    return status == SRV_OK ? read_numbers(r, "offset", count, &zero, &step->b) : status;
}

static srv_status read_standardise(const srv_step_reading *r, srv_step *step) {
    srv_status status = read_numbers(r, "mean", step->count, NULL, &step->a);
    if (status == SRV_OK) {
        status = read_numbers(r, "scale", step->count, NULL, &step->b);
    }
    for (size_t i = 0; i < step->count && status == SRV_OK; i++) {
        double scale = r->wide ? ((const double *)step->b)[i] : (double)((const float *)step->b)[i];
        if (!(fabs(scale) > 0)) {
            status = srv_json_fail(srv_json_get(r->node, "scale"), r->err, "a scale must not be zero");
        }
    }
    return status;
}

static srv_status read_impute(const srv_step_reading *r, srv_step *step) {
    return read_numbers(r, "value", step->count, NULL, &step->a);
}

static srv_status read_clip(const srv_step_reading *r, srv_step *step) {
    const double lowest = -INFINITY, highest = INFINITY;
    srv_status status = read_numbers(r, "min", step->count, &lowest, &step->a);
    return status == SRV_OK ? read_numbers(r, "max", step->count, &highest, &step->b) : status;
}

static srv_status read_binarise(const srv_step_reading *r, srv_step *step) {
    return read_numbers(r, "threshold", step->count, NULL, &step->a);
}

static srv_status read_function(const srv_step_reading *r, srv_step *step) {
    static const char *const names[] = {
#define XX(name, text) text,
        SRV_NUMPY_MAP(XX)
#undef XX
            NULL};
    return srv_read_word(r->node, "function", names, -1, &step->choice, r->err);
}

static srv_status read_power(const srv_step_reading *r, srv_step *step) {
    static const char *const methods[] = {"yeo_johnson", "box_cox", NULL};
    srv_status status = srv_read_word(r->node, "method", methods, -1, &step->choice, r->err);
    return status == SRV_OK ? read_numbers(r, "lambdas", step->count, NULL, &step->a) : status;
}

static srv_status read_normalise(const srv_step_reading *r, srv_step *step) {
    static const char *const norms[] = {"l1", "l2", "max", NULL};
    return srv_read_word(r->node, "norm", norms, -1, &step->choice, r->err);
}

/* The lists of `key`, one for each number, in the registers' type; `given` are the same as they stand there. */
static srv_status read_lists(const srv_step_reading *r, const char *key, bool nulls, srv_step *step,
                             srv_number_list **given, srv_step_list **out) {
    srv_status status = srv_read_list_per_number(r->node, key, step->count, nulls, r->arena, given, r->err);
    if (status != SRV_OK) {
        return status;
    }
    if ((*out = take(r, step->count, sizeof **out)) == NULL) {
        return no_memory(r);
    }
    for (size_t i = 0; i < step->count; i++) {
        const srv_number_list *list = &(*given)[i];
        (*out)[i] = (srv_step_list){.values = as_registers(r, list->values, list->count), .count = list->count};
        if ((*out)[i].values == NULL) {
            return no_memory(r);
        }
    }
    step->lists = *out;
    return SRV_OK;
}

static srv_status read_bucketise(const srv_step_reading *r, srv_step *step) {
    srv_number_list *given;
    srv_step_list *lists;
    srv_status status = read_lists(r, "boundaries", false, step, &given, &lists);
    for (size_t i = 0; i < step->count && status == SRV_OK; i++) {
        for (size_t j = 1; j < given[i].count; j++) {
            if (!(given[i].values[j - 1] <= given[i].values[j])) {
                return srv_json_fail(srv_json_get(r->node, "boundaries"), r->err,
                                     "the boundaries of number %zu are not in ascending order", i);
            }
        }
    }
    return status;
}

/* A value of an index's list, and where it stands there. */
typedef struct entry {
    double value;
    uint32_t place;
} entry;

static int by_value(const void *left, const void *right) {
    const entry *a = left, *b = right;
    if (a->value != b->value) {
        return a->value < b->value ? -1 : 1;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Sorts a list by value, NaN left out, so that a value's place is found by bisection. */
static srv_status sort_list(const srv_step_reading *r, const srv_number_list *given, srv_step_list *out) {
    entry *entries = take(r, given->count, sizeof *entries);
    double *values = take(r, given->count, sizeof *values);
    uint32_t *places = take(r, given->count, sizeof *places);
    size_t count = 0;
    if (entries == NULL || values == NULL || places == NULL) {
        return no_memory(r);
    }
    out->nan_place = SIZE_MAX;
    for (size_t i = 0; i < given->count; i++) {
        double value = r->wide ? given->values[i] : (double)(float)given->values[i];
        if (!isnan(value)) {
            entries[count++] = (entry){value, (uint32_t)i};
        } else if (out->nan_place == SIZE_MAX) {
            out->nan_place = i;
        }
    }
    qsort(entries, count, sizeof *entries, by_value);
    for (size_t i = 0; i < count; i++) {
        values[i] = entries[i].value;
        places[i] = entries[i].place;
    }
    out->values = as_registers(r, values, count);
    out->places = places;
    out->count = count;
    return out->values != NULL ? SRV_OK : no_memory(r);
}

static srv_status read_index(const srv_step_reading *r, srv_step *step) {
    srv_number_list *given;
    srv_step_list *lists;
    srv_status status = read_lists(r, "values", true, step, &given, &lists);
    for (size_t i = 0; i < step->count && status == SRV_OK; i++) {
        status = sort_list(r, &given[i], &lists[i]);
    }
    if (status == SRV_OK) {
        status = srv_read_number_or_null(r->node, "unknown", -1, &step->unknown, r->err);
    }
    return status == SRV_OK ? srv_read_number_or_null(r->node, "missing", NAN, &step->missing, r->err) : status;
}

static srv_status read_map(const srv_step_reading *r, srv_step *step) {
    srv_number_list *given;
    srv_step_list *lists;
    srv_status status = read_lists(r, "values", true, step, &given, &lists);
    if (status == SRV_OK) {
        status = srv_read_number_or_null(r->node, "unknown", NAN, &step->unknown, r->err);
    }
    return status == SRV_OK ? srv_read_number_or_null(r->node, "missing", NAN, &step->missing, r->err) : status;
}

/* ---------------------------------------------------------------------------------------- more numbers, or fewer */

/* A whole number from 0 to SRV_MAX_ROW. */
static bool is_size(const srv_json *node, size_t *out) {
    if (node->type != SRV_JSON_NUMBER || !(node->number >= 0 && node->number <= (double)SRV_MAX_ROW) ||
        node->number != floor(node->number)) {
        return false;
    }
    *out = (size_t)node->number;
    return true;
}

/* How many indices each number has. */
static srv_status read_sizes(const srv_step_reading *r, size_t count, size_t *sizes) {
    const srv_json *field = srv_json_get(r->node, "sizes");
    if (field != NULL && field->type != SRV_JSON_NULL) {
        bool right = field->type == SRV_JSON_ARRAY ? field->size == count : is_size(field, &sizes[0]);
        for (size_t i = 1; field->type != SRV_JSON_ARRAY && i < count; i++) {
            sizes[i] = sizes[0];
        }
        for (const srv_json *n = field->first; n != NULL && right; n = n->next) {
            right = is_size(n, &sizes[n->index]);
        }
        return right ? SRV_OK
                     : srv_json_fail(field, r->err,
                                     "expected a whole number from 0 to %zu, or %zu of them, one for each "
                                     "number read",
                                     SRV_MAX_ROW, count);
    }
    for (size_t i = 0, at = 0; i < r->picks->count; i++) {
        const srv_column *column = r->block->segments[r->picks->list[i].segment].column;
        if (column == NULL || column->type != SRV_COLUMN_CATEGORY) {
            return srv_json_fail(r->node, r->err,
                                 "%.60s is no category column: how many indices it has must be said "
                                 "in \"sizes\"",
                                 column != NULL ? column->name : "what it reads");
        }
        sizes[at++] = column->categories.count + (column->unknown == SRV_UNKNOWN_INDEX);
    }
    return SRV_OK;
}

static srv_status read_drops(const srv_step_reading *r, size_t count, const size_t *sizes, size_t *drops) {
    const srv_json *field = srv_json_get(r->node, "drop");
    bool first = field != NULL && field->type == SRV_JSON_STRING && strcmp(field->text, "first") == 0;
    for (size_t i = 0; i < count; i++) {
        drops[i] = first && sizes[i] > 0 ? 0 : SRV_NO_DROP;
    }
    if (field == NULL || field->type == SRV_JSON_NULL || first) {
        return SRV_OK;
    }
    if (field->type != SRV_JSON_ARRAY || field->size != count) {
        return srv_json_fail(field, r->err, "expected \"first\", null, or %zu indices, one for each number read",
                             count);
    }
    for (const srv_json *n = field->first; n != NULL; n = n->next) {
        if (n->type != SRV_JSON_NULL && (!is_size(n, &drops[n->index]) || drops[n->index] >= sizes[n->index])) {
            return srv_json_fail(n, r->err, "expected null, or an index below %zu", sizes[n->index]);
        }
    }
    return SRV_OK;
}

static srv_status read_one_hot(const srv_step_reading *r, srv_step *step) {
    size_t *sizes = take(r, step->count, sizeof *sizes), *drops = take(r, step->count, sizeof *drops);
    size_t *offsets = take(r, step->count + 1, sizeof *offsets);
    srv_status status;
    if (sizes == NULL || drops == NULL || offsets == NULL) {
        return no_memory(r);
    }
    if ((status = read_sizes(r, step->count, sizes)) != SRV_OK ||
        (status = read_drops(r, step->count, sizes, drops)) != SRV_OK) {
        return status;
    }
    offsets[0] = 0;
    for (size_t i = 0; i < step->count; i++) {
        offsets[i + 1] = offsets[i] + sizes[i] - (drops[i] != SRV_NO_DROP);
        if (offsets[i + 1] > SRV_MAX_ROW) {
            return srv_json_fail(r->node, r->err, "more than %zu indicators in a row", SRV_MAX_ROW);
        }
    }
    step->offsets = offsets;
    step->drops = drops;
    step->width = offsets[step->count];
    return SRV_OK;
}

static srv_status read_multi_hot(const srv_step_reading *r, srv_step *step) {
    srv_status status = srv_json_get_size(r->node, "size", 1, SRV_MAX_ROW, &step->width, r->err);
    return status == SRV_OK ? srv_read_flag(r->node, "count", false, &step->flag, r->err) : status;
}

static srv_status read_polynomial(const srv_step_reading *r, srv_step *step) {
    const srv_json *terms;
    srv_status status = srv_json_get_array(r->node, "terms", &terms, r->err);
    if (status != SRV_OK) {
        return status;
    }
    if (terms->size == 0 || terms->size > SRV_MAX_ROW) {
        return srv_json_fail(terms, r->err, "expected 1 to %zu terms, not %zu", SRV_MAX_ROW, terms->size);
    }
    size_t factors = 0;
    for (const srv_json *term = terms->first; term != NULL; term = term->next) {
        if (term->type != SRV_JSON_ARRAY) {
            return srv_json_fail(term, r->err, "a term must be an array of indices, not %s",
                                 srv_json_type_name(term->type));
        }
        factors += term->size;
    }
    size_t *offsets = take(r, terms->size + 1, sizeof *offsets), *list = take(r, factors, sizeof *list), used = 0;
    if (offsets == NULL || list == NULL) {
        return no_memory(r);
    }
    for (const srv_json *term = terms->first; term != NULL; term = term->next) {
        offsets[term->index] = used;
        for (const srv_json *n = term->first; n != NULL; n = n->next) {
            if (!is_size(n, &list[used]) || list[used] >= step->count) {
                return srv_json_fail(n, r->err, "expected an index of the %zu numbers read, from 0 to %zu", step->count,
                                     step->count - 1);
            }
            used++;
        }
    }
    offsets[terms->size] = used;
    step->offsets = offsets;
    step->factors = list;
    step->width = terms->size;
    return SRV_OK;
}

/* ------------------------------------------------------------------------------------------------------------ texts */

static srv_status read_words(const srv_step_reading *r, srv_step *step) {
    srv_words *words = NULL;
    srv_status status = srv_words_compile(r->node, r->tensors, r->arena, &words, r->err);
    if (status == SRV_OK) {
        step->words = words;
        step->width = srv_words_width(words);
    }
    return status;
}

static srv_status read_hash(const srv_step_reading *r, srv_step *step) {
    srv_text_hash *hash = NULL;
    srv_status status = srv_hash_compile(r->node, r->arena, &hash, r->err);
    step->hash = hash;
    return status;
}

/* ------------------------------------------------------------------------------------------------------------ table */

#define KEYS(...) ((const char *const[]){__VA_ARGS__}) /* the last one is NULL */
#define NUMBERS SRV_COLUMN_NUMBER
#define CATEGORIES SRV_COLUMN_CATEGORY

static const srv_step_rule rules[] = {
    {"scale", SRV_STEP_SCALE, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("factor", "offset", NULL), read_scale},
    {"standardise", SRV_STEP_STANDARDISE, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("mean", "scale", NULL),
     read_standardise},
    {"impute", SRV_STEP_IMPUTE, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("value", NULL), read_impute},
    {"is_missing", SRV_STEP_IS_MISSING, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS(NULL), NULL},
    {"clip", SRV_STEP_CLIP, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("min", "max", NULL), read_clip},
    {"binarise", SRV_STEP_BINARISE, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("threshold", NULL), read_binarise},
    {"function", SRV_STEP_FUNCTION, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("function", NULL), read_function},
    {"power_transform", SRV_STEP_POWER, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("method", "lambdas", NULL),
     read_power},
    {"normalise", SRV_STEP_NORMALISE, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("norm", NULL), read_normalise},
    {"bucketise", SRV_STEP_BUCKETISE, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("boundaries", NULL), read_bucketise},
    {"index", SRV_STEP_INDEX, SRV_STEP_NUMBER_BY_NUMBER, NUMBERS, KEYS("values", "unknown", "missing", NULL),
     read_index},
    {"map", SRV_STEP_MAP, SRV_STEP_NUMBER_BY_NUMBER, CATEGORIES, KEYS("values", "unknown", "missing", NULL), read_map},
    {"one_hot", SRV_STEP_ONE_HOT, SRV_STEP_EACH, CATEGORIES, KEYS("sizes", "drop", NULL), read_one_hot},
    {"multi_hot", SRV_STEP_MULTI_HOT, SRV_STEP_WHOLE, NUMBERS, KEYS("size", "count", NULL), read_multi_hot},
    {"polynomial", SRV_STEP_POLYNOMIAL, SRV_STEP_WHOLE, NUMBERS, KEYS("terms", NULL), read_polynomial},
    {"select", SRV_STEP_COPY, SRV_STEP_MOVES, NUMBERS, KEYS(NULL), NULL},
    {"concatenate", SRV_STEP_COPY, SRV_STEP_MOVES, NUMBERS, KEYS(NULL), NULL},
    {"count_words", SRV_STEP_COUNT_WORDS, SRV_STEP_OF_TEXT, SRV_COLUMN_TEXT, NULL, read_words},
    {"hash", SRV_STEP_HASH, SRV_STEP_OF_ANY, SRV_COLUMN_TEXT, NULL, read_hash},
};

#define RULES (sizeof rules / sizeof rules[0])

srv_status srv_step_rule_find(const srv_json *node, const srv_step_rule **out, srv_error *err) {
    const char *op;
    srv_status status = srv_json_get_text(node, "op", &op, err);
    if (status != SRV_OK) {
        return status;
    }
    char names[300];
    size_t used = 0;
    for (size_t i = 0; i < RULES; i++) {
        if (strcmp(rules[i].name, op) == 0) {
            *out = &rules[i];
            return SRV_OK;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", rules[i].name);
    }
    return srv_json_fail(srv_json_get(node, "op"), err, "there is no step %.60s; expected one of %s", op, names);
}

srv_status srv_step_rule_check(const srv_step_rule *rule, const srv_json *node, srv_error *err) {
    const char *keys[12] = {"op", "input", "inputs", "columns", "output"};
    size_t count = 5;
    if (rule->keys == NULL) {
        return SRV_OK;
    }
    for (size_t i = 0; rule->keys[i] != NULL; i++) {
        keys[count++] = rule->keys[i];
    }
    return srv_json_only(node, keys, err);
}
