/* Open Inference requests → rows: shapes, datatypes, several inputs, requested outputs, and what each fault is told as. */
#include "parse/parse_openinference.h"

#include "check.h"

static srv_arena *arena;
static srv_error err;

static const srv_input_spec three = {.name = "x", .rank = 1, .shape = {3}, .features = 3};
static const srv_input_spec square = {.name = "x", .rank = 2, .shape = {2, 2}, .features = 4};
static const srv_input_spec one = {.name = "x", .rank = 1, .shape = {1}, .features = 1};
static const srv_input_spec pair[] = {{.name = "a", .rank = 1, .shape = {2}, .features = 2},
                                      {.name = "c", .rank = 1, .shape = {1}, .features = 1}};
static const srv_input_spec row = {.name = "row", .rank = 1, .shape = {3}, .features = 3};
static const char *const outputs[] = {"y", "z"};

/* "rows:v v …", then "#id" and "→ outputs"; or "!STATUS@" and the text from the error's offset on. */
static const char *parts_of(const srv_input_spec *inputs, size_t count, const char *text, size_t size,
                            size_t json_size) {
    static char seen[1024];
    const srv_signature signature = {.inputs = inputs,
                                     .input_count = count,
                                     .row = count == 1 ? inputs : &row,
                                     .outputs = outputs,
                                     .output_count = 2};
    const srv_limits limits = {.max_body_bytes = 20000, .max_rows = 4, .max_depth = 8};
    srv_body body;
    srv_arena_reset(arena);
    err = (srv_error){.offset = SRV_NO_OFFSET};
    srv_status status =
        srv_parse_openinference(guarded(text, size), size, json_size, &signature, &limits, arena, &body, &err);
    if (status != SRV_OK) {
        CHECK_EQ(err.status, status);
        CHECK(err.message[0] != '\0');
        CHECK(err.offset == SRV_NO_OFFSET || err.offset <= size);
        const char *at = err.offset == SRV_NO_OFFSET ? "" : text + err.offset;
        int shown = err.offset == SRV_NO_OFFSET ? 0 : size - err.offset < 6 ? (int)(size - err.offset) : 6;
        snprintf(seen, sizeof seen, "!%s@%.*s", srv_status_name(status), shown, at);
        return seen;
    }
    CHECK(body.kind == SRV_BODY_ROWS && !body.single && !body.columnar && !body.bare);
    size_t used = (size_t)snprintf(seen, sizeof seen, "%zu:", body.rows);
    for (size_t i = 0; i < signature.row->features * body.rows; i++) {
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%s%g", i > 0 ? " " : "", (double)body.values[i]);
    }
    if (body.id != NULL) {
        used += (size_t)snprintf(seen + used, sizeof seen - used, "#%.*s", (int)body.id_size, body.id);
    }
    for (size_t i = 0; body.outputs != NULL && i < body.output_count; i++) {
        used += (size_t)snprintf(seen + used, sizeof seen - used, ">%s%s", outputs[body.outputs[i].index],
                                 body.outputs[i].binary ? "!" : "");
        if (body.outputs[i].classes > 0) {
            used += (size_t)snprintf(seen + used, sizeof seen - used, "*%zu", body.outputs[i].classes);
        }
    }
    if (body.timeout_ns > 0 || body.background) {
        snprintf(seen + used, sizeof seen - used, " %llu ns%s", (unsigned long long)body.timeout_ns,
                 body.background ? ", background" : "");
    }
    return seen;
}

static const char *body_of(const srv_input_spec *inputs, size_t count, const char *text, size_t size) {
    return parts_of(inputs, count, text, size, size);
}

#define THREE(text) body_of(&three, 1, text, sizeof(text) - 1)
#define PAIR(text) body_of(pair, 2, text, sizeof(text) - 1)
#define TENSOR(name, shape, type, data) \
    "{\"name\": \"" name "\", \"shape\": " shape ", \"datatype\": \"" type "\", \"data\": " data "}"
#define INPUTS(tensors) "{\"inputs\": [" tensors "]}"
#define DATA(shape, type, data) THREE(INPUTS(TENSOR("x", shape, type, data)))
#define REFUSED(seen, status, place, said) \
    do {                                   \
        CHECK_TEXT(seen, status);          \
        CHECK_TEXT(err.where, place);      \
        CHECK_TEXT(err.message, said);     \
    } while (0)

TEST(shapes) {
    CHECK_TEXT(DATA("[2, 3]", "FP32", "[1,2,3,4,5,6]"), "2:1 2 3 4 5 6");
    CHECK_TEXT(DATA("[2, 3]", "FP32", "[[1,2,3],[4,5,6]]"), "2:1 2 3 4 5 6");
    CHECK_TEXT(DATA("[1, 3, 1]", "FP32", "[1,2,3]"), "1:1 2 3");
    CHECK_TEXT(DATA("[3]", "FP32", "[[1,2,3]]"), "1:1 2 3");
    static const char by_shape[] = INPUTS(TENSOR("x", "[1, 2, 2]", "FP32", "[[1,2],[3,4]]"));
    CHECK_TEXT(body_of(&square, 1, by_shape, sizeof by_shape - 1), "1:1 2 3 4");
    static const char flat[] = INPUTS(TENSOR("x", "[2, 4]", "FP32", "[1,2,3,4,5,6,7,8]"));
    CHECK_TEXT(body_of(&square, 1, flat, sizeof flat - 1), "2:1 2 3 4 5 6 7 8");
    static const char bare[] = INPUTS(TENSOR("x", "[3]", "FP32", "[1,2,3]"));
    CHECK_TEXT(body_of(&one, 1, bare, sizeof bare - 1), "3:1 2 3");
}

TEST(datatypes) {
    CHECK_TEXT(DATA("[1,3]", "FP64", "[0.5, -1e-3, 2]"), "1:0.5 -0.001 2");
    CHECK_TEXT(DATA("[1,3]", "BOOL", "[true, false, 1]"), "1:1 0 1");
    CHECK_TEXT(DATA("[1,3]", "INT8", "[-128, 127, 3.0]"), "1:-128 127 3");
    CHECK_TEXT(DATA("[1,3]", "UINT8", "[0, 255, 1]"), "1:0 255 1");
    CHECK_TEXT(DATA("[1,3]", "INT32", "[-2147483648, 2147483520, 16777216]"), "1:-2.14748e+09 2.14748e+09 1.67772e+07");
    CHECK_TEXT(DATA("[1,3]", "UINT64", "[1099511627776, 0, 1]"), "1:1.09951e+12 0 1");
    REFUSED(
        DATA("[1,3]", "INT32", "[1, 16777217, 3]"), "!WRONG_VALUE@[1, 16", "/inputs/0/data",
        "value 2 of the data is 16777217, which INT32 holds but the model, which computes in float32, does not; send "
        "FP64 to have it rounded");
    CHECK_TEXT(DATA("[1,3]", "FP64", "[1, 16777217, 3]"), "1:1 1.67772e+07 3");
    CHECK_TEXT(DATA("[1,3]", "UINT64", "[18446744073709551615, 0, 1]"), "!WRONG_VALUE@[18446");
    CHECK_TEXT(DATA("[1,3]", "BOOL", "[true, 16777217, 0]"), "!WRONG_VALUE@[true,");
    REFUSED(DATA("[1,3]", "INT8", "[1, 128, 3]"), "!WRONG_VALUE@[1, 12", "/inputs/0/data",
            "value 2 of the data is 128, which INT8 does not hold");
    REFUSED(DATA("[1,3]", "UINT16", "[1, 2, -3]"), "!WRONG_VALUE@[1, 2,", "/inputs/0/data",
            "value 3 of the data is -3, which UINT16 does not hold");
    REFUSED(DATA("[1,3]", "INT64", "[1.5, 2, 3]"), "!WRONG_VALUE@[1.5, ", "/inputs/0/data",
            "value 1 of the data is 1.5, which INT64 does not hold");
    REFUSED(DATA("[1,3]", "BOOL", "[0, 1, 2]"), "!WRONG_VALUE@[0, 1,", "/inputs/0/data",
            "value 3 of the data is 2, which BOOL does not hold");
    REFUSED(DATA("[1,3]", "FP32", "[1, true, 2]"), "!WRONG_VALUE@true, ", "/inputs/0/data/1",
            "/inputs/0/data/1 is a boolean; expected a number");
    REFUSED(DATA("[1,3]", "BYTES", "[\"a\"]"), "!WRONG_VALUE@\"BYTES", "/inputs/0/datatype",
            "the model takes numbers, and BYTES holds texts; expected FP32, FP64, FP16, BOOL, INT* or UINT*");
    CHECK_TEXT(DATA("[1,3]", "FP16", "[1,2,3]"), "!WRONG_VALUE@\"FP16\"");
    CHECK_TEXT(DATA("[1,3]", "FP32", "[1, NaN, 2]"), "!MALFORMED@NaN, 2");
}

TEST(keys_in_any_order) {
    CHECK_TEXT(
        THREE("{\"outputs\": [], \"inputs\": [{\"data\": [true, false, true], \"parameters\": {\"a\": 1}, "
              "\"other\": [{}], \"datatype\": \"BOOL\", \"shape\": [1,3], \"name\": \"x\"}], \"model_name\": \"m\"}"),
        "1:1 0 1");
    REFUSED(
        THREE("{\"inputs\": [{\"data\": [1, \"two\", 3], \"datatype\": \"FP32\", \"shape\": [1,3], \"name\": \"x\"}]}"),
        "!WRONG_VALUE@\"two\",", "/inputs/0/data/1", "/inputs/0/data/1 is a string; expected a number");
}

TEST(several_inputs) {
    CHECK_TEXT(PAIR(INPUTS(TENSOR("c", "[2,1]", "INT8", "[3,6]") ", " TENSOR("a", "[2,2]", "FP32", "[1,2,4,5]"))),
               "2:1 2 3 4 5 6");
    REFUSED(PAIR(INPUTS(TENSOR("a", "[1,2]", "FP32", "[1,2]"))), "!WRONG_VALUE@[{\"nam", "/inputs",
            "the input 'c' is missing");
    REFUSED(PAIR(INPUTS(TENSOR("a", "[1,2]", "FP32", "[1,2]") "," TENSOR("c", "[2]", "FP32", "[3,4]"))),
            "!WRONG_VALUE@[2], \"", "/inputs/1/shape", "'c' has 2 rows, an input before it 1; they must agree");
    REFUSED(PAIR(INPUTS(TENSOR("a", "[1,2]", "FP32", "[1,2]") "," TENSOR("a", "[1,2]", "FP32", "[1,2]"))),
            "!WRONG_VALUE@\"a\", \"", "/inputs/1/name", "the input 'a' is there twice");
    REFUSED(PAIR(INPUTS(TENSOR("b", "[1,2]", "FP32", "[1,2]"))), "!WRONG_VALUE@\"b\", \"", "/inputs/0/name",
            "the model has no input 'b'; it has: a, c");
}

#define ASK(rest) "{\"inputs\": [" TENSOR("x", "[1,3]", "FP32", "[1,2,3]") "]" rest "}"

TEST(id_parameters_and_outputs) {
    CHECK_TEXT(THREE(ASK(", \"id\": \"4\\u0032\\\"\"")), "1:1 2 3#42\"");
    CHECK_TEXT(THREE(ASK(", \"id\": \"\", \"parameters\": {\"priority\": 1}")), "1:1 2 3#");
    CHECK_TEXT(THREE(ASK(", \"outputs\": [{\"name\": \"z\"}]")), "1:1 2 3>z");
    CHECK_TEXT(
        THREE(ASK(", \"outputs\": [{\"name\": \"z\", \"parameters\": {\"binary_data\": false}}, {\"name\": \"y\"}]")),
        "1:1 2 3>z>y");
    REFUSED(THREE(ASK(", \"id\": 42")), "!WRONG_VALUE@42}", "/id", "/id is a number; expected a string");
    REFUSED(THREE(ASK(", \"parameters\": []")), "!WRONG_VALUE@[]}", "/parameters",
            "/parameters is an array; expected an object");
    REFUSED(THREE(ASK(", \"outputs\": [{\"name\": \"q\"}]")), "!WRONG_VALUE@\"q\"}]}", "/outputs/0/name",
            "the model has no output 'q'; it has: y, z");
    REFUSED(THREE(ASK(", \"outputs\": [{\"name\": \"y\"}, {\"name\": \"y\"}]")), "!WRONG_VALUE@\"y\"}]}",
            "/outputs/1/name", "the output 'y' is asked for twice");
    CHECK_TEXT(THREE(ASK(", \"outputs\": [{}]")), "!WRONG_VALUE@{}]}");
    CHECK_TEXT(THREE(ASK(", \"outputs\": [3]")), "!WRONG_VALUE@3]}");
    CHECK_TEXT(THREE(ASK(", \"outputs\": {\"name\": \"y\"}")), "!WRONG_VALUE@{\"name");
    CHECK_TEXT(THREE(ASK(", \"outputs\": [{\"name\": \"y\", \"parameters\": {\"classification\": 2}}]")),
               "1:1 2 3>y*2");
    CHECK_TEXT(THREE(ASK(", \"parameters\": {\"binary_data_output\": true}")), "1:1 2 3>y!>z!");
    CHECK_TEXT(
        THREE(ASK(", \"outputs\": [{\"name\": \"z\", \"parameters\": {\"binary_data\": false}}, {\"name\": \"y\"}]"
                  ", \"parameters\": {\"binary_data_output\": true}")),
        "1:1 2 3>z>y!");
    CHECK_TEXT(THREE(ASK(", \"parameters\": {\"timeout\": 20, \"priority\": 2}")), "1:1 2 3 20000 ns, background");
    REFUSED(THREE(ASK(", \"parameters\": {\"timeout\": -1}")), "!WRONG_VALUE@-1}}", "/parameters/timeout",
            "timeout must be a whole number from 0");
}

TEST(faults_of_the_object) {
    REFUSED(THREE("[1,2,3]"), "!WRONG_VALUE@[1,2,3", "",
            "the body is an array; expected an object, {\"inputs\": [{\"name\", \"shape\", \"datatype\", \"data\"}]}");
    CHECK_TEXT(THREE(""), "!MALFORMED@");
    CHECK_TEXT(THREE("\x01"), "!MALFORMED@\x01");
    REFUSED(THREE("{}"), "!WRONG_VALUE@{}", "", "the key \"inputs\" is missing");
    REFUSED(THREE("{\"inputs\": []}"), "!WRONG_VALUE@[]}", "/inputs", "the input 'x' is missing");
    REFUSED(THREE("{\"inputs\": {}}"), "!WRONG_VALUE@{}}", "/inputs",
            "/inputs is an object; expected an array of tensors");
    REFUSED(THREE("{\"inputs\": [[1,2,3]]}"), "!WRONG_VALUE@[1,2,3", "/inputs/0",
            "/inputs/0 is an array; expected an object");
    REFUSED(THREE("{\"id\": \"1\", \"id\": \"2\"}"), "!MALFORMED@\"id\": ", "", "the key \"id\" is there twice");
    CHECK_TEXT(THREE(ASK("") "x"), "!MALFORMED@x");
    CHECK_TEXT(THREE(ASK(",")), "!MALFORMED@}");
    CHECK_TEXT(THREE(ASK(", \"a\": [[[[[[[[[]]]]]]]]]")), "!MALFORMED@[]]]]]");
}

TEST(faults_of_a_tensor) {
    REFUSED(THREE(INPUTS("{\"shape\": [1,3], \"datatype\": \"FP32\", \"data\": [1,2,3]}")), "!WRONG_VALUE@{\"shap",
            "/inputs/0", "the key \"name\" is missing");
    CHECK_TEXT(THREE(INPUTS("{\"name\": \"x\", \"datatype\": \"FP32\", \"data\": [1,2,3]}")), "!WRONG_VALUE@{\"name");
    CHECK_TEXT(THREE(INPUTS("{\"name\": \"x\", \"shape\": [1,3], \"data\": [1,2,3]}")), "!WRONG_VALUE@{\"name");
    REFUSED(THREE(INPUTS("{\"name\": \"x\", \"shape\": [1,3], \"datatype\": \"FP32\"}")), "!WRONG_VALUE@{\"name",
            "/inputs/0", "the key \"data\" is missing");
    REFUSED(
        THREE(INPUTS("{\"name\": \"x\", \"shape\": [1,3], \"datatype\": \"FP32\", \"parameters\": "
                     "{\"binary_data_size\": 12}}")),
        "!WRONG_VALUE@{\"name", "/inputs/0",
        "binary_data_size is there, but no binary data: the header Inference-Header-Content-Length must say where the "
        "JSON ends and it begins");
    REFUSED(THREE(INPUTS("{\"name\": \"x\", \"name\": \"x\"}")), "!MALFORMED@\"name\"", "",
            "the key \"name\" is there twice");
    REFUSED(DATA("[2,3]", "FP32", "[1,2,3]"), "!WRONG_VALUE@[1,2,3", "/inputs/0/data",
            "the data has 3 values; the shape [2,3] asks for 6");
    REFUSED(DATA("[1,4]", "FP32", "[1,2,3,4]"), "!WRONG_VALUE@[1,4],", "/inputs/0/shape",
            "the shape of 'x' is [1,4]; expected [rows, numbers of a row], and a row is 3");
    CHECK_TEXT(DATA("[]", "FP32", "1"), "!WRONG_VALUE@[], \"d");
    CHECK_TEXT(DATA("[0,3]", "FP32", "[]"), "!WRONG_VALUE@0,3], ");
    CHECK_TEXT(DATA("[-1,3]", "FP32", "[1,2,3]"), "!WRONG_VALUE@-1,3],");
    CHECK_TEXT(DATA("[1.5,3]", "FP32", "[1,2,3]"), "!WRONG_VALUE@1.5,3]");
    CHECK_TEXT(DATA("[1,\"3\"]", "FP32", "[1,2,3]"), "!WRONG_VALUE@\"3\"], ");
    CHECK_TEXT(DATA("[1e12,1e12,1e12]", "FP32", "[1,2,3]"), "!WRONG_VALUE@1e12,1");
    CHECK_TEXT(DATA("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,3]", "FP32", "[1,2,3]"), "!WRONG_VALUE@3], \"d");
    CHECK_TEXT(DATA("3", "FP32", "[1,2,3]"), "!WRONG_VALUE@3, \"da");
    CHECK_TEXT(DATA("[1,3]", "FP32", "[[1,2],[3]]"), "!WRONG_VALUE@[3]]}]");
    CHECK_TEXT(DATA("[1,3]", "FP32", "{\"b64\": \"\"}"), "!WRONG_VALUE@{\"b64\"");
    REFUSED(DATA("[5,3]", "FP32", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"), "!TOO_LARGE@", "",
            "5 rows; at most 4 in one request");
}

#define BINARY(type, size, data) binary_of(type, size, data, sizeof(data) - 1)

/* A request for one row of three, whose data follows the JSON. */
static const char *binary_of(const char *type, size_t announced, const char *data, size_t size) {
    char text[400];
    int json = snprintf(text, sizeof text,
                        "{\"inputs\": [{\"name\": \"x\", \"shape\": [1,3], \"datatype\": \"%s\", \"parameters\": "
                        "{\"binary_data_size\": %zu}}]}",
                        type, announced);
    memcpy(text + json, data, size);
    return parts_of(&three, 1, text, (size_t)json + size, (size_t)json);
}

TEST(binary_tensors) {
    CHECK_TEXT(BINARY("FP32", 12, "\0\0\x80\x3f\0\0\0\xc0\0\0\0\0"), "1:1 -2 0");
    CHECK_TEXT(BINARY("FP16", 6, "\x00\x3c\x01\x80\x00\x7c"), "1:1 -5.96046e-08 inf");
    CHECK_TEXT(BINARY("FP64", 24, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0\0"), "1:1 -2 0");
    CHECK_TEXT(BINARY("INT8", 3, "\x80\x7f\xff"), "1:-128 127 -1");
    CHECK_TEXT(BINARY("UINT8", 3, "\x80\x7f\xff"), "1:128 127 255");
    CHECK_TEXT(BINARY("INT16", 6, "\x00\x80\x01\x00\xff\xff"), "1:-32768 1 -1");
    CHECK_TEXT(BINARY("UINT32", 12, "\0\0\0\x80\1\0\0\0\0\0\0\1"), "1:2.14748e+09 1 1.67772e+07");
    CHECK_TEXT(BINARY("BOOL", 3, "\0\1\1"), "1:0 1 1");
    CHECK_TEXT(BINARY("BOOL", 3, "\0\1\2"), "!WRONG_VALUE@\2");
    CHECK_TEXT(err.message, "value 3 of the binary data is neither 0 nor 1; expected a BOOL");
    CHECK_TEXT(BINARY("INT32", 12, "\xff\xff\xff\x7f\0\0\0\0\0\0\0\0"), "!WRONG_VALUE@\xff\xff\xff\x7f");
    CHECK_TEXT(BINARY("FP64", 24, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x7e\0\0\0\0\0\0\0\0"), "!WRONG_VALUE@");
    REFUSED(BINARY("FP32", 12, "12345678"), "!WRONG_VALUE@{\"name", "/inputs/0/parameters/binary_data_size",
            "binary_data_size is 12, but 8 bytes of binary data are left");
    REFUSED(BINARY("FP32", 8, "12345678"), "!WRONG_VALUE@{\"name", "/inputs/0/parameters/binary_data_size",
            "binary_data_size is 8; 3 values of FP32 are 12 bytes");
    REFUSED(BINARY("INT8", 3, "12345"), "!WRONG_VALUE@45", "",
            "2 bytes of binary data are left over; no input's binary_data_size counts them");
}

/* A table's columns are inputs: "rows:numbers|texts". */
static const char *table_of(const char *text, size_t size, size_t json_size) {
    static char seen[512];
    static const srv_text countries[] = {{"France", 6}, {"Spain", 5}};
    static const srv_text column_names[] = {{"age", 3}, {"country", 7}, {"remark", 6}};
    srv_column columns[] = {
        {.name = "age", .type = SRV_COLUMN_NUMBER, .offset = 0, .width = 1, .optional = true, .missing = -1},
        {.name = "country", .type = SRV_COLUMN_CATEGORY, .offset = 1, .width = 1},
        {.name = "remark", .type = SRV_COLUMN_TEXT, .offset = 2, .width = 1}};
    srv_table table = {.columns = columns, .features = 3, .texts = 1};
    const srv_limits limits = {.max_body_bytes = 20000, .max_rows = 4, .max_depth = 8};
    size_t twice;
    srv_arena_reset(arena);
    CHECK(srv_names_build(countries, 2, arena, &columns[1].categories, &twice) == SRV_NAMES_FINE);
    CHECK(srv_names_build(column_names, 3, arena, &table.names, &twice) == SRV_NAMES_FINE);
    const srv_input_spec input = {.name = "t", .rank = 1, .shape = {3}, .features = 3, .table = &table};
    const srv_signature signature = {
        .inputs = &input, .input_count = 1, .row = &input, .outputs = outputs, .output_count = 2};
    srv_body body;
    err = (srv_error){.offset = SRV_NO_OFFSET};
    srv_status status =
        srv_parse_openinference(guarded(text, size), size, json_size, &signature, &limits, arena, &body, &err);
    if (status != SRV_OK) {
        snprintf(seen, sizeof seen, "!%s %s", srv_status_name(status), err.where);
        return seen;
    }
    size_t used = (size_t)snprintf(seen, sizeof seen, "%zu:", body.rows);
    for (size_t i = 0; i < body.rows; i++) {
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%g %g %.*s|", body.cells[3 * i],
                                 body.cells[3 * i + 1], (int)body.texts[i].size, body.texts[i].bytes);
    }
    return seen;
}

#define BYTES_ENTRY(name, size)                                                                                      \
    "{\"name\": \"" name "\", \"shape\": [2], \"datatype\": \"BYTES\", \"parameters\": {\"binary_data_size\": " size \
    "}}"

TEST(binary_numbers_of_a_table) {
    static const char head[] =
        INPUTS("{\"name\": \"age\", \"shape\": [2], \"datatype\": \"INT16\", \"parameters\": "
               "{\"binary_data_size\": 4}}, " BYTES_ENTRY("country", "19") ", " BYTES_ENTRY("remark", "9"));
    static const char whole[] = INPUTS("{\"name\": \"age\", \"shape\": [2], \"datatype\": \"INT16\", \"parameters\": "
                                       "{\"binary_data_size\": 4}}, " BYTES_ENTRY("country", "19") ", " BYTES_ENTRY(
                                           "remark", "9")) "\xFE\xFF\0\1\6\0\0\0France\5\0\0\0Spain\1\0\0\0x\0\0\0\0";
    CHECK_TEXT(table_of(whole, sizeof whole - 1, sizeof head - 1), "2:-2 0 x|256 1 |");
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        CHECK(table_of(whole, size, size < sizeof head - 1 ? size : sizeof head - 1)[0] == '!');
    }
}

TEST(columns_of_a_table) {
    static const char json[] = INPUTS(TENSOR("remark", "[2,1]", "BYTES", "[[\"a]\"], [\"\\u00e9\"]]") ", " TENSOR(
        "country", "[2]", "BYTES", "[\"Spain\", \"France\"]") ", " TENSOR("age", "[2]", "FP32", "[null, 2.5]"));
    CHECK_TEXT(table_of(json, sizeof json - 1, sizeof json - 1), "2:-1 1 a]|2.5 0 \xC3\xA9|");
    static const char head[] = INPUTS(BYTES_ENTRY("country", "19") ", " BYTES_ENTRY("remark", "9"));
    static const char whole[] = INPUTS(
        BYTES_ENTRY("country", "19") ", " BYTES_ENTRY("remark", "9")) "\6\0\0\0France\5\0\0\0Spain\1\0\0\0x\0\0\0\0";
    CHECK_TEXT(table_of(whole, sizeof whole - 1, sizeof head - 1), "2:-1 0 x|-1 1 |");
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        CHECK(table_of(whole, size, size < sizeof head - 1 ? size : sizeof head - 1)[0] == '!');
    }
    for (size_t size = 0; size < sizeof json - 1; size++) {
        CHECK(table_of(json, size, size)[0] == '!');
    }
}

TEST(any_prefix_is_read_within_its_bounds) {
    static const char text[] = "{\"id\": \"\\u00e9\", \"parameters\": {\"a\": [true]}, \"inputs\": [{\"data\": [1, 0], "
                               "\"datatype\": \"INT8\", "
                               "\"shape\": [1, 2], \"name\": \"a\"}, " TENSOR(
                                   "c", "[1, 1]", "BOOL", "[[true]]") "], \"outputs\": [{\"name\": \"z\"}]}";
    for (size_t size = 0; size < sizeof text; size++) {
        const char *seen = body_of(pair, 2, text, size);
        CHECK((seen[0] == '!') == (size < sizeof text - 1));
    }
}

TEST(failing_memory_is_said_and_nothing_else_happens) {
    static const char text[] = INPUTS(TENSOR("x", "[1,3]", "FP32", "[1,2,3]"));
    srv_arena *kept = arena;
    arena = srv_arena_new();
    srv_test_fail_allocation(1);
    const char *seen = body_of(&three, 1, text, sizeof text - 1);
    srv_test_fail_allocation(0);
    CHECK_TEXT(seen, "!NO_MEMORY@");
    srv_arena_free(arena);
    arena = kept;
}

TEST(no_error_need_be_asked_for) {
    const srv_signature signature = {.inputs = &three, .input_count = 1, .row = &three};
    const srv_limits limits = SRV_LIMITS_DEFAULT;
    static const char *const texts[] = {"", "{", "{}", "{\"inputs\": [3]}", INPUTS(TENSOR("x", "[1]", "FP32", "[1]"))};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        srv_body body;
        CHECK(srv_parse_openinference(texts[i], strlen(texts[i]), strlen(texts[i]), &signature, &limits, arena, &body,
                                      NULL) != SRV_OK);
    }
}

TEST_MAIN(arena = srv_arena_new(); RUN(shapes); RUN(datatypes); RUN(keys_in_any_order); RUN(several_inputs);
          RUN(id_parameters_and_outputs); RUN(faults_of_the_object); RUN(faults_of_a_tensor); RUN(binary_tensors);
          RUN(binary_numbers_of_a_table); RUN(columns_of_a_table); RUN(any_prefix_is_read_within_its_bounds);
          RUN(failing_memory_is_said_and_nothing_else_happens); RUN(no_error_need_be_asked_for); srv_arena_free(arena))
