/* os.fork: the child has one thread.  Others may have been inside an engine at that moment, holding its locks. */
#include "binding.h"

void forks_add(module_state *state, fork_entry *entry, void (*after_fork)(void *core), void *core) {
    *entry = (fork_entry){state->forks, &state->forks, after_fork, core};
    if (state->forks != NULL) {
        state->forks->link = &entry->next;
    }
    state->forks = entry;
}

void forks_remove(fork_entry *entry) {
    if (entry->link != NULL) {
        *entry->link = entry->next;
        if (entry->next != NULL) {
            entry->next->link = entry->link;
        }
        entry->link = NULL;
    }
}

static PyObject *after_fork_in_child(PyObject *module, PyObject *unused) {
    (void)unused;
    module_state *state = PyModule_GetState(module);
    for (fork_entry *entry = state->forks; entry != NULL; entry = entry->next) {
        entry->after_fork(entry->core);
    }
    Py_RETURN_NONE;
}

static PyMethodDef after_fork_definition = {"after_fork_in_child", after_fork_in_child, METH_NOARGS, NULL};

int forks_register(PyObject *module) {
    PyObject *os = PyImport_ImportModule("os");
    PyObject *callback = PyCFunction_New(&after_fork_definition, module);
    PyObject *add = os != NULL ? PyObject_GetAttrString(os, "register_at_fork") : NULL;
    PyObject *nothing = PyTuple_New(0);
    PyObject *keywords = callback != NULL ? Py_BuildValue("{s:O}", "after_in_child", callback) : NULL;
    PyObject *done = add != NULL && nothing != NULL && keywords != NULL ? PyObject_Call(add, nothing, keywords) : NULL;
    Py_XDECREF(os);
    Py_XDECREF(callback);
    Py_XDECREF(add);
    Py_XDECREF(nothing);
    Py_XDECREF(keywords);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}
