#include "blocks.h"

#include <stdio.h>
#include <stdlib.h>

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static void *take(srv_arena *arena, size_t count, size_t size) {
    size_t bytes;
    return srv_multiply(count, size, &bytes) ? srv_arena_take(arena, bytes) : NULL;
}

/* Appends to a list of segments, as part of the last one where it goes on in the registers. */
static void append(srv_block *block, srv_segment segment) {
    srv_segment *last = block->count > 0 ? &block->segments[block->count - 1] : NULL;
    if (segment.count == 0) {
        return;
    }
    if (last != NULL && last->kind == SRV_NUMBERS && segment.kind == SRV_NUMBERS && last->column == NULL &&
        segment.column == NULL && last->first + last->count == segment.first) {
        last->count += segment.count;
    } else {
        block->segments[block->count++] = segment;
    }
}

static int by_place(const void *left, const void *right) {
    const srv_pick *a = *(const srv_pick *const *)left, *b = *(const srv_pick *const *)right;
    if (a->segment != b->segment) {
        return a->segment < b->segment ? -1 : 1;
    }
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* The picks in the order of their places in the block. */
static const srv_pick **sorted(const srv_picks *picks, srv_arena *arena) {
    const srv_pick **list = take(arena, picks->count, sizeof *list);
    for (size_t i = 0; list != NULL && i < picks->count; i++) {
        list[i] = &picks->list[i];
    }
    if (list != NULL) {
        qsort(list, picks->count, sizeof *list, by_place);
    }
    return list;
}

/* ------------------------------------------------------------------------------------------------------------ picks */

/* Where the search for the next column begins: after the last one, as columns mostly come in the block's order. */
typedef struct place {
    size_t segment;
    size_t before; /* numbers in the segments before it */
} place;

static bool has_name(const srv_segment *segment, const char *name) {
    return segment->column != NULL && strcmp(segment->column->name, name) == 0;
}

/* "a, b": the names that columns of the block still have. */
static const char *list_columns(const srv_block *block, char *out, size_t capacity) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < block->count; i++) {
        const srv_column *column = block->segments[i].column;
        size_t size = column != NULL ? strlen(column->name) : 0;
        if (column != NULL && used + size + 8 < capacity) {
            used += (size_t)snprintf(out + used, capacity - used, "%s%s", used > 0 ? ", " : "", column->name);
        } else if (column != NULL) {
            snprintf(out + used, capacity - used, ", \xE2\x80\xA6");
            break;
        }
    }
    return out;
}

static srv_status find_name(const srv_json *name, const srv_block *block, place *at, srv_pick *out, srv_error *err) {
    for (size_t i = 0; i < block->count; i++) {
        size_t segment = at->segment + i < block->count ? at->segment + i : at->segment + i - block->count;
        if (has_name(&block->segments[segment], name->text)) {
            at->segment = segment;
            at->before = SIZE_MAX;
            *out = (srv_pick){segment, 0, block->segments[segment].count};
            return SRV_OK;
        }
    }
    char names[300];
    bool known = block->table != NULL &&
                 srv_names_find(&block->table->names, name->text, name->size) < block->table->names.count;
    if (known) {
        return srv_json_fail(name, err,
                             "%.60s has been made other numbers by an earlier step, and is no column of its "
                             "own any more",
                             name->text);
    }
    list_columns(block, names, sizeof names);
    return names[0] != '\0'
               ? srv_json_fail(name, err, "there is no column %.60s; the columns are %s", name->text, names)
               : srv_json_fail(name, err, "there is no column %.60s: %.60s has indices, from 0", name->text,
                               block->name);
}

static srv_status find_index(const srv_json *index, const srv_block *block, place *at, srv_pick *out, srv_error *err) {
    size_t wanted = index->number >= 0 && index->number < (double)SRV_MAX_REGISTERS ? (size_t)index->number : SIZE_MAX;
    if (wanted != SIZE_MAX && (double)wanted == index->number) {
        if (at->before == SIZE_MAX || wanted < at->before) {
            *at = (place){0, 0};
        }
        while (at->segment < block->count && wanted >= at->before + block->segments[at->segment].count) {
            at->before += block->segments[at->segment++].count;
        }
        if (at->segment < block->count) {
            *out = (srv_pick){at->segment, wanted - at->before, 1};
            return SRV_OK;
        }
    }
    size_t numbers = 0;
    for (size_t i = 0; i < block->count; i++) {
        numbers += block->segments[i].count;
    }
    *at = (place){0, 0};
    return srv_json_fail(index, err, "expected an index of the %zu numbers, from 0 to %zu", numbers, numbers - 1);
}

static srv_status check_distinct(const srv_json *list, const srv_block *block, const srv_picks *picks, srv_arena *arena,
                                 srv_error *err) {
    const srv_pick **order = sorted(picks, arena);
    if (order == NULL) {
        return no_memory(err);
    }
    for (size_t i = 1; i < picks->count; i++) {
        if (order[i]->segment == order[i - 1]->segment &&
            order[i]->offset < order[i - 1]->offset + order[i - 1]->count) {
            const srv_column *column = block->segments[order[i]->segment].column;
            return srv_json_fail(list, err, "%.60s is there twice", column != NULL ? column->name : "an index");
        }
    }
    return SRV_OK;
}

static srv_status pick_listed(const srv_json *list, const srv_block *block, srv_arena *arena, srv_picks *out,
                              srv_error *err) {
    place at = {0, 0};
    if (list->type != SRV_JSON_ARRAY || list->size == 0) {
        return srv_json_fail(list, err, "expected an array of columns: names, or indices of numbers");
    }
    if ((out->list = take(arena, list->size, sizeof *out->list)) == NULL) {
        return no_memory(err);
    }
    for (const srv_json *node = list->first; node != NULL; node = node->next) {
        srv_pick pick, *last = out->count > 0 ? &out->list[out->count - 1] : NULL;
        srv_status status;
        if (node->type == SRV_JSON_STRING) {
            status = find_name(node, block, &at, &pick, err);
        } else if (node->type == SRV_JSON_NUMBER) {
            status = find_index(node, block, &at, &pick, err);
        } else {
            status = srv_json_fail(node, err, "expected the name of a column, or the index of a number");
        }
        if (status != SRV_OK) {
            return status;
        }
        out->numbers += pick.count;
        if (last != NULL && last->segment == pick.segment && last->offset + last->count == pick.offset) {
            last->count += pick.count;
        } else {
            out->list[out->count++] = pick;
        }
    }
    return check_distinct(list, block, out, arena, err);
}

srv_status srv_pick_columns(const srv_json *node, const srv_block *block, srv_column_type type, srv_arena *arena,
                            srv_picks *out, srv_error *err) {
    const srv_json *list = srv_json_get(node, "columns");
    *out = (srv_picks){0};
    if (list != NULL) {
        return pick_listed(list, block, arena, out, err);
    }
    if ((out->list = take(arena, block->count, sizeof *out->list)) == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < block->count; i++) {
        const srv_segment *segment = &block->segments[i];
        if (block->table == NULL || (segment->column != NULL && segment->column->type == type)) {
            out->list[out->count++] = (srv_pick){i, 0, segment->count};
            out->numbers += segment->count;
        }
    }
    return out->count > 0 ? SRV_OK : srv_json_fail(node, err, "%.60s has no column that this step is for", block->name);
}

srv_status srv_pick_text(const srv_json *node, const srv_block *block, srv_arena *arena, srv_picks *out,
                         srv_error *err) {
    const srv_json *name = srv_json_get(node, "column");
    place at = {0, 0};
    srv_status status = SRV_OK;
    if ((out->list = take(arena, 1, sizeof *out->list)) == NULL) {
        return no_memory(err);
    }
    out->count = out->numbers = 1;
    if (name != NULL && name->type != SRV_JSON_STRING) {
        return srv_json_fail(name, err, "expected the name of a text column, not %s", srv_json_type_name(name->type));
    }
    if (name != NULL) {
        status = find_name(name, block, &at, out->list, err);
    } else {
        *out->list = (srv_pick){0, 0, 1};
    }
    if (status == SRV_OK &&
        ((name == NULL && block->count != 1) || block->segments[out->list->segment].kind != SRV_TEXT)) {
        return srv_json_fail(name != NULL ? name : node, err,
                             name != NULL ? "%.60s is no text" : "%.60s is no text: a \"column\" of it must be named",
                             name != NULL ? name->text : block->name);
    }
    return status;
}

/* --------------------------------------------------------------------------------------------------------- results */

srv_status srv_block_replace(srv_block *block, const srv_picks *picks, const srv_segment *results, srv_arena *arena,
                             srv_error *err) {
    const srv_pick **order = sorted(picks, arena);
    srv_block made = {.name = block->name, .table = block->table};
    made.segments = take(arena, block->count + 2 * picks->count, sizeof *made.segments);
    if (order == NULL || made.segments == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0, p = 0; i < block->count; i++) {
        srv_segment rest = block->segments[i];
        size_t done = 0;
        for (; p < picks->count && order[p]->segment == i; p++) {
            srv_segment before = rest;
            before.first += done;
            before.count = order[p]->offset - done;
            append(&made, before);
            append(&made, results[order[p] - picks->list]);
            done = order[p]->offset + order[p]->count;
        }
        rest.first += done;
        rest.count -= done;
        append(&made, rest);
    }
    *block = made;
    return SRV_OK;
}

srv_status srv_block_build(const srv_segment *results, size_t count, srv_arena *arena, srv_block *out, srv_error *err) {
    *out = (srv_block){.segments = take(arena, count, sizeof *out->segments)};
    if (out->segments == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        append(out, results[i]);
    }
    return SRV_OK;
}

srv_status srv_block_join(const srv_block *const *blocks, size_t count, srv_arena *arena, srv_block *out,
                          srv_error *err) {
    size_t segments = 0;
    for (size_t i = 0; i < count; i++) {
        segments += blocks[i]->count;
    }
    *out = (srv_block){.segments = take(arena, segments, sizeof *out->segments)};
    if (out->segments == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < blocks[i]->count; j++) {
            append(out, blocks[i]->segments[j]);
        }
    }
    return SRV_OK;
}
