/* application/x-www-form-urlencoded: names, values, escapes, and where errors are placed. */
#include "parse/form.h"

#include "check.h"

static srv_arena *arena;

/* "name=value;" of each field, values decoded; "!status@offset" where it fails. */
static const char *fields_of(const char *body, size_t size) {
    static char seen[1024];
    char *bytes = guarded(body, size);
    size_t at = 0, used = 0;
    seen[0] = '\0';
    for (;;) {
        srv_form_field field;
        srv_error err = {.offset = SRV_NO_OFFSET};
        bool more;
        srv_status status = srv_form_next(bytes, size, &at, arena, &field, &more, &err);
        if (status == SRV_OK && !more) {
            return seen;
        }
        const char *value = NULL;
        size_t value_size = 0;
        if (status == SRV_OK) {
            status = srv_form_decode(field.raw, field.raw_size, arena, &value, &value_size, &err);
        }
        if (status != SRV_OK) {
            snprintf(seen + used, sizeof seen - used, "!%s@%zd", srv_status_name(status), (ssize_t)err.offset);
            return seen;
        }
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%.*s=%.*s;", (int)field.name_size, field.name,
                                 (int)value_size, value);
    }
}

#define FIELDS(body) fields_of(body, sizeof(body) - 1)

TEST(reads_pairs) {
    CHECK_TEXT(FIELDS("data=1,2&top=3"), "data=1,2;top=3;");
    CHECK_TEXT(FIELDS("data=1=2"), "data=1=2;");
    CHECK_TEXT(FIELDS("data"), "data=;");
    CHECK_TEXT(FIELDS("=5"), "=5;");
    CHECK_TEXT(FIELDS("&&a=1&&b=2&"), "a=1;b=2;");
    CHECK_TEXT(FIELDS(""), "");
}

TEST(decodes_plus_and_percent) {
    CHECK_TEXT(FIELDS("d%61ta=1%2C2+3%2c"), "data=1,2 3,;");
    CHECK_TEXT(FIELDS("data=%5B1%2C2%5d"), "data=[1,2];");
    CHECK_TEXT(FIELDS("a%26b=c%3Dd"), "a&b=c=d;");
    CHECK_TEXT(FIELDS("a=%C3%A9"), "a=\xC3\xA9;");
}

TEST(refuses_broken_escapes_with_their_place) {
    CHECK_TEXT(FIELDS("a=1&d%4=2"), "a=1;!MALFORMED@5");
    CHECK_TEXT(FIELDS("a=12%"), "!MALFORMED@2");
    CHECK_TEXT(FIELDS("a=12%4"), "!MALFORMED@2");
    CHECK_TEXT(FIELDS("a=%g1"), "!MALFORMED@0");
    CHECK_TEXT(FIELDS("a=%1g"), "!MALFORMED@0");
    CHECK_TEXT(FIELDS("a=%-1"), "!MALFORMED@0");
}

TEST(a_plain_value_is_not_copied) {
    const char *out;
    size_t size;
    static const char raw[] = "1,2,3";
    CHECK_EQ(srv_form_decode(raw, 5, arena, &out, &size, NULL), SRV_OK);
    CHECK(out == raw && size == 5);
}

TEST(maps_decoded_offsets_back) {
    static const char raw[] = "1%2C+x%2Cy"; /* "1, x,y" */
    static const size_t expected[] = {0, 1, 4, 5, 6, 9, 10};
    for (size_t i = 0; i < 7; i++) {
        CHECK_EQ(srv_form_raw_offset(raw, sizeof raw - 1, i), expected[i]);
    }
    CHECK_EQ(srv_form_raw_offset(raw, sizeof raw - 1, 100), 10);
}

TEST(any_prefix_is_read_within_its_bounds) {
    static const char body[] = "a%20b=1%2C2+3&data=%5B1%2C2%5D&&x";
    for (size_t size = 0; size < sizeof body; size++) {
        CHECK(fields_of(body, size) != NULL);
    }
}

TEST(says_when_memory_runs_out) {
    srv_arena *fresh = srv_arena_new();
    const char *out;
    size_t size;
    srv_test_fail_allocation(1);
    CHECK_EQ(srv_form_decode("a+b", 3, fresh, &out, &size, NULL), SRV_NO_MEMORY);
    srv_test_fail_allocation(0);
    srv_arena_free(fresh);
}

TEST_MAIN(arena = srv_arena_new(); RUN(reads_pairs); RUN(decodes_plus_and_percent);
          RUN(refuses_broken_escapes_with_their_place); RUN(a_plain_value_is_not_copied);
          RUN(maps_decoded_offsets_back); RUN(any_prefix_is_read_within_its_bounds); RUN(says_when_memory_runs_out);
          srv_arena_free(arena))
