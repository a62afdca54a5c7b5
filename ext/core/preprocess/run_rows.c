/* Rows as sent become rows of the network: the steps of a row in registers, then what layers read into its place. */
#include "program.h"

#include <sched.h>

#define SUMS 512        /* units of a product that are summed at once, on the stack */
#define YIELD_ROWS 1024 /* after so many of one request others may have the core, as in srv_yield_at */

static size_t register_bytes(const srv_preprocess *p) {
    size_t bytes = p->registers * (p->wide ? sizeof(double) : sizeof(float));
    return (bytes + SRV_ALIGNMENT - 1) / SRV_ALIGNMENT * SRV_ALIGNMENT;
}

size_t srv_preprocess_scratch(const srv_preprocess *preprocess) {
    return register_bytes(preprocess) + preprocess->terms * sizeof(srv_terms);
}

/* bias + Σ terms · kernel, in double precision, rounded once. */
static void run_product(const srv_product *product, const srv_terms *terms, float *row) {
    for (size_t first = 0; first < product->units; first += SUMS) {
        size_t count = product->units - first < SUMS ? product->units - first : SUMS;
        double sums[SUMS];
        for (size_t u = 0; u < count; u++) {
            sums[u] = product->bias != NULL ? (double)product->bias[first + u] : 0;
        }
        for (size_t i = 0; i < product->part_count; i++) {
            const srv_terms *list = &terms[product->parts[i].terms];
            for (size_t t = 0; t < list->count; t++) {
                const float *kernel = product->parts[i].kernel + list->list[t].index * product->units + first;
                double value = list->list[t].value;
                for (size_t u = 0; u < count; u++) {
                    sums[u] += value * (double)kernel[u];
                }
            }
        }
        for (size_t u = 0; u < count; u++) {
            row[product->to + first + u] = (float)sums[u];
        }
    }
}

static void write_row(const srv_preprocess *p, const void *registers, const srv_terms *terms, float *row) {
    const double *wide = registers;
    const float *narrow = registers;
    for (size_t g = 0; g < p->gather_count; g++) {
        const srv_gather *part = &p->gathers[g];
        float *to = row + part->to;
        if (part->sparse) {
            const srv_terms *list = &terms[part->from];
            memset(to, 0, part->count * sizeof *to);
            for (size_t t = 0; t < list->count; t++) {
                to[list->list[t].index] = (float)list->list[t].value;
            }
        } else if (p->wide) {
            for (size_t i = 0; i < part->count; i++) {
                to[i] = (float)wide[part->from + i];
            }
        } else {
            memcpy(to, narrow + part->from, part->count * sizeof *to);
        }
    }
    for (size_t i = 0; i < p->product_count; i++) {
        run_product(p->products[i], terms, row);
    }
}

/* The network's row has the registers' place: no other memory is needed. */
static srv_status run_in_place(const srv_preprocess *p, const float *from, size_t rows, float *to, srv_error *err) {
    bool whole = p->step_count > 0 && p->steps[0].count == p->features; /* then the first step moves the row, too */
    srv_status status = SRV_OK;
    for (size_t r = 0; r < rows && status == SRV_OK; r++) {
        const float *sent = from + r * p->features;
        float *row = to + r * p->features;
        if (sent != row && !whole) {
            memcpy(row, sent, p->features * sizeof *row);
        }
        status = srv__run_steps_float(p, whole ? sent : NULL, NULL, row, NULL, NULL, err);
    }
    return status;
}

srv_status srv_preprocess_rows(const srv_preprocess *preprocess, const srv_sent_rows *from, size_t rows, void *scratch,
                               srv_arena *arena, float *to, srv_error *err) {
    const srv_preprocess *p = preprocess;
    if (p->in_place) {
        return run_in_place(p, from->values, rows, to, err);
    }
    srv_terms *terms = (srv_terms *)((char *)scratch + register_bytes(p));
    srv_status status = SRV_OK;
    for (size_t r = 0; r < rows && status == SRV_OK; r++) {
        const srv_text *texts = from->texts != NULL ? from->texts + r * p->texts : NULL;
        const float *values = from->values != NULL ? from->values + r * p->features : NULL;
        double *wide = scratch;
        if (arena != NULL) {
            srv_arena_reset(arena);
        }
        if (!p->wide) {
            memcpy(scratch, values, p->features * sizeof *values);
            status = srv__run_steps_float(p, NULL, texts, scratch, terms, arena, err);
        } else {
            for (size_t i = 0; i < p->features; i++) {
                wide[i] = from->cells != NULL ? from->cells[r * p->features + i] : (double)values[i];
            }
            status = srv__run_steps_double(p, NULL, texts, wide, terms, arena, err);
        }
        if (status == SRV_OK) {
            write_row(p, scratch, terms, to + r * preprocess->width);
        }
        if (r % YIELD_ROWS == YIELD_ROWS - 1) {
            sched_yield();
        }
    }
    return status;
}
