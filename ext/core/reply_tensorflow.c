/* TensorFlow Serving's REST reply to a row request: {"predictions": [[0.1, 0.9], …]}, one array per row.
 *
 * It has no place for a model's name or version, and writes NaN and infinities as bare words.
 */
#include "reply_formats.h"

void srv__reply_tensorflow(const srv_reply_source *source, srv_buffer *out) {
    srv_buffer_text(out, "{\"predictions\": [");
    for (size_t i = 0; i < source->rows; i++) {
        srv_buffer_text(out, i > 0 ? ", [" : "[");
        srv__write_floats(out, source->values + i * source->stride, source->outputs);
        srv_buffer_text(out, "]");
    }
    srv_buffer_text(out, "]}");
}
