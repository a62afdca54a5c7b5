/* The Open Inference Protocol's REST reply (KServe v2): one FP32 tensor [rows, outputs], flat and row-major. */
#include "reply_formats.h"

#include <inttypes.h>
#include <string.h>

void srv__reply_openinference(const srv_reply_source *source, srv_buffer *out) {
    srv_buffer_text(out, "{\"model_name\": ");
    srv_write_json_text(out, source->model, strlen(source->model));
    srv_buffer_format(out, ", \"model_version\": \"%" PRId64 "\", \"outputs\": [{\"name\": ", source->version);
    srv_write_json_text(out, source->output_name, strlen(source->output_name));
    srv_buffer_format(out, ", \"shape\": [%zu, %zu], \"datatype\": \"FP32\", \"data\": [", source->rows,
                      source->outputs);
    for (size_t i = 0; i < source->rows; i++) {
        if (i > 0) {
            srv_buffer_text(out, ", ");
        }
        srv__write_floats(out, source->values + i * source->stride, source->outputs);
    }
    srv_buffer_text(out, "]}]}");
}
