/* The recipes of pictures: what compiles and what is refused, each step on pictures small enough to check by hand, and
 * the recipe of the digits on drawings and photos of one. */
#include "preprocess/image.h"

#include "check.h"

#include <stdint.h>

static srv_arena *arena;

/* ---- Compiling ---------------------------------------------------------------------------------------------------- */

static srv_status compile(const char *text, size_t features, srv_image_recipe **out, srv_error *err) {
    const srv_json *root;
    srv_status status = srv_json_parse(text, strlen(text), arena, &root, err);
    return status == SRV_OK ? srv_image_compile(root, features, arena, out, err) : status;
}

static srv_image_recipe *recipe_of(const char *text, size_t features) {
    srv_image_recipe *recipe = NULL;
    srv_error err = {0};
    if (compile(text, features, &recipe, &err) != SRV_OK) {
        fprintf(stderr, "%s\n  at %s: %s\n", text, err.where, err.message);
        exit(2);
    }
    return recipe;
}

#define GREY "{\"op\": \"grayscale\"}"
#define HEAD "{\"height\": 4, \"width\": 4, \"channels\": 1, \"steps\": [" GREY ", "
#define SIZED(op, height, width) "{\"op\": \"" op "\", \"height\": " #height ", \"width\": " #width "}"
#define FILTERED(op, height, width, filter) \
    "{\"op\": \"" op "\", \"height\": " #height ", \"width\": " #width ", \"filter\": \"" filter "\"}"
#define TO_4 FILTERED("resize", 4, 4, "box")

#define DIGITS                                                                                 \
    "{\"height\": 28, \"width\": 28, \"channels\": 1, \"steps\": [" GREY                       \
    ", {\"op\": \"invert\", \"when\": \"light_background\"}, {\"op\": \"stretch\"}, {\"op\": " \
    "\"crop_to_ink\"}, " FILTERED("fit", 20, 20, "bilinear") ", " SIZED("centre_of_mass", 28, 28) "]}"

static void refused(const char *text, size_t features, const char *where, const char *words) {
    srv_image_recipe *recipe;
    srv_error err = {0};
    CHECK_EQ(compile(text, features, &recipe, &err), SRV_PACKAGE);
    CHECK_EQ(err.status, SRV_PACKAGE);
    CHECK_TEXT(err.where, where);
    if (strstr(err.message, words) == NULL) {
        fprintf(stderr, "the message lacks \"%s\": %s\n", words, err.message);
        checks_failed++;
    }
}

TEST(refuses_naming_the_field) {
    refused("[]", 16, "", "must be an object");
    refused("{\"height\": 4, \"width\": 4, \"channels\": 1}", 16, "", "steps");
    refused("{\"height\": 0, \"width\": 4, \"channels\": 1, \"steps\": []}", 16, "/height", "1 to 4096");
    refused("{\"height\": 4, \"width\": 4.5, \"channels\": 1, \"steps\": []}", 16, "/width", "whole number");
    refused("{\"height\": 4, \"width\": 4, \"channels\": 2, \"steps\": []}", 16, "/channels", "1 (grey) or 3");
    refused("{\"height\": 4, \"width\": 4, \"channels\": 1, \"depth\": 1, \"steps\": []}", 16, "/depth", "depth");
    refused(HEAD TO_4 "]}", 17, "", "is 16, but the input's shape holds 17");
    refused(HEAD "3]}", 16, "/steps/1", "an object");
    refused(HEAD "{}]}", 16, "/steps/1", "op");
    refused(HEAD "{\"op\": \"blur\"}]}", 16, "/steps/1/op", "unknown step \"blur\"; the steps are grayscale, invert");
    refused(HEAD "{\"op\": \"stretch\", \"by\": 2}]}", 16, "/steps/1/by", "by");
    refused(HEAD "{\"op\": \"invert\", \"when\": \"dark\"}]}", 16, "/steps/1/when", "\"light_background\"");
    refused(HEAD "{\"op\": \"resize\", \"height\": 4, \"width\": 4}]}", 16, "/steps/1", "filter");
    refused(HEAD FILTERED("resize", 4, 4, "cubic") "]}", 16, "/steps/1/filter", "nearest, box, bilinear, hamming");
    refused(HEAD FILTERED("resize", 4, 5000, "box") "]}", 16, "/steps/1/width", "1 to 4096");
}

TEST(refuses_steps_that_do_not_follow) {
    refused(HEAD GREY "]}", 16, "/steps/1", "grey already");
    refused(HEAD FILTERED("resize", 4, 3, "box") "]}", 16, "/steps", "end in 4 × 3 × 1");
    refused(HEAD "{\"op\": \"stretch\"}]}", 16, "/steps", "open");
    refused(HEAD TO_4 ", {\"op\": \"crop_to_ink\"}]}", 16, "/steps", "open");
    refused(HEAD SIZED("centre_of_mass", 4, 4) "]}", 16, "/steps/1", "fit or resize to at most 4 × 4");
    refused(HEAD FILTERED("fit", 5, 4, "box") ", " SIZED("centre_of_mass", 4, 4) "]}", 16, "/steps/2", "at most 4 × 4");
    refused(HEAD FILTERED("resize", 3, 9, "box") ", " SIZED("crop", 4, 4) "]}", 16, "/steps/2", "cannot crop 4 × 4");
    refused("{\"height\": 4, \"width\": 4, \"channels\": 3, \"steps\": [{\"op\": \"stretch\"}, " TO_4 "]}", 48,
            "/steps/0", "a grayscale step must come before");
    refused("{\"height\": 4, \"width\": 4, \"channels\": 1, \"steps\": [" TO_4 "]}", 16, "/steps", "end in 4 × 4 × 3");
    refused("{\"height\": 4, \"width\": 4, \"channels\": 3, \"steps\": [" GREY ", " TO_4 "]}", 48, "/steps",
            "4 × 4 × 1");
}

TEST(says_how_large_a_picture_is_useful) {
    CHECK_EQ(srv_image_useful_edge(recipe_of(DIGITS, 784)), 640);
    CHECK_EQ(srv_image_useful_edge(recipe_of(HEAD TO_4 "]}", 16)), SIZE_MAX);
    CHECK_EQ(srv_image_useful_edge(recipe_of(HEAD "{\"op\": \"crop_to_ink\"}, " SIZED("crop", 4, 4) "]}", 16)),
             SIZE_MAX);
}

/* ---- Steps, one by one -------------------------------------------------------------------------------------------- */

static srv_status run(const char *text, const uint8_t *data, size_t height, size_t width, size_t channels, float *row,
                      size_t features, srv_error *err) {
    srv_pixels pixels = {(const uint8_t *)guarded(data, height * width * channels), height, width, channels};
    return srv_image_to_row(recipe_of(text, features), &pixels, arena, row, err);
}

static void gives(const char *text, const uint8_t *data, size_t height, size_t width, size_t channels,
                  const uint8_t *wanted, size_t features) {
    float row[64];
    srv_error err = {0};
    CHECK_EQ(run(text, data, height, width, channels, row, features, &err), SRV_OK);
    for (size_t i = 0; i < features; i++) {
        CHECK_EQ(row[i], wanted[i]);
    }
}

TEST(inverts_always_or_where_the_background_is_light) {
    const uint8_t dark[] = {0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 190, 0, 0, 0, 0, 0};
    const uint8_t light[] = {255, 255, 255, 255, 255, 55, 255, 255, 255, 255, 65, 255, 255, 255, 255, 255};
    uint8_t black[16] = {0}, white[16];
    memset(white, 255, sizeof white);
    gives(HEAD "{\"op\": \"invert\"}, " TO_4 "]}", dark, 4, 4, 1, light, 16);
    gives(HEAD "{\"op\": \"invert\", \"when\": \"always\"}, " TO_4 "]}", light, 4, 4, 1, dark, 16);
    gives(HEAD "{\"op\": \"invert\", \"when\": \"light_background\"}, " TO_4 "]}", light, 4, 4, 1, dark, 16);
    gives(HEAD "{\"op\": \"invert\", \"when\": \"light_background\"}, " TO_4 "]}", dark, 4, 4, 1, dark, 16);
    gives(HEAD "{\"op\": \"invert\", \"when\": \"light_background\"}, " TO_4 "]}", white, 4, 4, 1, black, 16);
    gives(HEAD "{\"op\": \"invert\", \"when\": \"light_background\"}, " TO_4 "]}", black, 4, 4, 1, black, 16);
}

TEST(stretches_paper_to_0_and_ink_to_255) {
    const uint8_t pale[] = {55, 55, 55, 55, 55, 130, 130, 55, 55, 130, 130, 55, 55, 55, 55, 55};
    const uint8_t clear[] = {0, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 0};
    uint8_t plain[16], black[16] = {0};
    memset(plain, 55, sizeof plain);
    gives(HEAD "{\"op\": \"stretch\"}, " TO_4 "]}", pale, 4, 4, 1, clear, 16);
    gives(HEAD "{\"op\": \"stretch\"}, " TO_4 "]}", clear, 4, 4, 1, clear, 16);
    gives(HEAD "{\"op\": \"stretch\"}, " TO_4 "]}", plain, 4, 4, 1, black, 16);
}

TEST(crops_to_strokes_and_not_to_specks) {
    uint8_t picture[12 * 12] = {0};
    const uint8_t wanted[] = {255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 255, 255, 0, 0, 255, 20};
    for (size_t y = 0; y < 4; y++) {
        memcpy(picture + (5 + y) * 12 + 3, wanted + 4 * y, 4);
    }
    picture[0] = 30;           /* fainter than a mark */
    picture[9 * 12 + 10] = 90; /* a mark, but of less than a twentieth of the mass */
    gives(HEAD "{\"op\": \"crop_to_ink\"}, " TO_4 "]}", picture, 12, 12, 1, wanted, 16);
}

TEST(crops_away_what_lies_along_an_edge) {
    uint8_t picture[12 * 12] = {0};
    const uint8_t wanted[] = {255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 255, 255, 0, 0, 255, 250};
    memset(picture + 11 * 12, 255, 12); /* the table */
    for (size_t y = 0; y < 4; y++) {
        memcpy(picture + (5 + y) * 12 + 3, wanted + 4 * y, 4);
    }
    gives(HEAD "{\"op\": \"crop_to_ink\"}, " TO_4 "]}", picture, 12, 12, 1, wanted, 16);
}

TEST(keeps_strokes_that_reach_the_edges_when_there_are_no_others) {
    const uint8_t full[] = {255, 0, 0, 255, 255, 255, 0, 255, 255, 0, 255, 255, 255, 0, 0, 255};
    gives(HEAD "{\"op\": \"crop_to_ink\"}, " TO_4 "]}", full, 4, 4, 1, full, 16);
}

TEST(fits_with_the_aspect_ratio_kept) {
    const uint8_t tall[] = {8, 8, 8, 8, 8, 8, 8, 8}, wide[] = {9, 9};
    const uint8_t tall_fitted[] = {0, 8, 8, 0, 0, 8, 8, 0, 0, 8, 8, 0, 0, 8, 8, 0};
    const uint8_t wide_fitted[] = {0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0};
    gives(HEAD FILTERED("fit", 4, 4, "bilinear") "]}", tall, 4, 2, 1, tall_fitted, 16);
    gives(HEAD FILTERED("fit", 4, 4, "bilinear") "]}", wide, 1, 2, 1, wide_fitted, 16);
    uint8_t thin[5000];
    memset(thin, 7, sizeof thin);
    const uint8_t column[] = {0, 7, 0, 0, 0, 7, 0, 0, 0, 7, 0, 0, 0, 7, 0, 0};
    gives(HEAD FILTERED("fit", 4, 4, "lanczos") "]}", thin, 5000, 1, 1, column, 16);
}

TEST(crops_the_middle) {
    const uint8_t picture[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; /* 3 × 5 */
    const uint8_t middle[] = {2, 3, 4, 7, 8, 9};
    const char *text = "{\"height\": 2, \"width\": 3, \"channels\": 1, \"steps\": [" GREY ", " SIZED("crop", 2, 3) "]}";
    gives(text, picture, 3, 5, 1, middle, 6);
    float row[6];
    srv_error err = {0};
    CHECK_EQ(run(text, picture, 5, 2, 1, row, 6, &err), SRV_WRONG_VALUE);
    CHECK_TEXT(err.message, "the picture is 2 × 5 pixels; this model needs at least 3 × 2");
}

#define TO_MASS(size) FILTERED("resize", 3, 3, "box") ", " SIZED("centre_of_mass", size, size) "]}"

TEST(puts_the_centre_of_mass_in_the_middle) {
    const uint8_t corner[] = {100, 0, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t pair[] = {0, 0, 0, 0, 0, 100, 0, 0, 100};
    const uint8_t bar[] = {200, 0, 0, 200, 0, 0, 200, 10, 10};
    const uint8_t corner_moved[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0};
    const uint8_t pair_moved[] = {0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 100, 0, 0, 0, 0, 0};
    gives(HEAD TO_MASS(4), corner, 3, 3, 1, corner_moved, 16);
    gives(HEAD TO_MASS(4), pair, 3, 3, 1, pair_moved, 16); /* centre 1.5 → rows 1 and 2 of 4 */
    /* The mass asks for two columns to the right, where the last grey pixel would fall off: one column it is. */
    const uint8_t bar_moved[] = {0, 0, 0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200, 10, 10};
    gives(HEAD TO_MASS(4), bar, 3, 3, 1, bar_moved, 16);
}

TEST(takes_colour_where_the_recipe_does) {
    const char *text = "{\"height\": 1, \"width\": 2, \"channels\": 3, \"steps\": [{\"op\": \"invert\"}, " FILTERED(
        "resize", 1, 2, "nearest") "]}";
    const uint8_t rgb[] = {1, 2, 3, 4, 5, 6}, inverted[] = {254, 253, 252, 251, 250, 249};
    const uint8_t grey[] = {1, 4}, grey_inverted[] = {254, 254, 254, 251, 251, 251};
    gives(text, rgb, 1, 2, 3, inverted, 6);
    gives(text, grey, 1, 2, 1, grey_inverted, 6);
}

/* ---- The recipe of the digits ------------------------------------------------------------------------------------- */

#define SIDE 28

/* A 7 as a pen of the given width draws it on a square of the given side, 0 … 1. */
static double ink_at(double y, double x, double pen) {
    static const double path[][4] = {{0.2, 0.22, 0.78, 0.2}, {0.78, 0.2, 0.42, 0.82}, {0.38, 0.52, 0.72, 0.5}};
    double nearest = 1;
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        double ax = path[i][0], ay = path[i][1], dx = path[i][2] - ax, dy = path[i][3] - ay;
        double along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
        along = along < 0 ? 0 : along > 1 ? 1 : along;
        double fy = y - ay - along * dy, fx = x - ax - along * dx, distance = fy * fy + fx * fx;
        nearest = nearest < distance ? nearest : distance;
    }
    double soft = (pen * pen / 4 - nearest) / (pen * pen / 8);
    return soft < 0 ? 0 : soft > 1 ? 1 : soft;
}

#define PEN 0.1

static void draw(uint8_t *out, size_t side, double paper, double ink) {
    for (size_t y = 0; y < side; y++) {
        for (size_t x = 0; x < side; x++) {
            double part = ink_at(((double)y + 0.5) / (double)side, ((double)x + 0.5) / (double)side, PEN);
            out[y * side + x] = (uint8_t)(paper + (ink - paper) * part + 0.5);
        }
    }
}

static double mean_difference(const float *a, const float *b) {
    double total = 0;
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        total += a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
    }
    return total / (SIDE * SIDE);
}

static srv_status digit(const uint8_t *data, size_t height, size_t width, size_t channels, float *row, srv_error *err) {
    return run(DIGITS, data, height, width, channels, row, SIDE * SIDE, err);
}

static void digit_ok(const uint8_t *data, size_t height, size_t width, size_t channels, float *row) {
    srv_error err = {0};
    if (digit(data, height, width, channels, row, &err) != SRV_OK) {
        fprintf(stderr, "%s\n", err.message);
        checks_failed++;
    }
}

/* The reference row: black on white, 280 × 280. */
static void draw_reference(float *row) {
    static uint8_t canvas[280 * 280];
    draw(canvas, 280, 255, 0);
    digit_ok(canvas, 280, 280, 1, row);
}

TEST(a_digit_ends_as_in_mnist) {
    float row[SIDE * SIDE];
    draw_reference(row);
    size_t top = SIDE, bottom = 0, left = SIDE, right = 0;
    double mass = 0, moment_y = 0, moment_x = 0, peak = 0;
    for (size_t y = 0; y < SIDE; y++) {
        for (size_t x = 0; x < SIDE; x++) {
            double value = row[y * SIDE + x];
            if (value > 0) {
                top = top < y ? top : y;
                bottom = y;
                left = left < x ? left : x;
                right = right > x ? right : x;
            }
            peak = peak > value ? peak : value;
            mass += value;
            moment_y += value * (double)y;
            moment_x += value * (double)x;
        }
    }
    CHECK_EQ(bottom - top + 1, 20);
    CHECK(right - left + 1 < 20);
    CHECK(peak > 240);
    CHECK(moment_y / mass >= 13.5 && moment_y / mass <= 14.5);
    CHECK(moment_x / mass >= 13.5 && moment_x / mass <= 14.5);
}

TEST(what_is_as_in_mnist_stays) {
    float row[SIDE * SIDE], again[SIDE * SIDE];
    uint8_t pixels[SIDE * SIDE], inverted[SIDE * SIDE];
    draw_reference(row);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        pixels[i] = (uint8_t)row[i];
        inverted[i] = (uint8_t)(255 - pixels[i]);
    }
    digit_ok(pixels, SIDE, SIDE, 1, again);
    CHECK(mean_difference(row, again) < 2);
    float from_inverted[SIDE * SIDE];
    digit_ok(inverted, SIDE, SIDE, 1, from_inverted);
    CHECK(memcmp(again, from_inverted, sizeof again) == 0);
}

TEST(colours_and_alpha_do_not_matter) {
    static uint8_t grey[280 * 280], rgb[280 * 280 * 3], rgba[280 * 280 * 4], grey_alpha[280 * 280 * 2];
    float row[SIDE * SIDE], other[SIDE * SIDE];
    draw_reference(row);
    draw(grey, 280, 0, 255); /* as alpha: 0 … 255 */
    for (size_t i = 0; i < 280 * 280; i++) {
        uint8_t part = grey[i];
        rgb[3 * i] = (uint8_t)(255 - part * 200 / 255); /* a blue pen on white */
        rgb[3 * i + 1] = (uint8_t)(255 - part * 180 / 255);
        rgb[3 * i + 2] = (uint8_t)(255 - part * 40 / 255);
        memcpy(rgba + 4 * i, (uint8_t[]){200, 20, 20, part}, 4); /* a red one on nothing */
        memcpy(grey_alpha + 2 * i, (uint8_t[]){0, part}, 2);
    }
    digit_ok(grey, 280, 280, 1, other); /* chalk on a blackboard */
    CHECK(mean_difference(row, other) < 1);
    digit_ok(rgb, 280, 280, 3, other);
    CHECK(mean_difference(row, other) < 1);
    digit_ok(rgba, 280, 280, 4, other);
    CHECK(mean_difference(row, other) < 1);
    digit_ok(grey_alpha, 280, 280, 2, other);
    CHECK(mean_difference(row, other) < 1);
}

/* Noise of about ±12 levels, the same on every machine. */
static double noise(uint32_t *state) {
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        *state = *state * 1664525u + 1013904223u;
        sum += (double)(*state >> 16) / 65536 - 0.5;
    }
    return 12 * sum;
}

typedef double (*light_at)(double y, double x);

static double from_a_window(double y, double x) {
    return 0.45 + 0.35 * y + 0.3 * x;
}

static double of_a_lamp(double y, double x) {
    return 1.05 - 1.3 * ((y - 0.4) * (y - 0.4) + (x - 0.6) * (x - 0.6));
}

static double behind_a_head(double y, double x) {
    double lit = (x - 0.5 * y - 0.25) / 0.04;
    return lit < 0 ? 0.5 : lit > 1 ? 1 : 0.5 + 0.5 * lit;
}

TEST(photos_in_uneven_light_give_the_same_digit) {
    static const light_at lights[] = {from_a_window, of_a_lamp, behind_a_head};
    static uint8_t photo[720 * 960];
    float row[SIDE * SIDE], other[SIDE * SIDE];
    draw_reference(row);
    for (size_t i = 0; i < sizeof lights / sizeof *lights; i++) {
        for (size_t height = 240; height <= 720; height *= 3) {
            size_t width = height * 4 / 3;
            uint32_t state = 1;
            for (size_t y = 0; y < height; y++) {
                for (size_t x = 0; x < width; x++) {
                    double v = (double)y / (double)height, u = (double)x / (double)height;
                    double part = ink_at(v * 1.6 - 0.3, u * 1.6 - 0.5, PEN);
                    double level = (215 - 150 * part) * lights[i](v, u * 0.75) + noise(&state);
                    photo[y * width + x] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
                }
            }
            photo[10 * width + 10] = photo[10 * width + 11] = 0; /* a speck of dirt */
            digit_ok(photo, height, width, 1, other);
            CHECK(mean_difference(row, other) < 8);
        }
    }
}

TEST(a_picture_without_ink_is_refused) {
    static uint8_t paper[200 * 200];
    float row[SIDE * SIDE];
    srv_error err = {0};
    uint32_t state = 7;
    static const uint8_t levels[] = {0, 1, 128, 254, 255};
    for (size_t i = 0; i < sizeof levels; i++) {
        memset(paper, levels[i], sizeof paper);
        CHECK_EQ(digit(paper, 200, 200, 1, row, &err), SRV_WRONG_VALUE);
        CHECK(strstr(err.message, "the picture is blank: no ink") != NULL);
        CHECK_EQ(digit(paper, 1, 1, 1, row, &err), SRV_WRONG_VALUE);
    }
    for (size_t i = 0; i < sizeof paper; i++) {
        paper[i] = (uint8_t)(200 + noise(&state));
    }
    CHECK_EQ(digit(paper, 200, 200, 1, row, &err), SRV_WRONG_VALUE);
    memset(paper, 0, sizeof paper);
    CHECK_EQ(run(HEAD TO_MASS(4), paper, 3, 3, 1, row, 16, &err), SRV_WRONG_VALUE);
    srv_pixels none = {paper, 0, 5, 1};
    CHECK_EQ(srv_image_to_row(recipe_of(DIGITS, 784), &none, arena, row, &err), SRV_WRONG_VALUE);
    CHECK(strstr(err.message, "no pixels") != NULL);
}

/* Whatever the shape and the content: an answer of 0 … 255, or the refusal of a blank picture. */
TEST(survives_odd_shapes) {
    static const size_t shapes[][2] = {{1, 1},   {1, 2},  {2, 1}, {1, 5000},   {5000, 1},
                                       {3, 700}, {97, 1}, {2, 2}, {1300, 1290}};
    static uint8_t data[1300 * 1290 * 4];
    uint32_t state = 3;
    for (size_t i = 0; i < sizeof data; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = state >> 28 > 13 ? 0 : (uint8_t)(state >> 24);
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t channels = 1; channels <= 4; channels++) {
            float row[SIDE * SIDE] = {0};
            srv_error err = {0};
            srv_status status = digit(data, shapes[i][0], shapes[i][1], channels, row, &err);
            CHECK(status == SRV_OK || status == SRV_WRONG_VALUE);
            for (size_t k = 0; k < SIDE * SIDE; k++) {
                CHECK(row[k] >= 0 && row[k] <= 255);
            }
        }
        srv_arena_reset(arena);
    }
}

#ifdef SRV_TEST_ALLOC
TEST(survives_failing_allocations) {
    static uint8_t canvas[1400 * 1400]; /* large enough that the arena needs several blocks */
    float row[SIDE * SIDE];
    draw(canvas, 1400, 200, 40);
    for (size_t x = 0; x < 1400; x++) {
        canvas[x] = (uint8_t)(120 + x / 20); /* not plain: every branch is run */
    }
    srv_image_recipe *recipe = recipe_of(DIGITS, 784);
    srv_pixels pixels = {canvas, 1400, 1400, 1};
    srv_status status = SRV_NO_MEMORY;
    long failures = 0;
    while (status != SRV_OK && failures < 100) {
        srv_arena *fresh = srv_arena_new();
        srv_error err = {0};
        srv_test_fail_allocation(failures + 1);
        status = srv_image_to_row(recipe, &pixels, fresh, row, &err);
        srv_test_fail_allocation(0);
        CHECK(status == SRV_OK || (status == SRV_NO_MEMORY && err.status == SRV_NO_MEMORY));
        failures += status != SRV_OK;
        srv_arena_free(fresh);
    }
    CHECK_EQ(status, SRV_OK);
    CHECK(failures >= 2);
}
#else
TEST(survives_failing_allocations) {}
#endif

TEST_MAIN(arena = srv_arena_new(); RUN(refuses_naming_the_field); RUN(refuses_steps_that_do_not_follow);
          RUN(says_how_large_a_picture_is_useful); RUN(inverts_always_or_where_the_background_is_light);
          RUN(stretches_paper_to_0_and_ink_to_255); RUN(crops_to_strokes_and_not_to_specks);
          RUN(crops_away_what_lies_along_an_edge); RUN(keeps_strokes_that_reach_the_edges_when_there_are_no_others);
          RUN(fits_with_the_aspect_ratio_kept); RUN(crops_the_middle); RUN(puts_the_centre_of_mass_in_the_middle);
          RUN(takes_colour_where_the_recipe_does); RUN(a_digit_ends_as_in_mnist); RUN(what_is_as_in_mnist_stays);
          RUN(colours_and_alpha_do_not_matter); RUN(photos_in_uneven_light_give_the_same_digit);
          RUN(a_picture_without_ink_is_refused); RUN(survives_odd_shapes); RUN(survives_failing_allocations);
          srv_arena_free(arena))
