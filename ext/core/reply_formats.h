/* What write_reply.c and the protocols' files share; nothing here is for others.
 *
 * Each protocol's writer appends a whole reply.  Outputs have been checked to be finite where JSON needs that.
 */
#ifndef SRV_REPLY_FORMATS_H
#define SRV_REPLY_FORMATS_H

#include "write_reply.h"

srv_status srv__reply_classify(const srv_reply_source *source, srv_buffer *out, srv_error *err);
void srv__reply_tensorflow(const srv_reply_source *source, srv_buffer *out);
void srv__reply_tensorflow_classes(const srv_reply_source *source, srv_buffer *out);
void srv__reply_tensorflow_values(const srv_reply_source *source, srv_buffer *out);
srv_status srv__reply_openinference(const srv_reply_source *source, srv_buffer *out, srv_error *err);

/* The classes of an output: its columns, or two where one column with two labels is the score of the second. */
static inline size_t srv__classes(const srv_reply_output *output) {
    return output->columns == 1 && output->labels != NULL ? 2 : output->columns;
}

/* The scores of a row of that output, [classes]; pair is where they are put if there are two of one column. */
static inline const float *srv__scores(const srv_reply_source *source, const srv_reply_output *output, size_t row,
                                       float pair[2]) {
    const float *values = source->values + row * source->stride + output->offset;
    if (output->columns > 1 || output->labels == NULL) {
        return values;
    }
    pair[0] = 1.0f - values[0];
    pair[1] = values[0];
    return pair;
}

/* , "explanation": {…}, of one row */
void srv__write_explanation(const struct srv_explained *explained, size_t index, srv_buffer *out);

/* values joined by commas, without brackets; NaN and infinities as the bare words NaN, Infinity, -Infinity. */
void srv__write_floats(srv_buffer *out, const float *values, size_t count);

#endif
