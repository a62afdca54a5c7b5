#define _GNU_SOURCE /* a lock that prefers writers */

#include "blas.h"

#include <pthread.h>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

/* The library that is vendored carries a prefix so that it can live beside numpy's own copy: setup.py defines it. */
#ifndef BLAS_SYMBOL_PREFIX
#define BLAS_SYMBOL_PREFIX
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define BLAS(name) JOIN(BLAS_SYMBOL_PREFIX, name)

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 }; /* CBLAS's numbers, the same in every implementation */

void BLAS(cblas_sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a,
                       int lda, const float *b, int ldb, float beta, float *c, int ldc);
void BLAS(openblas_set_num_threads)(int count);
char *BLAS(openblas_get_corename)(void);
char *BLAS(openblas_get_config)(void);

void srv_sgemm(size_t rows, size_t columns, size_t depth, const float *x, size_t x_stride, const float *w,
               size_t w_stride, bool accumulate, float *y, size_t y_stride) {
    BLAS(cblas_sgemm)(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, (int)rows, (int)columns, (int)depth, 1.0f, x,
                      (int)x_stride, w, (int)w_stride, accumulate ? 1.0f : 0.0f, y, (int)y_stride);
}

/* OpenBLAS's lock belongs to the process, and so does this one: products hold it together, a fork alone.  Forks come
 * first, else a busy server might never get to one. */
#ifdef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#define UNLOCKED PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#else
#define UNLOCKED PTHREAD_RWLOCK_INITIALIZER
#endif
static pthread_rwlock_t products = UNLOCKED;

void srv_blas_begin(void) {
    pthread_rwlock_rdlock(&products);
}

void srv_blas_end(void) {
    pthread_rwlock_unlock(&products);
}

static void before_fork(void) {
    pthread_rwlock_wrlock(&products);
}

/* Made anew, as only the thread that holds it can unlock it, which is the parent's; and others waited for it. */
static void after_fork_in_child(void) {
#ifdef __SANITIZE_THREAD__ /* which remembers locks by their address */
    __tsan_mutex_pre_unlock(&products, 0);
    __tsan_mutex_post_unlock(&products, 0);
#endif
    products = (pthread_rwlock_t)UNLOCKED;
}

static void guard_forks(void) {
    pthread_atfork(before_fork, srv_blas_end, after_fork_in_child);
}

void srv_blas_use_one_thread(void) {
    static pthread_once_t guarded = PTHREAD_ONCE_INIT;
    pthread_once(&guarded, guard_forks);
    BLAS(openblas_set_num_threads)(1);
}

const char *srv_blas_kernel(void) {
    return BLAS(openblas_get_corename)();
}

const char *srv_blas_config(void) {
    return BLAS(openblas_get_config)();
}
