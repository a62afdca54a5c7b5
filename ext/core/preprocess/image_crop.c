/* crop_to_ink: which marks are strokes, and what box they fill.
 *
 * Marks are connected components (8 neighbours) of what the stretch left, found in blocks of pixels so that a large
 * picture costs little and a stroke torn by noise holds together.
 */
#include "image_steps.h"

#include <string.h>

/* Blocks along the longer edge, at most. */
#define MOST_BLOCKS ((size_t)256)

/* Of 255: blocks of at least CLEAR make a mark; beside them pixels of at least FAINT are its soft edges. */
#define CLEAR 80
#define FAINT 16

/* A mark counts if it has this part of the mass of the heaviest. */
#define LEAST_PART 0.05

/* A mark that touches an edge is the table, a shadow or a thumb, not ink, if it lies along more than this part of an edge,
 * or is paler than this part of the strength of the heaviest mark that touches none.  That one must have at least the last
 * part of the mass of the heaviest mark of all, or it is a speck beside strokes that reach the edge. */
#define EDGE_PART 0.45
#define PALE_PART 0.9
#define INSIDE_PART 0.02

typedef struct mark {
    uint64_t mass;       /* sum of the means of its blocks */
    uint32_t area;       /* its blocks */
    uint32_t at_edge[4]; /* those along the top, bottom, left, right edge */
    bool kept;
} mark;

typedef struct blocks {
    size_t height, width, size; /* size: pixels to the edge of a block */
    srv_raster means;           /* of the pixels of each block */
    uint32_t *labels;           /* [height × width]: 0 nothing, else index into marks */
    uint32_t *parents;          /* union-find: parents[i] ≤ i, a root is its own */
    uint32_t count;             /* labels given, 0 included */
} blocks;

static uint32_t root_of(uint32_t *parents, uint32_t label) {
    while (parents[label] != label) {
        parents[label] = parents[parents[label]];
        label = parents[label];
    }
    return label;
}

static uint32_t join(uint32_t *parents, uint32_t a, uint32_t b) {
    a = root_of(parents, a);
    b = root_of(parents, b);
    parents[a > b ? a : b] = a < b ? a : b;
    return a < b ? a : b;
}

static void label_row(blocks *b, size_t y, const uint8_t *means) {
    uint32_t *here = b->labels + y * b->width;
    const uint32_t *above = y > 0 ? here - b->width : NULL;
    for (size_t x = 0; x < b->width; x++) {
        here[x] = 0;
        if (means[x] < CLEAR) {
            continue;
        }
        uint32_t label = x > 0 ? here[x - 1] : 0;
        for (size_t i = x > 0 ? x - 1 : x; above != NULL && i <= x + 1 && i < b->width; i++) {
            if (above[i] != 0 && above[i] != label) {
                label = label != 0 ? join(b->parents, label, above[i]) : above[i];
            }
        }
        if (label == 0) {
            label = b->count++;
            b->parents[label] = label;
        }
        here[x] = label;
    }
}

static srv_status find_marks(const srv_raster *in, srv_arena *arena, blocks *b, srv_error *err) {
    size_t edge = in->height > in->width ? in->height : in->width;
    b->size = (edge - 1) / MOST_BLOCKS + 1;
    srv_status status = srv_raster_reduce(in, b->size, b->size, arena, &b->means, err);
    if (status != SRV_OK) {
        return status;
    }
    b->height = b->means.height;
    b->width = b->means.width;
    /* A new label needs four neighbours without one, so there are at most as many as squares of 2 × 2 blocks. */
    size_t most = ((b->height + 1) / 2) * ((b->width + 1) / 2) + 1;
    b->labels = srv_arena_take(arena, b->height * b->width * sizeof *b->labels);
    b->parents = srv_arena_take(arena, most * sizeof *b->parents);
    if (b->labels == NULL || b->parents == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for finding the strokes");
    }
    b->count = 1;
    b->parents[0] = 0;
    for (size_t y = 0; y < b->height; y++) {
        label_row(b, y, srv_raster_row(&b->means, y));
    }
    for (uint32_t label = 1; label < b->count; label++) { /* parents come first: one step leads to the root */
        b->parents[label] = b->parents[b->parents[label]];
    }
    for (size_t i = 0; i < b->height * b->width; i++) {
        b->labels[i] = b->parents[b->labels[i]];
    }
    return SRV_OK;
}

static void weigh_marks(const blocks *b, mark *marks) {
    for (size_t y = 0; y < b->height; y++) {
        const uint8_t *means = srv_raster_row(&b->means, y);
        for (size_t x = 0; x < b->width; x++) {
            mark *m = &marks[b->labels[y * b->width + x]];
            m->mass += means[x];
            m->area++;
        }
    }
    for (size_t x = 0; x < b->width; x++) {
        marks[b->labels[x]].at_edge[0]++;
        marks[b->labels[(b->height - 1) * b->width + x]].at_edge[1]++;
    }
    for (size_t y = 0; y < b->height; y++) {
        marks[b->labels[y * b->width]].at_edge[2]++;
        marks[b->labels[y * b->width + b->width - 1]].at_edge[3]++;
    }
}

static bool touches_edge(const mark *m) {
    return m->at_edge[0] + m->at_edge[1] + m->at_edge[2] + m->at_edge[3] > 0;
}

static bool lies_along_edge(const mark *m, const blocks *b) {
    double width = (double)b->width * EDGE_PART, height = (double)b->height * EDGE_PART;
    return m->at_edge[0] > width || m->at_edge[1] > width || m->at_edge[2] > height || m->at_edge[3] > height;
}

static double strength(const mark *m) {
    return m->area > 0 ? (double)m->mass / (double)m->area : 0;
}

/* Beside a mark that is clear of the edges, one that is not is no ink if it runs along an edge or is paler. */
static bool is_foreign(const mark *m, const mark *inside, const blocks *b) {
    return touches_edge(m) && (lies_along_edge(m, b) || strength(m) < PALE_PART * strength(inside));
}

/* True if any is kept. */
static bool choose_marks(mark *marks, const blocks *b) {
    const mark *heaviest = NULL, *inside = NULL;
    for (uint32_t i = 1; i < b->count; i++) {
        const mark *m = &marks[i];
        heaviest = heaviest == NULL || m->mass > heaviest->mass ? m : heaviest;
        if (!touches_edge(m)) {
            inside = inside == NULL || m->mass > inside->mass ? m : inside;
        }
    }
    if (heaviest == NULL) {
        return false;
    }
    if (inside != NULL && (double)inside->mass < INSIDE_PART * (double)heaviest->mass) {
        inside = NULL;
    }
    uint64_t most = 0;
    for (uint32_t i = 1; i < b->count; i++) {
        mark *m = &marks[i];
        m->kept = !(inside != NULL && is_foreign(m, inside, b));
        most = m->kept && m->mass > most ? m->mass : most;
    }
    for (uint32_t i = 1; i < b->count; i++) {
        marks[i].kept = marks[i].kept && (double)marks[i].mass >= LEAST_PART * (double)most;
    }
    return true;
}

/* near[y][x] = whether a kept mark is in the block or beside it: its soft edges are there, all else is noise. */
static void find_near(const blocks *b, const mark *marks, uint8_t *near) {
    memset(near, 0, b->height * b->width);
    for (size_t y = 0; y < b->height; y++) {
        for (size_t x = 0; x < b->width; x++) {
            if (!marks[b->labels[y * b->width + x]].kept) {
                continue;
            }
            for (size_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < b->height; v++) {
                for (size_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < b->width; u++) {
                    near[v * b->width + u] = 1;
                }
            }
        }
    }
}

/* Rows top … bottom and columns left … right. */
typedef struct box {
    size_t top, bottom, left, right;
} box;

/* The box of the pixels that are not faint, in the blocks that are near. */
static box find_box(const srv_raster *in, const blocks *b, const uint8_t *near) {
    box ink = {in->height, 0, in->width, 0};
    for (size_t y = 0; y < in->height; y++) {
        const uint8_t *row = srv_raster_row(in, y), *near_row = near + y / b->size * b->width;
        for (size_t block_x = 0; block_x < b->width; block_x++) {
            if (!near_row[block_x]) {
                continue;
            }
            size_t first = block_x * b->size, end = in->width - first < b->size ? in->width : first + b->size;
            for (size_t x = first; x < end; x++) {
                if (row[x] >= FAINT) {
                    ink.top = ink.top < y ? ink.top : y;
                    ink.bottom = y;
                    ink.left = ink.left < x ? ink.left : x;
                    ink.right = ink.right > x ? ink.right : x;
                }
            }
        }
    }
    return ink;
}

static srv_status copy_near(const srv_raster *in, const blocks *b, const uint8_t *near, box ink, srv_arena *arena,
                            srv_raster *out, srv_error *err) {
    uint8_t *samples;
    srv_status status =
        srv_raster_new(ink.bottom - ink.top + 1, ink.right - ink.left + 1, 1, arena, out, &samples, err);
    if (status != SRV_OK) {
        return status;
    }
    memset(samples, 0, out->height * out->stride);
    for (size_t y = ink.top; y <= ink.bottom; y++, samples += out->stride) {
        const uint8_t *row = srv_raster_row(in, y), *near_row = near + y / b->size * b->width;
        for (size_t block_x = ink.left / b->size; block_x <= ink.right / b->size; block_x++) {
            size_t first = block_x * b->size, end = first + b->size;
            first = first > ink.left ? first : ink.left;
            end = end < ink.right + 1 ? end : ink.right + 1;
            if (near_row[block_x]) {
                memcpy(samples + (first - ink.left), row + first, end - first);
            }
        }
    }
    return SRV_OK;
}

srv_status srv_step_crop_to_ink(const srv_raster *in, srv_arena *arena, srv_raster *out, srv_error *err) {
    blocks b = {0};
    srv_status status = find_marks(in, arena, &b, err);
    if (status != SRV_OK) {
        return status;
    }
    mark *marks = srv_arena_take(arena, b.count * sizeof *marks);
    if (marks == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for finding the strokes");
    }
    memset(marks, 0, b.count * sizeof *marks);
    weigh_marks(&b, marks);
    if (!choose_marks(marks, &b)) {
        return srv_blank_picture(err);
    }
    uint8_t *near = srv_arena_take(arena, b.height * b.width);
    if (near == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory for finding the strokes");
    }
    find_near(&b, marks, near);
    box ink = find_box(in, &b, near);
    return copy_near(in, &b, near, ink, arena, out, err);
}
