#include "raw_tensor.h"

#include <stdint.h>
#include <string.h>

_Static_assert(sizeof(float) == 4, "a float is a float32");

srv_status srv_parse_raw_tensor(const char *bytes, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                srv_arena *arena, srv_body *out, srv_error *err) {
    size_t row = input->features * sizeof(float), rows = size / row;
    if (size == 0 || size % row != 0) {
        return srv_fail(err, SRV_WRONG_VALUE,
                        "the body has %zu bytes; expected rows of %zu bytes: %zu float32 each, little-endian", size,
                        row, input->features);
    }
    if (rows > limits->max_rows) {
        return srv_fail(err, SRV_TOO_LARGE, "%zu rows; at most %zu in one request", rows, limits->max_rows);
    }
    float *values = srv_arena_take(arena, size); /* aligned, as the body need not be */
    if (values == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    memcpy(values, bytes, size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; i < rows * input->features; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        bits = __builtin_bswap32(bits);
        memcpy(&values[i], &bits, 4);
    }
#endif
    *out = (srv_body){.kind = SRV_BODY_ROWS, .single = rows == 1, .rows = rows, .values = values};
    return SRV_OK;
}
