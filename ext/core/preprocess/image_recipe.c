/* The manifest's inputs[i].image, compiled once and then run over pictures. */
#include "image.h"

#include "../parse/excerpt.h"
#include "image_light.h"
#include "image_steps.h"

#include <string.h>

#define MOST_STEPS ((size_t)32)
#define LONGEST_EDGE ((size_t)4096) /* of what a step makes, in pixels */

/* A picture is looked at with this many pixels for each one the ink is fitted into: a digit a twentieth as high as the
 * picture still has more than its row needs. */
#define USEFUL_SCALE ((size_t)32)

/* Nor are more pixels than this looked at, whatever the shape of the picture. */
#define USEFUL_PIXELS ((size_t)4 << 20)

typedef enum op {
    OP_GRAYSCALE,
    OP_INVERT,
    OP_STRETCH,
    OP_CROP_TO_INK,
    OP_FIT,
    OP_RESIZE,
    OP_CROP,
    OP_CENTRE_OF_MASS,
} op;

#define OP_NAMES "grayscale, invert, stretch, crop_to_ink, fit, resize, crop, centre_of_mass"

typedef struct step {
    op op;
    bool only_if_light;   /* invert */
    size_t height, width; /* fit, resize, crop, centre_of_mass */
    srv_filter filter;    /* fit, resize */
} step;

struct srv_image_recipe {
    size_t height, width, channels; /* of what leaves */
    size_t useful_edge;
    size_t step_count;
    step steps[];
};

/* What is known about the picture between two steps while compiling: height 0 stands for any size. */
typedef struct shape {
    size_t height, width, channels;
} shape;

/* ---- Compiling ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool sized, filtered, needs_grey;
    const char *allowed[6]; /* members, NULL-terminated */
} ops[] = {
    [OP_GRAYSCALE] = {"grayscale", false, false, false, {"op"}},
    [OP_INVERT] = {"invert", false, false, false, {"op", "when"}},
    [OP_STRETCH] = {"stretch", false, false, true, {"op"}},
    [OP_CROP_TO_INK] = {"crop_to_ink", false, false, true, {"op"}},
    [OP_FIT] = {"fit", true, true, false, {"op", "height", "width", "filter"}},
    [OP_RESIZE] = {"resize", true, true, false, {"op", "height", "width", "filter"}},
    [OP_CROP] = {"crop", true, false, false, {"op", "height", "width"}},
    [OP_CENTRE_OF_MASS] = {"centre_of_mass", true, false, true, {"op", "height", "width"}},
};

static srv_status read_op(const srv_json *node, op *out, srv_error *err) {
    const char *name;
    srv_status status = srv_json_get_text(node, "op", &name, err);
    if (status != SRV_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(name, ops[i].name) == 0) {
            *out = (op)i;
            return srv_json_only(node, ops[i].allowed, err);
        }
    }
    char excerpt[SRV_EXCERPT];
    return srv_json_fail(srv_json_get(node, "op"), err, "unknown step \"%s\"; the steps are " OP_NAMES,
                         srv_excerpt(excerpt, name, strlen(name)));
}

static srv_status read_filter(const srv_json *node, srv_filter *out, srv_error *err) {
    const char *name;
    char excerpt[SRV_EXCERPT];
    srv_status status = srv_json_get_text(node, "filter", &name, err);
    if (status == SRV_OK && !srv_filter_named(name, out)) {
        return srv_json_fail(srv_json_get(node, "filter"), err,
                             "unknown filter \"%s\"; the filters are " SRV_FILTER_NAMES,
                             srv_excerpt(excerpt, name, strlen(name)));
    }
    return status;
}

static srv_status read_when(const srv_json *node, bool *only_if_light, srv_error *err) {
    const srv_json *when = srv_json_get(node, "when");
    *only_if_light = false;
    if (when == NULL) {
        return SRV_OK;
    }
    const char *text;
    srv_status status = srv_json_get_text(node, "when", &text, err);
    if (status != SRV_OK) {
        return status;
    }
    *only_if_light = strcmp(text, "light_background") == 0;
    if (!*only_if_light && strcmp(text, "always") != 0) {
        char excerpt[SRV_EXCERPT];
        return srv_json_fail(when, err, "is \"%s\"; it must be \"always\" or \"light_background\"",
                             srv_excerpt(excerpt, text, strlen(text)));
    }
    return SRV_OK;
}

static srv_status read_step(const srv_json *node, step *out, srv_error *err) {
    *out = (step){0};
    if (node->type != SRV_JSON_OBJECT) {
        return srv_json_fail(node, err, "a step is an object with an \"op\", not %s", srv_json_type_name(node->type));
    }
    srv_status status = read_op(node, &out->op, err);
    if (status == SRV_OK && out->op == OP_INVERT) {
        status = read_when(node, &out->only_if_light, err);
    }
    if (status == SRV_OK && ops[out->op].sized) {
        status = srv_json_get_size(node, "height", 1, LONGEST_EDGE, &out->height, err);
    }
    if (status == SRV_OK && ops[out->op].sized) {
        status = srv_json_get_size(node, "width", 1, LONGEST_EDGE, &out->width, err);
    }
    if (status == SRV_OK && ops[out->op].filtered) {
        status = read_filter(node, &out->filter, err);
    }
    return status;
}

/* Carries the shape through one step, or says why the step cannot stand here. */
static srv_status apply_to_shape(const srv_json *node, const step *s, shape *now, srv_error *err) {
    bool needs_grey = ops[s->op].needs_grey || s->only_if_light;
    if (needs_grey && now->channels != 1) {
        return srv_json_fail(node, err, "%s works on grey pictures: a grayscale step must come before it",
                             ops[s->op].name);
    }
    if (s->op == OP_GRAYSCALE) {
        if (now->channels == 1) {
            return srv_json_fail(node, err, "the picture is grey already: grayscale may stand in the steps once");
        }
        now->channels = 1;
    }
    if (s->op == OP_CROP && now->height > 0 && (now->height < s->height || now->width < s->width)) {
        return srv_json_fail(node, err, "cannot crop %zu × %zu (height × width) from %zu × %zu", s->height, s->width,
                             now->height, now->width);
    }
    if (s->op == OP_CENTRE_OF_MASS && (now->height == 0 || now->height > s->height || now->width > s->width)) {
        return srv_json_fail(node, err, "a fit or resize to at most %zu × %zu (height × width) must come before it",
                             s->height, s->width);
    }
    if (s->op == OP_CROP_TO_INK) {
        now->height = now->width = 0;
    }
    if (ops[s->op].sized) {
        now->height = s->height;
        now->width = s->width;
    }
    return SRV_OK;
}

/* A decoder may shrink only where nothing but the ink's own box decides the size: the other steps are to give what the
 * model was trained on, pixel by pixel. */
static size_t useful_edge_of(const srv_image_recipe *recipe) {
    bool cropped = false;
    for (size_t i = 0; i < recipe->step_count; i++) {
        const step *s = &recipe->steps[i];
        cropped = cropped || s->op == OP_CROP_TO_INK;
        if (ops[s->op].sized) {
            size_t edge = s->height > s->width ? s->height : s->width;
            return cropped && s->op != OP_CROP ? USEFUL_SCALE * edge : SIZE_MAX;
        }
    }
    return SIZE_MAX;
}

srv_status srv_image_compile(const srv_json *image, size_t features, srv_arena *arena, srv_image_recipe **out,
                             srv_error *err) {
    static const char *const allowed[] = {"height", "width", "channels", "steps", NULL};
    size_t height, width, channels;
    const srv_json *steps;
    *out = NULL;
    if (image->type != SRV_JSON_OBJECT) {
        return srv_json_fail(image, err, "must be an object with height, width, channels and steps, not %s",
                             srv_json_type_name(image->type));
    }
    srv_status status = srv_json_only(image, allowed, err);
    if (status != SRV_OK || (status = srv_json_get_size(image, "height", 1, LONGEST_EDGE, &height, err)) != SRV_OK ||
        (status = srv_json_get_size(image, "width", 1, LONGEST_EDGE, &width, err)) != SRV_OK ||
        (status = srv_json_get_size(image, "channels", 1, 3, &channels, err)) != SRV_OK ||
        (status = srv_json_get_array(image, "steps", &steps, err)) != SRV_OK) {
        return status;
    }
    if (channels == 2) {
        return srv_json_fail(srv_json_get(image, "channels"), err, "must be 1 (grey) or 3 (RGB), not 2");
    }
    if (height * width * channels != features) { /* at most 3 · LONGEST_EDGE² */
        return srv_json_fail(image, err, "height × width × channels is %zu, but the input's shape holds %zu numbers",
                             height * width * channels, features);
    }
    if (steps->size > MOST_STEPS) {
        return srv_json_fail(steps, err, "has %zu steps; at most %zu are allowed", steps->size, MOST_STEPS);
    }
    srv_image_recipe *recipe = srv_arena_take(arena, sizeof *recipe + steps->size * sizeof *recipe->steps);
    if (recipe == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for the image steps");
    }
    *recipe = (srv_image_recipe){.height = height, .width = width, .channels = channels, .step_count = steps->size};
    shape now = {.channels = 3};
    for (const srv_json *node = steps->first; node != NULL; node = node->next) {
        step *s = &recipe->steps[node->index];
        if ((status = read_step(node, s, err)) != SRV_OK || (status = apply_to_shape(node, s, &now, err)) != SRV_OK) {
            return status;
        }
    }
    if (now.height == 0) {
        return srv_json_fail(steps, err, "leave the picture's size open: a fit, resize or crop to %zu × %zu is missing",
                             height, width);
    }
    if (now.height != height || now.width != width || now.channels != channels) {
        return srv_json_fail(steps, err, "end in %zu × %zu × %zu (height × width × channels), not in %zu × %zu × %zu",
                             now.height, now.width, now.channels, height, width, channels);
    }
    recipe->useful_edge = useful_edge_of(recipe);
    *out = recipe;
    return SRV_OK;
}

size_t srv_image_useful_edge(const srv_image_recipe *recipe) {
    return recipe->useful_edge;
}

/* ---- Running ------------------------------------------------------------------------------------------------------ */

static srv_status run_step(const step *s, const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err) {
    bool light = true;
    srv_status status = SRV_OK;
    switch (s->op) {
    case OP_GRAYSCALE:
        return srv_raster_grey(in, arena, out, err);
    case OP_INVERT:
        if (s->only_if_light) {
            status = srv_light_background(in, arena, &light, err);
        }
        *out = *in;
        return status == SRV_OK && light ? srv_step_invert(in, arena, out, err) : status;
    case OP_STRETCH:
        return srv_step_stretch(in, arena, out, err);
    case OP_CROP_TO_INK:
        return srv_step_crop_to_ink(in, arena, out, err);
    case OP_FIT:
        return srv_step_fit(in, s->height, s->width, s->filter, arena, out, err);
    case OP_RESIZE:
        return srv_resize(in, s->height, s->width, s->filter, arena, out, err);
    case OP_CROP:
        return srv_step_crop(in, s->height, s->width, out, err);
    case OP_CENTRE_OF_MASS:
        return srv_step_centre_of_mass(in, s->height, s->width, arena, out, err);
    }
    return SRV_OK;
}

/* The edge of the blocks that are averaged before the first step; 1 where each pixel counts. */
static size_t shrinking_of(const srv_image_recipe *recipe, const srv_raster *picture) {
    if (recipe->useful_edge == SIZE_MAX) {
        return 1;
    }
    size_t edge = picture->height < picture->width ? picture->height : picture->width;
    size_t factor = edge > recipe->useful_edge ? edge / recipe->useful_edge : 1;
    while (((picture->height - 1) / factor + 1) * ((picture->width - 1) / factor + 1) > USEFUL_PIXELS) {
        factor++;
    }
    return factor;
}

/* The caller's pixels as the first step wants them: no alpha, not much larger than useful, RGB unless it turns grey. */
static srv_status begin(const srv_image_recipe *recipe, const srv_pixels *pixels, srv_arena *arena, srv_raster *out,
                        srv_error *err) {
    size_t stride, size;
    if (pixels->height == 0 || pixels->width == 0) {
        return srv_fail(err, SRV_WRONG_VALUE, "the picture has no pixels (%zu × %zu)", pixels->width, pixels->height);
    }
    if (pixels->channels < 1 || pixels->channels > 4 || !srv_multiply(pixels->width, pixels->channels, &stride) ||
        !srv_multiply(stride, pixels->height, &size)) {
        return srv_fail(err, SRV_WRONG_VALUE, "a picture of %zu × %zu pixels with %zu channels cannot be read",
                        pixels->width, pixels->height, pixels->channels);
    }
    srv_raster whole = {pixels->data, pixels->height, pixels->width, pixels->channels, stride}, small = whole;
    size_t factor = shrinking_of(recipe, &whole);
    srv_status status = SRV_OK;
    if (factor > 1) {
        status = srv_raster_reduce(&whole, factor, factor, arena, &small, err);
    }
    if (status != SRV_OK || (recipe->step_count > 0 && recipe->steps[0].op == OP_GRAYSCALE)) {
        *out = small;
        return status;
    }
    return srv_raster_rgb(&small, arena, out, err);
}

srv_status srv_image_to_row(const srv_image_recipe *recipe, const srv_pixels *pixels, srv_arena *arena, float *row,
                            srv_error *err) {
    srv_raster now;
    srv_status status = begin(recipe, pixels, arena, &now, err);
    for (size_t i = 0; status == SRV_OK && i < recipe->step_count; i++) {
        srv_raster before = now;
        status = run_step(&recipe->steps[i], &before, arena, &now, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    size_t width = recipe->width * recipe->channels;
    for (size_t y = 0; y < recipe->height; y++) {
        const uint8_t *samples = srv_raster_row(&now, y);
        for (size_t i = 0; i < width; i++) {
            row[y * width + i] = samples[i];
        }
    }
    return SRV_OK;
}
