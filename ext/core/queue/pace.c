#include "pace.h"

#include "../base/clock.h"

#include <stdlib.h>

#define LONGEST_GAP_NS 1e9 /* an average must not remember a night without requests */
#define WEIGHT 0.125       /* of the newest gap */

void arrivals_count(arrivals *a, uint64_t now) {
    if (a->last_ns == 0) {
        a->gap_ns = LONGEST_GAP_NS;
    } else {
        double gap = (double)(now - a->last_ns);
        gap = gap < LONGEST_GAP_NS ? gap : LONGEST_GAP_NS;
        /* A burst after a pause counts as a burst: the average never starts from more than a few of its gaps. */
        double before = a->gap_ns < 16 * gap ? a->gap_ns : 16 * gap;
        a->gap_ns = before + WEIGHT * (gap - before);
    }
    a->last_ns = now;
}

pace pace_of(const srv_work *work, double wake_ns) {
    pace p = {.saving_ns = 0, .full_rows = 1};
    if (work->batch_ns == NULL) {
        return p;
    }
    const double *ns = work->batch_ns;
    double least = ns[work->batch_rows] / (double)work->batch_rows;
    for (size_t rows = 1; rows <= work->batch_rows; rows++) {
        least = ns[rows] / (double)rows < least ? ns[rows] / (double)rows : least;
    }
    while (p.full_rows < work->batch_rows && ns[p.full_rows] > 1.1 * least * (double)p.full_rows) {
        p.full_rows++;
    }
    p.saving_ns = ns[1] - ns[p.full_rows] / (double)p.full_rows - wake_ns;
    return p;
}

uint64_t pace_wait_ns(const pace *p, const arrivals *a, size_t rows, size_t inside, size_t most_inside, size_t slots,
                      uint64_t begun, uint64_t now, uint64_t max_wait_ns) {
    if (p->saving_ns <= 0 || rows >= p->full_rows || inside >= most_inside ||
        a->gap_ns * (double)slots >= p->saving_ns) {
        return 0;
    }
    uint64_t saving = (uint64_t)p->saving_ns, until = a->last_ns + saving, latest = begun + max_wait_ns;
    until = until < latest ? until : latest;
    return until > now ? until - now : 0;
}

/* Two threads that wake each other in turn. */
typedef struct ping_pong {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    int whose, left;
} ping_pong;

#define ROUNDS 60

static void play(ping_pong *p, int me) {
    pthread_mutex_lock(&p->lock);
    while (p->left > 0) {
        while (p->whose != me && p->left > 0) {
            pthread_cond_wait(&p->turn, &p->lock);
        }
        p->whose = !me;
        p->left--;
        pthread_cond_signal(&p->turn);
    }
    pthread_mutex_unlock(&p->lock);
}

static void *answer(void *argument) {
    play(argument, 1);
    return NULL;
}

double measure_wake_ns(void) {
    ping_pong p = {.lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER, .left = ROUNDS};
    pthread_t other;
    if (pthread_create(&other, NULL, answer, &p) != 0) {
        return 10000; /* a usual figure */
    }
    uint64_t begin = srv_now_ns();
    play(&p, 0);
    double ns = (double)(srv_now_ns() - begin) / ROUNDS;
    pthread_join(other, NULL);
    return ns;
}
