/* The only file that knows BLAS: every OpenBLAS symbol is behind these functions.
 *
 * OpenBLAS runs one thread per call (srv_blas_use_one_thread): parallelism is ours, over tiles, and a fork while a
 * multi-threaded sgemm runs would hang.
 */
#ifndef SRV_BASE_BLAS_H
#define SRV_BASE_BLAS_H

#include <stdbool.h>
#include <stddef.h>

#define SRV_BLAS_MAX_SIZE ((size_t)1 << 30) /* rows, columns and strides stay far below BLAS's 32-bit integers */

/* y[rows × columns] = x[rows × depth] · w[depth × columns], plus y as it was if `accumulate`.  All row-major; strides
 * are in floats from one row to the next. */
void srv_sgemm(size_t rows, size_t columns, size_t depth, const float *x, size_t x_stride, const float *w,
               size_t w_stride, bool accumulate, float *y, size_t y_stride);

/* Once per process, before the first product; idempotent and cheap. */
void srv_blas_use_one_thread(void);

/* Around products that a fork must not cut in two: some kernels take a lock of OpenBLAS's own, and a child that found it
 * taken would wait for a thread that it does not have.  A fork waits for the products that have begun; those that have
 * not wait for the fork.  Not recursive; two atomic operations each, so for many products rather than for one. */
void srv_blas_begin(void);
void srv_blas_end(void);

const char *srv_blas_kernel(void); /* the kernel set OpenBLAS chose for this CPU, e.g. "SkylakeX"; static text */
const char *srv_blas_config(void); /* version and build, e.g. "OpenBLAS 0.3.34 DYNAMIC_ARCH …"; static text */

#endif
