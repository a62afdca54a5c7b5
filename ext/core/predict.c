#include "predict.h"

#include "base/threads.h"
#include "run_forward.h"

#include <stdatomic.h>

#define MAX_THREADS 64
#define WORTH_A_THREAD_NS 200000.0 /* of work: to start and join a thread costs some tens of microseconds */

/* What one thread of a call needs: preprocessed rows of a pass, then the network's scratch memory. */
typedef struct workspace {
    struct workspace *next;
    float *x, *scratch;
    void *steps; /* scratch memory of preprocessing */
} workspace;

struct srv_predictor {
    const srv_model *model;
    size_t cores;
    pthread_mutex_t lock; /* guards spare */
    workspace *spare;
};

srv_predictor *srv_predictor_new(const srv_model *model) {
    srv_predictor *predictor = srv_calloc(1, sizeof *predictor);
    if (predictor != NULL) {
        size_t cores = srv_usable_cores();
        predictor->model = model;
        predictor->cores = cores < MAX_THREADS ? cores : MAX_THREADS;
        pthread_mutex_init(&predictor->lock, NULL);
    }
    return predictor;
}

static void free_workspace(workspace *w) {
    if (w != NULL) {
        srv_free(w->x);
        srv_free(w->scratch);
        srv_free(w->steps);
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

void srv_predictor_after_fork(srv_predictor *predictor) {
    pthread_mutex_init(&predictor->lock, NULL);
    predictor->spare = NULL;
}

static workspace *borrow(srv_predictor *predictor) {
    pthread_mutex_lock(&predictor->lock);
    workspace *w = predictor->spare;
    if (w != NULL) {
        predictor->spare = w->next;
    }
    pthread_mutex_unlock(&predictor->lock);
    if (w == NULL && (w = srv_calloc(1, sizeof *w)) != NULL) {
        w->x = srv_calloc(SRV_PASS_ROWS * predictor->model->width, sizeof *w->x);
        w->scratch = srv_calloc(predictor->model->scratch_floats, sizeof *w->scratch);
        w->steps = srv_malloc(srv_preprocess_scratch(predictor->model->preprocess) + 1);
        if (w->x == NULL || w->scratch == NULL || w->steps == NULL) {
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

/* One call: its passes are shared by threads, each taking the next that nobody has taken. */
typedef struct call {
    srv_predictor *predictor;
    const float *x;
    float *y;
    size_t rows;
    atomic_size_t next; /* row at which the next pass begins */
} call;

static void run_passes(call *c, workspace *w) {
    const srv_model *model = c->predictor->model;
    size_t first;
    while ((first = atomic_fetch_add(&c->next, SRV_PASS_ROWS)) < c->rows) {
        size_t pass = c->rows - first < SRV_PASS_ROWS ? c->rows - first : SRV_PASS_ROWS;
        const float *from = c->x + first * model->features;
        if (srv_preprocess_changes(model->preprocess)) {
            const srv_sent_rows sent = {.values = from};
            (void)srv_preprocess_rows(model->preprocess, &sent, pass, w->steps, NULL, w->x,
                                      NULL); /* no text, no fault */
            from = w->x;
        }
        srv_run_forward(model, from, pass, w->scratch, c->y + first * model->outputs);
    }
}

static void *help(void *argument) {
    call *c = argument;
    workspace *w = borrow(c->predictor);
    if (w != NULL) { /* without memory the others do its share */
        run_passes(c, w);
        give_back(c->predictor, w);
    }
    return NULL;
}

/* Threads that pay: no more than there are passes, and none for work that is done before they have started. */
static size_t helpers_for(const srv_predictor *predictor, size_t rows) {
    size_t passes = (rows + SRV_PASS_ROWS - 1) / SRV_PASS_ROWS;
    if (passes < 2) {
        return 0;
    }
    double ns = (double)passes * predictor->model->pass_ns[SRV_PASS_ROWS];
    size_t worth = ns / WORTH_A_THREAD_NS < MAX_THREADS ? (size_t)(ns / WORTH_A_THREAD_NS) : MAX_THREADS;
    size_t threads = worth < passes ? worth : passes;
    threads = threads < predictor->cores ? threads : predictor->cores;
    return threads > 1 ? threads - 1 : 0;
}

srv_status srv_predict(srv_predictor *predictor, const float *x, size_t rows, float *y, srv_error *err) {
    workspace *w = borrow(predictor);
    if (w == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    call c = {.predictor = predictor, .x = x, .y = y, .rows = rows};
    pthread_t threads[MAX_THREADS];
    size_t wanted = helpers_for(predictor, rows), started = 0;
    while (started < wanted && srv_start_joinable_thread(&threads[started], help, &c)) {
        started++;
    }
    run_passes(&c, w);
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    give_back(predictor, w);
    return SRV_OK;
}
