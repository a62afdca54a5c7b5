#include "samples.h"

#include "../parse/json_scan.h"
#include "../run_forward.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH_NUMBERS ((size_t)1 << 20) /* of rows that are run together, unless one alone has more */

typedef struct replay {
    const srv_model *model;
    srv_arena *arena; /* of one line at a time */
    srv_arena *row;   /* for srv_preprocess_rows, as is `steps` */
    void *steps;
    size_t capacity; /* rows that are run together */
    float *x, *y, *scratch;
    double *wanted;
    size_t lines[SRV_PASS_ROWS]; /* their numbers, from 1 */
    size_t rows;                 /* waiting to be run */
    srv_error *err;
} replay;

/* Says in which line a fault was found, in front of what it is. */
static srv_status in_line(replay *r, size_t line, const char *part, srv_status status) {
    if (status == SRV_OK || status == SRV_NO_MEMORY) {
        return status;
    }
    if (r->err == NULL) {
        return SRV_PACKAGE;
    }
    srv_error inner = *r->err;
    return srv_fail(r->err, SRV_PACKAGE, "line %zu%s%s%.120s: %.300s", line, part, inner.where[0] != '\0' ? " at " : "",
                    inner.where, inner.message);
}

static bool passes(const srv_model *model, double got, double wanted) {
    if (isnan(wanted)) {
        return isnan(got);
    }
    double distance = fabs(got - wanted);
    return got == wanted || distance <= model->tolerance.absolute ||
           (isfinite(wanted) && distance <= model->tolerance.relative * fabs(wanted));
}

static srv_status run_waiting(replay *r) {
    const srv_model *model = r->model;
    srv_run_forward(model, r->x, r->rows, r->scratch, r->y);
    for (size_t i = 0; i < r->rows * model->outputs; i++) {
        if (!passes(model, (double)r->y[i], r->wanted[i])) {
            return srv_fail(r->err, SRV_PACKAGE,
                            "line %zu: output %zu is %.9g, where the sample has %.9g; expected it within %g, or %g of "
                            "its size (the tolerance)",
                            r->lines[i / model->outputs], i % model->outputs, (double)r->y[i], r->wanted[i],
                            model->tolerance.absolute, model->tolerance.relative);
        }
    }
    r->rows = 0;
    return SRV_OK;
}

/* The network's row of an input, into x. */
static srv_status read_input(replay *r, const char *text, size_t size, float *x) {
    static const char type[] = "application/json";
    const srv_body_source source = {
        .content_type = type, .content_type_size = sizeof type - 1, .bytes = text, .size = size};
    const srv_limits limits = SRV_LIMITS_DEFAULT;
    srv_body body;
    srv_status status =
        srv_parse_body(SRV_PROTOCOL_CLASSIFY, &source, &r->model->signature, &limits, r->arena, &body, r->err);
    if (status != SRV_OK) {
        return status;
    }
    if (body.kind != SRV_BODY_ROWS || body.rows != 1) {
        return srv_fail(r->err, SRV_PACKAGE, "%zu rows; expected one", body.rows);
    }
    const srv_sent_rows sent = {.values = body.values, .cells = body.cells, .texts = body.texts};
    return srv_preprocess_rows(r->model->preprocess, &sent, 1, r->steps, r->row, x, r->err);
}

/* All numbers of the value at the cursor, however nested; what else there is, srv_json_skip_value has let pass. */
static srv_status read_output(replay *r, const char *text, const char *end, double *wanted) {
    srv_json_cursor cursor = {.begin = text, .at = text, .end = end};
    size_t count = 0, outputs = r->model->outputs;
    while (cursor.at < end) {
        srv_status status = SRV_OK;
        double number = NAN;
        int byte = srv_json_peek(&cursor);
        if (byte == '[' || byte == ']' || byte == ',' || byte == ' ' || byte == '\t' || byte == '\r') {
            cursor.at++;
            continue;
        }
        if (byte == 'n') {
            status = srv_json_read_literal(&cursor, "null", r->err);
        } else if (srv_json_at_number(&cursor)) {
            status = srv_json_read_number(&cursor, &number, r->err);
        } else {
            status = srv_json_unexpected(&cursor, "numbers", r->err);
        }
        if (status != SRV_OK) {
            return status;
        }
        if (count < outputs) {
            wanted[count] = number;
        }
        count++;
    }
    if (count != outputs) {
        return srv_fail(r->err, SRV_PACKAGE, "%zu numbers; expected %zu", count, outputs);
    }
    return SRV_OK;
}

/* The value at the cursor goes to *begin … *end; a second one of the same key is refused. */
static srv_status find_value(srv_json_cursor *cursor, const char **begin, const char **end, srv_error *err) {
    if (*begin != NULL) {
        return srv_fail(err, SRV_PACKAGE, "a key is there twice");
    }
    srv_json_skip_space(cursor);
    *begin = cursor->at;
    srv_status status = srv_json_skip_value(cursor, SRV_JSON_SKIP_DEPTH, err);
    *end = cursor->at;
    return status;
}

static srv_status read_line(replay *r, size_t line, const char *text, size_t size) {
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    const char *input = NULL, *input_end = NULL, *output = NULL, *output_end = NULL;
    srv_status status = SRV_OK;
    bool more;
    srv_json_skip_space(&cursor);
    if (srv_json_peek(&cursor) != '{') {
        return in_line(r, line, "", srv_json_unexpected(&cursor, "{\"input\": …, \"output\": …}", r->err));
    }
    srv_json_open(&cursor, '}', &more);
    while (more && status == SRV_OK) {
        const char *key;
        size_t length;
        if ((status = srv_json_read_key(&cursor, r->arena, &key, &length, r->err)) != SRV_OK) {
            break;
        }
        if (length == 5 && memcmp(key, "input", 5) == 0) {
            status = find_value(&cursor, &input, &input_end, r->err);
        } else if (length == 6 && memcmp(key, "output", 6) == 0) {
            status = find_value(&cursor, &output, &output_end, r->err);
        } else {
            status = srv_fail(r->err, SRV_PACKAGE, "unknown key \"%.60s\"; known are: input, output", key);
        }
        if (status == SRV_OK) {
            status = srv_json_next(&cursor, '}', &more, r->err);
        }
    }
    if (status == SRV_OK) {
        status = srv_json_finish(&cursor, r->err);
    }
    if (status == SRV_OK && (input == NULL || output == NULL)) {
        status = srv_fail(r->err, SRV_PACKAGE, "\"%s\" is missing", input == NULL ? "input" : "output");
    }
    if (status != SRV_OK) {
        return in_line(r, line, "", status);
    }
    status = read_input(r, input, (size_t)(input_end - input), r->x + r->rows * r->model->width);
    if (status != SRV_OK) {
        return in_line(r, line, ", input", status);
    }
    status = read_output(r, output, output_end, r->wanted + r->rows * r->model->outputs);
    r->lines[r->rows++] = line;
    return in_line(r, line, ", output", status);
}

static bool is_blank(const char *text, size_t size) {
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    srv_json_skip_space(&cursor);
    return cursor.at == cursor.end;
}

static srv_status read_lines(replay *r, const char *text, size_t size, bool cut) {
    srv_status status = SRV_OK;
    size_t line = 0;
    for (const char *at = text, *end = text + size; at < end && status == SRV_OK && line < SRV_SAMPLES_MAX_LINES;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL && cut) {
            break; /* a line that is not all here */
        }
        const char *stop = newline != NULL ? newline : end;
        line++;
        if (!is_blank(at, (size_t)(stop - at))) {
            status = read_line(r, line, at, (size_t)(stop - at));
            srv_arena_reset(r->arena);
        }
        if (status == SRV_OK && r->rows == r->capacity) {
            status = run_waiting(r);
        }
        at = newline != NULL ? newline + 1 : end;
    }
    return status == SRV_OK ? run_waiting(r) : status;
}

static srv_status out_of_memory(srv_error *err) {
    return srv_fail(err, SRV_NO_MEMORY, "out of memory");
}

static srv_status replay_text(const char *text, size_t size, bool cut, const srv_model *model, srv_error *err) {
    size_t fit = BATCH_NUMBERS / (model->width + 2 * model->outputs);
    replay r = {.model = model, .err = err, .capacity = fit < 1 ? 1 : fit > SRV_PASS_ROWS ? SRV_PASS_ROWS : fit};
    r.arena = srv_arena_new();
    r.row = srv_arena_new();
    r.steps = srv_malloc(srv_preprocess_scratch(model->preprocess) + 1);
    r.x = srv_calloc(r.capacity * model->width, sizeof *r.x);
    r.y = srv_calloc(r.capacity * model->outputs, sizeof *r.y);
    r.wanted = srv_calloc(r.capacity * model->outputs, sizeof *r.wanted);
    r.scratch = srv_calloc(model->scratch_floats, sizeof *r.scratch);
    srv_status status = SRV_OK;
    if (r.arena == NULL || r.row == NULL || r.steps == NULL || r.x == NULL || r.y == NULL || r.wanted == NULL ||
        r.scratch == NULL) {
        status = out_of_memory(err);
    } else {
        status = read_lines(&r, text, size, cut);
    }
    srv_arena_free(r.arena);
    srv_arena_free(r.row);
    srv_free(r.steps);
    srv_free(r.x);
    srv_free(r.y);
    srv_free(r.wanted);
    srv_free(r.scratch);
    return status;
}

srv_status srv_samples_replay(const char *path, const srv_model *model, srv_error *err) {
    struct stat info = {0};
    if (stat(path, &info) != 0 && errno == ENOENT) {
        return SRV_OK;
    }
    FILE *file = S_ISREG(info.st_mode) ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return srv_fail(err, SRV_PACKAGE, "is not a file that can be read");
    }
    srv_status status = SRV_OK;
    srv_buffer text = {0};
    while (text.size < SRV_SAMPLES_MAX_BYTES && !text.failed) {
        size_t chunk = SRV_SAMPLES_MAX_BYTES - text.size < 65536 ? SRV_SAMPLES_MAX_BYTES - text.size : 65536;
        char *room = srv_buffer_room(&text, chunk);
        size_t got = room != NULL ? fread(room, 1, chunk, file) : 0;
        text.size += got;
        if (got < chunk) {
            break;
        }
    }
    bool cut = text.size == SRV_SAMPLES_MAX_BYTES && fgetc(file) != EOF;
    if (text.failed) {
        status = out_of_memory(err);
    } else if (ferror(file)) {
        status = srv_fail(err, SRV_PACKAGE, "can't be read: %s", strerror(errno));
    } else if (text.size > 0) {
        status = replay_text(text.data, text.size, cut, model, err);
    }
    fclose(file);
    srv_buffer_free(&text);
    return status;
}
