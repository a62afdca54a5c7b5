/* Texts into terms: hashes against published vectors, limits, faults, memory. */
#include "base/json.h"
#include "check.h"
#include "preprocess/farmhash.h"
#include "preprocess/hash_text.h"
#include "preprocess/murmur3.h"
#include "preprocess/siphash.h"
#include "preprocess/words.h"

#include <math.h>

static srv_text text_of(const char *text) {
    return (srv_text){text, strlen(text)};
}

static int32_t murmur3(const char *bytes, size_t size, size_t first) {
    srv_murmur3 hash = {0};
    srv_murmur3_add(&hash, bytes, first);
    srv_murmur3_add(&hash, bytes + first, size - first);
    return srv_murmur3_end(&hash);
}

/* Values of scikit-learn's murmurhash3_32, itself MurmurHash3_x86_32. */
TEST(murmur3_is_the_published_one) {
    CHECK_EQ(murmur3("", 0, 0), 0);
    CHECK_EQ(murmur3("foo", 3, 0), -156908512);
    CHECK_EQ((uint32_t)murmur3("hello", 5, 0), 0x248BFA47);
    CHECK_EQ((uint32_t)murmur3("hello, world", 12, 0), 0x149BBB7F);
    CHECK_EQ((uint32_t)murmur3("The quick brown fox jumps over the lazy dog", 43, 0), 0x2E4FF723);
}

TEST(murmur3_does_not_mind_where_its_bytes_are_cut) {
    char bytes[40];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 37 + 200);
    }
    for (size_t size = 0; size <= sizeof bytes; size++) {
        const char *at = guarded(bytes, size);
        for (size_t first = 0; first <= size; first++) {
            CHECK_EQ(murmur3(at, size, first), murmur3(at, size, 0));
        }
    }
}

/* The vectors of the reference implementation: key and message are 00 01 02 … */
TEST(siphash_is_the_published_one) {
    static const uint64_t wanted[] = {0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A, 0x85676696D7FB7E2D,
                                      0xCF2794E0277187B7, 0x18765564CD99A68D, 0xCBC9466E58FEE3CE, 0xAB0200F58B01D137,
                                      0x93F5F5799A932462, 0x9E0082DF0BA9E4B0};
    static const uint64_t key[2] = {0x0706050403020100, 0x0F0E0D0C0B0A0908};
    char message[64];
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (char)i;
    }
    for (size_t size = 0; size < sizeof wanted / sizeof *wanted; size++) {
        CHECK(srv_siphash(key, guarded(message, size), size) == wanted[size]);
    }
    CHECK(srv_siphash(key, message, 15) == 0xA129CA6149BE45E5);
    CHECK(srv_siphash(key, message, 63) == 0x958A324CEB064572);
}

/* One size of every kind; the values are of Google's implementation. */
TEST(farmhash_is_the_published_one) {
    static const struct {
        size_t size;
        uint64_t wanted;
    } cases[] = {
        {0, 0x9AE16A3B2F90404F},    {1, 0x47A24C13B17E583E},   {3, 0x26B4DA356B8B9558},   {4, 0xEFC83E8C71DF5AF5},
        {7, 0x1FAFA9EDD289AE25},    {8, 0xD442A22FEEC8439A},   {15, 0x7F9B0297BAC70335},  {16, 0x0DB0C6C6CFC9CC97},
        {17, 0x33FCE0BEF0C317A9},   {31, 0xE8DEA1514638326F},  {32, 0x3FF780B33FA8801A},  {33, 0x9A5B1C0FF4A38467},
        {48, 0xDEBF10E37608EAB3},   {63, 0xE9CE2F267CE7E857},  {64, 0x111FA8723E25ADCA},  {65, 0x0366AB6067B570B1},
        {100, 0x7AC913E1CA079610},  {127, 0x3F0ED94DC9C5D70C}, {128, 0xCE22F72C75B92BBF}, {129, 0x3DAC9153FD008293},
        {192, 0x9F7FED12508BA244},  {256, 0x892B1E76D58C8815}, {257, 0xD234D6F96DD0A017}, {511, 0xDDE2587EB19CB146},
        {1000, 0x83AA74B1AB336A7F},
    };
    char message[1000];
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (char)(i * 7 + 1);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t got = srv_farmhash(guarded(message, cases[i].size), cases[i].size);
        if (got != cases[i].wanted) {
            fprintf(stderr, "%zu bytes\n", cases[i].size);
        }
        CHECK(got == cases[i].wanted);
    }
}

static srv_arena *arena;
static srv_error fault;

static const srv_json *parse(const char *text) {
    const srv_json *node = NULL;
    CHECK_EQ(srv_json_parse(text, strlen(text), arena, &node, &fault), SRV_OK);
    return node;
}

static srv_text_hash *hash_of(const char *text) {
    srv_text_hash *hash = NULL;
    CHECK_EQ(srv_hash_compile(parse(text), arena, &hash, &fault), SRV_OK);
    return hash;
}

/* What keras.layers.Hashing answers (Keras 3.15, TensorFlow 2.21). */
TEST(hashing_is_that_of_keras) {
    static const char *const texts[] = {"omar", "stringer", "marlo", "wire", "skywalker"};
    srv_text_hash *fast = hash_of("{\"buckets\": 2, \"method\": \"farmhash64\"}");
    srv_text_hash *strong = hash_of("{\"buckets\": 2, \"method\": \"siphash\", \"key\": [133, 137]}");
    srv_text_hash *masked = hash_of("{\"buckets\": 3, \"method\": \"farmhash64\", \"mask\": \"omar\"}");
    srv_text_hash *numbers = hash_of("{\"buckets\": 3, \"method\": \"farmhash64\"}");
    srv_text_hash *one = hash_of("{\"buckets\": 1, \"method\": \"farmhash64\", \"mask\": \"omar\"}");
    CHECK_EQ(srv_hash_buckets(masked), 3);
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(srv_hash_text(fast, text_of(texts[i])), "00100"[i] - '0');
        CHECK_EQ(srv_hash_text(strong, text_of(texts[i])), "01010"[i] - '0');
        CHECK_EQ(srv_hash_text(masked, text_of(texts[i])), "01211"[i] - '0');
        CHECK_EQ(srv_hash_number(numbers, (int64_t)i), "10102"[i] - '0');
        CHECK_EQ(srv_hash_text(one, text_of(texts[i])), 0);
    }
    CHECK_EQ(srv_hash_number(numbers, INT64_MIN), srv_hash_text(numbers, text_of("-9223372036854775808")));
}

TEST(a_broken_hash_is_named) {
    static const char *const cases[][2] = {
        {"{\"method\": \"farmhash64\"}", ""},
        {"{\"buckets\": 0, \"method\": \"farmhash64\"}", "/buckets"},
        {"{\"buckets\": 5}", ""},
        {"{\"buckets\": 5, \"method\": \"md5\"}", "/method"},
        {"{\"buckets\": 5, \"method\": \"siphash\"}", ""},
        {"{\"buckets\": 5, \"method\": \"siphash\", \"key\": [1]}", "/key"},
        {"{\"buckets\": 5, \"method\": \"siphash\", \"key\": [1, -2]}", "/key/1"},
        {"{\"buckets\": 5, \"method\": \"siphash\", \"key\": [1.5, 2]}", "/key/0"},
        {"{\"buckets\": 5, \"method\": \"farmhash64\", \"key\": [1, 2]}", "/key"},
        {"{\"buckets\": 5, \"method\": \"farmhash64\", \"mask\": 7}", "/mask"},
        {"{\"buckets\": 5, \"method\": \"farmhash64\", \"salt\": 7}", "/salt"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        srv_text_hash *hash;
        CHECK_EQ(srv_hash_compile(parse(cases[i][0]), arena, &hash, &fault), SRV_PACKAGE);
        CHECK_TEXT(fault.where, cases[i][1]);
    }
}

static srv_words *words_of(const char *text) {
    srv_words *words = NULL;
    CHECK_EQ(srv_words_compile(parse(text), NULL, arena, &words, &fault), SRV_OK);
    return words;
}

TEST(a_broken_step_is_named) {
    static const char *const cases[][2] = {
        {"{}", ""},
        {"{\"vocabulary\": []}", "/vocabulary"},
        {"{\"vocabulary\": [\"\"]}", "/vocabulary/0"},
        {"{\"vocabulary\": [\"a\", 7]}", "/vocabulary/1"},
        {"{\"vocabulary\": [\"a\", \"a\"]}", "/vocabulary"},
        {"{\"vocabulary\": [\"a\"], \"unknown\": \"last\"}", "/unknown"},
        {"{\"vocabulary\": [\"a\"], \"lowercase\": \"all\"}", "/lowercase"},
        {"{\"vocabulary\": [\"a\"], \"strip_accents\": true}", "/strip_accents"},
        {"{\"vocabulary\": [\"a\"], \"strip_punctuation\": 1}", "/strip_punctuation"},
        {"{\"vocabulary\": [\"a\"], \"analyzer\": \"bytes\"}", "/analyzer"},
        {"{\"vocabulary\": [\"a\"], \"pattern\": \"\\\\S+\"}", "/pattern"},
        {"{\"vocabulary\": [\"a\"], \"analyzer\": \"char\", \"pattern\": \"word\"}", "/pattern"},
        {"{\"vocabulary\": [\"a\"], \"analyzer\": \"char\", \"stop_words\": [\"a\"]}", "/stop_words"},
        {"{\"vocabulary\": [\"a\"], \"stop_words\": \"english\"}", "/stop_words"},
        {"{\"vocabulary\": [\"a\"], \"ngrams\": 2}", "/ngrams"},
        {"{\"vocabulary\": [\"a\"], \"ngrams\": [0, 1]}", "/ngrams/0"},
        {"{\"vocabulary\": [\"a\"], \"ngrams\": [1, 65]}", "/ngrams/1"},
        {"{\"vocabulary\": [\"a\"], \"ngrams\": [2, 1]}", "/ngrams"},
        {"{\"vocabulary\": [\"a\"], \"hashing\": {\"features\": 4}}", "/vocabulary"},
        {"{\"unknown\": \"first\", \"hashing\": {\"features\": 4}}", "/unknown"},
        {"{\"hashing\": 4}", "/hashing"},
        {"{\"hashing\": {\"features\": 0}}", "/hashing/features"},
        {"{\"hashing\": {\"features\": 4, \"seed\": 1}}", "/hashing/seed"},
        {"{\"vocabulary\": [\"a\"], \"idf\": [1, 2]}", "/idf"},
        {"{\"vocabulary\": [\"a\"], \"idf\": [null]}", "/idf/0"},
        {"{\"vocabulary\": [\"a\"], \"idf\": \"no/tensor\"}", "/idf"},
        {"{\"vocabulary\": [\"a\"], \"norm\": \"l3\"}", "/norm"},
        {"{\"vocabulary\": [\"a\"], \"min_df\": 2}", "/min_df"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        srv_words *words;
        srv_status status = srv_words_compile(parse(cases[i][0]), NULL, arena, &words, &fault);
        CHECK_EQ(status, SRV_PACKAGE);
        CHECK_TEXT(fault.where, cases[i][1]);
    }
}

/* "index:value index:value", the list of a text; its bytes end where memory ends. */
static const char *terms_of(const srv_words *words, const char *text) {
    static char out[400];
    size_t used = 0;
    srv_terms terms;
    srv_arena *scratch = srv_arena_new();
    srv_text copy = {guarded(text, strlen(text)), strlen(text)};
    CHECK_EQ(srv_words_terms(words, copy, scratch, &terms), SRV_OK);
    out[0] = '\0';
    for (size_t i = 0; i < terms.count; i++) {
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%u:%g", i > 0 ? " " : "", terms.list[i].index,
                                 terms.list[i].value);
    }
    srv_arena_free(scratch);
    return out;
}

TEST(terms_come_in_order_and_once) {
    const srv_words *words = words_of("{\"vocabulary\": [\"bb\", \"aa\", \"aa bb\", \"zz\"], \"ngrams\": [1, 2]}");
    CHECK_EQ(srv_words_width(words), 4);
    CHECK_TEXT(terms_of(words, "AA, bb; aa -- BB a b"), "0:2 1:2 2:2");
    CHECK_TEXT(terms_of(words, ""), "");
    CHECK_TEXT(terms_of(words, "nothing known"), "");
}

TEST(what_is_not_known_can_be_counted) {
    const srv_words *words = words_of("{\"vocabulary\": [\"a\", \"a b\"], \"unknown\": \"first\", \"ngrams\": [1, 2], "
                                      "\"pattern\": \"ascii_whitespace\", \"lowercase\": \"ascii\", "
                                      "\"strip_punctuation\": true, \"idf\": [0.5, 1, 2]}");
    CHECK_EQ(srv_words_width(words), 3);
    CHECK_TEXT(terms_of(words, "A! b, \xC3\x89"), "0:1.5 1:1 2:2"); /* unknown: b, the last, and both */
}

TEST(weights_are_scikit_learns) {
    CHECK_TEXT(terms_of(words_of("{\"vocabulary\": [\"aa\", \"bb\"], \"binary\": true, \"norm\": \"l1\"}"), "aa aa bb"),
               "0:0.5 1:0.5");
    CHECK_TEXT(terms_of(words_of("{\"vocabulary\": [\"aa\", \"bb\"], \"idf\": [3, 4], \"norm\": \"l2\"}"), "aa bb"),
               "0:0.6 1:0.8");
    CHECK_TEXT(terms_of(words_of("{\"vocabulary\": [\"aa\"], \"sublinear\": true, \"idf\": 2}"), "aa aa aa"),
               "0:4.19722");
}

TEST(hashed_terms_have_a_place_and_a_sign) {
    char text[64];
    const srv_words *words = words_of("{\"hashing\": {\"features\": 10}}");
    const srv_words *unsigned_words = words_of("{\"hashing\": {\"features\": 10, \"alternate_sign\": false}}");
    for (int n = 0; n < 100; n++) {
        int size = snprintf(text, sizeof text, "w%d", n);
        int32_t hash = murmur3(text, (size_t)size, 0);
        char wanted[40];
        snprintf(wanted, sizeof wanted, "%d:%d", abs(hash) % 10, hash >= 0 ? 1 : -1);
        CHECK_TEXT(terms_of(words, text), wanted);
        snprintf(wanted, sizeof wanted, "%d:1", abs(hash) % 10);
        CHECK_TEXT(terms_of(unsigned_words, text), wanted);
    }
    CHECK_EQ(murmur3("akqlrggi", 8, 0), INT32_MIN);
    CHECK_TEXT(terms_of(words, "akqlrggi"), "8:-1"); /* 2^31 % 10 */
}

TEST(without_memory_it_says_so) {
    const srv_words *words =
        words_of("{\"hashing\": {\"features\": 100000}, \"analyzer\": \"char\", \"ngrams\": [1, 3]}");
    static char text[60000];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(' ' + i * i % 95 * 7 % 95);
    }
    bool succeeded = false;
    for (long n = 1; n < 100 && !succeeded; n++) {
        srv_terms terms;
        srv_arena *scratch = srv_arena_new();
        srv_test_fail_allocation(n);
        srv_status status = srv_words_terms(words, (srv_text){text, sizeof text}, scratch, &terms);
        srv_test_fail_allocation(0);
        succeeded = status == SRV_OK;
        CHECK(succeeded || status == SRV_NO_MEMORY);
        srv_arena_free(scratch);
    }
    CHECK(succeeded);
}

/* The scratch keeps the list alone, so that a batch of texts needs the memory of its terms. */
TEST(scratch_is_given_back) {
    const srv_words *words = words_of("{\"vocabulary\": [\"aa\", \"bb\"], \"ngrams\": [1, 64]}");
    srv_arena *scratch = srv_arena_new();
    srv_terms first, second;
    CHECK_EQ(srv_words_terms(words, text_of("aa bb aa"), scratch, &first), SRV_OK);
    CHECK_EQ(srv_words_terms(words, text_of("bb"), scratch, &second), SRV_OK);
    CHECK_EQ((char *)second.list - (char *)first.list, SRV_ALIGNMENT);
    CHECK_EQ(first.count, 2);
    CHECK_EQ(second.list[0].index, 1);
    srv_arena_free(scratch);
}

int main(void) {
    int tests_run = 0, tests_failed = 0;
    arena = srv_arena_new();
    RUN(murmur3_is_the_published_one);
    RUN(murmur3_does_not_mind_where_its_bytes_are_cut);
    RUN(siphash_is_the_published_one);
    RUN(farmhash_is_the_published_one);
    RUN(hashing_is_that_of_keras);
    RUN(a_broken_hash_is_named);
    RUN(a_broken_step_is_named);
    RUN(terms_come_in_order_and_once);
    RUN(what_is_not_known_can_be_counted);
    RUN(weights_are_scikit_learns);
    RUN(hashed_terms_have_a_place_and_a_sign);
    RUN(without_memory_it_says_so);
    RUN(scratch_is_given_back);
    srv_arena_free(arena);
    printf("%s: %d passed, %d failed\n", __FILE__, tests_run - tests_failed, tests_failed);
    return tests_failed > 0;
}
