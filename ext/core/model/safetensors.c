#include "safetensors.h"

#include "../base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct srv_safetensors {
    srv_arena *arena; /* names, and the tensors themselves */
    uint8_t *mapping;
    size_t size;
    srv_tensor *tensors; /* sorted by data, then those without elements */
    size_t count;
};

static size_t element_size(const char *dtype, srv_dtype *out) {
    static const struct {
        const char *name;
        srv_dtype dtype;
        size_t size;
    } known[] = {
        {"F32", SRV_F32, 4},    {"F16", SRV_F16, 2},   {"BF16", SRV_BF16, 2}, {"F64", SRV_F64, 8},
        {"I64", SRV_OTHER, 8},  {"U64", SRV_OTHER, 8}, {"I32", SRV_OTHER, 4}, {"U32", SRV_OTHER, 4},
        {"I16", SRV_OTHER, 2},  {"U16", SRV_OTHER, 2}, {"I8", SRV_OTHER, 1},  {"U8", SRV_OTHER, 1},
        {"BOOL", SRV_OTHER, 1},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(dtype, known[i].name) == 0) {
            *out = known[i].dtype;
            return known[i].size;
        }
    }
    return 0;
}

/* One entry of the header; data is the first byte after the header and data_size what follows it. */
static srv_status read_tensor(const srv_json *entry, const uint8_t *data, size_t data_size, srv_tensor *out,
                              srv_error *err) {
    const char *dtype;
    const srv_json *shape, *offsets;
    srv_status status = srv_json_get_text(entry, "dtype", &dtype, err);
    if (status == SRV_OK) {
        status = srv_json_get_array(entry, "shape", &shape, err);
    }
    if (status == SRV_OK) {
        status = srv_json_get_array(entry, "data_offsets", &offsets, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    size_t size = element_size(dtype, &out->dtype);
    if (size == 0) {
        return srv_json_fail(entry, err, "the tensor's dtype is %.32s; expected F32, F16, BF16 or F64", dtype);
    }
    if (shape->size > SRV_TENSOR_RANK) {
        return srv_json_fail(shape, err, "the tensor has %zu dimensions; at most %d are read", shape->size,
                             SRV_TENSOR_RANK);
    }
    out->name = entry->key;
    out->rank = shape->size;
    out->count = 1;
    for (const srv_json *dim = shape->first; dim != NULL; dim = dim->next) {
        if (dim->type != SRV_JSON_NUMBER || dim->number < 0 || dim->number > 1e15 ||
            dim->number != (double)(size_t)dim->number) {
            return srv_json_fail(dim, err, "a dimension must be a whole number from 0 up");
        }
        out->shape[dim->index] = (size_t)dim->number;
        if (!srv_multiply(out->count, out->shape[dim->index], &out->count)) {
            return srv_json_fail(shape, err, "the tensor's size overflows");
        }
    }
    if (!srv_multiply(out->count, size, &out->bytes)) {
        return srv_json_fail(shape, err, "the tensor's size overflows");
    }
    double from = -1, to = -1;
    if (offsets->size == 2 && offsets->first->type == SRV_JSON_NUMBER &&
        offsets->first->next->type == SRV_JSON_NUMBER) {
        from = offsets->first->number;
        to = offsets->first->next->number;
    }
    if (!(from >= 0 && from <= to && to <= (double)data_size) || from != (double)(size_t)from ||
        to != (double)(size_t)to) {
        return srv_json_fail(offsets, err, "expected [begin, end] within the file's %zu bytes of data", data_size);
    }
    if ((size_t)to - (size_t)from != out->bytes) {
        return srv_json_fail(offsets, err, "the tensor holds %zu bytes, but its shape and dtype need %zu",
                             (size_t)to - (size_t)from, out->bytes);
    }
    out->data = data + (size_t)from;
    return SRV_OK;
}

static int by_data(const void *a, const void *b) {
    const srv_tensor *left = a, *right = b;
    if (left->data != right->data) {
        return left->data < right->data ? -1 : 1;
    }
    return (left->count > 0) - (right->count > 0); /* an empty tensor may sit where another begins */
}

static srv_status read_header(srv_safetensors *file, srv_error *err) {
    uint64_t header = 0;
    if (file->size < 8) {
        return srv_fail(err, SRV_PACKAGE, "the file has %zu bytes; a safetensors file has at least 8", file->size);
    }
    for (int i = 7; i >= 0; i--) {
        header = header << 8 | file->mapping[i];
    }
    if (header > SRV_SAFETENSORS_MAX_HEADER || header > file->size - 8) {
        return srv_fail(err, SRV_PACKAGE,
                        "not a safetensors file, or cut off: its header says %llu bytes, the file has %zu",
                        (unsigned long long)header, file->size);
    }
    const srv_json *root;
    srv_status status = srv_json_parse((const char *)file->mapping + 8, (size_t)header, file->arena, &root, err);
    if (status != SRV_OK) {
        if (err != NULL && status == SRV_MALFORMED) {
            err->status = SRV_PACKAGE;
            status = SRV_PACKAGE;
        }
        return status;
    }
    if (root->type != SRV_JSON_OBJECT) {
        return srv_json_fail(root, err, "the header is %s; expected an object", srv_json_type_name(root->type));
    }
    const uint8_t *data = file->mapping + 8 + header;
    size_t data_size = file->size - 8 - (size_t)header, total;
    if (!srv_multiply(root->size, sizeof(srv_tensor), &total) ||
        (file->tensors = srv_arena_take(file->arena, total)) == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    for (const srv_json *entry = root->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key, "__metadata__") == 0) {
            continue;
        }
        status = read_tensor(entry, data, data_size, &file->tensors[file->count], err);
        if (status != SRV_OK) {
            return status;
        }
        file->count++;
    }
    qsort(file->tensors, file->count, sizeof(srv_tensor), by_data);
    const uint8_t *expected = data;
    for (size_t i = 0; i < file->count; i++) {
        const srv_tensor *tensor = &file->tensors[i];
        if (tensor->data != expected) {
            return srv_fail(err, SRV_PACKAGE, "tensor %.100s %s the one before it", tensor->name,
                            tensor->data < expected ? "overlaps" : "leaves a gap after");
        }
        expected += tensor->bytes;
    }
    if (expected != data + data_size) {
        return srv_fail(err, SRV_PACKAGE, "%zu bytes of data belong to no tensor",
                        (size_t)(data + data_size - expected));
    }
    return SRV_OK;
}

srv_status srv_safetensors_open(const char *path, srv_safetensors **out, srv_error *err) {
    srv_status status = SRV_OK;
    srv_safetensors *file = srv_calloc(1, sizeof *file);
    int descriptor = -1;
    if (file == NULL || (file->arena = srv_arena_new()) == NULL) {
        status = srv_fail(err, SRV_NO_MEMORY, "out of memory");
        goto cleanup;
    }
    struct stat info;
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        status = srv_fail(err, SRV_PACKAGE, "%.300s can't be opened: %s", path, strerror(errno));
        goto cleanup;
    }
    if (!S_ISREG(info.st_mode) || info.st_size <= 0) {
        status = srv_fail(err, SRV_PACKAGE, "%.300s is not a file, or is empty", path);
        goto cleanup;
    }
    void *mapping = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping == MAP_FAILED) {
        status = srv_fail(err, SRV_PACKAGE, "%.300s can't be mapped: %s", path, strerror(errno));
        goto cleanup;
    }
    file->mapping = mapping;
    file->size = (size_t)info.st_size;
    status = read_header(file, err);
cleanup:
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (status != SRV_OK) {
        srv_safetensors_close(file);
        file = NULL;
    }
    *out = file;
    return status;
}

void srv_safetensors_close(srv_safetensors *file) {
    if (file == NULL) {
        return;
    }
    if (file->mapping != NULL) {
        munmap(file->mapping, file->size);
    }
    srv_arena_free(file->arena);
    srv_free(file);
}

const srv_tensor *srv_safetensors_find(const srv_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->tensors[i].name, name) == 0) {
            return &file->tensors[i];
        }
    }
    return NULL;
}

static void shape_text(size_t rank, const size_t *shape, char *out, size_t capacity) {
    size_t used = (size_t)snprintf(out, capacity, "[");
    for (size_t i = 0; i < rank && used < capacity; i++) {
        used += (size_t)snprintf(out + used, capacity - used, i > 0 ? ", %zu" : "%zu", shape[i]);
    }
    if (used < capacity) {
        snprintf(out + used, capacity - used, "]");
    }
}

srv_status srv_safetensors_want(const srv_safetensors *file, const char *name, size_t rank, const size_t *shape,
                                const srv_tensor **out, srv_error *err) {
    const srv_tensor *tensor = srv_safetensors_find(file, name);
    if (tensor == NULL) {
        return srv_fail(err, SRV_PACKAGE, "there is no tensor %.200s", name);
    }
    if (tensor->rank != rank || (rank > 0 && memcmp(tensor->shape, shape, rank * sizeof *shape) != 0)) {
        char got[100], wanted[100];
        shape_text(tensor->rank, tensor->shape, got, sizeof got);
        shape_text(rank, shape, wanted, sizeof wanted);
        return srv_fail(err, SRV_PACKAGE, "tensor %.200s has shape %s; expected %s", name, got, wanted);
    }
    if (tensor->dtype == SRV_OTHER) {
        return srv_fail(err, SRV_PACKAGE, "tensor %.200s holds integers; expected F32, F16, BF16 or F64", name);
    }
    *out = tensor;
    return SRV_OK;
}

static float from_half(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
    uint32_t wide;
    if (exponent == 31) {
        wide = sign | 0x7f800000u | fraction << 13;
    } else if (exponent > 0) {
        wide = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        float small = (float)fraction * 0x1p-24f; /* subnormal, or zero */
        return sign != 0 ? -small : small;
    }
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* The machines we run on are little-endian, as the file is; only alignment needs care. */
void srv_tensor_read(const srv_tensor *tensor, size_t first, size_t count, float *out) {
    const uint8_t *data = tensor->data;
    switch (tensor->dtype) {
    case SRV_F32:
        memcpy(out, data + 4 * first, 4 * count);
        break;
    case SRV_F64:
        for (size_t i = 0; i < count; i++) {
            double value;
            memcpy(&value, data + 8 * (first + i), sizeof value);
            out[i] = (float)value;
        }
        break;
    case SRV_F16:
        for (size_t i = 0; i < count; i++) {
            uint16_t bits;
            memcpy(&bits, data + 2 * (first + i), sizeof bits);
            out[i] = from_half(bits);
        }
        break;
    case SRV_BF16:
        for (size_t i = 0; i < count; i++) {
            uint16_t bits;
            memcpy(&bits, data + 2 * (first + i), sizeof bits);
            uint32_t wide = (uint32_t)bits << 16;
            memcpy(&out[i], &wide, sizeof wide);
        }
        break;
    case SRV_OTHER:
        break;
    }
}

void srv_tensor_read_double(const srv_tensor *tensor, size_t first, size_t count, double *out) {
    if (tensor->dtype == SRV_F64) {
        memcpy(out, tensor->data + 8 * first, 8 * count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float value = 0;
        srv_tensor_read(tensor, first + i, 1, &value);
        out[i] = (double)value;
    }
}
