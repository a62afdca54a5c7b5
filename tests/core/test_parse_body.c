/* From a request body to rows or a picture: dispatch by content type, choosing the field, and what errors say. */
#include "parse_body.h"

#include "check.h"

#define FORM "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=b"
#define PNG "\x89PNG\r\n\x1A\n"
#define PART(parameters, headers, content) \
    "--b\r\nContent-Disposition: form-data; " parameters "\r\n" headers "\r\n" content "\r\n"
#define END "--b--\r\n"

static srv_arena *arena;
static srv_error err;

/* "rows:v v" ("*" after rows if single), "image:size@offset", or "!STATUS@offset". */
static const char *body_of(srv_protocol protocol, bool takes_image, const char *type, const char *text, size_t size) {
    static char seen[1024];
    const srv_input_spec input = {.name = "x", .rank = 1, .shape = {3}, .features = 3, .takes_image = takes_image};
    const srv_limits limits = {.max_body_bytes = 20000, .max_rows = 4, .max_depth = 8};
    const srv_body_source source = {.content_type = guarded(type, strlen(type)),
                                    .content_type_size = strlen(type),
                                    .bytes = guarded(text, size),
                                    .size = size};
    srv_body body;
    srv_arena_reset(arena);
    err = (srv_error){.offset = SRV_NO_OFFSET};
    const srv_signature signature = {.inputs = &input, .input_count = 1, .row = &input};
    srv_status status = srv_parse_body(protocol, &source, &signature, &limits, arena, &body, &err);
    if (status != SRV_OK) {
        CHECK_EQ(err.status, status);
        snprintf(seen, sizeof seen, "!%s@%zd", srv_status_name(status), (ssize_t)err.offset);
    } else if (body.kind == SRV_BODY_IMAGE) {
        CHECK(body.single && body.rows == 1);
        CHECK(body.image >= source.bytes && body.image + body.image_size <= source.bytes + size);
        snprintf(seen, sizeof seen, "image:%zu@%zu", body.image_size, (size_t)(body.image - source.bytes));
    } else {
        size_t used = (size_t)snprintf(seen, sizeof seen, "%zu%s:", body.rows, body.single ? "*" : "");
        for (size_t i = 0; i < 3 * body.rows; i++) {
            used += (size_t)snprintf(seen + used, sizeof seen - used, "%s%g", i > 0 ? " " : "", (double)body.values[i]);
        }
    }
    return seen;
}

#define BODY(type, text) body_of(SRV_PROTOCOL_CLASSIFY, true, type, text, sizeof(text) - 1)
#define REFUSED(type, text, status, said)     \
    do {                                      \
        CHECK_TEXT(BODY(type, text), status); \
        CHECK_TEXT(err.message, said);        \
    } while (0)

TEST(each_content_type_is_read_as_what_it_says) {
    CHECK_TEXT(BODY("application/json", "[1,2,3]"), "1*:1 2 3");
    CHECK_TEXT(BODY("", "{\"data\": [[1,2,3],[4,5,6]]}"), "2:1 2 3 4 5 6");
    CHECK_TEXT(BODY(" Application/JSON ; charset=utf-8", "[1,2,3]"), "1*:1 2 3");
    CHECK_TEXT(BODY(FORM, "data=1,2,3"), "1*:1 2 3");
    CHECK_TEXT(BODY(FORM "; charset=UTF-8", "data=1%2C2%0A3"), "1*:1 2 3");
    CHECK_TEXT(BODY(MULTIPART, PART("name=data", "", "1 2 3") END), "1*:1 2 3");
    CHECK_TEXT(BODY("image/png", "anything"), "image:8@0");
    CHECK_TEXT(BODY("text/csv", "1,2,3\n4,5,6\n"), "2:1 2 3 4 5 6");
    CHECK_TEXT(BODY("text/plain; charset=utf-8", "1 2 3"), "1*:1 2 3");
}

TEST(other_types_are_refused_by_name) {
    REFUSED("application/x-tar", "1,2,3", "!UNSUPPORTED_TYPE@-1",
            "the Content-Type 'application/x-tar' is not taken; expected application/json, "
            "application/x-www-form-urlencoded, multipart/form-data, text/plain, text/csv, application/octet-stream "
            "or image/\xE2\x80\xA6");
    CHECK_TEXT(BODY("json", "[1,2,3]"), "!UNSUPPORTED_TYPE@-1");
    CHECK_TEXT(BODY("application/jsonx", "[1,2,3]"), "!UNSUPPORTED_TYPE@-1");
    CHECK_TEXT(BODY("image/", "[1,2,3]"), "!UNSUPPORTED_TYPE@-1");
}

TEST(what_curl_sends_unasked_is_understood) {
    CHECK_TEXT(BODY(FORM, "[1,2,3]"), "1*:1 2 3");
    CHECK_TEXT(BODY(FORM, " \n{\"data\": [1,2,3]}"), "1*:1 2 3");
    CHECK_TEXT(BODY(FORM, "1,2,3"), "1*:1 2 3");
    CHECK_TEXT(BODY(FORM, "1,2,1e+1"), "1*:1 2 10");
    REFUSED(FORM, PNG "...", "!MALFORMED@-1",
            "the body is a picture, not a form; send it as a file (curl -F data=@file) or with its own Content-Type, "
            "such as image/png");
}

TEST(empty_and_large_bodies_are_refused) {
    REFUSED("application/json", "", "!MALFORMED@-1",
            "the body is empty; expected 3 numbers a row as JSON, as a form field 'data' or as text, or a picture");
    static char large[20001];
    memset(large, ' ', sizeof large);
    CHECK_TEXT(body_of(SRV_PROTOCOL_CLASSIFY, true, "text/plain", large, sizeof large), "!TOO_LARGE@-1");
    CHECK_TEXT(err.message, "the body has 20001 bytes; one request may hold 20000");
}

TEST(a_form_is_read_by_its_field_data_or_its_only_one) {
    CHECK_TEXT(BODY(FORM, "a=7&data=1,2,3&b=8"), "1*:1 2 3");
    CHECK_TEXT(BODY(FORM, "pixels=1,2,3"), "1*:1 2 3");
    REFUSED(FORM, "a=1&b%20c=2", "!MALFORMED@-1", "the form has no field 'data', only 'a', 'b c'");
    REFUSED(FORM, "data=1,2,3&data=4,5,6", "!MALFORMED@-1", "the form has two fields 'data'; expected one");
    CHECK_TEXT(err.where, "data");
    REFUSED(FORM, "a=1&data=", "!MALFORMED@9",
            "the field 'data' is empty; expected 3 numbers a row as JSON, as a form field 'data' or as text, or a "
            "picture");
    REFUSED(FORM, "&&", "!MALFORMED@-1", "the form has no fields; expected one, 'data'");
}

TEST(a_form_with_many_fields_is_cut_in_messages_and_bounded) {
    char text[8000];
    size_t used = 0;
    for (int i = 0; i < 60; i++) {
        used += (size_t)sprintf(text + used, "field%d=1&", i);
    }
    CHECK_TEXT(body_of(SRV_PROTOCOL_CLASSIFY, true, FORM, text, used), "!MALFORMED@-1");
    CHECK(strstr(err.message, "'field0', 'field1', ") != NULL);
    CHECK_TEXT(err.message + strlen(err.message) - 5, ", \xE2\x80\xA6");
    used = 0;
    for (int i = 0; i < 1001; i++) {
        used += (size_t)sprintf(text + used, "a=1&");
    }
    CHECK_TEXT(body_of(SRV_PROTOCOL_CLASSIFY, true, FORM, text, used), "!TOO_LARGE@-1");
}

TEST(errors_in_a_field_are_placed_in_the_body) {
    REFUSED(FORM, "a=0&data=1,x,3", "!WRONG_VALUE@11", "row 1, column 2: 'x' is not a number");
    CHECK_TEXT(err.where, "data");
    CHECK_TEXT(BODY(FORM, "data=%31%2C+x%2C3"), "!WRONG_VALUE@12");
    CHECK_TEXT(BODY(FORM, "data=[1,x]"), "!MALFORMED@8");
    CHECK_TEXT(BODY(FORM, "data=%5B1%2Cx%5D"), "!MALFORMED@12");
    CHECK_TEXT(BODY(FORM, "data=1,%zz"), "!MALFORMED@7");
    CHECK_TEXT(err.where, "data");
    REFUSED(MULTIPART, PART("name=data", "", "1,2") END, "!WRONG_VALUE@50", "row 1 has 2 numbers; the model takes 3");
    CHECK_TEXT(err.where, "data");
    CHECK_TEXT(BODY(MULTIPART, PART("name=numbers", "", "1,2,x") END), "!WRONG_VALUE@57");
    CHECK_TEXT(err.where, "numbers");
}

TEST(a_part_is_a_picture_by_type_name_or_signature) {
    CHECK_TEXT(BODY(MULTIPART, PART("name=data", "Content-Type: image/png\r\n", "1,2") END), "image:3@75");
    CHECK_TEXT(BODY(MULTIPART, PART("name=data; filename=\"a.b.JPEG\"", "", "1,2") END), "image:3@71");
    CHECK_TEXT(
        BODY(MULTIPART, PART("name=data; filename=\"blob\"", "Content-Type: application/octet-stream\r\n", PNG) END),
        "image:8@107");
    CHECK_TEXT(BODY(MULTIPART, PART("name=other; filename=7.webp", "", "x") END), "image:1@68");
    CHECK_TEXT(BODY(MULTIPART, PART("name=data; filename=\"a.csv\"", "Content-Type: text/csv\r\n", "1,2,3") END),
               "1*:1 2 3");
    CHECK_TEXT(BODY(MULTIPART, PART("name=data; filename=\"png\"", "", "1,2,3") END), "1*:1 2 3");
}

TEST(signatures_are_known_and_tables_are_not_taken_for_them) {
    static const struct {
        const char *bytes;
        size_t size;
    } pictures[] = {{PNG, 8},      {"\xFF\xD8\xFF\xE0", 4},    {"GIF87a", 6},
                    {"GIF89a", 6}, {"RIFF\1\2\3\4WEBP", 12},   {"II*\0", 4},
                    {"MM\0*", 4},  {"BM\1\2\3\4\0\0\0\0", 10}, {"\0\0\0\x0CjP  ", 8}};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        char text[256];
        size_t used = (size_t)sprintf(text, "--b\r\nContent-Disposition: form-data; name=data\r\n\r\n");
        memcpy(text + used, pictures[i].bytes, pictures[i].size);
        used += pictures[i].size;
        used += (size_t)sprintf(text + used, "\r\n--b--");
        CHECK(strncmp(body_of(SRV_PROTOCOL_CLASSIFY, true, MULTIPART, text, used), "image:", 6) == 0);
    }
    CHECK_TEXT(BODY(MULTIPART, PART("name=data", "", "BMI,age,b\n1,2,3") END), "1*:1 2 3");
}

TEST(a_model_that_takes_no_picture_says_so) {
    static const char said[] = "this model takes no picture; it takes 3 numbers a row as JSON, as a form field 'data' "
                               "or as text";
    CHECK_TEXT(body_of(SRV_PROTOCOL_CLASSIFY, false, "image/png", PNG, 8), "!WRONG_VALUE@-1");
    CHECK_TEXT(err.message, said);
    static const char part[] = PART("name=data; filename=7.png", "", PNG) END;
    CHECK_TEXT(body_of(SRV_PROTOCOL_CLASSIFY, false, MULTIPART, part, sizeof part - 1), "!WRONG_VALUE@-1");
    CHECK_TEXT(err.message, said);
}

TEST(parts_are_chosen_as_fields_are) {
    CHECK_TEXT(BODY(MULTIPART, PART("name=top", "", "3") PART("name=data", "", "1,2,3") END), "1*:1 2 3");
    REFUSED(MULTIPART, PART("name=a", "", "1") PART("name=\"b\"", "", "2") END, "!MALFORMED@-1",
            "the form has no part 'data', only 'a', 'b'");
    REFUSED(MULTIPART, PART("name=data", "", "1") PART("name=data", "", "2") END, "!MALFORMED@-1",
            "the form has two parts 'data'; expected one");
    REFUSED(MULTIPART, "--b--", "!MALFORMED@-1", "the form has no parts; expected one, 'data'");
    REFUSED(MULTIPART, PART("name=data; filename=\"\"", "Content-Type: image/png\r\n", "") END, "!MALFORMED@88",
            "the part 'data' is empty; expected 3 numbers a row as JSON, as a form field 'data' or as text, or a "
            "picture");
}

TEST(any_prefix_is_read_within_its_bounds) {
    static const struct {
        const char *type, *text;
    } bodies[] = {
        {"application/json", "{\"data\": [[1, 2, 3], [4, 5, 6]]}"},
        {FORM, "a=%41+b&data=%5B1%2C2%2C3%5D&c"},
        {FORM, "data=1%2C2%2C+3%0A4,5,6"},
        {MULTIPART, PART("name=data; filename=\"7.png\"", "Content-Type: image/png\r\n", PNG "...") END},
        {MULTIPART, PART("name=top", "", "3") PART("name=\"d\\\"\"", "", "1") PART("name=data", "", "1,2,3") END},
        {"text/csv", "\xEF\xBB\xBF"
                     "a,b,c\r\n\"1\",2,3\r\n4,5,+6\r\n"},
        {"image/png", PNG "..."},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        size_t whole = strlen(bodies[i].text);
        for (size_t size = 0; size <= whole; size++) {
            const char *seen = body_of(SRV_PROTOCOL_CLASSIFY, true, bodies[i].type, bodies[i].text, size);
            CHECK(size < whole || seen[0] != '!');
            CHECK(seen[0] != '!' || err.message[0] != '\0');
            CHECK(err.offset == SRV_NO_OFFSET || err.offset <= size);
        }
    }
}

TEST(no_error_need_be_asked_for) {
    const srv_input_spec input = {.name = "x", .rank = 1, .shape = {3}, .features = 3};
    const srv_limits limits = SRV_LIMITS_DEFAULT;
    static const char *const texts[] = {"data=1,x", "data=%zz", "a=1&b=2", "data=", "data=1%2Cx", "%z=1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const srv_body_source source = {
            .content_type = FORM, .content_type_size = strlen(FORM), .bytes = texts[i], .size = strlen(texts[i])};
        srv_body body;
        const srv_signature signature = {.inputs = &input, .input_count = 1, .row = &input};
        CHECK(srv_parse_body(SRV_PROTOCOL_CLASSIFY, &source, &signature, &limits, arena, &body, NULL) != SRV_OK);
    }
}

TEST(failing_memory_is_said_and_nothing_else_happens) {
    static const struct {
        const char *type, *text;
    } bodies[] = {{FORM, "da%74a=1%2C2%2C3"},
                  {MULTIPART, PART("name=\"a\\\"b\"", "", "1") PART("name=data", "", "1,2,3") END},
                  {"application/json", "[[1,2,3]]"}};
    srv_arena *kept = arena;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        arena = srv_arena_new();
        srv_test_fail_allocation(1);
        const char *seen = body_of(SRV_PROTOCOL_CLASSIFY, true, bodies[i].type, bodies[i].text, strlen(bodies[i].text));
        srv_test_fail_allocation(0);
        CHECK_TEXT(seen, "!NO_MEMORY@-1");
        srv_arena_free(arena);
    }
    arena = kept;
}

TEST_MAIN(arena = srv_arena_new(); RUN(each_content_type_is_read_as_what_it_says); RUN(other_types_are_refused_by_name);
          RUN(what_curl_sends_unasked_is_understood); RUN(empty_and_large_bodies_are_refused);
          RUN(a_form_is_read_by_its_field_data_or_its_only_one);
          RUN(a_form_with_many_fields_is_cut_in_messages_and_bounded); RUN(errors_in_a_field_are_placed_in_the_body);
          RUN(a_part_is_a_picture_by_type_name_or_signature);
          RUN(signatures_are_known_and_tables_are_not_taken_for_them); RUN(a_model_that_takes_no_picture_says_so);
          RUN(parts_are_chosen_as_fields_are); RUN(any_prefix_is_read_within_its_bounds);
          RUN(no_error_need_be_asked_for); RUN(failing_memory_is_said_and_nothing_else_happens); srv_arena_free(arena))
