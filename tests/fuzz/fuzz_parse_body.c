/* Fuzz target: protocol, content type and body → srv_parse_body, and what came of it → write_reply.
 *
 * With clang:   -fsanitize=fuzzer,address,undefined -DSRV_LIBFUZZER
 * Without:      a main of its own replays the files named, or mutates built-in seeds a bounded number of times:
 *                 fuzz_parse_body [-runs=N] [-seed=N] [file…]
 *               It prints the seed and stops at the first fault, after writing the input to fuzz_parse_body.crash.
 *
 * Input: byte 0 chooses protocol and model, byte 1 the content type, the rest is the body; when the content type is
 * "free", the first line of the rest is it.
 */
#include "parse_body.h"
#include "write_reply.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const content_types[] = {
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data; charset=\"\\\"\"; boundary=\"b\"",
    "text/csv",
    "image/png",
    NULL, /* free */
};

#define CONTENT_TYPES (sizeof content_types / sizeof *content_types)

static void require(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "fuzz_parse_body: not so: %s\n", what);
        abort();
    }
}

static void check_error(srv_protocol protocol, srv_status status, const srv_error *err, size_t size,
                        srv_buffer *reply) {
    require(err->status == status && err->message[0] != '\0', "a failure has a status and a message");
    require(err->offset == SRV_NO_OFFSET || err->offset <= size, "the offset lies in the body");
    require(status == SRV_MALFORMED || status == SRV_TOO_LARGE || status == SRV_UNSUPPORTED_TYPE ||
                status == SRV_WRONG_VALUE,
            "what a client sends is the client's fault");
    int http = srv_write_error(protocol, err, reply);
    require(http >= 400 && http < 500, "an error of the client is a 4xx");
    require(!reply->failed && reply->size > 10, "the error has a body");
}

static void check_body(srv_protocol protocol, const srv_body *body, const srv_body_source *source,
                       const srv_input_spec *input, const srv_limits *limits, srv_buffer *reply) {
    if (body->kind == SRV_BODY_IMAGE) {
        require(body->rows == 1 && body->single && input->takes_image, "a picture is one row of a model that takes it");
        require(body->image >= source->bytes && body->image + body->image_size <= source->bytes + source->size,
                "a picture lies in the body");
        return;
    }
    require(body->rows >= 1 && body->rows <= limits->max_rows, "rows are within the limit");
    require(!body->single || body->rows == 1, "a single row is one row");
    float sum = 0;
    for (size_t i = 0; i < body->rows * input->features; i++) {
        sum += body->values[i]; /* each must be readable and set */
    }
    size_t texts = input->table != NULL ? input->table->texts : 0, bytes = 0;
    for (size_t i = 0; i < body->rows * texts; i++) {
        for (size_t k = 0; k < body->texts[i].size; k++) {
            bytes += (unsigned char)body->texts[i].bytes[k];
        }
    }
    if (isnan(sum) || bytes == 1) {
        return;
    }
    const srv_output_request *asked = body->outputs;
    for (size_t i = 0; asked != NULL && i < body->output_count; i++) {
        require(asked[i].index < 2, "an output that is asked for is there");
    }
    size_t told = 0;
    const srv_reply_output output = {.name = "y",
                                     .columns = input->features,
                                     .binary = asked != NULL && asked[0].binary,
                                     .classes = asked != NULL ? asked[0].classes : 0};
    const srv_reply_source answer = {.model = "m",
                                     .version = 1,
                                     .outputs = &output,
                                     .output_count = 1,
                                     .columnar = body->columnar,
                                     .bare = body->bare,
                                     .id = body->id,
                                     .id_size = body->id_size,
                                     .values = body->values,
                                     .stride = input->features,
                                     .rows = body->rows,
                                     .json_size = &told,
                                     .single = body->single,
                                     .top = source->size % 4};
    srv_error err;
    srv_status status = srv_write_reply(protocol, &answer, reply, &err);
    require(status == SRV_OK || status == SRV_WRONG_VALUE, "rows can be answered unless they are infinite");
    require(told <= reply->size &&
                (told > 0) == (status == SRV_OK && protocol == SRV_PROTOCOL_OPENINFERENCE && output.binary),
            "binary tensors follow the JSON");
}

/* A table of each type of column, and a model that takes a text alone. */
typedef struct tables {
    srv_column columns[4], words[1];
    srv_table person, text;
} tables;

static bool make_tables(srv_arena *arena, tables *out) {
    static const srv_text countries[] = {{"FR", 2}, {"ES", 2}};
    static const srv_text names[] = {{"n", 1}, {"b", 1}, {"c", 1}, {"t", 1}};
    size_t twice;
    *out = (tables){
        .columns = {{.name = "n", .type = SRV_COLUMN_NUMBER, .width = 1, .optional = true, .missing = 1, .plain = true},
                    {.name = "b", .type = SRV_COLUMN_BOOLEAN, .offset = 1, .width = 1, .plain = true},
                    {.name = "c", .type = SRV_COLUMN_CATEGORY, .offset = 2, .width = 1, .plain = true},
                    {.name = "t", .type = SRV_COLUMN_TEXT, .offset = 3, .width = 1, .optional = true, .plain = true}},
        .words = {{.name = "t", .type = SRV_COLUMN_TEXT, .width = 1, .plain = true}},
        .person = {.features = 4, .texts = 1},
        .text = {.features = 1, .texts = 1, .bare = true}};
    out->person.columns = out->columns;
    out->text.columns = out->words;
    return srv_names_build(countries, 2, arena, &out->columns[2].categories, &twice) == SRV_NAMES_FINE &&
           srv_names_build(names, 4, arena, &out->person.names, &twice) == SRV_NAMES_FINE &&
           srv_names_build(names + 3, 1, arena, &out->text.names, &twice) == SRV_NAMES_FINE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    static const srv_input_spec inputs[] = {
        {.name = "x", .rank = 1, .shape = {3}, .features = 3, .takes_image = true},
        {.name = "x", .rank = 2, .shape = {2, 2}, .features = 4},
        {.name = "x", .rank = 1, .shape = {1}, .features = 1},
    };
    const srv_limits limits = {.max_body_bytes = 4096, .max_rows = 8, .max_depth = 8, .max_image_pixels = 1000};
    static const srv_input_spec pair[] = {{.name = "a", .rank = 1, .shape = {1}, .features = 1},
                                          {.name = "b", .rank = 2, .shape = {1, 3}, .features = 3}};
    static const srv_input_spec both = {.name = "row", .rank = 1, .shape = {4}, .features = 4};
    static const char *const outputs[] = {"y", "z"};
    static const srv_protocol protocols[16] = {
        [6] = SRV_PROTOCOL_TENSORFLOW,          [7] = SRV_PROTOCOL_TENSORFLOW,
        [8] = SRV_PROTOCOL_TENSORFLOW,          [9] = SRV_PROTOCOL_TENSORFLOW_CLASSIFY,
        [10] = SRV_PROTOCOL_TENSORFLOW_REGRESS, [11] = SRV_PROTOCOL_OPENINFERENCE,
        [12] = SRV_PROTOCOL_OPENINFERENCE,      [13] = SRV_PROTOCOL_OPENINFERENCE,
        [14] = SRV_PROTOCOL_OPENINFERENCE,      [15] = SRV_PROTOCOL_OPENINFERENCE};
    srv_protocol protocol = protocols[data[0] % 16];
    size_t model = data[0] / 16 % 6;
    srv_arena *arena = srv_arena_new();
    tables lent;
    require(arena != NULL && make_tables(arena, &lent), "there is memory");
    const srv_input_spec person = {.name = "p", .rank = 1, .shape = {4}, .features = 4, .table = &lent.person};
    const srv_input_spec text = {.name = "t", .rank = 1, .shape = {1}, .features = 1, .table = &lent.text};
    const srv_input_spec *input = model < 3 ? &inputs[model] : model == 3 ? &both : model == 4 ? &person : &text;
    const srv_signature signature = {.inputs = model != 3 ? input : pair,
                                     .input_count = model != 3 ? 1 : 2,
                                     .row = input,
                                     .outputs = outputs,
                                     .output_count = 2};
    const char *type = content_types[data[1] % CONTENT_TYPES];
    const uint8_t *rest = data + 2;
    size_t rest_size = size - 2, type_size = type != NULL ? strlen(type) : 0;
    if (type == NULL) {
        const uint8_t *line = memchr(rest, '\n', rest_size);
        type = (const char *)rest;
        type_size = line != NULL ? (size_t)(line - rest) : rest_size;
        size_t used = line != NULL ? type_size + 1 : type_size;
        rest += used;
        rest_size -= used;
    }
    bool has_json_size = protocol == SRV_PROTOCOL_OPENINFERENCE && data[1] % 2 == 1 && rest_size >= 2;
    size_t json_size = has_json_size ? (size_t)rest[0] | (size_t)rest[1] << 8 : 0;
    rest += has_json_size ? 2 : 0;
    rest_size -= has_json_size ? 2 : 0;
    /* Copies of exactly this size, so that a sanitizer sees a read one byte too far. */
    char *type_copy = malloc(type_size > 0 ? type_size : 1), *body_copy = malloc(rest_size > 0 ? rest_size : 1);
    require(type_copy != NULL && body_copy != NULL, "there is memory");
    memcpy(type_copy, type, type_size);
    memcpy(body_copy, rest, rest_size);
    const srv_body_source source = {.content_type = type_copy,
                                    .content_type_size = type_size,
                                    .bytes = body_copy,
                                    .size = rest_size,
                                    .has_json_size = has_json_size,
                                    .json_size = json_size};
    srv_body body;
    srv_error err = {.offset = SRV_NO_OFFSET};
    srv_buffer reply = {0};
    srv_status status = srv_parse_body(protocol, &source, &signature, &limits, arena, &body, &err);
    if (status == SRV_OK) {
        check_body(protocol, &body, &source, input, &limits, &reply);
    } else {
        check_error(protocol, status, &err, rest_size, &reply);
    }
    srv_buffer_free(&reply);
    srv_arena_free(arena);
    free(type_copy);
    free(body_copy);
    return 0;
}

#ifndef SRV_LIBFUZZER

#include <signal.h>

#define LONGEST 8192

static uint8_t current[LONGEST];
static size_t current_size;

#define SEED(bytes) {(const uint8_t *)(bytes), sizeof(bytes) - 1}
#define DISPOSITION "Content-Disposition: form-data; name="

static const struct {
    const uint8_t *bytes;
    size_t size;
} seeds[] = {
    SEED("\0\0[1, 2.5, -3e2]"),
    SEED("\0\0{\"data\": [[1,2,3],[4,5,6]]}"),
    SEED("\x10\0[[1,2],[3,4]]"),
    SEED("\0\1data=1%2C2+,3&top=2"),
    SEED("\0\1[1,2,3]"),
    SEED("\0\1d%61ta=%5B1,2,3%5D"),
    SEED("\0\2--b\r\n" DISPOSITION
         "\"data\"; filename=\"7.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--b--\r\n"),
    SEED("\0\2x\r\n--b\r\n" DISPOSITION "top\r\n\r\n3\r\n--b \r\n" DISPOSITION "\"data\"\r\n\r\n1,2,3\r\n--b--"),
    SEED("\0\3--b\r\n" DISPOSITION "\"a\\\"\"; filename*=UTF-8''%41.csv\r\n\r\n1 2 3\r\n--b--"),
    SEED("\0\4\xEF\xBB\xBF"
         "a,b,c\r\n1,\"2\",3\r\n+4,.5,6.\r\n"),
    SEED("\x20\4"
         "1\n2\n3\n"),
    SEED("\x10\4"
         "1;2\n3;4"),
    SEED("\0\5\x89PNG\r\n\x1A\n"),
    SEED("\0\6multipart/form-data; boundary=\"b\"; x=y\n--b\r\n" DISPOSITION "data\r\n\r\n1,2,3\r\n--b--"),
    SEED("\0\6text/plain\n1 2 3"),
    SEED("\x06\0{\"instances\": [[1,2,3],[NaN,-Infinity,6]]}"),
    SEED("\x06\0{\"signature_name\": \"serving_default\", \"instances\": [{\"x\": [1,2,3]}, {\"x\": [4,5,6]}]} rest"),
    SEED("\x26\0{\"instances\": [1, 2, 3]}"),
    SEED("\x36\0{\"instances\": [{\"a\": 1, \"b\": [[1,2,3]]}, {\"b\": [[4,5,6]], \"a\": 2}]}"),
    SEED("\x16\0{\"inputs\": [[[1,2],[3,4]],[[5,6],[7,8]]]}"),
    SEED("\x36\0{\"inputs\": {\"b\": [[1,2,3]], \"c\": {}, \"a\": [1]}}"),
    SEED("\x06\0{\"instances\": [{\"b64\": \"aGVsbG8=\"}]}"),
    SEED("\x0B\0{\"id\": \"4\\u0032\", \"inputs\": [{\"name\": \"x\", \"shape\": [1,3], \"datatype\": \"FP32\", "
         "\"data\": [1,2,3]}], \"outputs\": [{\"name\": \"z\", \"parameters\": {\"binary_data\": true}}]}"),
    SEED("\x46\0{\"instances\": [{\"n\": 1.5, \"b\": true, \"c\": \"ES\", \"t\": {\"b64\": \"aGk=\"}}, {\"c\": "
         "[\"FR\"], "
         "\"b\": 0}]}"),
    SEED("\x46\0{\"instances\": [[null, false, \"ES\", \"x\"]]}"),
    SEED("\x46\0{\"inputs\": {\"n\": [1, NaN], \"b\": [true, false], \"c\": [\"FR\", \"ES\"], \"t\": [\"\", "
         "\"\\u00e9\"]}}"),
    SEED("\x56\0{\"instances\": [\"some words\", {\"b64\": \"aGk\"}]}"),
    SEED("\x49\0{\"context\": {\"c\": \"FR\"}, \"examples\": [{\"b\": 1}, {\"b\": [0], \"t\": \"x\", \"n\": 2}]}"),
    SEED("\x39\0{\"examples\": [{\"a\": 1, \"b\": [1, 2, 3]}], \"signature_name\": \"tensorflow/serving/classify\"}"),
    SEED("\x0A\0{\"examples\": [{\"x\": [1, 2, 3]}], \"context\": {}}"),
    SEED("\x0B\1\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40"),
    SEED("\x5B\1\0\0some words"),
    SEED("\x0B\1\x78\0{\"inputs\": [{\"name\": \"x\", \"shape\": [1,3], \"datatype\": \"FP16\", \"parameters\": "
         "{\"binary_data_size\": 6}}], \"parameters\": {}}     \0\x3c\0\x40\0\x42"),
    SEED("\x5B\1\x70\0{\"inputs\": [{\"name\": \"t\", \"shape\": [1,1], \"datatype\": \"BYTES\", \"parameters\": "
         "{\"binary_data_size\": 6}}]}             \2\0\0\0hi"),
    SEED("\x4B\0{\"inputs\": [{\"name\": \"n\", \"shape\": [1], \"datatype\": \"INT32\", \"data\": [5]}, {\"name\": "
         "\"b\", \"shape\": [1,1], \"datatype\": \"BOOL\", \"data\": [true]}, {\"name\": \"c\", \"shape\": [1], "
         "\"datatype\": \"BYTES\", \"data\": [[\"FR\"]]}], \"outputs\": [{\"name\": \"y\", \"parameters\": "
         "{\"classification\": 2}}], \"parameters\": {\"timeout\": 5}}"),
    SEED("\x3B\0{\"inputs\": [{\"data\": [1,0,1], \"name\": \"b\", \"shape\": [1,3], \"datatype\": \"INT8\"}, "
         "{\"name\": \"a\", \"shape\": [1], \"datatype\": \"BOOL\", \"data\": [true]}]}"),
};

#define SEEDS (sizeof seeds / sizeof *seeds)

static const char *const words[] = {"\r\n",     "--b",
                                    "--b--",    "\r\n--b\r\n",
                                    "\"",       "\\\"",
                                    "%",        "%2C",
                                    "+",        "=",
                                    "&",        ";",
                                    ",",        "[",
                                    "]",        "{",
                                    "}",        "1e999",
                                    "-0",       ".5",
                                    "nan",      "null",
                                    "name=",    "filename*=UTF-8''",
                                    "\"data\"", "\xEF\xBB\xBF",
                                    "\xFF",     "\n\n",
                                    "NaN",      "-Infinity",
                                    "true",     "\"data\": ",
                                    "0.1"};

static uint64_t random_state;

static size_t random_below(size_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % n);
}

/* Opens a gap of `added` bytes in place of `removed` at `at`; leaves current as it is if that would be too long. */
static uint8_t *splice(size_t at, size_t removed, size_t added) {
    if (current_size - removed + added > LONGEST) {
        return NULL;
    }
    memmove(current + at + added, current + at + removed, current_size - at - removed);
    current_size += added - removed;
    return current + at;
}

static void mutate(void) {
    size_t at = random_below(current_size + 1), left = current_size - at;
    uint8_t *gap;
    switch (random_below(6)) {
    case 0: /* another byte */
        if (left > 0) {
            current[at] = (uint8_t)random_below(256);
        }
        break;
    case 1: /* a byte more */
        if ((gap = splice(at, 0, 1)) != NULL) {
            *gap = (uint8_t)random_below(256);
        }
        break;
    case 2: /* some bytes less */
        splice(at, left > 0 ? random_below(left < 8 ? left : 8) + 1 : 0, 0);
        break;
    case 3: { /* a word that means something */
        const char *word = words[random_below(sizeof words / sizeof *words)];
        if ((gap = splice(at, 0, strlen(word))) != NULL) {
            memcpy(gap, word, strlen(word));
        }
        break;
    }
    case 4: { /* a piece of it, once more */
        uint8_t piece[64];
        size_t from = random_below(current_size + 1), size = current_size - from;
        size = size > sizeof piece ? sizeof piece : size;
        memcpy(piece, current + from, size);
        if ((gap = splice(at, 0, size)) != NULL) {
            memcpy(gap, piece, size);
        }
        break;
    }
    default: /* cut off */
        if (random_below(8) == 0) {
            current_size = at;
        }
    }
}

/* Sanitizers leave by abort, so that the input that failed can be saved. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void) {
    return "abort_on_error=1";
}

const char *__ubsan_default_options(void) {
    return "abort_on_error=1:print_stacktrace=1";
}

/* The process is lost by then, and the fault came from our own thread: stdio may be used here. */
static void save_current(int number) {
    FILE *file = fopen("fuzz_parse_body.crash", "wb");
    if (file != NULL) {
        fwrite(current, 1, current_size, file);
        fclose(file);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static int replay(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    current_size = fread(current, 1, sizeof current, file);
    fclose(file);
    LLVMFuzzerTestOneInput(current, current_size);
    return 0;
}

int main(int count, char **arguments) {
    unsigned long runs = 200000;
    unsigned long long seed = 1;
    int files = 0, failed = 0;
    signal(SIGABRT, save_current);
#ifndef __SANITIZE_ADDRESS__ /* which reports these itself, and then aborts */
    signal(SIGSEGV, save_current);
#endif
    for (int i = 1; i < count; i++) {
        if (strncmp(arguments[i], "-runs=", 6) == 0) {
            runs = strtoul(arguments[i] + 6, NULL, 10);
        } else if (strncmp(arguments[i], "-seed=", 6) == 0) {
            seed = strtoull(arguments[i] + 6, NULL, 10);
        } else {
            files++;
            failed |= replay(arguments[i]);
        }
    }
    if (files > 0) {
        printf("fuzz_parse_body: %d files replayed\n", files);
        return failed;
    }
    random_state = seed * 2654435761u + 88172645463325252u;
    for (unsigned long run = 0; run < runs; run++) {
        size_t chosen = run < SEEDS ? run : random_below(SEEDS);
        memcpy(current, seeds[chosen].bytes, seeds[chosen].size);
        current_size = seeds[chosen].size;
        for (size_t changes = run < SEEDS ? 0 : 1 + random_below(8); changes > 0; changes--) {
            mutate();
        }
        LLVMFuzzerTestOneInput(current, current_size);
    }
    printf("fuzz_parse_body: %lu runs, seed %llu\n", runs, seed);
    return 0;
}

#endif
