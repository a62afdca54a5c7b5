/* The op `hash`: a text becomes one of so many indices, as Keras' Hashing layer does it.
 *
 *   {"op": "hash", "buckets": 1000,            how many indices there are
 *    "method": "farmhash64",                   FarmHash's Fingerprint64, as tf.strings.to_hash_bucket_fast
 *    "method": "siphash", "key": [133, 137],   or SipHash-2-4, as tf.strings.to_hash_bucket_strong
 *    "mask": ""}                               optional: this text has index 0, and others 1 … buckets − 1
 * A mask has no effect where there is one bucket only.
 */
#ifndef SRV_PREPROCESS_HASH_TEXT_H
#define SRV_PREPROCESS_HASH_TEXT_H

#include "../base/json.h"
#include "../base/names.h"

#define SRV_MAX_BUCKETS ((size_t)1 << 53) /* whole numbers that a double can tell apart */

typedef struct srv_text_hash srv_text_hash; /* immutable once compiled; lives in the arena, and uses texts of node */

/* Fails with SRV_PACKAGE naming the field.  The members op, input, inputs, column, columns and output are the caller's. */
srv_status srv_hash_compile(const srv_json *node, srv_arena *arena, srv_text_hash **out, srv_error *err);

size_t srv_hash_buckets(const srv_text_hash *hash);

uint64_t srv_hash_text(const srv_text_hash *hash, srv_text text); /* 0 … buckets − 1 */

uint64_t srv_hash_number(const srv_text_hash *hash, int64_t number); /* of its decimal text */

#endif
