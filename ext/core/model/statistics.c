#include "statistics.h"

#include <math.h>
#include <string.h>

#define SHARES_TOLERANCE 1e-3 /* rounded shares need not sum to exactly 1 */

typedef struct reading {
    const srv_input_spec *inputs;
    size_t input_count;
    srv_arena *arena;
    srv_error *err;
} reading;

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

/* A share: from 0 to 1. */
static srv_status check_share(const srv_json *node, srv_error *err) {
    if (node->type != SRV_JSON_NUMBER || !(node->number >= 0 && node->number <= 1 + SHARES_TOLERANCE)) {
        return srv_json_fail(node, err, "expected a share, from 0 to 1");
    }
    return SRV_OK;
}

/* All members are shares that sum to 1, or to 0 where there was nothing. */
static srv_status check_shares(const srv_json *list, srv_error *err) {
    double sum = 0;
    for (const srv_json *share = list->first; share != NULL; share = share->next) {
        srv_status status = check_share(share, err);
        if (status != SRV_OK) {
            return status;
        }
        sum += share->number;
    }
    if (sum != 0 && fabs(sum - 1) > SHARES_TOLERANCE) {
        return srv_json_fail(list, err, "the shares sum to %g; expected 1", sum);
    }
    return SRV_OK;
}

/* Which number of a row a feature is: a column of a table, or with `index` a number of a tensor. */
static srv_status find_feature(const reading *r, const srv_json *node, size_t *feature, const srv_column **column) {
    const char *name;
    const srv_json *index = srv_json_get(node, "index");
    srv_status status = srv_json_get_text(node, "name", &name, r->err);
    *feature = 0;
    *column = NULL;
    for (size_t i = 0; i < r->input_count && status == SRV_OK; i++) {
        const srv_input_spec *input = &r->inputs[i];
        const srv_table *table = input->table;
        size_t at = table != NULL ? srv_names_find(&table->names, name, strlen(name)) : 0;
        if (table == NULL && strcmp(input->name, name) == 0) {
            size_t place = 0;
            status = srv_json_get_size(node, "index", 0, input->features - 1, &place, r->err);
            *feature += place;
            return status;
        }
        if (table != NULL && at < table->names.count && table->columns[at].type != SRV_COLUMN_TEXT) {
            *column = &table->columns[at];
            *feature += (*column)->offset;
            return index == NULL ? SRV_OK : srv_json_fail(index, r->err, "a column has no index");
        }
        *feature += input->features;
    }
    return status != SRV_OK
               ? status
               : srv_json_fail(srv_json_get(node, "name"), r->err,
                               "there is no column %.100s that is no text, nor a tensor of that name", name);
}

static srv_status read_edges(const reading *r, const srv_json *node, srv_feature_bins *out) {
    const srv_json *list;
    srv_status status = srv_json_get_array(node, "edges", &list, r->err);
    if (status != SRV_OK) {
        return status;
    }
    if (list->size > SRV_MAX_EDGES) {
        return srv_json_fail(list, r->err, "expected at most %d edges, not %zu", SRV_MAX_EDGES, list->size);
    }
    double *edges = srv_arena_take(r->arena, list->size * sizeof *edges);
    if (edges == NULL) {
        return no_memory(r->err);
    }
    for (const srv_json *edge = list->first; edge != NULL; edge = edge->next) {
        if (edge->type != SRV_JSON_NUMBER || (edge->index > 0 && !(edges[edge->index - 1] < edge->number))) {
            return srv_json_fail(edge, r->err, "expected a number above the one before");
        }
        edges[edge->index] = edge->number;
    }
    out->edges = edges;
    out->edge_count = list->size;
    return SRV_OK;
}

static srv_status read_feature(const reading *r, const srv_json *node, srv_feature_bins *out) {
    static const char *const keys[] = {"name", "index", "edges", "shares", "missing", NULL};
    static const char *const category_keys[] = {"name", "shares", "missing", NULL};
    const srv_json *shares, *missing = srv_json_get(node, "missing");
    const srv_column *column;
    srv_status status;
    if (node->type != SRV_JSON_OBJECT) {
        return srv_json_fail(node, r->err, "expected an object, not %s", srv_json_type_name(node->type));
    }
    if ((status = find_feature(r, node, &out->feature, &column)) != SRV_OK) {
        return status;
    }
    bool category = column != NULL && column->type == SRV_COLUMN_CATEGORY;
    if ((status = srv_json_only(node, category ? category_keys : keys, r->err)) != SRV_OK ||
        (!category && (status = read_edges(r, node, out)) != SRV_OK) ||
        (status = srv_json_get_array(node, "shares", &shares, r->err)) != SRV_OK ||
        (missing != NULL && (status = check_share(missing, r->err)) != SRV_OK)) {
        return status;
    }
    out->bins = 1 + (category ? column->categories.count : out->edge_count);
    if (shares->size != out->bins) {
        return srv_json_fail(shares, r->err, "expected %zu shares, not %zu: %s", out->bins, shares->size,
                             category ? "one for each category, and one for all others"
                                      : "one below each edge, and one from the last edge on");
    }
    return check_shares(shares, r->err);
}

static srv_status read_features(const reading *r, const srv_json *list, srv_statistics *out) {
    srv_feature_bins *features = srv_arena_take(r->arena, list->size * sizeof *features);
    if (features == NULL) {
        return no_memory(r->err);
    }
    out->features = features;
    out->feature_count = list->size;
    for (const srv_json *node = list->first; node != NULL; node = node->next) {
        srv_feature_bins *feature = &features[node->index];
        *feature = (srv_feature_bins){.first = out->count};
        srv_status status = read_feature(r, node, feature);
        if (status != SRV_OK) {
            return status;
        }
        out->count += feature->bins + 1;
        if (out->count > SRV_MAX_STATISTICS_COUNTS) {
            return srv_json_fail(node, r->err, "more than %zu bins in all", SRV_MAX_STATISTICS_COUNTS);
        }
    }
    return SRV_OK;
}

static srv_status check_labels(const srv_json *node, const char *const *labels, size_t count, srv_error *err) {
    if (node == NULL) {
        return SRV_OK;
    }
    if (node->type != SRV_JSON_OBJECT) {
        return srv_json_fail(node, err, "expected an object of label: share, not %s", srv_json_type_name(node->type));
    }
    for (const srv_json *share = node->first; share != NULL; share = share->next) {
        size_t i = 0;
        while (i < count && strcmp(labels[i], share->key) != 0) {
            i++;
        }
        if (i == count) {
            return srv_json_fail(share, err, "the first output has no label %.100s", share->key);
        }
    }
    return check_shares(node, err);
}

srv_status srv_statistics_read(const srv_json *node, const srv_input_spec *inputs, size_t input_count,
                               const char *const *labels, size_t label_count, srv_arena *arena,
                               const srv_statistics **out, srv_error *err) {
    static const char *const keys[] = {"rows", "features", "labels", NULL};
    const reading r = {inputs, input_count, arena, err};
    const srv_json *features;
    size_t rows;
    srv_status status;
    *out = NULL;
    if (node == NULL) {
        return SRV_OK;
    }
    if (node->type != SRV_JSON_OBJECT) {
        return srv_json_fail(node, err, "expected an object, not %s", srv_json_type_name(node->type));
    }
    srv_statistics *made = srv_arena_take(arena, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    *made = (srv_statistics){0};
    if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
        (status = srv_json_get_size(node, "rows", 1, (size_t)1 << 53, &rows, err)) != SRV_OK ||
        (status = srv_json_get_array(node, "features", &features, err)) != SRV_OK ||
        (status = read_features(&r, features, made)) != SRV_OK ||
        (status = check_labels(srv_json_get(node, "labels"), labels, labels != NULL ? label_count : 0, err)) !=
            SRV_OK) {
        return status;
    }
    made->first_label = made->count;
    made->label_count = labels != NULL && srv_json_get(node, "labels") != NULL ? label_count : 0;
    made->count += made->label_count;
    *out = made;
    return SRV_OK;
}
