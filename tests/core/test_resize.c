/* Resampling: answers worked out by hand from the filters' definitions, and limits. */
#include "preprocess/resize.h"

#include "check.h"

static srv_arena *arena;

static srv_raster raster(const uint8_t *samples, size_t height, size_t width, size_t channels) {
    size_t stride = width * channels;
    return (srv_raster){(const uint8_t *)guarded(samples, height * stride), height, width, channels, stride};
}

static void check_samples(const srv_raster *got, const uint8_t *wanted, size_t height, size_t width, size_t channels) {
    CHECK_EQ(got->height, height);
    CHECK_EQ(got->width, width);
    CHECK_EQ(got->channels, channels);
    for (size_t y = 0; y < height; y++) {
        for (size_t i = 0; i < width * channels; i++) {
            CHECK_EQ(srv_raster_row(got, y)[i], wanted[y * width * channels + i]);
        }
    }
}

/* A row, and the same samples as a column: both passes must give the same. */
static void check_line(const char *name, const uint8_t *from, size_t size, const uint8_t *wanted, size_t new_size) {
    srv_filter filter;
    srv_raster out, row = raster(from, 1, size, 1), column = raster(from, size, 1, 1);
    srv_error err;
    CHECK(srv_filter_named(name, &filter));
    CHECK_EQ(srv_resize(&row, 1, new_size, filter, arena, &out, &err), SRV_OK);
    check_samples(&out, wanted, 1, new_size, 1);
    CHECK_EQ(srv_resize(&column, new_size, 1, filter, arena, &out, &err), SRV_OK);
    check_samples(&out, wanted, new_size, 1, 1);
}

#define LINE(name, from, ...)                                           \
    do {                                                                \
        const uint8_t from_[] = from, wanted_[] = __VA_ARGS__;          \
        check_line(name, from_, sizeof from_, wanted_, sizeof wanted_); \
    } while (0)
#define OF(...) {__VA_ARGS__}

TEST(filters_are_found_by_name) {
    srv_filter filter;
    CHECK(srv_filter_named("nearest", &filter) && filter == SRV_FILTER_NEAREST);
    CHECK(srv_filter_named("lanczos", &filter) && filter == SRV_FILTER_LANCZOS);
    CHECK(!srv_filter_named("cubic", &filter));
    CHECK(!srv_filter_named("", &filter));
}

TEST(shrinks_by_weights_worked_out_by_hand) {
    LINE("nearest", OF(10, 20, 30), {10, 30});
    LINE("box", OF(0, 70, 140, 210), {35, 175});
    LINE("box", OF(10, 20, 30), {15, 30});            /* half open: the middle sample belongs to the left */
    LINE("bilinear", OF(0, 70, 140, 210), {50, 160}); /* weights 3 : 3 : 1 */
    LINE("hamming", OF(0, 70, 140, 210), {39, 171});  /* 0.480 : 0.480 : 0.040 */
    LINE("bicubic", OF(60, 180), {120});
    LINE("lanczos", OF(60, 180), {120});
}

TEST(enlarges_by_weights_worked_out_by_hand) {
    LINE("nearest", OF(10, 20), {10, 10, 20, 20});
    LINE("box", OF(10, 20), {10, 10, 20, 20});
    LINE("bilinear", OF(0, 100), {0, 25, 75, 100});
    LINE("bicubic", OF(100, 200), {91, 121, 179, 209}); /* overshoots by 0.088 */
    LINE("lanczos", OF(100, 200), {82, 123, 177, 218}); /* by 0.175 */
    LINE("lanczos", OF(0, 255), {0, 59, 196, 255});     /* and is clipped */
}

TEST(keeps_what_has_the_size_already) {
    const uint8_t samples[] = {1, 2, 3, 4, 5, 6};
    for (int filter = SRV_FILTER_NEAREST; filter <= SRV_FILTER_LANCZOS; filter++) {
        srv_raster in = raster(samples, 2, 3, 1), out;
        srv_error err;
        CHECK_EQ(srv_resize(&in, 2, 3, (srv_filter)filter, arena, &out, &err), SRV_OK);
        check_samples(&out, samples, 2, 3, 1);
    }
}

TEST(channels_do_not_mix) {
    const uint8_t samples[] = {0, 10, 200, 100, 20, 100, 0, 10, 200, 100, 20, 100}; /* two rows of two RGB pixels */
    const uint8_t wanted[] = {50, 15, 150};
    for (int filter = SRV_FILTER_BOX; filter <= SRV_FILTER_LANCZOS; filter++) {
        srv_raster in = raster(samples, 2, 2, 3), out;
        srv_error err;
        CHECK_EQ(srv_resize(&in, 1, 1, (srv_filter)filter, arena, &out, &err), SRV_OK);
        check_samples(&out, wanted, 1, 1, 3);
    }
}

TEST(reads_a_part_of_a_larger_picture) {
    const uint8_t samples[] = {9, 9, 9, 9, 9, 10, 30, 9, 9, 50, 70, 9}, wanted[] = {40};
    srv_raster whole = raster(samples, 3, 4, 1), out;
    srv_raster part = {whole.data + 5, 2, 2, 1, whole.stride};
    srv_error err;
    CHECK_EQ(srv_resize(&part, 1, 1, SRV_FILTER_BILINEAR, arena, &out, &err), SRV_OK);
    check_samples(&out, wanted, 1, 1, 1);
}

/* Rounding between the passes shows which came first: these are Pillow 13's numbers; the other order gives 176, 175, … */
TEST(loses_height_first_where_it_loses_more_of_it) {
    const uint8_t samples[] = {0, 255, 255, 0, 255, 255}, wanted[] = {180, 174, 167, 160, 154};
    srv_raster in = raster(samples, 3, 2, 1), out;
    srv_error err;
    CHECK_EQ(srv_resize(&in, 1, 5, SRV_FILTER_LANCZOS, arena, &out, &err), SRV_OK);
    check_samples(&out, wanted, 1, 5, 1);
}

TEST(averages_blocks) {
    const uint8_t samples[] = {1, 3, 10, 5, 7, 20, 100, 101, 255}, wanted[] = {4, 15, 101, 255};
    srv_raster in = raster(samples, 3, 3, 1), out;
    srv_error err;
    CHECK_EQ(srv_raster_reduce(&in, 2, 2, arena, &out, &err), SRV_OK);
    check_samples(&out, wanted, 2, 2, 1);
    CHECK_EQ(srv_raster_reduce(&in, 1, 1, arena, &out, &err), SRV_OK);
    CHECK(out.data == in.data);
}

TEST(sums_of_tall_blocks_do_not_overflow) {
    static uint8_t white[700];
    memset(white, 255, sizeof white);
    const uint8_t wanted[] = {255};
    srv_raster in = raster(white, 700, 1, 1), out;
    srv_error err;
    CHECK_EQ(srv_raster_reduce(&in, 700, 1, arena, &out, &err), SRV_OK);
    check_samples(&out, wanted, 1, 1, 1);
}

TEST(turns_any_channels_to_grey_and_rgb) {
    const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    const uint8_t rgb_grey[] = {76, 150, 29, 255};
    const uint8_t rgba[] = {0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 255}, rgba_grey[] = {255, 127, 0};
    const uint8_t rgba_rgb[] = {255, 255, 255, 127, 127, 127, 0, 0, 0};
    const uint8_t with_alpha[] = {100, 51, 7, 0, 7, 255}, without[] = {224, 255, 7};
    const uint8_t tripled[] = {224, 224, 224, 255, 255, 255, 7, 7, 7};
    srv_raster out, in = raster(rgb, 1, 4, 3);
    srv_error err;
    CHECK_EQ(srv_raster_grey(&in, arena, &out, &err), SRV_OK);
    check_samples(&out, rgb_grey, 1, 4, 1);
    in = raster(rgba, 1, 3, 4);
    CHECK_EQ(srv_raster_grey(&in, arena, &out, &err), SRV_OK);
    check_samples(&out, rgba_grey, 1, 3, 1);
    CHECK_EQ(srv_raster_rgb(&in, arena, &out, &err), SRV_OK);
    check_samples(&out, rgba_rgb, 1, 3, 3);
    in = raster(with_alpha, 1, 3, 2);
    CHECK_EQ(srv_raster_grey(&in, arena, &out, &err), SRV_OK);
    check_samples(&out, without, 1, 3, 1);
    CHECK_EQ(srv_raster_rgb(&in, arena, &out, &err), SRV_OK);
    check_samples(&out, tripled, 1, 3, 3);
}

/* White stays white to the last bit whatever the filter and the scale, absurd ones included. */
TEST(white_stays_white_at_any_scale) {
    static const size_t sizes[] = {1, 2, 3, 28, 61, 4000, 300000};
    static uint8_t white[300000];
    memset(white, 255, sizeof white);
    for (int filter = SRV_FILTER_NEAREST; filter <= SRV_FILTER_LANCZOS; filter++) {
        for (size_t from = 0; from < sizeof sizes / sizeof *sizes; from++) {
            for (size_t to = 0; to < 5; to++) {
                srv_raster in = {white, sizes[from], 1, 1, 1}, out;
                srv_error err;
                CHECK_EQ(srv_resize(&in, sizes[to], 3, (srv_filter)filter, arena, &out, &err), SRV_OK);
                bool all = true;
                for (size_t i = 0; i < out.height * out.width; i++) {
                    all = all && out.data[i] == 255;
                }
                CHECK(all);
                in = (srv_raster){white, 1, sizes[from], 1, sizes[from]};
                CHECK_EQ(srv_resize(&in, 3, sizes[to], (srv_filter)filter, arena, &out, &err), SRV_OK);
                all = true;
                for (size_t i = 0; i < out.height * out.width; i++) {
                    all = all && out.data[i] == 255;
                }
                CHECK(all);
            }
        }
        srv_arena_reset(arena);
    }
}

TEST(sizes_that_overflow_are_refused) {
    uint8_t *samples;
    srv_raster out;
    srv_error err;
    CHECK_EQ(srv_raster_new(SIZE_MAX / 2, 3, 1, arena, &out, &samples, &err), SRV_NO_MEMORY);
    CHECK_EQ(srv_raster_new(1, SIZE_MAX / 2, 3, arena, &out, &samples, &err), SRV_NO_MEMORY);
    CHECK_EQ(err.status, SRV_NO_MEMORY);
}

TEST_MAIN(arena = srv_arena_new(); RUN(filters_are_found_by_name); RUN(shrinks_by_weights_worked_out_by_hand);
          RUN(enlarges_by_weights_worked_out_by_hand); RUN(keeps_what_has_the_size_already); RUN(channels_do_not_mix);
          RUN(reads_a_part_of_a_larger_picture); RUN(loses_height_first_where_it_loses_more_of_it);
          RUN(averages_blocks); RUN(sums_of_tall_blocks_do_not_overflow); RUN(turns_any_channels_to_grey_and_rgb);
          RUN(white_stays_white_at_any_scale); RUN(sizes_that_overflow_are_refused); srv_arena_free(arena))
