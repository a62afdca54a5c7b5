#include "pace.h"

#include "../base/clock.h"
#include "../base/threads.h"

#include <stdlib.h>

#define CURIOUS_EVERY 16 /* waits */
#define USUAL_WAKE_NS 5000.0
#define JOIN_WAKES 4.0 /* what a request that joins costs, in wake-ups: see pace_of */

bool patience_allows(patience *p, bool alone) {
    if (!alone && p->length > PATIENCE_LONGEST_PAUSE) { /* no longer */
        p->length = PATIENCE_LONGEST_PAUSE;
        p->pause = p->pause < p->length ? p->pause : p->length;
    }
    if (p->pause > 0) {
        p->pause--;
        return false;
    }
    p->waits++;
    return true;
}

void patience_learn(patience *p, bool joined) {
    if (joined) {
        p->length = 0;
    } else {
        p->length = p->length == 0 ? 1 : 2 * p->length;
        p->length = p->length < PATIENCE_LONGEST_PAUSE_ALONE ? p->length : PATIENCE_LONGEST_PAUSE_ALONE;
    }
    p->pause = p->length;
}

bool patience_is_curious(const patience *p) {
    return p->length > 0 || p->waits % CURIOUS_EVERY == 0;
}

/* A request that joins sleeps, is woken, and its thread then has to get back what it gave up meanwhile: the host's locks
 * (Python's is another sleep and wake-up, where many threads want it) and the caches.  Measured under granian: waits that
 * should save 4 µs more than a bare wake-up made 24,000 requests/s 21,000. */
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
    p.saving_ns = ns[1] - ns[p.full_rows] / (double)p.full_rows - JOIN_WAKES * wake_ns;
    return p;
}

uint64_t pace_wait_ns(const pace *p, size_t rows, uint64_t last_arrival, uint64_t begun, uint64_t now,
                      uint64_t max_wait_ns) {
    if (p->saving_ns <= 0 || rows >= p->full_rows) {
        return 0;
    }
    uint64_t until = last_arrival + (uint64_t)p->saving_ns, latest = begun + max_wait_ns;
    until = until < latest ? until : latest;
    return until > now ? until - now : 0;
}

/* Two threads that wake each other in turn. */
typedef struct ping_pong {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    int whose, left;
} ping_pong;

#define TRIES 6
#define ROUNDS 20

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

/* Mean over one game; 0 if there can be no second thread. */
static double play_once(void) {
    ping_pong p = {.lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER, .left = ROUNDS};
    pthread_t other;
    if (!srv_start_joinable_thread(&other, answer, &p)) {
        return 0;
    }
    uint64_t begin = srv_now_ns();
    play(&p, 0);
    double ns = (double)(srv_now_ns() - begin) / ROUNDS;
    pthread_join(other, NULL);
    return ns;
}

double measure_wake_ns(void) {
    double least = play_once();
    for (int i = 1; i < TRIES; i++) { /* what other programs take of the core must not count */
        double ns = play_once();
        least = ns < least ? ns : least;
    }
    return least > 0 ? least : USUAL_WAKE_NS;
}
