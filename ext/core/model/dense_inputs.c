#include "dense_inputs.h"

#include "block_use.h"

#include <string.h>

/* Sources in the order of the kernel's rows. */
typedef struct sources {
    srv_source *list;
    size_t count, capacity, columns;
    srv_arena *arena;
} sources;

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static srv_status add(sources *s, srv_source source, const srv_json *node, srv_error *err) {
    srv_source *last = s->count > 0 ? &s->list[s->count - 1] : NULL;
    s->columns += source.columns;
    if (s->columns > SRV_MAX_FEATURES) {
        return srv_json_fail(node, err, "more than %zu columns", SRV_MAX_FEATURES);
    }
    if (last != NULL && last->external && !last->terms && source.external && !source.terms &&
        last->offset + last->columns == source.offset) {
        last->columns += source.columns; /* they lie together in the network's row, too */
        return SRV_OK;
    }
    if (s->count == s->capacity) {
        size_t capacity = s->capacity > 0 ? 2 * s->capacity : 8;
        srv_source *larger = srv_arena_take(s->arena, capacity * sizeof *larger);
        if (larger == NULL) {
            return no_memory(err);
        }
        if (s->count > 0) {
            memcpy(larger, s->list, s->count * sizeof *larger);
        }
        s->list = larger;
        s->capacity = capacity;
    }
    s->list[s->count++] = source;
    return SRV_OK;
}

static srv_status add_named(sources *s, const srv_json *name, const srv_json *node, const srv_model *model,
                            srv_error *err) {
    const char *text = name->type == SRV_JSON_STRING ? name->text : "";
    const srv_block_place *place = srv_find_block_place(model, text);
    srv_status status = SRV_OK;
    if (place != NULL) {
        for (size_t i = 0; i < place->part_count && status == SRV_OK; i++) {
            const srv_block_part *part = &place->parts[i];
            status = add(
                s, (srv_source){.external = true, .terms = part->sparse, .offset = part->at, .columns = part->columns},
                name, err);
        }
        return status;
    }
    for (size_t i = 0; i < node->index; i++) {
        const srv_layer *layer = &model->layers[i];
        if (model->spread[i] && strcmp(layer->name, text) == 0) {
            for (size_t j = 0; j < layer->input_count && status == SRV_OK; j++) {
                status = add(s, layer->inputs[j], name, err);
            }
            return status;
        }
    }
    srv_source source;
    status = srv_graph_find_source(name, model, node->index, &source, err);
    return status == SRV_OK ? add(s, source, name, err) : status;
}

/* Parts the sources into those that the plan multiplies and the terms. */
static srv_status settle(const srv_json *node, const sources *all, srv_model *model, srv_layer *layer, srv_error *err) {
    srv_kernel_rows *ranges = srv_arena_take(model->arena, all->count * sizeof *ranges);
    srv_source *inputs = srv_arena_take(model->arena, (all->count + 1) * sizeof *inputs);
    size_t terms = 0;
    if (ranges == NULL || inputs == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < all->count; i++) {
        terms += all->list[i].terms;
    }
    srv_status status = srv_json_get_size(node, "units", 1, SRV_MAX_FEATURES, &layer->columns, err);
    if (status == SRV_OK && terms > 0) {
        status = srv_preprocess_add_product(model->preprocess, layer->columns, terms, node, &layer->product, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    layer->inputs = inputs;
    layer->ranges = ranges;
    layer->kernel_rows = all->columns;
    for (size_t i = 0, row = 0, part = 0; i < all->count; row += all->list[i++].columns) {
        const srv_source *source = &all->list[i];
        if (source->terms) {
            layer->product->parts[part++] =
                (srv_product_part){.terms = source->offset, .first_row = row, .columns = source->columns};
        } else {
            inputs[layer->input_count++] = *source;
            ranges[layer->range_count++] = (srv_kernel_rows){row, source->columns};
        }
    }
    if (layer->input_count == 0) {
        layer->op = SRV_OP_ACTIVATION;
        inputs[layer->input_count++] =
            (srv_source){.external = true, .offset = layer->product->to, .columns = layer->columns};
    }
    return SRV_OK;
}

srv_status srv_read_inputs_side_by_side(const srv_json *node, srv_model *model, srv_layer *layer, srv_error *err) {
    sources all = {.arena = model->arena};
    srv_status status = SRV_OK;
    for (const srv_json *name = srv_json_get(node, "inputs")->first; name != NULL && status == SRV_OK;
         name = name->next) {
        status = add_named(&all, name, node, model, err);
    }
    if (status != SRV_OK || layer->op == SRV_OP_DENSE) {
        return status == SRV_OK ? settle(node, &all, model, layer, err) : status;
    }
    layer->op = SRV_OP_SAME;
    layer->inputs = all.list;
    layer->input_count = all.count;
    layer->columns = all.columns;
    return SRV_OK;
}
