/* samples.jsonl: what is replayed on load, and how a package that answers otherwise is refused. */
#include "base/alloc.h"
#include "check.h"
#include "model/samples.h"
#include "package.h"

/* y = (2a + b, a / b), so that NaN and infinities can be had. */
#define MANIFEST(more)                                                                             \
    "{\"format\": 1, \"task\": \"regression\", " more                                              \
    "\"inputs\": [{\"name\": \"x\", \"kind\": \"tensor\", \"shape\": [2]}], \"layers\": ["         \
    "{\"name\": \"d\", \"op\": \"dense\", \"inputs\": [\"x\"], \"units\": 1, \"kernel\": \"k\"}, " \
    "{\"name\": \"a\", \"op\": \"select\", \"inputs\": [\"x\"], \"columns\": [0]}, "               \
    "{\"name\": \"b\", \"op\": \"select\", \"inputs\": [\"x\"], \"columns\": [1]}, "               \
    "{\"name\": \"q\", \"op\": \"divide\", \"inputs\": [\"a\", \"b\"]}], "                         \
    "\"outputs\": [{\"name\": \"s\", \"layer\": \"d\"}, {\"name\": \"q\", \"layer\": \"q\"}]}"
#define HEADER "{\"k\": {\"dtype\": \"F32\", \"shape\": [2, 1], \"data_offsets\": [0, 8]}}"

static srv_status load(const char *manifest, const char *samples, size_t size, srv_error *err) {
    static const float kernel[] = {2, 1};
    char folder[64];
    srv_model *model;
    make_folder(folder, sizeof folder);
    write_file(folder, "model.json", manifest, strlen(manifest));
    write_weights(folder, HEADER, kernel, 2);
    if (samples != NULL) {
        write_file(folder, "samples.jsonl", samples, size);
    }
    srv_status status = srv_model_load(folder, "test", 1, NULL, &model, err);
    remove_package(folder);
    srv_model_free(model);
    return status;
}

static void check_refused(const char *samples, const char *said) {
    srv_error err = {0};
    CHECK_EQ(load(MANIFEST(""), samples, strlen(samples), &err), SRV_PACKAGE);
    if (strstr(err.message, said) == NULL || strstr(err.message, "samples.jsonl") == NULL) {
        checks_failed++;
        fprintf(stderr, "%s\n    said: %s\n    expected in it: %s\n", samples, err.message, said);
    }
}

static void check_taken(const char *manifest, const char *samples) {
    srv_error err = {0};
    CHECK_EQ(load(manifest, samples, samples != NULL ? strlen(samples) : 0, &err), SRV_OK);
    CHECK_TEXT(err.message, "");
}

TEST(samples_that_are_answered_are_taken) {
    check_taken(MANIFEST(""), NULL);
    check_taken(MANIFEST(""), "");
    check_taken(MANIFEST(""), "\n \r\n\n");
    check_taken(MANIFEST(""), "{\"input\": [3, 2], \"output\": [8, 1.5]}");
    check_taken(MANIFEST(""),
                "{\"output\": [[8], [[1.5]]], \"input\": [[3, 2]]}\r\n\n {\"input\":[1,2],\"output\":[4,0.5]}\n");
    check_taken(MANIFEST(""), "{\"input\": [0, 0], \"output\": [0, null]}\n"); /* null: NaN */
    check_taken(MANIFEST(""), "{\"input\": [1, 0], \"output\": [2, 1e999]}\n");
}

TEST(an_answer_beyond_the_tolerance_is_named) {
    check_refused(
        "{\"input\": [3, 2], \"output\": [8, 1.5]}\n\n{\"input\": [3, 2], \"output\": [8, 1.51]}\n",
        "line 3: output 1 is 1.5, where the sample has 1.51; expected it within 1e-05, or 0.0001 of its size");
    check_refused("{\"input\": [0, 0], \"output\": [0, 0]}", "line 1: output 1 is ");
    check_refused("{\"input\": [1, 1], \"output\": [null, 1]}", "line 1: output 0 is 3, where the sample has nan");
    check_refused("{\"input\": [1, 0], \"output\": [2, 1e30]}", "line 1: output 1 is inf");
    check_refused("{\"input\": [1, 1], \"output\": [3, 1e999]}", "line 1: output 1 is 1,");
    /* among more rows than run at once */
    char many[200 * 64] = "";
    for (int i = 0; i < 150; i++) {
        strcat(many,
               i == 130 ? "{\"input\": [1, 1], \"output\": [3, 2]}\n" : "{\"input\": [1, 1], \"output\": [3, 1]}\n");
    }
    check_refused(many, "line 131: output 1 is 1, where the sample has 2");
}

TEST(either_tolerance_is_enough) {
    static const char off[] = "{\"input\": [300, 200], \"output\": [801, 1.4]}";
    check_taken(MANIFEST("\"tolerance\": {\"absolute\": 1.5, \"relative\": 0}, "), off);
    check_taken(MANIFEST("\"tolerance\": {\"relative\": 0.1}, "), off);
    srv_error err = {0};
    CHECK_EQ(load(MANIFEST("\"tolerance\": {\"relative\": 0.01}, "), off, strlen(off), &err), SRV_PACKAGE);
    CHECK(strstr(err.message, "output 1 is 1.5, where the sample has 1.4; expected it within 0, or 0.01") != NULL);
    CHECK_EQ(load(MANIFEST("\"tolerance\": {\"absolute\": 0.5}, "), off, strlen(off), &err), SRV_PACKAGE);
    CHECK(strstr(err.message, "output 0 is 800, where the sample has 801") != NULL);
}

TEST(a_broken_line_is_named) {
    check_refused("[1, 2]", "line 1: unexpected '['");
    check_refused("\n{\"input\": [1, 1]}", "line 2: \"output\" is missing");
    check_refused("{\"output\": [1, 1]}", "\"input\" is missing");
    check_refused("{\"input\": [1, 1], \"output\": [3, 1], \"note\": 1}", "unknown key \"note\"");
    check_refused("{\"input\": [1, 1], \"input\": [3, 1]}", "there twice");
    check_refused("{\"input\": [1, 1], \"output\": [3, 1]", "line 1: ");
    check_refused("{\"input\": [1, 1], \"output\": [3, 1]} {}", "line 1: ");
    check_refused("{\"input\": [1, 1], \"output\": [3 1]}", "line 1: ");
    check_refused("{\"input\": [1, 1], \"output\": [3, NaN]}", "line 1: ");
    check_refused("{\"input\": [1, 1], \"output\": [3, \"1\"]}", "line 1, output: unexpected");
    check_refused("{\"input\": [1, 1], \"output\": {\"a\": 3}}", "line 1, output: unexpected");
    check_refused("{\"input\": [1, 1], \"output\": [3]}", "line 1, output: 1 numbers; expected 2");
    check_refused("{\"input\": [1, 1], \"output\": [3, 1, 1]}", "line 1, output: 3 numbers; expected 2");
    check_refused("{\"input\": [1], \"output\": [3, 1]}", "line 1, input");
    check_refused("{\"input\": [[1, 1], [1, 1]], \"output\": [3, 1]}", "line 1, input: 2 rows; expected one");
    check_refused("{\"input\": null, \"output\": [3, 1]}", "line 1, input");
}

TEST(every_truncation_is_refused_or_harmless) {
    static const char line[] = "{\"input\": [1, 1], \"output\": [3, 1]}";
    for (size_t size = 1; size < sizeof line - 1; size++) {
        srv_error err = {0};
        CHECK_EQ(load(MANIFEST(""), line, size, &err), SRV_PACKAGE);
    }
}

TEST(only_so_many_lines_and_bytes_are_run) {
    static const char good[] = "{\"input\": [1, 1], \"output\": [3, 1]}\n",
                      bad[] = "{\"input\": [1, 1], \"output\": [4, 1]}\n";
    size_t size = 0, length = sizeof good - 1;
    char *text = malloc(SRV_SAMPLES_MAX_BYTES + 1000);
    for (int i = 0; i < SRV_SAMPLES_MAX_LINES; i++, size += length) {
        memcpy(text + size, i == SRV_SAMPLES_MAX_LINES - 1 ? bad : good, length);
    }
    srv_error err = {0};
    CHECK_EQ(load(MANIFEST(""), text, size, &err), SRV_PACKAGE);
    CHECK(strstr(err.message, "line 1000: ") != NULL);
    memcpy(text + size - length, good, length);
    memcpy(text + size, bad, length);
    CHECK_EQ(load(MANIFEST(""), text, size + length, &err), SRV_OK);
    /* one line with a long space before it ends where reading does, the next begins there */
    memset(text, ' ', SRV_SAMPLES_MAX_BYTES);
    memcpy(text + SRV_SAMPLES_MAX_BYTES - length, good, length);
    memcpy(text + SRV_SAMPLES_MAX_BYTES, bad, length);
    CHECK_EQ(load(MANIFEST(""), text, SRV_SAMPLES_MAX_BYTES + length, &err), SRV_OK);
    memcpy(text + SRV_SAMPLES_MAX_BYTES - length, bad, length);
    CHECK_EQ(load(MANIFEST(""), text, SRV_SAMPLES_MAX_BYTES + length, &err), SRV_PACKAGE);
    memset(text, ' ', length); /* a line that is cut is not run */
    memcpy(text + SRV_SAMPLES_MAX_BYTES - length + 5, bad, length);
    memset(text + SRV_SAMPLES_MAX_BYTES - length, ' ', 5);
    CHECK_EQ(load(MANIFEST(""), text, SRV_SAMPLES_MAX_BYTES + 5, &err), SRV_OK);
    free(text);
}

TEST(what_is_no_file_is_refused) {
    static const float kernel[] = {2, 1};
    char folder[64], path[128];
    srv_model *model;
    srv_error err = {0};
    make_folder(folder, sizeof folder);
    write_file(folder, "model.json", MANIFEST(""), strlen(MANIFEST("")));
    write_weights(folder, HEADER, kernel, 2);
    snprintf(path, sizeof path, "%s/samples.jsonl", folder);
    CHECK_EQ(mkfifo(path, 0600), 0); /* to open it would wait for ever */
    CHECK_EQ(srv_model_load(folder, "test", 1, NULL, &model, &err), SRV_PACKAGE);
    CHECK(strstr(err.message, "samples.jsonl: is not a file that can be read") != NULL);
    remove_package(folder);
}

TEST(every_allocation_of_a_replay_may_fail) {
    static const char samples[] =
        "{\"input\": [1, 1], \"output\": [3, 1]}\n{\"input\": [1, 2], \"output\": [4, 0.5]}\n";
    bool loaded = false;
    for (long n = 1; !loaded && n < 1000; n++) {
        srv_error err = {0};
        static const float kernel[] = {2, 1};
        char folder[64];
        srv_model *model;
        make_folder(folder, sizeof folder);
        write_file(folder, "model.json", MANIFEST(""), strlen(MANIFEST("")));
        write_weights(folder, HEADER, kernel, 2);
        write_file(folder, "samples.jsonl", samples, sizeof samples - 1);
        srv_test_fail_allocation(n);
        srv_status status = srv_model_load(folder, "test", 1, NULL, &model, &err);
        srv_test_fail_allocation(0);
        CHECK(status == SRV_OK || status == SRV_NO_MEMORY);
        loaded = status == SRV_OK;
        srv_model_free(model);
        remove_package(folder);
    }
    CHECK(loaded);
}

TEST_MAIN(RUN(samples_that_are_answered_are_taken); RUN(an_answer_beyond_the_tolerance_is_named);
          RUN(either_tolerance_is_enough); RUN(a_broken_line_is_named); RUN(every_truncation_is_refused_or_harmless);
          RUN(only_so_many_lines_and_bytes_are_run); RUN(what_is_no_file_is_refused);
          RUN(every_allocation_of_a_replay_may_fail))
