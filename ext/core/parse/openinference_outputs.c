/* "parameters" and "outputs" of an Open Inference request. */
#include "openinference_reading.h"

#include "rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static srv_status read_count(srv__oip_reading *r, const char *list, size_t number, const char *key, uint64_t *out) {
    double value = -1;
    const char *at = r->cursor.at;
    if (srv_json_at_number(&r->cursor)) {
        srv_status status = srv_json_read_number(&r->cursor, &value, r->err);
        if (status != SRV_OK) {
            return status;
        }
    }
    if (!(value >= 0 && value <= 0x1p53 && value == floor(value))) {
        char message[120];
        snprintf(message, sizeof message, "%.60s must be a whole number from 0", strchr(key, '/') + 1);
        return srv__oip_fail_in(r, at, list, number, key, message);
    }
    *out = (uint64_t)value;
    return SRV_OK;
}

static srv_status read_boolean(srv__oip_reading *r, const char *list, size_t number, const char *key, uint64_t *out) {
    int byte = srv_json_peek(&r->cursor);
    if (byte != 't' && byte != 'f') {
        char message[120];
        snprintf(message, sizeof message, "%.60s must be true or false", strchr(key, '/') + 1);
        return srv__oip_fail_in(r, r->cursor.at, list, number, key, message);
    }
    *out = byte == 't';
    return srv_json_read_literal(&r->cursor, byte == 't' ? "true" : "false", r->err);
}

srv_status srv__oip_read_parameters(srv__oip_reading *r, const char *list, size_t number, srv__oip_parameter *known,
                                    size_t count) {
    enum { MOST = 4 };
    const char *names[MOST], **places[MOST];
    for (size_t i = 0; i < count; i++) {
        names[i] = known[i].name;
        places[i] = &known[i].at;
    }
    srv_status status = srv__oip_expect(r, '{', "an object", list, number, "parameters");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t i;
        if ((status = srv__oip_read_key(r, names, count, (const char **const *)places, &i)) != SRV_OK) {
            return status;
        }
        char key[80];
        snprintf(key, sizeof key, "parameters/%s", i < count ? known[i].name : "");
        if (i == count) {
            status = srv__oip_skip(r);
        } else if (known[i].kind == SRV__OIP_COUNT) {
            status = read_count(r, list, number, key, &known[i].value);
        } else if (known[i].kind == SRV__OIP_BOOLEAN) {
            status = read_boolean(r, list, number, key, &known[i].value);
        } else {
            status = srv__oip_fail_in(r, known[i].at, list, number, key,
                                      "shared memory is not offered; send the tensor as JSON or as binary data");
        }
        if (status != SRV_OK || (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    return SRV_OK;
}

/* --------------------------------------------------------------------------------------------------------- outputs */

static srv_status read_output_parameters(srv__oip_reading *r, size_t number, srv_output_request *out, int *binary) {
    srv__oip_parameter known[] = {{.name = "binary_data", .kind = SRV__OIP_BOOLEAN},
                                  {.name = "classification", .kind = SRV__OIP_COUNT},
                                  {.name = "shared_memory_region", .kind = SRV__OIP_REFUSED}};
    srv_status status = srv__oip_read_parameters(r, "outputs", number, known, 3);
    if (status == SRV_OK && known[0].at != NULL) {
        *binary = (int)known[0].value;
    }
    out->classes = (size_t)known[1].value;
    return status;
}

static srv_status read_output(srv__oip_reading *r, size_t number, srv_output_request *out, int *binary) {
    static const char *const names[] = {"name", "parameters"};
    const char *name_at = NULL, *parameters_at = NULL, **const places[] = {&name_at, &parameters_at};
    const char *start = r->cursor.at, *name = NULL;
    size_t size = 0, i = 0;
    srv_status status = srv__oip_expect(r, '{', "an object", "outputs", number, "");
    if (status != SRV_OK) {
        return status;
    }
    bool more;
    srv_json_open(&r->cursor, '}', &more);
    while (more) {
        size_t index;
        if ((status = srv__oip_read_key(r, names, 2, places, &index)) != SRV_OK) {
            return status;
        }
        if (index == 0) {
            status = srv__oip_expect(r, '"', "a string, the output's name", "outputs", number, "name");
            if (status == SRV_OK) {
                status = srv_json_read_string(&r->cursor, r->arena, &name, &size, r->err);
            }
        } else {
            status = index == 1 ? read_output_parameters(r, number, out, binary) : srv__oip_skip(r);
        }
        if (status != SRV_OK || (status = srv_json_next(&r->cursor, '}', &more, r->err)) != SRV_OK) {
            return status;
        }
    }
    if (name == NULL) {
        return srv__oip_fail_in(r, start, "outputs", number, "", "the key \"name\" is missing");
    }
    const srv_signature *signature = r->signature;
    while (i < signature->output_count &&
           (strlen(signature->outputs[i]) != size || memcmp(signature->outputs[i], name, size) != 0)) {
        i++;
    }
    char excerpt[SRV_EXCERPT], list[300], message[500];
    srv_excerpt(excerpt, name, size);
    if (i == signature->output_count) {
        snprintf(message, sizeof message, "the model has no output '%s'; it has: %s", excerpt,
                 srv_list_names(signature->outputs, signature->output_count, list, sizeof list));
        return srv__oip_fail_in(r, name_at, "outputs", number, "name", message);
    }
    for (size_t k = 0; k < number; k++) {
        if (r->out->outputs[k].index == i) {
            snprintf(message, sizeof message, "the output '%s' is asked for twice", excerpt);
            return srv__oip_fail_in(r, name_at, "outputs", number, "name", message);
        }
    }
    out->index = i;
    return SRV_OK;
}

/* An empty list asks for all, as no list does. */
srv_status srv__oip_read_outputs(srv__oip_reading *r) {
    srv_status status = srv__oip_expect(r, '[', "an array of outputs", "", 0, "outputs");
    if (status != SRV_OK) {
        return status;
    }
    size_t most = r->signature->output_count, count = 0;
    srv_output_request *chosen = srv_arena_take(r->arena, (most + 1) * sizeof *chosen);
    r->binary_output = srv_arena_take(r->arena, (most + 1) * sizeof *r->binary_output);
    if (chosen == NULL || r->binary_output == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    r->out->outputs = chosen;
    bool more;
    srv_json_open(&r->cursor, ']', &more);
    while (more) {
        chosen[count] = (srv_output_request){.index = 0};
        r->binary_output[count] = -1;
        srv_json_skip_space(&r->cursor);
        if ((status = read_output(r, count, &chosen[count], &r->binary_output[count])) != SRV_OK ||
            (status = srv_json_next(&r->cursor, ']', &more, r->err)) != SRV_OK) {
            return status;
        }
        count++; /* each at most once: never more than there are */
    }
    r->out->output_count = count;
    r->out->outputs = count > 0 ? chosen : NULL;
    return SRV_OK;
}

srv_status srv__oip_settle_outputs(srv__oip_reading *r) {
    srv_body *out = r->out;
    size_t count = out->outputs != NULL ? out->output_count : r->signature->output_count;
    if (out->outputs == NULL && r->binary_outputs != 1) {
        return SRV_OK;
    }
    srv_output_request *settled = srv_arena_take(r->arena, count * sizeof *settled);
    if (settled == NULL) {
        return srv_fail(r->err, SRV_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        int binary = out->outputs != NULL ? r->binary_output[i] : -1;
        settled[i] = out->outputs != NULL ? out->outputs[i] : (srv_output_request){.index = i};
        settled[i].binary = (binary >= 0 ? binary : r->binary_outputs) == 1;
    }
    out->outputs = settled;
    out->output_count = count;
    return SRV_OK;
}
