/* The whole data path: the bytes of a request's body become the bytes of its reply.
 *
 *   parse_body → preprocess → queue_batch → run_forward → write_reply
 *
 * Everything runs on the calling thread, or on the thread of another request that leads the batch.  The engine knows no
 * Python: what needs it (decoding a picture, noticing an interrupt) comes in as hooks.
 *
 *   srv_exchange exchange;
 *   srv_engine_begin(engine, &exchange)       borrow memory
 *   srv_engine_handle(engine, model, &request, &hooks, &exchange)
 *   … send exchange.http and exchange.body …
 *   srv_engine_end(engine, &exchange)         give it back
 */
#ifndef SRV_ENGINE_H
#define SRV_ENGINE_H

#include "base/buffer.h"
#include "explain/explain.h"
#include "model/model.h"
#include "parse_body.h"
#include "queue_batch.h"
#include "request_limits.h"
#include "stats.h"

#include <stdint.h>

typedef struct srv_engine_options {
    srv_queue_options queue;
    srv_limits limits;
    size_t max_batch_rows; /* 1 … SRV_BATCH_ROWS */
    uint64_t timeout_ns;   /* of a request, from its arrival in the engine; 0: none */
} srv_engine_options;

/* A batch of 64 rows keeps the largest tiles busy; 10,000 rows of 784 numbers waiting are 31 MB. */
#define SRV_ENGINE_OPTIONS_DEFAULT                                           \
    {.queue = {.slots = 0, .max_queue_rows = 10000, .max_wait_ns = 1000000}, \
     .limits = SRV_LIMITS_DEFAULT,                                           \
     .max_batch_rows = 64,                                                   \
     .timeout_ns = (uint64_t)25 * 1000000000u}

typedef struct srv_request {
    srv_protocol protocol;
    srv_body_source body;
    size_t top;                         /* the k best labels; 0: all scores */
    uint64_t timeout_ns;                /* the client's own, if it is shorter than the engine's; 0: none */
    uint64_t waited_ns;                 /* since its arrival, before it came here: counts as time in the queue */
    bool background;                    /* computed only when no other request waits */
    bool raw;                           /* the reply is the outputs, float32 [rows × outputs]; nothing is counted */
    const srv_explain_options *explain; /* CLASSIFY only: what the answer is due to, too; NULL: no */
} srv_request;

typedef struct srv_hooks {
    void *context;
    /* Decodes a picture.  Pixels stay valid until release(context); release may be NULL.  max_pixels bounds height × width of
     * the picture as sent; useful_edge: see srv_image_useful_edge. */
    srv_status (*decode)(void *context, const char *encoded, size_t size, size_t useful_edge, size_t max_pixels,
                         srv_pixels *out, srv_error *err);
    void (*release)(void *context);
    bool (*interrupted)(void *context); /* see srv_job */
} srv_hooks;

typedef struct srv_engine srv_engine;

/* What one request needs while it is inside, and its reply.  Between begin and end it belongs to one thread. */
typedef struct srv_exchange {
    int http;          /* status of the reply */
    srv_buffer *body;  /* JSON, unless: */
    size_t json_size;  /* OPENINFERENCE: binary tensors follow these bytes of JSON; 0: there are none */
    srv_status status; /* SRV_OK or why not */
    size_t rows;       /* of the request; 0: not computed */
    size_t batch_rows; /* rows of the batch that the request's last row was computed in; 0: not computed */
    uint64_t parse_ns, preprocess_ns, queue_ns, forward_ns, reply_ns, total_ns;
    struct srv_workspace *workspace_;
} srv_exchange;

srv_status srv_engine_new(const srv_engine_options *options, srv_engine **out, srv_error *err);
void srv_engine_close(srv_engine *engine); /* see srv_queue_close */
void srv_engine_free(srv_engine *engine);  /* accepts NULL */

/* In the child of a fork, before any thread calls in: forgets the requests whose threads are in the parent.  What these
 * requests held stays allocated, for it may be half changed.  Counts go on, for parent and children together. */
void srv_engine_after_fork(srv_engine *engine);

/* SRV_NO_MEMORY, or SRV_OK: then srv_engine_end must follow. */
srv_status srv_engine_begin(srv_engine *engine, srv_exchange *out);
void srv_engine_end(srv_engine *engine, srv_exchange *exchange);

/* Always fills http and body; the status is also returned. */
srv_status srv_engine_handle(srv_engine *engine, const srv_model *model, const srv_request *request,
                             const srv_hooks *hooks, srv_exchange *exchange);

/* Its two halves, for a thread that has several requests: it starts all, and then finishes all, and they share batches.
 * After start a request is queued, or has failed; finish waits for it, and must follow.  What request and hooks point at
 * must live until then. */
void srv_engine_start(srv_engine *engine, const srv_model *model, const srv_request *request, const srv_hooks *hooks,
                      srv_exchange *exchange);
srv_status srv_engine_finish(srv_engine *engine, srv_exchange *exchange);

/* The queue's counts, and the rest; of this process and all that were forked from the one that made the engine. */
void srv_engine_read_stats(srv_engine *engine, srv_queue_stats *out);
const srv_stats *srv_engine_stats(const srv_engine *engine);

/* Adds to what the host itself counts. */
void srv_engine_count(srv_engine *engine, srv_host_kind kind, uint64_t by);

#endif
