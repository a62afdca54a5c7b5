#include "hash_text.h"

#include "farmhash.h"
#include "siphash.h"

#include <inttypes.h>
#include <stdio.h>

struct srv_text_hash {
    uint64_t buckets, key[2];
    enum { FARMHASH64, SIPHASH } method;
    bool masked;
    srv_text mask;
};

static srv_status read_key(const srv_json *node, srv_text_hash *out, srv_error *err) {
    const srv_json *key = srv_json_get(node, "key");
    if (out->method != SIPHASH) {
        return key == NULL ? SRV_OK : srv_json_fail(key, err, "only siphash has a key");
    }
    if (key == NULL || key->type != SRV_JSON_ARRAY || key->size != 2) {
        return srv_json_fail(key != NULL ? key : node, err, "siphash needs a \"key\": two whole numbers");
    }
    for (const srv_json *n = key->first; n != NULL; n = n->next) {
        if (n->type != SRV_JSON_NUMBER || !(n->number >= 0 && n->number <= 0x1p53) ||
            n->number != (double)(uint64_t)n->number) {
            return srv_json_fail(n, err, "expected a whole number from 0 to 2^53");
        }
        out->key[n->index] = (uint64_t)n->number;
    }
    return SRV_OK;
}

srv_status srv_hash_compile(const srv_json *node, srv_arena *arena, srv_text_hash **out, srv_error *err) {
    static const char *const keys[] = {"op",      "input",  "inputs", "column", "columns", "output",
                                       "buckets", "method", "key",    "mask",   NULL};
    const srv_json *mask = srv_json_get(node, "mask");
    const char *method;
    size_t buckets;
    srv_status status;
    srv_text_hash *made = srv_arena_take(arena, sizeof *made);
    if (made == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    *made = (srv_text_hash){0};
    if ((status = srv_json_only(node, keys, err)) != SRV_OK ||
        (status = srv_json_get_size(node, "buckets", 1, SRV_MAX_BUCKETS, &buckets, err)) != SRV_OK ||
        (status = srv_json_get_text(node, "method", &method, err)) != SRV_OK) {
        return status;
    }
    made->buckets = buckets;
    if (strcmp(method, "siphash") == 0) {
        made->method = SIPHASH;
    } else if (strcmp(method, "farmhash64") != 0) {
        return srv_json_fail(srv_json_get(node, "method"), err,
                             "there is no method %.60s; expected farmhash64 or siphash", method);
    }
    if (mask != NULL && mask->type != SRV_JSON_NULL) {
        if (mask->type != SRV_JSON_STRING) {
            return srv_json_fail(mask, err, "expected a text or null, not %s", srv_json_type_name(mask->type));
        }
        made->masked = buckets > 1;
        made->mask = (srv_text){mask->text, mask->size};
    }
    *out = made;
    return read_key(node, made, err);
}

size_t srv_hash_buckets(const srv_text_hash *hash) {
    return hash->buckets;
}

uint64_t srv_hash_text(const srv_text_hash *hash, srv_text text) {
    if (hash->masked && srv_same_text(text, hash->mask)) {
        return 0;
    }
    uint64_t all =
        hash->method == SIPHASH ? srv_siphash(hash->key, text.bytes, text.size) : srv_farmhash(text.bytes, text.size);
    return all % (hash->buckets - hash->masked) + hash->masked;
}

uint64_t srv_hash_number(const srv_text_hash *hash, int64_t number) {
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRId64, number);
    return srv_hash_text(hash, (srv_text){digits, (size_t)size});
}
