#include "block_use.h"

#include "graph.h"

#include <string.h>

typedef enum use { UNUSED, BY_DENSE_LAYERS, BY_OTHERS } use;

typedef struct analysis {
    srv_model *model;
    srv_names names; /* of the layers */
    size_t blocks;
    use *uses;                /* [blocks] */
    const srv_json **readers; /* [blocks]: where a reader names it */
    bool *read, *whole;       /* [layers]: somebody reads its rows; somebody who is no dense layer */
    bool *spread;             /* [layers] */
} analysis;

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static void *take_zeroed(srv_arena *arena, size_t count, size_t size) {
    size_t bytes;
    void *memory = srv_multiply(count, size, &bytes) ? srv_arena_take(arena, bytes) : NULL;
    return memory != NULL ? memset(memory, 0, bytes) : NULL;
}

static bool is_text(const srv_json *node, const char *text) {
    return node != NULL && node->type == SRV_JSON_STRING && strcmp(node->text, text) == 0;
}

static size_t find_block(const analysis *a, const char *name) {
    size_t i = 0;
    while (i < a->blocks && strcmp(srv_preprocess_block_name(a->model->preprocess, i), name) != 0) {
        i++;
    }
    return i;
}

static void note(analysis *a, const srv_json *name, bool by_dense) {
    if (name == NULL || name->type != SRV_JSON_STRING) {
        return; /* a fault that will be found when the layer is read */
    }
    size_t block = find_block(a, name->text), layer = srv_names_find(&a->names, name->text, name->size);
    if (block < a->blocks) {
        use now = by_dense ? BY_DENSE_LAYERS : BY_OTHERS;
        a->uses[block] = a->uses[block] > now ? a->uses[block] : now;
        a->readers[block] = name;
    } else if (layer < a->names.count) {
        a->read[layer] = true;
        a->whole[layer] |= !by_dense;
    }
}

static const srv_json *inputs_of(const srv_json *layer) {
    const srv_json *inputs = srv_json_get(layer, "inputs");
    return inputs != NULL && inputs->type == SRV_JSON_ARRAY ? inputs->first : NULL;
}

/* A concatenation that only dense layers read, and that does nothing else. */
static bool may_spread(const analysis *a, const srv_json *layer) {
    const srv_json *activation = srv_json_get(layer, "activation");
    return is_text(srv_json_get(layer, "op"), "concatenate") && a->read[layer->index] && !a->whole[layer->index] &&
           (activation == NULL || is_text(activation, "linear"));
}

/* Those with terms inside, in topological order. */
static bool has_terms(const analysis *a, const srv_json *layer) {
    for (const srv_json *name = inputs_of(layer); name != NULL; name = name->next) {
        const char *text = name->type == SRV_JSON_STRING ? name->text : "";
        size_t block = find_block(a, text), other = srv_names_find(&a->names, text, strlen(text));
        if (block < a->blocks
                ? a->uses[block] == BY_DENSE_LAYERS && srv_preprocess_has_terms(a->model->preprocess, block)
                : other < layer->index && a->spread[other]) {
            return true;
        }
    }
    return false;
}

static void note_layers(analysis *a, const srv_json **nodes, size_t count) {
    for (size_t i = count; i-- > 0;) { /* who reads a layer comes after it */
        a->spread[i] = may_spread(a, nodes[i]);
        bool by_dense = a->spread[i] || is_text(srv_json_get(nodes[i], "op"), "dense");
        for (const srv_json *name = inputs_of(nodes[i]); name != NULL; name = name->next) {
            note(a, name, by_dense);
        }
    }
    for (size_t i = 0; i < count; i++) {
        a->spread[i] = a->spread[i] && has_terms(a, nodes[i]);
    }
}

srv_status srv_place_blocks(const srv_json *root, srv_model *model, srv_error *err) {
    const srv_json *layers = srv_json_get(root, "layers"), *outputs = srv_json_get(root, "outputs");
    size_t count = layers != NULL && layers->type == SRV_JSON_ARRAY ? layers->size : 0, twice;
    analysis a = {.model = model, .blocks = srv_preprocess_blocks(model->preprocess)};
    const srv_json **nodes = take_zeroed(model->arena, count, sizeof *nodes);
    srv_text *names = take_zeroed(model->arena, count, sizeof *names);
    a.uses = take_zeroed(model->arena, a.blocks, sizeof *a.uses);
    a.readers = take_zeroed(model->arena, a.blocks, sizeof *a.readers);
    a.read = take_zeroed(model->arena, count, sizeof *a.read);
    a.whole = take_zeroed(model->arena, count, sizeof *a.whole);
    a.spread = take_zeroed(model->arena, count, sizeof *a.spread);
    if (nodes == NULL || names == NULL || a.uses == NULL || a.readers == NULL || a.read == NULL || a.whole == NULL ||
        a.spread == NULL) {
        return no_memory(err);
    }
    for (const srv_json *node = count > 0 ? layers->first : NULL; node != NULL; node = node->next) {
        const char *name;
        srv_status status = node->type == SRV_JSON_OBJECT ? srv_json_get_text(node, "name", &name, err)
                                                          : srv_json_fail(node, err, "expected an object, not %s",
                                                                          srv_json_type_name(node->type));
        if (status != SRV_OK) {
            return status;
        }
        nodes[node->index] = node;
        names[node->index] = (srv_text){name, strlen(name)};
    }
    if (count > SRV_MAX_LAYERS) {
        return srv_json_fail(layers, err, "expected 1 to %d entries, not %zu", SRV_MAX_LAYERS, count);
    }
    switch (srv_names_build(names, count, model->arena, &a.names, &twice)) {
    case SRV_NAMES_NO_MEMORY:
        return no_memory(err);
    case SRV_NAMES_DUPLICATE:
        return srv_json_fail(srv_json_get(nodes[twice], "name"), err, "there is another layer of that name");
    case SRV_NAMES_FINE:
        break;
    }
    for (const srv_json *node = outputs != NULL ? outputs->first : NULL; node != NULL; node = node->next) {
        note(&a, srv_json_get(node, "layer"), false);
    }
    note_layers(&a, nodes, count);
    model->spread = a.spread;
    for (size_t i = 0; i < a.blocks; i++) {
        srv_status status = SRV_OK;
        if (a.uses[i] != UNUSED) {
            status = srv_preprocess_place(model->preprocess, i, a.uses[i] == BY_DENSE_LAYERS, a.readers[i], err);
        }
        if (status != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

const srv_block_place *srv_find_block_place(const srv_model *model, const char *name) {
    for (size_t i = 0; i < srv_preprocess_blocks(model->preprocess); i++) {
        const srv_block_place *place = srv_preprocess_place_of(model->preprocess, i);
        if (place->placed && strcmp(srv_preprocess_block_name(model->preprocess, i), name) == 0) {
            return place;
        }
    }
    return NULL;
}
