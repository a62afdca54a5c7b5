#include "predict.h"

#include "run_forward.h"

#include <pthread.h>

/* What one call needs: preprocessed rows of a pass, then the network's scratch memory. */
typedef struct workspace {
    struct workspace *next;
    float *x, *scratch;
} workspace;

struct srv_predictor {
    const srv_model *model;
    pthread_mutex_t lock; /* guards spare */
    workspace *spare;
};

srv_predictor *srv_predictor_new(const srv_model *model) {
    srv_predictor *predictor = srv_calloc(1, sizeof *predictor);
    if (predictor != NULL) {
        predictor->model = model;
        pthread_mutex_init(&predictor->lock, NULL);
    }
    return predictor;
}

static void free_workspace(workspace *w) {
    if (w != NULL) {
        srv_free(w->x);
        srv_free(w->scratch);
        srv_free(w);
    }
}

void srv_predictor_free(srv_predictor *predictor) {
    if (predictor == NULL) {
        return;
    }
    while (predictor->spare != NULL) {
        workspace *next = predictor->spare->next;
        free_workspace(predictor->spare);
        predictor->spare = next;
    }
    pthread_mutex_destroy(&predictor->lock);
    srv_free(predictor);
}

static workspace *borrow(srv_predictor *predictor) {
    pthread_mutex_lock(&predictor->lock);
    workspace *w = predictor->spare;
    if (w != NULL) {
        predictor->spare = w->next;
    }
    pthread_mutex_unlock(&predictor->lock);
    if (w == NULL && (w = srv_calloc(1, sizeof *w)) != NULL) {
        w->x = srv_calloc(SRV_PASS_ROWS * predictor->model->features, sizeof *w->x);
        w->scratch = srv_calloc(predictor->model->scratch_floats, sizeof *w->scratch);
        if (w->x == NULL || w->scratch == NULL) {
            free_workspace(w);
            w = NULL;
        }
    }
    return w;
}

static void give_back(srv_predictor *predictor, workspace *w) {
    pthread_mutex_lock(&predictor->lock);
    w->next = predictor->spare;
    predictor->spare = w;
    pthread_mutex_unlock(&predictor->lock);
}

srv_status srv_predict(srv_predictor *predictor, const float *x, size_t rows, float *y, srv_error *err) {
    const srv_model *model = predictor->model;
    workspace *w = borrow(predictor);
    if (w == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t first = 0; first < rows; first += SRV_PASS_ROWS) {
        size_t pass = rows - first < SRV_PASS_ROWS ? rows - first : SRV_PASS_ROWS;
        const float *from = x + first * model->features;
        if (srv_preprocess_changes(model->preprocess)) {
            srv_preprocess_rows(model->preprocess, from, w->x, pass, model->features);
            from = w->x;
        }
        srv_run_forward(model, from, pass, w->scratch, y + first * model->outputs);
    }
    give_back(predictor, w);
    return SRV_OK;
}
