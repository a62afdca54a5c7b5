/* stretch: background to 0, ink to 255. */
#include "image_light.h"
#include "image_steps.h"

#include <string.h>

/* Ink stands out from noise by this many standard deviations, and from JPEG's ripples by this many levels more. */
#define INK_DEVIATIONS 6.0
#define LEAST_CONTRAST 8.0

/* So many standard deviations above the paper are still paper. */
#define PAPER_DEVIATIONS 4.0

/* The darkest of this many pixels is ink, if any is: the strokes of a digit a tenth as high as the picture cover more. */
#define INK_PART 1000

/* Histograms filled side by side: with one, runs of equal pixels would wait for each other. */
#define LANES 4

typedef struct histogram {
    size_t counts[256];
} histogram;

static void count_values(const uint8_t *samples, size_t size, histogram *out) {
    size_t lanes[LANES][256] = {{0}};
    for (size_t i = 0; i < size; i++) {
        lanes[i % LANES][samples[i]]++;
    }
    for (size_t value = 0; value < 256; value++) {
        out->counts[value] = 0;
        for (size_t lane = 0; lane < LANES; lane++) {
            out->counts[value] += lanes[lane][value];
        }
    }
}

/* How much darker than the paper's 255 a pixel is, were the light even. */
static uint8_t darkness_of(uint8_t sample, float gain) {
    float darkness = 255.5f - (float)(255 - sample) * gain;
    return (uint8_t)(darkness > 0 ? darkness : 0);
}

/* Where a pixel lies between the middles of two neighbouring blocks. */
typedef struct between {
    uint32_t block, next;
    float weight; /* of next */
} between;

static between place_between(size_t pixel, size_t factor, size_t blocks) {
    float at = ((float)pixel + 0.5f) / (float)factor - 0.5f;
    at = at > 0 ? at : 0;
    uint32_t block = (uint32_t)at;
    block = block < blocks - 1 ? block : (uint32_t)blocks - 1;
    uint32_t next = block + 1 < blocks ? block + 1 : block;
    return (between){block, next, at - (float)block};
}

static void even_plain_light(const srv_raster *in, float gain, uint8_t *samples) {
    uint8_t table[256];
    for (size_t value = 0; value < 256; value++) {
        table[value] = darkness_of((uint8_t)value, gain);
    }
    for (size_t y = 0; y < in->height; y++) {
        const uint8_t *row = srv_raster_row(in, y);
        for (size_t x = 0; x < in->width; x++) {
            *samples++ = table[row[x]];
        }
    }
}

/* samples[y][x] = the darkness there; the light is interpolated between the middles of its blocks. */
static srv_status even_light(const srv_raster *in, const srv_light *light, srv_arena *arena, uint8_t *samples,
                             srv_error *err) {
    if (light->gains == NULL) {
        even_plain_light(in, light->gain, samples);
        return SRV_OK;
    }
    size_t size;
    between *columns = NULL;
    float *line = srv_arena_take(arena, light->width * sizeof *line);
    if (srv_multiply(in->width, sizeof *columns, &size)) {
        columns = srv_arena_take(arena, size);
    }
    if (line == NULL || columns == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for evening out the light");
    }
    for (size_t x = 0; x < in->width; x++) {
        columns[x] = place_between(x, light->factor_x, light->width);
    }
    for (size_t y = 0; y < in->height; y++) {
        between place = place_between(y, light->factor_y, light->height);
        const float *above = light->gains + place.block * light->width,
                    *below = light->gains + place.next * light->width;
        for (size_t i = 0; i < light->width; i++) {
            line[i] = above[i] + (below[i] - above[i]) * place.weight;
        }
        const uint8_t *row = srv_raster_row(in, y);
        for (size_t x = 0; x < in->width; x++) {
            between column = columns[x];
            float left = line[column.block], right = line[column.next];
            *samples++ = darkness_of(row[x], left + (right - left) * column.weight);
        }
    }
    return SRV_OK;
}

/* The least value that more than rank of the pixels counted from first to last do not exceed; last if there is none. */
static size_t value_at(const histogram *pixels, size_t first, size_t last, size_t rank) {
    size_t below = 0;
    for (size_t value = first; value < last; value++) {
        below += pixels->counts[value];
        if (below > rank) {
            return value;
        }
    }
    return last;
}

/* levels[v]: 0 up to the noise, 255 from the usual darkness of ink on, a ramp between; all 0 if there is no ink. */
static void find_levels(const histogram *pixels, size_t total, uint8_t levels[256]) {
    memset(levels, 0, 256);
    size_t darkest = value_at(pixels, 0, 255, total - 1 - total / INK_PART), split = darkest / 2, paper_total = 0;
    for (size_t value = 0; value <= split; value++) {
        paper_total += pixels->counts[value];
    }
    size_t ink = value_at(pixels, split + 1, 255, (total - paper_total) / 4 * 3);
    size_t paper = value_at(pixels, 0, split, paper_total / 2);
    histogram distances = {{0}};
    for (size_t value = 0; value <= split; value++) {
        distances.counts[value > paper ? value - paper : paper - value] += pixels->counts[value];
    }
    /* The median distance of normal noise from its median is 1/1.4826 of its standard deviation. */
    double deviation = 1.4826 * (double)value_at(&distances, 0, 255, paper_total / 2);
    double contrast = (double)ink - (double)paper;
    if (darkest == 0 || contrast < INK_DEVIATIONS * deviation + LEAST_CONTRAST) {
        return;
    }
    double zero = (double)paper + PAPER_DEVIATIONS * deviation;
    for (size_t value = 0; value < 256; value++) {
        double level = 255 * ((double)value - zero) / ((double)ink - zero);
        levels[value] = (uint8_t)(level <= 0 ? 0 : level >= 255 ? 255 : level + 0.5);
    }
}

srv_status srv_step_stretch(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err) {
    srv_light light;
    uint8_t *samples, levels[256];
    histogram pixels;
    srv_status status = srv_find_light(in, arena, &light, err);
    if (status == SRV_OK) {
        status = srv_raster_new(in->height, in->width, 1, arena, out, &samples, err);
    }
    if (status == SRV_OK) {
        status = even_light(in, &light, arena, samples, err);
    }
    if (status != SRV_OK) {
        return status;
    }
    size_t total = in->height * in->width;
    count_values(samples, total, &pixels);
    find_levels(&pixels, total, levels);
    for (size_t i = 0; i < total; i++) {
        samples[i] = levels[samples[i]];
    }
    return SRV_OK;
}
