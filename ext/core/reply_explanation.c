/* What a reply of /classify says about a row that was to be explained; write_reply.h shows it. */
#include "explain/explain.h"
#include "reply_formats.h"

#include <math.h>
#include <string.h>

static void write_number(srv_buffer *out, double value) {
    float nearest = (float)value;
    if (isfinite(nearest)) {
        srv__write_floats(out, &nearest, 1);
    } else {
        srv_buffer_text(out, "null");
    }
}

static void write_numbers(srv_buffer *out, const double *values, size_t count) {
    srv_buffer_text(out, "[");
    for (size_t i = 0; i < count; i++) {
        srv_buffer_text(out, i > 0 ? ", " : "");
        write_number(out, values[i]);
    }
    srv_buffer_text(out, "]");
}

/* The largest terms first, those of equal size in their order. */
static size_t select_terms(const srv_text_share *text, const srv_term_share **best) {
    size_t count = 0;
    for (size_t t = 0; t < text->count; t++) {
        const srv_term_share *term = &text->terms[t];
        size_t at = count;
        while (at > 0 && fabs(best[at - 1]->contribution) < fabs(term->contribution)) {
            at--;
        }
        if (at == SRV_EXPLAIN_TERMS) {
            continue;
        }
        count += count < SRV_EXPLAIN_TERMS;
        memmove(best + at + 1, best + at, (count - 1 - at) * sizeof(const srv_term_share *));
        best[at] = term;
    }
    return count;
}

/* [{"term": "good", "contribution": 0.2}, …]; terms that have no text have an index.  A text that no step has made terms
 * of is one number. */
static void write_text(srv_buffer *out, const srv_text_share *text) {
    const srv_term_share *best[SRV_EXPLAIN_TERMS];
    if (!text->counted) {
        write_number(out, text->whole);
        return;
    }
    size_t count = select_terms(text, best);
    srv_buffer_text(out, "[");
    for (size_t i = 0; i < count; i++) {
        srv_buffer_text(out, i > 0 ? ", {" : "{");
        if (best[i]->term.bytes != NULL) {
            srv_buffer_text(out, "\"term\": ");
            srv_write_json_text(out, best[i]->term.bytes, best[i]->term.size);
        } else {
            srv_buffer_format(out, "\"index\": %u", (unsigned)best[i]->index);
        }
        srv_buffer_text(out, ", \"contribution\": ");
        write_number(out, best[i]->contribution);
        srv_buffer_text(out, "}");
    }
    srv_buffer_text(out, "]");
}

static void write_name(srv_buffer *out, const char *name, bool first) {
    srv_buffer_text(out, first ? "" : ", ");
    srv_write_json_text(out, name, strlen(name));
    srv_buffer_text(out, ": ");
}

/* As a row is sent: an array for a tensor alone, terms for a text alone, else an object by columns and inputs. */
static void write_contributions(srv_buffer *out, const srv_model *model, const srv_attribution *of) {
    const srv_table *table = model->row.table;
    const double *numbers = of->numbers;
    if (table == NULL && model->input_count == 1) {
        write_numbers(out, numbers, model->features);
        return;
    }
    if (table != NULL && table->bare) {
        write_text(out, of->texts);
        return;
    }
    srv_buffer_text(out, "{");
    for (size_t i = 0; table == NULL && i < model->input_count; i++) {
        write_name(out, model->inputs[i].name, i == 0);
        write_numbers(out, numbers, model->inputs[i].features);
        numbers += model->inputs[i].features;
    }
    for (size_t i = 0; table != NULL && i < table->names.count; i++) {
        const srv_column *column = &table->columns[i];
        write_name(out, column->name, i == 0);
        if (column->type == SRV_COLUMN_TEXT) {
            write_text(out, &of->texts[column->text]);
        } else if (column->type == SRV_COLUMN_TENSOR) {
            write_numbers(out, numbers + column->offset, column->width);
        } else {
            write_number(out, numbers[column->offset]);
        }
    }
    srv_buffer_text(out, "}");
}

void srv__write_explanation(const srv_explained *explained, size_t index, srv_buffer *out) {
    const srv_model *model = explained->model;
    const srv_explanation *row = &explained->rows[index];
    const char *const *labels = model->output[0].labels;
    bool integrated = explained->options.method == SRV_EXPLAIN_INTEGRATED;
    srv_buffer_format(out, ", \"explanation\": {\"method\": \"%s\", \"steps\": %zu, ",
                      integrated ? "integrated" : "gradient", integrated ? explained->options.steps : 1);
    if (labels != NULL) {
        srv_buffer_text(out, "\"label\": ");
        srv_write_json_text(out, labels[row->target], strlen(labels[row->target]));
    } else if (model->task == SRV_TASK_CLASSIFICATION) {
        srv_buffer_format(out, "\"label\": \"%zu\"", row->target);
    } else {
        srv_buffer_format(out, "\"output\": %zu", row->target);
    }
    srv_buffer_text(out, ", \"score\": ");
    write_number(out, row->score);
    srv_buffer_text(out, ", \"baseline_score\": ");
    write_number(out, row->baseline_score);
    srv_buffer_text(out, ", \"sum\": ");
    write_number(out, row->sum);
    srv_buffer_text(out, ", \"contributions\": ");
    write_contributions(out, model, &row->of);
    srv_buffer_text(out, "}");
}
