/* The JSON bodies of /classify: what is a row, what are rows, and what is said of all else. */
#include "check.h"
#include "parse/parse_json.h"

static srv_arena *arena;

static const srv_input_spec six = {.name = "x", .rank = 1, .shape = {6}, .features = 6};
static const srv_input_spec two_by_three = {.name = "x", .rank = 2, .shape = {2, 3}, .features = 6};
static const srv_input_spec picture = {.name = "x", .rank = 3, .shape = {2, 3, 1}, .features = 6};
static const srv_input_spec one = {.name = "x", .rank = 1, .shape = {1}, .features = 1};

static srv_status classify(const char *body, const srv_input_spec *input, srv_body *out, srv_error *err) {
    srv_limits limits = SRV_LIMITS_DEFAULT;
    limits.max_rows = 3;
    size_t size = strlen(body);
    return srv_parse_json_classify(guarded(body, size), size, input, &limits, arena, out, err);
}

static void check_rows(const char *body, const srv_input_spec *input, size_t rows, bool single) {
    srv_body out = {0};
    srv_error err = {.message = "ok"};
    srv_status status = classify(body, input, &out, &err);
    bool right = status == SRV_OK && out.kind == SRV_BODY_ROWS && out.rows == rows && out.single == single;
    for (size_t i = 0; right && i < rows * input->features; i++) {
        right = out.values[i] == (float)(i + 1);
    }
    if (!right) {
        checks_failed++;
        fprintf(stderr, "%s: status %d (%s), %zu rows, single %d\n", body, status, err.message, out.rows, out.single);
    }
}

TEST(takes_rows_in_every_form) {
    check_rows("[1,2,3,4,5,6]", &six, 1, true);
    check_rows("{\"data\":[1,2,3,4,5,6]}", &six, 1, true);
    check_rows(" { \"data\" : [ 1 , 2 , 3 , 4 , 5 , 6 ] } ", &six, 1, true);
    check_rows("[[1,2,3,4,5,6]]", &six, 1, false);
    check_rows("[[1,2,3,4,5,6],[7,8,9,10,11,12]]", &six, 2, false);
    check_rows("{\"d\\u0061ta\":[[1,2,3,4,5,6],[7,8,9,10,11,12]]}", &six, 2, false);
    check_rows("[[[1,2,3,4,5,6]],[[7,8,9,10,11,12]]]", &six, 2, false);
    check_rows("[[1],[2],[3],[4],[5],[6]]", &six, 1, true);

    check_rows("[1,2,3,4,5,6]", &two_by_three, 1, true);
    check_rows("[[1,2,3],[4,5,6]]", &two_by_three, 1, true);
    check_rows("[[[1],[2],[3]],[[4],[5],[6]]]", &two_by_three, 1, true);
    check_rows("[[[1,2,3],[4,5,6]]]", &two_by_three, 1, false);
    check_rows("[[1,2,3,4,5,6],[7,8,9,10,11,12]]", &two_by_three, 2, false);
    check_rows("[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]", &two_by_three, 2, false);

    check_rows("[[[1],[2],[3]],[[4],[5],[6]]]", &picture, 1, true);
    check_rows("[[1,2,3],[4,5,6]]", &picture, 1, true);
    check_rows("[[[1,2,3],[4,5,6]]]", &picture, 1, false);
    check_rows("[[[[1],[2],[3]],[[4],[5],[6]]]]", &picture, 1, false);

    check_rows("1", &one, 1, true);
    check_rows("[1]", &one, 1, true);
    check_rows("[[1]]", &one, 1, false);
    check_rows("[[1],[2]]", &one, 2, false);
    check_rows("{\"data\":1}", &one, 1, true);
}

TEST(refuses_what_is_no_row) {
    const struct {
        const char *body;
        const srv_input_spec *input;
        srv_status status;
        const char *message, *where;
        size_t offset;
    } cases[] = {
        {"", &six, SRV_MALFORMED,
         "the body is empty: expected a row of numbers (6), an array of rows, or {\"data\": …}", "", 0},
        {" \n", &six, SRV_MALFORMED,
         "the body is empty: expected a row of numbers (6), an array of rows, or {\"data\": …}", "", 0},
        {"\"x\"", &six, SRV_WRONG_VALUE,
         "the body is a string; expected a row of numbers (6), an array of rows, or {\"data\": …}", "", 0},
        {"null", &six, SRV_WRONG_VALUE,
         "the body is null; expected a row of numbers (6), an array of rows, or {\"data\": …}", "", 0},
        {"NaN", &six, SRV_MALFORMED,
         "NaN is not JSON; expected a row of numbers (6), an array of rows, or {\"data\": …}", "", 0},
        {"[1,2,NaN,4,5,6]", &six, SRV_MALFORMED, "NaN is not JSON; expected a number", "/2", 5},
        {"[1,2,3,4,5]", &six, SRV_WRONG_VALUE, "row has 5 numbers; the model takes 6", "", 0},
        {" [1,2,3,4,5,6,7]", &six, SRV_WRONG_VALUE, "row has 7 numbers; the model takes 6", "", 1},
        {"7", &six, SRV_WRONG_VALUE, "row has 1 number; the model takes 6", "", 0},
        {"[]", &six, SRV_WRONG_VALUE, "row has 0 numbers; the model takes 6", "", 0},
        {"[[]]", &six, SRV_WRONG_VALUE, "row has 0 numbers; the model takes 6", "/0", 1},
        {"[5,6]", &one, SRV_WRONG_VALUE, "row has 2 numbers; the model takes 1", "", 0},
        {"{\"data\":[1,2]}", &six, SRV_WRONG_VALUE, "row has 2 numbers; the model takes 6", "/data", 8},
        {"{\"data\":[[1,2]]}", &six, SRV_WRONG_VALUE, "row has 2 numbers; the model takes 6", "/data/0", 9},
        {"[[1,2,3,4,5,6],[1,2]]", &six, SRV_WRONG_VALUE, "row has 2 numbers; the model takes 6", "/1", 15},
        {"{\"data\":[[1,2],[1,2,3,4,5,6]]}", &six, SRV_WRONG_VALUE, "row has 2 numbers; the model takes 6", "/data/0",
         9},
        {"[[1,2,3,4,5,6],[1,2,3,4,5,\"x\"]]", &six, SRV_WRONG_VALUE, "/1/5 is a string; expected a number", "/1/5", 26},
        {"[1,2,3]", &two_by_three, SRV_WRONG_VALUE, "row has 3 numbers; the model takes 6, flat or as 2 x 3", "", 0},
        {"[[[1,2],[4,5]]]", &two_by_three, SRV_WRONG_VALUE, "the data is 1 x 2 x 2; a row is 6, flat or as 2 x 3", "",
         0},
        {"[[1,2,3,4,5,6],[1,2,3,4,5,6],[1,2,3,4,5,6],[1,2,3,4,5,6]]", &six, SRV_TOO_LARGE,
         "4 rows; at most 3 in one request", "", 0},
        {"{\"date\":[1]}", &six, SRV_MALFORMED, "unknown key \"date\"; the only key is \"data\"", "/date", 1},
        {"{\"data\":[1,2,3,4,5,6],\"a/b\":1}", &six, SRV_MALFORMED, "unknown key \"a/b\"; the only key is \"data\"",
         "/a~1b", 22},
        {"{\"data\":[1,2,3,4,5,6],\"data\":1}", &six, SRV_MALFORMED, "the key \"data\" is there twice", "/data", 22},
        {"{}", &six, SRV_MALFORMED, "the key \"data\" is missing", "", 1},
        {"{\"data\"}", &six, SRV_MALFORMED, "unexpected '}'; expected ':'", "", 7},
        {"{\"data\":}", &six, SRV_MALFORMED, "unexpected '}'; expected a number", "/data", 8},
        {"{\"data\":[1,2,3,4,5,6]", &six, SRV_MALFORMED, "the text ends here; expected ',' or '}'", "", 21},
        {"{\"data\":\"1,2,3\"}", &six, SRV_WRONG_VALUE, "/data is a string; expected a number", "/data", 8},
        {"[1,2,3] x", &six, SRV_MALFORMED, "x is not JSON; expected the end of the text", "", 8},
        {"[1,2,3,4,5,6]]", &six, SRV_MALFORMED, "unexpected ']'; expected the end of the text", "", 13},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        srv_body out;
        srv_error err = {.message = ""};
        CHECK_EQ(classify(cases[i].body, cases[i].input, &out, &err), cases[i].status);
        CHECK_TEXT(err.message, cases[i].message);
        CHECK_TEXT(err.where, cases[i].where);
        CHECK_EQ(err.offset, cases[i].offset);
        CHECK_EQ(err.status, cases[i].status);
        CHECK_EQ(classify(cases[i].body, cases[i].input, &out, NULL), cases[i].status);
    }
}

#ifdef SRV_TEST_ALLOC
TEST(survives_failing_allocations) {
    srv_body out;
    srv_error err;
    srv_limits limits = SRV_LIMITS_DEFAULT;
    const char *bodies[] = {"[1,2,3,4,5,6]", "{\"data\":[1,2,3,4,5,6]}"};
    for (size_t i = 0; i < 2; i++) {
        srv_arena *fresh = srv_arena_new();
        srv_test_fail_allocation(1);
        srv_status status = srv_parse_json_classify(bodies[i], strlen(bodies[i]), &six, &limits, fresh, &out, &err);
        srv_test_fail_allocation(0);
        CHECK_EQ(status, SRV_NO_MEMORY);
        srv_arena_free(fresh);
    }
}
#else
TEST(survives_failing_allocations) {}
#endif

TEST_MAIN(arena = srv_arena_new(); RUN(takes_rows_in_every_form); RUN(refuses_what_is_no_row);
          RUN(survives_failing_allocations); srv_arena_free(arena))
