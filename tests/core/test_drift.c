/* Statistics of training in a manifest, and counts by them: bins, files, faults. */
#include "base/alloc.h"
#include "check.h"
#include "drift.h"
#include "model/model.h"
#include "package.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#define MANIFEST(statistics)                                                                                           \
    "{\"format\": 1, \"task\": \"classification\", \"inputs\": [{\"name\": \"t\", \"kind\": \"table\", \"columns\": [" \
    "{\"name\": \"age\", \"type\": \"number\", \"missing\": \"nan\"}, "                                                \
    "{\"name\": \"colour\", \"type\": \"category\", \"categories\": [\"red\", \"blue\"], \"unknown\": \"ignore\"}, "   \
    "{\"name\": \"remark\", \"type\": \"text\"}]}, {\"name\": \"v\", \"kind\": \"tensor\", \"shape\": [2]}], "         \
    "\"preprocess\": [{\"op\": \"count_words\", \"input\": \"t\", \"column\": \"remark\", \"vocabulary\": [\"a\"]}], " \
    "\"layers\": [{\"name\": \"y\", \"op\": \"dense\", \"inputs\": [\"v\"], \"units\": 3, \"kernel\": \"k\"}], "       \
    "\"outputs\": [{\"name\": \"y\", \"layer\": \"y\", \"labels\": [\"x\", \"y\", \"z\"]}]" statistics "}"
#define HEADER "{\"k\": {\"dtype\": \"F32\", \"shape\": [2, 3], \"data_offsets\": [0, 24]}}"
#define STATISTICS                                                                                  \
    ", \"statistics\": {\"rows\": 10, \"features\": ["                                              \
    "{\"name\": \"age\", \"edges\": [20, 30.5], \"shares\": [0.5, 0.25, 0.25], \"missing\": 0.1}, " \
    "{\"name\": \"colour\", \"shares\": [0.5, 0.5, 0]}, "                                           \
    "{\"name\": \"v\", \"index\": 1, \"edges\": [], \"shares\": [1]}], \"labels\": {\"x\": 0.5, \"z\": 0.5}}"

static srv_model *load(const char *manifest, srv_error *err) {
    static const float kernel[6] = {0};
    char folder[64];
    srv_model *model;
    make_folder(folder, sizeof folder);
    write_file(folder, "model.json", manifest, strlen(manifest));
    write_weights(folder, HEADER, kernel, 6);
    srv_model_load(folder, "test", 3, NULL, &model, err);
    remove_package(folder);
    return model;
}

static void check_counts(const srv_drift *drift, uint64_t rows, const uint64_t wanted[13]) {
    uint64_t got_rows, sampled, counts[13];
    srv_drift_read(drift, &got_rows, &sampled, counts);
    CHECK_EQ(got_rows, rows);
    CHECK_EQ(sampled, rows);
    for (int i = 0; i < 13; i++) {
        CHECK_EQ(counts[i], wanted[i]);
    }
}

/* a row as sent: age, colour, remark (a text, whose number says nothing), v[0], v[1] */
static const double cells[6][5] = {{20, 0, 0, 5, 1},    {19.9, 1, 0, 5, NAN},           {30.5, -1, 0, 5, 1},
                                   {NAN, 0.5, 0, 5, 1}, {INFINITY, 7, 0, 5, -INFINITY}, {-INFINITY, NAN, 0, 5, 1}};
static const float scores[6][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 1}, {0.5f, 0.5f, 0}, {NAN, NAN, NAN}};
/* age: below 20, up to 30.5, beyond, missing; colour: red, blue, others, missing; v[1]: all, missing; labels x, y, z */
static const uint64_t wanted[13] = {2, 1, 2, 1, 2, 1, 2, 1, 5, 1, 3, 1, 2};

TEST(every_value_has_its_bin) {
    srv_error err = {0};
    srv_model *model = load(MANIFEST(STATISTICS), &err);
    CHECK_TEXT(err.message, "");
    CHECK_EQ(model->features, 5);
    CHECK_EQ(model->statistics->count, 13);
    srv_drift_count_rows(model->drift, NULL, cells[0], 5, 6);
    srv_drift_count_labels(model->drift, scores[0], 3, 3, 6);
    check_counts(model->drift, 6, wanted);
    srv_model_free(model);
    model = load(MANIFEST(""), &err);
    CHECK(model->statistics == NULL && model->drift == NULL);
    CHECK(!srv_model_keep_counts(model, "/tmp", "/x"));
    srv_model_free(model);
}

TEST(a_share_of_the_rows_is_sampled_whatever_their_rhythm) {
    srv_error err = {0};
    srv_model *model = load(MANIFEST(STATISTICS), &err);
    CHECK_EQ(srv_drift_every(model->statistics), 16);
    for (int i = 0; i < 10000; i++) { /* batches of 16, whose first row is unlike the others */
        float rows[16][5] = {{0}};
        rows[0][0] = 99;
        srv_drift_count_rows(model->drift, rows[0], NULL, 5, 16);
    }
    uint64_t rows, sampled, counts[13];
    srv_drift_read(model->drift, &rows, &sampled, counts);
    CHECK_EQ(rows, 160000);
    CHECK(sampled > SRV_DRIFT_FIRST + 9000 && sampled < SRV_DRIFT_FIRST + 11000);
    CHECK(counts[2] > 450 && counts[2] < 900); /* about a sixteenth of them */
    srv_model_free(model);
}

static void fill_folder(char *out, size_t capacity, const char *folder) {
    snprintf(out, capacity, "%s/made/here", folder);
}

TEST(a_file_is_shared_and_outlives_its_processes) {
    char folder[64], counts[128], path[160];
    srv_error err = {0};
    make_folder(folder, sizeof folder);
    fill_folder(counts, sizeof counts, folder);
    for (int turn = 0; turn < 2; turn++) {
        srv_model *model = load(MANIFEST(STATISTICS), &err);
        CHECK(srv_model_keep_counts(model, counts, "/the/package"));
        pid_t child = fork();
        if (child == 0) { /* another process, with a mapping of its own, that is killed */
            srv_model *other = load(MANIFEST(STATISTICS), &err);
            srv_model_keep_counts(other, counts, "/the/package");
            srv_drift_count_labels(other->drift, scores[0], 3, 3, 6);
            kill(getpid(), SIGKILL);
        }
        waitpid(child, NULL, 0);
        srv_drift_count_rows(model->drift, NULL, cells[0], 5, 6);
        uint64_t doubled[13];
        for (int i = 0; i < 13; i++) {
            doubled[i] = wanted[i] * (uint64_t)(turn + 1);
        }
        check_counts(model->drift, 6 * (uint64_t)(turn + 1), doubled);
        srv_model_free(model);
    }
    srv_model *model = load(MANIFEST(STATISTICS), &err); /* another package of that name and version */
    CHECK(srv_model_keep_counts(model, counts, "/another/package"));
    check_counts(model->drift, 0, (uint64_t[13]){0});
    srv_model_free(model);
    snprintf(path, sizeof path, "rm -r %s", folder);
    CHECK_EQ(system(path), 0);
}

TEST(a_file_of_another_size_is_replaced_and_none_is_no_fault) {
    char folder[64], path[128];
    srv_error err = {0};
    make_folder(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/x.counts", folder);
    write_file(folder, "x.counts", "short", 5);
    srv_model *model = load(MANIFEST(STATISTICS), &err);
    CHECK(srv_drift_use_file(model->drift, path));
    srv_drift_count_rows(model->drift, NULL, cells[0], 5, 6);
    CHECK(!srv_drift_use_file(model->drift, "/proc/nowhere/x.counts"));
    CHECK(!srv_drift_use_file(model->drift, folder));
    srv_drift_count_labels(model->drift, scores[0], 3, 3, 6);
    check_counts(model->drift, 6, wanted);
    srv_model_free(model);
    unlink(path);
    rmdir(folder);
}

static void check_refused(const char *statistics, const char *where, const char *said) {
    char manifest[4096];
    srv_error err = {0};
    snprintf(manifest, sizeof manifest, MANIFEST(", \"statistics\": %s"), statistics);
    srv_model *model = load(manifest, &err);
    CHECK(model == NULL);
    CHECK_TEXT(err.where, where);
    if (strstr(err.message, said) == NULL) {
        checks_failed++;
        fprintf(stderr, "%s\n    said: %s\n    expected in it: %s\n", statistics, err.message, said);
    }
    srv_model_free(model);
}

#define FEATURE(feature) "{\"rows\": 1, \"features\": [" feature "]}"

TEST(a_fault_is_named) {
    check_refused("[]", "/statistics", "expected an object");
    check_refused("{\"features\": []}", "/statistics", "\"rows\" is missing");
    check_refused("{\"rows\": 0, \"features\": []}", "/statistics/rows", "1 ");
    check_refused("{\"rows\": 1, \"features\": [], \"more\": 1}", "/statistics/more", "unknown key");
    check_refused(FEATURE("7"), "/statistics/features/0", "expected an object");
    check_refused(FEATURE("{\"name\": \"remark\", \"shares\": [1]}"), "/statistics/features/0/name",
                  "no column remark");
    check_refused(FEATURE("{\"name\": \"t\", \"shares\": [1]}"), "/statistics/features/0/name", "no column t");
    check_refused(FEATURE("{\"name\": \"v\", \"index\": 2, \"edges\": [], \"shares\": [1]}"),
                  "/statistics/features/0/index", "0 to 1");
    check_refused(FEATURE("{\"name\": \"age\", \"index\": 0, \"edges\": [], \"shares\": [1]}"),
                  "/statistics/features/0/index", "no index");
    check_refused(FEATURE("{\"name\": \"age\", \"shares\": [1]}"), "/statistics/features/0", "\"edges\" is missing");
    check_refused(FEATURE("{\"name\": \"age\", \"edges\": [1, 1], \"shares\": [0.5, 0.5, 0]}"),
                  "/statistics/features/0/edges/1", "above the one before");
    check_refused(FEATURE("{\"name\": \"age\", \"edges\": [1], \"shares\": [1]}"), "/statistics/features/0/shares",
                  "expected 2 shares, not 1");
    check_refused(FEATURE("{\"name\": \"age\", \"edges\": [1], \"shares\": [0.5, 0.4]}"),
                  "/statistics/features/0/shares", "sum to 0.9");
    check_refused(FEATURE("{\"name\": \"age\", \"edges\": [1], \"shares\": [1.5, -0.5]}"),
                  "/statistics/features/0/shares/0", "from 0 to 1");
    check_refused(FEATURE("{\"name\": \"age\", \"edges\": [], \"shares\": [1], \"missing\": 2}"),
                  "/statistics/features/0/missing", "from 0 to 1");
    check_refused(FEATURE("{\"name\": \"colour\", \"edges\": [1], \"shares\": [1, 0]}"), "/statistics/features/0/edges",
                  "unknown key");
    check_refused(FEATURE("{\"name\": \"colour\", \"shares\": [1, 0]}"), "/statistics/features/0/shares",
                  "one for each category, and one for all others");
    check_refused("{\"rows\": 1, \"features\": [], \"labels\": {\"w\": 1}}", "/statistics/labels/w", "no label w");
    check_refused("{\"rows\": 1, \"features\": [], \"labels\": {\"x\": 0.2}}", "/statistics/labels", "sum to 0.2");
}

TEST_MAIN(RUN(every_value_has_its_bin); RUN(a_share_of_the_rows_is_sampled_whatever_their_rhythm);
          RUN(a_file_is_shared_and_outlives_its_processes);
          RUN(a_file_of_another_size_is_replaced_and_none_is_no_fault); RUN(a_fault_is_named))
