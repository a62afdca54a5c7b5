/* Loading packages and running them: every kind of layer against plain loops, and every allocation failed in turn. */
#include "base/alloc.h"
#include "check.h"
#include "engine.h"
#include "model/model.h"
#include "package.h"
#include "predict.h"
#include "run_forward.h"

#include <math.h>

static srv_model *load(const char *manifest, const char *header, const float *values, size_t count, srv_error *err) {
    char folder[64];
    srv_model *model;
    make_folder(folder, sizeof folder);
    write_file(folder, "model.json", manifest, strlen(manifest));
    write_weights(folder, header, values, count);
    srv_model_load(folder, "test", 1, NULL, &model, err);
    remove_package(folder);
    return model;
}

static void predict(srv_model *model, const float *x, size_t rows, float *y) {
    srv_predictor *predictor = srv_predictor_new(model);
    CHECK_EQ(srv_predict(predictor, x, rows, y, NULL), SRV_OK);
    srv_predictor_free(predictor);
}

#define HEAD "{\"format\": 1, \"task\": \"regression\", "
#define INPUT(name, size) "{\"name\": \"" name "\", \"kind\": \"tensor\", \"shape\": [" #size "]}"
#define OUT(layer) ", \"outputs\": [{\"name\": \"y\", \"layer\": \"" layer "\"}]}"
#define DENSE(name, input, units, more)                                                           \
    "{\"name\": \"" name "\", \"op\": \"dense\", \"inputs\": [\"" input "\"], \"units\": " #units \
    ", \"kernel\": \"" name ".k\"" more "}"

#define GRAPH                                                                                                          \
    HEAD "\"inputs\": [" INPUT("a", 3) ", " INPUT("b", 2) "], \"layers\": [" DENSE(                                    \
        "d", "a", 2,                                                                                                   \
        ", \"bias\": \"d.b\"") ", "                                                                                    \
                               "{\"name\": \"f\", \"op\": \"flatten\", \"inputs\": [\"d\"]}, "                         \
                               "{\"name\": \"sum\", \"op\": \"add\", \"inputs\": [\"f\", \"b\"], \"activation\": "     \
                               "\"relu\"}, "                                                                           \
                               "{\"name\": \"mul\", \"op\": \"multiply\", \"inputs\": [\"sum\", \"b\", \"d\"]}, "      \
                               "{\"name\": \"avg\", \"op\": \"average\", \"inputs\": [\"sum\", \"b\"]}, "              \
                               "{\"name\": \"sub\", \"op\": \"subtract\", \"inputs\": [\"sum\", \"b\"]}, "             \
                               "{\"name\": \"max\", \"op\": \"maximum\", \"inputs\": [\"sub\", \"b\"]}, "              \
                               "{\"name\": \"min\", \"op\": \"minimum\", \"inputs\": [\"sub\", \"b\"]}, "              \
                               "{\"name\": \"all\", \"op\": \"concatenate\", \"inputs\": [\"mul\", \"avg\", \"max\", " \
                               "\"min\", \"a\"]}, " DENSE("e", "all", 1, "") "]" OUT("e")

#define GRAPH_HEADER                                                                 \
    "{\"d.k\": {\"dtype\": \"F32\", \"shape\": [3, 2], \"data_offsets\": [0, 24]}, " \
    "\"d.b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [24, 32]}, "    \
    "\"e.k\": {\"dtype\": \"F32\", \"shape\": [11, 1], \"data_offsets\": [32, 76]}}"

static float graph_by_hand(const float *w, const float *x) {
    const float *a = x, *b = x + 3, *k = w, *bias = w + 6, *e = w + 8;
    float d[2], all[11], result = 0;
    for (int i = 0; i < 2; i++) {
        d[i] = a[0] * k[i] + a[1] * k[2 + i] + a[2] * k[4 + i] + bias[i];
        float sum = fmaxf(d[i] + b[i], 0), sub = sum - b[i];
        all[i] = sum * b[i] * d[i];
        all[2 + i] = (sum + b[i]) / 2;
        all[4 + i] = fmaxf(sub, b[i]);
        all[6 + i] = fminf(sub, b[i]);
    }
    memcpy(all + 8, a, 3 * sizeof *a);
    for (int i = 0; i < 11; i++) {
        result += all[i] * e[i];
    }
    return result;
}

TEST(a_graph_of_every_operation_agrees_with_loops) {
    float w[19], x[70 * 5], y[70];
    srv_error err = {0};
    fill(w, 19, 1);
    fill(x, 70 * 5, 2);
    srv_model *model = load(GRAPH, GRAPH_HEADER, w, 19, &err);
    CHECK_TEXT(err.message, "");
    CHECK_EQ(model->features, 5);
    CHECK_EQ(model->outputs, 1);
    CHECK_EQ(model->parameters, 19);
    predict(model, x, 70, y);
    for (int r = 0; r < 70; r++) {
        CHECK(fabsf(y[r] - graph_by_hand(w, x + 5 * r)) < 1e-5f);
    }
    srv_model_free(model);
}

#define ONE(name, op, input, more) "{\"name\": \"" name "\", \"op\": \"" op "\", \"inputs\": [\"" input "\"]" more "}, "
#define TWO(name, op, a, b) "{\"name\": \"" name "\", \"op\": \"" op "\", \"inputs\": [\"" a "\", \"" b "\"]}, "
#define WITHOUT_KERNELS                                                                                               \
    HEAD "\"inputs\": [" INPUT("x", 17) "], \"layers\": [" ONE("ln", "layer_normalization", "x",                      \
                                                               ", \"gamma\": \"g\", \"beta\": \"b\"")                 \
        ONE("rms", "rms_normalization", "ln",                                                                         \
            ", \"gamma\": \"g\", \"activation\": \"sparsemax\"") ONE("l1", "normalise", "x", ", \"norm\": \"l1\"")    \
            ONE("l2", "normalise", "x", ", \"norm\": \"l2\", \"epsilon\": 2") ONE("max", "normalise", "x",            \
                                                                                  ", \"norm\": \"max\"")              \
                ONE("sum", "reduce", "x", ", \"function\": \"sum\", \"activation\": \"abs\"") ONE(                    \
                    "mean", "reduce", "ln", ", \"function\": \"mean\"") ONE("most", "reduce", "l1",                   \
                                                                            ", \"function\": \"maximum\"")            \
                    ONE("least", "reduce", "l2", ", \"function\": \"minimum\"") ONE(                                  \
                        "picked", "select", "x",                                                                      \
                        ", \"columns\": [16, 0, 16]") "{\"name\": \"base\", \"op\": \"constant\", \"value\": "        \
                                                      "\"g\"}, " TWO("divide", "divide", "base",                      \
                                                                     "sum") TWO("power", "power", "sum", "max")       \
                                                          TWO("spread", "multiply", "most",                           \
                                                              "divide") "{\"name\": \"y\", \"op\": \"concatenate\", " \
                                                                        "\"inputs\": [\"rms\", \"mean\", \"least\", " \
                                                                        "\"picked\", \"power\", \"spread\", "         \
                                                                        "\"base\"]}]" OUT("y")
#define WITHOUT_KERNELS_HEADER                                                   \
    "{\"g\": {\"dtype\": \"F32\", \"shape\": [17], \"data_offsets\": [0, 68]}, " \
    "\"b\": {\"dtype\": \"F32\", \"shape\": [17], \"data_offsets\": [68, 136]}}"

/* What each answers is tested against numpy in tests/binding/test_layers.py; here, that memory is enough for any number
 * of rows and that their bits do not depend on it. */
TEST(rows_without_kernels_are_the_same_in_any_company) {
    enum { ROWS = 131, IN = 17, OUT_ = 17 + 1 + 1 + 3 + 17 + 17 + 17 };
    static float w[34], x[ROWS * IN], together[ROWS * OUT_], y[ROWS * OUT_];
    srv_error err = {0};
    fill(w, 34, 3);
    fill(x, ROWS * IN, 4);
    x[5 * IN + 3] = NAN;
    x[6 * IN] = INFINITY;
    srv_model *model = load(WITHOUT_KERNELS, WITHOUT_KERNELS_HEADER, w, 34, &err);
    CHECK_TEXT(err.message, "");
    CHECK_EQ(model->outputs, OUT_);
    CHECK_EQ(model->parameters, 4 * 17); /* g counts where it is used */
    predict(model, x, ROWS, together);
    for (size_t rows = 1; rows <= 66; rows++) {
        for (size_t first = 0; first + rows <= ROWS; first += rows) {
            float *row = (float *)(void *)guarded(x + first * IN, rows * IN * sizeof *x);
            predict(model, row, rows, y);
            CHECK(memcmp(y, together + first * OUT_, rows * OUT_ * sizeof *y) == 0);
        }
    }
    CHECK(together[5 * OUT_] != together[5 * OUT_]); /* the NaN is there, and in its row only */
    CHECK(together[4 * OUT_] == together[4 * OUT_] && together[7 * OUT_] == together[7 * OUT_]);
    srv_model_free(model);
}

#define NORMALISED(layers, out) HEAD "\"inputs\": [" INPUT("x", 2) "], \"layers\": [" layers "]" OUT(out)
#define NORMALISATION(input)                                                   \
    "{\"name\": \"n\", \"op\": \"batch_normalization\", \"inputs\": [\"" input \
    "\"], \"mean\": \"m\", \"variance\": \"v\", "                              \
    "\"gamma\": \"g\", \"beta\": \"b\", \"epsilon\": 0.25}"
#define NORMALISED_HEADER                                                            \
    "{\"d.k\": {\"dtype\": \"F32\", \"shape\": [2, 2], \"data_offsets\": [0, 16]}, " \
    "\"m\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [16, 24]}, "      \
    "\"v\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [24, 32]}, "      \
    "\"g\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [32, 40]}, "      \
    "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [40, 48]}}"

static const float normalised_weights[12] = {1,
                                             2,
                                             3,
                                             4,
                                             /* kernel */ 0.5f,
                                             -1,
                                             /* mean */ 0.75f,
                                             2, /* variance */
                                             2,
                                             3,
                                             /* gamma */ 1,
                                             -1 /* beta */};

static void normalise_by_hand(const float *in, float *out) {
    const float *w = normalised_weights;
    for (int i = 0; i < 2; i++) {
        out[i] = w[8 + i] * (in[i] - w[4 + i]) / sqrtf(w[6 + i] + 0.25f) + w[10 + i];
    }
}

TEST(normalisation_is_folded_only_where_that_changes_nothing) {
    static const struct {
        const char *manifest;
        bool folds;
        int wanted; /* 0: n(d(x)), 1: d(n(x)), 2: d(x) + n(d(x)) */
    } cases[] = {
        {NORMALISED(DENSE("d", "x", 2, "") ", " NORMALISATION("d"), "n"), true, 0},
        {NORMALISED(NORMALISATION("x") ", " DENSE("d", "n", 2, ""), "d"), false, 1},
        {NORMALISED(DENSE("d", "x", 2, "") ", " NORMALISATION("d") ", {\"name\": \"s\", \"op\": \"add\", \"inputs\": "
                                                                   "[\"d\", \"n\"]}",
                    "s"),
         false, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        srv_error err = {0};
        srv_model *model = load(cases[i].manifest, NORMALISED_HEADER, normalised_weights, 12, &err);
        CHECK_TEXT(err.message, "");
        bool affine = false;
        for (size_t l = 0; model != NULL && l < model->layer_count; l++) {
            affine = affine || model->layers[l].op == SRV_OP_AFFINE;
        }
        CHECK_EQ(affine, !cases[i].folds);
        float x[2] = {0.3f, -0.7f}, d[2], n[2], y[2], wanted[2];
        const float *from = x;
        if (cases[i].wanted == 1) {
            normalise_by_hand(x, n);
            from = n;
        }
        d[0] = from[0] * 1 + from[1] * 3;
        d[1] = from[0] * 2 + from[1] * 4;
        if (cases[i].wanted != 1) {
            normalise_by_hand(d, n);
        }
        for (int c = 0; c < 2; c++) {
            wanted[c] = cases[i].wanted == 0 ? n[c] : cases[i].wanted == 1 ? d[c] : d[c] + n[c];
        }
        predict(model, x, 1, y);
        CHECK(fabsf(y[0] - wanted[0]) < 1e-5f && fabsf(y[1] - wanted[1]) < 1e-5f);
        srv_model_free(model);
    }
}

TEST(every_allocation_of_a_load_may_fail) {
    float w[19];
    char folder[64];
    fill(w, 19, 1);
    make_folder(folder, sizeof folder);
    write_file(folder, "model.json", GRAPH, strlen(GRAPH));
    write_weights(folder, GRAPH_HEADER, w, 19);
    long n = 1;
    for (srv_model *model = NULL; model == NULL && n < 10000; n++) {
        srv_error err = {0};
        srv_test_fail_allocation(n);
        srv_status status = srv_model_load(folder, "test", 1, NULL, &model, &err);
        srv_test_fail_allocation(0);
        CHECK_EQ(status, model == NULL ? SRV_NO_MEMORY : SRV_OK);
        srv_model_free(model);
    }
    CHECK(n > 10 && n < 10000);
    remove_package(folder);
}

TEST(every_allocation_of_a_request_may_fail) {
    float w[19];
    fill(w, 19, 1);
    srv_model *model = load(GRAPH, GRAPH_HEADER, w, 19, NULL);
    static const char body[] = "[[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]]", type[] = "application/json";
    const srv_request request = {.protocol = SRV_PROTOCOL_CLASSIFY,
                                 .body = {type, sizeof type - 1, body, sizeof body - 1}};
    const srv_hooks hooks = {0};
    bool answered = false;
    for (long n = 1; !answered && n < 1000; n++) {
        srv_engine *engine;
        srv_engine_options options = SRV_ENGINE_OPTIONS_DEFAULT;
        srv_exchange exchange;
        CHECK_EQ(srv_engine_new(&options, &engine, NULL), SRV_OK);
        srv_test_fail_allocation(n);
        if (srv_engine_begin(engine, &exchange) == SRV_OK) {
            srv_engine_handle(engine, model, &request, &hooks, &exchange);
            srv_test_fail_allocation(0);
            CHECK(exchange.http == 503 || exchange.http == 200);
            answered = exchange.http == 200;
            srv_engine_end(engine, &exchange);
        }
        srv_test_fail_allocation(0);
        srv_engine_free(engine);
    }
    CHECK(answered);
    srv_model_free(model);
}

TEST(a_steady_load_allocates_nothing) {
    float w[19];
    fill(w, 19, 1);
    srv_model *model = load(GRAPH, GRAPH_HEADER, w, 19, NULL);
    static const char body[] = "[1, 2, 3, 4, 5]", type[] = "application/json";
    const srv_request request = {.protocol = SRV_PROTOCOL_CLASSIFY,
                                 .body = {type, sizeof type - 1, body, sizeof body - 1}};
    const srv_hooks hooks = {0};
    srv_engine *engine;
    srv_engine_options options = SRV_ENGINE_OPTIONS_DEFAULT;
    options.queue.slots = 1;
    CHECK_EQ(srv_engine_new(&options, &engine, NULL), SRV_OK);
    for (int i = 0; i < 5; i++) {
        srv_exchange exchange;
        CHECK_EQ(srv_engine_begin(engine, &exchange), SRV_OK);
        srv_engine_handle(engine, model, &request, &hooks, &exchange);
        CHECK_EQ(exchange.http, 200);
        srv_engine_end(engine, &exchange);
        srv_test_fail_allocation(1); /* from the second request on, any allocation would be noticed */
    }
    srv_test_fail_allocation(0);
    srv_engine_free(engine);
    srv_model_free(model);
}

TEST_MAIN(RUN(a_graph_of_every_operation_agrees_with_loops); RUN(rows_without_kernels_are_the_same_in_any_company);
          RUN(normalisation_is_folded_only_where_that_changes_nothing); RUN(every_allocation_of_a_load_may_fail);
          RUN(every_allocation_of_a_request_may_fail); RUN(a_steady_load_allocates_nothing))
