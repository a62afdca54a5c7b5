#include "openinference_datatype.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "floats are IEEE 754's");

/* The little-endian word of `size` bytes at `bytes`; a constant size becomes one load. */
static inline uint64_t load(const char *bytes, size_t size) {
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) {
        word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    }
    return word;
}

static float from_half(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
    if (exponent == 0) { /* zero and subnormal ones: fraction · 2^-24 */
        float value = (float)fraction * 0x1p-24f;
        return sign != 0 ? -value : value;
    }
    uint32_t word = sign | (exponent == 31 ? 0xFF : exponent + 112) << 23 | fraction << 13;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static size_t convert_fp16(const char *bytes, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = from_half((uint16_t)load(bytes + 2 * i, 2));
    }
    return count;
}

static size_t convert_fp32(const char *bytes, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t word = (uint32_t)load(bytes + 4 * i, 4);
        memcpy(&out[i], &word, sizeof word);
    }
    return count;
}

static size_t convert_fp64(const char *bytes, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        uint64_t word = load(bytes + 8 * i, 8);
        double value;
        memcpy(&value, &word, sizeof value);
        bool fits = !isfinite(value) || fabs(value) < 0x1.ffffffp127; /* what rounds to FLT_MAX at most */
        if (!fits) {
            return i;
        }
        out[i] = (float)value;
    }
    return count;
}

static size_t convert_bool(const char *bytes, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        if ((bytes[i] & ~1) != 0) {
            return i;
        }
        out[i] = bytes[i];
    }
    return count;
}

#define NARROW(name, type, word)                                                      \
    static size_t name(const char *bytes, size_t count, float *out) {                 \
        for (size_t i = 0; i < count; i++) {                                          \
            out[i] = (float)(type)(word)load(bytes + i * sizeof(word), sizeof(word)); \
        }                                                                             \
        return count;                                                                 \
    }

/* Exact if the number comes back; the bound keeps the way back defined. */
#define WIDE(name, type, word, bound)                                              \
    static size_t name(const char *bytes, size_t count, float *out) {              \
        for (size_t i = 0; i < count; i++) {                                       \
            type value = (type)(word)load(bytes + i * sizeof(word), sizeof(word)); \
            out[i] = (float)value;                                                 \
            if (out[i] >= bound || (type)out[i] != value) {                        \
                return i;                                                          \
            }                                                                      \
        }                                                                          \
        return count;                                                              \
    }

NARROW(convert_int8, int8_t, uint8_t)
NARROW(convert_uint8, uint8_t, uint8_t)
NARROW(convert_int16, int16_t, uint16_t)
NARROW(convert_uint16, uint16_t, uint16_t)
WIDE(convert_int32, int32_t, uint32_t, 0x1p31f)
WIDE(convert_uint32, uint32_t, uint32_t, 0x1p32f)
WIDE(convert_int64, int64_t, uint64_t, 0x1p63f)
WIDE(convert_uint64, uint64_t, uint64_t, 0x1p64f)

static const srv_datatype datatypes[] = {
    {"FP32", SRV_DATATYPE_FLOAT, 4, 0, 0, convert_fp32},
    {"FP64", SRV_DATATYPE_FLOAT, 8, 0, 0, convert_fp64},
    {"FP16", SRV_DATATYPE_FLOAT, 2, 0, 0, convert_fp16},
    {"BOOL", SRV_DATATYPE_BOOL, 1, 0, 1, convert_bool},
    {"INT8", SRV_DATATYPE_WHOLE, 1, INT8_MIN, INT8_MAX, convert_int8},
    {"INT16", SRV_DATATYPE_WHOLE, 2, INT16_MIN, INT16_MAX, convert_int16},
    {"INT32", SRV_DATATYPE_WHOLE, 4, INT32_MIN, INT32_MAX, convert_int32},
    {"INT64", SRV_DATATYPE_WHOLE, 8, -0x1p63, 0x1.fffffffffffffp62, convert_int64},
    {"UINT8", SRV_DATATYPE_WHOLE, 1, 0, UINT8_MAX, convert_uint8},
    {"UINT16", SRV_DATATYPE_WHOLE, 2, 0, UINT16_MAX, convert_uint16},
    {"UINT32", SRV_DATATYPE_WHOLE, 4, 0, UINT32_MAX, convert_uint32},
    {"UINT64", SRV_DATATYPE_WHOLE, 8, 0, 0x1.fffffffffffffp63, convert_uint64},
    {"BYTES", SRV_DATATYPE_BYTES, 0, 0, 0, NULL},
};

const srv_datatype *srv_find_datatype(const char *name, size_t size) {
    for (size_t i = 0; i < sizeof datatypes / sizeof *datatypes; i++) {
        if (strlen(datatypes[i].name) == size && memcmp(datatypes[i].name, name, size) == 0) {
            return &datatypes[i];
        }
    }
    return NULL;
}

static double from_float(const srv_datatype *type, uint64_t word) {
    uint32_t single = (uint32_t)word;
    double value;
    float narrow;
    if (type->size == sizeof value) {
        memcpy(&value, &word, sizeof value);
        return value;
    }
    memcpy(&narrow, &single, sizeof narrow);
    return (double)(type->size == sizeof narrow ? narrow : from_half((uint16_t)word));
}

bool srv_datatype_read(const srv_datatype *type, const char *bytes, double *out) {
    uint64_t word = load(bytes, type->size);
    if (type->kind == SRV_DATATYPE_FLOAT) {
        *out = from_float(type, word);
        return true;
    }
    if (type->low < 0) {
        uint64_t sign = (uint64_t)1 << (8 * type->size - 1);
        int64_t value = (int64_t)((word ^ sign) - sign);
        *out = (double)value;
        return *out < 0x1p63 && (int64_t)*out == value;
    }
    *out = (double)word;
    return *out < 0x1p64 && (uint64_t)*out == word && (type->kind == SRV_DATATYPE_WHOLE || word <= 1);
}

bool srv_datatype_holds(const srv_datatype *type, double value) {
    return value >= type->low && value <= type->high && value == floor(value);
}
