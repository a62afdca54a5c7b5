/* A header's value with parameters, as Content-Type and Content-Disposition have it:
 *
 *   form-data; name="data"; filename="a \"b\".png"
 *
 * In a quoted string a backslash escapes '"' and '\'; before anything else it stands for itself, because some browsers
 * send Windows paths unescaped.  An unquoted value goes up to the next ';'.  Empty parameters are passed over.
 */
#ifndef SRV_PARSE_HEADER_VALUE_H
#define SRV_PARSE_HEADER_VALUE_H

#include "../base/status.h"

#include <stdbool.h>

typedef struct srv_parameter {
    const char *name; /* inside the header; compare in any case */
    size_t name_size;
    const char *value; /* inside the header, without its quotes */
    size_t value_size;
    bool escaped; /* value holds backslashes: srv_header_unescape gives what it means */
} srv_parameter;

/* What stands before the first ';', blanks trimmed ("form-data"); *at moves to the first parameter. */
void srv_header_first(const char *header, size_t size, size_t *at, const char **out, size_t *out_size);

/* The parameter at *at, which moves on; more turns false when there is none.  SRV_MALFORMED with the offset in the
 * header: no '=', a quote never closed, text after the closing quote. */
srv_status srv_header_parameter(const char *header, size_t size, size_t *at, srv_parameter *out, bool *more,
                                srv_error *err);

/* Writes the value to out, which has room for value_size bytes, without its escapes; returns the bytes written. */
size_t srv_header_unescape(const srv_parameter *parameter, char *out);

/* text equals word, ASCII letters in any case. */
bool srv_same_word(const char *text, size_t size, const char *word);

#endif
