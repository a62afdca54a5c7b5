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

/* [(rows, batches, ns), …]: sizes that never were are left out */
static PyObject *executions(const srv_model_stats *s) {
    PyObject *list = PyList_New(0);
    for (size_t rows = 1; list != NULL && rows <= SRV_STATS_BATCH; rows++) {
        uint64_t count = atomic_load_explicit(&s->executed[rows].count, memory_order_relaxed);
        uint64_t ns = atomic_load_explicit(&s->executed[rows].ns, memory_order_relaxed);
        PyObject *one =
            count > 0 ? Py_BuildValue("(nKK)", (Py_ssize_t)rows, (unsigned long long)count, (unsigned long long)ns)
                      : NULL;
        if (count > 0 && (one == NULL || PyList_Append(list, one) != 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *model_stats(const srv_model_stats *s, const char *name) {
    PyObject *requests = PyDict_New(), *times = PyDict_New(), *executed = executions(s);
    int failed = requests == NULL || times == NULL || executed == NULL;
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
        Py_XDECREF(executed);
        return NULL;
    }
    /* A name may have been cut in the middle of a character. */
    return Py_BuildValue("{s:N,s:L,s:K,s:K,s:K,s:N,s:N,s:N}", "model",
                         PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace"), "version",
                         (long long)atomic_load_explicit(&s->version, memory_order_relaxed), "rows",
                         (unsigned long long)atomic_load_explicit(&s->rows, memory_order_relaxed), "last_ms",
                         (unsigned long long)atomic_load_explicit(&s->last_ms, memory_order_relaxed), "failed_ns",
                         (unsigned long long)atomic_load_explicit(&s->failed_ns, memory_order_relaxed), "requests",
                         requests, "histograms", times, "executions", executed);
}

static PyObject *all_models(const srv_stats *stats) {
    PyObject *models = PyList_New(0);
    for (size_t i = 0; models != NULL && i < SRV_STATS_VERSIONS; i++) {
        char name[SRV_STATS_NAME_WORDS * sizeof(uint64_t)];
        const srv_model_stats *s = srv_stats_model(stats, i, name);
        PyObject *one = s != NULL ? model_stats(s, name) : NULL;
        if (s != NULL && (one == NULL || PyList_Append(models, one) != 0)) {
            Py_CLEAR(models);
        }
        Py_XDECREF(one);
    }
    return models;
}

static PyObject *batches_by_rows(const srv_queue_stats *q) {
    PyObject *batches = PyDict_New();
    for (size_t rows = 1; batches != NULL && rows <= SRV_BATCH_ROWS; rows++) {
        if (q->batch_rows[rows] > 0) {
            PyObject *key = PyLong_FromSize_t(rows), *count = PyLong_FromUnsignedLongLong(q->batch_rows[rows]);
            if (key == NULL || count == NULL || PyDict_SetItem(batches, key, count) != 0) {
                Py_CLEAR(batches);
            }
            Py_XDECREF(key);
            Py_XDECREF(count);
        }
    }
    return batches;
}

static PyObject *host_counts(const srv_stats *stats) {
    PyObject *counts = PyDict_New();
    for (int kind = 0; counts != NULL && kind < SRV_HOST_KINDS; kind++) {
        uint64_t count = atomic_load_explicit(&stats->host[kind], memory_order_relaxed);
        if (put(counts, srv_host_name((srv_host_kind)kind), PyLong_FromUnsignedLongLong(count)) != 0) {
            Py_CLEAR(counts);
        }
    }
    return counts;
}

PyObject *stats_as_dict(srv_engine *engine) {
    srv_queue_stats q;
    srv_engine_read_stats(engine, &q);
    const srv_stats *stats = srv_engine_stats(engine);
    PyObject *models = all_models(stats), *batches = batches_by_rows(&q), *host = host_counts(stats);
    if (models == NULL || batches == NULL || host == NULL) {
        Py_XDECREF(models);
        Py_XDECREF(batches);
        Py_XDECREF(host);
        return NULL;
    }
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:n,s:n,s:N,s:N,s:N}", "requests", q.requests, "rows", q.rows,
                         "batches", q.batches, "rejected", q.rejected, "expired", q.expired, "cancelled", q.cancelled,
                         "waits", q.waits, "queued_rows", (Py_ssize_t)q.queued_rows, "running", (Py_ssize_t)q.running,
                         "batch_rows", batches, "models", models, "host", host);
}

int find_host_kind(const char *name, srv_host_kind *out) {
    for (int kind = 0; kind < SRV_HOST_KINDS; kind++) {
        if (strcmp(srv_host_name((srv_host_kind)kind), name) == 0) {
            *out = (srv_host_kind)kind;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "nothing is counted as %s; expected %s, or what else stats() has under host", name,
                 srv_host_name((srv_host_kind)0));
    return -1;
}
