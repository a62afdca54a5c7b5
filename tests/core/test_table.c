/* Tables and texts: each way in, what each fault is told as, and where. */
#include "parse_body.h"

#include "base/unicode.h"
#include "model/table_input.h"
#include "preprocess/preprocess.h"

#include "check.h"

#define FORM "application/x-www-form-urlencoded"
#define CSV "text/csv"
#define JSON "application/json"
#define MULTIPART "multipart/form-data; boundary=b"
#define PART(name, content) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" content "\r\n"

static const char person[] =
    "{\"name\": \"person\", \"kind\": \"table\", \"columns\": ["
    "{\"name\": \"age\", \"type\": \"number\"},"
    "{\"name\": \"member\", \"type\": \"boolean\", \"missing\": 0.5},"
    "{\"name\": \"country\", \"type\": \"category\", \"categories\": [\"France\", \"Spain\", \"\\u00fc\"]},"
    "{\"name\": \"a/b\", \"type\": \"category\", \"categories\": [\"x\"], \"unknown\": \"ignore\", \"missing\": 0},"
    "{\"name\": \"remark\", \"type\": \"text\", \"missing\": \"empty\"}]}";
static const char remark[] = "{\"name\": \"remark\", \"kind\": \"text\"}";

static srv_arena *arena;
static srv_error err;

static const srv_json *parsed(const char *text) {
    const srv_json *root = NULL;
    CHECK_EQ(srv_json_parse(text, strlen(text), arena, &root, &err), SRV_OK);
    return root;
}

/* "rows:v v|text …" ("*" after rows if single), or "!STATUS@offset where". */
static const char *body_of(const char *manifest, const char *type, const char *text, size_t size) {
    static char seen[1024];
    const srv_limits limits = {.max_body_bytes = 20000, .max_rows = 40, .max_depth = 8};
    const srv_body_source source = {.content_type = guarded(type, strlen(type)),
                                    .content_type_size = strlen(type),
                                    .bytes = guarded(text, size),
                                    .size = size};
    srv_arena_reset(arena);
    srv_input_spec input = {.name = "remark"};
    CHECK_EQ(srv_read_table_input(parsed(manifest), arena, &input, &err), SRV_OK);
    const srv_signature signature = {.inputs = &input, .input_count = 1, .row = &input};
    srv_body body;
    err = (srv_error){.offset = SRV_NO_OFFSET};
    srv_status status = srv_parse_body(SRV_PROTOCOL_CLASSIFY, &source, &signature, &limits, arena, &body, &err);
    if (status != SRV_OK) {
        CHECK_EQ(err.status, status);
        CHECK(err.offset == SRV_NO_OFFSET || err.offset <= size);
        snprintf(seen, sizeof seen, "!%s@%zd %s", srv_status_name(status), (ssize_t)err.offset, err.where);
        return seen;
    }
    size_t used = (size_t)snprintf(seen, sizeof seen, "%zu%s:", body.rows, body.single ? "*" : "");
    size_t columns = input.table->names.count;
    for (size_t r = 0; r < body.rows && used < sizeof seen - 80; r++) {
        for (size_t i = 0; i < columns - 1; i++) {
            used += (size_t)snprintf(seen + used, sizeof seen - used, "%g ", body.cells[r * columns + i]);
        }
        used +=
            (size_t)snprintf(seen + used, sizeof seen - used, "|%.*s|", (int)body.texts[r].size, body.texts[r].bytes);
    }
    return seen;
}

#define PERSON(type, text) body_of(person, type, text, sizeof(text) - 1)
#define TEXT(type, text) body_of(remark, type, text, sizeof(text) - 1)
#define REFUSED(seen, place, said)     \
    do {                               \
        CHECK_TEXT(seen, place);       \
        CHECK_TEXT(err.message, said); \
    } while (0)
#define COLUMNS "age, member, country, a/b, remark"

TEST(json_rows) {
    CHECK_TEXT(
        PERSON(JSON, "{\"age\": 42, \"member\": true, \"country\": \"Spain\", \"a/b\": \"x\", \"remark\": \"r\"}"),
        "1*:42 1 1 0 |r|");
    CHECK_TEXT(PERSON(JSON, " { \"country\" : \"\\u00fc\" , \"a\\/b\":\"?\", \"age\":-0 }"), "1*:0 0.5 2 -1 ||");
    CHECK_TEXT(PERSON(JSON, "{\"data\": {\"age\": 1.5, \"country\": \"\xC3\xBC\", \"member\": null}}"),
               "1*:1.5 0.5 2 0 ||");
    CHECK_TEXT(PERSON(JSON, "[1, 0, \"France\", null, \"\\\"\"]"), "1*:1 0 0 0 |\"|");
    CHECK_TEXT(PERSON(JSON, "[[1, 0, \"France\", null, null], {\"age\": 2, \"country\": \"Spain\"}]"),
               "2:1 0 0 0 ||2 0.5 1 0 ||");
    CHECK_TEXT(PERSON("text/plain", "{\"data\": [{\"age\": 2, \"country\": \"Spain\"}]}"), "1:2 0.5 1 0 ||");
}

TEST(json_faults_name_key_value_and_place) {
    REFUSED(PERSON(JSON, "[{\"age\": 1, \"size\": 2}]"), "!MALFORMED@12 /0/size",
            "unknown key \"size\"; the columns are " COLUMNS);
    REFUSED(PERSON(JSON, "{\"age\": 1, \"age\": 2}"), "!MALFORMED@11 /age", "the key \"age\" is there twice");
    REFUSED(PERSON(JSON, "{\"data\": [{\"age\": 1}]}"), "!WRONG_VALUE@10 /data/0",
            "country is missing; expected one of France, Spain, \xC3\xBC (the columns are " COLUMNS ")");
    REFUSED(PERSON(JSON, "{\"country\": 7}"), "!WRONG_VALUE@12 /country",
            "country is a number; expected one of France, Spain, \xC3\xBC");
    REFUSED(PERSON(JSON, "{\"country\": \"Peru\"}"), "!WRONG_VALUE@12 /country",
            "country is \"Peru\"; expected one of France, Spain, \xC3\xBC");
    REFUSED(PERSON(JSON, "{\"age\": \"old\"}"), "!WRONG_VALUE@8 /age", "age is a string; expected a number");
    REFUSED(PERSON(JSON, "{\"member\": 2}"), "!WRONG_VALUE@11 /member",
            "member is a number other than 0 and 1; expected true or false");
    REFUSED(PERSON(JSON, "{\"a/b\": [1]}"), "!WRONG_VALUE@8 /a~1b", "a/b is an array; expected one of x");
    REFUSED(PERSON(JSON, "[1, true]"), "!WRONG_VALUE@0 ", "row has 2 values; the model takes 5: " COLUMNS);
    REFUSED(PERSON(JSON, "[[1, 1, \"Spain\", null, null, 6]]"), "!WRONG_VALUE@29 /0",
            "row has more than 5 values; the model takes 5: " COLUMNS);
    REFUSED(PERSON(JSON, "[]"), "!WRONG_VALUE@0 ", "the list has no rows");
    REFUSED(PERSON(JSON, "{\"age\": NaN}"), "!MALFORMED@8 /age", "NaN is not JSON; expected a number");
    REFUSED(PERSON(JSON, "{\"age\": 01}"), "!MALFORMED@8 /age", "a JSON number has no leading zeros");
    REFUSED(PERSON(JSON, "{\"data\": [1,1,\"Spain\",null,null], \"data\": 1}"), "!MALFORMED@34 /data",
            "the key \"data\" is there twice");
    CHECK_TEXT(PERSON(JSON, "{\"remark\": \"\xFF\"}"), "!MALFORMED@12 /remark");
    CHECK_TEXT(PERSON(JSON, "{\"age\": 1"), "!MALFORMED@9 ");
    CHECK_TEXT(PERSON(JSON, "{\"age"), "!MALFORMED@1 ");
    CHECK_TEXT(PERSON(JSON, "{"), "!MALFORMED@1 ");
    CHECK_TEXT(PERSON(JSON, "{\"data\""), "!MALFORMED@7 ");
    CHECK_TEXT(PERSON(JSON, "[{\"age\": 1, \"country\": \"Spain\"} 1"), "!MALFORMED@32 /0");
}

TEST(csv_rows) {
    CHECK_TEXT(PERSON(CSV, "country,age\r\nSpain,7\r\n\r\n\"France\",+1.5\r\n"), "2:7 0.5 1 0 ||1.5 0.5 0 0 ||");
    CHECK_TEXT(PERSON(CSV, "\xEF\xBB\xBF age ; country ; remark\n 1 ; Spain ; \"a;\"\"b\"\"\n\""),
               "1*:1 0.5 1 0 |a;\"b\"\n|");
    CHECK_TEXT(PERSON(CSV, "1,TRUE,France,,no, header"), "!WRONG_VALUE@18 ");
    CHECK_TEXT(PERSON(CSV, "1,TRUE,France,, no header"), "1*:1 1 0 0 | no header|");
    CHECK_TEXT(PERSON(CSV, "1\t0\tFrance\tz\t\n2\t1\tSpain\tx\t"), "2:1 0 0 -1 ||2 1 1 0 ||");
    REFUSED(PERSON(CSV, "age,country,size\n1,Spain,3"), "!MALFORMED@12 ",
            "header: unknown column \"size\"; the columns are " COLUMNS);
    REFUSED(PERSON(CSV, "age,country,age\n"), "!MALFORMED@12 ", "header: the column \"age\" is there twice");
    REFUSED(PERSON(CSV, "age,country\n\n1,Spain\nold,Spain"), "!WRONG_VALUE@21 ",
            "row 2 (line 4): age: 'old' is not a number");
    REFUSED(PERSON(CSV, "age,member\n1,1"), "!WRONG_VALUE@11 ",
            "row 1 (line 2): country is missing; expected one of France, Spain, \xC3\xBC (the columns are " COLUMNS
            ")");
    REFUSED(PERSON(CSV, "age,country\n1"), "!WRONG_VALUE@12 ",
            "row 1 (line 2): it has 1 cell; expected 2 (the columns are " COLUMNS ")");
    REFUSED(PERSON(CSV, "age,country\n1,\"Spain"), "!MALFORMED@14 ",
            "row 1 (line 2): the quote opened here is never closed");
    REFUSED(PERSON(CSV, "age,country\n"), "!MALFORMED@12 ", "the text has a header and no rows");
    CHECK_TEXT(PERSON(CSV, "age,country\n1,\xC3"), "!MALFORMED@14 ");
    CHECK_TEXT(PERSON(CSV, "\n \n"), "!MALFORMED@3 ");
}

TEST(forms) {
    CHECK_TEXT(PERSON(FORM, "age=42&country=Spain&remark=a+%26+b&member="), "1*:42 0.5 1 0 |a & b|");
    CHECK_TEXT(PERSON(FORM, "data=1,1,Spain,,"), "1*:1 1 1 0 ||");
    CHECK_TEXT(PERSON(FORM, "{\"age\": 1, \"country\": \"Spain\"}"), "1*:1 0.5 1 0 ||");
    CHECK_TEXT(PERSON(MULTIPART, PART("age", "5") PART("country", "\xC3\xBC") "--b--\r\n"), "1*:5 0.5 2 0 ||");
    REFUSED(PERSON(FORM, "age=1&size=2"), "!MALFORMED@11 size", "unknown field \"size\"; the columns are " COLUMNS);
    REFUSED(PERSON(FORM, "age=1&age=2"), "!MALFORMED@10 age", "the form has two fields 'age'; expected one");
    REFUSED(PERSON(FORM, "age=x&country=Spain"), "!WRONG_VALUE@4 age", "age: 'x' is not a number");
    CHECK_TEXT(PERSON(FORM, "remark=%FF"), "!MALFORMED@7 remark");
    CHECK_TEXT(PERSON("application/octet-stream", "0000"), "!UNSUPPORTED_TYPE@-1 ");
}

TEST(texts) {
    CHECK_TEXT(TEXT(JSON, "\"one, \\\"text\\\"\""), "1*:|one, \"text\"|");
    CHECK_TEXT(TEXT(JSON, "[\"one\", {\"remark\": \"two\"}, [\"three\"]]"), "3:|one||two||three|");
    CHECK_TEXT(TEXT(JSON, "{\"data\": [\"one\"]}"), "1:|one|");
    CHECK_TEXT(TEXT("text/plain; charset=utf-8", "[one, \"two\"\nthree"), "1*:|[one, \"two\"\nthree|");
    CHECK_TEXT(TEXT(CSV, "remark\none, two\n\"three\n\""), "2:|one, two||three\n|");
    CHECK_TEXT(TEXT(FORM, "data=one+two"), "1*:|one two|");
    CHECK_TEXT(TEXT(FORM, "remark=one"), "1*:|one|");
    CHECK_TEXT(TEXT(FORM, "one two"), "1*:|one two|");
    REFUSED(TEXT(JSON, "[\"one\", 2]"), "!WRONG_VALUE@8 /1", "remark is a number; expected a text");
    REFUSED(TEXT(JSON, "{\"remark\": null}"), "!WRONG_VALUE@11 /remark",
            "remark is missing; expected a text (the columns are remark)");
    CHECK_TEXT(TEXT("text/plain", "a\xED\xA0\x80"), "!MALFORMED@1 ");
}

TEST(more_rows_than_one_request_may_hold) {
    char text[41 * 9 + 1];
    for (int i = 0; i < 41; i++) {
        memcpy(text + 9 * i, i == 0 ? "[\"a b c\"," : "\"a b cd\",", 9);
    }
    text[40 * 9 - 1] = ']';
    CHECK_TEXT(body_of(remark, JSON, text, 41), "!MALFORMED@36 /4");
    const char *seen = body_of(remark, JSON, text, 40 * 9);
    CHECK(strncmp(seen, "40:|a b c||a b cd|", 18) == 0);
    text[40 * 9 - 1] = ',';
    text[41 * 9 - 1] = ']';
    REFUSED(body_of(remark, JSON, text, 41 * 9), "!TOO_LARGE@360 /39", "more than 40 rows in one request");
}

TEST(raw_tensors) {
    const srv_input_spec input = {.name = "x", .rank = 1, .shape = {2}, .features = 2};
    const srv_signature signature = {.inputs = &input, .input_count = 1, .row = &input};
    const srv_limits limits = {.max_body_bytes = 20000, .max_rows = 2, .max_depth = 8};
    const char bytes[] = "?\0\0\x80\x3F\0\0\x80\xBF\0\0\x80\x7F\0\0\xC0\x7F\0\0\0\0\0\0\0\0"; /* 1 -1 inf nan 0 0 */
    static const struct {
        size_t size;
        srv_status status;
    } cases[] = {{0, SRV_MALFORMED},    {8, SRV_OK},          {16, SRV_OK},
                 {15, SRV_WRONG_VALUE}, {4, SRV_WRONG_VALUE}, {24, SRV_TOO_LARGE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = cases[i].size;
        const char *unaligned = guarded(bytes, size + 1) + 1;
        const srv_body_source source = {
            .content_type = "application/octet-stream", .content_type_size = 24, .bytes = unaligned, .size = size};
        srv_body body;
        CHECK_EQ(srv_parse_body(SRV_PROTOCOL_CLASSIFY, &source, &signature, &limits, arena, &body, &err),
                 cases[i].status);
        if (cases[i].status == SRV_OK) {
            CHECK_EQ(body.rows, size / 8);
            CHECK_EQ(body.single, size == 8);
            CHECK(memcmp(body.values, unaligned, size) == 0);
        }
    }
}

TEST(failing_memory_is_said) {
    static const struct {
        const char *type, *text;
    } cases[] = {
        {JSON, "[{\"age\": 1, \"country\": \"Spain\", \"remark\": \"\\n\"}]"},
        {CSV, "age,country,remark\n1,Spain,\"\"\"\"\n"},
        {FORM, "age=1&country=Spain&remark=%41"},
    };
    srv_arena *kept = arena;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        srv_input_spec input = {.name = "person"};
        CHECK_EQ(srv_read_table_input(parsed(person), kept, &input, &err), SRV_OK);
        arena = srv_arena_new();
        const srv_signature signature = {.inputs = &input, .input_count = 1, .row = &input};
        const srv_limits limits = {.max_body_bytes = 20000, .max_rows = 40, .max_depth = 8};
        const srv_body_source source = {.content_type = cases[i].type,
                                        .content_type_size = strlen(cases[i].type),
                                        .bytes = cases[i].text,
                                        .size = strlen(cases[i].text)};
        bool done = false;
        for (long n = 1; !done && n < 100; n++) {
            srv_arena_free(arena);
            arena = srv_arena_new();
            srv_body body;
            srv_test_fail_allocation(n);
            srv_status status = srv_parse_body(SRV_PROTOCOL_CLASSIFY, &source, &signature, &limits, arena, &body, &err);
            srv_test_fail_allocation(0);
            done = status == SRV_OK;
            CHECK(done || status == SRV_NO_MEMORY);
        }
        CHECK(done);
        srv_arena_free(arena);
        arena = kept;
    }
}

/* What is wrong with a manifest's input, with its place. */
static const char *fault_of(const char *columns) {
    static char seen[800];
    char text[600];
    snprintf(text, sizeof text, "{\"name\": \"t\", \"kind\": \"table\", \"columns\": [%s]}", columns);
    srv_input_spec input = {.name = "t"};
    err = (srv_error){0};
    const srv_json *node = parsed(text);
    CHECK_EQ(srv_read_table_input(node, arena, &input, &err), SRV_PACKAGE);
    snprintf(seen, sizeof seen, "%s: %s", err.where, err.message);
    return seen;
}

TEST(broken_columns_are_named) {
    CHECK_TEXT(fault_of(""), "/columns: expected 1 to 16777216 columns, not 0");
    CHECK_TEXT(fault_of("{\"name\": \"a\", \"type\": \"int\"}"),
               "/columns/0/type: there is no type int; expected number, boolean, category or text");
    CHECK_TEXT(fault_of("{\"name\": \"a\", \"type\": \"number\"}, {\"name\": \"a\", \"type\": \"text\"}"),
               "/columns: the column a is there twice");
    CHECK_TEXT(fault_of("{\"name\": \"a\", \"type\": \"category\", \"categories\": [\"x\", \"x\"]}"),
               "/columns/0/categories: the category x is there twice");
    CHECK_TEXT(fault_of("{\"name\": \"a\", \"type\": \"category\", \"categories\": [\"x\"], \"missing\": 1}"),
               "/columns/0/missing: expected the index of a category, 0 to 0");
    CHECK_TEXT(fault_of("{\"name\": \"a\", \"type\": \"number\", \"unknown\": \"index\"}"),
               "/columns/0/unknown: unknown key \"unknown\"; known are: name, type, missing");
    CHECK_TEXT(fault_of("{\"name\": \"a\", \"type\": \"text\", \"missing\": 1}"),
               "/columns/0/missing: expected \"error\" or \"empty\"");
}

/* What is wrong with the steps over `person`, or how many numbers become of it. */
static const char *step_fault(const char *steps) {
    static char seen[800];
    srv_input_spec input = {.name = "person"};
    CHECK_EQ(srv_read_table_input(parsed(person), arena, &input, &err), SRV_OK);
    srv_preprocess *made;
    const srv_json *node = parsed(steps);
    err = (srv_error){0};
    if (srv_preprocess_compile(node, &input, 1, NULL, arena, &made, &err) == SRV_OK &&
        srv_preprocess_place(made, 0, false, node, &err) == SRV_OK) {
        snprintf(seen, sizeof seen, "%zu", srv_preprocess_place_of(made, 0)->columns);
    } else {
        snprintf(seen, sizeof seen, "%s: %s", err.where, err.message);
    }
    return seen;
}

#define STEP(op, rest) "{\"op\": \"" op "\", \"input\": \"person\"" rest "}"
#define WORDS STEP("count_words", ", \"column\": \"remark\", \"vocabulary\": [\"ab\", \"cd\"]")
#define AFTER_WORDS(steps) step_fault("[" WORDS "," steps "]")

TEST(broken_steps_are_named) {
    CHECK_TEXT(step_fault("[" WORDS "]"), "6");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", "")), "8");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"columns\": [\"country\"], \"drop\": \"first\"")), "7");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"columns\": [\"age\"], \"sizes\": 4")), "9");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"drop\": [2, null]")), "7");
    CHECK_TEXT(AFTER_WORDS(STEP("polynomial", ", \"columns\": [\"age\", \"country\"], \"terms\": [[], [0, 1]]")), "6");
    CHECK_TEXT(AFTER_WORDS(STEP("select", ", \"columns\": [\"country\", \"age\"]")), "2");
    CHECK_TEXT(AFTER_WORDS(STEP("scale", ", \"columns\": [5, 4], \"factor\": 2")), "6");
    CHECK_TEXT(step_fault("[]"), ": the text remark needs a step count_words or hash");
    CHECK_TEXT(
        step_fault("[" STEP("hash", ", \"columns\": [\"remark\"], \"buckets\": 4, \"method\": \"farmhash64\"") "]"),
        "5");
    CHECK_TEXT(AFTER_WORDS(WORDS), "/1/column: remark has been made other numbers by an earlier step, and is no column "
                                   "of its own any more");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"columns\": [\"age\"]")),
               "/1: age is no category column: how many indices it has must be said in \"sizes\"");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"columns\": [\"size\"]")),
               "/1/columns/0: there is no column size; the columns are age, member, country, a/b");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"columns\": [\"a/b\", \"country\", \"a/b\"]")),
               "/1/columns: a/b is there twice");
    CHECK_TEXT(AFTER_WORDS(STEP("scale", ", \"columns\": [6], \"factor\": 2")),
               "/1/columns/0: expected an index of the 6 numbers, from 0 to 5");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"drop\": \"last\"")),
               "/1/drop: expected \"first\", null, or 2 indices, one for each number read");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", ", \"columns\": [\"country\"], \"drop\": [3]")),
               "/1/drop/0: expected null, or an index below 3");
    CHECK_TEXT(AFTER_WORDS(STEP("one_hot", "") "," STEP("impute", ", \"columns\": [\"country\"], \"value\": 1")),
               "/2/columns/0: country has been made other numbers by an earlier step, and is no column of its own any "
               "more");
    CHECK_TEXT(AFTER_WORDS(STEP("impute", ", \"value\": [1, 2]")),
               "/1/value: \"value\" must be a number, 1 numbers, or the name of a tensor");
    CHECK_TEXT(AFTER_WORDS(STEP("impute", ", \"value\": \"fills\"")), "/1/value: there is no tensor fills");
    CHECK_TEXT(AFTER_WORDS(STEP("standardise", ", \"mean\": 1, \"scale\": 0")), "/1/scale: a scale must not be zero");
    CHECK_TEXT(AFTER_WORDS(STEP("bucketise", ", \"boundaries\": [[2, 1]]")),
               "/1/boundaries: the boundaries of number 0 are not in ascending order");
    CHECK_TEXT(AFTER_WORDS(STEP("bucketise", ", \"boundaries\": [1]")),
               "/1/boundaries/0: expected an array of numbers, not a number");
    CHECK_TEXT(AFTER_WORDS(STEP("polynomial", ", \"terms\": [[1]]")),
               "/1/terms/0/0: expected an index of the 1 numbers read, from 0 to 0");
    CHECK_TEXT(AFTER_WORDS(STEP("normalise", ", \"norm\": \"l3\"")), "/1/norm: \"norm\" must be one of l1, l2, max");
    CHECK_TEXT(AFTER_WORDS(STEP("select", "")), "/1: select needs \"columns\"");
    CHECK_TEXT(AFTER_WORDS("{\"op\": \"concatenate\", \"inputs\": [\"person\"]}"),
               "/1: a step that reads several inputs needs an \"output\"");
    CHECK_TEXT(AFTER_WORDS(STEP("concatenate", ", \"inputs\": [\"person\"]")),
               "/1: a step reads either \"input\" or \"inputs\"");
    CHECK_TEXT(AFTER_WORDS(STEP("clip", ", \"output\": \"person\"")),
               "/1/output: there is another input, or output of a step, named person");
    CHECK_TEXT(AFTER_WORDS(STEP("clip", ", \"least\": 0")),
               "/1/least: unknown key \"least\"; known are: op, input, inputs, columns, output, min, max");
    CHECK_TEXT(step_fault("[" STEP("scale", ", \"columns\": [\"remark\"], \"factor\": 2") "]"),
               "/0: remark is a text, and becomes numbers by count_words or hash first");
    CHECK_TEXT(
        AFTER_WORDS(STEP("resize", "")),
        "/1/op: there is no step resize; expected one of scale, standardise, impute, is_missing, clip, binarise, "
        "function, power_transform, normalise, bucketise, index, map, one_hot, multi_hot, polynomial, select, "
        "concatenate, count_words, hash");
    CHECK_TEXT(step_fault("[{\"op\": \"clip\", \"input\": \"nobody\"}]"),
               "/0/input: there is no input named nobody, nor an output of an earlier step");
}

TEST(lower_case_depends_on_the_word_for_sigma_alone) {
    const char text[] = "\xCE\x91\xCE\xA3 \xCE\xA3"; /* capital alpha, sigma, blank, sigma */
    uint32_t lower[2];
    CHECK_EQ(srv_lower_case(text, text + 2, text + 7, 0x3A3, lower), 1);
    CHECK_EQ(lower[0], 0x3C2);
    CHECK_EQ(srv_lower_case(text, text + 5, text + 7, 0x3A3, lower), 1);
    CHECK_EQ(lower[0], 0x3C3);
    CHECK_EQ(srv_lower_case(text, text, text + 7, 0x130, lower), 2);
    CHECK(lower[0] == 'i' && lower[1] == 0x307);
    CHECK(srv_is_word_character(0x10FFFF) == false && srv_is_word_character(0x4E00) && srv_is_word_character('_'));
}

int main(void) {
    arena = srv_arena_new();
    int tests_run = 0, tests_failed = 0;
    RUN(json_rows);
    RUN(json_faults_name_key_value_and_place);
    RUN(csv_rows);
    RUN(forms);
    RUN(texts);
    RUN(more_rows_than_one_request_may_hold);
    RUN(raw_tensors);
    RUN(failing_memory_is_said);
    RUN(broken_columns_are_named);
    RUN(broken_steps_are_named);
    RUN(lower_case_depends_on_the_word_for_sigma_alone);
    srv_arena_free(arena);
    printf("%s: %d passed, %d failed\n", __FILE__, tests_run - tests_failed, tests_failed);
    return tests_failed > 0;
}
