#include "queue_batch.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <string.h>
#include <unistd.h>

#define MAX_BATCH_ROWS 64
#define FAIR_ROWS 8             /* rows that every request may bring into a batch before any brings more */
#define INTERRUPT_NS 100000000u /* how often a waiting request asks whether it is interrupted */

/* The requests for one model that still have rows to be taken, oldest first.  Empty lanes are used again. */
typedef struct lane {
    struct lane *next;
    const void *context;
    srv_job *first, *last;
} lane;

/* The right to compute one batch at a time, and the memory for it. */
typedef struct slot {
    struct slot *next_free;
    float *x, *y, *scratch; /* of one batch: gathered inputs and outputs; run's scratch */
    size_t x_floats, y_floats, scratch_floats;
} slot;

typedef struct part {
    srv_job *job;
    size_t first, rows;
} part;

typedef struct batch {
    const srv_work *work;
    size_t count, rows;
    part parts[MAX_BATCH_ROWS];
} batch;

struct srv_queue {
    pthread_mutex_t lock;
    pthread_cond_t idle;      /* the last running request has left */
    lane *lanes;              /* in turn: the first is served next */
    slot *slots, *free_slots;
    size_t queued_rows, max_queue_rows;
    size_t inside;            /* calls of srv_queue_run that have not returned */
    bool closed;
    srv_queue_stats stats;
};

srv_queue *srv_queue_new(const srv_queue_options *options) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t slots = options->slots > 0 ? options->slots : cores > 0 ? (size_t)cores : 1;
    srv_queue *queue = srv_calloc(1, sizeof *queue);
    if (queue == NULL || (queue->slots = srv_calloc(slots, sizeof *queue->slots)) == NULL) {
        srv_free(queue);
        return NULL;
    }
    for (size_t i = 0; i < slots; i++) {
        queue->slots[i].next_free = queue->free_slots;
        queue->free_slots = &queue->slots[i];
    }
    queue->max_queue_rows = options->max_queue_rows;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->idle, NULL);
    return queue;
}

void srv_queue_close(srv_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    while (queue->inside > 0) {
        pthread_cond_wait(&queue->idle, &queue->lock);
    }
    for (slot *s = queue->free_slots; s != NULL; s = s->next_free) {
        srv_free(s->x);
        srv_free(s->y);
        srv_free(s->scratch);
        *s = (slot){.next_free = s->next_free};
    }
    pthread_mutex_unlock(&queue->lock);
}

void srv_queue_free(srv_queue *queue) {
    if (queue == NULL) {
        return;
    }
    srv_queue_close(queue);
    while (queue->lanes != NULL) {
        lane *next = queue->lanes->next;
        srv_free(queue->lanes);
        queue->lanes = next;
    }
    srv_free(queue->slots);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->idle);
    srv_free(queue);
}

/* The lane of that model, or an empty one made its own; NULL when out of memory. */
static lane *find_lane_lock_held(srv_queue *queue, const void *context) {
    lane *empty = NULL, **end = &queue->lanes;
    for (lane *l = queue->lanes; l != NULL; end = &l->next, l = l->next) {
        if (l->first != NULL && l->context == context) {
            return l;
        }
        empty = l->first == NULL ? l : empty;
    }
    if (empty == NULL) {
        empty = srv_calloc(1, sizeof *empty);
        if (empty != NULL) {
            *end = empty;
        }
    }
    if (empty != NULL) {
        empty->context = context;
    }
    return empty;
}

static void append_lock_held(srv_queue *queue, lane *l, srv_job *job) {
    job->next_ = NULL;
    if (l->first == NULL) {
        l->first = job;
    } else {
        l->last->next_ = job;
    }
    l->last = job;
    job->queued_ = true;
    queue->queued_rows += job->rows - job->taken_;
}

static void remove_lock_held(srv_queue *queue, lane *l, srv_job *before, srv_job *job) {
    if (before == NULL) {
        l->first = job->next_;
    } else {
        before->next_ = job->next_;
    }
    if (l->last == job) {
        l->last = before;
    }
    job->queued_ = false;
    queue->queued_rows -= job->rows - job->taken_;
}

/* The rows that are still waiting will not be computed; those in a batch will, but nobody looks at them. */
static void withdraw_lock_held(srv_queue *queue, srv_job *job) {
    for (lane *l = queue->lanes; l != NULL && job->queued_; l = l->next) {
        srv_job *before = NULL;
        for (srv_job *j = l->first; j != NULL; before = j, j = j->next_) {
            if (j == job) {
                remove_lock_held(queue, l, before, job);
                break;
            }
        }
    }
}

static void end_lock_held(srv_job *job, srv_status status) {
    job->status_ = status;
    job->ended_ = true;
    pthread_cond_signal(&job->wake_);
}

static void take_rows_lock_held(srv_queue *queue, batch *b, srv_job *job, size_t rows) {
    part *last = b->count > 0 ? &b->parts[b->count - 1] : NULL;
    if (last != NULL && last->job == job && last->first + last->rows == job->taken_) {
        last->rows += rows;
    } else {
        b->parts[b->count++] = (part){job, job->taken_, rows};
    }
    job->taken_ += rows;
    b->rows += rows;
    queue->queued_rows -= rows;
}

static void drop_expired_lock_held(srv_queue *queue, lane *l, uint64_t now) {
    srv_job *before = NULL, *next;
    for (srv_job *job = l->first; job != NULL; job = next) {
        next = job->next_;
        if (job->deadline_ns != 0 && now > job->deadline_ns && job->taken_ == job->done_) {
            remove_lock_held(queue, l, before, job);
            queue->stats.expired++;
            end_lock_held(job, SRV_DEADLINE);
        } else {
            before = job;
        }
    }
}

/* Fills b from the lane whose turn it is; false if nothing is queued. */
static bool take_batch_lock_held(srv_queue *queue, batch *b) {
    uint64_t now = srv_now_ns();
    b->count = b->rows = 0;
    lane **place = &queue->lanes, *l;
    for (; (l = *place) != NULL; place = &l->next) {
        drop_expired_lock_held(queue, l, now);
        if (l->first != NULL) {
            break;
        }
    }
    if (l == NULL) {
        return false;
    }
    b->work = l->first->work;
    size_t room = b->work->batch_rows < MAX_BATCH_ROWS ? b->work->batch_rows : MAX_BATCH_ROWS;
    for (size_t share = FAIR_ROWS; b->rows < room && l->first != NULL; share = room) {
        srv_job *before = NULL, *next;
        for (srv_job *job = l->first; job != NULL && b->rows < room && b->count < MAX_BATCH_ROWS; job = next) {
            next = job->next_;
            size_t rows = job->rows - job->taken_;
            rows = rows < share ? rows : share;
            rows = rows < room - b->rows ? rows : room - b->rows;
            if (job->taken_ == 0) {
                job->started_ns_ = now;
            }
            take_rows_lock_held(queue, b, job, rows);
            if (job->taken_ == job->rows) {
                remove_lock_held(queue, l, before, job);
            } else {
                before = job;
            }
        }
        if (share == room) {
            break;
        }
    }
    lane **end = place; /* the lane goes to the back of the turn */
    *place = l->next;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = l;
    l->next = NULL;
    return true;
}

static bool grow(float **memory, size_t *floats, size_t needed) {
    if (*floats >= needed) {
        return true;
    }
    float *grown = srv_calloc(needed, sizeof(float));
    if (grown == NULL) {
        return false;
    }
    srv_free(*memory);
    *memory = grown;
    *floats = needed;
    return true;
}

/* Computes a batch; no lock held.  Rows of one request alone are used where they lie. */
static bool run_batch(slot *s, const batch *b) {
    const srv_work *work = b->work;
    if (!grow(&s->scratch, &s->scratch_floats, work->scratch_floats)) {
        return false;
    }
    if (b->count == 1) {
        const part *p = &b->parts[0];
        work->run(work->context, p->job->x + p->first * work->features, b->rows, s->scratch,
                  p->job->y + p->first * work->outputs);
        return true;
    }
    if (!grow(&s->x, &s->x_floats, MAX_BATCH_ROWS * work->features) ||
        !grow(&s->y, &s->y_floats, MAX_BATCH_ROWS * work->outputs)) {
        return false;
    }
    float *x = s->x;
    for (size_t i = 0; i < b->count; i++) {
        const part *p = &b->parts[i];
        memcpy(x, p->job->x + p->first * work->features, p->rows * work->features * sizeof *x);
        x += p->rows * work->features;
    }
    work->run(work->context, s->x, b->rows, s->scratch, s->y);
    const float *y = s->y;
    for (size_t i = 0; i < b->count; i++) {
        const part *p = &b->parts[i];
        memcpy(p->job->y + p->first * work->outputs, y, p->rows * work->outputs * sizeof *y);
        y += p->rows * work->outputs;
    }
    return true;
}

static void finish_batch_lock_held(srv_queue *queue, const batch *b, bool computed, uint64_t now) {
    queue->stats.batches++;
    queue->stats.rows += b->rows;
    for (size_t i = 0; i < b->count; i++) {
        srv_job *job = b->parts[i].job;
        job->done_ += b->parts[i].rows;
        job->batch_rows = b->rows;
        if (!computed && !job->ended_) {
            withdraw_lock_held(queue, job);
            job->rows = job->taken_;
            job->status_ = SRV_NO_MEMORY;
        }
        if (job->done_ == job->rows) {
            job->queued_ns = job->started_ns_ - job->submitted_ns_;
            job->run_ns = now - job->started_ns_;
            end_lock_held(job, job->status_);
        }
    }
}

/* The slot goes to a request that waits with rows to be taken; if there is none, it is free. */
static void pass_slot_lock_held(srv_queue *queue, slot *s) {
    for (lane *l = queue->lanes; l != NULL; l = l->next) {
        for (srv_job *job = l->first; job != NULL; job = job->next_) {
            if (job->waiting_ && job->slot_ == NULL) {
                job->slot_ = s;
                pthread_cond_signal(&job->wake_);
                return;
            }
        }
    }
    s->next_free = queue->free_slots;
    queue->free_slots = s;
}

/* Runs batches until the leader's own rows are done, then passes the slot on. */
static void lead_lock_held(srv_queue *queue, srv_job *job, slot *s) {
    batch b;
    while (!job->ended_ && take_batch_lock_held(queue, &b)) {
        pthread_mutex_unlock(&queue->lock);
        bool computed = run_batch(s, &b);
        uint64_t now = srv_now_ns();
        pthread_mutex_lock(&queue->lock);
        finish_batch_lock_held(queue, &b, computed, now);
    }
    pass_slot_lock_held(queue, s);
}

/* Sleeps until something happens to the job, the deadline, or the next look at `interrupted`. */
static void sleep_lock_held(srv_queue *queue, srv_job *job) {
    uint64_t now = srv_now_ns(), until = now + INTERRUPT_NS;
    if (job->deadline_ns != 0 && job->deadline_ns < until && job->queued_ && job->taken_ == job->done_) {
        until = job->deadline_ns > now ? job->deadline_ns : now;
    }
    struct timespec time = {.tv_sec = (time_t)(until / 1000000000u), .tv_nsec = (long)(until % 1000000000u)};
    pthread_cond_timedwait(&job->wake_, &queue->lock, &time);
}

/* Waits for a slot or for the answer.  A job can only leave early while none of its rows is in a batch. */
static void follow_lock_held(srv_queue *queue, srv_job *job) {
    bool interrupted = false;
    job->waiting_ = true;
    while (!job->ended_ && job->slot_ == NULL) {
        sleep_lock_held(queue, job);
        if (job->ended_ || job->slot_ != NULL) {
            break;
        }
        if (!interrupted && job->interrupted != NULL) {
            pthread_mutex_unlock(&queue->lock); /* the hook may take locks of its own, such as Python's */
            interrupted = job->interrupted(job->hook);
            pthread_mutex_lock(&queue->lock);
        }
        bool late = job->deadline_ns != 0 && srv_now_ns() > job->deadline_ns;
        if ((interrupted || late) && !job->ended_ && job->taken_ == job->done_) {
            withdraw_lock_held(queue, job);
            queue->stats.expired += !interrupted;
            queue->stats.cancelled += interrupted;
            end_lock_held(job, interrupted ? SRV_CANCELLED : SRV_DEADLINE);
        }
    }
    job->waiting_ = false;
    if (job->slot_ != NULL) { /* also when it ended in the meantime: the slot must not be lost */
        lead_lock_held(queue, job, job->slot_);
    }
    while (!job->ended_) { /* its last rows are in another leader's batch */
        pthread_cond_wait(&job->wake_, &queue->lock);
    }
}

static srv_status submit_lock_held(srv_queue *queue, srv_job *job, srv_error *err) {
    if (queue->closed) {
        return srv_fail(err, SRV_CLOSED, "the server is shutting down");
    }
    if (queue->queued_rows > 0 && queue->queued_rows + job->rows > queue->max_queue_rows) {
        queue->stats.rejected++;
        return srv_fail(err, SRV_OVERLOADED, "%zu rows are waiting; at most %zu may", queue->queued_rows,
                        queue->max_queue_rows);
    }
    lane *l = find_lane_lock_held(queue, job->work->context);
    if (l == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    append_lock_held(queue, l, job);
    queue->stats.requests++;
    return SRV_OK;
}

srv_status srv_queue_run(srv_queue *queue, srv_job *job, srv_error *err) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&job->wake_, &monotonic);
    pthread_condattr_destroy(&monotonic);
    job->taken_ = job->done_ = 0;
    job->slot_ = NULL;
    job->status_ = SRV_OK;
    job->queued_ = job->waiting_ = job->ended_ = false;
    job->submitted_ns_ = srv_now_ns();

    pthread_mutex_lock(&queue->lock);
    srv_status status = submit_lock_held(queue, job, err);
    if (status == SRV_OK) {
        queue->inside++;
        slot *s = queue->free_slots;
        if (s != NULL) {
            queue->free_slots = s->next_free;
            lead_lock_held(queue, job, s);
        }
        if (!job->ended_) {
            follow_lock_held(queue, job);
        }
        status = job->status_;
        queue->inside--;
        if (queue->inside == 0) {
            pthread_cond_broadcast(&queue->idle);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_destroy(&job->wake_);
    if (status == SRV_DEADLINE) {
        srv_fail(err, status, "the deadline passed before the request was computed");
    } else if (status == SRV_CANCELLED) {
        srv_fail(err, status, "the request was interrupted");
    } else if (status == SRV_NO_MEMORY) {
        srv_fail(err, status, "out of memory");
    }
    return status;
}

void srv_queue_read_stats(srv_queue *queue, srv_queue_stats *out) {
    pthread_mutex_lock(&queue->lock);
    *out = queue->stats;
    pthread_mutex_unlock(&queue->lock);
}
