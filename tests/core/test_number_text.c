/* Numbers in text: separators, rows, quotes, headers, and errors by row and column. */
#include "parse/number_text.h"

#include "check.h"

static srv_arena *arena;
static srv_error err;

/* "rows:v v v" with "*" after rows if single, or "!STATUS@offset". */
static const char *numbers_of(size_t features, const char *text, size_t size) {
    static char seen[4096];
    const srv_input_spec input = {.name = "x", .rank = 1, .shape = {features}, .features = features};
    const srv_limits limits = {.max_body_bytes = 100000, .max_rows = 5, .max_depth = 8};
    srv_body body;
    srv_arena_reset(arena);
    err = (srv_error){.offset = SRV_NO_OFFSET};
    srv_status status = srv_parse_number_text(guarded(text, size), size, &input, &limits, arena, &body, &err);
    if (status != SRV_OK) {
        snprintf(seen, sizeof seen, "!%s@%zd", srv_status_name(status), (ssize_t)err.offset);
        return seen;
    }
    CHECK_EQ(body.kind, SRV_BODY_ROWS);
    size_t used = (size_t)snprintf(seen, sizeof seen, "%zu%s:", body.rows, body.single ? "*" : "");
    for (size_t i = 0; i < body.rows * features; i++) {
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%s%.9g", i > 0 ? " " : "", (double)body.values[i]);
    }
    return seen;
}

#define NUMBERS(features, text) numbers_of(features, text, sizeof(text) - 1)
#define REFUSED(features, text, status, said)        \
    do {                                             \
        CHECK_TEXT(NUMBERS(features, text), status); \
        CHECK_TEXT(err.message, said);               \
    } while (0)

TEST(takes_each_separator) {
    CHECK_TEXT(NUMBERS(3, "1,2,3"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(3, "1;2;3"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(3, "1 2 3"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(3, "1\t2\t3"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(3, " 1 ,\t2 , 3 "), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(3, "  1  2\t 3  "), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(3, "1\n2\n3"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(3, "1,2,3,\n"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(1, "5"), "1*:5");
}

TEST(one_separator_serves_the_whole_text) {
    REFUSED(2, "1,5;2,5", "!WRONG_VALUE@2", "row 1, column 2: '5;2' is not a number");
    REFUSED(2, "1 2, 3", "!WRONG_VALUE@0", "row 1, column 1: '1 2' is not a number");
    REFUSED(2, "1 2\n3,4", "!WRONG_VALUE@4", "row 2, column 1: '3,4' is not a number");
    REFUSED(2, "1,2\n3;4", "!WRONG_VALUE@4", "row 2, column 1: '3;4' is not a number");
}

TEST(reads_rows_one_a_line_or_one_row_over_lines) {
    CHECK_TEXT(NUMBERS(2, "1,2\n3,4\n"), "2:1 2 3 4");
    CHECK_TEXT(NUMBERS(4, "1,2\n3,4\n"), "1*:1 2 3 4");
    CHECK_TEXT(NUMBERS(4, "1,2,\n3,4,\n"), "1*:1 2 3 4");
    CHECK_TEXT(NUMBERS(5, "1 2\n3\n4 5\n"), "1*:1 2 3 4 5");
    CHECK_TEXT(NUMBERS(1, "1\n2\n3"), "3:1 2 3");
}

TEST(takes_any_line_end_and_passes_over_empty_lines_and_mark) {
    CHECK_TEXT(NUMBERS(2, "1,2\r\n3,4\r\n"), "2:1 2 3 4");
    CHECK_TEXT(NUMBERS(2, "1,2\r3,4\r"), "2:1 2 3 4");
    CHECK_TEXT(NUMBERS(2, "\n\n1,2\n  \n3,4\n\n"), "2:1 2 3 4");
    CHECK_TEXT(NUMBERS(2, "\xEF\xBB\xBF"
                          "1,2\n"),
               "1*:1 2");
}

TEST(takes_quoted_cells) {
    CHECK_TEXT(NUMBERS(3, "\"1\",\" 2 \",3"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(2, "\"1\" \"+2\""), "1*:1 2");
    REFUSED(2, "1,\"2", "!MALFORMED@2", "row 1, column 2: the quote opened here is never closed");
    REFUSED(2, "1,\"2\"3", "!MALFORMED@5", "row 1, column 2: text after the closing quote; expected a separator");
    REFUSED(2, "1,\"a\"\"b\"", "!WRONG_VALUE@3", "row 1, column 2: 'a\"\"b' is not a number");
    REFUSED(2, "1,\"\"", "!WRONG_VALUE@3", "row 1, column 2: the cell is empty; expected a number");
}

TEST(reads_numbers_that_can_mean_one_thing) {
    CHECK_TEXT(NUMBERS(4, "-1.5,2e3,0.1,1E-2"), "1*:-1.5 2000 0.100000001 0.00999999978");
    CHECK_TEXT(NUMBERS(4, "+1,.5,5.,-.5"), "1*:1 0.5 5 -0.5");
    CHECK_TEXT(NUMBERS(4, "007,-00.5,5.e1,+.5E+1"), "1*:7 -0.5 50 5");
    CHECK_TEXT(NUMBERS(2, "-0,1e-400"), "1*:0 0");
    CHECK_TEXT(NUMBERS(2, "0.10000000000000000000000000000000000000000000000000000000000000000000000000000001,2"),
               "1*:0.100000001 2");
}

TEST(refuses_what_is_no_number) {
    REFUSED(5, "1,2,3,4,5\n1,2,3,4,abc", "!WRONG_VALUE@18", "row 2, column 5: 'abc' is not a number");
    static const char *const wrong[] = {"+",
                                        "-",
                                        ".",
                                        "+-5",
                                        "--5",
                                        "1.2.3",
                                        "5..",
                                        "1e",
                                        "1e+",
                                        "0x10",
                                        "e5",
                                        "1 2",
                                        "1_000",
                                        "1'000",
                                        "1%",
                                        "$1",
                                        "\xC2\xA0"
                                        "1",
                                        "1f",
                                        ".e1",
                                        "-."};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64], said[96];
        size_t size = (size_t)snprintf(text, sizeof text, "0,%s", wrong[i]);
        CHECK_TEXT(numbers_of(2, text, size), "!WRONG_VALUE@2");
        snprintf(said, sizeof said, "row 1, column 2: '%s' is not a number", wrong[i]);
        CHECK_TEXT(err.message, said);
    }
    REFUSED(2, "1,,2", "!WRONG_VALUE@2", "row 1, column 2: the cell is empty; expected a number");
    REFUSED(2, ",1", "!WRONG_VALUE@0", "row 1, column 1: the cell is empty; expected a number");
    REFUSED(2, "1,2\n,\n", "!WRONG_VALUE@4", "row 2, column 1: the cell is empty; expected a number");
    CHECK_TEXT(NUMBERS(2, "1,\0"
                          "2"),
               "!WRONG_VALUE@2");
    CHECK_TEXT(err.message, "row 1, column 2: '?2' is not a number");
}

TEST(refuses_what_is_not_finite_or_missing_by_name) {
    REFUSED(2, "1,nan", "!WRONG_VALUE@2", "row 1, column 2: 'nan' is not a finite number");
    REFUSED(2, "1,-Infinity", "!WRONG_VALUE@2", "row 1, column 2: '-Infinity' is not a finite number");
    REFUSED(2, "1,+INF", "!WRONG_VALUE@2", "row 1, column 2: '+INF' is not a finite number");
    REFUSED(2, "1,N/A", "!WRONG_VALUE@2", "row 1, column 2: 'N/A' is a missing value; expected a number");
    REFUSED(2, "1,4e38", "!WRONG_VALUE@2", "row 1, column 2: '4e38' is beyond the range of float32 (3.4e38)");
    REFUSED(2, "1,-1e999", "!WRONG_VALUE@2", "row 1, column 2: '-1e999' is beyond the range of float32 (3.4e38)");
}

TEST(cuts_long_cells_in_messages) {
    CHECK_TEXT(
        NUMBERS(
            1,
            "a\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
            "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
            "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"),
        "!WRONG_VALUE@0");
    CHECK(strstr(err.message, "\xC3\xA9\xE2\x80\xA6' is not a number") != NULL);
}

TEST(refuses_wrong_counts) {
    REFUSED(3, "1,2", "!WRONG_VALUE@0", "row 1 has 2 numbers; the model takes 3");
    REFUSED(3, "1,2,3,4", "!WRONG_VALUE@0", "row 1 has 4 numbers; the model takes 3");
    REFUSED(3, "1,2,3\n4,5,6\n7\n", "!WRONG_VALUE@12", "row 3 has 1 number; the model takes 3");
    REFUSED(3, "1,2,3\n\n4,5\n", "!WRONG_VALUE@7", "row 2 (line 3) has 2 numbers; the model takes 3");
    REFUSED(9, "1,2\n3,4\n", "!WRONG_VALUE@0",
            "row 1 has 2 numbers, and all 2 lines together have 4; the model takes 9");
    REFUSED(1, "1,2", "!WRONG_VALUE@0", "row 1 has 2 numbers; the model takes 1");
    REFUSED(2, "1,2,3,4", "!WRONG_VALUE@0", "row 1 has 4 numbers; the model takes 2");
}

TEST(bounds_the_rows) {
    CHECK_TEXT(NUMBERS(1, "1\n2\n3\n4\n5"), "5:1 2 3 4 5");
    REFUSED(1, "1\n2\n3\n4\n5\n6", "!TOO_LARGE@-1", "the text has 6 rows; one request may hold 5");
    CHECK_TEXT(NUMBERS(6, "1\n2\n3\n4\n5\n6"), "1*:1 2 3 4 5 6");
}

TEST(passes_over_a_header_that_can_be_nothing_else) {
    CHECK_TEXT(NUMBERS(2, "age,fare\n1,2\n3,4"), "2:1 2 3 4");
    CHECK_TEXT(NUMBERS(2, "\"the age\",\"fare, paid\"\r\n1,2"), "1*:1 2");
    CHECK_TEXT(NUMBERS(2, "age fare\n1 2"), "1*:1 2");
    CHECK_TEXT(NUMBERS(1, "_x1\n1\n2"), "2:1 2");
    REFUSED(2, "age,fare\n1,x\n", "!WRONG_VALUE@11", "row 1 (line 2), column 2: 'x' is not a number");
    REFUSED(2, "age,fare\n1\n", "!WRONG_VALUE@9", "row 1 (line 2) has 1 number; the model takes 2");
    REFUSED(2, "age,fare\n\n", "!WRONG_VALUE@0", "row 1, column 1: 'age' is not a number");
    REFUSED(2, "age,2\n1,2", "!WRONG_VALUE@0", "row 1, column 1: 'age' is not a number");
    REFUSED(2, "age,nan\n1,2", "!WRONG_VALUE@0", "row 1, column 1: 'age' is not a number");
    REFUSED(1, "N/A\n1", "!WRONG_VALUE@0", "row 1, column 1: 'N/A' is a missing value; expected a number");
    REFUSED(3, "age,fare\n1,2,3", "!WRONG_VALUE@0", "row 1, column 1: 'age' is not a number");
    REFUSED(2, "1,2\nage,fare\n", "!WRONG_VALUE@4", "row 2, column 1: 'age' is not a number");
}

TEST(hands_json_on) {
    CHECK_TEXT(NUMBERS(3, "[1,2,3]"), "1*:1 2 3");
    CHECK_TEXT(NUMBERS(2, "\n [[1,2],[3,4]]\n"), "2:1 2 3 4");
    CHECK_TEXT(NUMBERS(2, "\xEF\xBB\xBF{\"data\": [1, 2]}"), "1*:1 2");
    CHECK_TEXT(NUMBERS(2, "\xEF\xBB\xBF[1, x]"), "!MALFORMED@7");
}

TEST(refuses_text_without_numbers) {
    REFUSED(3, "", "!MALFORMED@0", "the text holds no numbers; the model takes 3");
    REFUSED(3, " \r\n\t", "!MALFORMED@4", "the text holds no numbers; the model takes 3");
    REFUSED(3, "\xEF\xBB\xBF", "!MALFORMED@3", "the text holds no numbers; the model takes 3");
}

TEST(any_prefix_is_read_within_its_bounds) {
    static const char *const texts[] = {
        "\xEF\xBB\xBF\"a\"\"b\",c\r\n1.5e+3,\"+2\"\r\n -.5 , 5.\r\n\r\n",
        "1 2\t3\n4 -5e-1 6.25\r7 8 9",
        " [[1, 2.5], [3e2, -4]] ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t size = 0; size <= strlen(texts[i]); size++) {
            CHECK(numbers_of(2, texts[i], size)[0] != '\0');
        }
    }
    CHECK_TEXT(numbers_of(2, texts[0], strlen(texts[0])), "2:1500 2 -0.5 5");
}

TEST(says_when_memory_runs_out) {
    srv_arena *kept = arena;
    arena = srv_arena_new();
    srv_test_fail_allocation(1);
    CHECK_TEXT(NUMBERS(2, "1,2"), "!NO_MEMORY@-1");
    srv_test_fail_allocation(0);
    srv_arena_free(arena);
    arena = kept;
}

TEST_MAIN(arena = srv_arena_new(); RUN(takes_each_separator); RUN(one_separator_serves_the_whole_text);
          RUN(reads_rows_one_a_line_or_one_row_over_lines);
          RUN(takes_any_line_end_and_passes_over_empty_lines_and_mark); RUN(takes_quoted_cells);
          RUN(reads_numbers_that_can_mean_one_thing); RUN(refuses_what_is_no_number);
          RUN(refuses_what_is_not_finite_or_missing_by_name); RUN(cuts_long_cells_in_messages);
          RUN(refuses_wrong_counts); RUN(bounds_the_rows); RUN(passes_over_a_header_that_can_be_nothing_else);
          RUN(hands_json_on); RUN(refuses_text_without_numbers); RUN(any_prefix_is_read_within_its_bounds);
          RUN(says_when_memory_runs_out); srv_arena_free(arena))
