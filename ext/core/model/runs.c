#include "runs.h"

#include "../base/alloc.h"

struct srv_runs {
    _Atomic(srv_run *) first;
};

srv_runs *srv_runs_new(void) {
    return srv_calloc(1, sizeof(srv_runs));
}

static const srv_run *find(const srv_run *run, const srv_run *end, const srv_model_stats *stats) {
    while (run != end && run->stats != stats) {
        run = run->next_;
    }
    return run != end ? run : NULL;
}

const srv_run *srv_run_of(srv_runs *runs, const struct srv_model *model, srv_model_stats *stats) {
    srv_run *first = atomic_load_explicit(&runs->first, memory_order_acquire);
    const srv_run *found = find(first, NULL, stats);
    if (found != NULL) {
        return found;
    }
    srv_run *made = srv_calloc(1, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    *made = (srv_run){.model = model, .stats = stats, .next_ = first};
    while (!atomic_compare_exchange_weak_explicit(&runs->first, &first, made, memory_order_release,
                                                  memory_order_acquire)) {
        if ((found = find(first, made->next_, stats)) != NULL) { /* another thread was faster */
            srv_free(made);
            return found;
        }
        made->next_ = first;
    }
    return made;
}

void srv_runs_free(srv_runs *runs) {
    srv_run *run = runs != NULL ? atomic_load_explicit(&runs->first, memory_order_acquire) : NULL;
    while (run != NULL) {
        srv_run *next = run->next_;
        srv_free(run);
        run = next;
    }
    srv_free(runs);
}
