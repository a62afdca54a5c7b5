/* pyapp.engine.Engine */
#include "binding.h"

#include "base/alloc.h"
#include "engine.h"

#define US ((uint64_t)1000) /* nanoseconds */
#define MS ((uint64_t)1000000)

typedef struct engine_object {
    PyObject_HEAD srv_engine *engine;
    PyObject *decode_image; /* callable, or NULL */
    fork_entry fork;
} engine_object;

static void after_fork(void *engine) {
    srv_engine_after_fork(engine);
}

static PyObject *engine_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"slots",          "max_batch_rows",   "max_queue_rows",   "max_wait_us",  "timeout_ms",
                            "max_body_bytes", "max_request_rows", "max_image_pixels", "decode_image", NULL};
    Py_ssize_t slots = 0, batch_rows = 0, queue_rows = 0, wait_us = -1, timeout_ms = 0, body_bytes = 0;
    Py_ssize_t request_rows = 0, image_pixels = 0;
    PyObject *decode_image = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|$nnnnnnnnO:Engine", names, &slots, &batch_rows, &queue_rows,
                                     &wait_us, &timeout_ms, &body_bytes, &request_rows, &image_pixels, &decode_image)) {
        return NULL;
    }
    if (slots < 0 || batch_rows < 0 || queue_rows < 0 || wait_us < -1 || timeout_ms < 0 || body_bytes < 0 ||
        request_rows < 0 || image_pixels < 0) {
        PyErr_SetString(PyExc_ValueError, "an option of Engine is negative; 0 takes the default");
        return NULL;
    }
    if (decode_image != Py_None && !PyCallable_Check(decode_image)) {
        PyErr_SetString(PyExc_TypeError, "decode_image must be callable");
        return NULL;
    }
    module_state *state = state_of_type(type);
    srv_engine_options options = SRV_ENGINE_OPTIONS_DEFAULT;
    options.queue.slots = (size_t)slots;
    if (batch_rows > 0 && batch_rows < SRV_BATCH_ROWS) {
        options.max_batch_rows = (size_t)batch_rows;
    }
    options.queue.max_queue_rows = queue_rows > 0 ? (size_t)queue_rows : options.queue.max_queue_rows;
    options.queue.max_wait_ns = wait_us >= 0 ? (uint64_t)wait_us * US : options.queue.max_wait_ns;
    options.timeout_ns = timeout_ms > 0 ? (uint64_t)timeout_ms * MS : options.timeout_ns;
    options.limits.max_body_bytes = body_bytes > 0 ? (size_t)body_bytes : options.limits.max_body_bytes;
    options.limits.max_rows = request_rows > 0 ? (size_t)request_rows : options.limits.max_rows;
    options.limits.max_image_pixels = image_pixels > 0 ? (size_t)image_pixels : options.limits.max_image_pixels;

    PyObject *(*allocate)(PyTypeObject *, Py_ssize_t) = PyType_GetSlot(type, Py_tp_alloc);
    engine_object *self = (engine_object *)allocate(type, 0);
    if (self == NULL) {
        return NULL;
    }
    srv_error err = {0};
    if (srv_engine_new(&options, &self->engine, &err) != SRV_OK) {
        Py_DECREF(self);
        return raise_status(state, &err);
    }
    forks_add(state, &self->fork, after_fork, self->engine);
    if (decode_image != Py_None) {
        self->decode_image = Py_NewRef(decode_image);
    }
    return (PyObject *)self;
}

static int engine_traverse(PyObject *object, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((engine_object *)object)->decode_image);
    return 0;
}

static int engine_clear(PyObject *object) {
    Py_CLEAR(((engine_object *)object)->decode_image);
    return 0;
}

static void engine_dealloc(PyObject *object) {
    engine_object *self = (engine_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    engine_clear(object);
    forks_remove(&self->fork);
    srv_engine_free(self->engine);
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* One call of handle, as its hooks see it.  The GIL is released around the core; a hook takes it back for a while. */
typedef struct call {
    PyThreadState *saved;
    const module_state *state;
    PyObject *decode_image;
    PyObject *pixels; /* what the decoder returned: a tuple */
} call;

static srv_status decode(void *context, const char *encoded, size_t size, size_t useful_edge, size_t max_pixels,
                         srv_pixels *out, srv_error *err) {
    call *c = context;
    const char *data;
    Py_ssize_t data_size, height, width, channels;
    srv_status status = SRV_OK;
    Py_ssize_t edge =
        useful_edge < PY_SSIZE_T_MAX ? (Py_ssize_t)useful_edge : PY_SSIZE_T_MAX; /* the recipe may want all */
    PyEval_RestoreThread(c->saved);
    c->pixels = PyObject_CallFunction(c->decode_image, "y#nn", encoded, (Py_ssize_t)size, edge, (Py_ssize_t)max_pixels);
    if (c->pixels != NULL && !PyTuple_Check(c->pixels)) {
        PyErr_SetString(PyExc_TypeError, "decode_image must return a tuple (pixels, height, width, channels)");
        Py_CLEAR(c->pixels);
    }
    if (c->pixels == NULL || !PyArg_ParseTuple(c->pixels, "y#nnn", &data, &data_size, &height, &width, &channels)) {
        status = status_of_exception(c->state, err);
    } else if (height < 1 || width < 1 || channels < 1 || channels > 4 || data_size / height / width != channels ||
               data_size % height != 0 || data_size / height % width != 0) {
        PyErr_SetString(PyExc_ValueError, "decode_image must return (pixels, height, width, channels) that agree");
        status = srv_fail(err, SRV_CANCELLED, "the picture decoder failed");
    } else {
        *out = (srv_pixels){(const uint8_t *)data, (size_t)height, (size_t)width, (size_t)channels};
    }
    if (status != SRV_OK) {
        Py_CLEAR(c->pixels);
    }
    c->saved = PyEval_SaveThread();
    return status;
}

static void release(void *context) {
    call *c = context;
    PyEval_RestoreThread(c->saved);
    Py_CLEAR(c->pixels);
    c->saved = PyEval_SaveThread();
}

static bool interrupted(void *context) {
    call *c = context;
    PyEval_RestoreThread(c->saved);
    bool raised = PyErr_CheckSignals() != 0;
    c->saved = PyEval_SaveThread();
    return raised;
}

static srv_hooks hooks_of(call *c) {
    return (srv_hooks){
        .context = c,
        .decode = c->decode_image != NULL ? decode : NULL,
        .release = release,
        .interrupted = interrupted,
    };
}

static int find_protocol(const char *name, srv_protocol *out) {
    static const struct {
        const char *name;
        srv_protocol protocol;
    } known[] = {
        {"classify", SRV_PROTOCOL_CLASSIFY},
        {"tensorflow", SRV_PROTOCOL_TENSORFLOW},
        {"tensorflow_classify", SRV_PROTOCOL_TENSORFLOW_CLASSIFY},
        {"tensorflow_regress", SRV_PROTOCOL_TENSORFLOW_REGRESS},
        {"openinference", SRV_PROTOCOL_OPENINFERENCE},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) == 0) {
            *out = known[i].protocol;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError,
                 "there is no protocol %s; expected classify, tensorflow, "
                 "tensorflow_classify, tensorflow_regress or openinference",
                 name);
    return -1;
}

/* How an answer is to be explained; 0, or -1 with an exception set. */
static int read_explain(const char *method, srv_protocol protocol, Py_ssize_t steps, srv_explain_options *out) {
    if (protocol != SRV_PROTOCOL_CLASSIFY) {
        PyErr_SetString(PyExc_ValueError, "only the protocol classify has room for an explanation");
        return -1;
    }
    if (strcmp(method, "gradient") == 0) {
        out->method = SRV_EXPLAIN_GRADIENT;
    } else if (strcmp(method, "integrated") == 0) {
        out->method = SRV_EXPLAIN_INTEGRATED;
    } else {
        PyErr_Format(PyExc_ValueError, "there is no method %s; expected gradient or integrated", method);
        return -1;
    }
    out->steps = steps > 0 ? (size_t)steps : SRV_EXPLAIN_STEPS;
    return 0;
}

/* `json_size`: negative if nobody said. */
static srv_body_source source_of(const char *bytes, Py_ssize_t size, const char *content_type,
                                 Py_ssize_t content_type_size, Py_ssize_t json_size) {
    return (srv_body_source){.content_type = content_type,
                             .content_type_size = (size_t)content_type_size,
                             .bytes = bytes,
                             .size = (size_t)size,
                             .has_json_size = json_size >= 0,
                             .json_size = json_size >= 0 ? (size_t)json_size : 0};
}

static PyObject *engine_handle(PyObject *object, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"model",      "protocol", "body",      "content_type", "request_id", "top",    "timeout_ms",
                            "background", "raw",      "json_size", "explain",      "steps",      "target", NULL};
    engine_object *self = (engine_object *)object;
    module_state *state = state_of_type(Py_TYPE(object));
    PyObject *model, *request_id = Py_None;
    const char *protocol, *content_type = "", *explain = NULL;
    Py_ssize_t content_type_size = 0, top = 0, timeout_ms = 0, json_size = -1, steps = 0, target_size = 0;
    int background = 0, raw = 0;
    Py_buffer body;
    srv_request request = {0};
    srv_explain_options explanation = {0};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!sy*|s#O$nnppnznz#:handle", names, state->model_type,
                                     &model, &protocol, &body, &content_type, &content_type_size, &request_id, &top,
                                     &timeout_ms, &background, &raw, &json_size, &explain, &steps, &explanation.target,
                                     &target_size)) {
        return NULL;
    }
    PyObject *reply = NULL;
    srv_exchange exchange;
    if (request_id != Py_None && !PyUnicode_Check(request_id)) {
        PyErr_SetString(PyExc_TypeError, "request_id must be a text, or None");
        goto cleanup;
    }
    explanation.target_size = (size_t)target_size;
    if (find_protocol(protocol, &request.protocol) != 0 ||
        (explain != NULL && read_explain(explain, request.protocol, steps, &explanation) != 0)) {
        goto cleanup;
    }
    if (srv_engine_begin(self->engine, &exchange) != SRV_OK) {
        PyErr_NoMemory();
        goto cleanup;
    }
    request.top = top > 0 ? (size_t)top : 0;
    request.timeout_ns = timeout_ms > 0 ? (uint64_t)timeout_ms * MS : 0;
    request.background = background != 0;
    request.raw = raw != 0;
    request.explain = explain != NULL ? &explanation : NULL;
    request.body = source_of(body.buf, body.len, content_type, content_type_size, json_size);
    call c = {.state = state, .decode_image = self->decode_image};
    const srv_hooks hooks = hooks_of(&c);
    c.saved = PyEval_SaveThread();
    srv_engine_handle(self->engine, ((model_object *)model)->model, &request, &hooks, &exchange);
    PyEval_RestoreThread(c.saved);
    if (!PyErr_Occurred()) { /* a hook may have left an exception: an interrupt, or a fault of the decoder itself */
        reply = build_reply(state, &exchange, request.raw, ((model_object *)model)->model, request_id);
    }
    srv_engine_end(self->engine, &exchange);
cleanup:
    PyBuffer_Release(&body);
    return reply;
}

/* One of the requests of handle_together.  All it borrows belongs to its tuple. */
typedef struct together {
    const srv_model *model;
    PyObject *request_id;
    srv_request request;
    srv_exchange exchange;
    call call;
    srv_hooks hooks;
} together;

static int read_together(const engine_object *self, const module_state *state, PyObject *item, together *out) {
    PyObject *model;
    const char *protocol, *content_type, *body;
    Py_ssize_t content_type_size, body_size, top, json_size;
    double waited;
    if (!PyTuple_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "each request must be a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(item, "O!sy#s#Udnn:handle_together", state->model_type, &model, &protocol, &body, &body_size,
                          &content_type, &content_type_size, &out->request_id, &waited, &top, &json_size) ||
        find_protocol(protocol, &out->request.protocol) != 0) {
        return -1;
    }
    out->model = ((model_object *)model)->model;
    out->request.waited_ns = waited > 0 ? (uint64_t)(waited * 1e9) : 0;
    out->request.top = top > 0 ? (size_t)top : 0;
    out->request.body = source_of(body, body_size, content_type, content_type_size, json_size);
    out->call = (call){.state = state, .decode_image = self->decode_image};
    out->hooks = hooks_of(&out->call);
    return 0;
}

static PyObject *build_replies(const module_state *state, const together *all, Py_ssize_t count) {
    PyObject *replies = PyErr_Occurred() ? NULL : PyList_New(count); /* a decoder may have left an exception */
    for (Py_ssize_t i = 0; replies != NULL && i < count; i++) {
        PyObject *reply = build_reply(state, &all[i].exchange, false, all[i].model, all[i].request_id);
        if (reply == NULL) {
            Py_CLEAR(replies);
        } else {
            PyList_SetItem(replies, i, reply);
        }
    }
    return replies;
}

static PyObject *engine_handle_together(PyObject *object, PyObject *requests) {
    engine_object *self = (engine_object *)object;
    module_state *state = state_of_type(Py_TYPE(object));
    PyObject *kept =
        PyList_Check(requests) ? PyList_AsTuple(requests) : NULL; /* others may change the list meanwhile */
    if (kept == NULL || PyTuple_Size(kept) > SRV_BATCH_ROWS) {
        Py_XDECREF(kept);
        return PyErr_Format(PyExc_ValueError, "expected a list of at most %d requests", SRV_BATCH_ROWS);
    }
    const Py_ssize_t count = PyTuple_Size(kept);
    together *all = srv_calloc((size_t)count + 1, sizeof *all);
    if (all == NULL) {
        Py_DECREF(kept);
        return PyErr_NoMemory();
    }
    PyObject *replies = NULL;
    Py_ssize_t begun = 0;
    for (; begun < count; begun++) {
        if (read_together(self, state, PyTuple_GetItem(kept, begun), &all[begun]) != 0) {
            goto cleanup;
        }
        if (srv_engine_begin(self->engine, &all[begun].exchange) != SRV_OK) {
            PyErr_NoMemory();
            goto cleanup;
        }
    }
    PyThreadState *saved = PyEval_SaveThread();
    for (Py_ssize_t i = 0; i < count; i++) {
        all[i].call.saved = saved;
        srv_engine_start(self->engine, all[i].model, &all[i].request, &all[i].hooks, &all[i].exchange);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        srv_engine_finish(self->engine, &all[i].exchange);
    }
    PyEval_RestoreThread(saved);
    replies = build_replies(state, all, count);
cleanup:
    while (begun > 0) {
        srv_engine_end(self->engine, &all[--begun].exchange);
    }
    srv_free(all);
    Py_DECREF(kept);
    return replies;
}

static PyObject *engine_stats(PyObject *object, PyObject *unused) {
    (void)unused;
    return stats_as_dict(((engine_object *)object)->engine);
}

static PyObject *engine_count(PyObject *object, PyObject *arguments) {
    const char *what;
    Py_ssize_t by = 1;
    srv_host_kind kind;
    if (!PyArg_ParseTuple(arguments, "s|n:count", &what, &by) || find_host_kind(what, &kind) != 0) {
        return NULL;
    }
    if (by < 0) {
        PyErr_SetString(PyExc_ValueError, "counters only go up; expected a number from 0");
        return NULL;
    }
    srv_engine_count(((engine_object *)object)->engine, kind, (uint64_t)by);
    Py_RETURN_NONE;
}

static PyObject *engine_close(PyObject *object, PyObject *unused) {
    (void)unused;
    srv_engine *engine = ((engine_object *)object)->engine;
    Py_BEGIN_ALLOW_THREADS
    srv_engine_close(engine);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef engine_methods[] = {
    {"handle", (PyCFunction)(void (*)(void))engine_handle, METH_VARARGS | METH_KEYWORDS,
     "handle($self, model, protocol, body, content_type='', request_id=None, *, top=0, timeout_ms=0, background=False, "
     "raw=False, json_size=-1, explain=None, steps=0, target=None)\n--\n\n"
     "The whole data path for one request: (HTTP status, headers, reply body).  json_size is what the header "
     "Inference-Header-Content-Length says, -1 if there is none."},
    {"handle_together", engine_handle_together, METH_O,
     "handle_together($self, requests, /)\n--\n\n"
     "As handle, for a list of (model, protocol, body, content type, request id, seconds waited before, top, "
     "json_size); a "
     "list of their replies.  They share batches."},
    {"stats", engine_stats, METH_NOARGS,
     "stats($self)\n--\n\nCounts since the engine was made, of all processes that were forked since."},
    {"count", engine_count, METH_VARARGS, "count($self, what, by=1, /)\n--\n\nAdds to what stats() has under host."},
    {"close", engine_close, METH_NOARGS,
     "close($self)\n--\n\nRefuses new work and waits until what is queued is answered.  Idempotent."},
    {0},
};

static PyType_Slot engine_slots[] = {
    {Py_tp_doc,
     "Engine(*, slots=0, max_batch_rows=0, max_queue_rows=0, max_wait_us=-1, timeout_ms=0, max_body_bytes=0, "
     "max_request_rows=0, max_image_pixels=0, decode_image=None)\n--\n\n"
     "Runs requests in batches.  No threads of its own: the waiting requests do the work."},
    {Py_tp_new, engine_new},
    {Py_tp_traverse, engine_traverse},
    {Py_tp_clear, engine_clear},
    {Py_tp_dealloc, engine_dealloc},
    {Py_tp_methods, engine_methods},
    {0},
};

PyType_Spec engine_spec = {
    .name = "pyapp.engine.Engine",
    .basicsize = sizeof(engine_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = engine_slots,
};
