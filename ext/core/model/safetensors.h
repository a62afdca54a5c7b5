/* Reads a .safetensors file: named tensors, memory-mapped.
 *
 * The format is an 8-byte little-endian header length, a JSON header {"name": {"dtype", "shape", "data_offsets"}}, and
 * the data.  Every number of the header is checked against the file before a byte of data is touched: lengths, offsets
 * (no overlap, no gap, nothing outside), dtype, shape and their product.  Format: github.com/huggingface/safetensors.
 */
#ifndef SRV_MODEL_SAFETENSORS_H
#define SRV_MODEL_SAFETENSORS_H

#include "../base/alloc.h"
#include "../base/status.h"

#include <stdint.h>

#define SRV_TENSOR_RANK 8
#define SRV_SAFETENSORS_MAX_HEADER ((uint64_t)64 << 20) /* bytes */

typedef enum srv_dtype { SRV_F32, SRV_F16, SRV_BF16, SRV_F64, SRV_OTHER } srv_dtype;

typedef struct srv_tensor {
    const char *name;
    srv_dtype dtype;
    size_t rank, shape[SRV_TENSOR_RANK];
    size_t count, bytes; /* elements, and the bytes they take in the file */
    const uint8_t *data; /* count elements, little-endian, any alignment; inside the mapping */
} srv_tensor;

typedef struct srv_safetensors srv_safetensors;

/* Maps and checks the file.  On failure err names the file and what is wrong with it (SRV_PACKAGE). */
srv_status srv_safetensors_open(const char *path, srv_safetensors **out, srv_error *err);
void srv_safetensors_close(srv_safetensors *file); /* accepts NULL; tensors are gone */

const srv_tensor *srv_safetensors_find(const srv_safetensors *file, const char *name); /* NULL: no such tensor */

/* The tensor of that name with exactly this shape and a float dtype, or SRV_PACKAGE naming it and both shapes. */
srv_status srv_safetensors_want(const srv_safetensors *file, const char *name, size_t rank, const size_t *shape,
                                const srv_tensor **out, srv_error *err);

/* out[count] = elements first … first + count - 1 as float32 (F64 and others are rounded to nearest). */
void srv_tensor_read(const srv_tensor *tensor, size_t first, size_t count, float *out);

/* The same in double precision: exact. */
void srv_tensor_read_double(const srv_tensor *tensor, size_t first, size_t count, double *out);

#endif
