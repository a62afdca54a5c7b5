#include "binding.h"

PyObject *raise_status(const module_state *state, const srv_error *err) {
    PyObject *type = state->error;
    switch (err->status) {
    case SRV_PACKAGE:
        type = state->package_error;
        break;
    case SRV_MALFORMED:
    case SRV_TOO_LARGE:
    case SRV_UNSUPPORTED_TYPE:
    case SRV_WRONG_VALUE:
        type = state->input_error;
        break;
    case SRV_OVERLOADED:
    case SRV_CLOSED:
        type = state->overloaded;
        break;
    case SRV_DEADLINE:
        type = state->deadline_exceeded;
        break;
    case SRV_NO_MEMORY:
        type = PyExc_MemoryError;
        break;
    case SRV_OK:
    case SRV_CANCELLED:
        break;
    }
    PyObject *message = PyUnicode_DecodeUTF8(err->message, (Py_ssize_t)strlen(err->message), "replace");
    if (message != NULL) {
        PyErr_SetObject(type, message);
        Py_DECREF(message);
    }
    return NULL;
}

static srv_status status_of_http(long http) {
    switch (http) {
    case 413:
        return SRV_TOO_LARGE;
    case 415:
        return SRV_UNSUPPORTED_TYPE;
    case 400:
        return SRV_MALFORMED;
    default:
        return SRV_WRONG_VALUE;
    }
}

srv_status status_of_exception(const module_state *state, srv_error *err) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        return srv_fail(err, SRV_NO_MEMORY, "out of memory while decoding the picture");
    }
    if (!PyErr_ExceptionMatches(state->input_error)) {
        return srv_fail(err, SRV_CANCELLED, "the picture decoder failed");
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    srv_status status = SRV_WRONG_VALUE;
    PyObject *http = value != NULL ? PyObject_GetAttrString(value, "status") : NULL;
    if (http != NULL) {
        status = status_of_http(PyLong_AsLong(http));
    }
    PyErr_Clear();
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    PyObject *bytes = text != NULL ? PyUnicode_AsUTF8String(text) : NULL;
    PyErr_Clear();
    srv_fail(err, status, "%s", bytes != NULL ? PyBytes_AsString(bytes) : "the picture can't be decoded");
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    Py_XDECREF(http);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return status;
}
