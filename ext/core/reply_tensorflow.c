/* TensorFlow Serving's REST replies.  To predict: {"predictions": [[0.1, 0.9], …]} to rows, {"outputs": …} to columns;
 * {"results": …} to classify and regress.
 *
 * They have no place for a model's name or version, and write NaN and infinities as bare words.
 */
#include "reply_formats.h"

#include <string.h>

static void write_row(const srv_reply_source *source, const srv_reply_output *output, size_t row, srv_buffer *out) {
    bool brackets = !source->bare || output->columns > 1;
    if (brackets) {
        srv_buffer_text(out, "[");
    }
    srv__write_floats(out, source->values + row * source->stride + output->offset, output->columns);
    if (brackets) {
        srv_buffer_text(out, "]");
    }
}

/* "name": before a member that is not the first. */
static void write_name(const srv_reply_source *source, size_t index, srv_buffer *out) {
    if (index > 0) {
        srv_buffer_text(out, ", ");
    }
    srv_write_json_text(out, source->outputs[index].name, strlen(source->outputs[index].name));
    srv_buffer_text(out, ": ");
}

static void write_object(const srv_reply_source *source, size_t row, srv_buffer *out) {
    srv_buffer_text(out, "{");
    for (size_t o = 0; o < source->output_count; o++) {
        write_name(source, o, out);
        write_row(source, &source->outputs[o], row, out);
    }
    srv_buffer_text(out, "}");
}

/* All rows of one output; of all of them, each row an object, if output is NULL. */
static void write_rows(const srv_reply_source *source, const srv_reply_output *output, srv_buffer *out) {
    srv_buffer_text(out, "[");
    for (size_t i = 0; i < source->rows; i++) {
        if (i > 0) {
            srv_buffer_text(out, ", ");
        }
        if (output != NULL) {
            write_row(source, output, i, out);
        } else {
            write_object(source, i, out);
        }
    }
    srv_buffer_text(out, "]");
}

void srv__reply_tensorflow(const srv_reply_source *source, srv_buffer *out) {
    bool several = source->output_count > 1;
    srv_buffer_text(out, source->columnar ? "{\"outputs\": " : "{\"predictions\": ");
    if (several && source->columnar) {
        srv_buffer_text(out, "{");
        for (size_t o = 0; o < source->output_count; o++) {
            write_name(source, o, out);
            write_rows(source, &source->outputs[o], out);
        }
        srv_buffer_text(out, "}");
    } else {
        write_rows(source, several ? NULL : source->outputs, out);
    }
    srv_buffer_text(out, "}");
}

void srv__reply_tensorflow_classes(const srv_reply_source *source, srv_buffer *out) {
    const srv_reply_output *output = source->outputs;
    srv_buffer_text(out, "{\"results\": [");
    for (size_t i = 0; i < source->rows; i++) {
        float pair[2];
        const float *scores = srv__scores(source, output, i, pair);
        srv_buffer_text(out, i > 0 ? ", [" : "[");
        for (size_t c = 0; c < srv__classes(output); c++) {
            const char *label = output->labels != NULL ? output->labels[c] : "";
            srv_buffer_text(out, c > 0 ? ", [" : "[");
            srv_write_json_text(out, label, strlen(label));
            srv_buffer_text(out, ", ");
            srv__write_floats(out, &scores[c], 1);
            srv_buffer_text(out, "]");
        }
        srv_buffer_text(out, "]");
    }
    srv_buffer_text(out, "]}");
}

void srv__reply_tensorflow_values(const srv_reply_source *source, srv_buffer *out) {
    srv_buffer_text(out, "{\"results\": [");
    for (size_t i = 0; i < source->rows; i++) {
        if (i > 0) {
            srv_buffer_text(out, ", ");
        }
        srv__write_floats(out, source->values + i * source->stride + source->outputs->offset, 1);
    }
    srv_buffer_text(out, "]}");
}
