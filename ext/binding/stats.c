/* The engine's statistics as Python objects. */
#include "binding.h"

#include "engine.h"

/* dict[key] = value, and value is released; -1 if either failed. */
static int put(PyObject *dict, const char *key, PyObject *value) {
    int failed = value == NULL || PyDict_SetItemString(dict, key, value) != 0;
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

/* {"count", "sum", "buckets": [(exclusive upper bound, count), …]}: empty buckets are left out */
static PyObject *histogram(const srv_histogram *h) {
    PyObject *buckets = PyList_New(0);
    uint64_t total = 0;
    for (size_t i = 0; buckets != NULL && i < SRV_HISTOGRAM_BUCKETS; i++) {
        uint64_t count = atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
        total += count;
        PyObject *pair = count > 0 ? Py_BuildValue("(KK)", (unsigned long long)srv_histogram_bound(i), count) : NULL;
        if (count > 0 && (pair == NULL || PyList_Append(buckets, pair) != 0)) {
            Py_CLEAR(buckets);
        }
        Py_XDECREF(pair);
    }
    if (buckets == NULL) {
        return NULL;
    }
    return Py_BuildValue("{s:K,s:K,s:N}", "count", (unsigned long long)total, "sum",
                         (unsigned long long)atomic_load_explicit(&h->sum, memory_order_relaxed), "buckets", buckets);
}

static PyObject *model_stats(const srv_model_stats *s) {
    PyObject *requests = PyDict_New(), *times = PyDict_New();
    int failed = requests == NULL || times == NULL;
    for (int status = 0; !failed && status <= SRV_PACKAGE; status++) {
        uint64_t count = atomic_load_explicit(&s->requests[status], memory_order_relaxed);
        failed = count > 0 && put(requests, srv_status_name((srv_status)status), PyLong_FromUnsignedLongLong(count));
    }
    for (int kind = 0; !failed && kind < SRV_STATS_KINDS; kind++) {
        failed = put(times, srv_stats_name((srv_stats_kind)kind), histogram(&s->histogram[kind]));
    }
    if (failed) {
        Py_XDECREF(requests);
        Py_XDECREF(times);
        return NULL;
    }
    return Py_BuildValue("{s:s,s:L,s:K,s:K,s:N,s:N}", "model", s->name, "version", (long long)s->version, "rows",
                         (unsigned long long)atomic_load_explicit(&s->rows, memory_order_relaxed), "last_ms",
                         (unsigned long long)atomic_load_explicit(&s->last_ms, memory_order_relaxed), "requests",
                         requests, "histograms", times);
}

PyObject *stats_as_dict(srv_engine *engine) {
    srv_queue_stats q;
    srv_engine_read_stats(engine, &q);
    PyObject *models = PyList_New(0), *batch_rows = PyDict_New();
    for (const srv_model_stats *s = srv_engine_model_stats(engine); models != NULL && s != NULL; s = s->next) {
        PyObject *one = model_stats(s);
        if (one == NULL || PyList_Append(models, one) != 0) {
            Py_CLEAR(models);
        }
        Py_XDECREF(one);
    }
    for (size_t rows = 1; batch_rows != NULL && rows <= SRV_BATCH_ROWS; rows++) {
        if (q.batch_rows[rows] > 0) {
            PyObject *key = PyLong_FromSize_t(rows), *count = PyLong_FromUnsignedLongLong(q.batch_rows[rows]);
            if (key == NULL || count == NULL || PyDict_SetItem(batch_rows, key, count) != 0) {
                Py_CLEAR(batch_rows);
            }
            Py_XDECREF(key);
            Py_XDECREF(count);
        }
    }
    if (models == NULL || batch_rows == NULL) {
        Py_XDECREF(models);
        Py_XDECREF(batch_rows);
        return NULL;
    }
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:n,s:n,s:N,s:N}", "requests", q.requests, "rows", q.rows,
                         "batches", q.batches, "rejected", q.rejected, "expired", q.expired, "cancelled", q.cancelled,
                         "waits", q.waits, "queued_rows", (Py_ssize_t)q.queued_rows, "running", (Py_ssize_t)q.running,
                         "batch_rows", batch_rows, "models", models);
}
