/* Nested arrays of numbers → float32: every run function against the plain readers. */
#include "base/number.h"
#include "check.h"
#include "parse/json_tensor.h"

#include <dirent.h>
#include <math.h>
#include <stdint.h>

static srv_arena *arena;

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t below(size_t n) {
    return (size_t)(random_bits() >> 11) % n;
}

/* What a reading comes to, in a form that can be compared. */
typedef struct outcome {
    srv_status status;
    srv_error err;
    srv_json_tensor tensor;
    size_t end; /* where the cursor is */
} outcome;

static outcome read_with(srv_json_run_function *run, const char *text, size_t size) {
    outcome o = {.err = {.status = SRV_OK}};
    srv_json_cursor cursor = srv_json_cursor_at(text, size);
    o.status = srv_json_read_tensor(&cursor, "", 64, run, arena, &o.tensor, &o.err);
    o.end = (size_t)(cursor.at - cursor.begin);
    return o;
}

static bool same(const outcome *a, const outcome *b) {
    if (a->status != b->status || a->end != b->end) {
        return false;
    }
    if (a->status != SRV_OK) {
        return a->err.offset == b->err.offset && strcmp(a->err.where, b->err.where) == 0 &&
               strcmp(a->err.message, b->err.message) == 0;
    }
    bool alike = a->tensor.rank == b->tensor.rank && a->tensor.count == b->tensor.count;
    for (size_t i = 0; alike && i < a->tensor.rank; i++) {
        alike = a->tensor.level[i].size == b->tensor.level[i].size &&
                a->tensor.level[i].offset == b->tensor.level[i].offset;
    }
    return alike && memcmp(a->tensor.values, b->tensor.values, a->tensor.count * sizeof(float)) == 0;
}

/* Reads the text with every run function; true if all agree with the generic one. */
static bool all_agree(const char *text, size_t size) {
    srv_json_run_variant all[SRV_JSON_RUN_VARIANTS];
    size_t count = srv_json_run_variants(all);
    outcome wanted = read_with(all[0].run, text, size);
    for (size_t i = 1; i < count; i++) {
        outcome got = read_with(all[i].run, text, size);
        if (!same(&got, &wanted)) {
            fprintf(stderr, "%s differs: status %d, not %d (%s; %s), end %zu, not %zu: %.*s\n", all[i].name, got.status,
                    wanted.status, got.err.message, wanted.err.message, got.end, wanted.end,
                    (int)(size < 300 ? size : 300), text);
            for (size_t j = 0;
                 got.status == SRV_OK && wanted.status == SRV_OK && j < got.tensor.count && j < wanted.tensor.count;
                 j++) {
                if (memcmp(&got.tensor.values[j], &wanted.tensor.values[j], 4) != 0) {
                    fprintf(stderr, "  at %zu: %.9g, not %.9g\n", j, (double)got.tensor.values[j],
                            (double)wanted.tensor.values[j]);
                    break;
                }
            }
            return false;
        }
    }
    return true;
}

static bool shape_is(const char *text, size_t rank, size_t a, size_t b, size_t c) {
    outcome o = read_with(srv_json_run_for_cpu(), guarded(text, strlen(text)), strlen(text));
    return o.status == SRV_OK && o.tensor.rank == rank && (rank < 1 || o.tensor.level[0].size == a) &&
           (rank < 2 || o.tensor.level[1].size == b) && (rank < 3 || o.tensor.level[2].size == c);
}

TEST(finds_the_shape) {
    CHECK(shape_is("5", 0, 0, 0, 0));
    CHECK(shape_is("[]", 1, 0, 0, 0));
    CHECK(shape_is("[5]", 1, 1, 0, 0));
    CHECK(shape_is(" [ 1 , 2 ,3 ] ", 1, 3, 0, 0));
    CHECK(shape_is("[[1,2,3],[4,5,6]]", 2, 2, 3, 0));
    CHECK(shape_is("[[],[]]", 2, 2, 0, 0));
    CHECK(shape_is("[[[1],[2]],[[3],[4]],[[5],[6]]]", 3, 3, 2, 1));
    CHECK(shape_is("[\n  [\n    [1.5,\t-2]\r\n  ]\n]", 3, 1, 1, 2));
}

TEST(reads_values_in_order) {
    const char *text = "[[1, -2.5, 3e2], [-0.0, -0, 1e999], [-1e999,0.000001,16777217]]";
    srv_json_run_variant all[SRV_JSON_RUN_VARIANTS];
    size_t count = srv_json_run_variants(all);
    for (size_t i = 0; i < count; i++) {
        outcome o = read_with(all[i].run, guarded(text, strlen(text)), strlen(text));
        CHECK_EQ(o.status, SRV_OK);
        const float wanted[] = {1, -2.5f, 300, -0.0f, 0.0f, INFINITY, -INFINITY, 0.000001f, 16777216};
        CHECK_EQ(o.tensor.count, 9);
        CHECK(memcmp(o.tensor.values, wanted, sizeof wanted) == 0);
    }
}

TEST(says_what_is_wrong_and_where) {
    const struct {
        const char *text;
        srv_status status;
        const char *message, *where;
        size_t offset;
    } cases[] = {
        {"[1,2,\"x\",4]", SRV_WRONG_VALUE, "/2 is a string; expected a number", "/2", 5},
        {"[[1,2],[3,null]]", SRV_WRONG_VALUE, "/1/1 is null; expected a number", "/1/1", 10},
        {"[[1,2],[3,true]]", SRV_WRONG_VALUE, "/1/1 is a boolean; expected a number", "/1/1", 10},
        {"[{}]", SRV_WRONG_VALUE, "/0 is an object; expected a number", "/0", 1},
        {"\"x\"", SRV_WRONG_VALUE, "the value is a string; expected a number", "", 0},
        {"[1,[2]]", SRV_WRONG_VALUE, "/1 is an array; expected a number", "/1", 3},
        {"[[1],2]", SRV_WRONG_VALUE, "/1 is a number; expected an array", "/1", 5},
        {"[[1],\"x\"]", SRV_WRONG_VALUE, "/1 is a string; expected an array", "/1", 5},
        {"[[[1]],[[2],[3]]]", SRV_WRONG_VALUE, "ragged: this array has 2 values, those before it 1", "/1", 7},
        {"[[1,2],[1,2,3]]", SRV_WRONG_VALUE, "ragged: this array has 3 values, those before it 2", "/1", 7},
        {"[[1,2],[]]", SRV_WRONG_VALUE, "ragged: this array has 0 values, those before it 2", "/1", 7},
        {"[[],[1]]", SRV_WRONG_VALUE, "ragged: this array has 1 values, those before it 0", "/1", 4},
        {"[[],[[1]]]", SRV_WRONG_VALUE, "/1/0 is an array; expected a number", "/1/0", 5},
        {"[1,2,NaN]", SRV_MALFORMED, "NaN is not JSON; expected a number", "/2", 5},
        {"[1,2,-Infinity]", SRV_MALFORMED, "-Infinity is not JSON; expected a number", "/2", 5},
        {"[1,2", SRV_MALFORMED, "the text ends here; expected ',' or ']'", "/1", 4},
        {"[1,2,", SRV_MALFORMED, "the text ends here; expected a number", "/2", 5},
        {"[", SRV_MALFORMED, "the text ends here; expected a number", "/0", 1},
        {"[1,,2]", SRV_MALFORMED, "unexpected ','; expected a number", "/1", 3},
        {"[1,2,]", SRV_MALFORMED, "unexpected ']'; expected a number", "/2", 5},
        {"[,1]", SRV_MALFORMED, "unexpected ','; expected a number", "/0", 1},
        {"[1 2]", SRV_MALFORMED, "unexpected '2'; expected ',' or ']'", "/0", 3},
        {"[1,02]", SRV_MALFORMED, "a JSON number has no leading zeros", "/1", 3},
        {"[1,2.]", SRV_MALFORMED, "unexpected ']'; expected a digit after the decimal point", "/1", 5},
        {"[1,.5]", SRV_MALFORMED, "unexpected '.'; expected a number", "/1", 3},
        {"[1,1.2.3]", SRV_MALFORMED, "unexpected '.'; expected ',' or ']'", "/1", 6},
        {"[1,0x10]", SRV_MALFORMED, "x is not JSON; expected ',' or ']'", "/1", 4},
        {"[[1,2]3]", SRV_MALFORMED, "unexpected '3'; expected ',' or ']'", "/0", 6},
        {"]", SRV_MALFORMED, "unexpected ']'; expected a number", "", 0},
    };
    srv_json_run_variant all[SRV_JSON_RUN_VARIANTS];
    size_t count = srv_json_run_variants(all);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < count; j++) {
            size_t size = strlen(cases[i].text);
            outcome o = read_with(all[j].run, guarded(cases[i].text, size), size);
            CHECK_EQ(o.status, cases[i].status);
            CHECK_TEXT(o.err.message, cases[i].message);
            CHECK_TEXT(o.err.where, cases[i].where);
            CHECK_EQ(o.err.offset, cases[i].offset);
        }
    }
}

TEST(limits_depth) {
    enum { MANY = 100000 };
    static char text[MANY];
    memset(text, '[', MANY);
    outcome o = read_with(srv_json_run_for_cpu(), text, MANY);
    CHECK_EQ(o.status, SRV_WRONG_VALUE);
    CHECK_EQ(o.err.offset, SRV_JSON_TENSOR_RANK);
    srv_json_cursor cursor = srv_json_cursor_at("[[[1]]]", 7);
    CHECK_EQ(srv_json_read_tensor(&cursor, "", 3, srv_json_run_for_cpu(), arena, &o.tensor, &o.err), SRV_OK);
    cursor.at = cursor.begin;
    CHECK_EQ(srv_json_read_tensor(&cursor, "", 2, srv_json_run_for_cpu(), arena, &o.tensor, &o.err), SRV_WRONG_VALUE);
    CHECK_TEXT(o.err.message, "nested too deep; at most 2 levels of arrays");
    CHECK_TEXT(o.err.where, "/0/0");
}

/* --- Random texts --- */

static size_t put_digits(char *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        out[i] = (char)('0' + below(10));
    }
    return count;
}

/* One number; style chooses how long and how odd numbers are. */
static size_t put_number(char *out, size_t style) {
    size_t size = 0;
    if (below(4) == 0) {
        out[size++] = '-';
    }
    static const size_t longest[] = {1, 3, 4, 8, 16, 20, 30, 80};
    size_t whole = below(longest[style] + 1), fraction = below(longest[style] + 1);
    if (style < 3 && below(2)) {
        fraction = 0;
    }
    if (whole == 0 || below(3) == 0) {
        out[size++] = '0';
    } else {
        out[size++] = (char)('1' + below(9));
        size += put_digits(out + size, whole - 1);
    }
    if (fraction > 0) {
        out[size++] = '.';
        size_t zeros = below(8) == 0 ? below(fraction + 1) : 0;
        memset(out + size, '0', zeros);
        size += zeros;
        size += put_digits(out + size, fraction - zeros);
    }
    if (below(60) == 0) {
        size += (size_t)sprintf(out + size, "%c%s%d", "eE"[below(2)], below(2) ? "-" : "", (int)below(50));
    }
    return size;
}

static size_t put_array(char *out, size_t count, size_t style) {
    static const char *const blanks[] = {"", " ", "\n  ", "\t", "\r\n"};
    size_t size = 0, habit = below(3); /* no blanks, one after a comma, anything anywhere */
    out[size++] = '[';
    for (size_t i = 0; i < count; i++) {
        if (habit == 2 && below(8) == 0) {
            size += (size_t)sprintf(out + size, "%s", blanks[below(5)]);
        }
        size += put_number(out + size, below(20) ? style : below(8));
        if (habit == 2 && below(8) == 0) {
            size += (size_t)sprintf(out + size, "%s", blanks[below(5)]);
        }
        if (i + 1 < count) {
            out[size++] = ',';
            if (habit == 1) {
                out[size++] = ' ';
            }
        }
    }
    out[size++] = ']';
    return size;
}

/* The middle between two floats, cut to some digits: where a double must not be trusted. */
static size_t put_tie(char *out) {
    uint32_t bits = 0x30000000 + (uint32_t)below(0x20000000);
    float low, high;
    memcpy(&low, &bits, 4);
    bits++;
    memcpy(&high, &bits, 4);
    return (size_t)sprintf(out, "%.*f", 6 + (int)below(20), ((double)low + (double)high) / 2);
}

static char text[1 << 18];

TEST(all_run_functions_agree) {
    int wrong = 0;
    for (int i = 0; i < 20000 && wrong < 5; i++) {
        size_t size = put_array(text, below(i % 50 == 0 ? 1000 : 60), below(8));
        wrong += !all_agree(guarded(text, size), size);
        srv_arena_reset(arena);
        if (i % 16 == 0) { /* nested */
            size = 0;
            text[size++] = '[';
            for (size_t rows = below(6), count = below(9), style = below(8), row = 0; row <= rows; row++) {
                size += put_array(text + size, below(40) ? count : below(9), style);
                text[size++] = row < rows ? ',' : ']';
            }
            wrong += !all_agree(guarded(text, size), size);
        }
    }
    CHECK_EQ(wrong, 0);
}

TEST(all_run_functions_agree_about_ties) {
    int wrong = 0;
    for (int i = 0; i < 3000 && wrong < 5; i++) {
        size_t size = 0;
        text[size++] = '[';
        for (int j = 0; j < 20; j++) {
            size += put_tie(text + size);
            text[size++] = j < 19 ? ',' : ']';
        }
        wrong += !all_agree(text, size);
        srv_arena_reset(arena);
    }
    CHECK_EQ(wrong, 0);
}

TEST(all_run_functions_agree_about_damage) {
    int wrong = 0;
    static const char likely[] = "0123456789.-+eE,,[]{}\" \n\t\r:/x\x7f\x80\xff";
    for (int i = 0; i < 60000 && wrong < 5; i++) {
        size_t size = put_array(text, 1 + below(60), below(8));
        for (size_t changes = 1 + below(3); changes > 0; changes--) {
            size_t at = below(size);
            switch (below(3)) {
            case 0:
                text[at] = likely[below(sizeof likely)];
                break;
            case 1: /* a byte more */
                memmove(text + at + 1, text + at, size - at);
                text[at] = likely[below(sizeof likely)];
                size++;
                break;
            default: /* a byte less */
                memmove(text + at, text + at + 1, size - at - 1);
                size--;
            }
        }
        if (below(8) == 0) {
            size = below(size + 1);
        }
        char *room = text + (1 << 17) + below(64); /* every alignment, other digits around it */
        memset(text + (1 << 17), '7', 1 << 10);
        memcpy(room, text, size);
        room[size] = "0,]"[below(3)];
        wrong += !all_agree(room, size);
        srv_arena_reset(arena);
    }
    CHECK_EQ(wrong, 0);
}

/* Every size of text at the end of readable memory, every alignment. */
TEST(all_run_functions_stay_within_the_text) {
    char *whole = text + 1000;
    size_t size = put_array(whole, 100, 3);
    char *end = guarded(whole, size < 4096 ? size : 4096);
    size = size < 4096 ? size : 4096;
    for (size_t cut = 0; cut < size; cut++) {
        CHECK(all_agree(end + cut, size - cut));
        end[cut] = '['; /* the next one starts with it */
        if (cut + 1 < size) {
            end[cut + 1] = '[';
        }
    }
    for (size_t cut = 0; cut < size; cut++) {
        CHECK(all_agree(guarded(whole, cut), cut));
        srv_arena_reset(arena);
    }
}

/* All small numbers of some forms, against the plain reader. */
TEST(reads_all_short_numbers) {
    srv_json_run_variant all[SRV_JSON_RUN_VARIANTS];
    size_t count = srv_json_run_variants(all);
    int wrong = 0;
    for (size_t which = 0; which < count; which++) {
        for (int decimals = 0; decimals <= 9; decimals++) {
            size_t size = 0;
            enum { NUMBERS = 11000 };
            static float wanted[NUMBERS];
            text[size++] = '[';
            for (int i = 0; i < NUMBERS; i++) {
                char number[32];
                size_t length = (size_t)snprintf(number, sizeof number, "%s%.*f", i % 7 == 0 ? "-" : "", decimals,
                                                 (double)i / (i % 3 == 0   ? 10000
                                                              : i % 3 == 1 ? 100
                                                                           : 1));
                wanted[i] = strcmp(number, "-0") == 0 ? 0 : (float)strtod(number, NULL); /* a whole -0 is 0 */
                memcpy(text + size, number, length);
                size += length;
                text[size++] = i + 1 < NUMBERS ? ',' : ']';
            }
            outcome o = read_with(all[which].run, text, size);
            wrong +=
                o.status != SRV_OK || o.tensor.count != NUMBERS || memcmp(o.tensor.values, wanted, sizeof wanted) != 0;
            srv_arena_reset(arena);
        }
    }
    CHECK_EQ(wrong, 0);
}

#define SUITE "../shared/data/json/parsing"

/* JSONTestSuite: what must be refused is; what is taken was no n_ file; all run functions agree. */
TEST(passes_the_test_suite) {
    DIR *folder = opendir(SUITE);
    if (folder == NULL) {
        return;
    }
    int files = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, SUITE "/%s", entry->d_name);
        FILE *file = entry->d_name[1] == '_' ? fopen(path, "rb") : NULL;
        if (file == NULL) {
            continue;
        }
        size_t size = fread(text, 1, sizeof text, file);
        fclose(file);
        files++;
        const char *copy = guarded(text, size);
        CHECK(all_agree(copy, size));
        outcome o = read_with(srv_json_run_for_cpu(), copy, size);
        srv_json_cursor cursor = {.begin = copy, .at = copy + o.end, .end = copy + size};
        if (entry->d_name[0] == 'n' && o.status == SRV_OK && srv_json_finish(&cursor, &o.err) == SRV_OK) {
            fprintf(stderr, "%s: taken\n", entry->d_name);
            checks_failed++;
        }
        srv_arena_reset(arena);
    }
    closedir(folder);
    CHECK(files >= 150);
}

TEST_MAIN(arena = srv_arena_new(); RUN(finds_the_shape); RUN(reads_values_in_order); RUN(says_what_is_wrong_and_where);
          RUN(limits_depth); RUN(all_run_functions_agree); RUN(all_run_functions_agree_about_ties);
          RUN(all_run_functions_agree_about_damage); RUN(all_run_functions_stay_within_the_text);
          RUN(reads_all_short_numbers); RUN(passes_the_test_suite); srv_arena_free(arena))
