#include "queue_batch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/threads.h"
#include "queue/counts.h"
#include "queue/lanes.h"
#include "queue/pace.h"

#include <pthread.h>
#include <string.h>

#define INTERRUPT_NS 100000000u    /* how often a waiting request asks whether it is interrupted */
#define PEAK_BATCHES 64            /* how long the largest number of requests at once is remembered */
#define WORTH_A_HELPER_NS 200000.0 /* of work: to start and end a thread costs some tens of microseconds */

enum { LEAD = SRV_EVENT_MEANINGS, ENDED }; /* what a job's thread is told */

/* The right to compute one batch at a time, and the memory for it. */
typedef struct slot {
    struct slot *next_free;
    float *x, *y, *scratch; /* of one batch: gathered inputs and outputs; run's scratch */
    size_t x_floats, y_floats, scratch_floats;
} slot;

struct srv_queue {
    pthread_mutex_t lock;
    pthread_cond_t idle;   /* closed, and something has ended */
    pthread_cond_t joined; /* a lane that a leader waits for is full */
    lanes lanes;
    slot *slots, *free_slots;
    size_t slot_count, free_count;
    size_t max_queue_rows;
    uint64_t max_wait_ns;
    size_t inside;      /* jobs that have not ended, and helpers */
    size_t most_inside; /* the most at once lately */
    size_t recent_most, recent_batches;
    size_t waiting_leaders, wanted_rows; /* leaders that wait for a lane to hold so many rows */
    unsigned forks;                      /* that this process came from, since the queue was made */
    bool closed;
    counts *counts;
    shown *shown;   /* this process's place there */
    shown unlisted; /* instead, when there was none: others don't see it */
};

/* Threads to wake once the lock is free: their events are set, and only their addresses are still good. */
typedef struct sleepers {
    size_t count;
    srv_event *events[SRV_BATCH_ROWS + 1];
} sleepers;

static void wake_all(sleepers *who) {
    for (size_t i = 0; i < who->count; i++) {
        srv_event_wake(who->events[i]);
    }
    who->count = 0;
}

static void tell_lock_held(srv_job *job, uint32_t what, sleepers *who) {
    if (!srv_event_set(&job->event_, what)) {
        return;
    }
    if (who->count == sizeof who->events / sizeof *who->events) { /* so many expired at once: rare */
        wake_all(who);
    }
    who->events[who->count++] = &job->event_;
}

/* Every release of the lock shows what has become true under it. */
static void unlock(srv_queue *queue) {
    atomic_store_explicit(&queue->shown->queued_rows, queue->lanes.rows, memory_order_relaxed);
    atomic_store_explicit(&queue->shown->running, queue->slot_count - queue->free_count, memory_order_relaxed);
    pthread_mutex_unlock(&queue->lock);
}

static void begin_empty(srv_queue *queue) {
    queue->shown = counts_enter(queue->counts);
    if (queue->shown == NULL) {
        queue->unlisted = (shown){0};
        queue->shown = &queue->unlisted;
    }
    for (size_t i = 0; i < queue->slot_count; i++) {
        queue->slots[i] = (slot){.next_free = i > 0 ? &queue->slots[i - 1] : NULL};
    }
    queue->free_slots = &queue->slots[queue->slot_count - 1];
    queue->free_count = queue->slot_count;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->idle, NULL);
    srv_cond_init(&queue->joined);
}

srv_queue *srv_queue_new(const srv_queue_options *options) {
    srv_queue *queue = srv_calloc(1, sizeof *queue);
    size_t slots = options->slots > 0 ? options->slots : srv_usable_cores();
    if (queue == NULL || (queue->slots = srv_calloc(slots, sizeof *queue->slots)) == NULL ||
        (queue->counts = counts_new()) == NULL) {
        if (queue != NULL) {
            srv_free(queue->slots);
        }
        srv_free(queue);
        return NULL;
    }
    queue->slot_count = slots;
    queue->max_queue_rows = options->max_queue_rows;
    queue->max_wait_ns = options->max_wait_ns;
    queue->lanes.wake_ns = options->max_wait_ns > 0 ? measure_wake_ns() : 0;
    begin_empty(queue);
    return queue;
}

void srv_queue_after_fork(srv_queue *queue) {
    queue->lanes = (lanes){.wake_ns = queue->lanes.wake_ns};
    queue->inside = queue->most_inside = queue->recent_most = queue->recent_batches = 0;
    queue->waiting_leaders = queue->wanted_rows = 0;
    queue->forks++;
    begin_empty(queue);
}

static void enter_lock_held(srv_queue *queue) {
    queue->inside++;
    if (queue->inside > queue->recent_most) {
        queue->recent_most = queue->inside;
    }
    if (queue->recent_most > queue->most_inside) {
        queue->most_inside = queue->recent_most;
    }
}

static void leave_lock_held(srv_queue *queue) {
    queue->inside--;
    if (queue->closed) {
        pthread_cond_broadcast(&queue->idle);
    }
}

static slot *take_slot_lock_held(srv_queue *queue) {
    slot *s = queue->free_slots;
    if (s != NULL) {
        queue->free_slots = s->next_free;
        queue->free_count--;
    }
    return s;
}

static void free_slot_lock_held(srv_queue *queue, slot *s) {
    s->next_free = queue->free_slots;
    queue->free_slots = s;
    queue->free_count++;
    if (queue->closed) {
        pthread_cond_broadcast(&queue->idle);
    }
}

/* The slot goes to a request that waits with rows to be taken; if there is none, it is free. */
static void pass_slot_lock_held(srv_queue *queue, slot *s, sleepers *who) {
    srv_job *job = lanes_find_waiting(&queue->lanes);
    if (job == NULL) {
        free_slot_lock_held(queue, s);
        return;
    }
    job->slot_ = s;
    tell_lock_held(job, LEAD, who);
}

static bool has_ended(srv_job *job) {
    return srv_event_get(&job->event_) == ENDED;
}

/* The job is not to be touched afterwards: its thread may have returned. */
static void end_lock_held(srv_queue *queue, srv_job *job, srv_status status, sleepers *who) {
    if (job->slot_ != NULL) { /* handed over, and not taken up before others did the work */
        slot *s = job->slot_;
        job->slot_ = NULL;
        pass_slot_lock_held(queue, s, who);
    }
    job->status_ = status;
    leave_lock_held(queue);
    tell_lock_held(job, ENDED, who);
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
    if (!grow(&s->x, &s->x_floats, SRV_BATCH_ROWS * work->features) ||
        !grow(&s->y, &s->y_floats, SRV_BATCH_ROWS * work->outputs)) {
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

static void finish_batch_lock_held(srv_queue *queue, const batch *b, bool computed, uint64_t now, sleepers *who) {
    counts_add(&queue->counts->batch_rows[b->rows]);
    if (++queue->recent_batches == PEAK_BATCHES) {
        queue->most_inside = queue->recent_most;
        queue->recent_most = queue->inside;
        queue->recent_batches = 0;
    }
    for (size_t i = 0; i < b->count; i++) {
        srv_job *job = b->parts[i].job;
        job->done_ += b->parts[i].rows;
        job->batch_rows = b->rows;
        if (!computed) {
            lanes_withdraw(&queue->lanes, job);
            job->status_ = SRV_NO_MEMORY;
        }
        if (job->done_ == job->taken_ && !job->queued_) {
            job->queued_ns = job->started_ns_ - job->submitted_ns_;
            job->run_ns = now - job->started_ns_;
            end_lock_held(queue, job, job->status_, who);
        }
    }
}

/* Lets others join the lane's batch, as long as that pays.  Afterwards another lane may be next.  With a free slot
 * nobody would join: who arrives leads. */
static void wait_for_others_lock_held(srv_queue *queue, lane *l, sleepers *who) {
    if (l->pace.saving_ns <= 0 || l->rows >= l->pace.full_rows || queue->free_count > 0 ||
        !patience_allows(&l->patience, queue->most_inside <= 1)) {
        return;
    }
    const bool curious = patience_is_curious(&l->patience);
    const size_t rows = l->rows;
    if (who->count > 0) { /* of the batch before: it is they who may come */
        unlock(queue);
        wake_all(who);
        pthread_mutex_lock(&queue->lock);
    }
    uint64_t begun = srv_now_ns(), now = begun, wait;
    bool waited = false;
    while (l->first != NULL && !queue->closed && (curious || queue->inside < queue->most_inside) &&
           (wait = pace_wait_ns(&l->pace, l->rows, l->last_ns, begun, now, queue->max_wait_ns)) > 0) {
        queue->waiting_leaders++;
        queue->wanted_rows = l->pace.full_rows;
        srv_cond_wait_until(&queue->joined, &queue->lock, now + wait);
        queue->waiting_leaders--;
        waited = true;
        now = srv_now_ns();
    }
    if (waited) {
        counts_add(&queue->counts->waits);
        patience_learn(&l->patience, l->rows > rows);
    }
}

/* The next batch; false if nothing is queued. */
static bool take_batch_lock_held(srv_queue *queue, batch *b, sleepers *who) {
    lane *l = lanes_next(&queue->lanes);
    if (l != NULL && queue->max_wait_ns > 0) {
        wait_for_others_lock_held(queue, l, who);
    }
    uint64_t now = srv_now_ns();
    while ((l = lanes_next(&queue->lanes)) != NULL) {
        srv_job *expired = lanes_remove_expired(&queue->lanes, l, now);
        if (expired == NULL) {
            lanes_take(&queue->lanes, l, now, b);
            return true;
        }
        counts_add(&queue->counts->expired);
        end_lock_held(queue, expired, SRV_DEADLINE, who);
    }
    return false;
}

static void start_helper_lock_held(srv_queue *queue);

/* A background request must not compute for interactive ones for as long as there are any: their threads can, and its own
 * deadline and interrupts are looked at only while it waits. */
static bool gives_way_lock_held(const srv_queue *queue, const srv_job *job) {
    const srv_job *waiting = job != NULL && job->background ? lanes_find_waiting(&queue->lanes) : NULL;
    return waiting != NULL && !waiting->background;
}

/* Runs batches until the leader's own rows are done (without a job: until nothing is queued), then passes the slot on.
 * Takes the lock held, and releases it: nothing of the queue is touched afterwards, unless the caller keeps it open. */
static void lead_and_unlock(srv_queue *queue, srv_job *job, slot *s) {
    batch b;
    sleepers who = {.count = 0};
    while ((job == NULL || !has_ended(job)) && !gives_way_lock_held(queue, job) &&
           take_batch_lock_held(queue, &b, &who)) {
        start_helper_lock_held(queue);
        unlock(queue);
        wake_all(&who);
        bool computed = run_batch(s, &b);
        uint64_t now = srv_now_ns();
        pthread_mutex_lock(&queue->lock);
        finish_batch_lock_held(queue, &b, computed, now, &who);
    }
    pass_slot_lock_held(queue, s, &who);
    unlock(queue);
    wake_all(&who);
}

static void *help(void *argument) {
    srv_queue *queue = argument;
    pthread_mutex_lock(&queue->lock);
    slot *s = take_slot_lock_held(queue);
    if (s != NULL) {
        lead_and_unlock(queue, NULL, s);
        pthread_mutex_lock(&queue->lock);
    }
    leave_lock_held(queue);
    unlock(queue);
    return NULL;
}

/* A large request has one thread, and may deserve several cores. */
static void start_helper_lock_held(srv_queue *queue) {
    if (queue->free_count > 0 && queue->lanes.ns > WORTH_A_HELPER_NS) {
        queue->inside++; /* close waits for it; it is no request, so enter_lock_held must not count it */
        if (!srv_start_thread(help, queue)) {
            queue->inside--;
        }
    }
}

/* When a waiting job has to be looked at, whatever happens: at its deadline, and to ask `interrupted`. */
static uint64_t next_look_lock_held(const srv_job *job) {
    uint64_t until = srv_now_ns() + INTERRUPT_NS;
    if (job->deadline_ns != 0 && job->deadline_ns < until && job->queued_ && job->taken_ == 0) {
        until = job->deadline_ns;
    }
    return until;
}

/* Ends a job that is late or interrupted, which it can be while none of its rows was taken; and one that another process
 * submitted, for this one is a fork that knows nothing of it. */
static void give_up_lock_held(srv_queue *queue, srv_job *job, bool interrupted, sleepers *who) {
    const bool late = job->deadline_ns != 0 && srv_now_ns() > job->deadline_ns;
    if (job->forks_ != queue->forks) {
        job->status_ = SRV_CANCELLED;
        srv_event_set(&job->event_, ENDED);
    } else if ((interrupted || late) && !has_ended(job) && job->taken_ == 0) {
        lanes_withdraw(&queue->lanes, job);
        counts_add(interrupted ? &queue->counts->cancelled : &queue->counts->expired);
        end_lock_held(queue, job, interrupted ? SRV_CANCELLED : SRV_DEADLINE, who);
    }
}

/* The slot that was handed to the job, or a free one if it needs one; else NULL. */
static slot *get_slot_lock_held(srv_queue *queue, srv_job *job) {
    slot *s = job->slot_;
    if (s != NULL) {
        job->slot_ = NULL;
        srv_event_set(&job->event_, SRV_EVENT_NONE);
    } else if (job->queued_) {
        s = take_slot_lock_held(queue);
    }
    return s;
}

/* Until the answer is there: leads with a slot when it gets one, sleeps when not; its last rows may be in another
 * leader's batch.  Takes the lock held, and releases it. */
static void finish_and_unlock(srv_queue *queue, srv_job *job) {
    bool interrupted = false;
    sleepers who = {.count = 0}; /* nobody: a job that gives up is the thread's own */
    while (!has_ended(job)) {
        slot *s = get_slot_lock_held(queue, job);
        if (s != NULL) {
            lead_and_unlock(queue, job, s);
        } else {
            job->waiting_ = true;
            const uint64_t until = next_look_lock_held(job);
            unlock(queue);
            const uint32_t told = srv_event_wait_until(&job->event_, until);
            if (told == SRV_EVENT_NONE && job->interrupted != NULL && !interrupted && srv_now_ns() >= until) {
                interrupted = job->interrupted(job->hook); /* no lock held: the hook may take Python's */
            }
        }
        if (has_ended(job)) {
            return; /* without the lock, which the others want just now */
        }
        pthread_mutex_lock(&queue->lock);
        job->waiting_ = false;
        if (job->slot_ == NULL) {
            give_up_lock_held(queue, job, interrupted, &who);
        }
    }
    unlock(queue);
}

/* What is asked at the door: is there room, and is there time?  A small request waits for no more than the turn of the
 * others, however many rows they have. */
static srv_status admit_lock_held(srv_queue *queue, const srv_job *job, srv_error *err) {
    if (queue->closed) {
        return srv_fail(err, SRV_CLOSED, "the server is shutting down");
    }
    const lanes *l = &queue->lanes;
    size_t waiting = job->rows <= SRV_FAIR_ROWS ? l->turn : l->rows;
    if (waiting > 0 && waiting + job->rows > queue->max_queue_rows) {
        counts_add(&queue->counts->rejected);
        return srv_fail(err, SRV_OVERLOADED, "%zu rows are waiting; at most %zu may", waiting, queue->max_queue_rows);
    }
    double ahead = waiting > 0 ? l->ns * (double)waiting / (double)l->rows / (double)queue->slot_count : 0;
    if (job->deadline_ns != 0 && (double)job->submitted_ns_ + ahead > (double)job->deadline_ns && waiting > 0) {
        counts_add(&queue->counts->rejected);
        return srv_fail(err, SRV_OVERLOADED, "%zu rows are waiting, for about %.0f ms: the deadline can't be met",
                        waiting, ahead * 1e-6);
    }
    return SRV_OK;
}

static srv_status submit_lock_held(srv_queue *queue, srv_job *job, srv_error *err) {
    srv_status status = admit_lock_held(queue, job, err);
    if (status != SRV_OK) {
        return status;
    }
    const lane *l = lanes_add(&queue->lanes, job, job->submitted_ns_);
    if (l == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    job->forks_ = queue->forks;
    counts_add(&queue->counts->requests);
    enter_lock_held(queue);
    if (queue->waiting_leaders > 0 && (l->rows >= queue->wanted_rows || queue->inside >= queue->most_inside)) {
        pthread_cond_signal(&queue->joined);
    }
    return SRV_OK;
}

static void begin_job(srv_job *job) {
    srv_event_init(&job->event_);
    job->taken_ = job->done_ = 0;
    job->slot_ = NULL;
    job->status_ = SRV_OK;
    job->queued_ = job->waiting_ = false;
    job->submitted_ns_ = srv_now_ns();
}

/* Of a job that has ended. */
static srv_status read_status(srv_job *job, srv_error *err) {
    srv_event_destroy(&job->event_);
    switch (job->status_) {
    case SRV_DEADLINE:
        return srv_fail(err, SRV_DEADLINE, "the deadline passed before the request was computed");
    case SRV_CANCELLED:
        return srv_fail(err, SRV_CANCELLED, "the request was interrupted");
    case SRV_NO_MEMORY:
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    default:
        return job->status_;
    }
}

srv_status srv_queue_submit(srv_queue *queue, srv_job *job, srv_error *err) {
    begin_job(job);
    pthread_mutex_lock(&queue->lock);
    srv_status status = submit_lock_held(queue, job, err);
    unlock(queue);
    if (status != SRV_OK) {
        srv_event_destroy(&job->event_);
    }
    return status;
}

srv_status srv_queue_wait(srv_queue *queue, srv_job *job, srv_error *err) {
    if (!has_ended(job)) {
        pthread_mutex_lock(&queue->lock);
        sleepers nobody = {.count = 0};
        give_up_lock_held(queue, job, false, &nobody);
        finish_and_unlock(queue, job);
    }
    return read_status(job, err);
}

srv_status srv_queue_run(srv_queue *queue, srv_job *job, srv_error *err) {
    begin_job(job);
    pthread_mutex_lock(&queue->lock);
    srv_status status = submit_lock_held(queue, job, err);
    if (status != SRV_OK) {
        unlock(queue);
        srv_event_destroy(&job->event_);
        return status;
    }
    finish_and_unlock(queue, job);
    return read_status(job, err);
}

void srv_queue_close(srv_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->joined);
    while (queue->inside > 0 || queue->free_count < queue->slot_count) {
        slot *s = queue->lanes.rows > 0 ? take_slot_lock_held(queue) : NULL;
        if (s == NULL) {
            pthread_cond_wait(&queue->idle, &queue->lock);
            continue;
        }
        lead_and_unlock(queue, NULL, s); /* nobody waits for these jobs yet */
        pthread_mutex_lock(&queue->lock);
    }
    for (size_t i = 0; i < queue->slot_count; i++) {
        slot *s = &queue->slots[i];
        srv_free(s->x);
        srv_free(s->y);
        srv_free(s->scratch);
        s->x = s->y = s->scratch = NULL;
        s->x_floats = s->y_floats = s->scratch_floats = 0;
    }
    unlock(queue);
}

void srv_queue_free(srv_queue *queue) {
    if (queue == NULL) {
        return;
    }
    srv_queue_close(queue);
    lanes_free(&queue->lanes);
    srv_free(queue->slots);
    counts_leave(queue->shown);
    counts_free(queue->counts);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->idle);
    pthread_cond_destroy(&queue->joined);
    srv_free(queue);
}

void srv_queue_read_stats(srv_queue *queue, srv_queue_stats *out) {
    counts_read(queue->counts, queue->shown, out);
}
