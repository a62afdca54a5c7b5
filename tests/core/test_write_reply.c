/* Replies and errors in each protocol, JSON text, and the k best. */
#include "write_reply.h"

#include "check.h"
#include "select_top.h"

#include <math.h>

static srv_buffer out;
static srv_error err;

static const char *text_of(const srv_buffer *buffer) {
    static char text[8192];
    CHECK(buffer->size < sizeof text && !buffer->failed);
    snprintf(text, sizeof text, "%.*s", (int)buffer->size, buffer->size > 0 ? buffer->data : "");
    return text;
}

static const char *const three_labels[] = {"cat", "a \"dog\"", "\xFF"};
static const float values[] = {0.25f, 0.5f, 0.25f, -1, 0.1f, 0.2f, 0.7f, -1};

/* The output that sources have, as each test wants it; source_of makes it new. */
static srv_reply_output output;

static srv_reply_source source_of(size_t rows) {
    output = (srv_reply_output){.name = "scores", .labels = three_labels, .columns = 3};
    return (srv_reply_source){.model = "pets",
                              .version = 2,
                              .task = SRV_TASK_CLASSIFICATION,
                              .outputs = &output,
                              .output_count = 1,
                              .values = values,
                              .stride = 4,
                              .rows = rows,
                              .single = rows == 1};
}

static const char *reply(srv_protocol protocol, const srv_reply_source *source) {
    srv_buffer_reset(&out);
    err = (srv_error){.offset = SRV_NO_OFFSET};
    srv_status status = srv_write_reply(protocol, source, &out, &err);
    return status == SRV_OK ? text_of(&out) : srv_status_name(status);
}

TEST(classify_answers_one_row_with_one_object) {
    srv_reply_source source = source_of(1);
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source),
               "{\"score\": 0.5, \"label\": \"a \\\"dog\\\"\", \"scores\": [0.25, 0.5, 0.25], \"model\": \"pets\", "
               "\"version\": 2}");
    output.labels = NULL;
    CHECK_TEXT(
        reply(SRV_PROTOCOL_CLASSIFY, &source),
        "{\"score\": 0.5, \"label\": \"1\", \"scores\": [0.25, 0.5, 0.25], \"model\": \"pets\", \"version\": 2}");
}

TEST(classify_answers_a_list_with_a_list) {
    srv_reply_source source = source_of(2);
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source),
               "{\"results\": [{\"score\": 0.5, \"label\": \"a \\\"dog\\\"\", \"scores\": [0.25, 0.5, 0.25]}, "
               "{\"score\": 0.7, \"label\": \"\xEF\xBF\xBD\", \"scores\": [0.1, 0.2, 0.7]}], \"model\": \"pets\", "
               "\"version\": 2}");
    source.rows = 1;
    source.single = false;
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source),
               "{\"results\": [{\"score\": 0.5, \"label\": \"a \\\"dog\\\"\", \"scores\": [0.25, 0.5, 0.25]}], "
               "\"model\": \"pets\", \"version\": 2}");
}

TEST(classify_gives_the_best_on_request) {
    srv_reply_source source = source_of(1);
    output.labels = NULL;
    source.top = 2;
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source),
               "{\"score\": 0.5, \"label\": \"1\", \"top\": [{\"label\": \"1\", \"score\": 0.5}, "
               "{\"label\": \"0\", \"score\": 0.25}], \"model\": \"pets\", \"version\": 2}");
    source.top = (size_t)-1;
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source),
               "{\"score\": 0.5, \"label\": \"1\", \"top\": [{\"label\": \"1\", \"score\": 0.5}, "
               "{\"label\": \"0\", \"score\": 0.25}, {\"label\": \"2\", \"score\": 0.25}], \"model\": \"pets\", "
               "\"version\": 2}");
}

TEST(classify_answers_a_regression_with_values) {
    srv_reply_source source = source_of(2);
    source.task = SRV_TASK_REGRESSION;
    source.top = 3;
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source),
               "{\"results\": [{\"values\": [0.25, 0.5, 0.25]}, {\"values\": [0.1, 0.2, 0.7]}], \"model\": \"pets\", "
               "\"version\": 2}");
    source.rows = 1;
    source.single = true;
    output.columns = 1;
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source), "{\"value\": 0.25, \"model\": \"pets\", \"version\": 2}");
}

TEST(tensorflow_answers_with_predictions) {
    srv_reply_source source = source_of(2);
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW, &source), "{\"predictions\": [[0.25, 0.5, 0.25], [0.1, 0.2, 0.7]]}");
    static const float odd[] = {1, NAN, INFINITY, -INFINITY};
    source.values = odd;
    source.rows = 1;
    output.columns = 4;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW, &source), "{\"predictions\": [[1.0, NaN, Infinity, -Infinity]]}");
}

/* Two outputs side by side in a row: columns 1 and 2, column 0. */
static const srv_reply_output two[] = {{.name = "box", .offset = 1, .columns = 2},
                                       {.name = "a\"b", .offset = 0, .columns = 1}};

TEST(tensorflow_answers_rows_of_several_outputs_with_objects_and_columns_with_columns) {
    srv_reply_source source = source_of(2);
    source.columnar = true;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW, &source), "{\"outputs\": [[0.25, 0.5, 0.25], [0.1, 0.2, 0.7]]}");
    source.outputs = two;
    source.output_count = 2;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW, &source),
               "{\"outputs\": {\"box\": [[0.5, 0.25], [0.2, 0.7]], \"a\\\"b\": [[0.25], [0.1]]}}");
    source.columnar = false;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW, &source),
               "{\"predictions\": [{\"box\": [0.5, 0.25], \"a\\\"b\": [0.25]}, "
               "{\"box\": [0.2, 0.7], \"a\\\"b\": [0.1]}]}");
    source.bare = true;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW, &source), "{\"predictions\": [{\"box\": [0.5, 0.25], \"a\\\"b\": 0.25}, "
                                                        "{\"box\": [0.2, 0.7], \"a\\\"b\": 0.1}]}");
    source.outputs = two + 1;
    source.output_count = 1;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW, &source), "{\"predictions\": [0.25, 0.1]}");
}

TEST(openinference_answers_with_the_outputs_asked_for_and_the_id) {
    srv_reply_source source = source_of(2);
    source.outputs = two;
    source.output_count = 2;
    source.id = guarded("4\"2", 3);
    source.id_size = 3;
    CHECK_TEXT(
        reply(SRV_PROTOCOL_OPENINFERENCE, &source),
        "{\"model_name\": \"pets\", \"model_version\": \"2\", \"id\": \"4\\\"2\", \"outputs\": [{\"name\": \"box\", "
        "\"shape\": [2, 2], \"datatype\": \"FP32\", \"data\": [0.5, 0.25, 0.2, 0.7]}, {\"name\": \"a\\\"b\", "
        "\"shape\": [2, 1], \"datatype\": \"FP32\", \"data\": [0.25, 0.1]}]}");
    source.id_size = 0;
    CHECK(strstr(reply(SRV_PROTOCOL_OPENINFERENCE, &source), "\"id\": \"\", ") != NULL);
    static const float odd[] = {NAN, 1, 2, 0};
    source.values = odd;
    source.rows = 1;
    source.output_count = 1; /* what was not asked for may be anything */
    CHECK(reply(SRV_PROTOCOL_OPENINFERENCE, &source)[0] == '{');
    source.output_count = 2;
    CHECK_TEXT(reply(SRV_PROTOCOL_OPENINFERENCE, &source), "WRONG_VALUE");
}

TEST(openinference_answers_with_binary_tensors_after_the_json) {
    size_t json_size = 0;
    srv_reply_source source = source_of(2);
    source.json_size = &json_size;
    output.binary = true;
    reply(SRV_PROTOCOL_OPENINFERENCE, &source);
    static const char head[] = "{\"model_name\": \"pets\", \"model_version\": \"2\", \"outputs\": [{\"name\": "
                               "\"scores\", \"shape\": [2, 3], \"datatype\": \"FP32\", \"parameters\": "
                               "{\"binary_data_size\": 24}}]}";
    CHECK_EQ(json_size, sizeof head - 1);
    CHECK_EQ(out.size, sizeof head - 1 + 24);
    CHECK(memcmp(out.data, head, sizeof head - 1) == 0);
    CHECK(memcmp(out.data + json_size, values, 12) == 0 && memcmp(out.data + json_size + 12, values + 4, 12) == 0);
    static const float odd[] = {NAN, INFINITY, 2, 0, 1, 2, 3, 0};
    source.values = odd; /* which binary data holds */
    CHECK(reply(SRV_PROTOCOL_OPENINFERENCE, &source)[0] == '{');
    output.classes = 1; /* but no order */
    CHECK_TEXT(reply(SRV_PROTOCOL_OPENINFERENCE, &source), "WRONG_VALUE");
}

TEST(openinference_answers_with_classes) {
    size_t json_size = 0;
    srv_reply_source source = source_of(1);
    source.json_size = &json_size;
    output.classes = 2;
    CHECK(
        strstr(reply(SRV_PROTOCOL_OPENINFERENCE, &source),
               "\"shape\": [1, 2], \"datatype\": \"BYTES\", \"data\": [\"0.5:1:a \\\"dog\\\"\", \"0.25:0:cat\"]}]}") !=
        NULL);
    CHECK_EQ(json_size, 0);
    output.classes = 1;
    output.binary = true;
    reply(SRV_PROTOCOL_OPENINFERENCE, &source);
    static const char best[] = "\x0D\0\0\0"
                               "0.5:1:a \"dog\"";
    CHECK_EQ(out.size - json_size, sizeof best - 1);
    CHECK(memcmp(out.data + json_size, best, sizeof best - 1) == 0);
    output = (srv_reply_output){.name = "yes", .labels = three_labels, .columns = 1, .classes = 5};
    CHECK(strstr(reply(SRV_PROTOCOL_OPENINFERENCE, &source), "[\"0.75:0:cat\", \"0.25:1:a \\\"dog\\\"\"]") != NULL);
}

TEST(tensorflow_answers_examples) {
    srv_reply_source source = source_of(2);
    static const char *const labels[] = {"a", "b", "c"};
    output.labels = labels;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW_CLASSIFY, &source),
               "{\"results\": [[[\"a\", 0.25], [\"b\", 0.5], [\"c\", 0.25]], [[\"a\", 0.1], [\"b\", 0.2], [\"c\", "
               "0.7]]]}");
    output.labels = NULL;
    output.columns = 1;
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW_CLASSIFY, &source), "{\"results\": [[[\"\", 0.25]], [[\"\", 0.1]]]}");
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW_REGRESS, &source), "{\"results\": [0.25, 0.1]}");
    output.labels = labels; /* one score of two labels */
    CHECK_TEXT(reply(SRV_PROTOCOL_TENSORFLOW_CLASSIFY, &source),
               "{\"results\": [[[\"a\", 0.75], [\"b\", 0.25]], [[\"a\", 0.9], [\"b\", 0.1]]]}");
}

TEST(openinference_answers_with_a_tensor) {
    srv_reply_source source = source_of(2);
    CHECK_TEXT(reply(SRV_PROTOCOL_OPENINFERENCE, &source),
               "{\"model_name\": \"pets\", \"model_version\": \"2\", \"outputs\": [{\"name\": \"scores\", "
               "\"shape\": [2, 3], \"datatype\": \"FP32\", \"data\": [0.25, 0.5, 0.25, 0.1, 0.2, 0.7]}]}");
}

TEST(outputs_that_json_cannot_hold_are_refused) {
    static const float odd[] = {0, 1, 2, NAN, 0, INFINITY, 2, NAN}; /* the fourth column is padding */
    srv_reply_source source = source_of(1);
    source.values = odd;
    CHECK(reply(SRV_PROTOCOL_CLASSIFY, &source)[0] == '{');
    source.rows = 2;
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source), "WRONG_VALUE");
    CHECK_TEXT(err.message, "output 2 of row 2 is infinite, which JSON cannot hold; check the values of that row");
    CHECK_EQ(out.size, 0);
    output.columns = 4;
    CHECK_TEXT(reply(SRV_PROTOCOL_OPENINFERENCE, &source), "WRONG_VALUE");
    CHECK_TEXT(err.message, "output 4 of row 1 is not a number, which JSON cannot hold; check the values of that row");
}

TEST(a_reply_is_appended_or_leaves_no_trace) {
    srv_reply_source source = source_of(2);
    for (long n = 1; n < 3; n++) {
        srv_buffer fresh = {0};
        srv_buffer_text(&fresh, "kept");
        srv_buffer_room(&fresh, 1020);
        source.rows = 2;
        srv_test_fail_allocation(1);
        CHECK_EQ(srv_write_reply(SRV_PROTOCOL_CLASSIFY, &source, &fresh, NULL), SRV_OK);
        source.stride = 0; /* the same row, often */
        source.rows = 1000;
        size_t before = fresh.size;
        srv_test_fail_allocation(n);
        CHECK_EQ(srv_write_reply((srv_protocol)n, &source, &fresh, &err), SRV_NO_MEMORY);
        srv_test_fail_allocation(0);
        CHECK_EQ(fresh.size, before);
        CHECK(memcmp(fresh.data, "kept{", 5) == 0);
        CHECK_EQ(srv_write_error(SRV_PROTOCOL_CLASSIFY, &err, &fresh), 503);
        CHECK_TEXT(text_of(&fresh), "{\"error\": \"out of memory for a reply of 1000 rows\"}");
        source.stride = 4;
        srv_buffer_free(&fresh);
    }
}

TEST(many_best_need_memory_and_say_so) {
    static float many[200];
    srv_reply_source source = source_of(1);
    output.labels = NULL;
    source.values = many;
    output.columns = source.stride = source.top = 200;
    srv_test_fail_allocation(1);
    CHECK_TEXT(reply(SRV_PROTOCOL_CLASSIFY, &source), "NO_MEMORY");
    srv_test_fail_allocation(0);
    CHECK(strstr(reply(SRV_PROTOCOL_CLASSIFY, &source), "{\"label\": \"199\", \"score\": 0.0}], \"model\"") != NULL);
}

static const char *error(srv_protocol protocol, int *http) {
    *http = srv_write_error(protocol, &err, &out);
    return text_of(&out);
}

TEST(errors_have_each_protocols_form) {
    int http;
    srv_fail(&err, SRV_WRONG_VALUE, "row has 2 numbers; the model takes \"3\"");
    srv_error_where(&err, "/data/3");
    srv_error_at(&err, 17);
    CHECK_TEXT(error(SRV_PROTOCOL_CLASSIFY, &http),
               "{\"error\": \"row has 2 numbers; the model takes \\\"3\\\"\", \"where\": \"/data/3\", \"offset\": 17}");
    CHECK_EQ(http, 422);
    CHECK_TEXT(error(SRV_PROTOCOL_TENSORFLOW, &http),
               "{\"error\": \"row has 2 numbers; the model takes \\\"3\\\" (at /data/3) (byte 17)\"}");
    CHECK_EQ(http, 400);
    CHECK(strcmp(error(SRV_PROTOCOL_OPENINFERENCE, &http), "{\"error\": \"row") > 0);
    CHECK_EQ(http, 400);
    srv_fail(&err, SRV_OVERLOADED, "%s", "");
    CHECK_TEXT(error(SRV_PROTOCOL_CLASSIFY, &http), "{\"error\": \"too many requests waiting\"}");
}

TEST(a_long_error_is_written_whole) {
    int http;
    srv_fail(&err, SRV_MALFORMED, "%0511d", 1);
    srv_error_where(&err, "%0255d", 2);
    srv_error_at(&err, SRV_NO_OFFSET - 1);
    const char *text = error(SRV_PROTOCOL_TENSORFLOW, &http);
    CHECK_TEXT(text + strlen(text) - 32, "2) (byte 18446744073709551614)\"}");
}

TEST(statuses_map_as_each_protocol_has_them) {
    static const struct {
        srv_status status;
        int classify, tensorflow, openinference;
    } expected[] = {
        {SRV_MALFORMED, 400, 400, 400},   {SRV_TOO_LARGE, 413, 413, 413},  {SRV_UNSUPPORTED_TYPE, 415, 415, 415},
        {SRV_WRONG_VALUE, 422, 400, 400}, {SRV_OVERLOADED, 503, 429, 503}, {SRV_DEADLINE, 504, 504, 504},
        {SRV_CLOSED, 503, 503, 503},      {SRV_CANCELLED, 499, 499, 400},  {SRV_NO_MEMORY, 503, 429, 503},
        {SRV_PACKAGE, 500, 500, 500},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        srv_fail(&err, expected[i].status, "x");
        CHECK_EQ(srv_write_error(SRV_PROTOCOL_CLASSIFY, &err, &out), expected[i].classify);
        CHECK_EQ(srv_write_error(SRV_PROTOCOL_TENSORFLOW, &err, &out), expected[i].tensorflow);
        CHECK_EQ(srv_write_error(SRV_PROTOCOL_OPENINFERENCE, &err, &out), expected[i].openinference);
    }
}

static const char *json_text(const char *text, size_t size) {
    srv_buffer_reset(&out);
    srv_write_json_text(&out, guarded(text, size), size);
    return text_of(&out);
}

#define JSON_TEXT(text) json_text(text, sizeof(text) - 1)
#define BAD "\xEF\xBF\xBD"

TEST(text_is_escaped) {
    CHECK_TEXT(JSON_TEXT(""), "\"\"");
    CHECK_TEXT(JSON_TEXT("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
    CHECK_TEXT(JSON_TEXT("\b\f\n\r\t\0\x1F\x7F"), "\"\\b\\f\\n\\r\\t\\u0000\\u001f\x7F\"");
    CHECK_TEXT(JSON_TEXT("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
    CHECK_TEXT(JSON_TEXT("\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA"),
               "\"\xE2\x80\xA7\\u2028\\u2029\xE2\x80\xAA\"");
}

TEST(what_is_not_utf8_is_replaced) { /* as Python's bytes.decode(errors="replace") does */
    CHECK_TEXT(JSON_TEXT("a\xFF"
                         "b\x80"),
               "\"a" BAD "b" BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xC3"), "\"" BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xC3\""), "\"" BAD "\\\"\"");
    CHECK_TEXT(JSON_TEXT("\xC0\xAF"), "\"" BAD BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xE2\x82"), "\"" BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xE2\x82x"), "\"" BAD "x\"");
    CHECK_TEXT(JSON_TEXT("\xE0\x80\x80"), "\"" BAD BAD BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xED\xA0\x80"), "\"" BAD BAD BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xF0\x9F\x98"), "\"" BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xF4\x90\x80\x80"), "\"" BAD BAD BAD BAD "\"");
    CHECK_TEXT(JSON_TEXT("\xF5"), "\"" BAD "\"");
}

/* The plain way: the best that is left, k times. */
static void select_plainly(const float *numbers, size_t n, size_t k, size_t *expected) {
    bool used[64] = {false};
    for (size_t i = 0; i < k; i++) {
        size_t best = n;
        for (size_t c = 0; c < n; c++) {
            if (!used[c] && (best == n || numbers[c] > numbers[best])) {
                best = c;
            }
        }
        used[best] = true;
        expected[i] = best;
    }
}

TEST(the_best_come_first_and_ties_by_index) {
    unsigned state = 1;
    for (int round = 0; round < 2000; round++) {
        float numbers[40];
        size_t n = 1 + (size_t)round % 40, k = 1 + (size_t)(round / 40) % 45, expected[40];
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525u + 1013904223u;
            numbers[i] = (float)(state >> 29); /* eight values: many ties */
        }
        srv_ranked best[40];
        size_t count = srv_select_top(numbers, n, k, best);
        CHECK_EQ(count, k < n ? k : n);
        select_plainly(numbers, n, count, expected);
        for (size_t i = 0; i < count; i++) {
            CHECK_EQ(best[i].index, expected[i]);
            CHECK(best[i].value == numbers[expected[i]]);
        }
    }
    CHECK_EQ(srv_select_top(values, 3, 0, NULL), 0);
}

TEST_MAIN(RUN(classify_answers_one_row_with_one_object); RUN(classify_answers_a_list_with_a_list);
          RUN(classify_gives_the_best_on_request); RUN(classify_answers_a_regression_with_values);
          RUN(tensorflow_answers_with_predictions);
          RUN(tensorflow_answers_rows_of_several_outputs_with_objects_and_columns_with_columns);
          RUN(openinference_answers_with_the_outputs_asked_for_and_the_id); RUN(openinference_answers_with_a_tensor);
          RUN(openinference_answers_with_binary_tensors_after_the_json); RUN(openinference_answers_with_classes);
          RUN(tensorflow_answers_examples); RUN(outputs_that_json_cannot_hold_are_refused);
          RUN(a_reply_is_appended_or_leaves_no_trace); RUN(many_best_need_memory_and_say_so);
          RUN(errors_have_each_protocols_form); RUN(a_long_error_is_written_whole);
          RUN(statuses_map_as_each_protocol_has_them); RUN(text_is_escaped); RUN(what_is_not_utf8_is_replaced);
          RUN(the_best_come_first_and_ties_by_index); srv_buffer_free(&out))
