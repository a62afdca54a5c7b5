#include "blocks.h"
#include "step_rules.h"

typedef struct compiler {
    srv_preprocess *program;
    const srv_safetensors *tensors;
    srv_arena *arena;
    srv_error *err;
} compiler;

static srv_status no_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static void *take(srv_arena *arena, size_t count, size_t size) {
    size_t bytes;
    return srv_multiply(count, size, &bytes) ? srv_arena_take(arena, bytes) : NULL;
}

/* Appends a step; when the room is used up it doubles, and the old list stays in the arena unused. */
static srv_status emit(compiler *c, srv_step step) {
    srv_preprocess *p = c->program;
    if (p->step_count == p->step_capacity) {
        size_t capacity = p->step_capacity > 0 ? 2 * p->step_capacity : 16;
        srv_step *larger = take(c->arena, capacity, sizeof *larger);
        if (larger == NULL) {
            return no_memory(c->err);
        }
        if (p->step_count > 0) {
            memcpy(larger, p->steps, p->step_count * sizeof *larger);
        }
        p->steps = larger;
        p->step_capacity = capacity;
    }
    p->steps[p->step_count++] = step;
    return SRV_OK;
}

/* So many new registers. */
static srv_status new_registers(compiler *c, const srv_json *node, size_t count, size_t *first) {
    srv_preprocess *p = c->program;
    if (count > SRV_MAX_REGISTERS - p->registers) {
        return srv_json_fail(node, c->err, "the steps make more than %zu numbers of a row", SRV_MAX_REGISTERS);
    }
    *first = p->registers;
    p->registers += count;
    return SRV_OK;
}

/* -------------------------------------------------------------------------------------------------------- sources */

/* The block of that name among the first `before`; block_count if there is none. */
static size_t find_block(const srv_preprocess *p, const char *name) {
    size_t i = 0;
    while (i < p->block_count && strcmp(p->blocks[i].name, name) != 0) {
        i++;
    }
    return i;
}

static srv_status find_named(compiler *c, const srv_json *name, srv_block **out) {
    const srv_preprocess *p = c->program;
    size_t i = name->type == SRV_JSON_STRING ? find_block(p, name->text) : p->block_count;
    if (i == p->block_count) {
        return srv_json_fail(name, c->err, "there is no input named %.100s, nor an output of an earlier step",
                             name->type == SRV_JSON_STRING ? name->text : "so");
    }
    *out = &p->blocks[i];
    return SRV_OK;
}

/* What a step reads: the block of its `input`, or those of its `inputs` as one, in *joined. */
static srv_status find_source(compiler *c, const srv_json *node, srv_block **out, srv_block *joined) {
    const srv_json *input = srv_json_get(node, "input"), *inputs = srv_json_get(node, "inputs");
    if ((input == NULL) == (inputs == NULL)) {
        return srv_json_fail(node, c->err, "a step reads either \"input\" or \"inputs\"");
    }
    if (input != NULL) {
        return find_named(c, input, out);
    }
    if (inputs->type != SRV_JSON_ARRAY || inputs->size == 0) {
        return srv_json_fail(inputs, c->err, "expected an array of names of inputs");
    }
    if (srv_json_get(node, "output") == NULL) {
        return srv_json_fail(node, c->err, "a step that reads several inputs needs an \"output\"");
    }
    const srv_block **blocks = take(c->arena, inputs->size, sizeof *blocks);
    if (blocks == NULL) {
        return no_memory(c->err);
    }
    for (const srv_json *name = inputs->first; name != NULL; name = name->next) {
        srv_block *block = NULL;
        srv_status status = find_named(c, name, &block);
        if (status != SRV_OK) {
            return status;
        }
        blocks[name->index] = block;
    }
    srv_status status = srv_block_join(blocks, inputs->size, c->arena, joined, c->err);
    joined->name = "what it reads";
    *out = joined;
    return status;
}

/* Terms of which a step reads numbers become registers, for the block at hand; other blocks keep the terms. */
static srv_status write_terms(compiler *c, const srv_json *node, srv_segment *segment) {
    size_t first = 0;
    srv_status status = new_registers(c, node, segment->count, &first);
    if (status == SRV_OK) {
        status = emit(
            c, (srv_step){.op = SRV_STEP_WRITE_TERMS, .from = segment->first, .to = first, .width = segment->count});
    }
    *segment = (srv_segment){.kind = SRV_NUMBERS, .first = first, .count = segment->count};
    return status;
}

/* Only numbers are left among the picks; a text is a fault. */
static srv_status want_numbers(compiler *c, const srv_json *node, srv_block *block, const srv_picks *picks) {
    for (size_t i = 0; i < picks->count; i++) {
        srv_segment *segment = &block->segments[picks->list[i].segment];
        if (segment->kind == SRV_TEXT) {
            return srv_json_fail(node, c->err, "%.60s is a text, and becomes numbers by count_words or hash first",
                                 segment->column->name);
        }
        srv_status status = segment->kind == SRV_TERMS ? write_terms(c, node, segment) : SRV_OK;
        if (status != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

/* Is each of these registers part of one block once?  Then a step may write over them. */
static bool is_unshared(const srv_preprocess *p, size_t from, size_t count) {
    size_t shared = 0;
    for (size_t i = 0; i < p->block_count; i++) {
        for (size_t j = 0; j < p->blocks[i].count; j++) {
            const srv_segment *s = &p->blocks[i].segments[j];
            size_t begin = s->first > from ? s->first : from;
            size_t end = s->first + s->count < from + count ? s->first + s->count : from + count;
            shared += s->kind == SRV_NUMBERS && begin < end ? end - begin : 0;
        }
    }
    return shared == count;
}

/* The picked numbers side by side: where they are so already, or copied.  *own: nothing else needs these registers. */
static srv_status gather(compiler *c, const srv_json *node, const srv_block *block, const srv_picks *picks,
                         size_t *from, bool *own) {
    bool together = true;
    for (size_t i = 1; i < picks->count && together; i++) {
        const srv_pick *last = &picks->list[i - 1], *pick = &picks->list[i];
        together = block->segments[last->segment].first + last->offset + last->count ==
                   block->segments[pick->segment].first + pick->offset;
    }
    *own = !together;
    if (together) {
        *from = block->segments[picks->list[0].segment].first + picks->list[0].offset;
        return SRV_OK;
    }
    size_t to = 0;
    srv_status status = new_registers(c, node, picks->numbers, &to);
    *from = to;
    for (size_t i = 0; i < picks->count && status == SRV_OK;) {
        size_t first = block->segments[picks->list[i].segment].first + picks->list[i].offset, count = 0;
        do { /* stretches that lie together are copied as one */
            count += picks->list[i++].count;
        } while (i < picks->count &&
                 block->segments[picks->list[i].segment].first + picks->list[i].offset == first + count);
        status = emit(c, (srv_step){.op = SRV_STEP_COPY, .from = first, .count = count, .to = to, .width = count});
        to += count;
    }
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- steps */

/* Where the results of a step lie, pick by pick. */
static srv_segment *results_of(compiler *c, const srv_step_rule *rule, const srv_step *step, const srv_block *block,
                               const srv_picks *picks) {
    srv_segment *results = take(c->arena, picks->count, sizeof *results);
    size_t first = 0; /* of the picks, by the block's order: there all numbers together have their place */
    for (size_t i = 1; i < picks->count; i++) {
        const srv_pick *a = &picks->list[i], *b = &picks->list[first];
        if (a->segment < b->segment || (a->segment == b->segment && a->offset < b->offset)) {
            first = i;
        }
    }
    for (size_t i = 0, at = 0; results != NULL && i < picks->count; at += picks->list[i++].count) {
        const srv_pick *pick = &picks->list[i];
        switch (rule->kind) {
        case SRV_STEP_EACH:
            results[i] = (srv_segment){.first = step->to + step->offsets[at],
                                       .count = step->offsets[at + pick->count] - step->offsets[at]};
            break;
        case SRV_STEP_WHOLE:
            results[i] = (srv_segment){.first = step->to, .count = i == first ? step->width : 0};
            break;
        default:
            results[i] = (srv_segment){
                .first = step->to + at, .count = pick->count, .column = block->segments[pick->segment].column};
        }
    }
    return results;
}

/* The results take the place of what was read, or make a block of their own. */
static srv_status deliver(compiler *c, const srv_json *node, srv_block *block, const srv_picks *picks,
                          const srv_segment *results) {
    srv_preprocess *p = c->program;
    const srv_json *output = srv_json_get(node, "output");
    if (results == NULL) {
        return no_memory(c->err);
    }
    srv_status status = output == NULL
                            ? srv_block_replace(block, picks, results, c->arena, c->err)
                            : srv_block_build(results, picks->count, c->arena, &p->blocks[p->block_count], c->err);
    if (output != NULL) {
        block = &p->blocks[p->block_count];
        block->name = output->text;
    }
    if (status == SRV_OK && block->count == 0) {
        return srv_json_fail(node, c->err, "no number is left of %.60s", block->name);
    }
    p->block_count += output != NULL;
    return status;
}

static srv_status check_output(compiler *c, const srv_json *node) {
    const srv_json *output = srv_json_get(node, "output");
    if (output == NULL) {
        return SRV_OK;
    }
    if (output->type != SRV_JSON_STRING || output->size == 0) {
        return srv_json_fail(output, c->err, "expected a name for what the step makes");
    }
    if (find_block(c->program, output->text) < c->program->block_count) {
        return srv_json_fail(output, c->err, "there is another input, or output of a step, named %.100s", output->text);
    }
    return SRV_OK;
}

static srv_status compile_moves(compiler *c, const srv_json *node, const srv_step_rule *rule, srv_block *block) {
    bool select = strcmp(rule->name, "select") == 0;
    srv_picks picks;
    if (select && srv_json_get(node, "columns") == NULL) {
        return srv_json_fail(node, c->err, "select needs \"columns\"");
    }
    if (!select && (srv_json_get(node, "inputs") == NULL || srv_json_get(node, "columns") != NULL)) {
        return srv_json_fail(node, c->err, "concatenate reads \"inputs\", and all of them");
    }
    srv_status status = srv_pick_columns(node, block, rule->type, c->arena, &picks, c->err);
    srv_segment *parts = status == SRV_OK ? take(c->arena, picks.count, sizeof *parts) : NULL;
    if (parts == NULL) {
        return status == SRV_OK ? no_memory(c->err) : status;
    }
    for (size_t i = 0; i < picks.count && status == SRV_OK; i++) {
        const srv_pick *pick = &picks.list[i];
        srv_segment *segment = &block->segments[pick->segment];
        if (segment->kind == SRV_TERMS && pick->count < segment->count) {
            status = write_terms(c, node, segment);
        }
        parts[i] = *segment;
        parts[i].first += pick->offset;
        parts[i].count = pick->count;
    }
    if (status == SRV_OK && select && srv_json_get(node, "output") == NULL) { /* the others go */
        srv_block made;
        status = srv_block_build(parts, picks.count, c->arena, &made, c->err);
        made.name = block->name;
        made.table = block->table;
        *block = made;
        return status;
    }
    return status == SRV_OK ? deliver(c, node, block, &picks, parts) : status;
}

static srv_status compile_words(compiler *c, const srv_step_reading *r, const srv_step_rule *rule, srv_block *block) {
    srv_preprocess *p = c->program;
    srv_step step = {.op = rule->op, .from = block->segments[r->picks->list->segment].first, .to = p->terms};
    srv_status status = rule->read(r, &step);
    if (status == SRV_OK) {
        status = emit(c, step);
    }
    const srv_segment result = {.kind = SRV_TERMS, .first = p->terms++, .count = step.width};
    return status == SRV_OK ? deliver(c, r->node, block, r->picks, &result) : status;
}

/* hash: texts one by one, numbers too. */
static srv_status compile_hash(compiler *c, const srv_step_reading *r, const srv_step_rule *rule, srv_block *block) {
    srv_step step = {.op = SRV_STEP_HASH, .count = r->picks->numbers};
    srv_segment *results = take(c->arena, r->picks->count, sizeof *results);
    srv_status status = rule->read(r, &step);
    size_t to = 0;
    if (results == NULL) {
        return no_memory(c->err);
    }
    if (status != SRV_OK || (status = new_registers(c, r->node, r->picks->numbers, &to)) != SRV_OK) {
        return status;
    }
    for (size_t i = 0; i < r->picks->count && status == SRV_OK; i++) {
        const srv_pick *pick = &r->picks->list[i];
        srv_segment *segment = &block->segments[pick->segment];
        if (segment->kind == SRV_TERMS && (status = write_terms(c, r->node, segment)) != SRV_OK) {
            return status;
        }
        step.op = segment->kind == SRV_TEXT ? SRV_STEP_HASH_TEXT : SRV_STEP_HASH;
        step.from = segment->first + pick->offset;
        step.count = step.width = pick->count;
        step.to = to;
        results[i] = (srv_segment){.first = to, .count = pick->count, .column = segment->column};
        status = emit(c, step);
        to += pick->count;
    }
    return status == SRV_OK ? deliver(c, r->node, block, r->picks, results) : status;
}

static srv_status compile_numbers(compiler *c, const srv_step_reading *r, const srv_step_rule *rule, srv_block *block) {
    bool own, in_place = rule->kind == SRV_STEP_NUMBER_BY_NUMBER;
    srv_status status = want_numbers(c, r->node, block, r->picks);
    srv_step step = {.op = rule->op, .count = r->picks->numbers, .width = r->picks->numbers};
    if (status != SRV_OK || (status = gather(c, r->node, block, r->picks, &step.from, &own)) != SRV_OK ||
        (rule->read != NULL && (status = rule->read(r, &step)) != SRV_OK)) {
        return status;
    }
    step.to = step.from;
    if (!in_place ||
        (!own && (srv_json_get(r->node, "output") != NULL || !is_unshared(c->program, step.from, step.count)))) {
        status = new_registers(c, r->node, step.width, &step.to);
    }
    if (status == SRV_OK) {
        status = emit(c, step);
    }
    return status == SRV_OK ? deliver(c, r->node, block, r->picks, results_of(c, rule, &step, block, r->picks))
                            : status;
}

static srv_status compile_step(compiler *c, const srv_json *node) {
    const srv_step_rule *rule;
    srv_block *block, joined;
    srv_picks picks;
    srv_status status;
    if ((status = srv_step_rule_find(node, &rule, c->err)) != SRV_OK ||
        (status = srv_step_rule_check(rule, node, c->err)) != SRV_OK ||
        (status = find_source(c, node, &block, &joined)) != SRV_OK || (status = check_output(c, node)) != SRV_OK) {
        return status;
    }
    if (rule->kind == SRV_STEP_MOVES) {
        return compile_moves(c, node, rule, block);
    }
    status = rule->kind == SRV_STEP_OF_TEXT ? srv_pick_text(node, block, c->arena, &picks, c->err)
                                            : srv_pick_columns(node, block, rule->type, c->arena, &picks, c->err);
    if (status != SRV_OK) {
        return status;
    }
    const srv_step_reading reading = {.node = node,
                                      .block = block,
                                      .picks = &picks,
                                      .tensors = c->tensors,
                                      .wide = c->program->wide,
                                      .arena = c->arena,
                                      .err = c->err};
    return rule->kind == SRV_STEP_OF_TEXT  ? compile_words(c, &reading, rule, block)
           : rule->kind == SRV_STEP_OF_ANY ? compile_hash(c, &reading, rule, block)
                                           : compile_numbers(c, &reading, rule, block);
}

/* An input as it is sent: a stretch of registers, or one for each column. */
static srv_status add_input(compiler *c, const srv_input_spec *input) {
    srv_preprocess *p = c->program;
    const srv_table *table = input->table;
    srv_block *block = &p->blocks[p->block_count++];
    *block = (srv_block){.name = input->name, .table = table != NULL && !table->bare ? table : NULL};
    block->count = table != NULL ? table->names.count : 1;
    if ((block->segments = take(c->arena, block->count, sizeof *block->segments)) == NULL) {
        return no_memory(c->err);
    }
    block->segments[0] = (srv_segment){.first = p->features, .count = input->features};
    for (size_t i = 0; table != NULL && i < block->count; i++) {
        const srv_column *column = &table->columns[i];
        bool text = column->type == SRV_COLUMN_TEXT;
        block->segments[i] = (srv_segment){.kind = text ? SRV_TEXT : SRV_NUMBERS,
                                           .first = text ? p->texts + column->text : p->features + column->offset,
                                           .count = column->width,
                                           .column = column};
    }
    p->features += input->features;
    p->texts += table != NULL ? table->texts : 0;
    p->wide |= table != NULL;
    return SRV_OK;
}

srv_status srv_preprocess_compile(const srv_json *steps, const srv_input_spec *inputs, size_t input_count,
                                  const srv_safetensors *tensors, srv_arena *arena, srv_preprocess **out,
                                  srv_error *err) {
    if (steps != NULL && steps->type != SRV_JSON_ARRAY) {
        return srv_json_fail(steps, err, "expected an array of steps, not %s", srv_json_type_name(steps->type));
    }
    srv_preprocess *made = srv_arena_take(arena, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    *made = (srv_preprocess){.arena = arena};
    compiler c = {.program = made, .tensors = tensors, .arena = arena, .err = err};
    made->blocks = take(arena, input_count + (steps != NULL ? steps->size : 0), sizeof *made->blocks);
    if (made->blocks == NULL) {
        return no_memory(err);
    }
    srv_status status = SRV_OK;
    for (size_t i = 0; i < input_count && status == SRV_OK; i++) {
        status = add_input(&c, &inputs[i]);
    }
    made->registers = made->features;
    for (const srv_json *node = steps != NULL ? steps->first : NULL; node != NULL && status == SRV_OK;
         node = node->next) {
        status = compile_step(&c, node);
    }
    *out = made;
    return status;
}

size_t srv_preprocess_blocks(const srv_preprocess *preprocess) {
    return preprocess->block_count;
}

const char *srv_preprocess_block_name(const srv_preprocess *preprocess, size_t block) {
    return preprocess->blocks[block].name;
}

bool srv_preprocess_has_terms(const srv_preprocess *preprocess, size_t block) {
    const srv_block *b = &preprocess->blocks[block];
    for (size_t i = 0; i < b->count; i++) {
        if (b->segments[i].kind == SRV_TERMS) {
            return true;
        }
    }
    return false;
}
