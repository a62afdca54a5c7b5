/* Where the blocks that layers read lie in the network's row. */
#include "program.h"

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static void *take(srv_arena *arena, size_t count, size_t size) {
    size_t bytes;
    return srv_multiply(count, size, &bytes) ? srv_arena_take(arena, bytes) : NULL;
}

/* So many floats more in the row. */
static srv_status widen(srv_preprocess *p, size_t count, const srv_json *node, srv_error *err) {
    if (count > SRV_MAX_ROW || p->width > SRV_MAX_ROW - count) {
        return srv_json_fail(node, err, "the network's row has more than %zu numbers", SRV_MAX_ROW);
    }
    p->width += count;
    return SRV_OK;
}

/* One more stretch of the row, or a longer last one. */
static bool add_gather(srv_preprocess *p, const srv_segment *segment, size_t to) {
    srv_gather *last = p->gather_count > 0 ? &p->gathers[p->gather_count - 1] : NULL;
    bool sparse = segment->kind == SRV_TERMS;
    if (last != NULL && !last->sparse && !sparse && last->from + last->count == segment->first &&
        last->to + last->count == to) {
        last->count += segment->count;
        return true;
    }
    if (p->gather_count == p->gather_capacity) {
        size_t capacity = p->gather_capacity > 0 ? 2 * p->gather_capacity : 16;
        srv_gather *larger = take(p->arena, capacity, sizeof *larger);
        if (larger == NULL) {
            return false;
        }
        if (p->gather_count > 0) {
            memcpy(larger, p->gathers, p->gather_count * sizeof *larger);
        }
        p->gathers = larger;
        p->gather_capacity = capacity;
    }
    p->gathers[p->gather_count++] =
        (srv_gather){.sparse = sparse, .from = segment->first, .to = to, .count = segment->count};
    return true;
}

srv_status srv_preprocess_place(srv_preprocess *preprocess, size_t index, bool sparse, const srv_json *node,
                                srv_error *err) {
    srv_block *block = &preprocess->blocks[index];
    srv_block_place *place = &block->place;
    srv_block_part *parts = take(preprocess->arena, block->count, sizeof *parts);
    if (parts == NULL) {
        return no_memory(err);
    }
    *place = (srv_block_place){.placed = true, .parts = parts};
    for (size_t i = 0; i < block->count; i++) {
        const srv_segment *segment = &block->segments[i];
        srv_block_part *last = place->part_count > 0 ? &parts[place->part_count - 1] : NULL;
        if (segment->kind == SRV_TEXT) {
            return srv_json_fail(node, err, "the text %.60s needs a step count_words or hash", segment->column->name);
        }
        if (segment->count > SRV_MAX_REGISTERS || place->columns > SRV_MAX_REGISTERS) {
            return srv_json_fail(node, err, "%.60s has more than %zu numbers", block->name, SRV_MAX_REGISTERS);
        }
        place->columns += segment->count;
        if (sparse && segment->kind == SRV_TERMS) {
            parts[place->part_count++] =
                (srv_block_part){.sparse = true, .columns = segment->count, .at = segment->first};
            continue;
        }
        size_t to = preprocess->width;
        srv_status status = widen(preprocess, segment->count, node, err);
        if (status != SRV_OK) {
            return status;
        }
        if (!add_gather(preprocess, segment, to)) {
            return no_memory(err);
        }
        if (last != NULL && !last->sparse) {
            last->columns += segment->count;
        } else {
            parts[place->part_count++] = (srv_block_part){.columns = segment->count, .at = to};
        }
    }
    return SRV_OK;
}

const srv_block_place *srv_preprocess_place_of(const srv_preprocess *preprocess, size_t block) {
    return &preprocess->blocks[block].place;
}

srv_status srv_preprocess_add_product(srv_preprocess *preprocess, size_t units, size_t part_count, const srv_json *node,
                                      srv_product **out, srv_error *err) {
    srv_product *product = take(preprocess->arena, 1, sizeof *product);
    if (product == NULL) {
        return no_memory(err);
    }
    *product = (srv_product){.to = preprocess->width, .units = units, .part_count = part_count};
    product->parts = take(preprocess->arena, part_count, sizeof *product->parts);
    if (preprocess->product_count == preprocess->product_capacity) {
        size_t capacity = preprocess->product_capacity > 0 ? 2 * preprocess->product_capacity : 8;
        srv_product **larger = take(preprocess->arena, capacity, sizeof *larger);
        if (larger == NULL) {
            return no_memory(err);
        }
        if (preprocess->product_count > 0) {
            memcpy(larger, preprocess->products, preprocess->product_count * sizeof *larger);
        }
        preprocess->products = larger;
        preprocess->product_capacity = capacity;
    }
    if (product->parts == NULL) {
        return no_memory(err);
    }
    preprocess->products[preprocess->product_count++] = product;
    *out = product;
    return widen(preprocess, units, node, err);
}

void srv_preprocess_finish(srv_preprocess *preprocess) {
    const srv_preprocess *p = preprocess;
    const srv_gather *only = p->gather_count == 1 ? p->gathers : NULL;
    preprocess->in_place = !p->wide && p->registers == p->features && p->width == p->features && only != NULL &&
                           !only->sparse && only->from == 0 && only->to == 0 && only->count == p->features;
    preprocess->width += p->width == 0; /* a network of constants reads nothing, but a row is a number at least */
}

size_t srv_preprocess_width(const srv_preprocess *preprocess) {
    return preprocess->width;
}

bool srv_preprocess_changes(const srv_preprocess *preprocess) {
    return preprocess->step_count > 0 || !preprocess->in_place;
}

bool srv_preprocess_is_in_place(const srv_preprocess *preprocess) {
    return preprocess->in_place;
}
