#include "tokens.h"

bool srv_token_character(srv_token_kind kind, uint32_t code) {
    switch (kind) {
    case SRV_TOKEN_WORD:
        return srv_is_word_character(code);
    case SRV_TOKEN_ASCII_SPACE:
        return code != ' ' && !(code >= '\t' && code <= '\r');
    case SRV_TOKEN_WHITESPACE:
    case SRV_TOKEN_CHAR:
    case SRV_TOKEN_CHAR_WB:
        return !srv_is_white_space(code);
    case SRV_TOKEN_CHARACTER:
    case SRV_TOKEN_TEXT:
        break;
    }
    return true;
}

static inline bool belongs(const srv_words *words, uint32_t code) {
    return code < 0x80 ? words->inside[code] : srv_token_character(words->kind, code);
}

static void words_of(srv_ngrams *ngrams, srv_characters *characters) {
    const srv_words *words = ngrams->words;
    size_t count = 0; /* characters in the token */
    uint32_t code;
    bool more;
    do {
        more = srv_next_character(characters, &code);
        bool inside = more && belongs(words, code);
        if (inside) {
            srv_ngrams_put(ngrams, code);
            count++;
        }
        if (count > 0 && (!inside || words->kind == SRV_TOKEN_CHARACTER)) {
            if (count >= words->least_characters && !srv_ngrams_stops(ngrams)) {
                srv_ngrams_keep(ngrams);
            } else {
                srv_ngrams_drop(ngrams);
            }
            count = 0;
        }
    } while (more && !ngrams->failed);
}

static void keep_character(srv_ngrams *ngrams, uint32_t code) {
    srv_ngrams_put(ngrams, code);
    srv_ngrams_keep(ngrams);
}

/* Two or more of white space are one blank; one stays as it is. */
static void characters_of(srv_ngrams *ngrams, srv_characters *characters) {
    uint32_t code, space = 0;
    size_t spaces = 0;
    bool more;
    do {
        more = srv_next_character(characters, &code);
        if (more && !belongs(ngrams->words, code)) {
            space = code;
            spaces++;
            continue;
        }
        if (spaces > 0) {
            keep_character(ngrams, spaces > 1 ? ' ' : space);
            spaces = 0;
        }
        if (more) {
            keep_character(ngrams, code);
        }
    } while (more && !ngrams->failed);
}

/* A word that is too short for any n-gram is one itself. */
static void characters_within_words(srv_ngrams *ngrams, srv_characters *characters) {
    bool more, within = false;
    uint32_t code;
    do {
        more = srv_next_character(characters, &code);
        bool inside = more && belongs(ngrams->words, code);
        if (inside != within) {
            keep_character(ngrams, ' ');
            within = inside;
            if (!within) {
                if (ngrams->count < ngrams->words->least) {
                    srv_ngrams_count(ngrams, ngrams->count);
                }
                srv_ngrams_reset(ngrams);
            }
        }
        if (inside) {
            keep_character(ngrams, code);
        }
    } while (more && !ngrams->failed);
}

void srv_tokens(srv_ngrams *ngrams, srv_text text) {
    srv_characters characters = srv_characters_of(text, &ngrams->words->form);
    if (ngrams->words->kind == SRV_TOKEN_CHAR) {
        characters_of(ngrams, &characters);
    } else if (ngrams->words->kind == SRV_TOKEN_CHAR_WB) {
        characters_within_words(ngrams, &characters);
    } else {
        words_of(ngrams, &characters);
    }
}
