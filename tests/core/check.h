/* The whole test framework of the C core: checks that report and go on, guarded inputs, and a main.
 *
 *   TEST(adds_up) { CHECK_EQ(1 + 1, 2); }
 *   TEST_MAIN(RUN(adds_up))
 */
#ifndef TESTS_CORE_CHECK_H
#define TESTS_CORE_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int checks_failed;

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            checks_failed++;                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                           \
    } while (0)

#define CHECK_EQ(got, wanted)                                                                          \
    do {                                                                                               \
        long long got_ = (long long)(got), wanted_ = (long long)(wanted);                              \
        if (got_ != wanted_) {                                                                         \
            checks_failed++;                                                                           \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, wanted_); \
        }                                                                                              \
    } while (0)

#define CHECK_TEXT(got, wanted)                                                            \
    do {                                                                                   \
        const char *got_ = (got), *wanted_ = (wanted);                                     \
        if (got_ == NULL || strcmp(got_, wanted_) != 0) {                                  \
            checks_failed++;                                                               \
            fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, \
                    got_ != NULL ? got_ : "(null)", wanted_);                              \
        }                                                                                  \
    } while (0)

#define TEST(name) static void test_##name(void)
#define RUN(name)                                  \
    do {                                           \
        int before_ = checks_failed;               \
        test_##name();                             \
        tests_run++;                               \
        tests_failed += checks_failed > before_;   \
        if (checks_failed > before_) {             \
            fprintf(stderr, "FAILED %s\n", #name); \
        }                                          \
    } while (0)

/* TEST_MAIN(RUN(a); RUN(b)): one statement per test. */
#define TEST_MAIN(...)                                                                          \
    int main(void) {                                                                            \
        int tests_run = 0, tests_failed = 0;                                                    \
        __VA_ARGS__;                                                                            \
        printf("%s: %d passed, %d failed\n", __FILE__, tests_run - tests_failed, tests_failed); \
        return tests_failed > 0;                                                                \
    }

/* A copy of the bytes that ends where readable memory ends: reading one byte too far crashes.  Freed at exit only. */
static inline char *guarded(const void *bytes, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (size + page - 1) / page + 1;
    char *memory = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + pages * page, page, PROT_NONE) != 0) {
        perror("guarded");
        exit(2);
    }
    char *copy = memory + pages * page - size;
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

#endif
