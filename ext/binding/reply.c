/* What Engine.handle returns.  A printf of its numbers and a Py_BuildValue of its headers would take longer than all else
 * that is done here, so neither is used. */
#include "binding.h"

#include "base/number.h"

#define TEXTS(XX)                                    \
    XX(CONTENT_TYPE, "Content-Type")                 \
    XX(JSON, "application/json")                     \
    XX(BYTES, "application/octet-stream")            \
    XX(SERVER_TIMING, "Server-Timing")               \
    XX(BATCH_ROWS, "X-Batch-Rows")                   \
    XX(QUEUE_US, "X-Queue-Us")                       \
    XX(RETRY_AFTER, "Retry-After")                   \
    XX(ONE, "1")                                     \
    XX(JSON_SIZE, "Inference-Header-Content-Length") \
    XX(CONTENT_LENGTH, "Content-Length")             \
    XX(MODEL_VERSION, "X-Model-Version")             \
    XX(REQUEST_ID, "X-Request-ID")

#define NAME(name, text) name,
#define TEXT(name, text) text,
enum text { TEXTS(NAME) TEXT_COUNT };
static const char *const texts[] = {TEXTS(TEXT)};

PyObject *make_reply_texts(void) {
    PyObject *all = PyTuple_New(TEXT_COUNT);
    for (Py_ssize_t i = 0; all != NULL && i < TEXT_COUNT; i++) {
        PyObject *text = PyUnicode_InternFromString(texts[i]);
        if (text == NULL) {
            Py_CLEAR(all);
        } else {
            PyTuple_SetItem(all, i, text);
        }
    }
    return all;
}

static PyObject *number_text(uint64_t value) {
    char text[SRV_UNSIGNED_TEXT];
    return PyUnicode_FromStringAndSize(text, (Py_ssize_t)srv_write_unsigned(text, value, 1));
}

/* ", name;dur=1.2345", in milliseconds. */
static char *put_timing(char *at, const char *name, uint64_t ns) {
    uint64_t units = (ns + 50) / 100; /* 0.1 µs */
    at = stpcpy(stpcpy(stpcpy(at, ", "), name), ";dur=");
    at += srv_write_unsigned(at, units / 10000, 1);
    *at++ = '.';
    return at + srv_write_unsigned(at, units % 10000, 4);
}

static PyObject *timing_text(const srv_exchange *exchange) {
    char timing[5 * 48]; /* a name, and 21 bytes of number at most */
    char *at = put_timing(timing, "parse", exchange->parse_ns);
    at = put_timing(at, "preprocess", exchange->preprocess_ns);
    at = put_timing(at, "queue", exchange->queue_ns);
    at = put_timing(at, "forward", exchange->forward_ns);
    at = put_timing(at, "total", exchange->total_ns);
    return PyUnicode_FromStringAndSize(timing + 2, at - timing - 2);
}

/* A list in the making; NULL once something has failed. */
typedef struct headers {
    PyObject *texts, *list;
} headers;

static PyObject *text(const headers *h, enum text which) {
    return PyTuple_GetItem(h->texts, which); /* borrowed */
}

/* Takes over `value`, which may be NULL: then it fails. */
static void add(headers *h, enum text name, PyObject *value) {
    PyObject *pair = value != NULL && h->list != NULL ? PyTuple_Pack(2, text(h, name), value) : NULL;
    if (pair == NULL || PyList_Append(h->list, pair) != 0) {
        Py_CLEAR(h->list);
    }
    Py_XDECREF(pair);
    Py_XDECREF(value);
}

PyObject *build_reply(const module_state *state, const srv_exchange *exchange, bool raw, const srv_model *model,
                      PyObject *request_id) {
    const bool binary = exchange->status == SRV_OK && (raw || exchange->json_size > 0);
    headers h = {.texts = state->reply_texts, .list = PyList_New(0)};
    add(&h, CONTENT_TYPE, Py_NewRef(text(&h, binary ? BYTES : JSON)));
    add(&h, SERVER_TIMING, timing_text(exchange));
    add(&h, BATCH_ROWS, number_text(exchange->batch_rows));
    add(&h, QUEUE_US, number_text(exchange->queue_ns / 1000));
    if (exchange->http == 503) {
        add(&h, RETRY_AFTER, Py_NewRef(text(&h, ONE)));
    }
    if (exchange->json_size > 0) {
        add(&h, JSON_SIZE, number_text(exchange->json_size));
    }
    if (request_id != Py_None) {
        add(&h, CONTENT_LENGTH, number_text(exchange->body->size));
        add(&h, MODEL_VERSION, number_text((uint64_t)model->version));
        add(&h, REQUEST_ID, Py_NewRef(request_id));
    }
    PyObject *status = PyLong_FromLong(exchange->http);
    PyObject *body = PyBytes_FromStringAndSize(exchange->body->data, (Py_ssize_t)exchange->body->size);
    PyObject *reply = status != NULL && h.list != NULL && body != NULL ? PyTuple_Pack(3, status, h.list, body) : NULL;
    Py_XDECREF(status);
    Py_XDECREF(h.list);
    Py_XDECREF(body);
    return reply;
}
