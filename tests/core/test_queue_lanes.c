/* Lanes by themselves: whose they are, and that those of models long gone are used again. */
#include "check.h"
#include "queue/lanes.h"

#define SECOND 1000000000u
#define MODELS 200

static void run(const void *context, const float *x, size_t rows, float *scratch, float *y) {
    (void)context, (void)x, (void)rows, (void)scratch, (void)y;
}

static srv_work work_of(const char *model) {
    return (srv_work){.run = run, .context = model, .features = 1, .outputs = 1, .batch_rows = SRV_BATCH_ROWS};
}

static size_t count(const lanes *all) {
    size_t lanes_there = 0;
    for (const lane *l = all->first; l != NULL; l = l->next) {
        lanes_there++;
    }
    return lanes_there;
}

/* A request that comes and is taken at once. */
static lane *pass_through(lanes *all, const srv_work *work, bool background, uint64_t now) {
    srv_job job = {.work = work, .rows = 1, .background = background};
    lane *l = lanes_add(all, &job, now);
    batch b;
    lanes_take(all, l, now, &b);
    CHECK_EQ(b.rows, 1);
    CHECK(b.parts[0].job == &job);
    return l;
}

TEST(lanes_of_unloaded_models_do_not_pile_up) {
    static const char models[MODELS];
    lanes all = {0};
    for (int i = 0; i < MODELS; i++) {
        srv_work work = work_of(&models[i]);
        pass_through(&all, &work, false, (uint64_t)(i + 1) * SECOND);
        pass_through(&all, &work, true, (uint64_t)(i + 1) * SECOND);
    }
    CHECK(count(&all) <= 2 * (SRV_LANE_KEPT_NS / SECOND + 2));
    lanes_free(&all);
}

TEST(many_large_requests_take_turns_with_a_small_one) {
    const char model = 0;
    srv_work work = work_of(&model);
    enum { LARGE = 20, ROWS = 1000, BATCHES = LARGE * SRV_FAIR_ROWS / SRV_BATCH_ROWS + 1 };
    srv_job large[LARGE], small = {.work = &work, .rows = 1};
    lanes all = {0};
    lane *l = NULL;
    for (int i = 0; i < LARGE; i++) {
        large[i] = (srv_job){.work = &work, .rows = ROWS};
        l = lanes_add(&all, &large[i], SECOND);
    }
    lanes_add(&all, &small, SECOND);
    CHECK_EQ(all.turn, LARGE * SRV_FAIR_ROWS + 1);
    batch b;
    for (int i = 0; i < BATCHES; i++) {
        lanes_take(&all, l, SECOND, &b);
        CHECK_EQ(b.rows, SRV_BATCH_ROWS);
    }
    CHECK_EQ(small.taken_, 1);
    for (int i = 0; i < LARGE; i++) { /* nobody got two turns before the others had one */
        CHECK(large[i].taken_ >= SRV_FAIR_ROWS && large[i].taken_ <= 2 * SRV_FAIR_ROWS);
    }
    while (all.rows > 0) {
        lanes_take(&all, l, SECOND, &b);
    }
    CHECK_EQ(all.turn, 0);
    CHECK(l->first == NULL && l->last == NULL);
    for (int i = 0; i < LARGE; i++) {
        CHECK_EQ(large[i].taken_, ROWS);
    }
    lanes_free(&all);
}

TEST(small_ones_do_not_wait_for_more_than_a_turn_of_a_large_one_in_their_batch) {
    const char model = 0;
    srv_work work = work_of(&model);
    srv_job large = {.work = &work, .rows = 1000}, small = {.work = &work, .rows = SRV_FAIR_ROWS};
    lanes all = {0};
    lane *l = lanes_add(&all, &large, SECOND);
    batch b;
    lanes_take(&all, l, SECOND, &b);
    CHECK_EQ(b.rows, SRV_BATCH_ROWS);
    lanes_add(&all, &small, SECOND);
    lanes_take(&all, l, SECOND, &b);
    CHECK_EQ(b.rows, 2 * SRV_FAIR_ROWS);
    CHECK_EQ(small.taken_, SRV_FAIR_ROWS);
    lanes_take(&all, l, SECOND, &b);
    CHECK_EQ(b.rows, SRV_BATCH_ROWS);
    lanes_withdraw(&all, &large);
    CHECK_EQ(all.rows, 0);
    lanes_free(&all);
}

TEST(a_model_keeps_its_lane_and_what_it_learnt) {
    const char models[2] = {0};
    srv_work one = work_of(&models[0]), two = work_of(&models[1]);
    lanes all = {0};
    lane *first = pass_through(&all, &one, false, SECOND);
    first->patience.pause = 7;
    CHECK(pass_through(&all, &two, false, 2 * (uint64_t)SECOND) != first);
    CHECK(pass_through(&all, &one, true, 2 * (uint64_t)SECOND) != first);
    CHECK(pass_through(&all, &one, false, 3 * (uint64_t)SECOND) == first);
    CHECK_EQ(first->patience.pause, 7);
    CHECK_EQ(count(&all), 3);

    /* Long afterwards another model may lie where the first one lay. */
    CHECK(pass_through(&all, &one, false, 30 * (uint64_t)SECOND) == first);
    CHECK_EQ(first->patience.pause, 0);
    CHECK_EQ(count(&all), 3);
    lanes_free(&all);
}

TEST(a_lane_with_requests_is_never_given_away) {
    const char models[2] = {0};
    srv_work one = work_of(&models[0]), two = work_of(&models[1]);
    lanes all = {0};
    srv_job waiting = {.work = &one, .rows = 1};
    lane *first = lanes_add(&all, &waiting, SECOND);
    lane *other = pass_through(&all, &two, false, 100 * (uint64_t)SECOND);
    CHECK(other != first);
    CHECK(first->context == &models[0]);
    CHECK_EQ(first->rows, 1);
    batch b;
    lanes_take(&all, first, SECOND, &b);
    lanes_free(&all);
}

TEST_MAIN(RUN(lanes_of_unloaded_models_do_not_pile_up); RUN(many_large_requests_take_turns_with_a_small_one);
          RUN(small_ones_do_not_wait_for_more_than_a_turn_of_a_large_one_in_their_batch);
          RUN(a_model_keeps_its_lane_and_what_it_learnt); RUN(a_lane_with_requests_is_never_given_away))
