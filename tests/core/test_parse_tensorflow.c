/* TensorFlow Serving's predict requests → rows: both forms, one input and several, and what each fault is told as. */
#include "parse/parse_tensorflow.h"

#include "check.h"

static srv_arena *arena;
static srv_error err;

static const srv_input_spec three = {.name = "x", .rank = 1, .shape = {3}, .features = 3};
static const srv_input_spec square = {.name = "x", .rank = 2, .shape = {2, 2}, .features = 4};
static const srv_input_spec one = {.name = "x", .rank = 1, .shape = {1}, .features = 1};
static const srv_input_spec pair[] = {{.name = "a/b", .rank = 1, .shape = {2}, .features = 2},
                                      {.name = "c", .rank = 1, .shape = {1}, .features = 1}};
static const srv_input_spec row = {.name = "row", .rank = 1, .shape = {3}, .features = 3};

/* "rows:v v …", then "c" if columnar and "b" if bare; or "!STATUS@" and the text from the error's offset on. */
static const char *body_of(const srv_input_spec *inputs, size_t count, const char *text, size_t size) {
    static char seen[1024];
    const srv_signature signature = {.inputs = inputs, .input_count = count, .row = count == 1 ? inputs : &row};
    const srv_limits limits = {.max_body_bytes = 20000, .max_rows = 40, .max_depth = 8};
    srv_body body;
    srv_arena_reset(arena);
    err = (srv_error){.offset = SRV_NO_OFFSET};
    srv_status status = srv_parse_tensorflow(guarded(text, size), size, &signature, &limits, arena, &body, &err);
    if (status != SRV_OK) {
        CHECK_EQ(err.status, status);
        CHECK(err.message[0] != '\0');
        CHECK(err.offset == SRV_NO_OFFSET || err.offset <= size);
        const char *at = err.offset == SRV_NO_OFFSET ? "" : text + err.offset;
        int shown = err.offset == SRV_NO_OFFSET ? 0 : size - err.offset < 6 ? (int)(size - err.offset) : 6;
        snprintf(seen, sizeof seen, "!%s@%.*s", srv_status_name(status), shown, at);
        return seen;
    }
    CHECK(body.kind == SRV_BODY_ROWS && !body.single && body.id == NULL && body.outputs == NULL);
    size_t used = (size_t)snprintf(seen, sizeof seen, "%zu:", body.rows);
    for (size_t i = 0; i < signature.row->features * body.rows && used < sizeof seen - 40; i++) {
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%s%g", i > 0 ? " " : "", (double)body.values[i]);
    }
    snprintf(seen + used, sizeof seen - used, "%s%s", body.columnar ? "c" : "", body.bare ? "b" : "");
    return seen;
}

#define THREE(text) body_of(&three, 1, text, sizeof(text) - 1)
#define SQUARE(text) body_of(&square, 1, text, sizeof(text) - 1)
#define ONE(text) body_of(&one, 1, text, sizeof(text) - 1)
#define PAIR(text) body_of(pair, 2, text, sizeof(text) - 1)
#define REFUSED(seen, status, place, said) \
    do {                                   \
        CHECK_TEXT(seen, status);          \
        CHECK_TEXT(err.where, place);      \
        CHECK_TEXT(err.message, said);     \
    } while (0)
#define ELEMENT "Failed to process element: "
#define LIST " of 'instances' list. Error: "

TEST(rows_of_the_only_input) {
    CHECK_TEXT(THREE("{\"instances\": [[1, 2.5, -3e0], [4,5,6]]}"), "2:1 2.5 -3 4 5 6");
    CHECK_TEXT(THREE(" \n{ \"signature_name\" : \"serving_default\" , \"instances\" : [ [1,2,3] ] }"), "1:1 2 3");
    CHECK_TEXT(THREE("{\"instances\": [[1,2,3]], \"signature_name\": \"\"}"), "1:1 2 3");
    CHECK_TEXT(SQUARE("{\"instances\": [[[1,2],[3,4]],[[5,6],[7,8]]]}"), "2:1 2 3 4 5 6 7 8");
    CHECK_TEXT(SQUARE("{\"instances\": [[1,2,3,4]]}"), "1:1 2 3 4");
    CHECK_TEXT(ONE("{\"instances\": [1.0, 2.0]}"), "2:1 2b");
    CHECK_TEXT(ONE("{\"instances\": [[1.0], [2.0]]}"), "2:1 2");
}

TEST(rows_as_objects) {
    CHECK_TEXT(THREE("{\"instances\": [{\"x\": [1,2,3]}, {\"x\": [4,5,6]}]}"), "2:1 2 3 4 5 6");
    CHECK_TEXT(ONE("{\"instances\": [{\"x\": 1}, {\"x\": 2}]}"), "2:1 2b");
    CHECK_TEXT(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3}, {\"c\": 6, \"a\\/b\": [4, NaN]}]}"),
               "2:1 2 3 4 nan 6");
}

TEST(many_objects_outgrow_the_first_room) {
    char text[1200];
    size_t used = (size_t)sprintf(text, "{\"instances\": [");
    for (int i = 0; i < 40; i++) {
        used += (size_t)sprintf(text + used, "%s{\"x\": %d}", i > 0 ? "," : "", i);
    }
    size_t before = used;
    used += (size_t)sprintf(text + used, "]}");
    const char *seen = body_of(&one, 1, text, used);
    CHECK(strncmp(seen, "40:0 1 2 3 ", 11) == 0 && strstr(seen, " 38 39b") != NULL);
    used = before + (size_t)sprintf(text + before, ",{\"x\": 40}]}");
    REFUSED(body_of(&one, 1, text, used), "!TOO_LARGE@", "", "more than 40 rows in one request");
    char plain[400];
    used = (size_t)sprintf(plain, "{\"instances\": [0");
    for (int i = 0; i < 40; i++) {
        used += (size_t)sprintf(plain + used, ",1");
    }
    used += (size_t)sprintf(plain + used, "]}");
    REFUSED(body_of(&one, 1, plain, used), "!TOO_LARGE@", "", "41 rows; at most 40 in one request");
}

TEST(columns) {
    CHECK_TEXT(THREE("{\"inputs\": [[1,2,3],[4,5,6]]}"), "2:1 2 3 4 5 6c");
    CHECK_TEXT(THREE("{\"inputs\": {\"x\": [[1,2,3]]}}"), "1:1 2 3c");
    CHECK_TEXT(ONE("{\"inputs\": [1, 2]}"), "2:1 2cb");
    CHECK_TEXT(PAIR("{\"inputs\": {\"other\": {\"y\": [NaN]}, \"c\": [[3],[6]], \"a/b\": [[1,2],[4,5]]}}"),
               "2:1 2 3 4 5 6c");
}

TEST(words_that_are_numbers_here) {
    CHECK_TEXT(THREE("{\"instances\": [[NaN, Infinity, -Infinity]], \"more\": [NaN, {\"x\": -Infinity}]}"),
               "1:nan inf -inf");
    CHECK_TEXT(THREE("{\"instances\": [[1, NaN,2], [ -Infinity ,3,4 ]]}"), "2:1 nan 2 -inf 3 4");
    CHECK_TEXT(ONE("{\"instances\": [NaN]}"), "1:nanb");
    CHECK_TEXT(THREE("{\"instances\": [[1, 2, Inf]]}"), "!MALFORMED@Inf]]}");
    CHECK_TEXT(THREE("{\"instances\": [[1, 2, nan]]}"), "!MALFORMED@nan]]}");
    CHECK_TEXT(THREE("{\"instances\": [[1, 2, NaN1]]}"), "!MALFORMED@NaN1]]");
    CHECK_TEXT(THREE("{\"instances\": [[1, 2, -]]}"), "!MALFORMED@]]}");
}

TEST(reading_stops_after_the_object_and_other_keys_are_passed_over) {
    CHECK_TEXT(THREE("{\"instances\": [[1,2,3]]} and [ more \xFF"), "1:1 2 3");
    CHECK_TEXT(THREE("{\"a\": null, \"b\": [{\"c\": true}], \"instances\": [[1,2,3]], \"d\": \"e\"}"), "1:1 2 3");
    CHECK_TEXT(THREE("{\"instances\": [[1,2,3]]"), "!MALFORMED@");
}

TEST(the_json_is_checked_first_then_the_signature_then_the_data) {
    REFUSED(THREE(""), "!MALFORMED@", "",
            "JSON Parse error: The document is empty; expecting {\"instances\": [row, \xE2\x80\xA6]}");
    CHECK_TEXT(THREE("[1,2,3]"), "!MALFORMED@[1,2,3");
    CHECK_TEXT(THREE("nonsense"), "!MALFORMED@nonsen");
    CHECK_TEXT(THREE("{\"instances\": [[1,2]], \"signature_name\": 5, oops}"), "!MALFORMED@oops}");
    REFUSED(THREE("{\"instances\": [[1,2]], \"signature_name\": 5}"), "!MALFORMED@5}", "/signature_name",
            "JSON Value not formatted correctly. 'signature_name' key must be a string value.");
    REFUSED(THREE("{\"instances\": [[1,2]], \"signature_name\": \"classify\"}"), "!WRONG_VALUE@\"class",
            "/signature_name",
            "Serving signature name: \"classify\" not found in signature def; expected serving_default");
    REFUSED(THREE("{\"inputs\": [\"a\"], \"instances\": [[1,2]]}"), "!MALFORMED@{\"inpu", "",
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist");
    REFUSED(THREE("{\"examples\": [[1,2]]}"), "!MALFORMED@{\"exam", "", "Missing 'inputs' or 'instances' key");
    CHECK_TEXT(THREE("{}"), "!MALFORMED@{}");
    REFUSED(THREE("{\"instances\": [[1,2,3]], \"instances\": [[1,2,3]]}"), "!MALFORMED@\"insta", "",
            "the key 'instances' is there twice");
    CHECK_TEXT(THREE("{\"instances\": [[1,2,\"x\"]], \"a\": [[[[[[[[[]]]]]]]]]}"), "!MALFORMED@[]]]]]");
}

TEST(faults_of_rows) {
    REFUSED(THREE("{\"instances\": 5}"), "!WRONG_VALUE@5}", "/instances",
            "Expecting 'instances' to be a list/array of rows");
    REFUSED(THREE("{\"instances\": [ ]}"), "!WRONG_VALUE@[ ]}", "/instances",
            "No values in 'instances' array; expecting a row");
    REFUSED(THREE("{\"instances\": [[1,2]]}"), "!WRONG_VALUE@[1,2]]", "/instances/0",
            ELEMENT "0" LIST "Expecting shape [3] but got: [2]");
    REFUSED(THREE("{\"instances\": [1, 2]}"), "!WRONG_VALUE@[1, 2]", "/instances/0",
            ELEMENT "0" LIST "Expecting shape [3] but got: []");
    REFUSED(SQUARE("{\"instances\": [[[1,2,3,4]]]}"), "!WRONG_VALUE@[[1,2,", "/instances/0",
            ELEMENT "0" LIST "Expecting shape [2,2] but got: [1,4]");
    REFUSED(THREE("{\"instances\": [[1,2,3],[4,5]]}"), "!WRONG_VALUE@[4,5]]", "/instances/1",
            ELEMENT "1" LIST "Expecting tensor size: 3 but got: 2");
    REFUSED(SQUARE("{\"instances\": [[[1,2],[3,4]],[[1,2],[3,4],[5,6]]]}"), "!WRONG_VALUE@[[1,2]", "/instances/1",
            ELEMENT "1" LIST "Expecting tensor size: 4 but got: 6");
    REFUSED(SQUARE("{\"instances\": [[[1,2],[3]]]}"), "!WRONG_VALUE@[3]]]}", "/instances/0/1",
            ELEMENT "0" LIST "Encountered list at unexpected size: 1 at level: 1 expected size: 2");
    REFUSED(ONE("{\"instances\": [1, [1]]}"), "!WRONG_VALUE@[1]]}", "/instances/1",
            ELEMENT "1" LIST "Expecting shape [] but got a list where a number must stand");
    REFUSED(THREE("{\"instances\": [[1,2,3], NaN]}"), "!WRONG_VALUE@NaN]}", "/instances/1",
            ELEMENT "1" LIST "Expecting shape [3] but got a number where a list must stand");
    REFUSED(THREE("{\"instances\": [\"x\", \"y\"]}"), "!WRONG_VALUE@\"x\", \"", "/instances/0",
            ELEMENT "0" LIST "a string is not of expected type: float");
    REFUSED(THREE("{\"instances\": [[1, 2, null]]}"), "!WRONG_VALUE@null]]", "/instances/0/2",
            ELEMENT "0" LIST "null is not of expected type: float");
    REFUSED(THREE("{\"instances\": [[1, 2, true]]}"), "!WRONG_VALUE@true]]", "/instances/0/2",
            ELEMENT "0" LIST "a boolean is not of expected type: float");
    REFUSED(THREE("{\"instances\": [{\"b64\": \"aGk=\"}]}"), "!WRONG_VALUE@{\"b64\"", "/instances/0",
            ELEMENT "0" LIST "a base64 object, which stands for bytes, is not of expected type: float");
    REFUSED(THREE("{\"instances\": [[1,2,3], {\"x\": 3}]}"), "!WRONG_VALUE@{\"x\": ", "/instances/1",
            ELEMENT "1" LIST "a JSON object is not of expected type: float");
    REFUSED(THREE("{\"instances\": [[[[[[[[[1"), "!MALFORMED@[1", "", "nested too deep; at most 8 levels");
    REFUSED(THREE("{\"instances\": [[[[[[[[]]]]]]]]}"), "!WRONG_VALUE@[[[[[[", "/instances/0",
            ELEMENT "0" LIST "Expecting shape [3] but got: [1,1,1,1,1,1,0]");
    REFUSED(PAIR("{\"instances\": [[1,2,3]]}"), "!WRONG_VALUE@[[1,2,", "/instances",
            "instances is a plain list, but expecting list of objects as the model has several inputs: a/b, c");
}

TEST(faults_of_objects) {
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2]}]}"), "!WRONG_VALUE@{\"a/b\"", "/instances/0",
            ELEMENT "0 of 'instances' list. The JSON object must have the keys: a/b, c");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3}, {}]}"), "!WRONG_VALUE@{}]}", "/instances/1",
            ELEMENT "1 of 'instances' list. The JSON object must have the keys: a/b, c");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3, \"d\": 4}]}"), "!WRONG_VALUE@\"d\": 4", "/instances/0",
            ELEMENT "0 key: d" LIST "JSON object: does not have named input: d");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3, \"c\": 4}]}"), "!WRONG_VALUE@\"c\": 4", "/instances/0",
            ELEMENT "0 key: c" LIST "the key is there twice");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3}, [4, 5, 6]]}"), "!WRONG_VALUE@[4, 5,", "/instances/1",
            "Expecting object but got list at item 1 of input list");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3}, {\"b64\": \"\"}]}"), "!WRONG_VALUE@{\"b64\"",
            "/instances/1", "Expecting object but got a base64 object at item 1 of input list");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3}, NaN]}"), "!WRONG_VALUE@NaN]}", "/instances/1",
            "Expecting object but got a number at item 1 of input list");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3}, {\"a/b\": [1,2], \"c\": [3]}]}"), "!WRONG_VALUE@[3]}]}",
            "/instances/1/c", ELEMENT "1 key: c" LIST "Expecting shape [] but got: [1]");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,2,3], \"c\": 3}]}"), "!WRONG_VALUE@[1,2,3", "/instances/0/a~1b",
            ELEMENT "0 key: a/b" LIST "Expecting shape [2] but got: [3]");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": [1,\"two\"], \"c\": 3}]}"), "!WRONG_VALUE@\"two\"]", "/instances/0/a~1b/1",
            ELEMENT "0 key: a/b" LIST "a string is not of expected type: float");
    REFUSED(PAIR("{\"instances\": [{\"a/b\": {\"b64\": \"aGk=\"}, \"c\": 3}]}"), "!WRONG_VALUE@{\"b64\"",
            "/instances/0/a~1b",
            ELEMENT "0 key: a/b" LIST "a base64 object, which stands for bytes, is not of expected type: float");
    CHECK_TEXT(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3]"), "!MALFORMED@]");
    CHECK_TEXT(PAIR("{\"instances\": [{\"a/b\": [1,2], \"c\": 3}}"), "!MALFORMED@}");
}

TEST(faults_of_columns) {
    REFUSED(THREE("{\"inputs\": [1,2,3]}"), "!WRONG_VALUE@[1,2,3", "/inputs",
            "Expecting shape [rows,...]: rows of [3] but got: [3]");
    REFUSED(THREE("{\"inputs\": []}"), "!WRONG_VALUE@[]}", "/inputs",
            "Expecting shape [rows,...]: rows of [3] but got: [0]");
    REFUSED(ONE("{\"inputs\": 5}"), "!WRONG_VALUE@5}", "/inputs",
            "Expecting shape [rows,...]: rows of [1] but got: []");
    REFUSED(THREE("{\"inputs\": [[1,2,3],[4]]}"), "!WRONG_VALUE@[4]]}", "/inputs/1",
            "Encountered list at unexpected size: 1 at level: 1 expected size: 3");
    REFUSED(THREE("{\"inputs\": {\"b64\": \"aGk=\"}}"), "!WRONG_VALUE@{\"b64\"", "/inputs",
            "a base64 object, which stands for bytes, is not of expected type: float");
    REFUSED(THREE("{\"inputs\": {\"y\": [[1,2,3]]}}"), "!WRONG_VALUE@{\"y\": ", "/inputs",
            "Missing named input: x in 'inputs' object.");
    REFUSED(PAIR("{\"inputs\": [[1,2,3]]}"), "!WRONG_VALUE@[[1,2,", "/inputs",
            "inputs is a plain value/list, but expecting an object as the model has several inputs: a/b, c");
    REFUSED(PAIR("{\"inputs\": {\"a/b\": [[1,2]], \"c\": [3,4]}}"), "!WRONG_VALUE@[3,4]}", "/inputs/c",
            "c has 2 rows, an input before it 1; they must agree");
    REFUSED(PAIR("{\"inputs\": {\"a/b\": [[1,2]], \"c\": [3], \"c\": [3]}}"), "!WRONG_VALUE@\"c\": [", "/inputs",
            "the same input is there twice in 'inputs'");
    REFUSED(PAIR("{\"inputs\": {\"a/b\": [[1,false]], \"c\": [3]}}"), "!WRONG_VALUE@false]", "/inputs/a~1b/0/1",
            "a boolean is not of expected type: float");
}

TEST(any_prefix_is_read_within_its_bounds) {
    static const char *const texts[] = {
        "{\"signature_name\": \"serving_default\", \"instances\": [{\"a/b\": [1, NaN], \"c\": -Infinity}]}",
        "{\"inputs\": {\"other\": [\"\\u00e9\", {\"b64\": \"\"}], \"c\": [[3], [6]], \"a/b\": [[1,2],[4,5]]}}",
        "{\"instances\": [{\"b64\": \"aGVsbG8=\"}], \"signature_name\": null}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t whole = strlen(texts[i]);
        for (size_t size = 0; size <= whole; size++) {
            const char *seen = body_of(pair, 2, texts[i], size);
            CHECK(size < whole ? seen[0] == '!' : i == 2 || seen[0] != '!');
        }
    }
}

TEST(failing_memory_is_said_and_nothing_else_happens) {
    static const char *const texts[] = {"{\"instances\": [{\"a/b\": [1, 2], \"c\": 3}]}",
                                        "{\"inputs\": {\"a/b\": [[1,2]], \"c\": [3]}}"};
    srv_arena *kept = arena;
    for (size_t i = 0; i < 2; i++) {
        arena = srv_arena_new();
        srv_test_fail_allocation(1);
        const char *seen = body_of(pair, 2, texts[i], strlen(texts[i]));
        srv_test_fail_allocation(0);
        CHECK_TEXT(seen, "!NO_MEMORY@");
        srv_arena_free(arena);
    }
    arena = kept;
}

TEST(no_error_need_be_asked_for) {
    const srv_signature signature = {.inputs = &three, .input_count = 1, .row = &three};
    const srv_limits limits = SRV_LIMITS_DEFAULT;
    static const char *const texts[] = {"", "{", "{\"instances\": [[1]]}", "{\"instances\": [[1,\"\"]]}", "{}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        srv_body body;
        CHECK(srv_parse_tensorflow(texts[i], strlen(texts[i]), &signature, &limits, arena, &body, NULL) != SRV_OK);
    }
}

TEST_MAIN(arena = srv_arena_new(); RUN(rows_of_the_only_input); RUN(rows_as_objects);
          RUN(many_objects_outgrow_the_first_room); RUN(columns); RUN(words_that_are_numbers_here);
          RUN(reading_stops_after_the_object_and_other_keys_are_passed_over);
          RUN(the_json_is_checked_first_then_the_signature_then_the_data); RUN(faults_of_rows); RUN(faults_of_objects);
          RUN(faults_of_columns); RUN(any_prefix_is_read_within_its_bounds);
          RUN(failing_memory_is_said_and_nothing_else_happens); RUN(no_error_need_be_asked_for); srv_arena_free(arena))
