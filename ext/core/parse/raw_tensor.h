/* application/octet-stream: float32, little-endian, row-major, one row after the other and nothing else.
 *
 * Any bits are a float32; NaN and infinities pass.  One row is answered as one row.
 */
#ifndef SRV_PARSE_RAW_TENSOR_H
#define SRV_PARSE_RAW_TENSOR_H

#include "../parse_body.h"

/* SRV_WRONG_VALUE unless the size is that of whole rows, SRV_TOO_LARGE beyond the limit of rows. */
srv_status srv_parse_raw_tensor(const char *bytes, size_t size, const srv_input_spec *input, const srv_limits *limits,
                                srv_arena *arena, srv_body *out, srv_error *err);

#endif
