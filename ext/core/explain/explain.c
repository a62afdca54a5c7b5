#include "explain.h"

#include "../base/clock.h"
#include "../select_top.h"
#include "trace.h"

#include <math.h>
#include <string.h>

typedef struct explaining {
    const srv_explain_task *task;
    srv_trace trace;
    float *baseline; /* [width] */
    double *slope;   /* [width]: mean of the gradients */
    void *scratch;   /* of preprocessing */
    srv_error *err;
} explaining;

/* One column with two labels is the score of the second; the first has the rest. */
static bool is_pair(const srv_model *model) {
    return model->output[0].source.columns == 1 && model->output[0].labels != NULL;
}

static size_t target_count(const srv_model *model) {
    return is_pair(model) ? 2 : model->output[0].source.columns;
}

static size_t column_of(const srv_model *model, size_t target) {
    return is_pair(model) ? 0 : target;
}

static double score_of(const srv_model *model, const float *y, size_t target) {
    double value = (double)y[model->output[0].offset + column_of(model, target)];
    return is_pair(model) && target == 0 ? 1 - value : value;
}

static srv_status find_target(const srv_explain_task *task, size_t *out, srv_error *err) {
    const srv_model *model = task->model;
    const char *text = task->options.target;
    size_t size = task->options.target_size, count = target_count(model), number = 0, i = 0;
    for (; i < count && model->output[0].labels != NULL; i++) {
        const char *label = model->output[0].labels[i];
        if (strlen(label) == size && memcmp(label, text, size) == 0) {
            *out = i;
            return SRV_OK;
        }
    }
    for (i = 0; i < size && i < 9 && text[i] >= '0' && text[i] <= '9'; i++) {
        number = number * 10 + (size_t)(text[i] - '0');
    }
    if (size == 0 || i < size || number >= count) {
        (void)srv_fail(err, SRV_MALFORMED, "target is %.*s; it must be a label, or a number from 0 to %zu",
                       (int)(size < 60 ? size : 60), text, count - 1);
        srv_error_where(err, "?target");
        return SRV_MALFORMED;
    }
    *out = number;
    return SRV_OK;
}

static size_t best_label(const srv_model *model, const float *y) {
    srv_ranked best = {0};
    const srv_output *output = &model->output[0];
    if (model->task == SRV_TASK_REGRESSION) {
        return 0;
    }
    if (is_pair(model)) {
        return y[output->offset] > 0.5f; /* as the reply has it */
    }
    srv_select_top(y + output->offset, output->source.columns, 1, &best);
    return best.index;
}

static srv_status check(const srv_explain_task *task, srv_error *err) {
    if (task->rows > SRV_EXPLAIN_MAX_ROWS) {
        return srv_fail(err, SRV_TOO_LARGE, "%zu rows; at most %d can be explained in one request", task->rows,
                        SRV_EXPLAIN_MAX_ROWS);
    }
    if (task->options.method == SRV_EXPLAIN_INTEGRATED &&
        (task->options.steps < 1 || task->options.steps > SRV_EXPLAIN_MAX_STEPS)) {
        (void)srv_fail(err, SRV_MALFORMED, "steps is %zu; it must be a whole number from 1 to %d", task->options.steps,
                       SRV_EXPLAIN_MAX_STEPS);
        srv_error_where(err, "?steps");
        return SRV_MALFORMED;
    }
    return SRV_OK;
}

/* Between passes: somebody may no longer wait. */
static srv_status go_on(const srv_explain_task *task, srv_error *err) {
    if (task->deadline_ns > 0 && srv_now_ns() > task->deadline_ns) {
        return srv_fail(err, SRV_DEADLINE, "the time for this request is over; fewer steps or rows take less");
    }
    if (task->interrupted != NULL && task->interrupted(task->hook)) {
        return srv_fail(err, SRV_CANCELLED, "interrupted");
    }
    return SRV_OK;
}

/* The row at a part of the way from the baseline to x. */
static void place_row(const explaining *e, const float *x, double part, float *to) {
    for (size_t i = 0; i < e->task->model->width; i++) {
        to[i] = part < 1 ? (float)((double)e->baseline[i] + part * ((double)x[i] - (double)e->baseline[i])) : x[i];
    }
}

/* Mean gradient on the way, and the scores at both of its ends. */
static srv_status find_slope(explaining *e, const float *x, srv_explanation *out) {
    const srv_model *model = e->task->model;
    const bool integrated = e->task->options.method == SRV_EXPLAIN_INTEGRATED;
    const size_t steps = integrated ? e->task->options.steps : 0, width = model->width;
    const double sign = is_pair(model) && out->target == 0 ? -1 : 1, weight = sign / (integrated ? (double)steps : 1);
    memset(e->slope, 0, width * sizeof *e->slope);
    /* points 0 … steps − 1 lie in the middle of their steps; then the row itself, and the baseline */
    for (size_t first = 0, count; first < steps + 2; first += count) {
        srv_status status = go_on(e->task, e->err);
        if (status != SRV_OK) {
            return status;
        }
        count = steps + 2 - first < e->trace.rows ? steps + 2 - first : e->trace.rows;
        for (size_t r = 0; r < count; r++) {
            size_t point = first + r;
            double part = point < steps ? ((double)point + 0.5) / (double)steps : point == steps ? 1 : 0;
            place_row(e, x, part, e->trace.x + r * width);
        }
        srv_trace_forward(&e->trace, count);
        for (size_t r = 0; r < count; r++) {
            size_t point = first + r;
            double score = score_of(model, e->trace.y + r * model->outputs, out->target);
            out->score = point == steps ? score : out->score;
            out->baseline_score = point == steps + 1 ? score : out->baseline_score;
            if (integrated ? point < steps : point == steps) {
                srv_trace_backward(&e->trace, r, 0, column_of(model, out->target));
                for (size_t i = 0; i < width; i++) {
                    e->slope[i] += e->trace.gradient[i] * weight;
                }
            }
        }
    }
    return SRV_OK;
}

static srv_status check_finite(const srv_explanation *row, size_t index, srv_explain_method method, srv_error *err) {
    if (method == SRV_EXPLAIN_INTEGRATED && !isfinite(row->baseline_score)) {
        return srv_fail(err, SRV_WRONG_VALUE,
                        "the network's answer to zeros, from where integrated gradients begin, is no finite number; "
                        "method=gradient needs none");
    }
    if (!isfinite(row->sum)) {
        return srv_fail(err, SRV_WRONG_VALUE, "row %zu can't be explained: the network has no finite gradient there",
                        index + 1);
    }
    return SRV_OK;
}

static srv_status explain_row(explaining *e, size_t r, srv_explanation *out) {
    const srv_explain_task *task = e->task;
    const srv_model *model = task->model;
    const float *x = task->x + r * model->width;
    const size_t features = model->features, texts = model->row.table != NULL ? model->row.table->texts : 0;
    const srv_sent_rows sent = {
        .values = task->sent.values != NULL ? task->sent.values + r * features : NULL,
        .cells = task->sent.cells != NULL ? task->sent.cells + r * features : NULL,
        .texts = task->sent.texts != NULL ? task->sent.texts + r * texts : NULL,
    };
    srv_status status = find_slope(e, x, out);
    if (status != SRV_OK) {
        return status;
    }
    for (size_t i = 0; i < model->width; i++) {
        double way = (double)x[i] - (double)e->baseline[i];
        out->sum += way != 0 ? way * e->slope[i] : 0;
    }
    if ((status = check_finite(out, r, task->options.method, e->err)) != SRV_OK) {
        return status;
    }
    return srv_preprocess_attribute(model->preprocess, &sent, x, e->baseline, e->slope, e->scratch, task->terms,
                                    task->arena, &out->of, e->err);
}

srv_status srv_explain(const srv_explain_task *task, srv_explained *out, srv_error *err) {
    const srv_model *model = task->model;
    explaining e = {.task = task, .err = err};
    size_t target = 0;
    srv_status status = check(task, err);
    if (status == SRV_OK && task->options.target != NULL) {
        status = find_target(task, &target, err);
    }
    size_t points = task->options.method == SRV_EXPLAIN_INTEGRATED ? task->options.steps + 2 : 2;
    if (status != SRV_OK || (status = srv_trace_new(model, points, task->arena, &e.trace, err)) != SRV_OK) {
        return status;
    }
    srv_explanation *rows = srv_arena_take(task->arena, task->rows * sizeof *rows);
    e.baseline = srv_arena_take(task->arena, model->width * sizeof *e.baseline);
    e.slope = srv_arena_take(task->arena, model->width * sizeof *e.slope);
    e.scratch = srv_arena_take(task->arena, srv_preprocess_scratch(model->preprocess));
    if (rows == NULL || e.baseline == NULL || e.slope == NULL || e.scratch == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    srv_preprocess_baseline(model->preprocess, e.baseline);
    for (size_t r = 0; r < task->rows && status == SRV_OK; r++) {
        rows[r] = (srv_explanation){
            .target = task->options.target != NULL ? target : best_label(model, task->y + r * model->outputs)};
        status = explain_row(&e, r, &rows[r]);
    }
    *out = (srv_explained){.model = model, .options = task->options, .rows = rows};
    return status;
}
