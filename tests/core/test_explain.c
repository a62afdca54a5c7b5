/* Explanations: every layer backward under the sanitizers, completeness, deadlines, and every allocation failed in turn. */
#include "base/alloc.h"
#include "base/clock.h"
#include "check.h"
#include "engine.h"
#include "package.h"

#include <math.h>

#define L(name, op, inputs, more) "{\"name\": \"" name "\", \"op\": \"" op "\", \"inputs\": [" inputs "]" more "}, "
#define ACT(name, activation) ", \"activation\": \"" activation "\""

/* A table with a text, a tensor beside it, and every layer once; smooth enough for the midpoint rule. */
#define MANIFEST                                                                                                       \
    "{\"format\": 1, \"task\": \"classification\", \"inputs\": ["                                                      \
    "{\"name\": \"t\", \"kind\": \"table\", \"columns\": [{\"name\": \"age\", \"type\": \"number\"}, "                 \
    "{\"name\": \"colour\", \"type\": \"category\", \"categories\": [\"red\", \"blue\"]}, "                            \
    "{\"name\": \"remark\", \"type\": \"text\"}]}, {\"name\": \"v\", \"kind\": \"tensor\", \"shape\": [3]}], "         \
    "\"preprocess\": [{\"op\": \"one_hot\", \"input\": \"t\", \"columns\": [\"colour\"]}, "                            \
    "{\"op\": \"count_words\", \"input\": \"t\", \"column\": \"remark\", \"vocabulary\": [\"good\", \"bad\"]}, "       \
    "{\"op\": \"polynomial\", \"input\": \"v\", \"terms\": [[], [0, 1], [2]], \"output\": \"p\"}], \"layers\": ["      \
    "{\"name\": \"d\", \"op\": \"dense\", \"inputs\": [\"t\", \"v\"], \"units\": 4, \"kernel\": \"d\", "               \
    "\"bias\": \"b\", \"activation\": \"tanh\"}, "                                                                     \
    "{\"name\": \"c\", \"op\": \"constant\", \"value\": \"b\"}, " L("n", "layer_normalization", "\"d\"", "") L(        \
        "m", "multiply", "\"n\", \"c\", \"d\"", "") L("s", "select", "\"v\"", ", \"columns\": [2]")                    \
        L("sp", "add", "\"m\", \"s\"", ACT("sp", "softplus")) L("q", "divide", "\"d\", \"sp\"", "") L(                 \
            "w", "power", "\"sp\", \"d\"", "") L("e", "subtract", "\"q\", \"w\"",                                      \
                                                 "") L("a", "average", "\"e\", \"m\", \"n\"",                          \
                                                       ACT("a", "gelu")) L("mx", "maximum", "\"a\", \"e\"", "")        \
            L("mi", "minimum", "\"a\", \"s\"", "") L("r", "rms_normalization", "\"mx\"", "") L(                        \
                "l", "normalise",                                                                                      \
                "\"mi\"",                                                                                              \
                ", \"norm\": \"l2\", \"epsilon\": 1") L("f", "reduce", "\"r\"", ", \"function\": \"maximum\"")         \
                L("cc", "concatenate", "\"l\", \"f\", \"p\"", "") L(                                                   \
                    "fl",                                                                                              \
                    "flatten", "\"cc\"",                                                                               \
                    "") "{\"name\": \"y\", \"op\": \"dense\", \"inputs\": [\"fl\"], \"units\": 3, \"kernel\": \"y\", " \
                        "\"activation\": \"softmax\"}], \"outputs\": [{\"name\": \"y\", \"layer\": \"y\", "            \
                        "\"labels\": [\"one\", \"two\", \"three\"]}]}"
#define HEADER                                                                      \
    "{\"d\": {\"dtype\": \"F32\", \"shape\": [8, 4], \"data_offsets\": [0, 128]}, " \
    "\"b\": {\"dtype\": \"F32\", \"shape\": [4], \"data_offsets\": [128, 144]}, "   \
    "\"y\": {\"dtype\": \"F32\", \"shape\": [8, 3], \"data_offsets\": [144, 240]}}"
#define BODY                                                                                              \
    "[{\"age\": 0.7, \"colour\": \"red\", \"remark\": \"good good bad end\", \"v\": [0.5, -0.25, 1.5]}, " \
    "{\"age\": -0.3, \"colour\": \"blue\", \"remark\": \"\", \"v\": [0.25, 0.5, 0.75]}]"

static srv_model *load_all(void) {
    char folder[64];
    float weights[60];
    srv_model *model;
    srv_error err = {0};
    fill(weights, 60, 7);
    make_folder(folder, sizeof folder);
    write_file(folder, "model.json", MANIFEST, strlen(MANIFEST));
    write_weights(folder, HEADER, weights, 60);
    srv_model_load(folder, "all", 1, NULL, &model, &err);
    remove_package(folder);
    CHECK_TEXT(err.message, "");
    return model;
}

static int ask(srv_engine *engine, const srv_model *model, const srv_explain_options *options, char *reply,
               size_t capacity) {
    const srv_hooks hooks = {0};
    const srv_request request = {
        .protocol = SRV_PROTOCOL_CLASSIFY, .body = {"application/json", 16, BODY, strlen(BODY)}, .explain = options};
    srv_exchange exchange;
    if (srv_engine_begin(engine, &exchange) != SRV_OK) {
        return 0;
    }
    srv_engine_handle(engine, model, &request, &hooks, &exchange);
    size_t size = exchange.body->size < capacity - 1 ? exchange.body->size : capacity - 1;
    if (size > 0) {
        memcpy(reply, exchange.body->data, size);
    }
    reply[size] = '\0';
    int http = exchange.http;
    srv_engine_end(engine, &exchange);
    return http;
}

static srv_engine *new_engine(void) {
    srv_engine *engine;
    srv_engine_options options = SRV_ENGINE_OPTIONS_DEFAULT;
    CHECK_EQ(srv_engine_new(&options, &engine, NULL), SRV_OK);
    return engine;
}

static double number_after(const char *text, const char *key) {
    const char *at = text != NULL ? strstr(text, key) : NULL;
    return at != NULL ? strtod(at + strlen(key), NULL) : NAN;
}

TEST(every_layer_goes_backward_and_the_sum_is_complete) {
    srv_model *model = load_all();
    srv_engine *engine = new_engine();
    char reply[8192];
    static const char *const labels[] = {NULL, "one", "two", "three", "2"};
    for (size_t i = 0; i < 5; i++) {
        const srv_explain_options options = {SRV_EXPLAIN_INTEGRATED, 512, labels[i],
                                             labels[i] != NULL ? strlen(labels[i]) : 0};
        CHECK_EQ(ask(engine, model, &options, reply, sizeof reply), 200);
        const char *at = reply;
        for (int row = 0; row < 2; row++) {
            at = strstr(at, "\"explanation\": {");
            at = at != NULL ? at + 1 : "";
            double score = number_after(at, "\"score\": "), baseline = number_after(at, "\"baseline_score\": ");
            CHECK(fabs(number_after(at, "\"sum\": ") - (score - baseline)) < 2e-3);
            CHECK(isfinite(number_after(at, "\"age\": ")));
        }
        CHECK(strstr(reply, "\"term\": \"good\"") != NULL);
        CHECK(strstr(reply, "\"remark\": []") != NULL);
    }
    const srv_explain_options gradient = {.method = SRV_EXPLAIN_GRADIENT};
    CHECK_EQ(ask(engine, model, &gradient, reply, sizeof reply), 200);
    CHECK(strstr(reply, "\"method\": \"gradient\", \"steps\": 1, ") != NULL);
    srv_engine_free(engine);
    srv_model_free(model);
}

TEST(what_is_asked_wrongly_is_named) {
    srv_model *model = load_all();
    srv_engine *engine = new_engine();
    char reply[4096];
    srv_explain_options options = {.method = SRV_EXPLAIN_INTEGRATED, .steps = 513};
    CHECK_EQ(ask(engine, model, &options, reply, sizeof reply), 400);
    CHECK(strstr(reply, "\"where\": \"?steps\"") != NULL);
    static const char *const targets[] = {"", "four", "3", "-1", "1x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        options = (srv_explain_options){SRV_EXPLAIN_INTEGRATED, 1, targets[i], strlen(targets[i])};
        CHECK_EQ(ask(engine, model, &options, reply, sizeof reply), 400);
        CHECK(strstr(reply, "\"where\": \"?target\"") != NULL);
    }
    srv_engine_free(engine);
    srv_model_free(model);
}

TEST(a_request_whose_time_is_over_ends) {
    srv_model *model = load_all();
    srv_arena *arena = srv_arena_new(), *terms = srv_arena_new();
    float *x = srv_calloc(model->width, sizeof *x), *y = srv_calloc(model->outputs, sizeof *y);
    srv_error err = {0};
    srv_explained out;
    const srv_explain_task task = {.model = model,
                                   .options = {.method = SRV_EXPLAIN_INTEGRATED, .steps = 512},
                                   .x = x,
                                   .y = y,
                                   .rows = 1,
                                   .deadline_ns = srv_now_ns(),
                                   .terms = terms,
                                   .arena = arena};
    CHECK_EQ(srv_explain(&task, &out, &err), SRV_DEADLINE);
    srv_free(x);
    srv_free(y);
    srv_arena_free(arena);
    srv_arena_free(terms);
    srv_model_free(model);
}

TEST(an_allocation_that_fails_is_an_answer) {
    srv_model *model = load_all();
    char reply[8192];
    const srv_explain_options options = {.method = SRV_EXPLAIN_INTEGRATED, .steps = 70};
    int answered = 0;
    long n = 1;
    for (; answered != 200 && n < 200; n++) {
        srv_engine *engine = new_engine();
        srv_test_fail_allocation(n);
        answered = ask(engine, model, &options, reply, sizeof reply);
        srv_test_fail_allocation(0);
        CHECK(answered == 0 || answered == 200 || answered == 503);
        srv_engine_free(engine);
    }
    CHECK_EQ(answered, 200);
    CHECK(n > 5);
    srv_model_free(model);
}

TEST_MAIN(RUN(every_layer_goes_backward_and_the_sum_is_complete); RUN(what_is_asked_wrongly_is_named);
          RUN(a_request_whose_time_is_over_ends); RUN(an_allocation_that_fails_is_an_answer))
