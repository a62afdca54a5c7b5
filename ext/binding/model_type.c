/* pyapp.engine.Model */
#include "binding.h"

#include "base/blas.h"

#include <stdlib.h>

static PyObject *text_or_error(const char *text) {
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

/* "…/mnist/2" → name "mnist", version 2: the last two components of the path; version 1 where the last is no number. */
static void names_of_folder(const char *folder, char *name, size_t capacity, long long *version) {
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/') {
        end--;
    }
    size_t last = end;
    while (last > 0 && folder[last - 1] != '/') {
        last--;
    }
    char *rest;
    *version = strtoll(folder + last, &rest, 10);
    bool numbered = rest == folder + end && *version > 0 && end > last;
    if (numbered && last > 0) {
        end = last - 1;
        last = end;
        while (last > 0 && folder[last - 1] != '/') {
            last--;
        }
    }
    *version = numbered ? *version : 1;
    snprintf(name, capacity, "%.*s", (int)(end - last), folder + last);
    if (name[0] == '\0') {
        snprintf(name, capacity, "model");
    }
}

static PyObject *absolute_path(PyObject *folder) {
    PyObject *path = NULL, *os_path = PyImport_ImportModule("os.path");
    if (os_path != NULL) {
        PyObject *absolute = PyObject_CallMethod(os_path, "abspath", "O", folder);
        if (absolute != NULL) {
            (void)PyUnicode_FSConverter(absolute, &path);
            Py_DECREF(absolute);
        }
        Py_DECREF(os_path);
    }
    return path;
}

/* The user's cache folder by the XDG Base Directory Specification, or "" if there is none. */
static void default_plan_cache(char *out, size_t capacity) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    out[0] = '\0';
    if (cache != NULL && cache[0] == '/') {
        snprintf(out, capacity, "%s/flask-serving", cache);
    } else if (home != NULL && home[0] == '/') {
        snprintf(out, capacity, "%s/.cache/flask-serving", home);
    }
}

static void after_fork(void *predictor) {
    srv_predictor_after_fork(predictor);
}

static PyObject *model_load(PyObject *class, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"folder", "name", "version", "plan_cache", "counts", NULL};
    PyObject *folder, *given_version = Py_None;
    const char *given_name = NULL, *plan_cache = NULL, *counts = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$zOzz:load", names, &folder, &given_name, &given_version,
                                     &plan_cache, &counts)) {
        return NULL;
    }
    char preset[4096];
    if (plan_cache == NULL) {
        default_plan_cache(preset, sizeof preset);
        plan_cache = preset;
    }
    plan_cache = plan_cache[0] != '\0' ? plan_cache : NULL;
    module_state *state = state_of_type((PyTypeObject *)class);
    PyObject *path = absolute_path(folder);
    if (path == NULL) {
        return NULL;
    }
    char name[256];
    long long version;
    names_of_folder(PyBytes_AsString(path), name, sizeof name, &version);
    if (given_version != Py_None) {
        version = PyLong_AsLongLong(given_version);
        if (version < 1) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_ValueError, "a version is a whole number from 1 up");
            }
            Py_DECREF(path);
            return NULL;
        }
    }
    srv_model *model = NULL;
    srv_predictor *predictor = NULL;
    srv_error err = {0};
    const char *folder_text = PyBytes_AsString(path), *used_name = given_name != NULL ? given_name : name;
    Py_BEGIN_ALLOW_THREADS
    if (srv_model_load(folder_text, used_name, version, plan_cache, &model, &err) == SRV_OK) {
        predictor = srv_predictor_new(model);
        if (counts != NULL) {
            srv_model_keep_counts(model, counts, folder_text);
        }
    }
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    if (model == NULL) {
        return raise_status(state, &err);
    }
    model_object *self = predictor != NULL ? PyObject_New(model_object, state->model_type) : NULL;
    if (self == NULL) {
        srv_predictor_free(predictor);
        srv_model_free(model);
        return PyErr_NoMemory();
    }
    self->model = model;
    self->predictor = predictor;
    forks_add(state, &self->fork, after_fork, predictor);
    return (PyObject *)self;
}

static void model_dealloc(PyObject *object) {
    model_object *self = (model_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    forks_remove(&self->fork);
    srv_predictor_free(self->predictor);
    srv_model_free(self->model);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyObject *model_predict(PyObject *object, PyObject *x) {
    model_object *self = (model_object *)object;
    module_state *state = state_of_type(Py_TYPE(object));
    const float *from;
    float *to;
    size_t rows;
    if (self->model->row.table != NULL && self->model->row.table->texts > 0) {
        PyErr_SetString(state->input_error,
                        "this model takes text, which no array holds; send it through Engine.handle");
        return NULL;
    }
    PyObject *input = as_rows(state, x, self->model->features, &from, &rows);
    if (input == NULL) {
        return NULL;
    }
    PyObject *output = new_rows(rows, self->model->outputs, &to);
    if (output != NULL) {
        srv_error err = {0};
        srv_status status;
        Py_BEGIN_ALLOW_THREADS
        status = srv_predict(self->predictor, from, rows, to, &err);
        Py_END_ALLOW_THREADS
        if (status != SRV_OK) {
            raise_status(state, &err);
            Py_CLEAR(output);
        }
    }
    Py_DECREF(input);
    return output;
}

static PyObject *get_name(PyObject *self, void *closure) {
    (void)closure;
    return text_or_error(((model_object *)self)->model->name);
}

static PyObject *get_version(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromLongLong(((model_object *)self)->model->version);
}

static PyObject *get_task(PyObject *self, void *closure) {
    (void)closure;
    return text_or_error(((model_object *)self)->model->task == SRV_TASK_REGRESSION ? "regression" : "classification");
}

static PyObject *get_features(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromSize_t(((model_object *)self)->model->features);
}

static PyObject *get_outputs(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromSize_t(((model_object *)self)->model->outputs);
}

static PyObject *get_parameters(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromSize_t(((model_object *)self)->model->parameters);
}

static PyObject *get_nbytes(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromSize_t(srv_model_bytes(((model_object *)self)->model));
}

static PyObject *get_manifest(PyObject *self, void *closure) {
    (void)closure;
    return text_or_error(((model_object *)self)->model->manifest);
}

static PyObject *get_labels(PyObject *object, void *closure) {
    (void)closure;
    const srv_model *model = ((model_object *)object)->model;
    const srv_output *output = &model->output[0];
    if (model->task == SRV_TASK_REGRESSION) {
        return PyList_New(0);
    }
    size_t columns = output->source.columns, count = columns == 1 && output->labels != NULL ? 2 : columns;
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *label = output->labels != NULL ? text_or_error(output->labels[i]) : PyUnicode_FromFormat("%zu", i);
        if (label == NULL || PyList_SetItem(list, (Py_ssize_t)i, label) != 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *get_output_columns(PyObject *object, void *closure) {
    (void)closure;
    const srv_model *model = ((model_object *)object)->model;
    PyObject *columns = PyDict_New();
    for (size_t i = 0; columns != NULL && i < model->output_count; i++) {
        PyObject *name = text_or_error(model->output[i].name);
        PyObject *count = PyLong_FromSize_t(model->output[i].source.columns);
        if (name == NULL || count == NULL || PyDict_SetItem(columns, name, count) != 0) {
            Py_CLEAR(columns);
        }
        Py_XDECREF(name);
        Py_XDECREF(count);
    }
    return columns;
}

/* {"name", "depth", "columns", "tile_columns", "gflops", "tiles": [{"rows", "us"}]} */
static PyObject *plan_of_layer(const srv_layer *layer) {
    const srv_plan *plan = &layer->plan;
    PyObject *tiles = PyList_New((Py_ssize_t)plan->count);
    for (size_t i = 0; tiles != NULL && i < plan->count; i++) {
        PyObject *tile =
            Py_BuildValue("{s:n,s:d}", "rows", (Py_ssize_t)plan->heights[i], "us", plan->tile_ns[i] * 1e-3);
        if (tile == NULL || PyList_SetItem(tiles, (Py_ssize_t)i, tile) != 0) {
            Py_CLEAR(tiles);
        }
    }
    if (tiles == NULL) {
        return NULL;
    }
    return Py_BuildValue("{s:s,s:n,s:n,s:n,s:d,s:N}", "name", layer->name, "depth", (Py_ssize_t)plan->depth, "columns",
                         (Py_ssize_t)plan->columns, "tile_columns", (Py_ssize_t)plan->tile_columns, "gflops",
                         plan->plain ? 0.0 : srv_plan_gflops(plan), "tiles", tiles);
}

static PyObject *get_plan(PyObject *object, void *closure) {
    (void)closure;
    const srv_model *model = ((model_object *)object)->model;
    PyObject *layers = PyList_New(0), *rows = PyDict_New();
    for (size_t i = 0; layers != NULL && i < model->layer_count; i++) {
        if (model->layers[i].op == SRV_OP_DENSE) {
            PyObject *layer = plan_of_layer(&model->layers[i]);
            if (layer == NULL || PyList_Append(layers, layer) != 0) {
                Py_CLEAR(layers);
            }
            Py_XDECREF(layer);
        }
    }
    for (size_t n = 1; rows != NULL && n <= SRV_PASS_ROWS; n *= 2) {
        PyObject *key = PyLong_FromSize_t(n), *us = PyFloat_FromDouble(model->pass_ns[n] * 1e-3);
        if (key == NULL || us == NULL || PyDict_SetItem(rows, key, us) != 0) {
            Py_CLEAR(rows);
        }
        Py_XDECREF(key);
        Py_XDECREF(us);
    }
    if (layers == NULL || rows == NULL) {
        Py_XDECREF(layers);
        Py_XDECREF(rows);
        return NULL;
    }
    return Py_BuildValue("{s:s,s:s,s:N,s:N}", "kernel", srv_blas_kernel(), "activations",
                         srv_activation_kernels_for_cpu()->name, "layers", layers, "us_by_rows", rows);
}

/* A list of that many of the counts. */
static PyObject *list_counts(const uint64_t *counts, size_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(counts[i]);
        if (value == NULL || PyList_SetItem(list, (Py_ssize_t)i, value) != 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *model_drift(PyObject *object, PyObject *unused) {
    (void)unused;
    const srv_model *model = ((model_object *)object)->model;
    const srv_statistics *statistics = model->statistics;
    uint64_t rows, sampled;
    if (statistics == NULL) {
        Py_RETURN_NONE;
    }
    uint64_t *counts = srv_calloc(statistics->count + 1, sizeof *counts);
    if (counts == NULL) {
        return PyErr_NoMemory();
    }
    srv_drift_read(model->drift, &rows, &sampled, counts);
    PyObject *features = PyList_New(0);
    for (size_t i = 0; features != NULL && i < statistics->feature_count; i++) {
        const srv_feature_bins *feature = &statistics->features[i];
        PyObject *bins = list_counts(counts + feature->first, feature->bins + 1);
        if (bins == NULL || PyList_Append(features, bins) != 0) {
            Py_CLEAR(features);
        }
        Py_XDECREF(bins);
    }
    PyObject *labels = list_counts(counts + statistics->first_label, statistics->label_count);
    srv_free(counts);
    if (features == NULL || labels == NULL) {
        Py_XDECREF(features);
        Py_XDECREF(labels);
        return NULL;
    }
    return Py_BuildValue("{s:K,s:K,s:N,s:N}", "rows", (unsigned long long)rows, "sampled", (unsigned long long)sampled,
                         "features", features, "labels", labels);
}

static PyObject *model_repr(PyObject *object) {
    const srv_model *model = ((model_object *)object)->model;
    return PyUnicode_FromFormat("<Model %s version %lld: %zu -> %zu>", model->name, (long long)model->version,
                                model->features, model->outputs);
}

static PyGetSetDef model_members[] = {
    {"name", get_name, NULL, "the name it is served under", NULL},
    {"version", get_version, NULL, "the version, from 1 up", NULL},
    {"task", get_task, NULL, "\"classification\" or \"regression\"", NULL},
    {"features", get_features, NULL, "numbers in one row of input, as sent: for a table, its columns", NULL},
    {"outputs", get_outputs, NULL, "numbers in one row of output", NULL},
    {"output_columns", get_output_columns, NULL, "numbers in one row of each output, by name", NULL},
    {"labels", get_labels, NULL, "one per output of a classification", NULL},
    {"parameters", get_parameters, NULL, "trained numbers", NULL},
    {"manifest", get_manifest, NULL, "the text of model.json", NULL},
    {"plan", get_plan, NULL, "what was chosen per layer for this CPU", NULL},
    {"nbytes", get_nbytes, NULL, "bytes of memory the model holds", NULL},
    {0},
};

static PyMethodDef model_methods[] = {
    {"load", (PyCFunction)(void (*)(void))model_load, METH_CLASS | METH_VARARGS | METH_KEYWORDS,
     "load(folder, *, name=None, version=None, plan_cache=None, counts=None)\n--\n\nLoads, checks and plans the model "
     "package in "
     "folder."},
    {"drift", model_drift, METH_NOARGS,
     "drift($self)\n--\n\nWhat was asked and answered, counted in the bins of the package's statistics."},
    {"predict", model_predict, METH_O,
     "predict($self, x, /)\n--\n\nfloat32 [rows, features] -> float32 [rows, outputs]; the GIL is released."},
    {0},
};

static PyType_Slot model_slots[] = {
    {Py_tp_doc, "An immutable, loaded model package; safe to use from any number of threads."},
    {Py_tp_dealloc, model_dealloc},
    {Py_tp_repr, model_repr},
    {Py_tp_methods, model_methods},
    {Py_tp_getset, model_members},
    {0},
};

PyType_Spec model_spec = {
    .name = "pyapp.engine.Model",
    .basicsize = sizeof(model_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = model_slots,
};
