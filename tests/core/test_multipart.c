/* multipart/form-data: parts and their headers, strictness, and where errors are placed. */
#include "parse/multipart.h"

#include "check.h"

#define TYPE "multipart/form-data; boundary=xyz"
#define DISPOSITION "Content-Disposition: form-data; name=\"data\""
#define ONE_PART "--xyz\r\n" DISPOSITION "\r\n\r\n1,2\r\n--xyz--\r\n"

static srv_arena *arena;
static srv_error err;

/* "name|filename|type|content;" of each part ('-' where there is none); "!STATUS@offset" where it fails. */
static const char *parts_of(const char *type, const char *body, size_t size) {
    static char seen[2048];
    size_t used = 0;
    srv_multipart parts;
    char *bytes = guarded(body, size), *header = guarded(type, strlen(type));
    err = (srv_error){.offset = SRV_NO_OFFSET};
    seen[0] = '\0';
    srv_status status = srv_multipart_start(&parts, header, strlen(type), bytes, size, &err);
    while (status == SRV_OK) {
        srv_part part;
        bool more;
        status = srv_multipart_next(&parts, arena, &part, &more, &err);
        if (status != SRV_OK || !more) {
            break;
        }
        CHECK(part.bytes >= bytes && part.bytes + part.size <= bytes + size);
        used +=
            (size_t)snprintf(seen + used, sizeof seen - used, "%.*s|%.*s|%.*s|%.*s;", (int)part.name_size, part.name,
                             part.filename != NULL ? (int)part.filename_size : 1,
                             part.filename != NULL ? part.filename : "-", part.type != NULL ? (int)part.type_size : 1,
                             part.type != NULL ? part.type : "-", (int)part.size, part.bytes);
    }
    if (status != SRV_OK) {
        snprintf(seen + used, sizeof seen - used, "!%s@%zd", srv_status_name(status), (ssize_t)err.offset);
    }
    return seen;
}

#define PARTS(type, body) parts_of(type, body, sizeof(body) - 1)
/* One part with these headers (each ended by CR LF) and the content "x". */
#define HEADERS(headers) PARTS(TYPE, "--xyz\r\n" headers "\r\nx\r\n--xyz--")

TEST(reads_parts) {
    CHECK_TEXT(PARTS(TYPE, ONE_PART), "data|-|-|1,2;");
    CHECK_TEXT(PARTS(TYPE, "--xyz\r\n" DISPOSITION "; filename=\"7.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n"
                           "--xyz\r\ncontent-disposition:form-data;name=top\r\n\r\n3\r\n--xyz--"),
               "data|7.png|image/png|\x89PNG;top|-|-|3;");
}

TEST(reads_the_boundary_in_its_forms) {
    CHECK_TEXT(PARTS("multipart/form-data; boundary=\"xyz\"", ONE_PART), "data|-|-|1,2;");
    CHECK_TEXT(PARTS("Multipart/Form-Data; charset=utf-8; BOUNDARY = xyz ; a=b", ONE_PART), "data|-|-|1,2;");
    CHECK_TEXT(
        PARTS("multipart/form-data; boundary=\"a b:'=?\"", "--a b:'=?\r\n" DISPOSITION "\r\n\r\n1\r\n--a b:'=?--"),
        "data|-|-|1;");
    CHECK_TEXT(PARTS("multipart/form-data", ONE_PART), "!MALFORMED@-1");
    CHECK_TEXT(PARTS("multipart/form-data; boundary=", ONE_PART), "!MALFORMED@-1");
    CHECK_TEXT(PARTS("multipart/form-data; boundary=\"xyz", ONE_PART), "!MALFORMED@-1");
    CHECK_TEXT(err.where, "Content-Type");
#define FIFTY "12345678901234567890123456789012345678901234567890"
    CHECK_TEXT(PARTS("multipart/form-data; boundary=" FIFTY FIFTY FIFTY FIFTY "1", ONE_PART), "!MALFORMED@-1");
}

TEST(passes_over_preamble_and_epilogue) {
    CHECK_TEXT(PARTS(TYPE, "hello\r\nyou\r\n" ONE_PART "bye\r\n--xyz\r\nnothing"), "data|-|-|1,2;");
    CHECK_TEXT(PARTS(TYPE, "\r\n" ONE_PART), "data|-|-|1,2;");
    CHECK_TEXT(PARTS(TYPE, "--xyz--\r\n"), "");
}

TEST(takes_blanks_after_a_boundary) {
    CHECK_TEXT(PARTS(TYPE, "--xyz \t\r\n" DISPOSITION "\r\n\r\n1\r\n--xyz--  \r\n"), "data|-|-|1;");
}

TEST(content_may_look_like_anything_but_the_boundary) {
    CHECK_TEXT(PARTS(TYPE, "--xyz\r\n" DISPOSITION "\r\n\r\n\r\n--xy\r\n--xyzz\r\n\n--xyz\n\r\n\r\n--xyz--"),
               "data|-|-|\r\n--xy\r\n--xyzz\r\n\n--xyz\n\r\n;");
    CHECK_TEXT(PARTS(TYPE, "--xyz\r\n" DISPOSITION "\r\n\r\n\r\n--xyz--"), "data|-|-|;");
    CHECK_TEXT(PARTS(TYPE, "--xyz\r\n" DISPOSITION "\r\n\r\n--xyz--"), "data|-|-|;");
}

TEST(reads_names_and_filenames) {
    CHECK_TEXT(HEADERS("Content-Disposition: form-data; name=data; filename=7.png\r\n"), "data|7.png|-|x;");
    CHECK_TEXT(HEADERS("Content-Disposition: form-data; name=\"a \\\"b\\\" \\\\c\"\r\n"), "a \"b\" \\c|-|-|x;");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename=\"C:\\new\\7.png\"\r\n"), "data|C:\\new\\7.png|-|x;");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename=\"a;b=c.png\"\r\n"), "data|a;b=c.png|-|x;");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename=\"a.txt\"; filename*=UTF-8''n%C3%A4%20b.png\r\n"),
               "data|n\xC3\xA4 b.png|-|x;");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename*=utf-8'en'b.png; filename=a.txt\r\n"), "data|b.png|-|x;");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename=\"\"\r\n"), "data||-|x;");
    CHECK_TEXT(HEADERS("Content-Disposition: form-data; name=\"\"\r\n"), "|-|-|x;");
}

TEST(refuses_broken_headers_with_their_place) {
    CHECK_TEXT(HEADERS(""), "!MALFORMED@7");
    CHECK_TEXT(HEADERS("Content-Type: text/plain\r\n"), "!MALFORMED@7");
    CHECK(strstr(err.message, "part 1") != NULL && strstr(err.message, "Content-Disposition") != NULL);
    CHECK_TEXT(HEADERS("Content-Disposition: form-data\r\n"), "!MALFORMED@7");
    CHECK_TEXT(HEADERS("Content-Disposition: attachment; name=data\r\n"), "!MALFORMED@28");
    CHECK_TEXT(HEADERS("nothing\r\n"), "!MALFORMED@7");
    CHECK_TEXT(HEADERS(": x\r\n"), "!MALFORMED@7");
    CHECK_TEXT(HEADERS(DISPOSITION ";\r\n filename=a\r\n"), "!MALFORMED@53");
    CHECK_TEXT(HEADERS(DISPOSITION "; name=b\r\n"), "!MALFORMED@52");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename=a; filename=b\r\n"), "!MALFORMED@64");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename*=a\r\n"), "!MALFORMED@62");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename\r\n"), "!MALFORMED@52");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename=\"a\r\n"), "!MALFORMED@61");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename=\"a\"b\r\n"), "!MALFORMED@64");
    CHECK_TEXT(HEADERS(DISPOSITION "\r\n" DISPOSITION "\r\n"), "!MALFORMED@52");
    CHECK_TEXT(HEADERS(DISPOSITION "\r\nContent-Type: a/b\r\ncontent-type: a/b\r\n"), "!MALFORMED@71");
    CHECK_TEXT(PARTS(TYPE, "--xyz\r\n" DISPOSITION "\r\n--xyz--"), "!MALFORMED@7");
    CHECK_TEXT(PARTS(TYPE, "--xyz\r\n--xyz--"), "!MALFORMED@7");
}

TEST(refuses_transfer_encodings_that_change_the_bytes) {
    CHECK_TEXT(HEADERS(DISPOSITION "\r\nContent-Transfer-Encoding: base64\r\n"), "!MALFORMED@52");
    CHECK(strstr(err.message, "base64") != NULL);
    CHECK_TEXT(HEADERS(DISPOSITION "\r\nContent-Transfer-Encoding: Binary\r\n"), "data|-|-|x;");
}

TEST(bounds_the_headers_of_a_part) {
    static char body[20000];
    size_t used = (size_t)sprintf(body, "--xyz\r\n" DISPOSITION "\r\nX: ");
    memset(body + used, 'a', 9000);
    strcpy(body + used + 9000, "\r\n\r\n1\r\n--xyz--");
    CHECK_TEXT(parts_of(TYPE, body, strlen(body)), "!TOO_LARGE@7");
}

TEST(refuses_bare_line_feeds) {
    CHECK_TEXT(PARTS(TYPE, "--xyz\n" DISPOSITION "\n\n1,2\n--xyz--\n"), "!MALFORMED@5");
    CHECK(strstr(err.message, "LF") != NULL);
}

TEST(names_a_boundary_that_is_not_there) {
    CHECK_TEXT(PARTS(TYPE, "data=1,2"), "!MALFORMED@8");
    CHECK(strstr(err.message, "--xyz") != NULL);
}

TEST(a_body_cut_off_anywhere_is_malformed) {
    static const char body[] = "preamble\r\n--xyz\r\n" DISPOSITION "; filename=\"7.png\"\r\nContent-Type: image/png\r\n"
                               "\r\n1,2\r\n--xyz\r\n" DISPOSITION "\r\n\r\n3\r\n--xyz--";
    for (size_t size = 0; size < sizeof body - 1; size++) {
        CHECK(strstr(parts_of(TYPE, body, size), "!MALFORMED") != NULL);
        CHECK_EQ(err.offset, size);
    }
    CHECK_TEXT(PARTS(TYPE, body), "data|7.png|image/png|1,2;data|-|-|3;");
}

TEST(any_prefix_of_the_content_type_is_read_within_its_bounds) {
    static const char type[] = "multipart/form-data; charset=\"a\\\"b\"; boundary=\"xyz\"";
    for (size_t size = 0; size < sizeof type - 1; size++) {
        char prefix[sizeof type] = "";
        memcpy(prefix, type, size);
        CHECK(strstr(PARTS(prefix, ONE_PART), "!MALFORMED") != NULL);
    }
    CHECK_TEXT(PARTS(type, ONE_PART), "data|-|-|1,2;");
}

TEST(says_when_memory_runs_out) {
    srv_arena *kept = arena;
    arena = srv_arena_new();
    srv_test_fail_allocation(1);
    CHECK_TEXT(HEADERS("Content-Disposition: form-data; name=\"a\\\"b\"\r\n"), "!NO_MEMORY@-1");
    CHECK_TEXT(HEADERS(DISPOSITION "; filename*=UTF-8''%41\r\n"), "!NO_MEMORY@-1");
    srv_test_fail_allocation(0);
    srv_arena_free(arena);
    arena = kept;
}

TEST_MAIN(arena = srv_arena_new(); RUN(reads_parts); RUN(reads_the_boundary_in_its_forms);
          RUN(passes_over_preamble_and_epilogue); RUN(takes_blanks_after_a_boundary);
          RUN(content_may_look_like_anything_but_the_boundary); RUN(reads_names_and_filenames);
          RUN(refuses_broken_headers_with_their_place); RUN(refuses_transfer_encodings_that_change_the_bytes);
          RUN(bounds_the_headers_of_a_part); RUN(refuses_bare_line_feeds); RUN(names_a_boundary_that_is_not_there);
          RUN(a_body_cut_off_anywhere_is_malformed); RUN(any_prefix_of_the_content_type_is_read_within_its_bounds);
          RUN(says_when_memory_runs_out); srv_arena_free(arena))
