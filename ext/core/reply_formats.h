/* What write_reply.c and the protocols' files share; nothing here is for others.
 *
 * Each protocol's writer appends a whole reply.  Outputs have been checked to be finite where JSON needs that.
 */
#ifndef SRV_REPLY_FORMATS_H
#define SRV_REPLY_FORMATS_H

#include "write_reply.h"

srv_status srv__reply_classify(const srv_reply_source *source, srv_buffer *out, srv_error *err);
void srv__reply_tensorflow(const srv_reply_source *source, srv_buffer *out);
void srv__reply_openinference(const srv_reply_source *source, srv_buffer *out);

/* , "explanation": {…}, of one row */
void srv__write_explanation(const struct srv_explained *explained, size_t index, srv_buffer *out);

/* values joined by commas, without brackets; NaN and infinities as the bare words NaN, Infinity, -Infinity. */
void srv__write_floats(srv_buffer *out, const float *values, size_t count);

#endif
