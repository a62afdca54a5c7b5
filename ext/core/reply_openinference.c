/* The Open Inference Protocol's REST reply (KServe v2): an FP32 tensor [rows, columns] for each output, flat and
 * row-major.
 */
#include "reply_formats.h"

#include <inttypes.h>
#include <string.h>

static void write_tensor(const srv_reply_source *source, const srv_reply_output *output, srv_buffer *out) {
    srv_buffer_text(out, "{\"name\": ");
    srv_write_json_text(out, output->name, strlen(output->name));
    srv_buffer_format(out, ", \"shape\": [%zu, %zu], \"datatype\": \"FP32\", \"data\": [", source->rows,
                      output->columns);
    for (size_t i = 0; i < source->rows; i++) {
        if (i > 0) {
            srv_buffer_text(out, ", ");
        }
        srv__write_floats(out, source->values + i * source->stride + output->offset, output->columns);
    }
    srv_buffer_text(out, "]}");
}

void srv__reply_openinference(const srv_reply_source *source, srv_buffer *out) {
    srv_buffer_text(out, "{\"model_name\": ");
    srv_write_json_text(out, source->model, strlen(source->model));
    srv_buffer_format(out, ", \"model_version\": \"%" PRId64 "\", ", source->version);
    if (source->id != NULL) {
        srv_buffer_text(out, "\"id\": ");
        srv_write_json_text(out, source->id, source->id_size);
        srv_buffer_text(out, ", ");
    }
    srv_buffer_text(out, "\"outputs\": [");
    for (size_t o = 0; o < source->output_count; o++) {
        if (o > 0) {
            srv_buffer_text(out, ", ");
        }
        write_tensor(source, &source->outputs[o], out);
    }
    srv_buffer_text(out, "]}");
}
