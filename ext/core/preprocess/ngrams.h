/* Terms of one or more tokens are found while the tokens go by.
 *
 * Where terms are looked up, the last tokens lie in a window, joined as they are in a term, and a term is a stretch of
 * it; a token longer than all that is looked up is not stored beyond that.  Where they are hashed, there is a hash for
 * each place where a term may have begun, and a token is stored only until it is known that it is no stop word.
 */
#ifndef SRV_PREPROCESS_NGRAMS_H
#define SRV_PREPROCESS_NGRAMS_H

#include "../base/utf8.h"
#include "murmur3.h"
#include "words_spec.h"

typedef struct srv_ngrams {
    const srv_words *words;
    srv_tally tally;
    char *bytes; /* [capacity] */
    size_t capacity, size;
    size_t token;                        /* where the token begins that is being read */
    size_t count, starts[SRV_NGRAM_MAX]; /* of the last tokens, the oldest first */
    srv_murmur3 hashes[SRV_NGRAM_MAX];   /* of all from that token on */
    bool hashing;                        /* a part of the token has gone into the hashes */
    bool failed;                         /* no memory */
} srv_ngrams;

bool srv_ngrams_begin(srv_ngrams *ngrams, const srv_words *words, srv_arena *scratch); /* false: no memory */

void srv_ngrams_hash(srv_ngrams *ngrams); /* what is stored of the token */

/* A character of the token. */
static inline void srv_ngrams_put(srv_ngrams *ngrams, uint32_t code) {
    if (ngrams->size - ngrams->token > ngrams->words->longest) {
        if (ngrams->words->features == 0) {
            return;
        }
        srv_ngrams_hash(ngrams);
    }
    ngrams->size += srv_utf8_write(ngrams->bytes + ngrams->size, code);
}

void srv_ngrams_keep(srv_ngrams *ngrams);  /* the token ends, and so do terms */
void srv_ngrams_drop(srv_ngrams *ngrams);  /* the token is none */
void srv_ngrams_reset(srv_ngrams *ngrams); /* no term goes on beyond here */

bool srv_ngrams_stops(const srv_ngrams *ngrams); /* the token is a stop word */

/* Counts the last `tokens` tokens kept as one term. */
void srv_ngrams_count(srv_ngrams *ngrams, size_t tokens);

#endif
