/* The JSON lexer and the tree made with it. */
#include "base/json.h"
#include "check.h"
#include "parse/json_scan.h"

#include <dirent.h>

static srv_arena *arena;

/* Parses a copy that ends at an unreadable page. */
static srv_status parse(const char *text, size_t size, const srv_json **root, srv_error *err) {
    return srv_json_parse(guarded(text, size), size, arena, root, err);
}

static const srv_json *tree(const char *text) {
    const srv_json *root = NULL;
    srv_error err;
    if (parse(text, strlen(text), &root, &err) != SRV_OK) {
        fprintf(stderr, "%s: %s\n", text, err.message);
        abort();
    }
    return root;
}

static srv_error refusal(const char *text) {
    const srv_json *root;
    srv_error err = {.status = SRV_OK};
    CHECK_EQ(parse(text, strlen(text), &root, &err), SRV_MALFORMED);
    return err;
}

TEST(reads_a_tree) {
    const srv_json *root =
        tree(" {\"a\" : [1, -2.5e3, \"x\\n\\u00e9\\ud83d\\ude00\", true, false, null, [], {}], \"b\":{\"c\":\"d\"}} ");
    CHECK_EQ(root->type, SRV_JSON_OBJECT);
    CHECK_EQ(root->size, 2);
    const srv_json *a = srv_json_get(root, "a"), *item = a->first;
    CHECK_EQ(a->size, 8);
    CHECK(item->number == 1 && item->index == 0 && item->offset == 9);
    item = item->next;
    CHECK(item->number == -2500 && item->index == 1);
    item = item->next;
    CHECK_TEXT(item->text, "x\n\xC3\xA9\xF0\x9F\x98\x80");
    CHECK_EQ(item->size, 8);
    item = item->next;
    CHECK(item->type == SRV_JSON_BOOL && item->boolean);
    item = item->next;
    CHECK(item->type == SRV_JSON_BOOL && !item->boolean);
    item = item->next;
    CHECK_EQ(item->type, SRV_JSON_NULL);
    item = item->next;
    CHECK(item->type == SRV_JSON_ARRAY && item->size == 0 && item->first == NULL);
    item = item->next;
    CHECK(item->type == SRV_JSON_OBJECT && item->size == 0 && item->next == NULL);
    CHECK_TEXT(srv_json_get(srv_json_get(root, "b"), "c")->text, "d");
    CHECK(srv_json_get(root, "c") == NULL);
    CHECK(srv_json_get(NULL, "c") == NULL);
    CHECK(srv_json_get(a, "c") == NULL);
}

TEST(points_at_nodes) {
    const srv_json *root = tree("{\"layers\":[{},{\"a/b~c\":[[7]]}]}");
    const srv_json *node = srv_json_get(root, "layers")->first->next->first->first->first;
    char text[64];
    srv_json_pointer(node, text, sizeof text);
    CHECK_TEXT(text, "/layers/1/a~1b~0c/0/0");
    srv_json_pointer(root, text, sizeof text);
    CHECK_TEXT(text, "");
    for (size_t capacity = 1; capacity < 22; capacity++) {
        memset(text, 'x', sizeof text);
        srv_json_pointer(node, text, capacity);
        CHECK(strlen(text) < capacity);
    }
}

TEST(says_what_is_wrong_and_where) {
    const struct {
        const char *text, *message, *where;
        size_t offset;
    } cases[] = {
        {"", "the text ends here; expected a JSON value", "", 0},
        {"[1,]", "unexpected ']'; expected a JSON value", "/1", 3},
        {"[1 2]", "unexpected '2'; expected ',' or ']'", "", 3},
        {"[1", "the text ends here; expected ',' or ']'", "", 2},
        {"{\"a\":[0,{\"b\":NaN}]}", "NaN is not JSON; expected a JSON value", "/a/1/b", 13},
        {"[-Infinity]", "-Infinity is not JSON; expected a number", "/0", 1},
        {"[01]", "a JSON number has no leading zeros", "/0", 1},
        {"[-]", "unexpected ']'; expected a digit after '-'", "/0", 2},
        {"[1.]", "unexpected ']'; expected a digit after the decimal point", "/0", 3},
        {"[1e]", "a number's exponent has no digits", "/0", 3},
        {"[+1]", "unexpected '+'; expected a JSON value", "/0", 1},
        {"{\"a\":1,\"a\":2}", "the key \"a\" is there twice", "/a", 11},
        {"{\"a\" 1}", "unexpected '1'; expected ':'", "/a", 5},
        {"{a:1}", "a is not JSON; expected a string", "", 1},
        {"{\"a\":1,}", "unexpected '}'; expected a string", "", 7},
        {"['a']", "JSON strings are in double quotes; expected a JSON value", "/0", 1},
        {"[\"a]", "the string is not closed", "/0", 1},
        {"[\"a\\", "the string is not closed", "/0", 3},
        {"[\"\t\"]", "a control character in a string must be written as an escape", "/0", 2},
        {"[\"\\x\"]", "unknown escape in a string; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX", "/0", 2},
        {"[\"\\u12g4\"]", "\\u needs four hexadecimal digits", "/0", 2},
        {"[\"\\ud800\"]", "half of a surrogate pair in a string", "/0", 2},
        {"[\"\\udc00\\ud800\"]", "half of a surrogate pair in a string", "/0", 2},
        {"[\"\\u0000\"]", "the string holds U+0000", "/0", 1},
        {"[\"\xC0\xAF\"]", "the string is not UTF-8", "/0", 2},
        {"[\"\xED\xA0\x80\"]", "the string is not UTF-8", "/0", 2},
        {"[\"\xF4\x90\x80\x80\"]", "the string is not UTF-8", "/0", 2},
        {"[\"\xE2\x82\"]", "the string is not UTF-8", "/0", 2},
        {"[True]", "True is not JSON; expected a JSON value", "/0", 1},
        {"[tru]", "tru is not JSON; expected true", "/0", 1},
        {"1 2", "unexpected '2'; expected the end of the text", "", 2},
        {"\xEF\xBB\xBF{}", "the text starts with a byte order mark; expected a JSON value", "", 0},
        {"[\x01]", "unexpected byte 0x01; expected a JSON value", "/0", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        srv_error err = refusal(cases[i].text);
        CHECK_TEXT(err.message, cases[i].message);
        CHECK_TEXT(err.where, cases[i].where);
        CHECK_EQ(err.offset, cases[i].offset);
    }
}

TEST(limits_depth) {
    enum { MANY = 100000 };
    static char text[2 * MANY + 1];
    for (size_t depth = SRV_JSON_DEPTH; depth <= SRV_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        const srv_json *root;
        srv_error err;
        CHECK_EQ(parse(text, 2 * depth, &root, &err), depth > SRV_JSON_DEPTH ? SRV_MALFORMED : SRV_OK);
        srv_json_cursor cursor = srv_json_cursor_at(text, 2 * depth);
        CHECK_EQ(srv_json_skip_value(&cursor, SRV_JSON_DEPTH, &err), depth > SRV_JSON_DEPTH ? SRV_MALFORMED : SRV_OK);
    }
    memset(text, '[', MANY);
    memset(text + MANY, ']', MANY);
    srv_error err;
    srv_json_cursor cursor = srv_json_cursor_at(text, 2 * MANY);
    CHECK_EQ(srv_json_skip_value(&cursor, (size_t)-1, &err), SRV_MALFORMED);
    CHECK_EQ(err.offset, SRV_JSON_SKIP_DEPTH);
}

TEST(finds_duplicates_among_many_keys) {
    enum { KEYS = 20000 };
    static char text[KEYS * 12];
    size_t size = 0;
    text[size++] = '{';
    for (int i = 0; i < KEYS; i++) {
        size += (size_t)sprintf(text + size, "\"%d\":0,", i);
    }
    strcpy(text + size, "\"777\":1}");
    srv_error err = refusal(text);
    CHECK_TEXT(err.message, "the key \"777\" is there twice");
    CHECK_EQ(err.offset, size + 6);
}

TEST(reads_members_of_a_manifest) {
    const srv_json *root = tree("{\"name\":\"x\",\"units\":128,\"rate\":0.5,\"list\":[1],\"minus\":-1}");
    const char *text;
    double number;
    size_t size;
    const srv_json *list;
    srv_error err;
    CHECK_EQ(srv_json_get_text(root, "name", &text, &err), SRV_OK);
    CHECK_TEXT(text, "x");
    CHECK_EQ(srv_json_get_number(root, "rate", &number, &err), SRV_OK);
    CHECK(number == 0.5);
    CHECK_EQ(srv_json_get_number_or(root, "none", 3, &number, &err), SRV_OK);
    CHECK(number == 3);
    CHECK_EQ(srv_json_get_size(root, "units", 1, 128, &size, &err), SRV_OK);
    CHECK_EQ(size, 128);
    CHECK_EQ(srv_json_get_array(root, "list", &list, &err), SRV_OK);
    CHECK_EQ(list->size, 1);

    CHECK_EQ(srv_json_get_text(root, "units", &text, &err), SRV_PACKAGE);
    CHECK_TEXT(err.message, "\"units\" is a number; expected a string");
    CHECK_TEXT(err.where, "/units");
    CHECK_EQ(srv_json_get_text(root, "none", &text, &err), SRV_PACKAGE);
    CHECK_TEXT(err.message, "the member \"none\" is missing; expected a string");
    CHECK_EQ(srv_json_get_number_or(root, "name", 3, &number, &err), SRV_PACKAGE);
    CHECK_EQ(srv_json_get_size(root, "units", 1, 127, &size, &err), SRV_PACKAGE);
    CHECK_TEXT(err.message, "\"units\" is 128; expected a whole number from 1 to 127");
    CHECK_EQ(srv_json_get_size(root, "rate", 0, 9, &size, &err), SRV_PACKAGE);
    CHECK_EQ(srv_json_get_size(root, "minus", 0, 9, &size, &err), SRV_PACKAGE);
    CHECK_EQ(srv_json_get_array(root, "name", &list, &err), SRV_PACKAGE);
    CHECK_EQ(srv_json_get_text(srv_json_get(root, "list"), "x", &text, &err), SRV_PACKAGE);

    const char *const some[] = {"name", "units", "rate", "list", NULL};
    CHECK_EQ(srv_json_only(root, some, &err), SRV_PACKAGE);
    CHECK_TEXT(err.message, "unknown key \"minus\"; known are: name, units, rate, list");
    CHECK_TEXT(err.where, "/minus");
    const char *const all[] = {"minus", "name", "units", "rate", "list", NULL};
    CHECK_EQ(srv_json_only(root, all, &err), SRV_OK);
    CHECK_EQ(srv_json_get_text(root, "none", &text, NULL), SRV_PACKAGE);
}

#define SUITE "../shared/data/json/parsing"

/* JSONTestSuite: y_ must be taken, n_ refused, i_ is free.  What the tree refuses beyond the RFC are duplicate keys and
 * U+0000. */
TEST(passes_the_test_suite) {
    DIR *folder = opendir(SUITE);
    if (folder == NULL) {
        return;
    }
    int files = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512], kind = entry->d_name[0];
        snprintf(path, sizeof path, SUITE "/%s", entry->d_name);
        FILE *file = entry->d_name[1] == '_' ? fopen(path, "rb") : NULL;
        if (file == NULL) {
            continue;
        }
        static char text[1 << 20];
        size_t size = fread(text, 1, sizeof text, file);
        fclose(file);
        files++;
        const char *copy = guarded(text, size);
        const srv_json *root;
        srv_error err;
        bool parsed = srv_json_parse(copy, size, arena, &root, &err) == SRV_OK;
        srv_json_cursor cursor = srv_json_cursor_at(copy, size);
        bool skipped =
            srv_json_skip_value(&cursor, SRV_JSON_DEPTH, &err) == SRV_OK && srv_json_finish(&cursor, &err) == SRV_OK;
        bool strict = strstr(entry->d_name, "null_escape") != NULL || strstr(entry->d_name, "escaped_null") != NULL ||
                      strstr(entry->d_name, "duplicated_key") != NULL;
        if ((kind == 'y' && (!skipped || parsed == strict)) || (kind == 'n' && (parsed || skipped))) {
            fprintf(stderr, "%s: parsed %d, skipped %d\n", entry->d_name, parsed, skipped);
            checks_failed++;
        }
        srv_arena_reset(arena);
    }
    closedir(folder);
    CHECK(files >= 150);
}

/* Every prefix, and every text with one byte changed: an answer without a crash, and the same from both readers. */
TEST(survives_damage) {
    const char *text =
        "{\"a\":[1,-2.5e3,\"x\\n\\u00e9\\ud83d\\ude00\xC3\xA9\",true,false,null,[],{}],\"b\":{\"c\":\"d\"}}";
    size_t size = strlen(text);
    int different = 0;
    for (size_t i = 0; i < size; i++) {
        srv_error err;
        const srv_json *root;
        if (parse(text, i, &root, &err) == SRV_OK) {
            different++;
        }
        char *changed = guarded(text, size);
        for (int byte = 0; byte < 256; byte++) {
            changed[i] = (char)byte;
            srv_json_cursor cursor = srv_json_cursor_at(changed, size);
            bool skipped = srv_json_skip_value(&cursor, 64, &err) == SRV_OK && srv_json_finish(&cursor, &err) == SRV_OK;
            bool parsed = srv_json_parse(changed, size, arena, &root, &err) == SRV_OK;
            different +=
                skipped != parsed && strstr(err.message, "twice") == NULL && strstr(err.message, "U+0000") == NULL;
        }
        srv_arena_reset(arena);
    }
    CHECK_EQ(different, 0);
}

#ifdef SRV_TEST_ALLOC
TEST(survives_failing_allocations) {
    const char *text = "{\"a\":[1,\"x\",{\"b\":null}],\"c\":\"d\"}";
    for (long n = 1; n <= 2; n++) {
        srv_arena *fresh = srv_arena_new();
        const srv_json *root;
        srv_error err;
        srv_test_fail_allocation(n);
        srv_status status = srv_json_parse(text, strlen(text), fresh, &root, &err);
        srv_test_fail_allocation(0);
        CHECK_EQ(status, n == 1 ? SRV_NO_MEMORY : SRV_OK);
        srv_arena_free(fresh);
    }
}
#else
TEST(survives_failing_allocations) {}
#endif

TEST_MAIN(arena = srv_arena_new(); RUN(reads_a_tree); RUN(points_at_nodes); RUN(says_what_is_wrong_and_where);
          RUN(limits_depth); RUN(finds_duplicates_among_many_keys); RUN(reads_members_of_a_manifest);
          RUN(passes_the_test_suite); RUN(survives_damage); RUN(survives_failing_allocations); srv_arena_free(arena))
