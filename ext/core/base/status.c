#include "status.h"

#include <stdarg.h>
#include <stdio.h>

srv_status srv_fail(srv_error *err, srv_status status, const char *format, ...) {
    if (err == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    err->status = status;
    err->offset = SRV_NO_OFFSET;
    err->where[0] = '\0';
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    return status;
}

void srv_error_at(srv_error *err, size_t offset) {
    if (err != NULL) {
        err->offset = offset;
    }
}

void srv_error_where(srv_error *err, const char *format, ...) {
    if (err == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->where, sizeof err->where, format, arguments);
    va_end(arguments);
}

const char *srv_status_name(srv_status status) {
    switch (status) {
#define XX(name, text, http) \
    case SRV_##name:         \
        return #name;
        SRV_STATUS_MAP(XX)
#undef XX
    }
    return "UNKNOWN";
}

const char *srv_status_text(srv_status status) {
    switch (status) {
#define XX(name, text, http) \
    case SRV_##name:         \
        return text;
        SRV_STATUS_MAP(XX)
#undef XX
    }
    return "unknown status";
}

int srv_status_http(srv_status status) {
    switch (status) {
#define XX(name, text, http) \
    case SRV_##name:         \
        return http;
        SRV_STATUS_MAP(XX)
#undef XX
    }
    return 500;
}
