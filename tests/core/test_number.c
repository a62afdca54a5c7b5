/* Decimal ↔ float against the C library, at random and where it is hard. */
#include "base/number.h"
#include "check.h"

#include <math.h>
#include <stdint.h>

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

static uint64_t double_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static double double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

/* Both readers against strtod, which rounds correctly in the "C" locale the tests run in.  Only the whole number -0 is
 * another matter: it is 0, as json.loads has it. */
static bool reads_as_strtod(const char *text) {
    const char *end = text + strlen(text);
    double wanted = strcmp(text, "-0") == 0 ? 0.0 : strtod(text, NULL), got = 0;
    float narrow = 0;
    bool same = srv_read_double(text, end, &got) == end && double_bits(got) == double_bits(wanted) &&
                srv_read_float(text, end, &narrow) == end && float_bits(narrow) == float_bits((float)wanted);
    if (!same) {
        fprintf(stderr, "%.60s: %a, %a; not %a\n", text, got, (double)narrow, wanted);
    }
    return same;
}

TEST(reads_every_form) {
    const char *texts[] = {"0",
                           "-0",
                           "0.0",
                           "-0.0",
                           "1",
                           "-1",
                           "10",
                           "0.1",
                           "1e0",
                           "1E+5",
                           "1e-5",
                           "1.5e300",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "123456789012345678901234567890",
                           "0.000000000000000000000000000001",
                           "1e99999999999999999999",
                           "1e-99999999999999999999",
                           "0e99999999999999999999",
                           "9007199254740993",
                           "16777217",
                           "16777219",
                           "3.4028235677973366e38",
                           "3.4028235677973365e38",
                           "1.1754943508222875e-38",
                           "7.006492321624085e-46",
                           "7.006492321624086e-46",
                           "2.2250738585072011e-308",
                           "2.2250738585072014e-308",
                           "4.9406564584124654e-324",
                           "2.4703282292062327e-324",
                           "2.4703282292062328e-324",
                           "1.7976931348623158e308",
                           "1.7976931348623159e308",
                           "12345678.12345678",
                           "1234567812345678.1234567812345678",
                           "0.00000000000000000000000000000000000000000000007"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK(reads_as_strtod(texts[i]));
    }
}

TEST(reads_json_numbers_only) {
    const char *refused[] = {"",   "-", "+1",  ".5",       "-.5",       "1.", "1.e5", "1e", "1e+", "1e-",
                             "-a", "a", "NaN", "Infinity", "-Infinity", " 1", "e5",   "0.", "--1"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        size_t size = strlen(refused[i]);
        const char *text = guarded(refused[i], size);
        float value;
        double wide;
        CHECK(srv_read_float(text, text + size, &value) == NULL);
        CHECK(srv_read_double(text, text + size, &wide) == NULL);
    }
}

TEST(stops_after_the_number) {
    const struct {
        const char *text;
        size_t size;
    } cases[] = {{"1,2", 1},           {"01", 1},    {"-01", 2}, {"0x10", 1},
                 {"1.5.5", 3},         {"1e5e5", 3}, {"1-", 1},  {"12345678901234,", 14},
                 {"1.123456789]", 11}, {"0.5 ", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float value;
        const char *end = cases[i].text + strlen(cases[i].text);
        CHECK_EQ(srv_read_float(cases[i].text, end, &value) - cases[i].text, cases[i].size);
    }
}

TEST(never_reads_past_the_end) {
    const char *text = "-1234567890.123456789012e-12345678901";
    size_t whole = strlen(text);
    for (size_t size = 0; size <= whole; size++) {
        const char *copy = guarded(text, size);
        float value;
        const char *after = srv_read_float(copy, copy + size, &value);
        CHECK(after == NULL || after == copy + size);
    }
}

TEST(reads_random_doubles) {
    int wrong = 0;
    for (int i = 0; i < 300000; i++) {
        double value = double_of(random_bits());
        if (!isfinite(value)) {
            continue;
        }
        char text[64];
        snprintf(text, sizeof text, "%.*e", 1 + (int)(random_bits() % 24), value);
        wrong += !reads_as_strtod(text);
    }
    CHECK_EQ(wrong, 0);
}

TEST(reads_random_floats) {
    int wrong = 0;
    for (int i = 0; i < 300000; i++) {
        float value = float_of((uint32_t)random_bits());
        if (!isfinite(value)) {
            continue;
        }
        char text[128];
        snprintf(text, sizeof text, i % 2 ? "%.*e" : "%.*f", (int)(random_bits() % 30), (double)value);
        wrong += !reads_as_strtod(text);
    }
    CHECK_EQ(wrong, 0);
}

TEST(reads_random_digits) {
    int wrong = 0;
    for (int i = 0; i < 300000; i++) {
        char text[64];
        size_t size = 0, before = random_bits() % 22, after = random_bits() % 22;
        if (random_bits() & 1) {
            text[size++] = '-';
        }
        text[size++] = before > 0 ? (char)('1' + random_bits() % 9) : '0';
        for (size_t j = 1; j < before; j++) {
            text[size++] = (char)('0' + random_bits() % 10);
        }
        if (after > 0) {
            text[size++] = '.';
            for (size_t j = 0; j < after; j++) {
                text[size++] = (char)('0' + random_bits() % 10);
            }
        }
        text[size] = '\0';
        wrong += !reads_as_strtod(text);
    }
    CHECK_EQ(wrong, 0);
}

/* The decimal in the very middle between a float or double and the next, and a hair to either side of it. */
TEST(reads_ties) {
    int wrong = 0;
    for (int i = 0; i < 20000; i++) {
        static char text[1600];
        if (i % 2) {
            uint32_t bits = (uint32_t)random_bits() % 0x7F000000;
            double middle = ((double)float_of(bits) + (double)float_of(bits + 1)) / 2;
            snprintf(text, 1000, "%.160e", middle);
        } else {
            uint64_t bits = random_bits() % 0x7FE0000000000000;
            if (i % 4 == 0) {
                bits >>= random_bits() % 52; /* subnormals too */
            }
            long double middle = ((long double)double_of(bits) + (long double)double_of(bits + 1)) / 2;
            snprintf(text, 1000, "%.780Le", middle);
        }
        wrong += !reads_as_strtod(text);
        char *e = strchr(text, 'e'); /* the same with zeros and a last 1: the value is just above the tie */
        char exponent[16];
        strcpy(exponent, e);
        memset(e, '0', 50);
        e[50] = '1';
        strcpy(e + 51, exponent);
        wrong += !reads_as_strtod(text);
        char *last = e; /* and just below it */
        while (last[-1] == '0') {
            last--;
        }
        if (last[-1] != '.') {
            last[-1]--;
            memset(last, '9', (size_t)(e + 51 - last));
            wrong += !reads_as_strtod(text);
        }
    }
    CHECK_EQ(wrong, 0);
}

TEST(reads_very_long_numbers) {
    enum { DIGITS = 20000 };
    static char text[DIGITS + 64];
    for (int where = 0; where < 3; where++) {
        memset(text, where == 1 ? '9' : '0', DIGITS);
        text[0] = '1';
        text[1 + where * 300] = '.';
        text[DIGITS - 1] = '7';
        strcpy(text + DIGITS, where == 2 ? "e-900" : "");
        if (where == 2) {
            memset(text + 1, '0', 600);
            text[601] = '.';
        }
        CHECK(reads_as_strtod(text));
    }
    /* 1 + 2^-24 is a tie between floats; a digit far behind decides. */
    memset(text, '0', DIGITS);
    memcpy(text, "1.000000059604644775390625", 26);
    text[DIGITS] = '\0';
    float value = 0;
    CHECK(srv_read_float(text, text + DIGITS, &value) == text + DIGITS && value == 1.0f);
    /* To the nearest double first (the tie), and only then to the nearest float, as numpy.float32(json.loads(…)) does. */
    text[DIGITS - 1] = '1';
    CHECK(srv_read_float(text, text + DIGITS, &value) == text + DIGITS && value == 1.0f);
    text[27] = '3';
    text[20] = '9';
    CHECK(reads_as_strtod(text));
}

/* Lines of "float16 float32 float64 text", in hexadecimal. */
static void check_corpus(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return;
    }
    static char line[4096];
    int read = 0, wrong = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        uint64_t wide = strtoull(line + 14, NULL, 16);
        const char *text = line + 31;
        size_t size = strcspn(text, "\n");
        const char *end = text + size;
        double value;
        float narrow;
        if (srv_read_double(text, end, &value) != end) {
            continue; /* not a JSON number */
        }
        read++;
        bool same = srv_read_float(text, end, &narrow) == end && double_bits(value) == wide &&
                    float_bits(narrow) == float_bits((float)double_of(wide));
        if (!same) {
            wrong++;
            fprintf(stderr, "%s: %s", path, line);
        }
    }
    fclose(file);
    CHECK(read > 3000);
    CHECK_EQ(wrong, 0);
}

TEST(reads_the_minefield) {
    check_corpus("../shared/data/json/floats/freetype-2-7.txt");
    check_corpus("../shared/data/json/floats/lemire-fast-float.txt");
}

static const char *written(float value) {
    static char text[SRV_FLOAT_TEXT + 1];
    size_t size = srv_write_float(text, value);
    if (size > SRV_FLOAT_TEXT) {
        abort();
    }
    text[size] = '\0';
    return text;
}

TEST(writes_as_repr_does) {
    CHECK_TEXT(written(0.0f), "0.0");
    CHECK_TEXT(written(-0.0f), "-0.0");
    CHECK_TEXT(written(1.0f), "1.0");
    CHECK_TEXT(written(-1.5f), "-1.5");
    CHECK_TEXT(written(0.1f), "0.1");
    CHECK_TEXT(written(123456.0f), "123456.0");
    CHECK_TEXT(written(0.0001f), "0.0001");
    CHECK_TEXT(written(0.00012345f), "0.00012345");
    CHECK_TEXT(written(0.00001f), "1e-05");
    CHECK_TEXT(written(1e-7f), "1e-07");
    CHECK_TEXT(written(1.5e20f), "1.5e+20");
    CHECK_TEXT(written(1e15f), "1000000000000000.0");
    CHECK_TEXT(written(1e16f), "1e+16");
    CHECK_TEXT(written(9.5e15f), "9500000000000000.0");
    CHECK_TEXT(written(16777216.0f), "16777216.0");
    CHECK_TEXT(written(3.4028235e38f), "3.4028235e+38");
    CHECK_TEXT(written(1.1754944e-38f), "1.1754944e-38");
    CHECK_TEXT(written(1e-45f), "1e-45");
    CHECK_TEXT(written(0.3f), "0.3");
    CHECK_TEXT(written(1.0f / 3), "0.33333334");
    CHECK_TEXT(written(12.345678f), "12.345678");
}

static int digits_in(const char *text) {
    int first = -1, last = -1, place = 0;
    for (const char *at = text; *at != '\0' && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') {
            if (*at != '0') {
                first = first < 0 ? place : first;
                last = place;
            }
            place++;
        }
    }
    return last - first + 1;
}

static void check_written(uint32_t bits, int *wrong) {
    float value = float_of(bits);
    const char *text = written(value);
    float back = 0;
    const char *after = srv_read_float(text, text + strlen(text), &back);
    int digits = digits_in(text);
    char other[32];
    snprintf(other, sizeof other, "%.*e", digits - 1, (double)value);
    bool nearest = strtod(other, NULL) == strtod(text, NULL) || strtof(other, NULL) != value;
    bool shortest = true;
    if (digits > 1) {
        snprintf(other, sizeof other, "%.*e", digits - 2, (double)value);
        shortest = strtof(other, NULL) != value;
    }
    if (after == NULL || *after != '\0' || float_bits(back) != bits || strtof(text, NULL) != value || !nearest ||
        !shortest) {
        ++*wrong;
        fprintf(stderr, "%08x %.9g: %s\n", bits, (double)value, text);
    }
}

TEST(writes_the_shortest_that_reads_back) {
    int wrong = 0;
    for (uint32_t exponent = 0; exponent < 255; exponent++) {
        for (uint32_t near = 0; near < 200; near++) {
            check_written((exponent << 23) + near, &wrong); /* the powers of two and those around them */
            check_written((exponent << 23 | 0x7FFFFF) - near, &wrong);
        }
        for (int i = 0; i < 1000; i++) {
            check_written(exponent << 23 | ((uint32_t)random_bits() & 0x7FFFFF), &wrong);
        }
    }
    check_written(0x80000001, &wrong);
    CHECK_EQ(wrong, 0);
}

TEST(writes_whole_numbers) {
    const struct {
        uint64_t value;
        size_t least;
        const char *text;
    } cases[] = {{0, 1, "0"},
                 {0, 0, "0"},
                 {0, 4, "0000"},
                 {7, 1, "7"},
                 {9, 4, "0009"},
                 {10, 1, "10"},
                 {99, 1, "99"},
                 {12345, 4, "12345"},
                 {1000000000000, 1, "1000000000000"},
                 {UINT64_MAX, 1, "18446744073709551615"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SRV_UNSIGNED_TEXT + 1];
        text[srv_write_unsigned(text, cases[i].value, cases[i].least)] = '\0';
        CHECK_TEXT(text, cases[i].text);
    }
}

TEST_MAIN(RUN(reads_every_form); RUN(reads_json_numbers_only); RUN(stops_after_the_number);
          RUN(never_reads_past_the_end); RUN(reads_random_doubles); RUN(reads_random_floats); RUN(reads_random_digits);
          RUN(reads_ties); RUN(reads_very_long_numbers); RUN(reads_the_minefield); RUN(writes_as_repr_does);
          RUN(writes_the_shortest_that_reads_back); RUN(writes_whole_numbers))
