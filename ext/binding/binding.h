/* What the files of the binding share.  The binding converts, calls the core, and converts back; nothing else. */
#ifndef BINDING_H
#define BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/status.h"
#include "engine.h"
#include "model/model.h"
#include "predict.h"

#include <stdio.h>
#include <string.h>

/* All Python objects of the module: nothing is static, so interpreters share nothing. */
typedef struct module_state {
    PyObject *error, *package_error, *input_error, *overloaded, *deadline_exceeded; /* exceptions */
    PyTypeObject *model_type, *engine_type;
    PyObject *reply_texts;    /* a tuple: see reply.c */
    struct fork_entry *forks; /* not owned: those that forks_add has put there */
} module_state;

/* What an object of the core needs to be told in the child of a fork; guarded by the GIL. */
typedef struct fork_entry {
    struct fork_entry *next, **link; /* link: what points at this entry; NULL: not in the list */
    void (*after_fork)(void *core);
    void *core;
} fork_entry;

void forks_add(module_state *state, fork_entry *entry, void (*after_fork)(void *core), void *core);
void forks_remove(fork_entry *entry); /* also of one that was never added, all zero */
int forks_register(PyObject *module); /* 0, or -1 with an exception set */

typedef struct model_object {
    PyObject_HEAD srv_model *model;
    srv_predictor *predictor;
    fork_entry fork;
} model_object;

extern PyType_Spec model_spec, engine_spec;

module_state *state_of_type(PyTypeObject *type); /* borrowed; never NULL for this module's types */

/* Raises the exception of a failed status; returns NULL. */
PyObject *raise_status(const module_state *state, const srv_error *err);

/* The status that a picture decoder's exception stands for; clears it if it is an InputError or a MemoryError, and
 * leaves any other one pending with SRV_CANCELLED. */
srv_status status_of_exception(const module_state *state, srv_error *err);

/* A C-contiguous float32 array [rows × features] of x, which may also be one row of any shape, or rows of any shape with
 * `features` numbers each; zero-copy where it can be.  New reference, or NULL with InputError set. */
PyObject *as_rows(const module_state *state, PyObject *x, size_t features, const float **data, size_t *rows);

/* A new float32 array [rows × columns]; *data points at its memory. */
PyObject *new_rows(size_t rows, size_t columns, float **data);

/* Engine.stats(): the queue's counts and those of each model version. */
PyObject *stats_as_dict(srv_engine *engine);

PyObject *make_reply_texts(void); /* for module_state */

/* (status, [(name, value), …], body), or NULL with an exception set.  `raw`: the body is no JSON.  With a `request_id`
 * that is no None the headers are all that a reply has; without, they are those that only the engine knows. */
PyObject *build_reply(const module_state *state, const srv_exchange *exchange, bool raw, const srv_model *model,
                      PyObject *request_id);

int find_host_kind(const char *name, srv_host_kind *out); /* 0, or -1 with a ValueError set */

int import_numpy(void); /* 0, or -1 with an exception set */

#endif
