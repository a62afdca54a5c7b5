/* The replies of /classify; write_reply.h shows them. */
#include "reply_formats.h"

#include "base/alloc.h"
#include "select_top.h"

#include <string.h>

#define TOP_ON_STACK 64

static void write_label(const srv_reply_source *source, size_t column, srv_buffer *out) {
    if (source->outputs->labels != NULL) {
        srv_write_json_text(out, source->outputs->labels[column], strlen(source->outputs->labels[column]));
    } else {
        srv_buffer_text(out, "\"");
        srv_buffer_number(out, column);
        srv_buffer_text(out, "\"");
    }
}

static void write_regression(const srv_reply_source *source, const float *row, srv_buffer *out) {
    if (source->outputs->columns == 1) {
        srv_buffer_text(out, "\"value\": ");
        srv__write_floats(out, row, 1);
    } else {
        srv_buffer_text(out, "\"values\": [");
        srv__write_floats(out, row, source->outputs->columns);
        srv_buffer_text(out, "]");
    }
}

static void write_top(const srv_reply_source *source, const float *row, srv_ranked *top, srv_buffer *out) {
    size_t count = srv_select_top(row, source->outputs->columns, source->top, top);
    srv_buffer_text(out, ", \"top\": [");
    for (size_t i = 0; i < count; i++) {
        srv_buffer_text(out, i > 0 ? ", {\"label\": " : "{\"label\": ");
        write_label(source, top[i].index, out);
        srv_buffer_text(out, ", \"score\": ");
        srv__write_floats(out, &top[i].value, 1);
        srv_buffer_text(out, "}");
    }
    srv_buffer_text(out, "]");
}

static void write_classification(const srv_reply_source *source, const float *row, srv_ranked *top, srv_buffer *out) {
    srv_ranked best;
    srv_select_top(row, source->outputs->columns, 1, &best);
    srv_buffer_text(out, "\"score\": ");
    srv__write_floats(out, &best.value, 1);
    srv_buffer_text(out, ", \"label\": ");
    write_label(source, best.index, out);
    if (top != NULL) {
        write_top(source, row, top, out);
    } else {
        srv_buffer_text(out, ", \"scores\": [");
        srv__write_floats(out, row, source->outputs->columns);
        srv_buffer_text(out, "]");
    }
}

/* The fields of one row, without braces. */
static void write_row(const srv_reply_source *source, size_t index, srv_ranked *top, srv_buffer *out) {
    const float *row = source->values + index * source->stride + source->outputs->offset;
    if (source->task == SRV_TASK_REGRESSION) {
        write_regression(source, row, out);
    } else {
        write_classification(source, row, top, out);
    }
    if (source->explained != NULL) {
        srv__write_explanation(source->explained, index, out);
    }
}

srv_status srv__reply_classify(const srv_reply_source *source, srv_buffer *out, srv_error *err) {
    srv_ranked few[TOP_ON_STACK], *many = NULL, *top = NULL;
    if (source->top > 0 && source->task == SRV_TASK_CLASSIFICATION) {
        size_t count = source->top < source->outputs->columns ? source->top : source->outputs->columns;
        if (count <= TOP_ON_STACK) {
            top = few;
        } else {
            size_t bytes;
            if (!srv_multiply(count, sizeof *many, &bytes) || (many = srv_malloc(bytes)) == NULL) {
                return srv_fail(err, SRV_NO_MEMORY, "out of memory for the %zu best of %zu outputs", count,
                                source->outputs->columns);
            }
            top = many;
        }
    }
    srv_buffer_text(out, "{");
    if (source->single && source->rows == 1) {
        write_row(source, 0, top, out);
    } else {
        srv_buffer_text(out, "\"results\": [");
        for (size_t i = 0; i < source->rows; i++) {
            srv_buffer_text(out, i > 0 ? ", {" : "{");
            write_row(source, i, top, out);
            srv_buffer_text(out, "}");
        }
        srv_buffer_text(out, "]");
    }
    srv_buffer_text(out, ", \"model\": ");
    srv_write_json_text(out, source->model, strlen(source->model));
    srv_buffer_text(out, ", \"version\": ");
    srv_buffer_number(out, (uint64_t)source->version);
    srv_buffer_text(out, "}");
    srv_free(many);
    return SRV_OK;
}
