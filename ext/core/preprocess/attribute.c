#include "attribute.h"

#include "program.h"
#include "words_spec.h"

typedef struct attribution {
    const srv_preprocess *p;
    const srv_sent_rows *from;
    void *registers;  /* where steps are run again, for what they found in this row */
    srv_terms *found; /* by the last run */
    srv_terms *terms; /* of the whole program, kept */
    srv_arena *terms_arena, *arena;
    double *numbers;     /* [registers] */
    double **term_parts; /* [terms of the program]: [count] each */
    srv_attribution *out;
    srv_error *err;
} attribution;

static double contribution(float value, float baseline, double slope) {
    double way = (double)value - (double)baseline;
    return way != 0 ? way * slope : 0; /* what has not moved has done nothing, however steep it is there */
}

void srv_preprocess_baseline(const srv_preprocess *preprocess, float *row) {
    memset(row, 0, preprocess->width * sizeof *row);
    for (size_t i = 0; i < preprocess->product_count; i++) {
        const srv_product *product = preprocess->products[i];
        if (product->bias != NULL) {
            memcpy(row + product->to, product->bias, product->units * sizeof *row);
        }
    }
}

/* The first `steps` steps, on the row as sent. */
static srv_status run_first(attribution *a, size_t steps) {
    srv_preprocess part = *a->p;
    part.step_count = steps;
    srv_arena_reset(a->terms_arena);
    if (!part.wide) {
        memcpy(a->registers, a->from->values, part.features * sizeof(float));
        return srv__run_steps_float(&part, NULL, a->from->texts, a->registers, a->found, a->terms_arena, a->err);
    }
    for (size_t i = 0; i < part.features; i++) {
        ((double *)a->registers)[i] = a->from->cells != NULL ? a->from->cells[i] : (double)a->from->values[i];
    }
    return srv__run_steps_double(&part, NULL, a->from->texts, a->registers, a->found, a->terms_arena, a->err);
}

/* ------------------------------------------------------------------------ from the network's row to registers and terms */

static void leave_row(attribution *a, const float *row, const float *baseline, const double *slope) {
    for (size_t g = 0; g < a->p->gather_count; g++) {
        const srv_gather *part = &a->p->gathers[g];
        for (size_t i = 0; i < part->count && !part->sparse; i++) {
            size_t at = part->to + i;
            a->numbers[part->from + i] += contribution(row[at], baseline[at], slope[at]);
        }
        for (size_t t = 0; part->sparse && t < a->terms[part->from].count; t++) {
            size_t at = part->to + a->terms[part->from].list[t].index;
            a->term_parts[part->from][t] += contribution(row[at], baseline[at], slope[at]);
        }
    }
}

static void leave_products(attribution *a, const double *slope) {
    for (size_t i = 0; i < a->p->product_count; i++) {
        const srv_product *product = a->p->products[i];
        for (size_t j = 0; j < product->part_count; j++) {
            const srv_product_part *part = &product->parts[j];
            const srv_terms *terms = &a->terms[part->terms];
            for (size_t t = 0; t < terms->count; t++) {
                const float *kernel = part->kernel + terms->list[t].index * product->units;
                double steepness = 0;
                for (size_t u = 0; u < product->units; u++) {
                    steepness += slope[product->to + u] * (double)kernel[u];
                }
                a->term_parts[part->terms][t] += terms->list[t].value * steepness;
            }
        }
    }
}

/* -------------------------------------------------------------------------------------------- back through the steps */

static void leave_one_hot(attribution *a, const srv_step *s) {
    for (size_t i = 0; i < s->count; i++) {
        for (size_t j = s->offsets[i]; j < s->offsets[i + 1]; j++) {
            a->numbers[s->from + i] += a->numbers[s->to + j];
        }
    }
}

static void leave_polynomial(attribution *a, const srv_step *s) {
    for (size_t i = 0; i < s->width; i++) {
        size_t begin = s->offsets[i], factors = s->offsets[i + 1] - begin;
        a->out->rest += factors == 0 ? a->numbers[s->to + i] : 0;
        for (size_t j = 0; j < factors; j++) {
            a->numbers[s->from + s->factors[begin + j]] += a->numbers[s->to + i] / (double)factors;
        }
    }
}

/* An indicator belongs to the indices that have set it, in equal parts. */
static srv_status leave_multi_hot(attribution *a, size_t step) {
    const srv_step *s = &a->p->steps[step];
    srv_status status = run_first(a, step);
    size_t *setters = srv_arena_take(a->arena, s->width * sizeof *setters);
    size_t *index = srv_arena_take(a->arena, s->count * sizeof *index);
    if (setters == NULL || index == NULL) {
        return srv_fail(a->err, SRV_NO_MEMORY, "out of memory");
    }
    memset(setters, 0, s->width * sizeof *setters);
    for (size_t i = 0; i < s->count && status == SRV_OK; i++) {
        double x = a->p->wide ? ((double *)a->registers)[s->from + i] : (double)((float *)a->registers)[s->from + i];
        bool is_index = x >= 0 && x < (double)s->width && x == (double)(size_t)x;
        index[i] = is_index ? (size_t)x : s->width;
        if (is_index) {
            setters[index[i]]++;
        }
    }
    for (size_t i = 0; i < s->count && status == SRV_OK; i++) {
        if (index[i] < s->width) {
            a->numbers[s->from + i] += a->numbers[s->to + index[i]] / (double)setters[index[i]];
        }
    }
    return status;
}

static srv_text term_of(const srv_words *words, uint32_t index) {
    bool named = words->features == 0 && index >= words->unknown;
    return named ? words->vocabulary.list[index - words->unknown] : (srv_text){0};
}

static srv_status leave_words(attribution *a, const srv_step *s) {
    srv_text_share *text = &a->out->texts[s->from];
    const srv_terms *terms = &a->terms[s->to];
    size_t before = text->count, bytes;
    srv_term_share *larger =
        srv_multiply(before + terms->count, sizeof *larger, &bytes) ? srv_arena_take(a->arena, bytes) : NULL;
    if (larger == NULL) {
        return srv_fail(a->err, SRV_NO_MEMORY, "out of memory");
    }
    if (before > 0) {
        memcpy(larger, text->terms, before * sizeof *larger);
    }
    for (size_t t = 0; t < terms->count; t++) {
        uint32_t index = terms->list[t].index;
        larger[before + t] = (srv_term_share){term_of(s->words, index), index, a->term_parts[s->to][t]};
    }
    *text = (srv_text_share){true, larger, before + terms->count, text->whole};
    return SRV_OK;
}

static srv_status leave_step(attribution *a, size_t step) {
    const srv_step *s = &a->p->steps[step];
    switch (s->op) {
    case SRV_STEP_ONE_HOT:
        leave_one_hot(a, s);
        break;
    case SRV_STEP_POLYNOMIAL:
        leave_polynomial(a, s);
        break;
    case SRV_STEP_MULTI_HOT:
        return leave_multi_hot(a, step);
    case SRV_STEP_COUNT_WORDS:
        return leave_words(a, s);
    case SRV_STEP_WRITE_TERMS:
        for (size_t t = 0; t < a->terms[s->from].count; t++) {
            a->term_parts[s->from][t] += a->numbers[s->to + a->terms[s->from].list[t].index];
        }
        break;
    case SRV_STEP_HASH_TEXT:
        a->out->texts[s->from].whole += a->numbers[s->to];
        break;
    default: /* number by number */
        for (size_t i = 0; i < s->count && s->to != s->from; i++) {
            a->numbers[s->from + i] += a->numbers[s->to + i];
        }
    }
    return SRV_OK;
}

/* --------------------------------------------------------------------------------------------------------- the whole */

static double *take_zeros(srv_arena *arena, size_t count) {
    size_t bytes;
    double *zeros = srv_multiply(count, sizeof *zeros, &bytes) ? srv_arena_take(arena, bytes) : NULL;
    return zeros != NULL ? memset(zeros, 0, bytes) : NULL;
}

/* The terms of this row, kept where running steps again does not reach them. */
static srv_status find_terms(attribution *a) {
    const srv_preprocess *p = a->p;
    a->found = (srv_terms *)((char *)a->registers + (srv_preprocess_scratch(p) - p->terms * sizeof(srv_terms)));
    if (p->terms == 0) {
        return SRV_OK;
    }
    srv_status status = run_first(a, p->step_count);
    srv_terms *kept = srv_arena_take(a->arena, p->terms * sizeof *kept);
    a->term_parts = srv_arena_take(a->arena, p->terms * sizeof *a->term_parts);
    if (status != SRV_OK || kept == NULL || a->term_parts == NULL) {
        return srv_fail(a->err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < p->terms; i++) {
        size_t bytes = a->found[i].count * sizeof *kept[i].list;
        kept[i] = (srv_terms){srv_arena_take(a->arena, bytes), a->found[i].count};
        a->term_parts[i] = take_zeros(a->arena, kept[i].count);
        if (kept[i].list == NULL || a->term_parts[i] == NULL) {
            return srv_fail(a->err, SRV_NO_MEMORY, "out of memory");
        }
        if (bytes > 0) {
            memcpy(kept[i].list, a->found[i].list, bytes);
        }
    }
    a->terms = kept;
    return SRV_OK;
}

srv_status srv_preprocess_attribute(const srv_preprocess *preprocess, const srv_sent_rows *from, const float *row,
                                    const float *baseline, const double *slope, void *scratch, srv_arena *terms,
                                    srv_arena *arena, srv_attribution *out, srv_error *err) {
    const srv_preprocess *p = preprocess;
    attribution a = {
        .p = p, .from = from, .registers = scratch, .terms_arena = terms, .arena = arena, .out = out, .err = err};
    *out = (srv_attribution){.texts = p->texts > 0 ? srv_arena_take(arena, p->texts * sizeof *out->texts) : NULL};
    a.numbers = out->numbers = take_zeros(arena, p->registers);
    if (a.numbers == NULL || (p->texts > 0 && out->texts == NULL)) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    if (p->texts > 0) {
        memset(out->texts, 0, p->texts * sizeof *out->texts);
    }
    srv_status status = find_terms(&a);
    if (status == SRV_OK) {
        leave_row(&a, row, baseline, slope);
        leave_products(&a, slope);
    }
    for (size_t step = p->step_count; step-- > 0 && status == SRV_OK;) {
        status = leave_step(&a, step);
    }
    return status;
}
