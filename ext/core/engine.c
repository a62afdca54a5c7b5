#include "engine.h"

#include "base/clock.h"
#include "run_forward.h"

#include <pthread.h>
#include <string.h>

/* A request between start and finish. */
typedef struct flight {
    const srv_model *model;
    srv_model_stats *stats;
    srv_drift *drift; /* NULL: its numbers are not counted */
    srv_request request;
    srv_hooks hooks;
    srv_body body;
    srv_work work;
    srv_job job;
    float *y; /* [rows × outputs] */
    size_t y_bytes;
    uint64_t arrived;
    srv_error err;
} flight;

/* Memory of one request; kept on a list for the next, so that a steady load allocates nothing. */
typedef struct srv_workspace {
    struct srv_workspace *next;
    srv_arena *arena;
    srv_arena *row; /* what preprocessing needs for one row of texts */
    srv_buffer reply;
    flight flight;
} srv_workspace;

struct srv_engine {
    srv_engine_options options;
    srv_queue *queue;
    srv_stats *stats;
    pthread_mutex_t lock; /* guards spare */
    srv_workspace *spare;
};

static void free_workspace(srv_workspace *workspace) {
    if (workspace != NULL) {
        srv_arena_free(workspace->arena);
        srv_arena_free(workspace->row);
        srv_buffer_free(&workspace->reply);
        srv_free(workspace);
    }
}

srv_status srv_engine_new(const srv_engine_options *options, srv_engine **out, srv_error *err) {
    srv_engine *engine = srv_calloc(1, sizeof *engine);
    *out = NULL;
    if (engine == NULL || (engine->stats = srv_stats_new()) == NULL ||
        (engine->queue = srv_queue_new(&options->queue)) == NULL) {
        if (engine != NULL) {
            srv_stats_free(engine->stats);
        }
        srv_free(engine);
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    engine->options = *options;
    pthread_mutex_init(&engine->lock, NULL);
    *out = engine;
    return SRV_OK;
}

void srv_engine_close(srv_engine *engine) {
    srv_queue_close(engine->queue);
}

void srv_engine_free(srv_engine *engine) {
    if (engine == NULL) {
        return;
    }
    srv_queue_free(engine->queue);
    while (engine->spare != NULL) {
        srv_workspace *next = engine->spare->next;
        free_workspace(engine->spare);
        engine->spare = next;
    }
    srv_stats_free(engine->stats);
    pthread_mutex_destroy(&engine->lock);
    srv_free(engine);
}

void srv_engine_after_fork(srv_engine *engine) {
    pthread_mutex_init(&engine->lock, NULL);
    engine->spare = NULL;
    srv_queue_after_fork(engine->queue);
}

srv_status srv_engine_begin(srv_engine *engine, srv_exchange *out) {
    pthread_mutex_lock(&engine->lock);
    srv_workspace *workspace = engine->spare;
    if (workspace != NULL) {
        engine->spare = workspace->next;
    }
    pthread_mutex_unlock(&engine->lock);
    if (workspace == NULL) {
        workspace = srv_calloc(1, sizeof *workspace);
        if (workspace == NULL || (workspace->arena = srv_arena_new()) == NULL ||
            (workspace->row = srv_arena_new()) == NULL) {
            free_workspace(workspace);
            return SRV_NO_MEMORY;
        }
    }
    *out = (srv_exchange){.body = &workspace->reply, .workspace_ = workspace};
    return SRV_OK;
}

void srv_engine_end(srv_engine *engine, srv_exchange *exchange) {
    srv_workspace *workspace = exchange->workspace_;
    srv_arena_reset(workspace->arena);
    srv_arena_reset(workspace->row);
    srv_buffer_reset(&workspace->reply);
    if (workspace->reply.capacity > SRV_ARENA_KEEP) {
        srv_buffer_free(&workspace->reply);
    }
    pthread_mutex_lock(&engine->lock);
    workspace->next = engine->spare;
    engine->spare = workspace;
    pthread_mutex_unlock(&engine->lock);
}

/* A picture becomes the one row of values that a client could have sent as numbers. */
static srv_status decode_picture(const srv_engine *engine, const srv_model *model, const srv_hooks *hooks,
                                 srv_arena *arena, srv_body *body, srv_error *err) {
    srv_pixels pixels;
    body->single = true;
    body->rows = 1;
    body->values = srv_arena_take(arena, model->features * sizeof *body->values);
    if (body->values == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    if (hooks->decode == NULL) {
        return srv_fail(err, SRV_UNSUPPORTED_TYPE, "this server decodes no pictures; send the numbers");
    }
    srv_status status =
        hooks->decode(hooks->context, body->image, body->image_size, srv_image_useful_edge(model->image),
                      engine->options.limits.max_image_pixels, &pixels, err);
    if (status == SRV_OK) {
        status = srv_image_to_row(model->image, &pixels, arena, body->values, err);
        if (hooks->release != NULL) {
            hooks->release(hooks->context);
        }
    }
    return status;
}

/* Memory for rows of the network, where they are others than those sent. */
static srv_status take_rows(const srv_model *model, const srv_body *body, srv_arena *arena, float **out,
                            srv_error *err) {
    if (body->rows > SRV_MAX_REQUEST_NUMBERS / model->width) {
        return srv_fail(err, SRV_TOO_LARGE,
                        "%zu rows; at most %zu in one request to this model, each being %zu numbers", body->rows,
                        SRV_MAX_REQUEST_NUMBERS / model->width, model->width);
    }
    *out = srv_arena_take(arena, body->rows * model->width * sizeof **out);
    return *out != NULL ? SRV_OK : srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

/* The body's rows as the network takes them. */
static srv_status preprocess(const srv_model *model, const srv_body *body, srv_workspace *workspace, float **out,
                             srv_error *err) {
    const srv_sent_rows sent = {.values = body->values, .cells = body->cells, .texts = body->texts};
    void *scratch = NULL;
    *out = body->values;
    if (!srv_preprocess_is_in_place(model->preprocess)) {
        srv_status status = take_rows(model, body, workspace->arena, out, err);
        if (status != SRV_OK) {
            return status;
        }
        scratch = srv_arena_take(workspace->arena, srv_preprocess_scratch(model->preprocess));
        if (scratch == NULL) {
            return srv_fail(err, SRV_NO_MEMORY, "out of memory");
        }
    }
    return srv_preprocess_rows(model->preprocess, &sent, body->rows, scratch, workspace->row, *out, err);
}

_Static_assert(SRV_STATS_BATCH == SRV_BATCH_ROWS, "every batch has its place in the statistics");

static void run_batch(const void *context, const float *x, size_t rows, float *scratch, float *y) {
    const srv_run *run = context;
    uint64_t begin = srv_now_ns();
    srv_run_forward(run->model, x, rows, scratch, y);
    srv_executions *executed = &run->stats->executed[rows];
    atomic_fetch_add_explicit(&executed->ns, srv_now_ns() - begin, memory_order_relaxed);
    atomic_fetch_add_explicit(&executed->count, 1, memory_order_relaxed);
}

/* A classifier with one column and two labels gives the score of the second: the first has the rest. */
static srv_status write_reply(const srv_model *model, const srv_request *request, const srv_body *body, const float *y,
                              const srv_explained *explained, srv_arena *arena, srv_buffer *out, size_t *json_size,
                              srv_error *err) {
    size_t count = body->outputs != NULL ? body->output_count : model->output_count;
    srv_reply_output *outputs = srv_arena_take(arena, count * sizeof *outputs);
    if (outputs == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const srv_output_request asked = body->outputs != NULL ? body->outputs[i] : (srv_output_request){.index = i};
        const srv_output *output = &model->output[asked.index];
        outputs[i] = (srv_reply_output){.name = output->name,
                                        .labels = output->labels,
                                        .offset = output->offset,
                                        .columns = output->source.columns,
                                        .binary = asked.binary,
                                        .classes = asked.classes};
    }
    srv_reply_source source = {
        .model = model->name,
        .version = model->version,
        .task = model->task,
        .outputs = outputs,
        .output_count = count,
        .values = y,
        .stride = model->outputs,
        .rows = body->rows,
        .top = request->top,
        .single = body->single,
        .columnar = body->columnar,
        .bare = body->bare,
        .id = body->id,
        .id_size = body->id_size,
        .explained = explained,
        .json_size = json_size,
    };
    if (request->protocol == SRV_PROTOCOL_CLASSIFY) {
        source.output_count = 1;
    }
    if (outputs->columns == 1 && outputs->labels != NULL && request->protocol == SRV_PROTOCOL_CLASSIFY) {
        size_t bytes;
        float *pairs = srv_multiply(body->rows, 2 * sizeof *pairs, &bytes) ? srv_arena_take(arena, bytes) : NULL;
        if (pairs == NULL) {
            return srv_fail(err, SRV_NO_MEMORY, "out of memory");
        }
        for (size_t r = 0; r < body->rows; r++) {
            pairs[2 * r + 1] = source.values[r * source.stride + outputs->offset];
            pairs[2 * r] = 1.0f - pairs[2 * r + 1];
        }
        outputs->offset = 0;
        outputs->columns = 2;
        source.stride = 2;
        source.values = pairs;
    }
    return srv_write_reply(request->protocol, &source, out, err);
}

/* The shorter of two times, of which 0 is none. */
static uint64_t shorter(uint64_t a, uint64_t b) {
    return a == 0 || (b > 0 && b < a) ? b : a;
}

/* Can the model be asked in this way?  TensorFlow Serving's models have a signature for it, or none. */
static srv_status check_method(const srv_model *model, srv_protocol protocol, srv_error *err) {
    if (protocol == SRV_PROTOCOL_TENSORFLOW_CLASSIFY && model->task != SRV_TASK_CLASSIFICATION) {
        return srv_fail(err, SRV_WRONG_VALUE,
                        "Expected classification signature method_name to be tensorflow/serving/classify. Was: "
                        "tensorflow/serving/regress; this model is a regression: ask :predict or :regress");
    }
    if (protocol == SRV_PROTOCOL_TENSORFLOW_REGRESS &&
        (model->task != SRV_TASK_REGRESSION || model->output->source.columns != 1)) {
        return srv_fail(err, SRV_WRONG_VALUE,
                        "Expected regression signature method_name to be tensorflow/serving/regress. Was: "
                        "tensorflow/serving/%s; this model does not answer with one number: ask :predict%s",
                        model->task == SRV_TASK_CLASSIFICATION ? "classify" : "predict",
                        model->task == SRV_TASK_CLASSIFICATION ? " or :classify" : "");
    }
    return SRV_OK;
}

/* Everything before the queue, and into it. */
static srv_status start(srv_engine *engine, flight *f, srv_exchange *exchange) {
    const srv_model *model = f->model;
    const srv_request *request = &f->request;
    srv_arena *arena = exchange->workspace_->arena;
    uint64_t begin = srv_now_ns(), now;
    f->arrived = begin - request->waited_ns;
    f->stats = srv_stats_of(engine->stats, model->name, model->version);
    srv_body *body = &f->body;
    srv_status status = srv_parse_body(request->protocol, &request->body, &model->signature, &engine->options.limits,
                                       arena, body, &f->err);
    exchange->parse_ns = (now = srv_now_ns()) - begin;
    if (status == SRV_OK) {
        status = check_method(model, request->protocol, &f->err);
    }
    if (status == SRV_OK && body->kind == SRV_BODY_IMAGE) {
        status = decode_picture(engine, model, &f->hooks, arena, body, &f->err);
    }
    if (status != SRV_OK) {
        return status;
    }
    f->drift = request->raw ? NULL : model->drift;
    if (f->drift != NULL) {
        srv_drift_count_rows(f->drift, body->values, body->cells, model->features, body->rows);
    }
    if (!srv_multiply(body->rows, model->outputs * sizeof *f->y, &f->y_bytes) ||
        (f->y = srv_arena_take(arena, f->y_bytes)) == NULL) {
        return srv_fail(&f->err, SRV_NO_MEMORY, "out of memory");
    }
    float *x;
    if ((status = preprocess(model, body, exchange->workspace_, &x, &f->err)) != SRV_OK) {
        return status;
    }
    exchange->preprocess_ns = srv_now_ns() - now;

    uint64_t timeout_ns = shorter(shorter(engine->options.timeout_ns, request->timeout_ns), body->timeout_ns);
    const srv_run *run = srv_run_of(model->runs, model, f->stats);
    if (run == NULL) {
        return srv_fail(&f->err, SRV_NO_MEMORY, "out of memory");
    }
    f->work = (srv_work){
        .run = run_batch,
        .context = run,
        .features = model->width,
        .outputs = model->outputs,
        .scratch_floats = model->scratch_floats,
        .batch_rows = engine->options.max_batch_rows,
        .batch_ns = model->pass_ns,
    };
    f->job = (srv_job){
        .work = &f->work,
        .x = x,
        .y = f->y,
        .rows = body->rows,
        .background = request->background || body->background,
        .deadline_ns = timeout_ns > 0 ? f->arrived + timeout_ns : 0,
        .interrupted = f->hooks.interrupted,
        .hook = f->hooks.context,
    };
    return srv_queue_submit(engine->queue, &f->job, &f->err);
}

/* From the queue to the reply. */
static srv_status finish(srv_engine *engine, flight *f, srv_exchange *exchange) {
    const srv_model *model = f->model;
    const srv_request *request = &f->request;
    const srv_body *body = &f->body;
    srv_arena *arena = exchange->workspace_->arena;
    srv_status status = srv_queue_wait(engine->queue, &f->job, &f->err);
    if (status != SRV_OK) {
        return status;
    }
    if (f->drift != NULL) {
        srv_drift_count_labels(f->drift, f->y + model->output[0].offset, model->outputs,
                               model->output[0].source.columns, body->rows);
    }
    exchange->queue_ns = f->job.queued_ns + request->waited_ns;
    exchange->forward_ns = f->job.run_ns;
    exchange->rows = f->job.rows;
    exchange->batch_rows = f->job.batch_rows;
    srv_explained explained;
    if (request->explain != NULL) {
        const srv_explain_task task = {
            .model = model,
            .options = *request->explain,
            .sent = {.values = body->values, .cells = body->cells, .texts = body->texts},
            .x = f->job.x,
            .y = f->y,
            .rows = body->rows,
            .deadline_ns = f->job.deadline_ns,
            .interrupted = f->hooks.interrupted,
            .hook = f->hooks.context,
            .terms = exchange->workspace_->row,
            .arena = arena,
        };
        if ((status = srv_explain(&task, &explained, &f->err)) != SRV_OK) {
            return status;
        }
    }
    uint64_t now = srv_now_ns();
    if (request->raw) {
        srv_buffer_add(exchange->body, f->y, f->y_bytes);
    } else {
        status = write_reply(model, request, body, f->y, request->explain != NULL ? &explained : NULL, arena,
                             exchange->body, &exchange->json_size, &f->err);
    }
    if (status == SRV_OK && exchange->body->failed) {
        status = srv_fail(&f->err, SRV_NO_MEMORY, "out of memory while writing the reply");
    }
    exchange->reply_ns = srv_now_ns() - now;
    return status;
}

static void count(srv_model_stats *s, const srv_exchange *exchange) {
    atomic_fetch_add_explicit(&s->requests[exchange->status], 1, memory_order_relaxed);
    atomic_store_explicit(&s->last_ms, srv_unix_ms(), memory_order_relaxed);
    if (exchange->status != SRV_OK) {
        atomic_fetch_add_explicit(&s->failed_ns, exchange->total_ns, memory_order_relaxed);
        return;
    }
    atomic_fetch_add_explicit(&s->rows, exchange->rows, memory_order_relaxed);
    const uint64_t values[SRV_STATS_KINDS] = {
        [SRV_STATS_PARSE] = exchange->parse_ns,        [SRV_STATS_PREPROCESS] = exchange->preprocess_ns,
        [SRV_STATS_QUEUE] = exchange->queue_ns,        [SRV_STATS_FORWARD] = exchange->forward_ns,
        [SRV_STATS_REPLY] = exchange->reply_ns,        [SRV_STATS_TOTAL] = exchange->total_ns,
        [SRV_STATS_BATCH_ROWS] = exchange->batch_rows,
    };
    for (size_t i = 0; i < SRV_STATS_KINDS; i++) {
        srv_histogram_add(&s->histogram[i], values[i]);
    }
}

void srv_engine_start(srv_engine *engine, const srv_model *model, const srv_request *request, const srv_hooks *hooks,
                      srv_exchange *exchange) {
    flight *f = &exchange->workspace_->flight;
    f->model = model;
    f->request = *request;
    f->hooks = *hooks;
    f->err = (srv_error){.status = SRV_OK, .offset = SRV_NO_OFFSET};
    exchange->status = start(engine, f, exchange);
}

srv_status srv_engine_finish(srv_engine *engine, srv_exchange *exchange) {
    flight *f = &exchange->workspace_->flight;
    if (exchange->status == SRV_OK) {
        exchange->status = finish(engine, f, exchange);
    }
    exchange->http = 200;
    if (exchange->status != SRV_OK) {
        srv_buffer_reset(exchange->body);
        exchange->json_size = 0;
        exchange->http = srv_write_error(f->request.protocol, &f->err, exchange->body);
    }
    exchange->total_ns = srv_now_ns() - f->arrived;
    if (!f->request.raw) {
        count(f->stats, exchange);
    }
    return exchange->status;
}

srv_status srv_engine_handle(srv_engine *engine, const srv_model *model, const srv_request *request,
                             const srv_hooks *hooks, srv_exchange *exchange) {
    srv_engine_start(engine, model, request, hooks, exchange);
    return srv_engine_finish(engine, exchange);
}

void srv_engine_count(srv_engine *engine, srv_host_kind kind, uint64_t by) {
    atomic_fetch_add_explicit(&engine->stats->host[kind], by, memory_order_relaxed);
}

const srv_stats *srv_engine_stats(const srv_engine *engine) {
    return engine->stats;
}

void srv_engine_read_stats(srv_engine *engine, srv_queue_stats *out) {
    srv_queue_read_stats(engine->queue, out);
}
