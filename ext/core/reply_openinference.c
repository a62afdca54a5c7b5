/* The Open Inference Protocol's REST reply (KServe v2): for each output an FP32 tensor [rows, columns], flat and
 * row-major, or its k best classes as BYTES [rows, k]; in the JSON, or binary after it.
 */
#include "reply_formats.h"

#include "base/number.h"
#include "select_top.h"

#include <stdio.h>
#include <string.h>

#define BEST_ON_STACK 64

/* ---------------------------------------------------------------------------------------------------------- classes */

static size_t best_count(const srv_reply_output *output) {
    return output->classes < srv__classes(output) ? output->classes : srv__classes(output);
}

/* "0.98:7:label" */
static void write_class(const srv_reply_output *output, const srv_ranked *best, srv_buffer *out) {
    char text[SRV_FLOAT_TEXT + 32];
    size_t size = srv_write_float(text, best->value);
    size += (size_t)snprintf(text + size, sizeof text - size, ":%zu", best->index);
    srv_buffer_add(out, text, size);
    if (output->labels != NULL) {
        srv_buffer_text(out, ":");
        srv_buffer_text(out, output->labels[best->index]);
    }
}

/* One class as a JSON string, or after its length; text is empty, and is left so. */
static void put_class(const srv_reply_output *output, const srv_ranked *best, bool binary, srv_buffer *text,
                      srv_buffer *out) {
    write_class(output, best, text);
    if (binary) {
        unsigned char length[4];
        for (size_t i = 0; i < 4; i++) {
            length[i] = (unsigned char)(text->size >> (8 * i));
        }
        srv_buffer_add(out, length, 4);
        srv_buffer_add(out, text->data, text->size);
    } else {
        srv_write_json_text(out, text->data, text->size);
    }
    out->failed |= text->failed;
    srv_buffer_reset(text);
}

/* The best classes of all rows, binary or joined by commas. */
static srv_status put_classes(const srv_reply_source *source, const srv_reply_output *output, bool binary,
                              srv_buffer *out, srv_error *err) {
    srv_ranked few[BEST_ON_STACK], *best = few;
    srv_buffer text = {0};
    size_t count = best_count(output);
    if (count > BEST_ON_STACK && (best = srv_malloc(count * sizeof *best)) == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for the %zu best of %zu outputs", count, output->columns);
    }
    for (size_t i = 0; i < source->rows; i++) {
        float pair[2];
        srv_select_top(srv__scores(source, output, i, pair), srv__classes(output), count, best);
        for (size_t c = 0; c < count; c++) {
            if (!binary && i + c > 0) {
                srv_buffer_text(out, ", ");
            }
            put_class(output, &best[c], binary, &text, out);
        }
    }
    srv_buffer_free(&text);
    if (best != few) {
        srv_free(best);
    }
    return SRV_OK;
}

/* ---------------------------------------------------------------------------------------------------------- tensors */

static void put_floats(const srv_reply_source *source, const srv_reply_output *output, srv_buffer *out) {
    size_t bytes;
    char *room =
        srv_multiply(source->rows, output->columns * sizeof(float), &bytes) ? srv_buffer_room(out, bytes) : NULL;
    if (room == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < source->rows; i++) {
        const float *row = source->values + i * source->stride + output->offset;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (size_t c = 0; c < output->columns; c++) {
            uint32_t word;
            memcpy(&word, &row[c], 4);
            word = __builtin_bswap32(word);
            memcpy(room + c * 4, &word, 4);
        }
#else
        memcpy(room, row, output->columns * sizeof(float));
#endif
        room += output->columns * sizeof(float);
    }
    out->size += bytes;
}

/* The output in the JSON; what of it is binary goes to `binary`. */
static srv_status write_tensor(const srv_reply_source *source, const srv_reply_output *output, srv_buffer *out,
                               srv_buffer *binary, srv_error *err) {
    bool classes = output->classes > 0;
    srv_status status = SRV_OK;
    srv_buffer_text(out, "{\"name\": ");
    srv_write_json_text(out, output->name, strlen(output->name));
    srv_buffer_text(out, ", \"shape\": [");
    srv_buffer_number(out, source->rows);
    srv_buffer_text(out, ", ");
    srv_buffer_number(out, classes ? best_count(output) : output->columns);
    srv_buffer_text(out, classes ? "], \"datatype\": \"BYTES\", " : "], \"datatype\": \"FP32\", ");
    if (output->binary) {
        size_t before = binary->size;
        if (classes) {
            status = put_classes(source, output, true, binary, err);
        } else {
            put_floats(source, output, binary);
        }
        srv_buffer_text(out, "\"parameters\": {\"binary_data_size\": ");
        srv_buffer_number(out, binary->size - before);
        srv_buffer_text(out, "}}");
        return status;
    }
    srv_buffer_text(out, "\"data\": [");
    if (classes) {
        status = put_classes(source, output, false, out, err);
    }
    for (size_t i = 0; !classes && i < source->rows; i++) {
        if (i > 0) {
            srv_buffer_text(out, ", ");
        }
        srv__write_floats(out, source->values + i * source->stride + output->offset, output->columns);
    }
    srv_buffer_text(out, "]}");
    return status;
}

srv_status srv__reply_openinference(const srv_reply_source *source, srv_buffer *out, srv_error *err) {
    srv_buffer binary = {0};
    srv_status status = SRV_OK;
    bool some = false;
    size_t start = out->size;
    srv_buffer_text(out, "{\"model_name\": ");
    srv_write_json_text(out, source->model, strlen(source->model));
    srv_buffer_text(out, ", \"model_version\": \"");
    srv_buffer_number(out, (uint64_t)source->version);
    srv_buffer_text(out, "\", ");
    if (source->id != NULL) {
        srv_buffer_text(out, "\"id\": ");
        srv_write_json_text(out, source->id, source->id_size);
        srv_buffer_text(out, ", ");
    }
    srv_buffer_text(out, "\"outputs\": [");
    for (size_t o = 0; status == SRV_OK && o < source->output_count; o++) {
        if (o > 0) {
            srv_buffer_text(out, ", ");
        }
        some |= source->outputs[o].binary;
        status = write_tensor(source, &source->outputs[o], out, &binary, err);
    }
    srv_buffer_text(out, "]}");
    if (some && source->json_size != NULL) {
        *source->json_size = out->size - start;
    }
    srv_buffer_add(out, binary.data, binary.size);
    out->failed |= binary.failed;
    srv_buffer_free(&binary);
    return status;
}
