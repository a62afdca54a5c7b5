#include "lanes.h"

#include "../base/alloc.h"

double work_ns(const srv_work *work, size_t rows) {
    if (work->batch_ns == NULL) {
        return 0;
    }
    size_t full = rows / work->batch_rows;
    return (double)full * work->batch_ns[work->batch_rows] + work->batch_ns[rows % work->batch_rows];
}

void lanes_free(lanes *all) {
    while (all->first != NULL) {
        lane *next = all->first->next;
        srv_free(all->first);
        all->first = next;
    }
}

static lane *begin_lane(lane *l, const srv_job *job, double wake_ns) {
    l->context = job->work->context;
    l->background = job->background;
    l->pace = pace_of(job->work, wake_ns);
    l->patience = (patience){0};
    return l;
}

/* A model's own lane; else one that has been empty for so long that it is nobody's; else a new one: never more than
 * models asked in that time.  Its own model gets an old lane as new, too: it may be another one at the same address. */
static lane *find_lane(lanes *all, const srv_job *job, uint64_t now) {
    lane *old = NULL, **end = &all->first;
    for (lane *l = all->first; l != NULL; end = &l->next, l = l->next) {
        const bool is_old = l->first == NULL && now > l->last_ns + SRV_LANE_KEPT_NS;
        if (l->context == job->work->context && l->background == job->background) {
            return is_old ? begin_lane(l, job, all->wake_ns) : l;
        }
        if (is_old && old == NULL) {
            old = l;
        }
    }
    if (old == NULL) {
        old = *end = srv_calloc(1, sizeof *old);
    }
    return old == NULL ? NULL : begin_lane(old, job, all->wake_ns);
}

static size_t in_turn(size_t rows) {
    return rows < SRV_FAIR_ROWS ? rows : SRV_FAIR_ROWS;
}

lane *lanes_add(lanes *all, srv_job *job, uint64_t now) {
    lane *l = find_lane(all, job, now);
    if (l == NULL) {
        return NULL;
    }
    job->next_ = NULL;
    if (l->first == NULL) {
        l->first = job;
    } else {
        l->last->next_ = job;
    }
    l->last = job;
    job->queued_ = true;
    l->rows += job->rows;
    all->rows += job->rows;
    all->turn += in_turn(job->rows);
    all->ns += work_ns(job->work, job->rows);
    l->last_ns = now;
    return l;
}

/* `rows` of the `left` that the job had in the lane. */
static void count_out(lanes *all, lane *l, const srv_job *job, size_t rows, size_t left) {
    l->rows -= rows;
    all->rows -= rows;
    all->turn -= in_turn(left) - in_turn(left - rows);
    all->ns -= work_ns(job->work, job->rows) * (double)rows / (double)job->rows;
    if (all->rows == 0) {
        all->ns = 0; /* roundings don't add up */
    }
}

static void unlink_job(lane *l, srv_job *before, srv_job *job) {
    if (before == NULL) {
        l->first = job->next_;
    } else {
        before->next_ = job->next_;
    }
    if (l->last == job) {
        l->last = before;
    }
    job->queued_ = false;
}

void lanes_withdraw(lanes *all, srv_job *job) {
    for (lane *l = all->first; l != NULL && job->queued_; l = l->next) {
        srv_job *before = NULL;
        for (srv_job *j = l->first; j != NULL; before = j, j = j->next_) {
            if (j == job) {
                unlink_job(l, before, job);
                count_out(all, l, job, job->rows - job->taken_, job->rows - job->taken_);
                break;
            }
        }
    }
}

lane *lanes_next(const lanes *all) {
    lane *background = NULL;
    for (lane *l = all->first; l != NULL; l = l->next) {
        if (l->first != NULL && !l->background) {
            return l;
        }
        if (l->first != NULL && background == NULL) {
            background = l;
        }
    }
    return background;
}

srv_job *lanes_remove_expired(lanes *all, lane *l, uint64_t now) {
    srv_job *before = NULL;
    for (srv_job *job = l->first; job != NULL; before = job, job = job->next_) {
        if (job->deadline_ns != 0 && now > job->deadline_ns && job->taken_ == 0) {
            unlink_job(l, before, job);
            count_out(all, l, job, job->rows, job->rows);
            return job;
        }
    }
    return NULL;
}

static void take_rows(batch *b, srv_job *job, size_t rows) {
    part *last = b->count > 0 ? &b->parts[b->count - 1] : NULL;
    if (last != NULL && last->job == job) { /* the only request of the lane, in both rounds */
        last->rows += rows;
    } else {
        b->parts[b->count++] = (part){job, job->taken_, rows};
    }
    job->taken_ += rows;
    b->rows += rows;
}

/* One round through the lane's requests, each giving at most `share` rows. */
static void take_round(lanes *all, lane *l, uint64_t now, size_t room, size_t share, batch *b) {
    srv_job *before = NULL, *next;
    for (srv_job *job = l->first; job != NULL && b->rows < room && b->count < SRV_BATCH_ROWS; job = next) {
        next = job->next_;
        size_t rows = job->rows - job->taken_;
        rows = rows < share ? rows : share;
        rows = rows < room - b->rows ? rows : room - b->rows;
        if (job->taken_ == 0) {
            job->started_ns_ = now;
        }
        count_out(all, l, job, rows, job->rows - job->taken_);
        take_rows(b, job, rows);
        if (job->taken_ == job->rows) {
            unlink_job(l, before, job);
        } else {
            before = job;
        }
    }
}

/* Those of the batch's first `count` that have more rows, which are the lane's first, go behind those that had no turn. */
static void rotate_jobs(lane *l, const batch *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        srv_job *job = b->parts[i].job;
        if (job->taken_ < job->rows && l->first != l->last) {
            l->first = job->next_;
            job->next_ = NULL;
            l->last->next_ = job;
            l->last = job;
        }
    }
}

static void put_last(lanes *all, lane *l) {
    lane **place = &all->first;
    while (*place != l) {
        place = &(*place)->next;
    }
    *place = l->next;
    while (*place != NULL) {
        place = &(*place)->next;
    }
    *place = l;
    l->next = NULL;
}

static bool has_small(const batch *b) {
    for (size_t i = 0; i < b->count; i++) {
        if (b->parts[i].job->rows <= SRV_FAIR_ROWS) {
            return true;
        }
    }
    return false;
}

void lanes_take(lanes *all, lane *l, uint64_t now, batch *out) {
    out->work = l->first->work;
    out->count = out->rows = 0;
    size_t room = out->work->batch_rows;
    take_round(all, l, now, room, SRV_FAIR_ROWS, out);
    const size_t had_turn = out->count;
    if (!has_small(out)) {
        take_round(all, l, now, room, room, out);
    }
    rotate_jobs(l, out, had_turn);
    if (all->first->next != NULL) {
        put_last(all, l);
    }
}

srv_job *lanes_find_waiting(const lanes *all) {
    srv_job *background = NULL;
    for (lane *l = all->first; l != NULL; l = l->next) {
        if (l->background && background != NULL) {
            continue;
        }
        for (srv_job *job = l->first; job != NULL; job = job->next_) {
            if (job->waiting_ && job->slot_ == NULL) {
                if (!l->background) {
                    return job;
                }
                background = job;
                break;
            }
        }
    }
    return background;
}
