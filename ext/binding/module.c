/* pyapp.engine: the module itself.  Multi-phase initialisation, all state per interpreter. */
#include "binding.h"

#include "base/blas.h"

module_state *state_of_type(PyTypeObject *type) {
    return PyType_GetModuleState(type);
}

static PyObject *add_exception(PyObject *module, const char *name, const char *doc, PyObject *bases) {
    char full[64];
    snprintf(full, sizeof full, "pyapp.engine.%s", name);
    PyObject *exception = PyErr_NewExceptionWithDoc(full, doc, bases, NULL);
    if (exception != NULL && PyModule_AddObjectRef(module, name, exception) != 0) {
        Py_CLEAR(exception);
    }
    return exception;
}

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (type != NULL && PyModule_AddType(module, type) != 0) {
        Py_CLEAR(type);
    }
    return type;
}

static int module_exec(PyObject *module) {
    module_state *state = PyModule_GetState(module);
    if (import_numpy() != 0) {
        return -1;
    }
    srv_blas_use_one_thread();
    state->error = add_exception(module, "Error", "Base of all errors of the engine.", NULL);
    if (state->error == NULL) {
        return -1;
    }
    PyObject *input_bases = PyTuple_Pack(2, state->error, PyExc_ValueError);
    if (input_bases == NULL) {
        return -1;
    }
    state->input_error = add_exception(module, "InputError", "A request or array does not fit.", input_bases);
    Py_DECREF(input_bases);
    state->package_error = add_exception(module, "PackageError", "A model package is broken.", state->error);
    state->overloaded = add_exception(module, "Overloaded", "The queue is full.", state->error);
    state->deadline_exceeded =
        add_exception(module, "DeadlineExceeded", "The deadline passed before the request was computed.", state->error);
    state->model_type = add_type(module, &model_spec);
    state->engine_type = add_type(module, &engine_spec);
    if (state->input_error == NULL || state->package_error == NULL || state->overloaded == NULL ||
        state->deadline_exceeded == NULL || state->model_type == NULL || state->engine_type == NULL) {
        return -1;
    }
    state->reply_texts = make_reply_texts();
    if (state->reply_texts == NULL || forks_register(module) != 0) {
        return -1;
    }
    PyObject *blas = PyUnicode_FromFormat("%s; kernel %s", srv_blas_config(), srv_blas_kernel());
    int failed = blas == NULL || PyModule_AddObjectRef(module, "blas", blas) != 0;
    Py_XDECREF(blas);
    return failed ? -1 : 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    module_state *state = PyModule_GetState(module);
    Py_VISIT(state->error);
    Py_VISIT(state->package_error);
    Py_VISIT(state->input_error);
    Py_VISIT(state->overloaded);
    Py_VISIT(state->deadline_exceeded);
    Py_VISIT(state->model_type);
    Py_VISIT(state->engine_type);
    Py_VISIT(state->reply_texts);
    return 0;
}

static int module_clear(PyObject *module) {
    module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->error);
    Py_CLEAR(state->package_error);
    Py_CLEAR(state->input_error);
    Py_CLEAR(state->overloaded);
    Py_CLEAR(state->deadline_exceeded);
    Py_CLEAR(state->model_type);
    Py_CLEAR(state->engine_type);
    Py_CLEAR(state->reply_texts);
    return 0;
}

static void module_free(void *module) {
    module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pyapp.engine",
    .m_doc = "Models, and the data path from request body to reply body, in C.",
    .m_size = sizeof(module_state),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit_engine(void); /* what the interpreter looks for */

PyMODINIT_FUNC PyInit_engine(void) {
    return PyModuleDef_Init(&module_definition);
}
