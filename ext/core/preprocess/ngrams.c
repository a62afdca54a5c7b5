#include "ngrams.h"

/* Bytes of the window for each token: the last character may go beyond the longest, and a blank follows. */
static size_t token_room(const srv_words *words) {
    return words->longest + 8;
}

bool srv_ngrams_begin(srv_ngrams *ngrams, const srv_words *words, srv_arena *scratch) {
    ngrams->words = words;
    ngrams->size = ngrams->token = ngrams->count = 0;
    ngrams->hashing = ngrams->failed = false;
    ngrams->capacity = (words->features > 0 ? 1 : 2 * words->most) * token_room(words);
    return srv_tally_begin(&ngrams->tally, ngrams->capacity, scratch, &ngrams->bytes);
}

static void add(srv_ngrams *ngrams, uint32_t index, int32_t count) {
    ngrams->failed = !srv_tally_add(&ngrams->tally, index, count) || ngrams->failed;
}

static void count_hash(srv_ngrams *ngrams, size_t tokens) {
    const srv_words *words = ngrams->words;
    int32_t hash = srv_murmur3_end(&ngrams->hashes[ngrams->count - tokens]);
    uint32_t magnitude = hash < 0 ? -(uint32_t)hash : (uint32_t)hash; /* of INT32_MIN too */
    add(ngrams, magnitude % words->features, hash < 0 && words->alternate_sign ? -1 : 1);
}

/* False if the term is longer than all that are known, and so is every one that begins before it. */
static bool count_known(srv_ngrams *ngrams, size_t tokens) {
    const srv_words *words = ngrams->words;
    size_t start = ngrams->starts[ngrams->count - tokens];
    if (ngrams->size - start > words->longest) {
        return false;
    }
    size_t index = srv_names_find(&words->vocabulary, ngrams->bytes + start, ngrams->size - start);
    if (index < words->vocabulary.count) {
        add(ngrams, (uint32_t)(index + words->unknown), 1);
    } else if (words->unknown) {
        add(ngrams, 0, 1);
    }
    return true;
}

void srv_ngrams_count(srv_ngrams *ngrams, size_t tokens) {
    if (ngrams->words->features > 0) {
        count_hash(ngrams, tokens);
    } else if (!count_known(ngrams, tokens) && ngrams->words->unknown) {
        add(ngrams, 0, 1);
    }
}

/* There is a token more: the oldest makes room for it. */
static void begin_token(srv_ngrams *ngrams) {
    if (ngrams->count == ngrams->words->most) {
        ngrams->count--;
        memmove(ngrams->starts, ngrams->starts + 1, ngrams->count * sizeof *ngrams->starts);
        memmove(ngrams->hashes, ngrams->hashes + 1, ngrams->count * sizeof *ngrams->hashes);
    }
    ngrams->starts[ngrams->count] = ngrams->token;
    ngrams->hashes[ngrams->count++] = (srv_murmur3){0};
}

void srv_ngrams_hash(srv_ngrams *ngrams) {
    if (!ngrams->hashing) {
        begin_token(ngrams);
        for (size_t i = 0; i + 1 < ngrams->count && ngrams->words->joined; i++) {
            srv_murmur3_add(&ngrams->hashes[i], " ", 1);
        }
    }
    for (size_t i = 0; i < ngrams->count; i++) {
        srv_murmur3_add(&ngrams->hashes[i], ngrams->bytes, ngrams->size);
    }
    ngrams->hashing = true;
    ngrams->size = 0;
}

/* The window goes on behind the token; what no term can begin with any more makes room. */
static void move_window(srv_ngrams *ngrams) {
    if (ngrams->words->joined) {
        ngrams->bytes[ngrams->size++] = ' ';
    }
    ngrams->token = ngrams->size;
    if (ngrams->capacity - ngrams->size < token_room(ngrams->words)) {
        size_t gone = ngrams->words->most > 1 ? ngrams->starts[ngrams->count == ngrams->words->most] : ngrams->size;
        memmove(ngrams->bytes, ngrams->bytes + gone, ngrams->size - gone);
        for (size_t i = 0; i < ngrams->count; i++) {
            ngrams->starts[i] = ngrams->starts[i] > gone ? ngrams->starts[i] - gone : 0;
        }
        ngrams->size -= gone;
        ngrams->token -= gone;
    }
}

void srv_ngrams_keep(srv_ngrams *ngrams) {
    const srv_words *words = ngrams->words;
    if (words->features > 0) {
        srv_ngrams_hash(ngrams);
        for (size_t n = words->least; n <= ngrams->count; n++) {
            count_hash(ngrams, n);
        }
        ngrams->hashing = false;
        return;
    }
    begin_token(ngrams);
    for (size_t n = words->least; n <= ngrams->count; n++) {
        if (!count_known(ngrams, n)) {
            if (words->unknown) {
                add(ngrams, 0, (int32_t)(ngrams->count - n + 1));
            }
            break;
        }
    }
    move_window(ngrams);
}

void srv_ngrams_drop(srv_ngrams *ngrams) {
    ngrams->size = ngrams->token;
}

void srv_ngrams_reset(srv_ngrams *ngrams) {
    ngrams->size = ngrams->token = ngrams->count = 0;
}

bool srv_ngrams_stops(const srv_ngrams *ngrams) {
    const srv_names *stop_words = &ngrams->words->stop_words;
    return stop_words->count > 0 && !ngrams->hashing &&
           srv_names_find(stop_words, ngrams->bytes + ngrams->token, ngrams->size - ngrams->token) < stop_words->count;
}
