#include "../base/blas.h"
#include "../base/json.h"
#include "../run_forward.h"
#include "graph.h"
#include "model.h"
#include "safetensors.h"
#include "samples.h"
#include "weights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_MANIFEST_BYTES ((off_t)256 << 20) /* vocabularies live in the manifest */

/* "folder/file", cut to capacity. */
static void join(char *out, size_t capacity, const char *folder, const char *file) {
    snprintf(out, capacity, "%s/%s", folder, file);
}

static srv_status read_file(const char *path, srv_arena *arena, char **text, size_t *size, srv_error *err) {
    struct stat info;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        int why = errno;
        if (descriptor >= 0) {
            close(descriptor);
        }
        return srv_fail(err, SRV_PACKAGE, "%.300s can't be opened: %s", path, strerror(why));
    }
    srv_status status = SRV_OK;
    if (!S_ISREG(info.st_mode) || info.st_size > MAX_MANIFEST_BYTES) {
        status = srv_fail(err, SRV_PACKAGE, "%.300s is not a file, or is larger than %lld bytes", path,
                          (long long)MAX_MANIFEST_BYTES);
    } else if ((*text = srv_arena_take(arena, (size_t)info.st_size + 1)) == NULL) {
        status = srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    *size = 0;
    while (status == SRV_OK && *size < (size_t)info.st_size) {
        ssize_t got = read(descriptor, *text + *size, (size_t)info.st_size - *size);
        if (got > 0) {
            *size += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            break; /* shorter than it was: what is missing will be missed by the parser */
        }
    }
    if (status == SRV_OK) {
        (*text)[*size] = '\0';
    }
    close(descriptor);
    return status;
}

/* Only its form: whoever serves the package compares it. */
static srv_status check_digest(const srv_json *node, srv_error *err) {
    if (node != NULL && (node->type != SRV_JSON_STRING || node->size != 64 ||
                         strspn(node->text, "0123456789abcdefABCDEF") != node->size)) {
        return srv_json_fail(node, err, "expected a SHA-256 in hexadecimal: a string of 64 digits");
    }
    return SRV_OK;
}

static srv_status read_tolerance(const srv_json *node, srv_tolerance *out, srv_error *err) {
    static const char *const keys[] = {"absolute", "relative", NULL};
    *out = (srv_tolerance){.absolute = 1e-5, .relative = 1e-4};
    if (node == NULL) {
        return SRV_OK;
    }
    srv_status status;
    if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
        (status = srv_json_get_number_or(node, "absolute", 0, &out->absolute, err)) != SRV_OK ||
        (status = srv_json_get_number_or(node, "relative", 0, &out->relative, err)) != SRV_OK) {
        return status;
    }
    for (const srv_json *member = node->first; member != NULL; member = member->next) {
        if (!(member->number >= 0)) {
            return srv_json_fail(member, err, "the tolerance is %g; expected 0 or more", member->number);
        }
    }
    return node->size > 0 ? SRV_OK : srv_json_fail(node, err, "expected \"absolute\", \"relative\" or both");
}

static srv_status read_top(const srv_json *root, srv_model *model, srv_error *err) {
    static const char *const keys[] = {"format",  "task",       "description",    "inputs",    "preprocess", "layers",
                                       "outputs", "statistics", "weights_sha256", "tolerance", "provenance", NULL};
    size_t format;
    const char *task;
    srv_status status;
    if (root->type != SRV_JSON_OBJECT) {
        return srv_json_fail(root, err, "expected an object, not %s", srv_json_type_name(root->type));
    }
    if ((status = srv_json_get_size(root, "format", 1, 1, &format, err)) != SRV_OK ||
        (status = srv_json_only(root, keys, err)) != SRV_OK ||
        (status = srv_json_get_text(root, "task", &task, err)) != SRV_OK) {
        return status;
    }
    if (strcmp(task, "classification") != 0 && strcmp(task, "regression") != 0) {
        return srv_json_fail(srv_json_get(root, "task"), err,
                             "the task is %.40s; expected classification or regression", task);
    }
    model->task = strcmp(task, "regression") == 0 ? SRV_TASK_REGRESSION : SRV_TASK_CLASSIFICATION;
    if ((status = check_digest(srv_json_get(root, "weights_sha256"), err)) != SRV_OK) {
        return status;
    }
    return read_tolerance(srv_json_get(root, "tolerance"), &model->tolerance, err);
}

static srv_status read_statistics(const srv_json *root, srv_model *model, srv_error *err) {
    const srv_output *output = &model->output[0];
    size_t labels = output->source.columns == 1 ? 2 : output->source.columns;
    srv_status status = srv_statistics_read(srv_json_get(root, "statistics"), model->inputs, model->input_count,
                                            output->labels, labels, model->arena, &model->statistics, err);
    if (status == SRV_OK && model->statistics != NULL && (model->drift = srv_drift_new(model->statistics)) == NULL) {
        status = srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    return status;
}

/* Says in which file a fault lies, in front of what is wrong with it. */
static srv_status name_file(srv_status status, const char *path, srv_error *err) {
    if (status != SRV_OK && status != SRV_NO_MEMORY && err != NULL && strstr(err->message, path) == NULL) {
        srv_error inner = *err;
        status = srv_fail(err, SRV_PACKAGE, "%.200s%s%.120s: %.300s", path, inner.where[0] != '\0' ? " at " : "",
                          inner.where, inner.message);
        srv_error_at(err, inner.offset);
        srv_error_where(err, "%s", inner.where);
    }
    return status;
}

srv_status srv_model_load(const char *folder, const char *name, int64_t version, const char *plan_cache,
                          srv_model **out, srv_error *err) {
    srv_blas_use_one_thread();
    srv_status status = SRV_OK;
    srv_safetensors *tensors = NULL;
    srv_model *model = srv_calloc(1, sizeof *model);
    if (model == NULL || (model->arena = srv_arena_new()) == NULL || (model->runs = srv_runs_new()) == NULL ||
        (model->name = srv_arena_text(model->arena, name, strlen(name))) == NULL) {
        status = srv_fail(err, SRV_NO_MEMORY, "out of memory");
        goto cleanup;
    }
    model->version = version;
    char path[4096], *text = NULL;
    size_t size = 0;
    const srv_json *root;
    join(path, sizeof path, folder, "model.json");
    if ((status = read_file(path, model->arena, &text, &size, err)) != SRV_OK ||
        (status = srv_json_parse(text, size, model->arena, &root, err)) != SRV_OK ||
        (status = read_top(root, model, err)) != SRV_OK) {
        status = name_file(status, path, err);
        goto cleanup;
    }
    model->manifest = text;
    char weights[4096];
    join(weights, sizeof weights, folder, "weights.safetensors");
    if ((status = srv_safetensors_open(weights, &tensors, err)) != SRV_OK) {
        status = name_file(status, weights, err);
        goto cleanup;
    }
    if ((status = srv_graph_read_inputs(root, tensors, model, err)) != SRV_OK ||
        (status = srv_graph_read_layers(root, tensors, model, err)) != SRV_OK ||
        (status = srv_graph_read_outputs(root, model, err)) != SRV_OK ||
        (status = read_statistics(root, model, err)) != SRV_OK ||
        (status = srv_weights_read(root, tensors, plan_cache, model, err)) != SRV_OK ||
        (status = srv_graph_place(model, err)) != SRV_OK) {
        status = name_file(status, path, err);
        goto cleanup;
    }
    srv_preprocess_finish(model->preprocess);
    model->width = srv_preprocess_width(model->preprocess);
    srv_forward_predict_ns(model);
    join(path, sizeof path, folder, "samples.jsonl");
    status = name_file(srv_samples_replay(path, model, err), path, err);
cleanup:
    srv_safetensors_close(tensors);
    if (status != SRV_OK) {
        srv_model_free(model);
        model = NULL;
    }
    *out = model;
    return status;
}

static uint64_t fnv1a(uint64_t hash, const char *text) {
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    }
    return hash;
}

bool srv_model_keep_counts(srv_model *model, const char *counts_folder, const char *package_folder) {
    char path[4096];
    uint64_t hash = fnv1a(fnv1a(0xCBF29CE484222325u, package_folder), model->manifest);
    int size = snprintf(path, sizeof path, "%s/%.100s-%lld-%016llx.counts", counts_folder, model->name,
                        (long long)model->version, (unsigned long long)hash);
    return model->drift != NULL && strchr(model->name, '/') == NULL && size > 0 && (size_t)size < sizeof path &&
           srv_drift_use_file(model->drift, path);
}

void srv_model_free(srv_model *model) {
    if (model == NULL) {
        return;
    }
    srv_drift_free(model->drift);
    srv_runs_free(model->runs);
    srv_arena_free(model->arena);
    srv_free(model->weights);
    srv_free(model);
}
