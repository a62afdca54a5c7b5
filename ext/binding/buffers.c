/* The only file that knows numpy. */
#include "binding.h"

#define NPY_NO_DEPRECATED_API NPY_1_25_API_VERSION
#include <numpy/arrayobject.h>

int import_numpy(void) {
    import_array1(-1);
    return 0;
}

PyObject *as_rows(const module_state *state, PyObject *x, size_t features, const float **data, size_t *rows) {
    PyObject *array =
        PyArray_FROMANY(x, NPY_FLOAT32, 0, NPY_MAXDIMS_LEGACY_ITERS, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
    if (array == NULL) {
        if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Format(state->input_error, "the input can't be read as float32 rows of %zu numbers", features);
        }
        return NULL;
    }
    PyArrayObject *a = (PyArrayObject *)array;
    size_t count = (size_t)PyArray_SIZE(a);
    int rank = PyArray_NDIM(a);
    bool batch = rank >= 2 && PyArray_DIM(a, 0) > 0 && count / (size_t)PyArray_DIM(a, 0) == features &&
                 count % (size_t)PyArray_DIM(a, 0) == 0;
    bool none = rank >= 2 && PyArray_DIM(a, 0) == 0;
    if (!batch && !none && count != features) {
        PyObject *shape = PyObject_GetAttrString(array, "shape");
        if (shape != NULL) {
            PyErr_Format(state->input_error, "the input has shape %S; expected [rows, %zu]", shape, features);
            Py_DECREF(shape);
        }
        Py_DECREF(array);
        return NULL;
    }
    *rows = batch ? (size_t)PyArray_DIM(a, 0) : none ? 0 : 1;
    *data = PyArray_DATA(a);
    return array;
}

PyObject *new_rows(size_t rows, size_t columns, float **data) {
    npy_intp shape[2] = {(npy_intp)rows, (npy_intp)columns};
    PyObject *array = PyArray_SimpleNew(2, shape, NPY_FLOAT32);
    if (array != NULL) {
        *data = PyArray_DATA((PyArrayObject *)array);
    }
    return array;
}
